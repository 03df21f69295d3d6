//! Migrations: forward only, run by `segue migrate` and at the start of `segue serve`, never by servers.

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::error::StoreError;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Runs the migrations that are missing. Two that run at once wait for each other.
///
/// # Errors
/// [`StoreError::Unavailable`] or [`StoreError::Migrate`].
pub async fn migrate(connect: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect_with(connect).await?;
    MIGRATOR.run(&mut connection).await?;
    // Partitions of today and the next days; nothing is dropped here.
    sqlx::query("select log_partitions_keep((now() at time zone 'utc')::date, 3650)")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}

/// The version of the newest migration that this program knows.
#[must_use]
pub fn newest_migration() -> i64 {
    MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// Changes with every change of a migration, for templates of tests.
#[cfg(all(feature = "testing", feature = "queries"))]
pub(crate) fn fingerprint() -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};

    let mut hasher = DefaultHasher::new();
    for migration in MIGRATOR.iter() {
        migration.checksum.hash(&mut hasher);
    }
    hasher.finish()
}
