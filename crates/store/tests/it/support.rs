//! What several tests need: a host with room, a lease, a plan that creates instances.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use segue_model::change::{Changes, NewInstance, RolloutChange};
use segue_model::id::{DeploymentId, HostId, InstanceId, WorkerId};
use segue_model::route::EnvironmentRoutes;
use segue_model::spec::Strategy;
use segue_model::state::{DeploymentState, HostState};
use segue_model::world::{RolloutState, World};
use segue_store::testing::{Fixture, TestDb};
use segue_store::{
    Commit, Committed, HostObservation, Lease, Shard, Store, StoreError, WORK_SHARDS, fresh_id,
};

pub const TTL: Duration = Duration::from_secs(30);

pub async fn ready_host(store: &Store, memory_bytes: u64) -> HostId {
    let system = store.system();
    let host = system
        .host_register(&"here".parse().unwrap(), "unix:///run/test.sock")
        .await
        .unwrap();
    let seen = HostObservation {
        cpu_millis: Some(4000),
        memory_bytes: Some(memory_bytes),
        arch: Some("amd64".into()),
        listed: Some(Duration::ZERO),
        ..HostObservation::default()
    };
    system.host_observe(host.id, &seen).await.unwrap();
    let fleet = system
        .lease_acquire(&Shard::duty("fleet"), WorkerId::from_uuid(fresh_id()), TTL)
        .await
        .unwrap()
        .unwrap();
    system
        .host_state(&fleet, host.id, HostState::Ready)
        .await
        .unwrap();
    host.id
}

pub fn shard_of(fixture: &Fixture) -> Shard {
    let [.., last] = *fixture.environment.as_uuid().as_bytes();
    Shard::environments(i16::from(last) % WORK_SHARDS)
}

pub async fn lease(store: &Store, fixture: &Fixture) -> Lease {
    store
        .system()
        .lease_acquire(&shard_of(fixture), WorkerId::from_uuid(fresh_id()), TTL)
        .await
        .unwrap()
        .unwrap()
}

pub async fn world(store: &Store, fixture: &Fixture) -> World {
    store
        .system()
        .world(fixture.environment)
        .await
        .unwrap()
        .unwrap()
}

pub async fn commit(
    store: &Store,
    lease: &Lease,
    world: &World,
    changes: &Changes,
) -> Result<Committed, StoreError> {
    let commit = Commit {
        world,
        changes,
        reasons: &[],
        next_check: None,
    };
    store.system().commit(lease, commit).await
}

/// An instance of `web` in this slot, at this last octet.
pub fn instance(world: &World, host: HostId, slot: u32, serial: u64, octet: u8) -> NewInstance {
    let service = "web".parse().unwrap();
    let (release, known) = world.releases.iter().next_back().unwrap();
    let known = known.services.get(&service).unwrap();
    let [a, b, c, _] = world.subnets.get(&host).unwrap().base.octets();
    NewInstance {
        id: InstanceId::derive(world.environment, &service, slot, known.revision, serial),
        serial,
        service,
        slot,
        revision: known.revision,
        release: *release,
        host,
        host_epoch: world.hosts.get(&host).unwrap().epoch,
        address: Ipv4Addr::new(a, b, c, octet),
        port: 8080,
        cpu_millis: 250,
        memory_bytes: 512 << 20,
        exclusive: false,
        attempt: 0,
        not_before: world.now,
    }
}

/// A deployed release, a host with room and the environment's subnet on it.
pub async fn placed(db: &TestDb, name: &str) -> (Fixture, HostId, Lease) {
    let store = db.store();
    let fixture = Fixture::new(store, name).await.unwrap();
    fixture
        .deploy(segue_store::testing::release_spec('a'))
        .await
        .unwrap();
    let host = ready_host(store, 8 << 30).await;
    let lease = lease(store, &fixture).await;
    let before = world(store, &fixture).await;
    let changes = Changes {
        subnets: vec![host],
        ..Changes::default()
    };
    commit(store, &lease, &before, &changes).await.unwrap();
    (fixture, host, lease)
}

pub fn keys(
    pairs: &[(&str, Option<&str>)],
) -> BTreeMap<segue_model::name::ConfigKey, Option<String>> {
    pairs
        .iter()
        .map(|(key, value)| (key.parse().unwrap(), value.map(str::to_owned)))
        .collect()
}

pub fn routes(world: &World) -> EnvironmentRoutes {
    EnvironmentRoutes {
        route_gen: world.routes.route_gen.next(),
        ..world.routes.clone()
    }
}

pub fn rollout(world: &World, state: DeploymentState) -> RolloutState {
    RolloutState {
        state,
        strategy: Strategy::Switch,
        from: None,
        started_at: world.now,
        progress_at: world.now,
        progress: 0,
        first_gen: None,
        switch_gen: None,
        live_at: None,
        early_deaths: 0,
        last_death: None,
        failure: None,
    }
}

pub fn begin(world: &World, deployment: DeploymentId) -> RolloutChange {
    RolloutChange {
        deployment,
        expected: None,
        rollout: rollout(world, DeploymentState::Starting),
    }
}

pub fn superseded(result: Result<Committed, StoreError>) -> String {
    match result {
        Err(StoreError::Superseded { what }) => what,
        other => panic!("{other:?}"),
    }
}
