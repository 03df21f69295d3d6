//! Integration tests of the store, on a real Postgres and as the service roles.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests end the test"
)]

mod audit;
mod builds;
mod changes;
mod embedded;
mod environments;
mod intents;
mod judged;
mod paging;
mod quotas;
mod reconcile;
mod records;
mod replacing;
mod schema;
mod secrets;
mod seen;
mod signing_in;
mod sources;
mod support;
mod sweeping;
mod tenancy;
