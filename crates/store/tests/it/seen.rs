//! What comes back: observations, acknowledgements, counts, routes for the stream.

use std::collections::BTreeMap;
use std::time::Duration;

use segue_model::change::{Changes, InstanceChange};
use segue_model::id::{EdgeId, ReleaseId};
use segue_model::internal::{CountRow, Report};
use segue_model::route::{OpenRequests, RequestCounts, RouteGen};
use segue_model::state::{Desired, Observed};
use segue_store::testing::{Fixture, TestDb, release_spec};
use segue_store::{Attempt, AttemptVerb, Observation, StoreError, fresh_id};
use sqlx::{Connection, Executor};

use crate::support::{
    TTL, begin, commit, created, instance, placed, routes, shard_of, superseded, world,
};

const LEASE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn observations_only_go_forward_and_unchanged_ones_cost_nothing() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let id = created(db.store(), &lease, &one, host).await.id;
    let system = db.store().system();
    let attempt = Attempt {
        instance: id,
        host,
        verb: AttemptVerb::Create,
    };
    system.attempts_begin(&lease, &[attempt]).await.unwrap();
    assert!(world(db.store(), &one).await.instances[&id].is_unknown());
    // A listing that began before the attempt does not make it known.
    let old = Observation {
        age: Duration::from_secs(60),
        ..Observation::new(id, 1, Observed::Created)
    };
    system.observe(&[old]).await.unwrap();
    assert!(world(db.store(), &one).await.instances[&id].is_unknown());
    let batch = [
        Observation::new(id, 2, Observed::Started),
        Observation::new(id, 3, Observed::Ready),
    ];
    let changed = system.observe(&batch).await.unwrap();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), [one.environment]);
    let seen = world(db.store(), &one).await.instances[&id].clone();
    assert!(
        !seen.is_unknown()
            && seen.is_ready()
            && seen.ready_at.is_some()
            && seen.started_at.is_some()
    );
    // Late, falling and unchanged ones change nothing.
    let nothing = [
        Observation::new(id, 1, Observed::Exited),
        Observation::new(id, 4, Observed::Created),
        Observation::new(id, 5, Observed::Ready),
    ];
    assert!(system.observe(&nothing).await.unwrap().is_empty());
    assert_eq!(world(db.store(), &one).await.instances[&id], seen);
    // Readiness may come and go.
    for (seq, state) in [
        (6, Observed::Unready),
        (7, Observed::Ready),
        (8, Observed::Exited),
    ] {
        system
            .observe(&[Observation::new(id, seq, state)])
            .await
            .unwrap();
        assert_eq!(world(db.store(), &one).await.instances[&id].observed, state);
    }
    let mut admin = db.admin().await.unwrap();
    let fall = admin
        .execute("update instance_seen set state = 'created'")
        .await
        .unwrap_err();
    assert_eq!(
        fall.as_database_error().unwrap().constraint().unwrap(),
        "instance_seen_rank"
    );
    let reuse = admin
        .execute("update instances set slot = 9")
        .await
        .unwrap_err();
    assert_eq!(
        reuse.as_database_error().unwrap().constraint().unwrap(),
        "instances_immutable"
    );
}

#[tokio::test]
async fn a_gone_instance_frees_its_room_at_once_and_its_address_after_a_rest() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let system = db.store().system();
    let id = created(db.store(), &lease, &one, host).await.id;
    for desired in [Desired::Drain, Desired::Stop, Desired::Gone] {
        let seen = world(db.store(), &one).await;
        let change = Changes {
            instances: vec![InstanceChange {
                id,
                desired,
                unrouted_gen: (desired == Desired::Drain).then_some(RouteGen(1)),
                lost: false,
                died: false,
            }],
            ..Changes::default()
        };
        commit(db.store(), &lease, &seen, &change).await.unwrap();
    }
    let seen = world(db.store(), &one).await;
    assert_eq!(seen.hosts[&host].reserved_memory_bytes, 0);
    assert_eq!(
        (
            seen.instances[&id].unrouted_gen,
            seen.instances[&id].desired
        ),
        (Some(RouteGen(1)), Desired::Gone)
    );
    assert!(
        seen.subnets[&host].held.contains(&2),
        "its container may still exist"
    );
    system
        .observe(&[Observation::new(id, 1, Observed::Gone)])
        .await
        .unwrap();
    let seen = world(db.store(), &one).await;
    assert!(!seen.subnets[&host].held.contains(&2));
    assert_eq!(
        seen.subnets[&host].resting[&2].unrouted_gen,
        Some(RouteGen(1))
    );
    let again = Changes {
        create: vec![instance(&seen, host, 1, 2, 2)],
        ..Changes::default()
    };
    assert!(superseded(commit(db.store(), &lease, &seen, &again).await).contains("address"));
    let mut admin = db.admin().await.unwrap();
    admin
        .execute("update installation set address_rest_ms = 0")
        .await
        .unwrap();
    commit(db.store(), &lease, &seen, &again).await.unwrap();
}

#[tokio::test]
async fn edges_acknowledge_forward_and_count_once() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let system = db.store().system();
    let before = world(db.store(), &one).await;
    let deployment = before.deployments[&1].id;
    let release = before.deployments[&1].release;
    let new = instance(&before, host, 1, 1, 2);
    let id = new.id;
    let mut begun = begin(&before, deployment);
    begun.rollout.first_gen = Some(RouteGen(1));
    let changes = Changes {
        create: vec![new],
        rollouts: vec![begun],
        routes: Some(routes(&before)),
        ..Changes::default()
    };
    commit(db.store(), &lease, &before, &changes).await.unwrap();

    let edge = EdgeId::from_uuid(fresh_id());
    assert!(system.edge_join(edge, [1; 32]).await.unwrap());
    assert!(
        !system.edge_join(edge, [2; 32]).await.unwrap(),
        "another token took the edge over"
    );
    let counts = |release: Option<ReleaseId>, ok: u64| CountRow {
        environment: one.environment,
        service: "web".parse().unwrap(),
        release,
        route_gen: RouteGen(1),
        counts: RequestCounts {
            by_class: [0, ok, 0, 0, 0],
            edge_failed: 1,
            wait_max_us: 7,
            ..RequestCounts::default()
        },
    };
    let report = Report {
        acknowledged: BTreeMap::from([(one.environment, RouteGen(1))]),
        draining: BTreeMap::from([(
            id,
            OpenRequests {
                requests: 3,
                upgraded: 1,
            },
        )]),
        in_flight: BTreeMap::from([(one.environment, 4)]),
        counts: vec![counts(Some(release), 10), counts(None, 5)],
        report_number: 1,
        http_port: Some(8080),
        https_port: None,
    };
    system.edge_report(edge, &report, LEASE).await.unwrap();
    // Sent again because the answer was lost.
    system.edge_report(edge, &report, LEASE).await.unwrap();
    let seen = world(db.store(), &one).await;
    assert!(seen.edges[&edge].is_live(seen.now));
    assert_eq!(seen.edges[&edge].acknowledged, RouteGen(1));
    assert_eq!(
        seen.edges[&edge].draining[&id],
        OpenRequests {
            requests: 3,
            upgraded: 1
        }
    );
    let back = Report {
        acknowledged: BTreeMap::from([(one.environment, RouteGen(0))]),
        draining: BTreeMap::from([(id, OpenRequests::default())]),
        report_number: 2,
        ..Report::default()
    };
    system.edge_report(edge, &back, LEASE).await.unwrap();
    let seen = world(db.store(), &one).await;
    assert_eq!(seen.edges[&edge].acknowledged, RouteGen(1));
    assert!(seen.edges[&edge].draining.is_empty());
    let receipt = one
        .scope()
        .deployment_receipt(deployment)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((receipt.first_gen, receipt.until), (1, None));
    assert_eq!(
        (
            receipt.counts.by_class[1],
            receipt.counts.edge_failed,
            receipt.counts.wait_max_us
        ),
        (15, 2, 7)
    );

    system.edge_goodbye(edge).await.unwrap();
    assert!(world(db.store(), &one).await.edges.is_empty());
    let gone = system.edge_report(edge, &back, LEASE).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
}

#[tokio::test]
async fn other_edges_are_those_with_a_lease() {
    let db = TestDb::new().await.unwrap();
    let system = db.store().system();
    let [own, joined, silent, live] = [1, 2, 3, 4].map(|_| EdgeId::from_uuid(fresh_id()));
    for (edge, token) in [(own, 1), (joined, 2), (silent, 3), (live, 4)] {
        assert!(system.edge_join(edge, [token; 32]).await.unwrap());
    }
    let report = Report::default();
    system.edge_report(own, &report, LEASE).await.unwrap();
    system
        .edge_report(silent, &report, Duration::ZERO)
        .await
        .unwrap();
    // Without a first report, or after its lease, an edge is no help to others.
    assert_eq!(system.edges_live_besides(own).await.unwrap(), 0);
    system.edge_report(live, &report, LEASE).await.unwrap();
    assert_eq!(system.edges_live_besides(own).await.unwrap(), 1);
    assert_eq!(system.edges_live_besides(silent).await.unwrap(), 2);
    system.edge_goodbye(live).await.unwrap();
    assert_eq!(system.edges_live_besides(own).await.unwrap(), 0);
}

#[tokio::test]
async fn a_route_change_that_commits_late_is_not_missed() {
    let db = TestDb::new().await.unwrap();
    let (one, _, lease) = placed(&db, "one").await;
    let two = Fixture::new(db.store(), "two").await.unwrap();
    let system = db.store().system();
    let seen = world(db.store(), &one).await;
    let changes = Changes {
        routes: Some(routes(&seen)),
        ..Changes::default()
    };
    commit(db.store(), &lease, &seen, &changes).await.unwrap();
    let mut admin = db.admin().await.unwrap();
    let mut slow = admin.begin().await.unwrap();
    slow.execute("update routes set route_gen = 2, changed_xid = pg_current_xact_id()")
        .await
        .unwrap();
    // Another environment's change commits first, and the stream looks in between.
    two.deploy(release_spec('a')).await.unwrap();
    // One worker has both: environments may share a shard, and a shard has one holder.
    let other_lease = system
        .lease_acquire(&shard_of(two.environment), lease.holder, TTL)
        .await
        .unwrap()
        .unwrap();
    let other = world(db.store(), &two).await;
    let changes = Changes {
        routes: Some(routes(&other)),
        ..Changes::default()
    };
    commit(db.store(), &other_lease, &other, &changes)
        .await
        .unwrap();
    let (all, cursor) = system.routes_snapshot().await.unwrap();
    assert_eq!(all.len(), 2);
    slow.commit().await.unwrap();
    let (changes, cursor) = system.routes_since(&cursor).await.unwrap();
    assert!(
        changes
            .iter()
            .any(|c| c.environment == one.environment && c.route_gen == RouteGen(2)),
        "{changes:?}"
    );
    // Seen changes come again only while transactions of that time are still running (other tests').
    let mut cursor = cursor;
    loop {
        let (changes, next) = system.routes_since(&cursor).await.unwrap();
        if changes.is_empty() {
            break;
        }
        cursor = next;
        tokio::task::yield_now().await;
    }
}
