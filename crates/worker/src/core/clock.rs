//! The database's clock, as far as this process knows it.
//!
//! Observations say as of when they hold, and are compared with what the database stamped (attempts). The offset
//! is measured with every load from the store; on one machine it is a few microseconds.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock that runs with the database's.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_us: AtomicI64,
}

impl Clock {
    /// Now, by the database's clock.
    pub(crate) fn now(&self) -> Timestamp {
        let local = Timestamp::now();
        let offset = SignedDuration::from_micros(self.offset_us.load(Ordering::Relaxed));
        local.checked_add(offset).unwrap_or(local)
    }

    /// The database said `now`, somewhere between `asked` and this moment. Only an error larger than half of the
    /// time between corrects the clock: within it nothing better is known.
    pub(crate) fn measure(&self, asked: Timestamp, now: Timestamp) {
        let here = Timestamp::now();
        let between = here.as_microsecond() - asked.as_microsecond();
        let middle = asked.as_microsecond() + between / 2;
        let offset = now.as_microsecond() - middle;
        let known = self.offset_us.load(Ordering::Relaxed);
        if (offset - known).abs() > between / 2 + 1000 {
            self.offset_us.store(offset, Ordering::Relaxed);
        }
    }
}

/// A timestamp `duration` before another.
pub(crate) fn before(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|d| at.checked_sub(d).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}
