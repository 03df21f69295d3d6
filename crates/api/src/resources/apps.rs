//! Apps.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use segue_model::Timestamp;
use segue_model::id::AppId;
use segue_model::name::AppName;
use segue_store::fresh_id;
use segue_store::{App, AppPatch, Environment, NewApp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envs::EnvironmentView;
use super::holds::environment_named;
use super::previews::Previews;
use crate::auth::place::{Create, Delete, InApp, InTeam, Read};
use crate::auth::reach::Reach;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::headers::{IfMatch, etag};
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{AppPath, Errors, IdempotencyHeader, IfMatchHeader, TeamPath};
use crate::wire::query::ApiQuery;
use crate::wire::respond::{Call, answer, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(app_list, app_create))
        .routes(routes!(app_get, app_update, app_delete))
}

/// Environments that a list of apps shows of each.
const ENVIRONMENTS: u32 = 20;

/// An app: one source.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = App)]
pub struct AppView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: AppId,
    /// Its name, unique in the team.
    #[schema(value_type = String)]
    pub name: AppName,
    /// Where its source is fetched from, if it is not pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub repo: Option<Repo>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Its environments, the oldest first, at most 20: only where a list was asked for with `environments=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub environments: Option<Vec<EnvironmentView>>,
    /// Whether pushes of other branches make environments, and how; missing: never set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub previews: Option<Previews>,
    /// Address to push to with git.
    pub git_url: String,
    /// Raised by every change; also the `ETag`.
    pub generation: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Where an app's source is fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Repo {
    /// Address of the repository.
    #[schema(max_length = 500, pattern = "^https?://[!-~]*$")]
    pub url: String,
    /// The branch that is deployed.
    #[serde(default = "main_branch")]
    #[schema(max_length = 200)]
    pub branch: String,
    /// Deploy by itself when the branch moves.
    #[serde(default)]
    pub auto_deploy: bool,
}

fn main_branch() -> String {
    "main".to_owned()
}

page! {
    /// A page of apps.
    AppPage of AppView
}

/// A new app.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppCreate {
    /// Its name, unique in the team.
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub name: String,
    /// Where its source is fetched from.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::wire::json::present"
    )]
    #[schema(nullable = false)]
    pub repo: Option<Repo>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What may change; members that are missing stay as they are (RFC 7396).
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppUpdate {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        max_length = 40,
        pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
    )]
    pub name: Option<String>,
    /// Another repository (`url`, `branch`, `auto_deploy`); null removes it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::dto::present"
    )]
    #[schema(value_type = Option<Object>)]
    pub repo: Option<Option<Repo>>,
    /// Labels; they replace all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub labels: Option<BTreeMap<String, String>>,
    /// Environments by branch (`enabled`, `from`, `ttl`, `secrets`, `limit`); null removes the setting.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::dto::present"
    )]
    #[schema(value_type = Option<Object>)]
    pub previews: Option<Option<Previews>>,
}

impl AppView {
    pub(crate) fn new(app: &App, public_url: &str, team: &str) -> Self {
        Self {
            id: app.id,
            name: app.name.clone(),
            repo: app
                .repo
                .clone()
                .and_then(|repo| serde_json::from_value(repo).ok()),
            labels: app.labels.clone(),
            environments: None,
            previews: Previews::of(app),
            git_url: format!("{public_url}/git/{team}/{}.git", app.name),
            generation: app.generation,
            created_at: app.created_at,
        }
    }
}

/// Which page of apps, and with what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
struct AppQuery {
    /// Each app with its environments.
    environments: bool,
    /// Items wanted, 1 to 100; 50 if not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Lists the apps of the team that the role reaches, oldest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps", tag = "apps", params(TeamPath, AppQuery),
    responses((status = 200, description = "Apps.", body = AppPage), Errors))]
async fn app_list(
    at: Reach<Read>,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<AppQuery>,
) -> Result<ApiJson<AppPage>, Problem> {
    let with_environments = query.environments;
    let query = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let only = at.apps();
    let (apps, next_cursor) = query
        .read(
            |page| at.scope.app_list_of(only.as_ref(), page),
            |app| app.id,
        )
        .await?;
    let mut items: Vec<_> = apps
        .iter()
        .map(|app| AppView::new(app, &state.config().public_url, &at.team_name))
        .collect();
    if with_environments {
        let ids: Vec<_> = apps.iter().map(|app| app.id).collect();
        let mut envs = at.scope.environment_list_of(&ids, ENVIRONMENTS).await?;
        let reached = |env: &Environment| {
            let role = at.principal.role_at(at.team, Some(env.app), Some(env.id));
            role.is_some()
        };
        envs.retain(reached);
        let views = EnvironmentView::load(&envs, &at.scope, &state).await?;
        let mut of_app: BTreeMap<AppId, Vec<EnvironmentView>> = BTreeMap::new();
        for (env, view) in envs.iter().zip(views) {
            of_app.entry(env.app).or_default().push(view);
        }
        for item in &mut items {
            item.environments = Some(of_app.remove(&item.id).unwrap_or_default());
        }
    }
    Ok(ApiJson(AppPage { items, next_cursor }))
}

/// Makes an app.
#[utoipa::path(post, path = "/v1/teams/{team}/apps", tag = "apps", params(TeamPath, IdempotencyHeader),
    request_body = AppCreate,
    responses((status = 201, description = "The app.", body = AppView), Errors))]
async fn app_create(
    team: InTeam<Create>,
    State(state): State<ApiState>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<AppCreate>,
) -> Result<Response, Problem> {
    let new = NewApp {
        id: AppId::from_uuid(fresh_id()),
        name: AppName::new(body.name).map_err(|error| Problem::invalid("/name", error))?,
        repo: body.repo.map(repo_value).transpose()?,
        labels: labels(body.labels)?,
    };
    let call = call.body(&bytes);
    let respond = |app: &App| {
        let view = AppView::new(app, &state.config().public_url, &team.team_name);
        let location = format!("/v1/teams/{}/apps/{}", team.team_name, app.name);
        stored(StatusCode::CREATED, &view, Some(location))
    };
    let done = team
        .scope
        .app_create(&new, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

/// Shows an app.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}", tag = "apps", params(AppPath),
    responses((status = 200, description = "The app.", body = AppView), Errors))]
async fn app_get(at: InApp<Read>, State(state): State<ApiState>) -> Response {
    shown(&at.app, &state, &at.team_name)
}

/// Changes an app.
#[utoipa::path(patch, path = "/v1/teams/{team}/apps/{app}", tag = "apps", params(AppPath, IfMatchHeader),
    request_body(content = AppUpdate, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed app.", body = AppView), Errors))]
async fn app_update(
    at: InApp<Create>,
    State(state): State<ApiState>,
    IfMatch(generation): IfMatch,
    ApiJson(body): ApiJson<AppUpdate>,
) -> Result<Response, Problem> {
    let name = body.name.map(AppName::new).transpose();
    let patch = AppPatch {
        name: name.map_err(|error| Problem::invalid("/name", error))?,
        repo: match body.repo {
            Some(Some(repo)) => Some(Some(repo_value(repo)?)),
            Some(None) => Some(None),
            None => None,
        },
        labels: body.labels.map(labels).transpose()?,
        previews: match body.previews {
            Some(Some(previews)) => {
                let role = at.principal.role_at(at.scope.team(), Some(at.app.id), None);
                let from = previews.enabled.then(|| previews.from.clone());
                let checked = previews.checked(role)?;
                let (from, pointer) = (from.as_deref(), "/previews/from");
                environment_named(&at.scope, &at.app, from, pointer).await?;
                Some(Some(checked))
            }
            Some(None) => Some(None),
            None => None,
        },
    };
    let app = at.scope.app_update(at.app.id, generation, &patch).await?;
    Ok(shown(&app, &state, &at.team_name))
}

/// Removes an app with all its environments; their containers are stopped. A session must have been confirmed (`POST
/// /v1/auth/confirm`).
#[utoipa::path(delete, path = "/v1/teams/{team}/apps/{app}", tag = "apps", params(AppPath, IfMatchHeader),
    responses((status = 204, description = "It is being removed."), Errors))]
async fn app_delete(
    at: InApp<Delete>,
    IfMatch(generation): IfMatch,
) -> Result<StatusCode, Problem> {
    at.principal.require_confirmed()?;
    match at.scope.app_delete(at.app.id, generation).await {
        Err(error) if error.is_conflict_with("environment_protected") => {
            let detail = format!(
                "an environment of {} is protected, so it stays",
                at.app.name
            );
            Err(Problem::new(ProblemCode::Conflict, detail).hint(
                "take the protection away first: PATCH {\"protected\": false} on the environment",
            ))
        }
        done => {
            done?;
            Ok(StatusCode::NO_CONTENT)
        }
    }
}

fn shown(app: &App, state: &ApiState, team: &str) -> Response {
    let view = AppView::new(app, &state.config().public_url, team);
    (etag(app.generation), ApiJson(view)).into_response()
}

fn repo_value(repo: Repo) -> Result<serde_json::Value, Problem> {
    let url_fine = (repo.url.starts_with("https://") || repo.url.starts_with("http://"))
        && repo.url.len() <= 500
        && repo.url.bytes().all(|b| b.is_ascii_graphic());
    if !url_fine {
        return Err(Problem::invalid(
            "/repo/url",
            "an http(s) address of at most 500 visible characters",
        ));
    }
    segue_model::name::GitRef::new(format!("refs/heads/{}", repo.branch))
        .map_err(|error| Problem::invalid("/repo/branch", error))?;
    serde_json::to_value(repo).map_err(|error| Problem::internal(&error))
}

fn labels(labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    let fine = labels.len() <= 50
        && labels.iter().all(|(key, value)| {
            segue_model::name::Label::new(key.clone()).is_ok()
                && value.chars().count() <= 200
                && !value.chars().any(char::is_control)
        });
    if fine {
        Ok(labels)
    } else {
        Err(Problem::invalid(
            "/labels",
            "at most 50 labels; values of at most 200 characters",
        ))
    }
}
