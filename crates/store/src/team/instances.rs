//! Instances as people see them: what is wanted of each and what was last seen.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use jiff::Timestamp;
use segue_model::failure::Failure;
use segue_model::id::{EnvironmentId, HostId, InstanceId, ReleaseId};
use segue_model::name::ServiceName;
use segue_model::revision::Revision;
use segue_model::state::{Desired, Observed};

use super::TeamScope;
use crate::decode;
use crate::error::{StoreError, corrupt};

/// An instance.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceView {
    /// Its id.
    pub id: InstanceId,
    /// Its service.
    pub service: ServiceName,
    /// `web.3`.
    pub slot: u32,
    /// What it is made of.
    pub revision: Revision,
    /// The release that it was made for.
    pub release: ReleaseId,
    /// That release's version.
    pub version: i64,
    /// Its host.
    pub host: HostId,
    /// Its host's name.
    pub host_name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Where its application listens.
    pub port: u16,
    /// What is wanted.
    pub desired: Desired,
    /// What was last seen.
    pub observed: Observed,
    /// When.
    pub observed_at: Option<Timestamp>,
    /// When it was decided.
    pub created_at: Timestamp,
    /// Not to be created before this.
    pub not_before: Timestamp,
    /// 0 for the first in its slot.
    pub attempt: u32,
    /// When its process was first seen.
    pub started_at: Option<Timestamp>,
    /// Ready since.
    pub ready_at: Option<Timestamp>,
    /// Its last exit code.
    pub exit_code: Option<i32>,
    /// Killed for memory.
    pub oom: bool,
    /// Restarts by the engine itself.
    pub restarts: u32,
    /// What it last complained of.
    pub failure: Option<Failure>,
}

impl TeamScope {
    /// Instances of an environment whose container may exist, and with `gone` the last hundred others.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn instance_list(
        &self,
        environment: EnvironmentId,
        gone: bool,
    ) -> Result<Vec<InstanceView>, StoreError> {
        self.instances(environment, None, gone).await
    }

    /// An instance of an environment, gone or not.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn instance_get(
        &self,
        environment: EnvironmentId,
        id: InstanceId,
    ) -> Result<InstanceView, StoreError> {
        self.instances(environment, Some(id), true)
            .await?
            .into_iter()
            .next()
            .ok_or(StoreError::NotFound)
    }

    async fn instances(
        &self,
        environment: EnvironmentId,
        id: Option<InstanceId>,
        gone: bool,
    ) -> Result<Vec<InstanceView>, StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query!(
            r#"
            select i.id, i.service, i.slot, i.revision, i.release_id, r.version, i.host_id, h.name as host_name,
                i.address as "address: IpNet", i.port, i.desired, s.state, s.observed_at, i.created_at, i.not_before, i.attempt,
                s.started_at, s.ready_at, s.exit_code, s.oom, s.restarts, s.failure
            from instances i
            join instance_seen s on s.instance_id = i.id
            join releases r on r.id = i.release_id
            join hosts h on h.id = i.host_id
            where i.team_id = $1 and i.environment_id = $2
                and ($3::uuid is null or i.id = $3)
                and ($4 or s.state not in ('gone', 'lost'))
            order by s.state in ('gone', 'lost'), i.service, i.slot, i.serial desc
            limit 1100
            "#,
            intent.team(),
            environment.as_uuid(),
            id.map(InstanceId::as_uuid),
            gone,
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(InstanceView {
                id: InstanceId::from_uuid(row.id),
                service: decode::text(&row.service, "service name")?,
                slot: decode::number(row.slot, "slot")?,
                revision: decode::revision(&row.revision)?,
                release: ReleaseId::from_uuid(row.release_id),
                version: row.version,
                host: HostId::from_uuid(row.host_id),
                host_name: row.host_name,
                address: v4(row.address)?,
                port: decode::number(row.port, "port")?,
                desired: decode::text(&row.desired, "desired state")?,
                observed: decode::text(&row.state, "observed state")?,
                observed_at: decode::time(row.observed_at),
                created_at: row.created_at.to_jiff(),
                not_before: row.not_before.to_jiff(),
                attempt: decode::number(row.attempt, "attempt")?,
                started_at: decode::time(row.started_at),
                ready_at: decode::time(row.ready_at),
                exit_code: row.exit_code,
                oom: row.oom,
                restarts: decode::number(row.restarts, "restarts")?,
                failure: decode::json_opt(row.failure, "failure")?,
            })
        })
        .collect()
    }
}

/// Container addresses are IPv4.
pub(crate) fn v4(address: IpNet) -> Result<Ipv4Addr, StoreError> {
    match address.addr() {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(corrupt("address")("not an IPv4 address")),
    }
}
