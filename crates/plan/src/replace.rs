//! Replacing single instances because a person asked for it.
//!
//! Invariants: a set never falls below its floor for it (I5): a fresh instance is made beside the old one, in a slot
//! of its own, and the old one leaves only when enough others serve; one at a time; a holder of a volume stops first.
//! A request is met when its instance is no longer wanted, and it is the plan's input until then, so that a crash
//! loses nothing. Only the set that is to stay is replaced: what a rollout takes away leaves anyway.

use segue_model::change::ReasonKind;
use segue_model::id::InstanceId;

use crate::draft::Draft;
use crate::drain;
use crate::goal::ServiceGoal;
use crate::heal::{Set, members};
use crate::staff;

const WHY: &str = "a person asked that it be replaced";

/// Lets go at once what serves nobody or may not have a second one beside it. Returns those of the set that serve,
/// the oldest first.
pub(crate) fn begin(
    draft: &mut Draft<'_>,
    goal: &ServiceGoal<'_>,
    set: Set<'_>,
) -> Vec<InstanceId> {
    if goal.revision() != Some(set.release.revision) {
        return Vec::new();
    }
    let mut asked = Vec::new();
    for id in members(draft, set) {
        let Some(instance) = draft.instances.get(&id) else {
            continue;
        };
        // What is on a lost host is replaced for that, and given up with its replacement.
        if !instance.replace_requested || !draft.is_reachable(instance) {
            continue;
        }
        if draft.is_serving(instance) && !set.release.spec.is_exclusive() {
            asked.push((instance.serial, id));
        } else {
            let why = format!("{}: {WHY}", draft.title(instance));
            drain::retire(draft, id, &why);
        }
    }
    asked.sort_unstable();
    asked.into_iter().map(|(_, id)| id).collect()
}

/// The set with room for the fresh instance beside the one that it replaces.
pub(crate) fn enlarged<'s>(set: Set<'s>, asked: &[InstanceId]) -> Set<'s> {
    Set {
        count: set.count.saturating_add(usize::from(!asked.is_empty())),
        ..set
    }
}

/// Makes the fresh instance, and lets the old one go when the others are enough.
pub(crate) fn advance(
    draft: &mut Draft<'_>,
    goal: &ServiceGoal<'_>,
    set: Set<'_>,
    asked: &[InstanceId],
) {
    // One that was too many meanwhile has left already.
    let still = members(draft, set);
    let mut asked_still = asked.iter().copied().filter(|id| still.contains(id));
    let Some(old) = asked_still.next() else {
        return;
    };
    for next in asked_still {
        if let Some(instance) = draft.instances.get(&next) {
            let subject = draft.subject(next, instance);
            let title = draft.title(instance);
            let message = format!("{title} is to be replaced after another one of its service");
            draft.reason(ReasonKind::ReplacementPending, subject, message);
        }
    }
    // That there is no room for one more than wanted takes nothing from anybody else.
    let short = draft.room_short;
    let fits = staff::fill(draft, enlarged(set, asked));
    draft.room_short = short;
    let all = members(draft, set);
    let others = all
        .iter()
        .filter(|id| **id != old)
        .filter(|id| draft.instances.get(id).is_some_and(|i| draft.is_serving(i)))
        .count();
    let floor = set.count.saturating_sub(goal.unavailable).max(1);
    let Some(title) = draft.instances.get(&old).map(|i| draft.title(i)) else {
        return;
    };
    if goal.awaits_switch() && draft.is_routed(old) {
        // A former rollout put it behind the routes; those that are ready beside it get there with the switch.
        if let Some(instance) = draft.instances.get(&old) {
            let subject = draft.subject(old, instance);
            let message = format!("{title} is to be replaced and serves until the switch");
            draft.reason(ReasonKind::ReplacementPending, subject, message);
        }
        return;
    }
    if others >= set.count || (!fits && !drain::is_making_room(draft) && others >= floor) {
        drain::retire(draft, old, &format!("{title}: {WHY}"));
    } else if let Some(instance) = draft.instances.get(&old) {
        let subject = draft.subject(old, instance);
        let what = if fits {
            "until the fresh one is ready"
        } else {
            "for room for one more beside it: add a host, or set rollout.max_unavailable = 1 where there are several"
        };
        let message = format!("{title} is to be replaced and waits {what}");
        draft.reason(ReasonKind::ReplacementPending, subject, message);
    }
}

/// Says of what was asked of instances outside of the set that is to stay that it waits for their release to leave.
pub(crate) fn explain(draft: &mut Draft<'_>, goal: &ServiceGoal<'_>) {
    for id in draft.wanted(&goal.name) {
        let Some(instance) = draft.instances.get(&id) else {
            continue;
        };
        if instance.replace_requested && Some(instance.revision) != goal.revision() {
            let subject = draft.subject(id, instance);
            let title = draft.title(instance);
            let message = format!("{title} is to be replaced, and leaves with its release");
            draft.reason(ReasonKind::ReplacementPending, subject, message);
        }
    }
}
