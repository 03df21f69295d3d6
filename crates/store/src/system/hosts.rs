//! Hosts as the worker sees them: registration of the local engine, observation, and the state that the
//! fleet planner decides.

use std::time::Duration;

use segue_model::id::HostId;
use segue_model::name::MachineName;
use segue_model::network::ForeignNetwork;
use segue_model::state::HostState;

use super::SystemStore;
use super::lease::{self, Lease};
use crate::context::fresh_id;
use crate::decode;
use crate::error::{StoreError, corrupt};

/// A host that workers shall look after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRecord {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: MachineName,
    /// How to reach its engine.
    pub endpoint: String,
    /// Where it is.
    pub state: HostState,
    /// Raised when it is taken over, restarts or comes back.
    pub epoch: i64,
}

/// What was seen of a host's engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostObservation {
    /// Thousandths of a core.
    pub cpu_millis: Option<u64>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Architecture in Docker's words (`amd64`).
    pub arch: Option<String>,
    /// Version of the engine.
    pub engine_version: Option<String>,
    /// Version of the API that is spoken.
    pub api_version: Option<String>,
    /// Little disk or memory is left.
    pub pressure: Option<bool>,
    /// Pings missed in a row.
    pub misses: u32,
    /// A complete listing began this long ago, and everything it said is written.
    pub listed: Option<Duration>,
    /// Its networks that are not this installation's, listed so long ago.
    pub foreign: Option<(Duration, Vec<ForeignNetwork>)>,
    /// What is wrong with it. `Some(None)` clears it.
    pub problem: Option<Option<String>>,
}

impl SystemStore {
    /// The installation's identity: every container carries it as a label.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn installation(&self) -> Result<segue_model::id::InstallationId, StoreError> {
        let id = sqlx::query_scalar!("select id from installation")
            .fetch_one(&self.inner.system)
            .await?;
        Ok(segue_model::id::InstallationId::from_uuid(id))
    }

    /// The host with this endpoint; made, as `joining`, if there is none. The name gets a number if it is taken.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn host_register(
        &self,
        name: &MachineName,
        endpoint: &str,
    ) -> Result<HostRecord, StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        // Two workers that start together must not both make it.
        sqlx::query!("select pg_advisory_xact_lock(hashtext('segue host register'))")
            .fetch_one(&mut *tx)
            .await?;
        let known = sqlx::query_scalar!(
            "select id from hosts where endpoint = $1 and removed_at is null",
            endpoint
        )
        .fetch_optional(&mut *tx)
        .await?;
        let id = match known {
            Some(id) => id,
            None => {
                let id = fresh_id();
                let taken = sqlx::query_scalar!(
                    r#"select count(*) as "taken!" from hosts where name = $1 and removed_at is null"#,
                    name.as_str(),
                )
                .fetch_one(&mut *tx)
                .await?;
                let short = id.simple().to_string();
                let suffix = short.get(26..).unwrap_or_default();
                let name = if taken == 0 {
                    name.to_string()
                } else {
                    format!(
                        "{}-h{suffix}",
                        name.as_str().chars().take(32).collect::<String>()
                    )
                };
                sqlx::query!(
                    "insert into hosts (id, name, endpoint) values ($1, $2, $3)",
                    id,
                    name,
                    endpoint
                )
                .execute(&mut *tx)
                .await?;
                sqlx::query!("insert into host_plan (host_id) values ($1)", id)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query!("insert into host_seen (host_id) values ($1)", id)
                    .execute(&mut *tx)
                    .await?;
                id
            }
        };
        tx.commit().await?;
        self.host(HostId::from_uuid(id)).await
    }

    /// One host.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`].
    pub async fn host(&self, id: HostId) -> Result<HostRecord, StoreError> {
        self.hosts()
            .await?
            .into_iter()
            .find(|host| host.id == id)
            .ok_or(StoreError::NotFound)
    }

    /// Every host that is not removed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn hosts(&self) -> Result<Vec<HostRecord>, StoreError> {
        let rows = sqlx::query!(
            "
            select h.id, h.name, h.endpoint, p.state, p.epoch
            from hosts h
            join host_plan p on p.host_id = h.id
            where h.removed_at is null
            order by h.id
            "
        )
        .fetch_all(&self.inner.system)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(HostRecord {
                    id: HostId::from_uuid(row.id),
                    name: decode::text(&row.name, "host name")?,
                    endpoint: row.endpoint,
                    state: decode::text(&row.state, "host state")?,
                    epoch: row.epoch,
                })
            })
            .collect()
    }

    /// Writes what was seen of a host. `None` leaves what is known.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn host_observe(
        &self,
        host: HostId,
        seen: &HostObservation,
    ) -> Result<(), StoreError> {
        let big = |value: Option<u64>, what| {
            value
                .map(|v| decode::number::<u64, i64>(v, what))
                .transpose()
        };
        sqlx::query!(
            "
            update host_seen
            set cpu_millis = coalesce($2, cpu_millis),
                memory_bytes = coalesce($3, memory_bytes),
                arch = coalesce($4, arch),
                engine_version = coalesce($5, engine_version),
                api_version = coalesce($6, api_version),
                pressure = coalesce($7, pressure),
                misses = $8,
                pinged_at = case when $8 = 0 then now() else pinged_at end,
                listed_at = case
                    when $9::float8 is null then listed_at
                    else greatest(listed_at, clock_timestamp() - make_interval(secs => $9))
                end,
                problem = case when $10 then $11 else problem end,
                seq = seq + 1
            where host_id = $1
            ",
            host.as_uuid(),
            big(seen.cpu_millis, "cpu")?,
            big(seen.memory_bytes, "memory")?,
            seen.arch.as_deref(),
            seen.engine_version.as_deref(),
            seen.api_version.as_deref(),
            seen.pressure,
            decode::number::<u32, i32>(seen.misses, "misses")?,
            seen.listed.map(|age| age.as_secs_f64()),
            seen.problem.is_some(),
            seen.problem.as_ref().and_then(Option::as_deref),
        )
        .execute(&self.inner.system)
        .await?;
        match &seen.foreign {
            Some((age, networks)) => self.host_foreign(host, *age, networks).await,
            None => Ok(()),
        }
    }

    /// Writes a host's networks that are not this installation's, as listed so long ago. An older list changes
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn host_foreign(
        &self,
        host: HostId,
        age: Duration,
        networks: &[ForeignNetwork],
    ) -> Result<(), StoreError> {
        let list = serde_json::to_value(networks).map_err(corrupt("foreign networks"))?;
        sqlx::query!(
            "
            update host_seen
            set foreign_networks = $2,
                foreign_at = clock_timestamp() - make_interval(secs => $3)
            where host_id = $1
                and (foreign_at is null or foreign_at < clock_timestamp() - make_interval(secs => $3))
            ",
            host.as_uuid(),
            list,
            age.as_secs_f64(),
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }

    /// Sets a host's state as the fleet planner decided it, with the room that its capacity and the
    /// installation's overcommit give, and adds the environments on it to the work.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: nothing was written. [`StoreError::Unavailable`].
    pub async fn host_state(
        &self,
        lease: &Lease,
        host: HostId,
        state: HostState,
    ) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        lease::fence(&mut tx, lease).await?;
        sqlx::query!(
            "
            update host_plan p
            set state = $2,
                changed_at = case when p.state = $2 then p.changed_at else now() end,
                epoch = case when $2 in ('lost', 'returning') and p.state <> $2 then p.epoch + 1 else p.epoch end,
                cpu_limit_millis = greatest(
                    s.cpu_millis * i.cpu_overcommit_percent / 100, p.reserved_cpu_millis),
                memory_limit_bytes = greatest(
                    s.memory_bytes * i.memory_overcommit_percent / 100, p.reserved_memory_bytes)
            from host_seen s, installation i
            where p.host_id = $1 and s.host_id = $1
            ",
            host.as_uuid(),
            state.as_str(),
        )
        .execute(&mut *tx)
        .await?;
        let environments = sqlx::query_scalar!(
            "
            select i.environment_id as \"environment_id!\"
            from instances i
            where i.host_id = $1 and i.reserved
            union
            select d.environment_id
            from deployments d
            left join rollouts r on r.deployment_id = d.id
            where r.deployment_id is null or r.rank < 100
            ",
            host.as_uuid(),
        )
        .fetch_all(&mut *tx)
        .await?;
        for environment in environments {
            sqlx::query!("select work_add($1, 'environment', now())", environment)
                .fetch_one(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
