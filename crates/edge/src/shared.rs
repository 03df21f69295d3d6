//! What all data threads and the control runtime share. No locks on the way of a request.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::sync::Notify;

use crate::balance::Micros;
use crate::config::Limits;
use crate::lease::Lease;
use crate::table::Table;

/// See the module's description.
pub(crate) struct Shared {
    pub(crate) table: Table,
    pub(crate) limits: Limits,
    pub(crate) trusted: Vec<IpNet>,
    /// Port for redirects to HTTPS, if there is a TLS listener.
    pub(crate) https_port: Option<u16>,
    pub(crate) gauges: Gauges,
    pub(crate) lease: Lease,
    /// A connection or request ended; the stopping edge looks again.
    pub(crate) ended: Notify,
    started: Instant,
}

/// Figures of the process for the admin page.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) connections: AtomicUsize,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) held: AtomicUsize,
    pub(crate) requests_refused: AtomicU64,
    /// Requests that were sent on a connection of their own, because they may not be sent twice.
    pub(crate) fresh_connections: AtomicU64,
    pub(crate) no_route: AtomicU64,
    pub(crate) connected: AtomicBool,
    pub(crate) has_routes: AtomicBool,
    pub(crate) damaged_state: AtomicBool,
    /// The last routes could not be written to disk.
    pub(crate) unsaved: AtomicBool,
    pub(crate) stopping: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        table: Table,
        limits: Limits,
        trusted: Vec<IpNet>,
        https_port: Option<u16>,
    ) -> Self {
        Self {
            table,
            limits,
            trusted,
            https_port,
            gauges: Gauges::default(),
            lease: Lease::default(),
            ended: Notify::new(),
            started: Instant::now(),
        }
    }

    /// Microseconds since the process began to serve.
    pub(crate) fn now(&self) -> Micros {
        micros(self.started.elapsed())
    }

    /// Whether an address belongs to a proxy that is believed.
    pub(crate) fn is_trusted(&self, address: std::net::IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }
}

/// A duration in whole microseconds.
pub(crate) fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Counts one of something for as long as it lives.
pub(crate) struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    /// One more, unless there are `most` already.
    pub(crate) fn below(counter: &'a AtomicUsize, most: usize) -> Option<Self> {
        if counter.fetch_add(1, Ordering::Relaxed) >= most {
            counter.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(counter))
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
