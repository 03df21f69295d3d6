//! Looks in depth: why an instance is as it is, requests over time, services, sessions in browsers.

use std::time::Duration;

use segue_client::{MetricsPoint, Why};

use super::{Context, now};
use crate::args::{Metrics, Sessions};
use crate::error::{CliError, Exit, Result};
use crate::output::{ago, bytes, plain};

/// How long the server keeps figures.
const KEPT: Duration = Duration::from_secs(48 * 3600);

/// Lines of figures that one look at a terminal takes in.
const LINES: u64 = 20;

/// One instance: how it is, and what happened to it.
pub(super) async fn why(context: &mut Context<'_>, name: &str) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let why = session.instance_why(&place, name).await?;
    if context.out.json {
        context.out.object(&why)?;
        return Ok(Exit::Ok);
    }
    let Why {
        instance,
        events,
        waiting,
    } = &why;
    let now = now();
    context.out.fields(&[
        ("instance", format!("{} ({})", instance.name, instance.id)),
        ("state", super::status::state(instance)),
        ("release", format!("v{}", instance.release)),
        ("host", instance.host.clone()),
        ("address", instance.address.clone()),
        (
            "ready",
            instance
                .ready_at
                .map(|at| ago(now, at.timestamp()))
                .unwrap_or_default(),
        ),
        ("restarts", instance.restarts.to_string()),
        (
            "exit code",
            instance
                .exit_code
                .map(|code| code.to_string())
                .unwrap_or_default(),
        ),
        (
            "failure",
            instance
                .failure
                .as_ref()
                .map(|failure| format!("{}: {}", failure.code, plain(&failure.evidence)))
                .unwrap_or_default(),
        ),
    ])?;
    for event in events {
        let at = event.at.format("%Y-%m-%dT%H:%M:%SZ");
        context
            .out
            .data(format!("  {at} {}", plain(&event.message)))?;
    }
    for reason in waiting {
        let message = reason.get("message").and_then(serde_json::Value::as_str);
        if let Some(message) = message {
            context.out.data(format!("  waiting: {}", plain(message)))?;
        }
    }
    Ok(Exit::Ok)
}

pub(crate) async fn services(context: &mut Context<'_>) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let services = session.service_list(&place).await?;
    context.out.table(
        &services,
        &[
            "SERVICE", "KIND", "WANTED", "READY", "CPU", "MEMORY", "RUNS",
        ],
        |service| {
            let spec = &service.spec;
            let runs = spec
                .command
                .clone()
                .or_else(|| spec.argv.as_ref().map(shell_words::join))
                .or_else(|| spec.image.clone())
                .unwrap_or_else(|| "its image's own command".to_owned());
            let resources = spec.resources.clone().unwrap_or_default();
            let memory = resources.memory_bytes.unwrap_or_default();
            vec![
                service.name.clone(),
                spec.kind
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                service.replicas.desired.to_string(),
                service.replicas.ready.to_string(),
                format!("{}m", resources.cpu_millis.unwrap_or_default()),
                bytes(u64::try_from(memory).unwrap_or(0)),
                runs,
            ]
        },
    )?;
    if services.is_empty() {
        context.out.say("nothing is deployed yet");
    }
    Ok(Exit::Ok)
}

pub(crate) async fn metrics(context: &mut Context<'_>, args: &Metrics) -> Result<Exit> {
    let (session, place) = context.quiet_target().await?;
    let since = (args.since <= KEPT).then_some(args.since);
    let since = since
        .and_then(|since| jiff::SignedDuration::try_from(since).ok())
        .and_then(|time| jiff::Timestamp::now().checked_sub(time).ok())
        .ok_or_else(|| wrong_time("--since", "figures are kept for 48 hours", "--since 24h"))?;
    let step = args.step.unwrap_or_else(|| readable(args.since));
    let step = i32::try_from(step.as_secs()).ok().filter(|step| *step > 0);
    let step = step.ok_or_else(|| {
        wrong_time(
            "--step",
            "expected a second at least, a day at most",
            "--step 1m",
        )
    })?;
    let figures = session
        .metrics(&place, Some(since.to_string()), Some(step))
        .await?;
    if context.out.json {
        context.out.object(&figures)?;
        return Ok(Exit::Ok);
    }
    context.out.table(
        &figures.points,
        &[
            "FROM", "REQUESTS", "4XX", "5XX", "FAILED", "P50", "P95", "LONGEST",
        ],
        |point: &MetricsPoint| {
            vec![
                point.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
                point.requests.to_string(),
                point.client_errors.to_string(),
                point.server_errors.to_string(),
                point.failed.to_string(),
                millis(point.p50_us),
                millis(point.p95_us),
                millis(point.longest_us),
            ]
        },
    )?;
    if figures.points.is_empty() {
        context.out.say("no requests in this time");
    }
    for share in &figures.releases {
        context.out.say(format!(
            "last minute: {} requests to v{}",
            share.requests, share.release
        ));
    }
    Ok(Exit::Ok)
}

fn wrong_time(flag: &str, why: &str, next: &str) -> CliError {
    CliError::usage(format!("{flag}: no figures for that time"))
        .why(why)
        .next(next)
}

fn readable(since: Duration) -> Duration {
    Duration::from_secs((since.as_secs() / LINES).max(1))
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn millis(us: i64) -> String {
    format!("{:.1} ms", us as f64 / 1000.0)
}

pub(crate) async fn sessions(context: &mut Context<'_>, args: &Sessions) -> Result<Exit> {
    let session = context.session()?;
    match args {
        Sessions::List => {
            let sessions = session.session_list().await?;
            let now = now();
            context.out.table(
                &sessions,
                &["SESSION", "SINCE", "USED", "FROM", "BROWSER"],
                |one| {
                    vec![
                        one.id.clone(),
                        ago(now, one.created_at.timestamp()),
                        ago(now, one.used_at.timestamp()),
                        one.address.clone().unwrap_or_else(|| "-".to_owned()),
                        plain(&one.client),
                    ]
                },
            )?;
            if sessions.is_empty() {
                context.out.say("no browser is signed in");
            }
        }
        Sessions::End { id } => {
            session.session_delete(id).await?;
            context.out.done(format!(
                "session {id} is ended; that browser is signed out within 5 s"
            ));
        }
    }
    Ok(Exit::Ok)
}
