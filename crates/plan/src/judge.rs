//! How far the running rollout is, and whether it fails. Judged from what was observed, never from a call that
//! returned.
//!
//! Invariant I16 (rule 5): a rollout always ends, by success, early failure or deadline; it goes back to a release
//! that was seen to be good, and a way back is never itself taken back.

use segue_model::change::ReasonKind;
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::ReleaseId;
use segue_model::route::RouteGen;
use segue_model::state::DeploymentState as S;
use segue_model::world::{Deployment, RolloutState, World};

use crate::draft::Draft;
use crate::goal::{Goal, ServiceGoal};
use crate::queue;
use crate::symptoms;
use crate::time::later;
use crate::traffic;

/// Moves the running rollout by at most one state.
pub(crate) fn advance(draft: &mut Draft<'_>) {
    let Some((deployment, rollout)) = draft.running() else {
        return;
    };
    match rollout.state {
        S::Starting | S::Switching => forward(draft, deployment, rollout),
        S::Live | S::Baking => bake(draft, deployment, rollout),
        S::Failing => turn_back(draft, deployment, rollout),
        S::RollingBack => come_back(draft, deployment, rollout),
        // Before the start there is nothing to judge; no rollout is left in these states.
        S::Queued | S::Building | S::ReleaseTask => begin(draft, deployment, rollout),
        S::Succeeded | S::RolledBack | S::Failed | S::Cancelled | S::Superseded => {}
    }
}

/// Where a failing rollout goes back to: a release that was seen to be good, and not the failing one.
pub(crate) fn way_back(
    world: &World,
    deployment: &Deployment,
    rollout: &RolloutState,
) -> Option<ReleaseId> {
    let cancelled = is_cancelled(rollout);
    let allowed = world
        .releases
        .get(&deployment.release)
        .is_none_or(|release| release.rollout.auto_rollback);
    if deployment.is_rollback || !(allowed || cancelled) {
        return None;
    }
    let good = |id: &ReleaseId| {
        *id != deployment.release
            && world
                .releases
                .get(id)
                .is_some_and(|release| release.stable_at.is_some() && release.ready)
    };
    rollout.from.filter(good).or(world.stable.filter(good))
}

/// Whether no request can start by routes older than this any more, as far as live edges go. With edges known but
/// none live, their silence must have lasted as long as it holds SIGTERM back.
pub(crate) fn is_switched_over(
    world: &World,
    wanted: RouteGen,
    since: segue_model::Timestamp,
) -> bool {
    let live = world
        .edges
        .values()
        .filter(|e| e.is_live(world.now))
        .count();
    world.edges.values().all(|edge| {
        edge.acknowledged >= wanted
            || if live > 0 {
                !edge.is_live(world.now)
            } else {
                later(edge.lease_until.max(since), world.policy.edge_silence) <= world.now
            }
    })
}

/// Notes in the running rollout the generations that this plan's routes begin: the first with an instance of the
/// target, and the one that must be acknowledged before it is live.
pub(crate) fn note_generations(draft: &mut Draft<'_>, goal: &Goal<'_>) {
    let Some((deployment, mut rollout)) = draft.running() else {
        return;
    };
    if !goal.forward {
        return;
    }
    let generation = draft.route_gen();
    let switched = rollout.state == S::Switching;
    if rollout.first_gen.is_none() && (switched || carries_target(draft, goal)) {
        rollout.first_gen = Some(generation);
    }
    if switched && rollout.switch_gen.is_none() {
        rollout.switch_gen = Some(generation);
    }
    if Some(&rollout) != draft.rollout(deployment).as_ref() {
        put(draft, deployment, rollout);
    }
}

/// Whether this plan's new routes name an instance of a revision that only the target has.
fn carries_target(draft: &Draft<'_>, goal: &Goal<'_>) -> bool {
    let Some(routes) = &draft.routes else {
        return false;
    };
    routes.routes.iter().any(|route| {
        let service = goal.service(&route.service);
        service.is_changed()
            && route
                .pools
                .iter()
                .flat_map(|pool| &pool.endpoints)
                .filter_map(|endpoint| draft.instances.get(&endpoint.instance))
                .any(|i| Some(i.revision) == service.revision())
    })
}

fn is_cancelled(rollout: &RolloutState) -> bool {
    rollout
        .failure
        .as_ref()
        .is_some_and(|failure| failure.code == FailureCode::Cancelled)
}

fn put(draft: &mut Draft<'_>, deployment: &Deployment, rollout: RolloutState) {
    draft.rollouts.insert(deployment.id, rollout);
}

fn begin(draft: &mut Draft<'_>, deployment: &Deployment, mut rollout: RolloutState) {
    rollout.state = S::Starting;
    rollout.progress_at = draft.now();
    put(draft, deployment, rollout);
}

/// Starting and switching.
fn forward(draft: &mut Draft<'_>, deployment: &Deployment, mut rollout: RolloutState) {
    let now = draft.now();
    let goal = Goal::of_rollout(draft.world, deployment, &rollout);
    let cancel = deployment.cancel_requested.then(|| Failure {
        code: FailureCode::Cancelled,
        evidence: "cancelled while it ran".to_owned(),
    });
    if let Some(failure) = cancel
        .or_else(|| symptoms::early_failure(draft, &goal, &rollout))
        .or_else(|| traffic::worse(&goal))
    {
        fail(draft, deployment, rollout, failure);
        return;
    }
    let ready = ready_of_target(draft, &goal);
    if ready > rollout.progress {
        rollout.progress = ready;
        rollout.progress_at = now;
    }
    let limit = goal.target.map_or_else(Default::default, |target| {
        target.release.rollout.progress_deadline
    });
    let deadline = later(rollout.progress_at, limit);
    if deadline <= now {
        let failure = symptoms::stuck(draft, &goal);
        fail(draft, deployment, rollout, failure);
        return;
    }
    draft.look_at(deadline);
    match rollout.state {
        S::Starting if is_full(draft, &goal) => {
            rollout.state = S::Switching;
            rollout.progress_at = now;
        }
        S::Switching => {
            let wanted = rollout.switch_gen.unwrap_or(draft.world.routes.route_gen);
            if is_switched_over(draft.world, wanted, rollout.progress_at) {
                become_live(draft, deployment, &mut rollout);
            } else {
                for edge in draft.world.edges.values() {
                    let at = later(
                        edge.lease_until.max(rollout.progress_at),
                        draft.world.policy.edge_silence,
                    );
                    draft.look_at(edge.lease_until);
                    draft.look_at(at);
                }
                let message = format!("edges have yet to acknowledge generation {}", wanted.0);
                draft.reason(
                    ReasonKind::AcknowledgementPending,
                    queue::about(deployment),
                    message,
                );
            }
        }
        _ => {}
    }
    put(draft, deployment, rollout);
}

fn become_live(draft: &mut Draft<'_>, deployment: &Deployment, rollout: &mut RolloutState) {
    rollout.state = S::Live;
    rollout.live_at = Some(draft.now());
    rollout.progress_at = draft.now();
    draft.serving = Some(deployment.release);
}

/// Live and baking: watched until the time is over.
fn bake(draft: &mut Draft<'_>, deployment: &Deployment, mut rollout: RolloutState) {
    let goal = Goal::of_rollout(draft.world, deployment, &rollout);
    if let Some(failure) = symptoms::crash_loop(draft, &goal).or_else(|| traffic::worse(&goal)) {
        fail(draft, deployment, rollout, failure);
        return;
    }
    let time = goal
        .target
        .map_or_else(Default::default, |target| target.release.rollout.bake);
    let end = later(rollout.live_at.unwrap_or(rollout.progress_at), time);
    if end <= draft.now() {
        queue::succeed(draft, deployment, rollout);
        return;
    }
    draft.look_at(end);
    let message = format!("deployment #{} is watched until {end}", deployment.number);
    draft.reason(ReasonKind::Baking, queue::about(deployment), message);
    if rollout.state == S::Live {
        rollout.state = S::Baking;
        put(draft, deployment, rollout);
    }
}

fn fail(
    draft: &mut Draft<'_>,
    deployment: &Deployment,
    mut rollout: RolloutState,
    failure: Failure,
) {
    rollout.state = S::Failing;
    rollout.failure = Some(failure);
    rollout.progress = 0;
    rollout.progress_at = draft.now();
    rollout.switch_gen = None;
    put(draft, deployment, rollout);
}

/// From failing: back to what was good, or to the end.
fn turn_back(draft: &mut Draft<'_>, deployment: &Deployment, mut rollout: RolloutState) {
    rollout.progress_at = draft.now();
    match way_back(draft.world, deployment, &rollout) {
        Some(back) => {
            rollout.state = S::RollingBack;
            // From here on the environment stands on it, whatever becomes of the way back.
            draft.serving = Some(back);
        }
        None if is_cancelled(&rollout) => rollout.state = S::Cancelled,
        None => rollout.state = S::Failed,
    }
    put(draft, deployment, rollout);
}

/// Rolling back: over when the good release is whole and alone in the routes, or when its deadline has passed.
fn come_back(draft: &mut Draft<'_>, deployment: &Deployment, mut rollout: RolloutState) {
    let goal = Goal::new(draft);
    let ready = ready_of_target(draft, &goal);
    if ready > rollout.progress {
        rollout.progress = ready;
        rollout.progress_at = draft.now();
    }
    let world = draft.world;
    let alone = world
        .instances
        .iter()
        .filter(|(id, _)| draft.is_routed(**id))
        .all(|(_, i)| {
            let wanted = goal.target.and_then(|t| t.release.services.get(&i.service));
            wanted.is_some_and(|s| s.revision == i.revision)
        });
    let whole = is_full(draft, &goal);
    let over = is_switched_over(world, world.routes.route_gen, rollout.progress_at);
    let deadline = later(rollout.progress_at, world.policy.rollback_deadline);
    if whole && alone && over {
        rollout.state = if is_cancelled(&rollout) {
            S::Cancelled
        } else {
            S::RolledBack
        };
    } else if deadline <= draft.now() {
        rollout.state = S::Failed;
    } else {
        draft.look_at(deadline);
        for edge in world.edges.values() {
            let at = later(
                edge.lease_until.max(rollout.progress_at),
                world.policy.edge_silence,
            );
            draft.look_at(edge.lease_until);
            draft.look_at(at);
        }
    }
    put(draft, deployment, rollout);
}

/// Every service that the target changes (or, going back, every service) has all its instances ready.
fn is_full(draft: &Draft<'_>, goal: &Goal<'_>) -> bool {
    goal.target.is_some()
        && goal.services().iter().all(|name| {
            let service = goal.service(name);
            !service.is_changed() || ready_of(draft, &service) >= service.count
        })
}

fn ready_of_target(draft: &Draft<'_>, goal: &Goal<'_>) -> u32 {
    let ready = goal
        .services()
        .iter()
        .map(|name| goal.service(name))
        .filter(ServiceGoal::is_changed)
        .map(|service| ready_of(draft, &service))
        .sum::<usize>();
    u32::try_from(ready).unwrap_or(u32::MAX)
}

fn ready_of(draft: &Draft<'_>, service: &ServiceGoal<'_>) -> usize {
    symptoms::set_of(draft, service)
        .filter(|i| draft.is_serving(i))
        .count()
}
