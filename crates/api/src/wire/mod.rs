//! What all requests share: bodies, queries, paths, pages, conditional headers.

pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod query;
