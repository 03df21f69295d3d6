//! Which endpoint takes a request: two random choices, lower load wins.
//!
//! Load is peak-EWMA of the time to the first byte, times requests in flight plus one. A peak is
//! believed at once and forgotten slowly, so a slow endpoint is noticed by one request and asked
//! again now and then. Pure but for atomics: time and randomness are inputs.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Microseconds since some start.
pub(crate) type Micros = u64;

/// Time after which a past cost counts a third.
const DECAY_US: f64 = 10_000_000.0;

/// A new endpoint beside older ones grows to its full share in this time.
const SLOW_START_US: Micros = 10_000_000;

/// Share that a new endpoint begins with.
const SLOW_START_FROM: f64 = 0.1;

/// Cost of an endpoint about which nothing is known, when nothing is known about its siblings.
const UNKNOWN_US: f64 = 5_000.0;

/// Least cost that a failure is booked with.
const FAILURE_US: f64 = 1_000_000.0;

/// An endpoint that refused a connection is left out this long, doubled with each failure.
const SUSPEND_FIRST_US: Micros = 200_000;
const SUSPEND_MOST_US: Micros = 5_000_000;

/// What is known about one endpoint's speed and health.
#[derive(Debug)]
pub(crate) struct Load {
    /// Bits of an `f64`, microseconds.
    cost: AtomicU64,
    /// When `cost` was true.
    at: AtomicU64,
    since: Micros,
    failures: AtomicU32,
    suspended_until: AtomicU64,
}

impl Load {
    /// An endpoint seen first at `now`, beside siblings with this mean cost.
    pub(crate) fn new(now: Micros, siblings: Option<f64>) -> Self {
        Self {
            cost: AtomicU64::new(siblings.unwrap_or(UNKNOWN_US).to_bits()),
            at: AtomicU64::new(now),
            since: now,
            failures: AtomicU32::new(0),
            suspended_until: AtomicU64::new(0),
        }
    }

    /// Expected time to the first byte, microseconds.
    pub(crate) fn cost(&self, now: Micros) -> f64 {
        let cost = f64::from_bits(self.cost.load(Ordering::Relaxed));
        let age = now.saturating_sub(self.at.load(Ordering::Relaxed));
        cost * (-(age as f64) / DECAY_US).exp()
    }

    /// A request got its first byte after `rtt`.
    pub(crate) fn answered(&self, now: Micros, rtt: Micros) {
        self.failures.store(0, Ordering::Relaxed);
        self.suspended_until.store(0, Ordering::Relaxed);
        self.sample(now, rtt as f64);
    }

    /// A request failed.
    pub(crate) fn failed(&self, now: Micros) {
        self.sample(now, (self.cost(now) * 2.0).max(FAILURE_US));
    }

    /// A connection was refused or timed out: the endpoint is left out for a while.
    pub(crate) fn unreachable(&self, now: Micros) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(10);
        let pause = (SUSPEND_FIRST_US << failures).min(SUSPEND_MOST_US);
        self.suspended_until.store(now + pause, Ordering::Relaxed);
        self.failed(now);
    }

    /// Two threads that write at once lose one sample, which changes nothing of importance.
    fn sample(&self, now: Micros, rtt: f64) {
        let cost = f64::from_bits(self.cost.load(Ordering::Relaxed));
        let age = now.saturating_sub(self.at.swap(now, Ordering::Relaxed));
        let next = if rtt > cost {
            rtt
        } else {
            let keep = (-(age as f64) / DECAY_US).exp();
            cost * keep + rtt * (1.0 - keep)
        };
        self.cost.store(next.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn is_suspended(&self, now: Micros) -> bool {
        self.suspended_until.load(Ordering::Relaxed) > now
    }

    /// Share of a full endpoint's traffic, by age relative to the oldest sibling.
    fn share(&self, now: Micros, oldest: Micros) -> f64 {
        let age = now.saturating_sub(self.since);
        if age >= SLOW_START_US || self.since <= oldest {
            return 1.0;
        }
        (age as f64 / SLOW_START_US as f64).max(SLOW_START_FROM)
    }
}

/// One candidate as the balancer sees it.
pub(crate) trait Candidate {
    /// Its speed and health.
    fn load(&self) -> &Load;
    /// Requests in flight.
    fn in_flight(&self) -> u32;
    /// It may take this request at all (it was not tried before).
    fn is_eligible(&self) -> bool;
}

/// Chooses among `all`; `random(n)` is uniform below `n`. Suspended endpoints are left out unless
/// that would leave fewer than half.
pub(crate) fn choose<C: Candidate>(
    all: &[C],
    now: Micros,
    mut random: impl FnMut(usize) -> usize,
) -> Option<&C> {
    let suspended = all
        .iter()
        .filter(|one| one.load().is_suspended(now))
        .count();
    let leave_out = suspended > 0 && suspended * 2 <= all.len();
    let mut usable = all
        .iter()
        .filter(|one| one.is_eligible() && !(leave_out && one.load().is_suspended(now)));
    let count = usable.clone().count();
    let first_index = match count {
        // Only suspended ones are left: better than none.
        0 if leave_out => return all.iter().find(|one| one.is_eligible()),
        0 => return None,
        1 => return usable.next(),
        2 => 0,
        _ => random(count),
    };
    let second_index = if count == 2 {
        1
    } else {
        // Uniform among the others.
        let other = random(count - 1);
        if other >= first_index {
            other + 1
        } else {
            other
        }
    };
    let first = usable.clone().nth(first_index)?;
    let second = usable.nth(second_index)?;
    let oldest = all.iter().map(|one| one.load().since).min().unwrap_or(now);
    let weight = |one: &C| {
        one.load().cost(now) * f64::from(one.in_flight() + 1) / one.load().share(now, oldest)
    };
    let (first_weight, second_weight) = (weight(first), weight(second));
    let second_wins = if first_weight == second_weight {
        random(2) == 1
    } else {
        second_weight < first_weight
    };
    Some(if second_wins { second } else { first })
}

/// Mean cost of endpoints, for one that joins them.
pub(crate) fn mean_cost<'a>(loads: impl Iterator<Item = &'a Load>, now: Micros) -> Option<f64> {
    let (sum, count) = loads.fold((0.0, 0_u32), |(sum, count), load| {
        (sum + load.cost(now), count + 1)
    });
    (count > 0).then(|| sum / f64::from(count))
}

/// Bounds tries beyond the first to a share of requests, so that retries cannot multiply an
/// overload.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    /// Tenths of a retry.
    tokens: AtomicU32,
}

const BUDGET_MOST: u32 = 1_000;
const BUDGET_PER_REQUEST: u32 = 2;
const BUDGET_PER_RETRY: u32 = 10;

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            tokens: AtomicU32::new(BUDGET_MOST),
        }
    }
}

impl RetryBudget {
    /// A request began: one in five may be tried again.
    pub(crate) fn deposit(&self) {
        if self.tokens.load(Ordering::Relaxed) < BUDGET_MOST {
            self.tokens.fetch_add(BUDGET_PER_REQUEST, Ordering::Relaxed);
        }
    }

    /// Takes one retry, if there is one.
    pub(crate) fn withdraw(&self) -> bool {
        self.tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                tokens.checked_sub(BUDGET_PER_RETRY)
            })
            .is_ok()
    }
}

/// Bounds how often something is done: so many a second, and so many at once.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// When everything that was done would have been done at the allowed pace.
    even_at: AtomicU64,
}

impl Rate {
    /// Whether it may be done now, and then it is counted.
    pub(crate) fn take(&self, now: Micros, per_second: u32, at_once: u32) -> bool {
        let Some(each) = 1_000_000_u64.checked_div(u64::from(per_second)) else {
            return false;
        };
        let most = now + each * u64::from(at_once);
        self.even_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |even_at| {
                let next = even_at.max(now) + each;
                (next <= most).then_some(next)
            })
            .is_ok()
    }
}

#[cfg(test)]
#[path = "balance_tests.rs"]
mod tests;
