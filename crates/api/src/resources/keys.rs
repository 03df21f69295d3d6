//! The keys of access tokens: who verifies them elsewhere reads them here, and operators change them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use segue_model::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::jwt::PublicKey;
use crate::auth::keys::rotate_signing_keys;
use crate::auth::principal::PlatformAdmin;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::Errors;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(key_list))
        .routes(routes!(key_rotate))
}

/// Public keys (RFC 7517).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeySet {
    /// The keys that verify access tokens.
    pub keys: Vec<PublicKey>,
}

/// How to change the key.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRotate {
    /// Ends the older keys now, and every access token with them: for keys that somebody else has seen. People who are
    /// signed in notice nothing but one more refresh.
    #[serde(default)]
    pub at_once: bool,
}

/// A key that was made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyRotated {
    /// Names the new key.
    pub kid: String,
    /// It signs from then on, when every server knows it.
    #[schema(value_type = String, format = DateTime)]
    pub signs_from: Timestamp,
    /// The keys before it verify until then.
    #[schema(value_type = String, format = DateTime)]
    pub older_until: Timestamp,
}

/// Lists the public keys that verify access tokens.
#[utoipa::path(get, path = "/v1/auth/jwks", tag = "auth", security(()),
    responses((status = 200, description = "Keys.", body = KeySet), Errors))]
async fn key_list(State(state): State<ApiState>) -> Result<ApiJson<KeySet>, Problem> {
    let keys = state.keys().fresh(state.store()).await?;
    Ok(ApiJson(KeySet {
        keys: keys.public(Timestamp::now()),
    }))
}

/// Makes a new key for access tokens. For the people who run the installation.
///
/// The older keys verify until the last token that they signed is past, unless they end at once.
#[utoipa::path(post, path = "/v1/auth/keys/rotate", tag = "auth", request_body = KeyRotate,
    responses((status = 201, description = "The key.", body = KeyRotated), Errors))]
async fn key_rotate(
    PlatformAdmin(principal): PlatformAdmin,
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<KeyRotate>,
) -> Result<Response, Problem> {
    let context = principal.platform_context();
    let made = rotate_signing_keys(state.store(), &context, body.at_once).await?;
    state.keys().forget();
    let view = KeyRotated {
        kid: made.kid,
        signs_from: made.signs_from,
        older_until: made.older_until,
    };
    Ok((StatusCode::CREATED, ApiJson(view)).into_response())
}
