//! Calls of hooks as work, and commits whose forge is to be told. Any number of processes may take from them: a piece
//! is claimed for a time, and comes back when its claimant has died.

use std::time::Duration;

use segue_model::id::{AppId, DeliveryId, DeploymentId, HookId, TeamId};
use segue_model::name::GitRef;

use super::SystemStore;
use crate::decode;
use crate::error::StoreError;
use crate::team::{HookKind, HookState};

/// A call to be worked on.
#[derive(Debug, Clone)]
pub struct ClaimedHook {
    /// The call.
    pub id: DeliveryId,
    /// Its team.
    pub team: TeamId,
    /// Its app.
    pub app: AppId,
    /// Its hook.
    pub hook: HookId,
    /// Who called.
    pub kind: HookKind,
    /// What was pushed.
    pub git_ref: GitRef,
    /// The commit.
    pub commit: String,
    /// Attempts, this one included.
    pub attempts: u32,
}

/// A commit to look at.
#[derive(Debug, Clone)]
pub struct ClaimedStatus {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Its team.
    pub team: TeamId,
    /// The team's name.
    pub team_name: String,
    /// Its app.
    pub app: AppId,
    /// Whose interface.
    pub kind: HookKind,
    /// Address of the repository.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// What the forge was told last.
    pub reported: Option<String>,
    /// Failed attempts in a row.
    pub attempts: u32,
}

impl SystemStore {
    /// Claims calls that are due, each for `hold`.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn hook_claim(
        &self,
        hold: Duration,
        most: u32,
    ) -> Result<Vec<ClaimedHook>, StoreError> {
        sqlx::query!(
            r#"
            update hook_deliveries d
            set attempts = d.attempts + 1, next_at = now() + $1 * interval '1 second'
            from (
                select c.id
                from hook_deliveries c
                where c.state = 'pending' and c.next_at <= now()
                order by c.next_at
                limit $2
                for update skip locked
            ) due, hooks h
            where d.id = due.id and h.id = d.hook_id
            returning d.id, d.team_id, d.app_id, d.hook_id, h.kind, d.git_ref as "git_ref!", d.commit_id as "commit_id!", d.attempts
            "#,
            hold.as_secs_f64(),
            i64::from(most),
        )
        .fetch_all(&self.inner.system)
        .await?
        .into_iter()
        .map(|row| {
            Ok(ClaimedHook {
                id: DeliveryId::from_uuid(row.id),
                team: TeamId::from_uuid(row.team_id),
                app: AppId::from_uuid(row.app_id),
                hook: HookId::from_uuid(row.hook_id),
                kind: decode::text(&row.kind, "hook kind")?,
                git_ref: decode::text(&row.git_ref, "git ref")?,
                commit: row.commit_id,
                attempts: decode::number(row.attempts, "attempts")?,
            })
        })
        .collect()
    }

    /// Ends the work on a call.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn hook_settle(
        &self,
        id: DeliveryId,
        state: HookState,
        detail: &str,
        deployment: Option<DeploymentId>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            update hook_deliveries
            set state = $2, detail = left($3, 1000), deployment_id = $4, next_at = null
            where id = $1 and state = 'pending'
            ",
            id.as_uuid(),
            state.as_str(),
            detail,
            deployment.map(DeploymentId::as_uuid),
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }

    /// Puts a call off.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn hook_put_off(
        &self,
        id: DeliveryId,
        wait: Duration,
        detail: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            update hook_deliveries
            set next_at = now() + $2 * interval '1 second', detail = left($3, 1000)
            where id = $1 and state = 'pending'
            ",
            id.as_uuid(),
            wait.as_secs_f64(),
            detail,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }

    /// Claims commits that are due, each for `hold`.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn commit_status_claim(
        &self,
        hold: Duration,
        most: u32,
    ) -> Result<Vec<ClaimedStatus>, StoreError> {
        sqlx::query!(
            r#"
            update commit_statuses s
            set next_at = now() + $1 * interval '1 second'
            from (
                select c.deployment_id
                from commit_statuses c
                where c.next_at <= now()
                order by c.next_at
                limit $2
                for update skip locked
            ) due, teams t
            where s.deployment_id = due.deployment_id and t.id = s.team_id
            returning s.deployment_id, s.team_id, t.name as team_name, s.app_id, s.kind, s.repository, s.commit_id, s.reported, s.attempts
            "#,
            hold.as_secs_f64(),
            i64::from(most),
        )
        .fetch_all(&self.inner.system)
        .await?
        .into_iter()
        .map(|row| {
            Ok(ClaimedStatus {
                deployment: DeploymentId::from_uuid(row.deployment_id),
                team: TeamId::from_uuid(row.team_id),
                team_name: row.team_name,
                app: AppId::from_uuid(row.app_id),
                kind: decode::text(&row.kind, "hook kind")?,
                repository: row.repository,
                commit: row.commit_id,
                reported: row.reported,
                attempts: decode::number(row.attempts, "attempts")?,
            })
        })
        .collect()
    }

    /// Notes what the forge was told, and when to look again; `None`: never.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn commit_status_told(
        &self,
        deployment: DeploymentId,
        reported: Option<&str>,
        again: Option<Duration>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            update commit_statuses
            set reported = coalesce($2, reported), attempts = 0, detail = '', next_at = now() + $3 * interval '1 second'
            where deployment_id = $1
            ",
            deployment.as_uuid(),
            reported,
            again.map(|wait| wait.as_secs_f64()),
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }

    /// Notes that the forge could not be told; `None`: given up.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn commit_status_failed(
        &self,
        deployment: DeploymentId,
        detail: &str,
        again: Option<Duration>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            update commit_statuses
            set attempts = attempts + 1, detail = left($2, 1000), next_at = now() + $3 * interval '1 second'
            where deployment_id = $1
            ",
            deployment.as_uuid(),
            detail,
            again.map(|wait| wait.as_secs_f64()),
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }
}
