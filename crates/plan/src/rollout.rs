//! Per service: how its instances come to what the goal says, by strategy.
//!
//! Invariant I5: without host faults the instances that are routed and ready never fall below the target less
//! `max_unavailable`, and the live ones never exceed twice the target (`switch`) or the target and the surge
//! (`rolling`). A kept old set is charged to capacity and given up first when room is short.

use std::collections::BTreeMap;

use segue_model::change::{EventSubject, ReasonKind};
use segue_model::id::InstanceId;
use segue_model::revision::Revision;
use segue_model::spec::Strategy;
use segue_model::state::Desired;
use segue_model::world::ServiceRelease;

use crate::draft::{Draft, has_ended};
use crate::drain;
use crate::goal::{Goal, Named, ServiceGoal};
use crate::heal::{self, Set};
use crate::replace;
use crate::routes;

/// Brings every service one step nearer to the goal.
pub(crate) fn converge<'a>(draft: &mut Draft<'a>, goal: &Goal<'a>) {
    for name in goal.services() {
        let service = goal.service(&name);
        match (service.want, goal.target) {
            (Some(want), Some(target)) => match service.strategy {
                Strategy::Switch => switch(draft, goal, &service, want, target),
                Strategy::Rolling => rolling(draft, goal, &service, want, target),
                Strategy::Recreate => recreate(draft, &service, want, target),
            },
            _ => leave(draft, goal, &service),
        }
        replace::explain(draft, &service);
    }
    if draft.room_short {
        give_up_warm(draft, goal);
    }
}

/// The service's wanted instances: those of a revision, and the others.
fn split(
    draft: &Draft<'_>,
    service: &ServiceGoal<'_>,
    revision: Option<Revision>,
) -> (Vec<InstanceId>, Vec<InstanceId>) {
    draft.wanted(&service.name).into_iter().partition(|id| {
        draft
            .instances
            .get(id)
            .is_some_and(|i| Some(i.revision) == revision)
    })
}

/// Surge to full size beside the old set; then the old set is kept warm, or leaves.
fn switch<'a>(
    draft: &mut Draft<'a>,
    goal: &Goal<'a>,
    service: &ServiceGoal<'a>,
    want: &ServiceRelease,
    target: Named<'a>,
) {
    let cap = service
        .count
        .saturating_add(service.count.max(service.old_count));
    if goal.switched {
        let (_, others) = split(draft, service, Some(want.revision));
        release_others(draft, goal, service, &others);
    } else {
        // What neither serves nor will serve makes room first.
        let (_, others) = split(draft, service, Some(want.revision));
        for id in others {
            let stray = draft.instances.get(&id).is_some_and(|i| {
                Some(i.revision) != service.old_revision() && (!draft.is_routed(id) || has_ended(i))
            });
            if stray {
                drain::retire(draft, id, "it belongs to a release that was given up");
            }
        }
        if let (Some(old), Some(base)) = (service.old, goal.base)
            && service.old_revision().is_some()
        {
            let set = Set {
                service: &service.name,
                release: old,
                release_id: base.id,
                count: service.old_count,
                cap,
            };
            heal::keep(draft, service, set);
        }
    }
    let set = Set {
        service: &service.name,
        release: want,
        release_id: target.id,
        count: service.count,
        cap,
    };
    heal::keep(draft, service, set);
}

/// In batches: new ones within the surge, old ones out as long as enough are left.
fn rolling<'a>(
    draft: &mut Draft<'a>,
    goal: &Goal<'a>,
    service: &ServiceGoal<'a>,
    want: &ServiceRelease,
    target: Named<'a>,
) {
    let (_, others) = split(draft, service, Some(want.revision));
    for id in &others {
        let stray = draft.instances.get(id).is_some_and(|i| {
            has_ended(i)
                || (!draft.is_routed(*id)
                    && Some(i.revision) != service.old_revision()
                    && is_behind_routes(draft, service, i.revision))
        });
        if stray {
            drain::retire(
                draft,
                *id,
                "it belongs to a release that is not wanted any more",
            );
        }
    }
    let set = Set {
        service: &service.name,
        release: want,
        release_id: target.id,
        count: service.count,
        cap: service.count.saturating_add(service.surge),
    };
    let short_before = std::mem::take(&mut draft.room_short);
    heal::keep(draft, service, set);
    let short = draft.room_short;
    draft.room_short |= short_before;

    let (new, old) = split(draft, service, Some(want.revision));
    let serving = |draft: &Draft<'_>, ids: &[InstanceId]| {
        ids.iter()
            .filter(|id| draft.instances.get(id).is_some_and(|i| draft.is_serving(i)))
            .count()
    };
    let floor = service.count.saturating_sub(service.unavailable);
    let ready_new = serving(draft, &new);
    let mut ready_old = serving(draft, &old);
    let mut wanted = new.len().saturating_add(old.len());
    // The broken first, without the budget; then the oldest release.
    let mut order: Vec<(bool, i64, u64, InstanceId)> = old
        .iter()
        .filter_map(|id| {
            let instance = draft.instances.get(id)?;
            let release = draft.world.releases.get(&instance.release);
            let version = release.map_or(0, |r| r.version);
            Some((draft.is_serving(instance), version, instance.serial, *id))
        })
        .collect();
    order.sort();
    for (is_serving, _, _, id) in order {
        let may_leave = if is_serving {
            ready_new.saturating_add(ready_old).saturating_sub(1) >= floor
                && ready_new.saturating_add(ready_old) > 0
        } else {
            wanted > service.count || short || floor == 0
        };
        if !may_leave {
            continue;
        }
        if is_serving {
            ready_old = ready_old.saturating_sub(1);
        }
        wanted = wanted.saturating_sub(1);
        let why = format!("it makes room for v{}", target.release.version);
        drain::retire(draft, id, &why);
    }
    if short && ready_old > 0 && goal.forward && ready_new < service.count && new.len() <= ready_new
    {
        let message = format!(
            "{} cannot be replaced one by one: no host has room for one more, and none may be missing; set rollout.max_unavailable = 1, use strategy = \"recreate\", or add a host",
            service.name
        );
        draft.reason(
            ReasonKind::NoHost,
            EventSubject {
                service: Some(service.name.clone()),
                ..EventSubject::default()
            },
            message,
        );
    }
}

/// Whether instances of another revision than this one stand behind the service's routes or will, so that this
/// one is not the last that could serve. Services without routes have no such distinction: theirs serve at once.
fn is_behind_routes(draft: &Draft<'_>, service: &ServiceGoal<'_>, revision: Revision) -> bool {
    let routed = service
        .want
        .is_some_and(|want| routes::is_routed_service(draft, &service.name, want));
    routed
        && draft
            .instances
            .values()
            .any(|i| i.service == service.name && i.revision != revision && draft.is_serving(i))
}

/// Stop, then start: for volumes, and for applications of which two versions may never run together.
fn recreate<'a>(
    draft: &mut Draft<'a>,
    service: &ServiceGoal<'a>,
    want: &ServiceRelease,
    target: Named<'a>,
) {
    let (_, others) = split(draft, service, Some(want.revision));
    for id in others {
        let why = format!("it makes way for v{}", target.release.version);
        drain::retire(draft, id, &why);
    }
    let exclusive = want.spec.is_exclusive();
    let in_the_way: Vec<InstanceId> = draft
        .instances
        .iter()
        .filter(|(_, i)| {
            i.service == service.name
                && i.may_exist()
                && (exclusive || i.exclusive || draft.is_reachable(i))
                && (i.revision != want.revision
                    || (i.desired != Desired::Run && (exclusive || i.exclusive)))
        })
        .map(|(id, _)| *id)
        .collect();
    let set = Set {
        service: &service.name,
        release: want,
        release_id: target.id,
        count: service.count,
        cap: if in_the_way.is_empty() {
            service.count.max(1).saturating_mul(2)
        } else {
            0
        },
    };
    heal::keep(draft, service, set);
    if let Some(instance) = in_the_way.first().and_then(|id| draft.instances.get(id)) {
        let message = format!(
            "{} waits until {} is gone",
            service.name,
            draft.title(instance)
        );
        let subject = EventSubject {
            service: Some(service.name.clone()),
            ..EventSubject::default()
        };
        draft.reason(ReasonKind::PredecessorPending, subject, message);
    }
}

/// A service that the target does not have, or an environment in which nothing shall run.
fn leave<'a>(draft: &mut Draft<'a>, goal: &Goal<'a>, service: &ServiceGoal<'a>) {
    if goal.switched {
        let ids = draft.wanted(&service.name);
        release_others(draft, goal, service, &ids);
        return;
    }
    if let (Some(old), Some(base)) = (service.old, goal.base) {
        let set = Set {
            service: &service.name,
            release: old,
            release_id: base.id,
            count: service.old_count,
            cap: match service.strategy {
                Strategy::Rolling => service.old_count.saturating_add(service.surge),
                Strategy::Switch | Strategy::Recreate => service.old_count.saturating_mul(2),
            },
        };
        heal::keep(draft, service, set);
    }
}

/// After the switch: the old set of a routed service stays warm while the rollout is watched, all else leaves.
fn release_others(
    draft: &mut Draft<'_>,
    goal: &Goal<'_>,
    service: &ServiceGoal<'_>,
    ids: &[InstanceId],
) {
    heal::bury(draft, ids);
    let mut kept = 0usize;
    for id in ids {
        let warm = draft.instances.get(id).is_some_and(|i| {
            i.desired == Desired::Run && is_warm(draft, goal, service, i.revision)
        });
        // Scaled down meanwhile, the way back is as small as the way on.
        if warm && kept < service.old_count {
            kept = kept.saturating_add(1);
        } else {
            let why = if goal.target.is_none() {
                "nothing of the environment shall run"
            } else {
                "its release is not wanted any more"
            };
            drain::retire(draft, *id, why);
        }
    }
}

/// Whether a revision is kept for a fast way back: the old one of a routed service, during the watch.
fn is_warm(
    draft: &Draft<'_>,
    goal: &Goal<'_>,
    service: &ServiceGoal<'_>,
    revision: Revision,
) -> bool {
    goal.forward
        && goal.switched
        && goal.strategy == Strategy::Switch
        && service.strategy == Strategy::Switch
        && service.old_revision() == Some(revision)
        && service
            .old
            .is_some_and(|old| routes::is_routed_service(draft, &service.name, old))
}

/// Room is short: the kept old sets go first.
fn give_up_warm(draft: &mut Draft<'_>, goal: &Goal<'_>) {
    let mut warm: BTreeMap<InstanceId, String> = BTreeMap::new();
    for name in goal.services() {
        let service = goal.service(&name);
        // With nobody else ready, the old set is the one that serves.
        let active = routes::active(draft, goal, &service);
        for id in draft.wanted(&name) {
            let Some(instance) = draft.instances.get(&id) else {
                continue;
            };
            if !active.contains(&id) && is_warm(draft, goal, &service, instance.revision) {
                let title = draft.title(instance);
                warm.insert(id, format!("{title} was kept warm and room is short"));
            }
        }
    }
    for (id, why) in warm {
        drain::retire(draft, id, &why);
    }
}
