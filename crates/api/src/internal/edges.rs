//! Edges: the stream of routes, their reports, their goodbye.
//!
//! Invariants: numbers on a connection have no gap; nothing is skipped (a change is read by the cursor of the
//! snapshot before it); what an environment was last sent is never followed by an older generation. While the
//! database is away the stream stays open and beats, because edges serve on.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use secrecy::zeroize::Zeroizing;
use segue_model::id::{EdgeId, EnvironmentId};
use segue_model::internal::{
    EDGE_LEASE_MS, HEARTBEAT_MS, Report, StreamBody, StreamMessage, digest,
};
use segue_model::route::RouteGen;
use segue_store::{RouteCursor, StoreError, SystemStore};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::InternalState;
use crate::news::Ticket;
use crate::problem::{Problem, ProblemCode};
use crate::wire::json::read_bytes;
use crate::wire::params::Errors;
use crate::wire::query::ApiPath;

/// Bytes of a report: acknowledgements of every environment of a large installation fit.
const MAX_REPORT_BYTES: usize = 32 << 20;

/// The stream is never silent for longer; other edges are looked at as often.
const HEARTBEAT: Duration = Duration::from_millis(HEARTBEAT_MS);

/// How often certificates are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(2);

pub(super) fn routes() -> OpenApiRouter<InternalState> {
    OpenApiRouter::new()
        .routes(routes!(edge_stream))
        .routes(routes!(edge_report))
        .routes(routes!(edge_goodbye))
}

/// Why the token of the edges cannot be used; starting is refused.
#[derive(Debug, thiserror::Error)]
pub enum EdgeTokenError {
    /// The file cannot be read.
    #[error("the edge token {path} cannot be read")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others can read it.
    #[error("the edge token {0} can be read by others; its mode must be 0400 or 0600")]
    Exposed(PathBuf),
    /// It is shorter than 32 characters, or all the same.
    #[error("the edge token {0} is too short or not random")]
    Weak(PathBuf),
}

/// The token that edges present.
#[derive(Clone)]
pub(crate) struct EdgeToken(Arc<Zeroizing<String>>);

impl EdgeToken {
    pub(crate) fn load(path: &Path) -> Result<Self, EdgeTokenError> {
        let io = |source| EdgeTokenError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = std::fs::File::open(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        if meta.mode() & 0o077 != 0 {
            return Err(EdgeTokenError::Exposed(path.to_owned()));
        }
        let mut text = Zeroizing::new(String::new());
        file.by_ref()
            .take(4096)
            .read_to_string(&mut text)
            .map_err(io)?;
        let token = Zeroizing::new(text.trim().to_owned());
        let distinct: std::collections::BTreeSet<u8> = token.bytes().collect();
        if token.len() < 32 || distinct.len() < 8 {
            return Err(EdgeTokenError::Weak(path.to_owned()));
        }
        Ok(Self(Arc::new(token)))
    }

    fn is(&self, given: &str) -> bool {
        // Hashes have one length, so that the comparison tells nothing about the token's.
        let (own, given) = (
            Sha256::digest(self.0.as_bytes()),
            Sha256::digest(given.as_bytes()),
        );
        own.as_slice().ct_eq(given.as_slice()).into()
    }

    /// What the store keeps for an edge: bound to its id, so that one file may serve several edges.
    fn bound(&self, edge: EdgeId) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"segue edge token\0");
        hash.update(edge.as_uuid().as_bytes());
        hash.update(self.0.as_bytes());
        hash.finalize().into()
    }
}

/// An edge that proved itself.
struct Edge {
    id: EdgeId,
    bound: [u8; 32],
}

impl FromRequestParts<InternalState> for Edge {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &InternalState) -> Result<Self, Problem> {
        let given = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or_else(Problem::unauthenticated)?;
        if !state.token.is(given) {
            return Err(Problem::unauthenticated());
        }
        let ApiPath(id) = ApiPath::<String>::from_request_parts(parts, state).await?;
        let id: EdgeId = id.parse().map_err(|_| Problem::not_found())?;
        Ok(Self {
            id,
            bound: state.token.bound(id),
        })
    }
}

async fn join(store: &SystemStore, edge: &Edge) -> Result<(), Problem> {
    if store.edge_join(edge.id, edge.bound).await? {
        Ok(())
    } else {
        Err(Problem::unauthenticated())
    }
}

/// Streams routes: a snapshot, then changes, one JSON object a line. The snapshot and heartbeats tell how many other
/// edges are live.
#[utoipa::path(get, path = "/internal/v1/edges/{edge}/stream", tag = "edges",
    params(("edge" = String, Path, description = "Id of the edge")),
    responses((status = 200, description = "Messages, numbered from 1.", body = String,
        content_type = "application/x-ndjson"), Errors))]
async fn edge_stream(edge: Edge, State(state): State<InternalState>) -> Result<Response, Problem> {
    let store = state.api.store().system();
    join(&store, &edge).await?;
    // The ticket first: what commits between the snapshot and the first wait wakes the stream.
    let ticket = state.routes.ticket();
    let feed = Feed::begin(edge.id, store, ticket, state).await?;
    let mut response = Body::from_stream(stream(feed)).into_response();
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

struct Feed {
    edge: EdgeId,
    store: SystemStore,
    ticket: Ticket,
    state: InternalState,
    cursor: RouteCursor,
    sent: BTreeMap<EnvironmentId, RouteGen>,
    /// Changes with any certificate.
    mark: String,
    certificates_at: Instant,
    /// Other live edges, as last told.
    other_edges: u32,
    other_edges_at: Instant,
    number: u64,
    ready: std::collections::VecDeque<StreamBody>,
    spoken: Instant,
}

impl Feed {
    async fn begin(
        edge: EdgeId,
        store: SystemStore,
        ticket: Ticket,
        state: InternalState,
    ) -> Result<Self, Problem> {
        let (certificates, mark) = store.certificate_list().await?;
        let other_edges = store.edges_live_besides(edge).await?;
        let (environments, cursor) = store.routes_snapshot().await?;
        let sent = environments
            .iter()
            .map(|env| (env.environment, env.route_gen))
            .collect();
        let snapshot = StreamBody::Snapshot {
            environments,
            certificates,
            other_edges,
        };
        Ok(Self {
            edge,
            store,
            ticket,
            state,
            cursor,
            sent,
            mark,
            certificates_at: Instant::now(),
            other_edges,
            other_edges_at: Instant::now(),
            number: 0,
            ready: [snapshot].into(),
            spoken: Instant::now(),
        })
    }

    async fn next(&mut self) -> Option<StreamBody> {
        loop {
            if let Some(body) = self.ready.pop_front() {
                self.spoken = Instant::now();
                return Some(body);
            }
            if self.state.api.stop().is_cancelled() {
                return None;
            }
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "routes cannot be read at the moment");
            }
            if !self.ready.is_empty() {
                continue;
            }
            if self.spoken.elapsed() >= HEARTBEAT {
                self.beat();
                continue;
            }
            tokio::select! {
                () = self.ticket.next() => {}
                () = self.state.api.stop().cancelled() => return None,
            }
        }
    }

    fn beat(&mut self) {
        self.ready.push_back(StreamBody::Heartbeat {
            digest: digest(&self.sent),
            other_edges: self.other_edges,
        });
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let (changes, cursor) = self.store.routes_since(&self.cursor).await?;
        for change in changes {
            let known = self
                .sent
                .get(&change.environment)
                .copied()
                .unwrap_or_default();
            match change.routes {
                // Changes come twice sometimes; an older one never follows a newer one.
                Some(routes) if change.route_gen > known => {
                    self.sent.insert(change.environment, change.route_gen);
                    self.ready.push_back(StreamBody::Change { routes });
                }
                None if self.sent.remove(&change.environment).is_some() => {
                    self.ready.push_back(StreamBody::Remove {
                        environment: change.environment,
                        route_gen: change.route_gen,
                    });
                }
                _ => {}
            }
        }
        self.cursor = cursor;
        // A stream that always has routes to tell has no heartbeats of its own; this number does not wait for one.
        if self.other_edges_at.elapsed() >= HEARTBEAT {
            self.other_edges_at = Instant::now();
            let count = self.store.edges_live_besides(self.edge).await?;
            if count != self.other_edges {
                self.other_edges = count;
                self.beat();
            }
        }
        // Routes are urgent, certificates are not: each look at them opens every key.
        if self.certificates_at.elapsed() >= CERTIFICATES_EVERY {
            self.certificates_at = Instant::now();
            let (certificates, mark) = self.store.certificate_list().await?;
            if mark != self.mark {
                self.mark = mark;
                self.ready
                    .push_back(StreamBody::Certificates { certificates });
            }
        }
        Ok(())
    }
}

fn stream(feed: Feed) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
    futures::stream::unfold(feed, |mut feed| async move {
        let body = feed.next().await?;
        feed.number += 1;
        let message = StreamMessage {
            number: feed.number,
            body,
        };
        let line = serde_json::to_vec(&message).map(|mut line| {
            line.push(b'\n');
            Bytes::from(line)
        });
        Some((line.map_err(std::io::Error::other), feed))
    })
}

/// Takes an edge's report: acknowledgements, open requests, counts. Renews its lease.
#[utoipa::path(post, path = "/internal/v1/edges/{edge}/reports", tag = "edges",
    params(("edge" = String, Path, description = "Id of the edge")),
    request_body(content = Object, description = "A report.", content_type = "application/json"),
    responses((status = 204, description = "It is kept."), Errors))]
async fn edge_report(
    edge: Edge,
    State(state): State<InternalState>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let bytes = read_bytes(request, MAX_REPORT_BYTES).await?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| {
        Problem::new(
            ProblemCode::InvalidRequest,
            format!("not a report: {error}"),
        )
    })?;
    let store = state.api.store().system();
    let lease = Duration::from_millis(EDGE_LEASE_MS);
    match store.edge_report(edge.id, &report, lease).await {
        // It said goodbye before, or never opened a stream here: its report makes it known again.
        Err(StoreError::NotFound) => {
            join(&store, &edge).await?;
            store.edge_report(edge.id, &report, lease).await?;
        }
        done => done?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes an edge's goodbye: it holds nothing back any more.
#[utoipa::path(post, path = "/internal/v1/edges/{edge}/goodbye", tag = "edges",
    params(("edge" = String, Path, description = "Id of the edge")),
    responses((status = 204, description = "It is removed."), Errors))]
async fn edge_goodbye(
    edge: Edge,
    State(state): State<InternalState>,
) -> Result<StatusCode, Problem> {
    let store = state.api.store().system();
    join(&store, &edge).await?;
    store.edge_goodbye(edge.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
