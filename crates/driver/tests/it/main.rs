//! Integration tests of the driver: one contract suite for the fake and for a real Docker engine, and what only a
//! real engine can show. They need a Docker engine on its usual socket and fail with a sentence where there is none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and the helpers of tests are not test functions themselves"
)]

mod archive;
mod bench;
mod builds;
mod contract;
mod engine;
mod faults;
mod outage;
mod real;
mod transfer;
mod transport;
