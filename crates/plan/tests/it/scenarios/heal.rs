//! Healing, scaling and placement, one story each.

use segue_model::change::ReasonKind;
use segue_model::spec::Rollout;
use segue_model::state::{DeploymentState as S, Desired, HostState};

use super::{deploy, sim, up_at_v1, web_release};
use crate::fixture::{data, host_id, name, release, release_id, service, web};
use crate::sim::{Behaviour, Sim, endpoints};

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
fn after_two_quick_deaths_a_slot_tries_another_host() {
    let mut sim = sim(2, 1, 32);
    up_at_v1(&mut sim, 1);
    let first = sim.world.instances.values().next().unwrap().host;
    let mut hosts = Vec::new();
    for _ in 0..3 {
        sim.remove_by_hand(0);
        sim.settle(20);
        sim.advance(5);
        sim.settle(20);
        let mut running = sim.world.instances.values().filter(|i| i.is_ready());
        hosts.push(running.next().unwrap().host == first);
    }
    assert_eq!(hosts, [true, false, true], "never where it died last");
}
