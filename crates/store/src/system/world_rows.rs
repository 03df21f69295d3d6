//! The parts of the world that are rows: deployments, instances, hosts, subnets, edges, targets, names.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use segue_model::id::{BuildId, DeploymentId, EdgeId, HostId, InstanceId, ReleaseId};
use segue_model::name::{Domain, Label, ServiceName};
use segue_model::network::ForeignNetwork;
use segue_model::route::{OpenRequests, RouteGen};
use segue_model::spec::Strategy;
use segue_model::world::{
    Build, Deployment, Edge, Host, Instance, Policy, Resting, RolloutState, Subnet,
};
use uuid::Uuid;

use super::world::Tx;
use crate::decode;
use crate::error::{StoreError, corrupt};

fn millis(value: i64) -> Result<Duration, StoreError> {
    Ok(Duration::from_millis(decode::number(value, "duration")?))
}

pub(super) fn ipv4(net: sqlx::types::ipnet::IpNet) -> Result<Ipv4Addr, StoreError> {
    match net.addr() {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(corrupt("address")("an IPv6 address")),
    }
}

pub(super) fn strategy_text(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Switch => "switch",
        Strategy::Rolling => "rolling",
        Strategy::Recreate => "recreate",
    }
}

fn strategy(text: &str) -> Result<Strategy, StoreError> {
    match text {
        "switch" => Ok(Strategy::Switch),
        "rolling" => Ok(Strategy::Rolling),
        "recreate" => Ok(Strategy::Recreate),
        _ => Err(corrupt("strategy")("an unknown strategy")),
    }
}

pub(super) async fn policy(tx: &mut Tx) -> Result<Policy, StoreError> {
    let row = sqlx::query!(
        "
        select i.edge_silence_ms, i.address_rest_ms, i.listing_max_age_ms, i.cpu_overcommit_percent,
            i.memory_overcommit_percent, i.rollback_deadline_ms, f.frozen
        from installation i
        cross join fleet_freeze f
        "
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Policy {
        edge_silence: millis(row.edge_silence_ms)?,
        address_rest: millis(row.address_rest_ms)?,
        listing_max_age: millis(row.listing_max_age_ms)?,
        cpu_overcommit_percent: decode::number(row.cpu_overcommit_percent, "percent")?,
        memory_overcommit_percent: decode::number(row.memory_overcommit_percent, "percent")?,
        rollback_deadline: millis(row.rollback_deadline_ms)?,
        frozen: row.frozen,
    })
}

/// Deployments whose rollout has not ended or not begun.
pub(super) async fn deployments(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<i64, Deployment>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select d.id, d.number, d.release_id, d.kind, d.created_at, d.cancel_requested,
            r.state as "state?", r.strategy as "strategy?", r.from_release_id, r.started_at as "started_at?",
            r.progress_at as "progress_at?", r.progress as "progress?", r.first_gen, r.switch_gen, r.live_at,
            r.early_deaths as "early_deaths?", r.last_death, r.failure
        from deployments d
        left join rollouts r on r.deployment_id = d.id
        where d.environment_id = $1 and (r.deployment_id is null or r.rank < 100)
        order by d.number
        "#,
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut builds = builds(tx, environment).await?;
    let mut deployments = BTreeMap::new();
    for row in rows {
        let rollout = match (row.state, row.strategy, row.started_at, row.progress_at) {
            (Some(state), Some(kind), Some(started_at), Some(progress_at)) => Some(RolloutState {
                state: decode::text(&state, "rollout state")?,
                strategy: strategy(&kind)?,
                from: row.from_release_id.map(ReleaseId::from_uuid),
                started_at: started_at.to_jiff(),
                progress_at: progress_at.to_jiff(),
                progress: decode::number(row.progress.unwrap_or(0), "progress")?,
                first_gen: row.first_gen.map(RouteGen),
                switch_gen: row.switch_gen.map(RouteGen),
                live_at: decode::time(row.live_at),
                early_deaths: decode::number(row.early_deaths.unwrap_or(0), "early deaths")?,
                last_death: decode::json_opt(row.last_death, "last death")?,
                failure: decode::json_opt(row.failure, "failure")?,
            }),
            _ => None,
        };
        let deployment = Deployment {
            id: DeploymentId::from_uuid(row.id),
            number: row.number,
            release: ReleaseId::from_uuid(row.release_id),
            builds: builds.remove(&row.release_id).unwrap_or_default(),
            created_at: row.created_at.to_jiff(),
            cancel_requested: row.cancel_requested,
            is_rollback: row.kind == "rollback",
            rollout,
        };
        deployments.insert(row.number, deployment);
    }
    Ok(deployments)
}

async fn builds(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<Uuid, BTreeMap<BuildId, Build>>, StoreError> {
    let rows = sqlx::query!(
        "
        select distinct d.release_id, b.build_id, s.state, s.failure
        from deployments d
        join release_builds b on b.release_id = d.release_id
        join build_status s on s.build_id = b.build_id
        left join rollouts r on r.deployment_id = d.id
        where d.environment_id = $1 and (r.deployment_id is null or r.rank < 100)
        ",
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut builds: BTreeMap<Uuid, BTreeMap<BuildId, Build>> = BTreeMap::new();
    for row in rows {
        let build = Build {
            state: decode::text(&row.state, "build state")?,
            failure: decode::json_opt(row.failure, "failure")?,
        };
        builds
            .entry(row.release_id)
            .or_default()
            .insert(BuildId::from_uuid(row.build_id), build);
    }
    Ok(builds)
}

/// Instances that are not gone, and per slot the newest that is, whose end decides the back-off of the next.
pub(super) async fn instances(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<InstanceId, Instance>, StoreError> {
    let rows = sqlx::query!(
        r#"
        with newest as (
            select distinct on (service, slot) id
            from instances
            where environment_id = $1 and run_id is null
            order by service, slot, serial desc
        )
        select i.id, i.service, i.slot, i.revision, i.release_id, i.serial, i.host_id, i.address, i.port,
            i.cpu_millis, i.memory_bytes, i.exclusive, i.desired, i.attempt, i.not_before, i.created_at,
            i.unrouted_gen, i.unrouted_at, i.died,
            s.state, s.observed_at, s.started_at, s.ready_at, s.unready_at, s.exited_at, s.exit_code, s.oom,
            s.restarts, s.aliased, s.words_due_since, s.failure,
            i.desired = 'run' and exists (
                select from instance_replacements r where r.instance_id = i.id
            ) as "replace_requested!",
            (select max(a.started_at) from attempts a where a.instance_id = i.id) as attempted_at
        from instances i
        join instance_seen s on s.instance_id = i.id
        where i.environment_id = $1 and i.run_id is null
            and (s.state not in ('gone', 'lost') or i.desired <> 'gone' or i.id in (select id from newest))
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
                exclusive: row.exclusive,
                desired: decode::text(&row.desired, "desired state")?,
                attempt: decode::number(row.attempt, "attempt")?,
                not_before: row.not_before.to_jiff(),
                created_at: row.created_at.to_jiff(),
                unrouted_gen: row.unrouted_gen.map(RouteGen),
                unrouted_at: decode::time(row.unrouted_at),
                observed: decode::text(&row.state, "observed state")?,
                observed_at: decode::time(row.observed_at),
                attempted_at: decode::time(row.attempted_at),
                started_at: decode::time(row.started_at),
                ready_at: decode::time(row.ready_at),
                unready_at: decode::time(row.unready_at),
                aliased: row.aliased,
                died: row.died,
                exited_at: decode::time(row.exited_at),
                exit_code: row.exit_code,
                oom: row.oom,
                restarts: decode::number(row.restarts, "restarts")?,
                words_due_since: decode::time(row.words_due_since),
                failure: decode::json_opt(row.failure, "failure")?,
                replace_requested: row.replace_requested,
            };
            Ok((InstanceId::from_uuid(row.id), instance))
        })
        .collect()
}

pub(super) async fn targets(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<ServiceName, u32>, StoreError> {
    let rows = sqlx::query!(
        "
        select service, replicas
        from scale_targets
        where environment_id = $1
        ",
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok((
                decode::text(&row.service, "service")?,
                decode::number(row.replicas, "replicas")?,
            ))
        })
        .collect()
}

/// Host names that may be routed: the generated ones and those whose owner has proved them.
pub(super) async fn domains(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<ServiceName, Vec<Domain>>, StoreError> {
    let rows = sqlx::query!(
        "
        select service, name
        from domains
        where environment_id = $1 and deleted_at is null and state in ('verified', 'active')
        order by service, kind desc, name
        ",
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut domains: BTreeMap<ServiceName, Vec<Domain>> = BTreeMap::new();
    for row in rows {
        let service = decode::text(&row.service, "service")?;
        domains
            .entry(service)
            .or_default()
            .push(decode::text(&row.name, "domain")?);
    }
    Ok(domains)
}

/// Where exclusive volumes lie: on the host of the newest instance that ever held one.
pub(super) async fn volume_hosts(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<ServiceName, HostId>, StoreError> {
    let rows = sqlx::query!(
        "
        select distinct on (i.service) i.service, i.host_id
        from instances i
        join instance_seen s on s.instance_id = i.id
        where i.environment_id = $1 and i.exclusive and s.started_at is not null
        order by i.service, i.serial desc
        ",
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok((
                decode::text(&row.service, "service")?,
                HostId::from_uuid(row.host_id),
            ))
        })
        .collect()
}

pub(super) async fn hosts(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<HostId, Host>, StoreError> {
    let rows = sqlx::query!(
        "
        select h.id, h.name, h.labels, h.cordoned, p.state, p.epoch, p.reserved_cpu_millis,
            p.reserved_memory_bytes, s.cpu_millis, s.memory_bytes, s.arch, s.listed_at, s.pressure
        from hosts h
        join host_plan p on p.host_id = h.id
        join host_seen s on s.host_id = h.id
        where h.removed_at is null
        "
    )
    .fetch_all(&mut **tx)
    .await?;
    let failures = sqlx::query!(
        r#"
        select i.host_id, i.service, count(*) as "deaths!"
        from instances i
        join instance_seen s on s.instance_id = i.id
        where i.environment_id = $1 and i.died and s.exited_at > now() - interval '5 minutes'
        group by i.host_id, i.service
        "#,
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut hosts = BTreeMap::new();
    for row in rows {
        let mut labels: BTreeMap<Label, Label> = decode::json(row.labels, "labels")?;
        if let Some(arch) = row.arch {
            labels.insert(
                decode::text("arch", "label")?,
                decode::text(&arch, "architecture")?,
            );
        }
        let host = Host {
            name: row.name,
            state: decode::text(&row.state, "host state")?,
            cordoned: row.cordoned,
            epoch: row.epoch,
            labels,
            cpu_millis: decode::number(row.cpu_millis, "cpu")?,
            memory_bytes: decode::number(row.memory_bytes, "memory")?,
            reserved_cpu_millis: decode::number(row.reserved_cpu_millis, "cpu")?,
            reserved_memory_bytes: decode::number(row.reserved_memory_bytes, "memory")?,
            listed_at: decode::time(row.listed_at),
            pressure: row.pressure,
            recent_failures: BTreeMap::new(),
        };
        hosts.insert(HostId::from_uuid(row.id), host);
    }
    for row in failures {
        if let Some(host) = hosts.get_mut(&HostId::from_uuid(row.host_id)) {
            let service = decode::text(&row.service, "service")?;
            host.recent_failures
                .insert(service, decode::number(row.deaths, "deaths")?);
        }
    }
    Ok(hosts)
}

pub(super) async fn subnets(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<HostId, Subnet>, StoreError> {
    let rows = sqlx::query!(
        "
        select n.id, n.host_id, n.base, n.cursor, s.foreign_networks
        from subnets n
        join host_seen s on s.host_id = n.host_id
        where n.environment_id = $1 and n.released_at is null
        ",
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let addresses = sqlx::query!(
        r#"
        select a.subnet_id, a.octet, s.gone_at, i.unrouted_gen, s.state = 'gone' as "gone!"
        from addresses a
        join instances i on i.id = a.instance_id
        join instance_seen s on s.instance_id = a.instance_id
        where a.environment_id = $1
        "#,
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut subnets = BTreeMap::new();
    for row in rows {
        let base = ipv4(row.base)?;
        let foreign: Vec<ForeignNetwork> = decode::json(row.foreign_networks, "foreign networks")?;
        let mut subnet = Subnet {
            base,
            overlap: foreign.into_iter().find(|other| other.overlaps(base)),
            cursor: decode::number(row.cursor, "octet")?,
            held: Default::default(),
            resting: BTreeMap::new(),
        };
        for address in addresses
            .iter()
            .filter(|address| address.subnet_id == row.id)
        {
            let octet = decode::number(address.octet, "octet")?;
            match decode::time(address.gone_at) {
                Some(since) if address.gone => {
                    subnet.resting.insert(
                        octet,
                        Resting {
                            since,
                            unrouted_gen: address.unrouted_gen.map(RouteGen),
                        },
                    );
                }
                _ => {
                    subnet.held.insert(octet);
                }
            }
        }
        subnets.insert(HostId::from_uuid(row.host_id), subnet);
    }
    Ok(subnets)
}

/// Edges that were ever here and have not said goodbye.
pub(super) async fn edges(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<EdgeId, Edge>, StoreError> {
    let rows = sqlx::query!(
        "
        select e.id, e.lease_until, a.route_gen as \"route_gen?\"
        from edges e
        left join edge_acks a on a.edge_id = e.id and a.environment_id = $1
        where e.removed_at is null and e.lease_until > '-infinity'
        ",
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let draining = sqlx::query!(
        "
        select edge_id, instance_id, requests, upgraded
        from edge_draining
        where environment_id = $1
        ",
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut edges: BTreeMap<EdgeId, Edge> = rows
        .into_iter()
        .map(|row| {
            let edge = Edge {
                lease_until: row.lease_until.to_jiff(),
                acknowledged: RouteGen(row.route_gen.unwrap_or(0)),
                draining: BTreeMap::new(),
            };
            (EdgeId::from_uuid(row.id), edge)
        })
        .collect();
    for row in draining {
        if let Some(edge) = edges.get_mut(&EdgeId::from_uuid(row.edge_id)) {
            let open = OpenRequests {
                requests: decode::number(row.requests, "requests")?,
                upgraded: decode::number(row.upgraded, "upgraded")?,
            };
            edge.draining
                .insert(InstanceId::from_uuid(row.instance_id), open);
        }
    }
    Ok(edges)
}
