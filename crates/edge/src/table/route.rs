//! One route as requests see it, and the claim that ties a request to an endpoint.
//!
//! Invariant: after `RouteEntry::swap` has returned, every request that can still begin on an
//! endpoint of the old state is counted in that endpoint's open requests. A claim counts first and
//! looks at the state again afterwards; a swap stores first and counts afterwards. Both have a
//! sequentially consistent fence in between, so one of them sees the other.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use segue_model::id::{EnvironmentId, InstanceId};
use segue_model::route::{OpenRequests, RoutePolicy};
use std::net::SocketAddr;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::balance::{self, Candidate, Load, Micros, Rate, RetryBudget};
use crate::stats::Stat;

/// One instance, for as long as any request or generation knows it.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) instance: InstanceId,
    pub(crate) address: SocketAddr,
    pub(crate) load: Load,
    /// Connections that were made for one request only.
    pub(crate) fresh: Rate,
    requests: AtomicU32,
    upgraded: AtomicU32,
    /// It left the routes; whoever ends its last request tells `idle`.
    left: AtomicBool,
    idle: Arc<Notify>,
    /// Cancelled when its websockets must end.
    close: Mutex<CancellationToken>,
}

impl Endpoint {
    pub(super) fn new(
        instance: InstanceId,
        address: SocketAddr,
        load: Load,
        idle: Arc<Notify>,
        stop_websockets: &CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            instance,
            address,
            load,
            fresh: Rate::default(),
            requests: AtomicU32::new(0),
            upgraded: AtomicU32::new(0),
            left: AtomicBool::new(false),
            idle,
            close: Mutex::new(stop_websockets.child_token()),
        })
    }

    /// What is open towards it.
    pub(crate) fn open(&self) -> OpenRequests {
        OpenRequests {
            requests: self.requests.load(Ordering::SeqCst),
            upgraded: self.upgraded.load(Ordering::SeqCst),
        }
    }

    /// It left the routes, or came back.
    pub(super) fn set_left(&self, left: bool, stop_websockets: &CancellationToken) {
        self.left.store(left, Ordering::SeqCst);
        let mut close = self.close.lock().unwrap_or_else(PoisonError::into_inner);
        if !left && close.is_cancelled() {
            *close = stop_websockets.child_token();
        }
    }

    /// Ends its websockets.
    pub(super) fn close_upgraded(&self) {
        self.close
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .cancel();
    }

    fn close_signal(&self) -> CancellationToken {
        self.close
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn tell_if_idle(&self) {
        if self.left.load(Ordering::SeqCst) && self.open().is_idle() {
            self.idle.notify_one();
        }
    }
}

/// The endpoints of one release in one generation.
#[derive(Debug)]
pub(crate) struct PoolState {
    pub(crate) weight: u32,
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
    pub(crate) stat: Arc<Stat>,
}

/// What a route is at one generation. Never changed, only replaced.
#[derive(Debug)]
pub(crate) struct RouteState {
    pub(crate) policy: RoutePolicy,
    pub(crate) pools: Vec<PoolState>,
    /// Counts of requests that found no endpoint in it.
    pub(crate) unassigned: Arc<Stat>,
    /// The route is no more; requests that still hold it look it up again.
    pub(crate) removed: bool,
}

/// One route through all its generations.
#[derive(Debug)]
pub(crate) struct RouteEntry {
    pub(crate) environment: EnvironmentId,
    state: ArcSwap<RouteState>,
    /// Woken at each new generation, for requests that wait for an endpoint.
    pub(crate) changed: Notify,
    pub(crate) budget: RetryBudget,
    /// Requests that wait for an endpoint of it.
    pub(crate) held: AtomicUsize,
    pub(crate) in_flight: AtomicU32,
}

impl RouteEntry {
    pub(super) fn new(environment: EnvironmentId, state: RouteState) -> Arc<Self> {
        Arc::new(Self {
            environment,
            state: ArcSwap::from_pointee(state),
            changed: Notify::new(),
            budget: RetryBudget::default(),
            held: AtomicUsize::new(0),
            in_flight: AtomicU32::new(0),
        })
    }

    /// The present state.
    pub(crate) fn state(&self) -> arc_swap::Guard<Arc<RouteState>> {
        self.state.load()
    }

    /// Replaces the state. Open requests of endpoints may be read after it has returned.
    pub(super) fn swap(&self, state: RouteState) {
        self.state.store(Arc::new(state));
        fence(Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Ties a request to an endpoint that was not tried before, if there is one.
    pub(crate) fn claim(
        self: &Arc<Self>,
        tried: &[InstanceId],
        now: Micros,
        mut random: impl FnMut(usize) -> usize,
    ) -> Option<Claim> {
        loop {
            let state = self.state.load_full();
            let (pool, endpoint) = pick(&state, tried, now, &mut random)?;
            let endpoint = endpoint.clone();
            endpoint.requests.fetch_add(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            let claim = Claim {
                stat: pool.stat.clone(),
                endpoint,
                upgraded: false,
            };
            if std::ptr::eq(Arc::as_ptr(&self.state.load()), Arc::as_ptr(&state)) {
                return Some(claim);
            }
            // The routes changed meanwhile: dropping the claim gives the count back.
        }
    }
}

fn pick<'a>(
    state: &'a RouteState,
    tried: &[InstanceId],
    now: Micros,
    random: &mut impl FnMut(usize) -> usize,
) -> Option<(&'a PoolState, &'a Arc<Endpoint>)> {
    struct Seen<'a, 't> {
        endpoint: &'a Arc<Endpoint>,
        tried: &'t [InstanceId],
    }
    impl Candidate for Seen<'_, '_> {
        fn load(&self) -> &Load {
            &self.endpoint.load
        }
        fn in_flight(&self) -> u32 {
            self.endpoint.requests.load(Ordering::Relaxed)
        }
        fn is_eligible(&self) -> bool {
            !self.tried.contains(&self.endpoint.instance)
        }
    }
    let usable = |pool: &&PoolState| {
        pool.weight > 0
            && pool
                .endpoints
                .iter()
                .any(|endpoint| !tried.contains(&endpoint.instance))
    };
    let total: u64 = state
        .pools
        .iter()
        .filter(usable)
        .map(|pool| u64::from(pool.weight))
        .sum();
    let mut ticket = match usize::try_from(total).unwrap_or(usize::MAX) {
        0 => return None,
        total => random(total) as u64,
    };
    let pool = state.pools.iter().filter(usable).find(|pool| {
        let weight = u64::from(pool.weight);
        let hit = ticket < weight;
        ticket = ticket.saturating_sub(weight);
        hit
    })?;
    let seen: smallvec::SmallVec<[Seen<'a, '_>; 16]> = pool
        .endpoints
        .iter()
        .map(|endpoint| Seen { endpoint, tried })
        .collect();
    let chosen = balance::choose(&seen, now, random)?;
    Some((pool, chosen.endpoint))
}

/// A request's hold on an endpoint. Dropping it ends the hold.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) stat: Arc<Stat>,
    upgraded: bool,
}

impl Claim {
    /// The request became a websocket: it counts as such, and ends when the token is cancelled.
    pub(crate) fn upgrade(&mut self) -> CancellationToken {
        if !self.upgraded {
            self.upgraded = true;
            self.endpoint.upgraded.fetch_add(1, Ordering::SeqCst);
            self.endpoint.requests.fetch_sub(1, Ordering::SeqCst);
        }
        self.endpoint.close_signal()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let counter = if self.upgraded {
            &self.endpoint.upgraded
        } else {
            &self.endpoint.requests
        };
        counter.fetch_sub(1, Ordering::SeqCst);
        self.endpoint.tell_if_idle();
    }
}
