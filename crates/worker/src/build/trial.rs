//! The tests of an app, run in the image that was built: a throw-away container on the build engine, without
//! network, before the release exists. Failing tests stop the deployment, and the failure names them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use secrecy::SecretString;
use segue_driver::{
    ContainerName, Deadline, Driver, DriverError, Exit, Identity, LogStream, StepState, TaskInput,
    task_spec,
};
use segue_model::failure::FailureCode;
use segue_model::id::{BuildId, InstanceId};
use segue_model::name::{ConfigKey, ServiceName};
use segue_model::revision::Revision;
use segue_model::spec::{Command, ImageRef, Resources};
use segue_store::{BuildOutcome, ClaimedBuild};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::failure;
use super::run::ended;
use super::steps::Steps;
use crate::shared::Shared;

/// To start and to remove the container.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// After the end, its last lines are waited for.
const LAST_LINES: Duration = Duration::from_secs(2);
/// Names of failing tests that are told.
const NAMES: usize = 5;

/// The container of a build's tests: derived, so that whoever takes the build over can remove it.
fn instance(build: BuildId) -> InstanceId {
    InstanceId::from_uuid(build.as_uuid())
}

/// Removes what a run of the tests left behind.
pub(super) async fn remove(shared: &Shared, build: BuildId) {
    let Some(driver) = &shared.engines.tasks else {
        return;
    };
    let name = ContainerName::from(instance(build));
    if let Err(error) = driver.remove(&name, Deadline::after(CALL_LIMIT)).await {
        tracing::debug!(build.id = %build, %error, "the tests' container could not be removed");
    }
}

/// Runs the tests.
pub(super) async fn run(
    shared: &Arc<Shared>,
    claimed: &ClaimedBuild,
    image: &ImageRef,
    command: &Command,
    strict: bool,
    steps: &mut Steps,
) -> Result<(), BuildOutcome> {
    let Some(driver) = shared.engines.tasks.clone() else {
        let why = "this server has no engine to run tests on".to_owned();
        return Err(BuildOutcome::Failed(failure(FailureCode::Internal, why)));
    };
    // What an earlier try of this build left.
    remove(shared, claimed.claim.build).await;
    let argv = command.to_argv();
    let number = steps.next_number();
    steps.step(
        number,
        &format!("tests: {}", argv.join(" ")),
        false,
        &StepState::Started,
    );
    let begun = Instant::now();
    let limit = shared.config.build.test_time;
    let mut lines = Vec::new();
    let result = timeout(
        limit,
        trial(
            driver.as_ref(),
            shared,
            claimed,
            image,
            argv,
            strict,
            number,
            steps,
            &mut lines,
        ),
    );
    let result = result.await;
    remove(shared, claimed.claim.build).await;
    let retry = |error: DriverError| {
        BuildOutcome::Retry(failure(
            FailureCode::Internal,
            format!("the tests: {error}"),
        ))
    };
    let (outcome, message) = match result {
        Ok(Ok(exit)) if exit.code == 0 => (None, String::new()),
        Ok(Ok(exit)) => {
            let evidence = explain(&exit, &lines);
            (
                Some(BuildOutcome::Failed(failure(
                    FailureCode::TestsFailed,
                    evidence.clone(),
                ))),
                evidence,
            )
        }
        Ok(Err(error)) => match error.failure_code() {
            Some(_) => {
                let why = format!("the tests could not be started: {error}");
                (
                    Some(BuildOutcome::Failed(failure(
                        FailureCode::TestsFailed,
                        why.clone(),
                    ))),
                    why,
                )
            }
            None => (Some(retry(error)), "the build engine failed".to_owned()),
        },
        Err(_) => {
            let why = format!("the tests were not done after {} s", limit.as_secs());
            (
                Some(BuildOutcome::TimedOut(failure(
                    FailureCode::BuildTimedOut,
                    why.clone(),
                ))),
                why,
            )
        }
    };
    steps.step(
        number,
        "",
        false,
        &ended(outcome.is_none(), begun.elapsed(), &message),
    );
    outcome.map_or(Ok(()), Err)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one caller, which holds all of them already"
)]
async fn trial(
    driver: &dyn Driver,
    shared: &Shared,
    claimed: &ClaimedBuild,
    image: &ImageRef,
    argv: Vec<String>,
    strict: bool,
    number: u32,
    steps: &mut Steps,
    lines: &mut Vec<String>,
) -> Result<Exit, DriverError> {
    let id = instance(claimed.claim.build);
    let name = ContainerName::from(id);
    let broken = |_| DriverError::Protocol("a name of ours is not valid".to_owned());
    let service = ServiceName::new("tests").map_err(broken)?;
    let env = [("CI", "1")]
        .into_iter()
        .filter_map(|(key, value)| {
            Some((
                ConfigKey::new(key).ok()?,
                SecretString::from(value.to_owned()),
            ))
        })
        .collect::<BTreeMap<_, _>>();
    let spec = task_spec(TaskInput {
        identity: Identity {
            installation: shared.installation,
            team: claimed.team,
            environment: claimed.environment,
            service,
            revision: Revision::from_bytes([0; 32]),
            instance: id,
            slot: 0,
            host_epoch: 0,
        },
        image,
        argv,
        env,
        resources: Resources {
            cpu_millis: 1000,
            memory_bytes: shared.config.build.test_memory_bytes,
            pids: 1024,
        },
        strict,
        addresses: None,
    });
    driver
        .ensure_running(&spec, Deadline::after(CALL_LIMIT))
        .await?;
    let mut log = driver
        .logs(&name, None, true, Deadline::after(CALL_LIMIT))
        .await?
        .fuse();
    let limit = shared.config.build.test_time;
    let exit = driver.wait(&name, Deadline::after(limit));
    tokio::pin!(exit);
    let mut write = interval(Duration::from_millis(250));
    write.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut take = |steps: &mut Steps, stream: LogStream, message: &[u8]| {
        steps.line(number, stream, message);
        if lines.len() >= 4000 {
            lines.drain(..2000);
        }
        lines.push(String::from_utf8_lossy(message).into_owned());
    };
    let exit = loop {
        tokio::select! {
            line = log.next() => match line {
                Some(Ok(line)) => take(steps, line.stream, &line.message),
                Some(Err(_)) | None => break exit.await?,
            },
            exit = &mut exit => break exit?,
            _ = write.tick() => steps.write().await,
        }
    };
    let rest = async {
        while let Some(Ok(line)) = log.next().await {
            take(steps, line.stream, &line.message);
        }
    };
    // The stream of a container that has ended ends by itself.
    let _ = timeout(LAST_LINES, rest).await;
    Ok(exit)
}

/// How the tests ended, with the names of those that failed.
fn explain(exit: &Exit, lines: &[String]) -> String {
    let names = failing(lines);
    let how = if exit.oom {
        "the tests were killed for memory".to_owned()
    } else {
        format!("exit code {}", exit.code)
    };
    if names.is_empty() {
        let last = lines
            .iter()
            .rev()
            .map(|line| line.trim())
            .filter(|line| !line.is_empty())
            .take(3);
        let mut last: Vec<&str> = last.collect();
        last.reverse();
        return if last.is_empty() {
            how
        } else {
            format!("{how}: {}", last.join(" | "))
        };
    }
    let more = names.len().saturating_sub(NAMES);
    let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more} failed ({how})", shown.join(", "))
}

/// Names of failing tests, as the usual test runners print them.
fn failing(lines: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in lines {
        let line = strip_colour(line);
        if let Some(name) = failing_line(line.trim_end())
            && !name.is_empty()
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

fn failing_line(line: &str) -> Option<String> {
    let text = line.trim_start();
    let before = |text: &str, mark: &str| {
        text.split(mark)
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    // pytest: `FAILED tests/test_a.py::test_b - AssertionError`.
    if let Some(rest) = line
        .strip_prefix("FAILED ")
        .or_else(|| line.strip_prefix("ERROR "))
        && rest.contains("::")
    {
        return Some(before(rest, " - "));
    }
    // unittest: `FAIL: test_b (tests.A)`.
    if let Some(rest) = line
        .strip_prefix("FAIL: ")
        .or_else(|| line.strip_prefix("ERROR: "))
        && rest.contains('(')
    {
        return Some(rest.trim().to_owned());
    }
    // TAP, as node:test prints it without a terminal: `not ok 3 - adds`.
    if let Some(rest) = text.strip_prefix("not ok ") {
        let name = rest.split_once(" - ").map_or(rest, |(_, name)| name);
        return Some(before(name, " # "));
    }
    // jest: `  ● suite › adds`.
    if let Some(rest) = text.strip_prefix("● ") {
        return Some(rest.trim().to_owned()).filter(|name| !name.ends_with("failed to run"));
    }
    // node:test with its spec reporter, and vitest: `✖ adds (1.2ms)`.
    if let Some(rest) = text.strip_prefix("✖ ").or_else(|| text.strip_prefix("× ")) {
        let name = rest
            .rsplit_once(" (")
            .filter(|(_, time)| time.ends_with("ms)"))
            .map_or(rest, |(name, _)| name);
        return Some(name.trim().to_owned()).filter(|name| name != "failing tests:");
    }
    // go: `--- FAIL: TestAdds (0.00s)`.
    if let Some(rest) = text.strip_prefix("--- FAIL: ") {
        return Some(before(rest, " ("));
    }
    // cargo: `test tests::adds ... FAILED`.
    if let Some(rest) = text.strip_prefix("test ")
        && let Some(name) = rest.strip_suffix(" ... FAILED")
    {
        return Some(name.to_owned());
    }
    None
}

/// A line without terminal colours.
fn strip_colour(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // Up to the letter that ends the sequence.
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        failing(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn failing_tests_are_named_as_their_runners_print_them() {
        assert_eq!(
            names("..F\nFAILED tests/test_shop.py::test_total - assert 3 == 4\n1 failed, 2 passed"),
            ["tests/test_shop.py::test_total"]
        );
        assert_eq!(
            names("FAIL: test_total (shop.tests.Cart)\nRan 3 tests"),
            ["test_total (shop.tests.Cart)"]
        );
        assert_eq!(
            names("ok 1 - subtracts\nnot ok 2 - adds\n  not ok 1 - inner # TODO"),
            ["adds", "inner"]
        );
        assert_eq!(
            names("\u{1b}[31m✖ adds (1.2ms)\u{1b}[0m\n✖ failing tests:"),
            ["adds"]
        );
        assert_eq!(names("  ● cart › adds\n\n  ● cart › adds"), ["cart › adds"]);
        assert_eq!(names("--- FAIL: TestAdds (0.00s)"), ["TestAdds"]);
        assert_eq!(
            names("test cart::adds ... FAILED\ntest cart::ok ... ok"),
            ["cart::adds"]
        );
        assert!(names("ERROR something bad happened\nall fine").is_empty());
    }

    #[test]
    fn without_names_the_last_lines_say_why() {
        let lines: Vec<String> = ["a", "b", "", "boom", "the end"].map(str::to_owned).into();
        let exit = Exit {
            code: 2,
            oom: false,
            at: None,
        };
        assert_eq!(explain(&exit, &lines), "exit code 2: b | boom | the end");
        assert!(explain(&Exit { oom: true, ..exit }, &[]).contains("memory"));
    }
}
