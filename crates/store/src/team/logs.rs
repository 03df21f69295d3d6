//! Kept logs: compressed pieces, read page by page behind a cursor. They outlive their containers.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use jiff::Timestamp;
use segue_model::id::{BuildId, EnvironmentId, InstanceId};
use segue_model::name::ServiceName;

use super::TeamScope;
use super::records::{EventCursor, InvalidCursor};
use crate::decode;
use crate::error::{StoreError, corrupt};

/// Largest piece before compression.
pub const LOG_CHUNK_BYTES: usize = 64 << 10;
/// Nothing that we wrote inflates beyond this.
const INFLATED_LIMIT: usize = 4 << 20;

/// Place in the order of log pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct LogCursor(pub EventCursor);

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LogCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        text.parse().map(Self)
    }
}

/// Which logs.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Of this service only.
    pub service: Option<ServiceName>,
    /// Of this instance only.
    pub instance: Option<InstanceId>,
    /// Of this build only. Without it, builds are left out.
    pub build: Option<BuildId>,
    /// Pieces that end after this.
    pub since: Option<Timestamp>,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Its place.
    pub cursor: LogCursor,
    /// Whose it is.
    pub service: Option<ServiceName>,
    /// Whose it is.
    pub instance: Option<InstanceId>,
    /// Whose it is.
    pub build: Option<BuildId>,
    /// Time of its first line.
    pub first_at: Timestamp,
    /// Time of its last line.
    pub last_at: Timestamp,
    /// How many lines.
    pub lines: u32,
    /// Lines that were dropped before it.
    pub dropped: u64,
    /// The lines as their writer encoded them (NDJSON), inflated.
    pub data: Bytes,
}

impl TeamScope {
    /// Pieces behind a cursor, the oldest first; at most 100.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn log_read(
        &self,
        environment: EnvironmentId,
        filter: &LogFilter,
        after: Option<LogCursor>,
        limit: u32,
    ) -> Result<Vec<LogChunk>, StoreError> {
        self.log_page(environment, filter, after, None, limit).await
    }

    /// The last pieces before a cursor (or at all), the oldest first; at most 100.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn log_tail(
        &self,
        environment: EnvironmentId,
        filter: &LogFilter,
        before: Option<LogCursor>,
        limit: u32,
    ) -> Result<Vec<LogChunk>, StoreError> {
        let before = before.unwrap_or(LogCursor(EventCursor {
            xid: i64::MAX,
            seq: i64::MAX,
        }));
        let mut chunks = self
            .log_page(environment, filter, None, Some(before), limit)
            .await?;
        chunks.reverse();
        Ok(chunks)
    }

    async fn log_page(
        &self,
        environment: EnvironmentId,
        filter: &LogFilter,
        after: Option<LogCursor>,
        before: Option<LogCursor>,
        limit: u32,
    ) -> Result<Vec<LogChunk>, StoreError> {
        let backwards = before.is_some();
        let after = after.unwrap_or_default().0;
        let before = before.unwrap_or(LogCursor(EventCursor {
            xid: i64::MAX,
            seq: i64::MAX,
        }));
        let mut intent = self.begin().await?;
        let rows = sqlx::query!(
            r#"
            select xid::text::bigint as "xid!", id, service, instance_id, build_id, first_at, last_at, lines, dropped, data
            from log_chunks
            where team_id = $1 and environment_id = $2
                and ($3::text is null or service = $3)
                and ($4::uuid is null or instance_id = $4)
                and (($5::uuid is null and build_id is null) or build_id = $5)
                and ($6::timestamptz is null or last_at >= $6)
                and (xid, id) > ($7::text::xid8, $8::bigint)
                and (xid, id) < ($9::text::xid8, $10::bigint)
                and xid < pg_snapshot_xmin(pg_current_snapshot())
            order by case when $11 then xid end desc, case when $11 then id end desc, xid, id
            limit $12
            "#,
            intent.team(),
            environment.as_uuid(),
            filter.service.as_ref().map(ServiceName::as_str),
            filter.instance.map(InstanceId::as_uuid),
            filter.build.map(BuildId::as_uuid),
            decode::sql_time(filter.since) as _,
            after.xid.to_string(),
            after.seq,
            before.0.xid.to_string(),
            before.0.seq,
            backwards,
            i64::from(limit.clamp(1, 100)),
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        rows.into_iter()
            .map(|row| {
                let data = zstd::bulk::decompress(&row.data, INFLATED_LIMIT)
                    .map_err(corrupt("log piece"))?;
                Ok(LogChunk {
                    cursor: LogCursor(EventCursor {
                        xid: row.xid,
                        seq: row.id,
                    }),
                    service: row
                        .service
                        .map(|name| decode::text(&name, "service name"))
                        .transpose()?,
                    instance: row.instance_id.map(InstanceId::from_uuid),
                    build: row.build_id.map(BuildId::from_uuid),
                    first_at: row.first_at.to_jiff(),
                    last_at: row.last_at.to_jiff(),
                    lines: decode::number(row.lines, "lines")?,
                    dropped: decode::number(row.dropped, "dropped")?,
                    data: data.into(),
                })
            })
            .collect()
    }
}
