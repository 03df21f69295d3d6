//! A supervisor over a list of programs, as a process of its own that a test can kill.
//!
//! usage: supervise-twin FOLDER, with the list in FOLDER/programs.json. SIGTERM stops all,
//! SIGHUP lets go. The board is written to FOLDER/board.json on every change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use segue_app::supervise::{
    Backoff, Before, Board, Order, Phase, Probe, ProcessSpec, ProcessUnit, Slot, Supervisor,
    Wanted, always_ready,
};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Deserialize)]
struct Program {
    name: String,
    program: PathBuf,
    args: Vec<String>,
    #[serde(default)]
    after: Vec<String>,
    /// Ready when this file exists.
    ready_file: Option<PathBuf>,
    /// Wanted while this file exists.
    wanted_file: Option<PathBuf>,
    /// Must exist before each start.
    needs_file: Option<PathBuf>,
    grace_ms: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let folder = PathBuf::from(
        std::env::args_os()
            .nth(1)
            .context("usage: supervise-twin FOLDER")?,
    );
    let list = std::fs::read(folder.join("programs.json"))?;
    let programs: Vec<Program> = serde_json::from_slice(&list)?;
    let slots = programs
        .into_iter()
        .map(|program| slot(&folder, program))
        .collect();
    let supervisor = Supervisor::new(&folder, slots, Duration::from_secs(60))?;
    let mut changes = supervisor.watch();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let order = async move {
        tokio::select! {
            _ = terminate.recv() => Order::StopAll,
            _ = hang_up.recv() => Order::LetGo,
        }
    };
    let board_file = folder.join("board.json");
    tokio::spawn(async move {
        loop {
            let board = changes.borrow_and_update().clone();
            if write_board(&board_file, &board).is_err() || changes.changed().await.is_err() {
                break;
            }
        }
    });
    supervisor.run(order).await
}

fn slot(folder: &Path, program: Program) -> Slot {
    let ready = match program.ready_file {
        None => always_ready(),
        Some(file) => when_exists(file),
    };
    let before = program.needs_file.map(|file| -> Before {
        Arc::new(move || {
            let found = file.exists();
            Box::pin(async move {
                anyhow::ensure!(found, "the file is missing");
                Ok(())
            })
        })
    });
    let spec = ProcessSpec {
        log: folder.join("log").join(format!("{}.log", program.name)),
        name: program.name,
        program: program.program,
        args: program.args,
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        stop_signal: Signal::TERM,
        ready,
        before,
    };
    Slot {
        unit: Arc::new(ProcessUnit::new(folder, spec)),
        after: program.after,
        wanted: program
            .wanted_file
            .map(|file| -> Wanted { Arc::new(move || file.exists()) }),
        backoff: Backoff {
            first: Duration::from_millis(10),
            max: Duration::from_millis(50),
            reset_after: Duration::from_secs(30),
        },
        stop_grace: Duration::from_millis(program.grace_ms),
    }
}

fn when_exists(file: PathBuf) -> Probe {
    Arc::new(move || {
        let found = file.exists();
        Box::pin(async move { found })
    })
}

fn write_board(file: &Path, board: &Board) -> anyhow::Result<()> {
    let units: serde_json::Map<String, serde_json::Value> = board
        .iter()
        .map(|(name, status)| {
            let (pid, adopted, ready) = match status.phase {
                Phase::Running {
                    pid,
                    adopted,
                    ready,
                } => (Some(pid), adopted, ready),
                _ => (None, false, false),
            };
            let unit = serde_json::json!({
                "phase": format!("{:?}", status.phase),
                "pid": pid,
                "adopted": adopted,
                "ready": ready,
                "restarts": status.restarts,
                "supervisor": std::process::id(),
            });
            (name.clone(), unit)
        })
        .collect();
    let beside = file.with_extension("new");
    std::fs::write(&beside, serde_json::to_vec(&units)?)?;
    std::fs::rename(&beside, file)?;
    Ok(())
}
