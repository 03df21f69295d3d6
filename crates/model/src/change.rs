//! Changes: what the planner decides and the store commits in one fenced transaction.
//!
//! Invariant I23: each change of desired state has exactly one event here. The store applies changes as
//! they are; it decides nothing.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::id::{DeploymentId, EdgeId, HostId, InstanceId, ReleaseId, RunId};
use crate::name::ServiceName;
use crate::revision::Revision;
use crate::route::{EnvironmentRoutes, RouteGen};
use crate::run::RunChange;
use crate::state::{DeploymentState, Desired};
use crate::world::RolloutState;

/// Everything one plan changes. Empty means: nothing to write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Hosts on which the environment needs a subnet before anything can be placed there.
    pub subnets: Vec<HostId>,
    /// New instances, with their reservation and address.
    pub create: Vec<NewInstance>,
    /// Desired states that grow.
    pub instances: Vec<InstanceChange>,
    /// Rollouts that begin or move; several when one supersedes another.
    pub rollouts: Vec<RolloutChange>,
    /// One-off runs that move, with their containers.
    #[serde(default)]
    pub runs: Vec<RunChange>,
    /// The whole new routes, at the next generation.
    pub routes: Option<EnvironmentRoutes>,
    /// The release the environment stands on now.
    pub serving: Option<ReleaseId>,
    /// Releases that were seen to be good.
    pub stable: Vec<ReleaseId>,
    /// One per change of desired state, and the reasons worth telling.
    pub events: Vec<NewEvent>,
}

impl Changes {
    /// Nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// An instance to be inserted with `desired = run`; reserves its resources on the host in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewInstance {
    /// Derived: [`InstanceId::derive`].
    pub id: InstanceId,
    /// Taken from the world's `next_serial`, which the commit raises.
    pub serial: u64,
    /// Its service.
    pub service: ServiceName,
    /// Its slot.
    pub slot: u32,
    /// What it is made of.
    pub revision: Revision,
    /// The release it is created for.
    pub release: ReleaseId,
    /// Where it runs.
    pub host: HostId,
    /// The host's epoch it was decided in.
    pub host_epoch: i64,
    /// Its address in the environment's subnet there.
    pub address: Ipv4Addr,
    /// Where its application listens.
    pub port: u16,
    /// Reserved.
    pub cpu_millis: u32,
    /// Reserved.
    pub memory_bytes: u64,
    /// Holds a volume.
    pub exclusive: bool,
    /// Attempt in its slot.
    pub attempt: u32,
    /// Not before this.
    pub not_before: Timestamp,
}

/// A desired state that grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceChange {
    /// Which.
    pub id: InstanceId,
    /// What is wanted now.
    pub desired: Desired,
    /// First generation without it, if it leaves the routes with this plan.
    pub unrouted_gen: Option<RouteGen>,
    /// Its host is lost and a replacement is part of this plan: `observed` becomes `lost` with it.
    pub lost: bool,
    /// It ended by itself or is taken over in a crash loop; kept as [`crate::world::Instance::died`].
    pub died: bool,
}

/// A rollout that begins, moves or ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutChange {
    /// Its deployment.
    pub deployment: DeploymentId,
    /// The state it was read in; `None` if there was no rollout. The commit fails if it differs.
    pub expected: Option<DeploymentState>,
    /// The whole new row.
    pub rollout: RolloutState,
}

/// An event of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Stable word.
    pub kind: EventKind,
    /// What it is about, for machines.
    pub subject: EventSubject,
    /// One sentence for people: what and why.
    pub message: String,
    /// Why it failed, where it did.
    pub failure: Option<Failure>,
}

/// What an event is about; all parts are optional but at least one is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSubject {
    /// A deployment.
    pub deployment: Option<DeploymentId>,
    /// A release.
    pub release: Option<ReleaseId>,
    /// A service.
    pub service: Option<ServiceName>,
    /// An instance.
    pub instance: Option<InstanceId>,
    /// A host.
    pub host: Option<HostId>,
    /// An edge.
    pub edge: Option<EdgeId>,
    /// A generation of routes.
    pub route_gen: Option<RouteGen>,
    /// A one-off run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $variant:ident $label:literal;)*) => {
        /// Kinds of events that the planner writes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $label)] $variant,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
            }
        }
    };
}

event_kinds! {
    /// A subnet was asked for.
    SubnetWanted "subnet.wanted";
    /// An instance was decided.
    InstanceCreated "instance.created";
    /// An instance left the routes and may finish.
    InstanceDraining "instance.draining";
    /// An instance is to be stopped.
    InstanceStopping "instance.stopping";
    /// An instance is to be removed.
    InstanceRemoved "instance.removed";
    /// An instance was lost with its host.
    InstanceLost "instance.lost";
    /// Routes changed.
    RoutesChanged "routes.changed";
    /// A deployment moved.
    DeploymentChanged "deployment.changed";
    /// The environment stands on another release.
    ServingChanged "serving.changed";
    /// A release was seen to be good.
    ReleaseStable "release.stable";
    /// SIGTERM was no longer held back for a silent edge.
    EdgeSkipped "edge.skipped";
    /// The drain limit passed with requests still open.
    DrainLimit "drain.limit";
    /// A one-off run moved.
    RunChanged "run.changed";
}

/// Why something waits or is as it is, as the last plan said it: an answer for people, kept with the
/// environment's status. It names no moment of planning, so an unchanged world gives unchanged reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable word.
    pub kind: ReasonKind,
    /// What waits.
    pub subject: EventSubject,
    /// One sentence.
    pub message: String,
    /// Hosts that were rejected, each with why; empty where no host was looked for.
    pub hosts: BTreeMap<HostId, String>,
}

macro_rules! reason_kinds {
    ($($(#[$doc:meta])* $variant:ident $label:literal;)*) => {
        /// Kinds of reasons.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ReasonKind {
            $($(#[$doc])* #[serde(rename = $label)] $variant,)*
        }

        impl ReasonKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
            }
        }
    };
}

reason_kinds! {
    /// No host takes the instance; every host says why.
    NoHost "no_host";
    /// The chosen host has no subnet of the environment yet.
    SubnetPending "subnet_pending";
    /// The slot died before; its next attempt waits.
    BackOff "back_off";
    /// Made, and has not passed its gate.
    GatePending "gate_pending";
    /// Ready, and waits for the rest of its set.
    SetPending "set_pending";
    /// The one before it holds the volume, or must be gone first.
    PredecessorPending "predecessor_pending";
    /// Edges have yet to acknowledge a generation.
    AcknowledgementPending "acknowledgement_pending";
    /// A silent edge holds SIGTERM back.
    EdgeSilent "edge_silent";
    /// Requests are still open.
    RequestsOpen "requests_open";
    /// The host's listing is too old to stop or remove anything there.
    ListingStale "listing_stale";
    /// Stop and remove are frozen for the whole installation.
    Frozen "frozen";
    /// The host does not answer.
    HostUnreachable "host_unreachable";
    /// `switch` was asked for and `rolling` is done.
    StrategyFallback "strategy_fallback";
    /// The old set is kept for a fast way back.
    Warm "warm";
    /// A deployment waits for its builds.
    BuildPending "build_pending";
    /// A deployment is watched before its release counts as good.
    Baking "baking";
    /// People stopped the environment.
    Stopped "stopped";
    /// A process ended and its last words are being read.
    WordsPending "words_pending";
    /// An instance keeps failing its checks and waits for its turn to be replaced.
    ReplacementPending "replacement_pending";
    /// The engine call failed; it is made again.
    EngineFailed "engine_failed";
    /// A one-off run waits.
    RunPending "run_pending";
}

impl EventSubject {
    /// About one instance.
    #[must_use]
    pub fn instance(id: InstanceId, service: ServiceName, host: HostId) -> Self {
        Self {
            instance: Some(id),
            service: Some(service),
            host: Some(host),
            ..Self::default()
        }
    }
}
