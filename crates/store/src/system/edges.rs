//! Edges: their leases, what they acknowledge, what they still have open, what they counted; and the routes
//! that they are sent. Written by the internal interface on an edge's behalf.
//!
//! Invariants: acknowledged generations only grow; a report with counts is added once (`report_number`).

use std::collections::BTreeMap;
use std::time::Duration;

use segue_model::id::{EdgeId, EnvironmentId, InstanceId, ReleaseId};
use segue_model::internal::{CountRow, Report};
use segue_model::route::{EnvironmentRoutes, OpenRequests, RouteGen};
use uuid::Uuid;

use super::SystemStore;
use super::world::Tx;
use crate::decode;
use crate::error::StoreError;

/// The routes of an environment as an edge is told them.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteChange {
    /// The environment.
    pub environment: EnvironmentId,
    /// The generation.
    pub route_gen: RouteGen,
    /// The routes; `None` when the environment is gone.
    pub routes: Option<EnvironmentRoutes>,
}

/// A place in the order of route changes. Reading from it answers everything that was not surely read before;
/// some changes come twice, none is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteCursor(String);

impl SystemStore {
    /// Lets an edge in under its token. The first one to come with an id owns it; `false` for another token.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn edge_join(&self, edge: EdgeId, token_hash: [u8; 32]) -> Result<bool, StoreError> {
        let joined = sqlx::query!(
            "
            insert into edges as e (id, token_hash)
            values ($1, $2)
            on conflict (id) do update
            set removed_at = null
            where e.token_hash = excluded.token_hash
            ",
            edge.as_uuid(),
            token_hash.as_slice(),
        )
        .execute(&self.inner.system)
        .await
        .map_err(StoreError::from);
        match joined {
            Ok(done) => Ok(done.rows_affected() == 1),
            Err(error) if error.is_conflict_with("edges_token_taken") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes an edge's report: renews its lease, keeps its acknowledgements, open requests and counts, and adds
    /// the environments for which that is news to the work.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an edge that never joined or was removed. [`StoreError::Unavailable`].
    pub async fn edge_report(
        &self,
        edge: EdgeId,
        report: &Report,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        let before = sqlx::query!(
            "
            select report_number, lease_until < now() as \"silent!\"
            from edges
            where id = $1 and removed_at is null
            for update
            ",
            edge.as_uuid(),
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(StoreError::NotFound)?;
        let number: i64 = decode::number(report.report_number, "report number")?;
        // An edge that restarts counts from one again; its first report is news whatever its number.
        let counted =
            number > before.report_number || (before.silent && number != before.report_number);
        sqlx::query!(
            "
            update edges
            set lease_until = clock_timestamp() + make_interval(secs => $2),
                report_number = case when $3 then $4 else report_number end,
                http_port = $5,
                https_port = $6
            where id = $1
            ",
            edge.as_uuid(),
            lease.as_secs_f64(),
            counted,
            number,
            report.http_port.map(i32::from),
            report.https_port.map(i32::from),
        )
        .execute(&mut *tx)
        .await?;
        let mut news = acknowledged(&mut tx, edge, &report.acknowledged).await?;
        news.extend(draining(&mut tx, edge, &report.draining).await?);
        in_flight(&mut tx, edge, &report.in_flight).await?;
        if counted {
            for row in &report.counts {
                count(&mut tx, row).await?;
            }
            news.extend(judged(&mut tx, &report.counts).await?);
        }
        news.sort_unstable();
        news.dedup();
        for environment in news {
            sqlx::query!("select work_add($1, 'environment', now())", environment)
                .fetch_one(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// How many edges besides this one have a lease.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn edges_live_besides(&self, edge: EdgeId) -> Result<u32, StoreError> {
        let count = sqlx::query_scalar!(
            "
            select count(*) as \"count!\"
            from edges
            where id <> $1 and removed_at is null and lease_until > now()
            ",
            edge.as_uuid(),
        )
        .fetch_one(&self.inner.system)
        .await?;
        decode::number(count, "edges")
    }

    /// A clean end: the edge takes no requests any more and holds nothing back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn edge_goodbye(&self, edge: EdgeId) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        sqlx::query!(
            "
            update edges
            set removed_at = now(), lease_until = now()
            where id = $1
            ",
            edge.as_uuid(),
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "delete from edge_draining where edge_id = $1",
            edge.as_uuid()
        )
        .execute(&mut *tx)
        .await?;
        let waiting = sqlx::query_scalar!(
            "
            select distinct i.environment_id
            from instances i
            join instance_seen s on s.instance_id = i.id
            where i.desired <> 'gone' and i.unrouted_gen is not null and s.state not in ('gone', 'lost')
            "
        )
        .fetch_all(&mut *tx)
        .await?;
        for environment in waiting {
            sqlx::query!("select work_add($1, 'environment', now())", environment)
                .fetch_one(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Everything that edges serve, and where to read on from.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn routes_snapshot(
        &self,
    ) -> Result<(Vec<EnvironmentRoutes>, RouteCursor), StoreError> {
        let start = RouteCursor("0".to_owned());
        let (changes, cursor) = self.routes_since(&start).await?;
        Ok((
            changes
                .into_iter()
                .filter_map(|change| change.routes)
                .collect(),
            cursor,
        ))
    }

    /// Routes that changed since the cursor was given. A transaction that was under way then is not missed:
    /// the cursor is the oldest one that had not ended (`pg_snapshot_xmin`), not the newest that had.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn routes_since(
        &self,
        cursor: &RouteCursor,
    ) -> Result<(Vec<RouteChange>, RouteCursor), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        sqlx::query!("set transaction isolation level repeatable read read only")
            .execute(&mut *tx)
            .await?;
        let next = sqlx::query_scalar!(
            r#"select pg_snapshot_xmin(pg_current_snapshot())::text as "next!""#
        )
        .fetch_one(&mut *tx)
        .await?;
        let rows = sqlx::query!(
            "
            select environment_id, route_gen, routes, removed
            from routes
            where changed_xid >= $1::text::xid8
            order by environment_id
            ",
            cursor.0,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let changes = rows
            .into_iter()
            .map(|row| {
                let routes = if row.removed {
                    None
                } else {
                    Some(decode::json(row.routes, "routes")?)
                };
                Ok(RouteChange {
                    environment: EnvironmentId::from_uuid(row.environment_id),
                    route_gen: RouteGen(row.route_gen),
                    routes,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok((changes, RouteCursor(next)))
    }
}

async fn acknowledged(
    tx: &mut Tx,
    edge: EdgeId,
    table: &BTreeMap<EnvironmentId, RouteGen>,
) -> Result<Vec<Uuid>, StoreError> {
    let environments: Vec<Uuid> = table
        .keys()
        .map(|environment| environment.as_uuid())
        .collect();
    let generations: Vec<i64> = table.values().map(|route_gen| route_gen.0).collect();
    let moved = sqlx::query_scalar!(
        "
        insert into edge_acks as a (edge_id, environment_id, team_id, route_gen)
        select $1, n.environment_id, e.team_id, n.route_gen
        from unnest($2::uuid[], $3::bigint[]) as n (environment_id, route_gen)
        join environments e on e.id = n.environment_id
        order by n.environment_id
        on conflict (environment_id, edge_id) do update
        set route_gen = excluded.route_gen, acknowledged_at = now()
        where a.route_gen < excluded.route_gen
        returning environment_id
        ",
        edge.as_uuid(),
        &environments,
        &generations,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(moved)
}

async fn draining(
    tx: &mut Tx,
    edge: EdgeId,
    open: &BTreeMap<InstanceId, OpenRequests>,
) -> Result<Vec<Uuid>, StoreError> {
    let mut news = Vec::new();
    for (instance, open) in open {
        let environment = if open.is_idle() {
            sqlx::query_scalar!(
                "
                delete from edge_draining
                where edge_id = $1 and instance_id = $2
                returning environment_id
                ",
                edge.as_uuid(),
                instance.as_uuid(),
            )
            .fetch_optional(&mut **tx)
            .await?
        } else {
            // Fewer open requests are no news to the planner; only none are.
            sqlx::query!(
                "
                insert into edge_draining as d (edge_id, environment_id, team_id, instance_id, requests, upgraded)
                select $1, i.environment_id, i.team_id, i.id, $3, $4
                from instances i
                where i.id = $2
                on conflict (environment_id, edge_id, instance_id) do update
                set requests = excluded.requests, upgraded = excluded.upgraded, reported_at = now()
                ",
                edge.as_uuid(),
                instance.as_uuid(),
                decode::number::<u32, i32>(open.requests, "requests")?,
                decode::number::<u32, i32>(open.upgraded, "upgraded")?,
            )
            .execute(&mut **tx)
            .await?;
            None
        };
        news.extend(environment);
    }
    Ok(news)
}

async fn in_flight(
    tx: &mut Tx,
    edge: EdgeId,
    table: &BTreeMap<EnvironmentId, u32>,
) -> Result<(), StoreError> {
    if table.is_empty() {
        return Ok(());
    }
    let environments: Vec<Uuid> = table
        .keys()
        .map(|environment| environment.as_uuid())
        .collect();
    let counts = table
        .values()
        .map(|n| decode::number(*n, "in flight"))
        .collect::<Result<Vec<i32>, _>>()?;
    sqlx::query!(
        "
        insert into edge_in_flight as f (edge_id, environment_id, team_id, in_flight)
        select $1, n.environment_id, e.team_id, n.in_flight
        from unnest($2::uuid[], $3::int[]) as n (environment_id, in_flight)
        join environments e on e.id = n.environment_id
        order by n.environment_id
        on conflict (environment_id, edge_id) do update
        set in_flight = excluded.in_flight, reported_at = now()
        ",
        edge.as_uuid(),
        &environments,
        &counts,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Environments whose running rollout is judged by what was counted.
async fn judged(tx: &mut Tx, counts: &[CountRow]) -> Result<Vec<Uuid>, StoreError> {
    let environments: Vec<Uuid> = counts.iter().map(|row| row.environment.as_uuid()).collect();
    if environments.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_scalar!(
        "
        select environment_id
        from rollouts
        where environment_id = any ($1) and rank < 100
        ",
        &environments,
    )
    .fetch_all(&mut **tx)
    .await?)
}

async fn count(tx: &mut Tx, row: &CountRow) -> Result<(), StoreError> {
    let big = |value: u64| decode::number::<u64, i64>(value, "count");
    let counts = &row.counts;
    let classes = counts
        .by_class
        .iter()
        .map(|n| big(*n))
        .collect::<Result<Vec<i64>, _>>()?;
    let latencies = counts
        .by_latency
        .iter()
        .map(|n| big(*n))
        .collect::<Result<Vec<i64>, _>>()?;
    sqlx::query!(
        "
        insert into request_counts as c (team_id, environment_id, service, release_id, route_gen, second, by_class,
            edge_failed, broken, retries, latency_sum_us, latency_max_us, wait_max_us, by_latency)
        select e.team_id, e.id, $2, $3, $4, date_trunc('second', now()), $5, $6, $7, $8, $9, $10, $11, $12
        from environments e
        where e.id = $1
        on conflict on constraint request_counts_key do update
        set by_class = array(
                select coalesce(x, 0) + coalesce(y, 0)
                from unnest(c.by_class, excluded.by_class) with ordinality as both_counts (x, y, place)
                order by place
            ),
            edge_failed = c.edge_failed + excluded.edge_failed,
            broken = c.broken + excluded.broken,
            retries = c.retries + excluded.retries,
            latency_sum_us = c.latency_sum_us + excluded.latency_sum_us,
            latency_max_us = greatest(c.latency_max_us, excluded.latency_max_us),
            wait_max_us = greatest(c.wait_max_us, excluded.wait_max_us),
            by_latency = array(
                select coalesce(x, 0) + coalesce(y, 0)
                from unnest(c.by_latency, excluded.by_latency) with ordinality as both_latencies (x, y, place)
                order by place
            )
        ",
        row.environment.as_uuid(),
        row.service.as_str(),
        row.release.map(ReleaseId::as_uuid),
        row.route_gen.0,
        &classes,
        big(counts.edge_failed)?,
        big(counts.broken)?,
        big(counts.retries)?,
        big(counts.latency_sum_us)?,
        big(counts.latency_max_us)?,
        big(counts.wait_max_us)?,
        &latencies,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
