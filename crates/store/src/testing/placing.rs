//! What a reconciler does, by hand: a host with room, a lease, an instance in its place, a commit. For tests that need
//! placed instances and no reconciler. It must not decide anything: tests say what is placed where.

use std::net::Ipv4Addr;
use std::time::Duration;

use segue_model::change::{Changes, NewInstance};
use segue_model::id::{EnvironmentId, HostId, InstanceId, WorkerId};
use segue_model::state::HostState;
use segue_model::world::World;

use super::Result;
use crate::context::fresh_id;
use crate::error::StoreError;
use crate::store::Store;
use crate::system::{Commit, Committed, HostObservation, Lease, Shard, WORK_SHARDS};

/// How long tests hold their leases; longer than any test runs between two uses of one.
pub const TTL: Duration = Duration::from_secs(30);

/// A host that is ready and has this much memory.
///
/// # Errors
/// Whatever the store says.
pub async fn ready_host(store: &Store, memory_bytes: u64) -> Result<HostId> {
    let system = store.system();
    let host = system
        .host_register(&"here".parse()?, "unix:///run/test.sock")
        .await?;
    let seen = HostObservation {
        cpu_millis: Some(4000),
        memory_bytes: Some(memory_bytes),
        arch: Some("amd64".into()),
        listed: Some(Duration::ZERO),
        ..HostObservation::default()
    };
    system.host_observe(host.id, &seen).await?;
    let fleet = held(store, &Shard::duty("fleet")).await?;
    system.host_state(&fleet, host.id, HostState::Ready).await?;
    Ok(host.id)
}

/// The shard that an environment is in.
#[must_use]
pub fn shard_of(environment: EnvironmentId) -> Shard {
    let [.., last] = *environment.as_uuid().as_bytes();
    Shard::environments(i16::from(last) % WORK_SHARDS)
}

/// The lease of an environment's shard, for a worker of its own.
///
/// # Errors
/// Another worker holds it, or whatever the store says.
pub async fn lease(store: &Store, environment: EnvironmentId) -> Result<Lease> {
    held(store, &shard_of(environment)).await
}

async fn held(store: &Store, shard: &Shard) -> Result<Lease> {
    let worker = WorkerId::from_uuid(fresh_id());
    let lease = store.system().lease_acquire(shard, worker, TTL).await?;
    lease.ok_or_else(|| "another worker holds the lease".into())
}

/// An instance of `web` at the newest release, in this slot, at this last octet.
///
/// # Errors
/// The world has no release with `web`, or the environment has no subnet on the host.
pub fn new_instance(
    world: &World,
    host: HostId,
    slot: u32,
    serial: u64,
    octet: u8,
) -> Result<NewInstance> {
    let service = "web".parse()?;
    let (release, known) = world.releases.iter().next_back().ok_or("no release")?;
    let known = known.services.get(&service).ok_or("no service web")?;
    let [a, b, c, _] = world.subnets.get(&host).ok_or("no subnet")?.base.octets();
    Ok(NewInstance {
        id: InstanceId::derive(world.environment, &service, slot, known.revision, serial),
        serial,
        service,
        slot,
        revision: known.revision,
        release: *release,
        host,
        host_epoch: world.hosts.get(&host).ok_or("no such host")?.epoch,
        address: Ipv4Addr::new(a, b, c, octet),
        port: 8080,
        cpu_millis: 250,
        memory_bytes: 512 << 20,
        exclusive: false,
        attempt: 0,
        not_before: world.now,
    })
}

/// Commits changes that were made of this world.
///
/// # Errors
/// As the store says; it is the store's own error, for tests of what is refused.
pub async fn commit(
    store: &Store,
    lease: &Lease,
    world: &World,
    changes: &Changes,
) -> std::result::Result<Committed, StoreError> {
    let commit = Commit {
        world,
        changes,
        reasons: &[],
        next_check: None,
    };
    store.system().commit(lease, commit).await
}

/// Commits what this makes of an environment's world as it is now.
///
/// # Errors
/// The environment is unknown, or whatever the store says.
pub async fn decide(
    store: &Store,
    lease: &Lease,
    environment: EnvironmentId,
    make: impl FnOnce(&World) -> Changes,
) -> Result<()> {
    let world = store.system().world(environment).await?;
    let world = world.ok_or("no such environment")?;
    let changes = make(&world);
    commit(store, lease, &world, &changes).await?;
    Ok(())
}
