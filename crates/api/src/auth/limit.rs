//! How often an address may fail to prove who it is. Counted by the socket's peer, never by a header.
//!
//! Each address has [`BURST`] failures at once and one more every [`REFILL`]; above that it is answered 429 without
//! a look at the database. Requests with a good token are not counted. Clients of unix sockets have no address and
//! are trusted with themselves.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::problem::{Problem, ProblemCode};

/// Failures at once.
const BURST: u32 = 60;

/// One failure is forgotten after this.
const REFILL: Duration = Duration::from_secs(1);

/// Addresses remembered; above that, the ones that are forgiven already are dropped.
const ADDRESSES: usize = 10_000;

/// Failures by address: when all of them will be forgiven.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<IpAddr, Instant>>);

impl Failures {
    /// Refuses an address that failed too often.
    pub(crate) fn check(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        let Some(address) = address.map(whole) else {
            return Ok(());
        };
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let debt = known.get(&address).map_or(Duration::ZERO, |clear| {
            clear.saturating_duration_since(Instant::now())
        });
        let allowed = REFILL * (BURST - 1);
        if debt <= allowed {
            return Ok(());
        }
        let wait = (debt - allowed).as_secs() + 1;
        Err(Problem::new(
            ProblemCode::RateLimited,
            "too many requests from this address had no valid token",
        )
        .hint(format!("try again in {wait} s"))
        .retry_after(wait))
    }

    /// Notes a failure.
    pub(crate) fn note(&self, address: Option<IpAddr>) {
        let Some(address) = address.map(whole) else {
            return;
        };
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ADDRESSES {
            known.retain(|_, clear| *clear > now);
        }
        if known.len() >= ADDRESSES && !known.contains_key(&address) {
            return;
        }
        let clear = known.entry(address).or_insert(now);
        *clear = (*clear).max(now) + REFILL;
    }
}

/// Whoever has one IPv6 address has its whole /64.
pub(super) fn whole(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_are_bounded_and_forgiven() {
        let failures = Failures::default();
        let [guesser, other] = ["192.0.2.1", "192.0.2.2"].map(|a| Some(a.parse().unwrap()));
        for _ in 0..BURST {
            assert!(failures.check(guesser).is_ok());
            failures.note(guesser);
        }
        let refused = failures.check(guesser).unwrap_err();
        assert_eq!(refused.code, ProblemCode::RateLimited);
        assert!(failures.check(other).is_ok() && failures.check(None).is_ok());
        tokio::time::advance(REFILL * 2).await;
        assert!(failures.check(guesser).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_one_client_counts_as_one_address() {
        let failures = Failures::default();
        for host in 0..BURST {
            failures.note(Some(format!("2001:db8::{host:x}").parse().unwrap()));
        }
        assert!(
            failures
                .check(Some("2001:db8::ffff".parse().unwrap()))
                .is_err()
        );
        assert!(
            failures
                .check(Some("2001:db8:0:1::1".parse().unwrap()))
                .is_ok()
        );
    }
}
