//! One-off runs: a command in one container of a release, to its end.
//!
//! Invariants: a run has one container, ever, and its id is the run's own ([`RunId::instance`]); it is started at
//! most once, because what it did before it was lost cannot be undone. Must not: be routed, replaced or restarted.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::change::NewInstance;
use crate::failure::Failure;
use crate::id::{ReleaseId, RunId};
use crate::name::ServiceName;
use crate::revision::Revision;
use crate::spec::{Check, Command, ServiceKind};
use crate::state::{Desired, RunState};
use crate::world::{Instance, ServiceRelease};

/// A run that names no limit is stopped after this.
pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(3600);
/// The longest limit.
pub const MAX_TIME_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// A run that found no place for this long has failed.
pub const START_LIMIT: Duration = Duration::from_secs(600);
/// After its end its container is kept for this long, so that its last lines are read.
pub const LOGS_REST: Duration = Duration::from_secs(5);
/// Runs of an environment that have not ended, at most.
pub const UNFINISHED_LIMIT: i64 = 20;

const _: () = assert!(DEFAULT_TIME_LIMIT.as_secs() <= MAX_TIME_LIMIT.as_secs());

/// A run, as people want it and as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// `run 7` of its environment.
    pub number: i64,
    /// The release whose image and environment it has.
    pub release: ReleaseId,
    /// The service whose image and environment it has.
    pub service: ServiceName,
    /// What runs.
    pub command: Vec<String>,
    /// From its start.
    pub time_limit: Duration,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// Where it is.
    pub state: RunState,
    /// Its container, once it is decided.
    pub instance: Option<Instance>,
}

/// A run that moves, or whose container is wanted otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunChange {
    /// Which.
    pub id: RunId,
    /// The state it was read in; the commit fails if it differs.
    pub expected: RunState,
    /// The state from now on; the same if only its container's end is decided.
    pub state: RunState,
    /// Its container, decided with this change.
    pub place: Option<NewInstance>,
    /// What is wanted of its container from now on, if that changes.
    pub desired: Option<Desired>,
    /// Its container's host is lost.
    pub lost: bool,
    /// When its process was first seen to run; of one that ended before that, when it was asked to start.
    pub started_at: Option<Timestamp>,
    /// When it ended; set with an end.
    pub finished_at: Option<Timestamp>,
    /// What its process ended with.
    pub exit_code: Option<i32>,
    /// Killed for memory.
    pub oom: bool,
    /// Why it could not be run to its end.
    pub failure: Option<Failure>,
}

impl Run {
    /// What its container is made of: the service with another command, not routed and never restarted. It has the
    /// service's volumes beside their holder, on the host where they are. Its revision is its own, so that it counts to
    /// no service's set.
    #[must_use]
    pub fn content(&self, id: RunId, service: &ServiceRelease) -> ServiceRelease {
        let mut own = service.clone();
        let command = Some(Command::Argv(self.command.clone()));
        own.spec.kind = ServiceKind::Job;
        own.spec.command.clone_from(&command);
        own.spec.domains.clear();
        own.spec.place.one_per_host = false;
        own.spec.health.check = Check::Running;
        own.content.kind = ServiceKind::Job;
        own.content.command = command;
        let mut hash = Sha256::new();
        hash.update(b"segue run v1\0");
        hash.update(id.as_uuid().as_bytes());
        hash.update(own.content.revision().as_bytes());
        own.revision = Revision::from_bytes(hash.finalize().into());
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_only_go_forward_and_nothing_follows_an_end() {
        for from in RunState::ALL {
            for to in RunState::ALL {
                if from.to(*to).is_ok() {
                    assert!(
                        to.rank() > from.rank() && !from.is_terminal(),
                        "{from} to {to}"
                    );
                }
            }
        }
        // What was never started cannot have been lost, and cannot have ended well.
        assert!(RunState::Queued.to(RunState::Unknown).is_err());
        assert!(RunState::Queued.to(RunState::Succeeded).is_err());
    }
}
