//! The end of environments: those whose time is over are marked as removed, as people do; of those that were removed
//! long ago, what they held is taken away.
//!
//! Invariants: a protected environment never expires; nothing is taken away before its addresses have rested and its
//! containers are gone. The row itself stays, with its generated names (nobody else may ever get them), its builds,
//! events and audit, and releases that others were promoted from, because those say where they came from.

use std::time::Duration;

use segue_model::id::EnvironmentId;

use super::SystemStore;
use crate::error::StoreError;

/// Environments of one round.
const AT_ONCE: i64 = 50;

impl SystemStore {
    /// Marks environments whose time is over as removed, gives back their names, tells and wakes. Answers which.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn environments_expire(&self) -> Result<Vec<EnvironmentId>, StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        let over = sqlx::query!(
            r#"
            update environments e
            set deleted_at = now(), generation = e.generation + 1
            where e.id in (
                select o.id
                from environments o
                where o.deleted_at is null and o.expires_at < now() and not o.protected
                order by o.expires_at
                limit $1
                for no key update skip locked
            )
            returning e.id, e.team_id, e.app_id, e.name
            "#,
            AT_ONCE,
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in &over {
            sqlx::query!(
                "
                update domains
                set state = 'deleted', deleted_at = now()
                where team_id = $1 and environment_id = $2 and state <> 'deleted'
                ",
                row.team_id,
                row.id,
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!(
                "
                insert into events (team_id, app_id, environment_id, kind, message, actor)
                values ($1, $2, $3, 'environment.expired', $4, 'segue/worker')
                ",
                row.team_id,
                row.app_id,
                row.id,
                format!("environment {} removed: its time is over", row.name),
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!("select work_add($1, 'environment', now())", row.id)
                .fetch_one(&mut *tx)
                .await?;
        }
        if !over.is_empty() {
            sqlx::query!("select pg_notify('segue_events', '')")
                .fetch_one(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(over
            .into_iter()
            .map(|row| EnvironmentId::from_uuid(row.id))
            .collect())
    }

    /// Takes away what environments held that were removed long ago, and answers how many. Runs that ended before
    /// `runs` are forgotten too, wherever they were.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn environments_purge(&self, runs: Duration) -> Result<u64, StoreError> {
        let old = sqlx::query_scalar!(
            "
            select e.id
            from environments e
            where e.deleted_at is not null and environment_rested(e.id)
                and exists (select from environment_status s where s.environment_id = e.id)
                and not exists (
                    select from instances i
                    join instance_seen s on s.instance_id = i.id
                    where i.environment_id = e.id and (i.desired <> 'gone' or s.state not in ('gone', 'lost'))
                )
                and not exists (select from subnets n where n.environment_id = e.id and n.released_at is null)
            order by e.deleted_at
            limit $1
            ",
            AT_ONCE,
        )
        .fetch_all(&self.inner.system)
        .await?;
        let mut purged = 0;
        for environment in old {
            match self.environment_purge(environment).await {
                Ok(()) => purged += 1,
                // Something still refers to it: it stays until that is gone.
                Err(StoreError::Invalid { constraint } | StoreError::Conflict { constraint }) => {
                    tracing::debug!(environment.id = %environment, constraint, "a removed environment stays for now");
                }
                Err(error) => return Err(error),
            }
        }
        self.runs_forget(runs).await?;
        Ok(purged)
    }

    async fn environment_purge(&self, environment: uuid::Uuid) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        macro_rules! away {
            ($($sql:literal)*) => {$(
                sqlx::query!($sql, environment).execute(&mut *tx).await?;
            )*};
        }
        away! {
            "delete from addresses where environment_id = $1"
            "delete from instances where environment_id = $1"
            "delete from subnets where environment_id = $1"
            "delete from run_status where environment_id = $1"
            "delete from runs where environment_id = $1"
            "delete from routes where environment_id = $1"
            "update app_refs r set deployment_id = null from deployments d where d.id = r.deployment_id and d.environment_id = $1"
            "delete from rollouts where environment_id = $1"
            "delete from deployments where environment_id = $1"
            "delete from environment_status where environment_id = $1"
            "delete from release_builds b using releases r
                where r.id = b.release_id and r.environment_id = $1
                    and not exists (select from releases o where o.origin_release_id = r.id)"
            "delete from releases r
                where r.environment_id = $1 and not exists (select from releases o where o.origin_release_id = r.id)"
            "delete from spec_versions where environment_id = $1"
            "delete from config_versions c
                where c.environment_id = $1 and not exists (
                    select from releases r where r.environment_id = $1 and r.config_version = c.version
                )"
            "delete from secret_versions where environment_id = $1"
            "delete from secret_wishes where environment_id = $1"
            "delete from scale_targets where environment_id = $1"
        }
        tx.commit().await?;
        Ok(())
    }

    async fn runs_forget(&self, keep: Duration) -> Result<(), StoreError> {
        sqlx::query!(
            "
            delete from runs r
            using run_status t
            where t.run_id = r.id and t.finished_at < now() - $1 * interval '1 second'
                and not exists (select from instances i where i.run_id = r.id)
            ",
            keep.as_secs_f64(),
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }
}
