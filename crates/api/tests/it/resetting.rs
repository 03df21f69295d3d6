//! Forgotten passwords: who may make a link, what it is good for, and what becomes of it.

use axum::http::Method;
use segue_store::{Actor, Giver, NewMember, Role, TeamContext};
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};
use crate::sessions::{PASSWORD, login, signed_in, sql, with_password};

const NEW: &str = "battery staple";

async fn make(api: &Api, team: &str, person: &Person, access: &str) -> Answer {
    let path = format!("/v1/teams/{team}/members/{}/reset-link", person.user);
    api.call(Method::POST, &path, Some(access), None, &[]).await
}

async fn reset(api: &Api, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "password": password});
    api.call(Method::POST, "/v1/auth/reset", None, Some(body), &[])
        .await
}

async fn confirmed(api: &Api, email: &str) -> String {
    let session = signed_in(api, email).await.access;
    let body = json!({"password": PASSWORD});
    let path = "/v1/auth/confirm";
    api.call(Method::POST, path, Some(&session), Some(body), &[])
        .await
        .expect(200);
    session
}

fn token_of(made: &Value) -> String {
    let link = made["link"].as_str().unwrap();
    let (page, token) = link.split_once('#').unwrap();
    assert_eq!(page, "http://localhost:3000/reset");
    assert!(token.starts_with("segue_reset_"), "{token}");
    token.to_owned()
}

/// All that a client can see of a refusal.
fn visible(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    body.as_object_mut().unwrap().remove("request_id");
    let mut headers = answer.headers.clone();
    headers.remove("x-request-id");
    headers.remove("ratelimit");
    format!("{} {headers:?} {body}", answer.status)
}

async fn member_of(api: &Api, person: &Person, other: &Person, role: Role) {
    let context = TeamContext::new(other.team, Actor::System("test"));
    let new = NewMember {
        user: person.user,
        role,
        app: None,
        environment: None,
    };
    let scope = api.store().team(&context);
    scope
        .member_add(Giver::Installation, new, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_admin_makes_a_link_and_its_holder_gets_a_new_password() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    with_password(&api, &owner).await;
    let ben = api.member(owner.team, "ben", Role::Deployer).await;
    with_password(&api, &ben).await;
    let bens = signed_in(&api, "ben@example.com").await;
    let device = device(&api, &bens.access).await;
    // A session must have been confirmed; a token need not be.
    let plain = signed_in(&api, "acme@example.com").await.access;
    let refused = make(&api, "acme", &ben, &plain).await.expect(403);
    assert_eq!(refused["code"], "confirmation_required");
    let first = make(&api, "acme", &ben, &owner.token).await.expect(201);
    let session = confirmed(&api, "acme@example.com").await;
    let answer = make(&api, "acme", &ben, &session).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let made = answer.expect(201);
    assert_eq!(made["mailed"], false);
    let (old, token) = (token_of(&first), token_of(&made));
    // The form of a password is told before anything else; a newer link ends the older one.
    let short = reset(&api, &token, "short").await.expect(422);
    assert_eq!(short["errors"][0]["pointer"], "/password");
    assert_eq!(
        reset(&api, &old, NEW).await.expect(403)["code"],
        "reset_refused"
    );
    assert_eq!(login(&api, "ben@example.com", PASSWORD).await.status, 200);
    reset(&api, &token, NEW).await.expect(204);
    // The old password is nothing any more, and so is everything that was signed in with it.
    assert_eq!(login(&api, "ben@example.com", PASSWORD).await.status, 401);
    assert_eq!(login(&api, "ben@example.com", NEW).await.status, 200);
    for gone in [&bens.access, &device] {
        let asked = api.call(Method::GET, "/v1/me", Some(gone), None, &[]).await;
        assert_eq!(asked.status, 401);
    }
    // A token that was made by hand is listed and ended by itself.
    api.get("/v1/me", &ben).await.expect(200);
    reset(&api, &token, NEW).await.expect(403);
    // The team's log has who made it, the installation's what came of it; no link in either.
    let log = api
        .get(
            "/v1/teams/acme/audit-events?action=reset_link_create",
            &owner,
        )
        .await
        .expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
    assert_eq!(log["items"][0]["resource"], ben.user.to_string());
    assert_eq!(log["items"][0]["actor"], owner.user.to_string());
    let db = api.db.as_ref().unwrap();
    let used = "select resource || ' ' || (detail ->> 'devices_ended') || ' ' || (detail ->> 'link_of') from audit
        where team_id = '00000000-0000-0000-0000-000000000000' and action = 'password_reset'";
    let used = db.texts(used).await.unwrap();
    assert_eq!(used, [format!("{} 1 {}", ben.user, owner.user)]);
    let events = "select message from events where kind = 'member.reset_link'";
    let events = db.texts(events).await.unwrap();
    assert_eq!(
        events[0],
        "ben@example.com was given a link for a new password"
    );
    let kept = "select count(*)::text from audit where detail::text like '%segue_reset_%'";
    assert_eq!(db.texts(kept).await.unwrap(), ["0"]);
}

/// A token of a device that this person let in.
async fn device(api: &Api, access: &str) -> String {
    let post = async |path: &str, access: Option<&str>, body: Value| {
        api.call(Method::POST, path, access, Some(body), &[]).await
    };
    let started = post("/v1/device/auth", None, json!({"client_name": "laptop"}))
        .await
        .expect(200);
    let approve = json!({"user_code": started["user_code"], "approve": true});
    post("/v1/device/confirm", Some(access), approve)
        .await
        .expect(204);
    let body = json!({"device_code": started["device_code"]});
    let got = post("/v1/device/token", None, body).await.expect(200);
    got["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn of_a_link_that_is_not_good_nobody_learns_why() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let ben = api.member(owner.team, "ben", Role::Viewer).await;
    let fresh = async || token_of(&make(&api, "acme", &ben, &owner.token).await.expect(201));
    let unknown = |prefix: &str| {
        use sha2::{Digest as _, Sha256};
        let random = hex::encode(Sha256::digest(prefix));
        let check = hex::encode(Sha256::digest(format!("segue token check\0{random}")));
        format!("{prefix}{random}{}", &check[..8])
    };
    let used = fresh().await;
    reset(&api, &used, NEW).await.expect(204);
    let expired = fresh().await;
    sql(&api, "update password_resets set expires_at = now()").await;
    let replaced = fresh().await;
    let good = fresh().await;
    // Links of other kinds, that are good for what they are.
    let setup = segue_api::setup_link(api.store(), "").await.unwrap();
    let setup = setup.unwrap();
    let setup = setup.strip_prefix("/setup?token=").unwrap().to_owned();
    let invited = json!({"email": "eve@example.com", "role": "viewer"});
    let invited = api
        .post("/v1/teams/acme/invitations", &owner, invited)
        .await
        .expect(201);
    let (_, invitation) = invited["link"].as_str().unwrap().split_once('#').unwrap();
    with_password(&api, &owner).await;
    let session = signed_in(&api, "acme@example.com").await;
    let (_, refresh) = session.cookie.split_once('=').unwrap();
    let bad = [
        ("unknown", unknown("segue_reset_")),
        ("used", used),
        ("expired", expired),
        ("replaced", replaced),
        ("set-up link", setup),
        ("invitation", invitation.to_owned()),
        ("API token", owner.token.clone()),
        ("refresh token", refresh.to_owned()),
        ("access token", session.access.clone()),
        ("unknown device code", unknown("segue_device_")),
        ("unknown API token", unknown("segue_")),
        ("empty", String::new()),
        ("no token", "x".repeat(5000)),
        ("cut", good[..good.len() - 1].to_owned()),
        ("longer", format!("{good}0")),
        ("upper case", good.to_uppercase()),
        ("without its kind", good.replace("segue_reset_", "segue_")),
        (
            "as another kind",
            good.replace("segue_reset_", "segue_device_"),
        ),
        ("a URL", format!("http://localhost:3000/reset#{good}")),
    ];
    let mut answers = Vec::new();
    for (name, token) in &bad {
        let answer = reset(&api, token, "another staple").await;
        assert_eq!(answer.status, 403, "{name}: {}", answer.body);
        answers.push((name, visible(&answer)));
    }
    for (name, answer) in &answers {
        assert_eq!(answer, &answers[0].1, "{name}");
    }
    // It opens nothing else either.
    let elsewhere = api
        .call(Method::GET, "/v1/me", Some(&good), None, &[])
        .await;
    assert_eq!(elsewhere.status, 401);
    let body = json!({"token": good});
    let path = "/v1/invitations/show";
    let shown = api.call(Method::POST, path, None, Some(body), &[]).await;
    assert_eq!(shown.expect(404)["code"], "invitation_unknown");
    // And is still good for what it is.
    reset(&api, &good, "another staple").await.expect(204);
    assert_eq!(
        login(&api, "ben@example.com", "another staple")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn nobody_reaches_above_himself_or_into_another_team() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let admin = api.member(owner.team, "admin", Role::Admin).await;
    let other_admin = api.member(owner.team, "other", Role::Admin).await;
    let deployer = api.member(owner.team, "deployer", Role::Deployer).await;
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let elsewhere = api.team("globex", false).await;
    let operator = api.team("operators", true).await;
    with_password(&api, &admin).await;
    let session = confirmed(&api, "admin@example.com").await;
    let status = async |person: &Person, access: &str| {
        make(&api, "acme", person, access).await.status.as_u16()
    };
    // By role.
    assert_eq!(status(&owner, &session).await, 403);
    assert_eq!(status(&other_admin, &session).await, 201);
    assert_eq!(status(&viewer, &session).await, 201);
    assert_eq!(status(&viewer, &deployer.token).await, 403);
    assert_eq!(status(&viewer, &elsewhere.token).await, 404);
    assert_eq!(status(&elsewhere, &session).await, 404);
    assert_eq!(status(&admin, &session).await, 409, "for himself");
    // A person with a role elsewhere, which the admin has no say in.
    member_of(&api, &viewer, &elsewhere, Role::Viewer).await;
    let refused = make(&api, "acme", &viewer, &session).await.expect(403);
    let hint = refused["hint"].as_str().unwrap();
    assert!(hint.contains("segue admin reset-password"), "{hint}");
    // In which he is an admin too: by the session, which reaches both, and not by a token of one team.
    member_of(&api, &admin, &elsewhere, Role::Admin).await;
    assert_eq!(status(&viewer, &session).await, 201);
    assert_eq!(status(&viewer, &admin.token).await, 403);
    assert_eq!(status(&deployer, &admin.token).await, 201);
    // A token is bounded by its own role.
    let weak = api.token(owner.user, owner.team, Role::Admin).await;
    member_of(&api, &operator, &owner, Role::Viewer).await;
    let second = api.member(owner.team, "second", Role::Owner).await;
    assert_eq!(status(&second, &weak.token).await, 403);
    assert_eq!(status(&second, &owner.token).await, 201);
    // The people who run the installation are out of everybody's reach but their own.
    assert_eq!(status(&operator, &owner.token).await, 403);
    with_password(&api, &operator).await;
    let operators = confirmed(&api, "operators@example.com").await;
    assert_eq!(status(&owner, &operators).await, 201);
    let foreign = make(&api, "globex", &elsewhere, &operators).await;
    foreign.expect(201);
    assert_eq!(
        make(&api, "globex", &elsewhere, &operator.token)
            .await
            .status,
        404,
        "a token is one of its team"
    );
    let nowhere = make(&api, "nowhere", &elsewhere, &operators).await;
    assert_eq!(nowhere.status, 404);
}

#[tokio::test]
async fn a_link_ends_with_what_it_rests_on() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let admin = api.member(owner.team, "admin", Role::Admin).await;
    let ben = api.member(owner.team, "ben", Role::Viewer).await;
    let globex = api.team("globex", false).await;
    let link = async || token_of(&make(&api, "acme", &ben, &admin.token).await.expect(201));
    // The person became more than who made it.
    let token = link().await;
    member_of(&api, &ben, &globex, Role::Owner).await;
    reset(&api, &token, NEW).await.expect(403);
    sql(
        &api,
        "delete from memberships m using teams t where t.id = m.team_id and t.name = 'globex' and m.user_id in (select id from users where email = 'ben@example.com')",
    )
    .await;
    reset(&api, &token, NEW).await.expect(204);
    // Who made it became less.
    let token = link().await;
    let path = format!("/v1/teams/acme/members/{}", admin.user);
    let lowered = json!({"role": "deployer"});
    api.call(Method::PATCH, &path, Some(&owner.token), Some(lowered), &[])
        .await
        .expect(200);
    reset(&api, &token, NEW).await.expect(403);
    // A disabled person gets no new password.
    let token = token_of(&make(&api, "acme", &ben, &owner.token).await.expect(201));
    let account = api
        .store()
        .account(ben.user, TeamContext::platform(Actor::System("test")));
    account.disable(true).await.unwrap();
    reset(&api, &token, NEW).await.expect(403);
    make(&api, "acme", &ben, &owner.token).await.expect(403);
    // Nor is a link left over when the person remembers.
    account.disable(false).await.unwrap();
    with_password(&api, &ben).await;
    let token = token_of(&make(&api, "acme", &ben, &owner.token).await.expect(201));
    let session = signed_in(&api, "ben@example.com").await.access;
    let changed = json!({"current": PASSWORD, "new": NEW});
    let path = "/v1/me/password";
    api.call(Method::POST, path, Some(&session), Some(changed), &[])
        .await
        .expect(204);
    reset(&api, &token, "third password").await.expect(403);
}

#[tokio::test]
async fn of_ten_who_use_a_link_at_once_one_sets_the_password() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let ben = api.member(owner.team, "ben", Role::Viewer).await;
    let token = token_of(&make(&api, "acme", &ben, &owner.token).await.expect(201));
    let passwords: Vec<String> = (0..10).map(|n| format!("password number {n}")).collect();
    let tries = passwords
        .iter()
        .map(|password| reset(&api, &token, password));
    let answers = futures::future::join_all(tries).await;
    let done: Vec<_> = answers
        .iter()
        .zip(&passwords)
        .filter(|(answer, _)| answer.status == 204)
        .collect();
    assert_eq!(done.len(), 1);
    let statuses: Vec<u16> = answers.iter().map(|one| one.status.as_u16()).collect();
    assert!(
        statuses
            .iter()
            .all(|status| matches!(status, 204 | 403 | 429)),
        "{statuses:?}"
    );
    let let_in = login(&api, "ben@example.com", done[0].1).await;
    assert_eq!(let_in.status, 200);
}

#[tokio::test]
async fn on_the_server_a_link_is_made_for_anybody() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let operator = || TeamContext::platform(Actor::System("admin"));
    let made = async || {
        segue_api::reset_link(api.store(), operator(), "http://localhost:3000", owner.user).await
    };
    let link = json!({"link": made().await.unwrap()});
    reset(&api, &token_of(&link), NEW).await.expect(204);
    assert_eq!(login(&api, "acme@example.com", NEW).await.status, 200);
    let by = "select detail ->> 'link_of' from audit where action = 'password_reset'";
    let by = api.db.as_ref().unwrap().texts(by).await.unwrap();
    assert_eq!(by, ["segue/admin"]);
    let account = api.store().account(owner.user, operator());
    account.disable(true).await.unwrap();
    let refused = made().await.unwrap_err();
    assert!(
        refused.is_conflict_with("reset_above_own_role"),
        "{refused:?}"
    );
}

/// A server that sends mail; what it would send waits in its store.
async fn mailing() -> Api {
    let mut api = Api::new().await;
    api.config.mail = true;
    api.router = segue_api::router(
        api.config.clone(),
        api.store().clone(),
        tokio_util::sync::CancellationToken::new(),
    )
    .unwrap();
    api
}

async fn forgot(api: &Api, email: &str) -> Answer {
    let body = json!({"email": email});
    let path = "/v1/auth/reset-request";
    api.call(Method::POST, path, None, Some(body), &[]).await
}

/// The tokens of the letters that are due, each with its address; they are forgotten.
async fn letters(api: &Api) -> Vec<(String, String)> {
    let system = api.store().system();
    let hold = std::time::Duration::from_secs(60);
    let mut found = Vec::new();
    for claimed in system.letter_claim(hold, 10).await.unwrap() {
        let text = claimed.letter.text.expose_str().unwrap().to_owned();
        let token = text.split_once("/reset#").unwrap().1;
        let token = token.split_whitespace().next().unwrap().to_owned();
        found.push((claimed.letter.address, token));
        system.letter_done(claimed.id).await.unwrap();
    }
    found
}

#[tokio::test]
async fn a_forgotten_password_is_mended_by_mail_and_nobody_learns_who_has_an_account() {
    let api = mailing().await;
    let owner = api.team("acme", false).await;
    let ben = api.member(owner.team, "ben", Role::Deployer).await;
    with_password(&api, &ben).await;
    // Somebody without a password has none to forget; mia was never here, eve may not sign in.
    api.member(owner.team, "ann", Role::Viewer).await;
    let eve = api.member(owner.team, "eve", Role::Viewer).await;
    with_password(&api, &eve).await;
    sql(
        &api,
        "update users set disabled_at = now() where email = 'eve@example.com'",
    )
    .await;
    let known = forgot(&api, "Ben@Example.com").await;
    assert_eq!((known.status.as_u16(), &known.body), (204, &json!("")));
    for other in ["mia", "ann", "eve"] {
        let answer = forgot(&api, &format!("{other}@example.com")).await;
        assert_eq!(seen(&answer), seen(&known), "{other}");
    }
    let mut sent = letters(&api).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    let (address, token) = sent.pop().unwrap();
    assert_eq!(address, "ben@example.com");

    // At once again: the same answer, and no second letter. A link that an admin made is not touched by it.
    let made = make(&api, "acme", &ben, &owner.token).await.expect(201);
    letters(&api).await;
    assert_eq!(seen(&forgot(&api, "ben@example.com").await), seen(&known));
    assert!(letters(&api).await.is_empty());
    sql(
        &api,
        "update password_resets set created_at = now() - interval '11 minutes'",
    )
    .await;
    assert_eq!(seen(&forgot(&api, "ben@example.com").await), seen(&known));
    let again = letters(&api).await.pop().unwrap().1;
    assert_eq!(reset(&api, &token, NEW).await.status, 403, "an older one");
    let good =
        "select count(*)::text from password_resets where used_at is null and expires_at > now()";
    let db = api.db.as_ref().unwrap();
    assert_eq!(db.texts(good).await.unwrap(), ["2"]);
    assert_eq!(reset(&api, &again, NEW).await.status, 204);
    assert_eq!(reset(&api, &again, NEW).await.status, 403, "used");
    assert_eq!(
        reset(&api, &token_of(&made), NEW).await.status,
        403,
        "ended by it"
    );
    assert_eq!(login(&api, "ben@example.com", NEW).await.status, 200);

    let records = "select action || ' ' || coalesce(detail ->> 'link_of', '') from audit
        where action in ('reset_ask', 'password_reset') order by seq";
    assert_eq!(
        db.texts(records).await.unwrap(),
        ["reset_ask ", "reset_ask ", "password_reset own mail"]
    );
}

#[tokio::test]
async fn asking_for_letters_is_bounded_for_every_address_alike() {
    let api = mailing().await;
    let owner = api.team("acme", false).await;
    with_password(&api, &owner).await;
    for address in ["acme@example.com", "nobody@example.com"] {
        for _ in 0..5 {
            assert_eq!(forgot(&api, address).await.status, 204, "{address}");
        }
        let refused = forgot(&api, address).await;
        assert!(refused.headers.contains_key("retry-after"), "{address}");
        assert_eq!(refused.expect(429)["code"], "rate_limited");
    }
    assert_eq!(letters(&api).await.len(), 1);
    let none = Api::new().await;
    let told = forgot(&none, "acme@example.com").await.expect(409);
    assert!(told["hint"].as_str().unwrap().contains("admin"), "{told}");
    forgot(&none, "no address").await.expect(422);
}

/// All that a client can see of an answer without a body.
fn seen(answer: &Answer) -> String {
    let mut headers = answer.headers.clone();
    headers.remove("x-request-id");
    headers.remove("ratelimit");
    format!("{} {headers:?} {}", answer.status, answer.body)
}

#[tokio::test]
async fn where_mail_is_sent_the_link_goes_that_way_too_and_only_sealed() {
    let api = mailing().await;
    let owner = api.team("acme", false).await;
    let ben = api.member(owner.team, "ben", Role::Viewer).await;
    let made = make(&api, "acme", &ben, &owner.token).await.expect(201);
    assert_eq!(made["mailed"], true);
    let token = token_of(&made);
    let system = api.store().system();
    let hold = std::time::Duration::from_secs(60);
    let claimed = system.letter_claim(hold, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    let letter = &claimed[0].letter;
    assert_eq!(letter.address, "ben@example.com");
    let text = letter.text.expose_str().unwrap();
    assert!(
        text.contains(&format!("/reset#{token}")) && text.contains("acme"),
        "{text}"
    );
    let open =
        "select count(*)::text from letters where encode(sealed, 'escape') like '%segue_reset_%'";
    let db = api.db.as_ref().unwrap();
    assert_eq!(db.texts(open).await.unwrap(), ["0"]);
    // It is somebody's for a while, comes back, and is forgotten when it is sent or too old.
    assert!(system.letter_claim(hold, 10).await.unwrap().is_empty());
    let now = std::time::Duration::ZERO;
    system.letter_again(claimed[0].id, now).await.unwrap();
    assert_eq!(system.letter_claim(hold, 10).await.unwrap()[0].attempts, 1);
    system.letter_done(claimed[0].id).await.unwrap();
    make(&api, "acme", &ben, &owner.token).await.expect(201);
    sql(&api, "update letters set expires_at = now()").await;
    assert!(system.letter_claim(hold, 10).await.unwrap().is_empty());
    let left = "select count(*)::text from letters";
    assert_eq!(db.texts(left).await.unwrap(), ["0"]);
}
