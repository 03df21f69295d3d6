//! Checkers of one-off runs: one container, one start, an end that was seen.

use std::collections::{BTreeMap, BTreeSet};

use segue_model::state::{Desired, HostState, Observed, RunState};
use segue_model::world::Instance;

use super::Case;
use crate::Action;

/// I17: a run gets one container and is started at most once; it moves by its machine, and ends for a reason.
pub(super) fn at_most_once(case: &Case<'_>, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for change in &case.plan.changes.runs {
        let Some(before) = case.before.runs.get(&change.id) else {
            found.push(format!("{} is unknown", change.id));
            continue;
        };
        let name = format!("run {}", before.number);
        if !seen.insert(change.id) {
            found.push(format!("{name} changes twice"));
        }
        if before.state != change.expected {
            found.push(format!("{name} was not read as written"));
        }
        if change.expected != change.state && change.expected.to(change.state).is_err() {
            let (from, to) = (change.expected, change.state);
            found.push(format!("{name} goes from {from} to {to}"));
        }
        if let Some(place) = &change.place {
            if place.id != change.id.instance() {
                found.push(format!("{name} gets a container of another name"));
            }
            if before.instance.is_some() || before.state != RunState::Queued {
                found.push(format!("{name} gets a second container"));
            }
        }
        if (change.state == RunState::Scheduled) != (change.place.is_some())
            && change.expected != change.state
        {
            found.push(format!("{name} is scheduled without a place"));
        }
        match (&before.instance, change.desired) {
            (None, Some(_)) => found.push(format!("{name} has no container to stop")),
            (Some(i), Some(desired)) if desired.rank() <= i.desired.rank() => {
                found.push(format!("{name} goes from {} to {desired}", i.desired));
            }
            _ => {}
        }
        if change.state.is_terminal() && !change.expected.is_terminal() {
            ended(case, &name, change, before.instance.as_ref(), found);
        }
    }
    started_once(case, found);
}

/// An end is one that was seen: the process ended, or there is nothing that could still run.
fn ended(
    case: &Case<'_>,
    name: &str,
    change: &segue_model::run::RunChange,
    instance: Option<&Instance>,
    found: &mut Vec<String>,
) {
    if change.finished_at.is_none() {
        found.push(format!("{name} ends without a time"));
    }
    let Some(instance) = instance else {
        return;
    };
    let lost = case.is_host_lost(instance.host);
    let runs =
        (Observed::Created.rank()..Observed::Exited.rank()).contains(&instance.observed.rank());
    if (runs || instance.is_unknown()) && !lost {
        found.push(format!("{name} is {} and may still run", change.state));
    }
    if change.state == RunState::Succeeded && instance.exit_code != Some(0) {
        found.push(format!("{name} is called a success without one"));
    }
    if matches!(change.state, RunState::TimedOut) && instance.desired != Desired::Stop {
        found.push(format!("{name} ran out of time and was not stopped"));
    }
}

fn started_once(case: &Case<'_>, found: &mut Vec<String>) {
    for (_, action) in case.actions() {
        let Action::EnsureRunning { instance: id } = action else {
            continue;
        };
        let run = case
            .before
            .runs
            .iter()
            .find(|(run, _)| run.instance() == *id);
        let Some((_, run)) = run else {
            continue;
        };
        let again = run.instance.as_ref().is_some_and(|instance| {
            instance.attempted_at.is_some() && instance.observed != Observed::Created
        });
        if again || run.state.is_terminal() {
            found.push(format!("run {} is started again", run.number));
        }
    }
}

/// I11 for runs: one that waits on a ready host, or for one, is made, or a reason says why not.
pub(super) fn made_or_explained(case: &Case<'_>, found: &mut Vec<String>) {
    let made: BTreeSet<_> = case.actions().filter_map(|(_, a)| a.instance()).collect();
    for (id, run) in &case.after.runs {
        let said = case
            .plan
            .reasons
            .iter()
            .any(|reason| reason.subject.run == Some(*id));
        let waits = match &run.instance {
            None => !run.state.is_terminal(),
            Some(i) => {
                let host = case.after.hosts.get(&i.host).map(|h| h.state);
                let fresh = i.observed == Observed::None && i.attempted_at.is_none();
                fresh && i.desired == Desired::Run && host == Some(HostState::Ready)
            }
        };
        if waits && !said && !made.contains(&id.instance()) {
            found.push(format!("run {} waits, and nothing says why", run.number));
        }
    }
}

/// I14 for runs: none is stopped or removed where the host was not listed of late, unless nothing can be there.
pub(super) fn nothing_blindly(
    case: &Case<'_>,
    may: impl Fn(segue_model::id::HostId) -> bool,
    found: &mut Vec<String>,
) {
    for change in &case.plan.changes.runs {
        let Some(before) = case
            .before
            .runs
            .get(&change.id)
            .and_then(|r| r.instance.as_ref())
        else {
            continue;
        };
        let nothing_there = change.lost
            || matches!(before.observed, Observed::Gone | Observed::Lost)
            || (before.observed == Observed::None && !before.is_unknown());
        if change.desired.is_some() && !nothing_there && !may(before.host) {
            found.push(format!("{} is ended blindly", change.id));
        }
        if change.lost && !case.is_host_lost(before.host) {
            found.push(format!(
                "{} is given up and its host is not lost",
                change.id
            ));
        }
    }
}

/// What the containers of runs reserve is what their services do.
pub(super) fn reserves_as_specified(case: &Case<'_>, found: &mut Vec<String>) {
    for change in &case.plan.changes.runs {
        let Some(place) = &change.place else {
            continue;
        };
        let run = case.before.runs.get(&change.id);
        let fits = run.is_some_and(|run| {
            let release = case.before.releases.get(&run.release);
            let service = release.and_then(|release| release.services.get(&run.service));
            service.is_some_and(|service| {
                let own = run.content(change.id, service);
                own.revision == place.revision
                    && own.content.resources.cpu_millis == place.cpu_millis
                    && own.content.resources.memory_bytes == place.memory_bytes
                    && !place.exclusive
            })
        });
        if !fits {
            found.push(format!(
                "{} reserves something else than its spec",
                place.id
            ));
        }
    }
}

/// I15 for runs: one whose service has a volume is made where the volume is, and never makes one.
pub(super) fn beside_their_volumes(case: &Case<'_>, found: &mut Vec<String>) {
    for change in &case.plan.changes.runs {
        let (Some(place), Some(run)) = (&change.place, case.before.runs.get(&change.id)) else {
            continue;
        };
        let release = case.before.releases.get(&run.release);
        let service = release.and_then(|release| release.services.get(&run.service));
        let there = case.before.volume_hosts.get(&run.service);
        if service.is_some_and(|service| service.spec.is_exclusive()) && there != Some(&place.host)
        {
            found.push(format!("run {} is placed away from its volume", run.number));
        }
    }
}

/// Serials of runs' containers are as single as those of services.
pub(super) fn serials(case: &Case<'_>, found: &mut Vec<String>) {
    let mut times: BTreeMap<u64, u32> = BTreeMap::new();
    for new in case.places() {
        *times.entry(new.serial).or_default() += 1;
    }
    for (serial, count) in times {
        if count > 1 || serial < case.before.next_serial {
            found.push(format!("serial {serial} is used again"));
        }
    }
}
