//! The audit chain shows a record that was changed, removed or moved.

use segue_store::testing::{Fixture, TestDb};
use segue_store::{
    AUDIT_CHECKPOINT_EVERY, Actor, AuditCheckpoint, AuditFilter, AuditVerdict, Checkpointed,
    KeptRecord, Page, TeamContext,
};
use sqlx::{Connection, Executor, PgConnection};

use crate::support::keys;

/// A chain without checkpoints.
fn whole(records: i64) -> AuditVerdict {
    AuditVerdict::Whole {
        records,
        checkpoints: 0,
        newest: None,
    }
}

/// A chain that shows by itself where it is broken.
fn broken(seq: i64) -> AuditVerdict {
    AuditVerdict::Broken {
        seq,
        checkpoint: None,
    }
}

#[tokio::test]
async fn one_record_changed_removed_or_moved_is_found() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    for n in 0..10 {
        let value = n.to_string();
        let patch = keys(&[("N", Some(value.as_str()))]);
        scope
            .config_patch(one.environment, None, &patch, None)
            .await
            .unwrap();
    }
    assert_eq!(scope.audit_verify(None).await.unwrap(), whole(13));
    let newest = scope
        .audit_list(&AuditFilter::default(), Page::first(1))
        .await
        .unwrap();
    assert_eq!(
        (newest[0].seq, newest[0].action.as_str()),
        (13, "config_patch")
    );
    assert_eq!(newest[0].actor, one.owner.to_string());

    let mut admin = db.admin().await.unwrap();
    admin
        .execute("alter table audit disable trigger all")
        .await
        .unwrap();
    let tampers = [
        (
            "update audit set detail = '{\"keys\": []}' where seq = 7",
            7,
        ),
        ("update audit set actor = 'usr_x' where seq = 3", 3),
        (
            "update audit set at = at + interval '1 microsecond' where seq = 5",
            5,
        ),
        ("delete from audit where seq = 6", 6),
        ("delete from audit where seq = 13", 13),
        (
            "update audit set seq = case seq when 4 then 104 else seq end",
            4,
        ),
        (
            "update audit a set action = b.action, detail = b.detail from audit b where a.seq = 8 and b.seq = 1",
            8,
        ),
    ];
    for (tamper, expected) in tampers {
        admin
            .execute("create table kept as select * from audit")
            .await
            .unwrap();
        let mut tx = admin.begin().await.unwrap();
        tx.execute(tamper).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            scope.audit_verify(None).await.unwrap(),
            broken(expected),
            "{tamper}"
        );
        admin
            .execute("delete from audit; insert into audit select * from kept; drop table kept")
            .await
            .unwrap();
    }
    assert_eq!(scope.audit_verify(None).await.unwrap(), whole(13));
}

#[tokio::test]
async fn writes_at_once_make_one_chain() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let scope = one.scope();
            let environment = one.environment;
            tokio::spawn(async move {
                let key = format!("K{n}");
                scope
                    .config_patch(environment, None, &keys(&[(key.as_str(), Some("1"))]), None)
                    .await
                    .unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(one.scope().audit_verify(None).await.unwrap(), whole(23));
    assert_eq!(
        one.scope()
            .config_get(one.environment)
            .await
            .unwrap()
            .unwrap()
            .config
            .len(),
        20
    );
}

#[tokio::test]
async fn one_of_a_hundred_thousand_changed_removed_or_moved_is_named() {
    const MANY: i64 = 100_000;
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let before = match one.scope().audit_verify(None).await.unwrap() {
        AuditVerdict::Whole { records, .. } => records,
        broken => panic!("{broken:?}"),
    };
    db.fill_audit(one.team, 100_000).await.unwrap();
    let records = before + MANY;
    let begin = std::time::Instant::now();
    assert_eq!(
        one.scope().audit_verify(None).await.unwrap(),
        whole(records)
    );
    println!("{records} records verified in {:?}", begin.elapsed());
    let mut admin = db.admin().await.unwrap();
    admin
        .execute("alter table audit disable trigger all")
        .await
        .unwrap();
    // Each nearer to the beginning than the one before, so that each is the first that is found.
    for (seq, tamper) in [
        (
            100_001,
            "insert into audit select team_id, 200000, at, actor, action, resource, detail, request_id, address, \
             previous_hash, hash from audit where seq = 90000; delete from audit where seq >= 100001 and seq < 200000",
        ),
        (
            90_000,
            "update audit set detail = jsonb_set(detail, '{number}', '1') where seq = 90000",
        ),
        (60_000, "delete from audit where seq = 60000"),
        (
            30_000,
            "update audit set seq = 300000 where seq = 30000; \
             update audit set seq = 30000 where seq = 40000; \
             update audit set seq = 40000 where seq = 300000",
        ),
        (
            1,
            "update audit set at = at - interval '1 hour' where seq = 1",
        ),
    ] {
        admin.execute(tamper).await.unwrap();
        assert_eq!(
            one.scope().audit_verify(None).await.unwrap(),
            broken(seq),
            "{tamper}"
        );
    }
}

#[tokio::test]
async fn records_behind_the_head_are_found() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let mut admin = db.admin().await.unwrap();
    let forged = "insert into audit select team_id, seq + 1, at, actor, action, resource, detail, request_id, address, \
                  hash, previous_hash from audit order by seq desc limit 1";
    let AuditVerdict::Whole { records, .. } = one.scope().audit_verify(None).await.unwrap() else {
        panic!("broken from the start");
    };
    admin.execute(forged).await.unwrap();
    assert_eq!(
        one.scope().audit_verify(None).await.unwrap(),
        broken(records + 1)
    );
    // All records and the head gone, as if nothing had happened: no head, but what is left shows.
    admin.execute("delete from audit_heads").await.unwrap();
    assert_eq!(
        one.scope().audit_verify(None).await.unwrap(),
        broken(records + 1)
    );
}

/// Signs the end of a chain.
async fn sign(db: &TestDb, one: &Fixture) -> AuditCheckpoint {
    match db.store().system().audit_checkpoint(one.team).await {
        Ok(Some(Checkpointed::Signed { checkpoint, .. })) => checkpoint,
        other => panic!("{other:?}"),
    }
}

/// A superuser who takes the locks off first.
async fn intruder(db: &TestDb) -> PgConnection {
    let mut admin = db.admin().await.unwrap();
    for table in ["audit", "audit_checkpoints"] {
        let statement = format!("alter table {table} disable trigger all");
        admin.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    admin
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_by_what_was_signed_and_by_what_was_kept() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    db.fill_audit(one.team, 20).await.unwrap();
    let first = sign(&db, &one).await;
    db.fill_audit(one.team, 10).await.unwrap();
    let second = sign(&db, &one).await;
    assert_eq!((first.number, first.seq), (1, 23));
    assert_eq!((second.number, second.seq), (2, 33));
    // What was added since is not signed, and is fine.
    db.fill_audit(one.team, 5).await.unwrap();
    let verify = async |kept| one.scope().audit_verify(kept).await.unwrap();
    assert_eq!(
        verify(None).await,
        AuditVerdict::Whole {
            records: 38,
            checkpoints: 2,
            newest: Some(Box::new(second.clone())),
        }
    );
    // Somebody takes the end off and moves the head, so that the chain by itself is whole.
    let mut admin = intruder(&db).await;
    let cut = "delete from audit where seq > 30;
        update audit_heads h set seq = 30, hash = a.hash from audit a where a.seq = 30 and a.team_id = h.team_id";
    admin.execute(cut).await.unwrap();
    let found = AuditVerdict::Broken {
        seq: 31,
        checkpoint: Some(2),
    };
    assert_eq!(verify(None).await, found);
    // Nothing is signed behind it.
    let system = db.store().system();
    let due = system.audit_due().await.unwrap();
    assert!(due.contains(&one.team), "{due:?}");
    let refused = system.audit_checkpoint(one.team).await.unwrap();
    let team = one.team;
    assert_eq!(refused, Some(Checkpointed::Broken { team, seq: 31 }));
    // He takes the checkpoint away too. Whoever kept it elsewhere finds out.
    admin
        .execute("delete from audit_checkpoints where number = 2")
        .await
        .unwrap();
    let kept = KeptRecord {
        seq: second.seq,
        hash: second.hash,
    };
    assert_eq!(verify(Some(kept)).await, broken(31));
    // All of it gone: what was signed once says that there was something.
    admin
        .execute("delete from audit; delete from audit_heads")
        .await
        .unwrap();
    let found = AuditVerdict::Broken {
        seq: 1,
        checkpoint: Some(1),
    };
    assert_eq!(verify(None).await, found);
}

#[tokio::test]
async fn a_chain_that_was_computed_anew_is_not_the_one_that_was_signed() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    db.fill_audit(one.team, 10).await.unwrap();
    let first = sign(&db, &one).await;
    db.fill_audit(one.team, 10).await.unwrap();
    sign(&db, &one).await;
    let verify = async |kept| one.scope().audit_verify(kept).await.unwrap();
    let mut admin = intruder(&db).await;
    // The whole chain again, made by the same rules over other things.
    admin
        .execute(
            "create table kept as select * from audit; create table kept_heads as select * from audit_heads;
             delete from audit; update audit_heads set seq = 0, hash = decode(repeat('00', 32), 'hex')",
        )
        .await
        .unwrap();
    db.fill_audit(one.team, 23).await.unwrap();
    let at_first = AuditVerdict::Broken {
        seq: first.seq,
        checkpoint: Some(1),
    };
    assert_eq!(verify(None).await, at_first);
    let refused = db.store().system().audit_checkpoint(one.team).await;
    assert!(
        matches!(refused, Ok(None | Some(Checkpointed::Broken { .. }))),
        "{refused:?}"
    );
    // With checkpoints that say so; the signatures cannot.
    admin
        .execute("update audit_checkpoints c set hash = a.hash from audit a where a.seq = c.seq")
        .await
        .unwrap();
    assert_eq!(verify(None).await, at_first);
    // Without them, what was kept does.
    admin
        .execute(
            "create table kept_checkpoints as select * from audit_checkpoints; delete from audit_checkpoints",
        )
        .await
        .unwrap();
    assert_eq!(verify(None).await, whole(23));
    let kept = KeptRecord {
        seq: first.seq,
        hash: first.hash,
    };
    assert_eq!(verify(Some(kept)).await, broken(first.seq));
    // A checkpoint in the middle that is missing shows, in a chain that is the true one.
    admin
        .execute(
            "delete from audit; delete from audit_heads; insert into audit select * from kept;
             insert into audit_heads select * from kept_heads;
             insert into audit_checkpoints select * from kept_checkpoints where number = 2",
        )
        .await
        .unwrap();
    assert!(matches!(
        verify(None).await,
        AuditVerdict::Broken {
            checkpoint: Some(1),
            ..
        }
    ));
}

#[tokio::test]
async fn ends_are_signed_at_the_beginning_often_and_once_a_day() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let system = db.store().system();
    let due = async || system.audit_due().await.unwrap().contains(&one.team);
    assert!(due().await, "a new chain");
    sign(&db, &one).await;
    assert!(!due().await);
    assert_eq!(system.audit_checkpoint(one.team).await.unwrap(), None);
    let many = usize::try_from(AUDIT_CHECKPOINT_EVERY).unwrap();
    db.fill_audit(one.team, many - 1).await.unwrap();
    assert!(!due().await);
    db.fill_audit(one.team, 1).await.unwrap();
    assert!(due().await);
    // Of several who sign at once, one does.
    let at_once = (0..5).map(|_| system.audit_checkpoint(one.team));
    let made = futures::future::join_all(at_once).await;
    let made = made
        .into_iter()
        .filter(|made| made.as_ref().unwrap().is_some());
    assert_eq!(made.count(), 1);
    let mut admin = intruder(&db).await;
    admin
        .execute("update audit_checkpoints set at = at - interval '25 hours'")
        .await
        .unwrap();
    assert!(!due().await, "there is nothing new");
    // The time was signed too.
    let found = one.scope().audit_verify(None).await.unwrap();
    assert!(matches!(
        found,
        AuditVerdict::Broken {
            checkpoint: Some(1),
            ..
        }
    ));
    db.fill_audit(one.team, 1).await.unwrap();
    assert!(due().await, "a day has gone by");
    // The installation has a chain of its own: people are made in it.
    let installation = TeamContext::platform(Actor::System("test"));
    let own = db.store().team(&installation);
    let AuditVerdict::Whole { records, .. } = own.audit_verify(None).await.unwrap() else {
        panic!("broken");
    };
    assert_eq!(records, 1);
    let log = own
        .audit_list(&AuditFilter::default(), Page::first(10))
        .await
        .unwrap();
    assert_eq!(log[0].action, "user_create");
    let chains = system.audit_chains().await.unwrap();
    assert_eq!(chains.len(), 2);
    assert_eq!(chains[1], (one.team, Some("one".to_owned())));
}
