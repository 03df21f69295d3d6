//! What a rollout is judged by: requests that edges counted, ends whose words are due.

use std::time::Duration;

use segue_model::change::Changes;
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{EdgeId, ReleaseId};
use segue_model::internal::{CountRow, Report};
use segue_model::route::{RequestCounts, RouteGen};
use segue_model::state::{DeploymentState, Observed};
use segue_store::testing::{TestDb, release_spec};
use segue_store::{Observation, WORK_SHARDS, fresh_id};
use sqlx::Executor;

use crate::support::{begin, commit, created, placed, world};

const LEASE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_running_rollouts_requests_are_in_the_world_and_wake_its_environment() {
    let db = TestDb::new().await.unwrap();
    let (one, _, lease) = placed(&db, "one").await;
    let system = db.store().system();
    let before = world(db.store(), &one).await;
    let old = before.deployments[&1].clone();
    // The first one has ended; the second one leads away from its release.
    let mut ended = begin(&before, old.id);
    ended.rollout.state = DeploymentState::Succeeded;
    let changes = Changes {
        rollouts: vec![ended],
        ..Changes::default()
    };
    commit(db.store(), &lease, &before, &changes).await.unwrap();
    one.deploy(release_spec('b')).await.unwrap();
    let before = world(db.store(), &one).await;
    let new = before.deployments[&2].clone();
    let mut begun = begin(&before, new.id);
    begun.rollout.from = Some(old.release);
    let changes = Changes {
        rollouts: vec![begun],
        ..Changes::default()
    };
    commit(db.store(), &lease, &before, &changes).await.unwrap();
    assert!(world(db.store(), &one).await.traffic.is_empty());

    let edge = EdgeId::from_uuid(fresh_id());
    assert!(system.edge_join(edge, [1; 32]).await.unwrap());
    let row = |release: ReleaseId, route_gen: i64, failed: u64, class: usize| {
        let mut counts = RequestCounts {
            by_class: [0, 10, 0, 0, failed],
            broken: 1,
            ..RequestCounts::default()
        };
        counts.by_latency[class] = 11 + failed;
        CountRow {
            environment: one.environment,
            service: "web".parse().unwrap(),
            release: Some(release),
            route_gen: RouteGen(route_gen),
            counts,
        }
    };
    let mut admin = db.admin().await.unwrap();
    admin.execute("delete from work").await.unwrap();
    for number in 1..=2 {
        let report = Report {
            counts: vec![
                row(old.release, 1, 0, 0),
                row(new.release, 1, 2, 5),
                row(new.release, 2, 4, 12),
            ],
            report_number: number,
            ..Report::default()
        };
        system.edge_report(edge, &report, LEASE).await.unwrap();
    }
    let shares: Vec<i16> = (0..WORK_SHARDS).collect();
    let due = system.work_due(&shares, 10).await.unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    let seen = world(db.store(), &one).await;
    let traffic = &seen.traffic[&"web".parse().unwrap()];
    let (was, is) = (&traffic[&old.release], &traffic[&new.release]);
    assert_eq!(
        (was.total(), was.failed(), was.p95_us()),
        (22, 2, Some(1_000))
    );
    assert_eq!((is.total(), is.failed()), (56, 16));
    assert_eq!((is.by_latency[5], is.by_latency[12]), (26, 30));

    // What was counted before the rollout began is not the new release's, and nothing is loaded without a rollout.
    admin
        .execute("update request_counts set second = second - interval '5 minutes'")
        .await
        .unwrap();
    let seen = world(db.store(), &one).await;
    let traffic = &seen.traffic[&"web".parse().unwrap()];
    assert!(traffic.contains_key(&old.release) && !traffic.contains_key(&new.release));
    admin
        .execute("update rollouts set state = 'superseded', finished_at = now() where state = 'starting'")
        .await
        .unwrap();
    admin.execute("delete from work").await.unwrap();
    assert!(world(db.store(), &one).await.traffic.is_empty());
    let late = Report {
        counts: vec![row(old.release, 3, 0, 0)],
        report_number: 3,
        ..Report::default()
    };
    system.edge_report(edge, &late, LEASE).await.unwrap();
    assert!(system.work_due(&shares, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn words_are_due_from_the_first_end_until_they_are_read() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let system = db.store().system();
    let id = created(db.store(), &lease, &one, host).await.id;
    let end = |seq: i64, restarts: u32| Observation {
        restarts: Some(restarts),
        words_due: Some(true),
        ..Observation::new(id, seq, Observed::Started)
    };
    system.observe(&[end(1, 1)]).await.unwrap();
    let first = world(db.store(), &one).await.instances[&id].clone();
    let since = first.words_due_since.unwrap();
    assert!(first.words_due_until(since).is_some());
    system.observe(&[end(2, 2)]).await.unwrap();
    let second = world(db.store(), &one).await.instances[&id].clone();
    assert_eq!(
        (second.restarts, second.words_due_since),
        (2, Some(since)),
        "another end does not begin the wait anew"
    );
    let why = Failure {
        code: FailureCode::CommandNotFound,
        evidence: "exit code 127".to_owned(),
    };
    let read = Observation {
        words_due: Some(false),
        failure: Some(Some(why.clone())),
        ..end(3, 2)
    };
    system.observe(std::slice::from_ref(&read)).await.unwrap();
    let read_now = world(db.store(), &one).await.instances[&id].clone();
    assert_eq!(
        (read_now.words_due_since, read_now.failure),
        (None, Some(why))
    );
    let again = Observation { seq: 4, ..read };
    assert!(
        system.observe(&[again]).await.unwrap().is_empty(),
        "no news"
    );
}
