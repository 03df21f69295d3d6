//! The durable dirty set: what needs a look. A hint only; the sweep puts everything in from time to time.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::id::{EnvironmentId, HostId};

use super::SystemStore;
use crate::error::{StoreError, corrupt};

/// Something that is reconciled on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkUnit {
    /// An environment.
    Environment(EnvironmentId),
    /// A host.
    Host(HostId),
}

impl WorkUnit {
    fn kind(self) -> &'static str {
        match self {
            Self::Environment(_) => "environment",
            Self::Host(_) => "host",
        }
    }

    fn uuid(self) -> uuid::Uuid {
        match self {
            Self::Environment(id) => id.as_uuid(),
            Self::Host(id) => id.as_uuid(),
        }
    }
}

/// A unit that is due, as of this sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkItem {
    /// What.
    pub unit: WorkUnit,
    /// Changed whenever somebody marks the unit again.
    pub seq: i64,
}

impl SystemStore {
    /// Units of these shards that are due, the longest due first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn work_due(&self, shards: &[u8], limit: u32) -> Result<Vec<WorkItem>, StoreError> {
        let shards: Vec<i16> = shards.iter().copied().map(i16::from).collect();
        sqlx::query!(
            "
            select unit, kind, seq
            from work
            where shard = any($1) and due_at <= clock_timestamp()
            order by due_at
            limit $2
            ",
            &shards,
            i64::from(limit),
        )
        .fetch_all(&self.inner.system)
        .await?
        .into_iter()
        .map(|row| {
            let unit = match row.kind.as_str() {
                "environment" => WorkUnit::Environment(EnvironmentId::from_uuid(row.unit)),
                "host" => WorkUnit::Host(HostId::from_uuid(row.unit)),
                _ => return Err(corrupt("work kind")(row.kind)),
            };
            Ok(WorkItem { unit, seq: row.seq })
        })
        .collect()
    }

    /// Says that a unit was looked at: it leaves the set, or comes back at `next`, unless somebody marked
    /// it meanwhile.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn work_done(
        &self,
        item: WorkItem,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        match next {
            Some(next) => {
                sqlx::query!(
                    "
                    update work
                    set due_at = $3
                    where unit = $1 and seq = $2
                    ",
                    item.unit.uuid(),
                    item.seq,
                    next.to_sqlx() as _,
                )
                .execute(&self.inner.system)
                .await?
            }
            None => {
                sqlx::query!(
                    "
                    delete from work
                    where unit = $1 and seq = $2
                    ",
                    item.unit.uuid(),
                    item.seq,
                )
                .execute(&self.inner.system)
                .await?
            }
        };
        Ok(())
    }

    /// Marks a unit for a look, now or later, and wakes the workers.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn work_add(&self, unit: WorkUnit, due: Option<Timestamp>) -> Result<(), StoreError> {
        sqlx::query!(
            "
            select work_add($1, $2, coalesce($3, clock_timestamp()))
            ",
            unit.uuid(),
            unit.kind(),
            due.map(ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        )
        .fetch_one(&self.inner.system)
        .await?;
        Ok(())
    }

    /// Marks every environment of these shards that may have something running or wished: the sweep. What
    /// is marked already stays as it is. Returns how many were added.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn work_sweep(&self, shards: &[u8]) -> Result<u64, StoreError> {
        let shards: Vec<i32> = shards.iter().copied().map(i32::from).collect();
        Ok(sqlx::query!(
            "
            insert into work (unit, kind, shard)
            select e.id, 'environment', get_byte(uuid_send(e.id), 15) % 16
            from environments e
            where get_byte(uuid_send(e.id), 15) % 16 = any($1)
                and (
                    e.deleted_at is null
                    or exists (select from routes r where r.environment_id = e.id and not r.removed)
                    or exists (select from subnets s where s.environment_id = e.id and s.released_at is null)
                )
            on conflict (unit) do nothing
            ",
            &shards,
        )
        .execute(&self.inner.system)
        .await?
        .rows_affected())
    }

    /// When the next unit of these shards is due; `None` if none waits.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn work_next(&self, shards: &[u8]) -> Result<Option<Timestamp>, StoreError> {
        let shards: Vec<i16> = shards.iter().copied().map(i16::from).collect();
        let next = sqlx::query_scalar!(
            r#"
            select min(due_at) as "due_at"
            from work
            where shard = any($1)
            "#,
            &shards,
        )
        .fetch_one(&self.inner.system)
        .await?;
        Ok(next.map(jiff_sqlx::Timestamp::to_jiff))
    }
}
