//! Sources from outside: a real git fetches from a forge on loopback, which calls a hook and is told how it goes.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use segue_store::Role;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::harness::{Answer, Person};
use crate::live::{PATIENCE, Server, id_of, settle};

/// A forge: repositories over git's own server side, and an interface that records what it is told.
struct Forge {
    url: String,
    folder: tempfile::TempDir,
    told: Arc<Mutex<Vec<(String, HeaderMap, Value)>>>,
}

#[derive(Clone)]
struct ForgeState {
    root: std::path::PathBuf,
    told: Arc<Mutex<Vec<(String, HeaderMap, Value)>>>,
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("/usr/bin/git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.com"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Forge {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        git(&work, &["init", "--quiet", "--initial-branch=main"]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::new(Mutex::new(Vec::new()));
        let state = ForgeState {
            root: folder.path().to_owned(),
            told: told.clone(),
        };
        let router = Router::new().fallback(serve).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, folder, told }
    }

    /// Writes files, commits, and answers the commit.
    fn commit(&self, branch: &str, files: &[(&str, &str)]) -> String {
        let work = self.folder.path().join("work");
        if !git(&work, &["branch", "--list", branch]).is_empty() || branch == "main" {
            let _ = std::process::Command::new("/usr/bin/git")
                .args(["checkout", "--quiet", branch])
                .current_dir(&work)
                .stderr(Stdio::null())
                .status();
        } else {
            git(&work, &["checkout", "--quiet", "-b", branch]);
        }
        for (name, text) in files {
            let path = work.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&work, &["add", "."]);
        git(&work, &["commit", "--quiet", "--allow-empty", "-m", "x"]);
        git(&work, &["rev-parse", "HEAD"])
    }
}

/// `/open.git` is for everybody, `/closed.git` for ada with her token, `/away.git` sends elsewhere.
async fn serve(
    State(state): State<ForgeState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    if path.starts_with("/api/") {
        let body = serde_json::from_slice(&body).unwrap();
        state.told.lock().unwrap().push((path, headers, body));
        return StatusCode::CREATED.into_response();
    }
    if path.starts_with("/away.git") {
        let to = format!("http://127.0.0.1:1{path}");
        return (StatusCode::FOUND, [("location", to)]).into_response();
    }
    let known = path.starts_with("/open.git") || path.starts_with("/ada/shop.git");
    let login = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    // ada:s3cret
    let proved = login == Some("Basic YWRhOnMzY3JldA==");
    if path.starts_with("/closed.git") && !proved {
        let ask = [("www-authenticate", "Basic realm=\"forge\"")];
        return (StatusCode::UNAUTHORIZED, ask).into_response();
    }
    if !known && !path.starts_with("/closed.git") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let advertise = method == Method::GET;
    let mut command = tokio::process::Command::new("/usr/bin/git");
    command.arg("upload-pack").arg("--stateless-rpc");
    if advertise {
        command.arg("--advertise-refs");
    }
    command
        .arg(state.root.join("work"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &state.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if headers
        .get("git-protocol")
        .is_some_and(|value| value == "version=2")
    {
        command.env("GIT_PROTOCOL", "version=2");
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = match headers.get("content-encoding") {
        Some(_) => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
        None => body,
    };
    tokio::spawn(async move {
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap();
    let (kind, mut sent) = if advertise {
        (
            "application/x-git-upload-pack-advertisement",
            b"001e# service=git-upload-pack\n0000".to_vec(),
        )
    } else {
        ("application/x-git-upload-pack-result", Vec::new())
    };
    sent.extend(output.stdout);
    ([("content-type", kind)], sent).into_response()
}

async fn started() -> (Server, Person, Forge) {
    let server = Server::start_with(|config| {
        config.outbound.allow = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let owner = server.api.team("acme", false).await;
    (server, owner, Forge::start().await)
}

const FLASK: &[(&str, &str)] = &[
    ("requirements.txt", "flask\ngunicorn\n"),
    ("Procfile", "web: gunicorn app:app\n"),
    ("app.py", "from flask import Flask\napp = Flask(__name__)\n"),
    (
        "app.json",
        r#"{"env": {"API_KEY": {"required": true}, "MODE": "plain"}}"#,
    ),
];

async fn app(server: &Server, owner: &Person, body: Value) {
    server
        .api
        .post("/v1/teams/acme/apps", owner, body)
        .await
        .expect(201);
}

const FETCH: &str = "/v1/teams/acme/apps/shop/sources/fetch";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_is_fetched_and_its_plan_is_shown() {
    let (server, owner, forge) = started().await;
    let api = &server.api;
    app(&server, &owner, json!({"name": "shop"})).await;
    let commit = forge.commit("main", FLASK);
    let url = format!("{}/open.git", forge.url);

    let fetched = api
        .post(FETCH, &owner, json!({"url": url}))
        .await
        .expect(200);
    assert_eq!(fetched["commit"], commit.as_str());
    // The same by branch, by whole name and by commit: the same source.
    for reference in ["main", "refs/heads/main"] {
        let again = api
            .post(FETCH, &owner, json!({"url": url, "ref": reference}))
            .await
            .expect(200);
        assert_eq!(again["sha256"], fetched["sha256"]);
    }
    let sha256 = fetched["sha256"].as_str().unwrap();
    let plan = api
        .get(
            &format!("/v1/teams/acme/apps/shop/sources/{sha256}/plan"),
            &owner,
        )
        .await
        .expect(200);
    assert_eq!(plan["builder"], "python");
    assert_eq!(plan["services"][0]["name"], "web");
    assert_eq!(plan["services"][0]["command"], "gunicorn app:app");
    assert!(plan["dockerfile"].as_str().unwrap().contains("FROM "));
    assert_eq!(plan["missing"], json!(["API_KEY"]));
    assert!(
        plan["manifest"]
            .as_str()
            .unwrap()
            .contains("builder = \"python\"")
    );
    // Nothing of the fetch is left.
    let left = || std::fs::read_dir(&api.config.git_root).unwrap().count();
    let gone = async {
        while left() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();

    // What cannot be fetched is said in a sentence.
    for (body, status, part) in [
        (json!({"url": url, "ref": "nosuch"}), 422, "has no nosuch"),
        (
            json!({"url": format!("{}/missing.git", forge.url)}),
            422,
            "no such repository",
        ),
        (json!({"url": format!("{}/away.git", forge.url)}), 422, ""),
        (
            json!({"url": "http://127.0.0.2:1/x.git"}),
            422,
            "not public",
        ),
        (
            json!({"url": "http://169.254.169.254/x.git"}),
            422,
            "not public",
        ),
        (json!({"url": "file:///etc"}), 422, "http"),
        (json!({"url": "ext::sh -c id"}), 422, "web address"),
        (json!({"url": "ssh://git@example.com/x.git"}), 422, "http"),
        (
            json!({"url": "https://a:b@example.com/x.git"}),
            422,
            "no user name",
        ),
        (json!({"url": "--upload-pack=id"}), 422, "web address"),
        (
            json!({"url": url, "ref": "--upload-pack=id"}),
            422,
            "a branch",
        ),
        (json!({"url": url, "ref": "a:b"}), 422, "a branch"),
        (json!({}), 422, "no repository"),
        (json!({"url": url, "branch": "x"}), 400, ""),
    ] {
        let answer: Answer = api.post(FETCH, &owner, body.clone()).await;
        assert!(
            answer.status.as_u16() == status || (status == 400 && answer.status.is_client_error()),
            "{body}: {} {}",
            answer.status,
            answer.body
        );
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(part), "{body}: {detail}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_repository_is_fetched_with_a_sealed_credential() {
    let (server, owner, forge) = started().await;
    let api = &server.api;
    let url = format!("{}/closed.git", forge.url);
    app(
        &server,
        &owner,
        json!({"name": "shop", "repo": {"url": url}}),
    )
    .await;
    forge.commit("main", FLASK);

    let refused = api.post(FETCH, &owner, json!({})).await.expect(422);
    let hint = refused["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("credential"), "{refused}");
    let registries = "/v1/teams/acme/registries";
    let host = forge.url.strip_prefix("http://").unwrap();
    let new = json!({"kind": "git", "host": host, "username": "ada", "password": "s3cret"});
    let kept = api.post(registries, &owner, new.clone()).await.expect(201);
    assert!(!kept.to_string().contains("s3cret"));
    api.post(registries, &owner, new).await.expect(409);
    let listed = api.get(registries, &owner).await.expect(200);
    assert!(!listed.to_string().contains("s3cret") && listed["items"][0]["username"] == "ada");
    api.post(FETCH, &owner, json!({})).await.expect(200);
    // Another team's fetch of the same repository has no such right.
    let other = api.team("other", false).await;
    api.post("/v1/teams/other/apps", &other, json!({"name": "shop"}))
        .await
        .expect(201);
    api.post(
        "/v1/teams/other/apps/shop/sources/fetch",
        &other,
        json!({"url": url}),
    )
    .await
    .expect(422);
    let path = format!("{registries}/{}", kept["id"].as_str().unwrap());
    let delete = async || {
        api.call(Method::DELETE, &path, Some(&owner.token), None, &[])
            .await
    };
    delete().await.expect(204);
    delete().await.expect(404);
    api.post(FETCH, &owner, json!({})).await.expect(422);
    server.end().await;
}

/// A call as GitHub makes it.
async fn call(server: &Server, hook: &str, secret: &str, delivery: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let request = Request::post(format!("/v1/hooks/{hook}"))
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .header("x-github-event", "push")
        .header("x-github-delivery", delivery)
        .body(Body::from(body))
        .unwrap();
    server.api.send(request).await
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    timeout(PATIENCE, found).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_a_forge_is_deployed_once_and_the_forge_is_told() {
    let (server, owner, forge) = started().await;
    let api = &server.api;
    let url = format!("{}/ada/shop.git", forge.url);
    let repo = json!({"url": url, "branch": "main", "auto_deploy": true});
    app(&server, &owner, json!({"name": "shop", "repo": repo})).await;
    let host = forge.url.strip_prefix("http://").unwrap();
    let credential = json!({"kind": "git", "host": host, "username": "ada", "password": "t0ken"});
    api.post("/v1/teams/acme/registries", &owner, credential)
        .await
        .expect(201);
    let hooks = "/v1/teams/acme/apps/shop/hooks";
    let made = api
        .post(hooks, &owner, json!({"kind": "github"}))
        .await
        .expect(201);
    let (hook, secret) = (
        made["id"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    assert!(
        !api.get(hooks, &owner)
            .await
            .expect(200)
            .to_string()
            .contains(secret)
    );

    let commit = forge.commit("main", &[("Dockerfile", "FROM scratch\n")]);
    let push = json!({"ref": "refs/heads/main", "after": commit});
    // Wrong in any way: the same answer as for a hook that never was.
    let unknown = call(
        &server,
        &format!("hook_{}", "0".repeat(32)),
        secret,
        "a",
        &push,
    )
    .await;
    for wrong in [
        call(&server, hook, "guess", "b", &push).await,
        call(&server, "x", secret, "c", &push).await,
    ] {
        let (mut one, mut other) = (unknown.body.clone(), wrong.body.clone());
        for body in [&mut one, &mut other] {
            body.as_object_mut().unwrap().remove("request_id");
        }
        assert_eq!((wrong.status, other), (unknown.status, one));
    }
    assert_eq!(unknown.status, 404);

    assert_eq!(
        call(&server, hook, secret, "d1", &push).await.expect(202)["state"],
        "pending"
    );
    let env_path = "/v1/teams/acme/apps/shop/envs/production";
    let first = format!("{env_path}/deployments/1");
    until(async || (api.get(&first, &owner).await.status == 200).then_some(())).await;
    // The same call again, and the same body under another name.
    for delivery in ["d1", "d2"] {
        assert_eq!(
            call(&server, hook, secret, delivery, &push)
                .await
                .expect(200)["state"],
            "seen"
        );
    }
    // The same commit in another body: no second deployment.
    let other = json!({"ref": "refs/heads/main", "after": commit, "again": true});
    call(&server, hook, secret, "d3", &other).await.expect(202);
    let deliveries = format!("{hooks}/{hook}/deliveries");
    let states = async || {
        let page = api.get(&deliveries, &owner).await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    until(async || (states().await == ["done", "done"]).then_some(())).await;
    assert_eq!(
        api.get(&format!("{env_path}/deployments/2"), &owner)
            .await
            .status,
        404
    );

    // The forge hears of it, and of its end.
    let words = || -> Vec<String> {
        let told = forge.told.lock().unwrap();
        told.iter()
            .map(|(_, _, body)| body["state"].as_str().unwrap().to_owned())
            .collect()
    };
    until(async || (words() == ["pending"]).then_some(())).await;
    let env = id_of(&api.get(env_path, &owner).await.expect(200));
    settle(&server, env, 1, None).await;
    until(async || (words() == ["pending", "success"]).then_some(())).await;
    {
        let told = forge.told.lock().unwrap();
        let (path, headers, body) = &told[1];
        assert_eq!(path, &format!("/api/v3/repos/ada/shop/statuses/{commit}"));
        assert_eq!(headers["authorization"], "Bearer t0ken");
        assert!(
            body["target_url"]
                .as_str()
                .unwrap()
                .ends_with("/apps/shop/production/deployments/1")
        );
    }

    // Another branch is not deployed while the app wants no previews; with them it gets its own environment.
    let branch = forge.commit("login", &[("Dockerfile", "FROM scratch\n# login\n")]);
    let push = json!({"ref": "refs/heads/login", "after": branch});
    call(&server, hook, secret, "d4", &push).await.expect(202);
    until(async || (states().await.first()? == "ignored").then_some(())).await;
    let etag = api.get("/v1/teams/acme/apps/shop", &owner).await.etag();
    let body = json!({"previews": {"enabled": true}});
    api.call(
        Method::PATCH,
        "/v1/teams/acme/apps/shop",
        Some(&owner.token),
        Some(body),
        &[("if-match", &etag)],
    )
    .await
    .expect(200);
    let push = json!({"ref": "refs/heads/login", "after": branch, "again": true});
    call(&server, hook, secret, "d5", &push).await.expect(202);
    let preview = "/v1/teams/acme/apps/shop/envs/preview-login/deployments/1";
    until(async || (api.get(preview, &owner).await.status == 200).then_some(())).await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_stops_deployments_but_not_rollbacks_and_admins_override_it() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let deployer = api.member(owner.team, "bob", Role::Deployer).await;
    let env_path = api.app(&owner, "acme", "shop").await;
    let deployments = format!("{env_path}/deployments");
    let image = json!({"image": "nginx"});
    api.post(&deployments, &deployer, image.clone())
        .await
        .expect(202);
    let env = id_of(&api.get(&env_path, &owner).await.expect(200));
    settle(&server, env, 1, None).await;

    let lock = "/v1/teams/acme/apps/shop/lock";
    api.post(lock, &deployer, json!({"reason": "  "}))
        .await
        .expect(422);
    api.post(
        lock,
        &deployer,
        json!({"reason": "x", "environment": "nosuch"}),
    )
    .await
    .expect(422);
    let until = "2999-01-01T00:00:00Z";
    let body = json!({"reason": "the big sale", "environment": "production", "until": until});
    api.post(lock, &owner, body.clone()).await.expect(201);
    api.post(lock, &owner, body).await.expect(409);
    let refused = api
        .post(&deployments, &deployer, image.clone())
        .await
        .expect(409);
    assert_eq!(refused["code"], "deploys_held");
    let detail = refused["detail"].as_str().unwrap();
    for part in ["token test", "the big sale", "2999-01-01"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    // A rollback is not stopped; configuration is, because it is rolled out.
    api.post(&deployments, &deployer, json!({"release": 1}))
        .await
        .expect(202);
    // Only admins override, and that is written down.
    let over = json!({"image": "nginx", "override": true});
    api.post(&deployments, &deployer, over.clone())
        .await
        .expect(403);
    api.post(&deployments, &owner, over).await.expect(202);
    let audit = api
        .get("/v1/teams/acme/audit-events?action=deploy_override", &owner)
        .await
        .expect(200);
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
    let delete = format!("{lock}?environment=production");
    api.call(Method::DELETE, &delete, Some(&deployer.token), None, &[])
        .await
        .expect(204);
    api.post(&deployments, &deployer, image.clone())
        .await
        .expect(202);

    // A freeze window of the whole week, and one that is over.
    let freezes = "/v1/teams/acme/apps/shop/freezes";
    let past = json!({"reason": "old", "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z"});
    api.post(freezes, &owner, past).await.expect(201);
    api.post(&deployments, &deployer, image.clone())
        .await
        .expect(202);
    let always = json!({"reason": "holidays", "time_zone": "Europe/Berlin", "days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "minutes": 10080});
    let kept = api.post(freezes, &owner, always).await.expect(201);
    let refused = api
        .post(&deployments, &deployer, image.clone())
        .await
        .expect(409);
    assert!(
        refused["detail"].as_str().unwrap().contains("holidays"),
        "{refused}"
    );
    let path = format!("{freezes}/{}", kept["id"].as_str().unwrap());
    api.call(Method::DELETE, &path, Some(&owner.token), None, &[])
        .await
        .expect(204);
    api.post(&deployments, &deployer, image).await.expect(202);
    for bad in [
        json!({"reason": "x"}),
        json!({"reason": "x", "days": [8], "from": "00:00", "minutes": 1}),
        json!({"reason": "x", "days": [1], "from": "24:00", "minutes": 1}),
        json!({"reason": "x", "days": [1], "from": "00:00", "minutes": 0}),
        json!({"reason": "x", "time_zone": "Mars/Olympus", "days": [1], "from": "00:00", "minutes": 1}),
        json!({"reason": "x", "starts_at": "2020-01-02T00:00:00Z", "ends_at": "2020-01-01T00:00:00Z"}),
    ] {
        api.post(freezes, &owner, bad).await.expect(422);
    }
    server.end().await;
}
