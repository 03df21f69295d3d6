//! Counts of requests by route and class of status, in Prometheus' text format.
//!
//! Routes are patterns, never paths: names that people chose do not become label values.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use crate::state::ApiState;

/// Upper bounds of the duration's buckets, seconds.
const BOUNDS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, Copy, Default)]
struct Series {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

type Key = (String, String, u16);

/// Counts of requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<Key, Series>>);

impl Metrics {
    fn note(&self, method: &str, route: &str, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let key = (method.to_owned(), route.to_owned(), status / 100);
        let mut all = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let series = all.entry(key).or_default();
        series.count += 1;
        series.seconds += seconds;
        for (bucket, bound) in series.buckets.iter_mut().zip(BOUNDS) {
            if seconds <= bound {
                *bucket += 1;
            }
        }
    }

    /// All figures as text.
    pub(crate) fn render(&self) -> String {
        let all = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        let mut text = String::from(
            "# HELP segue_api_request_duration_seconds Time from a request's head to its answer's head.\n\
             # TYPE segue_api_request_duration_seconds histogram\n",
        );
        let name = "segue_api_request_duration_seconds";
        for ((method, route, class), series) in &all {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{class}xx\"");
            for (bucket, bound) in series.buckets.iter().zip(BOUNDS) {
                let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {bucket}");
            }
            let _ = writeln!(
                text,
                "{name}_bucket{{{labels},le=\"+Inf\"}} {}",
                series.count
            );
            let _ = writeln!(text, "{name}_sum{{{labels}}} {}", series.seconds);
            let _ = writeln!(text, "{name}_count{{{labels}}} {}", series.count);
        }
        text
    }
}

/// Layer: counts every request.
pub(crate) async fn count(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let response = next.run(request).await;
    state.metrics().note(
        known(&method),
        &route,
        response.status().as_u16(),
        started.elapsed(),
    );
    response
}

/// A method is whatever a client writes: only the known ones become label values.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_class() {
        let metrics = Metrics::default();
        metrics.note("GET", "/v1/me", 200, Duration::from_millis(3));
        metrics.note("GET", "/v1/me", 204, Duration::from_secs(60));
        let text = metrics.render();
        assert!(
            text.contains("_count{method=\"GET\",route=\"/v1/me\",status=\"2xx\"} 2"),
            "{text}"
        );
        assert!(
            text.contains("le=\"0.005\"} 1") && text.contains("le=\"+Inf\"} 2"),
            "{text}"
        );
    }
}
