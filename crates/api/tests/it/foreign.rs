//! What lies in another team answers as what is missing, to the byte: things that have an id of their own, at every
//! operation that names one. (Teams, apps and environments themselves: `access`.)

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use segue_store::Role;
use serde_json::{Value, json};

use crate::access::{Ids, ask, operations, visible};
use crate::harness::{Api, Person};
use crate::replacing::placed;
use crate::sending::{tar, upload};
use crate::sessions::{signed_in, with_password};

/// Parameters that name a place; `access` compares those.
const PLACES: [&str; 3] = ["team", "app", "env"];

/// Parameters that mean something only within their place: numbers, names and keys of an environment, which the place
/// hides; a device's code, which whoever reads it from the device may look at; a machine, which no team has.
const WITHIN: [&str; 8] = [
    "number",
    "version",
    "other",
    "run",
    "key",
    "service",
    "user_code",
    "host",
];

/// One of everything in somebody's team: the parameter, its id, and an id of nothing.
async fn theirs(api: &Api, owner: &Person, env: &str) -> Vec<(&'static str, String, String)> {
    let app = "/v1/teams/acme/apps/shop";
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let made = async |path: &str, body: Value| id(&api.post(path, owner, body).await.expect(201));
    let instance = placed(api, owner, env).await;
    api.post(
        &format!("{env}/deployments"),
        owner,
        json!({"image": "nginx"}),
    )
    .await
    .expect(202);
    let builds = api.get(&format!("{env}/builds"), owner).await.expect(200);
    let freeze = json!({"reason": "weekend", "days": [6], "from": "00:00", "minutes": 60});
    let webhook = json!({"name": "ops", "kind": "chat", "url": "https://chat.example/x"});
    let registry = json!({"kind": "git", "host": "git.example", "username": "a", "password": "b"});
    let guest = json!({"email": "guest@example.com", "role": "viewer"});
    let member = api.member(owner.team, "mia", Role::Viewer).await;
    with_password(api, owner).await;
    let session = signed_in(api, "acme@example.com").await;
    let sessions = api
        .call(
            Method::GET,
            "/v1/me/sessions",
            Some(&session.access),
            None,
            &[],
        )
        .await
        .expect(200);
    let source = upload(api, owner, "shop", tar(&[("app.py", "app = 1\n")])).await;
    let source = source.expect(200)["sha256"].as_str().unwrap().to_owned();
    let webhook = made("/v1/teams/acme/webhooks", webhook).await;
    let test = format!("/v1/teams/acme/webhooks/{webhook}/test");
    let told = api.post(&test, owner, json!(null)).await.expect(202);
    let ids = vec![
        ("instance", instance),
        ("build", id(&builds["items"][0])),
        ("token", owner.token_id.to_string()),
        ("user", member.user.to_string()),
        ("session", id(&sessions["items"][0])),
        (
            "invitation",
            made("/v1/teams/acme/invitations", guest).await,
        ),
        ("webhook", webhook),
        ("delivery", id(&told)),
        (
            "registry",
            made("/v1/teams/acme/registries", registry).await,
        ),
        ("freeze", made(&format!("{app}/freezes"), freeze).await),
        (
            "hook",
            made(&format!("{app}/hooks"), json!({"kind": "gitlab"})).await,
        ),
        ("sha256", source),
    ];
    ids.into_iter()
        .map(|(name, id)| {
            let missing = match id.split_once('_') {
                Some((prefix, rest)) => format!("{prefix}_{}", "f".repeat(rest.len())),
                None => "f".repeat(id.len()),
            };
            (name, id, missing)
        })
        .collect()
}

#[tokio::test]
async fn what_lies_in_another_team_answers_as_what_is_missing() {
    let api = Api::new().await;
    let owner = api.team("acme", true).await;
    let stranger = api.team("other", false).await;
    let env = api.app(&owner, "acme", "shop").await;
    api.app(&stranger, "other", "own").await;
    let things = theirs(&api, &owner, &env).await;

    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut named = BTreeSet::new();
    for operation in operations() {
        let parts = operation.path.split('/');
        let parts = parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        named.extend(parts.map(str::to_owned));
        for (name, id, missing) in &things {
            if !operation.path.contains(&format!("{{{name}}}")) {
                continue;
            }
            // In the stranger's own team, app and environment.
            let at = |id: &str| Ids {
                team: "other".into(),
                app: "own".into(),
                env: "production".into(),
                thing: Some((name, id.to_owned())),
            };
            let foreign = ask(&api, &operation, &at(id), Some(&stranger)).await;
            let none = ask(&api, &operation, &at(missing), Some(&stranger)).await;
            *compared.entry(name).or_default() += 1;
            if none.status == 404 && !none.body.is_string() && !none.body["hint"].is_string() {
                wrong.push(format!("{} {name}: no hint: {}", operation.id, none.body));
            }
            if foreign.status.is_success() || visible(&foreign) != visible(&none) {
                let (foreign, none) = (visible(&foreign), visible(&none));
                wrong.push(format!("{} {name}: {foreign} / {none}", operation.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(compared.len(), things.len(), "{compared:?}");
    let known = |name: &str| {
        PLACES.contains(&name) || WITHIN.contains(&name) || compared.contains_key(name)
    };
    let unknown: Vec<_> = named.iter().filter(|name| !known(name)).collect();
    assert!(
        unknown.is_empty(),
        "no foreign id was tried for {unknown:?}"
    );
}
