//! What edges counted of the releases that a running rollout leads from and to.

use std::collections::BTreeMap;

use segue_model::id::ReleaseId;
use segue_model::name::ServiceName;
use segue_model::route::RequestCounts;
use uuid::Uuid;

use super::world::Tx;
use crate::decode;
use crate::error::StoreError;

/// By service and release: of the new release since its rollout began, of the old one since ten minutes before.
/// Empty, and no row is read, where no rollout runs.
pub(super) async fn of_rollout(
    tx: &mut Tx,
    environment: Uuid,
) -> Result<BTreeMap<ServiceName, BTreeMap<ReleaseId, RequestCounts>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select c.service, c.release_id as "release_id!",
            array[
                sum(c.by_class[1])::bigint, sum(c.by_class[2])::bigint, sum(c.by_class[3])::bigint,
                sum(c.by_class[4])::bigint, sum(c.by_class[5])::bigint
            ] as "by_class!",
            array[
                sum(c.by_latency[1])::bigint, sum(c.by_latency[2])::bigint, sum(c.by_latency[3])::bigint,
                sum(c.by_latency[4])::bigint, sum(c.by_latency[5])::bigint, sum(c.by_latency[6])::bigint,
                sum(c.by_latency[7])::bigint, sum(c.by_latency[8])::bigint, sum(c.by_latency[9])::bigint,
                sum(c.by_latency[10])::bigint, sum(c.by_latency[11])::bigint, sum(c.by_latency[12])::bigint,
                sum(c.by_latency[13])::bigint
            ] as "by_latency!",
            sum(c.edge_failed)::bigint as "edge_failed!", sum(c.broken)::bigint as "broken!"
        from rollouts r
        join deployments d on d.id = r.deployment_id
        join request_counts c on c.environment_id = r.environment_id
            and (
                (c.release_id = d.release_id and c.second >= date_trunc('second', r.started_at))
                or (c.release_id = r.from_release_id and c.release_id <> d.release_id
                    and c.second >= r.started_at - interval '10 minutes')
            )
        where r.environment_id = $1 and r.rank < 100
        group by c.service, c.release_id
        "#,
        environment,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut traffic: BTreeMap<ServiceName, BTreeMap<ReleaseId, RequestCounts>> = BTreeMap::new();
    for row in rows {
        let mut counts = RequestCounts {
            edge_failed: decode::number(row.edge_failed, "count")?,
            broken: decode::number(row.broken, "count")?,
            ..RequestCounts::default()
        };
        for (to, from) in counts.by_class.iter_mut().zip(row.by_class) {
            *to = decode::number(from, "count")?;
        }
        for (to, from) in counts.by_latency.iter_mut().zip(row.by_latency) {
            *to = decode::number(from, "count")?;
        }
        traffic
            .entry(decode::text(&row.service, "service")?)
            .or_default()
            .insert(ReleaseId::from_uuid(row.release_id), counts);
    }
    Ok(traffic)
}
