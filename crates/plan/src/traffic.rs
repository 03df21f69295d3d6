//! Early failure by traffic: whether a new release answers worse than the one before it.
//!
//! Invariants: nothing is concluded from few requests, and nothing without an old release to compare with; the
//! counters are in the snapshot, so the same snapshot gives the same judgement. Must not look at instances: what they
//! are is judged elsewhere.

use segue_model::failure::{Failure, FailureCode};
use segue_model::route::RequestCounts;

use crate::goal::Goal;

/// Fewer requests than this of either release say nothing about errors.
const ERRORS_SAMPLE: u64 = 50;
/// The share of failed requests must be this many times the old one's,
const ERRORS_RATIO: u128 = 3;
/// and at least this many of a hundred.
const ERRORS_PERCENT: u128 = 5;
/// Fewer requests than this of either release say nothing about time: the first ones warm caches.
const TIME_SAMPLE: u64 = 200;
/// 95 of 100 requests must take this many times as long as the old release's: more than one class of the histogram,
const TIME_RATIO: u64 = 4;
/// and at least this long, microseconds.
const TIME_US: u64 = 500_000;

/// What a service's new release does worse than its old one, if it is enough to fail its rollout.
pub(crate) fn worse(goal: &Goal<'_>) -> Option<Failure> {
    let (target, base) = (goal.target?, goal.base?);
    goal.services().into_iter().find_map(|name| {
        let service = goal.service(&name);
        if !service.is_changed() || service.old.is_none() {
            return None;
        }
        let of_service = goal.world.traffic.get(&name)?;
        let failure = compare(of_service.get(&target.id)?, of_service.get(&base.id)?)?;
        Some(Failure {
            evidence: format!("{name}: {}", failure.evidence),
            ..failure
        })
    })
}

/// Compares the requests of two releases. Pure; the same whatever their order in time.
fn compare(new: &RequestCounts, old: &RequestCounts) -> Option<Failure> {
    let (new_total, old_total) = (new.total(), old.total());
    let share = |failed: u64, total: u64| u128::from(failed) * u128::from(total);
    if new_total.min(old_total) >= ERRORS_SAMPLE
        && u128::from(new.failed()) * 100 >= ERRORS_PERCENT * u128::from(new_total)
        && share(new.failed(), old_total) > ERRORS_RATIO * share(old.failed(), new_total)
    {
        return Some(Failure {
            code: FailureCode::ErrorRate,
            evidence: format!(
                "{} of {new_total} requests failed, before it {} of {old_total}",
                new.failed(),
                old.failed()
            ),
        });
    }
    if new_total.min(old_total) < TIME_SAMPLE {
        return None;
    }
    let (new_time, old_time) = (new.p95_us()?, old.p95_us()?);
    (new_time >= TIME_US && new_time >= old_time.saturating_mul(TIME_RATIO) && old_time < u64::MAX)
        .then(|| Failure {
            code: FailureCode::TooSlow,
            evidence: format!(
                "95 of 100 requests took {}, before it {}",
                time(new_time),
                time(old_time)
            ),
        })
}

fn time(us: u64) -> String {
    if us == u64::MAX {
        "more than 10 s".to_owned()
    } else {
        format!("up to {} ms", us / 1000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts() -> impl Strategy<Value = RequestCounts> {
        (
            prop::array::uniform5(0..400u64),
            0..200u64,
            0..200u64,
            prop::array::uniform13(0..200u64),
        )
            .prop_map(
                |(by_class, edge_failed, broken, by_latency)| RequestCounts {
                    by_class,
                    edge_failed,
                    broken,
                    by_latency,
                    ..RequestCounts::default()
                },
            )
    }

    fn times(counts: &RequestCounts, n: u64) -> RequestCounts {
        let mut sum = RequestCounts::default();
        for _ in 0..n {
            sum.add(counts);
        }
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn few_requests_say_nothing_and_equals_are_never_worse(a in counts(), b in counts(), n in 1..9u64) {
            prop_assert_eq!(compare(&a, &a), None);
            prop_assert_eq!(compare(&a, &times(&a, n)), None);
            if a.total().min(b.total()) < ERRORS_SAMPLE {
                prop_assert_eq!(compare(&a, &b), None);
            }
            // Two releases cannot both be worse than the other by the same measure.
            if let (Some(one), Some(other)) = (compare(&a, &b), compare(&b, &a)) {
                prop_assert_ne!(one.code, other.code);
            }
            // More of the same says the same.
            if let Some(found) = compare(&a, &b) {
                prop_assert_eq!(compare(&times(&a, n), &b).map(|f| f.code), Some(found.code));
            }
            // More errors never make it better.
            let mut more = a.clone();
            more.broken = more.broken.saturating_add(n * 100);
            if compare(&a, &b).is_some_and(|f| f.code == FailureCode::ErrorRate) {
                prop_assert!(compare(&more, &b).is_some());
            }
        }
    }

    fn answered(ok: u64, failed: u64, class: usize) -> RequestCounts {
        let mut counts = RequestCounts {
            by_class: [0, ok, 0, 0, failed],
            ..RequestCounts::default()
        };
        counts.by_latency[class] = ok + failed;
        counts
    }

    #[test]
    fn five_of_a_hundred_and_three_times_the_old_share_are_too_many() {
        let code = |new, old| compare(&new, &old).map(|f| f.code);
        assert_eq!(
            code(answered(94, 6, 2), answered(1000, 0, 2)),
            Some(FailureCode::ErrorRate)
        );
        assert_eq!(code(answered(96, 4, 2), answered(1000, 0, 2)), None, "few");
        assert_eq!(
            code(answered(94, 6, 2), answered(970, 30, 2)),
            None,
            "as before"
        );
        assert_eq!(
            code(answered(40, 9, 2), answered(1000, 0, 2)),
            None,
            "no sample"
        );
    }

    #[test]
    fn four_times_the_old_time_is_too_slow_from_half_a_second_on() {
        let code = |new, old| compare(&new, &old).map(|f| f.code);
        // Class 8 ends at 500 ms, class 6 at 100 ms, class 7 at 250 ms.
        assert_eq!(
            code(answered(300, 0, 8), answered(300, 0, 6)),
            Some(FailureCode::TooSlow)
        );
        assert_eq!(
            code(answered(300, 0, 8), answered(300, 0, 7)),
            None,
            "twice"
        );
        assert_eq!(
            code(answered(300, 0, 7), answered(300, 0, 0)),
            None,
            "fast enough"
        );
        assert_eq!(
            code(answered(150, 0, 12), answered(300, 0, 0)),
            None,
            "no sample"
        );
        let slowest = RequestCounts {
            by_class: [0, 300, 0, 0, 0],
            ..RequestCounts::default()
        };
        assert_eq!(
            code(slowest, answered(300, 0, 6)),
            Some(FailureCode::TooSlow)
        );
    }
}
