//! Properties over random traces: random environments, random wishes, random faults, and the simulation's own
//! assertions at every step (no violation, no request that fails, no id used twice, no rank that falls).

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};
use segue_model::Timestamp;
use segue_model::change::{Changes, EventKind, ReasonKind};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::InstanceId;
use segue_model::name::ServiceName;
use segue_model::route::{OpenRequests, RouteGen};
use segue_model::state::{DeploymentState, Desired, HostState, Observed};
use segue_model::world::World;
use segue_plan::{Input, after, check, plan};

use crate::trace::{Trace, shape, short_traces, traces};

/// What the serving release wants, by service.
fn serving(world: &World) -> Vec<(ServiceName, usize)> {
    let release = world.serving.filter(|_| !world.stopped);
    let services = release.map(|id| &world.releases[&id].services);
    services
        .into_iter()
        .flatten()
        .map(|(n, s)| {
            let count = world.targets.get(n).copied().unwrap_or(s.spec.replicas);
            let count = if s.spec.is_exclusive() {
                count.min(1)
            } else {
                count
            };
            (n.clone(), usize::try_from(count).unwrap())
        })
        .collect()
}

/// The number of instances that a fixpoint is counted by: those that exist, and those that any release wants.
fn size(world: &World) -> usize {
    let wanted: u32 = world
        .releases
        .values()
        .map(|release| {
            release
                .services
                .iter()
                .map(|(n, s)| world.targets.get(n).copied().unwrap_or(s.spec.replicas))
                .sum::<u32>()
        })
        .max()
        .unwrap_or(0);
    world.instances.len() + usize::try_from(wanted).unwrap()
}

/// So many cases, or more where `PROPTEST_CASES` asks for more.
fn config(cases: u32) -> ProptestConfig {
    let cases = ProptestConfig::default().cases.max(cases);
    ProptestConfig {
        cases,
        max_shrink_iters: 4000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/props.regressions"
        )))),
        ..ProptestConfig::default()
    }
}

/// What may be said of any plan in any state: the same again, and the same in another order of rows.
fn is_a_function(world: &World) -> Result<(), TestCaseError> {
    let made = plan(&Input { world });
    prop_assert_eq!(
        &made,
        &plan(&Input {
            world: &world.clone()
        })
    );
    let mut turned = world.clone();
    for hosts in turned.hosts_of.values_mut() {
        hosts.reverse();
    }
    turned.instances = world
        .instances
        .iter()
        .rev()
        .map(|(k, v)| (*k, v.clone()))
        .collect();
    turned.hosts = world
        .hosts
        .iter()
        .rev()
        .map(|(k, v)| (*k, v.clone()))
        .collect();
    prop_assert_eq!(&made, &plan(&Input { world: &turned }));
    // Nothing changes by itself before the next check.
    if made.is_empty() {
        let hour = world.now.checked_add(Duration::from_secs(3600)).unwrap();
        let until = made.next_check.unwrap_or(hour).min(hour);
        let mut later = world.clone();
        later.now = until
            .checked_sub(Duration::from_millis(1))
            .unwrap()
            .max(world.now);
        let passed = later.now.duration_since(world.now);
        for host in later.hosts.values_mut() {
            host.listed_at = host.listed_at.map(|at| at.checked_add(passed).unwrap());
        }
        for edge in later.edges.values_mut().filter(|e| e.is_live(world.now)) {
            edge.lease_until = edge.lease_until.checked_add(passed).unwrap();
        }
        let then = plan(&Input { world: &later });
        prop_assert!(then.is_empty(), "before {until}: {:#?}", then.changes);
    }
    // A worker that died after the commit leaves the next one the same actions.
    let next = after(world, &made.changes);
    let again = plan(&Input { world: &next });
    if again.changes == Changes::default() {
        prop_assert_eq!(&made.actions, &again.actions);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn whatever_is_observed_the_plan_is_a_function_and_has_no_violation(
        shape in shape(),
        steps in short_traces(),
        moments in prop::collection::vec(moment(), 1..4),
    ) {
        let mut trace = Trace::new(&shape);
        for step in &steps {
            trace.run(step);
            trace.sim.round();
        }
        let mut world = trace.sim.world;
        for moment in &moments {
            see(&mut world, moment);
            let made = plan(&Input { world: &world });
            let violations = check(&Input { world: &world }, &made);
            prop_assert!(violations.is_empty(), "{violations:#?}\n{:#?}\n{world:#?}", made.changes);
            is_a_function(&world)?;
            world = after(&world, &made.changes);
        }
    }
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn any_trace_keeps_every_invariant_fails_no_request_and_comes_to_rest(
        shape in shape(),
        steps in traces(),
    ) {
        let mut trace = Trace::new(&shape);
        for step in &steps {
            trace.run(step);
            trace.sim.round();
        }
        is_a_function(&trace.sim.world)?;
        trace.calm();
        let bound = 2 * size(&trace.sim.world) + 10;
        let rounds = trace.sim.settle(bound + 2);
        prop_assert!(rounds <= bound, "{rounds} rounds, at most {bound}");
        trace.sim.rest();
        let world = &trace.sim.world;
        prop_assert!(world.deployments.values().all(|d| world.stopped && d.rollout.is_none()),
            "unfinished: {:#?}\n{}", plan(&Input { world }).reasons, trace.sim.picture());
        for (id, instance) in &world.instances {
            prop_assert!(
                instance.desired == Desired::Run || !instance.may_exist(),
                "{id} stays: {:#?}\n{}",
                plan(&Input { world }).reasons,
                trace.sim.picture()
            );
        }
        for (id, _) in world.instances.iter().filter(|(_, i)| i.replace_requested) {
            let reasons = plan(&Input { world }).reasons;
            let said = reasons.iter().any(|r| r.kind == ReasonKind::ReplacementPending && r.subject.instance == Some(*id));
            prop_assert!(said, "{id} was asked to be replaced and stays without a word: {reasons:#?}\n{}", trace.sim.picture());
        }
        for (name, wanted) in serving(world) {
            let ready = world.instances.values().filter(|i| i.service == name && i.is_ready()).count();
            let reasons = plan(&Input { world }).reasons;
            let said = reasons.iter().any(|r| r.kind == ReasonKind::NoHost && r.subject.service.as_ref() == Some(&name));
            prop_assert!(ready == wanted || (ready < wanted && said), "{name}: {ready} of {wanted}\n{}", trace.sim.picture());
        }
        // Nothing changes by itself any more.
        trace.sim.advance(3600);
        let idle = plan(&Input { world: &trace.sim.world });
        prop_assert!(idle.is_empty(), "{idle:#?}");
        trace.sim.world.deleted = true;
        trace.sim.rest();
        prop_assert!(trace.sim.existing() == 0 && trace.sim.world.subnets.is_empty() && trace.sim.world.deployments.is_empty(),
            "left behind: {}", trace.sim.picture());
    }
}

/// One instance, seen in some other way than the simulation would.
#[derive(Debug, Clone)]
struct Sight {
    observed: usize,
    restarts: u32,
    seconds_ago: u64,
    hopeless: bool,
    unknown: bool,
    words_due: Option<u64>,
    replace: bool,
}

/// What may be observed at a moment, however odd: by instance, by host (state, listing's age), by edge
/// (acknowledged generation, lease left, something open).
type Moment = (Vec<Sight>, Vec<(usize, u64)>, Vec<(i64, i64, bool)>, u64);

fn moment() -> impl Strategy<Value = Moment> {
    let sight = (
        0..Observed::ALL.len(),
        prop_oneof![3 => Just(0u32), 1 => 0..6u32],
        0..2000u64,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.3, 0..5u64),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(observed, restarts, seconds_ago, hopeless, unknown, words_due, replace)| Sight {
                observed,
                restarts,
                seconds_ago,
                hopeless,
                unknown,
                words_due,
                replace,
            },
        );
    (
        prop::collection::vec(sight, 1..30),
        prop::collection::vec((0..HostState::ALL.len(), 0..120u64), 4),
        prop::collection::vec((0..9i64, -200..20i64, any::<bool>()), 4),
        0..2000u64,
    )
}

fn offset(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(at.as_second() + seconds).unwrap()
}

/// Puts a moment's observations into a world. Nothing that the planner decided changes.
fn see(world: &mut World, (sights, hosts, edges, passed): &Moment) {
    world.now = world.now.checked_add(Duration::from_secs(*passed)).unwrap();
    let now = world.now;
    for (instance, sight) in world.instances.values_mut().zip(sights.iter().cycle()) {
        let observed = Observed::ALL[sight.observed];
        // What was given up with its host stays so, and only a commit gives anything up.
        if instance.observed == Observed::Lost || observed == Observed::Lost {
            continue;
        }
        let ago = now
            .checked_sub(Duration::from_secs(sight.seconds_ago))
            .unwrap();
        let started = observed.rank() >= Observed::Started.rank();
        instance.observed = observed;
        instance.observed_at = Some(now);
        instance.attempted_at = sight
            .unknown
            .then(|| now.checked_add(Duration::from_secs(1)).unwrap());
        instance.restarts = sight.restarts;
        instance.started_at = started.then_some(ago);
        instance.ready_at = (observed.rank() >= Observed::Ready.rank()).then_some(ago);
        instance.unready_at = (observed == Observed::Unready).then_some(ago);
        instance.exited_at = (observed == Observed::Exited).then_some(ago);
        instance.words_due_since = sight
            .words_due
            .map(|s| now.checked_sub(Duration::from_secs(s)).unwrap());
        instance.replace_requested = sight.replace && instance.desired == Desired::Run;
        instance.failure = sight.hopeless.then(|| Failure {
            code: FailureCode::ExecFormat,
            evidence: "exec format error".to_owned(),
        });
    }
    for (host, (state, age)) in world.hosts.values_mut().zip(hosts) {
        host.state = HostState::ALL[*state];
        host.listed_at = Some(now.checked_sub(Duration::from_secs(*age)).unwrap());
    }
    let instances: Vec<InstanceId> = world.instances.keys().copied().collect();
    let newest = world.routes.route_gen.0;
    for (edge, (behind, lease, open)) in world.edges.values_mut().zip(edges) {
        edge.acknowledged = RouteGen((newest - behind).max(0));
        edge.lease_until = offset(now, *lease);
        let one = OpenRequests {
            requests: 1,
            upgraded: 1,
        };
        edge.draining = instances
            .iter()
            .filter(|_| *open)
            .map(|id| (*id, one))
            .collect();
    }
}

/// The traces are worth nothing if they do not go where mistakes are: everything below must happen in a thousand
/// of them, with a fixed seed.
#[test]
fn the_traces_reach_every_ending_and_every_rare_event() {
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..1000 {
        let shape = shape().new_tree(&mut runner).unwrap().current();
        let steps = traces().new_tree(&mut runner).unwrap().current();
        let mut trace = Trace::new(&shape);
        for step in &steps {
            trace.run(step);
            let made = trace.sim.round();
            for reason in made.reasons {
                *seen.entry(reason.kind.as_str().to_owned()).or_default() += 1;
            }
        }
        for (_, state) in &trace.sim.finished {
            *seen.entry(state.to_string()).or_default() += 1;
        }
        for (kind, _) in &trace.sim.events {
            *seen.entry(kind.as_str().to_owned()).or_default() += 1;
        }
    }
    let endings = DeploymentState::ALL.iter().filter(|s| s.is_terminal());
    let wanted = endings
        .map(|s| s.as_str())
        .chain(EventKind::ALL.iter().map(|k| k.as_str()))
        .chain(ReasonKind::ALL.iter().map(|k| k.as_str()));
    // One-off runs have traces of their own.
    let wanted = wanted.filter(|w| !w.starts_with("run"));
    let missing: Vec<&str> = wanted.filter(|w| !seen.contains_key(*w)).collect();
    assert!(
        missing.is_empty(),
        "never seen: {missing:?}\nseen: {seen:#?}"
    );
}
