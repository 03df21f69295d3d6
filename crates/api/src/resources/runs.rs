//! One-off runs: a command in one container of the release that an environment stands on.
//!
//! Their output is in the environment's log (`logs?run=7`), also after the container is gone.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use segue_model::Timestamp;
use segue_model::id::RunId;
use segue_model::name::ServiceName;
use segue_model::run::{DEFAULT_TIME_LIMIT, MAX_TIME_LIMIT, UNFINISHED_LIMIT};
use segue_model::spec::bounds;
use segue_store::{NewRun, ReleaseView, StoreError, StoredResponse, TeamScope, fresh_id};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{Deploy, InEnv, Read};
use crate::dto::failure::FailureView;
use crate::dto::faults::Faults;
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
        .routes(routes!(run_list, run_create))
        .routes(routes!(run_get))
        .routes(routes!(run_cancel))
}

/// A one-off run.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    #[schema(value_type = String)]
    pub id: RunId,
    /// Its number within the environment.
    pub number: i64,
    /// Where it is: `queued`, `scheduled`, `running`, `succeeded` (exit code 0), `failed`, `timed_out`, `cancelled`,
    /// `unknown` (its end could not be seen; it is never started again). New ones may be added.
    pub state: String,
    /// Nothing follows.
    pub finished: bool,
    /// The service whose image, variables and limits it has.
    pub service: String,
    /// What runs: arguments, no shell.
    pub command: Vec<String>,
    /// Version of the release whose image it has.
    pub release: i64,
    /// Seconds from its start after which it is stopped.
    pub time_limit: u64,
    /// The host that it runs or ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub host: Option<String>,
    /// What its process ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exit_code: Option<i32>,
    /// Whether it was killed for memory.
    pub oom: bool,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// Why it could not be run to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<FailureView>,
    /// Who asked for it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its process was first seen to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub finished_at: Option<Timestamp>,
}

page! {
    /// A page of runs, newest first.
    RunPage of Run
}

/// What shall run.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCreate {
    /// The service whose image, variables, volumes and limits it has; `web` if not given, or the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        max_length = 40,
        pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
    )]
    pub service: Option<String>,
    /// Arguments, no shell: `["python", "manage.py", "migrate"]`.
    #[schema(
        min_items = 1,
        max_items = 256,
        max_length = 4096,
        pattern = "^[^\\x00]*$"
    )]
    pub command: Vec<String>,
    /// Seconds from its start after which it is stopped; an hour if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 86400)]
    pub time_limit: Option<u64>,
}

impl From<&segue_store::RunView> for Run {
    fn from(view: &segue_store::RunView) -> Self {
        Self {
            id: view.id,
            number: view.number,
            state: view.state.to_string(),
            finished: view.state.is_terminal(),
            service: view.service.to_string(),
            command: view.command.clone(),
            release: view.version,
            time_limit: view.time_limit.as_secs(),
            host: view.host.clone(),
            exit_code: view.exit_code,
            oom: view.oom,
            cancel_requested: view.cancel_requested,
            failure: view.failure.as_ref().map(FailureView::from),
            created_by: view.created_by.clone(),
            created_at: view.created_at,
            started_at: view.started_at,
            finished_at: view.finished_at,
        }
    }
}

fn accepted(run: &segue_store::RunView, env_path: &str) -> StoredResponse {
    let location = format!("{env_path}/runs/{}", run.number);
    stored(StatusCode::ACCEPTED, &Run::from(run), Some(location))
}

/// Lists one-off runs, newest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/runs", tag = "runs",
    params(EnvPath, PageQuery),
    responses((status = 200, description = "Runs.", body = RunPage), Errors))]
async fn run_list(
    at: InEnv<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<RunPage>, Problem> {
    let (runs, next_cursor) = query
        .read(|page| at.scope.run_list(at.env.id, page), |run| run.number)
        .await?;
    let items = runs.iter().map(Run::from).collect();
    Ok(ApiJson(RunPage { items, next_cursor }))
}

/// Runs a command once, in a container of its own of the release that the environment stands on.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/runs", tag = "runs",
    params(EnvPath, IdempotencyHeader), request_body = RunCreate,
    responses((status = 202, description = "It is under way; `Location` follows it.", body = Run), Errors))]
async fn run_create(
    at: InEnv<Deploy>,
    State(state): State<ApiState>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<RunCreate>,
) -> Result<Response, Problem> {
    let (command, time_limit) = checked(&body)?;
    let conflict = |detail: String| Problem::new(ProblemCode::Conflict, detail);
    if at.env.stopped {
        let detail = format!("the environment {} is stopped", at.env.name);
        return Err(conflict(detail).hint("start it first: PATCH {\"stopped\": false}"));
    }
    let serving = at.env.serving.ok_or_else(|| {
        conflict(format!("nothing is live in {} yet", at.env.name))
            .hint("deploy something first: segue up")
    })?;
    let release = at.scope.release_get(serving).await?;
    let new = NewRun {
        id: RunId::from_uuid(fresh_id()),
        release: serving,
        service: service(&release, body.service.as_deref())?,
        command,
        time_limit,
    };
    let path = at.path();
    let respond = |run: &segue_store::RunView| accepted(run, &path);
    let call = call.body(&bytes);
    let done = at
        .scope
        .run_create(at.env.id, &new, call.idempotency(&respond))
        .await;
    state.news().tell();
    match done {
        Err(error) if error.is_conflict_with("runs_unfinished") => Err(conflict(format!(
            "{UNFINISHED_LIMIT} runs of {} are under way, which is as many as may be",
            at.env.name
        ))
        .hint("wait for one of them, or stop it: segue runs cancel")),
        done => Ok(answer(done?, respond)),
    }
}

/// Command and time limit, within their bounds.
fn checked(body: &RunCreate) -> Result<(Vec<String>, Duration), Problem> {
    let mut faults = Faults::default();
    if !bounds::is_argv(&body.command) {
        let (words, chars) = (bounds::ARGUMENTS, bounds::ARGUMENT_CHARS);
        let detail = format!("1 to {words} arguments of 1 to {chars} characters, without NUL");
        faults.add("/command", detail);
    }
    let limit = body
        .time_limit
        .map_or(DEFAULT_TIME_LIMIT, Duration::from_secs);
    if limit.is_zero() || limit > MAX_TIME_LIMIT {
        let most = MAX_TIME_LIMIT.as_secs();
        faults.add("/time_limit", format!("1 to {most} seconds"));
    }
    faults.end((body.command.clone(), limit))
}

/// The service that was named, or the one that is meant where none was.
fn service(release: &ReleaseView, named: Option<&str>) -> Result<ServiceName, Problem> {
    let services = &release.spec.services;
    let known = || {
        let names: Vec<&str> = services.keys().map(ServiceName::as_str).collect();
        names.join(", ")
    };
    if let Some(name) = named {
        let found = services.keys().find(|known| known.as_str() == name);
        return found.cloned().ok_or_else(|| {
            let detail = format!(
                "v{} has no such service; it has {}",
                release.version,
                known()
            );
            Problem::invalid("/service", detail)
        });
    }
    let web = services.keys().find(|name| name.as_str() == "web");
    let only = services.keys().next().filter(|_| services.len() == 1);
    web.or(only).cloned().ok_or_else(|| {
        Problem::invalid("/service", format!("name the service: one of {}", known()))
    })
}

/// Shows a run.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/runs/{run}", tag = "runs",
    params(EnvPath, WaitQuery, ("run" = i64, Path, description = "Number of the run")),
    responses((status = 200, description = "The run; with `wait` when it has ended.", body = Run), Errors))]
async fn run_get(
    at: InEnv<Read>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, number)): ApiPath<(String, String, String, i64)>,
    ApiQuery(query): ApiQuery<WaitQuery>,
) -> Result<ApiJson<Run>, Problem> {
    let wait = query.time()?.unwrap_or_default();
    let run = settle(&at.scope, &state, at.env.id, number, wait).await?;
    Ok(ApiJson(Run::from(&run)))
}

/// Waits until a run has ended, at most this long.
async fn settle(
    scope: &TeamScope,
    state: &ApiState,
    env: segue_model::id::EnvironmentId,
    number: i64,
    wait: Duration,
) -> Result<segue_store::RunView, Problem> {
    let until = Instant::now() + wait;
    let mut ticket = state.news().ticket();
    loop {
        let run = scope.run_get(env, number).await?;
        let over = run.state.is_terminal() || state.stop().is_cancelled();
        if over || Instant::now() >= until {
            return Ok(run);
        }
        tokio::select! {
            () = ticket.next() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }
}

/// Stops a run.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/envs/{env}/runs/{run}/cancel", tag = "runs",
    params(EnvPath, IdempotencyHeader, ("run" = i64, Path, description = "Number of the run")),
    responses((status = 202, description = "It is being stopped.", body = Run), Errors))]
async fn run_cancel(
    at: InEnv<Deploy>,
    State(state): State<ApiState>,
    ApiPath((_, _, _, number)): ApiPath<(String, String, String, i64)>,
    call: Call,
) -> Result<Response, Problem> {
    let path = at.path();
    let respond = |run: &segue_store::RunView| accepted(run, &path);
    let done = at
        .scope
        .run_cancel(at.env.id, number, call.idempotency(&respond))
        .await;
    state.news().tell();
    match done {
        Err(StoreError::Conflict { constraint }) if constraint == "run_ended" => {
            let detail = format!("run {number} has ended");
            Err(Problem::new(ProblemCode::Conflict, detail)
                .hint(format!("see how: segue runs show {number}")))
        }
        done => Ok(answer(done?, respond)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(command: &[&str], time_limit: Option<u64>) -> RunCreate {
        RunCreate {
            service: None,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            time_limit,
        }
    }

    #[test]
    fn commands_and_limits_have_bounds() {
        assert_eq!(
            checked(&body(&["date"], None)).unwrap().1,
            DEFAULT_TIME_LIMIT
        );
        assert!(checked(&body(&["date"], Some(86_400))).is_ok());
        for bad in [
            body(&[], None),
            body(&[""], None),
            body(&["a\0b"], None),
            body(&["date"], Some(0)),
            body(&["date"], Some(86_401)),
        ] {
            assert!(checked(&bad).is_err(), "{bad:?}");
        }
    }
}
