//! Broken twins: for each invariant a planner that is blind to what the invariant is about, or a plan that was
//! tampered with. The checker must find it; a checker that cannot fail proves nothing.

use std::time::Duration;

use segue_model::route::RouteGen;
use segue_model::spec::Rollout;
use segue_model::state::Observed;
use segue_model::world::World;
use segue_plan::check::Invariant;
use segue_plan::{Action, Input, Plan, check, plan};

use crate::fixture::{
    MEMORY, at, data, deployment, edge_id, host_id, name, release, release_id, service, web, world,
};
use crate::sim::{Behaviour, Sim};

fn sim(hosts: u64, edges: u64, memory_units: u64) -> Sim {
    let mut world = world(hosts, edges, memory_units);
    world
        .hosts_of
        .insert(name("web"), vec!["shop.example.com".parse().unwrap()]);
    Sim::new(world, 1)
}

fn deploy(sim: &mut Sim, number: i64, replicas: u32) {
    let id = release_id(u64::try_from(number).unwrap());
    let nonce = u32::try_from(number).unwrap();
    let made = release(
        number,
        [("web", service(&web(replicas), nonce))],
        Rollout::default(),
    );
    sim.world.releases.insert(id, made);
    sim.world.deployments.insert(number, deployment(number, id));
}

fn up(hosts: u64, edges: u64, memory_units: u64, replicas: u32) -> Sim {
    let mut sim = sim(hosts, edges, memory_units);
    deploy(&mut sim, 1, replicas);
    sim.rest();
    sim
}

/// Plans the lying world beside the real one for some rounds; the checker, which sees the real one, must object
/// by this invariant. The real planner must not be objected to (the simulation asserts that).
fn assert_found(
    mut sim: Sim,
    invariant: Invariant,
    lie: impl Fn(&mut World),
    tamper: impl Fn(&mut Plan),
) {
    for _ in 0..60 {
        let mut seen = sim.world.clone();
        lie(&mut seen);
        let mut made = plan(&Input { world: &seen });
        tamper(&mut made);
        let found = check(&Input { world: &sim.world }, &made);
        if found.iter().any(|v| v.invariant == invariant) {
            return;
        }
        sim.round();
        sim.advance(3);
    }
    panic!("{invariant:?} was never objected to");
}

fn honest(_: &mut World) {}
fn untouched(_: &mut Plan) {}

#[test]
fn i1_a_second_rollout_beside_the_running_one() {
    let mut sim = up(1, 1, 32, 1);
    deploy(&mut sim, 2, 1);
    sim.round();
    deploy(&mut sim, 3, 1);
    let blind = |world: &mut World| {
        world.deployments.retain(|_, d| d.rollout.is_none());
    };
    assert_found(sim, Invariant::I1, blind, untouched);
}

#[test]
fn i2_a_release_is_called_good_without_success() {
    let mut sim = up(1, 1, 32, 1);
    deploy(&mut sim, 2, 1);
    let tamper = |plan: &mut Plan| plan.changes.stable.push(release_id(2));
    assert_found(sim, Invariant::I2, honest, tamper);
}

#[test]
fn i3_a_serial_is_read_stale_and_an_id_used_again() {
    let mut sim = up(1, 1, 32, 2);
    sim.world.targets.insert(name("web"), 3);
    let blind = |world: &mut World| {
        world.next_serial = 1;
        world.instances.clear();
    };
    assert_found(sim, Invariant::I3, blind, untouched);
}

#[test]
fn i3_a_wish_is_taken_back() {
    let mut sim = up(1, 2, 32, 2);
    sim.edges.get_mut(&edge_id(1)).unwrap().pace = 7;
    deploy(&mut sim, 2, 2);
    let tamper = |plan: &mut Plan| {
        for change in &mut plan.changes.instances {
            change.desired = segue_model::state::Desired::Run;
        }
    };
    assert_found(sim, Invariant::I3, honest, tamper);
}

#[test]
fn i4_two_hosts_run_one_instance() {
    let mut sim = sim(2, 1, 32);
    deploy(&mut sim, 1, 1);
    let tamper = |plan: &mut Plan| {
        let all: Vec<Action> = plan.actions.values().flatten().cloned().collect();
        for n in 1..=2 {
            plan.actions.insert(host_id(n), all.clone());
        }
    };
    assert_found(sim, Invariant::I4, honest, tamper);
}

#[test]
fn i5_old_ones_leave_before_new_ones_are_ready() {
    let mut sim = up(1, 1, 32, 2);
    deploy(&mut sim, 2, 2);
    // It takes everything that was made for ready.
    let blind = |world: &mut World| {
        for instance in world.instances.values_mut() {
            instance.observed = Observed::Ready;
            instance.ready_at = Some(world.now);
        }
    };
    sim.round();
    let late = |world: &mut World| blind(world);
    for instance in sim.world.instances.values_mut() {
        if instance.release == release_id(2) {
            instance.observed = Observed::Started;
        }
    }
    assert_found(sim, Invariant::I5, late, untouched);
}

#[test]
fn i5_more_are_made_than_a_strategy_allows() {
    let mut sim = up(1, 1, 64, 2);
    deploy(&mut sim, 2, 2);
    let blind = |world: &mut World| {
        world.targets.insert(name("web"), 9);
    };
    assert_found(sim, Invariant::I5, blind, untouched);
}

#[test]
fn i5_an_old_one_leaves_before_the_fresh_one_that_replaces_it_serves() {
    let mut sim = up(1, 1, 32, 1);
    let revision = sim.world.instances.values().next().unwrap().revision;
    sim.behaviours.insert(revision, Behaviour::Slow(20));
    sim.ask_to_replace(0);
    sim.round();
    let blind = |world: &mut World| {
        for instance in world.instances.values_mut() {
            instance.observed = Observed::Ready;
            instance.ready_at = Some(world.now);
        }
    };
    assert_found(sim, Invariant::I5, blind, untouched);
}

/// It believes that every edge has acknowledged everything and has nothing open.
fn deaf(world: &mut World) {
    for edge in world.edges.values_mut() {
        edge.acknowledged = RouteGen(i64::MAX);
        edge.draining.clear();
    }
}

fn behind(pace: u64) -> Sim {
    let mut sim = up(1, 2, 32, 1);
    sim.edges.get_mut(&edge_id(2)).unwrap().pace = pace;
    deploy(&mut sim, 2, 1);
    let rollout = &mut sim.world.releases.get_mut(&release_id(2)).unwrap().rollout;
    rollout.bake = Duration::ZERO;
    sim
}

#[test]
fn i6_sigterm_is_sent_before_an_edge_acknowledged() {
    let mut sim = up(1, 2, 32, 2);
    sim.edges.get_mut(&edge_id(2)).unwrap().pace = 9;
    sim.world.targets.insert(name("web"), 1);
    assert_found(sim, Invariant::I6, deaf, untouched);
}

#[test]
fn i6_requests_are_cut_off_or_an_edge_passed_over_without_a_word() {
    let mut sim = behind(1);
    sim.edges.get_mut(&edge_id(2)).unwrap().connected = false;
    let mute = |plan: &mut Plan| {
        plan.changes
            .events
            .retain(|e| e.kind != segue_model::change::EventKind::EdgeSkipped);
    };
    assert_found(sim, Invariant::I6, honest, mute);
}

#[test]
#[should_panic(expected = "which got SIGTERM")]
fn i6_simulated_clients_see_a_planner_that_does_not_wait() {
    let mut sim = behind(9);
    sim.blindfold = Some(deaf);
    for _ in 0..60 {
        sim.round();
        sim.advance(1);
    }
}

#[test]
fn i7_an_instance_that_fails_its_checks_stays_routed() {
    let mut sim = up(1, 1, 32, 2);
    sim.sicken(0);
    let blind = |world: &mut World| {
        for instance in world.instances.values_mut() {
            instance.observed = Observed::Ready;
        }
    };
    assert_found(sim, Invariant::I7, blind, untouched);
}

#[test]
fn i7_a_pool_is_emptied_while_one_is_ready() {
    let mut sim = up(1, 1, 32, 2);
    sim.sicken(0);
    let tamper = |plan: &mut Plan| {
        for route in plan.changes.routes.iter_mut().flat_map(|r| &mut r.routes) {
            route.pools.clear();
        }
    };
    assert_found(sim, Invariant::I7, honest, tamper);
}

#[test]
fn i8_a_generation_is_skipped_or_raised_for_nothing() {
    let sim = up(1, 1, 32, 1);
    let blind = |world: &mut World| world.routes.routes.clear();
    assert_found(sim, Invariant::I8, blind, untouched);
    let mut sim = up(1, 1, 32, 1);
    deploy(&mut sim, 2, 1);
    let blind = |world: &mut World| world.routes.route_gen = RouteGen(0);
    assert_found(sim, Invariant::I8, blind, untouched);
}

#[test]
fn i11_what_is_wanted_is_not_made() {
    let mut sim = sim(1, 1, 32);
    deploy(&mut sim, 1, 1);
    assert_found(sim, Invariant::I11, honest, |plan| plan.actions.clear());
}

#[test]
fn i12_a_host_gets_more_than_it_has() {
    let mut sim = sim(1, 1, 2);
    deploy(&mut sim, 1, 4);
    let blind = |world: &mut World| {
        for host in world.hosts.values_mut() {
            host.memory_bytes += 8 * MEMORY;
        }
    };
    assert_found(sim, Invariant::I12, blind, untouched);
}

#[test]
fn i13_a_cordoned_host_gets_an_instance() {
    let mut sim = sim(1, 1, 32);
    sim.round();
    sim.world
        .subnets
        .insert(host_id(1), crate::fixture::subnet(1));
    sim.world.hosts.get_mut(&host_id(1)).unwrap().cordoned = true;
    deploy(&mut sim, 1, 1);
    let blind = |world: &mut World| {
        for host in world.hosts.values_mut() {
            host.cordoned = false;
        }
    };
    assert_found(sim, Invariant::I13, blind, untouched);
}

#[test]
fn i13_a_host_without_the_label_gets_an_instance() {
    let mut sim = sim(1, 1, 32);
    sim.round();
    sim.world
        .subnets
        .insert(host_id(1), crate::fixture::subnet(1));
    deploy(&mut sim, 1, 1);
    let made = sim.world.releases.get_mut(&release_id(1)).unwrap();
    let spec = &mut made.services.get_mut(&name("web")).unwrap().spec;
    spec.place
        .require
        .insert("disk".parse().unwrap(), "ssd".parse().unwrap());
    // It does not see what is required. The revision is the same: where an instance goes does not shape it.
    let blind = |world: &mut World| {
        for release in world.releases.values_mut() {
            for service in release.services.values_mut() {
                service.spec.place.require.clear();
            }
        }
    };
    assert_found(sim, Invariant::I13, blind, untouched);
}

#[test]
fn i14_something_stops_on_a_stale_listing_or_while_frozen() {
    let stale = |world: &mut World| {
        for host in world.hosts.values_mut() {
            host.listed_at = Some(world.now);
        }
    };
    let mut sim = up(1, 1, 32, 2);
    sim.stale.insert(host_id(1));
    sim.advance(100);
    sim.world.targets.insert(name("web"), 1);
    assert_found(sim, Invariant::I14, stale, untouched);
    let mut sim = up(1, 1, 32, 2);
    sim.world.policy.frozen = true;
    sim.world.targets.insert(name("web"), 1);
    let blind = |world: &mut World| world.policy.frozen = false;
    assert_found(sim, Invariant::I14, blind, untouched);
}

#[test]
fn i15_a_volume_gets_a_second_holder() {
    let mut sim = sim(1, 1, 32);
    for (number, nonce) in [(1, 1), (2, 2)] {
        let made = release(
            number,
            [("db", service(&data(), nonce))],
            Rollout::default(),
        );
        let id = release_id(u64::try_from(number).unwrap());
        sim.world.releases.insert(id, made);
    }
    sim.world
        .deployments
        .insert(1, deployment(1, release_id(1)));
    sim.rest();
    sim.world
        .deployments
        .insert(2, deployment(2, release_id(2)));
    let blind = |world: &mut World| world.instances.clear();
    assert_found(sim, Invariant::I15, blind, untouched);
}

#[test]
fn i16_a_rollout_outlives_its_deadline() {
    let mut sim = up(1, 1, 32, 1);
    deploy(&mut sim, 2, 1);
    sim.world.hosts.get_mut(&host_id(1)).unwrap().cordoned = true;
    sim.round();
    sim.advance(700);
    let blind = |world: &mut World| world.now = at(0);
    assert_found(sim, Invariant::I16, blind, untouched);
}

#[test]
fn i16_a_death_is_judged_before_its_last_words_are_read() {
    let mut sim = up(1, 1, 32, 1);
    deploy(&mut sim, 2, 1);
    let revision = sim.world.releases[&release_id(2)].services[&name("web")].revision;
    sim.behaviours.insert(revision, Behaviour::NoCommand);
    sim.words_after = 2;
    for _ in 0..6 {
        // Without time passing: three deaths, and none of their words read.
        sim.round();
    }
    let blind = |world: &mut World| {
        for instance in world.instances.values_mut() {
            instance.words_due_since = None;
        }
    };
    assert_found(sim, Invariant::I16, blind, untouched);
}

#[test]
fn i16_a_release_that_fails_every_request_stays() {
    let mut sim = up(1, 1, 32, 1);
    deploy(&mut sim, 2, 1);
    for _ in 0..12 {
        sim.round();
    }
    assert_eq!(
        sim.state(2),
        Some(segue_model::state::DeploymentState::Baking)
    );
    sim.serve_requests(1, 100, 0);
    let blind = |world: &mut World| world.traffic.clear();
    assert_found(sim, Invariant::I16, blind, untouched);
}

#[test]
fn i16_a_way_back_is_taken_back() {
    let mut sim = up(1, 1, 32, 1);
    deploy(&mut sim, 2, 1);
    sim.world.deployments.get_mut(&2).unwrap().is_rollback = true;
    sim.world.hosts.get_mut(&host_id(1)).unwrap().cordoned = true;
    sim.round();
    sim.advance(700);
    let blind = |world: &mut World| {
        for deployment in world.deployments.values_mut() {
            deployment.is_rollback = false;
        }
    };
    assert_found(sim, Invariant::I16, blind, untouched);
}

#[test]
fn i20_an_address_is_given_before_it_rested() {
    let mut sim = up(1, 1, 32, 1);
    let rest = Duration::from_secs(100_000);
    sim.world.policy.address_rest = rest;
    let cursor_back = |world: &mut World| {
        for subnet in world.subnets.values_mut() {
            subnet.cursor = 1;
            subnet.held.clear();
            subnet.resting.clear();
        }
    };
    deploy(&mut sim, 2, 1);
    assert_found(sim, Invariant::I20, cursor_back, untouched);
}

#[test]
fn i23_a_change_has_no_event_or_two() {
    let mut sim = sim(1, 1, 32);
    deploy(&mut sim, 1, 1);
    assert_found(sim, Invariant::I23, honest, |plan| {
        plan.changes.events.pop();
    });
    let mut sim = up(1, 1, 32, 1);
    deploy(&mut sim, 2, 1);
    assert_found(sim, Invariant::I23, honest, |plan| {
        let again = plan.changes.events.first().cloned();
        plan.changes.events.extend(again);
    });
}

/// It writes new routes whatever they were.
fn restless(world: &mut World) {
    world.routes.routes.clear();
}

#[test]
#[should_panic(expected = "no empty plan")]
fn i24_a_planner_that_never_comes_to_rest() {
    let mut sim = up(1, 1, 32, 1);
    sim.blindfold = Some(restless);
    sim.settle(40);
}

#[test]
fn i24_a_planner_that_looks_at_the_order_of_rows() {
    let mut sim = sim(2, 1, 32);
    deploy(&mut sim, 1, 1);
    let world = &mut sim.world;
    world
        .hosts_of
        .get_mut(&name("web"))
        .unwrap()
        .push("other.example.com".parse().unwrap());
    let by_order = |world: &World| {
        let mut seen = world.clone();
        // The first row decides which host is cordoned.
        let first = seen.hosts_of[&name("web")][0].as_str().len() as u64 % 2 + 1;
        seen.hosts.get_mut(&host_id(first)).unwrap().cordoned = true;
        plan(&Input { world: &seen })
    };
    let mut turned = world.clone();
    turned.hosts_of.get_mut(&name("web")).unwrap().reverse();
    assert_ne!(by_order(world), by_order(&turned), "the twin is told apart");
    assert_eq!(
        plan(&Input { world }),
        plan(&Input { world: &turned }),
        "the planner is not"
    );
}
