//! `segue serve`: everything that one machine needs, as children of one supervisor.
//!
//! Owns the list of children and their order. Each child is this same binary in another role, or
//! a program that Segue builds on; the supervisor knows neither. Invariant: a child is given a
//! settings file whose name holds a hash of its content, so a changed setting is a changed child.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::postgres::PostgresUnit;
use super::{PATH, build_engine, database};
use crate::config::{OWN_ENGINE, Section, Settings};
use crate::keys;
use crate::supervise::{
    Backoff, Before, Board, Order, Phase, Probe, ProcessSpec, ProcessUnit, Slot, Supervisor,
    http_ready, notify_manager,
};

/// The whole stop. The service manager must allow more.
const STOP_BUDGET: Duration = Duration::from_secs(90);
/// The edge lets requests in flight end; its own limit lies below.
const EDGE_GRACE: Duration = Duration::from_secs(40);
/// Control ends its transactions and streams.
const CONTROL_GRACE: Duration = Duration::from_secs(15);
/// Running builds are ended.
const BUILD_GRACE: Duration = Duration::from_secs(10);
/// Postgres writes a checkpoint.
const POSTGRES_GRACE: Duration = Duration::from_secs(20);
const _: () = assert!(
    EDGE_GRACE.as_secs()
        + CONTROL_GRACE.as_secs()
        + BUILD_GRACE.as_secs()
        + POSTGRES_GRACE.as_secs()
        <= STOP_BUDGET.as_secs(),
    "the graces must fit into the budget"
);

/// Runs until it is told to stop (SIGTERM, SIGINT: all children are stopped) or to let go
/// (SIGHUP: the children run on, for a successor to adopt).
///
/// # Errors
/// A folder or key cannot be made, another supervisor runs, or a child survived its stop.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    prepare(settings)?;
    let folder = settings.state.join("supervisor");
    let supervisor = Supervisor::new(&folder, slots(settings, &folder)?, STOP_BUDGET)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let order = order()?;
        tokio::spawn(announce(supervisor.watch(), settings.setup_link_file()));
        let (told, mut all) = tokio::sync::oneshot::channel();
        let order = async move {
            let order = order.await;
            // Nobody listens any more only when the supervisor has failed.
            let _ = told.send(order == Order::StopAll);
            order
        };
        supervisor.run(order).await?;
        if all.try_recv().unwrap_or(false) && settings.build.engine == OWN_ENGINE {
            // Its bridge and rules lie outside of every folder; whoever stops Segue wants them gone.
            build_engine::engine(settings)?.tear_down().await?;
        }
        Ok(())
    })
}

/// Folders and keys. Postgres passes through `state` and `run` as another account.
fn prepare(settings: &Settings) -> anyhow::Result<()> {
    keys::passable_folder(&settings.state)?;
    keys::passable_folder(&settings.run)?;
    keys::private_folder(&settings.state.join("supervisor"))?;
    keys::ensure_all(settings)?;
    let file = settings.api_address_file();
    fs::write(&file, settings.api.listen.to_string())
        .with_context(|| format!("cannot write {}", file.display()))
}

fn slots(settings: &Settings, folder: &Path) -> anyhow::Result<Vec<Slot>> {
    let mut slots = Vec::new();
    if settings.database.url.is_none() {
        slots.push(Slot {
            unit: Arc::new(PostgresUnit::new(database::embedded(settings))),
            after: Vec::new(),
            wanted: None,
            backoff: Backoff::default(),
            stop_grace: POSTGRES_GRACE,
        });
    }
    if settings.build.engine == OWN_ENGINE {
        let log = settings.state.join("log/build-engine.log");
        let engine = build_engine::engine(settings)?;
        let wish = engine.wish();
        let spec = build_engine::spec(engine, log)?;
        slots.push(Slot {
            unit: Arc::new(ProcessUnit::new(folder, spec)),
            after: Vec::new(),
            // An idle dockerd takes more memory than all of Segue, and most machines build seldom.
            wanted: Some(Arc::new(move || wish.is_young())),
            backoff: Backoff::default(),
            stop_grace: BUILD_GRACE,
        });
    }
    let after: &[&str] = match settings.database.url {
        None => &[PostgresUnit::NAME],
        Some(_) => &[],
    };
    let control = Role {
        name: "control",
        sections: &[
            Section::Database,
            Section::Api,
            Section::Edge,
            Section::Engine,
            Section::Build,
            Section::Outbound,
            Section::Mail,
        ],
        after,
        before: Some(migrations(settings)),
        ready: http_ready(settings.api.listen, "/readyz"),
        grace: CONTROL_GRACE,
    };
    slots.push(role(settings, folder, control)?);
    // It serves from its own copy of the routes, so it waits for nobody.
    let edge = Role {
        name: "edge",
        sections: &[Section::Edge],
        after: &[],
        before: None,
        ready: http_ready(settings.edge.admin, "/readyz"),
        grace: EDGE_GRACE,
    };
    slots.push(role(settings, folder, edge)?);
    Ok(slots)
}

/// The control plane of this version on the schema of this version.
fn migrations(settings: &Settings) -> Before {
    let settings = Arc::new(settings.clone());
    Arc::new(move || {
        let settings = Arc::clone(&settings);
        let migrated = tokio::task::spawn_blocking(move || database::migrate(&settings));
        Box::pin(async move { migrated.await? })
    })
}

/// This binary in one of its roles.
struct Role<'a> {
    name: &'a str,
    sections: &'a [Section],
    after: &'a [&'a str],
    before: Option<Before>,
    ready: Probe,
    grace: Duration,
}

fn role(settings: &Settings, folder: &Path, role: Role<'_>) -> anyhow::Result<Slot> {
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let file = settings_file(settings, folder, &role)?;
    let spec = ProcessSpec {
        name: role.name.to_owned(),
        program,
        args: vec![
            role.name.to_owned(),
            "--config".to_owned(),
            file.display().to_string(),
        ],
        env: environment(),
        log: settings
            .state
            .join("log")
            .join(format!("{}.log", role.name)),
        stop_signal: Signal::TERM,
        ready: role.ready,
        before: role.before,
    };
    Ok(Slot {
        unit: Arc::new(ProcessUnit::new(folder, spec)),
        after: role.after.iter().map(|name| (*name).to_owned()).collect(),
        wanted: None,
        backoff: Backoff::default(),
        stop_grace: role.grace,
    })
}

/// Children get no variable of ours but these: everything else is in their settings file.
fn environment() -> Vec<(String, String)> {
    let mut variables = vec![
        ("PATH".to_owned(), PATH.to_owned()),
        ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
    ];
    // Which authorities outgoing connections trust is the machine's affair.
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "RUST_BACKTRACE"] {
        if let Ok(value) = std::env::var(name) {
            variables.push((name.to_owned(), value));
        }
    }
    variables
}

/// Writes the role's settings and removes those of earlier forms. They may hold the password of
/// a database, so nobody else reads them.
fn settings_file(settings: &Settings, folder: &Path, role: &Role<'_>) -> anyhow::Result<PathBuf> {
    let text = settings.file_for(role.sections)?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let prefix = format!("{}-", role.name);
    let name = format!("{prefix}{:016x}.toml", hasher.finish());
    for entry in fs::read_dir(folder)?.flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        if found.starts_with(&prefix) && found.ends_with(".toml") && found != name {
            fs::remove_file(entry.path())?;
        }
    }
    let path = folder.join(name);
    let cannot = || format!("cannot write {}", path.display());
    File::options()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(cannot)?;
    Ok(path)
}

fn order() -> anyhow::Result<impl Future<Output = Order>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => Order::StopAll,
            _ = interrupt.recv() => Order::StopAll,
            _ = hang_up.recv() => Order::LetGo,
        }
    })
}

/// Tells the service manager and the log when everything is ready for the first time.
async fn announce(mut board: watch::Receiver<Board>, setup_link: PathBuf) {
    let all_ready = |board: &Board| {
        board.values().all(|status| {
            matches!(
                status.phase,
                Phase::Running { ready: true, .. } | Phase::Resting
            )
        })
    };
    if board.wait_for(all_ready).await.is_err() {
        return;
    }
    tracing::info!("everything is ready");
    // Written by the control plane while nobody is set up.
    if let Ok(link) = fs::read_to_string(setup_link) {
        tracing::info!(
            "open this once to create the owner account: {}",
            link.trim()
        );
    }
    let manager = std::env::var("NOTIFY_SOCKET").ok();
    if let Err(error) = notify_manager(manager.as_deref(), "READY=1") {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
