//! Work: the durable set of units that need a look. A wake-up, a back-off and a retry are all one row here.
//!
//! Level-triggered: a row says only *that* a unit is to be looked at. It goes away when the look that read
//! its `seq` has ended and nothing was added meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::id::EnvironmentId;
use sqlx::postgres::PgListener;
use uuid::Uuid;

use super::SystemStore;
use crate::decode;
use crate::error::StoreError;
use crate::text_enum;

/// Shares that the work is divided into; each is led by one worker.
pub const WORK_SHARDS: i16 = 16;

text_enum! {
    /// What a unit is.
    WorkKind {
        /// An environment.
        Environment = "environment",
        /// A host.
        Host = "host",
    }
}

/// A unit that needs a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// Its id, of the kind that `kind` says.
    pub unit: Uuid,
    /// What it is.
    pub kind: WorkKind,
    /// Whose share it is.
    pub share: i16,
    /// Raised whenever it is added again.
    pub seq: i64,
    /// When it is due.
    pub due_at: Timestamp,
}

impl SystemStore {
    /// Units of these shares that are due now, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn work_due(&self, shares: &[i16], limit: u32) -> Result<Vec<WorkItem>, StoreError> {
        let rows = sqlx::query!(
            "
            select unit, kind, shard, seq, due_at
            from work
            where shard = any ($1) and due_at <= now()
            order by due_at, unit
            limit $2
            ",
            shares,
            i64::from(limit),
        )
        .fetch_all(&self.inner.system)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(WorkItem {
                    unit: row.unit,
                    kind: decode::text(&row.kind, "work kind")?,
                    share: super::lease::share(row.shard)?,
                    seq: row.seq,
                    due_at: row.due_at.to_jiff(),
                })
            })
            .collect()
    }

    /// Ends a look: the row goes away, or waits for `next`, unless it was added again meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn work_done(
        &self,
        item: &WorkItem,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        match next {
            None => {
                sqlx::query!(
                    "
                    delete from work
                    where unit = $1 and seq = $2
                    ",
                    item.unit,
                    item.seq,
                )
                .execute(&self.inner.system)
                .await?;
            }
            Some(next) => {
                sqlx::query!(
                    "
                    update work
                    set due_at = $3
                    where unit = $1 and seq = $2
                    ",
                    item.unit,
                    item.seq,
                    next.to_sqlx() as _,
                )
                .execute(&self.inner.system)
                .await?;
            }
        }
        Ok(())
    }

    /// Adds an environment, due after `delay`, and wakes the workers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn work_add(
        &self,
        environment: EnvironmentId,
        delay: Duration,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            select work_add($1, 'environment', now() + make_interval(secs => $2))
            ",
            environment.as_uuid(),
            delay.as_secs_f64(),
        )
        .fetch_one(&self.inner.system)
        .await?;
        Ok(())
    }

    /// A page of the environments of these shares that are not gone, in order of id, for the sweep.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn environments_page(
        &self,
        shares: &[i16],
        after: Option<EnvironmentId>,
        limit: u32,
    ) -> Result<Vec<EnvironmentId>, StoreError> {
        let rows = sqlx::query_scalar!(
            "
            select e.id
            from environments e
            where (e.deleted_at is null or exists (
                    select from subnets s where s.environment_id = e.id and s.released_at is null
                ))
                and (get_byte(uuid_send(e.id), 15) % 16) = any ($1::int[])
                and ($2::uuid is null or e.id > $2)
            order by e.id
            limit $3
            ",
            &shares
                .iter()
                .map(|share| i32::from(*share))
                .collect::<Vec<_>>(),
            after.map(EnvironmentId::as_uuid),
            i64::from(limit),
        )
        .fetch_all(&self.inner.system)
        .await?;
        Ok(rows.into_iter().map(EnvironmentId::from_uuid).collect())
    }

    /// Notifications of the channels `segue_work`, `segue_events` and `segue_routes`: hints without content.
    /// After a reconnect look at everything; what was notified meanwhile is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn listen(&self, channels: &[&'static str]) -> Result<PgListener, StoreError> {
        let pool = &self.inner.system;
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen_all(channels.iter().copied()).await?;
        Ok(listener)
    }
}
