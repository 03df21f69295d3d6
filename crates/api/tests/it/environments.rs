//! Protected environments, clones, comparison, previews' settings and one-off runs, as the API answers them.

use axum::http::Method;
use segue_store::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

const APP: &str = "/v1/teams/acme/apps/shop";

/// A change with the newest generation.
async fn patch(api: &Api, path: &str, person: &Person, body: Value) -> Answer {
    let tag = api.get(path, person).await.etag();
    let headers = [("if-match", tag.as_str())];
    api.call(
        Method::PATCH,
        path,
        Some(&person.token),
        Some(body),
        &headers,
    )
    .await
}

async fn put(api: &Api, path: &str, person: &Person, body: Value) -> Answer {
    api.call(Method::PUT, path, Some(&person.token), Some(body), &[])
        .await
}

/// Every way to change an environment, and what it answers to whoever may.
async fn changes(api: &Api, env: &str, person: &Person) -> Vec<u16> {
    let json_patch = |path: String, body: Value| {
        let token = person.token.clone();
        async move {
            let answer = api.call(Method::PATCH, &path, Some(&token), Some(body), &[]);
            answer.await.status.as_u16()
        }
    };
    let post = |path: String, body: Value| async move {
        api.post(&path, person, body).await.status.as_u16()
    };
    let secret = put(
        api,
        &format!("{env}/secrets/KEY"),
        person,
        json!({"value": "x"}),
    )
    .await;
    vec![
        json_patch(format!("{env}/config"), json!({"A": "1"})).await,
        secret.status.as_u16(),
        post(format!("{env}/scale"), json!({"replicas": {"web": 1}})).await,
        post(format!("{env}/deployments"), json!({"image": "nginx"})).await,
        post(format!("{env}/runs"), json!({"command": ["true"]})).await,
        post(
            format!("{APP}/envs/staging/deployments/1/promote"),
            json!({"to": env.rsplit('/').next().unwrap()}),
        )
        .await,
    ]
}

#[tokio::test]
async fn a_protected_environment_is_changed_by_admins_and_by_those_who_were_chosen_for_it() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let env = api.app(&owner, "acme", "shop").await;
    let body = json!({"name": "staging", "kind": "staging"});
    api.post(&format!("{APP}/envs"), &owner, body)
        .await
        .expect(201);
    let admin = api.member(owner.team, "admin", Role::Admin).await;
    let deployer = api.member(owner.team, "deployer", Role::Deployer).await;
    let chosen = api.member(owner.team, "chosen", Role::Deployer).await;
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let body = json!({
        "email": "chosen@example.com", "role": "deployer", "app": "shop", "environment": "production",
    });
    api.post("/v1/teams/acme/members", &owner, body)
        .await
        .expect(201);

    // Only admins protect.
    patch(&api, &env, &deployer, json!({"protected": true}))
        .await
        .expect(403);
    patch(&api, &env, &admin, json!({"protected": true}))
        .await
        .expect(200);
    assert!(
        changes(&api, &env, &deployer)
            .await
            .iter()
            .all(|status| *status == 403)
    );
    assert!(
        changes(&api, &env, &viewer)
            .await
            .iter()
            .all(|status| *status == 403)
    );
    for person in [&chosen, &admin, &owner] {
        let statuses = changes(&api, &env, person).await;
        assert!(!statuses.contains(&403), "{statuses:?}");
    }
    let config = format!("{env}/config");
    let answer = api.call(
        Method::PATCH,
        &config,
        Some(&deployer.token),
        Some(json!({"A": "2"})),
        &[],
    );
    let problem = answer.await.expect(403);
    let detail = problem["detail"].as_str().unwrap();
    for word in [
        "production is protected",
        "admins and owners",
        "role on this very environment",
    ] {
        assert!(detail.contains(word), "{detail}");
    }
    // Reading is for all, and what is not protected is as before.
    api.get(&config, &viewer).await.expect(200);
    let staging = format!("{APP}/envs/staging");
    let statuses = changes(&api, &staging, &deployer).await;
    assert!(!statuses.contains(&403), "{statuses:?}");

    // It stays, and so does its app.
    let tag = api.get(&env, &owner).await.etag();
    let headers = [("if-match", tag.as_str())];
    let gone = api.call(Method::DELETE, &env, Some(&owner.token), None, &headers);
    let problem = gone.await.expect(409);
    assert!(
        problem["hint"].as_str().unwrap().contains("protection"),
        "{problem}"
    );
    let tag = api.get(APP, &owner).await.etag();
    let headers = [("if-match", tag.as_str())];
    let gone = api.call(Method::DELETE, APP, Some(&owner.token), None, &headers);
    gone.await.expect(409);
    // A time to live is not for what stays.
    patch(&api, &env, &admin, json!({"ttl": 3600}))
        .await
        .expect(409);
    patch(&api, &env, &admin, json!({"ttl": 3600, "protected": false}))
        .await
        .expect(422);
    patch(&api, &env, &admin, json!({"protected": false}))
        .await
        .expect(200);
    let lives = patch(&api, &env, &admin, json!({"ttl": 3600}))
        .await
        .expect(200);
    assert!(lives["expires_at"].is_string(), "{lives}");
    let lives = patch(&api, &env, &admin, json!({"ttl": null}))
        .await
        .expect(200);
    assert!(lives.get("expires_at").is_none(), "{lives}");
    for bad in [0, 59, 31_536_001] {
        patch(&api, &env, &admin, json!({"ttl": bad}))
            .await
            .expect(422);
    }
}

#[tokio::test]
async fn a_clone_is_refused_deployments_until_its_secrets_are_set() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let env = api.app(&owner, "acme", "shop").await;
    let secret = format!("{env}/secrets/STRIPE_KEY");
    put(&api, &secret, &owner, json!({"value": "sk_live"}))
        .await
        .expect(200);
    let envs = format!("{APP}/envs");
    let body = json!({"name": "copy", "kind": "staging", "clone_of": "production"});
    api.post(&envs, &viewer, body.clone()).await.expect(403);
    api.post(&envs, &owner, body).await.expect(201);
    let body = json!({"name": "third", "clone_of": "nowhere"});
    api.post(&envs, &owner, body).await.expect(404);
    let copy = format!("{envs}/copy");
    let listed = api
        .get(&format!("{copy}/secrets"), &owner)
        .await
        .expect(200);
    assert_eq!(listed["missing"], json!(["STRIPE_KEY"]));
    let shown = api.get(&copy, &owner).await.expect(200);
    let conditions = shown["conditions"].as_array().unwrap();
    assert!(
        conditions
            .iter()
            .any(|one| one["reason"] == "secret_missing"),
        "{shown}"
    );
    let deployments = format!("{copy}/deployments");
    let refused = api
        .post(&deployments, &owner, json!({"image": "nginx"}))
        .await
        .expect(422);
    assert_eq!(refused["failure"]["code"], "secret_missing");
    let hint = refused["hint"].as_str().unwrap();
    assert!(
        hint.contains("segue secret set STRIPE_KEY -a shop -e copy"),
        "{hint}"
    );
    let compared = api
        .get(&format!("{envs}/production/compare/copy"), &viewer)
        .await
        .expect(200);
    let wanted = json!([{"key": "STRIPE_KEY", "state": "set", "other": "missing"}]);
    assert_eq!(compared["secrets"], wanted);
    assert!(!compared.to_string().contains("sk_live"));
    put(
        &api,
        &format!("{copy}/secrets/STRIPE_KEY"),
        &owner,
        json!({"value": "x"}),
    )
    .await
    .expect(200);
    api.post(&deployments, &owner, json!({"image": "nginx"}))
        .await
        .expect(202);
}

#[tokio::test]
async fn previews_are_set_within_bounds_and_secrets_are_allowed_by_admins_only() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    api.app(&owner, "acme", "shop").await;
    let deployer = api.member(owner.team, "deployer", Role::Deployer).await;
    let set = |person: &Person, previews: Value| {
        let (api, person) = (&api, person.clone());
        async move { patch(api, APP, &person, json!({"previews": previews})).await }
    };
    let shown = set(&deployer, json!({"enabled": true})).await.expect(200);
    let wanted =
        json!({"enabled": true, "from": "production", "ttl": 259_200, "secrets": [], "limit": 10});
    assert_eq!(shown["previews"], wanted);
    let problem = set(&deployer, json!({"enabled": true, "secrets": ["KEY"]}))
        .await
        .expect(403);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("push a branch"),
        "{problem}"
    );
    set(&owner, json!({"enabled": true, "secrets": ["KEY"]}))
        .await
        .expect(200);
    // What an admin allowed is not moved to another environment by somebody else.
    let moved = json!({"enabled": true, "from": "staging", "secrets": ["KEY"]});
    set(&deployer, moved).await.expect(403);
    // An environment that is not there is nothing to be made after; whose it is elsewhere is not said.
    let stranger = api.team("other", false).await;
    api.post("/v1/teams/other/apps", &stranger, json!({"name": "own"}))
        .await
        .expect(201);
    api.post(
        "/v1/teams/other/apps/own/envs",
        &stranger,
        json!({"name": "theirs"}),
    )
    .await
    .expect(201);
    let from = |name: &str| json!({"enabled": true, "from": name});
    let missing = set(&owner, from("nosuch")).await.expect(422);
    assert_eq!(missing["errors"][0]["pointer"], "/previews/from");
    assert_eq!(missing["detail"], "shop has no environment nosuch");
    let foreign = set(&owner, from("theirs")).await.expect(422);
    assert_eq!(foreign["detail"], "shop has no environment theirs");
    // Off, it is a setting for later.
    let off = json!({"enabled": false, "from": "nosuch"});
    set(&owner, off).await.expect(200);
    for bad in [
        json!({"enabled": true, "ttl": 59}),
        json!({"enabled": true, "limit": 0}),
        json!({"enabled": true, "limit": 51}),
        json!({"enabled": true, "from": "Not A Name"}),
        json!({"enabled": true, "secrets": ["not a key"]}),
    ] {
        set(&owner, bad.clone()).await.expect(422);
    }
    set(&owner, json!({"enabled": true, "unknown": 1})).await;
    let none = set(&owner, Value::Null).await.expect(200);
    assert!(none.get("previews").is_none(), "{none}");
}

#[tokio::test]
async fn a_run_needs_something_that_is_live_and_a_command() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let env = api.app(&owner, "acme", "shop").await;
    let runs = format!("{env}/runs");
    let listed = api.get(&runs, &owner).await.expect(200);
    assert_eq!(listed["items"], json!([]));
    let refused = api
        .post(&runs, &owner, json!({"command": ["true"]}))
        .await
        .expect(409);
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("nothing is live"),
        "{refused}"
    );
    for bad in [
        json!({"command": []}),
        json!({"command": ["a\u{0}b"]}),
        json!({"command": ["true"], "time_limit": 0}),
        json!({"command": ["true"], "time_limit": 86_401}),
    ] {
        api.post(&runs, &owner, bad).await.expect(422);
    }
    api.get(&format!("{runs}/1"), &owner).await.expect(404);
    api.get(&format!("{env}/logs?run=1"), &owner)
        .await
        .expect(404);
    api.post(&format!("{runs}/1/cancel"), &owner, json!({}))
        .await;
}
