//! The keyed queue: level-triggered work with one run per key at a time.
//!
//! Invariants: a key that is running is not handed out again until it is done; what is pushed meanwhile is
//! kept, and of several deadlines for a key the earliest wins. A push is never lost: the waiter registers for
//! the wake-up before it looks. The queue holds hints only; what it forgets with the process, the sweep repeats.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

struct State<K> {
    due: HashMap<K, Instant>,
    order: BTreeSet<(Instant, K)>,
    running: HashSet<K>,
}

/// A queue of keys with deadlines.
pub(crate) struct KeyedQueue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

impl<K: Clone + Ord + Hash> KeyedQueue<K> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                due: HashMap::new(),
                order: BTreeSet::new(),
                running: HashSet::new(),
            }),
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // A panic while the lock was held cannot leave more than a hint behind; the sweep repeats it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a run of `key` at `at`; an earlier deadline that is already known stays.
    pub(crate) fn push(&self, key: K, at: Instant) {
        let mut state = self.lock();
        let State { due, order, .. } = &mut *state;
        match due.entry(key.clone()) {
            Entry::Occupied(mut known) => {
                if *known.get() <= at {
                    return;
                }
                order.remove(&(*known.get(), key.clone()));
                known.insert(at);
            }
            Entry::Vacant(free) => {
                free.insert(at);
            }
        }
        order.insert((at, key));
        drop(state);
        self.changed.notify_one();
    }

    /// Asks for a run of `key` now.
    #[cfg(test)]
    pub(crate) fn push_now(&self, key: K) {
        self.push(key, Instant::now());
    }

    /// Waits for a key that is due and not running, and marks it as running. One waiter at a time.
    pub(crate) async fn next(&self) -> K {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let wake_at = {
                let mut state = self.lock();
                let now = Instant::now();
                let State {
                    due,
                    order,
                    running,
                } = &mut *state;
                let first = order
                    .iter()
                    .find(|(_, key)| !running.contains(key))
                    .cloned();
                match first {
                    Some((at, key)) if at <= now => {
                        order.remove(&(at, key.clone()));
                        due.remove(&key);
                        running.insert(key.clone());
                        return key;
                    }
                    Some((at, _)) => Some(at),
                    None => None,
                }
            };
            match wake_at {
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Forgets everything: the runs of a holder before are over.
    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        state.due.clear();
        state.order.clear();
        state.running.clear();
    }

    /// Ends the run of `key`; it may be handed out again.
    pub(crate) fn done(&self, key: &K) {
        self.lock().running.remove(key);
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_run_per_key_and_the_earliest_deadline_wins() {
        let queue = Arc::new(KeyedQueue::new());
        let start = Instant::now();
        queue.push("a", start + Duration::from_secs(9));
        queue.push("a", start + Duration::from_secs(3));
        queue.push("a", start + Duration::from_secs(6));
        queue.push("b", start + Duration::from_secs(4));
        assert_eq!(queue.next().await, "a");
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        queue.push_now("a");
        assert_eq!(queue.next().await, "b", "a is running");
        assert_eq!(start.elapsed(), Duration::from_secs(4));
        queue.done(&"a");
        assert_eq!(queue.next().await, "a", "what was pushed meanwhile is kept");
        queue.done(&"a");
        queue.done(&"b");
        let waiter = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.push_now("c");
        assert_eq!(waiter.await.unwrap(), "c");
    }
}
