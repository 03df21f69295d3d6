//! Conditional requests and idempotency keys.

use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{AppendHeaders, IntoResponseParts};

use crate::problem::{Problem, ProblemCode};

/// Header of idempotent POSTs.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The generation that a change is based on: `If-Match: "7"`. Missing is 428.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if_match(parts)?.map(Self).ok_or_else(|| {
            Problem::new(
                ProblemCode::PreconditionRequired,
                "this change needs `If-Match` with the ETag of what it is based on",
            )
            .hint("GET it first and send its ETag as If-Match")
        })
    }
}

/// The same where it may be left out: a change that then is made to whatever is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MaybeIfMatch(pub Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for MaybeIfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if_match(parts).map(Self)
    }
}

fn if_match(parts: &Parts) -> Result<Option<i64>, Problem> {
    let mut values = parts.headers.get_all(IF_MATCH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let wrong = || {
        Problem::new(
            ProblemCode::InvalidRequest,
            "`If-Match` must be one ETag that was given out",
        )
        .at("If-Match", "one quoted generation, for example \"7\"")
    };
    if values.next().is_some() {
        return Err(wrong());
    }
    value
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok())
        .filter(|generation| *generation >= 0)
        .map(Some)
        .ok_or_else(wrong)
}

/// The `ETag` header for a generation.
pub(crate) fn etag(generation: i64) -> impl IntoResponseParts {
    let value = HeaderValue::from_str(&format!("\"{generation}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"0\""));
    AppendHeaders([(ETAG, value)])
}

/// A stale precondition.
pub(crate) fn stale() -> Problem {
    Problem::new(
        ProblemCode::PreconditionFailed,
        "it was changed since it was read; nothing was done",
    )
    .hint("GET it again, apply your change to that, and send the new ETag")
}

/// The key of an idempotent request, if the client sent one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        let text = value.to_str().ok().filter(|text| {
            (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        });
        match (text, values.next()) {
            (Some(text), None) => Ok(Self(Some(text.to_owned()))),
            _ => Err(Problem::new(
                ProblemCode::InvalidRequest,
                "`Idempotency-Key` must be one value of 1 to 200 visible characters",
            )
            .at("Idempotency-Key", "1 to 200 visible characters")),
        }
    }
}
