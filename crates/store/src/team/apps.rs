//! Apps.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId};
use segue_model::name::AppName;
use serde_json::{Value, json};

use super::intent::{Done, Idempotency, Intent};
use super::{Page, TeamScope, quota};
use crate::decode;
use crate::error::StoreError;

/// An app.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// Its name, unique in the team.
    pub name: AppName,
    /// Where its source is fetched from, if it is not pushed.
    pub repo: Option<Value>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Whether pushes of other branches make environments, and how.
    pub previews: Option<Value>,
    /// For `If-Match`.
    pub generation: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A new app.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// A fresh id.
    pub id: AppId,
    /// Its name.
    pub name: AppName,
    /// Where its source is fetched from.
    pub repo: Option<Value>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
}

/// What may change. `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct AppPatch {
    /// A new name.
    pub name: Option<AppName>,
    /// A new repository; `Some(None)` removes it.
    pub repo: Option<Option<Value>>,
    /// New labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// New settings of previews; `Some(None)` removes them.
    pub previews: Option<Option<Value>>,
}

struct Row {
    id: uuid::Uuid,
    name: String,
    repo: Option<Value>,
    labels: Value,
    previews: Option<Value>,
    generation: i64,
    created_at: jiff_sqlx::Timestamp,
}

impl TryFrom<Row> for App {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: AppId::from_uuid(row.id),
            name: decode::text(&row.name, "app name")?,
            repo: row.repo,
            labels: decode::json(row.labels, "labels")?,
            previews: row.previews,
            generation: row.generation,
            created_at: row.created_at.to_jiff(),
        })
    }
}

impl TeamScope {
    /// Makes an app.
    ///
    /// # Errors
    /// `apps_name_taken`; [`StoreError::Quota`]; [`StoreError::NotFound`] if the team ended meanwhile.
    pub async fn app_create(
        &self,
        new: &NewApp,
        idempotency: Option<Idempotency<'_, App>>,
    ) -> Result<Done<App>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        quota::admit_app(&mut intent).await?;
        let app: App = sqlx::query_as!(
            Row,
            "
            insert into apps (id, team_id, name, repo, labels)
            values ($1, $2, $3, $4, $5)
            returning id, name, repo, labels, previews, generation, created_at
            ",
            new.id.as_uuid(),
            intent.team(),
            new.name.as_str(),
            new.repo,
            decode::to_json(&new.labels, "labels")?,
        )
        .fetch_one(&mut *intent.tx)
        .await?
        .try_into()?;
        let detail = json!({"name": app.name});
        intent
            .audit("app_create", &app.id.to_string(), &detail)
            .await?;
        let message = format!("app {} created", app.name);
        intent
            .event(
                Some(app.id),
                None,
                "app.created",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(idempotency, app).await
    }

    /// An app by id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn app_get(&self, id: AppId) -> Result<App, StoreError> {
        let mut intent = self.begin().await?;
        find(&mut intent, id).await
    }

    /// An app by name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn app_by_name(&self, name: &AppName) -> Result<App, StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query_as!(
            Row,
            "
            select id, name, repo, labels, previews, generation, created_at
            from apps
            where team_id = $1 and name = $2 and deleted_at is null
            ",
            intent.team(),
            name.as_str(),
        )
        .fetch_one(&mut *intent.tx)
        .await?
        .try_into()
    }

    /// Apps in order of age.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn app_list(&self, page: Page<AppId>) -> Result<Vec<App>, StoreError> {
        self.app_list_of(None, page).await
    }

    /// The same, of these only; `None`: of all.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn app_list_of(
        &self,
        only: Option<&BTreeSet<AppId>>,
        page: Page<AppId>,
    ) -> Result<Vec<App>, StoreError> {
        let only: Option<Vec<_>> = only.map(|ids| ids.iter().map(|id| id.as_uuid()).collect());
        let mut intent = self.begin().await?;
        sqlx::query_as!(
            Row,
            "
            select id, name, repo, labels, previews, generation, created_at
            from apps
            where team_id = $1 and deleted_at is null and ($2::uuid is null or id > $2)
                and ($3::uuid[] is null or id = any($3))
            order by id
            limit $4
            ",
            intent.team(),
            page.after.map(AppId::as_uuid),
            only.as_deref(),
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(App::try_from)
        .collect()
    }

    /// Changes an app.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if the generation is another one; `apps_name_taken`.
    pub async fn app_update(
        &self,
        id: AppId,
        expected_generation: i64,
        patch: &AppPatch,
    ) -> Result<App, StoreError> {
        let mut intent = self.begin().await?;
        let before = lock(&mut intent, id).await?;
        if before != expected_generation {
            return Err(StoreError::PreconditionFailed { current: before });
        }
        let app: App = sqlx::query_as!(
            Row,
            "
            update apps
            set name = coalesce($3, name),
                repo = case when $4 then $5 else repo end,
                labels = coalesce($6, labels),
                previews = case when $7 then $8 else previews end,
                generation = generation + 1
            where team_id = $1 and id = $2
            returning id, name, repo, labels, previews, generation, created_at
            ",
            intent.team(),
            id.as_uuid(),
            patch.name.as_ref().map(AppName::as_str),
            patch.repo.is_some(),
            patch.repo.clone().flatten(),
            decode::to_json_opt(patch.labels.as_ref(), "labels")?,
            patch.previews.is_some(),
            patch.previews.clone().flatten(),
        )
        .fetch_one(&mut *intent.tx)
        .await?
        .try_into()?;
        let detail = json!({"name": app.name, "generation": app.generation});
        intent.audit("app_update", &id.to_string(), &detail).await?;
        let message = format!("app {} changed", app.name);
        intent
            .event(
                Some(id),
                None,
                "app.changed",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(app)
    }

    /// Deletes an app with all its environments: their containers are stopped and removed by the worker.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if the generation is another one; a conflict with `environment_protected`
    /// while one of its environments is protected.
    pub async fn app_delete(&self, id: AppId, expected_generation: i64) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let before = lock(&mut intent, id).await?;
        if before != expected_generation {
            return Err(StoreError::PreconditionFailed { current: before });
        }
        let protected = sqlx::query_scalar!(
            r#"
            select exists (
                select from environments
                where team_id = $1 and app_id = $2 and protected and deleted_at is null
            ) as "protected!"
            "#,
            intent.team(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if protected {
            return Err(super::environments::protected());
        }
        sqlx::query!(
            "
            update apps
            set deleted_at = now(), generation = generation + 1
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        let environments = sqlx::query_scalar!(
            "
            select id
            from environments
            where team_id = $1 and app_id = $2 and deleted_at is null
            order by id
            ",
            intent.team(),
            id.as_uuid(),
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        for environment in environments {
            super::environments::delete(&mut intent, id, EnvironmentId::from_uuid(environment))
                .await?;
        }
        intent
            .audit("app_delete", &id.to_string(), &json!({}))
            .await?;
        intent
            .event(
                Some(id),
                None,
                "app.deleted",
                &EventSubject::default(),
                "app deleted",
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}

pub(super) async fn find(intent: &mut Intent<'_>, id: AppId) -> Result<App, StoreError> {
    sqlx::query_as!(
        Row,
        "
        select id, name, repo, labels, previews, generation, created_at
        from apps
        where team_id = $1 and id = $2 and deleted_at is null
        ",
        intent.team(),
        id.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?
    .try_into()
}

/// Locks an app and tells its generation.
async fn lock(intent: &mut Intent<'_>, id: AppId) -> Result<i64, StoreError> {
    let generation = sqlx::query_scalar!(
        "
        select generation
        from apps
        where team_id = $1 and id = $2 and deleted_at is null
        for no key update
        ",
        intent.team(),
        id.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    Ok(generation)
}
