//! What people do, from the set-up link to a rollback, over the real store.

use axum::body::Body;
use axum::http::{Method, Request};
use segue_model::archive::{END, directory, file};
use segue_store::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

async fn with_key(api: &Api, path: &str, person: &Person, key: &str, body: Value) -> Answer {
    let headers = [("idempotency-key", key)];
    api.call(Method::POST, path, Some(&person.token), Some(body), &headers).await
}

#[tokio::test]
async fn the_setup_link_makes_one_owner_and_one_team() {
    let api = Api::new().await;
    let link = segue_api::setup_link(api.store(), "http://localhost:3000").await.unwrap().unwrap();
    let token = link.strip_prefix("http://localhost:3000/setup?token=").unwrap();
    let body = |token: &str, password: &str| {
        json!({"token": token, "email": "Ada@Example.com", "password": password, "team": "acme"})
    };
    let send = async |body: Value| api.call(Method::POST, "/v1/setup", None, Some(body), &[]).await;
    assert_eq!(send(body("segue_nonsense", "correct horse")).await.expect(403)["code"], "setup_refused");
    assert_eq!(send(body(token, "short")).await.expect(422)["errors"][0]["pointer"], "/password");
    let done = send(body(token, "correct horse")).await.expect(201);
    send(body(token, "correct horse")).await.expect(403);
    assert_eq!(segue_api::setup_link(api.store(), "http://localhost:3000").await.unwrap(), None);
    let me = api
        .call(Method::GET, "/v1/me", done["token"].as_str(), None, &[])
        .await
        .expect(200);
    assert_eq!((&me["email"], &me["role"], &me["platform_admin"]), (&json!("ada@example.com"), &json!("owner"), &json!(true)));
}

#[tokio::test]
async fn the_setup_page_posts_a_form_and_shows_the_token_once() {
    let api = Api::new().await;
    let link = segue_api::setup_link(api.store(), "").await.unwrap().unwrap();
    let page = api.call(Method::GET, &link, None, None, &[]).await;
    assert_eq!(page.status, 200);
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    let token = link.strip_prefix("/setup?token=").unwrap();
    let form = format!("token={token}&email=ada%40example.com&password=correct+horse&team=acme");
    let request = Request::post("/setup")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    let done = api.send(request).await;
    assert_eq!(done.status, 201, "{}", done.body);
    assert!(done.body.as_str().unwrap().contains("<pre>segue_"), "{}", done.body);
}

#[tokio::test]
async fn errors_are_problems_whoever_made_them() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let token = Some(owner.token.as_str());
    let raw = async |method: &str, path: &str, kind: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", owner.token))
            .header("content-type", kind)
            .body(Body::from(body.to_owned()))
            .unwrap();
        api.send(request).await
    };
    let json = "application/json";
    let deployments = format!("{env}/deployments");
    let cases = [
        (raw("GET", "/nowhere", json, "").await, 404, "not_found"),
        (raw("DELETE", "/v1/me", json, "").await, 405, "method_not_allowed"),
        (raw("POST", &deployments, "text/plain", "{}").await, 415, "unsupported_media_type"),
        (raw("POST", &deployments, json, "{").await, 400, "invalid_request"),
        (raw("POST", &deployments, json, &"[".repeat(100)).await, 400, "invalid_request"),
        (raw("POST", &deployments, json, "{\"imagge\":\"x\"}").await, 422, "invalid"),
        (raw("POST", &deployments, json, "{}").await, 422, "invalid"),
        (raw("POST", &deployments, json, &" ".repeat(1 << 21)).await, 413, "body_too_large"),
        (raw("GET", &format!("{deployments}?limit=101"), json, "").await, 400, "invalid_request"),
        (raw("GET", &format!("{deployments}?limit=x"), json, "").await, 400, "invalid_request"),
        (raw("GET", &format!("{deployments}?more=1"), json, "").await, 400, "invalid_request"),
        (raw("GET", &format!("{deployments}?cursor=x"), json, "").await, 400, "invalid_request"),
        (raw("GET", &format!("{deployments}/nonsense"), json, "").await, 404, "not_found"),
        (raw("PUT", &format!("{env}/spec"), json, "{}").await, 428, "precondition_required"),
        (api.call(Method::PUT, &format!("{env}/spec"), token, Some(serde_json::json!({})), &[("if-match", "\"77\"")]).await, 412, "precondition_failed"),
        (api.call(Method::PUT, &format!("{env}/spec"), token, Some(serde_json::json!({})), &[("if-match", "*")]).await, 400, "invalid_request"),
        (api.call(Method::GET, "/v1/events", token, None, &[("accept", "text/html")]).await, 406, "not_acceptable"),
        (api.call(Method::GET, "/v1/me", Some("nonsense"), None, &[]).await, 401, "unauthenticated"),
    ];
    for (index, (answer, status, code)) in cases.into_iter().enumerate() {
        assert_eq!(answer.status.as_u16(), status, "case {index}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "case {index}");
        assert_eq!(answer.body["code"], code, "case {index}: {}", answer.body);
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!(answer.body["request_id"], id, "case {index}");
        assert_eq!(answer.body["status"], status, "case {index}");
    }
    // HEAD has no body, but the status.
    let head = raw("HEAD", &format!("/v1/teams/acme/apps/shop/sources/{}", "0".repeat(64)), json, "").await;
    assert_eq!((head.status.as_u16(), head.body), (404, Value::String(String::new())));
}

#[tokio::test]
async fn an_image_is_deployed_once_whatever_is_repeated() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let deployments = format!("{env}/deployments");
    let body = json!({"image": "nginx:1.25", "message": "first"});
    let first = with_key(&api, &deployments, &owner, "k1", body.clone()).await;
    assert_eq!(first.headers["location"], format!("{deployments}/1"));
    let made = first.expect(202);
    assert_eq!((&made["number"], &made["state"], &made["phase"]), (&json!(1), &json!("queued"), &json!("build")));
    let again = with_key(&api, &deployments, &owner, "k1", body.clone()).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["location"], format!("{deployments}/1"));
    assert_eq!(again.expect(202), made);
    let other = with_key(&api, &deployments, &owner, "k1", json!({"image": "redis"})).await;
    assert_eq!(other.expect(422)["code"], "idempotency_mismatch");
    // Eight at once with one key: one deployment.
    let burst = futures::future::join_all((0..8).map(|_| with_key(&api, &deployments, &owner, "k2", body.clone())));
    for answer in burst.await {
        assert_eq!(answer.expect(202)["number"], 2);
    }
    let list = api.get(&deployments, &owner).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    // Its release, its service, its host name.
    let release = api.get(&format!("{env}/releases/1"), &owner).await.expect(200);
    assert_eq!(release["services"]["web"]["image"], "nginx:1.25");
    let shown = api.get(&env, &owner).await.expect(200);
    assert_eq!(shown["urls"], json!(["http://shop.localhost:8080"]));
    // Waiting ends by itself.
    let waited = api.get(&format!("{deployments}/2?wait=1s"), &owner).await.expect(200);
    assert_eq!(waited["finished"], false);
    api.post(&format!("{deployments}/2/cancel"), &owner, json!({})).await.expect(202);
    let events = api.get(&format!("{deployments}/2/events"), &owner).await.expect(200);
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["deployment.created", "deployment.cancel_requested"]);
}

#[tokio::test]
async fn a_second_team_gets_another_host_name() {
    let api = Api::new().await;
    for name in ["acme", "other"] {
        let owner = api.team(name, false).await;
        let env = api.app(&owner, name, "shop").await;
        api.post(&format!("{env}/deployments"), &owner, json!({"image": "nginx"})).await.expect(202);
        let url = api.get(&env, &owner).await.expect(200)["urls"][0].as_str().unwrap().to_owned();
        match name {
            "acme" => assert_eq!(url, "http://shop.localhost:8080"),
            _ => assert!(url.starts_with("http://shop-production-") && url.len() == "http://shop-production-".len() + 6 + ".localhost:8080".len(), "{url}"),
        }
    }
}

#[tokio::test]
async fn specifications_are_replaced_under_their_etag_and_planned() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let spec = format!("{env}/spec");
    let put = async |query: &str, etag: &str, body: Value| {
        let path = format!("{spec}{query}");
        api.call(Method::PUT, &path, Some(&owner.token), Some(body), &[("if-match", etag)]).await
    };
    let first = api.get(&spec, &owner).await;
    assert_eq!(first.body["version"], 0);
    let body = |replicas: u32| json!({"services": {"web": {"image": "nginx", "replicas": replicas, "port": 80}}});
    let planned = put("?dry_run=true", &first.etag(), body(2)).await.expect(200);
    assert_eq!(planned["plan"][0]["action"], "create");
    assert_eq!(api.get(&spec, &owner).await.body["version"], 0);
    let second = put("", &first.etag(), body(2)).await;
    assert_eq!(second.body["version"], 1);
    assert_eq!(put("", &first.etag(), body(3)).await.expect(412)["code"], "precondition_failed");
    // The same again changes nothing.
    let same = put("", &second.etag(), body(2)).await;
    assert_eq!((same.body["version"].clone(), same.etag()), (json!(1), second.etag()));
    api.post(&format!("{env}/deployments"), &owner, json!({"spec": true})).await.expect(202);
    let services = api.get(&format!("{env}/services"), &owner).await.expect(200);
    assert_eq!(services["items"][0]["replicas"]["desired"], 2);
    // An edited figure counts at once.
    let now = api.get(&spec, &owner).await;
    let plan = put("?dry_run=true", &now.etag(), body(5)).await.expect(200);
    assert_eq!((&plan["plan"][0]["action"], &plan["plan"][0]["replicas_after"]), (&json!("scale"), &json!(5)));
    put("", &now.etag(), body(5)).await.expect(200);
    let services = api.get(&format!("{env}/services"), &owner).await.expect(200);
    assert_eq!(services["items"][0]["replicas"]["desired"], 5);
    // A person's figure is a row of its own.
    let scaled = api.post(&format!("{env}/scale"), &owner, json!({"replicas": {"web": 1}})).await.expect(200);
    assert_eq!(scaled["replicas"]["web"], 1);
    api.post(&format!("{env}/scale"), &owner, json!({"replicas": {"nope": 1}})).await.expect(422);
}

#[tokio::test]
async fn configuration_and_secrets_roll_out_and_values_stay_hidden() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let patch = async |body: Value| {
        api.call(Method::PATCH, &format!("{env}/config"), Some(&owner.token), Some(body), &[]).await
    };
    // Nothing runs yet: nothing is rolled out.
    let config = patch(json!({"A": "1", "B": "2"})).await.expect(200);
    assert_eq!((&config["version"], &config["deployment"]), (&json!(1), &Value::Null));
    api.post(&format!("{env}/deployments"), &owner, json!({"image": "nginx"})).await.expect(202);
    let config = patch(json!({"A": null, "C": "3"})).await.expect(200);
    assert_eq!(config["values"], json!({"B": "2", "C": "3"}));
    assert_eq!(config["deployment"], 2);
    let put = async |path: &str, body: Value| {
        api.call(Method::PUT, &format!("{env}/secrets/{path}"), Some(&owner.token), Some(body), &[]).await
    };
    let secret = put("TOKEN", json!({"value": "hunter2-secret"})).await.expect(200);
    assert_eq!((&secret["version"], &secret["deployment"]), (&json!(1), &json!(3)));
    put("NOT-A-KEY", json!({"value": "x"})).await.expect(422);
    let release = api.get(&format!("{env}/releases/3"), &owner).await.expect(200);
    assert_eq!(release["services"]["web"]["variables"], json!(["B", "C", "TOKEN"]));
    let diff = api.get(&format!("{env}/releases/2/diff/3"), &owner).await.expect(200);
    assert_eq!(diff["changes"][0]["what"], "variable");
    for path in ["config", "secrets", "secrets/TOKEN", "releases", "deployments", "spec", "services"] {
        let text = api.get(&format!("{env}/{path}"), &owner).await.expect(200).to_string();
        assert!(!text.contains("hunter2"), "{path}");
    }
    let events = api.get("/v1/events?limit=100", &owner).await.expect(200).to_string();
    assert!(!events.contains("hunter2"));
    // A required variable without a value stops a deployment, with its code and the next command.
    let etag = api.get(&format!("{env}/spec"), &owner).await.etag();
    let spec = json!({"services": {"web": {"image": "nginx"}}, "config": {"KEY": {"secret": true, "required": true}}});
    api.call(Method::PUT, &format!("{env}/spec"), Some(&owner.token), Some(spec), &[("if-match", &etag)]).await.expect(200);
    let refused = api.post(&format!("{env}/deployments"), &owner, json!({"spec": true})).await.expect(422);
    assert_eq!(refused["failure"]["code"], "variable_missing");
    put("KEY?deploy=false", json!({"value": "x"})).await.expect(200);
    api.post(&format!("{env}/deployments"), &owner, json!({"spec": true})).await.expect(202);
    // A restart changes the nonce and nothing else.
    api.post(&format!("{env}/deployments"), &owner, json!({"restart": ["web"]})).await.expect(202);
    api.post(&format!("{env}/deployments"), &owner, json!({"restart": ["nope"]})).await.expect(422);
    let newest = api.get(&format!("{env}/releases?limit=1"), &owner).await.expect(200);
    assert_eq!(newest["items"][0]["services"]["web"]["restarts"], 1);
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes: Vec<u8> = files.iter().flat_map(|(path, text)| file(path, false, 1_000_000_000, text.as_bytes())).collect();
    bytes.extend_from_slice(&END);
    bytes
}

async fn upload(api: &Api, person: &Person, app: &str, bytes: Vec<u8>) -> Answer {
    let request = Request::put(format!("/v1/teams/acme/apps/{app}/sources"))
        .header("authorization", format!("Bearer {}", person.token))
        .header("content-type", "application/octet-stream")
        .body(Body::from(bytes))
        .unwrap();
    api.send(request).await
}

#[tokio::test]
async fn a_source_is_kept_detected_and_deployed() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let files = [("requirements.txt", "flask\ngunicorn\n"), ("app.py", "app = 1\n"), ("Procfile", "web: gunicorn app:app\nqueue: python app.py\n")];
    let kept = upload(&api, &owner, "shop", tar(&files)).await.expect(200);
    let sha256 = kept["sha256"].as_str().unwrap().to_owned();
    // The same files again are the same source.
    assert_eq!(upload(&api, &owner, "shop", tar(&files)).await.expect(200), kept);
    let head = async |sha256: &str| {
        api.call(Method::HEAD, &format!("/v1/teams/acme/apps/shop/sources/{sha256}"), Some(&owner.token), None, &[]).await.status.as_u16()
    };
    assert_eq!((head(&sha256).await, head(&"0".repeat(64)).await), (204, 404));
    let deployment = api.post(&format!("{env}/deployments"), &owner, json!({"source": sha256})).await.expect(202);
    let build = deployment["builds"][0].as_str().unwrap();
    let build = api.get(&format!("{env}/builds/{build}"), &owner).await.expect(200);
    assert_eq!((&build["kind"], &build["state"]), (&json!("source"), &json!("queued")));
    let services = api.get(&format!("{env}/services"), &owner).await.expect(200);
    let names: Vec<_> = services["items"].as_array().unwrap().iter().map(|s| (s["name"].as_str().unwrap(), s["spec"]["command"].as_str().unwrap())).collect();
    assert_eq!(names, [("queue", "python app.py"), ("web", "gunicorn app:app")]);
    api.post(&format!("{env}/deployments"), &owner, json!({"source": "0".repeat(64)})).await.expect(422);
    // Nothing to detect is said with its code.
    let nothing = upload(&api, &owner, "shop", tar(&[("notes.txt", "x")])).await.expect(200);
    let refused = api.post(&format!("{env}/deployments"), &owner, json!({"source": nothing["sha256"]})).await.expect(422);
    assert_eq!(refused["failure"]["code"], "nothing_detected");
}

#[tokio::test]
async fn a_manifest_in_the_source_becomes_the_specification_and_its_faults_have_a_line() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    let manifest = "app = \"shop\"\n[services.web]\nkind = \"web\"\nreplicas = 3\nport = 9000\n[config]\nSECRET = { generate = \"secret\" }\n";
    let files = [("Dockerfile", "FROM scratch\n"), ("segue.toml", manifest)];
    let kept = upload(&api, &owner, "shop", tar(&files)).await.expect(200);
    api.post(&format!("{env}/deployments"), &owner, json!({"source": kept["sha256"]})).await.expect(202);
    let spec = api.get(&format!("{env}/spec"), &owner).await.expect(200);
    assert_eq!((&spec["version"], &spec["spec"]["services"]["web"]["replicas"]), (&json!(1), &json!(3)));
    // Made once, kept as a secret.
    let secrets = api.get(&format!("{env}/secrets"), &owner).await.expect(200);
    assert_eq!((&secrets["items"][0]["key"], &secrets["items"][0]["version"]), (&json!("SECRET"), &json!(1)));
    api.post(&format!("{env}/deployments"), &owner, json!({"source": kept["sha256"]})).await.expect(202);
    let again = api.get(&format!("{env}/secrets"), &owner).await.expect(200);
    assert_eq!(again["items"][0]["version"], 1);
    let wrong = [("Dockerfile", "FROM scratch\n"), ("segue.toml", "app = \"shop\"\n[services.web]\nreplica = 3\n")];
    let kept = upload(&api, &owner, "shop", tar(&wrong)).await.expect(200);
    let refused = api.post(&format!("{env}/deployments"), &owner, json!({"source": kept["sha256"]})).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "segue.toml:3:1");
    assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("replicas"), "{refused}");
}

#[tokio::test]
async fn hostile_archives_leave_nothing() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    api.app(&owner, "acme", "shop").await;
    let hostile = [
        tar(&[("../x", "x")]),
        tar(&[("/etc/passwd", "x")]),
        tar(&[("a/.git/config", "x")]),
        tar(&[("a", "x"), ("a", "y")]),
        [directory("empty", 1_000_000_000), END.to_vec()].concat(),
        b"not an archive at all".to_vec(),
        file("cut", false, 1_000_000_000, &[0; 4096])[..1000].to_vec(),
        Vec::new(),
    ];
    for (index, bytes) in hostile.into_iter().enumerate() {
        let refused = upload(&api, &owner, "shop", bytes).await;
        assert_eq!(refused.status.as_u16(), 422, "archive {index}: {}", refused.body);
        assert_eq!(refused.body["code"], "archive_refused", "archive {index}");
    }
}

#[tokio::test]
async fn tokens_are_exchanged_bounded_and_revoked_at_once() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let exchanged = api.post("/v1/auth/token", &owner, json!({})).await.expect(200);
    let jwt = exchanged["access_token"].as_str().unwrap().to_owned();
    let me = async |token: &str| api.call(Method::GET, "/v1/me", Some(token), None, &[]).await.status.as_u16();
    assert_eq!(me(&jwt).await, 200);
    // A token cannot make a stronger one.
    let read = api.token_with(owner.user, owner.team, Role::Viewer, vec!["read".into()]).await;
    assert_eq!(api.post("/v1/teams/acme/apps", &read, json!({"name": "x"})).await.status.as_u16(), 403);
    assert_eq!(api.post("/v1/me/tokens", &read, json!({"name": "x", "scopes": ["read"]})).await.status.as_u16(), 403);
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let strong = json!({"name": "x", "scopes": ["read"], "role": "owner"});
    assert_eq!(api.post("/v1/me/tokens", &viewer, strong).await.status.as_u16(), 403);
    // A kept answer has no secret in it.
    let body = json!({"name": "ci", "scopes": ["deploy"], "expires_in_days": 1});
    let first = with_key(&api, "/v1/me/tokens", &owner, "t1", body.clone()).await.expect(201);
    assert!(first["token"].as_str().unwrap().starts_with("segue_"));
    let again = with_key(&api, "/v1/me/tokens", &owner, "t1", body).await.expect(201);
    assert_eq!((again["id"].clone(), again["token"].clone()), (first["id"].clone(), Value::Null));
    // Revoking ends the access token that was made from it.
    let path = format!("/v1/me/tokens/{}", owner.token_id);
    assert_eq!(api.call(Method::DELETE, &path, Some(&owner.token), None, &[]).await.status.as_u16(), 204);
    assert_eq!((me(&jwt).await, me(&owner.token).await), (401, 401));
}

#[tokio::test]
async fn protected_environments_are_changed_by_admins_only() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let deployer = api.member(owner.team, "deployer", Role::Deployer).await;
    let env = api.app(&owner, "acme", "shop").await;
    let etag = api.get(&env, &owner).await.etag();
    let protect = json!({"protected": true});
    let patch = async |person: &Person| {
        api.call(Method::PATCH, &env, Some(&person.token), Some(protect.clone()), &[("if-match", &etag)]).await
    };
    patch(&deployer).await.expect(403);
    patch(&owner).await.expect(200);
    let body = json!({"image": "nginx"});
    api.post(&format!("{env}/deployments"), &deployer, body.clone()).await.expect(403);
    api.get(&env, &deployer).await.expect(200);
    api.post(&format!("{env}/deployments"), &owner, body).await.expect(202);
}

#[tokio::test]
async fn lists_are_paged_to_their_end() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    for index in 0..5 {
        api.post("/v1/teams/acme/apps", &owner, json!({"name": format!("app-{index}")})).await.expect(201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/v1/teams/acme/apps?limit=2{cursor}"), &owner).await.expect(200);
        names.extend(page["items"].as_array().unwrap().iter().map(|app| app["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["app-0", "app-1", "app-2", "app-3", "app-4"]);
}
