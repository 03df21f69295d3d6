//! The way out: drain, stop, gone, each behind its condition.
//!
//! Invariants: I6 (rule 4: SIGTERM only after every live edge acknowledged a generation without the instance, a
//! silent edge has held it back for its time, and requests are done or the drain limit passed with an event),
//! I14 (rule 3: stop and remove only where the host's listing is fresh and nothing is frozen). Decision record:
//! `docs/decisions/0003-barrier.md`.

use segue_model::Timestamp;
use segue_model::change::{EventKind, EventSubject, ReasonKind};
use segue_model::id::{EdgeId, HostId, InstanceId};
use segue_model::route::{RouteGen, RoutePolicy};
use segue_model::state::{Desired, HostState, Observed};
use segue_model::world::{Instance, World};

use crate::draft::{Draft, has_ended};
use crate::time::later;

/// Takes a running instance out: it leaves the routes with this plan, and stops when the barrier allows.
pub(crate) fn retire(draft: &mut Draft<'_>, id: InstanceId, why: &str) {
    let Some(instance) = draft.instances.get(&id) else {
        return;
    };
    let started = instance.observed.rank() >= Observed::Started.rank();
    if has_ended(instance) || !started && !instance.is_unknown() {
        give_up(draft, id, why);
    } else {
        draft.raise(id, Desired::Drain, why);
    }
}

/// Takes out an instance that serves nobody: its process has ended or never began.
pub(crate) fn give_up(draft: &mut Draft<'_>, id: InstanceId, why: &str) {
    let Some(instance) = draft.instances.get(&id) else {
        return;
    };
    let nothing_there = matches!(instance.observed, Observed::Gone | Observed::Lost);
    let to = if nothing_there || blocked(draft.world, instance.host).is_none() {
        Desired::Gone
    } else {
        Desired::Drain
    };
    draft.raise(id, to, why);
}

/// Something of the environment is on its way out, or was just let go, and gives its room back.
pub(crate) fn is_making_room(draft: &Draft<'_>) -> bool {
    draft.instances.iter().any(|(id, i)| {
        let let_go = i.desired == Desired::Gone
            && draft
                .world
                .instances
                .get(id)
                .is_some_and(|before| before.desired != Desired::Gone);
        let leaving = matches!(i.desired, Desired::Drain | Desired::Stop) && i.may_exist();
        let_go || leaving && blocked(draft.world, i.host).is_none()
    })
}

/// Why nothing may be stopped or removed on a host now.
pub(crate) fn blocked(world: &World, host: HostId) -> Option<ReasonKind> {
    if world.policy.frozen {
        return Some(ReasonKind::Frozen);
    }
    match world.hosts.get(&host) {
        Some(known) if known.state == HostState::Ready => {
            let fresh = known
                .listed_at
                .is_some_and(|at| later(at, world.policy.listing_max_age) > world.now);
            (!fresh).then_some(ReasonKind::ListingStale)
        }
        _ => Some(ReasonKind::HostUnreachable),
    }
}

/// Moves everything that is on its way out as far as it may go, once the routes of the plan are known.
pub(crate) fn settle(draft: &mut Draft<'_>) {
    let ids: Vec<InstanceId> = draft
        .instances
        .iter()
        .filter(|(_, i)| i.desired != Desired::Run)
        .map(|(id, _)| *id)
        .collect();
    for id in ids {
        mark_unrouted(draft, id);
        step(draft, id);
    }
}

/// Notes the first generation without the instance, when it is first not wanted any more.
fn mark_unrouted(draft: &mut Draft<'_>, id: InstanceId) {
    let was_wanted = draft
        .world
        .instances
        .get(&id)
        .is_some_and(|before| before.desired == Desired::Run);
    if !was_wanted {
        return;
    }
    // One that is not in the committed routes is out since the committed generation at the latest.
    let generation = if draft.is_routed(id) {
        draft.route_gen()
    } else {
        draft.world.routes.route_gen
    };
    let now = draft.now();
    if let Some(instance) = draft.instances.get_mut(&id) {
        instance.unrouted_gen = Some(generation);
        instance.unrouted_at = Some(now);
    }
}

fn step(draft: &mut Draft<'_>, id: InstanceId) {
    let Some(instance) = draft.instances.get(&id).cloned() else {
        return;
    };
    if instance.desired == Desired::Gone {
        return;
    }
    let title = draft.title(&instance);
    if !draft.world.hosts.contains_key(&instance.host) {
        draft.mark_lost(id);
        draft.raise(id, Desired::Gone, format!("{title} went with its host"));
        return;
    }
    if matches!(instance.observed, Observed::Gone | Observed::Lost) {
        draft.raise(id, Desired::Gone, format!("{title} is gone"));
        return;
    }
    if let Some(kind) = blocked(draft.world, instance.host) {
        let message = match kind {
            ReasonKind::Frozen => format!("{title} waits: stop and remove are frozen"),
            ReasonKind::ListingStale => {
                format!("{title} waits: its host was not listed completely of late")
            }
            _ => format!("{title} waits: its host does not answer"),
        };
        let subject = draft.subject(id, &instance);
        draft.reason(kind, subject, message);
        return;
    }
    if has_ended(&instance) {
        draft.raise(id, Desired::Gone, format!("{title} has ended"));
        return;
    }
    if instance.desired == Desired::Stop || draft.is_routed(id) {
        // What leaves the routes with this plan stops with a later one, whoever listens.
        return;
    }
    match barrier(draft.world, id, &instance) {
        Barrier::Open { skipped, cut_off } => {
            for edge in skipped {
                let subject = EventSubject {
                    edge: Some(edge),
                    ..draft.subject(id, &instance)
                };
                let message = format!(
                    "{title} stops without the word of {edge}, which is silent for longer than SIGTERM is held back"
                );
                draft.tell(EventKind::EdgeSkipped, subject, message);
            }
            if cut_off > 0 {
                let subject = draft.subject(id, &instance);
                let message =
                    format!("{title} stops with {cut_off} requests open: the drain limit passed");
                draft.tell(EventKind::DrainLimit, subject, message);
            }
            draft.raise(id, Desired::Stop, format!("{title} is out of every route"));
        }
        Barrier::Closed { kind, until, what } => {
            for at in until {
                draft.look_at(at);
            }
            let subject = draft.subject(id, &instance);
            draft.reason(kind, subject, format!("{title} waits: {what}"));
        }
    }
}

/// Whether SIGTERM may be sent.
enum Barrier {
    /// It may, without the word of these edges, and cutting off so many requests.
    Open { skipped: Vec<EdgeId>, cut_off: u64 },
    /// It may not yet; at these times it is to be looked at again.
    Closed {
        kind: ReasonKind,
        until: Vec<Timestamp>,
        what: String,
    },
}

fn barrier(world: &World, id: InstanceId, instance: &Instance) -> Barrier {
    let out_since = instance.unrouted_at.unwrap_or(world.now);
    let generation = instance.unrouted_gen.unwrap_or(RouteGen(0));
    let mut skipped = Vec::new();
    let mut until = Vec::new();
    let mut waiting = Vec::new();
    let mut silent = false;
    for (edge_id, edge) in &world.edges {
        if edge.acknowledged >= generation {
            continue;
        }
        if edge.is_live(world.now) {
            // When its lease ends it is silent, and the answer another one.
            until.push(edge.lease_until);
            waiting.push(edge_id.to_string());
            continue;
        }
        let held_until = later(edge.lease_until.max(out_since), world.policy.edge_silence);
        if held_until > world.now {
            silent = true;
            until.push(held_until);
            waiting.push(edge_id.to_string());
        } else {
            skipped.push(*edge_id);
        }
    }
    if !waiting.is_empty() {
        let what = format!(
            "{} to acknowledge generation {}",
            waiting.join(", "),
            generation.0
        );
        return Barrier::Closed {
            kind: if silent {
                ReasonKind::EdgeSilent
            } else {
                ReasonKind::AcknowledgementPending
            },
            until,
            what,
        };
    }
    let defaults = RoutePolicy::default();
    let drain = world
        .releases
        .get(&instance.release)
        .map_or(defaults.drain, |release| release.rollout.drain);
    let requests_until = later(out_since, drain);
    let upgraded_until = later(out_since, drain.max(defaults.drain_upgraded));
    let (mut requests, mut upgraded) = (0u64, 0u64);
    for edge in world.edges.values() {
        if let Some(open) = edge.draining.get(&id) {
            requests = requests.saturating_add(u64::from(open.requests));
            upgraded = upgraded.saturating_add(u64::from(open.upgraded));
        }
    }
    let wait_requests = requests > 0 && requests_until > world.now;
    let wait_upgraded = upgraded > 0 && upgraded_until > world.now;
    if wait_requests || wait_upgraded {
        return Barrier::Closed {
            kind: ReasonKind::RequestsOpen,
            until: vec![requests_until, upgraded_until],
            what: "requests are open".to_owned(),
        };
    }
    // Its name goes before its process; an engine that cannot take the name away holds nothing up for ever.
    if instance.aliased && requests_until > world.now {
        return Barrier::Closed {
            kind: ReasonKind::RequestsOpen,
            until: vec![requests_until],
            what: "its network alias is being taken away".to_owned(),
        };
    }
    Barrier::Open {
        skipped,
        cut_off: requests.saturating_add(upgraded),
    }
}
