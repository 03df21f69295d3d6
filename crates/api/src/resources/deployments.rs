//! Deployments: asked for, followed, stopped, undone.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use segue_model::name::{ImageName, ServiceName};
use segue_store::{Deployment, Done, Page, StoreError, StoredResponse, TeamScope};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::deploy::{DeployInput, DeployPlace, What, deploy};
use super::follow::{DeploymentEventPage, followed, happened};
use super::sources::parse_sha256;
use super::stream::{LastEventId, Wanted};
use super::unchanged;
use crate::auth::place::{Deploy, InEnv, Permission, Read};
use crate::dto::deployment::{DeploymentView, ReceiptView, is_live, is_settled};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{EnvPath, Errors, IdempotencyHeader};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, answer, stored};
use crate::wire::wait::WaitQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(deployment_list, deployment_create))
        .routes(routes!(deployment_get))
        .routes(routes!(deployment_cancel))
        .routes(routes!(deployment_rollback))
        .routes(routes!(deployment_events))
        .routes(routes!(deployment_receipt))
}

page! {
    /// A page of deployments, newest first.
    DeploymentPage of DeploymentView
}

/// What shall be deployed. Exactly one of `source`, `image`, `release`, `restart` and `spec` is set.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeploymentCreate {
    /// A kept source, by SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    pub source: Option<String>,
    /// A finished image, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        max_length = 255,
        pattern = "^[A-Za-z0-9][A-Za-z0-9./:@_-]*$"
    )]
    pub image: Option<String>,
    /// An older release, by version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub release: Option<i64>,
    /// The same in new containers: these services, or all if the list is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        max_items = 50,
        max_length = 40,
        pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
    )]
    pub restart: Option<Vec<String>>,
    /// The newest specification on the image that runs; images named in it are looked up again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub spec: bool,
    /// Deploys in spite of locks and freeze windows; admins only, and the audit log says so.
    #[serde(rename = "override", skip_serializing_if = "std::ops::Not::not")]
    pub overriding: bool,
    /// With `source`: deploys only if that changes anything. Where the newest deployment is live and a new one would make
    /// an equal release (same source, specification, configuration, versions of secrets), the answer is that deployment,
    /// with status 200.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub if_changed: bool,
    /// What to say about it.
    #[schema(max_length = 1000, pattern = "^[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub message: String,
}

impl DeploymentCreate {
    fn what(&self) -> Result<What, Problem> {
        let given = [
            self.source.is_some(),
            self.image.is_some(),
            self.release.is_some(),
            self.restart.is_some(),
            self.spec,
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err(Problem::invalid(
                "",
                "exactly one of `source`, `image`, `release`, `restart` and `spec`",
            ));
        }
        if self.if_changed && self.source.is_none() {
            return Err(Problem::invalid("/if_changed", "only with `source`"));
        }
        if let Some(sha256) = &self.source {
            let parsed = parse_sha256(sha256);
            return parsed
                .map(What::Source)
                .ok_or_else(|| Problem::invalid("/source", "64 hexadecimal digits"));
        }
        if let Some(image) = &self.image {
            return ImageName::new(image.clone())
                .map(What::Image)
                .map_err(|error| Problem::invalid("/image", error));
        }
        if let Some(version) = self.release {
            return Ok(What::Release(version));
        }
        let Some(names) = &self.restart else {
            return Ok(What::Spec);
        };
        let mut services = BTreeSet::new();
        for (index, name) in names.iter().enumerate() {
            let name = ServiceName::new(name.clone())
                .map_err(|error| Problem::invalid(format!("/restart/{index}"), error))?;
            services.insert(name);
        }
        Ok(What::Restart(services))
    }
}

/// The answer to a request for a deployment.
pub(super) fn accepted(deployment: &Deployment, env_path: &str) -> StoredResponse {
    let location = format!("{env_path}/deployments/{}", deployment.number);
    stored(
        StatusCode::ACCEPTED,
        &DeploymentView::from(deployment),
        Some(location),
    )
}

/// Lists deployments, newest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/deployments", tag = "deployments",
    params(EnvPath, PageQuery),
    responses((status = 200, description = "Deployments.", body = DeploymentPage), Errors))]
async fn deployment_list(
    at: InEnv<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<DeploymentPage>, Problem> {
    let (deployments, next_cursor) = query
        .read(
            |page| at.scope.deployment_list(at.env.id, page),
            |deployment| deployment.number,
        )
        .await?;
    let items = deployments.iter().map(DeploymentView::from).collect();
    Ok(ApiJson(DeploymentPage { items, next_cursor }))
}

/// Deploys source, an image, an older release, the newest specification, or the same again.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/deployments", tag = "deployments",
    params(EnvPath, WaitQuery, IdempotencyHeader), request_body = DeploymentCreate,
    responses((status = 200, description = "With `if_changed`: nothing would change; the deployment that is live.",
            body = DeploymentView),
        (status = 202, description = "It is under way; `Location` follows it.", body = DeploymentView), Errors))]
async fn deployment_create(
    mut at: InEnv<Deploy>,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<WaitQuery>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<DeploymentCreate>,
) -> Result<Response, Problem> {
    let wait = query.time()?;
    let what = body.what()?;
    if body.overriding {
        at.scope = super::holds::overriding(&at)?;
    }
    let input = DeployInput {
        what,
        message: message(body.message)?,
        git: None,
    };
    if body.if_changed {
        let place = DeployPlace {
            state: &state,
            scope: &at.scope,
            app: &at.app,
            env: &at.env,
        };
        if let Some(live) = unchanged::live(place, &input).await? {
            let location = format!("{}/deployments/{}", at.path(), live.number);
            let view = ApiJson(DeploymentView::from(&live));
            return Ok((StatusCode::OK, [(LOCATION, location)], view).into_response());
        }
    }
    make(&at, &state, &input, &call.body(&bytes), wait).await
}

pub(super) async fn make<P: Permission>(
    at: &InEnv<P>,
    state: &ApiState,
    input: &DeployInput,
    call: &Call,
    wait: Option<Duration>,
) -> Result<Response, Problem> {
    let place = DeployPlace {
        state,
        scope: &at.scope,
        app: &at.app,
        env: &at.env,
    };
    let path = at.path();
    let respond = |deployment: &Deployment| accepted(deployment, &path);
    let done = deploy(place, input, call, &respond).await?;
    state.news().tell();
    waited(at, state, done, respond, wait).await
}

/// Sends the answer, after the wait that was asked for.
async fn waited<P: Permission>(
    at: &InEnv<P>,
    state: &ApiState,
    done: Done<Deployment>,
    respond: impl Fn(&Deployment) -> StoredResponse,
    wait: Option<Duration>,
) -> Result<Response, Problem> {
    let number = match &done {
        Done::Fresh(deployment) => Some(deployment.number),
        Done::Replayed(kept) => kept
            .body
            .as_ref()
            .and_then(|body| body.get("number"))
            .and_then(serde_json::Value::as_i64),
    };
    let (Some(wait), Some(number)) = (wait, number) else {
        return Ok(answer(done, respond));
    };
    let deployment = settle(&at.scope, state, at.env.id, number, wait).await?;
    let location = format!("{}/deployments/{number}", at.path());
    let view = ApiJson(DeploymentView::from(&deployment));
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], view).into_response())
}

/// Waits until a deployment is live or has ended, at most this long.
async fn settle(
    scope: &TeamScope,
    state: &ApiState,
    env: segue_model::id::EnvironmentId,
    number: i64,
    wait: Duration,
) -> Result<Deployment, Problem> {
    let until = Instant::now() + wait;
    let mut ticket = state.news().ticket();
    loop {
        let deployment = scope.deployment_by_number(env, number).await?;
        if is_settled(deployment.state) || Instant::now() >= until || state.stop().is_cancelled() {
            return Ok(deployment);
        }
        tokio::select! {
            () = ticket.next() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }
}

pub(super) fn message(text: String) -> Result<String, Problem> {
    if text.chars().count() <= 1000 && !text.chars().any(|c| c.is_control() && c != '\n') {
        Ok(text)
    } else {
        Err(Problem::invalid(
            "/message",
            "at most 1000 characters, without control characters",
        ))
    }
}

/// Shows a deployment.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/deployments/{number}", tag = "deployments",
    params(EnvPath, WaitQuery, ("number" = i64, Path, description = "Number of the deployment")),
    responses((status = 200, description = "The deployment.", body = DeploymentView), Errors))]
async fn deployment_get(
    at: InEnv<Read>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, number)): ApiPath<(String, String, String, i64)>,
    ApiQuery(query): ApiQuery<WaitQuery>,
) -> Result<ApiJson<DeploymentView>, Problem> {
    let wait = query.time()?.unwrap_or_default();
    let deployment = settle(&at.scope, &state, at.env.id, number, wait).await?;
    Ok(ApiJson(DeploymentView::from(&deployment)))
}

/// Stops a deployment that is not live yet; what has begun is brought back.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/deployments/{number}/cancel",
    tag = "deployments",
    params(EnvPath, IdempotencyHeader, ("number" = i64, Path, description = "Number of the deployment")),
    responses((status = 202, description = "It is being stopped.", body = DeploymentView), Errors))]
async fn deployment_cancel(
    at: InEnv<Deploy>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, number)): ApiPath<(String, String, String, i64)>,
    call: Call,
) -> Result<Response, Problem> {
    let deployment = at.scope.deployment_by_number(at.env.id, number).await?;
    let path = at.path();
    let respond = |deployment: &Deployment| accepted(deployment, &path);
    let done = at
        .scope
        .deployment_cancel(deployment.id, call.idempotency(&respond))
        .await;
    state.news().tell();
    match done {
        Err(StoreError::Conflict { constraint }) if constraint == "deployment_live" => {
            Err(Problem::new(
                ProblemCode::Conflict,
                format!("#{number} is live or has ended"),
            )
            .hint("to undo it: segue rollback"))
        }
        done => Ok(answer(done?, respond)),
    }
}

/// Undoes a deployment: deploys the release that served before it.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/deployments/{number}/rollback",
    tag = "deployments",
    params(EnvPath, WaitQuery, IdempotencyHeader,
        ("number" = i64, Path, description = "Number of the deployment to undo")),
    responses((status = 202, description = "The way back is under way.", body = DeploymentView), Errors))]
async fn deployment_rollback(
    at: InEnv<Deploy>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, number)): ApiPath<(String, String, String, i64)>,
    ApiQuery(query): ApiQuery<WaitQuery>,
    call: Call,
) -> Result<Response, Problem> {
    let wait = query.time()?;
    let undone = at.scope.deployment_by_number(at.env.id, number).await?;
    let earlier = Page {
        after: Some(number),
        limit: 100,
    };
    let before = at
        .scope
        .deployment_list(at.env.id, earlier)
        .await?
        .into_iter()
        .find(|before| {
            before.release != undone.release && (before.live_at.is_some() || is_live(before.state))
        })
        .ok_or_else(|| {
            Problem::new(
                ProblemCode::Conflict,
                format!("no other release was live before #{number}"),
            )
            .hint("name a release: segue rollback vN")
        })?;
    let input = DeployInput {
        what: What::Release(before.version),
        message: format!("undo #{number}"),
        git: None,
    };
    make(&at, &state, &input, &call, wait).await
}

/// Lists or follows what happens in a deployment.
///
/// With `Accept: text/event-stream`: a message `deployment` with the deployment whenever it has changed, and a
/// message `event` for each event, until it has ended.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/deployments/{number}/events",
    tag = "deployments",
    params(EnvPath, PageQuery, ("number" = i64, Path, description = "Number of the deployment")),
    responses((status = 200, description = "Events, oldest first.", content(
        (DeploymentEventPage = "application/json"), (DeploymentView = "text/event-stream"))), Errors))]
async fn deployment_events(
    at: InEnv<Read>,
    State(state): State<ApiState>,
    wanted: Wanted,
    LastEventId(last): LastEventId,
    ApiPath((_, _, _, number)): ApiPath<(String, String, String, i64)>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Response, Problem> {
    let deployment = at.scope.deployment_by_number(at.env.id, number).await?;
    if wanted == Wanted::Json {
        return Ok(ApiJson(happened(&at.scope, &deployment, &query).await?).into_response());
    }
    followed(state, at.scope, deployment, last).await
}

/// Tells what a deployment's switch did to requests.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/deployments/{number}/receipt",
    tag = "deployments",
    params(EnvPath, ("number" = i64, Path, description = "Number of the deployment")),
    responses((status = 200, description = "The receipt.", body = ReceiptView), Errors))]
async fn deployment_receipt(
    at: InEnv<Read>,
    ApiPath((_, _, _, number)): ApiPath<(String, String, String, i64)>,
) -> Result<ApiJson<ReceiptView>, Problem> {
    let deployment = at.scope.deployment_by_number(at.env.id, number).await?;
    let receipt = at
        .scope
        .deployment_receipt(deployment.id)
        .await?
        .ok_or_else(|| {
            Problem::new(
                ProblemCode::Conflict,
                format!("#{number} has not begun to switch"),
            )
        })?;
    Ok(ApiJson(ReceiptView::new(number, &receipt)))
}
