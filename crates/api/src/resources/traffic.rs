//! An environment's requests over time, from what its edges counted and nothing else.
//!
//! Percentiles are told as the upper end of the class that they lie in, because that is what is recorded. A step in
//! which nothing was counted is left out.

use axum::extract::State;
use jiff::SignedDuration;
use segue_model::Timestamp;
use segue_model::route::{LATENCY_ENDS_US, RequestCounts};
use segue_store::{MOST_TRAFFIC_POINTS, ReleaseTraffic, TrafficPoint};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{InEnv, Read};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::{EnvPath, Errors};
use crate::wire::query::ApiQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(metrics_series))
}

/// Seconds shown if nothing is asked for.
pub(super) const WINDOW_S: i64 = 3600;
/// Counts are kept this long.
pub(super) const KEPT_S: i64 = 48 * 3600;
/// Steps of a series if no step is asked for.
pub(super) const STEPS: i64 = 120;
/// The shares of releases are those of the last so many seconds.
const RECENT_S: i64 = 60;

/// Requests of an environment over time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Metrics {
    /// Where the first step begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The present.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Seconds of each step.
    pub step_s: u32,
    /// Steps in which something was counted, oldest first.
    pub points: Vec<MetricsPoint>,
    /// Who answered the requests of the last minute, newest release first.
    pub releases: Vec<ReleaseShare>,
}

/// What was counted within one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetricsPoint {
    /// Where the step begins.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Finished requests.
    pub requests: u64,
    /// Answers 400 to 499.
    pub client_errors: u64,
    /// Answers 500 to 599 of the application.
    pub server_errors: u64,
    /// The edge's own 502, 503 and 504, and answers that broke off.
    pub failed: u64,
    /// Half of the requests took at most this, microseconds.
    pub p50_us: u64,
    /// 95 of 100 took at most this, microseconds.
    pub p95_us: u64,
    /// The longest, microseconds.
    pub longest_us: u64,
}

/// How much a release answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseShare {
    /// Version of the release.
    pub release: i64,
    /// Its requests.
    pub requests: u64,
}

/// Which time.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricsQuery {
    /// Not older than this (RFC 3339); the last hour if not given. Counts are kept for 48 hours.
    since: Option<String>,
    /// Seconds of a step; a 120th of the time if not given.
    #[param(minimum = 1, maximum = 86_400)]
    step: Option<u32>,
}

/// The beginning, on a whole step, and the seconds of a step.
fn window(query: &MetricsQuery, now: Timestamp) -> Result<(Timestamp, u32), Problem> {
    let wrong = |name: &str, detail: &str| {
        Problem::new(ProblemCode::InvalidRequest, detail.to_owned()).at(name, detail)
    };
    let now_s = now.as_second();
    let since_s = match query.since.as_deref() {
        None => now_s.saturating_sub(WINDOW_S),
        Some(text) => text
            .parse::<Timestamp>()
            .map_err(|_| wrong("since", "`since` is a time like 2026-01-31T12:00:00Z"))?
            .as_second(),
    };
    if since_s > now_s {
        return Err(wrong("since", "`since` lies in the future"));
    }
    let since_s = since_s.max(now_s.saturating_sub(KEPT_S));
    let length = now_s.saturating_sub(since_s);
    let step = match query.step {
        Some(step) if (1..=86_400).contains(&step) => i64::from(step),
        Some(_) => return Err(wrong("step", "`step` must be 1 to 86400 seconds")),
        None => (length / STEPS).max(1),
    };
    if length / step >= i64::from(MOST_TRAFFIC_POINTS) {
        return Err(wrong(
            "step",
            "that is too many steps; at most 999 fit into one answer",
        )
        .hint("ask for longer steps or a shorter time"));
    }
    // On whole steps, so that a point is the same point when it is asked for again.
    let begin = since_s.saturating_sub(since_s.rem_euclid(step));
    let begin = Timestamp::from_second(begin).map_err(|_| wrong("since", "no such time"))?;
    Ok((begin, u32::try_from(step).unwrap_or(u32::MAX)))
}

/// The upper end of the class in which so many of 100 requests have ended; the longest, where that is the last one.
fn percentile_us(counts: &RequestCounts, percent: u128) -> u64 {
    let total = u128::from(counts.total());
    let mut within = 0u128;
    for (count, end) in counts.by_latency.iter().zip(LATENCY_ENDS_US) {
        within = within.saturating_add(u128::from(*count));
        if within.saturating_mul(100) >= total.saturating_mul(percent) {
            return end.min(counts.latency_max_us);
        }
    }
    counts.latency_max_us
}

impl From<TrafficPoint> for MetricsPoint {
    fn from(point: TrafficPoint) -> Self {
        let counts = point.counts;
        let [.., client_errors, server_errors] = counts.by_class;
        Self {
            at: point.at,
            requests: counts.total(),
            client_errors,
            server_errors,
            failed: counts.edge_failed.saturating_add(counts.broken),
            p50_us: percentile_us(&counts, 50),
            p95_us: percentile_us(&counts, 95),
            longest_us: counts.latency_max_us,
        }
    }
}

impl From<ReleaseTraffic> for ReleaseShare {
    fn from(traffic: ReleaseTraffic) -> Self {
        Self {
            release: traffic.version,
            requests: traffic.requests,
        }
    }
}

/// Shows an environment's requests over time: how many, how many failed, how long they took.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/envs/{env}/metrics", tag = "metrics",
    params(EnvPath, MetricsQuery),
    responses((status = 200, description = "The series.", body = Metrics), Errors))]
async fn metrics_series(
    at: InEnv<Read>,
    State(_): State<ApiState>,
    ApiQuery(query): ApiQuery<MetricsQuery>,
) -> Result<ApiJson<Metrics>, Problem> {
    let until = Timestamp::now();
    let (from, step_s) = window(&query, until)?;
    let points = at.scope.traffic_series(at.env.id, from, step_s).await?;
    let recent = until
        .checked_sub(SignedDuration::from_secs(RECENT_S))
        .unwrap_or(from);
    let releases = at.scope.traffic_by_release(at.env.id, recent).await?;
    Ok(ApiJson(Metrics {
        from,
        until,
        step_s,
        points: points.into_iter().map(MetricsPoint::from).collect(),
        releases: releases.into_iter().map(ReleaseShare::from).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(since: Option<&str>, step: Option<u32>) -> MetricsQuery {
        MetricsQuery {
            since: since.map(str::to_owned),
            step,
        }
    }

    #[test]
    fn a_window_begins_on_a_whole_step_and_never_before_what_is_kept() {
        let now: Timestamp = "2026-01-31T12:00:07Z".parse().unwrap();
        let (from, step) = window(&query(None, None), now).unwrap();
        assert_eq!(
            (from.to_string().as_str(), step),
            ("2026-01-31T11:00:00Z", 30)
        );
        let (from, step) = window(&query(Some("2020-01-01T00:00:00Z"), Some(3600)), now).unwrap();
        assert_eq!(
            (from.to_string().as_str(), step),
            ("2026-01-29T12:00:00Z", 3600)
        );
        for wrong in [
            query(Some("tomorrow"), None),
            query(Some("2026-02-01T00:00:00Z"), None),
            query(None, Some(0)),
            query(None, Some(1)),
        ] {
            assert!(window(&wrong, now).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn percentiles_are_ends_of_classes_and_never_above_the_longest() {
        let mut counts = RequestCounts {
            latency_max_us: 40_000,
            ..RequestCounts::default()
        };
        counts.by_class[1] = 100;
        counts.by_latency[0] = 60;
        counts.by_latency[5] = 40;
        assert_eq!(percentile_us(&counts, 50), 1_000);
        assert_eq!(percentile_us(&counts, 95), 40_000);
        let slow = RequestCounts {
            by_class: [0, 1, 0, 0, 0],
            latency_max_us: 30_000_000,
            ..RequestCounts::default()
        };
        assert_eq!(
            percentile_us(&slow, 50),
            30_000_000,
            "slower than every class"
        );
    }
}
