//! The real edge, driven through its sockets, with a control plane and applications of the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking and tells by printing; its helpers are no test functions to clippy"
)]

mod app;
mod basics;
mod client;
mod control;
mod drain;
mod faults;
mod harness;
mod kill;
mod lease;
mod once;
mod refusals;
mod smuggling;
mod switch;
mod tls;
