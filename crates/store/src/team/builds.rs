//! Builds as people see them. They are asked for with a deployment; the worker runs them.

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::failure::Failure;
use segue_model::id::{AppId, BuildId, EnvironmentId, SourceId};
use segue_model::name::ImageName;
use segue_model::spec::ImageRef;
use segue_model::state::BuildState;
use serde_json::{Value, json};

use super::intent::Intent;
use super::{Page, TeamScope};
use crate::decode;
use crate::error::StoreError;

/// A build to be asked for.
#[derive(Debug, Clone)]
pub struct NewBuild {
    /// A fresh id; the release's spec names it.
    pub id: BuildId,
    /// What it starts from.
    pub input: BuildInput,
    /// The manifest's `[build]`, as the API parsed it.
    pub settings: Value,
}

/// What a build starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildInput {
    /// Makes an image from a source.
    Source(SourceId),
    /// Pins an image that people named.
    Resolve(ImageName),
}

/// A build.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildView {
    /// Its id.
    pub id: BuildId,
    /// Its app.
    pub app: AppId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// What it starts from.
    pub input: BuildInput,
    /// The manifest's `[build]`.
    pub settings: Value,
    /// Where it is.
    pub state: BuildState,
    /// How often it was claimed.
    pub attempt: u32,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// The step tree, as the builder wrote it.
    pub steps: Value,
    /// The image, once it is known.
    pub image: Option<ImageRef>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was first claimed.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

pub(crate) struct Row {
    pub id: uuid::Uuid,
    pub app_id: uuid::Uuid,
    pub environment_id: uuid::Uuid,
    pub source_id: Option<uuid::Uuid>,
    pub image_name: Option<String>,
    pub settings: Value,
    pub state: String,
    pub attempt: i32,
    pub cancel_requested: bool,
    pub steps: Value,
    pub image: Option<Value>,
    pub failure: Option<Value>,
    pub created_at: jiff_sqlx::Timestamp,
    pub started_at: Option<jiff_sqlx::Timestamp>,
    pub finished_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for BuildView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: BuildId::from_uuid(row.id),
            app: AppId::from_uuid(row.app_id),
            environment: EnvironmentId::from_uuid(row.environment_id),
            input: input(row.source_id, row.image_name.as_deref())?,
            settings: row.settings,
            state: decode::text(&row.state, "build state")?,
            attempt: decode::number(row.attempt, "attempt")?,
            cancel_requested: row.cancel_requested,
            steps: row.steps,
            image: decode::json_opt(row.image, "image")?,
            failure: decode::json_opt(row.failure, "failure")?,
            created_at: row.created_at.to_jiff(),
            started_at: decode::time(row.started_at),
            finished_at: decode::time(row.finished_at),
        })
    }
}

/// What a build's row says that it starts from.
pub(crate) fn input(
    source: Option<uuid::Uuid>,
    image: Option<&str>,
) -> Result<BuildInput, StoreError> {
    match (source, image) {
        (Some(source), _) => Ok(BuildInput::Source(SourceId::from_uuid(source))),
        (None, Some(image)) => Ok(BuildInput::Resolve(decode::text(image, "image name")?)),
        (None, None) => Err(StoreError::Corrupt {
            what: "build input",
            source: "neither source nor image".into(),
        }),
    }
}

impl TeamScope {
    /// A build.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn build_get(&self, id: BuildId) -> Result<BuildView, StoreError> {
        let mut intent = self.begin().await?;
        find(&mut intent, id).await
    }

    /// Builds of an environment, the newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn build_list(
        &self,
        environment: EnvironmentId,
        page: Page<BuildId>,
    ) -> Result<Vec<BuildView>, StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query_as!(
            Row,
            "
            select b.id, b.app_id, b.environment_id, b.source_id, b.image_name, b.settings, s.state, s.attempt,
                s.cancel_requested, s.steps, s.image, s.failure, b.created_at, s.started_at, s.finished_at
            from builds b
            join build_status s on s.build_id = b.id
            where b.team_id = $1 and b.environment_id = $2 and ($3::uuid is null or b.id < $3)
            order by b.id desc
            limit $4
            ",
            intent.team(),
            environment.as_uuid(),
            page.after.map(BuildId::as_uuid),
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(BuildView::try_from)
        .collect()
    }

    /// Asks the builder to stop a build.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a conflict with `build_finished` if it has ended.
    pub async fn build_cancel(&self, id: BuildId) -> Result<BuildView, StoreError> {
        let mut intent = self.begin().await?;
        let build = find(&mut intent, id).await?;
        if build.state.is_terminal() || !request_cancel(&mut intent, id).await? {
            return Err(StoreError::Conflict {
                constraint: "build_finished".to_owned(),
            });
        }
        intent
            .audit("build_cancel", &id.to_string(), &json!({}))
            .await?;
        intent
            .event(
                Some(build.app),
                Some(build.environment),
                "build.cancel_requested",
                &EventSubject::default(),
                "a person asked to stop the build",
            )
            .await?;
        let build = find(&mut intent, id).await?;
        intent.finish(None, ()).await?;
        Ok(build)
    }
}

/// Sets the wish to stop; `false` if the build has ended.
pub(super) async fn request_cancel(
    intent: &mut Intent<'_>,
    id: BuildId,
) -> Result<bool, StoreError> {
    let changed = sqlx::query!(
        "
        update build_status
        set cancel_requested = true
        where team_id = $1 and build_id = $2 and rank < 100
        ",
        intent.team(),
        id.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?
    .rows_affected();
    Ok(changed == 1)
}

/// Adds a build to the queue.
pub(super) async fn insert(
    intent: &mut Intent<'_>,
    app: AppId,
    environment: EnvironmentId,
    new: &NewBuild,
) -> Result<(), StoreError> {
    let (kind, source, image) = match &new.input {
        BuildInput::Source(source) => ("source", Some(source.as_uuid()), None),
        BuildInput::Resolve(image) => ("resolve", None, Some(image.as_str())),
    };
    sqlx::query!(
        "
        insert into builds (id, team_id, app_id, environment_id, kind, source_id, image_name, settings)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        ",
        new.id.as_uuid(),
        intent.team(),
        app.as_uuid(),
        environment.as_uuid(),
        kind,
        source,
        image,
        new.settings,
    )
    .execute(&mut *intent.tx)
    .await?;
    sqlx::query!(
        "
        insert into build_status (build_id, team_id)
        values ($1, $2)
        ",
        new.id.as_uuid(),
        intent.team(),
    )
    .execute(&mut *intent.tx)
    .await?;
    if let Some(source) = source {
        sqlx::query!(
            "
            update sources
            set last_used_at = now()
            where team_id = $1 and id = $2
            ",
            intent.team(),
            source,
        )
        .execute(&mut *intent.tx)
        .await?;
    }
    Ok(())
}

async fn find(intent: &mut Intent<'_>, id: BuildId) -> Result<BuildView, StoreError> {
    sqlx::query_as!(
        Row,
        "
        select b.id, b.app_id, b.environment_id, b.source_id, b.image_name, b.settings, s.state, s.attempt,
            s.cancel_requested, s.steps, s.image, s.failure, b.created_at, s.started_at, s.finished_at
        from builds b
        join build_status s on s.build_id = b.id
        where b.team_id = $1 and b.id = $2
        ",
        intent.team(),
        id.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?
    .try_into()
}
