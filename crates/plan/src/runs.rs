//! One-off runs: where each goes, when it has ended, when its container may go.
//!
//! Invariants (I17): a run is started at most once: once a start was attempted, a container that is not there is
//! never made again, and the run ends `unknown` or with the engine's refusal. A run has its reservation like every
//! instance (I12), and no route, alias or replacement. Where its service has volumes it has them too, beside their
//! holder: it goes where they are and never makes one. It is stopped by a person, its limit or the end of its
//! environment, behind rule 3 like everything that is stopped.

use std::collections::BTreeMap;

use segue_model::Timestamp;
use segue_model::change::{EventSubject, NewInstance, Reason, ReasonKind};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{HostId, RunId};
use segue_model::run::{LOGS_REST, Run, RunChange, START_LIMIT};
use segue_model::state::{Desired, HostState, Observed, RunState};
use segue_model::world::{Instance, World};

use crate::action::Action;
use crate::draft::{Draft, has_ended};
use crate::drain;
use crate::schedule::{Placed, Request};
use crate::time::later;

/// After a failed engine call, the next one waits for this long.
const RETRY: std::time::Duration = std::time::Duration::from_secs(5);

/// What a plan decides of a run, with the sentence that its event says.
pub(crate) struct Decided {
    pub(crate) change: RunChange,
    pub(crate) why: String,
}

/// Moves every run as far as what was seen demands.
pub(crate) fn advance(draft: &mut Draft<'_>) {
    let world = draft.world;
    for (id, run) in &world.runs {
        let decided = match &run.instance {
            None if run.state.is_terminal() => None,
            None => queued(draft, *id, run),
            Some(instance) if run.state.is_terminal() => clear_away(draft, *id, run, instance),
            Some(instance) => under_way(draft, *id, run, instance),
        };
        if let Some(decided) = decided {
            draft.runs.insert(*id, decided);
        }
    }
}

/// The change that leaves everything as it is.
fn unchanged(id: RunId, run: &Run) -> RunChange {
    RunChange {
        id,
        expected: run.state,
        state: run.state,
        place: None,
        desired: None,
        lost: false,
        started_at: None,
        finished_at: None,
        exit_code: None,
        oom: false,
        failure: None,
    }
}

/// An end, with what was seen of its process.
fn ended(draft: &Draft<'_>, id: RunId, run: &Run, state: RunState, why: &str) -> Decided {
    let instance = run.instance.as_ref();
    let change = RunChange {
        state,
        // One that ended before anybody saw it run was asked to start then.
        started_at: instance.and_then(|i| {
            let asked = i.attempted_at.filter(|_| i.observed == Observed::Exited);
            i.started_at.or(asked)
        }),
        finished_at: Some(instance.and_then(|i| i.exited_at).unwrap_or(draft.now())),
        exit_code: instance.and_then(|i| i.exit_code),
        oom: instance.is_some_and(|i| i.oom),
        ..unchanged(id, run)
    };
    let why = format!("run {} {why}", run.number);
    Decided { change, why }
}

fn failed(mut decided: Decided, code: FailureCode, evidence: impl Into<String>) -> Decided {
    decided.change.failure = Some(Failure {
        code,
        evidence: evidence.into(),
    });
    decided
}

fn gone(mut decided: Decided) -> Decided {
    decided.change.desired = Some(Desired::Gone);
    decided
}

/// Why nothing more of it shall run, if that is so.
fn unwanted(world: &World, run: &Run) -> Option<&'static str> {
    if run.cancel_requested {
        Some("was stopped by a person")
    } else if world.deleted {
        Some("was stopped because its environment is removed")
    } else if world.stopped {
        Some("was stopped because its environment is stopped")
    } else {
        None
    }
}

/// One that has no container yet.
fn queued(draft: &mut Draft<'_>, id: RunId, run: &Run) -> Option<Decided> {
    let world = draft.world;
    if let Some(why) = unwanted(world, run) {
        return Some(ended(draft, id, run, RunState::Cancelled, why));
    }
    let service = world
        .releases
        .get(&run.release)
        .and_then(|release| release.services.get(&run.service));
    let Some(service) = service else {
        let why = "cannot be started: its release has no image for the service";
        let end = ended(draft, id, run, RunState::Failed, why);
        return Some(failed(end, FailureCode::Internal, why));
    };
    let own = run.content(id, service);
    if own.spec.is_exclusive() && !world.volume_hosts.contains_key(&run.service) {
        // Made here, it would be another one than the service's, on another host perhaps.
        let why = format!(
            "the volume of {0} is not there yet: it is made when {0} first starts",
            run.service
        );
        return no_place(draft, id, run, why, BTreeMap::new());
    }
    let request = Request {
        service: &run.service,
        release: &own,
        avoid: None,
    };
    let deadline = later(run.created_at, START_LIMIT);
    let name_of = |host: HostId| world.hosts.get(&host).map_or("", |h| h.name.as_str());
    match draft.room.place(request) {
        Ok(Placed::On { host, address }) => {
            let serial = draft.take_serial();
            let place = NewInstance {
                id: id.instance(),
                serial,
                service: run.service.clone(),
                slot: 1,
                revision: own.revision,
                release: run.release,
                host,
                host_epoch: world.hosts.get(&host).map_or(0, |h| h.epoch),
                address,
                port: own.content.port,
                cpu_millis: own.content.resources.cpu_millis,
                memory_bytes: own.content.resources.memory_bytes,
                exclusive: false,
                attempt: 0,
                not_before: world.now,
            };
            let why = format!("run {} goes to {}", run.number, name_of(host));
            let change = RunChange {
                state: RunState::Scheduled,
                place: Some(place),
                ..unchanged(id, run)
            };
            Some(Decided { change, why })
        }
        Ok(Placed::NeedsSubnet { host }) if deadline > world.now => {
            draft.subnets.insert(host);
            draft.look_at(deadline);
            let message = format!(
                "run {} goes to {}, which gets a subnet of the environment first",
                run.number,
                name_of(host)
            );
            waits(draft, id, run, ReasonKind::SubnetPending, message);
            None
        }
        Ok(Placed::NeedsSubnet { .. }) => {
            let why = "found no address in time";
            let end = ended(draft, id, run, RunState::Failed, why);
            Some(failed(end, FailureCode::NoCapacity, why))
        }
        Err(rejected) => {
            if let Some(at) = draft.room.rested_at(&rejected) {
                draft.look_at(at);
            }
            let why: Vec<String> = rejected
                .iter()
                .filter_map(|(id, why)| Some(format!("{} {why}", world.hosts.get(id)?.name)))
                .collect();
            let why = if why.is_empty() {
                "there is no host".to_owned()
            } else {
                why.join("; ")
            };
            let hosts = rejected
                .into_iter()
                .map(|(id, why)| (id, why.to_string()))
                .collect();
            no_place(draft, id, run, why, hosts)
        }
    }
}

/// It has no place now: it waits aloud, and has failed when it waited for too long.
fn no_place(
    draft: &mut Draft<'_>,
    id: RunId,
    run: &Run,
    why: String,
    hosts: BTreeMap<HostId, String>,
) -> Option<Decided> {
    let deadline = later(run.created_at, START_LIMIT);
    if deadline <= draft.now() {
        let end = ended(draft, id, run, RunState::Failed, "found no host in time");
        return Some(failed(end, FailureCode::NoCapacity, why));
    }
    draft.look_at(deadline);
    draft.reasons.push(Reason {
        kind: ReasonKind::RunPending,
        subject: subject(id, run),
        message: format!("run {} waits: {why}", run.number),
        hosts,
    });
    None
}

/// One whose container is decided and that has not ended.
fn under_way(draft: &mut Draft<'_>, id: RunId, run: &Run, instance: &Instance) -> Option<Decided> {
    let world = draft.world;
    let stopping = instance.desired == Desired::Stop;
    let host_name = world.hosts.get(&instance.host).map(|h| h.name.clone());
    let host_name = host_name.unwrap_or_else(|| "a removed host".to_owned());
    if instance.observed == Observed::Exited {
        if let Some(until) = instance.words_due_until(world.now) {
            draft.look_at(until);
            return None;
        }
        return Some(exited(draft, id, run, instance));
    }
    if !draft.is_reachable(instance) {
        let end = ended(draft, id, run, RunState::Unknown, "was lost with its host");
        let mut end = gone(failed(
            end,
            FailureCode::RunUnknown,
            format!("{host_name} is lost"),
        ));
        end.change.lost = true;
        return Some(end);
    }
    if matches!(instance.observed, Observed::Gone | Observed::Lost) {
        return Some(vanished(draft, id, run, instance, &host_name));
    }
    let was_tried = instance.attempted_at.is_some();
    if instance.observed == Observed::None && !instance.is_unknown() {
        if was_tried {
            // It was tried once, and it is not there. Whether it ran is not known for sure: it is not tried again.
            return Some(not_started(draft, id, run, instance, &host_name));
        }
        if let Some(why) = unwanted(world, run) {
            return Some(gone(ended(draft, id, run, RunState::Cancelled, why)));
        }
        let deadline = later(run.created_at, START_LIMIT);
        if deadline <= world.now {
            let failure = instance.failure.clone();
            let end = ended(
                draft,
                id,
                run,
                RunState::Failed,
                "could not be started in time",
            );
            let (code, evidence) = failure.map_or(
                (
                    FailureCode::Internal,
                    format!("{host_name} did not start it"),
                ),
                |failure| (failure.code, failure.evidence),
            );
            return Some(gone(failed(end, code, evidence)));
        }
        draft.look_at(deadline);
        return None;
    }
    if !stopping && let Some(why) = end_wanted(draft, run, instance) {
        let change = RunChange {
            desired: Some(Desired::Stop),
            ..unchanged(id, run)
        };
        let why = format!("run {} {why}", run.number);
        return Some(Decided { change, why });
    }
    let runs = instance.observed.rank() >= Observed::Started.rank();
    (runs && run.state == RunState::Scheduled).then(|| Decided {
        change: RunChange {
            state: RunState::Running,
            started_at: Some(instance.started_at.unwrap_or(world.now)),
            ..unchanged(id, run)
        },
        why: format!("run {} runs on {host_name}", run.number),
    })
}

/// Why it is to be stopped now; else when its limit ends is looked at.
fn end_wanted(draft: &mut Draft<'_>, run: &Run, instance: &Instance) -> Option<&'static str> {
    // Rule 3: nothing is stopped on a listing that is too old. The next one wakes.
    if drain::blocked(draft.world, instance.host).is_some() {
        return None;
    }
    if let Some(why) = unwanted(draft.world, run) {
        return Some(why);
    }
    let limit = later(instance.started_at?, run.time_limit);
    if limit <= draft.now() {
        return Some("has reached its time limit and is stopped");
    }
    draft.look_at(limit);
    None
}

/// What it means that a stopped one has ended: whoever wanted that first is told.
fn stopped_state(world: &World, run: &Run) -> RunState {
    if unwanted(world, run).is_some() {
        RunState::Cancelled
    } else {
        RunState::TimedOut
    }
}

/// Its process has ended.
fn exited(draft: &Draft<'_>, id: RunId, run: &Run, instance: &Instance) -> Decided {
    let code = instance.exit_code.map_or_else(
        || "no exit code".to_owned(),
        |code| format!("exit code {code}"),
    );
    if instance.desired == Desired::Stop {
        let state = stopped_state(draft.world, run);
        let why = format!("is {state} ({code})");
        return ended(draft, id, run, state, &why);
    }
    if instance.exit_code == Some(0) && !instance.oom {
        return ended(draft, id, run, RunState::Succeeded, "succeeded");
    }
    let mut end = ended(
        draft,
        id,
        run,
        RunState::Failed,
        &format!("failed ({code})"),
    );
    if instance.oom {
        let evidence = instance.failure.as_ref().map(|f| f.evidence.clone());
        let evidence = evidence.unwrap_or_else(|| "killed for memory".to_owned());
        return failed(end, FailureCode::OutOfMemory, evidence);
    }
    // What the command itself says by its exit code needs no words of ours.
    end.change.failure = instance
        .failure
        .clone()
        .filter(|failure| failure.code != FailureCode::ExitedAtOnce);
    end
}

/// Its container is not there any more, and its end was not seen.
fn vanished(draft: &Draft<'_>, id: RunId, run: &Run, instance: &Instance, host: &str) -> Decided {
    if instance.desired == Desired::Stop {
        let state = stopped_state(draft.world, run);
        return gone(ended(draft, id, run, state, &format!("is {state}")));
    }
    let end = ended(
        draft,
        id,
        run,
        RunState::Unknown,
        "was removed from its host",
    );
    let evidence = format!("somebody removed its container from {host}");
    gone(failed(end, FailureCode::RunUnknown, evidence))
}

/// The one attempt to start it has left nothing behind.
fn not_started(
    draft: &Draft<'_>,
    id: RunId,
    run: &Run,
    instance: &Instance,
    host: &str,
) -> Decided {
    if let Some(failure) = &instance.failure {
        let end = ended(draft, id, run, RunState::Failed, "could not be started");
        return gone(failed(end, failure.code, failure.evidence.clone()));
    }
    let end = ended(
        draft,
        id,
        run,
        RunState::Unknown,
        "was lost while it was started",
    );
    let evidence = format!("its start on {host} was interrupted, and it may have run");
    gone(failed(end, FailureCode::RunUnknown, evidence))
}

/// Its end is told; its container goes when its last lines had time to be read.
fn clear_away(draft: &mut Draft<'_>, id: RunId, run: &Run, instance: &Instance) -> Option<Decided> {
    if instance.desired == Desired::Gone {
        return None;
    }
    let mut change = RunChange {
        desired: Some(Desired::Gone),
        ..unchanged(id, run)
    };
    let why = format!("the container of run {} is removed", run.number);
    if matches!(instance.observed, Observed::Gone | Observed::Lost) {
        return Some(Decided { change, why });
    }
    if !draft.is_reachable(instance) {
        change.lost = true;
        return Some(Decided { change, why });
    }
    let read = later(instance.exited_at.unwrap_or(run.created_at), LOGS_REST);
    if read > draft.now() {
        draft.look_at(read);
        return None;
    }
    drain::blocked(draft.world, instance.host)
        .is_none()
        .then_some(Decided { change, why })
}

fn subject(id: RunId, run: &Run) -> EventSubject {
    EventSubject {
        run: Some(id),
        release: Some(run.release),
        service: Some(run.service.clone()),
        ..EventSubject::default()
    }
}

fn waits(draft: &mut Draft<'_>, id: RunId, run: &Run, kind: ReasonKind, message: String) {
    draft.reason(kind, subject(id, run), message);
}

/// What a run's host must do now, with its container as it will be.
pub(crate) fn actions(draft: &mut Draft<'_>) -> Vec<(HostId, Action)> {
    let world = draft.world;
    let mut actions = Vec::new();
    for (id, run) in &world.runs {
        let decided = draft.runs.get(id).map(|decided| &decided.change);
        let fresh = decided.and_then(|change| change.place.as_ref());
        if let Some(place) = fresh {
            // Made by the next plan, which is made from the committed world.
            let ready = world.hosts.get(&place.host);
            if ready.is_some_and(|h| h.state == HostState::Ready) {
                let instance = place.id;
                actions.push((place.host, Action::EnsureRunning { instance }));
            }
            continue;
        }
        let Some(instance) = &run.instance else {
            continue;
        };
        let desired = decided.and_then(|change| change.desired);
        let desired = desired.unwrap_or(instance.desired);
        let lost = decided.is_some_and(|change| change.lost);
        if lost || world.hosts.get(&instance.host).map(|h| h.state) != Some(HostState::Ready) {
            continue;
        }
        let service = world.releases.get(&run.release);
        let service = service.and_then(|release| release.services.get(&run.service));
        let of = id.instance();
        let action = match desired {
            Desired::Run => start(draft, *id, run, instance, world.now),
            Desired::Drain => None,
            Desired::Stop if has_ended(instance) => None,
            Desired::Stop => service.map(|service| Action::Stop {
                instance: of,
                timeout: service.content.stop_timeout,
            }),
            Desired::Gone if instance.may_exist() => Some(Action::Remove { instance: of }),
            Desired::Gone => None,
        };
        let destroys = matches!(action, Some(Action::Stop { .. } | Action::Remove { .. }));
        if destroys && drain::blocked(world, instance.host).is_some() {
            continue;
        }
        actions.extend(action.map(|action| (instance.host, action)));
    }
    actions
}

/// The one start: before anything was tried, or of a container that was made and never started.
fn start(
    draft: &mut Draft<'_>,
    id: RunId,
    run: &Run,
    instance: &Instance,
    now: Timestamp,
) -> Option<Action> {
    let first = instance.observed == Observed::None && instance.attempted_at.is_none();
    let made = instance.observed == Observed::Created && !instance.is_unknown();
    if run.state.is_terminal() || !(first || made) {
        return None;
    }
    if let (Some(failure), Some(seen)) = (&instance.failure, instance.observed_at) {
        let again = later(seen, RETRY);
        if again > now {
            let message = format!("run {} waits: {}", run.number, failure.evidence);
            draft.look_at(again);
            waits(draft, id, run, ReasonKind::EngineFailed, message);
            return None;
        }
    }
    Some(Action::EnsureRunning {
        instance: id.instance(),
    })
}

/// The event of a decision.
pub(crate) fn subject_of(world: &World, change: &RunChange) -> EventSubject {
    let Some(run) = world.runs.get(&change.id) else {
        return EventSubject::default();
    };
    let mut subject = subject(change.id, run);
    let host = run.instance.as_ref().map(|instance| instance.host);
    subject.host = host.or_else(|| change.place.as_ref().map(|place| place.host));
    subject
}
