//! What happens in the team, as it happens.

use std::collections::VecDeque;

use axum::extract::State;
use axum::response::sse::Event as Message;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use segue_model::Timestamp;
use segue_model::access::Action;
use segue_model::id::{AppId, EnvironmentId, EventId};
use segue_store::{Event, EventCursor, Page, TeamScope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::stream::{LastEventId, Wanted, message, sse};
use crate::auth::principal::Principal;
use crate::dto::failure::FailureView;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{limit, page};
use crate::wire::params::Errors;
use crate::wire::query::ApiQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(event_list))
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: EventId,
    /// Its place in the order; send it as `cursor` to get what is behind it.
    pub cursor: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The app it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub app: Option<AppId>,
    /// The environment it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub environment: Option<EnvironmentId>,
    /// Stable word for what happened, `instance.created`. New ones may be added.
    pub kind: String,
    /// What it is about, for machines: ids by name.
    #[schema(value_type = Object)]
    pub subject: serde_json::Value,
    /// One sentence for people.
    pub message: String,
    /// Why it failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failure: Option<FailureView>,
    /// A token, a person or a part of Segue.
    pub actor: String,
}

page! {
    /// A page of events, oldest first.
    EventPage of EventView
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let mut subject = serde_json::to_value(&event.subject).unwrap_or_default();
        if let Some(members) = subject.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        Self {
            id: event.id,
            cursor: event.cursor.to_string(),
            at: event.at,
            app: event.app,
            environment: event.environment,
            kind: event.kind,
            subject,
            message: event.message,
            failure: event.failure.as_ref().map(FailureView::from),
            actor: event.actor,
        }
    }
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventQuery {
    /// Name or id of the team; needed by people who are signed in and are in several.
    #[param(max_length = 40)]
    team: Option<String>,
    /// Id of an app.
    #[param(pattern = "^app_[0-9a-f]{32}$")]
    app: Option<String>,
    /// Id of an environment.
    #[param(pattern = "^env_[0-9a-f]{32}$")]
    environment: Option<String>,
    /// Events behind this one; without it a list has the newest ones and a stream begins now.
    #[param(max_length = 100)]
    cursor: Option<String>,
    /// Items of a list, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Lists or follows what happens in a team.
///
/// With `Accept: text/event-stream` the answer is a stream: message `event` with an event each, its `id` the
/// cursor; `Last-Event-ID` goes on behind it.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventQuery),
    responses((status = 200, description = "Events.", content(
        (EventPage = "application/json"), (EventView = "text/event-stream"))), Errors))]
async fn event_list(
    principal: Principal,
    State(state): State<ApiState>,
    wanted: Wanted,
    LastEventId(last): LastEventId,
    ApiQuery(query): ApiQuery<EventQuery>,
) -> Result<Response, Problem> {
    let team = principal.team_named(query.team.as_deref())?;
    let place = Place {
        app: id(query.app.as_deref(), "app")?.or(principal.only_app()),
        environment: id(query.environment.as_deref(), "environment")?,
    };
    // Whoever has a role on one app or environment only asks for that one.
    let role = principal.role_at(team, place.app, place.environment);
    principal.require(role, Action::Read)?;
    if principal
        .only_app()
        .is_some_and(|only| place.app != Some(only))
    {
        return Err(Problem::not_found());
    }
    let scope = state.store().team(&principal.context(team));
    let after = last
        .or(query.cursor)
        .map(|text| cursor(&text))
        .transpose()?;
    if wanted == Wanted::Json {
        return Ok(ApiJson(list(&scope, place, after, limit(query.limit)?).await?).into_response());
    }
    let after = match after {
        Some(after) => after,
        None => newest(&scope, place).await?,
    };
    Ok(sse(follow(state, scope, place, after)))
}

/// Which part of the team.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
}

async fn list(
    scope: &TeamScope,
    place: Place,
    after: Option<EventCursor>,
    limit: u32,
) -> Result<EventPage, Problem> {
    let page = Page { after, limit };
    let mut events = match after {
        Some(_) => scope.event_list(place.app, place.environment, page).await?,
        None => {
            let mut newest = scope
                .event_recent(place.app, place.environment, page)
                .await?;
            newest.reverse();
            newest
        }
    };
    // A list of events has no end: the cursor is always there once there is an event.
    let next_cursor = events.last().map(|event| event.cursor.to_string());
    let items = events.drain(..).map(EventView::from).collect();
    Ok(EventPage { items, next_cursor })
}

/// The newest event's place: a stream that asks for nothing older begins behind it.
pub(super) async fn newest(scope: &TeamScope, place: Place) -> Result<EventCursor, Problem> {
    let newest = scope
        .event_recent(place.app, place.environment, Page::first(1))
        .await?;
    Ok(newest.first().map(|event| event.cursor).unwrap_or_default())
}

fn follow(
    state: ApiState,
    scope: TeamScope,
    place: Place,
    after: EventCursor,
) -> impl Stream<Item = Message> + Send {
    let ticket = state.news().ticket();
    let begin = (state, scope, after, ticket, VecDeque::<Event>::new());
    futures::stream::unfold(
        begin,
        move |(state, scope, mut after, mut ticket, mut ready)| async move {
            loop {
                if let Some(event) = ready.pop_front() {
                    after = event.cursor;
                    let view = EventView::from(event);
                    let sent = message("event", Some(view.cursor.clone()), &view);
                    return Some((sent, (state, scope, after, ticket, ready)));
                }
                if state.stop().is_cancelled() {
                    return None;
                }
                let page = Page {
                    after: Some(after),
                    limit: 100,
                };
                match scope.event_list(place.app, place.environment, page).await {
                    Ok(events) if !events.is_empty() => ready = events.into(),
                    Ok(_) => {
                        tokio::select! {
                            () = ticket.next() => {}
                            () = state.stop().cancelled() => return None,
                        }
                    }
                    // The reader comes back with Last-Event-ID; nothing is lost.
                    Err(error) => {
                        tracing::warn!(%error, "an event stream ends");
                        return None;
                    }
                }
            }
        },
    )
}

/// Reads a cursor of events.
pub(super) fn cursor(text: &str) -> Result<EventCursor, Problem> {
    text.parse().map_err(|_| {
        Problem::new(
            crate::problem::ProblemCode::InvalidRequest,
            "`cursor` is not one of an event",
        )
        .at("cursor", "not a cursor of events")
    })
}

fn id<T: std::str::FromStr<Err = segue_model::id::InvalidId>>(
    text: Option<&str>,
    name: &str,
) -> Result<Option<T>, Problem> {
    text.map(str::parse)
        .transpose()
        .map_err(|error: segue_model::id::InvalidId| {
            Problem::new(
                crate::problem::ProblemCode::InvalidRequest,
                error.to_string(),
            )
            .at(name, error.to_string())
        })
}
