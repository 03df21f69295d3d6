//! The database is away: the API says so, stays, and goes on by itself when it is back.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use axum::http::Method;
use segue_store::embedded::{Embedded, EmbeddedConfig};
use segue_store::seal::KeyEncryptionKey;
use segue_store::{Store, StoreConfig, migrate};
use serde_json::json;

use crate::access::{Ids, ask, operations};
use crate::harness::{Answer, Api, Person};

const KEK: [u8; 32] = *b"a-key-for-tests-0123456789-only!";

/// Operations that answer without the database, and why.
const WITHOUT: [(&str, &str); 8] = [
    ("health_get", "whether the process lives"),
    ("openapi_get", "a document of the program"),
    ("key_list", "keys that are in memory"),
    (
        "setup_create",
        "what is no link at all is refused without a look",
    ),
    ("invitation_show", "the same"),
    (
        "device_token",
        "what is no code at all is refused without a look",
    ),
    (
        "session_refresh",
        "without a cookie there is nobody to look for",
    ),
    (
        "session_logout",
        "without a cookie there is nobody to look for",
    ),
];

fn is_unavailable(answer: &Answer) -> bool {
    let retry = answer.headers.get("retry-after");
    // An answer to HEAD has no body.
    let told = answer.body == ""
        || (answer.body["code"] == "unavailable" && answer.body["request_id"].is_string());
    answer.status == 503
        && told
        && answer.headers["content-type"] == "application/problem+json"
        && retry.is_some_and(|seconds| seconds.to_str().is_ok_and(|s| s.parse::<u32>().is_ok()))
}

/// Asks every operation as an owner who operates the installation too; answers what did not say "unavailable".
async fn wrong(api: &Api, owner: &Person) -> Vec<String> {
    let ids = Ids {
        team: "acme".into(),
        app: "shop".into(),
        env: "production".into(),
        thing: None,
    };
    let mut wrong = Vec::new();
    for operation in operations() {
        if WITHOUT.iter().any(|(id, _)| *id == operation.id) {
            continue;
        }
        let answer = ask(api, &operation, &ids, Some(owner)).await;
        let told = answer.body != "" || operation.method == "HEAD";
        if !told || !is_unavailable(&answer) {
            wrong.push(format!(
                "{}: {} {}",
                operation.id, answer.status, answer.body
            ));
        }
    }
    wrong
}

#[tokio::test]
async fn while_postgres_is_stopped_every_operation_answers_503_and_recovers() {
    let folder = tempfile::Builder::new()
        .prefix("segue-pg-")
        .tempdir_in("/tmp")
        .unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let config = EmbeddedConfig::new(folder.path().join("pg")).without_durability();
    let postgres = Embedded::start(config.clone()).await.unwrap();
    migrate(&postgres.connect_options()).await.unwrap();
    let mut store = StoreConfig::new(
        postgres.connect_options(),
        KeyEncryptionKey::from_bytes(KEK),
    );
    // Each refused request waits this long; there are some fifty.
    store.acquire_timeout = Duration::from_millis(200);
    let api = Api::over(Store::connect(store).await.unwrap(), None);
    let owner = api.team("acme", true).await;
    let env = api.app(&owner, "acme", "shop").await;
    let config_of = format!("{env}/config");
    let patch = async |body| {
        let token = Some(owner.token.as_str());
        api.call(Method::PATCH, &config_of, token, Some(body), &[])
            .await
    };
    patch(json!({"A": "1"})).await.expect(200);

    postgres.stop().await.unwrap();
    let ready = api.call(Method::GET, "/readyz", None, None, &[]).await;
    assert!(is_unavailable(&ready), "{} {}", ready.status, ready.body);
    for (id, path) in [("health", "/healthz"), ("document", "/v1/openapi.json")] {
        let answer = api.call(Method::GET, path, None, None, &[]).await;
        assert_eq!(answer.status, 200, "{id}");
    }
    assert_eq!(wrong(&api, &owner).await, Vec::<String>::new());
    assert!(is_unavailable(&patch(json!({"A": "2"})).await));

    // The same router, the same pools: nothing is restarted but Postgres.
    let postgres = Embedded::start(config).await.unwrap();
    let back = async {
        while api.get(&config_of, &owner).await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), back)
        .await
        .unwrap();
    let kept = api.get(&config_of, &owner).await.expect(200);
    assert_eq!(
        kept["values"],
        json!({"A": "1"}),
        "what was refused was not done"
    );
    patch(json!({"A": "3"})).await.expect(200);
    let ready = api.call(Method::GET, "/readyz", None, None, &[]).await;
    assert_eq!(ready.status, 200);
    api.store().close().await;
    postgres.stop().await.unwrap();
}
