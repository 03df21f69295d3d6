//! What holds back, what rests and what leaves, one story each.

use std::time::Duration;

use segue_model::change::{EventKind, ReasonKind};
use segue_model::spec::Rollout;
use segue_model::state::DeploymentState as S;
use segue_plan::{Action, Input, plan};

use super::{deploy, sim, up_at_v1, web_release};
use crate::fixture::{edge_id, host_id, name, web};
use crate::sim::Sim;

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
