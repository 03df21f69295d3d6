//! Streams outlive the request that opened them, so who reads is looked at again while they last: a stream ends
//! within [`AGAIN`] of the end of the token or session, and of any change of what the person may do. The reader comes
//! back with `Last-Event-ID` and is answered as what he is then.
//!
//! The access token's own end does not end a stream: what it was made from counts.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt as _;

use super::principal::{Grant, Proof, bearer, peer, prove, resolve};
use crate::problem::ProblemCode;
use crate::state::ApiState;

/// Who reads a stream is looked at this often; security rule 4 allows 5 s.
pub(crate) const AGAIN: Duration = Duration::from_secs(3);

/// Layer: bounds streams of events.
pub(crate) async fn watch(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let wants = parts.headers.get_all(ACCEPT).iter().any(|media| {
        media
            .to_str()
            .is_ok_and(|m| m.contains("text/event-stream"))
    });
    // Looked at before the handler is, so that nothing can change between the two unseen.
    let reader = if wants {
        Reader::find(&state, bearer(&parts), peer(&parts)).await
    } else {
        None
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    let stream = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().starts_with(b"text/event-stream"));
    let (Some(reader), true) = (reader, stream) else {
        return response;
    };
    let (parts, body) = response.into_parts();
    let body = body
        .into_data_stream()
        .take_until(Box::pin(reader.changed(state)));
    Response::from_parts(parts, Body::from_stream(body))
}

/// Whoever opened a stream.
struct Reader {
    proof: Proof,
    address: Option<IpAddr>,
    grants: Vec<Grant>,
}

impl Reader {
    async fn find(state: &ApiState, text: Option<String>, address: Option<IpAddr>) -> Option<Self> {
        let proof = prove(state, &text?).await.ok()??;
        let principal = resolve(state, &proof, address).await.ok()?;
        Some(Self {
            proof,
            address,
            grants: principal.grants,
        })
    }

    /// Returns when he is not what he was.
    async fn changed(self, state: ApiState) {
        loop {
            tokio::time::sleep(AGAIN).await;
            match resolve(&state, &self.proof, self.address).await {
                Ok(principal) if principal.grants != self.grants => return,
                Err(problem) if problem.code == ProblemCode::Unauthenticated => return,
                // The database is away: nothing new comes through the stream either.
                Ok(_) | Err(_) => {}
            }
        }
    }
}
