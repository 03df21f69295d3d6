//! Tests of the planner through its public surface: scenarios, properties over simulated traces, broken twins.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fixture;
mod props;
mod runs;
mod scenarios;
mod sim;
mod trace;
mod twins;
