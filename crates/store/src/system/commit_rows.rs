//! The rows that a commit writes. Each function applies one part of [`segue_model::change::Changes`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff_sqlx::ToSqlx;
use segue_model::change::{InstanceChange, NewEvent, NewInstance, RolloutChange};
use segue_model::id::{HostId, InstanceId, ReleaseId};
use segue_model::network::{self, ForeignNetwork};
use segue_model::route::EnvironmentRoutes;
use segue_model::state::Desired;
use segue_model::world::World;
use sqlx::types::ipnet::{IpNet, Ipv4Net};
use uuid::Uuid;

use super::commit::superseded;
use super::world::Tx;
use super::world_rows::strategy_text;
use crate::decode;
use crate::error::{StoreError, corrupt};

/// A host address with prefix length.
fn net(address: Ipv4Addr, prefix: u8) -> Result<IpNet, StoreError> {
    Ipv4Net::new(address, prefix)
        .map(IpNet::V4)
        .map_err(corrupt("address"))
}

/// Cuts a /24 for the environment on each host: the next free one behind the last that was given out, so that
/// every subnet rests as long as possible; released ones rest for the installation's time at least (rule 9). What
/// overlaps with a network on the host that is not ours is passed over. A subnet that the environment has there is
/// given back: the planner asks for another one only when no container can be on it.
pub(super) async fn subnets(
    tx: &mut Tx,
    world: &World,
    hosts: &[HostId],
) -> Result<(), StoreError> {
    for host in hosts {
        // The row lock orders concurrent commits.
        let range = sqlx::query!(
            "
            select address_range, subnet_cursor, subnet_rest_ms
            from installation
            for update
            "
        )
        .fetch_one(&mut **tx)
        .await?;
        let IpNet::V4(pool) = range.address_range else {
            return Err(corrupt("address range")("not IPv4"));
        };
        let count = 1i64 << (24i64 - i64::from(pool.prefix_len()));
        let foreign = sqlx::query_scalar!(
            "select foreign_networks from host_seen where host_id = $1",
            host.as_uuid(),
        )
        .fetch_optional(&mut **tx)
        .await?;
        let foreign: Vec<ForeignNetwork> = match foreign {
            Some(list) => decode::json(list, "foreign networks")?,
            None => Vec::new(),
        };
        let unusable: Vec<i32> = network::unusable(pool, &foreign)
            .into_iter()
            .map(|index| decode::number(index, "subnet"))
            .collect::<Result<_, _>>()?;
        sqlx::query!(
            "
            update subnets
            set released_at = now()
            where environment_id = $1 and host_id = $2 and released_at is null
            ",
            world.environment.as_uuid(),
            host.as_uuid(),
        )
        .execute(&mut **tx)
        .await?;
        let free = sqlx::query_scalar!(
            r#"
            select n.index as "index!"
            from (
                select (($1::bigint + step) % $2::bigint)::int as index, step
                from generate_series(1, $2::bigint) as step
            ) as n
            where n.index <> all ($5::int[]) and not exists (
                select
                from subnets s
                where s.base = set_masklen($3::inet + n.index::bigint * 256, 24)
                    and (s.released_at is null or s.released_at > now() - make_interval(secs => $4))
            )
            order by n.step
            limit 1
            "#,
            i64::from(range.subnet_cursor),
            count,
            net(pool.network(), 32)?,
            f64::from(i32::try_from(range.subnet_rest_ms / 1000).unwrap_or(i32::MAX)),
            &unusable,
        )
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(StoreError::Exhausted { what: "subnet" })?;
        let offset = u32::try_from(free)
            .map_err(corrupt("subnet"))?
            .saturating_mul(256);
        let base = Ipv4Addr::from(u32::from(pool.network()).saturating_add(offset));
        sqlx::query!(
            "
            insert into subnets (id, team_id, environment_id, host_id, base)
            values (gen_random_uuid(), $1, $2, $3, $4)
            ",
            world.team.as_uuid(),
            world.environment.as_uuid(),
            host.as_uuid(),
            net(base, 24)?,
        )
        .execute(&mut **tx)
        .await?;
        sqlx::query!("update installation set subnet_cursor = $1", free)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Desired states that grow. A reservation ends when an instance is to be gone, or is lost.
pub(super) async fn instances(
    tx: &mut Tx,
    world: &World,
    changes: &[InstanceChange],
) -> Result<(), StoreError> {
    let mut freed: BTreeMap<HostId, (i64, i64)> = BTreeMap::new();
    for change in changes {
        let ends = change.desired == Desired::Gone || change.lost;
        let row = sqlx::query!(
            "
            update instances i
            set desired = $3,
                unrouted_gen = coalesce($4, i.unrouted_gen),
                unrouted_at = case when $4::bigint is null then i.unrouted_at else now() end,
                stop_decided_at = case when $3 = 'stop' then now() else i.stop_decided_at end,
                died = i.died or $5,
                reserved = i.reserved and not $6
            from instances before
            where i.id = $1 and i.environment_id = $2 and before.id = i.id
            returning i.host_id, i.cpu_millis, i.memory_bytes, before.reserved and not i.reserved as \"freed!\"
            ",
            change.id.as_uuid(),
            world.environment.as_uuid(),
            change.desired.as_str(),
            change.unrouted_gen.map(|route_gen| route_gen.0),
            change.died,
            ends,
        )
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| superseded("instance"))?;
        if row.freed {
            let sum = freed.entry(HostId::from_uuid(row.host_id)).or_default();
            sum.0 += row.cpu_millis;
            sum.1 += row.memory_bytes;
        }
        if change.lost {
            sqlx::query!(
                "
                update instance_seen
                set state = 'lost'
                where instance_id = $1
                ",
                change.id.as_uuid(),
            )
            .execute(&mut **tx)
            .await?;
        }
    }
    // Every change takes an instance further away from running: requests to replace it are met.
    let ids: Vec<Uuid> = changes.iter().map(|change| change.id.as_uuid()).collect();
    if !ids.is_empty() {
        sqlx::query!(
            "
            delete from instance_replacements
            where instance_id = any ($1)
            ",
            &ids,
        )
        .execute(&mut **tx)
        .await?;
    }
    for (host, (cpu, memory)) in freed {
        reserve(tx, host, -cpu, -memory).await?;
    }
    Ok(())
}

/// Hosts are taken in order of id, so that two commits never wait for each other in a circle.
async fn reserve(tx: &mut Tx, host: HostId, cpu: i64, memory: i64) -> Result<(), StoreError> {
    let result = sqlx::query!(
        "
        update host_plan
        set reserved_cpu_millis = reserved_cpu_millis + $2, reserved_memory_bytes = reserved_memory_bytes + $3
        where host_id = $1
        ",
        host.as_uuid(),
        cpu,
        memory,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from);
    match result {
        Ok(done) if done.rows_affected() == 1 => Ok(()),
        Ok(_) => Err(superseded("host")),
        // Another environment took the room since the world was read (invariant I12).
        Err(StoreError::Invalid { constraint }) if constraint.starts_with("host_plan_") => {
            Err(superseded("host room"))
        }
        Err(error) => Err(error),
    }
}

/// New instances with their reservation, address and empty observation.
pub(super) async fn created(
    tx: &mut Tx,
    world: &World,
    new: &[NewInstance],
) -> Result<(), StoreError> {
    let all: Vec<(&NewInstance, Option<Uuid>)> = new.iter().map(|new| (new, None)).collect();
    created_for(tx, world, &all).await
}

/// The same, each with the one-off run that it is the container of, if it is one's.
pub(super) async fn created_for(
    tx: &mut Tx,
    world: &World,
    new: &[(&NewInstance, Option<Uuid>)],
) -> Result<(), StoreError> {
    let mut reserved: BTreeMap<HostId, (i64, i64)> = BTreeMap::new();
    for (instance, run) in new {
        let subnet = sqlx::query_scalar!(
            "
            select id
            from subnets
            where environment_id = $1 and host_id = $2 and released_at is null
            ",
            world.environment.as_uuid(),
            instance.host.as_uuid(),
        )
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| superseded("subnet"))?;
        insert(tx, world, instance, subnet, *run).await?;
        address(tx, world, instance.id, instance.address, subnet).await?;
        let sum = reserved.entry(instance.host).or_default();
        sum.0 += i64::from(instance.cpu_millis);
        sum.1 += decode::number::<u64, i64>(instance.memory_bytes, "memory")?;
    }
    for (host, (cpu, memory)) in reserved {
        reserve(tx, host, cpu, memory).await?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    world: &World,
    new: &NewInstance,
    subnet: Uuid,
    run: Option<Uuid>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        with instance as (
            insert into instances (id, team_id, app_id, environment_id, service, slot, revision, release_id, serial,
                host_id, host_epoch, subnet_id, address, port, cpu_millis, memory_bytes, exclusive, attempt, not_before,
                run_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
            returning id, team_id, environment_id
        )
        insert into instance_seen (instance_id, team_id, environment_id)
        select id, team_id, environment_id from instance
        ",
        new.id.as_uuid(),
        world.team.as_uuid(),
        world.app.as_uuid(),
        world.environment.as_uuid(),
        new.service.as_str(),
        decode::number::<u32, i32>(new.slot, "slot")?,
        new.revision.as_bytes().as_slice(),
        new.release.as_uuid(),
        decode::number::<u64, i64>(new.serial, "serial")?,
        new.host.as_uuid(),
        new.host_epoch,
        subnet,
        net(new.address, 32)?,
        i32::from(new.port),
        i64::from(new.cpu_millis),
        decode::number::<u64, i64>(new.memory_bytes, "memory")?,
        new.exclusive,
        decode::number::<u32, i32>(new.attempt, "attempt")?,
        new.not_before.to_sqlx() as _,
        run,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
    .map_err(|error| match StoreError::from(error) {
        StoreError::Conflict { .. } => superseded("slot"),
        other => other,
    })
}

/// Gives the address to the instance if nobody's container can still have it.
async fn address(
    tx: &mut Tx,
    world: &World,
    instance: InstanceId,
    address: Ipv4Addr,
    subnet: Uuid,
) -> Result<(), StoreError> {
    let [.., octet] = address.octets();
    let given = sqlx::query!(
        "
        insert into addresses as a (team_id, environment_id, subnet_id, octet, instance_id)
        values ($1, $2, $3, $4, $5)
        on conflict (subnet_id, octet) do update
        set instance_id = excluded.instance_id, given_at = now()
        where exists (
            select from instance_seen s
            cross join installation i
            where s.instance_id = a.instance_id and s.state = 'gone'
                and s.gone_at <= now() - i.address_rest_ms * interval '1 millisecond'
        )
        ",
        world.team.as_uuid(),
        world.environment.as_uuid(),
        subnet,
        i16::from(octet),
        instance.as_uuid(),
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if given == 0 {
        return Err(superseded("address"));
    }
    sqlx::query!(
        "update subnets set cursor = $2 where id = $1",
        subnet,
        i16::from(octet)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Rollouts: those that end come first, because an environment has one unfinished at a time (invariant I1).
pub(super) async fn rollouts(
    tx: &mut Tx,
    world: &World,
    changes: &[RolloutChange],
) -> Result<(), StoreError> {
    let mut ordered: Vec<&RolloutChange> = changes.iter().collect();
    ordered.sort_by_key(|change| !change.rollout.state.is_terminal());
    for change in ordered {
        let rollout = &change.rollout;
        let failure = decode::to_json_opt(rollout.failure.as_ref(), "failure")?;
        let last_death = decode::to_json_opt(rollout.last_death.as_ref(), "last death")?;
        let written = sqlx::query!(
            "
            insert into rollouts as r (deployment_id, team_id, environment_id, state, strategy, from_release_id,
                started_at, progress_at, progress, first_gen, first_gen_at, switch_gen, live_at, early_deaths, failure,
                finished_at, last_death)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $10::bigint is not null then now() end, $11, $12, $13, $14,
                case when $15 then now() end, $17)
            on conflict (deployment_id) do update
            set state = excluded.state, strategy = excluded.strategy, progress_at = excluded.progress_at,
                progress = excluded.progress, first_gen = excluded.first_gen,
                first_gen_at = coalesce(r.first_gen_at, excluded.first_gen_at), switch_gen = excluded.switch_gen,
                live_at = excluded.live_at, early_deaths = excluded.early_deaths, failure = excluded.failure,
                finished_at = excluded.finished_at, last_death = excluded.last_death
            where r.state = $16
            ",
            change.deployment.as_uuid(),
            world.team.as_uuid(),
            world.environment.as_uuid(),
            rollout.state.as_str(),
            strategy_text(rollout.strategy),
            rollout.from.map(ReleaseId::as_uuid),
            rollout.started_at.to_sqlx() as _,
            rollout.progress_at.to_sqlx() as _,
            decode::number::<u32, i32>(rollout.progress, "progress")?,
            rollout.first_gen.map(|route_gen| route_gen.0),
            rollout.switch_gen.map(|route_gen| route_gen.0),
            decode::sql_time(rollout.live_at) as _,
            decode::number::<u32, i32>(rollout.early_deaths, "early deaths")?,
            failure,
            rollout.state.is_terminal(),
            change.expected.map(segue_model::state::DeploymentState::as_str),
            last_death,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| match StoreError::from(error) {
            StoreError::Conflict { .. } => superseded("rollout"),
            other => other,
        })?
        .rows_affected();
        if written == 0 {
            return Err(superseded("rollout"));
        }
    }
    Ok(())
}

/// The whole new routes of the environment, at the next generation; edges are told.
pub(super) async fn routes(
    tx: &mut Tx,
    world: &World,
    routes: &EnvironmentRoutes,
) -> Result<(), StoreError> {
    let removed = world.deleted && routes.routes.is_empty();
    sqlx::query!(
        "
        insert into routes as r (environment_id, team_id, route_gen, routes, removed)
        values ($1, $2, $3, $4, $5)
        on conflict (environment_id) do update
        set route_gen = excluded.route_gen, routes = excluded.routes, removed = excluded.removed,
            changed_xid = pg_current_xact_id(), changed_at = now()
        ",
        world.environment.as_uuid(),
        world.team.as_uuid(),
        routes.route_gen.0,
        decode::to_json(routes, "routes")?,
        removed,
    )
    .execute(&mut **tx)
    .await
    .map_err(|error| match StoreError::from(error) {
        StoreError::Conflict { .. } => superseded("routes"),
        other => other,
    })?;
    sqlx::query!("select pg_notify('segue_routes', '')")
        .fetch_one(&mut **tx)
        .await?;
    Ok(())
}

/// Releases that were seen to be good.
pub(super) async fn stable(
    tx: &mut Tx,
    world: &World,
    releases: &[ReleaseId],
) -> Result<(), StoreError> {
    for release in releases {
        sqlx::query!(
            "
            update releases
            set stable_at = now()
            where id = $1 and environment_id = $2 and stable_at is null
            ",
            release.as_uuid(),
            world.environment.as_uuid(),
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// The events of the plan, in its order.
pub(super) async fn events(
    tx: &mut Tx,
    world: &World,
    events: &[NewEvent],
) -> Result<(), StoreError> {
    for event in events {
        let message: String = event
            .message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        sqlx::query!(
            "
            insert into events (team_id, app_id, environment_id, kind, subject, message, failure, actor)
            values ($1, $2, $3, $4, $5, $6, $7, 'segue/worker')
            ",
            world.team.as_uuid(),
            world.app.as_uuid(),
            world.environment.as_uuid(),
            event.kind.as_str(),
            decode::to_json(&event.subject, "event subject")?,
            message,
            decode::to_json_opt(event.failure.as_ref(), "failure")?,
        )
        .execute(&mut **tx)
        .await?;
    }
    if !events.is_empty() {
        sqlx::query!("select pg_notify('segue_events', '')")
            .fetch_one(&mut **tx)
            .await?;
    }
    Ok(())
}
