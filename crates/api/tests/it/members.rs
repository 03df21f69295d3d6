//! People of a team: roles on team, app and environment, who may give what, and what a removal takes along.

use axum::http::Method;
use segue_store::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Person};

async fn patch(api: &Api, path: &str, by: &Person, body: Value) -> Answer {
    api.call(Method::PATCH, path, Some(&by.token), Some(body), &[])
        .await
}

async fn remove(api: &Api, path: &str, by: &Person) -> Answer {
    api.call(Method::DELETE, path, Some(&by.token), None, &[])
        .await
}

fn of(person: &Person) -> String {
    format!("/v1/teams/acme/members/{}", person.user)
}

#[tokio::test]
async fn nobody_gives_or_takes_above_his_own_role() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let admin = api.member(owner.team, "admin", Role::Admin).await;
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let role = |role: &str| json!({ "role": role });
    patch(&api, &of(&viewer), &admin, role("deployer"))
        .await
        .expect(200);
    for (who, body) in [
        (&viewer, role("owner")),
        (&admin, role("owner")),
        (&owner, role("viewer")),
        (&owner, json!({"role": null})),
    ] {
        let refused = patch(&api, &of(who), &admin, body).await.expect(403);
        assert_eq!(refused["code"], "forbidden");
        assert!(
            refused["detail"].as_str().unwrap().contains("above"),
            "{refused}"
        );
    }
    remove(&api, &of(&owner), &admin).await.expect(403);
    // An admin's token that is bounded lower gives no more than that.
    let weak = api.token(admin.user, admin.team, Role::Deployer).await;
    patch(&api, &of(&viewer), &weak, role("viewer"))
        .await
        .expect(403);
    // An owner may.
    let made = patch(&api, &of(&admin), &owner, role("owner"))
        .await
        .expect(200);
    assert_eq!(made["role"], "owner");
    assert_eq!(made["roles"], json!([{"role": "owner"}]));
    for bad in [
        json!({"role": "root"}),
        json!({}),
        json!({"role": "viewer", "more": 1}),
        json!({"role": "viewer", "app": "nothing"}),
        json!({"role": "viewer", "environment": "production"}),
    ] {
        let refused = patch(&api, &of(&viewer), &owner, bad.clone()).await;
        assert_eq!(refused.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    for answer in [
        remove(&api, &of(&owner), &owner).await,
        patch(&api, &of(&owner), &owner, json!({"role": "admin"})).await,
        patch(&api, &of(&owner), &owner, json!({"role": null})).await,
    ] {
        let refused = answer.expect(409);
        assert_eq!(refused["code"], "last_owner");
        assert_eq!(refused["hint"], "make somebody else an owner first");
    }
    // Two owners who remove each other at the same moment: one stays.
    for round in 0..5 {
        let other = api
            .member(owner.team, &format!("second{round}"), Role::Owner)
            .await;
        let (own, others) = (of(&owner), of(&other));
        let (one, two) = tokio::join!(
            patch(&api, &own, &owner, json!({"role": "admin"})),
            patch(&api, &others, &other, json!({"role": "admin"})),
        );
        let mut both = [one.status.as_u16(), two.status.as_u16()];
        both.sort_unstable();
        assert_eq!(both, [200, 409]);
        // Back to one owner, the first.
        let now = if one.status == 200 { &other } else { &owner };
        patch(&api, &own, now, json!({"role": "owner"}))
            .await
            .expect(200);
        remove(&api, &others, &owner).await.expect(204);
    }
}

#[tokio::test]
async fn who_is_removed_is_out_at_once_with_tokens_and_invitations() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let admin = api.member(owner.team, "admin", Role::Admin).await;
    let tokens = "/v1/teams/acme/tokens";
    let made = api
        .post(
            tokens,
            &admin,
            json!({"name": "ci", "role": "admin", "scopes": ["read"], "expires_in_days": 9}),
        )
        .await
        .expect(201);
    let machine = made["token"].as_str().unwrap();
    let see = async |token: &str| {
        api.call(Method::GET, "/v1/teams/acme", Some(token), None, &[])
            .await
            .status
            .as_u16()
    };
    assert_eq!((see(&admin.token).await, see(machine).await), (200, 200));
    let invited = api
        .post(
            "/v1/teams/acme/invitations",
            &admin,
            json!({"email": "eve@example.com", "role": "admin"}),
        )
        .await
        .expect(201);
    // Lowered: at once, and what rests on the old role with it.
    patch(&api, &of(&admin), &owner, json!({"role": "viewer"}))
        .await
        .expect(200);
    api.get("/v1/teams/acme/invitations", &admin)
        .await
        .expect(403);
    let link = invited["link"].as_str().unwrap();
    let token = link.split_once('#').unwrap().1;
    let show = api
        .call(
            Method::POST,
            "/v1/invitations/show",
            None,
            Some(json!({ "token": token })),
            &[],
        )
        .await;
    assert_eq!(show.expect(410)["code"], "invitation_revoked");
    // Removed: nothing answers any more, also when they come back.
    remove(&api, &of(&admin), &owner).await.expect(204);
    assert_eq!((see(&admin.token).await, see(machine).await), (401, 401));
    remove(&api, &of(&admin), &owner).await.expect(404);
    let listed = api.get(tokens, &owner).await.expect(200);
    assert!(
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|token| token["created_by"] == admin.user.to_string())
            .all(|token| token["revoked_at"].is_string()),
        "{listed:#}"
    );
}

#[tokio::test]
async fn everybody_may_leave_but_not_by_a_token_for_less() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    remove(&api, &of(&owner), &viewer).await.expect(403);
    let read = api
        .token_with(viewer.user, viewer.team, Role::Viewer, vec!["read".into()])
        .await;
    remove(&api, &of(&viewer), &read).await.expect(403);
    remove(&api, &of(&viewer), &viewer).await.expect(204);
    api.get("/v1/teams/acme", &viewer).await.expect(401);
}

#[tokio::test]
async fn a_role_on_one_app_or_environment_reaches_that_and_no_more() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let shop = api.app(&owner, "acme", "shop").await;
    let blog = api.app(&owner, "acme", "blog").await;
    let envs = "/v1/teams/acme/apps/shop/envs";
    api.post(envs, &owner, json!({"name": "staging", "kind": "staging"}))
        .await
        .expect(201);
    let person = api.member(owner.team, "bob", Role::Viewer).await;
    let other = api.member(owner.team, "cleo", Role::Viewer).await;
    // From the whole team to one app, and to one environment.
    let members = "/v1/teams/acme/members";
    let add = |email: &str, role: &str, environment: Option<&str>| json!({"email": email, "role": role, "app": "shop", "environment": environment});
    let mut body = add("bob@example.com", "deployer", None);
    body.as_object_mut().unwrap().remove("environment");
    api.post(members, &owner, body.clone()).await.expect(201);
    api.post(members, &owner, body).await.expect(409);
    api.post(
        members,
        &owner,
        add("cleo@example.com", "deployer", Some("staging")),
    )
    .await
    .expect(201);
    for who in [&person, &other] {
        patch(&api, &of(who), &owner, json!({"role": null}))
            .await
            .expect(200);
    }
    let strong = |user: &Person| api.token(user.user, user.team, Role::Deployer);
    let (bob, cleo) = (strong(&person).await, strong(&other).await);
    let names = |page: Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for (who, environments) in [
        (&bob, vec!["production", "staging"]),
        (&cleo, vec!["staging"]),
    ] {
        api.get("/v1/teams/acme", who).await.expect(200);
        let apps = api.get("/v1/teams/acme/apps", who).await.expect(200);
        assert_eq!(names(apps), ["shop"]);
        api.get("/v1/teams/acme/apps/shop", who).await.expect(200);
        assert_eq!(names(api.get(envs, who).await.expect(200)), environments);
        api.get("/v1/teams/acme/apps/blog", who).await.expect(403);
        api.get(&format!("{blog}/config"), who).await.expect(403);
        api.get(members, who).await.expect(403);
        api.get("/v1/teams/acme/audit-events", who)
            .await
            .expect(403);
        let make = json!({"name": "third"});
        api.post("/v1/teams/acme/apps", who, make).await.expect(403);
    }
    let set = async |env: &str, who: &Person| {
        patch(&api, &format!("{env}/config"), who, json!({"A": "1"}))
            .await
            .status
            .as_u16()
    };
    let staging = format!("{envs}/staging");
    assert_eq!(
        (set(&shop, &bob).await, set(&staging, &bob).await),
        (200, 200)
    );
    assert_eq!(
        (set(&shop, &cleo).await, set(&staging, &cleo).await),
        (403, 200)
    );
    // What the list says of them, with names.
    let listed = api.get(members, &owner).await.expect(200);
    let roles = |email: &str| {
        let items = listed["items"].as_array().unwrap();
        items
            .iter()
            .find(|item| item["email"] == email)
            .map(|item| (item["role"].clone(), item["roles"].clone()))
            .unwrap()
    };
    assert_eq!(
        roles("cleo@example.com"),
        (
            Value::Null,
            json!([{"role": "deployer", "app": "shop", "environment": "staging"}])
        )
    );
    // A token for the app is as strong as its maker there, and no stronger.
    let token = |role: &str| json!({"name": "ci", "role": role, "scopes": ["deploy"], "app": "shop", "expires_in_days": 1});
    let tokens = "/v1/teams/acme/tokens";
    let made = api.post(tokens, &bob, token("deployer")).await.expect(201);
    api.post(tokens, &bob, token("admin")).await.expect(403);
    api.post(tokens, &cleo, token("deployer")).await.expect(403);
    let machine = made["token"].as_str();
    let answer = api.call(Method::GET, &shop, machine, None, &[]).await;
    answer.expect(200);
    let answer = api.call(Method::GET, &blog, machine, None, &[]).await;
    answer.expect(404);
    // The last role goes: out.
    let body = json!({"role": null, "app": "shop", "environment": "staging"});
    let gone = patch(&api, &of(&other), &owner, body).await.expect(200);
    assert_eq!(gone["roles"], json!([]));
    api.get("/v1/teams/acme", &cleo).await.expect(401);
}

#[tokio::test]
async fn nobody_is_put_into_a_team_and_no_address_is_told() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    api.team("other", false).await;
    let members = "/v1/teams/acme/members";
    let mut bodies = Vec::new();
    // One has an account elsewhere, one has none.
    for email in ["other@example.com", "nobody@example.com"] {
        let body = json!({"email": email, "role": "viewer"});
        let mut refused = api.post(members, &owner, body).await.expect(409);
        refused.as_object_mut().unwrap().remove("request_id");
        let text = refused.to_string().replace(email, "EMAIL");
        assert!(text.contains("segue teams invite EMAIL --role viewer"));
        bodies.push(text);
    }
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn the_list_is_paged() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    for n in 0..4 {
        api.member(owner.team, &format!("p{n}"), Role::Viewer).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/teams/acme/members?limit=2{cursor}");
        let page = api.get(&path, &owner).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["email"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort_by_key(ToString::to_string);
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_team_is_renamed_and_removed_by_its_owner_and_its_names_stay_its_own() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let admin = api.member(owner.team, "admin", Role::Admin).await;
    let rename = json!({"name": "apex"});
    patch(&api, "/v1/teams/acme", &admin, rename.clone())
        .await
        .expect(403);
    api.app(&owner, "acme", "shop").await;
    let refused = remove(&api, "/v1/teams/acme", &owner).await.expect(409);
    assert!(
        refused["hint"]
            .as_str()
            .unwrap()
            .contains("segue apps destroy")
    );
    let renamed = patch(&api, "/v1/teams/acme", &owner, rename)
        .await
        .expect(200);
    assert_eq!(renamed["name"], "apex");
    api.get("/v1/teams/acme", &owner).await.expect(404);
    // The old name is nobody else's, and may be taken back.
    for name in ["acme", "apex"] {
        let taken = api.post("/v1/teams", &owner, json!({ "name": name })).await;
        assert_eq!(taken.expect(409)["code"], "name_taken");
    }
    for bad in ["", "A", "a--b", &"a".repeat(41)] {
        let refused = patch(&api, "/v1/teams/apex", &owner, json!({ "name": bad })).await;
        assert_eq!(refused.status, 422, "{bad}");
    }
    patch(&api, "/v1/teams/apex", &owner, json!({"name": "acme"}))
        .await
        .expect(200);
    patch(&api, "/v1/teams/acme", &owner, json!({"name": "apex"}))
        .await
        .expect(200);
    // Only without apps; then nobody reaches it, and no name of it comes back.
    let app = api.get("/v1/teams/apex/apps/shop", &owner).await;
    let etag = app.etag();
    let headers = [("if-match", etag.as_str())];
    api.call(
        Method::DELETE,
        "/v1/teams/apex/apps/shop",
        Some(&owner.token),
        None,
        &headers,
    )
    .await
    .expect(204);
    let other = api.token_in_new_team(&owner, "spare").await;
    remove(&api, "/v1/teams/apex", &admin).await.expect(403);
    remove(&api, "/v1/teams/apex", &owner).await.expect(204);
    api.get("/v1/teams/apex", &owner).await.expect(401);
    for name in ["acme", "apex"] {
        let taken = api.post("/v1/teams", &other, json!({ "name": name })).await;
        assert_eq!(taken.expect(409)["code"], "name_taken");
    }
}
