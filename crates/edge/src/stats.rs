//! Counts of finished requests, by environment, service, release and generation of the routes.
//!
//! Invariants: a request counts under the one generation by which it was sent, so that a deployment's receipt
//! can say where it begins to the request; counters only grow; the reporter sends differences, and the admin
//! page sums a release's generations, those that are over included. Must not know why something failed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use segue_model::id::{EnvironmentId, ReleaseId};
use segue_model::internal::CountRow;
use segue_model::name::ServiceName;
use segue_model::route::{RequestCounts, RouteGen};

/// Upper ends of the latency buckets, microseconds.
pub(crate) use segue_model::route::LATENCY_ENDS_US as BUCKETS_US;

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

/// Counters of one key in one generation.
#[derive(Debug, Default)]
pub(crate) struct Stat {
    by_class: [AtomicU64; 5],
    edge_failed: AtomicU64,
    broken: AtomicU64,
    retries: AtomicU64,
    latency_sum_us: AtomicU64,
    latency_max_us: AtomicU64,
    wait_max_us: AtomicU64,
    /// Requests by bucket of [`BUCKETS_US`].
    buckets: [AtomicU64; BUCKETS_US.len()],
}

impl Stat {
    /// A request ended.
    pub(crate) fn finish(&self, end: End, latency: Duration, waited: Duration, tries: u64) {
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
        let bucket = BUCKETS_US.iter().position(|end| micros <= *end);
        if let Some(counter) = bucket.and_then(|index| self.buckets.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything since the start; the maxima since they were last taken.
    fn total(&self) -> RequestCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RequestCounts {
            by_class: std::array::from_fn(|class| self.by_class.get(class).map_or(0, read)),
            edge_failed: read(&self.edge_failed),
            broken: read(&self.broken),
            retries: read(&self.retries),
            latency_sum_us: read(&self.latency_sum_us),
            latency_max_us: read(&self.latency_max_us),
            wait_max_us: read(&self.wait_max_us),
            by_latency: std::array::from_fn(|place| self.buckets.get(place).map_or(0, read)),
        }
    }
}

/// A key's counts over all its generations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Requests by how they ended. The maxima are those that no report has taken yet.
    pub(crate) counts: RequestCounts,
    /// Requests by bucket of [`BUCKETS_US`].
    pub(crate) buckets: [u64; BUCKETS_US.len()],
}

impl Sum {
    fn add(&mut self, stat: &Stat) {
        let more = stat.total();
        let counts = &mut self.counts;
        for (sum, one) in counts.by_class.iter_mut().zip(more.by_class) {
            *sum += one;
        }
        counts.edge_failed += more.edge_failed;
        counts.broken += more.broken;
        counts.retries += more.retries;
        counts.latency_sum_us += more.latency_sum_us;
        counts.latency_max_us = counts.latency_max_us.max(more.latency_max_us);
        counts.wait_max_us = counts.wait_max_us.max(more.wait_max_us);
        for (sum, one) in self.buckets.iter_mut().zip(&stat.buckets) {
            *sum += one.load(Ordering::Relaxed);
        }
    }
}

#[derive(Debug, Default)]
struct Entry {
    stat: Arc<Stat>,
    reported: RequestCounts,
}

/// One key through its generations.
#[derive(Debug, Default)]
struct Series {
    generations: BTreeMap<RouteGen, Entry>,
    /// Sum of the generations that are over and told.
    past: Sum,
}

/// All counters of this edge.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    series: Mutex<BTreeMap<StatKey, Series>>,
}

impl Stats {
    /// The counters of a key in a generation, made if they are new.
    pub(crate) fn of(&self, key: StatKey, route_gen: RouteGen) -> Arc<Stat> {
        self.lock()
            .entry(key)
            .or_default()
            .generations
            .entry(route_gen)
            .or_default()
            .stat
            .clone()
    }

    /// What was counted since the last call. Forgets generations that nobody holds and that are told, and keys
    /// without generations.
    pub(crate) fn take_changes(&self) -> Vec<CountRow> {
        let mut rows = Vec::new();
        self.lock().retain(|key, series| {
            let past = &mut series.past;
            series.generations.retain(|route_gen, entry| {
                // Looked at before the counts: what nobody holds can count nothing more.
                let held = Arc::strong_count(&entry.stat) > 1;
                let mut total = entry.stat.total();
                let changed = difference(&total, &entry.reported);
                if changed.total() == 0 && changed.retries == 0 {
                    if !held {
                        past.add(&entry.stat);
                    }
                    return held;
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
                    route_gen: *route_gen,
                    counts: RequestCounts {
                        latency_max_us,
                        wait_max_us,
                        ..changed
                    },
                });
                true
            });
            !series.generations.is_empty()
        });
        rows
    }

    /// Every key with its counts.
    pub(crate) fn each(&self, mut see: impl FnMut(&StatKey, &Sum)) {
        for (key, series) in self.lock().iter() {
            let mut sum = series.past.clone();
            for entry in series.generations.values() {
                sum.add(&entry.stat);
            }
            see(key, &sum);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<StatKey, Series>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn difference(now: &RequestCounts, before: &RequestCounts) -> RequestCounts {
    let mut by_class = now.by_class;
    for (class, old) in by_class.iter_mut().zip(before.by_class) {
        *class = class.saturating_sub(old);
    }
    let mut by_latency = now.by_latency;
    for (within, old) in by_latency.iter_mut().zip(before.by_latency) {
        *within = within.saturating_sub(old);
    }
    RequestCounts {
        by_class,
        edge_failed: now.edge_failed.saturating_sub(before.edge_failed),
        broken: now.broken.saturating_sub(before.broken),
        retries: now.retries.saturating_sub(before.retries),
        latency_sum_us: now.latency_sum_us.saturating_sub(before.latency_sum_us),
        latency_max_us: 0,
        wait_max_us: 0,
        by_latency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn key() -> StatKey {
        StatKey {
            environment: EnvironmentId::from_uuid(Uuid::from_u128(1)),
            service: ServiceName::new("web").unwrap(),
            release: None,
        }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn changes_are_told_once_and_sum_to_the_total() {
        let stats = Stats::default();
        let stat = stats.of(key(), RouteGen(5));
        stat.finish(End::Status(200), ms(3), ms(1), 1);
        stat.finish(End::Status(503), ms(9), ms(0), 3);
        stat.finish(End::EdgeFailed, ms(1), ms(0), 1);
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
        assert_eq!(
            counts.by_latency[..4],
            [1, 0, 1, 1],
            "up to 1, 2.5, 5, 10 ms"
        );
        assert_eq!(rows[0].route_gen, RouteGen(5));
        assert!(stats.take_changes().is_empty());
        stat.finish(End::Broken, ms(2), ms(0), 1);
        let rows = stats.take_changes();
        assert_eq!(
            (
                rows[0].counts.broken,
                rows[0].counts.total(),
                rows[0].counts.latency_max_us
            ),
            (1, 1, 2_000)
        );
        assert_eq!(rows[0].counts.by_latency[..4], [0, 1, 0, 0]);
        drop(stat);
        assert!(stats.take_changes().is_empty());
        let mut keys = 0;
        stats.each(|_, _| keys += 1);
        assert_eq!(keys, 0, "forgotten when nobody holds it");
    }

    #[test]
    fn each_generation_is_told_apart_and_the_sum_keeps_those_that_are_over() {
        let stats = Stats::default();
        let old = stats.of(key(), RouteGen(7));
        let new = stats.of(key(), RouteGen(8));
        new.finish(End::Status(200), ms(1), ms(0), 1);
        // It was sent by the old routes and ends after the new ones came.
        old.finish(End::Status(200), ms(5), ms(0), 1);
        old.finish(End::Status(200), ms(5), ms(0), 1);
        let told: Vec<_> = stats
            .take_changes()
            .iter()
            .map(|row| (row.route_gen, row.counts.total()))
            .collect();
        assert_eq!(told, [(RouteGen(7), 2), (RouteGen(8), 1)]);
        let sum = |stats: &Stats| {
            let mut sum = Sum::default();
            stats.each(|_, one| sum = one.clone());
            (sum.counts.total(), sum.buckets.iter().sum::<u64>())
        };
        assert_eq!(sum(&stats), (3, 3));
        drop(old);
        assert!(stats.take_changes().is_empty());
        assert_eq!(
            sum(&stats),
            (3, 3),
            "counters of the admin page never fall while the release is served"
        );
    }
}
