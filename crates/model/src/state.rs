//! State machines. One enum and one transition function per machine; ranks only grow.
//!
//! Text forms are the CHECK lists of the database; a test of the store compares them. Terminal states
//! have rank 100 and more.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A transition that its machine does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{machine}: no transition from {from} to {to}")]
pub struct InvalidTransition {
    /// Name of the machine.
    pub machine: &'static str,
    /// State it is in.
    pub from: &'static str,
    /// State that was asked for.
    pub to: &'static str,
}

/// Text that names no state of a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a state of {machine}")]
pub struct UnknownState {
    machine: &'static str,
    text: String,
}

macro_rules! machine {
    ($(#[$doc:meta])* $name:ident $text:literal { $($(#[$vdoc:meta])* $variant:ident = $label:literal $rank:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $label)] $variant,)*
        }

        impl $name {
            /// Every state, in order of rank.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text form, as stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
            }

            /// The rank; it never falls.
            #[must_use]
            pub const fn rank(self) -> i16 {
                match self { $(Self::$variant => $rank),* }
            }

            /// Whether nothing follows this state.
            #[must_use]
            pub const fn is_terminal(self) -> bool {
                self.rank() >= 100
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, UnknownState> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|state| state.as_str() == text)
                    .ok_or_else(|| UnknownState { machine: $text, text: text.chars().take(80).collect() })
            }
        }
    };
}

machine! {
    /// A build: source to image.
    BuildState "build" {
        /// Waits for a builder.
        Queued = "queued" 0,
        /// A worker has it; the claim expires.
        Claimed = "claimed" 10,
        /// Steps run.
        Running = "running" 20,
        /// The image goes to where it is needed.
        Pushing = "pushing" 30,
        /// The tests run in the built image.
        Testing = "testing" 40,
        /// The image is bound.
        Succeeded = "succeeded" 100,
        /// The user's error, or infrastructure errors three times.
        Failed = "failed" 101,
        /// Longer than its limit.
        TimedOut = "timed_out" 102,
        /// Stopped by a person or a newer deployment.
        Cancelled = "cancelled" 103,
    }
}

machine! {
    /// A rollout: the running part of a deployment.
    ///
    /// `queued` and `building` are states of the deployment before it has a rollout; they are part of
    /// this list so that people see one machine.
    DeploymentState "deployment" {
        /// Waits for its turn.
        Queued = "queued" 0,
        /// Its build runs.
        Building = "building" 10,
        /// The release command runs.
        ReleaseTask = "release_task" 20,
        /// New instances start and pass their gate.
        Starting = "starting" 30,
        /// Routes carry the new release; edges have yet to acknowledge.
        Switching = "switching" 40,
        /// Every live edge serves the new release only.
        Live = "live" 50,
        /// Watched, with the old set warm.
        Baking = "baking" 60,
        /// Something went wrong; decided what, not yet acted.
        Failing = "failing" 70,
        /// The last stable release is being brought back.
        RollingBack = "rolling_back" 80,
        /// Done, and its release is stable.
        Succeeded = "succeeded" 100,
        /// Brought back.
        RolledBack = "rolled_back" 101,
        /// Failed with nothing to go back to, or before anything changed.
        Failed = "failed" 102,
        /// A person stopped it.
        Cancelled = "cancelled" 103,
        /// A newer deployment took over.
        Superseded = "superseded" 104,
    }
}

impl DeploymentState {
    /// The next state, if the machine allows it.
    ///
    /// # Errors
    /// [`InvalidTransition`] otherwise; staying in place is not a transition.
    pub fn to(self, next: Self) -> Result<Self, InvalidTransition> {
        use DeploymentState as S;
        let allowed = match self {
            S::Queued => matches!(
                next,
                S::Building
                    | S::ReleaseTask
                    | S::Starting
                    | S::Failed
                    | S::Cancelled
                    | S::Superseded
            ),
            S::Building => matches!(
                next,
                S::ReleaseTask | S::Starting | S::Failed | S::Cancelled | S::Superseded
            ),
            S::ReleaseTask => matches!(
                next,
                S::Starting | S::Failing | S::Failed | S::Cancelled | S::Superseded
            ),
            S::Starting => matches!(next, S::Switching | S::Live | S::Failing | S::Superseded),
            S::Switching => matches!(next, S::Live | S::Failing | S::Superseded),
            S::Live => matches!(next, S::Baking | S::Failing | S::Succeeded | S::Superseded),
            S::Baking => matches!(next, S::Failing | S::Succeeded | S::Superseded),
            S::Failing => matches!(
                next,
                S::RollingBack | S::Failed | S::Cancelled | S::Superseded
            ),
            S::RollingBack => matches!(
                next,
                S::RolledBack | S::Failed | S::Cancelled | S::Superseded
            ),
            S::Succeeded | S::RolledBack | S::Failed | S::Cancelled | S::Superseded => false,
        };
        if allowed {
            Ok(next)
        } else {
            Err(InvalidTransition {
                machine: "deployment",
                from: self.as_str(),
                to: next.as_str(),
            })
        }
    }
}

machine! {
    /// What the planner wants of an instance. Only `run` may have a route.
    Desired "desired" {
        /// Exists and runs.
        Run = "run" 10,
        /// Out of every route; may finish what it has.
        Drain = "drain" 20,
        /// SIGTERM, then SIGKILL.
        Stop = "stop" 30,
        /// Removed from its engine.
        Gone = "gone" 40,
    }
}

machine! {
    /// What was observed of an instance. Unknown is derived, not a state: an attempt newer than the last
    /// observation (see [`crate::world::Instance::is_unknown`]).
    Observed "instance" {
        /// Never seen.
        None = "none" 0,
        /// The engine was asked to make it.
        Creating = "creating" 10,
        /// Exists, not started.
        Created = "created" 20,
        /// Its process runs.
        Started = "started" 30,
        /// Passed its gate.
        Ready = "ready" 40,
        /// Was ready, fails its checks; may become ready again.
        Unready = "unready" 41,
        /// Its process has ended and the engine will not start it again. (A container that the engine
        /// restarts by itself is `unready`, with its restarts counted.)
        Exited = "exited" 80,
        /// Not on its engine any more.
        Gone = "gone" 100,
        /// Its host is lost; a replacement is committed.
        Lost = "lost" 101,
    }
}

impl Observed {
    /// Whether an observation may follow this one: ranks grow, and only ready and unready alternate.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Unready, Self::Ready) => true,
            _ => next.rank() >= self.rank(),
        }
    }
}

machine! {
    /// A one-off run: a command in one container of a release.
    RunState "run" {
        /// Waits for a host.
        Queued = "queued" 0,
        /// Its container is decided.
        Scheduled = "scheduled" 10,
        /// Its process runs.
        Running = "running" 20,
        /// It ended with exit code 0.
        Succeeded = "succeeded" 100,
        /// It ended with another code, or could not be started.
        Failed = "failed" 101,
        /// Longer than its limit; stopped.
        TimedOut = "timed_out" 102,
        /// A person stopped it, or its environment was stopped or removed.
        Cancelled = "cancelled" 103,
        /// It was to be started, and how it ended cannot be seen any more. It is not started again.
        Unknown = "unknown" 104,
    }
}

impl RunState {
    /// The next state, if the machine allows it: forward only, and nothing follows an end.
    ///
    /// # Errors
    /// [`InvalidTransition`] otherwise; staying in place is not a transition.
    pub fn to(self, next: Self) -> Result<Self, InvalidTransition> {
        use RunState as S;
        let allowed = match self {
            S::Queued => matches!(next, S::Scheduled | S::Failed | S::Cancelled),
            S::Scheduled => next.rank() > S::Scheduled.rank(),
            S::Running => next.is_terminal(),
            S::Succeeded | S::Failed | S::TimedOut | S::Cancelled | S::Unknown => false,
        };
        if allowed {
            Ok(next)
        } else {
            Err(InvalidTransition {
                machine: "run",
                from: self.as_str(),
                to: next.as_str(),
            })
        }
    }
}

machine! {
    /// A host: a Docker engine.
    HostState "host" {
        /// Being prepared.
        Joining = "joining" 0,
        /// Answers; takes instances.
        Ready = "ready" 10,
        /// Missed three pings.
        Suspect = "suspect" 20,
        /// Missed for 15 seconds; its instances are replaced.
        Lost = "lost" 30,
        /// Answers again; being listed.
        Returning = "returning" 40,
        /// Left by an operator.
        Removed = "removed" 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_round_trip_and_ranks_are_in_order() {
        for state in DeploymentState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert!(DeploymentState::ALL.is_sorted_by_key(|s| s.rank()));
        assert!(Observed::ALL.is_sorted_by_key(|s| s.rank()));
        assert!("nonsense".parse::<BuildState>().is_err());
    }

    #[test]
    fn no_transition_lowers_the_rank_or_leaves_a_terminal_state() {
        for from in DeploymentState::ALL {
            for to in DeploymentState::ALL {
                if from.to(*to).is_ok() {
                    assert!(to.rank() > from.rank(), "{from} to {to}");
                    assert!(!from.is_terminal());
                }
            }
        }
    }

    #[test]
    fn a_rollback_is_never_rolled_back() {
        assert!(
            DeploymentState::RollingBack
                .to(DeploymentState::Failing)
                .is_err()
        );
        assert!(
            DeploymentState::RollingBack
                .to(DeploymentState::RollingBack)
                .is_err()
        );
    }
}
