//! Deploy locks, and whether a lock or a freeze window stops a deployment.
//!
//! Invariants: they are looked at inside of the transaction that makes a deployment, so that no way to deploy passes
//! them by; a rollback is always let through; who overrides one is in the audit log. Must not: know how a freeze window
//! is kept (`freezes`).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId};
use serde_json::json;

use super::TeamScope;
use super::freezes::windows;
use super::intent::{Done, Idempotency, Intent};
use crate::context::fresh_id;
use crate::decode;
use crate::error::{Held, StoreError, corrupt};

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockView {
    /// The environment; `None`: all of the app.
    pub environment: Option<EnvironmentId>,
    /// Why.
    pub reason: String,
    /// Who.
    pub created_by: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when; `None`: until somebody takes it away.
    pub expires_at: Option<Timestamp>,
}

impl TeamScope {
    /// The same scope for somebody who may deploy in spite of locks and freeze windows, and says so.
    #[must_use]
    pub fn overriding(&self) -> Self {
        Self {
            overrides: true,
            ..self.clone()
        }
    }

    /// Stops deployments.
    ///
    /// # Errors
    /// `deploy_locks_held` if they are stopped there already; [`StoreError::NotFound`].
    pub async fn lock_take(
        &self,
        app: AppId,
        lock: &LockView,
        idempotency: Option<Idempotency<'_, LockView>>,
    ) -> Result<Done<LockView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        // One that is over does not stand in the way.
        sqlx::query!(
            "
            delete from deploy_locks
            where team_id = $1 and app_id = $2 and expires_at <= now()
            ",
            intent.team(),
            app.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        let row = sqlx::query!(
            "
            insert into deploy_locks (id, team_id, app_id, environment_id, reason, created_by, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7)
            returning created_by, created_at
            ",
            fresh_id(),
            intent.team(),
            app.as_uuid(),
            lock.environment.map(EnvironmentId::as_uuid),
            lock.reason,
            intent.actor(),
            decode::sql_time(lock.expires_at) as _,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"reason": lock.reason, "environment": lock.environment, "until": lock.expires_at});
        intent
            .audit("deploy_lock", &app.to_string(), &detail)
            .await?;
        let message = format!("deployments are stopped: {}", lock.reason);
        intent
            .event(
                Some(app),
                lock.environment,
                "deploys.locked",
                &EventSubject::default(),
                &message,
            )
            .await?;
        let view = LockView {
            created_by: intent.name_of(row.created_by).await?,
            created_at: row.created_at.to_jiff(),
            ..lock.clone()
        };
        intent.finish(idempotency, view).await
    }

    /// Locks of an app that hold now.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn lock_list(&self, app: AppId) -> Result<Vec<LockView>, StoreError> {
        let mut intent = self.begin().await?;
        let mut locks = locks(&mut intent, app).await?;
        intent
            .name_all(locks.iter_mut().map(|lock| &mut lock.created_by))
            .await?;
        Ok(locks)
    }

    /// Takes a lock away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none there.
    pub async fn lock_release(
        &self,
        app: AppId,
        environment: Option<EnvironmentId>,
    ) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let reason = sqlx::query_scalar!(
            "
            delete from deploy_locks
            where team_id = $1 and app_id = $2 and environment_id is not distinct from $3
            returning reason
            ",
            intent.team(),
            app.as_uuid(),
            environment.map(EnvironmentId::as_uuid),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"reason": reason, "environment": environment});
        intent
            .audit("deploy_unlock", &app.to_string(), &detail)
            .await?;
        intent
            .event(
                Some(app),
                environment,
                "deploys.unlocked",
                &EventSubject::default(),
                "deployments go on",
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}

/// Whether something may be deployed there now. `overrides`: it is, and the audit log says so.
pub(super) async fn check(
    intent: &mut Intent<'_>,
    app: AppId,
    environment: EnvironmentId,
    overrides: bool,
) -> Result<(), StoreError> {
    let Some(mut held) = held(intent, app, environment).await? else {
        return Ok(());
    };
    if overrides {
        let detail = json!({"what": held.what, "reason": held.reason});
        return intent
            .audit("deploy_override", &environment.to_string(), &detail)
            .await;
    }
    held.by = intent.name_of(held.by).await?;
    Err(StoreError::Held(Box::new(held)))
}

async fn held(
    intent: &mut Intent<'_>,
    app: AppId,
    environment: EnvironmentId,
) -> Result<Option<Held>, StoreError> {
    let here = |place: Option<EnvironmentId>| place.is_none_or(|place| place == environment);
    if let Some(lock) = locks(intent, app)
        .await?
        .into_iter()
        .find(|lock| here(lock.environment))
    {
        return Ok(Some(Held {
            what: "lock",
            by: lock.created_by,
            reason: lock.reason,
            until: lock.expires_at,
        }));
    }
    let now = sqlx::query_scalar!(r#"select now() as "now!""#)
        .fetch_one(&mut *intent.tx)
        .await?
        .to_jiff();
    for window in windows(intent, app, None, MOST_WINDOWS).await? {
        let zone = TimeZone::get(&window.time_zone).map_err(corrupt("time zone"))?;
        if here(window.environment)
            && let Some(end) = window.time.end_at(&zone, now)
        {
            return Ok(Some(Held {
                what: "freeze window",
                by: window.created_by,
                reason: window.reason,
                until: Some(end),
            }));
        }
    }
    Ok(None)
}

/// Windows of an app that are looked at.
const MOST_WINDOWS: i64 = 1000;

async fn locks(intent: &mut Intent<'_>, app: AppId) -> Result<Vec<LockView>, StoreError> {
    let rows = sqlx::query!(
        "
        select environment_id, reason, created_by, created_at, expires_at
        from deploy_locks
        where team_id = $1 and app_id = $2 and (expires_at is null or expires_at > now())
        order by environment_id nulls first
        ",
        intent.team(),
        app.as_uuid(),
    )
    .fetch_all(&mut *intent.tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LockView {
            environment: row.environment_id.map(EnvironmentId::from_uuid),
            reason: row.reason,
            created_by: row.created_by,
            created_at: row.created_at.to_jiff(),
            expires_at: decode::time(row.expires_at),
        })
        .collect())
}
