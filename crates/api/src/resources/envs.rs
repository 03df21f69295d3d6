//! Environments: what people want of one, and what became of it.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use segue_model::Timestamp;
use segue_model::id::EnvironmentId;
use segue_model::name::{ConfigKey, EnvironmentName};
use segue_store::fresh_id;
use segue_store::{
    CloneSecrets, Deployment, Environment, EnvironmentKind, EnvironmentOrigin, EnvironmentState,
    NewEnvironment, Page, StoreError, TeamScope,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{Create, Delete, InApp, InEnv, Read};
use crate::dto::deployment::DeploymentView;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::headers::{IfMatch, etag};
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{AppPath, EnvPath, Errors, IdempotencyHeader, IfMatchHeader};
use crate::wire::query::ApiQuery;
use crate::wire::respond::{Call, answer, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(environment_list, environment_create))
        .routes(routes!(
            environment_get,
            environment_update,
            environment_delete
        ))
}

/// An environment of an app.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Environment)]
pub struct EnvironmentView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: EnvironmentId,
    /// Its name, unique in the app.
    #[schema(value_type = String)]
    pub name: EnvironmentName,
    /// `production`, `staging` or `preview`.
    pub kind: EnvironmentKindWord,
    /// Only admins change it.
    pub protected: bool,
    /// Nothing of it shall run.
    pub stopped: bool,
    /// Raised by every wish; also the `ETag`.
    pub generation: i64,
    /// The newest wish that was looked at.
    pub observed_generation: i64,
    /// Version of the release it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub serving: Option<i64>,
    /// Version of the newest release that was seen to be good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub stable: Option<i64>,
    /// Where its users find it, the most important first.
    pub urls: Vec<String>,
    /// Requests that were counted in the last minute; missing where nothing is served, or nobody counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub requests_per_minute: Option<u64>,
    /// The newest deployment; missing before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_deployment: Option<DeploymentView>,
    /// How it is.
    pub conditions: Vec<Condition>,
    /// The branch that a preview follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub branch: Option<String>,
    /// Name of the environment that it was made after, while that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cloned_from: Option<String>,
    /// Seconds that it lives after the last push; missing: until somebody removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ttl: Option<u64>,
    /// When it is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What an environment is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentKindWord {
    /// What users meet.
    #[default]
    Production,
    /// A copy to try things in.
    Staging,
    /// Of one branch, for a time.
    Preview,
}

/// One aspect of how a thing is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Condition {
    /// The aspect: `reconciled`, `placed`. New ones may be added.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: bool,
    /// Stable word for why.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
}

page! {
    /// Environments of an app.
    EnvironmentPage of EnvironmentView
}

/// A new environment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentCreate {
    /// Its name, unique in the app.
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub kind: EnvironmentKindWord,
    /// Only admins change it.
    #[serde(default)]
    pub protected: bool,
    /// Name or id of the environment of the same app that it is made after: specification, configuration and scale.
    /// Secrets are taken over by name only, and are missing until they are set; host names are not taken over.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::wire::json::present"
    )]
    #[schema(nullable = false, max_length = 40)]
    pub clone_of: Option<String>,
    /// Seconds that it lives, 60 to 31536000; without end if not given. A protected one has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 60, maximum = 31_536_000)]
    pub ttl: Option<u64>,
}

/// The shortest time to live, in seconds.
pub(super) const TTL_MIN: u64 = 60;
/// The longest time to live, in seconds: a year.
pub(super) const TTL_MAX: u64 = 31_536_000;

/// What may change; members that are missing stay as they are (RFC 7396). Exactly one at a time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentUpdate {
    /// Only admins change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub protected: Option<bool>,
    /// Nothing of it shall run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub stopped: Option<bool>,
    /// Seconds that it lives from now on, 60 to 31536000; null: until somebody removes it. A push begins it anew.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::dto::present"
    )]
    #[schema(value_type = Option<u64>, minimum = 60, maximum = 31_536_000)]
    pub ttl: Option<Option<u64>>,
}

impl From<EnvironmentKindWord> for EnvironmentKind {
    fn from(word: EnvironmentKindWord) -> Self {
        match word {
            EnvironmentKindWord::Production => Self::Production,
            EnvironmentKindWord::Staging => Self::Staging,
            EnvironmentKindWord::Preview => Self::Preview,
        }
    }
}

impl From<EnvironmentKind> for EnvironmentKindWord {
    fn from(kind: EnvironmentKind) -> Self {
        match kind {
            EnvironmentKind::Production => Self::Production,
            EnvironmentKind::Staging => Self::Staging,
            EnvironmentKind::Preview => Self::Preview,
        }
    }
}

impl EnvironmentView {
    /// Without what has to be looked up: for an environment that was just made.
    fn bare(env: &Environment) -> Self {
        Self {
            id: env.id,
            name: env.name.clone(),
            kind: env.kind.into(),
            protected: env.protected,
            stopped: env.stopped,
            generation: env.generation,
            observed_generation: env.observed_generation,
            serving: None,
            stable: None,
            urls: Vec::new(),
            requests_per_minute: None,
            last_deployment: None,
            conditions: conditions(env),
            branch: env.branch.clone(),
            cloned_from: env.cloned_from.as_ref().map(ToString::to_string),
            ttl: env.ttl.map(|ttl| ttl.as_secs()),
            expires_at: env.expires_at,
            created_at: env.created_at,
        }
    }

    /// With what is looked up beside the row.
    fn new(
        env: &Environment,
        seen: &EnvironmentState,
        newest: Option<&Deployment>,
        state: &ApiState,
    ) -> Self {
        let mut conditions = conditions(env);
        conditions.extend(seen.hosts_away.iter().map(host_away));
        let wished = &seen.secrets_wished;
        conditions.extend((!wished.is_empty()).then(|| secrets_missing(wished)));
        let url = |name| state.config().app_url(name);
        Self {
            conditions,
            serving: seen.serving,
            stable: seen.stable,
            urls: seen.hosts.iter().map(url).collect(),
            requests_per_minute: seen.requests_per_minute,
            last_deployment: newest.map(DeploymentView::from),
            ..Self::bare(env)
        }
    }

    /// Many environments of one team; a list costs as many look-ups as one of them.
    pub(super) async fn load(
        envs: &[Environment],
        scope: &TeamScope,
        state: &ApiState,
    ) -> Result<Vec<Self>, Problem> {
        let ids: Vec<_> = envs.iter().map(|env| env.id).collect();
        let seen = scope.environment_states(&ids).await?;
        let newest = scope.deployment_newest(&ids).await?;
        let newest: BTreeMap<_, _> = newest.iter().map(|one| (one.environment, one)).collect();
        let nothing = EnvironmentState::default();
        let views = envs.iter().map(|env| {
            let seen = seen.get(&env.id).unwrap_or(&nothing);
            Self::new(env, seen, newest.get(&env.id).copied(), state)
        });
        Ok(views.collect())
    }
}

/// Names that were taken over from another environment.
fn secrets_missing(wished: &[ConfigKey]) -> Condition {
    let names: Vec<&str> = wished.iter().map(ConfigKey::as_str).collect();
    Condition {
        kind: "secrets_set".to_owned(),
        status: false,
        reason: "secret_missing".to_owned(),
        message: format!("no value yet for {}", names.join(", ")),
    }
}

/// What runs on a host whose engine is silent runs on; nothing about it can be seen or changed meanwhile.
fn host_away(host: &String) -> Condition {
    Condition {
        kind: "hosts_answer".to_owned(),
        status: false,
        reason: "host_away".to_owned(),
        message: format!(
            "host {host} does not answer; what runs there runs on, and what was asked for is done when it is back"
        ),
    }
}

fn conditions(env: &Environment) -> Vec<Condition> {
    let reconciled = env.observed_generation >= env.generation;
    let mut conditions = vec![Condition {
        kind: "reconciled".to_owned(),
        status: reconciled,
        reason: if reconciled { "up_to_date" } else { "pending" }.to_owned(),
        message: if reconciled {
            "the newest wish was planned".to_owned()
        } else {
            "a newer wish is about to be planned".to_owned()
        },
    }];
    let reasons = env
        .reasons
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for reason in reasons {
        let text = |name: &str| {
            reason
                .get(name)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        conditions.push(Condition {
            kind: "placed".to_owned(),
            status: false,
            reason: text("kind")
                .or_else(|| text("code"))
                .unwrap_or_else(|| "waiting".to_owned()),
            message: text("message").unwrap_or_else(|| reason.to_string()),
        });
    }
    conditions
}

/// Lists an app's environments, oldest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs", tag = "environments",
    params(AppPath, PageQuery),
    responses((status = 200, description = "Environments.", body = EnvironmentPage), Errors))]
async fn environment_list(
    at: InApp<Read>,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<EnvironmentPage>, Problem> {
    let (team, app) = (at.scope.team(), at.app.id);
    let at = &at;
    // An app has at most a hundred: the store gives all, the page is cut here.
    let reached = |page: Page<EnvironmentId>| async move {
        let mut all = at.scope.environment_list(app).await?;
        all.retain(|env| {
            let role = at.principal.role_at(team, Some(app), Some(env.id));
            page.after.is_none_or(|after| env.id > after) && role.is_some()
        });
        Ok(all)
    };
    let (envs, next_cursor) = query.read(reached, |env| env.id).await?;
    let items = EnvironmentView::load(&envs, &at.scope, &state).await?;
    Ok(ApiJson(EnvironmentPage { items, next_cursor }))
}

/// Makes an environment.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs", tag = "environments",
    params(AppPath, IdempotencyHeader), request_body = EnvironmentCreate,
    responses((status = 201, description = "The environment.", body = EnvironmentView), Errors))]
async fn environment_create(
    at: InApp<Create>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<EnvironmentCreate>,
) -> Result<Response, Problem> {
    let new = NewEnvironment {
        id: EnvironmentId::from_uuid(fresh_id()),
        name: EnvironmentName::new(body.name).map_err(|error| Problem::invalid("/name", error))?,
        kind: body.kind.into(),
        protected: body.protected,
        domains: Vec::new(),
    };
    if new.protected && body.ttl.is_some() {
        return Err(Problem::invalid("/ttl", "a protected environment has none"));
    }
    let of = match &body.clone_of {
        Some(of) => Some(at.environment::<Read>(of).await?.id),
        None => None,
    };
    let origin = EnvironmentOrigin {
        of,
        secrets: of.map(|_| CloneSecrets::Names),
        ttl: body.ttl.map(ttl).transpose()?,
        ..EnvironmentOrigin::default()
    };
    let call = call.body(&bytes);
    let respond = |env: &Environment| {
        let location = format!(
            "/v1/teams/{}/apps/{}/envs/{}",
            at.team_name, at.app.name, env.name
        );
        stored(
            StatusCode::CREATED,
            &EnvironmentView::bare(env),
            Some(location),
        )
    };
    let done = at
        .scope
        .environment_create_from(at.app.id, &new, &origin, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

/// Shows an environment.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}", tag = "environments",
    params(EnvPath),
    responses((status = 200, description = "The environment.", body = EnvironmentView), Errors))]
async fn environment_get(
    at: InEnv<Read>,
    State(state): State<ApiState>,
) -> Result<Response, Problem> {
    shown(&at.env, &at.scope, &state).await
}

/// Protects or stops an environment.
#[utoipa::path(patch, path = "/v1/teams/{team}/apps/{app}/envs/{env}", tag = "environments",
    params(EnvPath, IfMatchHeader),
    request_body(content = EnvironmentUpdate, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed environment.", body = EnvironmentView), Errors))]
async fn environment_update(
    at: InEnv<Create>,
    State(state): State<ApiState>,
    IfMatch(generation): IfMatch,
    ApiJson(body): ApiJson<EnvironmentUpdate>,
) -> Result<Response, Problem> {
    let env = match (body.protected, body.stopped, body.ttl) {
        (Some(protected), None, None) => {
            // Protection is itself something that only admins change.
            at.principal.require(
                at.principal
                    .role_at(at.scope.team(), Some(at.app.id), Some(at.env.id)),
                segue_model::access::Action::Delete,
            )?;
            at.scope
                .environment_protect(at.env.id, generation, protected)
                .await?
        }
        (None, None, Some(seconds)) => {
            let ttl = seconds.map(ttl).transpose()?;
            let done = at.scope.environment_live_for(at.env.id, generation, ttl);
            done.await.map_err(|error| protected(error, &at.env))?
        }
        (None, Some(stopped), None) => {
            let done = at
                .scope
                .environment_stop(at.env.id, Some(generation), stopped, None)
                .await?;
            done.fresh().ok_or_else(Problem::not_found)?
        }
        _ => {
            return Err(Problem::invalid(
                "",
                "exactly one of `protected`, `stopped` and `ttl`",
            ));
        }
    };
    shown(&env, &at.scope, &state).await
}

/// Removes an environment: its containers, routes and networks.
#[utoipa::path(delete, path = "/v1/teams/{team}/apps/{app}/envs/{env}", tag = "environments",
    params(EnvPath, IfMatchHeader),
    responses((status = 204, description = "It is being removed."), Errors))]
async fn environment_delete(
    at: InEnv<Delete>,
    IfMatch(generation): IfMatch,
) -> Result<StatusCode, Problem> {
    let done = at.scope.environment_delete(at.env.id, generation).await;
    done.map_err(|error| protected(error, &at.env))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A time to live within its bounds.
fn ttl(seconds: u64) -> Result<Duration, Problem> {
    if (TTL_MIN..=TTL_MAX).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        let detail = format!("{TTL_MIN} to {TTL_MAX} seconds");
        Err(Problem::invalid("/ttl", detail))
    }
}

/// What cannot be done to a protected environment, in words.
fn protected(error: StoreError, env: &Environment) -> Problem {
    if !error.is_conflict_with("environment_protected") {
        return error.into();
    }
    let detail = format!("the environment {} is protected and stays", env.name);
    Problem::new(ProblemCode::Conflict, detail)
        .hint("take its protection away first: PATCH {\"protected\": false}")
}

async fn shown(
    env: &Environment,
    scope: &TeamScope,
    state: &ApiState,
) -> Result<Response, Problem> {
    let views = EnvironmentView::load(std::slice::from_ref(env), scope, state).await?;
    let view = views.into_iter().next().ok_or_else(Problem::not_found)?;
    Ok((etag(env.generation), ApiJson(view)).into_response())
}
