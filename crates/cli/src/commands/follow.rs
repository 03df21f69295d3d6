//! Following a deployment to the point where nobody has to wait any longer, and saying what came of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use segue_client::{Deployment, Event, LogLine};

use super::{Context, Place, failed, watching};
use crate::error::{Exit, Result};
use crate::output::plain;
use crate::session::Session;

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
pub(super) struct End {
    pub deployment: Deployment,
    /// The phase it failed in, and after how long, if it was seen.
    pub failed_in: Option<(String, Duration)>,
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
    let mut ready = Ready::default();
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
                    if over == "start" && !is_over(&deployment) {
                        ready
                            .tell(context, session, place, &deployment, since)
                            .await;
                    }
                    tell(context, session, place, (&over, since), &deployment).await;
                }
                if stay == Stay::Proved {
                    log.open(session, place, &deployment);
                }
                if is_settled(&deployment, stay) {
                    log.rest(context, session, place).await;
                    if deployment.live {
                        ready
                            .tell(context, session, place, &deployment, begin)
                            .await;
                    }
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
    stream: Option<crate::stream::Stream<'s>>,
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
async fn tell(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    (over, since): (&str, Instant),
    deployment: &Deployment,
) {
    if is_over(deployment) {
        return;
    }
    let took = since.elapsed();
    let line = match over {
        "build" if deployment.builds.is_empty() => return,
        "build" => built(session, place, deployment).await,
        "release" => "ran the release command".to_owned(),
        "switch" => format!("switched 100 % of traffic to v{}", deployment.release),
        _ => return,
    };
    context
        .out
        .done(format!("{line:<34} {:.1}s", took.as_secs_f64()));
}

/// How the image came to be: how many steps, and how many of them were known already.
async fn built(session: &Session, place: &Place, deployment: &Deployment) -> String {
    let plain = || "image ready".to_owned();
    let Some(id) = deployment.builds.last() else {
        return plain();
    };
    // What embellishes a line must not stop the deployment's story.
    let Ok(Some(build)) = session.build_maybe(place, id).await else {
        return plain();
    };
    let of = |word: &str| {
        let state = |step: &&serde_json::Value| {
            let own = step.get("internal") != Some(&serde_json::Value::Bool(true));
            own && step.get("state").and_then(serde_json::Value::as_str) == Some(word)
        };
        build.steps.iter().filter(state).count()
    };
    let (done, cached) = (of("done"), of("cached"));
    match (build.kind.as_str(), done + cached) {
        ("source", count) if count > 0 => format!("built: {count} steps, {cached} cached"),
        _ => plain(),
    }
}

/// Whether nothing of it will be told as done any more.
fn is_over(deployment: &Deployment) -> bool {
    deployment.phase == "rollback" || (deployment.finished && !deployment.live)
}

/// Which services of a release were told to be ready. What gets requests is ready before the switch; workers are
/// replaced one by one, and may need longer.
#[derive(Default)]
struct Ready(BTreeMap<String, usize>);

impl Ready {
    /// Tells the instances that are ready and were not told, one line for each service.
    async fn tell(
        &mut self,
        context: &mut Context<'_>,
        session: &Session,
        place: &Place,
        deployment: &Deployment,
        since: Instant,
    ) {
        const NAMED: usize = 3;
        // What embellishes a story must not stop it.
        let instances = session.instance_list(place).await.unwrap_or_default();
        let mut services: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for instance in &instances {
            if instance.release == deployment.release && instance.state == "ready" {
                let names = services.entry(&instance.service).or_default();
                names.push(format!("{} on {}", instance.name, instance.host));
            }
        }
        for (service, names) in services {
            let told = self.0.insert(service.to_owned(), names.len()).unwrap_or(0);
            if names.len() <= told {
                continue;
            }
            let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
            let mut line = format!("healthy: {}", shown.join(", "));
            if names.len() > NAMED {
                line.push_str(&format!(" and {} more", names.len() - NAMED));
            }
            context
                .out
                .done(format!("{line:<34} {:.1}s", since.elapsed().as_secs_f64()));
        }
    }
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
    Err(failed::error(session, place, end, environment.serving).await)
}

/// How a release stands that users have.
fn standing(deployment: &Deployment) -> &'static str {
    if deployment.finished {
        "is live and has proved itself"
    } else {
        "is live"
    }
}
