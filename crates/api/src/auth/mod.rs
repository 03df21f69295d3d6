//! Who asks, and whether he may.

pub(crate) mod jwt;
pub(crate) mod password;
pub(crate) mod token;
