//! Deployments as they are read: what was asked for, with the progress that the worker wrote.

use jiff::Timestamp;
use segue_model::failure::Failure;
use segue_model::id::{AppId, BuildId, DeploymentId, EnvironmentId, ReleaseId};
use segue_model::name::GitRef;
use segue_model::state::DeploymentState;

use super::DeploymentKind;
use crate::decode;
use crate::error::StoreError;
use crate::team::intent::Intent;
use crate::team::{Page, TeamScope};

/// A deployment with its progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Its app.
    pub app: AppId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// `#42`.
    pub number: i64,
    /// Where it goes.
    pub release: ReleaseId,
    /// Version of that release.
    pub version: i64,
    /// Why.
    pub kind: DeploymentKind,
    /// The ref that was pushed.
    pub git_ref: Option<GitRef>,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// What people say about it.
    pub message: String,
    /// Who asked for it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Where it is.
    pub state: DeploymentState,
    /// Builds that its release waits for.
    pub builds: Vec<BuildId>,
    /// When its rollout began.
    pub started_at: Option<Timestamp>,
    /// When every live edge served it alone.
    pub live_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it fails or failed.
    pub failure: Option<Failure>,
}

struct Row {
    id: uuid::Uuid,
    app_id: uuid::Uuid,
    environment_id: uuid::Uuid,
    number: i64,
    release_id: uuid::Uuid,
    version: i64,
    kind: String,
    git_ref: Option<String>,
    cancel_requested: bool,
    message: String,
    created_by: String,
    created_at: jiff_sqlx::Timestamp,
    state: String,
    builds: Vec<uuid::Uuid>,
    started_at: Option<jiff_sqlx::Timestamp>,
    live_at: Option<jiff_sqlx::Timestamp>,
    finished_at: Option<jiff_sqlx::Timestamp>,
    failure: Option<serde_json::Value>,
}

impl TryFrom<Row> for Deployment {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeploymentId::from_uuid(row.id),
            app: AppId::from_uuid(row.app_id),
            environment: EnvironmentId::from_uuid(row.environment_id),
            number: row.number,
            release: ReleaseId::from_uuid(row.release_id),
            version: row.version,
            kind: decode::text(&row.kind, "deployment kind")?,
            git_ref: row
                .git_ref
                .map(|name| decode::text(&name, "git ref"))
                .transpose()?,
            cancel_requested: row.cancel_requested,
            message: row.message,
            created_by: row.created_by,
            created_at: row.created_at.to_jiff(),
            state: decode::text(&row.state, "deployment state")?,
            builds: row.builds.into_iter().map(BuildId::from_uuid).collect(),
            started_at: decode::time(row.started_at),
            live_at: decode::time(row.live_at),
            finished_at: decode::time(row.finished_at),
            failure: decode::json_opt(row.failure, "failure")?,
        })
    }
}

impl TeamScope {
    /// A deployment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn deployment_get(&self, id: DeploymentId) -> Result<Deployment, StoreError> {
        let mut intent = self.begin().await?;
        find(&mut intent, id).await
    }

    /// A deployment of an environment by its number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn deployment_by_number(
        &self,
        environment: EnvironmentId,
        number: i64,
    ) -> Result<Deployment, StoreError> {
        let mut intent = self.begin().await?;
        let id = sqlx::query_scalar!(
            "
            select id
            from deployments
            where team_id = $1 and environment_id = $2 and number = $3
            ",
            intent.team(),
            environment.as_uuid(),
            number,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        find(&mut intent, DeploymentId::from_uuid(id)).await
    }

    /// Deployments of an environment, the newest first; `after` is a number.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn deployment_list(
        &self,
        environment: EnvironmentId,
        page: Page<i64>,
    ) -> Result<Vec<Deployment>, StoreError> {
        let mut intent = self.begin().await?;
        fetch(&mut intent, Which::Of(environment, page)).await
    }

    /// The newest deployment of each of these environments that has one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn deployment_newest(
        &self,
        environments: &[EnvironmentId],
    ) -> Result<Vec<Deployment>, StoreError> {
        let mut intent = self.begin().await?;
        let environments: Vec<_> = environments.iter().map(|id| id.as_uuid()).collect();
        fetch(&mut intent, Which::Newest(&environments)).await
    }

    /// The deployment that a push of this commit made, if the ref stands on it.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn deployment_of_push(
        &self,
        app: AppId,
        name: &GitRef,
        commit: &str,
    ) -> Result<Option<Deployment>, StoreError> {
        let mut intent = self.begin().await?;
        let id = sqlx::query_scalar!(
            "
            select deployment_id
            from app_refs
            where team_id = $1 and app_id = $2 and ref = $3 and commit_id = $4
            ",
            intent.team(),
            app.as_uuid(),
            name.as_str(),
            commit,
        )
        .fetch_optional(&mut *intent.tx)
        .await?
        .flatten();
        match id {
            Some(id) => find(&mut intent, DeploymentId::from_uuid(id))
                .await
                .map(Some),
            None => Ok(None),
        }
    }
}

pub(super) async fn find(
    intent: &mut Intent<'_>,
    id: DeploymentId,
) -> Result<Deployment, StoreError> {
    fetch(intent, Which::One(id))
        .await?
        .into_iter()
        .next()
        .ok_or(StoreError::NotFound)
}

/// Which deployments are read.
#[derive(Clone, Copy)]
enum Which<'a> {
    One(DeploymentId),
    /// A page of an environment's.
    Of(EnvironmentId, Page<i64>),
    /// The newest of each environment.
    Newest(&'a [uuid::Uuid]),
}

/// Rows of the deployments that the end of the statement names. A statement for each way to name them: one for all
/// would be planned for none, and read every deployment of the team.
macro_rules! rows {
    ($intent:ident, $which:tt, $($parameter:expr),+) => {
        sqlx::query_as!(
            Row,
            r#"
            select d.id, d.app_id, d.environment_id, d.number, d.release_id, r.version, d.kind, d.git_ref, d.cancel_requested,
                d.message, d.created_by, d.created_at,
                coalesce(o.state, case when exists (
                    select from release_builds rb
                    join build_status b on b.build_id = rb.build_id
                    where rb.release_id = d.release_id and b.rank between 10 and 99
                ) then 'building' else 'queued' end) as "state!",
                array(select rb.build_id from release_builds rb where rb.release_id = d.release_id order by rb.build_id) as "builds!",
                o.started_at as "started_at?", o.live_at, o.finished_at, o.failure
            from deployments d
            join releases r on r.id = d.release_id
            left join rollouts o on o.deployment_id = d.id
            where d.team_id = $1 and
            "# + $which,
            $intent.team(),
            $($parameter),+
        )
        .fetch_all(&mut *$intent.tx)
        .await?
    };
}

async fn fetch(intent: &mut Intent<'_>, which: Which<'_>) -> Result<Vec<Deployment>, StoreError> {
    let rows = match which {
        Which::One(id) => rows!(intent, "d.id = $2", id.as_uuid()),
        Which::Of(environment, page) => rows!(
            intent,
            "d.environment_id = $2 and d.number < $3 order by d.number desc limit $4",
            environment.as_uuid(),
            page.after.unwrap_or(i64::MAX),
            page.sql_limit()
        ),
        Which::Newest(environments) => rows!(
            intent,
            "(d.environment_id, d.number) in (
                select e.id, e.last_deployment from environments e where e.team_id = $1 and e.id = any($2)
            ) order by d.number desc",
            environments
        ),
    };
    let mut deployments = rows
        .into_iter()
        .map(Deployment::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    intent
        .name_all(
            deployments
                .iter_mut()
                .map(|deployment| &mut deployment.created_by),
        )
        .await?;
    Ok(deployments)
}
