//! Instances as people see them: what is wanted of each and what was last seen.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::failure::Failure;
use segue_model::id::{EnvironmentId, HostId, InstanceId, ReleaseId};
use segue_model::name::ServiceName;
use segue_model::revision::Revision;
use segue_model::state::{Desired, Observed};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::{Page, TeamScope, environments};
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
    /// Which instance of its environment it is; only grows.
    pub serial: i64,
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
    /// Wanted to run, but newer ones of its service have taken over and are being watched: it steps in if they fail.
    pub warm: bool,
    /// A person asked to replace it, and it is still wanted to run.
    pub replacing: bool,
}

/// Where an instance stands in lists: those whose container may exist by service and slot, behind them those that are
/// gone, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancePlace {
    /// Service and slot; `None` if it is gone.
    present: Option<(ServiceName, i32)>,
    serial: i64,
}

impl InstanceView {
    /// Where it stands in lists.
    #[must_use]
    pub fn place(&self) -> InstancePlace {
        let gone = matches!(self.observed, Observed::Gone | Observed::Lost);
        let slot = i32::try_from(self.slot).unwrap_or(i32::MAX);
        InstancePlace {
            present: (!gone).then(|| (self.service.clone(), slot)),
            serial: self.serial,
        }
    }
}

/// Which instances of an environment are read.
struct Which<'a> {
    id: Option<InstanceId>,
    service: Option<&'a ServiceName>,
    gone: bool,
    after: Option<&'a InstancePlace>,
    limit: i64,
}

/// Instances that are read at once at most, where no page is asked for.
const MOST: i64 = 1100;

impl TeamScope {
    /// Instances of an environment whose container may exist, and with `gone` the newest others: eleven hundred in all.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn instance_list(
        &self,
        environment: EnvironmentId,
        gone: bool,
    ) -> Result<Vec<InstanceView>, StoreError> {
        let mut intent = self.begin().await?;
        let which = Which {
            id: None,
            service: None,
            gone,
            after: None,
            limit: MOST,
        };
        fetch(&mut intent, environment, which).await
    }

    /// A page of an environment's instances, of one service if one is named, with `gone` also those that are gone.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn instance_page(
        &self,
        environment: EnvironmentId,
        service: Option<&ServiceName>,
        gone: bool,
        page: Page<InstancePlace>,
    ) -> Result<Vec<InstanceView>, StoreError> {
        let mut intent = self.begin().await?;
        let which = Which {
            id: None,
            service,
            gone,
            after: page.after.as_ref(),
            limit: page.sql_limit(),
        };
        fetch(&mut intent, environment, which).await
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
        let mut intent = self.begin().await?;
        one(&mut intent, environment, id).await
    }

    /// Asks that an instance be replaced by a fresh one of the same revision, without losing a request. Asking twice
    /// is asking once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a conflict with `instance_leaving` if it is not wanted to run any more.
    pub async fn instance_replace(
        &self,
        environment: EnvironmentId,
        id: InstanceId,
        idempotency: Option<Idempotency<'_, InstanceView>>,
    ) -> Result<Done<InstanceView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let locked = environments::lock(&mut intent, environment, None).await?;
        let before = one(&mut intent, environment, id).await?;
        if before.desired != Desired::Run {
            return Err(StoreError::Conflict {
                constraint: "instance_leaving".to_owned(),
            });
        }
        let asked = sqlx::query!(
            "
            insert into instance_replacements (team_id, environment_id, instance_id, requested_by)
            values ($1, $2, $3, $4)
            on conflict on constraint instance_replacements_once do nothing
            ",
            intent.team(),
            environment.as_uuid(),
            id.as_uuid(),
            intent.actor(),
        )
        .execute(&mut *intent.tx)
        .await?
        .rows_affected();
        if asked == 1 {
            intent.wake(environment).await?;
            let name = format!("{}.{}", before.service, before.slot);
            let detail = json!({"environment": environment, "name": name});
            intent
                .audit("instance_replace", &id.to_string(), &detail)
                .await?;
            let subject = EventSubject {
                service: Some(before.service.clone()),
                instance: Some(id),
                ..EventSubject::default()
            };
            let message = format!("a person asked to replace {name}");
            intent
                .event(
                    Some(locked.app),
                    Some(environment),
                    "instance.replace_requested",
                    &subject,
                    &message,
                )
                .await?;
        }
        let after = one(&mut intent, environment, id).await?;
        intent.finish(idempotency, after).await
    }
}

async fn one(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    id: InstanceId,
) -> Result<InstanceView, StoreError> {
    let which = Which {
        id: Some(id),
        service: None,
        gone: true,
        after: None,
        limit: 1,
    };
    fetch(intent, environment, which)
        .await?
        .into_iter()
        .next()
        .ok_or(StoreError::NotFound)
}

async fn fetch(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    which: Which<'_>,
) -> Result<Vec<InstanceView>, StoreError> {
    let after = which.after.and_then(|place| place.present.as_ref());
    sqlx::query!(
            r#"
            select i.id, i.service, i.slot, i.revision, i.release_id, r.version, i.host_id, h.name as host_name,
                i.address as "address: IpNet", i.port, i.desired, s.state, s.observed_at, i.created_at, i.not_before, i.attempt, i.serial,
                s.started_at, s.ready_at, s.exit_code, s.oom, s.restarts, s.failure,
                p.instance_id is not null and i.desired = 'run' as "replacing!",
                i.desired = 'run' and o.deployment_id is not null and (
                    not t.spec -> 'services' ? i.service
                    or exists (
                        select from instances n
                        where n.team_id = $1 and n.environment_id = $2 and n.service = i.service and n.desired = 'run'
                            and n.revision <> i.revision and n.serial > i.serial and n.run_id is null
                    )
                ) as "warm!"
            from instances i
            join instance_seen s on s.instance_id = i.id
            join releases r on r.id = i.release_id
            join hosts h on h.id = i.host_id
            left join instance_replacements p on p.instance_id = i.id
            left join rollouts o on o.environment_id = i.environment_id and o.state in ('live', 'baking')
            left join deployments d on d.id = o.deployment_id
            left join releases t on t.id = d.release_id
            cross join lateral (
                select g.gone, case when g.gone then '' else i.service end as service, case when g.gone then 0 else i.slot end as slot
                from (select s.state in ('gone', 'lost') as gone) g
            ) l
            where i.team_id = $1 and i.environment_id = $2 and i.run_id is null
                and ($3::uuid is null or i.id = $3)
                and ($4 or not l.gone)
                and ($5::text is null or i.service = $5)
                and ($6::bigint is null or (l.gone, l.service, l.slot, -i.serial) > ($7::boolean, $8::text, $9::integer, -$6))
            order by l.gone, l.service, l.slot, i.serial desc
            limit $10
            "#,
            intent.team(),
            environment.as_uuid(),
            which.id.map(InstanceId::as_uuid),
            which.gone,
            which.service.map(ServiceName::as_str),
            which.after.map(|place| place.serial),
            after.is_none(),
            after.map_or("", |(service, _)| service.as_str()),
            after.map_or(0, |(_, slot)| *slot),
            which.limit,
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
                serial: row.serial,
                started_at: decode::time(row.started_at),
                ready_at: decode::time(row.ready_at),
                exit_code: row.exit_code,
                oom: row.oom,
                restarts: decode::number(row.restarts, "restarts")?,
                failure: decode::json_opt(row.failure, "failure")?,
                warm: row.warm,
                replacing: row.replacing,
            })
        })
        .collect()
}

/// Container addresses are IPv4.
pub(crate) fn v4(address: IpNet) -> Result<Ipv4Addr, StoreError> {
    match address.addr() {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(corrupt("address")("not an IPv4 address")),
    }
}
