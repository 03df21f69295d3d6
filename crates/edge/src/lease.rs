//! Whether this edge has its lease, and whether other edges could serve in its place.
//!
//! Invariants: the lease is counted by this process's monotonic clock from before a report was sent, so that it
//! never outlasts what the control plane keeps; without one the edge serves on, and only its readiness changes.
//! Nothing of it is on disk: an edge that restarts without a control plane knows of no others and is ready with
//! the routes it has, because nobody told it who else could serve them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use segue_model::internal::EDGE_LEASE_MS;

use crate::balance::Micros;

const LEASE: Micros = EDGE_LEASE_MS * 1_000;

/// See the module's description. Times are [`crate::shared::Shared::now`].
#[derive(Debug, Default)]
pub(crate) struct Lease {
    /// There is no lease from then on; zero before the first.
    until: AtomicU64,
    other_edges: AtomicU32,
}

impl Lease {
    /// A report that was sent at this time was answered with success.
    pub(crate) fn renew(&self, sent_at: Micros) {
        self.until.fetch_max(sent_at + LEASE, Ordering::Relaxed);
    }

    /// The control plane told how many other edges are live.
    pub(crate) fn tell_others(&self, count: u32) {
        self.other_edges.store(count, Ordering::Relaxed);
    }

    /// How things stand at this time, read once, so that what is shown agrees with what follows from it.
    pub(crate) fn standing(&self, now: Micros) -> Standing {
        Standing {
            held: now < self.until.load(Ordering::Relaxed),
            other_edges: self.other_edges.load(Ordering::Relaxed),
        }
    }
}

/// A reading of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) held: bool,
    /// Other live edges, as last told.
    pub(crate) other_edges: u32,
}

impl Standing {
    /// New requests had better go to another edge: this one may not hear of changes, others do.
    pub(crate) fn others_are_better(self) -> bool {
        self.other_edges > 0 && !self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_runs_from_the_sending_of_the_last_answered_report() {
        let lease = Lease::default();
        let held = |now| lease.standing(now).held;
        assert!(!held(0), "there is none before the first report");
        lease.renew(5);
        assert!(held(LEASE + 4) && !held(LEASE + 5));
        lease.renew(100);
        // An answer that comes late takes nothing away.
        lease.renew(50);
        assert!(held(LEASE + 99) && !held(LEASE + 100));
    }

    #[test]
    fn others_are_better_only_if_there_are_any_and_the_lease_has_run_out() {
        let lease = Lease::default();
        let better = |now| lease.standing(now).others_are_better();
        assert!(!better(0), "nobody told of others");
        lease.tell_others(2);
        assert!(better(0), "they are live, this one is not");
        lease.renew(0);
        assert!(!better(LEASE - 1));
        assert!(better(LEASE));
        lease.tell_others(0);
        assert!(!better(LEASE), "the others left");
    }
}
