//! Deployments, one story each.

use segue_model::change::ReasonKind;
use segue_model::failure::{Failure, FailureCode};
use segue_model::route::RouteGen;
use segue_model::spec::{Rollout, Strategy};
use segue_model::state::DeploymentState as S;
use segue_model::world::Build;
use segue_plan::{Input, plan};

use super::{deploy, sim, up_at_v1, web_release};
use crate::fixture::{deployment, host_id, name, release, release_id, service, web, worker};
use crate::sim::{Behaviour, endpoints};

#[test]
fn the_first_deployment_goes_from_nothing_to_stable() {
    let mut sim = sim(2, 2, 32);
    deploy(&mut sim, 1, web_release(1, &web(3), Rollout::default()));
    sim.settle(20);
    assert_eq!(sim.state(1), Some(S::Baking), "live in one breath");
    assert_eq!(sim.ready("web"), 3);
    assert_eq!(endpoints(&sim.world.routes).len(), 3);
    assert_eq!(
        sim.world.routes.route_gen,
        RouteGen(1),
        "one switch, one generation"
    );
    assert!(sim.world.instances.values().all(|i| i.aliased));
    sim.rest();
    assert_eq!(sim.finished, [(1, S::Succeeded)]);
    assert_eq!(sim.world.stable, Some(release_id(1)));
    assert_eq!(sim.world.serving, Some(release_id(1)));
    let hosts: Vec<usize> = (1..=2)
        .map(|n| {
            sim.world
                .instances
                .values()
                .filter(|i| i.host == host_id(n))
                .count()
        })
        .collect();
    assert!(
        hosts.contains(&1) && hosts.contains(&2),
        "spread: {hosts:?}"
    );
}

#[test]
fn a_switch_moves_all_routes_in_one_generation_and_keeps_the_old_set_warm() {
    let mut sim = sim(2, 2, 32);
    up_at_v1(&mut sim, 3);
    let before = sim.world.routes.route_gen;
    deploy(&mut sim, 2, web_release(2, &web(3), Rollout::default()));
    sim.settle(20);
    assert_eq!(sim.state(2), Some(S::Baking));
    assert_eq!(sim.world.routes.route_gen, before.next());
    assert_eq!(sim.ready("web"), 6, "three new, three warm");
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Succeeded));
    assert_eq!(sim.existing(), 3);
}

#[test]
fn what_did_not_change_is_carried_over_untouched() {
    let mut sim = sim(1, 1, 64);
    let first = release(
        1,
        [
            ("web", service(&web(2), 1)),
            ("jobs", service(&worker(2), 1)),
        ],
        Rollout::default(),
    );
    deploy(&mut sim, 1, first);
    sim.rest();
    let jobs: Vec<_> = sim
        .world
        .instances
        .iter()
        .filter(|(_, i)| i.service == name("jobs"))
        .map(|(id, i)| (*id, i.desired))
        .collect();
    let second = release(
        2,
        [
            ("web", service(&web(2), 2)),
            ("jobs", service(&worker(2), 1)),
        ],
        Rollout::default(),
    );
    deploy(&mut sim, 2, second);
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Succeeded));
    for (id, desired) in jobs {
        assert_eq!(sim.world.instances[&id].desired, desired);
    }
}

#[test]
fn a_release_that_never_gets_healthy_goes_back_by_itself() {
    for behaviour in [
        Behaviour::NeverReady,
        Behaviour::Crashes,
        Behaviour::NoImage,
    ] {
        let mut sim = sim(2, 2, 32);
        up_at_v1(&mut sim, 2);
        let made = web_release(2, &web(2), Rollout::default());
        let bad = made.services[&name("web")].revision;
        sim.behaviours.insert(bad, behaviour);
        deploy(&mut sim, 2, made);
        let generation = sim.world.routes.route_gen;
        sim.rest();
        assert_eq!(sim.state(2), Some(S::RolledBack), "{behaviour:?}");
        assert_eq!(
            sim.world.routes.route_gen, generation,
            "traffic stayed where it was"
        );
        assert_eq!(sim.ready("web"), 2);
        assert_eq!(sim.existing(), 2);
        assert_eq!(sim.world.serving, Some(release_id(1)));
    }
}

#[test]
fn a_first_release_that_fails_leaves_nothing_behind() {
    let mut sim = sim(1, 1, 32);
    let made = web_release(1, &web(2), Rollout::default());
    sim.behaviours
        .insert(made.services[&name("web")].revision, Behaviour::Crashes);
    deploy(&mut sim, 1, made);
    sim.rest();
    assert_eq!(sim.state(1), Some(S::Failed));
    assert_eq!(sim.existing(), 0);
    assert_eq!(sim.world.serving, None);
}

#[test]
fn a_crash_loop_in_the_bake_switches_back_in_one_generation() {
    let mut sim = sim(2, 1, 32);
    up_at_v1(&mut sim, 2);
    let made = web_release(2, &web(2), Rollout::default());
    let bad = made.services[&name("web")].revision;
    deploy(&mut sim, 2, made);
    sim.settle(20);
    assert_eq!(sim.state(2), Some(S::Baking));
    let switched = sim.world.routes.route_gen;
    for _ in 0..3 {
        sim.behaviours.insert(bad, Behaviour::Good);
        for index in 0..8 {
            sim.kill(index);
        }
        sim.behaviours.insert(bad, Behaviour::NeverReady);
        sim.round();
    }
    sim.rest();
    assert_eq!(sim.state(2), Some(S::RolledBack));
    assert_eq!(sim.ready("web"), 2);
    assert!(sim.world.routes.route_gen > switched);
}

#[test]
fn a_bake_rolled_back_by_hand_takes_one_generation_and_no_new_container() {
    let mut sim = sim(2, 1, 32);
    up_at_v1(&mut sim, 2);
    deploy(&mut sim, 2, web_release(2, &web(2), Rollout::default()));
    sim.settle(20);
    assert_eq!(sim.state(2), Some(S::Baking));
    let (generation, serial) = (sim.world.routes.route_gen, sim.world.next_serial);
    let mut back = deployment(3, release_id(1));
    back.is_rollback = true;
    sim.world.deployments.insert(3, back);
    sim.settle(20);
    assert_eq!(sim.state(3), Some(S::Baking));
    assert_eq!(sim.world.routes.route_gen, generation.next());
    assert_eq!(sim.world.next_serial, serial);
}

#[test]
fn a_switch_that_does_not_fit_goes_in_batches_and_says_so() {
    let mut sim = sim(1, 1, 5);
    up_at_v1(&mut sim, 3);
    deploy(&mut sim, 2, web_release(2, &web(3), Rollout::default()));
    let made = sim.round();
    assert!(
        made.reasons
            .iter()
            .any(|r| r.kind == ReasonKind::StrategyFallback && r.message.contains("do not fit")),
        "{:#?}",
        made.reasons
    );
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Succeeded));
    assert_eq!(sim.ready("web"), 3);
}

#[test]
fn with_no_room_for_one_more_the_rollout_ends_and_says_what_to_do() {
    let mut sim = sim(1, 1, 1);
    up_at_v1(&mut sim, 1);
    deploy(&mut sim, 2, web_release(2, &web(1), Rollout::default()));
    sim.settle(20);
    let reasons = plan(&Input { world: &sim.world }).reasons;
    assert!(
        reasons
            .iter()
            .any(|r| r.message.contains("max_unavailable")),
        "{reasons:#?}"
    );
    assert!(
        reasons.iter().any(|r| !r.hosts.is_empty()),
        "each host says why"
    );
    sim.rest();
    assert_eq!(sim.state(2), Some(S::RolledBack));
    assert_eq!(sim.ready("web"), 1);
}

#[test]
fn recreate_stops_the_old_before_it_starts_the_new() {
    let mut sim = sim(2, 1, 32);
    up_at_v1(&mut sim, 2);
    let rollout = Rollout {
        strategy: Strategy::Recreate,
        ..Rollout::default()
    };
    deploy(&mut sim, 2, web_release(2, &web(2), rollout));
    for _ in 0..20 {
        sim.round();
        let revisions: std::collections::BTreeSet<_> = sim
            .world
            .instances
            .values()
            .filter(|i| i.may_exist())
            .map(|i| i.revision)
            .collect();
        assert!(revisions.len() <= 1, "two versions at once");
    }
    assert_eq!(sim.state(2), Some(S::Baking));
    assert_eq!(sim.ready("web"), 2);
}

#[test]
fn a_newer_deployment_supersedes_and_a_failed_build_leaves_the_running_one_alone() {
    let mut sim = sim(1, 1, 64);
    up_at_v1(&mut sim, 2);
    let made = web_release(2, &web(2), Rollout::default());
    sim.behaviours
        .insert(made.services[&name("web")].revision, Behaviour::Slow(9));
    deploy(&mut sim, 2, made);
    sim.round();
    let mut broken = deployment(3, release_id(3));
    broken.builds.insert(
        "bld_00000000000000000000000000000001".parse().unwrap(),
        Build {
            state: segue_model::state::BuildState::Failed,
            failure: None,
        },
    );
    sim.world.deployments.insert(3, broken);
    sim.round();
    assert_eq!(sim.state(3), Some(S::Failed));
    assert_eq!(sim.state(2), Some(S::Starting));
    deploy(&mut sim, 4, web_release(4, &web(2), Rollout::default()));
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Superseded));
    assert_eq!(sim.state(4), Some(S::Succeeded));
    assert_eq!(sim.existing(), 2);
}

#[test]
fn cancelling_goes_back_without_fault() {
    let mut sim = sim(1, 1, 64);
    up_at_v1(&mut sim, 2);
    let made = web_release(2, &web(2), Rollout::default());
    sim.behaviours
        .insert(made.services[&name("web")].revision, Behaviour::NeverReady);
    deploy(&mut sim, 2, made);
    sim.settle(10);
    sim.world.deployments.get_mut(&2).unwrap().cancel_requested = true;
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Cancelled));
    assert_eq!(sim.existing(), 2);
    assert_eq!(sim.world.serving, Some(release_id(1)));
}

#[test]
fn a_service_that_leaves_the_release_leaves_after_the_switch() {
    let mut sim = sim(1, 1, 64);
    sim.world
        .hosts_of
        .insert(name("old"), vec!["old.example.com".parse().unwrap()]);
    let first = release(
        1,
        [("web", service(&web(1), 1)), ("old", service(&web(2), 1))],
        Rollout::default(),
    );
    deploy(&mut sim, 1, first);
    sim.rest();
    deploy(&mut sim, 2, web_release(2, &web(1), Rollout::default()));
    sim.settle(20);
    assert!(
        sim.world
            .routes
            .routes
            .iter()
            .all(|r| r.service != name("old"))
    );
    assert_eq!(sim.ready("old"), 2, "warm while it is watched");
    sim.rest();
    assert_eq!(sim.ready("old"), 0);
    assert_eq!(sim.existing(), 1);
}

#[test]
fn the_warm_set_is_given_up_first_when_room_is_short() {
    let mut sim = sim(1, 1, 6);
    up_at_v1(&mut sim, 3);
    deploy(&mut sim, 2, web_release(2, &web(3), Rollout::default()));
    sim.settle(20);
    assert_eq!(sim.state(2), Some(S::Baking));
    assert_eq!(sim.ready("web"), 6);
    sim.world.targets.insert(name("web"), 5);
    sim.settle(20);
    assert_eq!(sim.state(2), Some(S::Baking));
    assert_eq!(endpoints(&sim.world.routes).len(), 5);
    assert_eq!(sim.existing(), 5);
}

#[test]
fn the_warm_set_is_not_given_up_while_it_is_the_one_that_serves() {
    let mut sim = sim(1, 1, 4);
    up_at_v1(&mut sim, 2);
    let made = web_release(2, &web(2), Rollout::default());
    let revision = made.services[&name("web")].revision;
    deploy(&mut sim, 2, made);
    sim.settle(20);
    assert_eq!(sim.state(2), Some(S::Baking));
    sim.behaviours.insert(revision, Behaviour::NeverReady);
    for index in 0..4 {
        sim.kill(index);
    }
    sim.settle(20);
    assert_eq!(sim.state(2), Some(S::Baking));
    let serving = endpoints(&sim.world.routes);
    assert!(!serving.is_empty(), "the old set stepped in");
    sim.world.targets.insert(name("web"), 3);
    sim.settle(20);
    assert_eq!(
        endpoints(&sim.world.routes),
        serving,
        "and there is no room for a third"
    );
}

#[test]
fn a_gate_that_is_not_passed_in_time_fails_the_rollout_then_and_there() {
    for explained in [true, false] {
        let mut sim = sim(1, 1, 32);
        up_at_v1(&mut sim, 1);
        let made = web_release(2, &web(1), Rollout::default());
        let revision = made.services[&name("web")].revision;
        sim.behaviours.insert(revision, Behaviour::NeverReady);
        deploy(&mut sim, 2, made);
        sim.settle(20);
        sim.advance(59);
        sim.settle(20);
        assert_eq!(sim.state(2), Some(S::Starting), "its start timeout is 60 s");
        if explained {
            let instances = sim.world.instances.values_mut();
            for instance in instances.filter(|i| i.revision == revision) {
                instance.failure = Some(Failure {
                    code: FailureCode::HealthLoopback,
                    evidence: "it listens on 127.0.0.1".into(),
                });
            }
        }
        sim.advance(2);
        if !explained {
            sim.settle(20);
            let state = sim.state(2);
            assert_eq!(state, Some(S::Starting), "why is still being looked at");
            sim.advance(2);
        }
        let made = sim.round();
        let failure = made.changes.rollouts[0].rollout.failure.clone().unwrap();
        let wanted = if explained {
            "health_loopback"
        } else {
            "health_timeout"
        };
        assert_eq!(failure.code.as_str(), wanted);
        sim.settle(20);
        assert_eq!(sim.state(2), Some(S::RolledBack));
    }
}
