//! Vocabulary of Segue: ids, names, specs, states, routes, the world that the planner reads
//! and the changes that it decides. No IO, no clock, no randomness; every type here is plain data.
//!
//! Owner of the words: if two crates need the same type, it stands here; if only one needs it, it does not.

pub mod access;
pub mod archive;
pub mod change;
pub mod detect;
pub mod failure;
pub mod id;
pub mod import;
pub mod internal;
pub mod manifest;
pub mod name;
pub mod network;
pub mod revision;
pub mod route;
pub mod run;
pub mod secret_shape;
pub mod spec;
pub mod state;
pub mod world;

pub use jiff::Timestamp;
