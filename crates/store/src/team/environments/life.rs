//! How long an environment lives, and which one follows a branch.

use std::time::Duration;

use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId};
use serde_json::json;

use super::{Environment, find, lock, protected};
use crate::decode;
use crate::error::StoreError;
use crate::team::TeamScope;
use crate::team::intent::Intent;

impl TeamScope {
    /// Gives an environment a time to live from now on, or takes it away.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`]; a conflict with `environment_protected`.
    pub async fn environment_live_for(
        &self,
        id: EnvironmentId,
        expected_generation: i64,
        ttl: Option<Duration>,
    ) -> Result<Environment, StoreError> {
        let mut intent = self.begin().await?;
        let locked = lock(&mut intent, id, Some(expected_generation)).await?;
        if ttl.is_some() && find(&mut intent, id).await?.protected {
            return Err(protected());
        }
        let seconds = ttl
            .map(|ttl| decode::number::<u64, i64>(ttl.as_secs(), "ttl"))
            .transpose()?;
        sqlx::query!(
            "
            update environments
            set ttl_seconds = $3::bigint, expires_at = now() + $3::bigint * interval '1 second', generation = generation + 1
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
            seconds,
        )
        .execute(&mut *intent.tx)
        .await?;
        intent
            .audit("environment_ttl", &id.to_string(), &json!({"ttl": seconds}))
            .await?;
        let message = match seconds {
            Some(seconds) => format!("environment lives for {seconds} s from now on"),
            None => "environment lives until it is removed".to_owned(),
        };
        intent
            .event(
                Some(locked.app),
                Some(id),
                "environment.changed",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.wake(id).await?;
        let environment = find(&mut intent, id).await?;
        intent.finish(None, ()).await?;
        Ok(environment)
    }

    /// The environment that follows a branch, if there is one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn environment_of_branch(
        &self,
        app: AppId,
        branch: &str,
    ) -> Result<Option<Environment>, StoreError> {
        let mut intent = self.begin().await?;
        let id = sqlx::query_scalar!(
            "
            select id
            from environments
            where team_id = $1 and app_id = $2 and branch = $3 and deleted_at is null
            ",
            intent.team(),
            app.as_uuid(),
            branch,
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        match id {
            Some(id) => find(&mut intent, EnvironmentId::from_uuid(id))
                .await
                .map(Some),
            None => Ok(None),
        }
    }
}

/// A push begins its time anew.
pub(in crate::team) async fn renew(
    intent: &mut Intent<'_>,
    id: EnvironmentId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        update environments
        set expires_at = now() + ttl_seconds * interval '1 second'
        where team_id = $1 and id = $2 and ttl_seconds is not null
        ",
        intent.team(),
        id.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?;
    Ok(())
}
