use super::*;
use segue_model::id::{AppId, EnvironmentId, InstanceId, ReleaseId, TeamId};
use segue_model::route::{Endpoint, EnvironmentRoutes, Pool, Route, RouteGen, RoutePolicy};
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

fn table() -> Table {
    Table::new(CancellationToken::new())
}

fn instance(number: u128) -> InstanceId {
    InstanceId::from_uuid(Uuid::from_u128(number))
}

fn route(hosts: &[&str], path: &str, instances: &[u128]) -> Route {
    Route {
        service: "web".parse().unwrap(),
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        path: path.parse().unwrap(),
        pools: vec![Pool {
            release: ReleaseId::from_uuid(Uuid::from_u128(9)),
            weight: 100,
            endpoints: instances
                .iter()
                .map(|number| Endpoint {
                    instance: instance(*number),
                    address: ([127, 0, 0, 1], 1_000 + *number as u16).into(),
                })
                .collect(),
        }],
        policy: RoutePolicy::default(),
    }
}

fn environment(id: u128, route_gen: i64, routes: Vec<Route>) -> EnvironmentRoutes {
    EnvironmentRoutes {
        team: TeamId::from_uuid(Uuid::from_u128(1)),
        app: AppId::from_uuid(Uuid::from_u128(2)),
        environment: EnvironmentId::from_uuid(Uuid::from_u128(id)),
        route_gen: RouteGen(route_gen),
        routes,
    }
}

fn found(table: &Table, host: &str, path: &str) -> Option<Arc<RouteEntry>> {
    match table.find(host, path) {
        Found::Route(entry) => Some(entry),
        Found::NoPath | Found::NoHost => None,
    }
}

fn env_of(table: &Table, host: &str, path: &str) -> Option<u128> {
    found(table, host, path).map(|entry| entry.environment.as_uuid().as_u128())
}

#[test]
fn exact_names_before_longest_wildcards_and_longest_paths_first() {
    let table = table();
    let mut api = route(&["a.test"], "/api", &[2]);
    api.service = "api".parse().unwrap();
    table
        .change(
            environment(1, 1, vec![route(&["a.test"], "/", &[1]), api]),
            0,
        )
        .unwrap();
    table
        .change(environment(2, 1, vec![route(&["*.s.test"], "/", &[3])]), 0)
        .unwrap();
    table
        .change(
            environment(3, 1, vec![route(&["*.x.s.test"], "/only", &[4])]),
            0,
        )
        .unwrap();
    let root = found(&table, "a.test", "/apix").unwrap();
    let api = found(&table, "a.test", "/api/v1").unwrap();
    assert!(!Arc::ptr_eq(&root, &api));
    assert_eq!(env_of(&table, "b.s.test", "/"), Some(2));
    assert_eq!(env_of(&table, "b.c.s.test", "/"), Some(2));
    assert_eq!(env_of(&table, "b.x.s.test", "/only/this"), Some(3));
    assert!(matches!(table.find("b.x.s.test", "/"), Found::NoPath));
    assert!(matches!(table.find("s.test", "/"), Found::NoHost));
    assert!(matches!(table.find("test", "/"), Found::NoHost));
    assert!(matches!(table.find("other.example", "/"), Found::NoHost));
}

#[test]
fn generations_only_grow_and_removed_environments_stay_removed() {
    let table = table();
    let routes = |number| environment(1, number, vec![route(&["a.test"], "/", &[1])]);
    assert_eq!(table.change(routes(5), 0).unwrap().1, RouteGen(5));
    assert_eq!(table.change(routes(5), 0).unwrap().1, RouteGen(5));
    assert!(table.change(routes(4), 0).is_err());
    assert!(table.remove(routes(5).environment, RouteGen(4), 0).is_err());
    table.remove(routes(5).environment, RouteGen(6), 0).unwrap();
    assert!(env_of(&table, "a.test", "/").is_none());
    assert!(table.change(routes(6), 0).is_err());
    assert!(table.change(routes(5), 0).is_err());
    table.change(routes(7), 0).unwrap();
    assert_eq!(env_of(&table, "a.test", "/"), Some(1));
    let (applied, refused) = table.snapshot(vec![environment(2, 1, vec![])], 0);
    assert_eq!((applied.len(), refused.len()), (1, 0));
    assert!(env_of(&table, "a.test", "/").is_none());
    assert_eq!(table.generations().len(), 1);
}

#[test]
fn host_names_move_between_routes_and_environments() {
    let table = table();
    table
        .change(
            environment(1, 1, vec![route(&["a.test", "b.test"], "/", &[1])]),
            0,
        )
        .unwrap();
    let before = found(&table, "a.test", "/").unwrap();
    table
        .change(environment(1, 2, vec![route(&["a.test"], "/", &[2])]), 0)
        .unwrap();
    let after = found(&table, "a.test", "/").unwrap();
    assert!(
        Arc::ptr_eq(&before, &after),
        "the same route at another generation"
    );
    assert!(found(&table, "b.test", "/").is_none());
    table
        .change(environment(2, 1, vec![route(&["b.test"], "/", &[3])]), 0)
        .unwrap();
    assert_eq!(env_of(&table, "b.test", "/"), Some(2));
    table.change(environment(1, 3, vec![]), 0).unwrap();
    assert!(found(&table, "a.test", "/").is_none());
    assert!(after.state().removed);
}

#[test]
fn what_is_open_on_left_out_endpoints_is_told_until_it_is_done() {
    let table = table();
    table
        .change(environment(1, 1, vec![route(&["a.test"], "/", &[1])]), 0)
        .unwrap();
    let entry = found(&table, "a.test", "/").unwrap();
    let claim = entry.claim(&[], 0, |_| 0).unwrap();
    let mut websocket = entry.claim(&[], 0, |_| 0).unwrap();
    let close = websocket.upgrade();
    let mut next = route(&["a.test"], "/", &[2]);
    next.policy.drain_upgraded = std::time::Duration::ZERO;
    table.change(environment(1, 2, vec![next]), 0).unwrap();
    assert_eq!(
        entry.claim(&[], 0, |_| 0).unwrap().endpoint.instance,
        instance(2)
    );
    let (told, _) = table.draining(std::time::Instant::now());
    let open = told[&instance(1)];
    assert_eq!((open.requests, open.upgraded), (1, 1));
    assert!(close.is_cancelled(), "its time is over");
    table.forget_idle(&told);
    drop((claim, websocket));
    let (told, _) = table.draining(std::time::Instant::now());
    assert!(told[&instance(1)].is_idle());
    table.forget_idle(&told);
    assert!(table.draining(std::time::Instant::now()).0.is_empty());

    // It comes back with the same id before it was forgotten: counts go on, websockets may begin.
    table
        .change(environment(1, 3, vec![route(&["a.test"], "/", &[1])]), 0)
        .unwrap();
    assert!(
        table
            .draining(std::time::Instant::now())
            .0
            .contains_key(&instance(2))
    );
    table
        .change(environment(1, 4, vec![route(&["a.test"], "/", &[2])]), 0)
        .unwrap();
    assert!(
        !table
            .draining(std::time::Instant::now())
            .0
            .contains_key(&instance(2))
    );
    let mut again = entry.claim(&[], 0, |_| 0).unwrap();
    assert!(!again.upgrade().is_cancelled());
}

#[test]
fn weights_share_requests_and_zero_takes_none() {
    let table = table();
    let mut canary = route(&["a.test"], "/", &[1]);
    canary.pools[0].weight = 90;
    for (release, weight, number) in [(10, 10, 2), (11, 0, 3)] {
        let mut pool = canary.pools[0].clone();
        pool.release = ReleaseId::from_uuid(Uuid::from_u128(release));
        pool.weight = weight;
        pool.endpoints[0].instance = instance(number);
        canary.pools.push(pool);
    }
    table.change(environment(1, 1, vec![canary]), 0).unwrap();
    let entry = found(&table, "a.test", "/").unwrap();
    let mut taken = [0; 4];
    for ticket in 0..100 {
        let claim = entry.claim(&[], 0, |n| ticket % n).unwrap();
        taken[claim.endpoint.instance.as_uuid().as_u128() as usize] += 1;
    }
    assert_eq!(taken, [0, 90, 10, 0]);
    let claim = entry.claim(&[instance(1)], 0, |_| 0).unwrap();
    assert_eq!(claim.endpoint.instance, instance(2));
    assert!(entry.claim(&[instance(1), instance(2)], 0, |_| 0).is_none());
}

#[test]
fn a_change_between_choice_and_claim_moves_the_claim() {
    let table = table();
    table
        .change(environment(1, 1, vec![route(&["a.test"], "/", &[1])]), 0)
        .unwrap();
    let entry = found(&table, "a.test", "/").unwrap();
    let mut changed = false;
    // The balancer asks for randomness after the state was read and before the claim is counted.
    let claim = entry.claim(&[], 0, |_| {
        if !changed {
            changed = true;
            table
                .change(environment(1, 2, vec![route(&["a.test"], "/", &[2])]), 0)
                .unwrap();
            let (told, _) = table.draining(std::time::Instant::now());
            assert!(told[&instance(1)].is_idle(), "acknowledged as idle");
        }
        0
    });
    assert_eq!(claim.unwrap().endpoint.instance, instance(2));
    assert!(changed);
    assert!(table.draining(std::time::Instant::now()).0[&instance(1)].is_idle());
}

/// The heart of the switch: threads claim as fast as they can while generations swap between two
/// endpoints. Whoever holds a claim on the left-out one must be in its count right after the swap.
#[test]
fn no_claim_begins_on_an_endpoint_after_the_change_has_returned() {
    let table = Arc::new(table());
    let routes = |number: i64| {
        environment(
            1,
            number,
            vec![route(&["a.test"], "/", &[1 + (number % 2) as u128])],
        )
    };
    table.change(routes(1), 0).unwrap();
    let entry = found(&table, "a.test", "/").unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let held: Arc<[std::sync::atomic::AtomicI64; 3]> = Arc::default();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (entry, done, held) = (entry.clone(), done.clone(), held.clone());
            std::thread::spawn(move || {
                let mut claims = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    let claim = entry
                        .claim(&[], 0, |_| {
                            if claims.is_multiple_of(8) {
                                std::thread::yield_now();
                            }
                            0
                        })
                        .unwrap();
                    let index = claim.endpoint.instance.as_uuid().as_u128() as usize;
                    // Counted by the test between claim and drop: never more than the edge counts.
                    held[index].fetch_add(1, Ordering::SeqCst);
                    std::hint::spin_loop();
                    held[index].fetch_sub(1, Ordering::SeqCst);
                    claims += 1;
                }
                claims
            })
        })
        .collect();
    for number in 2..3_000 {
        table.change(routes(number), 0).unwrap();
        let left = 1 + ((number - 1) % 2) as usize;
        // Once the count is seen at zero after the change, it must stay so for claims that hold.
        loop {
            let (told, _) = table.draining(std::time::Instant::now());
            match told.get(&instance(left as u128)) {
                Some(open) if !open.is_idle() => std::thread::yield_now(),
                _ => break,
            }
        }
        for _ in 0..20 {
            std::thread::yield_now();
            assert_eq!(held[left].load(Ordering::SeqCst), 0, "generation {number}");
        }
    }
    done.store(true, Ordering::Relaxed);
    let claims: u64 = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    assert!(claims > 100, "claims {claims}");
}
