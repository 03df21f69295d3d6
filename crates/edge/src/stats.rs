//! Counts of finished requests, by environment, service and release. Counters only grow; the
//! reporter sends differences and the admin page sums. Must not know why something failed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use segue_model::id::{EnvironmentId, ReleaseId};
use segue_model::internal::CountRow;
use segue_model::name::ServiceName;
use segue_model::route::{RequestCounts, RouteGen};

/// Upper ends of the latency buckets, microseconds.
pub(crate) const BUCKETS_US: [u64; 13] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Whose requests are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StatKey {
    pub(crate) environment: EnvironmentId,
    pub(crate) service: ServiceName,
    pub(crate) release: Option<ReleaseId>,
}

/// How a request ended, as far as counting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A whole response with this status.
    Status(u16),
    /// The edge's own 502, 503 or 504.
    EdgeFailed,
    /// A response that broke off on the application's side.
    Broken,
}

/// Counters of one key.
#[derive(Debug, Default)]
pub(crate) struct Stat {
    by_class: [AtomicU64; 5],
    edge_failed: AtomicU64,
    broken: AtomicU64,
    retries: AtomicU64,
    latency_sum_us: AtomicU64,
    latency_max_us: AtomicU64,
    wait_max_us: AtomicU64,
    route_gen: AtomicU64,
    /// Requests by bucket of [`BUCKETS_US`].
    pub(crate) buckets: [AtomicU64; BUCKETS_US.len()],
}

impl Stat {
    /// A request ended.
    pub(crate) fn finish(
        &self,
        end: End,
        latency: Duration,
        waited: Duration,
        tries: u64,
        at: RouteGen,
    ) {
        match end {
            End::Status(status) => {
                let class = usize::from(status / 100).clamp(1, 5) - 1;
                if let Some(counter) = self.by_class.get(class) {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            }
            End::EdgeFailed => {
                self.edge_failed.fetch_add(1, Ordering::Relaxed);
            }
            End::Broken => {
                self.broken.fetch_add(1, Ordering::Relaxed);
            }
        }
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.retries
            .fetch_add(tries.saturating_sub(1), Ordering::Relaxed);
        self.latency_sum_us.fetch_add(micros, Ordering::Relaxed);
        self.latency_max_us.fetch_max(micros, Ordering::Relaxed);
        self.wait_max_us.fetch_max(waited, Ordering::Relaxed);
        self.route_gen
            .fetch_max(u64::try_from(at.0).unwrap_or(0), Ordering::Relaxed);
        let bucket = BUCKETS_US.iter().position(|end| micros <= *end);
        if let Some(counter) = bucket.and_then(|index| self.buckets.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything since the start; the maxima since they were last taken.
    pub(crate) fn total(&self) -> RequestCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RequestCounts {
            by_class: std::array::from_fn(|class| self.by_class.get(class).map_or(0, read)),
            edge_failed: read(&self.edge_failed),
            broken: read(&self.broken),
            retries: read(&self.retries),
            latency_sum_us: read(&self.latency_sum_us),
            latency_max_us: read(&self.latency_max_us),
            wait_max_us: read(&self.wait_max_us),
        }
    }
}

#[derive(Debug, Default)]
struct Entry {
    stat: Arc<Stat>,
    reported: RequestCounts,
}

/// All counters of this edge.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    entries: Mutex<BTreeMap<StatKey, Entry>>,
}

impl Stats {
    /// The counters of a key, made if they are new.
    pub(crate) fn of(&self, key: StatKey) -> Arc<Stat> {
        self.lock().entry(key).or_default().stat.clone()
    }

    /// What was counted since the last call. Forgets keys that nobody holds and that are reported.
    pub(crate) fn take_changes(&self) -> Vec<CountRow> {
        let mut rows = Vec::new();
        self.lock().retain(|key, entry| {
            let mut total = entry.stat.total();
            let changed = difference(&total, &entry.reported);
            if changed.total() == 0 && changed.retries == 0 {
                return Arc::strong_count(&entry.stat) > 1;
            }
            let latency_max_us = entry.stat.latency_max_us.swap(0, Ordering::Relaxed);
            let wait_max_us = entry.stat.wait_max_us.swap(0, Ordering::Relaxed);
            total.latency_max_us = 0;
            total.wait_max_us = 0;
            entry.reported = total;
            rows.push(CountRow {
                environment: key.environment,
                service: key.service.clone(),
                release: key.release,
                route_gen: RouteGen(
                    i64::try_from(entry.stat.route_gen.load(Ordering::Relaxed)).unwrap_or(0),
                ),
                counts: RequestCounts {
                    latency_max_us,
                    wait_max_us,
                    ..changed
                },
            });
            true
        });
        rows
    }

    /// Every key with its counters.
    pub(crate) fn each(&self, mut see: impl FnMut(&StatKey, &Stat)) {
        for (key, entry) in self.lock().iter() {
            see(key, &entry.stat);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<StatKey, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn difference(now: &RequestCounts, before: &RequestCounts) -> RequestCounts {
    let mut by_class = now.by_class;
    for (class, old) in by_class.iter_mut().zip(before.by_class) {
        *class = class.saturating_sub(old);
    }
    RequestCounts {
        by_class,
        edge_failed: now.edge_failed.saturating_sub(before.edge_failed),
        broken: now.broken.saturating_sub(before.broken),
        retries: now.retries.saturating_sub(before.retries),
        latency_sum_us: now.latency_sum_us.saturating_sub(before.latency_sum_us),
        latency_max_us: 0,
        wait_max_us: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn changes_are_told_once_and_sum_to_the_total() {
        let stats = Stats::default();
        let key = StatKey {
            environment: EnvironmentId::from_uuid(Uuid::from_u128(1)),
            service: ServiceName::new("web").unwrap(),
            release: None,
        };
        let stat = stats.of(key);
        let ms = Duration::from_millis;
        stat.finish(End::Status(200), ms(3), ms(1), 1, RouteGen(4));
        stat.finish(End::Status(503), ms(9), ms(0), 3, RouteGen(5));
        stat.finish(End::EdgeFailed, ms(1), ms(0), 1, RouteGen(5));
        let rows = stats.take_changes();
        assert_eq!(rows.len(), 1);
        let counts = &rows[0].counts;
        assert_eq!(counts.by_class, [0, 1, 0, 0, 1]);
        assert_eq!((counts.edge_failed, counts.retries), (1, 2));
        assert_eq!(
            (
                counts.latency_sum_us,
                counts.latency_max_us,
                counts.wait_max_us
            ),
            (13_000, 9_000, 1_000)
        );
        assert_eq!(rows[0].route_gen, RouteGen(5));
        assert!(stats.take_changes().is_empty());
        stat.finish(End::Broken, ms(2), ms(0), 1, RouteGen(5));
        let rows = stats.take_changes();
        assert_eq!(
            (
                rows[0].counts.broken,
                rows[0].counts.total(),
                rows[0].counts.latency_max_us
            ),
            (1, 1, 2_000)
        );
        drop(stat);
        assert!(stats.take_changes().is_empty());
        let mut keys = 0;
        stats.each(|_, _| keys += 1);
        assert_eq!(keys, 0, "forgotten when nobody holds it");
    }
}
