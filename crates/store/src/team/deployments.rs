//! Deployments: what people ask for. Their progress is written by the worker and read here.

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::failure::Failure;
use segue_model::id::{AppId, BuildId, DeploymentId, EnvironmentId, ReleaseId};
use segue_model::name::GitRef;
use segue_model::route::RequestCounts;
use segue_model::state::DeploymentState;
use serde_json::json;

use super::domains::{self, NewDomain};
use super::intent::{Done, Idempotency, Intent};
use super::releases::{self, NewRelease};
use super::{Page, TeamScope, builds, environments};
use crate::decode;
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// Why a deployment was asked for.
    DeploymentKind {
        /// New source or image.
        Deploy = "deploy",
        /// Back to an older release.
        Rollback = "rollback",
        /// Another environment's release.
        Promote = "promote",
        /// The same, in new containers.
        Restart = "restart",
        /// Changed configuration.
        Config = "config",
        /// Changed secret.
        Secret = "secret",
        /// Changed specification.
        Spec = "spec",
    }
}

/// Where a deployment goes.
#[derive(Debug, Clone)]
pub enum Target {
    /// To a release that is made with it.
    New(Box<NewRelease>),
    /// To one that exists.
    Existing(ReleaseId),
}

/// A deployment to be asked for.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    /// A fresh id.
    pub id: DeploymentId,
    /// Where it goes.
    pub target: Target,
    /// Why.
    pub kind: DeploymentKind,
    /// Host names that the release's services want; claimed in the same transaction.
    pub domains: Vec<NewDomain>,
    /// The ref that was pushed, with its commit.
    pub git: Option<(GitRef, String)>,
    /// What people say about it.
    pub message: String,
}

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

/// What a switch did to requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// First generation of the routes with the new release.
    pub first_gen: i64,
    /// When that was committed.
    pub from: Timestamp,
    /// When the last live edge had acknowledged, plus the drain time; `None`: not over yet.
    pub until: Option<Timestamp>,
    /// Everything that edges finished in between, of all releases.
    pub counts: RequestCounts,
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
    /// Asks for a deployment: release (unless it exists), builds, host names, git ref, audit, event and
    /// wake-up in one transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown environment, release, build or source;
    /// [`StoreError::PreconditionFailed`]; `domains_name_taken`.
    pub async fn deployment_create(
        &self,
        environment: EnvironmentId,
        expected_generation: Option<i64>,
        new: &NewDeployment,
        idempotency: Option<Idempotency<'_, Deployment>>,
    ) -> Result<Done<Deployment>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let locked = environments::lock(&mut intent, environment, expected_generation).await?;
        let mut last_release = locked.last_release;
        let release = match &new.target {
            Target::New(release) => {
                last_release += 1;
                releases::insert(&mut intent, locked.app, environment, last_release, release)
                    .await?;
                release.id
            }
            Target::Existing(release) => *release,
        };
        let number = locked.last_deployment + 1;
        sqlx::query!(
            "
            insert into deployments (id, team_id, app_id, environment_id, number, release_id, kind, git_ref, message, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ",
            new.id.as_uuid(),
            intent.team(),
            locked.app.as_uuid(),
            environment.as_uuid(),
            number,
            release.as_uuid(),
            new.kind.as_str(),
            new.git.as_ref().map(|(name, _)| name.as_str()),
            new.message,
            intent.actor(),
        )
        .execute(&mut *intent.tx)
        .await?;
        sqlx::query!(
            "
            update environments
            set last_release = $3, last_deployment = $4
            where team_id = $1 and id = $2
            ",
            intent.team(),
            environment.as_uuid(),
            last_release,
            number,
        )
        .execute(&mut *intent.tx)
        .await?;
        for domain in &new.domains {
            domains::claim(&mut intent, locked.app, environment, domain).await?;
        }
        if let Some((name, commit)) = &new.git {
            push_ref(&mut intent, locked.app, name, commit, new.id).await?;
        }
        environments::touch(&mut intent, environment).await?;
        let deployment = find(&mut intent, new.id).await?;
        let detail = json!({
            "environment": environment, "number": number, "version": deployment.version, "kind": new.kind.as_str(),
        });
        intent
            .audit("deployment_create", &new.id.to_string(), &detail)
            .await?;
        let subject = EventSubject {
            deployment: Some(new.id),
            release: Some(release),
            ..EventSubject::default()
        };
        let message = format!(
            "{} #{number} to v{} asked for",
            new.kind, deployment.version
        );
        intent
            .event(
                Some(locked.app),
                Some(environment),
                "deployment.created",
                &subject,
                &message,
            )
            .await?;
        intent.finish(idempotency, deployment).await
    }

    /// Asks to stop a deployment, its builds included. What has begun is brought back by the worker.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a conflict with `deployment_live` once it is live or over.
    pub async fn deployment_cancel(
        &self,
        id: DeploymentId,
        idempotency: Option<Idempotency<'_, Deployment>>,
    ) -> Result<Done<Deployment>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let before = find(&mut intent, id).await?;
        if matches!(
            before.state,
            DeploymentState::Live | DeploymentState::Baking
        ) || before.state.is_terminal()
        {
            return Err(StoreError::Conflict {
                constraint: "deployment_live".to_owned(),
            });
        }
        sqlx::query!(
            "
            update deployments
            set cancel_requested = true
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        for build in &before.builds {
            builds::request_cancel(&mut intent, *build).await?;
        }
        environments::touch(&mut intent, before.environment).await?;
        intent
            .audit(
                "deployment_cancel",
                &id.to_string(),
                &json!({"number": before.number}),
            )
            .await?;
        let subject = EventSubject {
            deployment: Some(id),
            ..EventSubject::default()
        };
        let message = format!("a person asked to stop #{}", before.number);
        intent
            .event(
                Some(before.app),
                Some(before.environment),
                "deployment.cancel_requested",
                &subject,
                &message,
            )
            .await?;
        let deployment = find(&mut intent, id).await?;
        intent.finish(idempotency, deployment).await
    }

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
        let team = intent.team();
        fetch(&mut intent, team, None, Some(environment), page).await
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

    /// What the switch of a deployment did to requests; `None` before the first generation with it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn deployment_receipt(
        &self,
        id: DeploymentId,
    ) -> Result<Option<Receipt>, StoreError> {
        let mut intent = self.begin().await?;
        let deployment = find(&mut intent, id).await?;
        let row = sqlx::query!(
            r#"
            select o.first_gen, o.first_gen_at,
                coalesce(o.live_at, o.finished_at)
                    + coalesce((r.spec -> 'rollout' -> 'drain' ->> 'secs')::integer, 30) * interval '1 second' as until
            from rollouts o
            join deployments d on d.id = o.deployment_id
            join releases r on r.id = d.release_id
            where o.team_id = $1 and o.deployment_id = $2
            "#,
            intent.team(),
            id.as_uuid(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        let Some((first_gen, from, until)) = row.and_then(|row| {
            Some((
                row.first_gen?,
                row.first_gen_at?.to_jiff(),
                decode::time(row.until),
            ))
        }) else {
            return Ok(None);
        };
        let counts = sqlx::query!(
            r#"
            select
                coalesce(sum(by_class[1]), 0)::bigint as "c1!", coalesce(sum(by_class[2]), 0)::bigint as "c2!",
                coalesce(sum(by_class[3]), 0)::bigint as "c3!", coalesce(sum(by_class[4]), 0)::bigint as "c4!",
                coalesce(sum(by_class[5]), 0)::bigint as "c5!",
                coalesce(sum(edge_failed), 0)::bigint as "edge_failed!", coalesce(sum(broken), 0)::bigint as "broken!",
                coalesce(sum(retries), 0)::bigint as "retries!", coalesce(sum(latency_sum_us), 0)::bigint as "latency_sum_us!",
                coalesce(max(latency_max_us), 0) as "latency_max_us!", coalesce(max(wait_max_us), 0) as "wait_max_us!"
            from request_counts
            where team_id = $1 and environment_id = $2 and route_gen >= $3
                and second >= date_trunc('second', $4::timestamptz)
                and ($5::timestamptz is null or second <= $5)
            "#,
            intent.team(),
            deployment.environment.as_uuid(),
            first_gen,
            decode::sql_time(Some(from)) as _,
            decode::sql_time(until) as _,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let count = |value: i64| decode::number::<i64, u64>(value, "count");
        Ok(Some(Receipt {
            first_gen,
            from,
            until,
            counts: RequestCounts {
                by_class: [
                    count(counts.c1)?,
                    count(counts.c2)?,
                    count(counts.c3)?,
                    count(counts.c4)?,
                    count(counts.c5)?,
                ],
                edge_failed: count(counts.edge_failed)?,
                broken: count(counts.broken)?,
                retries: count(counts.retries)?,
                latency_sum_us: count(counts.latency_sum_us)?,
                latency_max_us: count(counts.latency_max_us)?,
                wait_max_us: count(counts.wait_max_us)?,
            },
        }))
    }
}

async fn push_ref(
    intent: &mut Intent<'_>,
    app: AppId,
    name: &GitRef,
    commit: &str,
    deployment: DeploymentId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        insert into app_refs (team_id, app_id, ref, commit_id, deployment_id)
        values ($1, $2, $3, $4, $5)
        on conflict (app_id, ref) do update
            set commit_id = excluded.commit_id, deployment_id = excluded.deployment_id, updated_at = now()
        ",
        intent.team(),
        app.as_uuid(),
        name.as_str(),
        commit,
        deployment.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?;
    Ok(())
}

async fn find(intent: &mut Intent<'_>, id: DeploymentId) -> Result<Deployment, StoreError> {
    let team = intent.team();
    fetch(intent, team, Some(id), None, Page::first(1))
        .await?
        .into_iter()
        .next()
        .ok_or(StoreError::NotFound)
}

/// One deployment, or a page of an environment's.
async fn fetch(
    intent: &mut Intent<'_>,
    team: uuid::Uuid,
    id: Option<DeploymentId>,
    environment: Option<EnvironmentId>,
    page: Page<i64>,
) -> Result<Vec<Deployment>, StoreError> {
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
        where d.team_id = $1
            and ($2::uuid is null or d.id = $2)
            and ($3::uuid is null or d.environment_id = $3)
            and ($4::bigint is null or d.number < $4)
        order by d.number desc
        limit $5
        "#,
        team,
        id.map(DeploymentId::as_uuid),
        environment.map(EnvironmentId::as_uuid),
        page.after,
        page.sql_limit(),
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .into_iter()
    .map(Deployment::try_from)
    .collect()
}
