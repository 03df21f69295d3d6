//! Versions of rows: whether anything at all was written, whatever it says.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row};

use super::{Result, TestDb};

impl TestDb {
    /// By table, a digest of which transactions wrote its rows and where they lie: any insert, update or delete
    /// changes it, an update to the same values too.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn row_versions(&self) -> Result<BTreeMap<String, String>> {
        let mut admin = self.admin().await?;
        let tables = sqlx::query(
            "select c.relname::text from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'",
        )
        .fetch_all(&mut admin)
        .await?;
        let mut versions = BTreeMap::new();
        for row in tables {
            let table: String = row.get(0);
            let statement = format!(
                "select coalesce(md5(string_agg(t.xmin::text || t.ctid::text, ',' order by t.ctid)), '') from {table} t"
            );
            let digest = sqlx::query_scalar(AssertSqlSafe(statement))
                .fetch_one(&mut admin)
                .await?;
            versions.insert(table, digest);
        }
        Ok(versions)
    }
}
