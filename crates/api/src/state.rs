//! What every handler shares: the store, the keys, the configuration, and who waits for news.

use std::sync::Arc;

use segue_outbound::Outbound;
use segue_store::Store;
use tokio_util::sync::CancellationToken;

use crate::auth::keys::Keys;
use crate::auth::limit::Failures;
use crate::auth::quota::Quotas;
use crate::config::ApiConfig;
use crate::git::pushes::Pushes;
use crate::metrics::Metrics;
use crate::news::News;
use crate::outside::Outside;
use crate::problem::Problem;
use crate::resources::SourceMemory;

/// State of the API. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ApiState(Arc<Inner>);

struct Inner {
    store: Store,
    keys: Keys,
    config: ApiConfig,
    news: News,
    pushes: Pushes,
    metrics: Metrics,
    sources: SourceMemory,
    failures: Failures,
    guesses: Failures,
    quotas: Quotas,
    outside: Outside,
    stop: CancellationToken,
}

impl ApiState {
    pub(crate) fn new(
        config: ApiConfig,
        store: Store,
        news: News,
        stop: CancellationToken,
    ) -> Self {
        let quotas = Quotas::new(&config.limits);
        Self(Arc::new(Inner {
            quotas,
            store,
            keys: Keys::default(),
            config,
            news,
            pushes: Pushes::default(),
            metrics: Metrics::default(),
            sources: SourceMemory::default(),
            failures: Failures::default(),
            guesses: Failures::default(),
            outside: Outside::default(),
            stop,
        }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The keys of access tokens.
    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.0.config
    }

    /// Wakes whoever follows something.
    pub(crate) fn news(&self) -> &News {
        &self.0.news
    }

    /// Git pushes in progress.
    pub(crate) fn pushes(&self) -> &Pushes {
        &self.0.pushes
    }

    /// File lists of sources that were seen lately.
    pub(crate) fn sources(&self) -> &SourceMemory {
        &self.0.sources
    }

    /// Addresses that failed to prove who they are.
    pub(crate) fn failures(&self) -> &Failures {
        &self.0.failures
    }

    /// Addresses that guessed passwords or codes.
    pub(crate) fn guesses(&self) -> &Failures {
        &self.0.guesses
    }

    /// What clients have left of their requests.
    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    /// Counts of requests.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The way out.
    pub(crate) fn outbound(&self) -> Result<&Outbound, Problem> {
        let client = &self.0.outside.client;
        if let Some(outbound) = client.get() {
            return Ok(outbound);
        }
        let made =
            Outbound::new(&self.0.config.outbound).map_err(|error| Problem::internal(&error))?;
        Ok(client.get_or_init(|| made))
    }

    /// Calls of hooks that wait.
    pub(crate) fn outside(&self) -> &Outside {
        &self.0.outside
    }

    /// Ends streams when the server stops.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }
}
