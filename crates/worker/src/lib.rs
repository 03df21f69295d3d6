//! The loops that make hosts so: reconcile, act, observe, probe, build, logs, sweep.
//!
//! Owns everything that happens between the store and the engines. [`run`] is the whole worker: it registers
//! this machine's engine, then leads shares of environments and looks after hosts for as long as it holds their
//! leases. Several may run at once; any of them may be killed at any time.
//!
//! - [`reconcile`]: load, plan, check, commit, act, per environment, under the lease of its group ([`lead`]).
//! - [`act`]: makes actions true, each one idempotent call.
//! - [`observe`] and [`probe`]: what is seen of a host, under its lease ([`hosts`]).
//!
//! Must not: decide (the planner does), speak SQL (the store does), or build a container (the driver does).

mod act;
mod audit;
mod build;
pub mod config;
mod core;
mod db;
mod engines;
mod hooks;
mod hosts;
mod lead;
mod logs;
mod observe;
mod outside;
mod probe;
mod reconcile;
mod shared;
mod sweep;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use segue_driver::build::wish::EngineSocket;
use segue_driver::{Builder, Docker, DockerBuilder, Driver, Ownership};
use segue_model::id::{HostId, InstallationId, WorkerId};
use segue_store::{StoreError, SystemStore, fresh_id};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use config::{BuildLimits, LogLimits, MailConfig, OutsideConfig, WorkerConfig};

use crate::core::clock::Clock;
use crate::core::queue::KeyedQueue;
use crate::core::supervise::{OnError, Supervisor};
use crate::engines::{Connect, Engines};
use crate::shared::{GROUPS, Redactors, Shared};

/// What the loops get to end in order.
const SHUTDOWN_BUDGET: Duration = Duration::from_secs(5);
/// While the store is away at the start, it is asked again after this.
const START_RETRY: Duration = Duration::from_millis(500);

/// Why the worker ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The settings cannot be used.
    #[error("{0}")]
    Config(String),
    /// The store refuses this worker.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// A loop that the worker cannot do without has failed.
    #[error("{task} has failed: {error}")]
    Task {
        /// Which.
        task: &'static str,
        /// Why.
        error: String,
    },
}

/// Runs the worker until `stop` is cancelled.
///
/// A database or an engine that is away is waited for; it is no reason to end.
///
/// # Errors
/// [`WorkerError`]; the caller may start it again.
pub async fn run(
    config: WorkerConfig,
    store: SystemStore,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let Some(installation) = installation(&store, &stop).await? else {
        return Ok(());
    };
    let connect: Connect = Arc::new(move |host, endpoint| {
        let path = endpoint
            .strip_prefix("unix:")
            .map(|path| path.trim_start_matches("//"));
        let path = path.map(PathBuf::from).filter(|path| path.is_absolute());
        let path = path.ok_or_else(|| format!("{endpoint:?} is not the path of a unix socket"))?;
        let docker = Docker::new(&path, Ownership { installation, host })
            .map_err(|error| error.to_string())?;
        Ok(Arc::new(docker) as Arc<dyn Driver>)
    });
    let mut build: Option<Arc<dyn Builder>> = None;
    let mut tasks: Option<Arc<dyn Driver>> = None;
    if let Some(socket) = &config.build_socket {
        // The build engine is no host; its containers (tests) carry the installation all the same.
        let owner = Ownership {
            installation,
            host: HostId::from_uuid(uuid::Uuid::nil()),
        };
        let socket = match &config.build_wish {
            Some(wish) => EngineSocket::on_demand(socket, wish.clone()),
            None => EngineSocket::from(socket),
        };
        let wrong = |error| WorkerError::Config(format!("the build engine: {error}"));
        build = Some(Arc::new(
            DockerBuilder::new(socket.clone(), owner, config.build_cgroup.clone())
                .map_err(wrong)?,
        ));
        tasks = Some(Arc::new(Docker::new(socket, owner).map_err(wrong)?));
    }
    let engines = Engines::new(connect, build, tasks, Arc::new(probe::Network));
    run_shared(shared(config, store, installation, engines), stop).await
}

/// Asks the store who we are, for as long as it takes.
async fn installation(
    store: &SystemStore,
    stop: &CancellationToken,
) -> Result<Option<InstallationId>, WorkerError> {
    let mut told = false;
    loop {
        match store.installation().await {
            Ok(installation) => return Ok(Some(installation)),
            Err(error) if error.is_retryable() => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(error = %lead::Chain(&error), "the database is not there yet, waiting");
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = sleep(START_RETRY) => {}
        }
    }
}

/// What the loops share, fresh.
pub(crate) fn shared(
    config: WorkerConfig,
    store: SystemStore,
    installation: InstallationId,
    engines: Engines,
) -> Arc<Shared> {
    Arc::new(Shared {
        config,
        store,
        worker: WorkerId::from_uuid(fresh_id()),
        installation,
        clock: Arc::new(Clock::default()),
        engines,
        queues: (0..GROUPS).map(|_| KeyedQueue::new()).collect(),
        builds: Default::default(),
        leading: Default::default(),
        steps: Default::default(),
        observers: Default::default(),
        redactors: Redactors::default(),
    })
}

/// The worker on everything given.
pub(crate) async fn run_shared(
    shared: Arc<Shared>,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let mut supervisor = Supervisor::new(stop);
    let items = Arc::new(lead::Items::default());
    for group in 0..GROUPS {
        let (shared, items) = (shared.clone(), items.clone());
        supervisor.spawn("reconcile", OnError::Restart, move |stop| {
            let (shared, items) = (shared.clone(), items.clone());
            async move {
                lead::group(shared, group, items, stop).await;
                Ok::<(), StoreError>(())
            }
        });
    }
    let feed = shared.clone();
    supervisor.spawn("feed", OnError::Restart, move |stop| {
        lead::feed(feed.clone(), items.clone(), stop)
    });
    let of = shared.clone();
    supervisor.spawn("builds", OnError::Restart, move |stop| {
        build::keep(of.clone(), stop)
    });
    let tellers = outside::Tellers::new(&shared.config.outside).map_err(WorkerError::Config)?;
    let (of, tellers) = (shared.clone(), Arc::new(tellers));
    supervisor.spawn("webhooks", OnError::Restart, move |stop| {
        outside::keep(of.clone(), tellers.clone(), stop)
    });
    let of = shared.clone();
    supervisor.spawn("audit", OnError::Restart, move |stop| {
        audit::keep(of.clone(), stop)
    });
    let of = shared.clone();
    supervisor.spawn("sweep", OnError::Restart, move |stop| {
        sweep::keep(of.clone(), stop)
    });
    let of = shared.clone();
    supervisor.spawn("hosts", OnError::Restart, move |stop| {
        let shared = of.clone();
        async move {
            register(&shared).await?;
            hosts::keep(shared, stop).await
        }
    });
    supervisor
        .run(SHUTDOWN_BUDGET)
        .await
        .map_err(|(task, error)| WorkerError::Task { task, error })
}

/// Makes this machine's engine a host, if it is not one yet.
async fn register(shared: &Shared) -> Result<(), StoreError> {
    if let Some(socket) = &shared.config.docker_socket {
        let endpoint = format!("unix://{}", socket.display());
        let host = shared
            .store
            .host_register(&shared.config.host_name, &endpoint)
            .await?;
        tracing::info!(host.id = %host.id, host.name = %host.name, "this machine is a host");
    }
    Ok(())
}
