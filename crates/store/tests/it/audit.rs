//! The audit chain shows a record that was changed, removed or moved.

use segue_store::testing::{Fixture, TestDb};
use segue_store::{AuditFilter, AuditVerdict, Page};
use sqlx::{Connection, Executor};

use crate::support::keys;

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
    assert_eq!(
        scope.audit_verify().await.unwrap(),
        AuditVerdict::Whole { records: 12 }
    );
    let newest = scope
        .audit_list(&AuditFilter::default(), Page::first(1))
        .await
        .unwrap();
    assert_eq!(
        (newest[0].seq, newest[0].action.as_str()),
        (12, "config_patch")
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
        ("delete from audit where seq = 12", 12),
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
            scope.audit_verify().await.unwrap(),
            AuditVerdict::Broken { seq: expected },
            "{tamper}"
        );
        admin
            .execute("delete from audit; insert into audit select * from kept; drop table kept")
            .await
            .unwrap();
    }
    assert_eq!(
        scope.audit_verify().await.unwrap(),
        AuditVerdict::Whole { records: 12 }
    );
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
    assert_eq!(
        one.scope().audit_verify().await.unwrap(),
        AuditVerdict::Whole { records: 22 }
    );
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
    let before = match one.scope().audit_verify().await.unwrap() {
        AuditVerdict::Whole { records } => records,
        broken => panic!("{broken:?}"),
    };
    db.fill_audit(one.team, 100_000).await.unwrap();
    let records = before + MANY;
    let begin = std::time::Instant::now();
    assert_eq!(
        one.scope().audit_verify().await.unwrap(),
        AuditVerdict::Whole { records }
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
            one.scope().audit_verify().await.unwrap(),
            AuditVerdict::Broken { seq },
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
    let AuditVerdict::Whole { records } = one.scope().audit_verify().await.unwrap() else {
        panic!("broken from the start");
    };
    admin.execute(forged).await.unwrap();
    assert_eq!(
        one.scope().audit_verify().await.unwrap(),
        AuditVerdict::Broken { seq: records + 1 }
    );
    // All records and the head gone, as if nothing had happened: no head, but what is left shows.
    admin.execute("delete from audit_heads").await.unwrap();
    assert_eq!(
        one.scope().audit_verify().await.unwrap(),
        AuditVerdict::Broken { seq: records + 1 }
    );
}
