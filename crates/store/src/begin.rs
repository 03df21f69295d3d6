//! Opens transactions. Every transaction of the store begins here.
//!
//! Invariant: a caller that is dropped at any moment leaves no transaction open on a pooled connection.
//!
//! sqlx 0.9 sends `begin`, and counts the transaction only when the answer has been read. A future that is
//! dropped in between gives its connection back with a transaction that nobody knows of, and what the next user
//! of the connection writes is undone with it. So the answer is awaited by a task that nobody drops.

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr as _, SqlStr, Transaction};
use tracing::Instrument as _;

/// Begins a transaction on a connection of this pool. Dropped without a commit, it is rolled back.
///
/// # Errors
/// Those of sqlx: no connection in time, or a connection that broke.
pub(crate) async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    begin_with(pool, "begin".into_sql_str()).await
}

/// The same, bound to one team from its first statement on: row-level security sees no other. One message to the
/// database and back, because every request begins several.
///
/// # Errors
/// As [`begin`].
pub(crate) async fn begin_as(
    pool: &PgPool,
    team: uuid::Uuid,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    // Digits, letters a to f and dashes: nothing that could end the text.
    let bound = format!("begin; set local segue.team = '{}'", team.as_hyphenated());
    begin_with(pool, AssertSqlSafe(bound).into_sql_str()).await
}

async fn begin_with(
    pool: &PgPool,
    statement: SqlStr,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let pool = pool.clone();
    // Ends by itself: the pool's wait for a connection and the statement's own time are bounded. What it made
    // is dropped with the task when nobody waits any more, and that rolls back.
    let opened = tokio::spawn(
        async move {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that begins, where no caller can drop it"
            )]
            pool.begin_with(statement).await
        }
        .in_current_span(),
    );
    match opened.await {
        Ok(opened) => opened,
        Err(_stopped) => Err(sqlx::Error::WorkerCrashed),
    }
}

#[cfg(all(test, feature = "testing"))]
#[path = "begin_tests.rs"]
mod tests;
