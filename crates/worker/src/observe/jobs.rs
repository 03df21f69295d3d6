//! What the observer asks an engine for: listings, single looks, explanations of an end, the event stream, pings.
//! All of it only reads.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use segue_driver::{
    Container, ContainerName, Deadline, Driver, EngineInfo, Event, Exit, Observed as Seen, Phase,
};
use segue_model::Timestamp;
use segue_model::failure::{Failure, FailureCode, LAST_WORDS_LIMIT};
use segue_model::id::{EnvironmentId, InstanceId};
use segue_model::network::ForeignNetwork;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::core::clock::{Clock, before};
use crate::core::redact::Redactor;
use crate::observe::track::End;

/// For one complete listing.
const LIST_LIMIT: Duration = Duration::from_secs(10);
/// For one look at a container.
const INSPECT_LIMIT: Duration = Duration::from_secs(5);
/// For the begin of the event stream.
const EVENTS_LIMIT: Duration = Duration::from_secs(5);
/// Between two tries to reach the event stream.
const EVENTS_RETRY: Duration = Duration::from_millis(500);
/// For a ping.
const PING_LIMIT: Duration = Duration::from_secs(2);
/// Between two pings.
pub(super) const PING_EVERY: Duration = Duration::from_secs(2);
/// After a `die` the engine may say for 0.2 s that the container runs.
const DIE_SETTLES: Duration = Duration::from_millis(300);
/// Between two looks at whether the engine has noticed an end.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Exit codes by which an init says that it could not run the command at all.
const NOT_RUN: std::ops::RangeInclusive<i32> = 126..=127;
/// Exit codes above this stand for signals.
const BY_SIGNAL: i32 = 128;
/// Lines that are kept to explain an end.
const LAST_LINES: usize = 40;
const _: () = assert!(PING_LIMIT.as_millis() <= PING_EVERY.as_millis());

/// What a job found.
pub(super) enum Found {
    /// A complete listing, or why there is none.
    Listing {
        as_of: Timestamp,
        listing: Result<Vec<Container>, String>,
    },
    /// The networks that are not this installation's, or why they are not known.
    Foreign {
        as_of: Timestamp,
        networks: Result<Vec<ForeignNetwork>, String>,
    },
    /// One container.
    Look {
        instance: InstanceId,
        as_of: Timestamp,
        seen: Seen,
    },
    /// Why it ended.
    End {
        instance: InstanceId,
        oom: bool,
        failure: Failure,
    },
    /// What the engine is.
    Info(Box<EngineInfo>),
    /// The store's view was loaded anew.
    Targets {
        asked: Timestamp,
        environment: Option<EnvironmentId>,
        known: Result<Vec<super::Known>, String>,
    },
    /// The environments that the strangers on the host say they belong to were loaded.
    Strangers {
        asked: BTreeSet<String>,
        known: Result<Vec<super::Known>, String>,
    },
    /// The write has ended; what to write again if it failed.
    Written {
        instances: Vec<InstanceId>,
        host: Option<Box<super::HostSighting>>,
        result: Result<(), String>,
    },
    /// Nothing to tell.
    Nothing,
}

/// What the long-running readers tell.
pub(super) enum Signal {
    /// The event stream begins: anything may have happened before.
    Connected,
    /// An event, with the moment it describes.
    Event(Timestamp, Event),
    /// A ping's answer.
    Ping(Result<(), String>),
}

pub(super) async fn list(driver: Arc<dyn Driver>, clock: Arc<Clock>) -> Found {
    let as_of = clock.now();
    let listing = driver
        .list(Deadline::after(LIST_LIMIT))
        .await
        .map_err(|error| error.to_string());
    Found::Listing { as_of, listing }
}

pub(super) async fn foreign(driver: Arc<dyn Driver>, clock: Arc<Clock>) -> Found {
    let as_of = clock.now();
    let networks = driver
        .foreign_networks(Deadline::after(LIST_LIMIT))
        .await
        .map_err(|error| error.to_string());
    Found::Foreign { as_of, networks }
}

pub(super) async fn look(
    driver: Arc<dyn Driver>,
    clock: Arc<Clock>,
    instance: InstanceId,
) -> Found {
    let as_of = clock.now();
    let name = ContainerName::from(instance);
    let seen = driver
        .inspect(&name, Deadline::after(INSPECT_LIMIT))
        .await
        .unwrap_or(Seen::Unknown);
    Found::Look {
        instance,
        as_of,
        seen,
    }
}

pub(super) async fn info(driver: Arc<dyn Driver>) -> Found {
    match driver.info(Deadline::after(INSPECT_LIMIT)).await {
        Ok(info) => Found::Info(Box::new(info)),
        Err(error) => {
            tracing::debug!(%error, "the engine did not say what it is");
            Found::Nothing
        }
    }
}

/// Reads the last lines that a container wrote in the run that ended and makes a failure of them.
pub(super) async fn explain(
    driver: Arc<dyn Driver>,
    redactor: Option<Arc<Redactor>>,
    instance: InstanceId,
    end: End,
) -> Found {
    let End { run, mut exit } = end;
    let begun = Instant::now();
    let (settled, until) = (begun + DIE_SETTLES, begun + LAST_WORDS_LIMIT);
    let name = ContainerName::from(instance);
    let mut lines = last_lines(driver.as_ref(), &name, run, until).await;
    if lines.is_empty() && run.is_some() && NOT_RUN.contains(&exit.code) {
        // The engine has started it again meanwhile: its words stand before the run that is known.
        lines = last_lines(driver.as_ref(), &name, None, until).await;
    }
    // Without knowing the secrets, none of the words may be shown.
    let shown = redactor.map_or_else(String::new, |redactor| redactor.text(&lines));
    // Init's own words, and an end that no signal made, need no second look. The engine makes one wait while it starts
    // the container again.
    if !exit.oom && exit.code > BY_SIGNAL && exit.failure_code(&lines) == FailureCode::ExitedAtOnce
    {
        exit.oom = killed_for_memory(driver.as_ref(), &name, &exit, run, settled, until).await;
    }
    // Both by the engine's clock.
    let uptime = run
        .zip(exit.at)
        .map(|(run, end)| end.as_millisecond() - run.as_millisecond())
        .filter(|ms| *ms >= 0);
    let failure = super::track::explain_exit(&exit, uptime, &lines, &shown);
    Found::End {
        instance,
        oom: exit.oom,
        failure,
    }
}

/// Whether the engine describes this end as one for memory. Only its own description says it for sure, and only once it
/// has noticed the end: on a busy machine it says for a while that the process runs.
async fn killed_for_memory(
    driver: &dyn Driver,
    name: &ContainerName,
    exit: &Exit,
    run: Option<Timestamp>,
    settled: Instant,
    until: Instant,
) -> bool {
    sleep_until(settled).await;
    loop {
        let limit = Deadline::after(until.saturating_duration_since(Instant::now()));
        let Ok(Seen::Known(container)) = driver.inspect(name, limit).await else {
            return false;
        };
        match &container.phase {
            Phase::Exited(end) | Phase::Restarting(end) => return end.oom && end.code == exit.code,
            // Started again meanwhile.
            Phase::Running if run.is_some() && container.started_at > run => return false,
            Phase::Running if Instant::now() + LOOK_AGAIN < until => sleep(LOOK_AGAIN).await,
            _ => return false,
        }
    }
}

/// The last lines since `run` began, as far as they can be read in time.
async fn last_lines(
    driver: &dyn Driver,
    name: &ContainerName,
    run: Option<Timestamp>,
    until: Instant,
) -> String {
    let since = run.map(|run| before(run, Duration::from_millis(50)));
    let mut lines = VecDeque::with_capacity(LAST_LINES);
    let read = async {
        let limit = Deadline::after(until.saturating_duration_since(Instant::now()));
        let Ok(mut stream) = driver.logs(name, since, false, limit).await else {
            return;
        };
        while let Some(Ok(line)) = stream.next().await {
            if lines.len() == LAST_LINES {
                lines.pop_front();
            }
            let bounded = line.message.slice(..line.message.len().min(2048));
            lines.push_back(String::from_utf8_lossy(&bounded).into_owned());
        }
    };
    if timeout_at(until, read).await.is_err() {
        tracing::debug!(container = %name, "its last lines could not be read in time");
    }
    Vec::from(lines).join("\n")
}

/// Follows the engine's events for ever; tells when it begins (again).
///
/// Nothing is asked for from before the connection: what happened meanwhile is seen by the listing that follows, and an
/// old `die` told late would take a healthy instance out of its routes.
pub(super) async fn follow(
    driver: Arc<dyn Driver>,
    clock: Arc<Clock>,
    tell: UnboundedSender<Signal>,
) {
    loop {
        match driver.events(None, Deadline::after(EVENTS_LIMIT)).await {
            Ok(mut events) => {
                if tell.send(Signal::Connected).is_err() {
                    return;
                }
                while let Some(event) = events.next().await {
                    match event {
                        Ok(event) => {
                            if tell.send(Signal::Event(clock.now(), event)).is_err() {
                                return;
                            }
                        }
                        Err(error) => {
                            tracing::info!(%error, "the engine's events have ended, connecting again");
                            break;
                        }
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "no event stream"),
        }
        sleep(EVENTS_RETRY).await;
    }
}

/// Pings for ever. Only this decides whether a host is there.
pub(super) async fn ping(driver: Arc<dyn Driver>, tell: UnboundedSender<Signal>) {
    loop {
        let begun = Instant::now();
        let answer = driver
            .ping(Deadline::after(PING_LIMIT))
            .await
            .map_err(|error| error.to_string());
        if tell.send(Signal::Ping(answer)).is_err() {
            return;
        }
        sleep_until(begun + PING_EVERY).await;
    }
}
