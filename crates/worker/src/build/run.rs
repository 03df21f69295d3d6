//! One build of a source, from its chunks to a bound image.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use segue_driver::{
    BuildEvent, BuildFailure, BuildFailureKind, BuildRequest, Builder, Deadline, Dockerfile,
    StepState,
};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::SourceId;
use segue_model::manifest::Manifest;
use segue_model::spec::ImageRef;
use segue_model::state::BuildState;
use segue_store::{BuildOutcome, ClaimedBuild};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::source::{Unusable, chunks, inspect};
use super::steps::Steps;
use super::{base, failure, trial};
use crate::core::words;
use crate::shared::Shared;

/// For questions to the build engine.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// Between two writes of steps and log.
const WRITE_EVERY: Duration = Duration::from_millis(250);
/// While the secrets to be redacted cannot be read.
const SECRETS_RETRY: Duration = Duration::from_secs(1);

/// Builds a source.
pub(super) async fn build(
    shared: &Arc<Shared>,
    claimed: &ClaimedBuild,
    source: SourceId,
) -> BuildOutcome {
    match try_build(shared, claimed, source).await {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

fn retry(why: String) -> BuildOutcome {
    BuildOutcome::Retry(failure(FailureCode::Internal, why))
}

async fn try_build(
    shared: &Arc<Shared>,
    claimed: &ClaimedBuild,
    source: SourceId,
) -> Result<BuildOutcome, BuildOutcome> {
    let Some(builder) = shared.engines.build.clone() else {
        let why = "this server has no build engine: docs/OPERATIONS.md, `build_socket`".to_owned();
        return Err(BuildOutcome::Failed(failure(FailureCode::Internal, why)));
    };
    let manifest: Manifest = serde_json::from_value(claimed.settings.clone()).map_err(|error| {
        BuildOutcome::Failed(failure(
            FailureCode::Internal,
            format!("the build's settings: {error}"),
        ))
    })?;
    let engine = builder
        .info(Deadline::after(ASK_LIMIT))
        .await
        .map_err(|error| retry(format!("the build engine: {error}")))?;
    let redactor = loop {
        // Nothing is shown before it is known what must not be.
        match shared
            .redactors
            .of(&shared.store, claimed.environment)
            .await
        {
            Some(redactor) => break redactor,
            None => sleep(SECRETS_RETRY).await,
        }
    };
    let mut steps = Steps::new(shared.clone(), claimed.claim, redactor);
    steps.write().await;
    let found = inspect(shared, source, &manifest, &engine.version)
        .await
        .map_err(|error| match error {
            Unusable::Theirs(failure) => BuildOutcome::Failed(failure),
            Unusable::Ours(failure) => BuildOutcome::Retry(failure),
        })?;
    tracing::info!(build.id = %claimed.claim.build, detected = found.detected.summary(), "building");
    let generated = matches!(found.dockerfile, Dockerfile::Generated { .. });
    match &found.dockerfile {
        Dockerfile::Generated { text } | Dockerfile::Own { text, .. } => {
            base::ensure(shared, builder.as_ref(), text).await
        }
    }
    let request = BuildRequest {
        tag: format!("segue/{}:{}", claimed.app, claimed.claim.build),
        dockerfile: found.dockerfile,
        args: BTreeMap::new(),
        ca_bundle: ca_bundle(shared).await?,
        labels: BTreeMap::from([
            (
                "segue.installation".to_owned(),
                shared.installation.to_string(),
            ),
            ("segue.build".to_owned(), claimed.claim.build.to_string()),
        ]),
        target: None,
        time_limit: shared.config.build.time,
        no_cache: false,
        ignore: found.ignore,
    };
    let built = drive(builder.as_ref(), request, shared, source, &mut steps).await;
    let id = match built {
        Ok(id) => id,
        Err(error) => {
            steps.end().await;
            return Err(outcome(&error, &steps, generated));
        }
    };
    let info = builder
        .image_inspect(&id, Deadline::after(ASK_LIMIT))
        .await
        .map_err(|error| retry(format!("the build engine: {error}")))?
        .ok_or_else(|| retry(format!("the build engine does not have {id} any more")))?;
    let image = ImageRef::Engine {
        id,
        hosts: Default::default(),
    };
    if let Some(test) = &manifest.build.test {
        steps.state(BuildState::Testing);
        let tested = trial::run(shared, claimed, &image, test, generated, &mut steps).await;
        if let Err(outcome) = tested {
            steps.end().await;
            return Err(outcome);
        }
    }
    steps.end().await;
    Ok(BuildOutcome::Succeeded {
        image,
        exposed_port: info.single_port(),
        generated,
    })
}

async fn ca_bundle(shared: &Shared) -> Result<Option<Bytes>, BuildOutcome> {
    match &shared.config.extra_ca {
        Some(path) => match tokio::fs::read(path).await {
            Ok(bundle) => Ok(Some(bundle.into())),
            Err(error) => Err(retry(format!(
                "the extra certificates {}: {error}",
                path.display()
            ))),
        },
        None => Ok(None),
    }
}

/// Runs the build on the engine. Dropping it stops the build there.
async fn drive(
    builder: &dyn Builder,
    request: BuildRequest,
    shared: &Arc<Shared>,
    source: SourceId,
    steps: &mut Steps,
) -> Result<String, BuildFailure> {
    let mut events = builder.build(request, chunks(shared.store.clone(), source));
    let mut write = interval(WRITE_EVERY);
    write.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(BuildEvent::Step { step, name, internal, state }) => steps.step(step, &name, internal, &state),
                Some(BuildEvent::Log { step, stream, message }) => steps.output(step, stream, &message),
                Some(BuildEvent::Ended(Ok(image))) => return Ok(image.id),
                Some(BuildEvent::Ended(Err(error))) => return Err(error),
                None => return Err(BuildFailure {
                    kind: BuildFailureKind::Source,
                    step: None,
                    message: "the build engine's answer broke off".to_owned(),
                }),
            },
            _ = write.tick() => steps.write().await,
        }
    }
}

/// What a build failure means for the build.
fn outcome(error: &BuildFailure, steps: &Steps, generated: bool) -> BuildOutcome {
    let mut failure = explain(error, steps);
    if generated && error.kind == BuildFailureKind::BaseImage {
        // The name is the server's and not the source's: nobody could correct it there.
        let why = format!(
            "a base image of the server's `runtimes` is on none of its engines and in no registry; `./dev bases SOCKET \
             NAME` makes those that begin with segue/ (docs/OPERATIONS.md): {}",
            failure.evidence
        );
        failure = self::failure(FailureCode::RuntimeMissing, why);
    }
    match &error.kind {
        BuildFailureKind::TimedOut => BuildOutcome::TimedOut(failure),
        _ if error.retryable() => BuildOutcome::Retry(failure),
        _ => BuildOutcome::Failed(failure),
    }
}

/// Which step, how it ended, and its last lines.
fn explain(error: &BuildFailure, steps: &Steps) -> Failure {
    let (name, last) = steps.evidence(error.step);
    let how = match &error.kind {
        BuildFailureKind::Step {
            exit_code: Some(code),
        } => format!("exit code {code}"),
        _ => error.message.clone(),
    };
    let mut evidence = if name.is_empty() {
        how
    } else {
        format!("{name}: {how}")
    };
    let last = words::news(&evidence, last.iter().map(String::as_str));
    if !last.is_empty() {
        evidence.push_str(": ");
        evidence.push_str(&last);
    }
    failure(error.failure_code(), evidence)
}

/// The state of a step that is ours: the tests.
pub(super) fn ended(ok: bool, took: Duration, message: &str) -> StepState {
    if ok {
        StepState::Finished { took }
    } else {
        StepState::Failed {
            message: message.to_owned(),
        }
    }
}
