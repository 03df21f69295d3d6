//! Listening: the accept loop and its bounds, and what stands around every handler.

pub(crate) mod accept;
pub(crate) mod layers;
