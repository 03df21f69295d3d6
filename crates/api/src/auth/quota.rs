//! How many requests a client may make: each credential, and each address without one, has so many requests at once
//! and so many more each second ([`Limits`]). Above that it is answered 429 without a look at the database.
//!
//! Generous: it is there for the script that asks in a loop, not for people. What is left is told with every answer, by
//! the fields `RateLimit-Policy` and `RateLimit`. Only `/v1/` counts: probes and figures are asked by machines of the
//! house, and a push is one long request. Guessing credentials, each with a bucket of its own, is bounded by
//! [`Failures`](super::limit::Failures).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::limit::whole;
use super::principal::peer;
use crate::config::Limits;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;

/// Clients remembered; above that, those with everything left are dropped.
const CLIENTS: usize = 10_000;

/// Who asks: the hash of a credential or of an address, so that no credential is kept.
type Client = [u8; 32];

/// Requests by client.
#[derive(Debug)]
pub(crate) struct Quotas {
    /// Requests at once.
    burst: u32,
    /// One more after this.
    refill: Duration,
    /// When everything will be left again.
    known: Mutex<HashMap<Client, Instant>>,
}

/// What a client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    remaining: u32,
    /// Until one more is left; zero if there is one.
    wait: Duration,
    /// Until everything is left.
    full: Duration,
}

impl Quotas {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            burst: limits.requests_at_once,
            refill: Duration::from_secs(1) / limits.requests_per_second.max(1),
            known: Mutex::default(),
        }
    }

    /// Takes one request, if one is left.
    fn take(&self, client: Client) -> Result<Quota, Quota> {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CLIENTS {
            known.retain(|_, clear| *clear > now);
        }
        let clear = known.get(&client).map_or(now, |clear| (*clear).max(now));
        let debt = clear.duration_since(now);
        let refill = self.refill;
        let most = refill * self.burst;
        if debt + refill > most {
            return Err(Quota {
                remaining: 0,
                wait: debt + refill - most,
                full: debt,
            });
        }
        // Too many clients at once to remember: new ones go uncounted rather than old ones free.
        if known.len() < CLIENTS || known.contains_key(&client) {
            known.insert(client, clear + refill);
        }
        let left = most - debt - refill;
        Ok(Quota {
            remaining: u32::try_from(left.as_nanos() / refill.as_nanos()).unwrap_or(self.burst),
            wait: Duration::ZERO,
            full: debt + refill,
        })
    }
}

/// Layer: counts, tells what is left, refuses what is too much.
pub(crate) async fn bound(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let client = if parts.uri.path().starts_with("/v1/") {
        let credential = parts.headers.get(AUTHORIZATION);
        match credential {
            Some(credential) => Some(Sha256::digest(credential.as_bytes()).into()),
            None => peer(&parts).map(|a| Sha256::digest(whole(a).to_string()).into()),
        }
    } else {
        None
    };
    let request = Request::from_parts(parts, body);
    let Some(client) = client else {
        return next.run(request).await;
    };
    let taken = state.quotas().take(client);
    let (quota, mut response) = match taken {
        Ok(quota) => (quota, next.run(request).await),
        Err(quota) => {
            let wait = seconds(quota.wait);
            let problem = Problem::new(ProblemCode::RateLimited, "too many requests")
                .hint(format!("try again in {wait} s"))
                .retry_after(wait);
            (quota, problem.into_response())
        }
    };
    let (burst, refill) = (state.quotas().burst, state.quotas().refill);
    let window = seconds(refill * burst);
    for (name, text) in [
        (
            "ratelimit-policy",
            format!("\"default\";q={burst};w={window}"),
        ),
        (
            "ratelimit",
            format!(
                "\"default\";r={};t={}",
                quota.remaining,
                seconds(quota.full)
            ),
        ),
    ] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Whole seconds, at least one.
fn seconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis().div_ceil(1000))
        .unwrap_or(u64::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_has_a_burst_and_gets_one_back_at_a_time() {
        let limits = Limits::default();
        let quotas = Quotas::new(&limits);
        let (burst, refill) = (limits.requests_at_once, Duration::from_millis(20));
        let (loud, other) = ([1; 32], [2; 32]);
        for left in (0..burst).rev() {
            assert_eq!(quotas.take(loud).unwrap().remaining, left);
        }
        let refused = quotas.take(loud).unwrap_err();
        assert_eq!((refused.remaining, refused.wait), (0, refill));
        // What is refused costs nothing.
        assert_eq!(quotas.take(loud).unwrap_err(), refused);
        assert_eq!(quotas.take(other).unwrap().remaining, burst - 1);
        tokio::time::advance(refill).await;
        assert!(quotas.take(loud).is_ok() && quotas.take(loud).is_err());
        tokio::time::advance(refill * burst).await;
        assert_eq!(quotas.take(loud).unwrap().remaining, burst - 1);
    }
}
