//! What requests and answers look like, and the way between them and the model.

use std::time::Duration;

pub(crate) mod check;
pub(crate) mod deployment;
pub(crate) mod failure;
pub(crate) mod faults;
pub(crate) mod show;
pub(crate) mod spec;

/// Whole milliseconds of a duration.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Tells a member that is null from one that is missing (RFC 7396).
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}
