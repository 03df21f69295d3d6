//! Following a deployment: what happened in it, and a stream of it until its end.

use std::collections::VecDeque;
use std::time::Duration;

use axum::response::Response;
use axum::response::sse::Event as Message;
use futures::Stream;
use segue_store::{Deployment, Event, EventCursor, Page, TeamScope};
use tokio::time::Instant;

use super::events::{EventView, cursor};
use super::stream::{message, sse};
use crate::dto::deployment::DeploymentView;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::page::{PageQuery, page};

/// Pages of a hundred events that are looked through for a deployment's beginning.
const PAGES: usize = 20;

/// Events are shown once no older transaction can still add one before them; a stream waits for the last ones.
const LATE_EVENTS: Duration = Duration::from_secs(1);

page! {
    /// A page of a deployment's events, oldest first.
    DeploymentEventPage of EventView
}

/// Whether an event belongs to a deployment: it names it, or it happened in its environment while it ran.
fn belongs(event: &Event, deployment: &Deployment) -> bool {
    if let Some(named) = event.subject.deployment {
        return named == deployment.id;
    }
    event.at >= deployment.created_at && deployment.finished_at.is_none_or(|end| event.at <= end)
}

/// A page of what happened in a deployment.
pub(super) async fn happened(
    scope: &TeamScope,
    deployment: &Deployment,
    query: &PageQuery,
) -> Result<DeploymentEventPage, Problem> {
    let (mut events, _) = since_creation(scope, deployment).await?;
    events.retain(|event| belongs(event, deployment));
    let (events, next_cursor) =
        query.of_all(events, |event| (event.cursor.xid, event.cursor.seq))?;
    Ok(DeploymentEventPage {
        items: events.into_iter().map(EventView::from).collect(),
        next_cursor,
    })
}

/// The environment's events since the deployment was asked for, oldest first, and where they end.
async fn since_creation(
    scope: &TeamScope,
    deployment: &Deployment,
) -> Result<(Vec<Event>, EventCursor), Problem> {
    let (app, env) = (Some(deployment.app), Some(deployment.environment));
    let mut all: Vec<Event> = Vec::new();
    for _ in 0..PAGES {
        let before = Page {
            after: all.last().map(|event| event.cursor),
            limit: 100,
        };
        let page = scope.event_recent(app, env, before).await?;
        let last = page.len() < 100
            || page
                .last()
                .is_some_and(|oldest| oldest.at < deployment.created_at);
        all.extend(page);
        if last {
            break;
        }
    }
    let end = all.first().map(|event| event.cursor).unwrap_or_default();
    all.retain(|event| event.at >= deployment.created_at);
    all.reverse();
    Ok((all, end))
}

struct Follow {
    state: ApiState,
    scope: TeamScope,
    deployment: Deployment,
    shown: Option<DeploymentView>,
    after: EventCursor,
    ready: VecDeque<Event>,
    ticket: crate::news::Ticket,
    /// When the end was first seen.
    ended: Option<Instant>,
}

/// A stream of a deployment and its events, until it has ended.
pub(super) async fn followed(
    state: ApiState,
    scope: TeamScope,
    deployment: Deployment,
    last: Option<String>,
) -> Result<Response, Problem> {
    let ticket = state.news().ticket();
    let (ready, after) = match last {
        Some(last) => (Vec::new(), cursor(&last)?),
        None => since_creation(&scope, &deployment).await?,
    };
    let follow = Follow {
        state,
        scope,
        deployment,
        shown: None,
        after,
        ready: ready.into(),
        ticket,
        ended: None,
    };
    Ok(sse(stream(follow)))
}

fn stream(follow: Follow) -> impl Stream<Item = Message> + Send {
    futures::stream::unfold(follow, |mut follow| async move {
        let sent = follow.next().await?;
        Some((sent, follow))
    })
}

impl Follow {
    /// The next message; `None` ends the stream.
    async fn next(&mut self) -> Option<Message> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                if belongs(&event, &self.deployment) {
                    let view = EventView::from(event);
                    return Some(message("event", Some(view.cursor.clone()), &view));
                }
            }
            let view = DeploymentView::from(&self.deployment);
            if self.shown.as_ref() != Some(&view) {
                let sent = message("deployment", None, &view);
                self.shown = Some(view);
                return Some(sent);
            }
            if self.state.stop().is_cancelled() {
                return None;
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "a deployment's stream ends");
                return None;
            }
            let changed = self.shown.as_ref() != Some(&DeploymentView::from(&self.deployment));
            if !self.ready.is_empty() || changed {
                continue;
            }
            if self.deployment.state.is_terminal() {
                let ended = *self.ended.get_or_insert_with(Instant::now);
                if ended.elapsed() >= LATE_EVENTS {
                    return None;
                }
            }
            tokio::select! {
                () = self.ticket.next() => {}
                () = self.state.stop().cancelled() => return None,
            }
        }
    }

    async fn look(&mut self) -> Result<(), segue_store::StoreError> {
        self.deployment = self.scope.deployment_get(self.deployment.id).await?;
        let page = Page {
            after: Some(self.after),
            limit: 100,
        };
        let (app, env) = (Some(self.deployment.app), Some(self.deployment.environment));
        let events = self.scope.event_list(app, env, page).await?;
        if let Some(last) = events.last() {
            self.after = last.cursor;
        }
        self.ready = events.into();
        Ok(())
    }
}
