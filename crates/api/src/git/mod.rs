//! Git over HTTP: a push becomes a source and a deployment, and its output follows the deployment.
//!
//! Repositories are a cache: what is deployed is a source in the store. Security rule 12 holds here.

pub mod hook;
pub(crate) mod http;
pub(crate) mod narrate;
pub(crate) mod pushes;
pub(crate) mod repository;
