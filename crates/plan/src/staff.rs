//! Staffing a set: which instances are too many, which slots are free, where and when the next one begins.
//!
//! Invariant: back-off follows from how the slot's last instance ended, which is persisted (rule 6).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use segue_model::Timestamp;
use segue_model::change::{EventSubject, NewInstance, Reason, ReasonKind};
use segue_model::id::{HostId, InstanceId};
use segue_model::state::Desired;
use segue_model::world::Instance;

use crate::draft::Draft;
use crate::drain;
use crate::heal::{Set, members};
use crate::schedule::{Placed, Rejection, Request};
use crate::symptoms;
use crate::time::{between, later};

/// Ready or running for this long, a slot's deaths are forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// The longest wait before an attempt.
const BACK_OFF_CAP_SECONDS: u64 = 60;
/// Quick deaths on a host after which the slot tries another one.
const QUICK_DEATHS: u32 = 2;

/// Gives up what is too many: not ready first, then what people asked to replace, then on the host with the most of
/// it, then the youngest.
pub(crate) fn shrink(draft: &mut Draft<'_>, set: Set<'_>) {
    let mut ids = members(draft, set);
    while ids.len() > set.count {
        let victim = ids.iter().copied().max_by_key(|id| {
            draft.instances.get(id).map(|i| {
                (
                    !draft.is_serving(i),
                    i.replace_requested,
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
/// Returns whether a host was found for each that was looked for.
pub(crate) fn fill(draft: &mut Draft<'_>, set: Set<'_>) -> bool {
    let is_held = |i: &Instance| {
        let of_set = i.desired == Desired::Run && i.revision == set.release.revision;
        i.service == *set.service && i.may_exist() && !of_set
    };
    if set.release.spec.is_exclusive() && draft.instances.values().any(is_held) {
        return true;
    }
    let mut slots: BTreeSet<u32> = members(draft, set)
        .iter()
        .filter_map(|id| draft.instances.get(id))
        .map(|i| i.slot)
        .collect();
    while slots.len() < set.count && draft.live(set.service) < set.cap {
        let Some(slot) = (1..=u32::MAX).find(|slot| !slots.contains(slot)) else {
            return true;
        };
        slots.insert(slot);
        let (attempt, from, avoid) = after_death(draft, set, slot);
        if !create(draft, set, slot, attempt, from, avoid) {
            return false;
        }
    }
    true
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
        last.attempt
            .saturating_add(symptoms::deaths_of(last).max(1))
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
pub(crate) fn create(
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
            let again = match attempt {
                0 => String::new(),
                _ => format!(", attempt {}", attempt.saturating_add(1)),
            };
            let why = format!(
                "{service}.{slot} goes to {}, of the hosts that fit the one with the fewest instances of {service}{again}",
                name_of(host),
                service = set.service
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
    rejected: BTreeMap<HostId, Rejection>,
) {
    let short = rejected.values().any(Rejection::is_room);
    if let Some(at) = draft.room.rested_at(&rejected) {
        draft.look_at(at);
    }
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
