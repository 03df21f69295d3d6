//! Everything of the worker and the internal interface: unscoped by nature, so the composition root
//! hands this value to them only.

mod attempt;
mod build;
mod commit;
mod create;
mod edge;
mod host;
mod lease;
mod listen;
mod log;
mod observe;
mod platform;
mod releases;
mod route;
mod secret;
mod sweep;
mod work;
mod world;

use std::sync::Arc;

pub use self::attempt::{AttemptId, Verb};
pub use self::build::{BuildClaim, BuildOutcome, BuildSignal, ClaimedBuild};
pub use self::commit::Committed;
pub use self::edge::EdgeRecord;
pub use self::host::{FleetHost, HostReport, NewHost};
pub use self::lease::{LEASE_TTL, Lease, SHARDS, Shard};
pub use self::listen::{Channel, Listener};
pub use self::log::{LogOrigin, NewLogChunk};
pub use self::observe::{InstanceObservation, Observation};
pub use self::platform::Installation;
pub use self::route::{RouteChange, RouteCursor};
pub use self::sweep::{Retention, Swept};
pub use self::work::{WorkItem, WorkUnit};

use crate::store::Inner;

/// Unscoped access for the worker and the internal interface.
#[derive(Debug, Clone)]
pub struct SystemStore {
    pub(crate) inner: Arc<Inner>,
}

impl SystemStore {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }
}
