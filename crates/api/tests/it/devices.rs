//! Devices sign in with a short code (RFC 8628), and keys of access tokens change.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api};
use crate::sessions::{signed_in, sql, with_password};

async fn post(api: &Api, path: &str, access: Option<&str>, body: Value) -> Answer {
    api.call(Method::POST, path, access, Some(body), &[]).await
}

async fn start(api: &Api, name: &str) -> Value {
    post(api, "/v1/device/auth", None, json!({"client_name": name}))
        .await
        .expect(200)
}

/// Asks as the device does, and lets its interval pass first.
async fn poll(api: &Api, started: &Value) -> Answer {
    sql(
        api,
        "update device_requests set polled_at = polled_at - interval '1 minute'",
    )
    .await;
    let body = json!({"device_code": started["device_code"]});
    post(api, "/v1/device/token", None, body).await
}

#[tokio::test]
async fn a_device_is_let_in_by_its_person_and_gets_a_token_of_its_own() {
    let api = Api::new().await;
    let ada = api.team("ada", false).await;
    with_password(&api, &ada).await;
    let session = signed_in(&api, "ada@example.com").await;
    let started = start(&api, "segue on laptop").await;
    let code = started["user_code"].as_str().unwrap();
    assert_eq!((code.len(), &code[4..5]), (9, "-"));
    assert!(
        code.bytes()
            .all(|b| b == b'-' || b"BCDFGHJKLMNPQRSTVWXZ".contains(&b)),
        "{code}"
    );
    assert_eq!(started["verification_uri"], "http://localhost:3000/device");
    assert_eq!(
        started["verification_uri_complete"],
        format!("http://localhost:3000/device?code={code}")
    );
    assert_eq!(
        (&started["expires_in"], &started["interval"]),
        (&json!(900), &json!(5))
    );
    let pending = poll(&api, &started).await;
    assert_eq!(pending.headers["retry-after"], "5");
    assert_eq!(pending.expect(400)["code"], "authorization_pending");
    // Without waiting: told to slow down, each time by five seconds more.
    for seconds in ["10", "15"] {
        let body = json!({"device_code": started["device_code"]});
        let fast = post(&api, "/v1/device/token", None, body).await;
        assert_eq!(fast.headers["retry-after"], seconds);
        assert_eq!(fast.expect(400)["code"], "slow_down");
    }
    let path = format!("/v1/device/{}", code.to_lowercase().replace('-', ""));
    let shown = api
        .call(Method::GET, &path, Some(&session.access), None, &[])
        .await
        .expect(200);
    assert_eq!(
        (&shown["client_name"], &shown["user_code"]),
        (&json!("segue on laptop"), &json!(code))
    );
    let confirm = json!({"user_code": code, "approve": true, "team": "ada"});
    assert_eq!(
        post(
            &api,
            "/v1/device/confirm",
            Some(&session.access),
            confirm.clone()
        )
        .await
        .status,
        204
    );
    let signed = poll(&api, &started).await.expect(200);
    assert_eq!(
        (&signed["team"]["name"], &signed["user"]["email"]),
        (&json!("ada"), &json!("ada@example.com"))
    );
    let token = signed["token"].as_str().unwrap();
    let me = api
        .call(Method::GET, "/v1/me", Some(token), None, &[])
        .await
        .expect(200);
    assert_eq!((&me["team"], &me["role"]), (&json!("ada"), &json!("owner")));
    // It stands in the list under the device's name, and can be ended there.
    let tokens = api
        .call(
            Method::GET,
            "/v1/me/tokens",
            Some(&session.access),
            None,
            &[],
        )
        .await
        .expect(200);
    let listed = tokens["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == signed["token_id"])
        .unwrap()
        .clone();
    assert_eq!(listed["name"], "segue on laptop");
    // Once: neither the device's code nor the person's works again.
    assert_eq!(
        poll(&api, &started).await.expect(400)["code"],
        "expired_token"
    );
    assert_eq!(
        post(&api, "/v1/device/confirm", Some(&session.access), confirm)
            .await
            .status,
        404
    );
    let path = format!("/v1/me/tokens/{}", signed["token_id"].as_str().unwrap());
    assert_eq!(
        api.call(Method::DELETE, &path, Some(&session.access), None, &[])
            .await
            .status,
        204
    );
    assert_eq!(
        api.call(Method::GET, "/v1/me", Some(token), None, &[])
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_device_is_turned_away_or_comes_too_late() {
    let api = Api::new().await;
    let ada = api.team("ada", false).await;
    let started = start(&api, "laptop").await;
    let deny = json!({"user_code": started["user_code"], "approve": false});
    assert_eq!(
        post(&api, "/v1/device/confirm", Some(&ada.token), deny)
            .await
            .status,
        204
    );
    assert_eq!(
        poll(&api, &started).await.expect(400)["code"],
        "access_denied"
    );
    let started = start(&api, "laptop").await;
    sql(&api, "update device_requests set expires_at = now()").await;
    assert_eq!(
        poll(&api, &started).await.expect(400)["code"],
        "expired_token"
    );
    let late = json!({"user_code": started["user_code"], "approve": true});
    assert_eq!(
        post(&api, "/v1/device/confirm", Some(&ada.token), late)
            .await
            .status,
        404
    );
    // Let in by somebody who is not in the team any more when the device comes.
    let ben = api.member(ada.team, "ben", segue_store::Role::Viewer).await;
    let started = start(&api, "laptop").await;
    let confirm = json!({"user_code": started["user_code"], "approve": true});
    assert_eq!(
        post(&api, "/v1/device/confirm", Some(&ben.token), confirm)
            .await
            .status,
        204
    );
    let path = format!("/v1/teams/ada/members/{}", ben.user);
    assert_eq!(
        api.call(Method::DELETE, &path, Some(&ada.token), None, &[])
            .await
            .status,
        204
    );
    assert_eq!(
        poll(&api, &started).await.expect(400)["code"],
        "access_denied"
    );
    for bad in ["", "x\u{7}", &"x".repeat(101)] {
        let answer = post(&api, "/v1/device/auth", None, json!({"client_name": bad})).await;
        assert_eq!(answer.status, 422, "{bad:?}");
    }
    let foreign = start(&api, "laptop").await;
    let body = json!({"user_code": foreign["user_code"], "approve": true, "team": "other"});
    assert_eq!(
        post(&api, "/v1/device/confirm", Some(&ada.token), body)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_token_hands_on_no_more_than_it_has() {
    let api = Api::new().await;
    let ada = api.team("ada", false).await;
    let scopes = |scopes: &[&str]| scopes.iter().map(ToString::to_string).collect();
    let weak = api
        .token_with(
            ada.user,
            ada.team,
            segue_store::Role::Deployer,
            scopes(&["read", "deploy"]),
        )
        .await;
    let started = start(&api, "laptop").await;
    let confirm = json!({"user_code": started["user_code"], "approve": true});
    assert_eq!(
        post(
            &api,
            "/v1/device/confirm",
            Some(&weak.token),
            confirm.clone()
        )
        .await
        .status,
        403
    );
    let middle = api
        .token_with(
            ada.user,
            ada.team,
            segue_store::Role::Deployer,
            scopes(&["read", "admin"]),
        )
        .await;
    assert_eq!(
        post(&api, "/v1/device/confirm", Some(&middle.token), confirm)
            .await
            .status,
        204
    );
    let token = poll(&api, &started).await.expect(200)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let me = api
        .call(Method::GET, "/v1/me", Some(&token), None, &[])
        .await
        .expect(200);
    assert_eq!(
        (&me["role"], &me["scopes"]),
        (&json!("deployer"), &json!(["read", "admin"]))
    );
}

#[tokio::test]
async fn short_codes_are_guessed_at_five_times_a_minute() {
    let api = Api::new().await;
    let ada = api.team("ada", false).await;
    let ben = api.team("ben", false).await;
    let started = start(&api, "laptop").await;
    let get = async |code: &str, token: &str| {
        api.call(
            Method::GET,
            &format!("/v1/device/{code}"),
            Some(token),
            None,
            &[],
        )
        .await
        .status
        .as_u16()
    };
    let right = started["user_code"].as_str().unwrap();
    for _ in 0..7 {
        assert_eq!(get(right, &ada.token).await, 200);
    }
    for code in [
        "BBBB-BBBB",
        "CCCC-CCCC",
        "nonsense",
        "DDDD-DDDD",
        "AEIO-UAEI",
    ] {
        assert_eq!(get(code, &ada.token).await, 404, "{code}");
    }
    assert_eq!(get(right, &ada.token).await, 429);
    assert_eq!(get(right, &ben.token).await, 200);
}

#[tokio::test]
async fn keys_change_without_anybody_noticing_and_every_server_learns_of_it() {
    let api = Api::new().await;
    let ada = api.team("ada", true).await;
    with_password(&api, &ada).await;
    let other = Api::over(api.store().clone(), None);
    let kids = async |api: &Api| {
        let set = api
            .call(Method::GET, "/v1/auth/jwks", None, None, &[])
            .await
            .expect(200);
        let keys = set["keys"].as_array().unwrap().clone();
        keys.iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let kid = |access: &str| {
        use base64::Engine as _;
        let head = access.split('.').next().unwrap();
        let head = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(head)
            .unwrap();
        serde_json::from_slice::<Value>(&head).unwrap()["kid"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let me = async |api: &Api, access: &str| {
        api.call(Method::GET, "/v1/me", Some(access), None, &[])
            .await
            .status
            .as_u16()
    };
    let before = signed_in(&api, "ada@example.com").await;
    let first = kid(&before.access);
    assert_eq!(kids(&other).await, std::slice::from_ref(&first));
    let made = post(&api, "/v1/auth/keys/rotate", Some(&ada.token), json!({}))
        .await
        .expect(201);
    let second = made["kid"].as_str().unwrap().to_owned();
    assert_eq!(kids(&api).await.len(), 2);
    // Not before every server had the time to read it.
    assert_eq!(kid(&signed_in(&api, "ada@example.com").await.access), first);
    sql(
        &api,
        "update signing_keys set active_at = active_at - interval '1 minute'",
    )
    .await;
    // Servers read it again within seconds; new ones at once.
    let third = Api::over(api.store().clone(), None);
    let after = signed_in(&third, "ada@example.com").await;
    assert_eq!(kid(&after.access), second);
    for server in [&api, &other, &third] {
        assert_eq!(
            (
                me(server, &before.access).await,
                me(server, &after.access).await
            ),
            (200, 200)
        );
    }
    let mut seen = kids(&third).await;
    seen.sort();
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    assert_eq!(seen, both);
    // The overlap is past.
    sql(
        &api,
        "update signing_keys set retires_at = now() where retires_at is not null",
    )
    .await;
    let late = Api::over(api.store().clone(), None);
    assert_eq!(
        (
            me(&late, &before.access).await,
            me(&late, &after.access).await
        ),
        (401, 200)
    );
    assert_eq!(kids(&late).await, std::slice::from_ref(&second));
    // A key that somebody has seen ends now, and the session makes new tokens with the next one.
    let made = post(
        &late,
        "/v1/auth/keys/rotate",
        Some(&ada.token),
        json!({"at_once": true}),
    )
    .await
    .expect(201);
    assert_eq!(me(&late, &after.access).await, 401);
    let headers = [("cookie", after.cookie.as_str()), ("x-segue-csrf", "1")];
    let renewed = late
        .call(Method::POST, "/v1/auth/refresh", None, None, &headers)
        .await
        .expect(200);
    let access = renewed["access_token"].as_str().unwrap();
    assert_eq!(kid(access), made["kid"].as_str().unwrap());
    // A server that has not looked for a while meets the new key and looks.
    assert_eq!(
        (me(&late, access).await, me(&third, access).await),
        (200, 200)
    );
    let mine = api.team("nobody", false).await;
    assert_eq!(
        post(&api, "/v1/auth/keys/rotate", Some(&mine.token), json!({}))
            .await
            .status,
        403
    );
}
