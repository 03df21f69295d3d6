//! Listening: the accept loop and its bounds.

pub(crate) mod accept;
