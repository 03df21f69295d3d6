use super::*;
use std::cell::Cell;
use std::collections::BinaryHeap;

struct Fake {
    load: Load,
    in_flight: Cell<u32>,
    taken: Cell<u32>,
    eligible: bool,
}

impl Fake {
    fn new(since: Micros) -> Self {
        Self {
            load: Load::new(since, None),
            in_flight: Cell::new(0),
            taken: Cell::new(0),
            eligible: true,
        }
    }
}

impl Candidate for Fake {
    fn load(&self) -> &Load {
        &self.load
    }
    fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }
    fn is_eligible(&self) -> bool {
        self.eligible
    }
}

/// A small deterministic generator, so that the test means the same everywhere.
fn lcg() -> impl FnMut(usize) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |n| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 33) as usize) % n
    }
}

/// Open-loop arrivals; each endpoint answers after its fixed latency. Shares of each.
fn simulate(latencies: &[Micros], interval: Micros, requests: u32) -> Vec<f64> {
    let all: Vec<Fake> = latencies.iter().map(|_| Fake::new(0)).collect();
    let mut random = lcg();
    let mut ends: BinaryHeap<std::cmp::Reverse<(Micros, usize)>> = BinaryHeap::new();
    for number in 0..requests {
        let now = u64::from(number) * interval;
        while let Some(std::cmp::Reverse((end, index))) = ends.peek().copied()
            && end <= now
        {
            ends.pop();
            all[index].in_flight.set(all[index].in_flight.get() - 1);
            all[index].load.answered(end, latencies[index]);
        }
        let chosen = choose(&all, now, &mut random).unwrap();
        let index = all
            .iter()
            .position(|one| std::ptr::eq(one, chosen))
            .unwrap();
        chosen.in_flight.set(chosen.in_flight.get() + 1);
        chosen.taken.set(chosen.taken.get() + 1);
        ends.push(std::cmp::Reverse((now + latencies[index], index)));
    }
    all.iter()
        .map(|one| f64::from(one.taken.get()) / f64::from(requests))
        .collect()
}

#[test]
fn a_backend_ten_times_slower_gets_less_than_five_percent() {
    for endpoints in [2, 3, 4, 10] {
        for interval in [500, 2_000, 10_000, 50_000] {
            let mut latencies = vec![10_000; endpoints];
            latencies[0] = 100_000;
            let shares = simulate(&latencies, interval, 20_000);
            assert!(
                shares[0] < 0.05,
                "{endpoints} endpoints, every {interval} us: {shares:?}"
            );
        }
    }
}

#[test]
fn equal_backends_share_equally_and_a_recovered_one_comes_back() {
    let shares = simulate(&[10_000; 4], 1_000, 20_000);
    assert!(
        shares.iter().all(|share| (0.2..0.3).contains(share)),
        "{shares:?}"
    );

    let all = [Fake::new(0), Fake::new(0)];
    all[0].load.answered(0, 10_000);
    all[1].load.answered(0, 500_000);
    let mut random = lcg();
    let mut asked_again = None;
    for second in 1..120_u64 {
        let now = second * 1_000_000;
        let chosen = choose(&all, now, &mut random).unwrap();
        chosen.load.answered(now, 10_000);
        if std::ptr::eq(chosen, &all[1]) {
            asked_again.get_or_insert(second);
        }
    }
    assert!(
        asked_again.is_some_and(|second| second > 5),
        "{asked_again:?}"
    );
}

#[test]
fn a_new_endpoint_starts_slowly_beside_old_ones_and_not_among_new_ones() {
    let share = |since: Micros, now: Micros| {
        let all = [Fake::new(0), Fake::new(since)];
        let mut random = lcg();
        let mut taken = 0;
        for _ in 0..1_000 {
            // Both have one in flight now and then, at random.
            all[0].in_flight.set(random(10) as u32);
            all[1].in_flight.set(random(10) as u32);
            for one in &all {
                one.load.cost.store(1_000_f64.to_bits(), Ordering::Relaxed);
                one.load.at.store(now, Ordering::Relaxed);
            }
            let chosen = choose(&all, now, &mut random).unwrap();
            taken += u32::from(std::ptr::eq(chosen, &all[1]));
        }
        f64::from(taken) / 1_000.0
    };
    assert!(share(60_000_000, 60_000_001) < 0.15);
    let later = share(60_000_000, 67_000_000);
    assert!((0.2..0.5).contains(&later), "{later}");
    assert!(share(60_000_000, 80_000_000) > 0.4);
    assert!(share(0, 1) > 0.4, "all new at once");
}

#[test]
fn unreachable_endpoints_are_left_out_but_never_more_than_half() {
    let all: Vec<Fake> = (0..4).map(|_| Fake::new(0)).collect();
    let mut random = lcg();
    all[0].load.unreachable(1_000);
    all[1].load.unreachable(1_000);
    for _ in 0..200 {
        let chosen = choose(&all, 2_000, &mut random).unwrap();
        assert!(!chosen.load.is_suspended(2_000));
    }
    all[2].load.unreachable(1_000);
    let mut suspended = 0;
    for _ in 0..200 {
        let chosen = choose(&all, 2_000, &mut random).unwrap();
        suspended += u32::from(chosen.load.is_suspended(2_000));
    }
    assert!(suspended > 0, "three of four are not left out");
    assert!(!all[0].load.is_suspended(1_000 + SUSPEND_FIRST_US));
    all[0].load.answered(3_000, 100);
    assert!(!all[0].load.is_suspended(3_001));
}

#[test]
fn tried_endpoints_are_not_chosen_again() {
    let mut all = [Fake::new(0), Fake::new(0), Fake::new(0)];
    all[0].eligible = false;
    all[2].eligible = false;
    let mut random = lcg();
    assert!(std::ptr::eq(choose(&all, 0, &mut random).unwrap(), &all[1]));
    all[1].eligible = false;
    assert!(choose(&all, 0, &mut random).is_none());
}

#[test]
fn the_retry_budget_is_a_fifth_of_the_requests() {
    let budget = RetryBudget::default();
    let mut burst = 0;
    while budget.withdraw() {
        burst += 1;
    }
    assert_eq!(burst, BUDGET_MOST / BUDGET_PER_RETRY);
    let mut retries = 0;
    for _ in 0..1_000 {
        budget.deposit();
        retries += u32::from(budget.withdraw());
    }
    assert_eq!(retries, 200);
}

#[test]
fn a_rate_allows_a_burst_and_then_its_pace() {
    let rate = Rate::default();
    let mut at_once = 0;
    while rate.take(1_000_000, 200, 50) {
        at_once += 1;
    }
    assert_eq!(at_once, 50);
    let mut later = 0;
    for milli in 0..2_000 {
        later += u32::from(rate.take(1_000_000 + milli * 1_000, 200, 50));
    }
    assert!((398..=401).contains(&later), "{later}");
    assert!(!Rate::default().take(5, 0, 50), "a pace of none");
}
