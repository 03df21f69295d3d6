//! Keeping a set of equal instances at its size: deaths, crash loops, lost hosts, liveness, back-off, scale, and
//! what people asked to replace.
//!
//! Invariants: an instance is never revived, only replaced by a new one in its slot (I3); back-off follows from
//! the slot's last death and is therefore persisted (rule 6); a lost instance is given up only together with its
//! replacement; liveness replaces one instance of a service at a time.

use std::time::Duration;

use segue_model::change::ReasonKind;
use segue_model::id::{InstanceId, ReleaseId};
use segue_model::name::ServiceName;
use segue_model::state::{Desired, Observed};
use segue_model::world::{Instance, ServiceRelease};

use crate::draft::{Draft, has_ended};
use crate::drain;
use crate::goal::ServiceGoal;
use crate::replace;
use crate::staff;
use crate::symptoms;
use crate::time::{between, later};

/// Restarts by the engine, before the gate or within [`CRASH_WINDOW`], that make it a crash loop.
const CRASH_LOOP: u32 = 3;
/// A process that restarts this often within this time of its first start is in a crash loop.
const CRASH_WINDOW: Duration = Duration::from_secs(600);

/// Equal instances that are kept at a number.
#[derive(Clone, Copy)]
pub(crate) struct Set<'s> {
    pub(crate) service: &'s ServiceName,
    pub(crate) release: &'s ServiceRelease,
    pub(crate) release_id: ReleaseId,
    /// Wanted number.
    pub(crate) count: usize,
    /// Instances of the service, of any revision, that may take part at a time.
    pub(crate) cap: usize,
}

/// Why an instance is not simply kept.
enum Verdict {
    /// Ended, or cannot start.
    Dead(String),
    /// Restarts again and again.
    CrashLoop(String),
    /// Its host is lost.
    Lost,
    /// Fails its checks for too long.
    Unhealthy(String),
}

/// Retires what is dead, replaces what is missing, and gives up what is too many.
pub(crate) fn keep(draft: &mut Draft<'_>, goal: &ServiceGoal<'_>, set: Set<'_>) {
    let lost = sort_out(draft, goal, set);
    let asked = replace::begin(draft, goal, set);
    staff::shrink(draft, replace::enlarged(set, &asked));
    for id in lost {
        replace_lost(draft, set, id);
    }
    staff::fill(draft, set);
    replace::advance(draft, goal, set, &asked);
}

/// Ids of the set's wanted instances.
pub(crate) fn members(draft: &Draft<'_>, set: Set<'_>) -> Vec<InstanceId> {
    draft
        .instances
        .iter()
        .filter(|(_, i)| {
            i.desired == Desired::Run
                && i.service == *set.service
                && i.revision == set.release.revision
        })
        .map(|(id, _)| *id)
        .collect()
}

/// Retires every wanted instance of the service that has ended, without a replacement in its own set.
pub(crate) fn bury(draft: &mut Draft<'_>, ids: &[InstanceId]) {
    for id in ids {
        let Some(instance) = draft.instances.get(id) else {
            continue;
        };
        if has_ended(instance) {
            let why = format!("{} has ended", draft.title(instance));
            drain::give_up(draft, *id, &why);
        }
    }
}

/// Retires what is dead, in a crash loop, or unhealthy for too long. Returns what is on lost hosts.
fn sort_out(draft: &mut Draft<'_>, goal: &ServiceGoal<'_>, set: Set<'_>) -> Vec<InstanceId> {
    let mut lost = Vec::new();
    let ids = members(draft, set);
    let mut starting = 0usize;
    let mut unhealthy = Vec::new();
    for id in ids {
        let Some(instance) = draft.instances.get(&id).cloned() else {
            continue;
        };
        match verdict(draft, goal, id, &instance) {
            None => {
                if !symptoms::had_success(&instance) {
                    starting = starting.saturating_add(1);
                }
            }
            Some(Verdict::Dead(why)) => {
                draft.mark_died(id);
                count_early_death(draft, goal, &instance);
                drain::give_up(draft, id, &why);
            }
            Some(Verdict::CrashLoop(why)) => {
                draft.mark_died(id);
                count_early_death(draft, goal, &instance);
                drain::retire(draft, id, &why);
            }
            Some(Verdict::Lost) => lost.push(id),
            Some(Verdict::Unhealthy(why)) => unhealthy.push((id, why)),
        }
    }
    // A dependency that is down makes every instance fail: replacing all at once would only add a stampede.
    for (index, (id, why)) in unhealthy.into_iter().enumerate() {
        if index == 0 && starting == 0 {
            draft.mark_died(id);
            drain::retire(draft, id, &why);
        } else if let Some(instance) = draft.instances.get(&id) {
            let subject = draft.subject(id, instance);
            let message = format!("{why}; another instance is being replaced first");
            draft.reason(ReasonKind::ReplacementPending, subject, message);
        }
    }
    lost
}

fn verdict(
    draft: &mut Draft<'_>,
    goal: &ServiceGoal<'_>,
    id: InstanceId,
    instance: &Instance,
) -> Option<Verdict> {
    let title = draft.title(instance);
    if instance.observed == Observed::Gone {
        return Some(Verdict::Dead(format!("{title} was removed from its host")));
    }
    if !symptoms::had_success(instance)
        && let Some(until) = instance.words_due_until(draft.now())
    {
        // It served nobody, and its deaths count against its release: not before its words are read.
        let subject = draft.subject(id, instance);
        let message = format!("{title} ended, and its last words are being read");
        draft.reason(ReasonKind::WordsPending, subject, message);
        draft.look_at(until);
        return None;
    }
    if has_ended(instance) {
        let exit = instance
            .exit_code
            .map_or(String::new(), |code| format!(" with {code}"));
        return Some(Verdict::Dead(format!("{title} exited{exit}")));
    }
    if !draft.is_reachable(instance) {
        return Some(Verdict::Lost);
    }
    if let Some(failure) = symptoms::hopeless(instance) {
        let why = format!("{title} cannot start: {}", failure.evidence);
        return Some(Verdict::Dead(why));
    }
    if instance.restarts >= CRASH_LOOP && instance.observed != Observed::Ready {
        let early = instance
            .started_at
            .is_none_or(|started| between(started, draft.now()) < CRASH_WINDOW);
        if early || !symptoms::had_success(instance) {
            let why = format!("{title} was restarted {} times", instance.restarts);
            return Some(Verdict::CrashLoop(why));
        }
    }
    let limit = match (instance.observed, instance.unready_at) {
        (Observed::Unready, Some(since)) => {
            let spec = goal
                .want
                .into_iter()
                .chain(goal.old)
                .find(|s| s.revision == instance.revision)?;
            Some(later(since, spec.spec.health.start_timeout))
        }
        _ => symptoms::start_limit(goal, instance),
    }?;
    if limit <= draft.now() {
        let complaint = instance
            .failure
            .as_ref()
            .map_or(String::new(), |f| format!(": {}", f.evidence));
        return Some(Verdict::Unhealthy(format!(
            "{title} fails its checks{complaint}"
        )));
    }
    draft.look_at(limit);
    None
}

/// A rollout remembers deaths of containers that are no longer there.
fn count_early_death(draft: &mut Draft<'_>, goal: &ServiceGoal<'_>, instance: &Instance) {
    if goal.revision() != Some(instance.revision) || !goal.is_changed() {
        return;
    }
    let success = draft.instances.values().any(|i| {
        i.service == instance.service
            && i.revision == instance.revision
            && i.desired == Desired::Run
            && symptoms::had_success(i)
    });
    if success {
        return;
    }
    if let Some((deployment, mut rollout)) = draft.running() {
        rollout.early_deaths = rollout
            .early_deaths
            .saturating_add(symptoms::deaths_of(instance).max(1));
        rollout.last_death = Some(symptoms::death(instance, &draft.title(instance)));
        draft.rollouts.insert(deployment.id, rollout);
    }
}

/// An instance on a lost host is given up only with its replacement; one with a volume waits for its host.
fn replace_lost(draft: &mut Draft<'_>, set: Set<'_>, id: InstanceId) {
    let Some(instance) = draft.instances.get(&id).cloned() else {
        return;
    };
    if instance.desired != Desired::Run {
        return;
    }
    let title = draft.title(&instance);
    let subject = draft.subject(id, &instance);
    if instance.exclusive {
        let message = format!("{title} holds a volume on a host that does not answer");
        draft.reason(ReasonKind::HostUnreachable, subject, message);
        return;
    }
    let before = draft.created.len();
    staff::create(draft, set, instance.slot, 0, draft.now(), None);
    if draft.created.len() > before {
        draft.mark_lost(id);
        draft.raise(id, Desired::Gone, format!("{title} was lost with its host"));
    } else {
        let message = format!("{title} is on a lost host and nothing can replace it yet");
        draft.reason(ReasonKind::HostUnreachable, subject, message);
    }
}
