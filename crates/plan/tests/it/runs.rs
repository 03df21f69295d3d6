//! One-off runs in random traces: whatever happens to them, their hosts and the worker, no plan has a violation, no
//! run is started twice, every one ends once, and nothing is left of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use segue_model::Timestamp;
use segue_model::change::{EventKind, ReasonKind};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{InstanceId, RunId};
use segue_model::run::Run;
use segue_model::spec::Rollout;
use segue_model::state::{Desired, HostState, Observed, RunState};
use segue_model::world::{Instance, World};
use segue_plan::{Action, Input, Plan, after, check, plan};

use crate::fixture::{
    MEMORY, data, host_id, name, release, release_id, service, subnet, web, world,
};

#[derive(Debug, Clone)]
enum Step {
    /// Of the service without a volume, or of the one with it.
    Ask(u64, bool),
    Cancel(usize),
    /// The process of one ends by itself.
    Exit(usize, i32, bool),
    /// Somebody removes a container by hand.
    Vanish(usize),
    Lose(u64),
    Back,
    Stale,
    Freeze(bool),
    Stop(bool),
    Cordon(u64),
    /// The next start is attempted and has no effect: the worker is killed, or the engine refuses.
    Interrupt(bool),
    Rounds(u8),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop_oneof![Just(5u64), Just(60), Just(3600)], any::<bool>())
            .prop_map(|(limit, data)| Step::Ask(limit, data)),
        2 => any::<usize>().prop_map(Step::Cancel),
        3 => (any::<usize>(), prop_oneof![Just(0), Just(1), Just(137)], any::<bool>())
            .prop_map(|(one, code, oom)| Step::Exit(one, code, oom && code == 137)),
        1 => any::<usize>().prop_map(Step::Vanish),
        1 => (1..=2u64).prop_map(Step::Lose),
        2 => Just(Step::Back),
        1 => Just(Step::Stale),
        1 => any::<bool>().prop_map(Step::Freeze),
        1 => any::<bool>().prop_map(Step::Stop),
        1 => (1..=2u64).prop_map(Step::Cordon),
        1 => any::<bool>().prop_map(Step::Interrupt),
        6 => (1..=4u8).prop_map(Step::Rounds),
        3 => prop_oneof![Just(1u64), Just(7), Just(61), Just(700)].prop_map(Step::Pass),
    ]
}

struct Sim {
    world: World,
    runs: u64,
    started: BTreeMap<InstanceId, u32>,
    ended: BTreeMap<RunId, RunState>,
    interrupt: Option<bool>,
    subnets: u64,
    seen: BTreeSet<String>,
}

impl Sim {
    fn new(memory_units: u64) -> Self {
        let mut world = world(2, 0, memory_units);
        let mut db = data();
        db.replicas = 0;
        let services = [("web", service(&web(0), 1)), ("db", service(&db, 1))];
        let made = release(1, services, Rollout::default());
        world.releases.insert(release_id(1), made);
        world.volume_hosts.insert(name("db"), host_id(2));
        world.serving = Some(release_id(1));
        world.stable = Some(release_id(1));
        Self {
            world,
            runs: 0,
            started: BTreeMap::new(),
            ended: BTreeMap::new(),
            interrupt: None,
            subnets: 0,
            seen: BTreeSet::new(),
        }
    }

    fn now(&self) -> Timestamp {
        self.world.now
    }

    fn pass(&mut self, seconds: u64) {
        self.world.now = self.now() + Duration::from_secs(seconds);
        let now = self.now();
        for host in self.world.hosts.values_mut() {
            if host.state == HostState::Ready {
                host.listed_at = Some(now);
            }
        }
    }

    fn nth(&mut self, index: usize) -> Option<&mut Run> {
        let count = self.world.runs.len();
        (count > 0)
            .then(|| self.world.runs.values_mut().nth(index % count))
            .flatten()
    }

    fn container(&mut self, id: InstanceId) -> Option<&mut Instance> {
        let run = self.world.runs.get_mut(&RunId::from_uuid(id.as_uuid()))?;
        run.instance.as_mut()
    }

    fn step(&mut self, step: &Step) {
        let now = self.now();
        match step {
            Step::Ask(limit, data) => {
                self.runs += 1;
                let id: RunId = format!("run_{:032x}", self.runs).parse().unwrap();
                let run = Run {
                    number: i64::try_from(self.runs).unwrap(),
                    release: release_id(1),
                    service: name(if *data { "db" } else { "web" }),
                    command: vec!["do".to_owned(), "it".to_owned()],
                    time_limit: Duration::from_secs(*limit),
                    created_at: now,
                    cancel_requested: false,
                    state: RunState::Queued,
                    instance: None,
                };
                self.world.runs.insert(id, run);
            }
            Step::Cancel(index) => {
                if let Some(run) = self.nth(*index) {
                    run.cancel_requested = true;
                }
            }
            Step::Exit(index, code, oom) => {
                if let Some(instance) = self.nth(*index).and_then(|run| run.instance.as_mut())
                    && matches!(instance.observed, Observed::Started | Observed::Ready)
                {
                    exit(instance, now, *code, *oom);
                    instance.words_due_since = (instance.desired == Desired::Run).then_some(now);
                }
            }
            Step::Vanish(index) => {
                if let Some(instance) = self.nth(*index).and_then(|run| run.instance.as_mut())
                    && instance.observed.rank() >= Observed::Created.rank()
                {
                    instance.observed = Observed::Gone;
                    instance.observed_at = Some(now);
                }
            }
            Step::Lose(n) => {
                let host = self.world.hosts.get_mut(&host_id(*n));
                host.unwrap().state = HostState::Lost;
            }
            Step::Back => {
                for host in self.world.hosts.values_mut() {
                    host.state = HostState::Ready;
                    host.listed_at = Some(now);
                    host.cordoned = false;
                }
            }
            Step::Stale => {
                for host in self.world.hosts.values_mut() {
                    host.listed_at = None;
                }
            }
            Step::Freeze(on) => self.world.policy.frozen = *on,
            Step::Stop(on) => self.world.stopped = *on,
            Step::Cordon(n) => {
                let host = self.world.hosts.get_mut(&host_id(*n)).unwrap();
                host.cordoned = !host.cordoned;
            }
            Step::Interrupt(refused) => self.interrupt = Some(*refused),
            Step::Rounds(count) => {
                for _ in 0..*count {
                    self.round();
                    self.pass(1);
                }
            }
            Step::Pass(seconds) => self.pass(*seconds),
        }
    }

    /// Plans until there is nothing to commit, then does what is due. Answers whether anything was done.
    fn round(&mut self) -> bool {
        for rounds in 0.. {
            assert!(
                rounds < 40,
                "it does not come to rest: {:#?}",
                self.world.runs
            );
            let made = self.plan();
            if made.changes.is_empty() {
                return self.act(made);
            }
            for change in &made.changes.runs {
                if change.state.is_terminal() && !change.expected.is_terminal() {
                    let before = self.ended.insert(change.id, change.state);
                    assert_eq!(before, None, "{} ended twice", change.id);
                    self.seen.insert(change.state.to_string());
                }
            }
            self.world = after(&self.world, &made.changes);
            for host in made.changes.subnets {
                self.subnets += 1;
                self.world.subnets.insert(host, subnet(self.subnets));
            }
        }
        false
    }

    fn plan(&mut self) -> Plan {
        let input = Input { world: &self.world };
        let made = plan(&input);
        assert_eq!(made, plan(&input), "the same world, another plan");
        let violations = check(&input, &made);
        assert!(
            violations.is_empty(),
            "{violations:#?}\n{made:#?}\n{:#?}",
            self.world.runs
        );
        for event in &made.changes.events {
            self.seen.insert(event.kind.as_str().to_owned());
        }
        for reason in &made.reasons {
            self.seen.insert(reason.kind.as_str().to_owned());
        }
        made
    }

    fn act(&mut self, made: Plan) -> bool {
        let now = self.now();
        let actions: Vec<Action> = made.actions.into_values().flatten().collect();
        let any = !actions.is_empty();
        for action in actions {
            let Some(id) = action.instance() else {
                continue;
            };
            let interrupt = self
                .interrupt
                .take_if(|_| matches!(action, Action::EnsureRunning { .. }));
            if matches!(action, Action::EnsureRunning { .. }) && interrupt.is_none() {
                *self.started.entry(id).or_default() += 1;
            }
            let Some(instance) = self.container(id) else {
                continue;
            };
            instance.attempted_at = Some(now);
            // What was seen is seen after the attempt.
            instance.observed_at = Some(now);
            match action {
                Action::EnsureRunning { .. } => match interrupt {
                    None => {
                        instance.observed = Observed::Ready;
                        instance.started_at = Some(now);
                    }
                    Some(true) => {
                        instance.failure = Some(Failure {
                            code: FailureCode::ContainerRefused,
                            evidence: "no".to_owned(),
                        });
                    }
                    Some(false) => {}
                },
                Action::Stop { .. } => {
                    if matches!(instance.observed, Observed::Started | Observed::Ready) {
                        exit(instance, now, 143, false);
                    } else {
                        instance.observed = Observed::Gone;
                    }
                }
                Action::Remove { .. } => instance.observed = Observed::Gone,
                _ => {}
            }
        }
        // The store does not load what is over.
        self.world.runs.retain(|_, run| {
            let there = run.instance.as_ref();
            let there = there.is_some_and(|i| i.may_exist() || i.desired != Desired::Gone);
            !run.state.is_terminal() || there
        });
        any
    }

    /// Every fault is over: each run ends, and nothing is left.
    fn calm(&mut self) {
        self.world.policy.frozen = false;
        self.world.stopped = false;
        self.interrupt = None;
        self.step(&Step::Back);
        for _ in 0..40 {
            for index in 0..self.world.runs.len() {
                self.step(&Step::Exit(index, 0, false));
            }
            self.round();
            self.pass(120);
        }
        assert!(self.world.runs.is_empty(), "left: {:#?}", self.world.runs);
        let reserved: u64 = (self.world.hosts.values())
            .map(|h| h.reserved_memory_bytes)
            .sum();
        assert_eq!(reserved, 0, "reservations are left");
        assert_eq!(self.ended.len() as u64, self.runs, "a run has no end");
        for (id, times) in &self.started {
            assert!(*times <= 1, "{id} was started {times} times");
        }
    }
}

fn exit(instance: &mut Instance, now: Timestamp, code: i32, oom: bool) {
    instance.observed = Observed::Exited;
    instance.observed_at = Some(now);
    instance.exited_at = Some(now);
    instance.exit_code = Some(code);
    instance.oom = oom;
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(300),
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::Direct(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/runs.regressions"
        )))),
        ..ProptestConfig::default()
    })]
    #[test]
    fn every_run_ends_once_and_is_started_at_most_once(
        units in 1..=6u64,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut sim = Sim::new(units);
        for step in &steps {
            sim.step(step);
            sim.round();
        }
        sim.calm();
    }
}

/// The traces are worth nothing if they do not go where mistakes are.
#[test]
fn the_traces_of_runs_reach_every_end() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let steps = prop::collection::vec(step(), 1..40);
        let steps = steps.new_tree(&mut runner).unwrap().current();
        let mut sim = Sim::new(2);
        for step in &steps {
            sim.step(step);
            sim.round();
        }
        seen.extend(sim.seen);
    }
    let ends = RunState::ALL.iter().filter(|state| state.is_terminal());
    let words = [
        EventKind::RunChanged.as_str(),
        ReasonKind::RunPending.as_str(),
    ];
    for wanted in ends.map(|state| state.as_str()).chain(words) {
        assert!(
            seen.contains(wanted),
            "never seen: {wanted}; seen: {seen:?}"
        );
    }
}

#[test]
fn a_run_counts_to_the_hosts_capacity_and_waits_aloud() {
    let mut sim = Sim::new(1);
    sim.step(&Step::Ask(3600, false));
    sim.step(&Step::Ask(3600, false));
    sim.step(&Step::Ask(3600, false));
    sim.round();
    let placed = sim.world.runs.values().filter(|run| run.instance.is_some());
    assert_eq!(placed.count(), 2, "one a host");
    let made = sim.plan();
    let waits = made
        .reasons
        .iter()
        .find(|reason| reason.kind == ReasonKind::RunPending);
    let waits = waits.expect("the third one says why it waits");
    assert!(
        waits.message.contains("run 3 waits") && waits.message.contains("MiB"),
        "{}",
        waits.message
    );
    for host in sim.world.hosts.values() {
        assert_eq!(host.reserved_memory_bytes, MEMORY);
    }
}

/// A checker that cannot fail proves nothing.
#[test]
fn the_checker_sees_a_second_start_and_an_end_that_was_not_seen() {
    let mut sim = Sim::new(2);
    sim.step(&Step::Ask(3600, false));
    sim.round();
    let (id, run) = sim.world.runs.iter().next().unwrap();
    let (id, host) = (*id, run.instance.as_ref().unwrap().host);
    let input = Input { world: &sim.world };
    let mut bad = plan(&input);
    let again = Action::EnsureRunning {
        instance: id.instance(),
    };
    bad.actions.entry(host).or_default().push(again);
    let found = check(&input, &bad);
    assert!(
        found.iter().any(|v| v.message.contains("is started again")),
        "{found:?}"
    );

    let mut cancelled = sim.world.clone();
    cancelled.runs.get_mut(&id).unwrap().cancel_requested = true;
    let input = Input { world: &cancelled };
    let mut bad = plan(&input);
    for change in &mut bad.changes.runs {
        change.state = RunState::Cancelled;
        change.finished_at = Some(cancelled.now);
    }
    let found = check(&input, &bad);
    assert!(
        found.iter().any(|v| v.message.contains("may still run")),
        "{found:?}"
    );
}

#[test]
fn a_run_goes_where_its_volume_is_and_never_makes_one() {
    let mut sim = Sim::new(1);
    sim.step(&Step::Ask(3600, true));
    sim.step(&Step::Ask(3600, true));
    sim.round();
    let placed: Vec<_> = (sim.world.runs.values())
        .filter_map(|run| Some(run.instance.as_ref()?.host))
        .collect();
    assert_eq!(
        placed,
        [host_id(2)],
        "the other one waits, with host 1 free"
    );
    let says = |sim: &mut Sim, words: &str| {
        let reasons = sim.plan().reasons;
        assert!(
            reasons.iter().any(|reason| reason.message.contains(words)),
            "{words}: {reasons:?}"
        );
    };
    says(&mut sim, "does not hold the volume, which is on");

    let mut sim = Sim::new(1);
    sim.world.volume_hosts.clear();
    sim.step(&Step::Ask(3600, true));
    sim.round();
    says(&mut sim, "is not there yet");
    sim.pass(601);
    sim.round();
    assert_eq!(
        sim.ended.values().collect::<Vec<_>>(),
        [&RunState::Failed],
        "it waits for ten minutes"
    );
}

#[test]
fn the_checker_sees_a_run_away_from_its_volume() {
    let mut sim = Sim::new(1);
    sim.world.subnets.insert(host_id(1), subnet(1));
    sim.step(&Step::Ask(3600, true));
    let mut blind = sim.world.clone();
    blind.volume_hosts.insert(name("db"), host_id(1));
    let bad = plan(&Input { world: &blind });
    let found = check(&Input { world: &sim.world }, &bad);
    assert!(
        found
            .iter()
            .any(|v| v.message.contains("away from its volume")),
        "{found:?}"
    );
}
