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
