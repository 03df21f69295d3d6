//! Translates HTTP to store calls: the public API, the git interface, the internal interface for edges.
//!
//! - [`run`] serves until it is told to stop; [`ApiConfig`] says where and with what.
//! - [`openapi`] makes the documents under `openapi/`.
//! - [`hook`] is the git hook; the program calls it when it was started as `pre-receive`.
//! - [`setup_link`] makes the one-time link for the first person, [`reset_link`] one for a new password;
//!   [`rotate_signing_keys`] makes a new key for access tokens.
//!
//! Handlers extract, call the store once, and answer. Permission is an extractor (`auth::place`), status codes
//! belong to `problem`, SQL to the store. Must not: decide what runs where, talk to engines, keep state that
//! another process would need.

mod auth;
mod config;
mod dashboard;
mod dto;
mod failure;
mod git;
mod internal;
mod lists;
mod metrics;
mod news;
pub mod openapi;
mod outside;
mod problem;
mod process;
mod request_id;
#[allow(
    unused_qualifications,
    reason = "utoipa's macro writes full paths beside what is imported"
)]
mod resources;
mod run;
mod serve;
mod state;
mod wire;

pub use auth::keys::{Rotation, rotate_signing_keys};
pub use config::{ApiConfig, InvalidConfig, Limits};
pub use git::hook;
pub use internal::EdgeTokenError;
pub use problem::ProblemCode;
pub use resources::reset_link;
pub use run::{ApiError, router, run, setup_link};
