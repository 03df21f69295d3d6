//! Writing logs: pieces of at most 64 KiB, compressed here, redacted by the caller.

use bytes::Bytes;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::id::{BuildId, InstanceId};

use super::SystemStore;
use crate::decode;
use crate::error::{StoreError, corrupt};
use crate::team::LOG_CHUNK_BYTES;

/// Fast, and good enough for text.
const LEVEL: i32 = 3;

/// Whose output it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrigin {
    /// A container's.
    Instance(InstanceId),
    /// A build's.
    Build(BuildId),
}

/// A piece to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogChunk {
    /// Whose it is.
    pub origin: LogOrigin,
    /// Time of its first line.
    pub first_at: Timestamp,
    /// Time of its last line.
    pub last_at: Timestamp,
    /// How many lines.
    pub lines: u32,
    /// Lines that were dropped before it because a bound was reached.
    pub dropped: u64,
    /// The lines (NDJSON), redacted.
    pub data: Bytes,
}

impl SystemStore {
    /// Keeps pieces in one transaction and wakes who follows. Pieces of instances or builds that the store
    /// does not know are dropped.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a piece above the limit.
    pub async fn log_write(&self, chunks: &[NewLogChunk]) -> Result<(), StoreError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        for chunk in chunks {
            if chunk.data.len() > LOG_CHUNK_BYTES * 2 {
                return Err(StoreError::Invalid {
                    constraint: "log_chunk_bytes".to_owned(),
                });
            }
            let data = zstd::bulk::compress(&chunk.data, LEVEL).map_err(corrupt("log piece"))?;
            let lines: i32 = decode::number(chunk.lines, "lines")?;
            let dropped: i64 = decode::number(chunk.dropped, "dropped")?;
            let raw_bytes: i32 = decode::number(chunk.data.len(), "length")?;
            match chunk.origin {
                LogOrigin::Instance(instance) => {
                    sqlx::query!(
                        "
                        insert into log_chunks (team_id, app_id, environment_id, service, instance_id, first_at, last_at, lines, dropped,
                            raw_bytes, data)
                        select team_id, app_id, environment_id, service, id, $2, $3, $4, $5, $6, $7
                        from instances
                        where id = $1
                        ",
                        instance.as_uuid(),
                        chunk.first_at.to_sqlx() as _,
                        chunk.last_at.to_sqlx() as _,
                        lines,
                        dropped,
                        raw_bytes,
                        data,
                    )
                    .execute(&mut *tx)
                    .await?
                }
                LogOrigin::Build(build) => {
                    sqlx::query!(
                        "
                        insert into log_chunks (team_id, app_id, environment_id, build_id, first_at, last_at, lines, dropped, raw_bytes, data)
                        select team_id, app_id, environment_id, id, $2, $3, $4, $5, $6, $7
                        from builds
                        where id = $1
                        ",
                        build.as_uuid(),
                        chunk.first_at.to_sqlx() as _,
                        chunk.last_at.to_sqlx() as _,
                        lines,
                        dropped,
                        raw_bytes,
                        data,
                    )
                    .execute(&mut *tx)
                    .await?
                }
            };
        }
        sqlx::query!("select pg_notify('segue_logs', '')")
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The newest time that is kept of an instance's log: a collector that starts again goes on behind it.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn log_last_at(&self, instance: InstanceId) -> Result<Option<Timestamp>, StoreError> {
        let last = sqlx::query_scalar!(
            r#"
            select max(c.last_at) as "last_at"
            from log_chunks c
            join instances i on i.id = $1 and c.environment_id = i.environment_id
            where c.instance_id = $1
            "#,
            instance.as_uuid(),
        )
        .fetch_one(&self.inner.system)
        .await?;
        Ok(last.map(jiff_sqlx::Timestamp::to_jiff))
    }
}
