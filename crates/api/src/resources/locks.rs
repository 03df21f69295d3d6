//! Deploy locks: somebody says that nothing is deployed, and why.
//!
//! What they stop is decided in the store, inside of the transaction that makes a deployment; who may go on in spite of
//! them, in `holds`.

use axum::http::StatusCode;
use axum::response::Response;
use segue_model::Timestamp;
use segue_model::id::EnvironmentId;
use segue_store::LockView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::holds::{environment_named, hold, place_and_reason, yet_to_come};
use crate::auth::place::{Deploy, InApp, Read};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::params::{AppPath, Errors, IdempotencyHeader};
use crate::wire::query::ApiQuery;
use crate::wire::respond::{Call, answer, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(lock_get, lock_create, lock_delete))
}

/// A lock: nothing is deployed there.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// The environment; none: all of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub environment: Option<EnvironmentId>,
    /// Why.
    pub reason: String,
    /// Who.
    pub created_by: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Until when; none: until somebody takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub until: Option<Timestamp>,
}

/// Locks of an app.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Locks {
    /// One for the app at most, and one for each environment at most.
    pub items: Vec<Lock>,
}

hold! {
    /// A new lock.
    LockCreate {
        /// Until when; without it until somebody takes it away.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "crate::wire::json::present"
        )]
        #[schema(value_type = String, format = DateTime, nullable = false)]
        pub until: Option<Timestamp>,
    }
}

/// Which lock.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct LockQuery {
    /// Name of the environment; without it the lock of the whole app.
    #[param(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    environment: Option<String>,
}

impl From<&LockView> for Lock {
    fn from(view: &LockView) -> Self {
        Self {
            environment: view.environment,
            reason: view.reason.clone(),
            created_by: view.created_by.clone(),
            created_at: view.created_at,
            until: view.expires_at,
        }
    }
}

/// Shows what stops deployments of an app now.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/lock", tag = "outside", params(AppPath),
    responses((status = 200, description = "Locks; none: deployments go on.", body = Locks), Errors))]
async fn lock_get(at: InApp<Read>) -> Result<ApiJson<Locks>, Problem> {
    let locks = at.scope.lock_list(at.app.id).await?;
    let items = locks.iter().map(Lock::from).collect();
    Ok(ApiJson(Locks { items }))
}

/// Stops deployments of an app or of one of its environments; rollbacks go on.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/lock", tag = "outside", params(AppPath, IdempotencyHeader),
    request_body = LockCreate,
    responses((status = 201, description = "The lock.", body = Lock), Errors))]
async fn lock_create(
    at: InApp<Deploy>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<LockCreate>,
) -> Result<Response, Problem> {
    if let Some(until) = body.until {
        let hint =
            "name a time to come, or leave `until` out: it lasts until somebody takes it away";
        yet_to_come("/until", until, hint)?;
    }
    let name = body.environment.as_deref();
    let (environment, reason) = place_and_reason(&at.scope, &at.app, name, body.reason).await?;
    let lock = LockView {
        environment,
        reason,
        created_by: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: body.until,
    };
    let call = call.body(&bytes);
    let respond = |view: &LockView| stored(StatusCode::CREATED, &Lock::from(view), None);
    let done = at
        .scope
        .lock_take(at.app.id, &lock, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

/// Takes a lock away: deployments go on.
#[utoipa::path(delete, path = "/v1/teams/{team}/apps/{app}/lock", tag = "outside", params(AppPath, LockQuery),
    responses((status = 204, description = "It is gone."), Errors))]
async fn lock_delete(
    at: InApp<Deploy>,
    ApiQuery(query): ApiQuery<LockQuery>,
) -> Result<StatusCode, Problem> {
    let name = query.environment.as_deref();
    let environment = environment_named(&at.scope, &at.app, name, "/environment").await?;
    at.scope.lock_release(at.app.id, environment).await?;
    Ok(StatusCode::NO_CONTENT)
}
