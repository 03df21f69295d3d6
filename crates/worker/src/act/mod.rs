//! Acting: makes the planner's actions true, each as one idempotent engine call.
//!
//! Invariants: an attempt is written before each call, under the lease; no call begins past the lease's deadline;
//! each call has a time limit; at most one call per object at a time, and at most [`STARTS_PER_HOST`] starts per
//! host. What a call did is not believed but looked at by the observer. An action that failed waits here for a
//! moment that doubles, so that a broken engine is not hammered; the planner's own back-off is in the store.
//! Secrets are opened only here. Must not: decide.

mod calls;
pub(crate) mod image;
pub(crate) mod registry;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use segue_model::id::{EnvironmentId, HostId, InstanceId};
use segue_model::world::World;
use segue_plan::Action;
use segue_store::{AttemptVerb, Lease};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::core::lease::Term;
use crate::shared::Shared;

/// Starts of containers at a time on one host: more makes each slower (decision 0012).
const STARTS_PER_HOST: usize = 8;
/// First wait after a failed call, doubling up to [`BACKOFF_MAX`].
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// What a call is about; at most one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    /// A container.
    Instance(InstanceId),
    /// The environment's networks on a host.
    Network(EnvironmentId, HostId),
}

fn key(environment: EnvironmentId, host: HostId, action: &Action) -> Key {
    action
        .instance()
        .map_or(Key::Network(environment, host), Key::Instance)
}

fn verb(action: &Action) -> Option<AttemptVerb> {
    match action {
        Action::EnsureRunning { .. } => Some(AttemptVerb::Create),
        Action::Stop { .. } => Some(AttemptVerb::Stop),
        Action::Remove { .. } => Some(AttemptVerb::Remove),
        Action::Alias { .. } | Action::EnsureNetwork { .. } | Action::RemoveNetwork { .. } => None,
    }
}

#[derive(Default)]
struct State {
    running: HashSet<Key>,
    /// Keys for which an action was due while a call was under way: they are looked at again when it ends.
    missed: HashSet<Key>,
    failed: HashMap<Key, (Instant, Duration)>,
}

impl State {
    /// Whether a call about it is under way. If one is, its end is told that something was due.
    fn is_running(&mut self, key: Key) -> bool {
        let running = self.running.contains(&key);
        if running {
            self.missed.insert(key);
        }
        running
    }
}

/// The calls that are under way for one holding of a lease. Dropping it ends them.
pub(crate) struct Acts {
    shared: Arc<Shared>,
    state: Arc<Mutex<State>>,
    tasks: Mutex<JoinSet<()>>,
    starts: Mutex<HashMap<HostId, Arc<Semaphore>>>,
    images: Arc<image::Transfers>,
}

impl Acts {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            images: Arc::new(image::Transfers::default()),
            shared,
            state: Arc::default(),
            tasks: Mutex::default(),
            starts: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins every action that is not under way, and answers when the earliest of those that wait after a failure
    /// may be tried again. Does not wait for the calls.
    pub(crate) fn begin(
        &self,
        term: &Term<Lease>,
        world: &Arc<World>,
        actions: BTreeMap<HostId, Vec<Action>>,
    ) -> Option<Instant> {
        let environment = world.environment;
        let now = Instant::now();
        let mut retry_at: Option<Instant> = None;
        let mut fresh: BTreeMap<HostId, Vec<Action>> = BTreeMap::new();
        {
            let mut state = self.lock();
            for (host, list) in actions {
                // The network comes first in the list. No container can be made before it is there: its call's end, or
                // the end of its wait, brings the starts up again.
                let mut waits_for_network = false;
                for action in list {
                    if waits_for_network && matches!(action, Action::EnsureRunning { .. }) {
                        continue;
                    }
                    let of_network = matches!(action, Action::EnsureNetwork { .. });
                    let key = key(environment, host, &action);
                    if state.is_running(key) {
                        waits_for_network |= of_network;
                        continue;
                    }
                    if let Some((until, _)) = state.failed.get(&key)
                        && *until > now
                    {
                        retry_at = Some(retry_at.map_or(*until, |known| known.min(*until)));
                        waits_for_network |= of_network;
                        continue;
                    }
                    state.running.insert(key);
                    fresh.entry(host).or_default().push(action);
                }
            }
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Ended tasks are taken out so that the set does not grow.
        while tasks.try_join_next().is_some() {}
        for (host, list) in fresh {
            let run = calls::HostRun {
                shared: self.shared.clone(),
                images: self.images.clone(),
                starts: self.starts(host),
                term: term.clone(),
                world: world.clone(),
                host,
            };
            let list = list
                .into_iter()
                .map(|action| (self.claim(key(environment, host, &action)), action))
                .collect();
            tasks.spawn(run.all(list));
        }
        retry_at
    }

    fn starts(&self, host: HostId) -> Arc<Semaphore> {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts
            .entry(host)
            .or_insert_with(|| Arc::new(Semaphore::new(STARTS_PER_HOST)))
            .clone()
    }

    fn claim(&self, key: Key) -> Claim {
        Claim {
            key,
            ended: false,
            state: self.state.clone(),
        }
    }
}

/// The right to work on a key; given back when it is dropped, whatever happened.
pub(crate) struct Claim {
    key: Key,
    ended: bool,
    state: Arc<Mutex<State>>,
}

impl Claim {
    /// The call has ended. Answers whether an action was due meanwhile, which nothing else may bring up again: its
    /// container may look just as it did when the plan was made.
    fn end(mut self, ok: bool) -> bool {
        self.ended = true;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if ok {
            state.failed.remove(&self.key);
        } else {
            let wait = state
                .failed
                .get(&self.key)
                .map_or(BACKOFF_FIRST, |(_, last)| (*last * 2).min(BACKOFF_MAX));
            state.failed.insert(self.key, (Instant::now() + wait, wait));
            // Instances are never reused: what waits no longer is of no use.
            if state.failed.len() > 10_000 {
                let now = Instant::now();
                state.failed.retain(|_, (until, _)| *until > now);
            }
        }
        state.running.remove(&self.key);
        state.missed.remove(&self.key)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // After its end the key may be another claim's already.
        if self.ended {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running.remove(&self.key);
        state.missed.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_during_a_call_is_told_at_its_end_and_the_next_claim_stays() {
        let state = Arc::<Mutex<State>>::default();
        let key = Key::Instance(InstanceId::from_uuid(uuid::Uuid::from_u128(7)));
        let claim = || {
            assert!(!state.lock().unwrap().is_running(key));
            state.lock().unwrap().running.insert(key);
            Claim {
                key,
                ended: false,
                state: state.clone(),
            }
        };
        assert!(!claim().end(true), "nothing was due meanwhile");

        let stop = claim();
        assert!(state.lock().unwrap().is_running(key), "a removal is due");
        assert!(stop.end(true));

        let remove = claim();
        assert!(!remove.end(true), "told once");

        // A call that is dropped at the end of a term leaves nothing behind.
        let dropped = claim();
        assert!(state.lock().unwrap().is_running(key));
        drop(dropped);
        assert!(!claim().end(true));
    }
}
