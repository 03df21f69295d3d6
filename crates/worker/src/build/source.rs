//! The source of a build: its chunks as a stream, and what detection needs to know of it.

use bytes::Bytes;
use futures::stream::{BoxStream, try_unfold};
use futures::{StreamExt, TryStreamExt};
use segue_driver::Dockerfile;
use segue_model::archive::{Contents, Limits, Validator};
use segue_model::detect::{self, Detected, WANTED_FILES};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::SourceId;
use segue_model::manifest::Manifest;
use segue_store::SystemStore;

use super::failure;
use crate::shared::Shared;

/// The file that a build uses if the manifest names none.
const DOCKERFILE: &str = "Dockerfile";
/// What of the source is not sent.
const DOCKERIGNORE: &str = ".dockerignore";
/// Engines before this version cannot do heredocs, and fetch frontends that `# syntax=` names.
const MODERN_ENGINE: u64 = 23;

/// The canonical tar, chunk by chunk.
pub(super) fn chunks(
    store: SystemStore,
    source: SourceId,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    try_unfold(0u32, move |position| {
        let store = store.clone();
        async move {
            let chunk = store
                .source_chunk(source, position)
                .await
                .map_err(std::io::Error::other)?;
            Ok(chunk.map(|chunk| (chunk, position.saturating_add(1))))
        }
    })
    .boxed()
}

/// What is wrong with a source.
pub(super) enum Unusable {
    /// People's error.
    Theirs(Failure),
    /// Ours, or the store's; tried again.
    Ours(Failure),
}

/// What will be built, and how.
pub(super) struct Found {
    pub detected: Detected,
    pub dockerfile: Dockerfile,
    /// Text of `.dockerignore`.
    pub ignore: Option<String>,
}

/// Reads the source once and decides how it is built.
pub(super) async fn inspect(
    shared: &Shared,
    source: SourceId,
    manifest: &Manifest,
    engine_version: &str,
) -> Result<Found, Unusable> {
    let path = manifest.build.dockerfile.as_deref().unwrap_or(DOCKERFILE);
    let contents = contents(shared.store.clone(), source, path).await?;
    let seen = detect::Source {
        paths: &contents.paths,
        files: &contents.files,
    };
    let detected =
        detect::detect(seen, manifest, &shared.config.runtimes).map_err(Unusable::Theirs)?;
    let dockerfile = match &detected.dockerfile {
        detect::Dockerfile::Generated { text } => Dockerfile::Generated { text: text.clone() },
        detect::Dockerfile::Source { path } => {
            let text = seen.text(path).ok_or_else(|| {
                let why = format!("{path} is not there, is not text, or is larger than 256 KiB");
                Unusable::Theirs(failure(FailureCode::BuildFailed, why))
            })?;
            supported(path, text, engine_version)?;
            Dockerfile::Own {
                path: path.clone(),
                text: text.to_owned(),
            }
        }
    };
    let ignore = seen.text(DOCKERIGNORE).map(str::to_owned);
    Ok(Found {
        detected,
        dockerfile,
        ignore,
    })
}

/// Says in our own words what the engine would say in its own, or do without a word.
fn supported(path: &str, text: &str, engine_version: &str) -> Result<(), Unusable> {
    let major = engine_version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u64>().ok());
    if major.is_some_and(|major| major >= MODERN_ENGINE) {
        return Ok(());
    }
    let found = detect::unsupported(text);
    if found.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = found
        .iter()
        .map(|(line, what)| match what {
            detect::Unsupported::Syntax => format!("{path}:{line} names a frontend (`# syntax=`)"),
            detect::Unsupported::Heredoc => format!("{path}:{line} uses a heredoc (`<<`)"),
        })
        .collect();
    let why = format!(
        "{}; the build engine is version {engine_version}",
        list.join(", ")
    );
    Err(Unusable::Theirs(failure(
        FailureCode::DockerfileUnsupported,
        why,
    )))
}

async fn contents(
    store: SystemStore,
    source: SourceId,
    dockerfile: &str,
) -> Result<Contents, Unusable> {
    let wanted = WANTED_FILES
        .iter()
        .copied()
        .chain([dockerfile, DOCKERIGNORE]);
    let mut validator = Validator::new(Limits::default(), wanted);
    let mut chunks = chunks(store, source);
    let mut scrap = Vec::new();
    let damaged = |error: &dyn std::fmt::Display| {
        Unusable::Ours(failure(
            FailureCode::Internal,
            format!("the kept source is damaged: {error}"),
        ))
    };
    loop {
        let chunk = chunks.try_next().await.map_err(|error| {
            Unusable::Ours(failure(
                FailureCode::Internal,
                format!("the source could not be read: {error}"),
            ))
        })?;
        let Some(chunk) = chunk else { break };
        let mut rest: &[u8] = &chunk;
        while !rest.is_empty() {
            let used = validator
                .push(rest, &mut scrap)
                .map_err(|error| damaged(&error))?;
            scrap.clear();
            rest = rest.get(used..).unwrap_or_default();
        }
        // A large source takes a while; others have their turn.
        tokio::task::yield_now().await;
    }
    validator
        .finish(&mut scrap)
        .map_err(|error| damaged(&error))
}
