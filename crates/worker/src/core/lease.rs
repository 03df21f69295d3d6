//! Leadership: work that only the holder of a lease may do, with a deadline that the holder keeps itself.
//!
//! Invariants: a term's deadline is the instant *before* the renewal was sent plus the lease's length minus
//! [`MARGIN`], by this process's monotonic clock; past it no engine call is begun, whatever the database would
//! say, and a call that runs is cut off at it. When a lease is lost the work's future is dropped, so nothing of it
//! goes on. A process that was stopped and continues finds its deadline passed before its next call.
//! The database fences commits by itself (the epoch in the lease); this part fences the engines.

use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// Length of a lease, by the database clock.
pub(crate) const TTL: Duration = Duration::from_secs(10);
/// Between two renewals.
pub(crate) const RENEW: Duration = Duration::from_secs(3);
/// The holder stops this long before the database would let another take over: clocks that run apart, and
/// calls that are on their way.
pub(crate) const MARGIN: Duration = Duration::from_secs(2);
/// Between two tries to take a lease that another holds.
const RETRY: Duration = Duration::from_millis(1000);

const _: () = assert!(
    RENEW.as_millis() * 2 < TTL.as_millis() - MARGIN.as_millis(),
    "one renewal may fail without losing the lease"
);

/// Where leases are kept.
pub(crate) trait LeaseStore: Send + Sync + 'static {
    /// What a commit shows to prove that it holds the lease.
    type Fence: Clone + Send + Sync + 'static;
    /// What goes wrong.
    type Error: Display + Send;

    /// Takes the lease if nobody else holds it.
    fn acquire(&self) -> impl Future<Output = Result<Option<Self::Fence>, Self::Error>> + Send;
    /// Prolongs it; `false` if it is another's by now.
    fn renew(&self, fence: &Self::Fence) -> impl Future<Output = Result<bool, Self::Error>> + Send;
    /// Gives it back, so that another need not wait.
    fn release(&self, fence: &Self::Fence) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// The lease's deadline has passed: nothing may be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease has run out")]
pub(crate) struct TermOver;

/// One holding of a lease: the fence for commits and the deadline for calls.
pub(crate) struct Term<F> {
    inner: Arc<Inner<F>>,
}

impl<F> Clone for Term<F> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

struct Inner<F> {
    fence: F,
    deadline: Mutex<Instant>,
}

impl<F> Term<F> {
    fn new(fence: F, deadline: Instant) -> Self {
        Self {
            inner: Arc::new(Inner {
                fence,
                deadline: Mutex::new(deadline),
            }),
        }
    }

    /// What commits show.
    pub(crate) fn fence(&self) -> &F {
        &self.inner.fence
    }

    /// No call may be under way past this instant.
    pub(crate) fn deadline(&self) -> Instant {
        *self
            .inner
            .deadline
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn extend(&self, deadline: Instant) {
        let mut held = self
            .inner
            .deadline
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *held = deadline.max(*held);
    }

    /// Ends the term at once, as a lease that was lost does.
    fn end(&self) {
        *self
            .inner
            .deadline
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether a call may begin now.
    pub(crate) fn check(&self) -> Result<(), TermOver> {
        if Instant::now() < self.deadline() {
            Ok(())
        } else {
            Err(TermOver)
        }
    }

    /// Runs a call that may only happen within the term: it is not begun past the deadline, and dropped if the
    /// deadline comes first. The deadline moves on while the lease is renewed.
    pub(crate) async fn call<T>(&self, call: impl Future<Output = T>) -> Result<T, TermOver> {
        self.check()?;
        tokio::pin!(call);
        loop {
            let deadline = self.deadline();
            match timeout_at(deadline, &mut call).await {
                Ok(value) => return Ok(value),
                Err(_) if self.deadline() > deadline => {}
                Err(_) => return Err(TermOver),
            }
        }
    }
}

/// Waits for the lease again and again until `stop`; while it is held, `work` runs with it.
///
/// `work` is dropped when the lease is lost or `stop` is cancelled. If `work` ends by itself, the lease is given
/// back and its result is the answer.
pub(crate) async fn lead<S, W, Fut, T>(
    store: &S,
    name: &str,
    stop: &CancellationToken,
    mut work: W,
) -> Option<T>
where
    S: LeaseStore,
    W: FnMut(Term<S::Fence>) -> Fut,
    Fut: Future<Output = T>,
{
    while !stop.is_cancelled() {
        let asked = Instant::now();
        let got = tokio::select! {
            () = stop.cancelled() => return None,
            got = timeout_at(asked + TTL, store.acquire()) => got,
        };
        let fence = match got {
            Ok(Ok(Some(fence))) => fence,
            Ok(Ok(None)) => {
                pause(stop, RETRY).await;
                continue;
            }
            Ok(Err(error)) => {
                tracing::warn!(lease = name, %error, "the lease could not be asked for");
                pause(stop, RETRY).await;
                continue;
            }
            Err(_) => continue,
        };
        let term = Term::new(fence, asked + TTL - MARGIN);
        tracing::info!(lease = name, "lease taken");
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = keep(store, name, &term) => None,
            done = work(term.clone()) => Some(done),
        };
        let alive = term.check().is_ok();
        term.end();
        if alive {
            // Only a courtesy: the lease runs out by itself.
            let _ = timeout_at(Instant::now() + MARGIN, store.release(term.fence())).await;
        }
        if ended.is_some() {
            return ended;
        }
    }
    None
}

async fn pause(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(time) => {}
    }
}

/// Renews until the lease is lost.
async fn keep<S: LeaseStore>(store: &S, name: &str, term: &Term<S::Fence>) {
    let mut next = Instant::now() + RENEW;
    loop {
        sleep_until(next.min(term.deadline())).await;
        let sent = Instant::now();
        if sent >= term.deadline() {
            tracing::warn!(lease = name, "the lease ran out before it could be renewed");
            return;
        }
        match timeout_at(term.deadline(), store.renew(term.fence())).await {
            Ok(Ok(true)) => {
                term.extend(sent + TTL - MARGIN);
                next = sent + RENEW;
            }
            Ok(Ok(false)) => {
                tracing::warn!(lease = name, "the lease was taken over");
                term.end();
                return;
            }
            Ok(Err(error)) => {
                tracing::warn!(lease = name, %error, "the lease could not be renewed, trying again");
                next = Instant::now() + Duration::from_millis(500);
            }
            Err(_) => {
                tracing::warn!(lease = name, "the lease ran out while it was renewed");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;

    /// A lease table of one row.
    #[derive(Default)]
    struct Table {
        epoch: AtomicU64,
        until: Mutex<Option<Instant>>,
    }

    /// One worker's connection to it, which can freeze.
    #[derive(Default)]
    struct Client {
        table: Arc<Table>,
        frozen: AtomicBool,
    }

    impl Client {
        async fn thaw(&self) {
            while self.frozen.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    impl LeaseStore for Arc<Client> {
        type Fence = u64;
        type Error = String;

        async fn acquire(&self) -> Result<Option<u64>, String> {
            self.thaw().await;
            let mut until = self.table.until.lock().unwrap();
            if until.is_some_and(|until| until > Instant::now()) {
                return Ok(None);
            }
            *until = Some(Instant::now() + TTL);
            Ok(Some(self.table.epoch.fetch_add(1, Ordering::SeqCst) + 1))
        }

        async fn renew(&self, fence: &u64) -> Result<bool, String> {
            self.thaw().await;
            if self.table.epoch.load(Ordering::SeqCst) != *fence {
                return Ok(false);
            }
            *self.table.until.lock().unwrap() = Some(Instant::now() + TTL);
            Ok(true)
        }

        async fn release(&self, fence: &u64) -> Result<(), String> {
            if self.table.epoch.load(Ordering::SeqCst) == *fence {
                *self.table.until.lock().unwrap() = None;
            }
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_term_is_kept_for_as_long_as_it_is_renewed() {
        let client = Arc::new(Client::default());
        let stop = CancellationToken::new();
        let start = Instant::now();
        let done = lead(&client, "t", &stop, |term| async move {
            let worked = term.call(sleep(Duration::from_secs(60))).await;
            (worked, *term.fence())
        })
        .await;
        assert_eq!(done, Some((Ok(()), 1)));
        assert_eq!(start.elapsed(), Duration::from_secs(60));
        assert_eq!(client.acquire().await, Ok(Some(2)), "given back at the end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_cut_off_at_the_deadline_and_none_is_begun_behind_it() {
        let term = Term::new((), Instant::now() + Duration::from_secs(8));
        let begun = Instant::now();
        assert_eq!(term.call(std::future::pending::<()>()).await, Err(TermOver));
        assert_eq!(begun.elapsed(), Duration::from_secs(8));
        let mut ran = false;
        assert_eq!(term.call(async { ran = true }).await, Err(TermOver));
        assert!(!ran);
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_holder_has_no_effect_once_another_may_hold_the_lease() {
        let table = Arc::new(Table::default());
        let client = |_| {
            Arc::new(Client {
                table: table.clone(),
                frozen: AtomicBool::new(false),
            })
        };
        let clients = [client(0), client(1)];
        let stop = CancellationToken::new();
        let effects: Arc<Mutex<Vec<(usize, Instant)>>> = Arc::default();
        let workers = [0usize, 1].map(|who| {
            let (client, stop, effects) = (clients[who].clone(), stop.clone(), effects.clone());
            tokio::spawn(async move {
                let work = |term: Term<u64>| {
                    let effects = effects.clone();
                    async move {
                        loop {
                            let effect = async {
                                effects.lock().unwrap().push((who, Instant::now()));
                                sleep(Duration::from_millis(100)).await;
                            };
                            if term.call(effect).await.is_err() {
                                std::future::pending::<()>().await;
                            }
                        }
                    }
                };
                lead(&client, "t", &stop, work).await
            })
        });
        sleep(Duration::from_secs(5)).await;
        let holder = effects.lock().unwrap()[0].0;
        clients[holder].frozen.store(true, Ordering::SeqCst);
        sleep(Duration::from_secs(25)).await;
        clients[holder].frozen.store(false, Ordering::SeqCst);
        sleep(Duration::from_secs(25)).await;
        stop.cancel();
        for worker in workers {
            assert_eq!(worker.await.unwrap(), None);
        }
        let effects = effects.lock().unwrap();
        let last = effects.iter().rposition(|(who, _)| *who == holder).unwrap();
        let taken = effects.iter().position(|(who, _)| *who != holder).unwrap();
        assert!(last < taken, "the frozen holder acted behind the take-over");
        let gap = effects[taken].1 - effects[last].1;
        assert!(gap >= MARGIN, "{gap:?}");
    }
}
