//! What watches the API: liveness, readiness, figures, the OpenAPI document.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::principal::PlatformAdmin;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::Errors;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(health_get))
        .routes(routes!(readiness_get))
        .routes(routes!(metrics_get))
        .routes(routes!(openapi_get))
}

/// How the server is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// `ok`.
    pub status: String,
    /// Version of the program.
    pub version: String,
}

fn ok() -> ApiJson<Status> {
    ApiJson(Status {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Tells that the process runs.
#[utoipa::path(get, path = "/healthz", tag = "system", security(()),
    responses((status = 200, description = "It runs.", body = Status), Errors))]
async fn health_get() -> ApiJson<Status> {
    ok()
}

/// Tells whether requests can be served: the database answers and has the right schema.
#[utoipa::path(get, path = "/readyz", tag = "system", security(()),
    responses((status = 200, description = "Requests can be served.", body = Status), Errors))]
async fn readiness_get(State(state): State<ApiState>) -> Result<ApiJson<Status>, Problem> {
    match state.store().ready().await {
        Ok(()) => Ok(ok()),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(Problem::unavailable())
        }
    }
}

/// Figures in Prometheus' text format. For the people who run the installation.
#[utoipa::path(get, path = "/metrics", tag = "system",
    responses((status = 200, description = "Figures.", body = String, content_type = "text/plain"), Errors))]
async fn metrics_get(_: PlatformAdmin, State(state): State<ApiState>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], state.metrics().render()).into_response()
}

/// The description of this API (OpenAPI 3.1).
#[utoipa::path(get, path = "/v1/openapi.json", tag = "system", security(()),
    responses((status = 200, description = "The document.", body = Object), Errors))]
async fn openapi_get() -> Result<Response, Problem> {
    let text = crate::openapi::public_text();
    let kind = HeaderValue::from_static("application/json");
    Ok((StatusCode::OK, [(CONTENT_TYPE, kind)], text).into_response())
}
