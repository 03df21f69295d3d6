//! Slow request bodies: bytes against the time that was spent waiting for them.
//!
//! Time in which the application does not take the body is not the client's and does not count.
//! Pure: time is an input.

use std::time::{Duration, Instant};

/// Waiting up to this long is never slow.
const GRACE: Duration = Duration::from_secs(20);

/// The body of one request.
#[derive(Debug, Default)]
pub(super) struct Pace {
    bytes: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
}

impl Pace {
    /// The client is waited for.
    pub(super) fn waiting(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// Bytes came; answers whether the body comes too slowly for `rate` bytes a second.
    pub(super) fn came(&mut self, bytes: usize, rate: u64, now: Instant) -> bool {
        if let Some(since) = self.waiting_since.take() {
            self.waited += now.duration_since(since);
        }
        self.bytes += bytes as u64;
        self.waited > GRACE && self.bytes < rate.saturating_mul(self.waited.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds until a body of one piece each `pause` is too slow, if ever within ten minutes.
    fn slow_after(piece: usize, pause: Duration, busy: Duration) -> Option<u64> {
        let start = Instant::now();
        let mut now = start;
        let mut pace = Pace::default();
        while now < start + Duration::from_secs(600) {
            now += busy;
            pace.waiting(now);
            now += pause;
            if pace.came(piece, 240, now) {
                return Some((now - start).as_secs());
            }
        }
        None
    }

    #[test]
    fn a_byte_now_and_then_is_slow_and_a_slow_application_is_not() {
        let second = Duration::from_secs(1);
        assert_eq!(slow_after(1, 5 * second, Duration::ZERO), Some(25));
        assert_eq!(slow_after(300, second, Duration::ZERO), None);
        assert_eq!(slow_after(100, second, Duration::ZERO), Some(21));
        assert_eq!(
            slow_after(100, second / 10, 10 * second),
            None,
            "the application's time"
        );
        assert_eq!(slow_after(1 << 20, 19 * second, Duration::ZERO), None);
    }
}
