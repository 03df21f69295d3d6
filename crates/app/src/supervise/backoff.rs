//! Pauses between restarts: doubling, bounded, forgotten after a long enough life.

use std::time::Duration;

/// The rule for pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first early end.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
    /// A unit that lived this long starts from the first pause again.
    pub reset_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            max: Duration::from_secs(10),
            reset_after: Duration::from_secs(30),
        }
    }
}

impl Backoff {
    /// The pause before the next start. `early_ends` counts the ends in a row, this one
    /// included, of units that did not live `reset_after`.
    #[must_use]
    pub fn pause(&self, early_ends: u32) -> Duration {
        let doublings = early_ends.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doublings).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_bound() {
        let rule = Backoff {
            first: Duration::from_millis(100),
            max: Duration::from_secs(1),
            reset_after: Duration::from_secs(30),
        };
        let pauses: Vec<u128> = (0..7).map(|n| rule.pause(n).as_millis()).collect();
        assert_eq!(pauses, [100, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(rule.pause(u32::MAX), rule.max);
    }
}
