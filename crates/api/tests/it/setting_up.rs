//! The one-time link: what becomes of it is told in a sentence that says what to do.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api};
use crate::sessions::{PASSWORD, signed_in, sql};

async fn link(api: &Api) -> String {
    let link = segue_api::setup_link(api.store(), "").await.unwrap();
    let link = link.unwrap();
    link.strip_prefix("/setup?token=").unwrap().to_owned()
}

async fn set_up(api: &Api, token: &str, email: &str) -> Answer {
    let body = json!({"token": token, "email": email, "password": PASSWORD, "team": "acme"});
    api.call(Method::POST, "/v1/setup", None, Some(body), &[])
        .await
}

fn refusal(answer: Answer) -> (Value, Value) {
    let body = answer.expect(403);
    assert_eq!(body["code"], "setup_refused");
    (body["detail"].clone(), body["hint"].clone())
}

#[tokio::test]
async fn a_link_is_good_once_and_for_half_an_hour() {
    let api = Api::new().await;
    let too_old = (
        json!("this link is older than 30 minutes, or a newer one was printed"),
        json!("print a new one on the server: segue admin setup-link"),
    );
    let first = link(&api).await;
    // A newer one ends it.
    let second = link(&api).await;
    assert_eq!(
        refusal(set_up(&api, &first, "ada@example.com").await),
        too_old
    );
    let ends =
        "select (expires_at - created_at)::text from setup_tokens order by created_at desc limit 1";
    let life = api.db.as_ref().unwrap().texts(ends).await.unwrap();
    assert!(
        life[0].starts_with("00:30:00") || life[0].starts_with("00:29:59"),
        "{life:?}"
    );
    sql(&api, "update setup_tokens set expires_at = now()").await;
    assert_eq!(
        refusal(set_up(&api, &second, "ada@example.com").await),
        too_old
    );
    let third = link(&api).await;
    for wrong in [
        "",
        "segue_",
        &third[..40],
        &format!("{third}0"),
        &third.to_uppercase(),
    ] {
        let (detail, _) = refusal(set_up(&api, wrong, "ada@example.com").await);
        assert_eq!(
            detail, "this link is not one of this server, or not complete",
            "{wrong}"
        );
    }
    let answer = set_up(&api, &third, "Ada@Example.com").await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.headers["cache-control"], "no-store");
    // Signed in already: the cookie is there, and the access token is good.
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let access = answer.body["signed_in"]["access_token"].as_str().unwrap();
    let me = api
        .call(Method::GET, "/v1/me", Some(access), None, &[])
        .await;
    assert_eq!(me.expect(200)["platform_admin"], true);
    let headers = [("cookie", cookie), ("x-segue-csrf", "1")];
    let renewed = api
        .call(Method::POST, "/v1/auth/refresh", None, None, &headers)
        .await;
    assert_eq!(renewed.status, 200);
    signed_in(&api, "ada@example.com").await;
    assert_eq!(
        refusal(set_up(&api, &third, "eve@example.com").await),
        (
            json!("this link was used: the owner account exists"),
            json!("sign in with the address and the password that were given then"),
        )
    );
    let (detail, _) = refusal(set_up(&api, &second, "eve@example.com").await);
    assert_eq!(detail, "this installation has an owner account already");
    assert_eq!(segue_api::setup_link(api.store(), "").await.unwrap(), None);
}

#[tokio::test]
async fn of_ten_who_use_a_link_at_once_one_becomes_the_owner() {
    let api = Api::new().await;
    let token = link(&api).await;
    let emails: Vec<String> = (0..10).map(|n| format!("p{n}@example.com")).collect();
    let tries = emails.iter().map(|email| set_up(&api, &token, email));
    let answers = futures::future::join_all(tries).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status.as_u16(), 201 | 403))
    );
    let owners = "select email from users where platform_admin";
    let owners = api.db.as_ref().unwrap().texts(owners).await.unwrap();
    assert_eq!(owners.len(), 1, "{owners:?}");
}
