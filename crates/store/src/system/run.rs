//! One-off runs as the planner reads them, and what it decides of them.
//!
//! Invariants: only what has not ended, or whose container may be there, is read; a state is written only over the one
//! that was read; a run gets one instance, ever (a unique index holds that too).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff_sqlx::ToSqlx;
use segue_model::change::{InstanceChange, NewInstance};
use segue_model::id::{HostId, ReleaseId, RunId};
use segue_model::run::{Run, RunChange};
use segue_model::world::{Instance, World};
use uuid::Uuid;

use super::commit::superseded;
use super::commit_rows as rows;
use super::world::Tx;
use super::world_rows::ipv4;
use crate::decode;
use crate::error::{StoreError, corrupt};

/// Runs of an environment that matter to its next plan.
pub(super) async fn load(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<RunId, Run>, StoreError> {
    let found = sqlx::query!(
        r#"
        select r.id, r.number, r.release_id, r.service, r.command, r.time_limit_seconds, r.created_at, r.cancel_requested,
            t.state as run_state
        from runs r
        join run_status t on t.run_id = r.id
        where r.environment_id = $1
            and (t.rank < 100 or exists (
                select from instances i
                join instance_seen s on s.instance_id = i.id
                where i.run_id = r.id and (s.state not in ('gone', 'lost') or i.desired <> 'gone')
            ))
        order by r.id
        "#,
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    if found.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut instances = instances(tx, environment).await?;
    found
        .into_iter()
        .map(|row| {
            let seconds = decode::number(row.time_limit_seconds, "time limit")?;
            let run = Run {
                number: row.number,
                release: ReleaseId::from_uuid(row.release_id),
                service: decode::text(&row.service, "service")?,
                command: decode::json(row.command, "command")?,
                time_limit: Duration::from_secs(seconds),
                created_at: row.created_at.to_jiff(),
                cancel_requested: row.cancel_requested,
                state: decode::text(&row.run_state, "run state")?,
                instance: instances.remove(&row.id),
            };
            Ok((RunId::from_uuid(row.id), run))
        })
        .collect()
}

/// Containers of runs, by run.
async fn instances(tx: &mut Tx, environment: Uuid) -> Result<BTreeMap<Uuid, Instance>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select i.run_id as "run_id!", i.service, i.slot, i.revision, i.release_id, i.serial, i.host_id, i.address, i.port,
            i.cpu_millis, i.memory_bytes, i.desired, i.not_before, i.created_at,
            s.state, s.observed_at, s.started_at, s.ready_at, s.unready_at, s.exited_at, s.exit_code, s.oom,
            s.restarts, s.aliased, s.words_due_since, s.failure,
            (select max(a.started_at) from attempts a where a.instance_id = i.id) as attempted_at
        from instances i
        join instance_seen s on s.instance_id = i.id
        where i.environment_id = $1 and i.run_id is not null
            and (s.state not in ('gone', 'lost') or i.desired <> 'gone')
        "#,
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let instance = Instance {
                service: decode::text(&row.service, "service")?,
                slot: decode::number(row.slot, "slot")?,
                revision: decode::revision(&row.revision)?,
                release: ReleaseId::from_uuid(row.release_id),
                serial: decode::number(row.serial, "serial")?,
                host: HostId::from_uuid(row.host_id),
                address: ipv4(row.address)?,
                port: decode::number(row.port, "port")?,
                cpu_millis: decode::number(row.cpu_millis, "cpu")?,
                memory_bytes: decode::number(row.memory_bytes, "memory")?,
                exclusive: false,
                desired: decode::text(&row.desired, "desired state")?,
                attempt: 0,
                not_before: row.not_before.to_jiff(),
                created_at: row.created_at.to_jiff(),
                unrouted_gen: None,
                unrouted_at: None,
                observed: decode::text(&row.state, "observed state")?,
                observed_at: decode::time(row.observed_at),
                attempted_at: decode::time(row.attempted_at),
                started_at: decode::time(row.started_at),
                ready_at: decode::time(row.ready_at),
                unready_at: decode::time(row.unready_at),
                aliased: row.aliased,
                died: false,
                exited_at: decode::time(row.exited_at),
                exit_code: row.exit_code,
                oom: row.oom,
                restarts: decode::number(row.restarts, "restarts")?,
                words_due_since: decode::time(row.words_due_since),
                failure: decode::json_opt(row.failure, "failure")?,
                replace_requested: false,
            };
            Ok((row.run_id, instance))
        })
        .collect()
}

/// Writes what a plan decided of runs: their containers first, then their states.
pub(super) async fn commit(
    tx: &mut Tx,
    world: &World,
    changes: &[RunChange],
) -> Result<(), StoreError> {
    let placed: Vec<(&NewInstance, Option<Uuid>)> = changes
        .iter()
        .filter_map(|change| Some((change.place.as_ref()?, Some(change.id.as_uuid()))))
        .collect();
    rows::created_for(tx, world, &placed).await?;
    let ends: Vec<InstanceChange> = changes
        .iter()
        .filter_map(|change| {
            let desired = change.desired?;
            Some(InstanceChange {
                id: change.id.instance(),
                desired,
                unrouted_gen: None,
                lost: change.lost,
                died: false,
            })
        })
        .collect();
    rows::instances(tx, world, &ends).await?;
    for change in changes {
        status(tx, world, change).await?;
    }
    Ok(())
}

async fn status(tx: &mut Tx, world: &World, change: &RunChange) -> Result<(), StoreError> {
    if change.lost && change.desired.is_none() {
        return Err(corrupt("run")("lost, and still wanted"));
    }
    let ends = change.state.is_terminal() && !change.expected.is_terminal();
    let written = sqlx::query!(
        "
        update run_status
        set state = $4,
            started_at = coalesce(started_at, $5),
            finished_at = case when $6 then coalesce($7, now()) else finished_at end,
            exit_code = case when $6 then $8 else exit_code end,
            oom = oom or $9,
            failure = coalesce($10, failure)
        where run_id = $1 and environment_id = $2 and state = $3
        ",
        change.id.as_uuid(),
        world.environment.as_uuid(),
        change.expected.as_str(),
        change.state.as_str(),
        change.started_at.map(ToSqlx::to_sqlx) as _,
        ends,
        change.finished_at.map(ToSqlx::to_sqlx) as _,
        change.exit_code,
        change.oom,
        decode::to_json_opt(change.failure.as_ref(), "failure")?,
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if written == 0 {
        return Err(superseded("run"));
    }
    Ok(())
}
