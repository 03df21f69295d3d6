//! What the loops ask of the store in more than one statement: the observer's view of it, environments of
//! containers with their secrets opened, what must be redacted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use segue_model::failure::Failure;
use segue_model::id::{EnvironmentId, HostId, InstanceId};
use segue_model::name::ConfigKey;
use segue_model::spec::EnvValue;
use segue_model::state::Observed;
use segue_store::{
    HostObservation, Lease, LogOrigin, NewLogChunk, Observation, StoreError, SystemStore,
    WORK_SHARDS,
};

use crate::core::clock::Clock;
use crate::core::lease::Term;
use crate::core::redact::Redactor;
use crate::lead::Chain;
use crate::logs::Out;
use crate::logs::piece::Piece;
use crate::observe::{Batch, Book, HostSighting, Known};
use crate::reconcile::known;
use crate::shared::Shared;

/// Environments read at once.
const PAGE: u32 = 200;

/// The store as the observer of one host sees it, for one holding of the host's lease.
pub(crate) struct StoreBook {
    pub shared: Arc<Shared>,
    pub term: Term<Lease>,
}

impl StoreBook {
    async fn environment(
        &self,
        host: HostId,
        environment: EnvironmentId,
    ) -> Result<Vec<Known>, StoreError> {
        let asked = Timestamp::now();
        let Some(world) = self.shared.store.world(environment).await? else {
            return Ok(Vec::new());
        };
        self.shared.clock.measure(asked, world.now);
        Ok(world
            .containers()
            .filter(|(_, instance)| instance.host == host && instance.may_exist())
            .filter_map(|(id, instance)| known(&world, id, instance))
            .collect())
    }
}

fn text(error: StoreError) -> String {
    Chain(&error).to_string()
}

impl Book for StoreBook {
    async fn targets(
        &self,
        host: HostId,
        environment: Option<EnvironmentId>,
    ) -> Result<Vec<Known>, String> {
        if let Some(environment) = environment {
            return self.environment(host, environment).await.map_err(text);
        }
        let shares: Vec<i16> = (0..WORK_SHARDS).collect();
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .shared
                .store
                .environments_page(&shares, after, PAGE)
                .await
                .map_err(text)?;
            let Some(last) = page.last() else {
                return Ok(all);
            };
            after = Some(*last);
            for environment in page {
                all.extend(self.environment(host, environment).await.map_err(text)?);
            }
        }
    }

    async fn record(&self, host: HostId, batch: Batch) -> Result<(), String> {
        self.shared.steps.pass("observe").await;
        let now = self.shared.clock.now();
        let observations: Vec<Observation> = batch
            .instances
            .into_iter()
            .map(|(instance, _, seen)| Observation {
                instance,
                seq: sequence(seen.as_of),
                age: age(now, seen.as_of),
                state: Some(seen.state),
                exit_code: seen.exit_code,
                oom: seen.oom,
                restarts: Some(seen.restarts),
                aliased: Some(seen.aliased),
                words_due: Some(seen.words_due),
                failure: Some(seen.failure),
            })
            .collect();
        self.term.check().map_err(|error| error.to_string())?;
        let changed = self
            .shared
            .store
            .observe(&observations)
            .await
            .map_err(text)?;
        self.shared.steps.pass("observed").await;
        for environment in changed {
            self.shared.wake(environment);
        }
        if let Some(seen) = batch.host {
            let observation = host_observation(now, seen);
            self.shared
                .store
                .host_observe(host, &observation)
                .await
                .map_err(text)?;
        }
        Ok(())
    }

    async fn redactor(&self, environment: EnvironmentId) -> Option<Arc<Redactor>> {
        self.shared
            .redactors
            .of(&self.shared.store, environment)
            .await
    }
}

fn age(now: Timestamp, as_of: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(as_of)).unwrap_or_default()
}

/// Order of observations: microseconds of the database's clock, so that those of several workers compare.
fn sequence(as_of: Timestamp) -> i64 {
    as_of.as_microsecond()
}

fn host_observation(now: Timestamp, seen: HostSighting) -> HostObservation {
    let mut observation = HostObservation {
        misses: seen.misses,
        listed: seen.listed_at.map(|at| age(now, at)),
        foreign: seen.foreign.map(|(at, networks)| (age(now, at), networks)),
        problem: Some(seen.problem),
        ..HostObservation::default()
    };
    if let Some(info) = seen.info {
        observation.cpu_millis = Some(u64::from(info.cpus) * 1000);
        observation.memory_bytes = Some(info.memory_bytes);
        observation.arch = Some(info.arch);
        observation.engine_version = Some(info.version);
        observation.api_version = Some(info.api_version);
    }
    observation
}

/// Writes a failure of a call where no observer of the host runs in this process.
pub(crate) async fn observe_failure(
    store: &SystemStore,
    clock: &Clock,
    instance: InstanceId,
    failure: Failure,
) {
    let observation = Observation {
        state: None,
        failure: Some(Some(failure)),
        ..Observation::new(instance, sequence(clock.now()), Observed::None)
    };
    if let Err(error) = store.observe(&[observation]).await {
        tracing::warn!(instance.id = %instance, error = %Chain(&error), "a failure could not be written; the call is made again");
    }
}

/// Why a service's secrets could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// One does not exist any more, or is not text.
    #[error("{0} has no value")]
    Missing(String),
    /// The store.
    #[error("it cannot be opened: {0}")]
    Store(#[from] StoreError),
}

/// The values of a container's variables, secrets opened.
///
/// # Errors
/// [`OpenError`]: no container is made.
pub(crate) async fn open_env(
    store: &SystemStore,
    environment: EnvironmentId,
    env: &BTreeMap<ConfigKey, EnvValue>,
) -> Result<BTreeMap<ConfigKey, SecretString>, OpenError> {
    let mut values = BTreeMap::new();
    let mut wanted = Vec::new();
    for (key, value) in env {
        match value {
            EnvValue::Value(text) => {
                values.insert(key.clone(), SecretString::from(text.clone()));
            }
            EnvValue::Secret { version } => wanted.push((key.clone(), *version)),
        }
    }
    if wanted.is_empty() {
        return Ok(values);
    }
    let opened = match store.secret_open(environment, &wanted).await {
        Ok(opened) => opened,
        Err(StoreError::NotFound) => {
            let names: Vec<&str> = wanted.iter().map(|(key, _)| key.as_str()).collect();
            return Err(OpenError::Missing(names.join(" or ")));
        }
        Err(error) => return Err(error.into()),
    };
    for (key, value) in opened {
        let text = value
            .expose_str()
            .ok_or_else(|| OpenError::Missing(key.to_string()))?;
        values.insert(key, SecretString::from(text.to_owned()));
    }
    Ok(values)
}

/// Keeps pieces of logs.
pub(crate) async fn log_append(store: &SystemStore, pieces: &[Out]) -> Result<(), StoreError> {
    let chunks: Vec<NewLogChunk> = pieces
        .iter()
        .map(|out| chunk(LogOrigin::Instance(out.target.instance), &out.piece))
        .collect();
    store.log_write(&chunks).await
}

/// A piece as the store takes it.
pub(crate) fn chunk(origin: LogOrigin, piece: &Piece) -> NewLogChunk {
    NewLogChunk {
        origin,
        first_at: piece.first_at,
        last_at: piece.last_at,
        lines: piece.lines,
        dropped: piece.dropped,
        data: piece.data.clone(),
    }
}
