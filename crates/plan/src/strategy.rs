//! Which strategy a rollout really takes, and the answer that says so.
//!
//! Invariant: `switch` becomes `rolling` only where the new sets do not fit beside the old ones, once, for good.

use segue_model::change::ReasonKind;
use segue_model::spec::Strategy;
use segue_model::state::DeploymentState;

use crate::draft::Draft;
use crate::drain;
use crate::goal::Goal;
use crate::queue;
use crate::schedule::{Rejection, Request};
use crate::symptoms;

/// Turns `switch` into `rolling` for good where the new sets do not fit beside the old ones.
pub(crate) fn choose(draft: &mut Draft<'_>) {
    let Some((deployment, mut rollout)) = draft.running() else {
        return;
    };
    let asked = draft
        .world
        .releases
        .get(&deployment.release)
        .map_or(Strategy::Switch, |release| release.rollout.strategy);
    let goal = Goal::of_rollout(draft.world, deployment, &rollout);
    if rollout.state == DeploymentState::Starting
        && rollout.strategy == Strategy::Switch
        && !drain::is_making_room(draft)
        && lacks_room(draft, &goal)
    {
        rollout.strategy = Strategy::Rolling;
        draft.rollouts.insert(deployment.id, rollout.clone());
    }
    if asked == Strategy::Switch
        && rollout.strategy == Strategy::Rolling
        && matches!(
            rollout.state,
            DeploymentState::Starting | DeploymentState::Switching
        )
    {
        let why = match goal.target.and_then(|t| t.release.rollout.max_surge) {
            Some(surge) => format!("max_surge = {surge} is set"),
            None => "the new instances do not fit beside the old ones".to_owned(),
        };
        let message = format!(
            "deployment #{} replaces in batches instead of switching all at once, because {why}: versions mix and the old set is not kept",
            deployment.number
        );
        draft.reason(
            ReasonKind::StrategyFallback,
            queue::about(deployment),
            message,
        );
    }
}

/// Whether some new instance would find no host for want of room alone.
fn lacks_room(draft: &Draft<'_>, goal: &Goal<'_>) -> bool {
    let mut room = draft.room.clone();
    goal.services().iter().any(|name| {
        let service = goal.service(name);
        let Some(want) = service.want else {
            return false;
        };
        if service.strategy != Strategy::Switch || !service.is_changed() {
            return false;
        }
        let present = symptoms::set_of(draft, &service).count();
        (present..service.count).any(|_| {
            let request = Request {
                service: name,
                release: want,
                avoid: None,
            };
            room.place(request)
                .is_err_and(|rejected| rejected.values().any(Rejection::is_room))
        })
    })
}
