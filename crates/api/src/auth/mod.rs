//! Who asks, and whether he may.

pub(crate) mod jwt;
pub(crate) mod limit;
pub(crate) mod password;
pub(crate) mod place;
pub(crate) mod principal;
pub(crate) mod quota;
pub(crate) mod token;
