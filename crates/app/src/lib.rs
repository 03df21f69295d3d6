//! The composition root of the one binary `segue`: it reads configuration, builds runtimes, and
//! keeps the processes of one machine running.
//!
//! It decides nothing about applications; that is the business of the crates it puts together.

pub mod config;
pub mod supervise;
