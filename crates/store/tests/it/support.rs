//! What several tests need: an environment that is placed on a host, its world, parts of a plan.

use std::collections::BTreeMap;

use segue_model::change::{Changes, NewInstance, RolloutChange};
use segue_model::id::{DeploymentId, HostId};
use segue_model::route::EnvironmentRoutes;
use segue_model::spec::Strategy;
use segue_model::state::DeploymentState;
use segue_model::world::{RolloutState, World};
use segue_store::testing::{Fixture, TestDb, new_instance, release_spec};
pub use segue_store::testing::{TTL, commit, decide, lease, ready_host, shard_of};
use segue_store::{Committed, Lease, Store, StoreError};

pub async fn world(store: &Store, fixture: &Fixture) -> World {
    store
        .system()
        .world(fixture.environment)
        .await
        .unwrap()
        .unwrap()
}

/// An instance of `web` in this slot, at this last octet.
pub fn instance(world: &World, host: HostId, slot: u32, serial: u64, octet: u8) -> NewInstance {
    new_instance(world, host, slot, serial, octet).unwrap()
}

/// A deployed release, a host with room and the environment's subnet on it.
pub async fn placed(db: &TestDb, name: &str) -> (Fixture, HostId, Lease) {
    let store = db.store();
    let fixture = Fixture::new(store, name).await.unwrap();
    fixture.deploy(release_spec('a')).await.unwrap();
    let host = ready_host(store, 8 << 30).await.unwrap();
    let lease = lease(store, fixture.environment).await.unwrap();
    let subnet = |_: &World| Changes {
        subnets: vec![host],
        ..Changes::default()
    };
    decide(store, &lease, fixture.environment, subnet)
        .await
        .unwrap();
    (fixture, host, lease)
}

/// The first instance of `web`, committed: slot 1, serial 1, last octet 2.
pub async fn created(store: &Store, lease: &Lease, one: &Fixture, host: HostId) -> NewInstance {
    let before = world(store, one).await;
    let new = instance(&before, host, 1, 1, 2);
    let changes = Changes {
        create: vec![new.clone()],
        ..Changes::default()
    };
    commit(store, lease, &before, &changes).await.unwrap();
    new
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
