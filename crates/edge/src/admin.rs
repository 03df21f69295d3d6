//! The operator's page on its own loopback listener: `/readyz` and `/metrics` (Prometheus text).
//! Must never be reachable through the data listeners.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::shared::Shared;
use crate::stats::BUCKETS_US;

/// Connections served at once; a scraper and a health check need two.
const MAX_CONNECTIONS: usize = 32;

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let slots = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let shared = shared.clone();
        tasks.spawn(async move {
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
                let response = respond(&shared, request.uri().path());
                std::future::ready(Ok::<_, Infallible>(response))
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .serve_connection(TokioIo::new(stream), service);
            // A broken connection of a scraper is its own matter.
            let _ = tokio::time::timeout(Duration::from_secs(300), connection).await;
            drop(slot);
        });
    }
}

fn respond(shared: &Shared, path: &str) -> Response<Full<Bytes>> {
    let (status, kind, body) = match path {
        "/readyz" => {
            let (ready, body) = ready(shared);
            let status = if ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            (status, "application/json", body)
        }
        "/metrics" => (StatusCode::OK, "text/plain; version=0.0.4", metrics(shared)),
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            "not found\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// Ready: there is a table to serve from, the edge is not leaving, and it has its lease or is the only edge it
/// knows of. The control plane's absence alone does not make an edge unready, since it goes on serving; but where
/// another edge was live, that one had better be asked: it may know of changes that this one does not.
fn ready(shared: &Shared) -> (bool, String) {
    let gauges = &shared.gauges;
    let has_routes = gauges.has_routes.load(Ordering::Relaxed);
    let stopping = gauges.stopping.load(Ordering::Relaxed);
    let lease = shared.lease.standing(shared.now());
    let reason = if stopping {
        Some("the edge stops")
    } else if !has_routes {
        Some("there are no routes yet, neither on disk nor from the control plane")
    } else if lease.others_are_better() {
        Some("the lease has run out and another edge was live; requests are served on")
    } else {
        None
    };
    let ready = reason.is_none();
    let body = serde_json::json!({
        "ready": ready,
        "reason": reason,
        "has_routes": has_routes,
        "control_plane_connected": gauges.connected.load(Ordering::Relaxed),
        "state_file_damaged": gauges.damaged_state.load(Ordering::Relaxed),
        "routes_saved": !gauges.unsaved.load(Ordering::Relaxed),
        "stopping": stopping,
        "lease_held": lease.held,
        "other_edges": lease.other_edges,
    });
    (ready, format!("{body}\n"))
}

fn metrics(shared: &Shared) -> String {
    let mut out = String::with_capacity(16 * 1024);
    let gauges = &shared.gauges;
    let mut single = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing into a String cannot fail.
        let _ = write!(
            out,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        );
    };
    let flag = |flag: &std::sync::atomic::AtomicBool| u64::from(flag.load(Ordering::Relaxed));
    single(
        "segue_edge_control_connected",
        "gauge",
        "The stream of the control plane is open.",
        flag(&gauges.connected),
    );
    let lease = shared.lease.standing(shared.now());
    single(
        "segue_edge_lease_held",
        "gauge",
        "The control plane answered a report within the time of a lease.",
        u64::from(lease.held),
    );
    single(
        "segue_edge_other_edges",
        "gauge",
        "Other live edges, as the control plane told last.",
        lease.other_edges.into(),
    );
    single(
        "segue_edge_state_damaged",
        "gauge",
        "The routes on disk could not be read at the start.",
        flag(&gauges.damaged_state),
    );
    single(
        "segue_edge_routes_unsaved",
        "gauge",
        "The last routes could not be written to disk, and are not acknowledged.",
        flag(&gauges.unsaved),
    );
    single(
        "segue_edge_connections",
        "gauge",
        "Open client connections.",
        gauges.connections.load(Ordering::Relaxed) as u64,
    );
    single(
        "segue_edge_requests_held",
        "gauge",
        "Requests waiting for an endpoint.",
        gauges.held.load(Ordering::Relaxed) as u64,
    );
    single(
        "segue_edge_connections_refused_total",
        "counter",
        "Connections closed because of a limit.",
        gauges.connections_refused.load(Ordering::Relaxed),
    );
    single(
        "segue_edge_requests_refused_total",
        "counter",
        "Requests refused for their form.",
        gauges.requests_refused.load(Ordering::Relaxed),
    );
    single(
        "segue_edge_own_connections_total",
        "counter",
        "Requests sent on a connection of their own, because they may not be sent twice.",
        gauges.fresh_connections.load(Ordering::Relaxed),
    );
    single(
        "segue_edge_requests_without_route_total",
        "counter",
        "Requests to a host name that has no route.",
        gauges.no_route.load(Ordering::Relaxed),
    );
    routes(shared, &mut out);
    out
}

fn routes(shared: &Shared, out: &mut String) {
    let mut requests = String::new();
    let mut retries = String::new();
    let mut latency = String::new();
    shared.table.stats.each(|key, sum| {
        let labels = format!(
            "environment=\"{}\",service=\"{}\",release=\"{}\"",
            key.environment,
            key.service,
            key.release.map_or_else(String::new, |id| id.to_string())
        );
        let total = &sum.counts;
        for (class, count) in (1..).zip(total.by_class) {
            let _ = writeln!(
                requests,
                "segue_edge_requests_total{{{labels},result=\"{class}xx\"}} {count}"
            );
        }
        let _ = writeln!(
            requests,
            "segue_edge_requests_total{{{labels},result=\"edge_failed\"}} {}\n\
             segue_edge_requests_total{{{labels},result=\"broken\"}} {}",
            total.edge_failed, total.broken
        );
        let _ = writeln!(
            retries,
            "segue_edge_retries_total{{{labels}}} {}",
            total.retries
        );
        let mut below = 0;
        for (end, bucket) in BUCKETS_US.iter().zip(sum.buckets) {
            below += bucket;
            let _ = writeln!(
                latency,
                "segue_edge_request_seconds_bucket{{{labels},le=\"{}\"}} {below}",
                *end as f64 / 1e6
            );
        }
        let count = total.total();
        let _ = writeln!(
            latency,
            "segue_edge_request_seconds_bucket{{{labels},le=\"+Inf\"}} {count}\n\
             segue_edge_request_seconds_sum{{{labels}}} {}\n\
             segue_edge_request_seconds_count{{{labels}}} {count}",
            total.latency_sum_us as f64 / 1e6
        );
    });
    let _ = write!(
        out,
        "# HELP segue_edge_requests_total Finished requests.\n# TYPE segue_edge_requests_total counter\n{requests}\
         # HELP segue_edge_retries_total Tries beyond the first.\n# TYPE segue_edge_retries_total counter\n{retries}\
         # HELP segue_edge_request_seconds From the request's head to the response's end.\n\
         # TYPE segue_edge_request_seconds histogram\n{latency}"
    );
}
