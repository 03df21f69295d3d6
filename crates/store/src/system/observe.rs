//! Observations: the one writer of what was seen of instances. Engine results, events, listings and probes
//! all become [`Observation`]s.
//!
//! Invariants: a late observation never beats a newer one (`seq`); ranks only grow, but for ready and unready
//! (a fall is ignored here, and refused by a trigger should this ever be wrong); `observed_at` is the moment at
//! which the read *began*, so that a listing that began before an attempt does not make its outcome known.

use std::collections::BTreeSet;
use std::time::Duration;

use segue_model::failure::Failure;
use segue_model::id::{EnvironmentId, InstanceId};
use segue_model::state::Observed;
use serde_json::Value;
use uuid::Uuid;

use super::SystemStore;
use crate::decode;
use crate::error::StoreError;

/// What was seen of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Of which.
    pub instance: InstanceId,
    /// Order of reads: the observer's lease epoch in the upper half, its own counter in the lower; taken when
    /// the read begins.
    pub seq: i64,
    /// How long ago the read began.
    pub age: Duration,
    /// What was seen. `None`: only the other parts are news.
    pub state: Option<Observed>,
    /// Exit code of the last end.
    pub exit_code: Option<i32>,
    /// Killed for memory.
    pub oom: bool,
    /// Restarts by the engine itself; never falls.
    pub restarts: Option<u32>,
    /// Whether the instance has its service's network alias.
    pub aliased: Option<bool>,
    /// Whether it ended and its last words have not been read yet.
    pub words_due: Option<bool>,
    /// What its gate or its engine complains of. `Some(None)` clears it.
    pub failure: Option<Option<Failure>>,
}

impl Observation {
    /// An observation of a state, made by a read that began just now.
    #[must_use]
    pub const fn new(instance: InstanceId, seq: i64, state: Observed) -> Self {
        Self {
            instance,
            seq,
            age: Duration::ZERO,
            state: Some(state),
            exit_code: None,
            oom: false,
            restarts: None,
            aliased: None,
            words_due: None,
            failure: None,
        }
    }
}

impl SystemStore {
    /// Writes what was seen, in one transaction, and adds the environments in which anything changed to the work.
    /// Several of one instance are applied in order. Answers the environments that were added.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing was written; the same observations may be written again.
    pub async fn observe(
        &self,
        batch: &[Observation],
    ) -> Result<BTreeSet<EnvironmentId>, StoreError> {
        let mut changed = BTreeSet::new();
        if batch.is_empty() {
            return Ok(changed);
        }
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        // One statement updates a row once, so each round takes the next observation of every instance.
        for round in rounds(batch) {
            let columns = Columns::of(&round)?;
            let environments = sqlx::query_scalar!(
                r#"
                with news as (
                    select *
                    from unnest(
                        $1::uuid[], $2::bigint[], $3::float8[], $4::text[], $5::int[], $6::bool[], $7::int[],
                        $8::bool[], $9::bool[], $10::bool[], $11::jsonb[]
                    ) as n (instance_id, seq, age, state, exit_code, oom, restarts, aliased, words_due, tells_failure, failure)
                ),
                before as (
                    select s.instance_id,
                        exists (
                            select
                            from attempts a
                            where a.instance_id = s.instance_id
                                and (s.observed_at is null or a.started_at > s.observed_at)
                        ) as unknown
                    from instance_seen s
                    join news n on n.instance_id = s.instance_id
                )
                update instance_seen s
                set seq = n.seq,
                    state = coalesce(n.state, s.state),
                    observed_at = greatest(s.observed_at, clock_timestamp() - make_interval(secs => n.age)),
                    started_at = case
                        when s.started_at is null and n.state in ('started', 'ready', 'unready') then clock_timestamp()
                        else s.started_at
                    end,
                    ready_at = case
                        when n.state = 'ready' and s.state <> 'ready' then clock_timestamp()
                        else s.ready_at
                    end,
                    unready_at = case
                        when n.state = 'unready' and s.state <> 'unready' then clock_timestamp()
                        else s.unready_at
                    end,
                    exited_at = case
                        when s.exited_at is null and n.state in ('exited', 'gone') then clock_timestamp()
                        else s.exited_at
                    end,
                    gone_at = case
                        when s.gone_at is null and n.state = 'gone' then clock_timestamp()
                        else s.gone_at
                    end,
                    exit_code = coalesce(n.exit_code, s.exit_code),
                    oom = s.oom or n.oom,
                    restarts = greatest(s.restarts, coalesce(n.restarts, 0)),
                    aliased = coalesce(n.aliased, s.aliased),
                    words_due_since = case
                        when n.words_due then coalesce(s.words_due_since, clock_timestamp())
                        when not n.words_due then null
                        else s.words_due_since
                    end,
                    failure = case when n.tells_failure then n.failure else s.failure end
                from news n
                join before b on b.instance_id = n.instance_id
                where s.instance_id = n.instance_id
                    and n.seq >= s.seq
                    and observed_may_become(s.state, coalesce(n.state, s.state))
                    -- What says nothing new is not written: an unchanged environment costs no write.
                    and (
                        b.unknown
                        or coalesce(n.state, s.state) <> s.state
                        or coalesce(n.exit_code, s.exit_code) is distinct from s.exit_code
                        or (n.oom and not s.oom)
                        or coalesce(n.restarts, 0) > s.restarts
                        or coalesce(n.aliased, s.aliased) <> s.aliased
                        or n.words_due <> (s.words_due_since is not null)
                        or (n.tells_failure and n.failure is distinct from s.failure)
                    )
                returning s.environment_id
                "#,
                &columns.instances,
                &columns.seqs,
                &columns.ages,
                &columns.states as _,
                &columns.exit_codes as _,
                &columns.ooms,
                &columns.restarts as _,
                &columns.aliased as _,
                &columns.words_due as _,
                &columns.tells_failure,
                &columns.failures as _,
            )
            .fetch_all(&mut *tx)
            .await?;
            changed.extend(environments.into_iter().map(EnvironmentId::from_uuid));
        }
        for environment in &changed {
            sqlx::query!(
                "select work_add($1, 'environment', now())",
                environment.as_uuid()
            )
            .fetch_one(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(changed)
    }
}

fn rounds(batch: &[Observation]) -> Vec<Vec<&Observation>> {
    let mut rounds: Vec<Vec<&Observation>> = Vec::new();
    let mut seen: std::collections::BTreeMap<InstanceId, usize> = std::collections::BTreeMap::new();
    for observation in batch {
        let number = seen.entry(observation.instance).or_insert(0);
        if *number == rounds.len() {
            rounds.push(Vec::new());
        }
        if let Some(round) = rounds.get_mut(*number) {
            round.push(observation);
        }
        *number += 1;
    }
    rounds
}

struct Columns {
    instances: Vec<Uuid>,
    seqs: Vec<i64>,
    ages: Vec<f64>,
    states: Vec<Option<String>>,
    exit_codes: Vec<Option<i32>>,
    ooms: Vec<bool>,
    restarts: Vec<Option<i32>>,
    aliased: Vec<Option<bool>>,
    words_due: Vec<Option<bool>>,
    tells_failure: Vec<bool>,
    failures: Vec<Option<Value>>,
}

impl Columns {
    fn of(round: &[&Observation]) -> Result<Self, StoreError> {
        let restarts = |o: &&Observation| {
            o.restarts
                .map(|n| decode::number(n, "restarts"))
                .transpose()
        };
        let failure = |o: &&Observation| {
            decode::to_json_opt(o.failure.as_ref().and_then(Option::as_ref), "failure")
        };
        Ok(Self {
            instances: round.iter().map(|o| o.instance.as_uuid()).collect(),
            seqs: round.iter().map(|o| o.seq).collect(),
            ages: round.iter().map(|o| o.age.as_secs_f64()).collect(),
            states: round
                .iter()
                .map(|o| o.state.map(|s| s.to_string()))
                .collect(),
            exit_codes: round.iter().map(|o| o.exit_code).collect(),
            ooms: round.iter().map(|o| o.oom).collect(),
            restarts: round.iter().map(restarts).collect::<Result<_, _>>()?,
            aliased: round.iter().map(|o| o.aliased).collect(),
            words_due: round.iter().map(|o| o.words_due).collect(),
            tells_failure: round.iter().map(|o| o.failure.is_some()).collect(),
            failures: round.iter().map(failure).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_holds_an_instance_once_and_order_stays() {
        let id = |n| InstanceId::from_uuid(Uuid::from_u128(n));
        let batch = [
            Observation::new(id(1), 1, Observed::Started),
            Observation::new(id(2), 2, Observed::Started),
            Observation::new(id(1), 3, Observed::Ready),
            Observation::new(id(1), 4, Observed::Unready),
        ];
        let seqs: Vec<Vec<i64>> = rounds(&batch)
            .iter()
            .map(|round| round.iter().map(|o| o.seq).collect())
            .collect();
        assert_eq!(seqs, [vec![1, 2], vec![3], vec![4]]);
    }
}
