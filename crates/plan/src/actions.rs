//! What every host must do now, read off the world as it will be after the commit.
//!
//! Invariants: the same world gives the same actions (a crash after the commit loses nothing); nothing is asked
//! of a host that does not answer; stop and remove only behind rule 3 (I14).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use segue_model::change::ReasonKind;
use segue_model::id::{HostId, InstanceId};
use segue_model::name::ServiceName;
use segue_model::state::{Desired, HostState, Observed};
use segue_model::world::Instance;

use crate::action::Action;
use crate::draft::{Draft, has_ended};
use crate::drain;
use crate::goal::Goal;
use crate::routes;
use crate::runs;
use crate::symptoms;
use crate::time::later;

/// After a failed engine call, the next one waits for this long.
const ENGINE_RETRY: Duration = Duration::from_secs(5);
/// From SIGTERM to SIGKILL where the revision is not known any more.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Derives the actions, and the reasons of what is not done.
pub(crate) fn derive(draft: &mut Draft<'_>, goal: &Goal<'_>) -> BTreeMap<HostId, Vec<Action>> {
    let active: BTreeSet<InstanceId> = goal
        .services()
        .iter()
        .flat_map(|service| named(draft, goal, service))
        .collect();
    let mut actions: BTreeMap<HostId, Vec<Action>> = BTreeMap::new();
    let instances: Vec<(InstanceId, Instance)> = draft
        .instances
        .iter()
        .map(|(id, i)| (*id, i.clone()))
        .collect();
    for (id, instance) in &instances {
        let host = draft.world.hosts.get(&instance.host);
        if host.is_none_or(|h| h.state != HostState::Ready) {
            continue;
        }
        let act = match instance.desired {
            Desired::Run if instance.observed.rank() < Observed::Started.rank() => {
                start(draft, *id, instance)
            }
            Desired::Run | Desired::Drain => name(&active, *id, instance),
            Desired::Stop => stop(draft, *id, instance),
            Desired::Gone => remove(draft, *id, instance),
        };
        let Some(action) = act else {
            continue;
        };
        add(draft, &mut actions, instance.host, action);
    }
    for (host, action) in runs::actions(draft) {
        add(draft, &mut actions, host, action);
    }
    if draft.world.deleted {
        for (host, subnet) in &draft.world.subnets {
            let of_run = |(_, i): (InstanceId, &Instance)| i.host == *host && i.may_exist();
            let in_use = instances
                .iter()
                .any(|(_, i)| i.host == *host && i.may_exist())
                || draft.world.containers().any(of_run);
            if !in_use && drain::blocked(draft.world, *host).is_none() {
                actions
                    .entry(*host)
                    .or_default()
                    .push(Action::RemoveNetwork {
                        subnet: subnet.base,
                    });
            }
        }
    }
    for list in actions.values_mut() {
        list.sort();
    }
    actions
}

/// Adds an action of a host; the network that a container needs comes with it, once.
fn add(
    draft: &Draft<'_>,
    actions: &mut BTreeMap<HostId, Vec<Action>>,
    host: HostId,
    action: Action,
) {
    let list = actions.entry(host).or_default();
    if matches!(action, Action::EnsureRunning { .. })
        && let Some(subnet) = draft.world.subnets.get(&host)
        && !list
            .iter()
            .any(|a| matches!(a, Action::EnsureNetwork { .. }))
    {
        list.push(Action::EnsureNetwork {
            subnet: subnet.base,
        });
    }
    list.push(action);
}

fn start(draft: &mut Draft<'_>, id: InstanceId, instance: &Instance) -> Option<Action> {
    let title = draft.title(instance);
    let subject = draft.subject(id, instance);
    if instance.not_before > draft.now() {
        draft.look_at(instance.not_before);
        let message = format!(
            "{title} died before: attempt {} waits until {}",
            instance.attempt, instance.not_before
        );
        draft.reason(ReasonKind::BackOff, subject, message);
        return None;
    }
    if let (Some(failure), Some(seen)) = (&instance.failure, instance.observed_at)
        && !instance.is_unknown()
    {
        let again = later(seen, ENGINE_RETRY);
        if again > draft.now() {
            draft.look_at(again);
            let message = format!("{title} is tried again at {again}: {}", failure.evidence);
            draft.reason(ReasonKind::EngineFailed, subject, message);
            return None;
        }
    }
    Some(Action::EnsureRunning { instance: id })
}

/// Those that answer to the service's name: they take traffic, or, where nobody does yet, they are ready. The
/// services of a first deployment may need each other to become ready, and would otherwise wait for ever.
fn named(draft: &Draft<'_>, goal: &Goal<'_>, service: &ServiceName) -> Vec<InstanceId> {
    let active = routes::active(draft, goal, &goal.service(service));
    if !active.is_empty() {
        return active;
    }
    let ready = |id: &InstanceId| draft.instances.get(id).is_some_and(|i| draft.is_serving(i));
    draft.wanted(service).into_iter().filter(ready).collect()
}

/// The network alias follows readiness.
fn name(active: &BTreeSet<InstanceId>, id: InstanceId, instance: &Instance) -> Option<Action> {
    let on = active.contains(&id);
    (on != instance.aliased && !has_ended(instance)).then(|| Action::Alias {
        instance: id,
        service: instance.service.clone(),
        on,
    })
}

fn stop(draft: &Draft<'_>, id: InstanceId, instance: &Instance) -> Option<Action> {
    if has_ended(instance) || drain::blocked(draft.world, instance.host).is_some() {
        return None;
    }
    let release = draft.world.releases.get(&instance.release);
    let timeout = release
        .and_then(|r| r.services.get(&instance.service))
        .map_or(STOP_TIMEOUT, |s| s.content.stop_timeout);
    Some(Action::Stop {
        instance: id,
        timeout,
    })
}

fn remove(draft: &Draft<'_>, id: InstanceId, instance: &Instance) -> Option<Action> {
    let there = instance.may_exist();
    (there && drain::blocked(draft.world, instance.host).is_none())
        .then_some(Action::Remove { instance: id })
}

/// Says why instances that are wanted do not serve yet.
pub(crate) fn explain(draft: &mut Draft<'_>, goal: &Goal<'_>) {
    for service in goal.services() {
        let wanted = goal.service(&service);
        for id in draft.wanted(&service) {
            let Some(instance) = draft.instances.get(&id).cloned() else {
                continue;
            };
            let title = draft.title(&instance);
            let subject = draft.subject(id, &instance);
            if instance.observed == Observed::Started && !symptoms::had_success(&instance) {
                let message = format!("{title} runs and has not passed its gate");
                draft.reason(ReasonKind::GatePending, subject, message);
            } else if instance.is_ready()
                && !goal.switched
                && wanted.is_changed()
                && Some(instance.revision) == wanted.revision()
                && !draft.is_routed(id)
            {
                let message = format!("{title} is ready and waits for the rest of its release");
                draft.reason(ReasonKind::SetPending, subject, message);
            } else if instance.is_ready()
                && goal.forward
                && goal.switched
                && Some(instance.revision) == wanted.old_revision()
            {
                let message = format!("{title} is kept warm for a fast way back");
                draft.reason(ReasonKind::Warm, subject, message);
            }
        }
    }
}
