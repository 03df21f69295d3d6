//! Observations: the only writer of what was seen of instances.
//!
//! Order is by the moment for which an observation speaks, on the database clock: `now - age`. A late one
//! cannot beat a newer one, ranks never fall, and what changes nothing is not written.

use std::time::Duration;

use segue_model::failure::Failure;
use segue_model::id::{EnvironmentId, InstanceId};
use segue_model::state::Observed;

use super::SystemStore;
use crate::decode;
use crate::error::StoreError;

/// What was seen of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Its state.
    pub state: Observed,
    /// Exit code of its last end, if it ended.
    pub exit_code: Option<i32>,
    /// Killed for memory.
    pub oom: bool,
    /// Restarts by the engine itself; `None` leaves the known figure.
    pub restarts: Option<u32>,
    /// What gate or engine complains of; `None` leaves what is known, unless the instance is ready.
    pub failure: Option<Failure>,
}

impl Observation {
    /// A state and nothing else.
    #[must_use]
    pub fn state(state: Observed) -> Self {
        Self {
            state,
            exit_code: None,
            oom: false,
            restarts: None,
            failure: None,
        }
    }
}

/// An observation of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceObservation {
    /// Of which.
    pub instance: InstanceId,
    /// Time since the moment it speaks for: since the answer, for the result of a call; since the request
    /// was sent, for a listing, whose answer may be older than what happened meanwhile.
    pub age: Duration,
    /// What was seen.
    pub seen: Observation,
}

impl SystemStore {
    /// Writes a batch and marks the environments where something changed. Returns those.
    ///
    /// Instances that the store does not know are ignored; a batch should hold each instance once (of
    /// several, the newest counts).
    ///
    /// # Errors
    /// Only those of the database; a deadlock with a commit is retryable.
    pub async fn observe(
        &self,
        batch: &[InstanceObservation],
    ) -> Result<Vec<EnvironmentId>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut columns = Columns::default();
        for observation in batch {
            columns.push(observation)?;
        }
        let mut tx = self.inner.system.begin().await?;
        let changed = sqlx::query_scalar!(
            r#"
            with told as (
                select distinct on (o.id) o.id, clock_timestamp() - o.age_us * interval '1 microsecond' as at,
                    o.state, o.exit_code, o.oom, o.restarts, o.failure
                from unnest($1::uuid[], $2::bigint[], $3::text[], $4::int[], $5::bool[], $6::int[], $7::jsonb[])
                    as o (id, age_us, state, exit_code, oom, restarts, failure)
                order by o.id, o.age_us
            ),
            written as (
                update instance_seen s
                set seq = extract(epoch from o.at) * 1000000,
                    state = o.state,
                    observed_at = o.at,
                    started_at = case
                        when o.state in ('started', 'ready', 'unready') and s.state = 'exited' then o.at
                        when o.state in ('started', 'ready', 'unready') then coalesce(s.started_at, o.at)
                        else s.started_at end,
                    ready_at = case
                        when o.state = 'ready' and s.state = 'ready' then s.ready_at
                        when o.state = 'ready' then o.at
                        when o.state in ('unready', 'exited', 'gone', 'lost') then s.ready_at
                        else null end,
                    unready_at = case
                        when o.state = 'unready' and s.state = 'unready' then s.unready_at
                        when o.state = 'unready' then o.at
                        else null end,
                    exited_at = case
                        when o.state in ('exited', 'gone') then coalesce(s.exited_at, o.at)
                        when o.state = 'lost' then s.exited_at
                        else null end,
                    gone_at = case when o.state = 'gone' then coalesce(s.gone_at, o.at) else s.gone_at end,
                    exit_code = case when o.state in ('exited', 'gone') then coalesce(o.exit_code, s.exit_code) else o.exit_code end,
                    oom = o.oom or (s.oom and o.state in ('exited', 'gone')),
                    restarts = greatest(s.restarts, coalesce(o.restarts, s.restarts)),
                    failure = case when o.state = 'ready' then o.failure else coalesce(o.failure, s.failure) end
                from told o
                where s.instance_id = o.id
                    and extract(epoch from o.at) * 1000000 > s.seq
                    and observed_may_become(s.state, o.state)
                    and (
                        s.state <> o.state
                        or s.exit_code is distinct from coalesce(o.exit_code, s.exit_code)
                        or (o.oom and not s.oom)
                        or coalesce(o.restarts, s.restarts) > s.restarts
                        or s.failure is distinct from case when o.state = 'ready' then o.failure else coalesce(o.failure, s.failure) end
                        -- Nothing new but that it is known again.
                        or exists (
                            select from attempts a
                            where a.instance_id = s.instance_id and a.started_at > coalesce(s.observed_at, '-infinity')
                                and a.started_at <= o.at
                        )
                    )
                returning s.environment_id
            )
            select distinct environment_id as "environment_id!"
            from written
            "#,
            &columns.ids,
            &columns.ages,
            &columns.states,
            &columns.exit_codes as _,
            &columns.ooms,
            &columns.restarts as _,
            &columns.failures as _,
        )
        .fetch_all(&mut *tx)
        .await?;
        for environment in &changed {
            sqlx::query!(
                "
                select work_add($1, 'environment', clock_timestamp())
                ",
                environment,
            )
            .fetch_one(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(changed.into_iter().map(EnvironmentId::from_uuid).collect())
    }
}

/// A batch by column, as `unnest` takes it.
#[derive(Default)]
struct Columns {
    ids: Vec<uuid::Uuid>,
    ages: Vec<i64>,
    states: Vec<String>,
    exit_codes: Vec<Option<i32>>,
    ooms: Vec<bool>,
    restarts: Vec<Option<i32>>,
    failures: Vec<Option<serde_json::Value>>,
}

impl Columns {
    fn push(&mut self, observation: &InstanceObservation) -> Result<(), StoreError> {
        let seen = &observation.seen;
        self.ids.push(observation.instance.as_uuid());
        self.ages.push(decode::number(observation.age.as_micros(), "age")?);
        self.states.push(seen.state.as_str().to_owned());
        self.exit_codes.push(seen.exit_code);
        self.ooms.push(seen.oom);
        self.restarts
            .push(seen.restarts.map(|count| decode::number(count, "restarts")).transpose()?);
        self.failures
            .push(decode::to_json_opt(seen.failure.as_ref(), "failure")?);
        Ok(())
    }
}
