//! Random environments, random wishes and random faults, run on the simulation.

use std::time::Duration;

use proptest::prelude::*;
use segue_model::spec::{Rollout, ServiceSpec, Strategy as RolloutStrategy};
use segue_model::state::{BuildState, HostState};
use segue_model::world::{Build, Release};

use crate::fixture::{
    MEMORY, data, deployment, edge_id, host_id, name, release_id, service, web, worker, world,
};
use crate::sim::{Behaviour, Sim};

const SERVICES: [&str; 4] = ["web", "api", "jobs", "db"];

#[derive(Debug, Clone)]
pub struct Shape {
    hosts: u64,
    edges: u64,
    memory_units: u64,
    /// Kind by service: 0 absent, 1 web, 2 worker, 3 data, 4 web with a volume.
    kinds: [u8; 4],
    replicas: [u32; 4],
    one_per_host: bool,
    labelled: bool,
    seed: u64,
    lose_actions: u64,
    crash_worker: u64,
    open_requests: u64,
    slow_edge: u64,
    edge_silence: u64,
    addresses: u8,
    words_after: u64,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// Changes the revisions of the services in the mask; the behaviour is that of the changed ones.
    Deploy {
        mask: u8,
        drop: u8,
        behaviour: u8,
        strategy: u8,
        surge: Option<u32>,
        unavailable: u32,
        bake: u64,
        auto_rollback: bool,
        build: u8,
        rollback: bool,
    },
    Built,
    Cancel,
    Scale(u8, u32),
    Kill(usize),
    /// A person asks that one instance be replaced.
    Replace(usize),
    RemoveByHand(usize),
    LoseHost(u64),
    Suspect(u64),
    Returning(u64),
    ReturnHosts,
    Cordon(u64),
    /// A network that is not ours overlaps with the environment's subnet there.
    ForeignNetwork(u64),
    Cut(u64),
    Reconnect,
    Stale(u64),
    Freeze(bool),
    Stop(bool),
    /// One instance stops passing its checks, its process goes on.
    Sicken(usize),
    /// All of a service do.
    SickenAll(u8),
    NewEdge,
    RemoveEdge(u64),
    Pressure(u64),
    Domain(u8),
    /// Requests of the running rollout: of how many thousand of the new release how many percent fail, and how slow.
    Requests(u64, u64, usize),
    Rounds(u8),
    Pass(u64),
}

pub fn shape() -> impl Strategy<Value = Shape> {
    (
        (1..=4u64, 0..=3u64, 1..=24u64),
        prop::array::uniform4(prop_oneof![
            2 => Just(1u8), 1 => Just(0u8), 1 => Just(2u8), 1 => Just(3u8), 1 => Just(4u8)
        ]),
        prop::array::uniform4(0..=4u32),
        (prop::bool::weighted(0.1), prop::bool::weighted(0.1)),
        any::<u64>(),
        (
            prop_oneof![2 => Just(0u64), 1 => 2..=6u64],
            prop_oneof![2 => Just(0u64), 1 => 2..=6u64],
            prop_oneof![1 => Just(0u64), 1 => 1..=4u64],
            1..=4u64,
            prop_oneof![Just(0u64), Just(60), Just(300)],
            prop_oneof![2 => Just(240u8), 1 => 6..=24u8],
            prop_oneof![2 => Just(0u64), 2 => 1..=2u64, 1 => 3..=9u64],
        ),
    )
        .prop_map(
            |(
                (hosts, edges, memory_units),
                kinds,
                replicas,
                (one_per_host, labelled),
                seed,
                (
                    lose_actions,
                    crash_worker,
                    open_requests,
                    slow_edge,
                    edge_silence,
                    addresses,
                    words_after,
                ),
            )| Shape {
                hosts,
                edges,
                memory_units,
                kinds,
                replicas,
                one_per_host,
                labelled,
                seed,
                lose_actions,
                crash_worker,
                open_requests,
                slow_edge,
                edge_silence,
                addresses,
                words_after,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let deploy = (
        any::<u8>(),
        prop_oneof![3 => Just(0u8), 1 => any::<u8>()],
        prop_oneof![4 => Just(0u8), 4 => 1..=6u8],
        0..=4u8,
        prop_oneof![3 => Just(None), 1 => (0..=3u32).prop_map(Some)],
        prop_oneof![3 => Just(0u32), 1 => Just(1u32)],
        prop_oneof![Just(0u64), Just(60)],
        prop::bool::weighted(0.8),
        prop_oneof![4 => Just(0u8), 1 => 1..=2u8],
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(
                mask,
                drop,
                behaviour,
                strategy,
                surge,
                unavailable,
                bake,
                auto_rollback,
                build,
                rollback,
            )| {
                Step::Deploy {
                    mask,
                    drop,
                    behaviour,
                    strategy,
                    surge,
                    unavailable,
                    bake,
                    auto_rollback,
                    build,
                    rollback,
                }
            },
        );
    prop_oneof![
        6 => deploy,
        1 => Just(Step::Built),
        1 => Just(Step::Cancel),
        2 => (any::<u8>(), 0..=5u32).prop_map(|(s, n)| Step::Scale(s, n)),
        2 => any::<usize>().prop_map(Step::Kill),
        2 => any::<usize>().prop_map(Step::Replace),
        1 => any::<usize>().prop_map(Step::RemoveByHand),
        1 => (1..=4u64).prop_map(Step::LoseHost),
        1 => (1..=4u64).prop_map(Step::Suspect),
        1 => (1..=4u64).prop_map(Step::Returning),
        2 => Just(Step::ReturnHosts),
        1 => (1..=4u64).prop_map(Step::Cordon),
        2 => (1..=4u64).prop_map(Step::ForeignNetwork),
        1 => (1..=3u64).prop_map(Step::Cut),
        1 => Just(Step::Reconnect),
        1 => (1..=4u64).prop_map(Step::Stale),
        1 => any::<bool>().prop_map(Step::Freeze),
        1 => any::<bool>().prop_map(Step::Stop),
        2 => any::<usize>().prop_map(Step::Sicken),
        1 => any::<u8>().prop_map(Step::SickenAll),
        1 => Just(Step::NewEdge),
        1 => (1..=4u64).prop_map(Step::RemoveEdge),
        1 => (1..=4u64).prop_map(Step::Pressure),
        1 => any::<u8>().prop_map(Step::Domain),
        2 => (0..=2u64, prop_oneof![Just(0u64), Just(4), Just(6), Just(100)], 0..13usize)
            .prop_map(|(thousands, percent, class)| Step::Requests(thousands, percent, class)),
        8 => (1..=6u8).prop_map(Step::Rounds),
        3 => prop_oneof![Just(1u64), Just(7), Just(31), Just(61), Just(130), Just(700)].prop_map(Step::Pass),
    ]
}

pub fn short_traces() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..12)
}

pub fn traces() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..40)
}

fn spec(shape: &Shape, index: usize) -> Option<ServiceSpec> {
    let mut spec = match shape.kinds[index] {
        1 => web(shape.replicas[index]),
        2 => worker(shape.replicas[index]),
        3 => data(),
        4 => ServiceSpec {
            volumes: data().volumes,
            ..web(1)
        },
        _ => return None,
    };
    if index == 0 {
        spec.place.one_per_host = shape.one_per_host;
        if shape.labelled {
            spec.place
                .require
                .insert("disk".parse().unwrap(), "fast".parse().unwrap());
        }
    }
    Some(spec)
}

pub struct Trace {
    pub sim: Sim,
    shape: Shape,
    nonces: [u32; 4],
    number: i64,
}

impl Trace {
    pub fn new(shape: &Shape) -> Self {
        let mut world = world(shape.hosts, shape.edges, shape.memory_units);
        world.policy.edge_silence = Duration::from_secs(shape.edge_silence);
        for (index, service) in SERVICES.iter().enumerate() {
            if matches!(shape.kinds[index], 1 | 4) {
                let domain = format!("{service}.example.com").parse().unwrap();
                world.hosts_of.insert(name(service), vec![domain]);
            }
        }
        for (id, host) in &mut world.hosts {
            if shape.labelled && *id != host_id(1) {
                host.labels
                    .insert("disk".parse().unwrap(), "fast".parse().unwrap());
            }
            if *id == host_id(2) {
                host.memory_bytes += 4 * MEMORY;
            }
        }
        let mut sim = Sim::new(world, shape.seed);
        sim.first_foreign_octet = 2 + shape.addresses;
        sim.lose_actions = shape.lose_actions;
        sim.crash_worker = shape.crash_worker;
        sim.open_requests = shape.open_requests;
        sim.words_after = shape.words_after;
        if let Some(edge) = sim.edges.get_mut(&edge_id(1)) {
            edge.pace = shape.slow_edge;
        }
        Self {
            sim,
            shape: shape.clone(),
            nonces: [0; 4],
            number: 0,
        }
    }

    pub fn run(&mut self, step: &Step) {
        let sim = &mut self.sim;
        match step {
            Step::Deploy { .. } => self.deploy(step),
            Step::Built => {
                for deployment in sim.world.deployments.values_mut() {
                    for build in deployment.builds.values_mut() {
                        build.state = BuildState::Succeeded;
                    }
                    let release = sim.world.releases.get_mut(&deployment.release).unwrap();
                    release.ready = true;
                }
            }
            Step::Cancel => {
                if let Some(mut last) = sim.world.deployments.last_entry() {
                    last.get_mut().cancel_requested = true;
                }
            }
            Step::Scale(index, count) => {
                let service = SERVICES[usize::from(*index) % SERVICES.len()];
                sim.world.targets.insert(name(service), *count);
            }
            Step::Kill(index) => sim.kill(*index),
            Step::ForeignNetwork(host) => sim.foreign_network(host_id(*host)),
            Step::Replace(index) => sim.ask_to_replace(*index),
            Step::RemoveByHand(index) => sim.remove_by_hand(*index),
            Step::LoseHost(n) => sim.lose_host(host_id(*n)),
            Step::Suspect(n) => {
                if let Some(host) = sim.world.hosts.get_mut(&host_id(*n))
                    && host.state == HostState::Ready
                {
                    host.state = HostState::Suspect;
                }
            }
            Step::Returning(n) => {
                if let Some(host) = sim.world.hosts.get_mut(&host_id(*n))
                    && host.state == HostState::Lost
                {
                    host.state = HostState::Returning;
                }
            }
            Step::ReturnHosts => self.hosts_back(),
            Step::Cordon(n) => {
                if let Some(host) = sim.world.hosts.get_mut(&host_id(*n)) {
                    host.cordoned = !host.cordoned;
                }
            }
            Step::Cut(n) => {
                if let Some(edge) = sim.edges.get_mut(&edge_id(*n)) {
                    edge.connected = false;
                }
            }
            Step::Reconnect => {
                for edge in sim.edges.values_mut() {
                    edge.connected = true;
                }
            }
            Step::Stale(n) => {
                sim.stale.insert(host_id(*n));
            }
            Step::Freeze(frozen) => sim.world.policy.frozen = *frozen,
            Step::Stop(stopped) => sim.world.stopped = *stopped,
            Step::Sicken(index) => sim.sicken(*index),
            Step::SickenAll(index) => {
                let service = SERVICES[usize::from(*index) % SERVICES.len()];
                sim.sicken_all(service);
            }
            Step::NewEdge => sim.new_edge(edge_id(4)),
            Step::RemoveEdge(n) => sim.remove_edge(edge_id(*n)),
            Step::Pressure(n) => {
                if let Some(host) = sim.world.hosts.get_mut(&host_id(*n)) {
                    host.pressure = !host.pressure;
                }
            }
            Step::Domain(index) => {
                let index = usize::from(*index) % SERVICES.len();
                let service = name(SERVICES[index]);
                if matches!(self.shape.kinds[index], 1 | 4)
                    && sim.world.hosts_of.remove(&service).is_none()
                {
                    let domain = format!("{service}.example.com").parse().unwrap();
                    sim.world.hosts_of.insert(service, vec![domain]);
                }
            }
            Step::Requests(thousands, percent, class) => {
                sim.serve_requests(*thousands, *percent, *class);
            }
            Step::Rounds(count) => {
                for _ in 0..*count {
                    sim.round();
                    sim.advance(1);
                }
            }
            Step::Pass(seconds) => sim.advance(*seconds),
        }
    }

    fn hosts_back(&mut self) {
        self.sim.stale.clear();
        for n in 1..=self.shape.hosts {
            self.sim.return_host(host_id(n));
        }
        self.sim.advance(1);
    }

    fn deploy(&mut self, step: &Step) {
        let Step::Deploy {
            mask,
            drop,
            behaviour,
            strategy,
            surge,
            unavailable,
            bake,
            auto_rollback,
            build,
            rollback,
        } = step
        else {
            return;
        };
        self.number += 1;
        let id = release_id(u64::try_from(self.number).unwrap());
        let mut wanted = deployment(self.number, id);
        if *rollback && let Some(stable) = self.sim.world.stable {
            wanted.release = stable;
            wanted.is_rollback = true;
            self.sim.world.deployments.insert(self.number, wanted);
            return;
        }
        let mut release = Release {
            version: self.number,
            services: Default::default(),
            ready: *build == 0,
            rollout: Rollout {
                strategy: match strategy {
                    0..=2 => RolloutStrategy::Switch,
                    3 => RolloutStrategy::Rolling,
                    _ => RolloutStrategy::Recreate,
                },
                max_surge: *surge,
                max_unavailable: *unavailable,
                drain: Duration::from_secs(20),
                bake: Duration::from_secs(*bake),
                progress_deadline: Duration::from_secs(300),
                auto_rollback: *auto_rollback,
            },
            stable_at: None,
        };
        let behaviour = match behaviour {
            0 => Behaviour::Good,
            1 => Behaviour::Slow(3),
            2 => Behaviour::NeverReady,
            3 => Behaviour::Crashes,
            4 => Behaviour::NoImage,
            6 => Behaviour::NoCommand,
            _ => Behaviour::Slow(1),
        };
        for (index, text) in SERVICES.iter().enumerate() {
            let bit = 1u8 << index;
            let Some(spec) = spec(&self.shape, index) else {
                continue;
            };
            // Never all: a release has at least its first service.
            if drop & bit != 0 && index > 0 {
                continue;
            }
            if mask & bit != 0 {
                self.nonces[index] += 1;
            }
            let made = service(&spec, self.nonces[index]);
            if mask & bit != 0 {
                self.sim.behaviours.insert(made.revision, behaviour);
            }
            release.services.insert(name(text), made);
        }
        if *build > 0 {
            let state = if *build == 1 {
                BuildState::Running
            } else {
                BuildState::Failed
            };
            let build = Build {
                state,
                failure: None,
            };
            let build_id = format!("bld_{:032x}", self.number).parse().unwrap();
            wanted.builds.insert(build_id, build);
        }
        self.sim.world.releases.insert(id, release);
        self.sim.world.deployments.insert(self.number, wanted);
    }

    /// Every fault is over and every application good: what remains is to converge.
    pub fn calm(&mut self) {
        self.hosts_back();
        self.run(&Step::Reconnect);
        let sim = &mut self.sim;
        for edge in sim.edges.values_mut() {
            edge.pace = 1;
        }
        sim.world.policy.frozen = false;
        sim.world.traffic.clear();
        sim.lose_actions = 0;
        sim.crash_worker = 0;
        sim.open_requests = 0;
        sim.behaviours.clear();
        for host in sim.world.hosts.values_mut() {
            host.cordoned = false;
            host.pressure = false;
        }
        sim.cure();
        for deployment in sim.world.deployments.values_mut() {
            for build in deployment.builds.values_mut() {
                build.state = BuildState::Succeeded;
            }
            sim.world
                .releases
                .get_mut(&deployment.release)
                .unwrap()
                .ready = true;
        }
        sim.advance(1);
    }
}
