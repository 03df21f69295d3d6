//! Harness shared by the tests that span crates.
//!
//! Owns what such tests need twice: the crate graph and its rules. It holds no test itself,
//! so that each test binary stays a list of properties.

mod calls;
pub mod engine;
pub mod forge;
pub mod graph;
pub mod images;
pub mod load;
mod lock;
pub mod machine;
pub mod tools;
