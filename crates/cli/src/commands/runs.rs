//! One-off runs: `segue run -- CMD` in the image that serves, and what became of earlier ones.
//!
//! Invariants: what the command writes is data and goes where it went (stdout to stdout, stderr to stderr); its exit
//! code is passed on; somebody who stops watching cancels nothing unless they say so.

use std::time::Duration;

use segue_client::{LogLine, Run as Seen, RunCreate};

use super::{Context, Place, idempotency_key, lost, now};
use crate::answers::UNREACHABLE;
use crate::args::{Run, Runs};
use crate::error::{CliError, Exit, Result};
use crate::output::{ago, line, plain};
use crate::session::Session;

/// Between two looks at a run whose log has ended before it.
const LOOK: Duration = Duration::from_millis(500);
/// Lines that come after a run has ended are waited for this long.
const LATE: Duration = Duration::from_secs(2);

pub(crate) async fn run(context: &mut Context<'_>, args: &Run) -> Result<Exit> {
    let (session, place) = context.target().await?;
    let body = RunCreate {
        service: args.service.clone(),
        command: args.command.clone(),
        time_limit: args
            .time_limit
            .map(|time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX)),
    };
    let run = session.run_create(&place, body, idempotency_key()).await?;
    context.out.say(format!(
        "run {} of v{} ({}), at most {} s",
        run.number, run.release, run.service, run.time_limit
    ));
    if args.detach {
        if context.out.json {
            context.out.object(&run)?;
        }
        context.out.done(format!(
            "it is under way: {}",
            come_back(run.number, &place)
        ));
        return Ok(Exit::Ok);
    }
    attend(context, &session, &place, run.number).await
}

pub(crate) async fn runs(context: &mut Context<'_>, args: &Runs) -> Result<Exit> {
    match args {
        Runs::List => {
            let (session, place) = context.quiet_target().await?;
            let runs = session.run_list(&place).await?;
            let now = now();
            context.out.table(
                &runs,
                &["RUN", "STATE", "RELEASE", "WHEN", "BY", "COMMAND"],
                |run| {
                    vec![
                        run.number.to_string(),
                        words(run),
                        format!("v{}", run.release),
                        ago(now, run.created_at.timestamp()),
                        run.created_by.clone(),
                        shell_words::join(&run.command),
                    ]
                },
            )?;
            if runs.is_empty() {
                context.out.say("nothing was run yet");
            }
            Ok(Exit::Ok)
        }
        Runs::Show { number } => {
            let (session, place) = context.quiet_target().await?;
            let run = session.run_get(&place, *number).await?;
            if context.out.json {
                context.out.object(&run)?;
            } else {
                show(context, &run)?;
            }
            Ok(Exit::Ok)
        }
        Runs::Follow { number } => {
            let (session, place) = context.quiet_target().await?;
            // A number that is not there is told as such before anything is waited for.
            session.run_get(&place, *number).await?;
            attend(context, &session, &place, *number).await
        }
        Runs::Cancel { number } => {
            let (session, place) = context.target().await?;
            session
                .run_cancel(&place, *number, idempotency_key())
                .await?;
            context.out.done(format!("run {number} is being stopped"));
            Ok(Exit::Ok)
        }
    }
}

/// How a run stands, in words.
fn words(run: &Seen) -> String {
    if run.cancel_requested && !run.finished {
        return "being stopped".to_owned();
    }
    match (run.state.as_str(), run.exit_code) {
        ("queued", _) => "waiting for a host".to_owned(),
        ("scheduled", _) => "being started".to_owned(),
        ("failed", _) if run.oom => "killed for memory".to_owned(),
        ("failed", Some(code)) => format!("failed, exit code {code}"),
        ("timed_out", _) => "stopped at its time limit".to_owned(),
        ("cancelled", _) => "stopped by a person".to_owned(),
        ("unknown", _) => "its end was not seen".to_owned(),
        (state, _) => state.to_owned(),
    }
}

fn show(context: &mut Context<'_>, run: &Seen) -> Result<()> {
    let moment = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
            .unwrap_or_default()
    };
    context.out.fields(&[
        ("run", run.number.to_string()),
        ("state", words(run)),
        ("command", shell_words::join(&run.command)),
        ("service", format!("{} of v{}", run.service, run.release)),
        ("host", run.host.clone().unwrap_or_default()),
        (
            "asked for",
            format!("{}, by {}", moment(Some(run.created_at)), run.created_by),
        ),
        ("started", moment(run.started_at)),
        ("ended", moment(run.finished_at)),
        ("at most", format!("{} s", run.time_limit)),
        (
            "why",
            run.failure
                .as_ref()
                .map(|failure| format!("{}: {}", failure.sentence, plain(&failure.evidence)))
                .unwrap_or_default(),
        ),
    ])
}

fn come_back(number: i64, place: &Place) -> String {
    format!("segue runs follow {number} {}", place.flags())
}

/// Stays with a run to its end, or until the person leaves.
async fn attend(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    number: i64,
) -> Result<Exit> {
    let stopped = tokio::signal::ctrl_c();
    let end = tokio::select! {
        // To repeat the command would run it once more.
        end = follow(context, session, place, number) => {
            Some(end.map_err(|error| lost(error, &come_back(number, place)))?)
        }
        _ = stopped => None,
    };
    match end {
        Some(run) => ended(context, place, &run),
        None => left(context, session, place, number).await,
    }
}

/// A person pressed Ctrl-C: the run goes on, unless they say that it shall not.
async fn left(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    number: i64,
) -> Result<Exit> {
    if context.out.host().stdin_terminal {
        context
            .out
            .say(format!("\nStop run {number} as well? [y/N]"));
        let answer = line(context.out.host())?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            session.run_cancel(place, number, idempotency_key()).await?;
            context.out.done(format!("run {number} is being stopped"));
            return Ok(Exit::Interrupted);
        }
    }
    context.out.say(format!(
        "\ndetached; it goes on. To come back: {}",
        come_back(number, place)
    ));
    Ok(Exit::Interrupted)
}

/// Shows what it writes until it has ended.
async fn follow(
    context: &mut Context<'_>,
    session: &Session,
    place: &Place,
    number: i64,
) -> Result<Seen> {
    let mut url = session.url(&place.path(&["logs"]));
    url.query_pairs_mut()
        .append_pair("run", &number.to_string())
        .append_pair("tail", "5000");
    let mut stream = session.stream(url);
    let mut ended: Option<(Seen, tokio::time::Instant)> = None;
    loop {
        let next = match &ended {
            None => stream.next().await?,
            Some((run, until)) => match tokio::time::timeout_at(*until, stream.next()).await {
                Ok(next) => next?,
                Err(_) => return Ok(run.clone()),
            },
        };
        match next {
            Some(frame) if frame.event == "line" => {
                if let Ok(line) = serde_json::from_str::<LogLine>(&frame.data) {
                    print(context, &line)?;
                }
            }
            Some(_) => {}
            // The server ends the stream of a run that is over, and every stream when it stops.
            None => {
                let run = match session.run_get(place, number).await {
                    // It is being restarted: the stream tries on, and gives up after a while.
                    Err(error) if error.code.as_deref() == Some(UNREACHABLE) => continue,
                    run => run?,
                };
                match &ended {
                    Some((run, _)) => return Ok(run.clone()),
                    None if run.finished => {
                        ended = Some((run, tokio::time::Instant::now() + LATE));
                    }
                    None => tokio::time::sleep(LOOK).await,
                }
            }
        }
    }
}

fn print(context: &mut Context<'_>, line: &LogLine) -> Result<()> {
    if context.out.json {
        return context.out.object(line);
    }
    if line.stream == "stderr" {
        context.out.foreign(&line.text)
    } else {
        context.out.data(&line.text)
    }
}

/// How it ended: the command's own exit code, or why it could not run to its end.
fn ended(context: &mut Context<'_>, place: &Place, run: &Seen) -> Result<Exit> {
    if context.out.json {
        context.out.object(run)?;
    }
    let what = format!("run {} of {}", run.number, place.short());
    match (run.state.as_str(), run.exit_code) {
        ("succeeded", _) => {
            context.out.detail(format!("{what} succeeded"));
            Ok(Exit::Ok)
        }
        ("failed", Some(code)) if !run.oom => {
            let code = u8::try_from(code).ok().filter(|code| *code > 0);
            context.out.detail(format!("{what}: exit code {code:?}"));
            Ok(code.map_or(Exit::Failed, Exit::Command))
        }
        (state, _) => {
            let how = match state {
                "timed_out" => format!("was stopped after {} s", run.time_limit),
                "cancelled" => "was stopped".to_owned(),
                _ if run.oom => "was killed for using more memory than its limit".to_owned(),
                _ => "failed".to_owned(),
            };
            let mut error = CliError::new(format!("{what} {how}"));
            if let Some(failure) = &run.failure {
                error = error
                    .why(&failure.sentence)
                    .why(&failure.evidence)
                    .code(failure.code.clone());
            }
            Err(error.next(format!("segue runs show {} {}", run.number, place.flags())))
        }
    }
}
