//! Keeping a set of equal instances at its size: deaths, crash loops, lost hosts, liveness, back-off, scale.
//!
//! Invariants: an instance is never revived, only replaced by a new one in its slot (I3); back-off follows from
//! the slot's last death and is therefore persisted (rule 6); a lost instance is given up only together with its
//! replacement; liveness replaces one instance of a service at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use segue_model::Timestamp;
use segue_model::change::{EventSubject, NewInstance, Reason, ReasonKind};
use segue_model::id::{HostId, InstanceId, ReleaseId};
use segue_model::name::ServiceName;
use segue_model::state::{Desired, Observed};
use segue_model::world::{Instance, ServiceRelease};

use crate::draft::{Draft, has_ended};
use crate::drain;
use crate::goal::ServiceGoal;
use crate::judge;
use crate::schedule::{Placed, Rejection, Request};
use crate::time::{between, later};

/// Restarts by the engine, before the gate or within [`CRASH_WINDOW`], that make it a crash loop.
const CRASH_LOOP: u32 = 3;
/// A process that restarts this often within this time of its first start is in a crash loop.
const CRASH_WINDOW: Duration = Duration::from_secs(600);
/// Ready or running for this long, a slot's deaths are forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// The longest wait before an attempt.
const BACK_OFF_CAP_SECONDS: u64 = 60;
/// Quick deaths on a host after which the slot tries another one.
const QUICK_DEATHS: u32 = 2;

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
    shrink(draft, set);
    for id in lost {
        replace_lost(draft, set, id);
    }
    fill(draft, set);
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
        match verdict(draft, goal, &instance) {
            None => {
                if !judge::had_success(&instance) {
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

fn verdict(draft: &mut Draft<'_>, goal: &ServiceGoal<'_>, instance: &Instance) -> Option<Verdict> {
    let title = draft.title(instance);
    if instance.observed == Observed::Gone {
        return Some(Verdict::Dead(format!("{title} was removed from its host")));
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
    if let Some(failure) = judge::hopeless(instance) {
        let why = format!("{title} cannot start: {}", failure.evidence);
        return Some(Verdict::Dead(why));
    }
    if instance.restarts >= CRASH_LOOP && instance.observed != Observed::Ready {
        let early = instance
            .started_at
            .is_none_or(|started| between(started, draft.now()) < CRASH_WINDOW);
        if early || !judge::had_success(instance) {
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
        _ => judge::start_limit(goal, instance),
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
            && judge::had_success(i)
    });
    if success {
        return;
    }
    if let Some((deployment, mut rollout)) = draft.running() {
        rollout.early_deaths = rollout
            .early_deaths
            .saturating_add(judge::deaths_of(instance).max(1));
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
    create(draft, set, instance.slot, 0, draft.now(), None);
    if draft.created.len() > before {
        draft.mark_lost(id);
        draft.raise(id, Desired::Gone, format!("{title} was lost with its host"));
    } else {
        let message = format!("{title} is on a lost host and nothing can replace it yet");
        draft.reason(ReasonKind::HostUnreachable, subject, message);
    }
}

/// Gives up what is too many: not ready first, then on the host with the most of it, then the youngest.
fn shrink(draft: &mut Draft<'_>, set: Set<'_>) {
    let mut ids = members(draft, set);
    while ids.len() > set.count {
        let victim = ids.iter().copied().max_by_key(|id| {
            draft.instances.get(id).map(|i| {
                (
                    !draft.is_serving(i),
                    draft.room.on_host(set.service, i.host),
                    draft.room.load(i.host),
                    i.serial,
                )
            })
        });
        let Some(victim) = victim else {
            return;
        };
        let title = draft
            .instances
            .get(&victim)
            .map_or(String::new(), |i| draft.title(i));
        let why = format!("{title} is more than the {} wanted", set.count);
        drain::retire(draft, victim, &why);
        ids.retain(|id| *id != victim);
    }
}

/// Creates what is missing, in the lowest free slots. A volume's next holder waits until the last one is gone.
fn fill(draft: &mut Draft<'_>, set: Set<'_>) {
    let is_held = |i: &Instance| {
        let of_set = i.desired == Desired::Run && i.revision == set.release.revision;
        i.service == *set.service && i.may_exist() && !of_set
    };
    if set.release.spec.is_exclusive() && draft.instances.values().any(is_held) {
        return;
    }
    let mut slots: BTreeSet<u32> = members(draft, set)
        .iter()
        .filter_map(|id| draft.instances.get(id))
        .map(|i| i.slot)
        .collect();
    while slots.len() < set.count && draft.live(set.service) < set.cap {
        let Some(slot) = (1..=u32::MAX).find(|slot| !slots.contains(slot)) else {
            return;
        };
        slots.insert(slot);
        let (attempt, from, avoid) = after_death(draft, set, slot);
        if !create(draft, set, slot, attempt, from, avoid) {
            return;
        }
    }
}

/// Attempt, earliest time before back-off, and host to avoid, by how the slot's last instance ended.
fn after_death(draft: &Draft<'_>, set: Set<'_>, slot: u32) -> (u32, Timestamp, Option<HostId>) {
    let last = draft
        .instances
        .values()
        .filter(|i| {
            i.service == *set.service && i.slot == slot && i.revision == set.release.revision
        })
        .max_by_key(|i| i.serial);
    let now = draft.now();
    let Some(last) = last.filter(|i| i.died && i.desired != Desired::Run) else {
        return (0, now, None);
    };
    let ended = last.unready_at.max(last.exited_at).unwrap_or(now);
    let began = last.ready_at.or(last.started_at).unwrap_or(ended);
    let attempt = if between(began, ended) >= FORGIVEN_AFTER {
        1
    } else {
        last.attempt.saturating_add(judge::deaths_of(last).max(1))
    };
    let avoid = (attempt >= QUICK_DEATHS).then_some(last.host);
    (attempt, last.exited_at.unwrap_or(now), avoid)
}

/// Wait before an attempt: 0, 0, 1, 2, 4 .. 60 s, each 20 % shorter to 20 % longer by the instance's own id.
fn back_off(attempt: u32, id: InstanceId) -> Duration {
    let Some(doublings) = attempt.checked_sub(2) else {
        return Duration::ZERO;
    };
    let seconds = 1u64
        .checked_shl(doublings.min(16))
        .unwrap_or(BACK_OFF_CAP_SECONDS)
        .min(BACK_OFF_CAP_SECONDS);
    let spread = u64::try_from(id.as_uuid().as_u128() % 401).unwrap_or(200);
    Duration::from_millis(seconds.saturating_mul(spread.saturating_add(800)))
}

/// Places and adds one instance. Returns whether looking for a place for the next one makes sense.
fn create(
    draft: &mut Draft<'_>,
    set: Set<'_>,
    slot: u32,
    attempt: u32,
    from: Timestamp,
    avoid: Option<HostId>,
) -> bool {
    let request = Request {
        service: set.service,
        release: set.release,
        avoid,
    };
    let subject = EventSubject {
        service: Some(set.service.clone()),
        release: Some(set.release_id),
        ..EventSubject::default()
    };
    let world = draft.world;
    let name_of = |host: HostId| world.hosts.get(&host).map_or("", |h| h.name.as_str());
    match draft.room.place(request) {
        Err(rejected) => {
            no_host(draft, set, slot, subject, rejected);
            false
        }
        Ok(Placed::NeedsSubnet { host }) => {
            draft.subnets.insert(host);
            let message = format!(
                "{}.{slot} goes to {}, which gets a subnet of the environment first",
                set.service,
                name_of(host)
            );
            let subject = EventSubject {
                host: Some(host),
                ..subject
            };
            draft.reason(ReasonKind::SubnetPending, subject, message);
            true
        }
        Ok(Placed::On { host, address }) => {
            let content = &set.release.content;
            let serial = draft.take_serial();
            let id = InstanceId::derive(
                world.environment,
                set.service,
                slot,
                set.release.revision,
                serial,
            );
            let not_before = later(from, back_off(attempt, id)).max(world.now);
            let why = format!(
                "{}.{slot} is placed on {}, among the hosts that fit the one with the fewest of it (attempt {attempt})",
                set.service,
                name_of(host)
            );
            draft.add(
                NewInstance {
                    id,
                    serial,
                    service: set.service.clone(),
                    slot,
                    revision: set.release.revision,
                    release: set.release_id,
                    host,
                    host_epoch: world.hosts.get(&host).map_or(0, |h| h.epoch),
                    address,
                    port: content.port,
                    cpu_millis: content.resources.cpu_millis,
                    memory_bytes: content.resources.memory_bytes,
                    exclusive: !content.volumes.is_empty(),
                    attempt,
                    not_before,
                },
                why,
            );
            true
        }
    }
}

fn no_host(
    draft: &mut Draft<'_>,
    set: Set<'_>,
    slot: u32,
    subject: EventSubject,
    rejected: std::collections::BTreeMap<HostId, Rejection>,
) {
    let short = rejected.values().any(Rejection::is_room);
    draft.room_short |= short && !drain::is_making_room(draft);
    let why: Vec<String> = rejected
        .iter()
        .filter_map(|(id, why)| Some(format!("{} {why}", draft.world.hosts.get(id)?.name)))
        .collect();
    let message = if why.is_empty() {
        format!("{}.{slot} waits: there is no host", set.service)
    } else {
        format!("{}.{slot} waits: {}", set.service, why.join("; "))
    };
    draft.reasons.push(Reason {
        kind: ReasonKind::NoHost,
        subject,
        message,
        hosts: rejected
            .into_iter()
            .map(|(id, why)| (id, why.to_string()))
            .collect(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_a_minute_and_spreads_by_a_fifth() {
        for seed in 0..50u128 {
            let id: InstanceId = format!("ins_{seed:032x}").parse().unwrap();
            for (attempt, seconds) in [
                (0, 0),
                (1, 0),
                (2, 1),
                (3, 2),
                (4, 4),
                (8, 60),
                (u32::MAX, 60),
            ] {
                let wait = back_off(attempt, id).as_millis();
                assert!(
                    (seconds * 800..=seconds * 1200).contains(&wait),
                    "attempt {attempt}: {wait} ms"
                );
            }
        }
    }
}
