//! The data plane: takes requests, finds their application, balances, holds, retries, drains and
//! tells the control plane what is in force.
//!
//! Invariants: serves from the last good table, with or without a control plane, also across its own
//! restart; after a generation is acknowledged no request begins on an endpoint that it left out.
//! Must not hold database credentials, know tenants beyond their routes, or decide what runs.

mod admin;
mod balance;
mod config;
mod conn;
mod disk;
mod edge;
mod files;
mod lease;
mod link;
mod listen;
mod pages;
mod proxy;
mod shared;
mod stats;
mod table;
mod tls;

pub use config::{ControlAddr, EdgeConfig, EdgeConfigError, Limits};
pub use edge::{Edge, EdgeError, run};
pub use tls::TlsError;
