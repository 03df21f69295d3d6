//! The API as its clients meet it: the real router, the real store on a real Postgres.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests end the test"
)]

mod access;
mod changing;
mod conventions;
mod deploying;
mod edges;
mod harness;
mod live;
mod openapi;
mod outages;
mod pushes;
mod replacing;
mod sending;
mod signing_in;
mod streams;
