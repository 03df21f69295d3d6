//! The world: one consistent snapshot of an environment and of what it needs to know of hosts and edges.
//! The store loads it in one transaction; the planner reads nothing else.
//!
//! Ordered collections only: the planner's answer may not depend on the order of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, LAST_WORDS_LIMIT};
use crate::id::{
    AppId, BuildId, DeploymentId, EdgeId, EnvironmentId, HostId, InstanceId, ReleaseId, RunId,
    TeamId,
};
use crate::name::{Domain, Label, ServiceName};
use crate::network::ForeignNetwork;
use crate::revision::{Revision, RevisionContent};
use crate::route::{EnvironmentRoutes, OpenRequests, RequestCounts, RouteGen};
use crate::run::Run;
use crate::spec::{ImageRef, Rollout, ServiceSpec, Strategy};
use crate::state::{BuildState, DeploymentState, Desired, HostState, Observed};

/// Everything the planner knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// The database clock when the snapshot was taken.
    pub now: Timestamp,
    /// Owner.
    pub team: TeamId,
    /// Its app.
    pub app: AppId,
    /// The environment being reconciled.
    pub environment: EnvironmentId,
    /// Raised with every change of desired state by people; the commit fails if it moved.
    pub generation: i64,
    /// Asked for by people: nothing of it shall run.
    pub stopped: bool,
    /// Asked for by people: it shall be removed altogether, containers, routes and subnets.
    pub deleted: bool,
    /// Serial of the next instance; only grows.
    pub next_serial: u64,
    /// The release the environment stands on outside of a rollout; healing and scaling use it.
    pub serving: Option<ReleaseId>,
    /// The newest release that was seen to be good.
    pub stable: Option<ReleaseId>,
    /// Host names by routed service (the generated one and the proven ones).
    pub hosts_of: BTreeMap<ServiceName, Vec<Domain>>,
    /// Releases that a deployment, an instance or `serving`/`stable` names.
    pub releases: BTreeMap<ReleaseId, Release>,
    /// Unfinished deployments by number: at most one has a rollout.
    pub deployments: BTreeMap<i64, Deployment>,
    /// Wanted replicas by service, set by people or the autoscaler. Missing: the release's own figure.
    pub targets: BTreeMap<ServiceName, u32>,
    /// Instances that are not gone, and per slot the newest one that is (for back-off).
    pub instances: BTreeMap<InstanceId, Instance>,
    /// One-off runs that have not ended, and those whose container may still be there. Their containers are not among
    /// `instances`: no rollout, route or replacement ever sees them.
    #[serde(default)]
    pub runs: BTreeMap<RunId, Run>,
    /// Hosts that are not removed.
    pub hosts: BTreeMap<HostId, Host>,
    /// This environment's subnets by host.
    pub subnets: BTreeMap<HostId, Subnet>,
    /// Hosts that hold the volumes of services with exclusive volumes, once they exist.
    pub volume_hosts: BTreeMap<ServiceName, HostId>,
    /// Edges that are not removed.
    pub edges: BTreeMap<EdgeId, Edge>,
    /// The routes as last committed.
    pub routes: EnvironmentRoutes,
    /// Finished requests of the running rollout's release since it began, and of the release before it since ten
    /// minutes before that, by service. Empty without a rollout.
    #[serde(default)]
    pub traffic: BTreeMap<ServiceName, BTreeMap<ReleaseId, RequestCounts>>,
    /// Bounds that the installation sets.
    pub policy: Policy,
}

impl World {
    /// An instance, whether of a service or of a one-off run.
    #[must_use]
    pub fn container(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(&id).or_else(|| {
            let run = self.runs.get(&RunId::from_uuid(id.as_uuid()))?;
            run.instance.as_ref()
        })
    }

    /// Every instance that the snapshot knows: those of services, then those of one-off runs.
    pub fn containers(&self) -> impl Iterator<Item = (InstanceId, &Instance)> {
        let of_services = self.instances.iter().map(|(id, instance)| (*id, instance));
        let of_runs = (self.runs.iter())
            .filter_map(|(id, run)| Some((id.instance(), run.instance.as_ref()?)));
        of_services.chain(of_runs)
    }
}

/// Bounds that the installation sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// A silent edge holds SIGTERM back for this long (0 to 24 h).
    pub edge_silence: Duration,
    /// A freed address is not given again for this long.
    pub address_rest: Duration,
    /// Stop and remove are planned only if the host was listed completely within this time.
    pub listing_max_age: Duration,
    /// Reserved CPU may be this many percent of the cores.
    pub cpu_overcommit_percent: u32,
    /// Reserved memory may be this many percent of the memory.
    pub memory_overcommit_percent: u32,
    /// A rollback that makes no progress for this long has failed.
    pub rollback_deadline: Duration,
    /// More instances than this turning bad at once freezes stop and remove (rule 3); the counters are rows.
    pub frozen: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            edge_silence: Duration::from_secs(60),
            address_rest: Duration::from_secs(600),
            listing_max_age: Duration::from_secs(60),
            cpu_overcommit_percent: 400,
            memory_overcommit_percent: 100,
            rollback_deadline: Duration::from_secs(600),
            frozen: false,
        }
    }
}

/// A release whose images are all known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// `v17`.
    pub version: i64,
    /// Its services; a service whose image is not known yet is missing in `services` and the release is not `ready`.
    pub services: BTreeMap<ServiceName, ServiceRelease>,
    /// Every image is known.
    pub ready: bool,
    /// How it is rolled out.
    pub rollout: Rollout,
    /// When it was seen to be good.
    pub stable_at: Option<Timestamp>,
}

/// One service of a release, with its revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRelease {
    /// What people want.
    pub spec: ServiceSpec,
    /// The pinned image.
    pub image: ImageRef,
    /// Hash of `content`.
    pub revision: Revision,
    /// What shapes the container.
    pub content: RevisionContent,
}

/// A deployment that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// `#42`.
    pub number: i64,
    /// Where it goes.
    pub release: ReleaseId,
    /// Builds that its release waits for.
    pub builds: BTreeMap<BuildId, Build>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// Whether it is itself a return to an older release, by a person; then it is not rolled back by itself.
    pub is_rollback: bool,
    /// Its rollout, once it has begun.
    pub rollout: Option<RolloutState>,
}

/// A build as the planner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Where it is.
    pub state: BuildState,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// The rollout row: written by the reconciler only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutState {
    /// Where it is.
    pub state: DeploymentState,
    /// How it really replaces instances: `switch` becomes `rolling` for good where it does not fit.
    pub strategy: Strategy,
    /// What served before it began; where a rollback goes, if it is stable.
    pub from: Option<ReleaseId>,
    /// When it began.
    pub started_at: Timestamp,
    /// The last time anything went forward.
    pub progress_at: Timestamp,
    /// How far it had come then (ready instances of the target), so that progress can be told.
    pub progress: u32,
    /// First generation with an instance of the target in it.
    pub first_gen: Option<RouteGen>,
    /// The generation that must be acknowledged before `live`.
    pub switch_gen: Option<RouteGen>,
    /// When it became live.
    pub live_at: Option<Timestamp>,
    /// Deaths of new instances before any success.
    pub early_deaths: u32,
    /// How the newest of them died; its container may be gone.
    pub last_death: Option<Failure>,
    /// Why it fails, once it does.
    pub failure: Option<Failure>,
}

/// An instance, desired and observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its service.
    pub service: ServiceName,
    /// 1 to N: `web.3`.
    pub slot: u32,
    /// What its container is made of.
    pub revision: Revision,
    /// The release it was created for; others with the same revision share it.
    pub release: ReleaseId,
    /// Serial within the environment; younger ones have higher serials.
    pub serial: u64,
    /// Its host.
    pub host: HostId,
    /// Its address in the environment's subnet on that host.
    pub address: Ipv4Addr,
    /// Where its application listens.
    pub port: u16,
    /// What was reserved for it on its host.
    pub cpu_millis: u32,
    /// What was reserved for it on its host.
    pub memory_bytes: u64,
    /// Whether it holds a volume: restart policy `no`, one at a time.
    pub exclusive: bool,
    /// What is wanted.
    pub desired: Desired,
    /// 0 for the first in its slot, one more after each early death.
    pub attempt: u32,
    /// Not to be created before this.
    pub not_before: Timestamp,
    /// When it was decided.
    pub created_at: Timestamp,
    /// First generation without it, once it was routed and is not any more.
    pub unrouted_gen: Option<RouteGen>,
    /// When it left the routes.
    pub unrouted_at: Option<Timestamp>,
    /// What was last observed.
    pub observed: Observed,
    /// When that was.
    pub observed_at: Option<Timestamp>,
    /// The last engine call made for it; newer than `observed_at` means unknown.
    pub attempted_at: Option<Timestamp>,
    /// When its process was first seen to run.
    pub started_at: Option<Timestamp>,
    /// Start of its last period of readiness; kept when that ends, so that its length can be told.
    pub ready_at: Option<Timestamp>,
    /// Not ready since, after having been ready.
    pub unready_at: Option<Timestamp>,
    /// Whether it was last observed to have its service's network alias.
    pub aliased: bool,
    /// It ended by itself or was taken over in a crash loop, so the next attempt in its slot waits. Decided by the planner.
    pub died: bool,
    /// When it was first seen to have ended.
    pub exited_at: Option<Timestamp>,
    /// Exit code of its last end.
    pub exit_code: Option<i32>,
    /// Killed for memory.
    pub oom: bool,
    /// Restarts by the engine itself.
    pub restarts: u32,
    /// It ended, and what it said last has not been read yet: since when. Until it is, or
    /// [`LAST_WORDS_LIMIT`] has passed, the end is not judged.
    pub words_due_since: Option<Timestamp>,
    /// What its gate or its engine last complained of.
    pub failure: Option<Failure>,
    /// A person asked that it be replaced by a fresh one. Never set of one that is not wanted any more.
    pub replace_requested: bool,
}

impl Instance {
    /// A call was made whose result has not been observed: nothing may be concluded from `observed`.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match (self.attempted_at, self.observed_at) {
            (Some(attempted), Some(observed)) => attempted > observed,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Until when its last end may not be judged, because its words may still be read; `None`: it may be.
    #[must_use]
    pub fn words_due_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.words_due_since?.checked_add(LAST_WORDS_LIMIT).ok()?;
        (until > now).then_some(until)
    }

    /// Whether a container may exist.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        !matches!(self.observed, Observed::Gone | Observed::Lost)
    }

    /// Wanted and passing its checks.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.desired == Desired::Run && self.observed == Observed::Ready
    }
}

/// A host as the scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name, for people.
    pub name: String,
    /// Where it is.
    pub state: HostState,
    /// Takes nothing new.
    pub cordoned: bool,
    /// Raised when it is taken over, restarts or comes back.
    pub epoch: i64,
    /// Labels, set by people, and `arch`.
    pub labels: BTreeMap<Label, Label>,
    /// Thousandths of a core it has.
    pub cpu_millis: u32,
    /// Memory it has.
    pub memory_bytes: u64,
    /// Reserved by instances of all environments.
    pub reserved_cpu_millis: u32,
    /// Reserved by instances of all environments.
    pub reserved_memory_bytes: u64,
    /// Its last complete listing.
    pub listed_at: Option<Timestamp>,
    /// Little disk or memory is left.
    pub pressure: bool,
    /// Early deaths here in the last five minutes, by service of this environment.
    pub recent_failures: BTreeMap<ServiceName, u32>,
}

/// An environment's /24 on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// First address of the /24; `.1` is the gateway.
    pub base: Ipv4Addr,
    /// Last octet that was given out last; the next is looked for behind it.
    pub cursor: u8,
    /// Last octets that are held by instances whose container may exist.
    pub held: BTreeSet<u8>,
    /// Last octets at rest.
    pub resting: BTreeMap<u8, Resting>,
    /// A network on the host that is not this installation's and overlaps with it: while the environment's own is not
    /// there, the engine refuses to make it.
    #[serde(default)]
    pub overlap: Option<ForeignNetwork>,
}

/// Why an address may not be given yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resting {
    /// When its container was gone.
    pub since: Timestamp,
    /// First generation without it, if it was ever routed.
    pub unrouted_gen: Option<RouteGen>,
}

/// An edge as this environment sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Live until then.
    pub lease_until: Timestamp,
    /// The generation of this environment that it has acknowledged.
    pub acknowledged: RouteGen,
    /// What it still has open on instances of this environment that left the routes.
    pub draining: BTreeMap<InstanceId, OpenRequests>,
}

impl Edge {
    /// Whether its lease runs.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.lease_until > now
    }
}
