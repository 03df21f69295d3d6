//! Logs and events: nothing is missed, whatever the order of commits.

use bytes::Bytes;
use jiff::Timestamp;
use segue_store::testing::{Fixture, TestDb, release_spec};
use segue_store::{LogFilter, LogOrigin, NewLogChunk, Page, Retention};
use sqlx::{Connection, Executor};

use crate::support::{created, placed};

fn chunk(origin: LogOrigin, text: &str) -> NewLogChunk {
    NewLogChunk {
        origin,
        first_at: Timestamp::now(),
        last_at: Timestamp::now(),
        lines: 1,
        dropped: 2,
        data: Bytes::copy_from_slice(text.as_bytes()),
    }
}

#[tokio::test]
async fn logs_are_kept_paged_and_outlive_their_instance() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let two = Fixture::new(db.store(), "two").await.unwrap();
    let id = created(db.store(), &lease, &one, host).await.id;
    let system = db.store().system();
    for n in 0..5 {
        system
            .log_write(&[chunk(
                LogOrigin::Instance(id),
                &format!("line {n} {}", "x".repeat(1000)),
            )])
            .await
            .unwrap();
    }
    let scope = one.scope();
    let filter = LogFilter {
        instance: Some(id),
        ..LogFilter::default()
    };
    // Transactions of other tests on the same server hold back what is shown.
    let mut all = Vec::new();
    while all.len() < 5 {
        all = scope
            .log_read(one.environment, &filter, None, 100)
            .await
            .unwrap();
        tokio::task::yield_now().await;
    }
    let first = scope
        .log_read(one.environment, &filter, None, 2)
        .await
        .unwrap();
    assert!(first[0].data.starts_with(b"line 0 ") && first[1].data.starts_with(b"line 1 "));
    assert_eq!(
        (
            first[0].dropped,
            first[0].service.as_ref().unwrap().as_str()
        ),
        (2, "web")
    );
    let rest = scope
        .log_read(one.environment, &filter, Some(first[1].cursor), 100)
        .await
        .unwrap();
    assert_eq!(rest.len(), 3);
    let tail = scope
        .log_tail(one.environment, &filter, None, 2)
        .await
        .unwrap();
    assert!(tail[0].data.starts_with(b"line 3 ") && tail[1].data.starts_with(b"line 4 "));
    let earlier = scope
        .log_tail(one.environment, &filter, Some(tail[0].cursor), 2)
        .await
        .unwrap();
    assert!(earlier[1].data.starts_with(b"line 2 "));
    assert!(
        two.scope()
            .log_read(one.environment, &filter, None, 100)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(system.log_last_at(id).await.unwrap().is_some());
    let mut admin = db.admin().await.unwrap();
    let stored: i64 = sqlx::query_scalar("select sum(length(data)) from log_chunks")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(stored < 1000, "not compressed: {stored}");
    let misplaced: i64 = sqlx::query_scalar("select count(*) from log_chunks_rest")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(misplaced, 0, "today has a partition of its own");

    let keep = Retention {
        log_bytes_per_app: (stored - 1) as u64,
        ..Retention::default()
    };
    assert_eq!(system.sweep(&keep).await.unwrap().log_chunks, 1);
    let left = scope
        .log_read(one.environment, &filter, None, 100)
        .await
        .unwrap();
    assert!(
        left[0].data.starts_with(b"line 1 "),
        "the oldest goes first"
    );
}

#[tokio::test]
async fn old_partitions_go_as_a_whole() {
    let db = TestDb::new().await.unwrap();
    let mut admin = db.admin().await.unwrap();
    admin
        .execute("select log_partitions_keep((now() at time zone 'utc')::date - 30, 60)")
        .await
        .unwrap();
    let swept = db
        .store()
        .system()
        .sweep(&Retention::default())
        .await
        .unwrap();
    assert_eq!(swept.partitions, 3);
    assert_eq!(
        db.store()
            .system()
            .sweep(&Retention::default())
            .await
            .unwrap()
            .partitions,
        0
    );
}

#[tokio::test]
async fn an_event_that_commits_late_is_not_missed() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    // A slow transaction takes its place in the order now and commits later.
    let mut slow = db.admin().await.unwrap();
    let mut late = slow.begin().await.unwrap();
    let insert = format!(
        "insert into events (team_id, environment_id, kind, message, actor) values ('{}', '{}', 'test.late', 'late', 'test')",
        one.team.as_uuid(),
        one.environment.as_uuid()
    );
    late.execute(sqlx::AssertSqlSafe(insert)).await.unwrap();
    one.deploy(release_spec('a')).await.unwrap();
    let mut cursor = None;
    let mut kinds = Vec::new();
    let mut read = async |cursor: &mut Option<segue_store::EventCursor>| {
        let page = Page {
            after: *cursor,
            limit: 100,
        };
        for event in scope.event_list(None, None, page).await.unwrap() {
            *cursor = Some(event.cursor);
            kinds.push(event.kind);
        }
        kinds.clone()
    };
    let early = read(&mut cursor).await;
    assert!(
        !early.iter().any(|kind| kind == "deployment.created"),
        "shown before what may still come before it"
    );
    late.commit().await.unwrap();
    let mut all = read(&mut cursor).await;
    while !all.iter().any(|kind| kind == "deployment.created") {
        tokio::task::yield_now().await;
        all = read(&mut cursor).await;
    }
    for kind in ["test.late", "deployment.created"] {
        assert_eq!(
            all.iter().filter(|seen| *seen == kind).count(),
            1,
            "{kind} in {all:?}"
        );
    }
    let recent = one
        .scope()
        .event_recent(None, Some(one.environment), Page::first(1))
        .await
        .unwrap();
    assert_eq!(recent[0].kind, "deployment.created");
}
