//! Invitations: shown once, good once, for one person; what a link tells whom.

use axum::http::Method;
use segue_model::id::InvitationId;
use segue_store::{Actor, Giver, MemberPlace, NewInvitation, Role, TeamContext, fresh_id};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Answer, Api, Person, with_key};

const INVITATIONS: &str = "/v1/teams/acme/invitations";

async fn invite(api: &Api, by: &Person, email: &str, role: &str) -> (String, String) {
    let made = api
        .post(INVITATIONS, by, json!({"email": email, "role": role}))
        .await
        .expect(201);
    (made["id"].as_str().unwrap().to_owned(), token_of(&made))
}

fn token_of(made: &Value) -> String {
    let link = made["link"].as_str().unwrap();
    let (page, token) = link.split_once('#').unwrap();
    assert!(page.ends_with("/invite"), "{link}");
    token.to_owned()
}

async fn show(api: &Api, token: &str) -> Answer {
    let body = json!({ "token": token });
    api.call(Method::POST, "/v1/invitations/show", None, Some(body), &[])
        .await
}

async fn accept(api: &Api, by: Option<&Person>, body: Value) -> Answer {
    let path = "/v1/invitations/accept";
    let token = by.map(|by| by.token.as_str());
    api.call(Method::POST, path, token, Some(body), &[]).await
}

/// An invitation that ended a second ago, with its token.
async fn expired(api: &Api, by: &Person, email: &str) -> String {
    let random = hex::encode(Sha256::digest(fresh_id().as_bytes()));
    let check = hex::encode(Sha256::digest(format!("segue token check\0{random}")));
    let token = format!("segue_{random}{}", &check[..8]);
    let new = NewInvitation {
        id: InvitationId::from_uuid(fresh_id()),
        email: email.to_owned(),
        role: Role::Viewer,
        place: MemberPlace::default(),
        hash: Sha256::digest(&token).into(),
        created_by: by.user,
        expires_at: segue_model::Timestamp::now() - jiff::SignedDuration::from_secs(1),
    };
    let context = TeamContext::new(by.team, Actor::User(by.user));
    let scope = api.store().team(&context);
    let made = scope.invitation_create(Giver::Installation, &new, None);
    made.await.unwrap();
    token
}

fn new_person(token: &str) -> Value {
    json!({"token": token, "name": "Bob", "password": "correct horse"})
}

#[tokio::test]
async fn a_new_person_is_invited_accepts_once_and_is_a_member() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let body = json!({"email": " Bob@Example.com ", "role": "deployer"});
    let first = with_key(&api, INVITATIONS, &owner, "k", body.clone()).await;
    assert_eq!(first.headers["cache-control"], "no-store");
    let first = first.expect(201);
    let token = token_of(&first);
    // The link is shown once: not in a repeated answer, not in the list, not in the database.
    let again = with_key(&api, INVITATIONS, &owner, "k", body)
        .await
        .expect(201);
    assert_eq!((&again["id"], &again["link"]), (&first["id"], &Value::Null));
    let listed = api.get(INVITATIONS, &owner).await.expect(200);
    assert_eq!(listed["items"][0]["state"], "open");
    assert_eq!(listed["items"][0]["email"], "bob@example.com");
    assert!(!listed.to_string().contains(&token));

    let shown = show(&api, &token).await.expect(200);
    assert_eq!(
        (
            &shown["team"],
            &shown["email"],
            &shown["role"],
            &shown["account_exists"]
        ),
        (
            &json!("acme"),
            &json!("bob@example.com"),
            &json!("deployer"),
            &json!(false)
        )
    );
    for (bad, pointer) in [
        (json!({"token": token}), "/password"),
        (json!({"token": token, "password": "short"}), "/password"),
        (
            json!({"token": token, "password": "correct horse", "name": "a\nb"}),
            "/name",
        ),
    ] {
        let refused = accept(&api, None, bad).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    let done = accept(&api, None, new_person(&token)).await.expect(200);
    assert_eq!(
        (&done["team"], &done["role"], &done["email"]),
        (
            &json!("acme"),
            &json!("deployer"),
            &json!("bob@example.com")
        )
    );
    let members = api.get("/v1/teams/acme/members", &owner).await.expect(200);
    let bob = &members["items"][1];
    assert_eq!(
        (&bob["name"], &bob["role"]),
        (&json!("Bob"), &json!("deployer"))
    );
    // Used: that is all that is told, to whoever holds the link.
    for answer in [
        show(&api, &token).await,
        accept(&api, None, new_person(&token)).await,
    ] {
        let told = answer.expect(410);
        assert_eq!(told["code"], "invitation_used");
        for secret in ["bob", "acme", "deployer"] {
            assert!(!told.to_string().contains(secret), "{told}");
        }
    }
    let audit = api
        .get("/v1/teams/acme/audit-events", &owner)
        .await
        .expect(200);
    let newest = &audit["items"][0];
    assert_eq!(newest["action"], "invitation_accept");
    assert_eq!(
        (&newest["actor"], &newest["actor_name"]),
        (&bob["user"], &json!("Bob"))
    );
    assert!(!audit.to_string().contains(&token));
}

#[tokio::test]
async fn a_link_that_is_over_unknown_or_for_somebody_else_says_so_and_nothing_more() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    // Unknown and damaged ones.
    for bad in [
        "",
        "x",
        "segue_",
        &format!("segue_{}", "0".repeat(72)),
        &owner.token,
    ] {
        for answer in [
            show(&api, bad).await,
            accept(&api, None, new_person(bad)).await,
        ] {
            assert_eq!(answer.expect(404)["code"], "invitation_unknown", "{bad}");
        }
    }
    // Taken back.
    let (id, token) = invite(&api, &owner, "bob@example.com", "viewer").await;
    let path = format!("{INVITATIONS}/{id}");
    let revoke = || api.call(Method::DELETE, &path, Some(&owner.token), None, &[]);
    revoke().await.expect(204);
    revoke().await.expect(404);
    let told = show(&api, &token).await.expect(410);
    assert_eq!(told["code"], "invitation_revoked");
    assert!(!told.to_string().contains("bob"));
    // Replaced by a newer one for the same person and place.
    let (_, older) = invite(&api, &owner, "bob@example.com", "viewer").await;
    let (_, newer) = invite(&api, &owner, "bob@example.com", "deployer").await;
    assert_eq!(
        show(&api, &older).await.expect(410)["code"],
        "invitation_revoked"
    );
    show(&api, &newer).await.expect(200);
    // Too old.
    let older = expired(&api, &owner, "bob@example.com").await;
    assert_eq!(
        show(&api, &newer).await.expect(410)["code"],
        "invitation_revoked"
    );
    let told = show(&api, &older).await.expect(410);
    assert_eq!(told["code"], "invitation_expired");
    let newer = older;
    let told = accept(&api, None, new_person(&newer)).await.expect(410);
    assert_eq!(told["code"], "invitation_expired");
    assert!(!told.to_string().contains("bob"));
    let states: Vec<Value> = api.get(INVITATIONS, &owner).await.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["state"].clone())
        .collect();
    assert_eq!(states, ["expired", "revoked", "revoked", "revoked"]);
    // For somebody else.
    let (_, token) = invite(&api, &owner, "bob@example.com", "viewer").await;
    let stranger = api.team("other", false).await;
    let told = accept(&api, Some(&stranger), json!({ "token": token }))
        .await
        .expect(403);
    assert_eq!(told["code"], "invitation_foreign");
    assert!(!told.to_string().contains("bob"));
    show(&api, &token).await.expect(200);
    // With a sign-in that is not good, nobody is taken for a new person.
    let bad = Person {
        token: "segue_bad".into(),
        ..stranger
    };
    accept(&api, Some(&bad), new_person(&token))
        .await
        .expect(401);
}

#[tokio::test]
async fn who_has_an_account_signs_in_to_accept() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let bob = api.team("bob", false).await;
    let (_, token) = invite(&api, &owner, "bob@example.com", "admin").await;
    assert_eq!(show(&api, &token).await.expect(200)["account_exists"], true);
    let refused = accept(&api, None, new_person(&token)).await.expect(409);
    assert_eq!(refused["code"], "account_exists");
    // Not by a token that is for less than the account.
    let read = api
        .token_with(bob.user, bob.team, Role::Viewer, vec!["read".into()])
        .await;
    accept(&api, Some(&read), json!({ "token": token }))
        .await
        .expect(403);
    accept(&api, Some(&bob), json!({ "token": token }))
        .await
        .expect(200);
    // The answer was lost: the same person gets it again, and nothing is done twice.
    accept(&api, Some(&bob), json!({ "token": token }))
        .await
        .expect(200);
    let members = api.get("/v1/teams/acme/members", &owner).await.expect(200);
    assert_eq!(members["items"].as_array().unwrap().len(), 2);
    // Who is a member already is not invited again to the same place, but to a stronger one they may be.
    let again = json!({"email": "bob@example.com", "role": "viewer"});
    api.post(INVITATIONS, &owner, again).await.expect(409);
}

#[tokio::test]
async fn two_who_accept_at_once_make_one_membership() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    for round in 0..3 {
        let email = format!("p{round}@example.com");
        let (_, token) = invite(&api, &owner, &email, "viewer").await;
        let all = futures::future::join_all((0..6).map(|_| accept(&api, None, new_person(&token))));
        let mut statuses: Vec<u16> = all.await.iter().map(|a| a.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200);
        assert!(
            statuses[1..].iter().all(|status| *status == 410),
            "{statuses:?}"
        );
    }
    // The same for a person who is signed in: the answer is the same one each time.
    let bob = api.team("bob", false).await;
    let (_, token) = invite(&api, &owner, "bob@example.com", "viewer").await;
    let all = futures::future::join_all(
        (0..6).map(|_| accept(&api, Some(&bob), json!({ "token": token }))),
    );
    for answer in all.await {
        answer.expect(200);
    }
    let members = api.get("/v1/teams/acme/members", &owner).await.expect(200);
    assert_eq!(members["items"].as_array().unwrap().len(), 5);
    for member in members["items"].as_array().unwrap() {
        assert_eq!(member["roles"].as_array().unwrap().len(), 1, "{member}");
    }
}

#[tokio::test]
async fn an_invitation_gives_no_more_than_its_maker_has_and_never_less_than_there_is() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let admin = api.member(owner.team, "admin", Role::Admin).await;
    let deployer = api.member(owner.team, "deployer", Role::Deployer).await;
    let body = |role: &str| json!({"email": "bob@example.com", "role": role});
    api.post(INVITATIONS, &admin, body("owner"))
        .await
        .expect(403);
    api.post(INVITATIONS, &deployer, body("viewer"))
        .await
        .expect(403);
    for bad in [
        json!({"email": "bob", "role": "viewer"}),
        json!({"email": "", "role": "viewer"}),
        json!({"email": format!("{}@x", "a".repeat(300)), "role": "viewer"}),
        json!({"email": "bob@example.com", "role": "king"}),
        json!({"email": "bob@example.com", "role": "viewer", "app": "nothing"}),
        json!({"email": "bob@example.com", "role": "viewer", "expires_in_days": 0}),
        json!({"email": "bob@example.com", "role": "viewer", "expires_in_days": 31}),
        json!({"email": "bob@example.com", "role": "viewer", "expires_in_days": "x"}),
    ] {
        let refused = api.post(INVITATIONS, &owner, bad.clone()).await;
        assert_eq!(refused.status, 422, "{bad}");
    }
    // To one app: the person reaches it and nothing else.
    api.app(&owner, "acme", "shop").await;
    let made = api
        .post(
            INVITATIONS,
            &admin,
            json!({"email": "bob@example.com", "role": "viewer", "app": "shop"}),
        )
        .await
        .expect(201);
    assert_eq!(made["app"], "shop");
    let done = accept(&api, None, new_person(&token_of(&made)))
        .await
        .expect(200);
    let user: segue_model::id::UserId = done["user"].as_str().unwrap().parse().unwrap();
    let bob = api.token(user, owner.team, Role::Viewer).await;
    api.get("/v1/teams/acme/apps/shop", &bob).await.expect(200);
    api.get("/v1/teams/acme/members", &bob).await.expect(403);
    // Invited to the team, and made an owner before they accept: they stay one.
    let (_, token) = invite(&api, &owner, "bob@example.com", "viewer").await;
    let path = format!("/v1/teams/acme/members/{user}");
    let body = json!({"role": "owner"});
    api.call(Method::PATCH, &path, Some(&owner.token), Some(body), &[])
        .await
        .expect(200);
    accept(&api, Some(&bob), json!({ "token": token }))
        .await
        .expect(200);
    assert_eq!(api.get(&path, &owner).await.expect(200)["role"], "owner");
}
