//! The API as its clients meet it: the real router, the real store on a real Postgres.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests end the test"
)]

mod access;
mod conventions;
mod deploying;
mod edges;
mod harness;
mod live;
mod openapi;
mod outages;
mod pushes;
mod sending;
mod signing_in;
mod streams;
