//! Pages of lists whose order is not that of one column.

use segue_model::change::Changes;
use segue_store::Page;
use segue_store::testing::TestDb;
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{commit, instance, placed, world};

#[tokio::test]
async fn instances_come_by_service_and_slot_and_the_gone_ones_last_and_newest_first() {
    let db = TestDb::new().await.unwrap();
    let (one, host, lease) = placed(&db, "one").await;
    let mut admin = db.admin().await.unwrap();
    for (serial, slot, gone) in [
        (1, 1, true),
        (2, 2, true),
        (3, 2, false),
        (4, 1, true),
        (5, 3, false),
        (6, 1, false),
    ] {
        let before = world(db.store(), &one).await;
        let octet = u8::try_from(serial).unwrap() + 1;
        let changes = Changes {
            create: vec![instance(&before, host, slot, serial, octet)],
            ..Changes::default()
        };
        commit(db.store(), &lease, &before, &changes).await.unwrap();
        if gone {
            let of = format!("select id from instances where serial = {serial}");
            for statement in [
                format!(
                    "update instances set desired = 'gone', reserved = false where serial = {serial}"
                ),
                format!(
                    "update instance_seen set state = 'gone', gone_at = now() where instance_id = ({of})"
                ),
            ] {
                admin.execute(AssertSqlSafe(statement)).await.unwrap();
            }
        }
    }
    let scope = one.scope();
    let read = async |gone: bool| {
        let (mut serials, mut after) = (Vec::new(), None);
        for _ in 0..10 {
            let page = Page { after, limit: 1 };
            let found = scope.instance_page(one.environment, None, gone, page).await;
            let found = found.unwrap();
            let Some(last) = found.last() else { break };
            serials.push(last.serial);
            after = Some(last.place());
        }
        serials
    };
    assert_eq!(read(false).await, [6, 3, 5]);
    assert_eq!(read(true).await, [6, 3, 5, 4, 2, 1]);
    let all = scope.instance_list(one.environment, true).await.unwrap();
    let all: Vec<_> = all.iter().map(|view| view.serial).collect();
    assert_eq!(all, [6, 3, 5, 4, 2, 1]);
}
