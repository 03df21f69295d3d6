//! What people would see, one story each.

use std::time::Duration;

use segue_model::change::{EventKind, ReasonKind};
use segue_model::route::RouteGen;
use segue_model::spec::{Rollout, ServiceSpec, Strategy};
use segue_model::state::{DeploymentState as S, Desired, HostState};
use segue_model::world::{Build, Release};
use segue_plan::{Action, Input, plan};

use crate::fixture::{
    data, deployment, edge_id, host_id, name, release, release_id, service, web, worker, world,
};
use crate::sim::{Behaviour, Sim, endpoints};

/// One web service behind a host name.
fn sim(hosts: u64, edges: u64, memory_units: u64) -> Sim {
    let mut world = world(hosts, edges, memory_units);
    world
        .hosts_of
        .insert(name("web"), vec!["shop.example.com".parse().unwrap()]);
    Sim::new(world, 1)
}

fn deploy(sim: &mut Sim, number: i64, made: Release) {
    let id = release_id(u64::try_from(number).unwrap());
    sim.world.releases.insert(id, made);
    sim.world.deployments.insert(number, deployment(number, id));
}

fn web_release(number: i64, spec: &ServiceSpec, rollout: Rollout) -> Release {
    let nonce = u32::try_from(number).unwrap();
    release(number, [("web", service(spec, nonce))], rollout)
}

fn up_at_v1(sim: &mut Sim, replicas: u32) {
    deploy(sim, 1, web_release(1, &web(replicas), Rollout::default()));
    sim.rest();
    assert_eq!(sim.state(1), Some(S::Succeeded));
}

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
fn an_unchanged_environment_needs_no_write_and_no_call() {
    let mut sim = sim(2, 1, 32);
    up_at_v1(&mut sim, 2);
    for _ in 0..5 {
        sim.advance(30);
        let made = plan(&Input { world: &sim.world });
        assert!(made.is_empty(), "{made:#?}");
        assert_eq!(made.next_check, None);
    }
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
fn a_live_edge_that_does_not_acknowledge_holds_sigterm_back() {
    let mut sim = sim(1, 2, 32);
    up_at_v1(&mut sim, 1);
    // It renews its lease and takes no routes over.
    sim.edges.get_mut(&edge_id(2)).unwrap().pace = u64::MAX;
    let rollout = Rollout {
        bake: Duration::ZERO,
        ..Rollout::default()
    };
    deploy(&mut sim, 2, web_release(2, &web(1), rollout));
    for _ in 0..40 {
        sim.round();
        sim.advance(5);
    }
    assert_eq!(
        sim.state(2),
        Some(S::Switching),
        "not live before every live edge is"
    );
    assert_eq!(sim.wanted(), 2);
    sim.edges.get_mut(&edge_id(2)).unwrap().pace = 1;
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Succeeded));
    assert_eq!(sim.existing(), 1);
}

#[test]
fn a_silent_edge_holds_sigterm_back_for_a_minute_and_is_then_passed_over_with_an_event() {
    let mut sim = sim(1, 2, 32);
    up_at_v1(&mut sim, 1);
    sim.edges.get_mut(&edge_id(2)).unwrap().connected = false;
    sim.advance(11);
    let rollout = Rollout {
        bake: Duration::ZERO,
        ..Rollout::default()
    };
    deploy(&mut sim, 2, web_release(2, &web(1), rollout));
    sim.settle(20);
    assert_eq!(
        sim.state(2),
        Some(S::Succeeded),
        "live without the silent one"
    );
    let reasons = plan(&Input { world: &sim.world }).reasons;
    assert!(
        reasons.iter().any(|r| r.kind == ReasonKind::EdgeSilent),
        "{reasons:?}"
    );
    sim.advance(55);
    sim.settle(20);
    assert_eq!(sim.existing(), 2, "still held back");
    sim.advance(10);
    sim.settle(20);
    assert_eq!(sim.existing(), 1);
    assert!(
        sim.events
            .iter()
            .any(|(kind, _)| *kind == EventKind::EdgeSkipped)
    );
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
fn a_volume_goes_from_hand_to_hand_on_its_host() {
    let mut sim = sim(3, 1, 32);
    deploy(
        &mut sim,
        1,
        release(1, [("db", service(&data(), 1))], Rollout::default()),
    );
    sim.rest();
    let holder = sim.world.volume_hosts[&name("db")];
    deploy(
        &mut sim,
        2,
        release(2, [("db", service(&data(), 2))], Rollout::default()),
    );
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Succeeded));
    let running: Vec<_> = sim
        .world
        .instances
        .values()
        .filter(|i| i.desired == Desired::Run)
        .collect();
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].host, holder);
    sim.kill(0);
    sim.rest();
    assert_eq!(sim.ready("db"), 1);
}

#[test]
fn a_container_removed_by_hand_comes_back_as_another_one() {
    let mut sim = sim(2, 1, 32);
    up_at_v1(&mut sim, 3);
    sim.remove_by_hand(1);
    assert_eq!(sim.ready("web"), 2);
    sim.rest();
    assert_eq!(sim.ready("web"), 3);
}

#[test]
fn an_engines_crash_loop_is_taken_over_by_our_back_off() {
    let mut sim = sim(1, 1, 32);
    up_at_v1(&mut sim, 2);
    let revision = sim.world.releases[&release_id(1)].services[&name("web")].revision;
    sim.advance(3600);
    sim.behaviours.insert(revision, Behaviour::Crashes);
    for index in 0..8 {
        sim.kill(index);
    }
    let mut waits = Vec::new();
    for _ in 0..400 {
        let made = sim.round();
        for new in &made.changes.create {
            waits.push(new.not_before.duration_since(sim.world.now).as_secs());
        }
        sim.advance(5);
    }
    assert!(waits.iter().any(|w| *w >= 45), "{waits:?}");
    assert!(waits.iter().all(|w| *w <= 72), "{waits:?}");
    assert_eq!(sim.state(1), Some(S::Succeeded));
    sim.behaviours.insert(revision, Behaviour::Good);
    sim.rest();
    assert_eq!(sim.ready("web"), 2);
}

#[test]
fn a_lost_host_is_replaced_and_what_was_not_is_adopted() {
    let mut sim = sim(2, 1, 2);
    up_at_v1(&mut sim, 3);
    sim.lose_host(host_id(1));
    sim.settle(30);
    let on_lost = |sim: &Sim| {
        sim.world
            .instances
            .values()
            .filter(|i| i.host == host_id(1) && i.desired == Desired::Run)
            .count()
    };
    assert_eq!(on_lost(&sim), 1, "no room for both: one waits for its host");
    assert_eq!(sim.ready("web") - on_lost(&sim), 2);
    assert_eq!(endpoints(&sim.world.routes).len(), 2);
    sim.return_host(host_id(1));
    sim.advance(1);
    sim.rest();
    assert_eq!(endpoints(&sim.world.routes).len(), 3);
}

#[test]
fn scaling_takes_the_youngest_from_the_fullest_host() {
    let mut sim = sim(2, 1, 32);
    up_at_v1(&mut sim, 4);
    sim.world.targets.insert(name("web"), 2);
    sim.rest();
    assert_eq!(sim.ready("web"), 2);
    let hosts: std::collections::BTreeSet<_> = sim
        .world
        .instances
        .values()
        .filter(|i| i.is_ready())
        .map(|i| i.host)
        .collect();
    assert_eq!(hosts.len(), 2, "still spread");
    sim.world.targets.insert(name("web"), 5);
    sim.rest();
    assert_eq!(sim.ready("web"), 5);
    sim.world.targets.insert(name("web"), 0);
    sim.rest();
    assert_eq!(sim.existing(), 0);
}

#[test]
fn nothing_stops_on_a_stale_listing_or_while_frozen() {
    let mut sim = sim(1, 1, 32);
    up_at_v1(&mut sim, 2);
    sim.stale.insert(host_id(1));
    sim.advance(61);
    sim.world.targets.insert(name("web"), 1);
    let destroys = |sim: &Sim| {
        plan(&Input { world: &sim.world })
            .actions
            .values()
            .flatten()
            .any(|a| matches!(a, Action::Stop { .. } | Action::Remove { .. }))
    };
    sim.settle(10);
    assert_eq!(sim.existing(), 2);
    sim.stale.clear();
    sim.world.policy.frozen = true;
    sim.advance(1);
    sim.settle(10);
    assert_eq!(sim.existing(), 2);
    assert!(!destroys(&sim));
    sim.world.policy.frozen = false;
    sim.rest();
    assert_eq!(sim.existing(), 1);
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
fn a_stopped_environment_rests_and_starts_again_and_a_removed_one_leaves_nothing() {
    let mut sim = sim(2, 1, 32);
    up_at_v1(&mut sim, 2);
    sim.world.stopped = true;
    sim.rest();
    assert_eq!(sim.existing(), 0);
    assert_eq!(sim.world.routes.routes.len(), 1, "its name stays known");
    sim.world.stopped = false;
    sim.rest();
    assert_eq!(sim.ready("web"), 2);
    sim.world.deleted = true;
    sim.rest();
    assert_eq!(sim.existing(), 0);
    assert!(sim.world.routes.routes.is_empty());
    assert!(sim.world.subnets.is_empty());
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
fn freed_addresses_rest_and_come_round_last() {
    let mut sim = sim(1, 1, 64);
    up_at_v1(&mut sim, 1);
    let mut given = Vec::new();
    for number in 2..12 {
        deploy(
            &mut sim,
            number,
            web_release(number, &web(1), Rollout::default()),
        );
        sim.rest();
        given.extend(
            sim.world
                .instances
                .values()
                .filter(|i| i.is_ready())
                .map(|i| i.address),
        );
    }
    let distinct: std::collections::BTreeSet<_> = given.iter().collect();
    assert_eq!(distinct.len(), given.len(), "{given:?}");
}

#[test]
fn a_host_that_is_not_ready_gets_nothing_and_says_why() {
    let mut sim = sim(2, 1, 32);
    sim.world.hosts.get_mut(&host_id(1)).unwrap().cordoned = true;
    sim.world.hosts.get_mut(&host_id(2)).unwrap().state = HostState::Suspect;
    deploy(&mut sim, 1, web_release(1, &web(1), Rollout::default()));
    let made = sim.round();
    let reason = made
        .reasons
        .iter()
        .find(|r| r.kind == ReasonKind::NoHost)
        .unwrap();
    assert_eq!(reason.hosts[&host_id(1)], "is cordoned");
    assert_eq!(reason.hosts[&host_id(2)], "is suspect");
    assert!(made.changes.create.is_empty());
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
