//! Routes: what the edge knows. Versioned per environment by `route_gen`.
//!
//! The planner writes them, the store keeps them, the internal stream carries them, the edge serves them.
//! Compact on purpose: an edge holds every route of the installation.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AppId, EnvironmentId, InstanceId, ReleaseId, TeamId};
use crate::name::{Domain, PathPrefix, ServiceName};

/// Version of an environment's routes; starts at 1 and grows by one with each change. 0: none yet.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RouteGen(pub i64);

impl RouteGen {
    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// All routes of one environment at one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRoutes {
    /// Owner of every endpoint in it.
    pub team: TeamId,
    /// Its app.
    pub app: AppId,
    /// The environment.
    pub environment: EnvironmentId,
    /// Version.
    pub route_gen: RouteGen,
    /// One per routed service, ordered by service.
    pub routes: Vec<Route>,
}

/// Where requests for some host names and a path prefix go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The service behind it.
    pub service: ServiceName,
    /// Host names, exact or wildcard.
    pub hosts: Vec<Domain>,
    /// Requests under this path.
    pub path: PathPrefix,
    /// One pool per release that takes traffic. Empty: nobody is there.
    pub pools: Vec<Pool>,
    /// How requests are treated.
    pub policy: RoutePolicy,
}

/// The endpoints of one release, with the pool's share of new requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The release they belong to, for counts and receipts.
    pub release: ReleaseId,
    /// Share of requests, relative to the other pools of the route; 0 takes none.
    pub weight: u32,
    /// Ready instances, ordered by id.
    pub endpoints: Vec<Endpoint>,
}

/// One instance as the edge dials it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The instance.
    pub instance: InstanceId,
    /// Container address and port.
    pub address: SocketAddr,
}

/// Treatment of a route's requests; every duration has a default, none is unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutePolicy {
    /// Requests in flight may take this long after their endpoint left the routes.
    pub drain: Duration,
    /// The same for upgraded connections (websockets), which then get close frame 1001.
    pub drain_upgraded: Duration,
    /// To the first byte of the response, and between bytes.
    pub response_timeout: Duration,
    /// Request bodies above this many bytes are refused with 413.
    pub max_body_bytes: u64,
    /// With no ready endpoint, requests wait this long before 503.
    pub hold: Duration,
    /// Plain HTTP is redirected to HTTPS.
    pub https_redirect: bool,
}

impl Default for RoutePolicy {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(30),
            drain_upgraded: Duration::from_secs(60),
            response_timeout: Duration::from_secs(60),
            max_body_bytes: 1 << 30,
            hold: Duration::from_secs(5),
            https_redirect: false,
        }
    }
}

/// A certificate that edges present for its names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Names it covers, exact or wildcard.
    pub names: Vec<Domain>,
    /// Leaf first, PEM.
    pub chain_pem: String,
    /// Private key, PKCS#8 PEM.
    pub key_pem: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// What an edge has open towards one endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequests {
    /// Requests in flight.
    pub requests: u32,
    /// Upgraded connections.
    pub upgraded: u32,
}

impl OpenRequests {
    /// Nothing is open.
    #[must_use]
    pub const fn is_idle(self) -> bool {
        self.requests == 0 && self.upgraded == 0
    }
}

/// Upper ends of the latency classes, microseconds; what took longer is in none of them.
pub const LATENCY_ENDS_US: [u64; 13] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Requests that one edge finished for one release of one service since its last report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// By status class: 1xx, 2xx, 3xx, 4xx, 5xx of the application.
    pub by_class: [u64; 5],
    /// The edge's own 502, 503 and 504.
    pub edge_failed: u64,
    /// Responses that broke off.
    pub broken: u64,
    /// Tries on another endpoint.
    pub retries: u64,
    /// Sum of times from the request's head to the response's end, microseconds.
    pub latency_sum_us: u64,
    /// The longest of them, microseconds.
    pub latency_max_us: u64,
    /// The longest wait for an endpoint, microseconds.
    pub wait_max_us: u64,
    /// By the time from head to end: those within each of [`LATENCY_ENDS_US`] and not within the one before.
    #[serde(default)]
    pub by_latency: [u64; LATENCY_ENDS_US.len()],
}

impl RequestCounts {
    /// Adds another report.
    pub fn add(&mut self, other: &Self) {
        for (to, from) in self.by_class.iter_mut().zip(other.by_class) {
            *to = to.saturating_add(from);
        }
        self.edge_failed = self.edge_failed.saturating_add(other.edge_failed);
        self.broken = self.broken.saturating_add(other.broken);
        self.retries = self.retries.saturating_add(other.retries);
        self.latency_sum_us = self.latency_sum_us.saturating_add(other.latency_sum_us);
        self.latency_max_us = self.latency_max_us.max(other.latency_max_us);
        self.wait_max_us = self.wait_max_us.max(other.wait_max_us);
        for (to, from) in self.by_latency.iter_mut().zip(other.by_latency) {
            *to = to.saturating_add(from);
        }
    }

    /// Requests that the application answered with 5xx, not at all, or not to the end.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        let [.., by_5xx] = self.by_class;
        by_5xx
            .saturating_add(self.edge_failed)
            .saturating_add(self.broken)
    }

    /// The upper end of the class in which 95 of 100 requests have ended, microseconds; [`u64::MAX`] where they took
    /// longer than the longest. `None` without requests.
    #[must_use]
    pub fn p95_us(&self) -> Option<u64> {
        let total = u128::from(self.total());
        let mut within = 0u128;
        for (count, end) in self.by_latency.iter().zip(LATENCY_ENDS_US) {
            within = within.saturating_add(u128::from(*count));
            if within.saturating_mul(100) >= total.saturating_mul(95) {
                return (total > 0).then_some(end);
            }
        }
        (total > 0).then_some(u64::MAX)
    }

    /// Every finished request, whatever its end.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_class
            .iter()
            .sum::<u64>()
            .saturating_add(self.edge_failed)
            .saturating_add(self.broken)
    }
}

/// Open requests by instance.
pub type OpenByInstance = BTreeMap<InstanceId, OpenRequests>;
