//! `if_changed`: what would change nothing is not deployed, and whatever changes something is.

use axum::body::Body;
use axum::http::{Method, Request};
use segue_model::archive::{END, file};
use segue_model::failure::{Failure, FailureCode};
use serde_json::{Value, json};

use crate::harness::{Api, Person};
use crate::live::{Server, id_of, settle};

/// An app whose source is live.
struct Shop {
    server: Server,
    owner: Person,
    env: String,
    source: String,
    number: i64,
}

const PLAIN: &[(&str, &str)] = &[
    ("requirements.txt", "flask\ngunicorn\n"),
    ("app.py", "app = 1\n"),
    ("Procfile", "web: gunicorn app:app\n"),
];

const MANIFEST: &str = "app = \"shop\"\n[services.web]\ncommand = \"gunicorn app:app\"\n[services.db]\nkind = \"worker\"\nimage = \"postgres:16\"\n";

impl Shop {
    async fn start(files: &[(&str, &str)]) -> Self {
        let server = Server::start().await;
        let owner = server.api.team("acme", false).await;
        let env = server.api.app(&owner, "acme", "shop").await;
        let source = upload(&server.api, &owner, files).await;
        let mut shop = Self {
            server,
            owner,
            env,
            source,
            number: 0,
        };
        shop.deploys("the first").await;
        shop
    }

    async fn asks(&self) -> (u16, Value) {
        self.asks_for(&self.source).await
    }

    async fn asks_for(&self, source: &str) -> (u16, Value) {
        let body = json!({ "source": source, "if_changed": true });
        let path = format!("{}/deployments", self.env);
        let answer = self.server.api.post(&path, &self.owner, body).await;
        (answer.status.as_u16(), answer.body)
    }

    /// Asks, expects a new deployment, and lets it become live.
    async fn deploys(&mut self, why: &str) {
        let (status, body) = self.asks().await;
        assert_eq!(status, 202, "{why}: {body}");
        self.follows(&body, None).await;
    }

    async fn follows(&mut self, deployment: &Value, failure: Option<Failure>) {
        self.number = deployment["number"].as_i64().unwrap();
        let env = self
            .server
            .api
            .get(&self.env, &self.owner)
            .await
            .expect(200);
        settle(&self.server, id_of(&env), self.number, failure).await;
    }

    /// Asks, and expects what is live.
    async fn stays(&self, why: &str) {
        let (status, body) = self.asks().await;
        assert_eq!(status, 200, "{why}: {body}");
        assert_eq!(
            (&body["number"], &body["live"]),
            (&json!(self.number), &json!(true)),
            "{why}"
        );
    }

    async fn sends(&self, method: Method, path: &str, body: Value) -> Value {
        // Configuration and secrets have versions of their own.
        let etag = if matches!(path, "" | "/spec") {
            Some(self.etag().await)
        } else {
            None
        };
        let headers: Vec<(&str, &str)> = etag
            .iter()
            .map(|etag| ("if-match", etag.as_str()))
            .collect();
        let path = format!("{}{path}", self.env);
        let token = Some(self.owner.token.as_str());
        let answer = self
            .server
            .api
            .call(method, &path, token, Some(body), &headers)
            .await;
        assert!(answer.status.is_success(), "{answer:?}");
        answer.body
    }

    async fn etag(&self) -> String {
        self.server.api.get(&self.env, &self.owner).await.etag()
    }
}

async fn upload(api: &Api, person: &Person, files: &[(&str, &str)]) -> String {
    let mut bytes: Vec<u8> = files
        .iter()
        .flat_map(|(path, text)| file(path, false, 1_000_000_000, text.as_bytes()))
        .collect();
    bytes.extend_from_slice(&END);
    let request = Request::put("/v1/teams/acme/apps/shop/sources")
        .header("authorization", format!("Bearer {}", person.token))
        .header("content-type", "application/octet-stream")
        .body(Body::from(bytes))
        .unwrap();
    let kept = api.send(request).await.expect(200);
    kept["sha256"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_serves_is_answered_and_nothing_is_made() {
    let with_manifest = [PLAIN, &[("segue.toml", MANIFEST)]].concat();
    for files in [PLAIN.to_vec(), with_manifest] {
        let shop = Shop::start(&files).await;
        for _ in 0..2 {
            shop.stays("the same source").await;
        }
        let path = format!("{}/deployments", shop.env);
        let list = shop.server.api.get(&path, &shop.owner).await.expect(200);
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        // Nothing was said about other kinds of deployments.
        for body in [
            json!({ "spec": true, "if_changed": true }),
            json!({ "image": "nginx", "if_changed": true }),
        ] {
            let answer = shop.server.api.post(&path, &shop.owner, body).await;
            assert_eq!(answer.expect(422)["errors"][0]["pointer"], "/if_changed");
        }
        // Without the word the same is deployed once more.
        let body = json!({ "source": shop.source });
        shop.server
            .api
            .post(&path, &shop.owner, body)
            .await
            .expect(202);
        shop.server.end().await;
    }
}

#[tokio::test]
async fn whatever_shapes_a_release_is_a_change() {
    let mut shop = Shop::start(PLAIN).await;
    shop.sends(Method::PATCH, "/config?deploy=false", json!({ "A": "1" }))
        .await;
    shop.deploys("a setting").await;
    shop.stays("the setting is in").await;
    shop.sends(
        Method::PUT,
        "/secrets/KEY?deploy=false",
        json!({ "value": "1" }),
    )
    .await;
    shop.deploys("a secret").await;
    shop.sends(
        Method::PUT,
        "/secrets/KEY?deploy=false",
        json!({ "value": "1" }),
    )
    .await;
    shop.deploys("a secret's new version").await;
    shop.stays("the secret is in").await;
    // A change that rolls itself out is one of the release that serves.
    let changed = shop
        .sends(Method::PATCH, "/config", json!({ "A": "2" }))
        .await;
    let (status, _) = shop.asks().await;
    assert_eq!(status, 202, "the change is under way, and not live");
    let body = json!({ "number": changed["deployment"].as_i64().unwrap() + 1 });
    shop.follows(&body, None).await;
    shop.stays("the change is live").await;
    // The specification, though the source says nothing of it.
    let spec = json!({ "build": { "test": "true" }, "services": { "web": { "command": "gunicorn app:app" } } });
    shop.sends(Method::PUT, "/spec", spec).await;
    shop.deploys("how it is built").await;
    shop.stays("it is built so").await;
    // Another source, and the first one again.
    let other = [PLAIN, &[("static.txt", "x")]].concat();
    let first = shop.source.clone();
    shop.source = upload(&shop.server.api, &shop.owner, &other).await;
    shop.deploys("another source").await;
    shop.source = first;
    shop.deploys("the first source again").await;
    shop.server.end().await;
}

#[tokio::test]
async fn a_failure_a_stop_and_a_way_back_are_no_reason_to_be_content() {
    let mut shop = Shop::start(PLAIN).await;
    let path = format!("{}/deployments", shop.env);
    let body = json!({ "image": "nginx" });
    let failed = shop
        .server
        .api
        .post(&path, &shop.owner, body)
        .await
        .expect(202);
    let failure = Failure {
        code: FailureCode::HealthTimeout,
        evidence: "no answer".to_owned(),
    };
    shop.follows(&failed, Some(failure)).await;
    shop.deploys("the last deployment failed").await;
    // A restart has the same source, and is what serves.
    let restarted = json!({ "restart": [] });
    let restarted = shop.server.api.post(&path, &shop.owner, restarted).await;
    shop.follows(&restarted.expect(202), None).await;
    shop.stays("new containers of the same").await;
    // The way back to the first release leads to the same source with the same settings.
    let back = json!({ "release": 1 });
    let back = shop.server.api.post(&path, &shop.owner, back).await;
    shop.follows(&back.expect(202), None).await;
    shop.stays("the first release").await;
    shop.sends(Method::PATCH, "", json!({ "stopped": true }))
        .await;
    let (status, body) = shop.asks().await;
    assert_eq!(status, 202, "a stopped environment: {body}");
    shop.server.end().await;
}

#[tokio::test]
async fn a_name_of_an_image_is_looked_up_each_time() {
    let manifest = "app = \"shop\"\n[build]\nimage = \"shop:latest\"\n[services.web]\n";
    let mut shop = Shop::start(&[("segue.toml", manifest)]).await;
    shop.deploys("it may mean another image now").await;
    shop.server.end().await;
}

#[tokio::test]
async fn a_source_that_is_not_kept_is_refused_as_ever() {
    let shop = Shop::start(PLAIN).await;
    let (status, body) = shop.asks_for(&"0".repeat(64)).await;
    assert_eq!(
        (status, &body["errors"][0]["pointer"]),
        (422, &json!("/source")),
        "{body}"
    );
    shop.server.end().await;
}

/// People who change settings and people who deploy at the same time: whoever hears "unchanged" had every setting that
/// was answered before.
#[tokio::test]
async fn nobody_is_told_that_nothing_changed_while_something_does() {
    let shop = Shop::start(PLAIN).await;
    for round in 0..5 {
        let set = async {
            let value = json!({ "ROUND": round.to_string() });
            let token = Some(shop.owner.token.as_str());
            let path = format!("{}/config?deploy=false", shop.env);
            let api = &shop.server.api;
            let set = api
                .call(Method::PATCH, &path, token, Some(value), &[])
                .await;
            assert_eq!(set.status, 200, "{set:?}");
            shop.asks().await
        };
        let (after, beside) = tokio::join!(set, shop.asks());
        assert_eq!(after.0, 202, "round {round}: {}", after.1);
        assert!(matches!(beside.0, 200 | 202), "{}", beside.1);
    }
    shop.server.end().await;
}
