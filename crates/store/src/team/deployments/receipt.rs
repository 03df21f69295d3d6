//! The receipt of a deployment: what its switch did to requests, summed up from what edges counted.

use jiff::Timestamp;
use segue_model::id::DeploymentId;
use segue_model::route::RequestCounts;

use super::read::find;
use crate::decode;
use crate::error::StoreError;
use crate::team::TeamScope;

/// What a switch did to requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// First generation of the routes with the new release.
    pub first_gen: i64,
    /// When that was committed.
    pub from: Timestamp,
    /// When the last live edge had acknowledged, plus the drain time; `None`: not over yet.
    pub until: Option<Timestamp>,
    /// Everything that edges finished in between, of all releases.
    pub counts: RequestCounts,
}

impl TeamScope {
    /// What the switch of a deployment did to requests; `None` before the first generation with it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn deployment_receipt(
        &self,
        id: DeploymentId,
    ) -> Result<Option<Receipt>, StoreError> {
        let mut intent = self.begin().await?;
        let deployment = find(&mut intent, id).await?;
        let row = sqlx::query!(
            r#"
            select o.first_gen, o.first_gen_at,
                coalesce(o.live_at, o.finished_at)
                    + coalesce((r.spec -> 'rollout' -> 'drain' ->> 'secs')::integer, 30) * interval '1 second' as until
            from rollouts o
            join deployments d on d.id = o.deployment_id
            join releases r on r.id = d.release_id
            where o.team_id = $1 and o.deployment_id = $2
            "#,
            intent.team(),
            id.as_uuid(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        let Some((first_gen, from, until)) = row.and_then(|row| {
            Some((
                row.first_gen?,
                row.first_gen_at?.to_jiff(),
                decode::time(row.until),
            ))
        }) else {
            return Ok(None);
        };
        let counts = sqlx::query!(
            r#"
            select
                coalesce(sum(by_class[1]), 0)::bigint as "c1!", coalesce(sum(by_class[2]), 0)::bigint as "c2!",
                coalesce(sum(by_class[3]), 0)::bigint as "c3!", coalesce(sum(by_class[4]), 0)::bigint as "c4!",
                coalesce(sum(by_class[5]), 0)::bigint as "c5!",
                coalesce(sum(edge_failed), 0)::bigint as "edge_failed!", coalesce(sum(broken), 0)::bigint as "broken!",
                coalesce(sum(retries), 0)::bigint as "retries!", coalesce(sum(latency_sum_us), 0)::bigint as "latency_sum_us!",
                coalesce(max(latency_max_us), 0) as "latency_max_us!", coalesce(max(wait_max_us), 0) as "wait_max_us!"
            from request_counts
            where team_id = $1 and environment_id = $2 and route_gen >= $3
                and second >= date_trunc('second', $4::timestamptz)
                and ($5::timestamptz is null or second <= $5)
            "#,
            intent.team(),
            deployment.environment.as_uuid(),
            first_gen,
            decode::sql_time(Some(from)) as _,
            decode::sql_time(until) as _,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let count = |value: i64| decode::number::<i64, u64>(value, "count");
        Ok(Some(Receipt {
            first_gen,
            from,
            until,
            counts: RequestCounts {
                by_class: [
                    count(counts.c1)?,
                    count(counts.c2)?,
                    count(counts.c3)?,
                    count(counts.c4)?,
                    count(counts.c5)?,
                ],
                edge_failed: count(counts.edge_failed)?,
                broken: count(counts.broken)?,
                retries: count(counts.retries)?,
                latency_sum_us: count(counts.latency_sum_us)?,
                latency_max_us: count(counts.latency_max_us)?,
                wait_max_us: count(counts.wait_max_us)?,
                by_latency: Default::default(),
            },
        }))
    }
}
