//! What requests say of a release, and what people ask of single instances.

use segue_model::change::ReasonKind;
use segue_model::id::InstanceId;
use segue_model::spec::{Rollout, Strategy};
use segue_model::state::{DeploymentState as S, Desired, Observed};

use super::{deploy, sim, up_at_v1, web_release};
use crate::fixture::{data, name, release, release_id, service, web};
use crate::sim::{Behaviour, Sim, endpoints};

fn baking(strategy: Strategy) -> Sim {
    let mut sim = sim(2, 1, 64);
    up_at_v1(&mut sim, 4);
    let rollout = Rollout {
        strategy,
        ..Rollout::default()
    };
    deploy(&mut sim, 2, web_release(2, &web(4), rollout));
    sim
}

fn until(sim: &mut Sim, state: S) {
    for _ in 0..60 {
        if sim.state(2) == Some(state) {
            return;
        }
        sim.round();
    }
    panic!("never {state}: {}", sim.picture());
}

fn said(sim: &Sim, text: &str) -> bool {
    sim.events.iter().any(|(_, message)| message.contains(text))
}

#[test]
fn a_release_that_answers_with_errors_in_its_bake_goes_back() {
    let mut sim = baking(Strategy::Switch);
    until(&mut sim, S::Baking);
    sim.serve_requests(1, 4, 0);
    sim.settle(40);
    assert_eq!(sim.state(2), Some(S::Baking), "four of a hundred are few");
    sim.serve_requests(1, 6, 0);
    sim.rest();
    assert_eq!(sim.state(2), Some(S::RolledBack));
    assert!(said(
        &sim,
        "web: 60 of 1000 requests failed, before it 0 of 1000"
    ));
    assert_eq!(sim.world.serving, Some(release_id(1)));
}

#[test]
fn a_release_that_answers_slowly_in_its_bake_goes_back() {
    let mut sim = baking(Strategy::Switch);
    until(&mut sim, S::Baking);
    sim.serve_requests(1, 0, 9);
    sim.rest();
    assert_eq!(sim.state(2), Some(S::RolledBack));
    assert!(said(&sim, "took up to 1000 ms, before it up to 1 ms"));
}

#[test]
fn in_batches_the_first_requests_may_end_it() {
    let mut sim = baking(Strategy::Rolling);
    until(&mut sim, S::Starting);
    sim.round();
    sim.round();
    assert_eq!(sim.state(2), Some(S::Starting), "{}", sim.picture());
    sim.serve_requests(1, 50, 0);
    sim.rest();
    assert_eq!(sim.state(2), Some(S::RolledBack));
    assert_eq!(sim.ready("web"), 4);
}

#[test]
fn what_did_not_change_or_has_nothing_before_it_is_not_compared() {
    let mut sim = sim(2, 1, 64);
    deploy(&mut sim, 1, web_release(1, &web(2), Rollout::default()));
    sim.round();
    sim.serve_requests(1, 100, 0);
    sim.rest();
    assert_eq!(sim.state(1), Some(S::Succeeded), "the first one");
    // Another release of the same revision: its errors are not its own.
    let mut same = web_release(2, &web(2), Rollout::default());
    same.services = sim.world.releases[&release_id(1)].services.clone();
    deploy(&mut sim, 2, same);
    sim.round();
    sim.serve_requests(1, 100, 0);
    sim.rest();
    assert_eq!(sim.state(2), Some(S::Succeeded));
}

fn ids(sim: &Sim) -> Vec<InstanceId> {
    let wanted = sim.world.instances.iter();
    wanted
        .filter(|(_, i)| i.desired == Desired::Run)
        .map(|(id, _)| *id)
        .collect()
}

#[test]
fn the_only_instance_serves_until_the_fresh_one_does() {
    let mut sim = sim(1, 1, 32);
    up_at_v1(&mut sim, 1);
    let old = ids(&sim)[0];
    let revision = sim.world.instances[&old].revision;
    sim.behaviours.insert(revision, Behaviour::Slow(4));
    sim.ask_to_replace(0);
    for _ in 0..30 {
        sim.round();
        assert!(
            !endpoints(&sim.world.routes).is_empty(),
            "{}",
            sim.picture()
        );
    }
    sim.rest();
    let now = ids(&sim);
    assert_eq!(now.len(), 1);
    assert_ne!(now[0], old);
    assert_eq!(endpoints(&sim.world.routes), [now[0]].into());
}

#[test]
fn all_are_replaced_one_after_the_other() {
    let mut sim = sim(2, 2, 64);
    up_at_v1(&mut sim, 3);
    let old = ids(&sim);
    for index in 0..3 {
        sim.ask_to_replace(index);
    }
    for _ in 0..40 {
        sim.round();
        assert!(endpoints(&sim.world.routes).len() >= 3, "{}", sim.picture());
        assert!(ids(&sim).len() <= 4, "{}", sim.picture());
    }
    sim.rest();
    let now = ids(&sim);
    assert_eq!(now.len(), 3);
    assert!(now.iter().all(|id| !old.contains(id)));
}

/// Two revisions behind the routes: what is ready beside them gets there only with the switch.
#[test]
fn what_a_former_rollout_put_behind_the_routes_is_replaced_after_the_switch() {
    let mut sim = sim(2, 1, 64);
    up_at_v1(&mut sim, 4);
    let rolling = Rollout {
        strategy: Strategy::Rolling,
        ..Rollout::default()
    };
    let half = web_release(2, &web(4), rolling);
    let next = half.services[&name("web")].clone();
    deploy(&mut sim, 2, half);
    let is_next = |sim: &Sim, id: &InstanceId| sim.world.instances[id].revision == next.revision;
    for _ in 0..60 {
        let routed = endpoints(&sim.world.routes);
        if routed.iter().filter(|id| is_next(&sim, id)).count() == 2 {
            break;
        }
        sim.round();
    }
    // As if none of the two had come to its end: there is no release whose set would be filled up.
    sim.world.serving = None;
    let slow = service(&web(1), 7);
    sim.behaviours.insert(slow.revision, Behaviour::Slow(7));
    let services = [("web", next.clone()), ("api", slow)];
    deploy(&mut sim, 3, release(3, services, Rollout::default()));
    for _ in 0..60 {
        let ready = sim.world.instances.iter().filter(|(id, i)| {
            is_next(&sim, id) && i.desired == Desired::Run && i.observed == Observed::Ready
        });
        if sim.state(3) == Some(S::Starting) && ready.count() == 4 {
            break;
        }
        sim.round();
    }
    let routed = endpoints(&sim.world.routes);
    let carried: Vec<_> = routed.iter().filter(|id| is_next(&sim, id)).collect();
    assert_eq!((routed.len(), carried.len()), (4, 2), "{}", sim.picture());
    let asked = *carried[0];
    sim.world
        .instances
        .get_mut(&asked)
        .unwrap()
        .replace_requested = true;
    for _ in 0..5 {
        sim.round();
        assert!(endpoints(&sim.world.routes).len() >= 4, "{}", sim.picture());
    }
    sim.rest();
    assert_eq!(sim.state(3), Some(S::Succeeded), "{}", sim.picture());
    assert!(!ids(&sim).contains(&asked), "{}", sim.picture());
}

#[test]
fn without_room_beside_it_the_only_one_stays_and_says_why() {
    let mut sim = sim(1, 1, 1);
    up_at_v1(&mut sim, 1);
    let old = ids(&sim);
    sim.ask_to_replace(0);
    sim.rest();
    assert_eq!(ids(&sim), old);
    let reasons = segue_plan::plan(&segue_plan::Input { world: &sim.world }).reasons;
    let why = reasons
        .iter()
        .find(|r| r.kind == ReasonKind::ReplacementPending)
        .unwrap();
    assert_eq!(why.subject.instance, Some(old[0]));
    assert!(why.message.contains("add a host"), "{}", why.message);
}

#[test]
fn without_room_one_of_several_leaves_first_where_one_may_be_missing() {
    let mut sim = sim(1, 1, 2);
    let rollout = Rollout {
        max_unavailable: 1,
        ..Rollout::default()
    };
    deploy(&mut sim, 1, web_release(1, &web(2), rollout));
    sim.rest();
    let old = ids(&sim);
    sim.ask_to_replace(0);
    for _ in 0..30 {
        sim.round();
        assert!(
            !endpoints(&sim.world.routes).is_empty(),
            "{}",
            sim.picture()
        );
    }
    sim.rest();
    let now = ids(&sim);
    assert_eq!((now.len(), sim.ready("web")), (2, 2));
    assert_ne!(now, old);
}

#[test]
fn a_holder_of_a_volume_stops_before_the_fresh_one_starts() {
    let mut sim = sim(2, 1, 32);
    let made = release(1, [("db", service(&data(), 1))], Rollout::default());
    deploy(&mut sim, 1, made);
    sim.rest();
    let old = ids(&sim)[0];
    let host = sim.world.instances[&old].host;
    sim.ask_to_replace(0);
    for _ in 0..30 {
        sim.round();
        let held = sim.world.instances.values().filter(|i| i.may_exist());
        assert!(held.count() <= 1, "{}", sim.picture());
    }
    sim.rest();
    let now = ids(&sim);
    assert_eq!((now.len(), sim.ready("db")), (1, 1));
    assert_ne!(now[0], old);
    assert_eq!(sim.world.instances[&now[0]].host, host);
    assert_eq!(sim.world.volume_hosts[&name("db")], host);
}
