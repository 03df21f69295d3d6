//! The routing table: host names to routes, without a lock on the way of a request.
//!
//! Host names live in shards that are replaced whole when a name comes or goes; a change of
//! endpoints replaces the state of the routes concerned and nothing else. Must not do IO.

mod apply;
mod drain;
mod route;
mod sums;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use segue_model::name::PathPrefix;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub(crate) use apply::{Applied, Refused};
pub(crate) use route::{Claim, RouteEntry};

use crate::stats::Stats;

const SHARDS: usize = 64;

/// Routes of one host name, longest path first.
type HostRoutes = Arc<[(PathPrefix, Arc<RouteEntry>)]>;
type Shard = HashMap<Box<str>, HostRoutes>;

/// See the module's description.
pub(crate) struct Table {
    shards: Box<[ArcSwap<Shard>]>,
    hasher: std::hash::RandomState,
    writer: Mutex<apply::Writer>,
    pub(crate) stats: Stats,
    /// An endpoint that left the routes has nothing open any more.
    pub(crate) drained: Arc<Notify>,
    /// Cancelled when every websocket must end.
    stop_websockets: CancellationToken,
}

/// What a look-up found.
#[derive(Debug)]
pub(crate) enum Found {
    /// The route of the request.
    Route(Arc<RouteEntry>),
    /// The host is known, the path is not.
    NoPath,
    /// Nothing is known about the host.
    NoHost,
}

impl Table {
    pub(crate) fn new(stop_websockets: CancellationToken) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            hasher: std::hash::RandomState::new(),
            writer: Mutex::default(),
            stats: Stats::default(),
            drained: Arc::new(Notify::new()),
            stop_websockets,
        }
    }

    /// Finds the route for a host name (lower case, without port) and a path: exact name first,
    /// then the longest wildcard; within it the longest path prefix.
    pub(crate) fn find(&self, host: &str, path: &str) -> Found {
        if let Some(found) = self.routes_of(host, path) {
            return found;
        }
        let mut wildcard = String::with_capacity(host.len() + 1);
        let mut rest = host;
        while let Some((_, parent)) = rest.split_once('.') {
            wildcard.clear();
            wildcard.push_str("*.");
            wildcard.push_str(parent);
            if let Some(found) = self.routes_of(&wildcard, path) {
                return found;
            }
            rest = parent;
        }
        Found::NoHost
    }

    fn routes_of(&self, name: &str, path: &str) -> Option<Found> {
        let shard = self.shard(name)?.load();
        let routes = shard.get(name)?;
        let found = routes.iter().find(|(prefix, _)| prefix.covers(path));
        Some(found.map_or(Found::NoPath, |(_, route)| Found::Route(route.clone())))
    }

    fn shard(&self, name: &str) -> Option<&ArcSwap<Shard>> {
        let hash = self.hasher.hash_one(name);
        self.shards
            .get(usize::try_from(hash % SHARDS as u64).unwrap_or(0))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
