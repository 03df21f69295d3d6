//! Releases: immutable. They are made together with the deployment that carries an environment to them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use segue_model::id::{AppId, BuildId, EnvironmentId, ReleaseId, SourceId};
use segue_model::name::ServiceName;
use segue_model::spec::{ImageRef, ImageSource, ReleaseSpec};

use super::builds::{self, NewBuild};
use super::intent::Intent;
use super::{Page, TeamScope};
use crate::decode;
use crate::error::StoreError;

/// A release to be made.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// A fresh id.
    pub id: ReleaseId,
    /// What it says. Builds that it names exist already or are in `builds`.
    pub spec: ReleaseSpec,
    /// Builds to be asked for with it.
    pub builds: Vec<NewBuild>,
    /// The configuration version that its environment came from.
    pub config_version: Option<i64>,
    /// The source that it was made from.
    pub source: Option<SourceId>,
    /// The commit that it was made from.
    pub commit: Option<String>,
    /// The release of another environment that its images are from.
    pub origin: Option<ReleaseId>,
    /// What people say about it.
    pub message: String,
}

/// Where a promoted release came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseOrigin {
    /// The release.
    pub id: ReleaseId,
    /// Name of its environment.
    pub environment: String,
    /// Its version there.
    pub version: i64,
}

/// A release.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseView {
    /// Its id.
    pub id: ReleaseId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// `v17`.
    pub version: i64,
    /// What it says.
    pub spec: ReleaseSpec,
    /// The configuration version that its environment came from.
    pub config_version: Option<i64>,
    /// The source that it was made from.
    pub source: Option<SourceId>,
    /// The commit that it was made from.
    pub commit: Option<String>,
    /// The release of another environment that it was promoted from.
    pub origin: Option<ReleaseOrigin>,
    /// What people say about it.
    pub message: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was seen to be good.
    pub stable_at: Option<Timestamp>,
}

struct Row {
    id: uuid::Uuid,
    environment_id: uuid::Uuid,
    version: i64,
    spec: serde_json::Value,
    config_version: Option<i64>,
    source_id: Option<uuid::Uuid>,
    commit_id: Option<String>,
    origin_release_id: Option<uuid::Uuid>,
    origin_environment: Option<String>,
    origin_version: Option<i64>,
    message: String,
    created_by: String,
    created_at: jiff_sqlx::Timestamp,
    stable_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for ReleaseView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ReleaseId::from_uuid(row.id),
            environment: EnvironmentId::from_uuid(row.environment_id),
            version: row.version,
            spec: decode::json(row.spec, "release")?,
            config_version: row.config_version,
            source: row.source_id.map(SourceId::from_uuid),
            commit: row.commit_id,
            origin: match (
                row.origin_release_id,
                row.origin_environment,
                row.origin_version,
            ) {
                (Some(id), Some(environment), Some(version)) => Some(ReleaseOrigin {
                    id: ReleaseId::from_uuid(id),
                    environment,
                    version,
                }),
                _ => None,
            },
            message: row.message,
            created_by: row.created_by,
            created_at: row.created_at.to_jiff(),
            stable_at: decode::time(row.stable_at),
        })
    }
}

impl TeamScope {
    /// A release.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn release_get(&self, id: ReleaseId) -> Result<ReleaseView, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query_as!(
            Row,
            r#"
            select r.id, r.environment_id, r.version, r.spec, r.config_version, r.source_id, r.commit_id, r.origin_release_id,
                oe.name as "origin_environment?", ro.version as "origin_version?", r.message, r.created_by, r.created_at, r.stable_at
            from releases r
            left join releases ro on ro.id = r.origin_release_id
            left join environments oe on oe.id = ro.environment_id
            where r.team_id = $1 and r.id = $2
            "#,
            intent.team(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        named(&mut intent, row).await
    }

    /// A release of an environment by its version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn release_by_version(
        &self,
        environment: EnvironmentId,
        version: i64,
    ) -> Result<ReleaseView, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query_as!(
            Row,
            r#"
            select r.id, r.environment_id, r.version, r.spec, r.config_version, r.source_id, r.commit_id, r.origin_release_id,
                oe.name as "origin_environment?", ro.version as "origin_version?", r.message, r.created_by, r.created_at, r.stable_at
            from releases r
            left join releases ro on ro.id = r.origin_release_id
            left join environments oe on oe.id = ro.environment_id
            where r.team_id = $1 and r.environment_id = $2 and r.version = $3
            "#,
            intent.team(),
            environment.as_uuid(),
            version,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        named(&mut intent, row).await
    }

    /// Releases of an environment, the newest first; `after` is a version.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn release_list(
        &self,
        environment: EnvironmentId,
        page: Page<i64>,
    ) -> Result<Vec<ReleaseView>, StoreError> {
        let mut intent = self.begin().await?;
        let rows = sqlx::query_as!(
            Row,
            r#"
            select r.id, r.environment_id, r.version, r.spec, r.config_version, r.source_id, r.commit_id, r.origin_release_id,
                oe.name as "origin_environment?", ro.version as "origin_version?", r.message, r.created_by, r.created_at, r.stable_at
            from releases r
            left join releases ro on ro.id = r.origin_release_id
            left join environments oe on oe.id = ro.environment_id
            where r.team_id = $1 and r.environment_id = $2 and ($3::bigint is null or r.version < $3)
            order by r.version desc
            limit $4
            "#,
            intent.team(),
            environment.as_uuid(),
            page.after,
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        let mut releases = rows
            .into_iter()
            .map(ReleaseView::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        intent
            .name_all(releases.iter_mut().map(|release| &mut release.created_by))
            .await?;
        Ok(releases)
    }

    /// The newest release that a deployment was asked for, whatever became of it: a configuration change
    /// builds on this one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn release_wanted(
        &self,
        environment: EnvironmentId,
    ) -> Result<Option<ReleaseView>, StoreError> {
        let mut intent = self.begin().await?;
        // A deployment that failed, was cancelled or rolled back is not wanted any more.
        let row = sqlx::query_as!(
            Row,
            r#"
            select r.id, r.environment_id, r.version, r.spec, r.config_version, r.source_id, r.commit_id, r.origin_release_id,
                oe.name as "origin_environment?", ro.version as "origin_version?", r.message, r.created_by, r.created_at, r.stable_at
            from deployments d
            join releases r on r.id = d.release_id
            left join releases ro on ro.id = r.origin_release_id
            left join environments oe on oe.id = ro.environment_id
            left join rollouts o on o.deployment_id = d.id
            where d.team_id = $1 and d.environment_id = $2 and not d.cancel_requested
                and coalesce(o.state, 'queued') not in ('failed', 'rolled_back', 'cancelled', 'failing', 'rolling_back')
            order by d.number desc
            limit 1
            "#,
            intent.team(),
            environment.as_uuid(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        match row {
            Some(row) => named(&mut intent, row).await.map(Some),
            None => Ok(None),
        }
    }
}

impl TeamScope {
    /// The images that a release runs, as they were pinned, by service: with whether Segue wrote the Dockerfile. A
    /// service whose image is not known (yet) is missing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn release_images(
        &self,
        release: &ReleaseView,
    ) -> Result<BTreeMap<ServiceName, (ImageRef, bool)>, StoreError> {
        let mut intent = self.begin().await?;
        let ids: Vec<uuid::Uuid> = builds_of(&release.spec)
            .into_iter()
            .map(BuildId::as_uuid)
            .collect();
        let rows = sqlx::query!(
            r#"
            select build_id, image as "image!", generated
            from build_status
            where team_id = $1 and build_id = any ($2) and state = 'succeeded' and image is not null
            "#,
            intent.team(),
            &ids,
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        let mut built: BTreeMap<BuildId, (ImageRef, Option<bool>)> = BTreeMap::new();
        for row in rows {
            let image = decode::json(row.image, "image")?;
            built.insert(BuildId::from_uuid(row.build_id), (image, row.generated));
        }
        let images = release.spec.services.iter().filter_map(|(name, service)| {
            let known = match &service.image {
                ImageSource::Pinned(image) => Some((image.clone(), None)),
                ImageSource::Build(build) | ImageSource::Resolve { build, .. } => {
                    built.get(build).cloned()
                }
            };
            let (image, generated) = known?;
            Some((
                name.clone(),
                (image, generated.unwrap_or(service.generated)),
            ))
        });
        Ok(images.collect())
    }
}

async fn named(intent: &mut Intent<'_>, row: Row) -> Result<ReleaseView, StoreError> {
    let mut release = ReleaseView::try_from(row)?;
    release.created_by = intent.name_of(release.created_by).await?;
    Ok(release)
}

/// The builds that a spec names.
pub(super) fn builds_of(spec: &ReleaseSpec) -> BTreeSet<BuildId> {
    spec.services
        .values()
        .filter_map(|service| match &service.image {
            ImageSource::Build(build) | ImageSource::Resolve { build, .. } => Some(*build),
            ImageSource::Pinned(_) => None,
        })
        .collect()
}

/// Adds a release and the builds that it waits for.
pub(super) async fn insert(
    intent: &mut Intent<'_>,
    app: AppId,
    environment: EnvironmentId,
    version: i64,
    new: &NewRelease,
) -> Result<(), StoreError> {
    for build in &new.builds {
        builds::insert(intent, app, environment, build).await?;
    }
    sqlx::query!(
        "
        insert into releases (id, team_id, app_id, environment_id, version, spec, config_version, source_id, commit_id, message, created_by,
            origin_release_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ",
        new.id.as_uuid(),
        intent.team(),
        app.as_uuid(),
        environment.as_uuid(),
        version,
        decode::to_json(&new.spec, "release")?,
        new.config_version,
        new.source.map(SourceId::as_uuid),
        new.commit,
        new.message,
        intent.actor(),
        new.origin.map(ReleaseId::as_uuid),
    )
    .execute(&mut *intent.tx)
    .await?;
    for build in builds_of(&new.spec) {
        sqlx::query!(
            "
            insert into release_builds (team_id, release_id, build_id)
            values ($1, $2, $3)
            ",
            intent.team(),
            new.id.as_uuid(),
            build.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
    }
    Ok(())
}
