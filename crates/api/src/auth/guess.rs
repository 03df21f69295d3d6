//! How often a secret that people can remember may be guessed: five times a minute by each address and for each
//! account, counted by all servers together in the store. A right one does not count.
//!
//! Invariants: the address is the socket's peer, never a header; what is refused here has cost no hash. An address
//! that goes on all the same is refused by this process alone, without a look at the database
//! ([`Failures`](super::limit::Failures)); that bound is one of its own, so that guessing here does not lock out
//! people of the same address who are signed in.

use std::net::IpAddr;

use segue_store::Guess;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::limit::whole;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;

/// Guesses in a minute.
pub(crate) const ALLOWED: u32 = 5;

/// A guess that was noted; it counts unless it is told to be none.
#[derive(Debug)]
#[must_use]
pub(crate) struct Noted(Uuid);

/// Notes a guess of `what` (a password, a device's code) at this account from this address.
pub(crate) async fn note(
    state: &ApiState,
    what: &str,
    address: Option<IpAddr>,
    account: &str,
) -> Result<Noted, Problem> {
    let mut keys = vec![key(what, "account", account)];
    keys.extend(address.map(|address| of_address(what, address)));
    count(state, address, &keys, ALLOWED).await
}

/// Notes something that an address may do so many times a minute.
pub(crate) async fn note_each(
    state: &ApiState,
    what: &str,
    address: Option<IpAddr>,
    allowed: u32,
) -> Result<Option<Noted>, Problem> {
    match address {
        Some(from) => count(state, address, &[of_address(what, from)], allowed)
            .await
            .map(Some),
        None => Ok(None),
    }
}

async fn count(
    state: &ApiState,
    address: Option<IpAddr>,
    keys: &[[u8; 32]],
    allowed: u32,
) -> Result<Noted, Problem> {
    state.guesses().check(address)?;
    match state.store().auth().guess(keys, allowed).await? {
        Guess::Noted(attempt) => Ok(Noted(attempt)),
        Guess::Wait(seconds) => {
            state.guesses().note(address);
            Err(Problem::new(
                ProblemCode::RateLimited,
                format!("more than {allowed} tries in a minute"),
            )
            .hint(format!("wait {seconds} s and try again"))
            .retry_after(u64::from(seconds)))
        }
    }
}

fn of_address(what: &str, address: IpAddr) -> [u8; 32] {
    key(what, "address", &whole(address).to_string())
}

impl Noted {
    /// It was right.
    pub(crate) async fn right(self, state: &ApiState) -> Result<(), Problem> {
        Ok(state.store().auth().guess_good(self.0).await?)
    }

    /// It was wrong.
    pub(crate) fn wrong(self, state: &ApiState, address: Option<IpAddr>) {
        state.guesses().note(address);
    }
}

fn key(what: &str, kind: &str, value: &str) -> [u8; 32] {
    Sha256::digest(format!("segue guess\0{what}\0{kind}\0{value}")).into()
}
