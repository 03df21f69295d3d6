//! What the loops share: the store, the engines, the clock, the observers of this process, and the queue of
//! environments. No logic.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use segue_driver::Driver;
use segue_model::id::{EnvironmentId, HostId, InstallationId, WorkerId};
use segue_store::{SystemStore, WORK_SHARDS};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::config::WorkerConfig;
use crate::core::clock::Clock;
use crate::core::queue::KeyedQueue;
use crate::core::redact::Redactor;
use crate::engines::Engines;
use crate::hooks::Steps;
use crate::observe::Input;

/// Shared by all loops of one worker.
pub(crate) struct Shared {
    /// Settings.
    pub config: WorkerConfig,
    /// The store.
    pub store: SystemStore,
    /// This process, as the holder of leases.
    pub worker: WorkerId,
    /// The installation that owns containers.
    pub installation: InstallationId,
    /// The database's clock.
    pub clock: Arc<Clock>,
    /// Engines of hosts, and the build engine.
    pub engines: Engines,
    /// Environments that need a look, by the group of shares they belong to.
    pub queues: Vec<KeyedQueue<EnvironmentId>>,
    /// A build may wait.
    pub builds: Notify,
    /// Groups that this worker leads now.
    pub leading: Mutex<BTreeSet<usize>>,
    /// Where a test may stop this worker.
    pub steps: Steps,
    /// Inputs of the observers that run in this process.
    pub observers: RwLock<BTreeMap<HostId, UnboundedSender<Input>>>,
    /// What must not be shown, by environment.
    pub redactors: Redactors,
}

impl Shared {
    /// The engine of a host.
    pub(crate) fn driver(&self, host: HostId) -> Option<Arc<dyn Driver>> {
        self.engines.host(host)
    }

    /// Tells the observer of a host, if it runs here. Otherwise the observer that runs elsewhere sees the
    /// effect by itself.
    pub(crate) fn tell(&self, host: HostId, input: Input) -> bool {
        let observers = self
            .observers
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        observers
            .get(&host)
            .is_some_and(|observer| observer.send(input).is_ok())
    }

    /// Asks for a look at an environment now. Without effect if another worker leads it: that one is woken by what
    /// is written.
    pub(crate) fn wake(&self, environment: EnvironmentId) {
        self.wake_at(environment, Instant::now());
    }

    /// The same for later.
    pub(crate) fn wake_at(&self, environment: EnvironmentId, at: Instant) {
        let group = group_of(environment);
        let leading = self
            .leading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&group);
        if leading && let Some(queue) = self.queues.get(group) {
            queue.push(environment, at);
        }
    }

    /// Puts an observer in its place, or takes it away.
    pub(crate) fn observer(&self, host: HostId, input: Option<UnboundedSender<Input>>) {
        let mut observers = self
            .observers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match input {
            Some(input) => observers.insert(host, input),
            None => observers.remove(&host),
        };
    }
}

/// Leases that the shares of the work are divided into. Fewer than shares, so that an idle installation renews
/// little; more than one, so that several workers divide the work.
pub(crate) const GROUPS: usize = 4;

/// The share of an environment, as the database counts it: by the last byte of its id.
fn share_of(environment: EnvironmentId) -> i16 {
    let [.., last] = *environment.as_uuid().as_bytes();
    i16::from(last) % WORK_SHARDS
}

/// The group that leads an environment.
pub(crate) fn group_of(environment: EnvironmentId) -> usize {
    usize::from(share_of(environment).unsigned_abs()) % GROUPS
}

/// The shares of a group.
pub(crate) fn shares_of(group: usize) -> Vec<i16> {
    (0..WORK_SHARDS)
        .filter(|share| usize::from(share.unsigned_abs()) % GROUPS == group)
        .collect()
}

/// Redactors by environment, made anew when a container is created and after [`Redactors::MAX_AGE`].
#[derive(Default)]
pub(crate) struct Redactors {
    known: Mutex<HashMap<EnvironmentId, (Instant, Arc<Redactor>)>>,
}

impl Redactors {
    /// Secrets may change without a new container here (another worker's, a build's).
    const MAX_AGE: Duration = Duration::from_secs(15);

    fn lock(&self) -> MutexGuard<'_, HashMap<EnvironmentId, (Instant, Arc<Redactor>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The redactor of an environment. If its secrets cannot be read now, the last one known is better than
    /// nothing; with none known the answer is `None`, and nothing may be shown.
    pub(crate) async fn of(
        &self,
        store: &SystemStore,
        environment: EnvironmentId,
    ) -> Option<Arc<Redactor>> {
        let known = self.lock().get(&environment).cloned();
        if let Some((made, redactor)) = &known
            && made.elapsed() < Self::MAX_AGE
        {
            return Some(redactor.clone());
        }
        match store.secret_all(environment).await {
            Ok(values) => {
                let redactor = Arc::new(Redactor::new(values.iter().map(|value| value.expose())));
                let mut known = self.lock();
                known.retain(|_, (made, _)| made.elapsed() < Self::MAX_AGE * 40);
                known.insert(environment, (Instant::now(), redactor.clone()));
                Some(redactor)
            }
            Err(error) => {
                tracing::warn!(environment.id = %environment, %error, "the secrets to be redacted could not be read");
                known.map(|(_, redactor)| redactor)
            }
        }
    }

    /// The next use reads the secrets again.
    pub(crate) fn forget(&self, environment: EnvironmentId) {
        self.lock().remove(&environment);
    }
}
