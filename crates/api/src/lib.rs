//! Translates HTTP to store calls.

mod auth;
mod problem;
mod request_id;
mod serve;
mod wire;
