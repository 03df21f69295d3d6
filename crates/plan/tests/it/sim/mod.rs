//! A simulated store, engine, prober and edges around the real planner: one thread, a virtual clock, a seed.
//!
//! It asserts at every step that no plan has a violation, that ranks never fall, and that every endpoint of every
//! edge's table, however stale, is a container that was not sent SIGTERM, unless a fault killed it or an event
//! says that the edge was passed over: that is, that no request fails.

mod drive;
mod faults;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use segue_model::change::{Changes, EventKind, RolloutChange};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{EdgeId, HostId, InstanceId};
use segue_model::revision::Revision;
use segue_model::route::{EnvironmentRoutes, OpenRequests};
use segue_model::state::{DeploymentState, Desired, HostState, Observed};
use segue_model::world::{Instance, Resting, World};
use segue_plan::{Action, Input, Plan, after, check, plan};

use crate::fixture::subnet;

/// What the application of a revision does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Ready at the next look.
    Good,
    /// Ready only after so many looks.
    Slow(u8),
    /// Runs and never passes its gate.
    NeverReady,
    /// Exits at once, restarted by the engine.
    Crashes,
    /// Its image cannot be pulled.
    NoImage,
    /// Its init says that there is no such command and exits, restarted by the engine.
    NoCommand,
}

#[derive(Debug, Clone)]
struct Container {
    host: HostId,
    running: bool,
    term: bool,
    /// Killed by a fault, not by the planner.
    faulted: bool,
    /// Fails its checks whatever its application does.
    sick: bool,
    looks: u8,
}

#[derive(Debug, Clone)]
pub struct SimEdge {
    pub connected: bool,
    /// Applies new routes only with every so-maniest tick.
    pub pace: u64,
    table: EnvironmentRoutes,
}

/// The simulated installation.
pub struct Sim {
    pub world: World,
    pub edges: BTreeMap<EdgeId, SimEdge>,
    pub behaviours: BTreeMap<Revision, Behaviour>,
    /// Hosts whose listing is not refreshed.
    pub stale: BTreeSet<HostId>,
    /// Of so many actions one is lost; 0: none.
    pub lose_actions: u64,
    /// Of so many commits one is not followed by its actions; 0: none.
    pub crash_worker: u64,
    /// Requests stay open on this share of the endpoints that leave, per mille.
    pub open_requests: u64,
    /// Seconds from an end until its last words are read.
    pub words_after: u64,
    /// Some container was removed by hand, with what it had said.
    words_lost: bool,
    /// Addresses from here on are somebody else's.
    pub first_foreign_octet: u8,
    containers: BTreeMap<InstanceId, Container>,
    skipped: BTreeSet<(InstanceId, EdgeId)>,
    ids: BTreeSet<InstanceId>,
    subnets: u64,
    /// The network that each host has, by its subnet's first address.
    pub networks: BTreeMap<HostId, Ipv4Addr>,
    ticks: u64,
    seed: u64,
    /// What a broken twin of the planner believes instead of the world; its plans are not checked.
    pub blindfold: Option<fn(&mut World)>,
    pub finished: Vec<(i64, DeploymentState)>,
    pub events: Vec<(EventKind, String)>,
}

impl Sim {
    pub fn new(world: World, seed: u64) -> Self {
        let table = world.routes.clone();
        let edges = world
            .edges
            .keys()
            .map(|id| {
                let edge = SimEdge {
                    connected: true,
                    pace: 1,
                    table: table.clone(),
                };
                (*id, edge)
            })
            .collect();
        Self {
            world,
            edges,
            behaviours: BTreeMap::new(),
            stale: BTreeSet::new(),
            lose_actions: 0,
            crash_worker: 0,
            open_requests: 0,
            words_after: 0,
            words_lost: false,
            first_foreign_octet: 250,
            containers: BTreeMap::new(),
            skipped: BTreeSet::new(),
            ids: BTreeSet::new(),
            subnets: 0,
            networks: BTreeMap::new(),
            ticks: 0,
            seed,
            blindfold: None,
            finished: Vec::new(),
            events: Vec::new(),
        }
    }

    /// SplitMix64: the simulation's only source of chance.
    fn chance(&mut self, one_in: u64) -> bool {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        one_in > 0 && (z ^ (z >> 31)).is_multiple_of(one_in)
    }

    /// One round: plan, check, commit, act, let the edges and the prober look. Returns the plan.
    pub fn round(&mut self) -> Plan {
        let made = if let Some(blindfold) = self.blindfold {
            let mut seen = self.world.clone();
            blindfold(&mut seen);
            plan(&Input { world: &seen })
        } else {
            self.checked_plan()
        };
        self.commit(&made.changes);
        let crashed = !made.changes.is_empty() && self.chance(self.crash_worker);
        if !crashed {
            for (host, actions) in &made.actions {
                for action in actions {
                    self.act(*host, action);
                    self.assert_no_request_fails();
                }
            }
        }
        self.assert_reservations();
        self.turn_edges();
        self.probe();
        self.read_words();
        self.forget();
        made
    }

    fn checked_plan(&self) -> Plan {
        let made = plan(&Input { world: &self.world });
        let violations = check(&Input { world: &self.world }, &made);
        assert!(
            violations.is_empty(),
            "{violations:#?}\nchanges: {:#?}\n{}",
            made.changes,
            self.picture()
        );
        made
    }

    /// Lets time pass.
    pub fn advance(&mut self, seconds: u64) {
        self.world.now = self
            .world
            .now
            .checked_add(Duration::from_secs(seconds))
            .unwrap();
        let now = self.world.now;
        for (id, host) in &mut self.world.hosts {
            if !self.stale.contains(id) && host.state == HostState::Ready {
                host.listed_at = Some(now);
            }
        }
        for (id, edge) in &self.edges {
            if edge.connected
                && let Some(row) = self.world.edges.get_mut(id)
            {
                row.lease_until = now.checked_add(Duration::from_secs(10)).unwrap();
            }
        }
        // Words are read in their time, whoever plans meanwhile.
        self.read_words();
    }

    fn commit(&mut self, changes: &Changes) {
        for new in &changes.create {
            assert!(self.ids.insert(new.id), "{} is used again", new.id);
        }
        for event in &changes.events {
            self.events.push((event.kind, event.message.clone()));
            if event.kind == EventKind::EdgeSkipped {
                let pair = event.subject.instance.zip(event.subject.edge);
                self.skipped.insert(pair.unwrap());
            }
        }
        for change in &changes.rollouts {
            self.assert_judged_by_its_words(change);
            if change.expected.is_none() || change.rollout.state.is_terminal() {
                // What was counted belongs to the rollout before.
                self.world.traffic.clear();
            }
            if change.rollout.state.is_terminal() {
                let number = self
                    .world
                    .deployments
                    .values()
                    .find(|d| d.id == change.deployment)
                    .unwrap()
                    .number;
                self.finished.push((number, change.rollout.state));
            }
        }
        self.world = after(&self.world, changes);
        for host in &changes.subnets {
            self.subnets += 1;
            let mut made = subnet(self.subnets % 200);
            // A neighbour holds the rest of the addresses, so that freed ones come round.
            made.held.extend(self.first_foreign_octet..=254);
            self.world.subnets.insert(*host, made);
        }
        for change in changes.instances.iter().filter(|c| c.lost) {
            self.rest_address(change.id);
            if let Some(container) = self.containers.get_mut(&change.id) {
                container.faulted = true;
            }
        }
    }

    /// Makes the environment's network, unless something overlaps with it; one from an earlier subnet goes first, if
    /// no container is on it.
    fn make_network(&mut self, host: HostId) {
        let Some(subnet) = self.world.subnets.get(&host) else {
            return;
        };
        let there = self.networks.get(&host);
        let in_use = self
            .containers
            .values()
            .any(|c| c.host == host && c.running);
        let kept = there.is_some_and(|base| *base != subnet.base) && in_use;
        if there != Some(&subnet.base) && subnet.overlap.is_none() && !kept {
            self.networks.insert(host, subnet.base);
        }
    }

    fn act(&mut self, host: HostId, action: &Action) {
        let now = self.world.now;
        if let Action::EnsureRunning { instance } = action {
            let base = self.world.subnets.get(&host).map(|subnet| subnet.base);
            if base.is_none() || self.networks.get(&host).copied() != base {
                // Without a network it is not tried.
                let instance = self.world.instances.get_mut(instance).unwrap();
                instance.observed_at = Some(now);
                instance.failure = Some(Failure {
                    code: FailureCode::Internal,
                    evidence: "there is no network".to_owned(),
                });
                return;
            }
        }
        if let Some(id) = action.instance() {
            self.world.instances.get_mut(&id).unwrap().attempted_at = Some(now);
        }
        if self.chance(self.lose_actions) {
            return;
        }
        match action {
            Action::EnsureNetwork { .. } => self.make_network(host),
            Action::RemoveNetwork { .. } => {
                self.networks.remove(&host);
                self.world.subnets.remove(&host);
            }
            Action::EnsureRunning { instance } => self.start(host, *instance),
            Action::Alias { instance, on, .. } => {
                self.world.instances.get_mut(instance).unwrap().aliased = *on;
            }
            Action::Stop { instance, .. } => {
                if let Some(container) = self.containers.get_mut(instance) {
                    container.term |= container.running;
                    container.running = false;
                }
                self.observe(*instance, Observed::Exited);
            }
            Action::Remove { instance } => {
                if let Some(container) = self.containers.get_mut(instance) {
                    container.term |= container.running;
                    container.running = false;
                }
                self.observe(*instance, Observed::Gone);
            }
        }
        if let Some(id) = action.instance()
            && let Some(instance) = self.world.instances.get_mut(&id)
        {
            instance.observed_at = Some(now);
        }
    }

    fn start(&mut self, host: HostId, id: InstanceId) {
        let now = self.world.now;
        let revision = self.world.instances[&id].revision;
        let behaviour = self.behaviour(revision);
        let instance = self.world.instances.get_mut(&id).unwrap();
        if behaviour == Behaviour::NoImage {
            instance.failure = Some(Failure {
                code: FailureCode::ImageNotPullable,
                evidence: "not found".to_owned(),
            });
            return;
        }
        instance.failure = None;
        instance.started_at.get_or_insert(now);
        if instance.exclusive {
            // The volume is made with the container.
            let service = instance.service.clone();
            self.world.volume_hosts.entry(service).or_insert(host);
        }
        self.containers.entry(id).or_insert(Container {
            host,
            running: true,
            term: false,
            faulted: false,
            sick: false,
            looks: 0,
        });
        self.observe(id, Observed::Started);
    }

    fn behaviour(&self, revision: Revision) -> Behaviour {
        self.behaviours
            .get(&revision)
            .copied()
            .unwrap_or(Behaviour::Good)
    }

    /// The only writer of observed state: ranks never fall, but ready and unready alternate.
    fn observe(&mut self, id: InstanceId, observed: Observed) {
        let now = self.world.now;
        let Some(instance) = self.world.instances.get_mut(&id) else {
            return;
        };
        assert!(instance.observed.may_become(observed), "{id} {observed}");
        if instance.observed == observed {
            return;
        }
        match observed {
            Observed::Ready => {
                instance.ready_at = Some(now);
                instance.words_due_since = None;
            }
            Observed::Unready => instance.unready_at = Some(now),
            Observed::Exited => {
                instance.exited_at = Some(now);
                instance.aliased = false;
                if instance.desired == Desired::Run {
                    instance.words_due_since.get_or_insert(now);
                }
            }
            Observed::Gone => instance.words_due_since = None,
            _ => {}
        }
        instance.observed = observed;
        instance.observed_at = Some(now);
        if observed == Observed::Gone {
            self.rest_address(id);
        }
    }

    fn rest_address(&mut self, id: InstanceId) {
        let now = self.world.now;
        let Some(instance) = self.world.instances.get(&id) else {
            return;
        };
        let [.., octet] = instance.address.octets();
        if let Some(subnet) = self.world.subnets.get_mut(&instance.host)
            && subnet.held.remove(&octet)
        {
            let resting = Resting {
                since: now,
                unrouted_gen: instance.unrouted_gen,
            };
            subnet.resting.insert(octet, resting);
        }
    }

    /// Edges take over the committed routes, and acknowledge what they had taken over before.
    fn turn_edges(&mut self) {
        self.ticks += 1;
        let ids: Vec<EdgeId> = self.edges.keys().copied().collect();
        for id in ids {
            let edge = &self.edges[&id];
            if !edge.connected || !self.ticks.is_multiple_of(edge.pace) {
                continue;
            }
            let routes = self.world.routes.clone();
            let left: Vec<InstanceId> = endpoints(&edge.table)
                .into_iter()
                .filter(|i| !endpoints(&routes).contains(i))
                .collect();
            for instance in left {
                if self.chance(self.open_requests) {
                    let open = OpenRequests {
                        requests: 1,
                        upgraded: u32::from(self.chance(3)),
                    };
                    let row = self.world.edges.get_mut(&id).unwrap();
                    row.draining.insert(instance, open);
                }
            }
            let done = self.chance(3);
            let row = self.world.edges.get_mut(&id).unwrap();
            if done {
                row.draining.clear();
            }
            row.acknowledged = routes.route_gen;
            self.edges.get_mut(&id).unwrap().table = routes;
        }
        self.assert_no_request_fails();
    }

    /// The prober looks at every running container on hosts that answer.
    fn probe(&mut self) {
        let ids: Vec<InstanceId> = self.containers.keys().copied().collect();
        for id in ids {
            let Some(instance) = self.world.instances.get(&id) else {
                continue;
            };
            let answers = self
                .world
                .hosts
                .get(&instance.host)
                .is_some_and(|h| matches!(h.state, HostState::Ready | HostState::Suspect));
            let (observed, revision) = (instance.observed, instance.revision);
            let container = self.containers.get_mut(&id).unwrap();
            if !answers || !container.running {
                continue;
            }
            container.looks = container.looks.saturating_add(1);
            let looks = container.looks;
            if container.sick {
                if observed == Observed::Ready {
                    self.observe(id, Observed::Unready);
                }
                continue;
            }
            let ready = match self.behaviour(revision) {
                Behaviour::Good => true,
                Behaviour::Slow(n) => looks > n,
                Behaviour::NeverReady | Behaviour::NoImage => false,
                Behaviour::Crashes | Behaviour::NoCommand => {
                    let now = self.world.now;
                    let instance = self.world.instances.get_mut(&id).unwrap();
                    if instance.exclusive {
                        self.containers.get_mut(&id).unwrap().running = false;
                        self.observe(id, Observed::Exited);
                    } else {
                        instance.restarts += 1;
                        instance.words_due_since.get_or_insert(now);
                    }
                    false
                }
            };
            if ready && matches!(observed, Observed::Started | Observed::Unready) {
                self.observe(id, Observed::Ready);
            }
        }
    }

    /// Last words are read when their time has come.
    fn read_words(&mut self) {
        let (now, after) = (self.world.now, Duration::from_secs(self.words_after));
        let ids: Vec<InstanceId> = self.world.instances.keys().copied().collect();
        for id in ids {
            let revision = self.world.instances[&id].revision;
            let behaviour = self.behaviour(revision);
            let instance = self.world.instances.get_mut(&id).unwrap();
            let due = instance.words_due_since.map(|s| s.checked_add(after));
            if due.is_none_or(|due| due.unwrap() > now) {
                continue;
            }
            let (code, evidence) = match behaviour {
                Behaviour::NoCommand => (FailureCode::CommandNotFound, "no such file"),
                _ => (FailureCode::ExitedAtOnce, "exit code 1: boom"),
            };
            instance.words_due_since = None;
            instance.failure = Some(Failure {
                code,
                evidence: evidence.to_owned(),
            });
        }
    }

    /// A release that cannot start its command is never called one that exits at once, if its words can be read.
    fn assert_judged_by_its_words(&self, change: &RolloutChange) {
        let failure = change.rollout.failure.as_ref();
        let exited = failure.is_some_and(|f| f.code == FailureCode::ExitedAtOnce);
        if change.rollout.state != DeploymentState::Failing || !exited {
            return;
        }
        if self.words_after >= 3 || self.words_lost {
            return;
        }
        // What it did when it died, and said so. A later release may have given its revision another behaviour.
        if failure.is_some_and(|f| f.evidence.contains("boom")) {
            return;
        }
        let mut deployments = self.world.deployments.values();
        let deployment = deployments.find(|d| d.id == change.deployment).unwrap();
        let services = self.world.releases[&deployment.release].services.values();
        let mut behaviours = services.map(|s| self.behaviour(s.revision));
        assert!(
            behaviours.any(|b| b != Behaviour::NoCommand),
            "judged before its words were read\n{}",
            self.picture()
        );
    }

    /// The store keeps of what is gone only the newest of each slot.
    fn forget(&mut self) {
        let mut newest = BTreeMap::new();
        for instance in self.world.instances.values() {
            let slot = (instance.service.clone(), instance.slot);
            let serial = newest.entry(slot).or_insert(0);
            *serial = instance.serial.max(*serial);
        }
        self.world.instances.retain(|_, i| {
            let slot = (i.service.clone(), i.slot);
            let gone = i.desired == Desired::Gone && !i.may_exist();
            !gone || newest[&slot] == i.serial
        });
        self.containers
            .retain(|id, _| self.world.instances.contains_key(id));
    }

    /// What hosts have reserved is the sum over instances that are not let go.
    fn assert_reservations(&self) {
        for (id, host) in &self.world.hosts {
            let of_host = |i: &&Instance| i.host == *id && i.desired != Desired::Gone;
            let sum: u64 = self
                .world
                .instances
                .values()
                .filter(of_host)
                .map(|i| i.memory_bytes)
                .sum();
            assert_eq!(host.reserved_memory_bytes, sum, "reserved on {id}");
        }
    }

    fn assert_no_request_fails(&self) {
        for (edge_id, edge) in &self.edges {
            for id in endpoints(&edge.table) {
                let fine = self.containers.get(&id).map_or_else(
                    || self.skipped.contains(&(id, *edge_id)),
                    |c| c.faulted || !c.term || self.skipped.contains(&(id, *edge_id)),
                );
                // A container that is forgotten was dead for long; only its own death can explain that.
                let forgotten = !self.world.instances.contains_key(&id);
                assert!(
                    fine || forgotten,
                    "{edge_id} sends requests to {id}, which got SIGTERM\n{:#?}",
                    self.world.instances.get(&id)
                );
            }
        }
    }
}

pub fn endpoints(routes: &EnvironmentRoutes) -> BTreeSet<InstanceId> {
    routes
        .routes
        .iter()
        .flat_map(|route| &route.pools)
        .flat_map(|pool| &pool.endpoints)
        .map(|endpoint| endpoint.instance)
        .collect()
}
