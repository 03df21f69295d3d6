//! Following a deployment to the point where nobody has to wait any longer, and saying what came of it.

use std::time::{Duration, Instant};

use segue_client::{Deployment, Event, LogLine};

use super::{Context, Place, watching};
use crate::error::{CliError, Exit, Result};
use crate::output::plain;
use crate::session::Session;

/// Lines of a log that a failure shows.
const LAST_LINES: u32 = 10;
/// How long a finished deployment waits for the end of its build's log.
const LOG_REST: Duration = Duration::from_secs(5);

/// How long a command stays with the deployment it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Not at all.
    Detach,
    /// Until it is live, or has failed.
    Live,
    /// Until it has proved itself, with the build's log: for machines that judge by the exit code.
    Proved,
}

impl From<bool> for Stay {
    fn from(detach: bool) -> Self {
        if detach { Self::Detach } else { Self::Live }
    }
}

/// What follows a deployment that was asked for: its end, or the way to come back to it.
pub(crate) async fn after(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    number: i64,
    stay: impl Into<Stay>,
) -> Result<Exit> {
    let stay = stay.into();
    let come_back = format!("segue deploys follow {number} {}", place.flags());
    if stay == Stay::Detach {
        if context.out.json {
            let deployment = session.deployment_get(place, number).await?;
            context.out.object(&deployment)?;
        }
        context
            .out
            .done(format!("deployment #{number} is under way: {come_back}"));
        return Ok(Exit::Ok);
    }
    let watched = watching(context, &come_back, async |context: &mut Context<'_>| {
        follow(context, session, place, number, stay).await
    });
    match watched.await? {
        Ok(end) => settled(context, session, place, &end).await,
        Err(exit) => Ok(exit),
    }
}

/// How a deployment that was followed stands.
struct End {
    deployment: Deployment,
    /// The phase it failed in, and after how long, if it was seen.
    failed_in: Option<(String, Duration)>,
}

/// Whether nobody has to wait any longer.
fn is_settled(deployment: &Deployment, stay: Stay) -> bool {
    deployment.finished || (deployment.live && stay != Stay::Proved)
}

/// Follows until it is live or has ended, and tells each phase when it is over.
async fn follow(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    number: i64,
    stay: Stay,
) -> Result<End> {
    let begin = Instant::now();
    let mut failed_in = None;
    let text = number.to_string();
    let mut stream = session.stream(session.url(&place.path(&["deployments", &text, "events"])));
    let mut phase: Option<(String, Instant)> = None;
    let mut log = BuildLog::default();
    loop {
        let frame = tokio::select! {
            frame = stream.next() => frame?,
            () = log.next(context, session, place), if log.is_open() => continue,
        };
        // The server ends the stream when it stops; the deployment goes on, and so does looking at it.
        let Some(frame) = frame else {
            continue;
        };
        match frame.event.as_str() {
            "deployment" => {
                let Ok(deployment) = serde_json::from_str::<Deployment>(&frame.data) else {
                    continue;
                };
                if context.out.json {
                    context.out.data(&frame.data)?;
                }
                let moved = phase
                    .as_ref()
                    .is_none_or(|(name, _)| *name != deployment.phase);
                if moved
                    && let Some((over, since)) =
                        phase.replace((deployment.phase.clone(), Instant::now()))
                {
                    let ends = matches!(deployment.phase.as_str(), "rollback" | "done");
                    if ends && over != "rollback" {
                        failed_in = Some((over.clone(), begin.elapsed()));
                    }
                    tell(context, &over, &deployment, since);
                }
                if stay == Stay::Proved {
                    log.open(session, place, &deployment);
                }
                if is_settled(&deployment, stay) {
                    log.rest(context, session, place).await;
                    return Ok(End {
                        deployment,
                        failed_in,
                    });
                }
            }
            "event" => {
                let Ok(event) = serde_json::from_str::<Event>(&frame.data) else {
                    continue;
                };
                match &event.failure {
                    // How the deployment itself ends is told at the end, with everything around it.
                    Some(failure) if !event.kind.starts_with("deployment.") => {
                        let known = event.message.contains(&failure.evidence);
                        let evidence = if known { "" } else { failure.evidence.as_str() };
                        let colon = if evidence.is_empty() { "" } else { ": " };
                        context
                            .out
                            .warn(format!("{}{colon}{evidence}", event.message));
                    }
                    _ => context.out.detail(format!("  {}", event.message)),
                }
            }
            _ => {}
        }
    }
}

/// The log of the build that a deployment waits for, told beside its phases. Nothing depends on it: a log that cannot
/// be read ends, and the deployment is followed on.
#[derive(Default)]
struct BuildLog<'s> {
    build: Option<String>,
    stream: Option<crate::session::Stream<'s>>,
}

impl<'s> BuildLog<'s> {
    fn open(&mut self, session: &'s Session, place: &Place, deployment: &Deployment) {
        if self.build.is_some() || deployment.phase != "build" {
            return;
        }
        if let Some(build) = deployment.builds.last() {
            let url = session.url(&place.path(&["builds", build, "log"]));
            self.stream = Some(session.stream(url));
            self.build = Some(build.clone());
        }
    }

    fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Tells the next line, or closes the log.
    async fn next(&mut self, context: &mut Context<'_>, session: &Session, place: &Place) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        match stream.next().await {
            Ok(Some(frame)) => {
                if frame.event == "line"
                    && let Ok(line) = serde_json::from_str::<LogLine>(&frame.data)
                {
                    context.out.say(format!("  {}", plain(&line.text)));
                }
            }
            Ok(None) => {
                let build = self.build.clone().unwrap_or_default();
                if session.build_ended(place, &build).await.unwrap_or(true) {
                    self.stream = None;
                }
            }
            Err(_) => self.stream = None,
        }
    }

    /// The lines that have not come yet when the deployment is over; not for ever.
    async fn rest(&mut self, context: &mut Context<'_>, session: &Session, place: &Place) {
        let end = tokio::time::Instant::now() + LOG_REST;
        while self.is_open() {
            let next = self.next(context, session, place);
            if tokio::time::timeout_at(end, next).await.is_err() {
                break;
            }
        }
    }
}

/// One line for a phase that went well.
fn tell(context: &mut Context<'_>, over: &str, deployment: &Deployment, since: Instant) {
    if deployment.phase == "rollback" || (deployment.finished && !deployment.live) {
        return;
    }
    let took = since.elapsed();
    let line = match over {
        "build" if deployment.builds.is_empty() => return,
        "build" => "image ready",
        "release" => "ran the release command",
        "start" => "started and healthy",
        "switch" => "switched 100 % of traffic",
        _ => return,
    };
    context
        .out
        .done(format!("{line:<26} {:.1}s", took.as_secs_f64()));
}

/// Says how it ended; a deployment that is not live is an error with exit code 3.
async fn settled(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    end: &End,
) -> Result<Exit> {
    let deployment = &end.deployment;
    let environment = session.env_get(place).await?;
    if deployment.live {
        let receipt = session
            .receipt(place, deployment.number)
            .await
            .ok()
            .flatten();
        let requests = match receipt {
            Some(receipt) if receipt.requests > 0 => {
                format!(
                    ", {} requests during the switch so far, {} failed",
                    receipt.requests, receipt.failed
                )
            }
            _ => String::new(),
        };
        context.out.done(format!(
            "v{} {}{requests}",
            deployment.release,
            standing(deployment)
        ));
        if !context.out.json {
            for url in &environment.urls {
                context.out.data(url)?;
            }
        }
        return Ok(Exit::Ok);
    }
    Err(failed(session, place, end, environment.serving).await)
}

/// How a release stands that users have.
fn standing(deployment: &Deployment) -> &'static str {
    if deployment.finished {
        "is live and has proved itself"
    } else {
        "is live"
    }
}

/// The error for a deployment that did not become live: what, why, what is true now, what next.
async fn failed(session: &Session, place: &Place, end: &End, serving: Option<i64>) -> CliError {
    let deployment = &end.deployment;
    let number = deployment.number;
    let phase = match &end.failed_in {
        Some((phase, after)) => format!(" in {phase} after {}s", after.as_secs()),
        None => String::new(),
    };
    let how = match deployment.state.as_str() {
        "rolled_back" => format!("failed{phase} and was rolled back"),
        "cancelled" => "was stopped".to_owned(),
        "superseded" => "was overtaken by a newer one".to_owned(),
        _ => format!("failed{phase}"),
    };
    let now = match serving {
        Some(version) => format!("traffic is on v{version}"),
        None => "nothing serves yet".to_owned(),
    };
    let mut error = CliError::new(format!("deploy #{number} of {} {how}", place.short()))
        .now(now)
        .exit(Exit::Deploy);
    let Some(failure) = &deployment.failure else {
        return error.next(format!("segue deploys list {}", place.flags()));
    };
    error = error.why(&failure.sentence);
    if !failure.evidence.is_empty() {
        error = error.why(&failure.evidence);
    }
    let lines = session.last_lines(place, deployment, LAST_LINES).await;
    if !lines.is_empty() {
        error = error.why("last lines:");
        for line in lines {
            error = error.why(format!("  {line}"));
        }
    }
    error
        .next(next(&failure.hint, number, &place.flags()))
        .code(failure.code.clone())
}

/// The hint with the log's command in full, whether the hint names it or not.
fn next(hint: &str, number: i64, flags: &str) -> String {
    for (short, full) in [
        (
            "segue logs --build",
            format!("segue logs --build --deploy {number} {flags}"),
        ),
        (
            "segue logs --deploy",
            format!("segue logs --deploy {number} {flags}"),
        ),
    ] {
        if hint.contains(short) {
            return hint.replace(short, &full);
        }
    }
    format!("{hint}   Log: segue logs --deploy {number} {flags}")
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn a_hint_names_the_log_once() {
        assert_eq!(
            next("bind it", 4, "-a x"),
            "bind it   Log: segue logs --deploy 4 -a x"
        );
        assert_eq!(
            next("read: segue logs --build", 4, "-a x"),
            "read: segue logs --build --deploy 4 -a x"
        );
        assert_eq!(
            next("read: segue logs --deploy", 4, "-a x"),
            "read: segue logs --deploy 4 -a x"
        );
    }
}
