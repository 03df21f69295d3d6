//! What all requests share: bodies, queries, paths, pages, conditional headers, answers.

pub(crate) mod drain;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod query;
pub(crate) mod respond;
pub(crate) mod wait;
