//! The set-up link, tokens, and what they are bounded by.

use axum::http::Method;
use segue_store::Role;
use serde_json::{Value, json};

use crate::harness::{Api, Person, with_key};

#[tokio::test]
async fn the_setup_link_makes_one_owner_and_one_team() {
    let api = Api::new().await;
    let link = segue_api::setup_link(api.store(), "http://localhost:3000")
        .await
        .unwrap()
        .unwrap();
    let token = link
        .strip_prefix("http://localhost:3000/setup?token=")
        .unwrap();
    let body = |token: &str, password: &str| json!({"token": token, "email": "Ada@Example.com", "password": password, "team": "acme"});
    let send = async |body: Value| {
        api.call(Method::POST, "/v1/setup", None, Some(body), &[])
            .await
    };
    assert_eq!(
        send(body("segue_nonsense", "correct horse"))
            .await
            .expect(403)["code"],
        "setup_refused"
    );
    assert_eq!(
        send(body(token, "short")).await.expect(422)["errors"][0]["pointer"],
        "/password"
    );
    let done = send(body(token, "correct horse")).await.expect(201);
    send(body(token, "correct horse")).await.expect(403);
    assert_eq!(
        segue_api::setup_link(api.store(), "http://localhost:3000")
            .await
            .unwrap(),
        None
    );
    let me = api
        .call(Method::GET, "/v1/me", done["token"].as_str(), None, &[])
        .await
        .expect(200);
    assert_eq!(
        (&me["email"], &me["role"], &me["platform_admin"]),
        (&json!("ada@example.com"), &json!("owner"), &json!(true))
    );
}

#[tokio::test]
async fn the_setup_link_opens_the_dashboard_which_keeps_its_token_from_others() {
    let api = Api::new().await;
    let link = segue_api::setup_link(api.store(), "")
        .await
        .unwrap()
        .unwrap();
    let html = [("accept", "text/html")];
    let page = api.call(Method::GET, &link, None, None, &html).await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn tokens_are_exchanged_bounded_and_revoked_at_once() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let exchanged = api
        .post("/v1/auth/token", &owner, json!({}))
        .await
        .expect(200);
    let jwt = exchanged["access_token"].as_str().unwrap().to_owned();
    let me = async |token: &str| {
        api.call(Method::GET, "/v1/me", Some(token), None, &[])
            .await
            .status
            .as_u16()
    };
    assert_eq!(me(&jwt).await, 200);
    // A token cannot make a stronger one.
    let read = api
        .token_with(owner.user, owner.team, Role::Viewer, vec!["read".into()])
        .await;
    assert_eq!(
        api.post("/v1/teams/acme/apps", &read, json!({"name": "x"}))
            .await
            .status
            .as_u16(),
        403
    );
    assert_eq!(
        api.post(
            "/v1/me/tokens",
            &read,
            json!({"name": "x", "scopes": ["read"]})
        )
        .await
        .status
        .as_u16(),
        403
    );
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let strong = json!({"name": "x", "scopes": ["read"], "role": "owner"});
    assert_eq!(
        api.post("/v1/me/tokens", &viewer, strong)
            .await
            .status
            .as_u16(),
        403
    );
    // A kept answer has no secret in it.
    let body = json!({"name": "ci", "scopes": ["deploy"], "expires_in_days": 1});
    let first = with_key(&api, "/v1/me/tokens", &owner, "t1", body.clone())
        .await
        .expect(201);
    assert!(first["token"].as_str().unwrap().starts_with("segue_"));
    let again = with_key(&api, "/v1/me/tokens", &owner, "t1", body)
        .await
        .expect(201);
    assert_eq!(
        (again["id"].clone(), again["token"].clone()),
        (first["id"].clone(), Value::Null)
    );
    // Revoking ends the access token that was made from it.
    let path = format!("/v1/me/tokens/{}", owner.token_id);
    assert_eq!(
        api.call(Method::DELETE, &path, Some(&owner.token), None, &[])
            .await
            .status
            .as_u16(),
        204
    );
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
        api.call(
            Method::PATCH,
            &env,
            Some(&person.token),
            Some(protect.clone()),
            &[("if-match", &etag)],
        )
        .await
    };
    patch(&deployer).await.expect(403);
    patch(&owner).await.expect(200);
    let body = json!({"image": "nginx"});
    api.post(&format!("{env}/deployments"), &deployer, body.clone())
        .await
        .expect(403);
    api.get(&env, &deployer).await.expect(200);
    api.post(&format!("{env}/deployments"), &owner, body)
        .await
        .expect(202);
}
