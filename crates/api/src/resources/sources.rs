//! Sources: an archive goes through the one validator and is kept as canonical tar in pieces.
//!
//! Invariants: nothing of a refused archive is kept; nothing is unpacked; the hash is the canonical tar's, so the
//! same files have the same name whatever tool packed them. A client that leaves leaves an unfinished upload,
//! which is swept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use segue_model::archive::{Contents, Limits, Validator};
use segue_model::detect::WANTED_FILES;
use segue_model::id::SourceId;
use segue_store::StoreError;
use segue_store::{App, CHUNK_BYTES, SOURCE_LIMIT_BYTES, SourceInfo, TeamScope};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{Deploy, InApp, Read};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::drain::drain;
use crate::wire::json::ApiJson;
use crate::wire::params::{AppPath, Errors, Octets};
use crate::wire::query::ApiPath;

/// Uploads at a time: each holds a few megabytes and a core.
static UPLOADS: Semaphore = Semaphore::const_new(4);

/// An upload that sends nothing for this long is given up.
const IDLE: Duration = Duration::from_secs(30);

/// Sources whose file list is remembered, so that a deployment right after an upload reads nothing again.
const REMEMBERED: usize = 16;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(source_upload))
        .routes(routes!(source_check))
}

/// A kept source.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// SHA-256 of its canonical tar, hexadecimal: its name.
    pub sha256: String,
    /// Bytes of the canonical tar.
    pub size_bytes: u64,
}

impl From<&SourceInfo> for Source {
    fn from(info: &SourceInfo) -> Self {
        Self {
            sha256: hex::encode(info.sha256),
            size_bytes: info.size_bytes,
        }
    }
}

/// Sends a source: a tar or tar.gz of the application's files.
#[utoipa::path(put, path = "/v1/teams/{team}/apps/{app}/sources", tag = "sources", params(AppPath),
    request_body(content = Octets, content_type = "application/octet-stream",
        description = "A tar or gzipped tar of at most 256 MiB when unpacked."),
    responses((status = 200, description = "It is kept.", body = Source), Errors))]
async fn source_upload(
    at: InApp<Deploy>,
    State(state): State<ApiState>,
    request: Request,
) -> Result<ApiJson<Source>, Problem> {
    let media = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if media.is_none_or(|media| media.split(';').next() != Some("application/octet-stream")) {
        return Err(Problem::new(
            ProblemCode::UnsupportedMediaType,
            "the body must be an archive, with `Content-Type: application/octet-stream`",
        ));
    }
    let info = receive(&state, &at.scope, &at.app, &mut request.into_body()).await?;
    Ok(ApiJson(Source::from(&info)))
}

/// Asks whether a source is kept, so that an upload can be left out.
#[utoipa::path(head, path = "/v1/teams/{team}/apps/{app}/sources/{sha256}", tag = "sources",
    params(AppPath, ("sha256" = String, Path, description = "SHA-256 of its canonical tar, hexadecimal")),
    responses((status = 204, description = "It is kept."), Errors))]
async fn source_check(
    at: InApp<Read>,
    ApiPath((_, _, sha256)): ApiPath<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let sha256 = parse_sha256(&sha256).ok_or_else(Problem::not_found)?;
    at.scope.source_by_sha256(at.app.id, sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a hexadecimal SHA-256.
pub(super) fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let mut sha256 = [0u8; 32];
    let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (lower && hex::decode_to_slice(text, &mut sha256).is_ok()).then_some(sha256)
}

/// Takes a whole archive from a body.
pub(crate) async fn receive(
    state: &ApiState,
    scope: &TeamScope,
    app: &App,
    body: &mut axum::body::Body,
) -> Result<SourceInfo, Problem> {
    let Ok(_slot) = UPLOADS.acquire().await else {
        return Err(Problem::unavailable());
    };
    let mut upload = Upload::begin(scope, app).await?;
    let received = async {
        loop {
            let frame = tokio::time::timeout(IDLE, body.frame())
                .await
                .map_err(|_| {
                    Problem::new(ProblemCode::RequestTimeout, "the archive stopped arriving")
                })?;
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        upload.push(data).await?;
                    }
                }
                Some(Err(_)) => {
                    return Err(Problem::new(
                        ProblemCode::InvalidRequest,
                        "the upload was cut off",
                    ));
                }
                None => return Ok(()),
            }
        }
    };
    if let Err(problem) = received.await {
        upload.abort().await;
        drain(body).await;
        return Err(problem);
    }
    let (info, contents) = upload.finish().await?;
    state.sources().remember(info.id, contents);
    Ok(info)
}

/// An upload in progress.
pub(crate) struct Upload {
    scope: TeamScope,
    source: SourceId,
    validator: Option<Box<Validator>>,
    out: Vec<u8>,
    hash: Sha256,
    position: u32,
    size_bytes: u64,
}

fn validator() -> Box<Validator> {
    let limits = Limits {
        inflated_bytes: SOURCE_LIMIT_BYTES,
        ..Limits::default()
    };
    Box::new(Validator::new(limits, WANTED_FILES.iter().copied()))
}

impl Upload {
    pub(crate) async fn begin(scope: &TeamScope, app: &App) -> Result<Self, Problem> {
        Ok(Self {
            scope: scope.clone(),
            source: scope.source_begin(app.id).await?,
            validator: Some(validator()),
            out: Vec::new(),
            hash: Sha256::new(),
            position: 0,
            size_bytes: 0,
        })
    }

    /// Takes some bytes of the archive.
    pub(crate) async fn push(&mut self, data: Bytes) -> Result<(), Problem> {
        let mut rest = data;
        while !rest.is_empty() {
            // A compressed byte may become a thousand: small portions keep the output bounded.
            let portion = rest.split_to(rest.len().min(64 << 10));
            self.check(Some(portion)).await?;
            self.write_full().await?;
        }
        Ok(())
    }

    /// Runs the validator off the async threads.
    async fn check(&mut self, portion: Option<Bytes>) -> Result<Option<Contents>, Problem> {
        let Some(mut validator) = self.validator.take() else {
            return Err(Problem::new(
                ProblemCode::ArchiveRefused,
                "the archive was refused",
            ));
        };
        let mut out = std::mem::take(&mut self.out);
        let checked = tokio::task::spawn_blocking(move || {
            let Some(portion) = portion else {
                let contents = validator.finish(&mut out);
                return contents.map(|contents| (None, out, Some(contents)));
            };
            let mut input = portion.as_ref();
            while !input.is_empty() {
                let used = validator.push(input, &mut out)?;
                input = input.get(used..).unwrap_or_default();
            }
            Ok((Some(validator), out, None))
        })
        .await
        .map_err(|error| Problem::internal(&error))?;
        let (validator, out, contents) = checked.map_err(|error| {
            Problem::new(ProblemCode::ArchiveRefused, error.to_string())
                .hint("pack the application's own files only; nothing of it was kept")
        })?;
        self.validator = validator;
        self.out = out;
        Ok(contents)
    }

    async fn write_full(&mut self) -> Result<(), Problem> {
        while self.out.len() >= CHUNK_BYTES {
            let rest = self.out.split_off(CHUNK_BYTES);
            let chunk = std::mem::replace(&mut self.out, rest);
            self.write(&chunk).await?;
        }
        Ok(())
    }

    async fn write(&mut self, chunk: &[u8]) -> Result<(), Problem> {
        self.size_bytes += chunk.len() as u64;
        if self.size_bytes > SOURCE_LIMIT_BYTES {
            return Err(Problem::new(
                ProblemCode::BodyTooLarge,
                format!("a source may have at most {SOURCE_LIMIT_BYTES} bytes unpacked"),
            ));
        }
        self.hash.update(chunk);
        self.scope
            .source_chunk_put(self.source, self.position, chunk)
            .await?;
        self.position += 1;
        Ok(())
    }

    /// Ends the archive.
    pub(crate) async fn finish(mut self) -> Result<(SourceInfo, Contents), Problem> {
        match self.end().await {
            Ok(done) => Ok(done),
            Err(problem) => {
                self.abort().await;
                Err(problem)
            }
        }
    }

    async fn end(&mut self) -> Result<(SourceInfo, Contents), Problem> {
        let contents = self.check(None).await?.unwrap_or_default();
        self.write_full().await?;
        let last = std::mem::take(&mut self.out);
        if !last.is_empty() {
            self.write(&last).await?;
        }
        let sha256 = self.hash.clone().finalize().into();
        let info = self
            .scope
            .source_finish(self.source, sha256, self.size_bytes)
            .await?;
        Ok((info, contents))
    }

    /// Gives up; nothing is kept.
    pub(crate) async fn abort(&self) {
        if let Err(error) = self.scope.source_abort(self.source).await {
            // The sweep does it later.
            tracing::info!(%error, "an upload could not be dropped at once");
        }
    }
}

/// File lists of sources that were seen lately.
#[derive(Debug, Default)]
pub(crate) struct SourceMemory(Mutex<VecDeque<(SourceId, Arc<Contents>)>>);

impl SourceMemory {
    fn remember(&self, source: SourceId, contents: Contents) -> Arc<Contents> {
        let contents = Arc::new(contents);
        let mut known = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known.retain(|(id, _)| *id != source);
        known.push_back((source, Arc::clone(&contents)));
        if known.len() > REMEMBERED {
            known.pop_front();
        }
        contents
    }

    fn get(&self, source: SourceId) -> Option<Arc<Contents>> {
        let known = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known
            .iter()
            .find(|(id, _)| *id == source)
            .map(|(_, contents)| Arc::clone(contents))
    }
}

/// The file list and the small files of a kept source.
pub(super) async fn contents(
    state: &ApiState,
    scope: &TeamScope,
    source: &SourceInfo,
) -> Result<Arc<Contents>, Problem> {
    if let Some(known) = state.sources().get(source.id) {
        return Ok(known);
    }
    let mut validator = Some(validator());
    for position in 0.. {
        let Some(chunk) = scope.source_chunk(source.id, position).await? else {
            break;
        };
        let Some(mut taken) = validator.take() else {
            break;
        };
        let back = tokio::task::spawn_blocking(move || {
            let (mut input, mut out) = (chunk.as_ref(), Vec::new());
            while !input.is_empty() {
                let used = taken.push(input, &mut out)?;
                input = input.get(used..).unwrap_or_default();
                out.clear();
            }
            Ok::<_, segue_model::archive::ArchiveError>(taken)
        })
        .await
        .map_err(|error| Problem::internal(&error))?;
        validator = Some(back.map_err(|error| Problem::internal(&error))?);
    }
    let mut out = Vec::new();
    let contents = match validator {
        Some(validator) => validator
            .finish(&mut out)
            .map_err(|error| Problem::internal(&error))?,
        None => return Err(StoreError::NotFound.into()),
    };
    Ok(state.sources().remember(source.id, contents))
}

impl IntoResponse for Source {
    fn into_response(self) -> Response {
        ApiJson(self).into_response()
    }
}
