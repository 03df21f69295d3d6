//! Where instances go: labels, zones, one per host, room in CPU and in memory.

use std::collections::BTreeMap;

use segue_model::change::{Reason, ReasonKind};
use segue_model::id::HostId;
use segue_model::spec::{Rollout, ServiceSpec};
use segue_model::state::DeploymentState as S;
use segue_plan::Plan;

use super::{deploy, sim, web_release};
use crate::fixture::{MEMORY, host_id, name, web};
use crate::sim::Sim;

fn label(sim: &mut Sim, host: u64, key: &str, value: &str) {
    let host = sim.world.hosts.get_mut(&host_id(host)).unwrap();
    host.labels
        .insert(key.parse().unwrap(), value.parse().unwrap());
}

fn on_ssd(replicas: u32) -> ServiceSpec {
    let mut spec = web(replicas);
    spec.place
        .require
        .insert("disk".parse().unwrap(), "ssd".parse().unwrap());
    spec
}

fn ask(sim: &mut Sim, number: i64, spec: &ServiceSpec) {
    deploy(sim, number, web_release(number, spec, Rollout::default()));
}

/// Serving instances by the number of their host.
fn spread(sim: &Sim) -> BTreeMap<u64, usize> {
    let mut found = BTreeMap::new();
    for n in 1..=9 {
        let ready = |id: HostId| {
            let all = sim.world.instances.values();
            all.filter(|i| i.host == id && i.is_ready()).count()
        };
        let count = ready(host_id(n));
        if count > 0 {
            found.insert(n, count);
        }
    }
    found
}

fn no_host(made: &Plan) -> &Reason {
    let mut reasons = made.reasons.iter();
    reasons.find(|r| r.kind == ReasonKind::NoHost).unwrap()
}

/// What every host says, by its number.
fn said(made: &Plan, hosts: u64) -> Vec<String> {
    let reason = no_host(made);
    assert_eq!(reason.hosts.len() as u64, hosts, "a host that says nothing");
    (1..=hosts)
        .map(|n| reason.hosts[&host_id(n)].clone())
        .collect()
}

#[test]
fn only_hosts_with_the_required_labels_are_used() {
    let mut sim = sim(4, 1, 32);
    label(&mut sim, 1, "disk", "hdd");
    label(&mut sim, 2, "disk", "ssd");
    label(&mut sim, 4, "disk", "ssd");
    ask(&mut sim, 1, &on_ssd(4));
    sim.rest();
    assert_eq!(sim.state(1), Some(S::Succeeded));
    assert_eq!(spread(&sim), [(2, 2), (4, 2)].into());
}

#[test]
fn several_required_labels_are_required_together() {
    let mut sim = sim(3, 1, 32);
    label(&mut sim, 1, "disk", "ssd");
    label(&mut sim, 2, "arch", "arm64");
    label(&mut sim, 3, "disk", "ssd");
    label(&mut sim, 3, "arch", "arm64");
    let mut spec = on_ssd(2);
    spec.place
        .require
        .insert("arch".parse().unwrap(), "arm64".parse().unwrap());
    ask(&mut sim, 1, &spec);
    sim.rest();
    assert_eq!(spread(&sim), [(3, 2)].into());
}

#[test]
fn where_no_host_has_the_label_every_host_says_why_and_one_that_gets_it_is_used() {
    let mut sim = sim(3, 1, 32);
    label(&mut sim, 1, "disk", "hdd");
    label(&mut sim, 3, "disk", "ssd");
    sim.world.hosts.get_mut(&host_id(3)).unwrap().cordoned = true;
    ask(&mut sim, 1, &on_ssd(1));
    let made = sim.round();
    assert!(made.changes.create.is_empty());
    assert_eq!(
        said(&made, 3),
        [
            "lacks the label disk=ssd",
            "lacks the label disk=ssd",
            "is cordoned"
        ]
    );
    assert_eq!(
        no_host(&made).message,
        "web.1 waits: host-1 lacks the label disk=ssd; host-2 lacks the label disk=ssd; host-3 is cordoned"
    );
    label(&mut sim, 2, "disk", "ssd");
    sim.rest();
    assert_eq!(spread(&sim), [(2, 1)].into());
}

#[test]
fn a_host_that_loses_its_label_keeps_what_runs_and_gets_nothing_new() {
    let mut sim = sim(2, 1, 32);
    label(&mut sim, 1, "disk", "ssd");
    ask(&mut sim, 1, &on_ssd(2));
    sim.rest();
    let kept: Vec<_> = sim.world.instances.keys().copied().collect();
    assert_eq!(spread(&sim), [(1, 2)].into());

    let host = sim.world.hosts.get_mut(&host_id(1)).unwrap();
    host.labels.clear();
    sim.rest();
    sim.advance(3600);
    sim.rest();
    let still: Vec<_> = sim.world.instances.keys().copied().collect();
    assert_eq!(still, kept, "what runs is left alone");
    assert_eq!(spread(&sim), [(1, 2)].into());

    sim.world.targets.insert(name("web"), 3);
    let made = sim.round();
    assert!(made.changes.create.is_empty());
    assert_eq!(said(&made, 2), ["lacks the label disk=ssd"; 2]);
    label(&mut sim, 2, "disk", "ssd");
    sim.rest();
    assert_eq!(spread(&sim), [(1, 2), (2, 1)].into());

    // Nor does what dies there come back there.
    sim.kill(0);
    sim.remove_by_hand(0);
    sim.rest();
    assert_eq!(spread(&sim), [(1, 1), (2, 2)].into());
}

#[test]
fn zones_are_filled_evenly_before_the_hosts_in_them() {
    let mut sim = sim(4, 1, 32);
    for n in 1..=3 {
        label(&mut sim, n, "zone", "a");
    }
    label(&mut sim, 4, "zone", "b");
    ask(&mut sim, 1, &web(4));
    sim.rest();
    let found = spread(&sim);
    assert_eq!(found.get(&4), Some(&2), "half of them in zone b: {found:?}");
    assert_eq!(found.len(), 3, "two hosts of zone a: {found:?}");
}

#[test]
fn hosts_without_a_zone_are_a_zone_of_their_own() {
    let mut sim = sim(4, 1, 32);
    label(&mut sim, 1, "zone", "a");
    label(&mut sim, 2, "zone", "b");
    ask(&mut sim, 1, &web(6));
    sim.rest();
    assert_eq!(spread(&sim), [(1, 2), (2, 2), (3, 1), (4, 1)].into());
}

#[test]
fn instances_spread_over_hosts_and_the_fewest_get_the_next() {
    let mut sim = sim(3, 1, 32);
    // Fuller than its neighbours: of less weight than the spread of one service.
    sim.world.hosts.get_mut(&host_id(2)).unwrap().memory_bytes = 4 * MEMORY;
    ask(&mut sim, 1, &web(3));
    sim.rest();
    assert_eq!(spread(&sim), [(1, 1), (2, 1), (3, 1)].into());
    sim.world.targets.insert(name("web"), 6);
    sim.rest();
    assert_eq!(spread(&sim), [(1, 2), (2, 2), (3, 2)].into());
}

#[test]
fn one_per_host_holds_what_has_no_host_of_its_own_back() {
    let mut sim = sim(3, 1, 32);
    let mut spec = web(3);
    spec.place.one_per_host = true;
    ask(&mut sim, 1, &spec);
    sim.rest();
    assert_eq!(spread(&sim), [(1, 1), (2, 1), (3, 1)].into());

    sim.world.targets.insert(name("web"), 4);
    let made = sim.round();
    assert!(made.changes.create.is_empty());
    assert_eq!(
        said(&made, 3),
        ["has one already, and one_per_host is set"; 3]
    );
    assert!(no_host(&made).message.starts_with("web.4 waits: host-1 "));

    // A new revision is another set: it may stand beside the old one until that is drained.
    sim.world.targets.insert(name("web"), 3);
    sim.rest();
    ask(&mut sim, 2, &spec);
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Succeeded));
    assert_eq!(spread(&sim), [(1, 1), (2, 1), (3, 1)].into());
}

/// Two hosts with more than enough of one resource and too little of the other.
fn lopsided() -> Sim {
    let mut sim = sim(2, 1, 32);
    // Four times as much CPU as there is may be reserved: 400m.
    sim.world.hosts.get_mut(&host_id(1)).unwrap().cpu_millis = 100;
    sim.world.hosts.get_mut(&host_id(2)).unwrap().memory_bytes = 300 << 20;
    sim
}

#[test]
fn a_host_short_of_cpu_or_of_memory_says_of_which_and_by_how_much() {
    let mut sim = lopsided();
    let mut spec = web(1);
    spec.resources.cpu_millis = 500;
    spec.resources.memory_bytes = 301 << 20;
    ask(&mut sim, 1, &spec);
    let made = sim.round();
    assert!(made.changes.create.is_empty());
    assert_eq!(
        said(&made, 2),
        [
            "has 400m CPU left of 500m wanted",
            "has 300 MiB memory left of 301 MiB wanted"
        ]
    );
}

#[test]
fn what_just_fits_is_placed_where_the_other_resource_is_scarce() {
    for (cpu_millis, mib, host) in [(400, 301, 1), (401, 300, 2)] {
        let mut sim = lopsided();
        let mut spec = web(1);
        spec.resources.cpu_millis = cpu_millis;
        spec.resources.memory_bytes = mib << 20;
        ask(&mut sim, 1, &spec);
        sim.rest();
        assert_eq!(sim.state(1), Some(S::Succeeded));
        assert_eq!(spread(&sim), [(host, 1)].into(), "{cpu_millis}m, {mib} MiB");
    }
}

#[test]
fn a_plan_counts_what_it_has_just_placed_in_either_resource() {
    // By CPU: two of 250m fit into 500m. By memory: two units of memory.
    for (cpu_millis, units, short) in [
        (125, 32, "has 0m CPU left of 250m wanted"),
        (8000, 2, "has 0 MiB memory left of 256 MiB wanted"),
    ] {
        let mut sim = sim(1, 1, units);
        sim.world.hosts.get_mut(&host_id(1)).unwrap().cpu_millis = cpu_millis;
        ask(&mut sim, 1, &web(2));
        sim.rest();
        sim.world.targets.insert(name("web"), 3);
        let made = sim.round();
        assert!(made.changes.create.is_empty());
        assert_eq!(said(&made, 1), [short]);
        sim.rest();
        assert_eq!(spread(&sim), [(1, 2)].into());

        // The third gets the room that another one leaves, and no more than that.
        sim.world.hosts.insert(
            host_id(2),
            segue_model::world::Host {
                cpu_millis,
                ..crate::fixture::host(2, units)
            },
        );
        sim.world.targets.insert(name("web"), 5);
        sim.advance(1);
        sim.rest();
        assert_eq!(spread(&sim), [(1, 2), (2, 2)].into());
        assert_eq!(sim.wanted(), 4, "the fifth waits");
    }
}

#[test]
fn a_subnet_that_another_network_overlaps_is_replaced_before_anything_is_made_there() {
    let mut sim = sim(1, 1, 32);
    ask(&mut sim, 1, &web(2));
    // The engine is never asked: the instances are decided and wait for their network.
    sim.lose_actions = 1;
    for _ in 0..4 {
        sim.round();
    }
    let first: Vec<_> = sim.world.instances.keys().copied().collect();
    let base = sim.world.subnets[&host_id(1)].base;
    assert_eq!(first.len(), 2);
    sim.foreign_network(host_id(1));
    sim.lose_actions = 0;
    sim.rest();
    assert_eq!(sim.state(1), Some(S::Succeeded));
    assert_eq!(spread(&sim), [(1, 2)].into());
    assert_ne!(sim.world.subnets[&host_id(1)].base, base);
    let serving = sim.world.instances.iter().filter(|(_, i)| i.is_ready());
    assert!(serving.into_iter().all(|(id, _)| !first.contains(id)));
    let told = |(_, message): &&(_, String)| message.contains("network somebodys (10.96.");
    assert_eq!(
        sim.events.iter().filter(told).count(),
        2,
        "{:#?}",
        sim.events
    );
}

#[test]
fn where_containers_are_an_overlapping_network_is_named_and_nothing_is_moved() {
    let mut sim = sim(1, 1, 32);
    ask(&mut sim, 1, &web(1));
    sim.rest();
    let before = sim.world.subnets[&host_id(1)].base;
    let serving = spread(&sim);
    sim.foreign_network(host_id(1));
    // As after somebody removed the network by force.
    sim.networks.clear();
    sim.world.targets.insert(name("web"), 2);
    let mut made = sim.round();
    for _ in 0..3 {
        made = sim.round();
    }
    assert_eq!(sim.world.subnets[&host_id(1)].base, before);
    assert_eq!(spread(&sim), serving);
    let mut reasons = made.reasons.iter();
    let reason = reasons.find(|r| r.message.contains("docker network inspect somebodys"));
    assert_eq!(reason.unwrap().kind, ReasonKind::EngineFailed);
}
