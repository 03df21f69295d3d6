//! Plain configuration: a map under merge-patch, every version kept. A change rolls out by itself.

use std::collections::BTreeMap;

use axum::extract::State;
use segue_model::Timestamp;
use segue_model::name::ConfigKey;
use segue_store::{ConfigVersion, Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::deploy::{DeployInput, DeployPlace, What, deploy};
use super::deployments::accepted;
use crate::auth::place::{Configure, InEnv, Permission, Read};
use crate::dto::check::{MAX_VALUE_BYTES, is_value};
use crate::problem::{FieldError, Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, cut, page};
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::ApiQuery;
use crate::wire::respond::Call;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(config_get, config_update))
        .routes(routes!(config_version_list))
}

/// The configuration of an environment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Config {
    /// 1 and up; 0 while nobody has set anything.
    pub version: i64,
    /// Environment variables that every service gets.
    pub values: BTreeMap<String, String>,
    /// Who made this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub created_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub created_at: Option<Timestamp>,
    /// Number of the deployment that rolls the change out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deployment: Option<i64>,
}

page! {
    /// Versions of a configuration, newest first.
    ConfigPage of Config
}

/// Variables to set; null removes one (RFC 7396).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ConfigPatch(pub BTreeMap<String, Option<String>>);

/// Whether a change rolls out by itself.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeQuery {
    /// Deploy the change at once; true if not given.
    #[serde(default = "yes")]
    pub deploy: bool,
}

const fn yes() -> bool {
    true
}

impl From<ConfigVersion> for Config {
    fn from(version: ConfigVersion) -> Self {
        Self {
            version: version.version,
            values: version
                .config
                .into_iter()
                .map(|(key, value)| (key.to_string(), value))
                .collect(),
            created_by: Some(version.created_by),
            created_at: Some(version.created_at),
            deployment: None,
        }
    }
}

/// Shows the configuration.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/config", tag = "config",
    params(EnvPath),
    responses((status = 200, description = "The configuration.", body = Config), Errors))]
async fn config_get(at: InEnv<Read>) -> Result<ApiJson<Config>, Problem> {
    let config = at.scope.config_get(at.env.id).await?;
    Ok(ApiJson(config.map_or_else(
        || Config {
            version: 0,
            values: BTreeMap::new(),
            created_by: None,
            created_at: None,
            deployment: None,
        },
        Config::from,
    )))
}

/// Sets and removes variables and rolls the change out.
#[utoipa::path(patch, path = "/v1/teams/{team}/apps/{app}/envs/{env}/config", tag = "config",
    params(EnvPath, ChangeQuery),
    request_body(content = ConfigPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The new configuration.", body = Config), Errors))]
async fn config_update(
    at: InEnv<Configure>,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<ChangeQuery>,
    ApiJson(ConfigPatch(body)): ApiJson<ConfigPatch>,
) -> Result<ApiJson<Config>, Problem> {
    let patch = checked(body)?;
    let done = at.scope.config_patch(at.env.id, None, &patch, None).await?;
    let version = done.fresh().ok_or_else(Problem::not_found)?;
    let names: Vec<_> = patch.keys().map(ConfigKey::as_str).collect();
    let deployment = if query.deploy {
        roll_out(
            &at,
            &state,
            What::Config,
            format!("config {}", names.join(", ")),
        )
        .await?
    } else {
        None
    };
    Ok(ApiJson(Config {
        deployment,
        ..Config::from(version)
    }))
}

/// Deploys a change of values, if anything was deployed before.
pub(super) async fn roll_out<P: Permission>(
    at: &InEnv<P>,
    state: &ApiState,
    what: What,
    message: String,
) -> Result<Option<i64>, Problem> {
    if at.scope.release_wanted(at.env.id).await?.is_none() {
        return Ok(None);
    }
    let place = DeployPlace {
        state,
        scope: &at.scope,
        app: &at.app,
        env: &at.env,
    };
    let message = message.chars().take(200).collect();
    let input = DeployInput {
        what,
        message,
        git: None,
    };
    let path = at.path();
    let respond = |deployment: &segue_store::Deployment| accepted(deployment, &path);
    let done = deploy(place, &input, &Call::plain(), &respond).await?;
    Ok(done.fresh().map(|deployment| deployment.number))
}

fn checked(
    body: BTreeMap<String, Option<String>>,
) -> Result<BTreeMap<ConfigKey, Option<String>>, Problem> {
    let mut patch = BTreeMap::new();
    let mut faults = Vec::new();
    for (key, value) in body {
        let pointer = format!("/{}", key.chars().take(80).collect::<String>());
        if value.as_deref().is_some_and(|value| !is_value(value)) {
            let detail = format!("at most {MAX_VALUE_BYTES} bytes, without NUL");
            faults.push(FieldError {
                pointer: pointer.clone(),
                detail,
            });
        }
        match ConfigKey::new(key) {
            Ok(key) => {
                patch.insert(key, value);
            }
            Err(error) => faults.push(FieldError {
                pointer,
                detail: error.to_string(),
            }),
        }
    }
    if patch.is_empty() && faults.is_empty() {
        faults.push(FieldError {
            pointer: String::new(),
            detail: "at least one variable".to_owned(),
        });
    }
    let Some(first) = faults.first() else {
        return Ok(patch);
    };
    let mut problem = Problem::new(ProblemCode::Invalid, first.detail.clone());
    problem.errors = faults;
    Err(problem)
}

/// Lists versions of the configuration, newest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/config-versions", tag = "config",
    params(EnvPath, PageQuery),
    responses((status = 200, description = "Versions.", body = ConfigPage), Errors))]
async fn config_version_list(
    at: InEnv<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<ConfigPage>, Problem> {
    let limit = query.limit()?;
    let page = Page {
        after: query.after()?,
        limit: limit + 1,
    };
    let versions = at.scope.config_versions(at.env.id, page).await?;
    let (versions, next_cursor) = cut(versions, limit, |version| version.version);
    let items = versions.into_iter().map(Config::from).collect();
    Ok(ApiJson(ConfigPage { items, next_cursor }))
}
