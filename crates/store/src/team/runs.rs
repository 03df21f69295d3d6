//! One-off runs: what people ask for. What becomes of them is written by the worker and read here.

use std::time::Duration;

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::failure::Failure;
use segue_model::id::{AppId, EnvironmentId, ReleaseId, RunId};
use segue_model::name::ServiceName;
use segue_model::run::UNFINISHED_LIMIT;
use segue_model::state::RunState;
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::quota::Ask;
use super::{Page, TeamScope, environments};
use crate::decode;
use crate::error::StoreError;

/// A run to be asked for.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// A fresh id; its container's too.
    pub id: RunId,
    /// The release whose image and environment it has.
    pub release: ReleaseId,
    /// The service whose image and environment it has.
    pub service: ServiceName,
    /// Arguments, no shell.
    pub command: Vec<String>,
    /// From its start.
    pub time_limit: Duration,
}

/// A run with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Its app.
    pub app: AppId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// `run 7` of its environment.
    pub number: i64,
    /// Version of its release.
    pub version: i64,
    /// The service whose image and environment it has.
    pub service: ServiceName,
    /// Arguments, no shell.
    pub command: Vec<String>,
    /// From its start.
    pub time_limit: Duration,
    /// A person asked to stop it.
    pub cancel_requested: bool,
    /// Who asked for it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Where it is.
    pub state: RunState,
    /// Its host, once it has one.
    pub host: Option<String>,
    /// When its process was first seen to run.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What its process ended with.
    pub exit_code: Option<i32>,
    /// Killed for memory.
    pub oom: bool,
    /// Why it could not be run to its end.
    pub failure: Option<Failure>,
}

struct Row {
    id: uuid::Uuid,
    app_id: uuid::Uuid,
    environment_id: uuid::Uuid,
    number: i64,
    version: i64,
    service: String,
    command: serde_json::Value,
    time_limit_seconds: i32,
    cancel_requested: bool,
    created_by: String,
    created_at: jiff_sqlx::Timestamp,
    state: String,
    host: Option<String>,
    started_at: Option<jiff_sqlx::Timestamp>,
    finished_at: Option<jiff_sqlx::Timestamp>,
    exit_code: Option<i32>,
    oom: bool,
    failure: Option<serde_json::Value>,
}

impl TryFrom<Row> for RunView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: RunId::from_uuid(row.id),
            app: AppId::from_uuid(row.app_id),
            environment: EnvironmentId::from_uuid(row.environment_id),
            number: row.number,
            version: row.version,
            service: decode::text(&row.service, "service name")?,
            command: decode::json(row.command, "command")?,
            time_limit: Duration::from_secs(decode::number(row.time_limit_seconds, "time limit")?),
            cancel_requested: row.cancel_requested,
            created_by: row.created_by,
            created_at: row.created_at.to_jiff(),
            state: decode::text(&row.state, "run state")?,
            host: row.host,
            started_at: decode::time(row.started_at),
            finished_at: decode::time(row.finished_at),
            exit_code: row.exit_code,
            oom: row.oom,
            failure: decode::json_opt(row.failure, "failure")?,
        })
    }
}

impl TeamScope {
    /// Asks for a run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown environment; a conflict with `runs_unfinished` where as many as may be
    /// are under way.
    pub async fn run_create(
        &self,
        environment: EnvironmentId,
        new: &NewRun,
        idempotency: Option<Idempotency<'_, RunView>>,
    ) -> Result<Done<RunView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let ask = Ask::begin(&mut intent).await?;
        let locked = environments::lock(&mut intent, environment, None).await?;
        let unfinished = sqlx::query_scalar!(
            r#"
            select count(*) as "count!"
            from run_status
            where team_id = $1 and environment_id = $2 and rank < 100
            "#,
            intent.team(),
            environment.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if unfinished >= UNFINISHED_LIMIT {
            return Err(StoreError::Conflict {
                constraint: "runs_unfinished".to_owned(),
            });
        }
        let number = sqlx::query_scalar!(
            "
            update environments
            set last_run = last_run + 1
            where team_id = $1 and id = $2
            returning last_run
            ",
            intent.team(),
            environment.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        sqlx::query!(
            "
            insert into runs (id, team_id, app_id, environment_id, number, release_id, service, command, time_limit_seconds, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ",
            new.id.as_uuid(),
            intent.team(),
            locked.app.as_uuid(),
            environment.as_uuid(),
            number,
            new.release.as_uuid(),
            new.service.as_str(),
            decode::to_json(&new.command, "command")?,
            decode::number::<u64, i32>(new.time_limit.as_secs(), "time limit")?,
            intent.actor(),
        )
        .execute(&mut *intent.tx)
        .await?;
        sqlx::query!(
            "
            insert into run_status (run_id, team_id, environment_id)
            values ($1, $2, $3)
            ",
            new.id.as_uuid(),
            intent.team(),
            environment.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        ask.end(&mut intent).await?;
        environments::touch(&mut intent, environment).await?;
        // Arguments may hold what should have been a secret: the program alone is told.
        let program = new.command.first().cloned().unwrap_or_default();
        let program: String = program
            .chars()
            .filter(|c| !c.is_control())
            .take(80)
            .collect();
        let detail = json!({"environment": environment, "number": number, "service": new.service, "program": program});
        intent
            .audit("run_create", &new.id.to_string(), &detail)
            .await?;
        let message = format!("run {number} of {program} asked for");
        self.run_event(&mut intent, locked.app, environment, new.id, &message)
            .await?;
        let run = find(&mut intent, environment, number).await?;
        intent.finish(idempotency, run).await
    }

    /// A run of an environment by its number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn run_get(
        &self,
        environment: EnvironmentId,
        number: i64,
    ) -> Result<RunView, StoreError> {
        let mut intent = self.begin().await?;
        find(&mut intent, environment, number).await
    }

    /// Runs of an environment, the newest first; `after` is a number.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn run_list(
        &self,
        environment: EnvironmentId,
        page: Page<i64>,
    ) -> Result<Vec<RunView>, StoreError> {
        let mut intent = self.begin().await?;
        let rows = rows(&mut intent, environment, None, page).await?;
        let mut runs = rows
            .into_iter()
            .map(RunView::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        intent
            .name_all(runs.iter_mut().map(|run| &mut run.created_by))
            .await?;
        Ok(runs)
    }

    /// Asks to stop a run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a conflict with `run_ended` once it has ended.
    pub async fn run_cancel(
        &self,
        environment: EnvironmentId,
        number: i64,
        idempotency: Option<Idempotency<'_, RunView>>,
    ) -> Result<Done<RunView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        environments::lock(&mut intent, environment, None).await?;
        let before = find(&mut intent, environment, number).await?;
        if before.state.is_terminal() {
            return Err(StoreError::Conflict {
                constraint: "run_ended".to_owned(),
            });
        }
        sqlx::query!(
            "
            update runs
            set cancel_requested = true
            where team_id = $1 and id = $2
            ",
            intent.team(),
            before.id.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        environments::touch(&mut intent, environment).await?;
        intent
            .audit(
                "run_cancel",
                &before.id.to_string(),
                &json!({"number": number}),
            )
            .await?;
        let message = format!("a person asked to stop run {number}");
        self.run_event(&mut intent, before.app, environment, before.id, &message)
            .await?;
        let run = find(&mut intent, environment, number).await?;
        intent.finish(idempotency, run).await
    }

    async fn run_event(
        &self,
        intent: &mut Intent<'_>,
        app: AppId,
        environment: EnvironmentId,
        run: RunId,
        message: &str,
    ) -> Result<(), StoreError> {
        let subject = EventSubject {
            run: Some(run),
            ..EventSubject::default()
        };
        intent
            .event(
                Some(app),
                Some(environment),
                "run.requested",
                &subject,
                message,
            )
            .await
    }
}

async fn find(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    number: i64,
) -> Result<RunView, StoreError> {
    let page = Page::first(1);
    let row = rows(intent, environment, Some(number), page).await?;
    let row = row.into_iter().next().ok_or(StoreError::NotFound)?;
    let mut run = RunView::try_from(row)?;
    run.created_by = intent.name_of(run.created_by).await?;
    Ok(run)
}

async fn rows(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    number: Option<i64>,
    page: Page<i64>,
) -> Result<Vec<Row>, StoreError> {
    Ok(sqlx::query_as!(
        Row,
        r#"
        select r.id, r.app_id, r.environment_id, r.number, v.version, r.service, r.command, r.time_limit_seconds,
            r.cancel_requested, r.created_by, r.created_at, t.state, h.name as "host?", t.started_at, t.finished_at,
            t.exit_code, t.oom, t.failure
        from runs r
        join run_status t on t.run_id = r.id
        join releases v on v.id = r.release_id
        left join instances i on i.run_id = r.id
        left join hosts h on h.id = i.host_id
        where r.team_id = $1 and r.environment_id = $2
            and ($3::bigint is null or r.number = $3)
            and ($4::bigint is null or r.number < $4)
        order by r.number desc
        limit $5
        "#,
        intent.team(),
        environment.as_uuid(),
        number,
        page.after,
        page.sql_limit(),
    )
    .fetch_all(&mut *intent.tx)
    .await?)
}
