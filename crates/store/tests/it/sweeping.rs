//! Retention: what is old goes exactly when it may, and nothing else does.

use segue_model::change::Changes;
use segue_model::id::{BuildId, EdgeId};
use segue_store::testing::{Fixture, TestDb, release_spec, release_spec_of_build};
use segue_store::{BuildInput, NewBuild, Retention, Swept, fresh_id};
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::support::{commit, instance, placed, world};

async fn sweep(db: &TestDb) -> Swept {
    let system = db.store().system();
    system.sweep(&Retention::default()).await.unwrap()
}

async fn run(admin: &mut PgConnection, statement: String) {
    admin.execute(AssertSqlSafe(statement)).await.unwrap();
}

async fn texts(admin: &mut PgConnection, query: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
        .fetch_all(admin)
        .await
        .unwrap()
}

const SERIALS: &str = "select serial::text from instances order by serial";

#[tokio::test]
async fn instances_go_when_they_are_gone_for_long_and_no_edge_has_an_old_table() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let mut admin = db.admin().await.unwrap();
    let ended = "update instances set desired = 'gone', reserved = false";
    // Serial, slot, days since it is gone, generation without it.
    for (serial, slot, days, unrouted) in [
        (1, 1, Some(8), "null"),
        (2, 1, Some(8), "5"),
        (3, 1, Some(6), "null"),
        (4, 1, None, "null"),
        (5, 1, Some(8), "null"),
        (6, 2, Some(8), "null"),
    ] {
        let before = world(db.store(), &one).await;
        let octet = u8::try_from(serial).unwrap() + 1;
        let changes = Changes {
            create: vec![instance(&before, host, slot, serial, octet)],
            ..Changes::default()
        };
        commit(db.store(), &lease, &before, &changes).await.unwrap();
        run(
            &mut admin,
            format!("{ended}, unrouted_gen = {unrouted} where serial = {serial}"),
        )
        .await;
        let state = match days {
            Some(days) => format!("'gone', gone_at = now() - interval '{days} days'"),
            // Let go, but its container may be there still.
            None => "'exited', exited_at = now() - interval '30 days'".to_owned(),
        };
        let seen = format!(
            "update instance_seen set state = {state} where instance_id = (select id from instances where serial = {serial})"
        );
        run(&mut admin, seen).await;
    }
    // An edge that is silent for long and that nobody removed has the table with serial 2 in it.
    let edge = EdgeId::from_uuid(fresh_id());
    let system = db.store().system();
    assert!(system.edge_join(edge, [1; 32]).await.unwrap());
    run(
        &mut admin,
        "update edges set lease_until = now() - interval '9 days'".to_owned(),
    )
    .await;

    assert_eq!(sweep(&db).await.instances, 1);
    // 3 is young, 4 may exist, 5 and 6 are the last ones of their slots.
    assert_eq!(texts(&mut admin, SERIALS).await, ["2", "3", "4", "5", "6"]);
    assert_eq!(sweep(&db).await.instances, 0);
    let held = "select host(i.address) from addresses a join instances i on i.id = a.instance_id where i.serial = 2";
    assert_eq!(texts(&mut admin, held).await.len(), 1, "its address rests");

    let acknowledge = |generation: u32| {
        format!(
            "insert into edge_acks (edge_id, environment_id, team_id, route_gen) values ('{}', '{}', '{}', {generation})
             on conflict (edge_id, environment_id) do update set route_gen = excluded.route_gen",
            edge.as_uuid(),
            one.environment.as_uuid(),
            one.team.as_uuid()
        )
    };
    run(&mut admin, acknowledge(4)).await;
    assert_eq!(sweep(&db).await.instances, 0);
    run(&mut admin, acknowledge(5)).await;
    assert_eq!(sweep(&db).await.instances, 1);
    assert_eq!(texts(&mut admin, SERIALS).await, ["3", "4", "5", "6"]);
}

#[tokio::test]
async fn answers_counts_and_names_go_after_their_time() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    one.deploy(release_spec('a')).await.unwrap();
    let mut admin = db.admin().await.unwrap();
    let (team, app, environment) = (
        one.team.as_uuid(),
        one.app.as_uuid(),
        one.environment.as_uuid(),
    );
    for (hours, what) in [(23, "young"), (25, "old")] {
        run(&mut admin, format!(
            "insert into idempotency (team_id, actor, key, route, body_hash, status, response, created_at)
             values ('{team}', 'test', '{what}', 'POST /', sha256(''), 201, '{{}}', now() - interval '{hours} hours')"
        )).await;
    }
    for hours in [47, 49] {
        run(&mut admin, format!(
            "insert into request_counts (team_id, environment_id, service, route_gen, second, by_class, edge_failed, broken, retries,
                latency_sum_us, latency_max_us, wait_max_us)
             values ('{team}', '{environment}', 'web', {hours}, now() - interval '{hours} hours', '{{0,0,0,0,0}}', 0, 0, 0, 0, 0, 0)"
        )).await;
    }
    let old = "now() - interval '8 days'";
    for (name, kind, state, deleted) in [
        ("old.example.com", "custom", "deleted", old),
        (
            "young.example.com",
            "custom",
            "deleted",
            "now() - interval '6 days'",
        ),
        // A generated name is never given to somebody else.
        ("generated.example.com", "generated", "deleted", old),
        ("active.example.com", "custom", "active", "null"),
    ] {
        run(&mut admin, format!(
            "insert into domains (id, team_id, app_id, environment_id, service, name, kind, state, created_at, deleted_at)
             values (gen_random_uuid(), '{team}', '{app}', '{environment}', 'web', '{name}', '{kind}', '{state}', {old}, {deleted})"
        )).await;
    }
    let work = "select seq::text from work order by seq";
    let waiting = texts(&mut admin, work).await;
    assert!(!waiting.is_empty());
    let swept = sweep(&db).await;
    assert_eq!((swept.idempotency, swept.counts, swept.domains), (1, 1, 1));
    let kept = texts(&mut admin, "select key from idempotency").await;
    assert_eq!(kept, ["young"]);
    let kept = texts(&mut admin, "select route_gen::text from request_counts").await;
    assert_eq!(kept, ["47"]);
    let custom = "select name from domains where name <> 'old.example.com' and name like '%.example.com' order by name";
    assert_eq!(
        texts(&mut admin, custom).await,
        [
            "active.example.com",
            "generated.example.com",
            "young.example.com"
        ]
    );
    assert_eq!(
        texts(&mut admin, work).await,
        waiting,
        "what is to be done goes only when it is done"
    );
    let again = sweep(&db).await;
    assert_eq!((again.idempotency, again.counts, again.domains), (0, 0, 0));
}

#[tokio::test]
async fn logs_outside_of_the_daily_partitions_go_by_age_too() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let mut admin = db.admin().await.unwrap();
    sweep(&db).await;
    // By whole days: 7 days before today are kept.
    for days in [0, 7, 8, 30] {
        run(&mut admin, format!(
            "insert into log_chunks (team_id, app_id, environment_id, build_id, first_at, last_at, lines, raw_bytes, data, written_at)
             values ('{}', '{}', '{}', gen_random_uuid(), now(), now(), {days}, 1, 'x',
                ((now() at time zone 'utc')::date - {days})::timestamp at time zone 'utc' + interval '1 second')",
            one.team.as_uuid(), one.app.as_uuid(), one.environment.as_uuid()
        )).await;
    }
    let astray = "select lines::text from log_chunks_rest order by log_chunks_rest.lines";
    assert_eq!(texts(&mut admin, astray).await, ["7", "8", "30"]);
    assert_eq!(sweep(&db).await.log_chunks, 2);
    let kept = texts(
        &mut admin,
        "select lines::text from log_chunks order by log_chunks.lines",
    )
    .await;
    assert_eq!(kept, ["0", "7"]);
}

#[tokio::test]
async fn a_source_stays_while_a_build_of_it_has_not_ended() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    let source = scope.source_begin(one.app).await.unwrap();
    scope.source_chunk_put(source, 0, b"source").await.unwrap();
    scope.source_finish(source, [1; 32], 6).await.unwrap();
    let build = BuildId::from_uuid(fresh_id());
    let new = NewBuild {
        id: build,
        input: BuildInput::Source(source),
        settings: serde_json::Value::Null,
    };
    let spec = release_spec_of_build(build);
    one.deploy_with(spec, vec![new]).await.unwrap();
    let mut admin = db.admin().await.unwrap();
    let age = "update sources set last_used_at = now() - interval '25 hours'";
    run(&mut admin, age.to_owned()).await;
    let age = "update chunks set created_at = now() - interval '2 hours'";
    run(&mut admin, age.to_owned()).await;
    let swept = sweep(&db).await;
    assert_eq!((swept.sources, swept.chunks), (0, 0));
    let end = "update build_status set state = 'cancelled', finished_at = now()";
    run(&mut admin, end.to_owned()).await;
    let swept = sweep(&db).await;
    assert_eq!((swept.sources, swept.chunks), (1, 1));
}
