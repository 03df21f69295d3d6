//! Instances: one container each, with what is wanted and what was seen.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use segue_model::Timestamp;
use segue_model::id::{HostId, InstanceId};
use segue_model::name::ServiceName;
use segue_model::state::{Desired, Observed};
use segue_store::{Done, InstanceView};
use serde::{Deserialize, Serialize};
use tokio::time::Instant as Moment;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{InEnv, Permission, Read, Scale};
use crate::dto::failure::FailureView;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{EnvPath, Errors, IdempotencyHeader};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, answer, send, stored};
use crate::wire::wait::WaitQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(instance_list))
        .routes(routes!(instance_get, instance_replace))
        .routes(routes!(instance_why))
}

/// An instance.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Its id, also its container's name.
    #[schema(value_type = String)]
    pub id: InstanceId,
    /// Service and slot, `web.3`.
    pub name: String,
    /// Its service.
    pub service: String,
    /// Its slot.
    pub slot: u32,
    /// Version of the release it was made for.
    pub release: i64,
    /// What shapes its container, shortened.
    pub revision: String,
    /// Its host's name.
    pub host: String,
    /// Its host.
    #[schema(value_type = String)]
    pub host_id: HostId,
    /// Where it listens inside of its network.
    pub address: String,
    /// What is wanted: `run`, `drain`, `stop`, `gone`.
    pub desired: String,
    /// What was last seen: `none`, `creating`, `created`, `started`, `ready`, `unready`, `exited`, `gone`, `lost`.
    pub state: String,
    /// Restarts by the engine itself.
    pub restarts: u32,
    /// Which attempt in its slot this is, from 0.
    pub attempt: u32,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its process was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub started_at: Option<Timestamp>,
    /// Ready since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub ready_at: Option<Timestamp>,
    /// Its last exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exit_code: Option<i32>,
    /// What it last complained of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<FailureView>,
    /// It gets no requests: newer ones have taken over and are being watched, and it steps in if they fail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm: bool,
    /// Somebody asked to replace it, and its successor is not there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replacing: bool,
}

page! {
    /// A page of an environment's instances.
    InstancePage of Instance
}

/// Why an instance is where and how it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The instance.
    pub instance: Instance,
    /// What happened to it, oldest first.
    pub events: Vec<super::events::EventView>,
    /// What its environment waits for, as the planner said it last.
    #[schema(value_type = Vec<Object>)]
    pub waiting: Vec<serde_json::Value>,
}

impl From<&InstanceView> for Instance {
    fn from(view: &InstanceView) -> Self {
        Self {
            id: view.id,
            name: format!("{}.{}", view.service, view.slot),
            service: view.service.to_string(),
            slot: view.slot,
            release: view.version,
            revision: view.revision.short(),
            host: view.host_name.clone(),
            host_id: view.host,
            address: format!("{}:{}", view.address, view.port),
            desired: view.desired.to_string(),
            state: view.observed.to_string(),
            restarts: view.restarts,
            attempt: view.attempt,
            created_at: view.created_at,
            started_at: view.started_at,
            ready_at: view.ready_at,
            exit_code: view.exit_code,
            failure: view.failure.as_ref().map(FailureView::from),
            warm: view.warm,
            replacing: view.replacing,
        }
    }
}

/// Which instances.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct InstanceQuery {
    /// Also those that are gone, behind the others, the newest first.
    #[serde(default)]
    gone: bool,
    /// Of this service only.
    #[param(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    service: Option<String>,
    /// Items wanted, 1 to 100; 50 if not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Lists an environment's instances, by service and slot.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/instances", tag = "instances",
    params(EnvPath, InstanceQuery),
    responses((status = 200, description = "Instances.", body = InstancePage), Errors))]
async fn instance_list(
    at: InEnv<Read>,
    ApiQuery(query): ApiQuery<InstanceQuery>,
) -> Result<ApiJson<InstancePage>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let service = query.service.map(ServiceName::new).transpose();
    let service = service.map_err(|error| Problem::invalid("service", error))?;
    let (env, gone) = (at.env.id, query.gone);
    let (instances, next_cursor) = page
        .read(
            |page| at.scope.instance_page(env, service.as_ref(), gone, page),
            InstanceView::place,
        )
        .await?;
    let items = instances.iter().map(Instance::from).collect();
    Ok(ApiJson(InstancePage { items, next_cursor }))
}

/// Shows an instance.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/instances/{instance}", tag = "instances",
    params(EnvPath, ("instance" = String, Path, description = "Id, or service and slot (`web.3`)")),
    responses((status = 200, description = "The instance.", body = Instance), Errors))]
async fn instance_get(
    at: InEnv<Read>,
    ApiPath((_, _, _, wanted)): ApiPath<(String, String, String, String)>,
) -> Result<ApiJson<Instance>, Problem> {
    Ok(ApiJson(Instance::from(&find(&at, &wanted).await?)))
}

/// Replaces an instance by a fresh one of the same revision, without losing a request.
///
/// With `wait`, the answer comes when its successor is ready.
#[utoipa::path(delete, path = "/v1/teams/{team}/apps/{app}/envs/{env}/instances/{instance}", tag = "instances",
    params(EnvPath, WaitQuery, IdempotencyHeader,
        ("instance" = String, Path, description = "Id, or service and slot (`web.3`)")),
    responses((status = 202, description = "It is being replaced; `Location` shows it.", body = Instance), Errors))]
async fn instance_replace(
    at: InEnv<Scale>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, wanted)): ApiPath<(String, String, String, String)>,
    ApiQuery(query): ApiQuery<WaitQuery>,
    call: Call,
) -> Result<Response, Problem> {
    let wait = query.time()?;
    let instance = find(&at, &wanted).await?;
    let path = format!("{}/instances", at.path());
    let respond = |view: &InstanceView| {
        let location = format!("{path}/{}", view.id);
        stored(StatusCode::ACCEPTED, &Instance::from(view), Some(location))
    };
    let idempotency = call.idempotency(&respond);
    let done = match at
        .scope
        .instance_replace(at.env.id, instance.id, idempotency)
        .await
    {
        Err(error) if error.is_conflict_with("instance_leaving") => {
            let detail = format!(
                "{}.{} is already going away",
                instance.service, instance.slot
            );
            return Err(Problem::new(ProblemCode::Conflict, detail)
                .hint("its successor, if it has one: segue ps"));
        }
        done => done?,
    };
    state.news().tell();
    let Some(wait) = wait else {
        return Ok(answer(done, respond));
    };
    // A repeated request means the one that was asked for then, whatever has its name by now.
    let id = match &done {
        Done::Fresh(view) => view.id,
        Done::Replayed(kept) => kept
            .body
            .as_ref()
            .and_then(|body| body.get("id")?.as_str()?.parse().ok())
            .unwrap_or(instance.id),
    };
    let view = replaced(&at, &state, id, wait).await?;
    Ok(send(respond(&view)))
}

/// Waits until an instance is not wanted any more and all of its service that are wanted are ready, at most this long.
async fn replaced(
    at: &InEnv<Scale>,
    state: &ApiState,
    id: InstanceId,
    wait: Duration,
) -> Result<InstanceView, Problem> {
    let until = Moment::now() + wait;
    let mut ticket = state.news().ticket();
    loop {
        let view = at.scope.instance_get(at.env.id, id).await?;
        let ready = view.desired != Desired::Run && {
            let all = at.scope.instance_list(at.env.id, false).await?;
            let wanted = |other: &&InstanceView| {
                other.service == view.service && other.desired == Desired::Run
            };
            let mut wanted = all.iter().filter(wanted);
            wanted.all(|other| other.observed == Observed::Ready)
        };
        if ready || Moment::now() >= until || state.stop().is_cancelled() {
            return Ok(view);
        }
        tokio::select! {
            () = ticket.next() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }
}

/// Tells why an instance is where and how it is.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/instances/{instance}/why", tag = "instances",
    params(EnvPath, ("instance" = String, Path, description = "Id, or service and slot (`web.3`)")),
    responses((status = 200, description = "Reasons.", body = Why), Errors))]
async fn instance_why(
    at: InEnv<Read>,
    ApiPath((_, _, _, wanted)): ApiPath<(String, String, String, String)>,
) -> Result<ApiJson<Why>, Problem> {
    let instance = find(&at, &wanted).await?;
    let recent = at
        .scope
        .event_recent(
            Some(at.app.id),
            Some(at.env.id),
            segue_store::Page::first(100),
        )
        .await?;
    let mut events: Vec<_> = recent
        .into_iter()
        .filter(|event| event.subject.instance == Some(instance.id))
        .map(super::events::EventView::from)
        .collect();
    events.reverse();
    let waiting = at.env.reasons.as_array().cloned().unwrap_or_default();
    Ok(ApiJson(Why {
        instance: Instance::from(&instance),
        events,
        waiting,
    }))
}

async fn find<P: Permission>(at: &InEnv<P>, wanted: &str) -> Result<InstanceView, Problem> {
    if let Ok(id) = wanted.parse::<InstanceId>() {
        return Ok(at.scope.instance_get(at.env.id, id).await?);
    }
    let (service, slot) = wanted.rsplit_once('.').ok_or_else(Problem::not_found)?;
    let slot: u32 = slot.parse().map_err(|_| Problem::not_found())?;
    // The newest one in the slot: after a replacement the name means the new container.
    at.scope
        .instance_list(at.env.id, false)
        .await?
        .into_iter()
        .filter(|view| view.service.as_str() == service && view.slot == slot)
        .max_by_key(|view| view.created_at)
        .ok_or_else(Problem::not_found)
}
