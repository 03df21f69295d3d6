//! Builds: claims what waits, makes or pins an image, runs its tests, and binds the image to the build.
//!
//! Invariants: a claim is renewed while the build runs, and a builder that lost it stops and writes nothing; a
//! cancel really stops (the engine's build is cut off, the test's container removed); infrastructure errors are
//! tried again, people's errors never; everything that is kept was redacted. Must not: place or start anything.

mod base;
mod resolve;
mod run;
mod source;
mod steps;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use segue_model::failure::{Failure, FailureCode};
use segue_store::{BuildInput, BuildOutcome, BuildSignal, ClaimedBuild, StoreError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::lead::Chain;
use crate::shared::Shared;

/// Between two looks for a build without any notification.
const POLL: Duration = Duration::from_secs(1);
/// Between two renewals of a claim, which is also how soon a cancel is heard.
const RENEW: Duration = Duration::from_secs(2);
/// A claim that could not be renewed for this long may be another's soon.
const LOST_AFTER: Duration = Duration::from_secs(25);
/// To write how a build ended.
const FINISH_LIMIT: Duration = Duration::from_secs(60);

/// Claims and runs builds until `stop`.
pub(crate) async fn keep(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), StoreError> {
    let mut running: JoinSet<()> = JoinSet::new();
    loop {
        while running.len() < shared.config.build.parallel.max(1) {
            let Some(claimed) = shared.store.build_claim(shared.worker).await? else {
                break;
            };
            tracing::info!(build.id = %claimed.claim.build, attempt = claimed.attempt, "build claimed");
            running.spawn(one(shared.clone(), claimed));
        }
        tokio::select! {
            // Builds that run are dropped; their claims run out and another builder begins them anew.
            () = stop.cancelled() => return Ok(()),
            () = sleep(POLL) => {}
            () = shared.builds.notified() => {}
            Some(ended) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a build has panicked; its claim runs out");
                }
            }
        }
    }
}

/// How the work on a build ended.
enum End {
    Done(BuildOutcome),
    Cancelled,
    Lost,
}

async fn one(shared: Arc<Shared>, claimed: ClaimedBuild) {
    let build = claimed.claim.build;
    if claimed.cancel_requested {
        finish(&shared, &claimed, cancelled()).await;
        return;
    }
    let end = tokio::select! {
        outcome = work(&shared, &claimed) => End::Done(outcome),
        end = hold(&shared, &claimed) => end,
    };
    // Whatever was under way has been dropped by now; what it left on the engine is removed.
    if matches!(claimed.input, BuildInput::Source(_)) {
        trial::remove(&shared, build).await;
    }
    match end {
        End::Done(outcome) => finish(&shared, &claimed, outcome).await,
        End::Cancelled => finish(&shared, &claimed, cancelled()).await,
        End::Lost => tracing::warn!(build.id = %build, "the claim was lost; nothing is written"),
    }
}

async fn work(shared: &Arc<Shared>, claimed: &ClaimedBuild) -> BuildOutcome {
    let limit = shared.config.build.time + shared.config.build.test_time;
    let work = async {
        match &claimed.input {
            BuildInput::Source(source) => run::build(shared, claimed, *source).await,
            BuildInput::Resolve(name) => resolve::pin(shared, claimed.environment, name).await,
        }
    };
    match timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => BuildOutcome::TimedOut(failure(
            FailureCode::BuildTimedOut,
            format!("not done after {} s", limit.as_secs()),
        )),
    }
}

fn cancelled() -> BuildOutcome {
    BuildOutcome::Cancelled(failure(
        FailureCode::Cancelled,
        "the build was stopped".to_owned(),
    ))
}

/// Renews the claim; answers when the build must stop.
async fn hold(shared: &Shared, claimed: &ClaimedBuild) -> End {
    let mut held = Instant::now();
    loop {
        sleep(RENEW).await;
        let asked = Instant::now();
        match timeout(RENEW * 2, shared.store.build_renew(&claimed.claim)).await {
            Ok(Ok(BuildSignal::Continue)) => held = asked,
            Ok(Ok(BuildSignal::Cancel)) => return End::Cancelled,
            Ok(Ok(BuildSignal::Lost)) => return End::Lost,
            Ok(Err(_)) | Err(_) if held.elapsed() >= LOST_AFTER => return End::Lost,
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

/// Writes how it ended, again and again until the claim runs out.
async fn finish(shared: &Shared, claimed: &ClaimedBuild, outcome: BuildOutcome) {
    let begun = Instant::now();
    loop {
        match shared.store.build_finish(&claimed.claim, &outcome).await {
            Ok(()) => {
                let (build, how) = (claimed.claim.build, name(&outcome));
                tracing::info!(build.id = %build, how, "build ended");
                shared.wake(claimed.environment);
                return;
            }
            Err(StoreError::LeaseLost { .. }) => return,
            Err(error) if begun.elapsed() > FINISH_LIMIT => {
                tracing::error!(build.id = %claimed.claim.build, error = %Chain(&error), "the end of a build could not be written; it is built again");
                return;
            }
            Err(_) => sleep(RENEW / 2).await,
        }
    }
}

fn name(outcome: &BuildOutcome) -> &'static str {
    match outcome {
        BuildOutcome::Succeeded { .. } => "succeeded",
        BuildOutcome::Failed(_) => "failed",
        BuildOutcome::TimedOut(_) => "timed out",
        BuildOutcome::Cancelled(_) => "cancelled",
        BuildOutcome::Retry(_) => "queued again",
    }
}

/// A failure with bounded evidence of one line.
fn failure(code: FailureCode, evidence: String) -> Failure {
    Failure {
        code,
        evidence: crate::observe::track::one_line(&evidence, 1000),
    }
}
