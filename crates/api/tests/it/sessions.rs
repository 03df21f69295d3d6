//! People sign in with a password, stay signed in by a cookie, and see and end where they are signed in.

use axum::http::Method;
use segue_store::{Actor, Keep, Role, TeamContext};
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

pub const PASSWORD: &str = "correct horse";

/// Somebody who is signed in: an access token and the cookie's `name=value`.
#[derive(Debug, Clone)]
pub struct Session {
    pub access: String,
    pub cookie: String,
}

impl Session {
    fn of(answer: Answer) -> Self {
        let set = answer.headers["set-cookie"].to_str().unwrap();
        Self {
            cookie: set.split(';').next().unwrap().to_owned(),
            access: answer.body["access_token"].as_str().unwrap().to_owned(),
        }
    }
}

/// Gives a person a password, as an invitation would.
pub async fn with_password(api: &Api, person: &Person) {
    let context = TeamContext::platform(Actor::System("test"));
    let account = api.store().account(person.user, context);
    account.password_set(&hash(), Keep::Nothing).await.unwrap();
}

fn hash() -> String {
    use argon2::password_hash::PasswordHasher as _;
    argon2::Argon2::default()
        .hash_password(PASSWORD.as_bytes())
        .unwrap()
        .to_string()
}

pub async fn login(api: &Api, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    let headers = [("user-agent", "a browser")];
    api.call(Method::POST, "/v1/auth/login", None, Some(body), &headers)
        .await
}

pub async fn signed_in(api: &Api, email: &str) -> Session {
    let answer = login(api, email, PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Session::of(answer)
}

async fn refresh(api: &Api, cookie: &str) -> Answer {
    let headers = [("cookie", cookie), ("x-segue-csrf", "1")];
    api.call(Method::POST, "/v1/auth/refresh", None, None, &headers)
        .await
}

async fn ask(api: &Api, method: Method, path: &str, access: &str, body: Option<Value>) -> Answer {
    api.call(method, path, Some(access), body, &[]).await
}

async fn me(api: &Api, access: &str) -> u16 {
    let answer = ask(api, Method::GET, "/v1/me", access, None).await;
    answer.status.as_u16()
}

/// What time would do.
pub async fn sql(api: &Api, statement: &'static str) {
    let db = api.db.as_ref().unwrap();
    db.execute(statement).await.unwrap();
}

/// What a client can see but for what names the request.
fn visible(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    body.as_object_mut().unwrap().remove("request_id");
    let mut headers = answer.headers.clone();
    headers.remove("x-request-id");
    headers.remove("ratelimit");
    format!("{} {headers:?} {body}", answer.status)
}

pub async fn people() -> (Api, Person) {
    let api = Api::new().await;
    let ada = api.team("ada", true).await;
    with_password(&api, &ada).await;
    (api, ada)
}

#[tokio::test]
async fn a_person_signs_in_and_nobody_learns_who_exists() {
    let (api, _) = people().await;
    let invited = api.team("invited", false).await;
    let wrong = login(&api, "ada@example.com", "wrong horse").await;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.body["code"]),
        (401, &json!("sign_in_refused"))
    );
    for nobody in ["nobody@example.com", "invited@example.com"] {
        let unknown = login(&api, nobody, PASSWORD).await;
        assert_eq!(visible(&unknown), visible(&wrong), "{nobody}");
    }
    let answer = login(&api, " Ada@Example.com ", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-segue_refresh=segue_refresh_"),
        "{cookie}"
    );
    for part in ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(cookie.split("; ").any(|one| one == part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(
        (
            &answer.body["token_type"],
            &answer.body["expires_in"],
            &answer.body["teams"][0]["name"],
            &answer.body["teams"][0]["role"]
        ),
        (
            &json!("Bearer"),
            &json!(600),
            &json!("ada"),
            &json!("owner")
        )
    );
    let session = Session::of(answer);
    let shown = ask(&api, Method::GET, "/v1/me", &session.access, None)
        .await
        .expect(200);
    assert_eq!(shown["email"], "ada@example.com");
    assert!(shown["session_id"].as_str().unwrap().starts_with("ses_"));
    assert_eq!(
        (&shown["token_id"], &shown["team"]),
        (&Value::Null, &Value::Null)
    );
    // The refresh token is no access token, the access token no refresh token.
    let (_, refresh_token) = session.cookie.split_once('=').unwrap();
    assert_eq!(me(&api, refresh_token).await, 401);
    let swapped = format!("__Host-segue_refresh={}", session.access);
    assert_eq!(
        refresh(&api, &swapped).await.expect(401)["code"],
        "session_ended"
    );
    // Somebody who exists and never had a password is not let in by any.
    assert_eq!(login(&api, "invited@example.com", "").await.status, 401);
    drop(invited);
    for (bad, pointer) in [
        (json!({"email": "no address", "password": "x"}), "/email"),
        (
            json!({"email": "a@b", "password": "x".repeat(257)}),
            "/password",
        ),
        (json!({"email": "a@b", "password": 7}), "/password"),
    ] {
        let answer = api
            .call(Method::POST, "/v1/auth/login", None, Some(bad), &[])
            .await;
        assert_eq!(answer.expect(422)["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn a_session_is_renewed_once_and_ends_when_an_old_cookie_comes_back() {
    let (api, _) = people().await;
    let first = signed_in(&api, "ada@example.com").await;
    // Only pages of this server may.
    for headers in [
        vec![("cookie", first.cookie.as_str())],
        vec![("cookie", first.cookie.as_str()), ("x-segue-csrf", "0")],
        vec![
            ("cookie", first.cookie.as_str()),
            ("x-segue-csrf", "1"),
            ("sec-fetch-site", "cross-site"),
        ],
        vec![
            ("cookie", first.cookie.as_str()),
            ("x-segue-csrf", "1"),
            ("sec-fetch-site", "same-site"),
        ],
    ] {
        for path in ["/v1/auth/refresh", "/v1/auth/logout"] {
            let answer = api.call(Method::POST, path, None, None, &headers).await;
            assert_eq!(answer.status, 400, "{headers:?}");
        }
    }
    let none = refresh(&api, "other=1").await;
    assert_eq!(none.expect(401)["code"], "session_ended");
    let second = Session::of(refresh(&api, &first.cookie).await);
    assert_ne!(first.cookie, second.cookie);
    assert_eq!(
        (
            me(&api, &first.access).await,
            me(&api, &second.access).await
        ),
        (200, 200)
    );
    // Another tab that had the old cookie: it is told to send the new one.
    let tab = refresh(&api, &first.cookie).await;
    assert!(tab.headers.get("set-cookie").is_none());
    assert_eq!(tab.expect(409)["code"], "refresh_superseded");
    let third = Session::of(refresh(&api, &second.cookie).await);
    // The same a while later: somebody has a copy. Both lose, and what they had made of it.
    sql(
        &api,
        "update refresh_tokens set used_at = used_at - interval '11 seconds'",
    )
    .await;
    let thief = refresh(&api, &first.cookie).await;
    assert_eq!(thief.expect(401)["code"], "session_ended");
    assert_eq!(refresh(&api, &third.cookie).await.status, 401);
    assert_eq!(me(&api, &third.access).await, 401);
    // It stands in the installation's record.
    let query = "select actor || ' ' || action from audit
        where team_id = '00000000-0000-0000-0000-000000000000' and action like 'session%' order by seq";
    let actions = api.db.as_ref().unwrap().texts(query).await.unwrap();
    let sign_in = actions[0].split_once(' ').unwrap();
    assert!(
        sign_in.0.starts_with("usr_") && sign_in.1 == "session_start",
        "{actions:?}"
    );
    assert_eq!(actions[1..], ["segue/sign-in session_reuse"]);
}

#[tokio::test]
async fn a_session_does_not_outlive_its_end() {
    let (api, _) = people().await;
    let session = signed_in(&api, "ada@example.com").await;
    sql(&api, "update refresh_families set expires_at = now()").await;
    assert_eq!(me(&api, &session.access).await, 401);
    assert_eq!(refresh(&api, &session.cookie).await.status, 401);
    let session = signed_in(&api, "ada@example.com").await;
    sql(&api, "update refresh_tokens set expires_at = now()").await;
    assert_eq!(refresh(&api, &session.cookie).await.status, 401);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie() {
    let (api, _) = people().await;
    let session = signed_in(&api, "ada@example.com").await;
    let other = signed_in(&api, "ada@example.com").await;
    let headers = [("cookie", session.cookie.as_str()), ("x-segue-csrf", "1")];
    let logout = async || {
        api.call(Method::POST, "/v1/auth/logout", None, None, &headers)
            .await
    };
    let answer = logout().await;
    assert_eq!(answer.status, 204);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-segue_refresh=; Path=/; Max-Age=0;"),
        "{cookie}"
    );
    assert_eq!(
        (
            me(&api, &session.access).await,
            me(&api, &other.access).await
        ),
        (401, 200)
    );
    assert_eq!(refresh(&api, &session.cookie).await.status, 401);
    // Once more changes nothing.
    assert_eq!(logout().await.status, 204);
}

#[tokio::test]
async fn sessions_are_seen_and_ended_by_their_person() {
    let (api, _) = people().await;
    let eve = api.team("eve", false).await;
    let (one, two) = (
        signed_in(&api, "ada@example.com").await,
        signed_in(&api, "ada@example.com").await,
    );
    let list = async |access: &str| {
        ask(&api, Method::GET, "/v1/me/sessions", access, None)
            .await
            .expect(200)
    };
    let listed = list(&two.access).await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["current"], &items[1]["current"]),
        (2, &json!(true), &json!(false))
    );
    assert_eq!(items[0]["client"], "a browser");
    let page = ask(
        &api,
        Method::GET,
        "/v1/me/sessions?limit=1",
        &two.access,
        None,
    )
    .await
    .expect(200);
    let next = format!(
        "/v1/me/sessions?limit=1&cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    let page = ask(&api, Method::GET, &next, &two.access, None)
        .await
        .expect(200);
    assert_eq!(
        (&page["items"][0]["id"], &page["next_cursor"]),
        (&items[1]["id"], &Value::Null)
    );
    let path = format!("/v1/me/sessions/{}", items[1]["id"].as_str().unwrap());
    // Another person's session is not there.
    assert_eq!(
        api.call(Method::DELETE, &path, Some(&eve.token), None, &[])
            .await
            .status,
        404
    );
    assert_eq!(
        ask(&api, Method::DELETE, &path, &two.access, None)
            .await
            .status,
        204
    );
    assert_eq!(
        ask(&api, Method::DELETE, &path, &two.access, None)
            .await
            .status,
        404
    );
    assert_eq!(
        (me(&api, &one.access).await, me(&api, &two.access).await),
        (401, 200)
    );
    assert_eq!(
        list(&two.access).await["items"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let (api, ada) = people().await;
    let (one, two) = (
        signed_in(&api, "ada@example.com").await,
        signed_in(&api, "ada@example.com").await,
    );
    let set = async |current: &str, new: &str| {
        let body = json!({"current": current, "new": new});
        ask(
            &api,
            Method::POST,
            "/v1/me/password",
            &two.access,
            Some(body),
        )
        .await
    };
    assert_eq!(
        set("wrong horse", "battery staple").await.expect(422)["errors"][0]["pointer"],
        "/current"
    );
    assert_eq!(
        set(PASSWORD, "short").await.expect(422)["errors"][0]["pointer"],
        "/new"
    );
    assert_eq!(set(PASSWORD, "battery staple").await.status, 204);
    assert_eq!(
        (me(&api, &one.access).await, me(&api, &two.access).await),
        (401, 200)
    );
    assert_eq!(refresh(&api, &one.cookie).await.status, 401);
    assert_eq!(refresh(&api, &two.cookie).await.status, 200);
    assert_eq!(login(&api, "ada@example.com", PASSWORD).await.status, 401);
    assert_eq!(
        login(&api, "ada@example.com", "battery staple")
            .await
            .status,
        200
    );
    // API tokens stay: they are listed and ended by themselves.
    assert_eq!(api.get("/v1/me", &ada).await.status, 200);
}

#[tokio::test]
async fn what_is_taken_from_a_person_is_taken_at_once() {
    let (api, ada) = people().await;
    let ben = api.member(ada.team, "ben", Role::Deployer).await;
    with_password(&api, &ben).await;
    let session = signed_in(&api, "ben@example.com").await;
    let team = async |access: &str| {
        ask(&api, Method::GET, "/v1/teams/ada", access, None)
            .await
            .status
            .as_u16()
    };
    assert_eq!(team(&session.access).await, 200);
    let path = format!("/v1/teams/ada/members/{}", ben.user);
    assert_eq!(
        api.call(Method::DELETE, &path, Some(&ada.token), None, &[])
            .await
            .status,
        204
    );
    // Still signed in, but the team is not there any more.
    assert_eq!(
        (team(&session.access).await, me(&api, &session.access).await),
        (404, 200)
    );
    assert_eq!(me(&api, &ben.token).await, 401);
    let account = api
        .store()
        .account(ben.user, TeamContext::platform(Actor::System("test")));
    account.disable(true).await.unwrap();
    assert_eq!(
        (
            me(&api, &session.access).await,
            refresh(&api, &session.cookie).await.status.as_u16()
        ),
        (401, 401)
    );
    assert_eq!(
        login(&api, "ben@example.com", PASSWORD).await.expect(401)["code"],
        "sign_in_refused"
    );
    account.disable(false).await.unwrap();
    signed_in(&api, "ben@example.com").await;
    assert_eq!(me(&api, &session.access).await, 401);
}

#[tokio::test]
async fn a_session_reaches_all_teams_of_its_person_and_acts_under_their_name() {
    let (api, ada) = people().await;
    let session = signed_in(&api, "ada@example.com").await;
    let one = ask(&api, Method::GET, "/v1/events", &session.access, None).await;
    assert_eq!(one.status, 200, "one team needs no name");
    let made = ask(
        &api,
        Method::POST,
        "/v1/teams",
        &session.access,
        Some(json!({"name": "second"})),
    )
    .await;
    made.expect(201);
    let teams = ask(&api, Method::GET, "/v1/teams", &session.access, None)
        .await
        .expect(200);
    let names: Vec<&str> = teams["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|team| team["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ada", "second"]);
    for path in ["/v1/events", "/v1/me/tokens"] {
        let unclear = ask(&api, Method::GET, path, &session.access, None)
            .await
            .expect(400);
        assert_eq!(unclear["errors"][0]["pointer"], "team", "{path}");
        for (team, status) in [
            ("second", 200),
            (ada.team.to_string().as_str(), 200),
            ("third", 404),
        ] {
            let answer = ask(
                &api,
                Method::GET,
                &format!("{path}?team={team}"),
                &session.access,
                None,
            )
            .await;
            assert_eq!(answer.status, status, "{path} {team}");
        }
    }
    // A token reaches one team only, whatever it asks for.
    let foreign = api.get("/v1/events?team=second", &ada).await;
    assert_eq!(foreign.status, 404);
    let app = ask(
        &api,
        Method::POST,
        "/v1/teams/second/apps",
        &session.access,
        Some(json!({"name": "shop"})),
    )
    .await;
    app.expect(201);
    // An event is shown when nothing older is still being written, by whoever uses the same Postgres.
    let shown = async {
        loop {
            let path = "/v1/events?team=second";
            let events = ask(&api, Method::GET, path, &session.access, None)
                .await
                .expect(200);
            if let Some(last) = events["items"].as_array().unwrap().last() {
                return last.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let last = tokio::time::timeout(std::time::Duration::from_secs(60), shown)
        .await
        .unwrap();
    assert_eq!(last["actor"], "ada", "{last}");
    let query = "select distinct actor from audit where action = 'app_create'";
    let actors = api.db.as_ref().unwrap().texts(query).await.unwrap();
    assert_eq!(actors, [ada.user.to_string()]);
    // A session is no API token to be exchanged.
    let exchanged = ask(&api, Method::POST, "/v1/auth/token", &session.access, None).await;
    assert_eq!(exchanged.status, 403);
    let renamed = ask(
        &api,
        Method::PATCH,
        "/v1/me",
        &session.access,
        Some(json!({"name": " Ada L. "})),
    )
    .await;
    assert_eq!(renamed.expect(200)["name"], "Ada L.");
    for bad in [
        json!({"name": ""}),
        json!({"name": "a\nb"}),
        json!({}),
        json!({"admin": true}),
    ] {
        let answer = ask(
            &api,
            Method::PATCH,
            "/v1/me",
            &session.access,
            Some(bad.clone()),
        )
        .await;
        assert_eq!(answer.status, 422, "{bad}");
    }
}
