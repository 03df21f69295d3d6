//! The build queue. A claim has an epoch and an end: a builder that lost its claim can write nothing, and
//! a build whose builder died is claimed again (invariant I22).

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use segue_model::failure::Failure;
use segue_model::id::{AppId, BuildId, EnvironmentId, SourceId, TeamId, WorkerId};
use segue_model::spec::ImageRef;
use segue_model::state::BuildState;
use serde_json::Value;
use sqlx::PgConnection;

use super::SystemStore;
use crate::decode;
use crate::error::StoreError;
use crate::team::BuildInput;
use crate::team::builds::input;

/// How long a claim lasts without renewal.
const CLAIM: Duration = Duration::from_secs(30);
/// Claims of one build at most; after them an infrastructure error is the build's failure.
pub(super) const MAX_ATTEMPTS: i32 = 3;

/// A claim on a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildClaim {
    /// Which build.
    pub build: BuildId,
    /// The fencing token.
    pub epoch: i64,
}

/// A build that was claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedBuild {
    /// The claim.
    pub claim: BuildClaim,
    /// Its team.
    pub team: TeamId,
    /// Its app.
    pub app: AppId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// What it starts from.
    pub input: BuildInput,
    /// The manifest's `[build]`.
    pub settings: Value,
    /// 1 for the first claim.
    pub attempt: u32,
    /// A person asked to stop it before it was claimed.
    pub cancel_requested: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// What a builder hears when it renews its claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildSignal {
    /// Go on.
    Continue,
    /// A person asked to stop.
    Cancel,
    /// Somebody else has the build now; stop and write nothing.
    Lost,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq)]
pub enum BuildOutcome {
    /// With an image.
    Succeeded {
        /// The image, pinned.
        image: ImageRef,
        /// Its single exposed port.
        exposed_port: Option<u16>,
        /// The Dockerfile was made by Segue (profile `strict`).
        generated: bool,
    },
    /// People's error: never tried again.
    Failed(Failure),
    /// It took longer than its limit.
    TimedOut(Failure),
    /// A person stopped it.
    Cancelled(Failure),
    /// The infrastructure's error: queued again, up to three times in all.
    Retry(Failure),
}

impl SystemStore {
    /// Claims the build that waits longest, or one whose claim ran out. `None` if none waits.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn build_claim(&self, worker: WorkerId) -> Result<Option<ClaimedBuild>, StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        let row = sqlx::query!(
            "
            with next as (
                select s.build_id
                from build_status s
                where s.rank < 100 and s.attempt < $3 and (s.claim_until is null or s.claim_until <= clock_timestamp())
                order by s.build_id
                limit 1
                for update skip locked
            )
            update build_status s
            set state = 'claimed', claimed_by = $1, claim_epoch = s.claim_epoch + 1,
                claim_until = clock_timestamp() + $2 * interval '1 second',
                attempt = s.attempt + 1, started_at = coalesce(s.started_at, now())
            from next, builds b
            where s.build_id = next.build_id and b.id = s.build_id
            returning s.build_id, s.claim_epoch, s.attempt, s.cancel_requested, b.team_id, b.app_id, b.environment_id, b.source_id,
                b.image_name, b.settings, b.created_at
            ",
            worker.as_uuid(),
            CLAIM.as_secs_f64(),
            MAX_ATTEMPTS,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let claimed = ClaimedBuild {
            claim: BuildClaim {
                build: BuildId::from_uuid(row.build_id),
                epoch: row.claim_epoch,
            },
            team: TeamId::from_uuid(row.team_id),
            app: AppId::from_uuid(row.app_id),
            environment: EnvironmentId::from_uuid(row.environment_id),
            input: input(row.source_id, row.image_name.as_deref())?,
            settings: row.settings,
            attempt: decode::number(row.attempt, "attempt")?,
            cancel_requested: row.cancel_requested,
            created_at: row.created_at.to_jiff(),
        };
        tell(
            &mut tx,
            &claimed.claim,
            "build.started",
            "build started",
            None,
        )
        .await?;
        tx.commit().await?;
        Ok(Some(claimed))
    }

    /// Renews a claim, every ten seconds or so.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn build_renew(&self, claim: &BuildClaim) -> Result<BuildSignal, StoreError> {
        let cancel = sqlx::query_scalar!(
            "
            update build_status
            set claim_until = clock_timestamp() + $3 * interval '1 second'
            where build_id = $1 and claim_epoch = $2 and rank < 100
            returning cancel_requested
            ",
            claim.build.as_uuid(),
            claim.epoch,
            CLAIM.as_secs_f64(),
        )
        .fetch_optional(&self.inner.system)
        .await?;
        Ok(match cancel {
            Some(false) => BuildSignal::Continue,
            Some(true) => BuildSignal::Cancel,
            None => BuildSignal::Lost,
        })
    }

    /// Writes where a build is and its step tree.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] without the claim; [`StoreError::Conflict`] if the state would go back.
    pub async fn build_progress(
        &self,
        claim: &BuildClaim,
        state: BuildState,
        steps: &Value,
    ) -> Result<(), StoreError> {
        let written = sqlx::query!(
            "
            update build_status
            set state = $3, steps = $4
            where build_id = $1 and claim_epoch = $2 and rank < 100
            ",
            claim.build.as_uuid(),
            claim.epoch,
            state.as_str(),
            steps,
        )
        .execute(&self.inner.system)
        .await?
        .rows_affected();
        if written == 0 {
            return Err(lost(claim));
        }
        sqlx::query!("select pg_notify('segue_events', '')")
            .fetch_one(&self.inner.system)
            .await?;
        Ok(())
    }

    /// Ends a build, or puts it back into the queue, and wakes its environment.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] without the claim.
    pub async fn build_finish(
        &self,
        claim: &BuildClaim,
        outcome: &BuildOutcome,
    ) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        let row = sqlx::query!(
            "
            select s.attempt, b.environment_id, b.team_id
            from build_status s
            join builds b on b.id = s.build_id
            where s.build_id = $1 and s.claim_epoch = $2 and s.rank < 100
            for update of s
            ",
            claim.build.as_uuid(),
            claim.epoch,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(|| lost(claim))?;
        match outcome {
            BuildOutcome::Succeeded {
                image,
                exposed_port,
                generated,
            } => {
                sqlx::query!(
                    "
                    update build_status
                    set state = 'succeeded', image = $2, exposed_port = $3, generated = $4, finished_at = now(), failure = null
                    where build_id = $1
                    ",
                    claim.build.as_uuid(),
                    decode::to_json(image, "image")?,
                    exposed_port.map(i32::from),
                    generated,
                )
                .execute(&mut *tx)
                .await?;
                sqlx::query!(
                    "
                    insert into image_facts (team_id, content, exposed_port)
                    values ($1, $2, $3)
                    on conflict (team_id, content) do update
                        set exposed_port = excluded.exposed_port, noted_at = now()
                    ",
                    row.team_id,
                    image.content(),
                    exposed_port.map(i32::from),
                )
                .execute(&mut *tx)
                .await?;
                tell(&mut tx, claim, "build.succeeded", "build succeeded", None).await?;
            }
            BuildOutcome::Failed(failure) => {
                end(&mut tx, claim, BuildState::Failed, failure).await?;
            }
            BuildOutcome::TimedOut(failure) => {
                end(&mut tx, claim, BuildState::TimedOut, failure).await?;
            }
            BuildOutcome::Cancelled(failure) => {
                end(&mut tx, claim, BuildState::Cancelled, failure).await?;
            }
            BuildOutcome::Retry(failure) if row.attempt >= MAX_ATTEMPTS => {
                end(&mut tx, claim, BuildState::Failed, failure).await?;
            }
            BuildOutcome::Retry(failure) => {
                sqlx::query!(
                    "
                    update build_status
                    set state = 'queued', claimed_by = null, failure = $2,
                        claim_until = clock_timestamp() + attempt * interval '2 seconds'
                    where build_id = $1
                    ",
                    claim.build.as_uuid(),
                    decode::to_json(failure, "failure")?,
                )
                .execute(&mut *tx)
                .await?;
                tell(
                    &mut tx,
                    claim,
                    "build.retried",
                    "build queued again",
                    Some(failure),
                )
                .await?;
            }
        }
        sqlx::query!(
            "
            select work_add($1, 'environment', clock_timestamp())
            ",
            row.environment_id,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Builds that were claimed too often without an end fail; their environments are woken. Part of the
    /// sweep: a builder that dies each time never says so itself.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn build_give_up(&self, failure: &Failure) -> Result<u64, StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        let given_up = sqlx::query!(
            "
            update build_status s
            set state = 'failed', failure = $2, finished_at = now()
            from builds b
            where b.id = s.build_id and s.rank < 100 and s.attempt >= $1 and s.claim_until <= clock_timestamp()
            returning s.build_id, b.environment_id, s.claim_epoch
            ",
            MAX_ATTEMPTS,
            decode::to_json(failure, "failure")?,
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in &given_up {
            let claim = BuildClaim {
                build: BuildId::from_uuid(row.build_id),
                epoch: row.claim_epoch,
            };
            tell(
                &mut tx,
                &claim,
                "build.failed",
                "build given up",
                Some(failure),
            )
            .await?;
            sqlx::query!(
                "
                select work_add($1, 'environment', clock_timestamp())
                ",
                row.environment_id,
            )
            .fetch_one(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(u64::try_from(given_up.len()).unwrap_or(u64::MAX))
    }

    /// A chunk of a source; `None` behind the last one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn source_chunk(
        &self,
        source: SourceId,
        position: u32,
    ) -> Result<Option<Bytes>, StoreError> {
        let data = sqlx::query_scalar!(
            "
            select c.data
            from source_chunks s
            join chunks c on c.team_id = s.team_id and c.digest = s.digest
            where s.source_id = $1 and s.position = $2
            ",
            source.as_uuid(),
            decode::number::<u32, i32>(position, "position")?,
        )
        .fetch_optional(&self.inner.system)
        .await?;
        Ok(data.map(Bytes::from))
    }
}

fn lost(claim: &BuildClaim) -> StoreError {
    StoreError::LeaseLost {
        shard: claim.build.to_string(),
    }
}

async fn end(
    connection: &mut PgConnection,
    claim: &BuildClaim,
    state: BuildState,
    failure: &Failure,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        update build_status
        set state = $2, failure = $3, finished_at = now()
        where build_id = $1
        ",
        claim.build.as_uuid(),
        state.as_str(),
        decode::to_json(failure, "failure")?,
    )
    .execute(&mut *connection)
    .await?;
    let kind = format!("build.{state}");
    let message = format!(
        "build {}: {}",
        state.as_str().replace('_', " "),
        failure.code.sentence()
    );
    tell(connection, claim, &kind, &message, Some(failure)).await
}

/// The builder's event, in the transaction of its change.
async fn tell(
    connection: &mut PgConnection,
    claim: &BuildClaim,
    kind: &str,
    message: &str,
    failure: Option<&Failure>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        insert into events (team_id, app_id, environment_id, kind, subject, message, failure, actor)
        select team_id, app_id, environment_id, $2, $3, $4, $5, 'segue/build'
        from builds
        where id = $1
        ",
        claim.build.as_uuid(),
        kind,
        serde_json::json!({}),
        message,
        decode::to_json_opt(failure, "failure")?,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("select pg_notify('segue_events', '')")
        .fetch_one(connection)
        .await?;
    Ok(())
}
