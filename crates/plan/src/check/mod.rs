//! The independent checker of plans: nothing is committed while it finds a violation.
//!
//! Invariant: it shares no helper with the planner but [`crate::after`], which says what a commit does, so that a
//! mistake in a planner's helper cannot hide here. It judges one plan against one snapshot; what only a trace can
//! show (a request reaching a stopped instance) is shown by the simulation in the tests.

use std::collections::BTreeMap;
use std::time::Duration;

use segue_model::Timestamp;
use segue_model::change::NewInstance;
use segue_model::id::{HostId, InstanceId, ReleaseId};
use segue_model::name::ServiceName;
use segue_model::route::EnvironmentRoutes;
use segue_model::state::{DeploymentState, HostState};
use segue_model::world::{Instance, Release, World};

use crate::{Action, Input, Plan, after};

mod lifecycle;
mod place;
mod record;
mod runs;
mod traffic;

/// The invariants that a single plan can break, by their numbers in the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// At most one unfinished rollout.
    I1,
    /// Releases never change; what a plan calls good it has reason to.
    I2,
    /// Ids are never reused, ranks never fall.
    I3,
    /// At most one container per instance: one host, one wish.
    I4,
    /// Enough instances routed, not too many live.
    I5,
    /// No SIGTERM before the barrier is open.
    I6,
    /// Only ready and wanted instances are routed, and a pool is never emptied without need.
    I7,
    /// Generations go up by one, and only with a change.
    I8,
    /// What is wanted is made.
    I11,
    /// Reservations fit.
    I12,
    /// Hard constraints hold.
    I13,
    /// Nothing is stopped or removed on a stale listing.
    I14,
    /// A volume has one holder.
    I15,
    /// Rollouts end, and go back once, to what was good.
    I16,
    /// A one-off run has one container and one start.
    I17,
    /// Addresses are apart and rest.
    I20,
    /// One event per change of desired state.
    I23,
}

/// What a plan would break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// How.
    pub message: String,
}

/// One plan against its snapshot.
pub(crate) struct Case<'a> {
    before: &'a World,
    after: World,
    plan: &'a Plan,
}

type Checker = fn(&Case<'_>, &mut Vec<String>);

/// The checkers; those of one-off runs stand apart from those of services.
const CHECKERS: &[(Invariant, Checker)] = &[
    (Invariant::I1, record::one_rollout),
    (Invariant::I2, record::releases_stand),
    (Invariant::I3, lifecycle::one_shot),
    (Invariant::I4, lifecycle::one_container),
    (Invariant::I5, traffic::enough_and_not_too_many),
    (Invariant::I6, traffic::barrier),
    (Invariant::I7, traffic::routed_is_ready),
    (Invariant::I8, traffic::generations),
    (Invariant::I11, lifecycle::wanted_is_made),
    (Invariant::I12, place::capacity),
    (Invariant::I13, place::constraints),
    (Invariant::I14, lifecycle::nothing_on_stale_listings),
    (Invariant::I15, place::one_holder),
    (Invariant::I15, runs::beside_their_volumes),
    (Invariant::I16, record::rollouts_end),
    (Invariant::I3, runs::serials),
    (Invariant::I11, runs::made_or_explained),
    (Invariant::I12, runs::reserves_as_specified),
    (Invariant::I17, runs::at_most_once),
    (Invariant::I20, place::addresses),
    (Invariant::I23, record::one_event_each),
];

/// Looks for violations of every invariant that a single plan can break. Empty: the plan may be committed.
#[must_use]
pub fn check(input: &Input<'_>, plan: &Plan) -> Vec<Violation> {
    let case = Case {
        before: input.world,
        after: after(input.world, &plan.changes),
        plan,
    };
    let mut violations = Vec::new();
    for (invariant, checker) in CHECKERS {
        let mut found = Vec::new();
        checker(&case, &mut found);
        violations.extend(found.into_iter().map(|message| Violation {
            invariant: *invariant,
            message,
        }));
    }
    violations
}

impl Case<'_> {
    fn now(&self) -> Timestamp {
        self.before.now
    }

    /// At least this long ago.
    fn is_past(&self, at: Timestamp, by: Duration) -> bool {
        Duration::try_from(self.before.now.duration_since(at)).is_ok_and(|elapsed| elapsed >= by)
    }

    /// Releases that matter to what shall run after the plan.
    fn wanted_releases(&self) -> BTreeMap<ReleaseId, &Release> {
        use DeploymentState as S;
        let forward = self
            .after
            .deployments
            .values()
            .filter(|d| {
                d.rollout.as_ref().is_some_and(|r| {
                    matches!(r.state, S::Starting | S::Switching | S::Live | S::Baking)
                })
            })
            .map(|d| d.release);
        let way_back = self
            .after
            .deployments
            .values()
            .filter_map(|d| d.rollout.as_ref())
            .filter(|r| r.state == S::Failing)
            .flat_map(|r| [r.from, self.after.stable])
            .flatten();
        forward
            .chain(way_back)
            .chain(self.after.serving)
            .filter_map(|id| Some((id, self.after.releases.get(&id)?)))
            .collect()
    }

    /// The fewest and the most instances of a service that any of those releases wants.
    fn wanted_count(&self, service: &ServiceName) -> (u32, u32) {
        let releases = self.wanted_releases();
        let mut counts = releases.values().map(|release| {
            release.services.get(service).map_or(0, |s| {
                let set = self.after.targets.get(service).copied();
                set.unwrap_or(s.spec.replicas)
            })
        });
        let first = counts.next().unwrap_or(0);
        counts.fold((first, first), |(low, high), n| (low.min(n), high.max(n)))
    }

    fn endpoints(routes: &EnvironmentRoutes, service: &ServiceName) -> Vec<InstanceId> {
        routes
            .routes
            .iter()
            .filter(|route| route.service == *service)
            .flat_map(|route| &route.pools)
            .flat_map(|pool| &pool.endpoints)
            .map(|endpoint| endpoint.instance)
            .collect()
    }

    fn all_endpoints(routes: &EnvironmentRoutes) -> Vec<InstanceId> {
        routes
            .routes
            .iter()
            .flat_map(|route| &route.pools)
            .flat_map(|pool| &pool.endpoints)
            .map(|endpoint| endpoint.instance)
            .collect()
    }

    fn is_host_lost(&self, host: HostId) -> bool {
        self.before
            .hosts
            .get(&host)
            .is_none_or(|h| h.state == HostState::Lost)
    }

    /// Passing its checks on a host whose observations count.
    fn passes(&self, instance: &Instance) -> bool {
        let host = self.before.hosts.get(&instance.host);
        let unseen =
            host.is_none_or(|h| !(h.state == HostState::Ready || h.state == HostState::Suspect));
        instance.is_ready() && !unseen
    }

    /// New containers, of services and of one-off runs.
    fn places(&self) -> impl Iterator<Item = &NewInstance> {
        let changes = &self.plan.changes;
        let of_runs = changes.runs.iter().filter_map(|run| run.place.as_ref());
        changes.create.iter().chain(of_runs)
    }

    fn actions(&self) -> impl Iterator<Item = (HostId, &Action)> {
        self.plan
            .actions
            .iter()
            .flat_map(|(host, list)| list.iter().map(|action| (*host, action)))
    }
}
