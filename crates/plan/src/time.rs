//! Arithmetic with the snapshot's time, saturating: no input may overflow.

use std::time::Duration;

use segue_model::Timestamp;

/// `at` and so much later.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Time from `from` to `to`; zero if `to` is not later.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}
