//! What the one who pushes is told while a deployment goes on.
//!
//! Must not: end a deployment; a client that leaves cancels nothing.

use std::pin::Pin;

use axum::body::Bytes;
use futures::Stream;
use segue_store::Deployment;
use tokio_util::sync::CancellationToken;

use crate::git::hook::Message;
use crate::git::narrate::{Narrator, Told};
use crate::git::pushes::{Push, Turn};
use crate::state::ApiState;

/// Messages for the one who pushes.
pub(super) type Lines = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

struct Story {
    narrator: Narrator,
    first: Option<String>,
    taken_over: CancellationToken,
    stop: CancellationToken,
    /// Held until the story ends: nobody else deploys for this app.
    turn: Option<Turn>,
    over: bool,
}

/// The story of a deployment, until it is settled or somebody else tells it.
pub(super) fn story(
    state: &ApiState,
    push: Push,
    deployment: &Deployment,
    detach: bool,
    turn: Option<Turn>,
) -> Lines {
    let (number, name) = (deployment.number, &push.app.name);
    let first = format!(
        "→ {name}, deployment #{number}, pushed by {}",
        push.principal.email
    );
    if detach {
        let lines = [
            line(&first),
            line(&format!(
                "  it goes on by itself; follow it: segue status -a {name}"
            )),
            end(true),
        ];
        return Box::pin(futures::stream::iter(lines));
    }
    let taken_over = turn
        .as_ref()
        .map(|turn| turn.taken_over.clone())
        .unwrap_or_default();
    let begin = Story {
        narrator: Narrator::new(push.scope, deployment.clone(), state.news().ticket()),
        first: Some(first),
        taken_over,
        stop: state.stop().clone(),
        turn,
        over: false,
    };
    Box::pin(futures::stream::unfold(begin, |mut story| async move {
        let next = story.next().await?;
        Some((next, story))
    }))
}

impl Story {
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        if self.over {
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some(line(&first));
        }
        let told = tokio::select! {
            told = self.narrator.next() => told,
            // Another push of the same commit takes the ref; this one has nobody who reads it.
            () = self.taken_over.cancelled() => Some(Told::End(false)),
            () = self.stop.cancelled() => {
                self.over = true;
                return Some(line("  the server restarts; the deployment goes on: segue status"));
            }
        };
        match told? {
            Told::Line(text) => Some(line(&text)),
            Told::End(live) => {
                self.over = true;
                let yields = self.turn.as_ref().is_some_and(Turn::yields);
                Some(end(live && !yields))
            }
        }
    }
}

/// A line to be shown.
pub(super) fn line(text: &str) -> Result<Bytes, std::io::Error> {
    encode(&Message {
        line: Some(text.to_owned()),
        accept: None,
    })
}

/// Whether git takes the ref.
pub(super) fn end(accept: bool) -> Result<Bytes, std::io::Error> {
    encode(&Message {
        line: None,
        accept: Some(accept),
    })
}

fn encode(message: &Message) -> Result<Bytes, std::io::Error> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes.into())
}
