//! The access table: every operation of the OpenAPI document against five principals, on a real Postgres through
//! the real router. The list of exceptions is empty, and an operation without a row fails.

use axum::body::Body;
use axum::http::Request;
use segue_store::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Everybody, signed in or not.
    Public,
    /// Everybody who is signed in, about himself.
    Self_,
    /// The people who run the installation.
    Platform,
    /// Every member of the team.
    Viewer,
    /// Deployers and above.
    Deployer,
    /// Admins and above.
    Admin,
    /// Owners only.
    Owner,
}

use Class::{Admin, Deployer, Owner, Platform, Public, Self_, Viewer};

/// One row per operation, with a body that is valid as far as permission is concerned.
fn table() -> Vec<(&'static str, Class, Option<Value>)> {
    vec![
        ("health_get", Public, None),
        ("readiness_get", Public, None),
        ("metrics_get", Platform, None),
        ("openapi_get", Public, None),
        ("key_list", Public, None),
        (
            "setup_create",
            Public,
            Some(json!({"token": "x", "email": "a@b", "password": "long enough", "team": "t"})),
        ),
        (
            "session_create",
            Public,
            Some(json!({"email": "nobody@example.com", "password": "x"})),
        ),
        ("session_refresh", Public, None),
        ("session_logout", Public, None),
        (
            "device_start",
            Public,
            Some(json!({"client_name": "laptop"})),
        ),
        ("device_get", Self_, None),
        (
            "device_confirm",
            Self_,
            Some(json!({"user_code": "BCDF-GHJK", "approve": true})),
        ),
        (
            "device_token",
            Public,
            Some(json!({"device_code": "unknown"})),
        ),
        ("session_confirm", Self_, Some(json!({"password": "x"}))),
        (
            "reset_request",
            Public,
            Some(json!({"email": "nobody@example.com"})),
        ),
        (
            "reset_use",
            Public,
            Some(json!({"token": "x", "password": "long enough"})),
        ),
        ("reset_link_create", Admin, None),
        ("session_list", Self_, None),
        ("session_delete", Self_, None),
        (
            "password_set",
            Self_,
            Some(json!({"current": "x", "new": "long enough"})),
        ),
        ("key_rotate", Platform, Some(json!({}))),
        ("token_exchange", Self_, None),
        ("me_update", Self_, Some(json!({"name": "Somebody"}))),
        ("me_get", Self_, None),
        ("token_list", Self_, None),
        (
            "token_create",
            Self_,
            Some(json!({"name": "ci", "scopes": ["read"]})),
        ),
        ("token_delete", Self_, None),
        ("event_list", Self_, None),
        ("team_list", Self_, None),
        ("team_create", Platform, Some(json!({"name": "another"}))),
        ("team_get", Viewer, None),
        ("member_list", Viewer, None),
        (
            "member_add",
            Admin,
            Some(json!({"email": "new@example.com", "role": "viewer"})),
        ),
        ("member_get", Viewer, None),
        ("member_update", Admin, Some(json!({"role": "viewer"}))),
        ("member_remove", Admin, None),
        ("team_update", Owner, Some(json!({"name": "acme"}))),
        ("team_delete", Owner, None),
        ("invitation_list", Admin, None),
        (
            "invitation_create",
            Admin,
            Some(json!({"email": "guest@example.com", "role": "viewer"})),
        ),
        ("invitation_delete", Admin, None),
        ("invitation_show", Public, Some(json!({"token": "x"}))),
        ("invitation_accept", Public, Some(json!({"token": "x"}))),
        ("team_token_list", Viewer, None),
        (
            "team_token_create",
            Viewer,
            Some(
                json!({"name": "ci", "role": "viewer", "scopes": ["read"], "expires_in_days": 30}),
            ),
        ),
        ("team_token_delete", Viewer, None),
        ("quota_get", Viewer, None),
        ("quota_set", Platform, Some(json!({"apps": 1000}))),
        ("audit_list", Admin, None),
        ("audit_verify", Admin, None),
        ("app_list", Viewer, None),
        ("app_create", Deployer, Some(json!({"name": "fresh"}))),
        ("app_get", Viewer, None),
        ("app_update", Deployer, Some(json!({"labels": {}}))),
        ("app_delete", Admin, None),
        ("environment_list", Viewer, None),
        (
            "environment_create",
            Deployer,
            Some(json!({"name": "staging"})),
        ),
        ("environment_get", Viewer, None),
        (
            "environment_update",
            Deployer,
            Some(json!({"stopped": false})),
        ),
        ("environment_delete", Admin, None),
        ("spec_get", Viewer, None),
        ("spec_put", Deployer, Some(json!({"services": {"web": {}}}))),
        ("service_list", Viewer, None),
        ("service_get", Viewer, None),
        ("service_update", Deployer, Some(json!({"replicas": 1}))),
        ("scale_set", Deployer, Some(json!({"replicas": {"web": 1}}))),
        ("instance_list", Viewer, None),
        ("instance_get", Viewer, None),
        ("instance_why", Viewer, None),
        ("instance_replace", Deployer, None),
        ("config_get", Viewer, None),
        ("config_update", Deployer, Some(json!({"KEY": "value"}))),
        ("config_version_list", Viewer, None),
        ("secret_list", Viewer, None),
        ("secret_get", Viewer, None),
        ("secret_set", Deployer, Some(json!({"value": "x"}))),
        ("secret_delete", Deployer, None),
        ("secret_reveal", Admin, None),
        ("source_upload", Deployer, None),
        ("source_check", Viewer, None),
        ("source_plan", Viewer, None),
        ("webhook_list", Viewer, None),
        (
            "webhook_create",
            Admin,
            Some(json!({"name": "ops", "kind": "chat", "url": "https://chat.example/x"})),
        ),
        ("webhook_get", Viewer, None),
        ("webhook_update", Admin, Some(json!({"enabled": true}))),
        ("webhook_delete", Admin, None),
        ("webhook_test", Admin, None),
        ("webhook_delivery_list", Viewer, None),
        ("webhook_delivery_retry", Admin, None),
        ("registry_list", Viewer, None),
        (
            "registry_create",
            Admin,
            Some(json!({"kind": "git", "host": "git.example", "username": "a", "password": "b"})),
        ),
        ("registry_delete", Admin, None),
        ("lock_get", Viewer, None),
        (
            "lock_create",
            Deployer,
            Some(json!({"reason": "release week"})),
        ),
        ("lock_delete", Deployer, None),
        ("freeze_list", Viewer, None),
        (
            "freeze_create",
            Admin,
            Some(json!({"reason": "weekend", "days": [6], "from": "00:00", "minutes": 60})),
        ),
        ("freeze_delete", Admin, None),
        ("hook_list", Viewer, None),
        ("hook_create", Deployer, Some(json!({"kind": "github"}))),
        ("hook_delete", Admin, None),
        ("hook_delivery_list", Viewer, None),
        ("hook_call", Public, Some(json!({}))),
        (
            "source_fetch",
            Deployer,
            Some(json!({"url": "http://127.0.0.1:9/x.git"})),
        ),
        ("deployment_list", Viewer, None),
        (
            "deployment_create",
            Deployer,
            Some(json!({"image": "nginx"})),
        ),
        ("deployment_get", Viewer, None),
        ("deployment_cancel", Deployer, None),
        ("deployment_rollback", Deployer, None),
        (
            "deployment_promote",
            Deployer,
            Some(json!({"to": "production"})),
        ),
        ("environment_compare", Viewer, None),
        ("run_list", Viewer, None),
        ("run_create", Deployer, Some(json!({"command": ["true"]}))),
        ("run_get", Viewer, None),
        ("run_cancel", Deployer, None),
        ("deployment_events", Viewer, None),
        ("deployment_receipt", Viewer, None),
        ("build_list", Viewer, None),
        ("build_get", Viewer, None),
        ("build_log", Viewer, None),
        ("build_cancel", Deployer, None),
        ("release_list", Viewer, None),
        ("release_get", Viewer, None),
        ("release_diff", Viewer, None),
        ("log_list", Viewer, None),
        ("metrics_series", Viewer, None),
        ("host_list", Platform, None),
        ("host_get", Platform, None),
        ("host_cordon", Platform, None),
        ("host_uncordon", Platform, None),
    ]
}

pub struct Operation {
    pub method: String,
    pub path: String,
    pub id: String,
    class: Class,
    pub body: Option<Value>,
    public: bool,
}

/// Every operation of the document, with its row of the table.
pub fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(segue_api::openapi::public()).unwrap();
    let mut rows = table();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let row = rows.iter().position(|row| row.0 == id);
            let (_, class, body) = rows
                .swap_remove(row.unwrap_or_else(|| panic!("{id} has no row in the access table")));
            all.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                id,
                class,
                body,
                public: operation["security"] == json!([{}]) || operation["security"] == json!([]),
            });
        }
    }
    assert!(rows.is_empty(), "rows without an operation: {rows:?}");
    all
}

/// What stands in paths.
#[derive(Clone, Default)]
pub struct Ids {
    pub team: String,
    pub app: String,
    pub env: String,
    /// One more parameter with its value; the others are ids of nothing.
    pub thing: Option<(&'static str, String)>,
}

fn path_of(operation: &Operation, ids: &Ids) -> String {
    let nil = "0".repeat(32);
    let mut path = operation.path.clone();
    if let Some((name, id)) = &ids.thing {
        path = path.replace(&format!("{{{name}}}"), id);
    }
    path.replace("{team}", &ids.team)
        .replace("{app}", &ids.app)
        .replace("{env}", &ids.env)
        .replace("{service}", "web")
        .replace("{instance}", &format!("ins_{nil}"))
        .replace("{key}", "KEY")
        .replace("{number}", "1")
        .replace("{build}", &format!("bld_{nil}"))
        .replace("{version}", "1")
        .replace("compare/{other}", "compare/production")
        .replace("{other}", "1")
        .replace("{run}", "1")
        .replace("{sha256}", &"0".repeat(64))
        .replace("{host}", "missing")
        .replace("{token}", &format!("tok_{nil}"))
        .replace("{invitation}", &format!("inv_{nil}"))
        .replace("{user}", &format!("usr_{nil}"))
        .replace("{session}", &format!("ses_{nil}"))
        .replace("{webhook}", &format!("whk_{nil}"))
        .replace("{delivery}", &format!("dlv_{nil}"))
        .replace("{registry}", &format!("crd_{nil}"))
        .replace("{freeze}", &format!("frz_{nil}"))
        .replace("{hook}", &format!("hook_{nil}"))
        .replace("{user_code}", "BCDF-GHJK")
}

/// Sends an operation with ids that exist or not, and a body that fits.
pub async fn ask(api: &Api, operation: &Operation, ids: &Ids, person: Option<&Person>) -> Answer {
    let mut request = Request::builder()
        .method(operation.method.as_str())
        .uri(path_of(operation, ids));
    if let Some(person) = person {
        request = request.header("authorization", format!("Bearer {}", person.token));
    }
    // A generation that never was: whoever may, is told 412 and changes nothing.
    request = request.header("if-match", "\"999999\"");
    // Pages of our own say this; others do not look at it.
    request = request.header("x-segue-csrf", "1");
    let body = match &operation.body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        }
        None if operation.id == "source_upload" => {
            request = request.header("content-type", "application/octet-stream");
            Body::from("no archive")
        }
        None => Body::empty(),
    };
    api.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn every_operation_answers_each_principal_as_the_table_says() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    // The scope that no token has by itself, so that what is judged is the role.
    let admin = api.member(owner.team, "admin", Role::Admin).await;
    let admin = api.with_every_scope(&admin, Role::Admin).await;
    let deployer = api.member(owner.team, "deployer", Role::Deployer).await;
    let deployer = api.with_every_scope(&deployer, Role::Deployer).await;
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let viewer = api.with_every_scope(&viewer, Role::Viewer).await;
    let stranger = api.team("other", false).await;
    api.app(&owner, "acme", "shop").await;
    let ids = Ids {
        team: "acme".into(),
        app: "shop".into(),
        env: "production".into(),
        thing: None,
    };

    let mut wrong = Vec::new();
    for operation in operations() {
        assert_eq!(
            operation.public,
            operation.class == Public,
            "{}",
            operation.id
        );
        // Weakest first, so that nobody finds what a stronger one has changed.
        let rows: [(&str, Option<&Person>, bool); 5] = [
            ("anonymous", None, operation.class == Public),
            (
                "stranger",
                Some(&stranger),
                matches!(operation.class, Public | Self_),
            ),
            (
                "viewer",
                Some(&viewer),
                matches!(operation.class, Public | Self_ | Viewer),
            ),
            (
                "deployer",
                Some(&deployer),
                matches!(operation.class, Public | Self_ | Viewer | Deployer),
            ),
            (
                "admin",
                Some(&admin),
                !matches!(operation.class, Platform | Owner),
            ),
        ];
        for (name, person, allowed) in rows {
            let answer = ask(&api, &operation, &ids, person).await;
            let status = answer.status.as_u16();
            let expected = if allowed {
                // What proves the one who asks is in the request itself and is wrong: anybody may try.
                let code = answer.body["code"].as_str().unwrap_or_default();
                let tried = matches!(
                    code,
                    "setup_refused" | "sign_in_refused" | "session_ended" | "reset_refused"
                );
                let tried = tried && operation.class == Public;
                tried || (status < 500 && !matches!(status, 401 | 403 | 405))
            } else if person.is_none() {
                status == 401
            } else if name == "stranger" && operation.path.contains("{team}") {
                status == 404
            } else {
                status == 403
            };
            if !expected {
                wrong.push(format!(
                    "{} as {name}: {status} {}",
                    operation.id, answer.body
                ));
            }
        }
        if matches!(operation.class, Platform | Owner) {
            let status = ask(&api, &operation, &ids, Some(&owner))
                .await
                .status
                .as_u16();
            if matches!(status, 401 | 403) || status >= 500 {
                wrong.push(format!("{} as owner and operator: {status}", operation.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Everything of an answer that a client can see, but the request id.
pub fn visible(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("request_id");
    }
    let headers: Vec<_> = answer
        .headers
        .iter()
        // How much the asking client has left says nothing of what it asked for.
        .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "ratelimit"))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    format!("{} {headers:?} {body}", answer.status)
}

#[tokio::test]
async fn what_is_foreign_answers_as_what_is_missing() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let stranger = api.team("other", false).await;
    let env_path = api.app(&owner, "acme", "shop").await;
    api.app(&stranger, "other", "own").await;
    let team = owner.team.to_string();
    let app = api
        .get("/v1/teams/acme/apps/shop", &owner)
        .await
        .expect(200)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let env = api.get(&env_path, &owner).await.expect(200)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let missing = |prefix: &str| format!("{prefix}_{}", "f".repeat(32));
    let ids = |team: &str, app: &str, env: &str| Ids {
        team: team.into(),
        app: app.into(),
        env: env.into(),
        thing: None,
    };

    let mut compared = 0;
    let mut wrong = Vec::new();
    for operation in operations() {
        let mut pairs = Vec::new();
        if operation.path.contains("{team}") {
            let inner = |team: &str| ids(team, "shop", "production");
            pairs.push((inner("acme"), inner("nowhere")));
            pairs.push((inner(&team), inner(&missing("team"))));
        }
        if operation.path.contains("{app}") {
            pairs.push((
                ids("other", "shop", "production"),
                ids("other", "nowhere", "production"),
            ));
            pairs.push((
                ids("other", &app, "production"),
                ids("other", &missing("app"), "production"),
            ));
        }
        if operation.path.contains("{env}") {
            pairs.push((
                ids("other", "own", &env),
                ids("other", "own", &missing("env")),
            ));
        }
        for (foreign, none) in pairs {
            let foreign = ask(&api, &operation, &foreign, Some(&stranger)).await;
            let none = ask(&api, &operation, &none, Some(&stranger)).await;
            compared += 1;
            if foreign.status != 404 || visible(&foreign) != visible(&none) {
                wrong.push(format!(
                    "{}: {} / {}",
                    operation.id,
                    visible(&foreign),
                    visible(&none)
                ));
            }
        }
    }
    assert!(compared > 100, "{compared} pairs");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
