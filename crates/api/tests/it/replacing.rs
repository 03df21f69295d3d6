//! One instance replaced: asked for once, waited for, refused when it is on its way out.

use axum::http::Method;
use segue_model::change::{Changes, InstanceChange, NewInstance};
use segue_model::id::{EnvironmentId, HostId, InstanceId, WorkerId};
use segue_model::state::{Desired, HostState};
use segue_store::{Commit, HostObservation, Shard, Store, WORK_SHARDS, fresh_id};
use serde_json::json;

use crate::harness::{Answer, Api, Person};
use crate::live::id_of;

const TTL: std::time::Duration = std::time::Duration::from_secs(30);

/// A host with room.
async fn host(store: &Store) -> HostId {
    let system = store.system();
    let host = system
        .host_register(&"here".parse().unwrap(), "unix:///run/test.sock")
        .await
        .unwrap();
    let seen = HostObservation {
        cpu_millis: Some(4000),
        memory_bytes: Some(8 << 30),
        arch: Some("amd64".into()),
        listed: Some(std::time::Duration::ZERO),
        ..HostObservation::default()
    };
    system.host_observe(host.id, &seen).await.unwrap();
    let worker = WorkerId::from_uuid(fresh_id());
    let fleet = system
        .lease_acquire(&Shard::duty("fleet"), worker, TTL)
        .await
        .unwrap()
        .unwrap();
    system
        .host_state(&fleet, host.id, HostState::Ready)
        .await
        .unwrap();
    host.id
}

/// Commits what the reconciler would.
async fn commit(
    store: &Store,
    env: EnvironmentId,
    make: impl Fn(&segue_model::world::World) -> Changes,
) {
    let [.., last] = *env.as_uuid().as_bytes();
    let shard = Shard::environments(i16::from(last) % WORK_SHARDS);
    let system = store.system();
    let lease = system
        .lease_acquire(&shard, WorkerId::from_uuid(fresh_id()), TTL)
        .await
        .unwrap()
        .unwrap();
    let world = system.world(env).await.unwrap().unwrap();
    let changes = make(&world);
    let commit = Commit {
        world: &world,
        changes: &changes,
        reasons: &[],
        next_check: None,
    };
    system.commit(&lease, commit).await.unwrap();
    system.lease_release(&lease).await.unwrap();
}

fn instance(
    world: &segue_model::world::World,
    host: HostId,
    slot: u32,
    serial: u64,
) -> NewInstance {
    let service = "web".parse().unwrap();
    let (release, known) = world.releases.iter().next_back().unwrap();
    let known = known.services.get(&service).unwrap();
    let [a, b, c, _] = world.subnets.get(&host).unwrap().base.octets();
    let octet = u8::try_from(serial + 1).unwrap();
    NewInstance {
        id: InstanceId::derive(world.environment, &service, slot, known.revision, serial),
        serial,
        service,
        slot,
        revision: known.revision,
        release: *release,
        host,
        host_epoch: world.hosts.get(&host).unwrap().epoch,
        address: std::net::Ipv4Addr::new(a, b, c, octet),
        port: 8080,
        cpu_millis: 250,
        memory_bytes: 512 << 20,
        exclusive: false,
        attempt: 0,
        not_before: world.now,
    }
}

async fn replace(api: &Api, person: &Person, path: &str, key: &str) -> Answer {
    let token = Some(person.token.as_str());
    let headers = [("idempotency-key", key)];
    api.call(Method::DELETE, path, token, None, &headers).await
}

#[tokio::test]
async fn an_instance_is_replaced_once_and_waited_for() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let viewer = api
        .member(owner.team, "viewer", segue_store::Role::Viewer)
        .await;
    let env = api.app(&owner, "acme", "shop").await;
    let env_id = id_of(&api.get(&env, &owner).await.expect(200));
    let image = segue_store::testing::release_spec('a');
    deploy(&api, &owner, env_id, image).await;
    let host = host(api.store()).await;
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
async fn deploy(
    api: &Api,
    person: &Person,
    env: EnvironmentId,
    spec: segue_model::spec::ReleaseSpec,
) {
    use segue_store::{Actor, DeploymentKind, NewDeployment, NewRelease, Target, TeamContext};
    let scope = api
        .store()
        .team(&TeamContext::new(person.team, Actor::User(person.user)));
    let new = NewDeployment {
        id: segue_model::id::DeploymentId::from_uuid(fresh_id()),
        target: Target::New(Box::new(NewRelease {
            id: segue_model::id::ReleaseId::from_uuid(fresh_id()),
            spec,
            builds: Vec::new(),
            config_version: None,
            source: None,
            commit: None,
            message: String::new(),
        })),
        kind: DeploymentKind::Deploy,
        domains: Vec::new(),
        git: None,
        message: String::new(),
    };
    scope
        .deployment_create(env, None, &new, None)
        .await
        .unwrap();
}
