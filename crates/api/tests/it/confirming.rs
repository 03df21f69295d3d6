//! The password again: what a session may not do without it, and the values of secrets.

use axum::http::Method;
use segue_store::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};
use crate::sessions::{PASSWORD, signed_in, sql, with_password};

async fn post(api: &Api, path: &str, access: &str, body: Option<Value>) -> Answer {
    api.call(Method::POST, path, Some(access), body, &[]).await
}

async fn confirm(api: &Api, access: &str, password: &str) -> Answer {
    let body = json!({"password": password});
    post(api, "/v1/auth/confirm", access, Some(body)).await
}

/// A team with an app that has a secret, and its owner signed in.
async fn shop(api: &Api) -> (Person, String, String) {
    let owner = api.team("acme", false).await;
    with_password(api, &owner).await;
    let env = api.app(&owner, "acme", "shop").await;
    let path = format!("{env}/secrets/STRIPE_KEY");
    let set = format!("{path}?deploy=false");
    let body = json!({"value": "sk_live_canary"});
    let token = Some(owner.token.as_str());
    api.call(Method::PUT, &set, token, Some(body), &[])
        .await
        .expect(200);
    (owner, env, format!("{path}/reveal"))
}

fn needs_it(answer: Answer) {
    let body = answer.expect(403);
    assert_eq!(body["code"], "confirmation_required", "{body}");
    let hint = body["hint"].as_str().unwrap();
    assert!(hint.contains("/v1/auth/confirm"), "{hint}");
}

#[tokio::test]
async fn a_secret_is_shown_to_a_confirmed_session_and_everybody_learns_of_it() {
    let api = Api::new().await;
    let (owner, _, reveal) = shop(&api).await;
    let session = signed_in(&api, "acme@example.com").await.access;
    needs_it(post(&api, &reveal, &session, None).await);
    let wrong = confirm(&api, &session, "wrong horse").await.expect(422);
    assert_eq!(wrong["errors"][0]["pointer"], "/password");
    needs_it(post(&api, &reveal, &session, None).await);
    let confirmed = confirm(&api, &session, PASSWORD).await.expect(200);
    let until: segue_model::Timestamp = confirmed["confirmed_until"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let left = until - segue_model::Timestamp::now();
    let left = left.total(jiff::Unit::Second).unwrap();
    assert!((500.0..=600.0).contains(&left), "{left}");
    let shown = post(&api, &reveal, &session, None).await;
    assert_eq!(shown.headers["cache-control"], "no-store");
    assert_eq!(
        shown.expect(200),
        json!({"key": "STRIPE_KEY", "value": "sk_live_canary"})
    );
    // In the log and for those who watch, without the value.
    let log = api
        .get("/v1/teams/acme/audit-events?action=secret_reveal", &owner)
        .await
        .expect(200);
    let record = &log["items"][0];
    assert_eq!(log["items"].as_array().unwrap().len(), 1, "{log}");
    assert_eq!(record["actor"], owner.user.to_string());
    assert_eq!(record["detail"]["key"], "STRIPE_KEY");
    let events = api.db.as_ref().unwrap();
    let events = events
        .texts("select message from events where kind = 'secret.revealed'")
        .await
        .unwrap();
    assert_eq!(events, ["secret STRIPE_KEY was revealed"]);
    for table in ["audit", "events", "idempotency", "webhook_deliveries"] {
        let query = format!("select count(*)::text from {table} t where t::text like '%canary%'");
        let query: &'static str = query.leak();
        let found = api.db.as_ref().unwrap().texts(query).await.unwrap();
        assert_eq!(found, ["0"], "{table}");
    }
    // What is not there is not there.
    let none = reveal.replace("STRIPE_KEY", "OTHER_KEY");
    post(&api, &none, &session, None).await.expect(404);
    // Another session of the same person was not confirmed; and this one not for long.
    let other = signed_in(&api, "acme@example.com").await.access;
    needs_it(post(&api, &reveal, &other, None).await);
    sql(
        &api,
        "update refresh_families set confirmed_until = now() - interval '1 second'",
    )
    .await;
    needs_it(post(&api, &reveal, &session, None).await);
    // A confirmation that is stale is none, and one of a session that has ended is none either.
    confirm(&api, &session, PASSWORD).await.expect(200);
    sql(&api, "update refresh_families set revoked_at = now()").await;
    assert_eq!(post(&api, &reveal, &session, None).await.status, 401);
    assert_eq!(confirm(&api, &session, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn who_may_see_values_is_an_admin_and_of_a_protected_environment_an_owner() {
    let api = Api::new().await;
    let (owner, env, reveal) = shop(&api).await;
    let status = async |person: &Person| {
        api.call(Method::POST, &reveal, Some(&person.token), None, &[])
            .await
    };
    // A token without the scope, whoever made it.
    let refused = status(&owner).await.expect(403);
    assert_eq!(refused["code"], "forbidden");
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("secret:reveal"),
        "{refused}"
    );
    let mut people = Vec::new();
    for role in [Role::Viewer, Role::Deployer, Role::Admin, Role::Owner] {
        let person = api.member(owner.team, role.as_str(), role).await;
        people.push(api.with_every_scope(&person, role).await);
    }
    let statuses = async || {
        let mut statuses = Vec::new();
        for person in &people {
            statuses.push(status(person).await.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses().await, [403, 403, 200, 200]);
    let etag = api.get(&env, &owner).await.etag();
    let condition = [("if-match", etag.as_str())];
    let body = Some(json!({"protected": true}));
    let protect = api.call(Method::PATCH, &env, Some(&owner.token), body, &condition);
    protect.await.expect(200);
    assert_eq!(statuses().await, [403, 403, 403, 200]);
    // Signed in, a viewer is told of the role and not asked for the password.
    with_password(&api, &people[0]).await;
    let session = signed_in(&api, "viewer@example.com").await.access;
    confirm(&api, &session, PASSWORD).await.expect(200);
    let refused = post(&api, &reveal, &session, None).await.expect(403);
    assert_eq!(refused["code"], "forbidden");
}

#[tokio::test]
async fn a_token_that_reveals_is_made_by_whoever_gave_the_password_again() {
    let api = Api::new().await;
    let (owner, _, reveal) = shop(&api).await;
    let session = signed_in(&api, "acme@example.com").await.access;
    let wish = |scopes: Value| json!({"name": "vault", "role": "admin", "scopes": scopes, "expires_in_days": 1});
    for path in ["/v1/teams/acme/tokens", "/v1/me/tokens"] {
        let make =
            async |access: &str, scopes: Value| post(&api, path, access, Some(wish(scopes))).await;
        sql(&api, "update refresh_families set confirmed_until = null").await;
        needs_it(make(&session, json!(["secret:reveal"])).await);
        make(&session, json!(["read", "admin"])).await.expect(201);
        // A token without the scope makes none with it, and needs no confirmation for others.
        let stronger = make(&owner.token, json!(["secret:reveal"])).await;
        assert_eq!(stronger.expect(403)["code"], "forbidden");
        confirm(&api, &session, PASSWORD).await.expect(200);
        let made = make(&session, json!(["secret:reveal"])).await.expect(201);
        let token = made["token"].as_str().unwrap();
        let shown = post(&api, &reveal, token, None).await.expect(200);
        assert_eq!(shown["value"], "sk_live_canary");
        // It reveals, and reads nothing else.
        let asked = api.call(Method::GET, "/v1/teams/acme/apps", Some(token), None, &[]);
        asked.await.expect(403);
    }
    // A token cannot be confirmed.
    let refused = confirm(&api, &owner.token, PASSWORD).await.expect(409);
    assert_eq!(refused["code"], "conflict");
    // A device that is let in by a confirmed session gets no more than by any other.
    let started = post_device(&api, json!({"client_name": "laptop"})).await;
    let approve = json!({"user_code": started["user_code"], "approve": true});
    post(&api, "/v1/device/confirm", &session, Some(approve))
        .await
        .expect(204);
    let body = json!({"device_code": started["device_code"]});
    let path = "/v1/device/token";
    let token = api.call(Method::POST, path, None, Some(body), &[]).await;
    let token = token.expect(200)["token"].as_str().unwrap().to_owned();
    post(&api, &reveal, &token, None).await.expect(403);
}

async fn post_device(api: &Api, body: Value) -> Value {
    api.call(Method::POST, "/v1/device/auth", None, Some(body), &[])
        .await
        .expect(200)
}

#[tokio::test]
async fn an_open_browser_removes_no_app_and_no_team() {
    let api = Api::new().await;
    let (owner, env, _) = shop(&api).await;
    let session = signed_in(&api, "acme@example.com").await.access;
    let app = env.strip_suffix("/envs/production").unwrap();
    let delete = async |path: &str, access: &str| {
        let etag = api.get(path, &owner).await.headers.get("etag").cloned();
        let etag = etag.map(|etag| etag.to_str().unwrap().to_owned());
        let headers: Vec<_> = etag
            .iter()
            .map(|etag| ("if-match", etag.as_str()))
            .collect();
        api.call(Method::DELETE, path, Some(access), None, &headers)
            .await
    };
    needs_it(delete(app, &session).await);
    needs_it(delete("/v1/teams/acme", &session).await);
    api.get(app, &owner).await.expect(200);
    confirm(&api, &session, PASSWORD).await.expect(200);
    delete(app, &session).await.expect(204);
    delete("/v1/teams/acme", &session).await.expect(204);
}

#[tokio::test]
async fn the_password_is_guessed_at_five_times_a_minute_here_too() {
    let api = Api::new().await;
    let (_, _, reveal) = shop(&api).await;
    let session = signed_in(&api, "acme@example.com").await.access;
    for _ in 0..5 {
        confirm(&api, &session, "wrong horse").await.expect(422);
    }
    let refused = confirm(&api, &session, PASSWORD).await;
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(refused.expect(429)["code"], "rate_limited");
    // They count with those of signing in.
    let login = crate::sessions::login(&api, "acme@example.com", PASSWORD).await;
    login.expect(429);
    needs_it(post(&api, &reveal, &session, None).await);
    sql(
        &api,
        "update sign_in_attempts set at = at - interval '1 minute'",
    )
    .await;
    let long = confirm(&api, &session, &"x".repeat(257)).await;
    assert_eq!(long.expect(422)["errors"][0]["pointer"], "/password");
    confirm(&api, &session, PASSWORD).await.expect(200);
}
