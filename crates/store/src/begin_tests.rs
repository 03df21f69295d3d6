use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::PgPoolOptions;

use super::begin;
use crate::testing::TestDb;

/// One connection, so that what is left on it is found by the next user.
#[tokio::test]
async fn a_beginning_that_is_dropped_leaves_no_transaction() {
    let db = TestDb::new().await.unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(db.connect_options())
        .await
        .unwrap();
    let mut dropped = 0;
    for step in 0..300_u64 {
        let patience = Duration::from_micros(step * 5);
        // The runtime's timer is too coarse for this: the wait is a thread's, beside the runtime.
        let waited = tokio::task::spawn_blocking(move || {
            let start = std::time::Instant::now();
            while start.elapsed() < patience {
                std::hint::spin_loop();
            }
        });
        tokio::select! {
            biased;
            opened = begin(&pool) => drop(opened.unwrap()),
            _ = waited => dropped += 1,
        }
        let open: bool = sqlx::raw_sql("select now() < statement_timestamp()")
            .fetch_one(&pool)
            .await
            .unwrap()
            .get(0);
        assert!(!open, "step {step}: somebody's transaction is still open");
    }
    assert!(dropped > 0, "nothing was dropped, so nothing was tried");
}
