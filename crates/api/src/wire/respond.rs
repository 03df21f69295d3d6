//! Answers: created, accepted, replayed. The stored answer of an idempotent request and the one sent are made by
//! the same function, so that they cannot differ.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use segue_store::{Done, Idempotency, StoredResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::headers::IdempotencyKey;
use crate::problem::Problem;

/// Tells that an answer is the one of an earlier request with the same key.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An idempotent request: its key, its route, and the hash of everything that makes it what it is.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    key: Option<String>,
    route: String,
    hash: Sha256,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let IdempotencyKey(key) = IdempotencyKey::from_request_parts(parts, state).await?;
        let template = parts
            .extensions
            .get::<MatchedPath>()
            .map_or("", MatchedPath::as_str);
        let mut hash = Sha256::new();
        // The path itself is part of the request: the same body for another app is another request.
        hash.update(parts.uri.path().as_bytes());
        hash.update([0]);
        hash.update(parts.uri.query().unwrap_or_default().as_bytes());
        hash.update([0]);
        Ok(Self {
            key,
            route: format!("{} {template}", parts.method),
            hash,
        })
    }
}

impl Call {
    /// A call that is not a request of its own (the git hook's, or a second step of one).
    pub(crate) fn named(key: impl Into<String>, route: &str) -> Self {
        Self {
            key: Some(key.into()),
            route: route.to_owned(),
            hash: Sha256::new(),
        }
    }

    /// A call without a key: nothing is kept of it.
    pub(crate) fn plain() -> Self {
        Self {
            key: None,
            route: String::new(),
            hash: Sha256::new(),
        }
    }

    /// Adds the body.
    #[must_use]
    pub(crate) fn body(mut self, bytes: &[u8]) -> Self {
        self.hash.update(bytes);
        self
    }

    /// What the store needs to keep the answer.
    pub(crate) fn idempotency<'a, T>(
        &'a self,
        respond: &'a (dyn Fn(&T) -> StoredResponse + Send + Sync),
    ) -> Option<Idempotency<'a, T>> {
        Some(Idempotency {
            key: self.key.as_deref()?,
            route: &self.route,
            body_hash: self.hash.clone().finalize().into(),
            respond,
        })
    }
}

/// An answer with a body.
pub(crate) fn stored<D: Serialize>(
    status: StatusCode,
    body: &D,
    location: Option<String>,
) -> StoredResponse {
    StoredResponse {
        status: status.as_u16(),
        body: serde_json::to_value(body).ok(),
        location,
    }
}

/// Sends what was done, or what was answered before.
pub(crate) fn answer<T>(done: Done<T>, respond: impl Fn(&T) -> StoredResponse) -> Response {
    match done {
        Done::Fresh(value) => send(respond(&value)),
        Done::Replayed(response) => {
            let mut response = send(response);
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
            response
        }
    }
}

/// Sends a kept answer.
pub(crate) fn send(from: StoredResponse) -> Response {
    let status = StatusCode::from_u16(from.status).unwrap_or(StatusCode::OK);
    let mut response = match from.body {
        Some(body) => (
            status,
            [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body.to_string(),
        )
            .into_response(),
        None => status.into_response(),
    };
    if let Some(location) = from
        .location
        .and_then(|text| HeaderValue::from_str(&text).ok())
    {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
