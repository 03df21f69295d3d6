//! Who asks, and whether he may.

pub(crate) mod cookie;
pub(crate) mod guess;
pub(crate) mod jwt;
pub(crate) mod keys;
pub(crate) mod limit;
pub(crate) mod password;
pub(crate) mod place;
pub(crate) mod principal;
pub(crate) mod quota;
pub(crate) mod reach;
pub(crate) mod revisit;
pub(crate) mod session;
pub(crate) mod token;
