//! One instance replaced: asked for once, waited for, refused when it is on its way out.

use axum::http::Method;
use segue_model::change::{Changes, InstanceChange, NewInstance};
use segue_model::id::{EnvironmentId, HostId};
use segue_model::spec::ReleaseSpec;
use segue_model::state::Desired;
use segue_model::world::World;
use segue_store::testing::{decide, deployment_of, lease, new_instance, ready_host, release_spec};
use segue_store::{Actor, Role, Store, TeamContext};
use serde_json::json;

use crate::harness::{Answer, Api, Person};
use crate::live::id_of;

/// Commits what the reconciler would.
pub async fn commit(store: &Store, env: EnvironmentId, make: impl FnOnce(&World) -> Changes) {
    let lease = lease(store, env).await.unwrap();
    decide(store, &lease, env, make).await.unwrap();
    store.system().lease_release(&lease).await.unwrap();
}

pub fn instance(world: &World, host: HostId, slot: u32, serial: u64) -> NewInstance {
    let octet = u8::try_from(serial + 1).unwrap();
    new_instance(world, host, slot, serial, octet).unwrap()
}

async fn replace(api: &Api, person: &Person, path: &str, key: &str) -> Answer {
    let token = Some(person.token.as_str());
    let headers = [("idempotency-key", key)];
    api.call(Method::DELETE, path, token, None, &headers).await
}

/// The id of an instance that is placed for a release that is deployed.
pub async fn placed(api: &Api, person: &Person, env: &str) -> String {
    let env_id = id_of(&api.get(env, person).await.expect(200));
    deploy(api, person, env_id, release_spec('a')).await;
    let host = ready_host(api.store(), 8 << 30).await.unwrap();
    commit(api.store(), env_id, |_| Changes {
        subnets: vec![host],
        ..Changes::default()
    })
    .await;
    commit(api.store(), env_id, |world| Changes {
        create: vec![instance(world, host, 1, 1)],
        ..Changes::default()
    })
    .await;
    let page = api.get(&format!("{env}/instances"), person).await;
    page.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_instance_is_replaced_once_and_waited_for() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let viewer = api.member(owner.team, "viewer", Role::Viewer).await;
    let env = api.app(&owner, "acme", "shop").await;
    let env_id = id_of(&api.get(&env, &owner).await.expect(200));
    deploy(&api, &owner, env_id, release_spec('a')).await;
    let host = ready_host(api.store(), 8 << 30).await.unwrap();
    commit(api.store(), env_id, |_| Changes {
        subnets: vec![host],
        ..Changes::default()
    })
    .await;
    commit(api.store(), env_id, |world| Changes {
        create: vec![instance(world, host, 1, 1), instance(world, host, 2, 2)],
        ..Changes::default()
    })
    .await;

    let path = format!("{env}/instances/web.1");
    let before = api.get(&path, &owner).await.expect(200);
    assert!(before.get("replacing").is_none() && before.get("warm").is_none());
    replace(&api, &viewer, &path, "k").await.expect(403);
    replace(&api, &owner, &format!("{env}/instances/web.7"), "k")
        .await
        .expect(404);
    let asked = replace(&api, &owner, &path, "k").await;
    let id = before["id"].as_str().unwrap().to_owned();
    assert_eq!(asked.headers["location"], format!("{env}/instances/{id}"));
    let asked = asked.expect(202);
    assert_eq!(
        (&asked["id"], &asked["replacing"]),
        (&json!(id), &json!(true))
    );
    let again = replace(&api, &owner, &path, "k").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.expect(202), asked);
    let other = format!("{env}/instances/web.8");
    assert_eq!(
        replace(&api, &owner, &other, "k2").await.expect(404)["code"],
        "not_found"
    );
    let bad = format!("{path}?wait=1h");
    replace(&api, &owner, &bad, "k3").await.expect(400);

    // A wait that is over before its successor is there says how it stands.
    let short = replace(&api, &owner, &format!("{path}?wait=0s"), "k4").await;
    assert_eq!(short.expect(202)["replacing"], true);
    let second = format!("{env}/instances/web.2");
    let id = api.get(&second, &owner).await.expect(200)["id"].clone();
    let by_id = format!("{env}/instances/{}", id.as_str().unwrap());
    let long = format!("{second}?wait=60s");
    let waiting = replace(&api, &owner, &long, "k5");
    let working = async {
        while api.get(&by_id, &owner).await.expect(200)["replacing"] != true {
            tokio::task::yield_now().await;
        }
        // The reconciler makes the successor in the transaction in which the old one leaves.
        commit(api.store(), env_id, |world| {
            let (leaving, _) = world.instances.iter().find(|(_, i)| i.slot == 2).unwrap();
            Changes {
                create: vec![instance(world, host, 2, 3)],
                instances: vec![InstanceChange {
                    id: *leaving,
                    desired: Desired::Drain,
                    unrouted_gen: None,
                    lost: false,
                    died: false,
                }],
                ..Changes::default()
            }
        })
        .await;
        let problem = replace(&api, &owner, &by_id, "k6").await.expect(409);
        assert_eq!(problem["code"], "conflict");
        assert_eq!(problem["detail"], "web.2 is already going away");
        assert!(problem["hint"].as_str().unwrap().contains("segue ps"));
        let ready = "update instance_seen set state = 'ready'";
        api.db.as_ref().unwrap().execute(ready).await.unwrap();
    };
    let (waited, ()) = tokio::join!(waiting, working);
    let waited = waited.expect(202);
    assert_eq!((&waited["id"], &waited["desired"]), (&id, &json!("drain")));
    // The name means the successor now; the repeated request means the one that it asked for.
    assert_ne!(api.get(&second, &owner).await.expect(200)["id"], id);
    let repeated = replace(&api, &owner, &long, "k5").await;
    assert_eq!(repeated.expect(202)["id"], id);
    let list = api
        .get(&format!("{env}/instances"), &owner)
        .await
        .expect(200);
    let states: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["desired"].as_str().unwrap(), i["state"].as_str().unwrap()))
        .collect();
    assert!(states.contains(&("run", "ready")), "{states:?}");
    let event = async {
        let path = format!("{by_id}/why");
        loop {
            let why = api.get(&path, &owner).await.expect(200);
            let mut events = why["events"].as_array().unwrap().iter();
            if events.any(|e| e["kind"] == "instance.replace_requested") {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), event)
        .await
        .unwrap();
}

/// A release whose image is known, so that there is something to place.
pub async fn deploy(api: &Api, person: &Person, env: EnvironmentId, spec: ReleaseSpec) {
    let scope = api
        .store()
        .team(&TeamContext::new(person.team, Actor::User(person.user)));
    let new = deployment_of(spec, Vec::new());
    scope
        .deployment_create(env, None, &new, None)
        .await
        .unwrap();
}
