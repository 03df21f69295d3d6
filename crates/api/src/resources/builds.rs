//! Builds and their logs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use segue_model::Timestamp;
use segue_model::id::BuildId;
use segue_store::{BuildInput, BuildView, LogFilter, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::logs::{LogLine, LogPage, LogQuery, answer_logs};
use super::stream::{LastEventId, Wanted};
use crate::auth::place::{Deploy, InEnv, Permission, Read};
use crate::dto::failure::FailureView;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::{ApiPath, ApiQuery};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(build_list))
        .routes(routes!(build_get))
        .routes(routes!(build_log))
        .routes(routes!(build_cancel))
}

/// A build: source to image, or the pinning of a named image.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BuildDetail {
    /// Its id.
    #[schema(value_type = String)]
    pub id: BuildId,
    /// `source` or `resolve`.
    pub kind: String,
    /// The image's name, for `resolve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub image: Option<String>,
    /// `queued`, `claimed`, `running`, `pushing`, `testing`, `succeeded`, `failed`, `timed_out`, `cancelled`.
    pub state: String,
    /// How often a builder took it.
    pub attempt: u32,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// Its steps, as the builder saw them.
    #[schema(value_type = Vec<Object>)]
    pub steps: Vec<serde_json::Value>,
    /// Content address of the image, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub digest: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<FailureView>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was first taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub finished_at: Option<Timestamp>,
}

page! {
    /// A page of builds, newest first.
    BuildPage of BuildDetail
}

impl From<&BuildView> for BuildDetail {
    fn from(build: &BuildView) -> Self {
        let (kind, image) = match &build.input {
            BuildInput::Source(_) => ("source", None),
            BuildInput::Resolve(name) => ("resolve", Some(name.to_string())),
        };
        Self {
            id: build.id,
            kind: kind.to_owned(),
            image,
            state: build.state.to_string(),
            attempt: build.attempt,
            cancel_requested: build.cancel_requested,
            steps: build.steps.as_array().cloned().unwrap_or_default(),
            digest: build.image.as_ref().map(|image| image.content().to_owned()),
            failure: build.failure.as_ref().map(FailureView::from),
            created_at: build.created_at,
            started_at: build.started_at,
            finished_at: build.finished_at,
        }
    }
}

async fn find<P: Permission>(at: &InEnv<P>, text: &str) -> Result<BuildView, Problem> {
    let id: BuildId = text.parse().map_err(|_| Problem::not_found())?;
    let build = at.scope.build_get(id).await?;
    if build.environment == at.env.id {
        Ok(build)
    } else {
        Err(Problem::not_found())
    }
}

/// Lists builds, newest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/builds", tag = "builds",
    params(EnvPath, PageQuery),
    responses((status = 200, description = "Builds.", body = BuildPage), Errors))]
async fn build_list(
    at: InEnv<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<BuildPage>, Problem> {
    let (builds, next_cursor) = query
        .read(
            |page| at.scope.build_list(at.env.id, page),
            |build| build.id,
        )
        .await?;
    let items = builds.iter().map(BuildDetail::from).collect();
    Ok(ApiJson(BuildPage { items, next_cursor }))
}

/// Shows a build with its steps.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/builds/{build}", tag = "builds",
    params(EnvPath, ("build" = String, Path, description = "Id of the build")),
    responses((status = 200, description = "The build.", body = BuildDetail), Errors))]
async fn build_get(
    at: InEnv<Read>,
    ApiPath((_, _, _, build)): ApiPath<(String, String, String, String)>,
) -> Result<ApiJson<BuildDetail>, Problem> {
    Ok(ApiJson(BuildDetail::from(&find(&at, &build).await?)))
}

/// Reads or follows a build's log.
///
/// With `Accept: text/event-stream`: a message `line` for each line, until the build has ended.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/builds/{build}/log", tag = "builds",
    params(EnvPath, LogQuery, ("build" = String, Path, description = "Id of the build")),
    responses((status = 200, description = "Lines, oldest first.", content(
        (LogPage = "application/json"), (LogLine = "text/event-stream"))), Errors))]
async fn build_log(
    at: InEnv<Read>,
    State(state): State<ApiState>,
    wanted: Wanted,
    LastEventId(last): LastEventId,
    ApiPath((_, _, _, build)): ApiPath<(String, String, String, String)>,
    ApiQuery(query): ApiQuery<LogQuery>,
) -> Result<Response, Problem> {
    let build = find(&at, &build).await?;
    let filter = LogFilter {
        build: Some(build.id),
        ..query.filter()?
    };
    answer_logs(state, at.scope, at.env.id, filter, query, wanted, last).await
}

/// Stops a build.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/builds/{build}/cancel", tag = "builds",
    params(EnvPath, ("build" = String, Path, description = "Id of the build")),
    responses((status = 202, description = "It is being stopped.", body = BuildDetail), Errors))]
async fn build_cancel(
    at: InEnv<Deploy>,
    ApiPath((_, _, _, build)): ApiPath<(String, String, String, String)>,
) -> Result<(StatusCode, ApiJson<BuildDetail>), Problem> {
    let build = find(&at, &build).await?;
    match at.scope.build_cancel(build.id).await {
        Err(StoreError::Conflict { .. }) => {
            Err(Problem::new(ProblemCode::Conflict, "the build has ended"))
        }
        stopped => Ok((StatusCode::ACCEPTED, ApiJson(BuildDetail::from(&stopped?)))),
    }
}
