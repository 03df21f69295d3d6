//! Logs, from the store: they are there after the container is gone.
//!
//! The store keeps pieces of many lines; a page here is made of whole pieces, so that a cursor never cuts one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::Event as Message;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use segue_model::Timestamp;
use segue_model::id::EnvironmentId;
use segue_model::name::ServiceName;
use segue_store::{InstanceView, LogChunk, LogCursor, LogFilter, Page, StoreError, TeamScope};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::stream::{LastEventId, Wanted, message, sse};
use crate::auth::place::{InEnv, Read};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::page;
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::ApiQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(log_list))
}

/// Pieces are gathered before they are kept, and shown once no older transaction can add one before them.
const LATE_PIECES: Duration = Duration::from_secs(2);

/// The newest runs are named by their numbers in an environment's log.
const RUNS_NAMED: u32 = 100;

/// Pieces read at a time.
const PIECES: u32 = 20;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `stdout`, `stderr`, or `segue` for what Segue says itself.
    pub stream: String,
    /// Its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub service: Option<String>,
    /// Its instance: service and slot, `run.7` for a one-off run, or the id once that is not known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub instance: Option<String>,
    /// The line, without its end; values of secrets are hidden.
    pub text: String,
}

page! {
    /// Lines, oldest first.
    LogPage of LogLine
}

/// Which lines.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// Of this service only.
    #[param(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    service: Option<String>,
    /// Of this instance only, by id.
    #[param(pattern = "^ins_[0-9a-f]{32}$")]
    instance: Option<String>,
    /// Of this one-off run only, by number.
    run: Option<i64>,
    /// Not older than this (RFC 3339).
    since: Option<String>,
    /// Only lines that hold this text.
    #[param(max_length = 200)]
    contains: Option<String>,
    /// The last so many lines, 0 to 5000; 200 if not given. Not with `cursor`.
    #[param(maximum = 5000)]
    tail: Option<u32>,
    /// Behind this place: `next_cursor` of the page before.
    #[param(max_length = 100)]
    cursor: Option<String>,
}

impl LogQuery {
    pub(super) fn filter(&self) -> Result<LogFilter, Problem> {
        let wrong = |name: &str, detail: String| {
            Problem::new(ProblemCode::InvalidRequest, detail.clone()).at(name, detail)
        };
        if self.tail.is_some_and(|tail| tail > 5000) {
            return Err(wrong("tail", "`tail` must be 0 to 5000".to_owned()));
        }
        if self
            .contains
            .as_ref()
            .is_some_and(|text| text.chars().count() > 200)
        {
            return Err(wrong(
                "contains",
                "`contains` may have at most 200 characters".to_owned(),
            ));
        }
        Ok(LogFilter {
            service: self
                .service
                .as_ref()
                .map(|name| ServiceName::new(name.clone()))
                .transpose()
                .map_err(|error| wrong("service", error.to_string()))?,
            instance: self
                .instance
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|error: segue_model::id::InvalidId| {
                    wrong("instance", error.to_string())
                })?,
            build: None,
            since: self
                .since
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|_| {
                    wrong(
                        "since",
                        "`since` is a time like 2026-01-31T12:00:00Z".to_owned(),
                    )
                })?,
        })
    }
}

/// Reads or follows an environment's log.
///
/// With `Accept: text/event-stream`: a message `line` for each line; `Last-Event-ID` goes on behind a piece.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/logs", tag = "logs",
    params(EnvPath, LogQuery),
    responses((status = 200, description = "Lines, oldest first.", content(
        (LogPage = "application/json"), (LogLine = "text/event-stream"))), Errors))]
async fn log_list(
    at: InEnv<Read>,
    State(state): State<ApiState>,
    wanted: Wanted,
    LastEventId(last): LastEventId,
    ApiQuery(query): ApiQuery<LogQuery>,
) -> Result<Response, Problem> {
    let mut filter = query.filter()?;
    if let Some(number) = query.run {
        // The container of a run has the run's own id.
        let run = at.scope.run_get(at.env.id, number).await?;
        filter.instance = Some(run.id.instance());
    }
    answer_logs(state, at.scope, at.env.id, filter, query, wanted, last).await
}

/// Answers with a page or a stream of lines.
pub(super) async fn answer_logs(
    state: ApiState,
    scope: TeamScope,
    env: EnvironmentId,
    filter: LogFilter,
    query: LogQuery,
    wanted: Wanted,
    last: Option<String>,
) -> Result<Response, Problem> {
    let names = Names::load(&scope, env).await?;
    let after = last
        .or_else(|| query.cursor.clone())
        .map(|text| cursor(&text))
        .transpose()?;
    let mut reader = Reader {
        scope,
        env,
        run: query.run,
        filter,
        contains: query.contains.clone(),
        names,
        after,
    };
    let first = match reader.after {
        Some(_) if wanted == Wanted::Json => reader.forward().await?,
        Some(_) => Vec::new(),
        None => reader.tail(query.tail.unwrap_or(200) as usize).await?,
    };
    if wanted == Wanted::Json {
        let items = first.into_iter().map(|(line, _)| line).collect();
        let next_cursor = reader.after.map(|after| after.to_string());
        return Ok(ApiJson(LogPage { items, next_cursor }).into_response());
    }
    Ok(sse(follow(state, reader, first.into())))
}

fn cursor(text: &str) -> Result<LogCursor, Problem> {
    text.parse().map_err(|_| {
        Problem::new(ProblemCode::InvalidRequest, "`cursor` is not one of a log")
            .at("cursor", "not a cursor of a log")
    })
}

/// A line with the cursor to go on with once it was sent: only the last line of a piece has one.
type Placed = (LogLine, Option<LogCursor>);

struct Reader {
    scope: TeamScope,
    env: EnvironmentId,
    run: Option<i64>,
    filter: LogFilter,
    contains: Option<String>,
    names: Names,
    after: Option<LogCursor>,
}

impl Reader {
    /// Whether what it reads of writes no more.
    async fn is_over(&self) -> bool {
        if let Some(build) = self.filter.build {
            let build = self.scope.build_get(build).await;
            return build.is_ok_and(|build| build.state.is_terminal());
        }
        if let Some(run) = self.run {
            let run = self.scope.run_get(self.env, run).await;
            return run.is_ok_and(|run| run.state.is_terminal());
        }
        false
    }

    /// The last lines, and the place behind them.
    async fn tail(&mut self, wanted: usize) -> Result<Vec<Placed>, Problem> {
        let (mut lines, mut before): (VecDeque<Vec<Placed>>, _) = (VecDeque::new(), None);
        loop {
            let pieces = self
                .scope
                .log_tail(self.env, &self.filter, before, PIECES)
                .await?;
            if before.is_none() {
                self.after = Some(pieces.last().map(|piece| piece.cursor).unwrap_or_default());
            }
            let Some(first) = pieces.first() else { break };
            before = Some(first.cursor);
            for piece in pieces.iter().rev() {
                lines.push_front(self.lines(piece));
            }
            if lines.iter().map(Vec::len).sum::<usize>() >= wanted || pieces.len() < PIECES as usize
            {
                break;
            }
        }
        let mut lines: Vec<Placed> = lines.into_iter().flatten().collect();
        let surplus = lines.len().saturating_sub(wanted);
        lines.drain(..surplus);
        Ok(lines)
    }

    /// The lines behind the reader's place.
    async fn forward(&mut self) -> Result<Vec<Placed>, StoreError> {
        let pieces = self
            .scope
            .log_read(self.env, &self.filter, self.after, PIECES)
            .await?;
        let mut lines = Vec::new();
        for piece in &pieces {
            lines.extend(self.lines(piece));
            self.after = Some(piece.cursor);
        }
        Ok(lines)
    }

    fn lines(&mut self, piece: &LogChunk) -> Vec<Placed> {
        let instance = piece.instance.map(|id| self.names.of(id));
        let service = piece.service.as_ref().map(ToString::to_string);
        let mut lines: Vec<Placed> = Vec::new();
        if piece.dropped > 0 {
            let text = format!(
                "{} lines were dropped here: the log's bound was reached",
                piece.dropped
            );
            let (service, instance) = (service.clone(), instance.clone());
            let stream = "segue".to_owned();
            lines.push((
                LogLine {
                    at: piece.first_at,
                    stream,
                    service,
                    instance,
                    text,
                },
                None,
            ));
        }
        for raw in piece
            .data
            .split(|byte| *byte == b'\n')
            .filter(|raw| !raw.is_empty())
        {
            let kept = Kept::parse(raw, piece.first_at);
            // `since` chose pieces; within the first one it chooses lines.
            if self.filter.since.is_some_and(|since| kept.at < since) {
                continue;
            }
            if self
                .contains
                .as_ref()
                .is_some_and(|part| !kept.text.contains(part.as_str()))
            {
                continue;
            }
            let line = LogLine {
                at: kept.at,
                stream: kept.stream,
                service: service.clone(),
                instance: instance.clone(),
                text: kept.text,
            };
            lines.push((line, None));
        }
        if let Some(last) = lines.last_mut() {
            last.1 = Some(piece.cursor);
        }
        lines
    }
}

/// A line as its writer kept it.
struct Kept {
    at: Timestamp,
    stream: String,
    text: String,
}

impl Kept {
    /// Reads one line of a piece: an object with `at`, `stream` and `text`. What is not one is shown as it is,
    /// because a log must be readable even if its writer was another version.
    fn parse(raw: &[u8], first_at: Timestamp) -> Self {
        #[derive(Deserialize)]
        struct Encoded {
            #[serde(alias = "t")]
            at: Timestamp,
            #[serde(alias = "s")]
            stream: String,
            #[serde(alias = "m", alias = "line", alias = "message")]
            text: String,
        }
        match serde_json::from_slice::<Encoded>(raw) {
            Ok(line) => Self {
                at: line.at,
                stream: line.stream,
                text: line.text,
            },
            Err(_) => Self {
                at: first_at,
                stream: "stdout".to_owned(),
                text: String::from_utf8_lossy(raw).into_owned(),
            },
        }
    }
}

/// The text of a kept line.
pub(crate) fn kept_text(raw: &[u8], first_at: Timestamp) -> String {
    Kept::parse(raw, first_at).text
}

/// Instances by id, for people.
struct Names(
    Vec<InstanceView>,
    BTreeMap<segue_model::id::InstanceId, i64>,
);

impl Names {
    async fn load(scope: &TeamScope, env: EnvironmentId) -> Result<Self, Problem> {
        let runs = scope.run_list(env, Page::first(RUNS_NAMED)).await?;
        let runs = runs.into_iter().map(|run| (run.id.instance(), run.number));
        Ok(Self(scope.instance_list(env, true).await?, runs.collect()))
    }

    fn of(&self, id: segue_model::id::InstanceId) -> String {
        if let Some(number) = self.1.get(&id) {
            return format!("run.{number}");
        }
        self.0.iter().find(|view| view.id == id).map_or_else(
            || id.to_string(),
            |view| format!("{}.{}", view.service, view.slot),
        )
    }
}

fn follow(
    state: ApiState,
    reader: Reader,
    first: VecDeque<Placed>,
) -> impl Stream<Item = Message> + Send {
    let ticket = state.news().ticket();
    let begin = (state, reader, first, ticket, None::<Instant>);
    futures::stream::unfold(
        begin,
        |(state, mut reader, mut ready, mut ticket, mut ended)| async move {
            loop {
                if let Some((line, place)) = ready.pop_front() {
                    let sent = message("line", place.map(|place| place.to_string()), &line);
                    return Some((sent, (state, reader, ready, ticket, ended)));
                }
                match reader.forward().await {
                    Ok(lines) if !lines.is_empty() => ready = lines.into(),
                    Ok(_) => {
                        if reader.is_over().await {
                            // It writes no more; its last piece may still be on its way.
                            let since = *ended.get_or_insert_with(Instant::now);
                            if since.elapsed() >= LATE_PIECES {
                                return None;
                            }
                        }
                        tokio::select! {
                            () = ticket.next() => {}
                            () = state.stop().cancelled() => return None,
                        }
                        if let Ok(names) = Names::load(&reader.scope, reader.env).await {
                            reader.names = names;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a log stream ends");
                        return None;
                    }
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_any_writer_are_readable() {
        let first: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let line = Kept::parse(
            br#"{"at":"2026-01-02T00:00:00Z","stream":"stderr","text":"oh"}"#,
            first,
        );
        assert_eq!((line.stream.as_str(), line.text.as_str()), ("stderr", "oh"));
        let raw = Kept::parse(b"plain \xff", first);
        assert_eq!(
            (raw.at, raw.stream.as_str(), raw.text.as_str()),
            (first, "stdout", "plain \u{fffd}")
        );
    }
}
