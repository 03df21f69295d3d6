//! Commits a plan: every decision of it in one transaction that is fenced by the lease, or nothing.
//!
//! The commit applies changes as they are and decides nothing, but it refuses what was decided on a world
//! that has moved: another generation, another serial, a rollout in another state, a host without room, an
//! address that was given meanwhile. The caller then loads the world and plans again.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::change::{Changes, Reason};
use segue_model::id::EnvironmentId;
use segue_model::world::World;

use super::SystemStore;
use super::commit_rows as rows;
use super::lease::{self, Lease};
use crate::decode;
use crate::error::StoreError;

/// What a plan wants written.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// The world it was planned from.
    pub world: &'a World,
    /// Its changes.
    pub changes: &'a Changes,
    /// Why something waits, for people.
    pub reasons: &'a [Reason],
    /// When the passing of time alone changes the plan.
    pub next_check: Option<Timestamp>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Events that were added.
    pub events: usize,
}

impl SystemStore {
    /// Commits a plan's changes and adds the environment to the work, so that what follows from them is done
    /// even if this worker is gone the next moment.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] and [`StoreError::Superseded`]: nothing was written.
    /// [`StoreError::Exhausted`] when no subnet is free.
    pub async fn commit(&self, lease: &Lease, commit: Commit<'_>) -> Result<Committed, StoreError> {
        let Commit { world, changes, .. } = commit;
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        lease::fence(&mut tx, lease).await?;
        let row = sqlx::query!(
            "
            select e.generation, s.next_serial
            from environments e
            join environment_status s on s.environment_id = e.id
            where e.id = $1
            for share of e
            for update of s
            ",
            world.environment.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        if row.generation != world.generation {
            return Err(superseded("generation"));
        }
        if decode::number::<i64, u64>(row.next_serial, "serial")? != world.next_serial {
            return Err(superseded("serial"));
        }
        rows::subnets(&mut tx, world, &changes.subnets).await?;
        rows::instances(&mut tx, world, &changes.instances).await?;
        rows::created(&mut tx, world, &changes.create).await?;
        rows::rollouts(&mut tx, world, &changes.rollouts).await?;
        super::run::commit(&mut tx, world, &changes.runs).await?;
        if let Some(routes) = &changes.routes {
            rows::routes(&mut tx, world, routes).await?;
        }
        rows::stable(&mut tx, world, &changes.stable).await?;
        rows::events(&mut tx, world, &changes.events).await?;
        let placed = changes.runs.iter().filter(|run| run.place.is_some());
        let serials = changes.create.len() + placed.count();
        let serials = decode::number::<usize, i64>(serials, "serial")?;
        sqlx::query!(
            "
            update environment_status
            set next_serial = next_serial + $2,
                observed_generation = $3,
                serving_release_id = coalesce($4, serving_release_id),
                stable_release_id = coalesce($5, stable_release_id),
                reasons = $6,
                planned_at = now(),
                check_at = $7
            where environment_id = $1
            ",
            world.environment.as_uuid(),
            serials,
            world.generation,
            changes.serving.map(segue_model::id::ReleaseId::as_uuid),
            changes.stable.last().map(|release| release.as_uuid()),
            decode::to_json(&commit.reasons, "reasons")?,
            decode::sql_time(commit.next_check) as _,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "select work_add($1, 'environment', now())",
            world.environment.as_uuid()
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Committed {
            events: changes.events.len(),
        })
    }

    /// Writes reasons and the next check of a plan without changes, if they differ from what is written.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: nothing was written. [`StoreError::Unavailable`].
    pub async fn explain(
        &self,
        lease: &Lease,
        environment: EnvironmentId,
        generation: i64,
        reasons: &[Reason],
        next_check: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        lease::fence(&mut tx, lease).await?;
        sqlx::query!(
            "
            update environment_status
            set reasons = $2, check_at = $3, observed_generation = greatest(observed_generation, $4), planned_at = now()
            where environment_id = $1
                and (reasons <> $2 or check_at is distinct from $3 or observed_generation < $4)
            ",
            environment.as_uuid(),
            decode::to_json(&reasons, "reasons")?,
            next_check.map(ToSqlx::to_sqlx) as _,
            generation,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(super) fn superseded(what: &str) -> StoreError {
    StoreError::Superseded {
        what: what.to_owned(),
    }
}
