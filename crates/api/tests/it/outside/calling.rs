//! Forges that call: each proves itself in its own way, is believed which branch moved, and is told how it goes.

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use segue_model::failure::{Failure, FailureCode};
use serde_json::{Value, json};
use sha2::Sha256;

use super::forge::Forge;
use super::{app, started, until};
use crate::harness::{Answer, Person};
use crate::live::{Server, id_of, settle};

type Headers = Vec<(&'static str, String)>;

/// What is a forge's own.
struct Kind {
    name: &'static str,
    /// What it sends when something was pushed (`tests/fixtures/forges`).
    push: &'static str,
    /// How it proves itself.
    prove: fn(&str, &str) -> Headers,
    /// The header of the event, and its words for a push, and for something else.
    event: (&'static str, &'static str, &'static str),
    /// The header by which it names a call.
    delivery: &'static str,
    /// Where it wants to be told.
    statuses: &'static str,
    /// Its words: under way, done, failed.
    words: [&'static str; 3],
}

fn hmac(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

const GITHUB: Kind = Kind {
    name: "github",
    push: include_str!("../../../../../tests/fixtures/forges/github-push.json"),
    prove: |secret, body| {
        let signature = format!("sha256={}", hmac(secret, body));
        vec![("x-hub-signature-256", signature)]
    },
    event: ("x-github-event", "push", "pull_request"),
    delivery: "x-github-delivery",
    statuses: "/api/v3/repos/ada/shop/statuses/",
    words: ["pending", "success", "failure"],
};

const GITLAB: Kind = Kind {
    name: "gitlab",
    push: include_str!("../../../../../tests/fixtures/forges/gitlab-push.json"),
    prove: |secret, _| vec![("x-gitlab-token", secret.to_owned())],
    event: ("x-gitlab-event", "Push Hook", "Merge Request Hook"),
    delivery: "x-gitlab-event-uuid",
    statuses: "/api/v4/projects/ada%2Fshop/statuses/",
    words: ["running", "success", "failed"],
};

const GITEA: Kind = Kind {
    name: "gitea",
    push: include_str!("../../../../../tests/fixtures/forges/gitea-push.json"),
    prove: |secret, body| vec![("x-gitea-signature", hmac(secret, body))],
    event: ("x-gitea-event", "push", "pull_request"),
    delivery: "x-gitea-delivery",
    statuses: "/api/v1/repos/ada/shop/statuses/",
    words: ["pending", "success", "failure"],
};

impl Kind {
    fn body(&self, forge: &Forge, name: &str, commit: &str) -> String {
        self.push
            .replace("URL", &forge.url)
            .replace("REF", name)
            .replace("COMMIT", commit)
    }
}

/// A hook, as its forge knows it.
struct Hook<'a> {
    server: &'a Server,
    kind: &'a Kind,
    id: String,
    secret: String,
}

impl<'a> Hook<'a> {
    async fn new(server: &'a Server, owner: &Person, kind: &'a Kind) -> Self {
        let body = json!({"kind": kind.name});
        let made = server.api.post(HOOKS, owner, body).await.expect(201);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let (id, secret) = (text("id"), text("secret"));
        let listed = server.api.get(HOOKS, owner).await.expect(200);
        assert!(!listed.to_string().contains(&secret), "it is shown once");
        Self {
            server,
            kind,
            id,
            secret,
        }
    }

    async fn call(&self, delivery: &str, body: &str) -> Answer {
        let proof = (self.kind.prove)(&self.secret, body);
        self.send(&self.id, delivery, self.kind.event.1, proof, body)
            .await
    }

    async fn send(
        &self,
        id: &str,
        delivery: &str,
        event: &str,
        proof: Headers,
        body: &str,
    ) -> Answer {
        let mut request = Request::post(format!("/v1/hooks/{id}"))
            .header("content-type", "application/json")
            .header(self.kind.event.0, event)
            .header(self.kind.delivery, delivery);
        for (name, value) in proof {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.server.api.send(request).await
    }
}

const APP: &str = "/v1/teams/acme/apps/shop";
const HOOKS: &str = "/v1/teams/acme/apps/shop/hooks";
const ENV: &str = "/v1/teams/acme/apps/shop/envs/production";

/// Without what differs in every answer.
fn bare(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    body.as_object_mut().unwrap().remove("request_id");
    (answer.status.as_u16(), body)
}

async fn repository(server: &Server, owner: &Person, forge: &Forge) {
    let url = format!("{}/ada/shop.git", forge.url);
    let repo = json!({"url": url, "branch": "main", "auto_deploy": true});
    app(server, owner, json!({"name": "shop", "repo": repo})).await;
    let credential =
        json!({"kind": "git", "host": forge.host(), "username": "ada", "password": "t0ken"});
    let registries = "/v1/teams/acme/registries";
    let kept = server.api.post(registries, owner, credential).await;
    kept.expect(201);
}

/// What became of a hook's calls, the newest first.
async fn states(hook: &Hook<'_>, owner: &Person) -> Vec<String> {
    let path = format!("{HOOKS}/{}/deliveries", hook.id);
    let page = hook.server.api.get(&path, owner).await.expect(200);
    let items = page["items"].as_array().unwrap().clone();
    items
        .iter()
        .map(|item| item["state"].as_str().unwrap().to_owned())
        .collect()
}

async fn pushed(kind: &Kind) {
    let (server, owner, forge) = started().await;
    let api = &server.api;
    repository(&server, &owner, &forge).await;
    let hook = Hook::new(&server, &owner, kind).await;
    let commit = forge.commit("main", &[("Dockerfile", "FROM scratch\n")]);
    let push = kind.body(&forge, "refs/heads/main", &commit);

    // Wrong in any way: the same answer as for a hook that never was.
    let proof = || (kind.prove)(&hook.secret, &push);
    let event = kind.event.1;
    let nowhere = format!("hook_{}", "0".repeat(32));
    let unknown = hook.send(&nowhere, "a", event, proof(), &push).await;
    assert_eq!(unknown.status, 404);
    let guessed = (kind.prove)("guess", &push);
    let proof_of_others = [&GITHUB, &GITLAB, &GITEA]
        .into_iter()
        .filter(|other| other.name != kind.name)
        .flat_map(|other| (other.prove)(&hook.secret, &push))
        .collect();
    let mut wrong = vec![
        hook.send(&hook.id, "b", event, guessed, &push).await,
        hook.send("x", "c", event, proof(), &push).await,
        hook.send(&hook.id, "e", event, Vec::new(), &push).await,
        hook.send(&hook.id, "f", event, proof_of_others, &push)
            .await,
    ];
    // GitLab's token says nothing of the body.
    if kind.name != "gitlab" {
        let other = push.replace("A new window", "Another window");
        wrong.push(hook.send(&hook.id, "g", event, proof(), &other).await);
    }
    for answer in &wrong {
        assert_eq!(bare(answer), bare(&unknown));
    }
    assert_eq!(states(&hook, &owner).await, Vec::<String>::new());

    assert_eq!(hook.call("d1", &push).await.expect(202)["state"], "pending");
    let first = format!("{ENV}/deployments/1");
    until("the deployment", async || {
        (api.get(&first, &owner).await.status == 200).then_some(())
    })
    .await;
    // The same call again, and the same body under another name.
    for delivery in ["d1", "d2"] {
        assert_eq!(
            hook.call(delivery, &push).await.expect(200)["state"],
            "seen"
        );
    }
    // The same commit in another body: no second deployment.
    let other = push.replace("A new window", "Another window");
    hook.call("d3", &other).await.expect(202);
    until("both calls to be done", async || {
        (states(&hook, &owner).await == ["done", "done"]).then_some(())
    })
    .await;
    let second = format!("{ENV}/deployments/2");
    assert_eq!(api.get(&second, &owner).await.status, 404);

    told(kind, &server, &owner, &forge, &commit).await;
    ignored(&hook, &owner, &forge, &commit).await;

    // One that fails, and the forge hears that.
    let commit = forge.commit("main", &[("Dockerfile", "FROM scratch\n# 2\n")]);
    let push = kind.body(&forge, "refs/heads/main", &commit);
    hook.call("e1", &push).await.expect(202);
    until("the second deployment", async || {
        (api.get(&second, &owner).await.status == 200).then_some(())
    })
    .await;
    let env = id_of(&api.get(ENV, &owner).await.expect(200));
    let failure = Failure {
        code: FailureCode::BuildFailed,
        evidence: "step 1 of 1".to_owned(),
    };
    settle(&server, env, 2, Some(failure)).await;
    until("the forge to hear of the failure", async || {
        (forge.words().last()? == kind.words[2]).then_some(())
    })
    .await;
    server.end().await;
}

/// The forge hears of a deployment, and of its end, each once.
async fn told(kind: &Kind, server: &Server, owner: &Person, forge: &Forge, commit: &str) {
    until("the forge to hear of the deployment", async || {
        (forge.words() == [kind.words[0]]).then_some(())
    })
    .await;
    let env = id_of(&server.api.get(ENV, owner).await.expect(200));
    settle(server, env, 1, None).await;
    until("the forge to hear of the end", async || {
        (forge.words() == kind.words[..2]).then_some(())
    })
    .await;
    let told = forge.told.lock().unwrap();
    for told in told.iter() {
        assert_eq!(told.path, format!("{}{commit}", kind.statuses));
        let url = told.body["target_url"].as_str().unwrap();
        let page = "/apps/shop/production/deployments/1?team=acme";
        assert!(url.ends_with(page), "{url}");
        let shown = told.body.to_string();
        assert!(shown.contains("segue/shop/production") && !shown.contains("t0ken"));
    }
}

/// What is no push to the app's branch leads to nothing; with previews another branch gets an environment of its own.
async fn ignored(hook: &Hook<'_>, owner: &Person, forge: &Forge, commit: &str) {
    let (kind, api) = (hook.kind, &hook.server.api);
    let body = |name: &str, commit: &str| kind.body(forge, name, commit);
    let gone = "0".repeat(40);
    for (delivery, event, body) in [
        ("i1", kind.event.2, body("refs/heads/other", commit)),
        ("i2", kind.event.1, body("refs/tags/v1", commit)),
        ("i3", kind.event.1, body("refs/heads/main", &gone)),
        ("i4", kind.event.1, body("refs/heads/../x", commit)),
        ("i5", kind.event.1, "{\"ref\": 1}".to_owned()),
        ("i6", kind.event.1, "not JSON".to_owned()),
    ] {
        let proof = (kind.prove)(&hook.secret, &body);
        let answer = hook.send(&hook.id, delivery, event, proof, &body).await;
        assert_eq!(answer.expect(200)["state"], "ignored", "{delivery}");
    }
    let branch = forge.commit("login", &[("Dockerfile", "FROM scratch\n# login\n")]);
    let push = body("refs/heads/login", &branch);
    hook.call("d4", &push).await.expect(202);
    until("another branch to be ignored", async || {
        (states(hook, owner).await.first()? == "ignored").then_some(())
    })
    .await;
    let etag = api.get(APP, owner).await.etag();
    let settings = json!({"previews": {"enabled": true}});
    let tag = [("if-match", etag.as_str())];
    let changed = api.call(Method::PATCH, APP, Some(&owner.token), Some(settings), &tag);
    changed.await.expect(200);
    let again = push.replace("A new window", "Another window");
    hook.call("d5", &again).await.expect(202);
    let preview = format!("{APP}/envs/preview-login/deployments/1");
    until("the preview", async || {
        (api.get(&preview, owner).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_github_is_deployed_once_and_it_is_told() {
    pushed(&GITHUB).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_gitlab_is_deployed_once_and_it_is_told() {
    pushed(&GITLAB).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_gitea_is_deployed_once_and_it_is_told() {
    pushed(&GITEA).await;
}

/// Anything that signs as Standard Webhooks says: five minutes are the window, and each name is taken once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_of_ones_own_calls_within_its_window() {
    let (server, owner, forge) = started().await;
    repository(&server, &owner, &forge).await;
    let kind = Kind {
        name: "generic",
        push: "",
        prove: |_, _| Vec::new(),
        event: ("x-nothing", "", ""),
        delivery: "x-nothing-either",
        statuses: "",
        words: ["", "", ""],
    };
    let hook = Hook::new(&server, &owner, &kind).await;
    let commit = forge.commit("main", &[("Dockerfile", "FROM scratch\n")]);
    let body = json!({"ref": "refs/heads/main", "commit": commit}).to_string();
    let key = STANDARD
        .decode(hook.secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let signed = |id: &str, off: i64| -> Headers {
        let at = segue_model::Timestamp::now().as_second() + off;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        vec![
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", format!("v1,{signature}")),
        ]
    };
    for off in [-3600, 3600] {
        let answer = hook.send(&hook.id, "", "", signed("old", off), &body).await;
        assert_eq!(answer.status, 404, "{off}");
    }
    let taken = hook.send(&hook.id, "", "", signed("a", 0), &body).await;
    assert_eq!(taken.expect(202)["state"], "pending");
    for id in ["a", "b"] {
        let again = hook.send(&hook.id, "", "", signed(id, 0), &body).await;
        assert_eq!(again.expect(200)["state"], "seen", "{id}");
    }
    let first = format!("{ENV}/deployments/1");
    until("the deployment", async || {
        (server.api.get(&first, &owner).await.status == 200).then_some(())
    })
    .await;
    assert!(forge.told.lock().unwrap().is_empty(), "nobody to be told");
    server.end().await;
}
