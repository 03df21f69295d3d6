//! Plain configuration: a map under merge-patch, every version kept. A change rolls out by itself.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
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
use crate::wire::headers::{MaybeIfMatch, etag, stale};
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{EnvPath, Errors, MaybeIfMatchHeader};
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
async fn config_get(at: InEnv<Read>) -> Result<Response, Problem> {
    let config = at.scope.config_get(at.env.id).await?;
    let config = config.map_or_else(
        || Config {
            version: 0,
            values: BTreeMap::new(),
            created_by: None,
            created_at: None,
            deployment: None,
        },
        Config::from,
    );
    Ok((etag(config.version), ApiJson(config)).into_response())
}

/// Sets and removes variables and rolls the change out. Of two people who change what both have read, the second is
/// told 412 and which variables moved, if `If-Match` says what the change is based on.
#[utoipa::path(patch, path = "/v1/teams/{team}/apps/{app}/envs/{env}/config", tag = "config",
    params(EnvPath, ChangeQuery, MaybeIfMatchHeader),
    request_body(content = ConfigPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The new configuration.", body = Config), Errors))]
async fn config_update(
    at: InEnv<Configure>,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<ChangeQuery>,
    MaybeIfMatch(based_on): MaybeIfMatch,
    ApiJson(ConfigPatch(body)): ApiJson<ConfigPatch>,
) -> Result<Response, Problem> {
    let patch = checked(body)?;
    let names: Vec<_> = patch.keys().map(ConfigKey::as_str).collect();
    let message = format!("config {}", names.join(", "));
    let what = What::Config(ConfigChange { patch, based_on });
    let (deployment, changed) = at.change(&state, what, query.deploy, &message).await?;
    let config = changed.config.ok_or_else(Problem::not_found)?;
    let config = Config {
        deployment: deployment.map(|deployment| deployment.number),
        ..Config::from(config)
    };
    Ok((etag(config.version), ApiJson(config)).into_response())
}

/// Variables to be set, or removed by `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigChange {
    pub patch: BTreeMap<ConfigKey, Option<String>>,
    /// The version that it was made from, if it must still be the newest.
    pub based_on: Option<i64>,
}

/// Refuses a change of a configuration that has moved on since it was read, and names the variables that moved. Their
/// values are left out: who changes values may read them, and asks.
pub(super) async fn check_base(
    at: DeployPlace<'_>,
    change: &ConfigChange,
    newest: Option<i64>,
) -> Result<(), Problem> {
    let newest = newest.unwrap_or_default();
    let Some(base) = change.based_on.filter(|base| *base != newest) else {
        return Ok(());
    };
    let known = async |version: i64| {
        let page = Page {
            after: version.checked_add(1),
            limit: 1,
        };
        let found = at.scope.config_versions(at.env.id, page).await?;
        Ok::<_, Problem>(found.into_iter().find(|found| found.version == version))
    };
    let now = known(newest).await?;
    let before = known(base).await?.map(|version| version.config);
    let before = before.unwrap_or_default();
    let by = now.as_ref().map_or("", |now| now.created_by.as_str());
    let empty = BTreeMap::new();
    let after = now.as_ref().map_or(&empty, |now| &now.config);
    let mut problem = stale();
    let mut names = Vec::new();
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let how = match (before.get(key), after.get(key)) {
            (None, Some(_)) => "was set since",
            (Some(_), None) => "was removed since",
            (Some(old), Some(new)) if old != new => "was changed since",
            _ => continue,
        };
        names.push(key.as_str());
        problem = problem.at(format!("/{}", escape(key.as_str())), how);
    }
    problem.detail = format!(
        "the configuration is at version {newest} (by {by}) and your change is based on version {base}; in between: {}",
        if names.is_empty() {
            "no difference".to_owned()
        } else {
            names.join(", ")
        },
    );
    Err(problem)
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
    let (versions, next_cursor) = query
        .read(
            |page| at.scope.config_versions(at.env.id, page),
            |version| version.version,
        )
        .await?;
    let items = versions.into_iter().map(Config::from).collect();
    Ok(ApiJson(ConfigPage { items, next_cursor }))
}
