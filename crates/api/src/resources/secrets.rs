//! Secrets: written, listed and removed here; values are never read back.

use axum::extract::State;
use axum::http::StatusCode;
use segue_model::Timestamp;
use segue_model::name::ConfigKey;
use segue_model::spec::bounds;
use segue_store::SecretInfo;
use segue_store::seal::SecretBytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::config::ChangeQuery;
use super::deploy::What;
use crate::auth::place::{InEnv, Read, SecretWrite};
use crate::dto::faults::Faults;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::PageQuery;
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::{ApiPath, ApiQuery};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(secret_list))
        .routes(routes!(secret_get, secret_set, secret_delete))
}

/// What may be known of a secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// Its key: the environment variable that it becomes.
    pub key: String,
    /// The newest version.
    pub version: i64,
    /// Who set it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Number of the deployment that rolls the change out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deployment: Option<i64>,
}

/// A page of the secrets of an environment, without values.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SecretPage {
    /// The items of this page.
    pub items: Vec<Secret>,
    /// Cursor of the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
    /// Keys that were taken over from another environment and that nobody has set here: deployments are refused with
    /// `secret_missing` until they are set, or removed. Every page has all of them.
    pub missing: Vec<String>,
}

/// A secret's new value.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretSet {
    /// The value.
    #[schema(max_length = 32_768, pattern = "^[^\\x00]*$", format = Password)]
    pub value: String,
}

impl From<&SecretInfo> for Secret {
    fn from(info: &SecretInfo) -> Self {
        Self {
            key: info.key.to_string(),
            version: info.version,
            created_by: info.created_by.clone(),
            created_at: info.created_at,
            deployment: None,
        }
    }
}

/// Lists secrets without their values, by key.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/secrets", tag = "secrets",
    params(EnvPath, PageQuery),
    responses((status = 200, description = "Secrets.", body = SecretPage), Errors))]
async fn secret_list(
    at: InEnv<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<SecretPage>, Problem> {
    let (secrets, next_cursor) = query
        .read(
            |page| at.scope.secret_page(at.env.id, page),
            |secret| secret.key.clone(),
        )
        .await?;
    let items = secrets.iter().map(Secret::from).collect();
    let missing = at.scope.secrets_wished(at.env.id).await?;
    Ok(ApiJson(SecretPage {
        items,
        next_cursor,
        missing: missing.iter().map(ToString::to_string).collect(),
    }))
}

/// Shows a secret without its value.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/secrets/{key}", tag = "secrets",
    params(EnvPath, ("key" = String, Path, description = "Key of the secret", pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$")),
    responses((status = 200, description = "The secret, without its value.", body = Secret), Errors))]
async fn secret_get(
    at: InEnv<Read>,
    ApiPath((_, _, _, key)): ApiPath<(String, String, String, String)>,
) -> Result<ApiJson<Secret>, Problem> {
    let secrets = at.scope.secret_list(at.env.id).await?;
    let found = secrets.iter().find(|secret| secret.key.as_str() == key);
    Ok(ApiJson(Secret::from(found.ok_or_else(Problem::not_found)?)))
}

/// Sets a secret and rolls the change out.
#[utoipa::path(put, path = "/v1/teams/{team}/apps/{app}/envs/{env}/secrets/{key}", tag = "secrets",
    params(EnvPath, ChangeQuery, ("key" = String, Path, description = "Key of the secret", pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$")),
    request_body = SecretSet,
    responses((status = 200, description = "The secret, without its value.", body = Secret), Errors))]
async fn secret_set(
    at: InEnv<SecretWrite>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, key)): ApiPath<(String, String, String, String)>,
    ApiQuery(query): ApiQuery<ChangeQuery>,
    ApiJson(body): ApiJson<SecretSet>,
) -> Result<ApiJson<Secret>, Problem> {
    let key = ConfigKey::new(key).map_err(|error| Problem::invalid("key", error))?;
    let mut faults = Faults::default();
    faults.value("/value", &body.value);
    if let Some(instead) = bounds::reserved(key.as_str()) {
        faults.add("key", format!("{key} is given by Segue; {instead}"));
    }
    faults.end(())?;
    let message = format!("secret {key}");
    let what = What::SecretSet(key.clone(), SecretBytes::from(body.value));
    let (deployment, changed) = at.change(&state, what, query.deploy, &message).await?;
    // Others may have been generated with it.
    let set = changed.secrets.iter().find(|info| info.key == key);
    Ok(ApiJson(Secret {
        deployment: deployment.map(|deployment| deployment.number),
        ..Secret::from(set.ok_or_else(Problem::not_found)?)
    }))
}

/// Removes a secret and rolls the change out.
#[utoipa::path(delete, path = "/v1/teams/{team}/apps/{app}/envs/{env}/secrets/{key}", tag = "secrets",
    params(EnvPath, ChangeQuery, ("key" = String, Path, description = "Key of the secret", pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$")),
    responses((status = 204, description = "It is removed."), Errors))]
async fn secret_delete(
    at: InEnv<SecretWrite>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, key)): ApiPath<(String, String, String, String)>,
    ApiQuery(query): ApiQuery<ChangeQuery>,
) -> Result<StatusCode, Problem> {
    let key = ConfigKey::new(key).map_err(|_| Problem::not_found())?;
    let message = format!("secret {key} removed");
    at.change(&state, What::SecretUnset(key), query.deploy, &message)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
