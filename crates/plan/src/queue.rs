//! Which deployment runs: begin, supersede, cancel before the start, builds that failed, stop of the environment.
//!
//! Invariant I1: at most one unfinished rollout. The newest deployment whose images are all known runs; older
//! ones that wait, or run, end `superseded`, so that nothing older can start after it.

use segue_model::change::{EventSubject, ReasonKind};
use segue_model::failure::{Failure, FailureCode};
use segue_model::spec::{Rollout, Strategy};
use segue_model::state::{BuildState, DeploymentState};
use segue_model::world::{Deployment, RolloutState};

use crate::draft::Draft;

/// Decides which rollout runs. Returns whether this moved the running one, which is then not judged besides.
pub(crate) fn advance(draft: &mut Draft<'_>) -> bool {
    if draft.world.stopped || draft.world.deleted {
        wind_down(draft);
        return true;
    }
    let world = draft.world;
    let waiting: Vec<&Deployment> = world
        .deployments
        .values()
        .filter(|d| d.rollout.is_none())
        .collect();
    let running = draft.running();
    let running_number = running.as_ref().map(|(d, _)| d.number);

    let mut newest = None;
    for deployment in &waiting {
        if let Some((state, failure)) = dead_on_arrival(deployment) {
            end_unbegun(draft, deployment, state, Some(failure));
        } else if world
            .releases
            .get(&deployment.release)
            .is_some_and(|release| release.ready)
            && running_number.is_none_or(|number| number < deployment.number)
        {
            newest = Some(*deployment);
        }
    }
    let last = newest.map(|d| d.number).max(running_number);
    for deployment in &waiting {
        if draft.rollouts.contains_key(&deployment.id) {
            continue;
        }
        if last.is_some_and(|last| deployment.number < last) {
            end_unbegun(draft, deployment, DeploymentState::Superseded, None);
        } else if newest.is_none_or(|d| d.id != deployment.id) {
            let subject = about(deployment);
            let message = format!("deployment #{} waits for its builds", deployment.number);
            draft.reason(ReasonKind::BuildPending, subject, message);
        }
    }
    let Some(newest) = newest else {
        return false;
    };
    if let Some((old, rollout)) = running {
        step_aside(draft, old, rollout);
    }
    let release = world.releases.get(&newest.release);
    draft.rollouts.insert(
        newest.id,
        RolloutState {
            state: DeploymentState::Starting,
            strategy: release.map_or(Strategy::Switch, |r| effective(&r.rollout)),
            from: draft.serving,
            started_at: world.now,
            progress_at: world.now,
            progress: 0,
            first_gen: None,
            switch_gen: None,
            live_at: None,
            early_deaths: 0,
            last_death: None,
            failure: None,
        },
    );
    true
}

/// How a rollout begins: a `max_surge` that a person set means batches.
pub(crate) fn effective(rollout: &Rollout) -> Strategy {
    match rollout.strategy {
        Strategy::Switch if rollout.max_surge.is_some() => Strategy::Rolling,
        strategy => strategy,
    }
}

/// What a deployment is about.
pub(crate) fn about(deployment: &Deployment) -> EventSubject {
    EventSubject {
        deployment: Some(deployment.id),
        release: Some(deployment.release),
        ..EventSubject::default()
    }
}

/// A deployment that ends before it began: cancelled, or one of its builds did not make an image.
fn dead_on_arrival(deployment: &Deployment) -> Option<(DeploymentState, Failure)> {
    if deployment.cancel_requested {
        let evidence = "cancelled before it began".to_owned();
        let code = FailureCode::Cancelled;
        return Some((DeploymentState::Cancelled, Failure { code, evidence }));
    }
    deployment.builds.values().find_map(|build| {
        let (state, code) = match build.state {
            BuildState::Failed => (DeploymentState::Failed, FailureCode::BuildFailed),
            BuildState::TimedOut => (DeploymentState::Failed, FailureCode::BuildTimedOut),
            BuildState::Cancelled => (DeploymentState::Cancelled, FailureCode::Cancelled),
            BuildState::Queued
            | BuildState::Claimed
            | BuildState::Running
            | BuildState::Pushing
            | BuildState::Testing
            | BuildState::Succeeded => return None,
        };
        let failure = build.failure.clone().unwrap_or_else(|| Failure {
            code,
            evidence: format!("the build is {}", build.state),
        });
        Some((state, failure))
    })
}

fn end_unbegun(
    draft: &mut Draft<'_>,
    deployment: &Deployment,
    state: DeploymentState,
    failure: Option<Failure>,
) {
    draft.rollouts.insert(
        deployment.id,
        RolloutState {
            state,
            strategy: Strategy::default(),
            from: draft.serving,
            started_at: draft.now(),
            progress_at: draft.now(),
            progress: 0,
            first_gen: None,
            switch_gen: None,
            live_at: None,
            early_deaths: 0,
            last_death: None,
            failure,
        },
    );
}

/// The running rollout makes room for a newer one: one that is live was good so far, others are superseded.
fn step_aside(draft: &mut Draft<'_>, deployment: &Deployment, mut rollout: RolloutState) {
    match rollout.state {
        DeploymentState::Live | DeploymentState::Baking => succeed(draft, deployment, rollout),
        state => {
            if state == DeploymentState::Switching {
                // Routes carry it already; the next one leaves from there.
                draft.serving = Some(deployment.release);
            }
            rollout.state = DeploymentState::Superseded;
            draft.rollouts.insert(deployment.id, rollout);
        }
    }
}

/// Ends a live rollout well; its release is stable if no failure was seen.
pub(crate) fn succeed(draft: &mut Draft<'_>, deployment: &Deployment, mut rollout: RolloutState) {
    rollout.state = DeploymentState::Succeeded;
    let known = draft.world.releases.get(&deployment.release);
    if rollout.failure.is_none() && known.is_some_and(|release| release.stable_at.is_none()) {
        draft.stable.push(deployment.release);
    }
    draft.rollouts.insert(deployment.id, rollout);
}

/// Nothing shall run: what waits for an environment that is removed is cancelled, what runs ends.
fn wind_down(draft: &mut Draft<'_>) {
    let world = draft.world;
    let why = if world.deleted {
        "the environment is removed"
    } else {
        "the environment was stopped"
    };
    let cancelled = || Failure {
        code: FailureCode::Cancelled,
        evidence: why.to_owned(),
    };
    for deployment in world.deployments.values() {
        let Some(mut rollout) = deployment.rollout.clone() else {
            if let Some((state, failure)) = dead_on_arrival(deployment) {
                end_unbegun(draft, deployment, state, Some(failure));
            } else if world.deleted {
                end_unbegun(
                    draft,
                    deployment,
                    DeploymentState::Cancelled,
                    Some(cancelled()),
                );
            }
            continue;
        };
        match rollout.state {
            DeploymentState::Live | DeploymentState::Baking => succeed(draft, deployment, rollout),
            DeploymentState::Failing | DeploymentState::RollingBack => {
                rollout.state = DeploymentState::Cancelled;
                draft.rollouts.insert(deployment.id, rollout);
            }
            DeploymentState::Queued | DeploymentState::Building => {
                rollout.state = DeploymentState::Cancelled;
                rollout.failure = Some(cancelled());
                draft.rollouts.insert(deployment.id, rollout);
            }
            DeploymentState::ReleaseTask
            | DeploymentState::Starting
            | DeploymentState::Switching => {
                rollout.state = DeploymentState::Failing;
                rollout.failure = Some(cancelled());
                rollout.progress_at = world.now;
                draft.rollouts.insert(deployment.id, rollout);
            }
            DeploymentState::Succeeded
            | DeploymentState::RolledBack
            | DeploymentState::Failed
            | DeploymentState::Cancelled
            | DeploymentState::Superseded => {}
        }
    }
    draft.reason(ReasonKind::Stopped, EventSubject::default(), why.to_owned());
}
