//! Everything of the worker and the internal interface: unscoped by nature, so the composition root
//! hands this value to them only.
//!
//! Owns the rows that decision 0001 gives to the worker and to the internal interface. Whatever the
//! reconciler writes goes through [`Lease`]: a worker whose lease was taken over writes nothing (invariant I9).

mod attempt;
mod build;
mod certificate;
mod checkpoints;
mod commit;
mod commit_rows;
mod edges;
mod expiry;
mod hooks;
mod hosts;
mod image;
mod lease;
mod log;
mod network;
mod observe;
mod platform;
mod registries;
mod rotate;
mod run;
mod secret;
mod sweep;
mod traffic;
mod webhooks;
mod work;
mod world;
mod world_rows;

use std::sync::Arc;

pub use self::attempt::{Attempt, AttemptVerb};
pub use self::build::{BuildClaim, BuildOutcome, BuildSignal, ClaimedBuild};
pub use self::checkpoints::{AUDIT_CHECKPOINT_EVERY, Checkpointed};
pub use self::commit::{Commit, Committed};
pub use self::edges::{RouteChange, RouteCursor};
pub use self::hooks::{ClaimedHook, ClaimedStatus};
pub use self::hosts::{HostObservation, HostRecord};
pub use self::image::OldImage;
pub use self::lease::{Lease, Shard};
pub use self::log::{LogOrigin, NewLogChunk};
pub use self::observe::Observation;
pub use self::registries::RegistryLogin;
pub use self::sweep::{Retention, Swept};
pub use self::webhooks::ClaimedDelivery;
pub use self::work::{WORK_SHARDS, WorkItem, WorkKind};

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
