//! Checkers of an instance's life: ids, ranks, containers, actions.

use std::collections::{BTreeMap, BTreeSet};

use segue_model::id::{HostId, InstanceId};
use segue_model::state::{Desired, HostState, Observed};

use super::{Case, runs};
use crate::Action;

/// I3: new ids are derived, unused and from serials that were never given; wishes only grow; slots are single.
pub(super) fn one_shot(case: &Case<'_>, found: &mut Vec<String>) {
    let mut serials = BTreeSet::new();
    for new in &case.plan.changes.create {
        if case.before.instances.contains_key(&new.id) {
            found.push(format!("{} is used again", new.id));
        }
        if new.serial < case.before.next_serial || !serials.insert(new.serial) {
            found.push(format!("serial {} is used again", new.serial));
        }
        let derived = InstanceId::derive(
            case.before.environment,
            &new.service,
            new.slot,
            new.revision,
            new.serial,
        );
        if new.id != derived {
            found.push(format!("{} is not derived", new.id));
        }
    }
    let mut changed = BTreeSet::new();
    for change in &case.plan.changes.instances {
        if !changed.insert(change.id) {
            found.push(format!("{} changes twice", change.id));
        }
        match case.before.instances.get(&change.id) {
            None => found.push(format!("{} is unknown", change.id)),
            Some(before) if before.desired.rank() >= change.desired.rank() => found.push(format!(
                "{} goes from {} to {}",
                change.id, before.desired, change.desired
            )),
            Some(_) => {}
        }
    }
    let mut slots = BTreeMap::new();
    for instance in case.after.instances.values() {
        if instance.desired == Desired::Run {
            let slot = (&instance.service, instance.slot, instance.revision);
            *slots.entry(slot).or_insert(0u32) += 1;
        }
    }
    for ((service, slot, _), count) in slots {
        if count > 1 {
            found.push(format!("{service}.{slot} is wanted {count} times"));
        }
    }
}

/// I4: an instance is acted on by its own host only, and only as it is wanted.
pub(super) fn one_container(case: &Case<'_>, found: &mut Vec<String>) {
    let mut seen: BTreeSet<(InstanceId, &'static str)> = BTreeSet::new();
    for (host, action) in case.actions() {
        let Some(id) = action.instance() else {
            continue;
        };
        let Some(instance) = case.after.container(id) else {
            found.push(format!("{id} is unknown and acted on"));
            continue;
        };
        if instance.host != host {
            found.push(format!("{id} is acted on by another host"));
        }
        let (what, fits) = match action {
            Action::EnsureRunning { .. } => ("run", instance.desired == Desired::Run),
            Action::Stop { .. } => ("stop", instance.desired == Desired::Stop),
            Action::Remove { .. } => ("remove", instance.desired == Desired::Gone),
            Action::Alias { on, .. } => ("alias", !on || instance.desired == Desired::Run),
            Action::EnsureNetwork { .. } | Action::RemoveNetwork { .. } => continue,
        };
        if !fits {
            found.push(format!("{id} is {} and shall {what}", instance.desired));
        }
        if !seen.insert((id, what)) {
            found.push(format!("{id} shall {what} twice"));
        }
    }
}

/// I11: what is wanted on a ready host and does not run is made now, or its time has not come, or a reason says why.
pub(super) fn wanted_is_made(case: &Case<'_>, found: &mut Vec<String>) {
    let made: BTreeSet<(HostId, InstanceId)> = case
        .actions()
        .filter_map(|(host, action)| match action {
            Action::EnsureRunning { instance } => Some((host, *instance)),
            _ => None,
        })
        .collect();
    for (id, instance) in &case.after.instances {
        let ready = case
            .after
            .hosts
            .get(&instance.host)
            .is_some_and(|h| h.state == HostState::Ready);
        let runs = instance.observed.rank() >= Observed::Started.rank();
        if instance.desired != Desired::Run
            || !ready
            || runs
            || instance.not_before > case.now()
            || made.contains(&(instance.host, *id))
        {
            continue;
        }
        let said = case
            .plan
            .reasons
            .iter()
            .any(|reason| reason.subject.instance == Some(*id));
        if !said {
            found.push(format!("{id} is wanted, and nothing makes it"));
        }
    }
}

/// I14: stop and remove only where the host answers, its listing is fresh and nothing is frozen.
pub(super) fn nothing_on_stale_listings(case: &Case<'_>, found: &mut Vec<String>) {
    let may = |host: HostId| {
        case.before.hosts.get(&host).is_some_and(|h| {
            h.state == HostState::Ready
                && h.listed_at
                    .is_some_and(|at| !case.is_past(at, case.before.policy.listing_max_age))
        }) && !case.before.policy.frozen
    };
    for change in &case.plan.changes.instances {
        let Some(before) = case.before.instances.get(&change.id) else {
            continue;
        };
        let destroys = matches!(change.desired, Desired::Stop | Desired::Gone);
        let nothing_there =
            change.lost || matches!(before.observed, Observed::Gone | Observed::Lost);
        if destroys && !nothing_there && !may(before.host) {
            found.push(format!("{} becomes {} blindly", change.id, change.desired));
        }
        if change.lost && !case.is_host_lost(before.host) {
            found.push(format!(
                "{} is given up and its host is not lost",
                change.id
            ));
        }
    }
    runs::nothing_blindly(case, may, found);
    for (host, action) in case.actions() {
        let destroys = matches!(
            action,
            Action::Stop { .. } | Action::Remove { .. } | Action::RemoveNetwork { .. }
        );
        if destroys && !may(host) {
            found.push(format!("{action:?} on {host} blindly"));
        }
    }
}
