//! What edges counted of an environment's requests, over time and by release. Reads only.

use jiff::Timestamp;
use segue_model::id::EnvironmentId;
use segue_model::route::RequestCounts;

use super::TeamScope;
use crate::decode;
use crate::error::StoreError;

/// Points of a series that are read at most.
pub const MOST_TRAFFIC_POINTS: u32 = 1000;

/// What was counted within one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficPoint {
    /// Where the step begins.
    pub at: Timestamp,
    /// Of every service and release together.
    pub counts: RequestCounts,
}

/// What was counted of one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseTraffic {
    /// Version of the release.
    pub version: i64,
    /// Requests that it answered, well or badly.
    pub requests: u64,
}

impl TeamScope {
    /// Counts since a moment in steps of so many seconds, oldest first; steps without a request are left out.
    ///
    /// # Errors
    /// [`StoreError`]: the database cannot be used.
    pub async fn traffic_series(
        &self,
        environment: EnvironmentId,
        since: Timestamp,
        step_s: u32,
    ) -> Result<Vec<TrafficPoint>, StoreError> {
        let mut intent = self.begin().await?;
        let rows = sqlx::query!(
            r#"
            select date_bin($4::double precision * interval '1 second', second, $3::timestamptz) as "at!",
                array[
                    sum(by_class[1])::bigint, sum(by_class[2])::bigint, sum(by_class[3])::bigint,
                    sum(by_class[4])::bigint, sum(by_class[5])::bigint
                ] as "by_class!",
                array[
                    sum(by_latency[1])::bigint, sum(by_latency[2])::bigint, sum(by_latency[3])::bigint,
                    sum(by_latency[4])::bigint, sum(by_latency[5])::bigint, sum(by_latency[6])::bigint,
                    sum(by_latency[7])::bigint, sum(by_latency[8])::bigint, sum(by_latency[9])::bigint,
                    sum(by_latency[10])::bigint, sum(by_latency[11])::bigint, sum(by_latency[12])::bigint,
                    sum(by_latency[13])::bigint
                ] as "by_latency!",
                sum(edge_failed)::bigint as "edge_failed!", sum(broken)::bigint as "broken!",
                sum(retries)::bigint as "retries!", sum(latency_sum_us)::bigint as "latency_sum_us!",
                max(latency_max_us) as "latency_max_us!", max(wait_max_us) as "wait_max_us!"
            from request_counts
            where team_id = $1 and environment_id = $2 and second >= $3
            group by 1
            order by 1
            limit $5
            "#,
            intent.team(),
            environment.as_uuid(),
            decode::sql_time(Some(since)) as _,
            f64::from(step_s),
            i64::from(MOST_TRAFFIC_POINTS),
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        let count = |value: i64| decode::number::<i64, u64>(value, "count");
        rows.into_iter()
            .map(|row| {
                let mut counts = RequestCounts {
                    edge_failed: count(row.edge_failed)?,
                    broken: count(row.broken)?,
                    retries: count(row.retries)?,
                    latency_sum_us: count(row.latency_sum_us)?,
                    latency_max_us: count(row.latency_max_us)?,
                    wait_max_us: count(row.wait_max_us)?,
                    ..RequestCounts::default()
                };
                for (to, from) in counts.by_class.iter_mut().zip(row.by_class) {
                    *to = count(from)?;
                }
                for (to, from) in counts.by_latency.iter_mut().zip(row.by_latency) {
                    *to = count(from)?;
                }
                Ok(TrafficPoint {
                    at: row.at.to_jiff(),
                    counts,
                })
            })
            .collect()
    }

    /// How many requests each release answered since a moment, newest release first.
    ///
    /// # Errors
    /// [`StoreError`]: the database cannot be used.
    pub async fn traffic_by_release(
        &self,
        environment: EnvironmentId,
        since: Timestamp,
    ) -> Result<Vec<ReleaseTraffic>, StoreError> {
        let mut intent = self.begin().await?;
        let rows = sqlx::query!(
            r#"
            select r.version,
                sum(
                    c.by_class[1] + c.by_class[2] + c.by_class[3] + c.by_class[4] + c.by_class[5] + c.edge_failed
                )::bigint as "requests!"
            from request_counts c
            join releases r on r.team_id = c.team_id and r.id = c.release_id
            where c.team_id = $1 and c.environment_id = $2 and c.second >= $3
            group by r.version
            order by r.version desc
            limit 20
            "#,
            intent.team(),
            environment.as_uuid(),
            decode::sql_time(Some(since)) as _,
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(ReleaseTraffic {
                    version: row.version,
                    requests: decode::number(row.requests, "count")?,
                })
            })
            .collect()
    }
}
