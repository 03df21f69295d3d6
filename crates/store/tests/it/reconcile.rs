//! The worker's side: leases and fences, commits of plans, observations, routes, edges.

use std::time::Duration;

use segue_model::change::{Changes, EventKind, EventSubject, NewEvent, RolloutChange};
use segue_model::id::WorkerId;
use segue_model::network::ForeignNetwork;
use segue_model::route::{EnvironmentRoutes, RouteGen};
use segue_model::state::{DeploymentState, Desired, Observed};
use segue_store::testing::{Fixture, TestDb, release_spec};
use segue_store::{Shard, StoreError, WORK_SHARDS, fresh_id};
use sqlx::{Connection, Executor};

use crate::support::{
    TTL, begin, commit, instance, lease, placed, ready_host, rollout, routes, shard_of, superseded,
    world,
};

#[tokio::test]
async fn a_lease_is_one_holders_and_a_takeover_fences_the_other() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    one.deploy(release_spec('a')).await.unwrap();
    let system = db.store().system();
    let shard = shard_of(one.environment);
    let (a, b) = (
        WorkerId::from_uuid(fresh_id()),
        WorkerId::from_uuid(fresh_id()),
    );
    let first = system.lease_acquire(&shard, a, TTL).await.unwrap().unwrap();
    assert!(
        system
            .lease_acquire(&shard, b, TTL)
            .await
            .unwrap()
            .is_none()
    );
    assert!(system.lease_renew(&first, TTL).await.unwrap());
    let mut admin = db.admin().await.unwrap();
    admin
        .execute("update leases set expires_at = now() - interval '1 second'")
        .await
        .unwrap();
    let second = system.lease_acquire(&shard, b, TTL).await.unwrap().unwrap();
    assert_eq!(second.epoch, first.epoch + 1);
    assert!(!system.lease_renew(&first, TTL).await.unwrap());
    system.lease_release(&first).await.unwrap();
    assert!(
        system.lease_renew(&second, TTL).await.unwrap(),
        "the old holder gave away the new one's lease"
    );

    let seen = world(db.store(), &one).await;
    let changes = Changes {
        events: vec![event()],
        ..Changes::default()
    };
    let stale = commit(db.store(), &first, &seen, &changes).await;
    assert!(
        matches!(stale, Err(StoreError::LeaseLost { .. })),
        "{stale:?}"
    );
    let stale = system.attempts_begin(&first, &[]).await;
    assert!(stale.is_ok(), "nothing to write needs no lease");
    commit(db.store(), &second, &seen, &changes).await.unwrap();
    system.lease_release(&second).await.unwrap();
    let third = system.lease_acquire(&shard, a, TTL).await.unwrap().unwrap();
    assert_eq!(third.epoch, 3, "given back, it is free at once");
}

#[tokio::test]
async fn a_takeover_waits_for_what_is_being_committed() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let system = db.store().system();
    let shard = shard_of(one.environment);
    let held = lease(db.store(), one.environment).await.unwrap();
    let mut admin = db.admin().await.unwrap();
    let mut committing = admin.begin().await.unwrap();
    sqlx::query("select epoch from lease_epochs where shard = $1 and epoch = $2 for share")
        .bind(shard.as_str())
        .bind(held.epoch)
        .fetch_one(&mut *committing)
        .await
        .unwrap();
    let mut other = db.admin().await.unwrap();
    other
        .execute("update leases set expires_at = now() - interval '1 second'")
        .await
        .unwrap();
    let taking = tokio::spawn(async move {
        system
            .lease_acquire(&shard, WorkerId::from_uuid(fresh_id()), TTL)
            .await
    });
    // The takeover is waiting once the database says so.
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%lease_epochs%' and datname = current_database()";
    while sqlx::query_scalar::<_, i64>(waiting)
        .fetch_one(&mut other)
        .await
        .unwrap()
        == 0
    {
        assert!(!taking.is_finished(), "the takeover did not wait");
        tokio::task::yield_now().await;
    }
    committing.commit().await.unwrap();
    assert_eq!(
        taking.await.unwrap().unwrap().unwrap().epoch,
        held.epoch + 1
    );
}

#[tokio::test]
async fn the_world_shows_what_was_committed_and_room_is_reserved() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let before = world(db.store(), &one).await;
    assert_eq!(before.hosts[&host].labels.len(), 1, "arch is a label");
    let deployment = before.deployments[&1].id;
    let new = instance(&before, host, 1, 1, 2);
    let id = new.id;
    let changes = Changes {
        create: vec![new.clone()],
        rollouts: vec![begin(&before, deployment)],
        routes: Some(routes(&before)),
        events: vec![event()],
        ..Changes::default()
    };
    commit(db.store(), &lease, &before, &changes).await.unwrap();
    let after = world(db.store(), &one).await;
    assert_eq!(
        (after.next_serial, after.routes.route_gen),
        (2, RouteGen(1))
    );
    let seen = &after.instances[&id];
    assert_eq!(
        (seen.desired, seen.observed, seen.address, seen.port),
        (Desired::Run, Observed::None, new.address, 8080)
    );
    assert_eq!(
        (
            after.hosts[&host].reserved_cpu_millis,
            after.hosts[&host].reserved_memory_bytes
        ),
        (250, 512 << 20)
    );
    assert!(after.subnets[&host].held.contains(&2) && after.subnets[&host].cursor == 2);
    assert_eq!(
        after.deployments[&1].rollout.as_ref().unwrap().state,
        DeploymentState::Starting
    );
    assert_eq!(
        one.scope().deployment_get(deployment).await.unwrap().state,
        DeploymentState::Starting
    );
    assert_eq!(
        one.scope()
            .instance_list(one.environment, false)
            .await
            .unwrap()[0]
            .id,
        id
    );

    // The same plan again was made from a world that is gone.
    superseded(commit(db.store(), &lease, &before, &changes).await);
    // So was one from before a wish.
    one.deploy(release_spec('b')).await.unwrap();
    assert!(
        superseded(commit(db.store(), &lease, &after, &Changes::default()).await)
            .contains("generation")
    );
    for view in [
        "violation_i1",
        "violation_i7",
        "violation_i12",
        "violation_i20_addresses",
    ] {
        let mut admin = db.admin().await.unwrap();
        let query = format!("select count(*) from {view}");
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert_eq!(found, 0, "{view}");
    }
}

fn event() -> NewEvent {
    NewEvent {
        kind: EventKind::DeploymentChanged,
        subject: EventSubject::default(),
        message: "with a\nline end".into(),
        failure: None,
    }
}

#[tokio::test]
async fn what_does_not_fit_is_not_committed_at_all() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let before = world(db.store(), &one).await;
    let mut huge = instance(&before, host, 2, 2, 3);
    huge.memory_bytes = 9 << 30;
    let changes = Changes {
        create: vec![instance(&before, host, 1, 1, 2), huge],
        events: vec![event()],
        ..Changes::default()
    };
    superseded(commit(db.store(), &lease, &before, &changes).await);
    let after = world(db.store(), &one).await;
    assert!(after.instances.is_empty());
    assert_eq!(after.hosts[&host].reserved_memory_bytes, 0);
    // Two in one slot at one revision.
    let changes = Changes {
        create: vec![
            instance(&before, host, 1, 1, 2),
            instance(&before, host, 1, 2, 3),
        ],
        ..Changes::default()
    };
    superseded(commit(db.store(), &lease, &before, &changes).await);
    // Two at one address.
    let changes = Changes {
        create: vec![
            instance(&before, host, 1, 1, 2),
            instance(&before, host, 2, 2, 2),
        ],
        ..Changes::default()
    };
    superseded(commit(db.store(), &lease, &before, &changes).await);
    // A gap in the generations.
    let mut gap = routes(&before);
    gap.route_gen = RouteGen(2);
    let changes = Changes {
        routes: Some(EnvironmentRoutes {
            route_gen: RouteGen(1),
            ..gap.clone()
        }),
        ..Changes::default()
    };
    commit(db.store(), &lease, &before, &changes).await.unwrap();
    let now = world(db.store(), &one).await;
    gap.route_gen = RouteGen(3);
    let changes = Changes {
        routes: Some(gap),
        ..Changes::default()
    };
    superseded(commit(db.store(), &lease, &now, &changes).await);
}

#[tokio::test]
async fn an_environment_has_one_unfinished_rollout_and_ranks_do_not_fall() {
    let db = TestDb::new().await.unwrap();
    let (one, _, lease) = placed(&db, "one").await;
    let second = one.deploy(release_spec('b')).await.unwrap();
    let before = world(db.store(), &one).await;
    let first = before.deployments[&1].id;
    let both = Changes {
        rollouts: vec![begin(&before, first), begin(&before, second.id)],
        ..Changes::default()
    };
    superseded(commit(db.store(), &lease, &before, &both).await);
    let one_only = Changes {
        rollouts: vec![begin(&before, first)],
        ..Changes::default()
    };
    commit(db.store(), &lease, &before, &one_only)
        .await
        .unwrap();
    // The next begins in the transaction in which the first is superseded, in whatever order.
    let seen = world(db.store(), &one).await;
    let over = RolloutChange {
        deployment: first,
        expected: Some(DeploymentState::Starting),
        rollout: rollout(&seen, DeploymentState::Superseded),
    };
    let swap = Changes {
        rollouts: vec![begin(&seen, second.id), over.clone()],
        ..Changes::default()
    };
    commit(db.store(), &lease, &seen, &swap).await.unwrap();
    let seen = world(db.store(), &one).await;
    assert_eq!(seen.deployments.keys().collect::<Vec<_>>(), [&2]);
    superseded(
        commit(
            db.store(),
            &lease,
            &seen,
            &Changes {
                rollouts: vec![over],
                ..Changes::default()
            },
        )
        .await,
    );
    let mut admin = db.admin().await.unwrap();
    let fall = admin
        .execute("update rollouts set state = 'queued' where rank < 100")
        .await
        .unwrap_err();
    assert_eq!(
        fall.as_database_error().unwrap().constraint().unwrap(),
        "rollouts_rank"
    );
}

#[tokio::test]
async fn subnets_are_handed_out_round_robin_and_rest() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let system = db.store().system();
    let mut bases = Vec::new();
    for _ in 0..3 {
        let seen = world(db.store(), &one).await;
        let base = seen.subnets[&host].base;
        bases.push(base);
        system
            .subnet_released(&lease, one.environment, host, base)
            .await
            .unwrap();
        let seen = world(db.store(), &one).await;
        assert!(seen.subnets.is_empty());
        let again = Changes {
            subnets: vec![host],
            ..Changes::default()
        };
        commit(db.store(), &lease, &seen, &again).await.unwrap();
    }
    bases.dedup();
    assert_eq!(bases.len(), 3, "{bases:?}");
}

#[tokio::test]
async fn a_subnet_that_another_network_of_its_host_overlaps_is_not_given_out() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    one.deploy(release_spec('a')).await.unwrap();
    let (host, lease) = (
        ready_host(db.store(), 8 << 30).await.unwrap(),
        lease(db.store(), one.environment).await.unwrap(),
    );
    let system = db.store().system();
    let network = |name: &str, subnet: &str| ForeignNetwork {
        name: name.to_owned(),
        subnet: subnet.parse().unwrap(),
    };
    let ask = Changes {
        subnets: vec![host],
        ..Changes::default()
    };
    // The next would be 10.96.1.0; then one on the names network, then a larger one.
    let others = [
        network("small", "10.96.1.16/28"),
        network("names", "10.112.2.0/24"),
        network("large", "10.96.4.0/22"),
        network("elsewhere", "172.17.0.0/16"),
    ];
    let at_once = Duration::ZERO;
    system.host_foreign(host, at_once, &others).await.unwrap();
    // An older list changes nothing.
    let old = Duration::from_secs(5);
    system.host_foreign(host, old, &[]).await.unwrap();
    let seen = world(db.store(), &one).await;
    commit(db.store(), &lease, &seen, &ask).await.unwrap();
    let seen = world(db.store(), &one).await;
    assert_eq!(seen.subnets[&host].base.to_string(), "10.96.3.0");
    assert_eq!(seen.subnets[&host].overlap, None);
    // One that comes later is seen with the subnet, and another subnet takes its place.
    let late = network("late", "10.96.2.0/23");
    let mut others = others.to_vec();
    others.push(late.clone());
    system.host_foreign(host, at_once, &others).await.unwrap();
    let seen = world(db.store(), &one).await;
    assert_eq!(seen.subnets[&host].overlap, Some(late));
    commit(db.store(), &lease, &seen, &ask).await.unwrap();
    let seen = world(db.store(), &one).await;
    assert_eq!(seen.subnets[&host].base.to_string(), "10.96.8.0");
    assert_eq!(seen.subnets[&host].overlap, None);
    // Where others take all, it is said and nothing is taken away.
    let all = [network("all", "10.0.0.0/8")];
    system.host_foreign(host, at_once, &all).await.unwrap();
    let refused = commit(db.store(), &lease, &seen, &ask).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Exhausted { .. }),
        "{refused:?}"
    );
    let seen = world(db.store(), &one).await;
    assert_eq!(seen.subnets[&host].base.to_string(), "10.96.8.0");
}

#[tokio::test]
async fn work_is_not_lost_between_a_look_and_its_end() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    one.deploy(release_spec('a')).await.unwrap();
    let system = db.store().system();
    let shares: Vec<i16> = (0..WORK_SHARDS).collect();
    let due = system.work_due(&shares, 10).await.unwrap();
    assert_eq!((due.len(), due[0].unit), (1, one.environment.as_uuid()));
    assert_eq!(Shard::environments(due[0].share), shard_of(one.environment));
    one.deploy(release_spec('b')).await.unwrap();
    system.work_done(&due[0], None).await.unwrap();
    let again = system.work_due(&shares, 10).await.unwrap();
    assert_eq!(again.len(), 1, "a wish during the look was lost");
    system
        .work_done(
            &again[0],
            Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)),
        )
        .await
        .unwrap();
    assert!(system.work_due(&shares, 10).await.unwrap().is_empty());
    system
        .work_add(one.environment, Duration::ZERO)
        .await
        .unwrap();
    let woken = system.work_due(&shares, 10).await.unwrap();
    assert_eq!(woken.len(), 1, "the earliest of two times counts");
    system.work_done(&woken[0], None).await.unwrap();
    let all = system.environments_page(&shares, None, 10).await.unwrap();
    assert_eq!(all, [one.environment]);
}

#[tokio::test]
async fn wishes_wake_the_worker() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let mut listener = db.store().system().listen(&["segue_work"]).await.unwrap();
    one.deploy(release_spec('a')).await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(30), listener.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((heard.channel(), heard.payload()), ("segue_work", ""));
}
