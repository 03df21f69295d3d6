//! Leading groups of environments: one lease per group, and one loop that looks at what is due.
//!
//! Wakes by notification, by poll and by hints of this process; every one of them is only a hint. A group that was
//! just taken is looked at completely, and again with every sweep: the sweep alone would suffice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use segue_model::id::{EnvironmentId, WorkerId};
use segue_store::{Lease, Shard, StoreError, SystemStore, WorkItem, WorkKind};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::core::lease::{LeaseStore, TTL, Term, lead};
use crate::reconcile::{Next, ReconcileError, Reconciler};
use crate::shared::{Shared, group_of, shares_of};

/// Looks at a time in one group.
const LOOKS: usize = 8;
/// Between two looks at the durable work without any notification.
const POLL: Duration = Duration::from_millis(500);
/// Rows of work taken at once.
const WORK_PAGE: u32 = 500;
/// Between two sweeps over all environments.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// Environments of a sweep taken at once.
const SWEEP_PAGE: u32 = 200;
/// A look that failed by the store is repeated after this, doubling up to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A lease of the store.
pub(crate) struct StoreLease {
    pub store: SystemStore,
    pub shard: Shard,
    pub worker: WorkerId,
}

impl LeaseStore for StoreLease {
    type Fence = Lease;
    type Error = StoreError;

    async fn acquire(&self) -> Result<Option<Lease>, StoreError> {
        self.store
            .lease_acquire(&self.shard, self.worker, TTL)
            .await
    }

    async fn renew(&self, fence: &Lease) -> Result<bool, StoreError> {
        self.store.lease_renew(fence, TTL).await
    }

    async fn release(&self, fence: &Lease) -> Result<(), StoreError> {
        self.store.lease_release(fence).await
    }
}

/// Work rows that were read.
#[derive(Default)]
pub(crate) struct Items {
    state: Mutex<ItemsState>,
}

#[derive(Default)]
struct ItemsState {
    waiting: HashMap<EnvironmentId, WorkItem>,
    looking: HashMap<EnvironmentId, i64>,
}

impl Items {
    fn lock(&self) -> std::sync::MutexGuard<'_, ItemsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The looks of a holder before are over.
    fn reset(&self, group: usize) {
        let mut state = self.lock();
        state
            .waiting
            .retain(|environment, _| group_of(*environment) != group);
        state
            .looking
            .retain(|environment, _| group_of(*environment) != group);
    }

    /// A row was read; `true` if it is news, and not what is being looked at already.
    fn offer(&self, environment: EnvironmentId, item: WorkItem) -> bool {
        let mut state = self.lock();
        if state.looking.get(&environment) == Some(&item.seq) {
            return false;
        }
        state.waiting.insert(environment, item);
        true
    }

    /// A look begins: what is added from now on stays for the next.
    fn take(&self, environment: EnvironmentId) -> Option<WorkItem> {
        let mut state = self.lock();
        let item = state.waiting.remove(&environment)?;
        state.looking.insert(environment, item.seq);
        Some(item)
    }

    /// The look has ended.
    fn end(&self, environment: EnvironmentId) {
        self.lock().looking.remove(&environment);
    }
}

/// Leads one group for as long as `stop` is not cancelled.
pub(crate) async fn group(
    shared: Arc<Shared>,
    group: usize,
    items: Arc<Items>,
    stop: CancellationToken,
) {
    // The first of a group's shares stands for all of them.
    let shard = Shard::environments(i16::try_from(group).unwrap_or_default());
    let name = shard.to_string();
    let lease = StoreLease {
        store: shared.store.clone(),
        shard,
        worker: shared.worker,
    };
    while !stop.is_cancelled() {
        lead(&lease, &name, &stop, |term| {
            work(shared.clone(), group, items.clone(), term)
        })
        .await;
    }
}

/// Says that a group is led, for as long as it lives.
struct Leading(Arc<Shared>, usize);

impl Leading {
    fn new(shared: Arc<Shared>, group: usize) -> Self {
        shared
            .leading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(group);
        Self(shared, group)
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        self.0
            .leading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.1);
    }
}

/// Works on a group until its term ends.
async fn work(shared: Arc<Shared>, group: usize, items: Arc<Items>, term: Term<Lease>) {
    let Some(queue) = shared.queues.get(group) else {
        return;
    };
    queue.reset();
    items.reset(group);
    let _leading = Leading::new(shared.clone(), group);
    let reconciler = Arc::new(Reconciler::new(shared.clone()));
    let mut looks: JoinSet<(
        EnvironmentId,
        Option<WorkItem>,
        Result<Next, ReconcileError>,
    )> = JoinSet::new();
    let mut failures: HashMap<EnvironmentId, Duration> = HashMap::new();
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sweeping: JoinSet<()> = JoinSet::new();
    loop {
        tokio::select! {
            _ = sweep.tick() => {
                if sweeping.is_empty() {
                    sweeping.spawn(self::sweep(shared.clone(), group));
                }
            }
            Some(_) = sweeping.join_next(), if !sweeping.is_empty() => {}
            environment = queue.next(), if looks.len() < LOOKS => {
                // Taken before the look, so that what is added during it stays.
                let item = items.take(environment);
                let (reconciler, term) = (reconciler.clone(), term.clone());
                looks.spawn(async move {
                    let result = reconciler.look(&term, environment).await;
                    (environment, item, result)
                });
            }
            Some(done) = looks.join_next(), if !looks.is_empty() => {
                let (environment, item, result) = match done {
                    Ok(done) => done,
                    Err(error) => {
                        // Which one is not known; the keys come back with the next term.
                        tracing::error!(%error, "a look at an environment has panicked");
                        return;
                    }
                };
                queue.done(&environment);
                match result {
                    Ok(next) => {
                        failures.remove(&environment);
                        ended(&shared, environment, item, next).await;
                        items.end(environment);
                    }
                    Err(ReconcileError::Term(_) | ReconcileError::Store(StoreError::LeaseLost { .. })) => return,
                    Err(ReconcileError::Store(error)) => {
                        items.end(environment);
                        let wait = failures.get(&environment).map_or(RETRY_FIRST, |last| (*last * 2).min(RETRY_MAX));
                        if wait == RETRY_FIRST || wait == RETRY_MAX {
                            tracing::warn!(environment.id = %environment, error = %Chain(&error), "a look at an environment failed, trying again");
                        }
                        failures.insert(environment, wait);
                        queue.push(environment, Instant::now() + wait.mul_f64(0.75 + rand::random::<f64>() / 2.0));
                    }
                }
            }
        }
    }
}

/// An error with its causes.
pub(crate) struct Chain<'a>(pub &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Ends a look: its row goes away or waits for the next check, and this process looks again in time.
async fn ended(shared: &Shared, environment: EnvironmentId, item: Option<WorkItem>, next: Next) {
    if let Some(retry) = next.retry {
        shared.wake_at(environment, retry);
    }
    if let Some(check) = next.check {
        let wait = check.duration_since(shared.clock.now());
        let wait = Duration::try_from(wait).unwrap_or_default();
        shared.wake_at(environment, Instant::now() + wait);
    }
    if let Some(item) = item
        && let Err(error) = shared.store.work_done(&item, next.check).await
    {
        // The row stays, and costs one more look.
        tracing::debug!(environment.id = %environment, %error, "the end of a look was not written");
    }
}

/// Looks at every environment of the group once. Nothing is written for it.
async fn sweep(shared: Arc<Shared>, group: usize) {
    let shares = shares_of(group);
    let mut after = None;
    loop {
        match shared
            .store
            .environments_page(&shares, after, SWEEP_PAGE)
            .await
        {
            Ok(page) => {
                for environment in &page {
                    shared.wake(*environment);
                }
                match page.last() {
                    Some(last) => after = Some(*last),
                    None => return,
                }
            }
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the sweep could not read the environments, trying again");
                sleep(RETRY_MAX / 2).await;
            }
        }
    }
}

/// Feeds the queues from the durable work: by notification, and by poll without any.
pub(crate) async fn feed(
    shared: Arc<Shared>,
    items: Arc<Items>,
    stop: CancellationToken,
) -> Result<(), StoreError> {
    let mut listener = shared.store.listen(&["segue_work"]).await?;
    loop {
        let shares: Vec<i16> = {
            let leading = shared
                .leading
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            leading.iter().flat_map(|group| shares_of(*group)).collect()
        };
        if !shares.is_empty() {
            let due = shared.store.work_due(&shares, WORK_PAGE).await?;
            for item in due {
                if item.kind != WorkKind::Environment {
                    continue;
                }
                let environment = EnvironmentId::from_uuid(item.unit);
                if items.offer(environment, item) {
                    shared.wake(environment);
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(POLL) => {}
            heard = listener.recv() => {
                // An error here is a lost connection: the caller begins anew, with a look at everything due.
                heard.map_err(StoreError::from)?;
                shared.builds.notify_one();
            }
        }
    }
}
