//! Environments: the unit that is reconciled. Here people's wishes; what became of them is read from
//! `environment_status`, which only the worker writes.

mod clone;
mod life;
mod state;

use std::time::Duration;

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId, ReleaseId};
use segue_model::name::EnvironmentName;
use serde_json::{Value, json};

pub use self::clone::{CloneSecrets, EnvironmentOrigin};
pub(super) use self::life::renew;
pub use self::state::EnvironmentState;

use super::TeamScope;
use super::domains::{self, NewDomain};
use super::intent::{Done, Idempotency, Intent};
use super::quota::Ask;
use crate::decode;
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// What an environment is for.
    EnvironmentKind {
        /// What users meet.
        Production = "production",
        /// A copy to try things in.
        Staging = "staging",
        /// Of one branch, for a time.
        Preview = "preview",
    }
}

/// An environment, wished and observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Its id.
    pub id: EnvironmentId,
    /// Its app.
    pub app: AppId,
    /// Its name, unique in the app.
    pub name: EnvironmentName,
    /// What it is for.
    pub kind: EnvironmentKind,
    /// Only admins deploy to it.
    pub protected: bool,
    /// Raised by every wish; for `If-Match`.
    pub generation: i64,
    /// Nothing of it shall run.
    pub stopped: bool,
    /// It is being removed.
    pub deleted: bool,
    /// The newest generation that a plan was made from.
    pub observed_generation: i64,
    /// The release it stands on.
    pub serving: Option<ReleaseId>,
    /// The newest release that was seen to be good.
    pub stable: Option<ReleaseId>,
    /// Why something waits, as the planner said it.
    pub reasons: Value,
    /// The branch that it follows.
    pub branch: Option<String>,
    /// How long it lives after the last push.
    pub ttl: Option<Duration>,
    /// When it is removed.
    pub expires_at: Option<Timestamp>,
    /// Name of the environment that it was made after, while that is there.
    pub cloned_from: Option<EnvironmentName>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A new environment.
#[derive(Debug, Clone)]
pub struct NewEnvironment {
    /// A fresh id.
    pub id: EnvironmentId,
    /// Its name.
    pub name: EnvironmentName,
    /// What it is for.
    pub kind: EnvironmentKind,
    /// Only admins deploy to it.
    pub protected: bool,
    /// Host names that it gets at once.
    pub domains: Vec<NewDomain>,
}

pub(super) struct Row {
    id: uuid::Uuid,
    app_id: uuid::Uuid,
    name: String,
    kind: String,
    protected: bool,
    generation: i64,
    stopped: bool,
    deleted: bool,
    observed_generation: i64,
    serving_release_id: Option<uuid::Uuid>,
    stable_release_id: Option<uuid::Uuid>,
    reasons: Value,
    branch: Option<String>,
    ttl_seconds: Option<i64>,
    expires_at: Option<jiff_sqlx::Timestamp>,
    cloned_from: Option<String>,
    created_at: jiff_sqlx::Timestamp,
}

impl TryFrom<Row> for Environment {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: EnvironmentId::from_uuid(row.id),
            app: AppId::from_uuid(row.app_id),
            name: decode::text(&row.name, "environment name")?,
            kind: decode::text(&row.kind, "environment kind")?,
            protected: row.protected,
            generation: row.generation,
            stopped: row.stopped,
            deleted: row.deleted,
            observed_generation: row.observed_generation,
            serving: row.serving_release_id.map(ReleaseId::from_uuid),
            stable: row.stable_release_id.map(ReleaseId::from_uuid),
            reasons: row.reasons,
            branch: row.branch,
            ttl: row
                .ttl_seconds
                .map(|seconds| {
                    Ok::<_, StoreError>(Duration::from_secs(decode::number(seconds, "ttl")?))
                })
                .transpose()?,
            expires_at: decode::time(row.expires_at),
            cloned_from: row
                .cloned_from
                .map(|name| decode::text(&name, "environment name"))
                .transpose()?,
            created_at: row.created_at.to_jiff(),
        })
    }
}

impl TeamScope {
    /// Makes an environment of an app, with its host names.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown app, `environments_name_taken`, `domains_name_taken`.
    pub async fn environment_create(
        &self,
        app: AppId,
        new: &NewEnvironment,
        idempotency: Option<Idempotency<'_, Environment>>,
    ) -> Result<Done<Environment>, StoreError> {
        self.environment_create_from(app, new, &EnvironmentOrigin::default(), idempotency)
            .await
    }

    /// The same, made after another environment of the app, or for a branch, or for a time.
    ///
    /// # Errors
    /// As [`TeamScope::environment_create`]; [`StoreError::NotFound`] for an unknown environment to be made after;
    /// `previews_full` where the app has as many previews as it may, `environments_branch_taken`.
    pub async fn environment_create_from(
        &self,
        app: AppId,
        new: &NewEnvironment,
        origin: &EnvironmentOrigin,
        idempotency: Option<Idempotency<'_, Environment>>,
    ) -> Result<Done<Environment>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        super::apps::find(&mut intent, app).await?;
        clone::room(&mut intent, app, origin).await?;
        sqlx::query!(
            "
            insert into environments (id, team_id, app_id, name, kind, protected)
            values ($1, $2, $3, $4, $5, $6)
            ",
            new.id.as_uuid(),
            intent.team(),
            app.as_uuid(),
            new.name.as_str(),
            new.kind.as_str(),
            new.protected,
        )
        .execute(&mut *intent.tx)
        .await?;
        sqlx::query!(
            "
            insert into environment_status (environment_id, team_id)
            values ($1, $2)
            ",
            new.id.as_uuid(),
            intent.team(),
        )
        .execute(&mut *intent.tx)
        .await?;
        for domain in &new.domains {
            domains::claim(&mut intent, app, new.id, domain).await?;
        }
        clone::adopt(&mut intent, &self.inner.kek, app, new.id, origin).await?;
        let environment = find(&mut intent, new.id).await?;
        let detail = json!({
            "name": new.name, "kind": new.kind.as_str(), "app": app, "clone_of": origin.of, "branch": origin.branch,
        });
        intent
            .audit("environment_create", &new.id.to_string(), &detail)
            .await?;
        let message = format!("environment {} created", new.name);
        intent
            .event(
                Some(app),
                Some(new.id),
                "environment.created",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(idempotency, environment).await
    }

    /// An environment by id. One that is being removed is found until it is gone.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn environment_get(&self, id: EnvironmentId) -> Result<Environment, StoreError> {
        let mut intent = self.begin().await?;
        find(&mut intent, id).await
    }

    /// An environment by name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn environment_by_name(
        &self,
        app: AppId,
        name: &EnvironmentName,
    ) -> Result<Environment, StoreError> {
        let mut intent = self.begin().await?;
        let id = sqlx::query_scalar!(
            "
            select id
            from environments
            where team_id = $1 and app_id = $2 and name = $3 and deleted_at is null
            ",
            intent.team(),
            app.as_uuid(),
            name.as_str(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        find(&mut intent, EnvironmentId::from_uuid(id)).await
    }

    /// The environments of an app; at most a hundred.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn environment_list(&self, app: AppId) -> Result<Vec<Environment>, StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query_as!(
            Row,
            r#"
            select e.id, e.app_id, e.name, e.kind, e.protected, e.generation, e.stopped,
                e.deleted_at is not null as "deleted!", s.observed_generation, s.serving_release_id, s.stable_release_id,
                s.reasons, e.branch, e.ttl_seconds, e.expires_at, o.name as "cloned_from?", e.created_at
            from environments e
            join environment_status s on s.environment_id = e.id
            left join environments o on o.id = e.cloned_from and o.deleted_at is null
            where e.team_id = $1 and e.app_id = $2 and e.deleted_at is null
            order by e.id
            limit 100
            "#,
            intent.team(),
            app.as_uuid(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(Environment::try_from)
        .collect()
    }

    /// Changes the protection of an environment. One that is protected lives until somebody removes it.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`].
    pub async fn environment_protect(
        &self,
        id: EnvironmentId,
        expected_generation: i64,
        protected: bool,
    ) -> Result<Environment, StoreError> {
        let mut intent = self.begin().await?;
        let locked = lock(&mut intent, id, Some(expected_generation)).await?;
        sqlx::query!(
            "
            update environments
            set protected = $3, generation = generation + 1,
                ttl_seconds = case when $3 then null else ttl_seconds end,
                expires_at = case when $3 then null else expires_at end
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
            protected,
        )
        .execute(&mut *intent.tx)
        .await?;
        let detail = json!({"protected": protected});
        intent
            .audit("environment_protect", &id.to_string(), &detail)
            .await?;
        let message = if protected {
            "environment protected"
        } else {
            "environment not protected any more"
        };
        intent
            .event(
                Some(locked.app),
                Some(id),
                "environment.changed",
                &EventSubject::default(),
                message,
            )
            .await?;
        intent.wake(id).await?;
        let environment = find(&mut intent, id).await?;
        intent.finish(None, ()).await?;
        Ok(environment)
    }

    /// Stops or starts everything of an environment.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`].
    pub async fn environment_stop(
        &self,
        id: EnvironmentId,
        expected_generation: Option<i64>,
        stopped: bool,
        idempotency: Option<Idempotency<'_, Environment>>,
    ) -> Result<Done<Environment>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        // Nothing was asked for while it was stopped.
        let ask = Ask::begin(&mut intent).await?;
        let locked = lock(&mut intent, id, expected_generation).await?;
        sqlx::query!(
            "
            update environments
            set stopped = $3, generation = generation + 1
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
            stopped,
        )
        .execute(&mut *intent.tx)
        .await?;
        ask.end(&mut intent).await?;
        let action = if stopped {
            "environment_stop"
        } else {
            "environment_start"
        };
        intent.audit(action, &id.to_string(), &json!({})).await?;
        let (kind, message) = if stopped {
            ("environment.stopped", "environment stopped")
        } else {
            ("environment.started", "environment started")
        };
        intent
            .event(
                Some(locked.app),
                Some(id),
                kind,
                &EventSubject::default(),
                message,
            )
            .await?;
        intent.wake(id).await?;
        let environment = find(&mut intent, id).await?;
        intent.finish(idempotency, environment).await
    }

    /// Deletes an environment: the worker removes containers, routes and networks.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`]; a conflict with `environment_protected`.
    pub async fn environment_delete(
        &self,
        id: EnvironmentId,
        expected_generation: i64,
    ) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let locked = lock(&mut intent, id, Some(expected_generation)).await?;
        if find(&mut intent, id).await?.protected {
            return Err(protected());
        }
        delete(&mut intent, locked.app, id).await?;
        intent
            .audit("environment_delete", &id.to_string(), &json!({}))
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}

/// Marks an environment as deleted, gives back its names, tells and wakes. The caller audits.
pub(super) async fn delete(
    intent: &mut Intent<'_>,
    app: AppId,
    id: EnvironmentId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        update environments
        set deleted_at = now(), generation = generation + 1
        where team_id = $1 and id = $2
        ",
        intent.team(),
        id.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?;
    sqlx::query!(
        "
        update domains
        set state = 'deleted', deleted_at = now()
        where team_id = $1 and environment_id = $2 and state <> 'deleted'
        ",
        intent.team(),
        id.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?;
    intent
        .event(
            Some(app),
            Some(id),
            "environment.deleted",
            &EventSubject::default(),
            "environment deleted",
        )
        .await?;
    intent.wake(id).await
}

/// What refuses to remove a protected environment.
pub(super) fn protected() -> StoreError {
    StoreError::Conflict {
        constraint: "environment_protected".to_owned(),
    }
}

/// What a locked environment tells.
pub(super) struct Locked {
    pub app: AppId,
    pub generation: i64,
    pub last_release: i64,
    pub last_deployment: i64,
    pub last_config: i64,
    pub last_spec: i64,
}

/// Locks an environment that is not deleted and checks the generation that the caller knows.
pub(super) async fn lock(
    intent: &mut Intent<'_>,
    id: EnvironmentId,
    expected_generation: Option<i64>,
) -> Result<Locked, StoreError> {
    let row = sqlx::query!(
        "
        select app_id, generation, last_release, last_deployment, last_config, last_spec
        from environments
        where team_id = $1 and id = $2 and deleted_at is null
        for no key update
        ",
        intent.team(),
        id.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    match expected_generation {
        Some(expected) if expected != row.generation => Err(StoreError::PreconditionFailed {
            current: row.generation,
        }),
        _ => Ok(Locked {
            app: AppId::from_uuid(row.app_id),
            generation: row.generation,
            last_release: row.last_release,
            last_deployment: row.last_deployment,
            last_config: row.last_config,
            last_spec: row.last_spec,
        }),
    }
}

/// Raises the generation and wakes the worker: somebody wishes something new. Answers the new generation.
pub(super) async fn touch(intent: &mut Intent<'_>, id: EnvironmentId) -> Result<i64, StoreError> {
    let generation = sqlx::query_scalar!(
        "
        update environments
        set generation = generation + 1
        where team_id = $1 and id = $2
        returning generation
        ",
        intent.team(),
        id.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    intent.wake(id).await?;
    Ok(generation)
}

pub(super) async fn find(
    intent: &mut Intent<'_>,
    id: EnvironmentId,
) -> Result<Environment, StoreError> {
    sqlx::query_as!(
        Row,
        r#"
        select e.id, e.app_id, e.name, e.kind, e.protected, e.generation, e.stopped,
            e.deleted_at is not null as "deleted!", s.observed_generation, s.serving_release_id, s.stable_release_id,
            s.reasons, e.branch, e.ttl_seconds, e.expires_at, o.name as "cloned_from?", e.created_at
        from environments e
        join environment_status s on s.environment_id = e.id
        left join environments o on o.id = e.cloned_from and o.deleted_at is null
        where e.team_id = $1 and e.id = $2
        "#,
        intent.team(),
        id.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?
    .try_into()
}
