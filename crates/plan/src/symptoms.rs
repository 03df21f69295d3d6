//! Symptoms: what an instance's observations say about the release it belongs to.
//!
//! Reads only; what follows from a symptom is decided by `judge` (the rollout) and `heal` (the instance).

use segue_model::Timestamp;
use segue_model::failure::{Failure, FailureCode, LAST_WORDS_LIMIT};
use segue_model::state::{Desired, Observed};
use segue_model::world::{Instance, RolloutState};

use crate::draft::{Draft, has_ended};
use crate::goal::{Goal, ServiceGoal};
use crate::schedule::Request;
use crate::time::later;

/// Deaths before any success that end a rollout; in a bake, deaths of one slot.
const EARLY_DEATHS: u32 = 3;

/// The wanted instances of the target's revision.
pub(crate) fn set_of<'d>(
    draft: &'d Draft<'_>,
    service: &'d ServiceGoal<'_>,
) -> impl Iterator<Item = &'d Instance> {
    draft.instances.values().filter(|i| {
        i.service == service.name
            && i.desired == Desired::Run
            && Some(i.revision) == service.revision()
    })
}

/// Whether it ever passed its gate.
pub(crate) const fn had_success(instance: &Instance) -> bool {
    instance.ready_at.is_some() || matches!(instance.observed, Observed::Ready | Observed::Unready)
}

/// A failure that another try on the same container cannot mend: of the image or the configuration.
pub(crate) fn hopeless(instance: &Instance) -> Option<&Failure> {
    if had_success(instance) || instance.is_unknown() {
        return None;
    }
    instance.failure.as_ref().filter(|failure| {
        matches!(
            failure.code,
            FailureCode::ImageNotPullable
                | FailureCode::ContainerRefused
                | FailureCode::ExecFormat
                | FailureCode::CommandNotFound
                | FailureCode::VariableMissing
        )
    })
}

/// When an instance that started must have passed its gate. Why it does not is looked at from inside just before; while
/// nothing of that has come, the judgement waits for it a little, because without it it could say nothing.
pub(crate) fn start_limit(service: &ServiceGoal<'_>, instance: &Instance) -> Option<Timestamp> {
    if had_success(instance) || has_ended(instance) {
        return None;
    }
    let started = instance.started_at?;
    let spec = service
        .want
        .filter(|s| s.revision == instance.revision)
        .or(service.old.filter(|s| s.revision == instance.revision))?;
    let limit = later(started, spec.spec.health.start_timeout);
    Some(match instance.failure {
        Some(_) => limit,
        None => later(limit, LAST_WORDS_LIMIT),
    })
}

/// What ends a rollout before its deadline.
pub(crate) fn early_failure(
    draft: &mut Draft<'_>,
    goal: &Goal<'_>,
    rollout: &RolloutState,
) -> Option<Failure> {
    let mut limits = Vec::new();
    let mut found = None;
    for name in goal.services() {
        let service = goal.service(&name);
        if !service.is_changed() || found.is_some() {
            continue;
        }
        let success = set_of(draft, &service).any(had_success);
        let mut deaths = rollout.early_deaths;
        let mut last = rollout.last_death.clone();
        for instance in set_of(draft, &service) {
            let evidence = |text: &str| format!("{}: {text}", draft.title(instance));
            if let Some(failure) = hopeless(instance) {
                found = Some(Failure {
                    code: failure.code,
                    evidence: evidence(&failure.evidence),
                });
                break;
            }
            if let Some(until) = instance.words_due_until(draft.now()) {
                // Its last end is not judged yet, nor what follows from it.
                limits.push(until);
                continue;
            }
            deaths = deaths.saturating_add(deaths_of(instance));
            if deaths_of(instance) > 0 {
                last = Some(death(instance, &draft.title(instance)));
            }
            if let Some(limit) = start_limit(&service, instance) {
                if limit <= draft.now() {
                    found = Some(gate_failure(instance, &draft.title(instance)));
                    break;
                }
                limits.push(limit);
            }
        }
        if found.is_none() && !success && deaths >= EARLY_DEATHS {
            found = last.or_else(|| {
                Some(Failure {
                    code: FailureCode::ExitedAtOnce,
                    evidence: format!("{name}: {deaths} deaths before any success"),
                })
            });
        }
    }
    for limit in limits {
        draft.look_at(limit);
    }
    found
}

/// Deaths of an instance so far: restarts by the engine, and its end.
pub(crate) const fn deaths_of(instance: &Instance) -> u32 {
    let end = matches!(instance.observed, Observed::Exited) as u32;
    instance.restarts.saturating_add(end)
}

/// Deaths of a slot so far, this instance's included.
pub(crate) const fn deaths_in_slot(instance: &Instance) -> u32 {
    instance.attempt.saturating_add(deaths_of(instance))
}

/// In a bake: an instance of the target dies again and again.
pub(crate) fn crash_loop(draft: &mut Draft<'_>, goal: &Goal<'_>) -> Option<Failure> {
    let mut due = Vec::new();
    let found = goal.services().iter().find_map(|name| {
        let service = goal.service(name);
        if !service.is_changed() {
            return None;
        }
        set_of(draft, &service)
            .filter(|i| !i.is_ready() && deaths_in_slot(i) >= EARLY_DEATHS)
            .find(|i| match i.words_due_until(draft.now()) {
                Some(until) => {
                    due.push(until);
                    false
                }
                None => true,
            })
            .map(|i| death(i, &draft.title(i)))
    });
    for until in due {
        draft.look_at(until);
    }
    found
}

/// How an instance died, in the release's disfavour.
pub(crate) fn death(instance: &Instance, title: &str) -> Failure {
    let exit = instance
        .exit_code
        .map_or_else(|| "ended".to_owned(), |code| format!("exited with {code}"));
    let times = deaths_in_slot(instance);
    if instance.oom {
        return Failure {
            code: FailureCode::OutOfMemory,
            evidence: format!(
                "{title}: killed for memory at {} MiB ({times} deaths)",
                instance.memory_bytes >> 20
            ),
        };
    }
    match &instance.failure {
        Some(failure) => Failure {
            code: failure.code,
            evidence: format!("{title}: {} ({times} deaths)", failure.evidence),
        },
        // Its words could not be read in time; 127 is how every init and shell says this.
        None if instance.exit_code == Some(127) => Failure {
            code: FailureCode::CommandNotFound,
            evidence: format!("{title}: {exit} ({times} deaths)"),
        },
        None => Failure {
            code: FailureCode::ExitedAtOnce,
            evidence: format!("{title}: {exit} ({times} deaths)"),
        },
    }
}

fn gate_failure(instance: &Instance, title: &str) -> Failure {
    match &instance.failure {
        Some(failure) => Failure {
            code: failure.code,
            evidence: format!("{title}: {}", failure.evidence),
        },
        None => Failure {
            code: FailureCode::HealthTimeout,
            evidence: format!("{title}: not healthy within its start timeout"),
        },
    }
}

/// Why nothing moved until the deadline.
pub(crate) fn stuck(draft: &Draft<'_>, goal: &Goal<'_>) -> Failure {
    let services: Vec<_> = goal.services().iter().map(|n| goal.service(n)).collect();
    let complaint = services.iter().filter(|s| s.is_changed()).find_map(|s| {
        set_of(draft, s).find_map(|i| {
            let failure = i.failure.as_ref()?;
            Some(Failure {
                code: failure.code,
                evidence: format!("{}: {}", draft.title(i), failure.evidence),
            })
        })
    });
    let short = services
        .iter()
        .find(|s| s.is_changed() && set_of(draft, s).count() < s.count);
    complaint.unwrap_or_else(|| match short {
        Some(service) => Failure {
            code: FailureCode::NoCapacity,
            evidence: {
                let request = service.want.map(|release| Request {
                    service: &service.name,
                    release,
                    avoid: None,
                });
                let why = request.map_or_else(Vec::new, |request| draft.room.refusals(request));
                let found = set_of(draft, service).count();
                let mut evidence = format!(
                    "{}: {found} of {} instances found a host",
                    service.name, service.count
                );
                if !why.is_empty() {
                    evidence.push_str(&format!(": {}", why.join("; ")));
                }
                evidence
            },
        },
        None => Failure {
            code: FailureCode::ProgressDeadline,
            evidence: "no progress until the deadline".to_owned(),
        },
    })
}
