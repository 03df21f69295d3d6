//! Plain configuration: a map under merge-patch, every version kept. A change rolls out by itself.

use std::collections::BTreeMap;

use axum::extract::State;
use segue_model::Timestamp;
use segue_model::name::ConfigKey;
use segue_store::{Changed, ConfigVersion, Deployment, Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::deploy::{DeployPlace, What, change_only, roll_out};
use super::deployments::accepted;
use crate::auth::place::{Configure, InEnv, Permission, Read};
use crate::dto::check::config_key;
use crate::dto::faults::{Faults, escape};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, cut, page};
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::ApiQuery;

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
    /// Environment variables that every service gets that runs the app's image.
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
    let names: Vec<_> = patch.keys().map(ConfigKey::as_str).collect();
    let message = format!("config {}", names.join(", "));
    let what = What::Config(patch);
    let (deployment, changed) = at.change(&state, what, query.deploy, &message).await?;
    let config = changed.config.ok_or_else(Problem::not_found)?;
    Ok(ApiJson(Config {
        deployment: deployment.map(|deployment| deployment.number),
        ..Config::from(config)
    }))
}

impl<P: Permission> InEnv<P> {
    /// Makes a change of values, with its deployment if one is asked for and anything was deployed before.
    pub(super) async fn change(
        &self,
        state: &ApiState,
        what: What,
        deploy: bool,
        message: &str,
    ) -> Result<(Option<Deployment>, Changed), Problem> {
        let place = DeployPlace {
            state,
            scope: &self.scope,
            app: &self.app,
            env: &self.env,
        };
        if !deploy {
            return Ok((None, change_only(place, &what).await?));
        }
        let path = self.path();
        let respond = |deployment: &Deployment| accepted(deployment, &path);
        roll_out(place, what, message, &respond).await
    }
}

fn checked(
    body: BTreeMap<String, Option<String>>,
) -> Result<BTreeMap<ConfigKey, Option<String>>, Problem> {
    let mut patch = BTreeMap::new();
    let mut faults = Faults::default();
    if body.is_empty() {
        faults.add("", "at least one variable");
    }
    for (key, value) in body {
        let at = format!("/{}", escape(&key));
        // What was set before it was refused can still be removed.
        let name = match &value {
            Some(value) => {
                faults.value(&at, value);
                config_key(&mut faults, &at, &key)
            }
            None => faults.parse(&at, ConfigKey::new(key)),
        };
        patch.extend(name.map(|name| (name, value)));
    }
    faults.end(patch)
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
