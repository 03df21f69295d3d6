//! What time undoes: old sources, logs, idempotency rows, counts, instances.

use std::time::Duration;

use super::SystemStore;
use crate::error::StoreError;

/// Instances that one transaction takes away.
const INSTANCES_AT_ONCE: i64 = 1000;

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Logs, in whole days.
    pub log_days: u16,
    /// Logs of one app at most, compressed bytes.
    pub log_bytes_per_app: u64,
    /// Chunks of a source after its last use.
    pub source: Duration,
    /// Answers to idempotent requests.
    pub idempotency: Duration,
    /// Request counts by the second.
    pub counts: Duration,
    /// Instances that are gone.
    pub instances: Duration,
    /// Custom host names after they were given up.
    pub domains: Duration,
    /// Releases of an environment whose images are kept, whatever runs.
    pub releases: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            log_days: 7,
            log_bytes_per_app: 1 << 30,
            source: Duration::from_secs(24 * 3600),
            idempotency: Duration::from_secs(24 * 3600),
            counts: Duration::from_secs(48 * 3600),
            instances: Duration::from_secs(7 * 24 * 3600),
            domains: Duration::from_secs(7 * 24 * 3600),
            releases: 10,
        }
    }
}

/// What a sweep took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sources whose chunks were dropped.
    pub sources: u64,
    /// Chunks that no source needs.
    pub chunks: u64,
    /// Answers to idempotent requests.
    pub idempotency: u64,
    /// Request counts.
    pub counts: u64,
    /// Instances.
    pub instances: u64,
    /// Host names.
    pub domains: u64,
    /// Partitions made or dropped.
    pub partitions: u64,
    /// Log pieces that were too old, or of apps over their bound.
    pub log_chunks: u64,
}

impl SystemStore {
    /// Takes away what is old, in short transactions. Any number of workers may do it at once.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn sweep(&self, keep: &Retention) -> Result<Swept, StoreError> {
        let pool = &self.inner.system;
        let source = keep.source.as_secs_f64();
        let mut swept = Swept {
            sources: sqlx::query!(
                "
                update sources s
                set state = 'dropped', sha256 = coalesce(s.sha256, sha256(''::bytea)), size_bytes = coalesce(s.size_bytes, 0)
                where s.state in ('uploading', 'complete') and s.last_used_at < now() - $1 * interval '1 second'
                    and not exists (
                        select from builds b
                        join build_status t on t.build_id = b.id
                        where b.source_id = s.id and t.rank < 100
                    )
                ",
                source,
            )
            .execute(pool)
            .await?
            .rows_affected(),
            ..Swept::default()
        };
        sqlx::query!(
            "
            delete from source_chunks c
            using sources s
            where s.id = c.source_id and s.state = 'dropped'
            "
        )
        .execute(pool)
        .await?;
        // A chunk that an upload has just touched is young; see `source_chunk_put`.
        swept.chunks = sqlx::query!(
            "
            delete from chunks c
            where c.created_at < now() - interval '1 hour'
                and not exists (select from source_chunks s where s.team_id = c.team_id and s.digest = c.digest)
            "
        )
        .execute(pool)
        .await?
        .rows_affected();
        swept.idempotency = sqlx::query!(
            "
            delete from idempotency
            where created_at < now() - $1 * interval '1 second'
            ",
            keep.idempotency.as_secs_f64(),
        )
        .execute(pool)
        .await?
        .rows_affected();
        swept.counts = sqlx::query!(
            "
            delete from request_counts
            where second < now() - $1 * interval '1 second'
            ",
            keep.counts.as_secs_f64(),
        )
        .execute(pool)
        .await?
        .rows_affected();
        swept.instances = self.sweep_instances(keep).await?;
        swept.domains = sqlx::query!(
            "
            delete from domains
            where kind = 'custom' and state = 'deleted' and deleted_at < now() - $1 * interval '1 second'
            ",
            keep.domains.as_secs_f64(),
        )
        .execute(pool)
        .await?
        .rows_affected();
        let partitions = sqlx::query_scalar!(
            r#"
            select log_partitions_keep((now() at time zone 'utc')::date, $1) as "changed!"
            "#,
            i32::from(keep.log_days.max(1)),
        )
        .fetch_one(pool)
        .await?;
        swept.partitions = u64::try_from(partitions).unwrap_or(0);
        swept.log_chunks = self.sweep_logs(keep).await?;
        Ok(swept)
    }

    async fn sweep_instances(&self, keep: &Retention) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let piece = self.sweep_some_instances(keep).await?;
            removed += piece;
            if piece < INSTANCES_AT_ONCE.unsigned_abs() {
                return Ok(removed);
            }
        }
    }

    /// Instances that are gone for long and whose address nobody waits for. The last one of a slot stays.
    async fn sweep_some_instances(&self, keep: &Retention) -> Result<u64, StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        let old = sqlx::query_scalar!(
            "
            select i.id
            from instances i
            join instance_seen s on s.instance_id = i.id
            where s.state = 'gone' and s.gone_at < now() - $1 * interval '1 second'
                and (i.run_id is not null or exists (
                    select from instances younger
                    where younger.environment_id = i.environment_id and younger.service = i.service
                        and younger.slot = i.slot and younger.serial > i.serial and younger.run_id is null
                ))
                and not exists (
                    select from edges e
                    left join edge_acks a on a.edge_id = e.id and a.environment_id = i.environment_id
                    where e.removed_at is null and e.lease_until > '-infinity'
                        and coalesce(a.route_gen, 0) < i.unrouted_gen
                )
            limit $2
            ",
            keep.instances.as_secs_f64(),
            INSTANCES_AT_ONCE,
        )
        .fetch_all(&mut *tx)
        .await?;
        // The address has rested for long by then, and no edge has an old table with it (rule 9).
        sqlx::query!("delete from addresses where instance_id = any($1)", &old)
            .execute(&mut *tx)
            .await?;
        let removed = sqlx::query!("delete from instances where id = any($1)", &old)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(removed)
    }

    /// Pieces that are too old and lie outside of the daily partitions, and the oldest ones of apps that keep more
    /// than their bound.
    async fn sweep_logs(&self, keep: &Retention) -> Result<u64, StoreError> {
        let old = sqlx::query!(
            "
            delete from log_chunks
            where written_at < ((now() at time zone 'utc')::date - $1::int)::timestamp at time zone 'utc'
            ",
            i32::from(keep.log_days.max(1)),
        )
        .execute(&self.inner.system)
        .await?
        .rows_affected();
        let bound = i64::try_from(keep.log_bytes_per_app).unwrap_or(i64::MAX);
        let over = sqlx::query!(
            "
            delete from log_chunks c
            using (
                select written_at, id, sum(length(data)) over (partition by app_id order by written_at desc, id desc) as kept
                from log_chunks
            ) o
            where o.kept > $1 and c.written_at = o.written_at and c.id = o.id
            ",
            bound as _,
        )
        .execute(&self.inner.system)
        .await?
        .rows_affected();
        Ok(old + over)
    }
}
