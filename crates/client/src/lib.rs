//! The Rust client of Segue's public API, generated from `openapi/v1.json`.
//!
//! Nothing here is written by hand but this page; `tests/generated.rs` makes `src/generated` and compares it
//! with what is committed. Uploads and streams are sent by their callers with the same `reqwest` client,
//! because the generator would hold a whole body in memory.

#[rustfmt::skip]
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code; its generator decides its style"
)]
mod generated;

pub use generated::*;
