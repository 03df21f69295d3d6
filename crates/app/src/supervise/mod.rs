//! Keeps a fixed set of units running: starts them in order, restarts each with back-off,
//! finds them again when the supervisor itself was killed, and stops them in order.
//!
//! Invariants:
//! - a unit is never started twice: one supervisor per folder (a lock), and what still runs is
//!   found by its record or by the mark in its environment before anything is started;
//! - the death of the supervisor ends nothing: units have their own session and log file;
//! - a process is named by pid *and* start time and signalled through a pidfd, so a reused pid
//!   is never hit;
//! - a running unit does not end because one that it came after did;
//! - a unit that is not wanted is not started, and stopped in order if it runs; that is no failure.
//!
//! Must not: know what the units are, read configuration, or speak to a database.

mod backoff;
mod keep;
mod logfile;
mod notify;
mod probe;
mod process;
mod procfs;
mod record;
mod unit;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::backoff::Backoff;
pub use self::logfile::LogBounds;
pub use self::notify::notify_manager;
pub use self::probe::{Probe, always_ready, http_ready, unix_accepts, unix_http_ready};
pub use self::process::{Before, ProcessSpec, ProcessUnit};
pub use self::unit::{Adoption, Boxed, Running, Unit};

/// How often the sizes of log files are looked at.
const LOG_ROUND: Duration = Duration::from_secs(5);
/// What a unit gets to stop when the budget of the whole stop is used up.
const LAST_GRACE: Duration = Duration::from_millis(200);

/// Says whether a unit shall run.
pub type Wanted = Arc<dyn Fn() -> bool + Send + Sync>;

/// A unit and how it is kept.
pub struct Slot {
    /// What is kept running.
    pub unit: Arc<dyn Unit>,
    /// Names of units that must be ready before this one is *started*. One that runs already is
    /// adopted at once, whatever the others do.
    pub after: Vec<String>,
    /// Whether it shall run now; without it, always. Asked often, so it must be cheap and must not block.
    pub wanted: Option<Wanted>,
    /// Pauses between restarts.
    pub backoff: Backoff,
    /// How long it may take to stop before it is killed.
    pub stop_grace: Duration,
}

/// What a unit is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Something that it comes after is not ready.
    Waiting,
    /// Nobody wants it now.
    Resting,
    /// Being looked for or started.
    Starting,
    /// It runs.
    Running {
        /// Its process id.
        pid: u32,
        /// Whether it was found running and not started by this supervisor.
        adopted: bool,
        /// Whether it has answered its probe since.
        ready: bool,
    },
    /// It ended, and the pause before the next start is running.
    Paused,
    /// It was stopped on request, or left alone.
    Stopped,
}

/// The state of a unit as others may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is doing now.
    pub phase: Phase,
    /// How often it was started again after it had ended.
    pub restarts: u64,
}

/// All units by name.
pub type Board = BTreeMap<String, Status>;

/// Why the supervisor returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Stop every unit, in the reverse of the order of their start.
    StopAll,
    /// Return and leave every unit running, for a successor to adopt.
    LetGo,
}

/// The supervisor of one folder.
pub struct Supervisor {
    slots: Vec<Slot>,
    stop_budget: Duration,
    logs: LogBounds,
    board: watch::Sender<Board>,
    _lock: File,
}

impl Supervisor {
    /// Takes the folder, in which records of running units are kept.
    ///
    /// # Errors
    /// The folder cannot be made, or another supervisor holds it.
    pub fn new(folder: &Path, slots: Vec<Slot>, stop_budget: Duration) -> anyhow::Result<Self> {
        let lock = take_lock(folder)?;
        let board = slots
            .iter()
            .map(|slot| {
                let status = Status {
                    phase: Phase::Starting,
                    restarts: 0,
                };
                (slot.unit.name().to_owned(), status)
            })
            .collect();
        Ok(Self {
            slots,
            stop_budget,
            logs: LogBounds::default(),
            board: watch::Sender::new(board),
            _lock: lock,
        })
    }

    /// Sees every change of state.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Board> {
        self.board.subscribe()
    }

    /// Runs until an order arrives and is carried out.
    ///
    /// # Errors
    /// A unit survived its stop; the others have been stopped all the same.
    pub async fn run(self, order: impl Future<Output = Order>) -> anyhow::Result<()> {
        let mut tasks = JoinSet::new();
        let mut keepers = Vec::new();
        let mut log_files = Vec::new();
        for slot in self.slots {
            log_files.extend(slot.unit.log_file().map(Path::to_path_buf));
            let (stop, stopping) = watch::channel(None);
            let name = slot.unit.name().to_owned();
            let grace = slot.stop_grace;
            let (finish, finished) = tokio::sync::oneshot::channel();
            let board = self.board.clone();
            tasks.spawn(async move {
                // The receiver is dropped only when the supervisor itself is going away.
                let _ = finish.send(keep::keep(slot, stopping, board).await);
            });
            keepers.push(Keeper {
                name,
                grace,
                stop,
                finished,
            });
        }
        tasks.spawn(bound_logs(log_files, self.logs));
        let order = order.await;
        if order == Order::LetGo {
            tracing::info!("leaving the units running");
            tasks.abort_all();
            return Ok(());
        }
        let result = stop_all(keepers, self.stop_budget).await;
        tasks.abort_all();
        result
    }
}

struct Keeper {
    name: String,
    grace: Duration,
    stop: watch::Sender<Option<Duration>>,
    finished: tokio::sync::oneshot::Receiver<anyhow::Result<()>>,
}

async fn stop_all(keepers: Vec<Keeper>, budget: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + budget;
    let mut failed = Vec::new();
    for keeper in keepers.into_iter().rev() {
        let left = end
            .saturating_duration_since(Instant::now())
            .max(LAST_GRACE);
        let grace = keeper.grace.min(left);
        tracing::info!(unit = keeper.name, "stopping");
        keeper.stop.send_replace(Some(grace));
        match keeper.finished.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed.push(format!("{}: {error:#}", keeper.name)),
            Err(_) => failed.push(format!("{}: its keeper is gone", keeper.name)),
        }
    }
    anyhow::ensure!(failed.is_empty(), "could not stop {}", failed.join("; "));
    Ok(())
}

async fn bound_logs(files: Vec<PathBuf>, bounds: LogBounds) {
    let mut round = tokio::time::interval(LOG_ROUND);
    loop {
        round.tick().await;
        for file in &files {
            let path = file.clone();
            let done = tokio::task::spawn_blocking(move || logfile::rotate(&path, bounds)).await;
            if let Ok(Err(error)) = done {
                tracing::warn!(file = %file.display(), %error, "a log file cannot be bounded");
            }
        }
    }
}

fn take_lock(folder: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join("supervisor.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("another supervisor runs on {}", folder.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}
