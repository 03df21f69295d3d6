//! The one place where a secret's value leaves Segue by the API. The store writes the audit record and the event in the
//! transaction that opens it.
//!
//! Must not: keep the value (there is no idempotency here), or show it to a session that was not confirmed.

use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use segue_model::name::ConfigKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{InEnv, SecretReveal};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::ApiPath;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(secret_reveal))
}

/// A secret with its value.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SecretValue {
    /// Its key.
    pub key: String,
    /// Its newest value.
    #[schema(format = Password)]
    pub value: String,
}

/// Shows the value of a secret, and the team that it was shown. For admins; of a protected environment for owners.
///
/// A session must have been confirmed (`POST /v1/auth/confirm`); an API token needs the scope `secret:reveal`, which no
/// token has unless it was asked for.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/secrets/{key}/reveal", tag = "secrets",
    params(EnvPath, ("key" = String, Path, description = "Key of the secret", pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$")),
    responses((status = 200, description = "The secret with its value.", body = SecretValue), Errors))]
async fn secret_reveal(
    at: InEnv<SecretReveal>,
    ApiPath((_, _, _, key)): ApiPath<(String, String, String, String)>,
) -> Result<Response, Problem> {
    let key = ConfigKey::new(key).map_err(|_| Problem::not_found())?;
    let value = at.scope.secret_reveal(at.env.id, &key).await?;
    let text = value.expose_str().ok_or_else(|| {
        Problem::new(ProblemCode::Internal, "the value is no text")
            .hint("set it again; the one that is kept cannot be shown")
    })?;
    let shown = SecretValue {
        key: key.to_string(),
        value: text.to_owned(),
    };
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok((no_store, ApiJson(shown)).into_response())
}
