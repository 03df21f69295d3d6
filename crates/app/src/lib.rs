//! The composition root of the one binary `segue`: it reads configuration, builds runtimes, and
//! keeps the processes of one machine running.
//!
//! It decides nothing about applications; that is the business of the crates it puts together.

pub mod command;
pub mod config;
mod crypto;
mod keys;
mod roles;
pub mod supervise;
mod telemetry;
mod token;
