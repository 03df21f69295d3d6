//! What goes wrong in the simulated installation.

use std::collections::BTreeMap;

use segue_model::id::{EdgeId, HostId, InstanceId};
use segue_model::network::ForeignNetwork;
use segue_model::route::{RequestCounts, RouteGen};
use segue_model::state::{Desired, HostState, Observed};
use segue_model::world::Edge;

use super::{Sim, SimEdge};

impl Sim {
    /// Somebody makes a network on the host that overlaps with the environment's subnet there.
    pub fn foreign_network(&mut self, host: HostId) {
        if let Some(subnet) = self.world.subnets.get_mut(&host) {
            subnet.overlap = Some(ForeignNetwork {
                name: "somebodys".to_owned(),
                subnet: format!("{}/24", subnet.base).parse().unwrap(),
            });
        }
    }

    /// Kills a process; the engine starts it again unless it holds a volume.
    pub fn kill(&mut self, index: usize) {
        let running: Vec<InstanceId> = self
            .containers
            .iter()
            .filter(|(id, c)| c.running && self.world.instances.contains_key(id))
            .map(|(id, _)| *id)
            .collect();
        let Some(id) = running.get(index % running.len().max(1)).copied() else {
            return;
        };
        let instance = self.world.instances.get_mut(&id).unwrap();
        let up = instance.observed.rank() >= Observed::Ready.rank();
        if instance.exclusive || !up {
            let container = self.containers.get_mut(&id).unwrap();
            container.running = false;
            container.faulted = true;
            self.observe(id, Observed::Exited);
        } else {
            instance.restarts += 1;
            instance.words_due_since.get_or_insert(self.world.now);
            self.observe(id, Observed::Unready);
        }
    }

    /// Removes a container behind our back.
    pub fn remove_by_hand(&mut self, index: usize) {
        let ids: Vec<InstanceId> = self
            .containers
            .keys()
            .filter(|id| {
                self.world
                    .instances
                    .get(id)
                    .is_some_and(|i| i.may_exist() && i.observed != Observed::Gone)
            })
            .copied()
            .collect();
        let Some(id) = ids.get(index % ids.len().max(1)).copied() else {
            return;
        };
        let container = self.containers.get_mut(&id).unwrap();
        container.running = false;
        container.faulted = true;
        self.words_lost = true;
        self.observe(id, Observed::Gone);
    }

    /// Edges count requests of the running rollout, for every service: the old release's are well and fast, of the
    /// new one's so many percent fail, and all are in this class of latency.
    pub fn serve_requests(&mut self, thousands: u64, percent: u64, class: usize) {
        let mut deployments = self.world.deployments.values();
        let Some((new, old)) = deployments.find_map(|d| {
            let rollout = d.rollout.as_ref()?;
            Some((d.release, rollout.from?))
        }) else {
            return;
        };
        let count = |failed: u64, class: usize| {
            let mut counts = RequestCounts {
                by_class: [
                    0,
                    thousands * (1000 - failed * 10),
                    0,
                    0,
                    thousands * failed * 10,
                ],
                ..RequestCounts::default()
            };
            counts.by_latency[class] = thousands * 1000;
            counts
        };
        let counts = BTreeMap::from([(new, count(percent, class)), (old, count(0, 0))]);
        let services: Vec<_> = self.world.releases[&new].services.keys().cloned().collect();
        self.world.traffic = services.into_iter().map(|s| (s, counts.clone())).collect();
    }

    /// A person asks that one instance be replaced.
    pub fn ask_to_replace(&mut self, index: usize) {
        let wanted = self.world.instances.values_mut();
        let mut wanted: Vec<_> = wanted.filter(|i| i.desired == Desired::Run).collect();
        let count = wanted.len().max(1);
        if let Some(instance) = wanted.get_mut(index % count) {
            instance.replace_requested = true;
        }
    }

    /// An instance stops passing its checks.
    pub fn sicken(&mut self, index: usize) {
        let count = self.containers.len().max(1);
        if let Some(container) = self.containers.values_mut().nth(index % count) {
            container.sick = true;
        }
    }

    pub fn sicken_all(&mut self, service: &str) {
        for (id, container) in &mut self.containers {
            let instance = self.world.instances.get(id);
            container.sick |= instance.is_some_and(|i| i.service.as_str() == service);
        }
    }

    pub fn cure(&mut self) {
        for container in self.containers.values_mut() {
            container.sick = false;
        }
    }

    /// A new edge joins with nothing and gets a snapshot when it first connects.
    pub fn new_edge(&mut self, id: EdgeId) {
        if self.edges.contains_key(&id) {
            return;
        }
        let row = Edge {
            lease_until: self.world.now,
            acknowledged: RouteGen(0),
            draining: BTreeMap::new(),
        };
        self.world.edges.insert(id, row);
        let mut table = self.world.routes.clone();
        table.routes.clear();
        let edge = SimEdge {
            connected: true,
            pace: 1,
            table,
        };
        self.edges.insert(id, edge);
        self.advance(0);
    }

    /// An edge says goodbye: it serves nobody any more.
    pub fn remove_edge(&mut self, id: EdgeId) {
        self.edges.remove(&id);
        self.world.edges.remove(&id);
    }

    pub fn lose_host(&mut self, host: HostId) {
        if let Some(row) = self.world.hosts.get_mut(&host) {
            row.state = HostState::Lost;
            row.epoch += 1;
        }
    }

    /// The host answers again: what was replaced meanwhile is removed by the sweep, the rest is adopted.
    pub fn return_host(&mut self, host: HostId) {
        if let Some(row) = self.world.hosts.get_mut(&host) {
            row.state = HostState::Ready;
        }
        for (id, container) in &mut self.containers {
            let lost = self
                .world
                .instances
                .get(id)
                .is_none_or(|i| i.observed == Observed::Lost);
            if container.host == host && lost {
                container.running = false;
            }
        }
    }
}
