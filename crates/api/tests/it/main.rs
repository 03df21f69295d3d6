//! The API as its clients meet it: the real router, the real store on a real Postgres.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests end the test"
)]

mod access;
mod auditing;
mod changing;
mod confirming;
mod conventions;
mod deploying;
mod devices;
mod edges;
mod environments;
mod foreign;
mod guessing;
mod harness;
mod inviting;
mod live;
mod machine_tokens;
mod members;
mod openapi;
mod outages;
mod outside;
mod paging;
mod pushes;
mod quotas;
mod replacing;
mod resetting;
mod saving;
mod sending;
mod sessions;
mod setting_up;
mod signing_in;
mod streams;
mod unchanged;
