//! The draft: the world's moving parts as they will be, while a plan is made.
//!
//! Modules change the draft; [`Draft::changes`] is the difference to the world. Invariant: every change of
//! desired state found in the difference gets exactly one event (I23), and desired states only grow (I3).

use std::collections::{BTreeMap, BTreeSet};

use segue_model::Timestamp;
use segue_model::change::{EventKind, EventSubject, NewEvent, NewInstance, Reason, ReasonKind};
use segue_model::id::{DeploymentId, HostId, InstanceId, ReleaseId, RunId};
use segue_model::name::ServiceName;
use segue_model::route::{EnvironmentRoutes, RouteGen};
use segue_model::state::{Desired, HostState, Observed};
use segue_model::world::{Deployment, Instance, RolloutState, World};

use crate::runs;
use crate::schedule::Room;

/// Everything a plan has decided so far.
pub(crate) struct Draft<'a> {
    pub(crate) world: &'a World,
    /// Instances as they will be, the new ones included.
    pub(crate) instances: BTreeMap<InstanceId, Instance>,
    pub(crate) created: Vec<NewInstance>,
    pub(crate) room: Room<'a>,
    /// What is decided of one-off runs.
    pub(crate) runs: BTreeMap<RunId, runs::Decided>,
    /// Hosts on which a subnet is asked for.
    pub(crate) subnets: BTreeSet<HostId>,
    /// Rollouts as they will be.
    pub(crate) rollouts: BTreeMap<DeploymentId, RolloutState>,
    pub(crate) serving: Option<ReleaseId>,
    pub(crate) stable: Vec<ReleaseId>,
    pub(crate) routes: Option<EnvironmentRoutes>,
    /// Some instance found no host for want of room, and nothing is on its way out that could make some.
    pub(crate) room_short: bool,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) next_check: Option<Timestamp>,
    /// Endpoints of the committed routes.
    routed: BTreeSet<InstanceId>,
    pub(crate) why: BTreeMap<InstanceId, String>,
    pub(crate) extra_events: Vec<NewEvent>,
    serial: u64,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        let routed = world
            .routes
            .routes
            .iter()
            .flat_map(|route| &route.pools)
            .flat_map(|pool| &pool.endpoints)
            .map(|endpoint| endpoint.instance)
            .collect();
        Self {
            world,
            instances: world.instances.clone(),
            created: Vec::new(),
            runs: BTreeMap::new(),
            room: Room::new(world),
            subnets: BTreeSet::new(),
            rollouts: BTreeMap::new(),
            serving: world.serving,
            stable: Vec::new(),
            routes: None,
            room_short: false,
            reasons: Vec::new(),
            next_check: None,
            routed,
            why: BTreeMap::new(),
            extra_events: Vec::new(),
            serial: world.next_serial,
        }
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.world.now
    }

    /// Whether the committed routes name it.
    pub(crate) fn is_routed(&self, id: InstanceId) -> bool {
        self.routed.contains(&id)
    }

    /// Whether its host exists and is not lost.
    pub(crate) fn is_reachable(&self, instance: &Instance) -> bool {
        self.world
            .hosts
            .get(&instance.host)
            .is_some_and(|host| host.state != HostState::Lost)
    }

    /// Wanted, passing its checks, on a host that answers or did a moment ago: may take traffic. What a host that
    /// returns has is not believed before it was listed.
    pub(crate) fn is_serving(&self, instance: &Instance) -> bool {
        let state = self.world.hosts.get(&instance.host).map(|host| host.state);
        instance.is_ready() && matches!(state, Some(HostState::Ready | HostState::Suspect))
    }

    /// Ids of the service's instances that are wanted, in order.
    pub(crate) fn wanted(&self, service: &ServiceName) -> Vec<InstanceId> {
        self.instances
            .iter()
            .filter(|(_, i)| i.service == *service && i.desired == Desired::Run)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Instances of the service that take part: wanted or draining, and not known to have ended.
    pub(crate) fn live(&self, service: &ServiceName) -> usize {
        self.instances
            .values()
            .filter(|i| {
                i.service == *service
                    && matches!(i.desired, Desired::Run | Desired::Drain)
                    && !has_ended(i)
            })
            .count()
    }

    /// The next time something changes by itself.
    pub(crate) fn look_at(&mut self, at: Timestamp) {
        if at > self.now() {
            self.next_check = Some(self.next_check.map_or(at, |so_far| so_far.min(at)));
        }
    }

    pub(crate) fn reason(&mut self, kind: ReasonKind, subject: EventSubject, message: String) {
        self.reasons.push(Reason {
            kind,
            subject,
            message,
            hosts: BTreeMap::new(),
        });
    }

    /// `web.3 on host-a`.
    pub(crate) fn title(&self, instance: &Instance) -> String {
        let host = self.world.hosts.get(&instance.host);
        format!(
            "{}.{} on {}",
            instance.service,
            instance.slot,
            host.map_or("a removed host", |h| h.name.as_str())
        )
    }

    pub(crate) fn subject(&self, id: InstanceId, instance: &Instance) -> EventSubject {
        EventSubject::instance(id, instance.service.clone(), instance.host)
    }

    /// Raises what is wanted of an instance, and says why. A lower or equal wish changes nothing.
    pub(crate) fn raise(&mut self, id: InstanceId, desired: Desired, why: impl Into<String>) {
        let Some(instance) = self.instances.get_mut(&id) else {
            return;
        };
        if desired.rank() <= instance.desired.rank() {
            return;
        }
        if instance.desired == Desired::Run {
            self.room.leave(instance);
        }
        instance.desired = desired;
        self.why.entry(id).or_insert_with(|| why.into());
    }

    /// Marks an instance that ended by itself, so that the next attempt in its slot waits.
    pub(crate) fn mark_died(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.died = true;
        }
    }

    /// Marks an instance whose host is lost and which this plan replaces.
    pub(crate) fn mark_lost(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.observed = Observed::Lost;
        }
    }

    /// Adds a new instance that is wanted.
    pub(crate) fn add(&mut self, new: NewInstance, why: String) {
        self.instances.insert(new.id, as_instance(&new, self.now()));
        self.why.insert(new.id, why);
        self.created.push(new);
    }

    /// A serial that was never used.
    pub(crate) const fn take_serial(&mut self) -> u64 {
        let serial = self.serial;
        self.serial = self.serial.saturating_add(1);
        serial
    }

    /// An event that goes with a change of desired state but is none itself.
    pub(crate) fn tell(&mut self, kind: EventKind, subject: EventSubject, message: String) {
        self.extra_events.push(NewEvent {
            kind,
            subject,
            message,
            failure: None,
        });
    }

    /// The deployment that is neither finished nor unbegun, as it will be.
    pub(crate) fn running(&self) -> Option<(&'a Deployment, RolloutState)> {
        self.world.deployments.values().find_map(|deployment| {
            let rollout = self.rollout(deployment)?;
            (!rollout.state.is_terminal()).then_some((deployment, rollout))
        })
    }

    /// A deployment's rollout, as it will be.
    pub(crate) fn rollout(&self, deployment: &Deployment) -> Option<RolloutState> {
        self.rollouts
            .get(&deployment.id)
            .or(deployment.rollout.as_ref())
            .cloned()
    }

    /// The generation that routes have after this plan.
    pub(crate) fn route_gen(&self) -> RouteGen {
        self.routes
            .as_ref()
            .map_or(self.world.routes.route_gen, |routes| routes.route_gen)
    }
}

/// Its process is known to have ended, or to have never been.
pub(crate) const fn has_ended(instance: &Instance) -> bool {
    matches!(
        instance.observed,
        Observed::Exited | Observed::Gone | Observed::Lost
    )
}

/// A new instance as the next snapshot shows it.
fn as_instance(new: &NewInstance, now: Timestamp) -> Instance {
    Instance {
        service: new.service.clone(),
        slot: new.slot,
        revision: new.revision,
        release: new.release,
        serial: new.serial,
        host: new.host,
        address: new.address,
        port: new.port,
        cpu_millis: new.cpu_millis,
        memory_bytes: new.memory_bytes,
        exclusive: new.exclusive,
        desired: Desired::Run,
        attempt: new.attempt,
        not_before: new.not_before,
        created_at: now,
        unrouted_gen: None,
        unrouted_at: None,
        observed: Observed::None,
        observed_at: None,
        attempted_at: None,
        started_at: None,
        ready_at: None,
        unready_at: None,
        aliased: false,
        died: false,
        exited_at: None,
        exit_code: None,
        oom: false,
        restarts: 0,
        words_due_since: None,
        failure: None,
        replace_requested: false,
    }
}
