//! The one way out: requests to addresses that people name (webhooks, forges, git), which reach public addresses only
//! (rule 17 of the security rules, decision 0029).
//!
//! - [`Outbound::send`]: one HTTP request, one answer of bounded size, no redirect.
//! - [`Tunnel`]: the same way for a program that speaks for itself (git): a proxy on loopback that reaches one host.
//! - [`Guard`]: which addresses are public, and which others the operator allows.
//!
//! Invariants: a name is resolved here, once per connection, each of its addresses is checked, and the connection is
//! made to the very address that was checked, so that an answer which changes between two look-ups gains nothing; there
//! is one function that opens a connection, and it takes checked addresses only. Everything has a deadline and a
//! bound. Must not: follow a redirect, read proxy settings of the environment, or keep a connection for another request.

mod address;
mod client;
mod error;
mod resolve;
mod target;
mod tunnel;

pub use address::Guard;
pub use client::{Answer, Outbound, OutboundConfig, Request};
pub use error::OutboundError;
pub use resolve::{Resolve, Resolved, System};
pub use target::{InvalidTarget, Target};
pub use tunnel::{Tunnel, TunnelLimits};
