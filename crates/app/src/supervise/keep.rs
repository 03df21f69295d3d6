//! The life of one unit: adopt or start, watch, pause, start again, stop when told.
//!
//! Invariant: this task alone holds the unit's [`Running`], so nobody else starts or stops it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::unit::{Adoption, Running};
use super::{Board, Phase, Slot};

/// How often a unit that is not ready yet is asked.
const READY_POLL: Duration = Duration::from_millis(50);

/// How often it is asked whether a unit that rests is wanted: one `stat` each time.
const WANTED_POLL: Duration = Duration::from_millis(200);
/// The same for one that runs.
const UNWANTED_POLL: Duration = Duration::from_secs(2);

type Stopping = watch::Receiver<Option<Duration>>;

/// Keeps the unit until a grace time appears in `stopping`, then stops it within that time.
pub(super) async fn keep(
    slot: Slot,
    mut stopping: Stopping,
    board: watch::Sender<Board>,
) -> anyhow::Result<()> {
    let name = slot.unit.name().to_owned();
    let mut early_ends = 0;
    let mut running = adopt(&slot, &mut stopping, &board).await;
    loop {
        let live = match running.take() {
            Some(live) => Some(live),
            None => {
                let may_start = tokio::select! {
                    _ = told(&mut stopping) => false,
                    () = wait_until_due(&slot, &board) => true,
                };
                if may_start {
                    set(&board, &name, Phase::Starting);
                    Some(start(&slot, &mut stopping).await)
                } else {
                    None
                }
            }
        };
        let began = Instant::now();
        match live {
            None => break,
            Some(Ok(mut live)) => {
                tracing::info!(
                    unit = name,
                    pid = live.pid(),
                    adopted = live.adopted(),
                    "running"
                );
                let end = tokio::select! {
                    grace = told(&mut stopping) => End::Told(grace),
                    () = wait_until_unwanted(&slot) => End::Unwanted,
                    why = watch_until_end(&name, live.as_mut(), &board) => End::ByItself(why),
                };
                match end {
                    End::Unwanted => {
                        tracing::info!(unit = name, "nobody wants it now: stopping it");
                        if let Err(error) = live.stop(slot.stop_grace).await {
                            tracing::error!(
                                unit = name,
                                error = format!("{error:#}"),
                                "cannot be stopped"
                            );
                        }
                        early_ends = 0;
                        continue;
                    }
                    End::Told(grace) => {
                        let result = live.stop(grace).await;
                        set(&board, &name, Phase::Stopped);
                        return result;
                    }
                    End::ByItself(why) => tracing::warn!(unit = name, why, "ended"),
                }
            }
            Some(Err(error)) => {
                tracing::error!(
                    unit = name,
                    error = format!("{error:#}"),
                    "cannot be started"
                );
            }
        }
        early_ends = if began.elapsed() >= slot.backoff.reset_after {
            1
        } else {
            early_ends + 1
        };
        set(&board, &name, Phase::Paused);
        tokio::select! {
            _ = told(&mut stopping) => break,
            () = sleep(slot.backoff.pause(early_ends)) => {}
        }
        board.send_modify(|board| {
            if let Some(status) = board.get_mut(&name) {
                status.restarts += 1;
            }
        });
    }
    set(&board, &name, Phase::Stopped);
    Ok(())
}

type Started = anyhow::Result<Box<dyn Running>>;

/// What an earlier supervisor left. One from another binary is replaced as soon as its
/// successor could start.
async fn adopt(
    slot: &Slot,
    stopping: &mut Stopping,
    board: &watch::Sender<Board>,
) -> Option<Started> {
    match slot.unit.adopt() {
        Ok(Adoption::None) => None,
        Ok(Adoption::Current(live)) => Some(Ok(live)),
        Ok(Adoption::Outdated(live)) => {
            tracing::info!(
                unit = slot.unit.name(),
                "runs in an earlier form: replacing it"
            );
            tokio::select! {
                // The loop that follows sees the order too, and stops it.
                _ = told(stopping) => return Some(Ok(live)),
                () = wait_for_others(slot, board) => {}
            }
            match live.stop(slot.stop_grace).await {
                Ok(()) => None,
                Err(error) => Some(Err(error)),
            }
        }
        Err(error) => Some(Err(error)),
    }
}

/// A start is not broken off by an order to stop: what is half started would be left behind.
async fn start(slot: &Slot, stopping: &mut Stopping) -> Started {
    let mut starting = slot.unit.start();
    let grace = tokio::select! {
        started = &mut starting => return started,
        grace = told(stopping) => grace,
    };
    match timeout(grace, starting).await {
        Ok(started) => started,
        Err(_) => Err(anyhow::anyhow!("told to stop before it had started")),
    }
}

/// Why a running unit is watched no longer.
enum End {
    Told(Duration),
    Unwanted,
    ByItself(String),
}

/// Waits until the others are ready and it is wanted.
async fn wait_until_due(slot: &Slot, board: &watch::Sender<Board>) {
    wait_for_others(slot, board).await;
    let Some(wanted) = &slot.wanted else {
        return;
    };
    while !wanted() {
        set(board, slot.unit.name(), Phase::Resting);
        sleep(WANTED_POLL).await;
    }
}

/// Waits until it is not wanted any more.
async fn wait_until_unwanted(slot: &Slot) {
    match &slot.wanted {
        Some(wanted) => {
            while wanted() {
                sleep(UNWANTED_POLL).await;
            }
        }
        None => std::future::pending().await,
    }
}

async fn wait_for_others(slot: &Slot, board: &watch::Sender<Board>) {
    let is_ready = |board: &Board| {
        slot.after.iter().all(|other| {
            board
                .get(other)
                .is_some_and(|status| matches!(status.phase, Phase::Running { ready: true, .. }))
        })
    };
    if is_ready(&board.borrow()) {
        return;
    }
    set(board, slot.unit.name(), Phase::Waiting);
    // The sender lives as long as this task, so the wait cannot fail.
    let _ = board.subscribe().wait_for(is_ready).await;
}

/// Asks the unit until it is ready, then only waits for its end.
async fn watch_until_end(
    name: &str,
    live: &mut dyn Running,
    board: &watch::Sender<Board>,
) -> String {
    let (pid, adopted) = (live.pid(), live.adopted());
    let running = |ready| Phase::Running {
        pid,
        adopted,
        ready,
    };
    set(board, name, running(false));
    let mut next = Instant::now();
    loop {
        let question = live.ready();
        let answer = async {
            sleep_until(next).await;
            question.await
        };
        tokio::select! {
            why = live.exited() => return why,
            answer = answer => if answer {
                break;
            }
        }
        next = Instant::now() + READY_POLL;
    }
    set(board, name, running(true));
    tracing::info!(unit = name, "ready");
    live.exited().await
}

/// The grace time, as soon as there is one. A supervisor that is gone gives no orders.
async fn told(stopping: &mut Stopping) -> Duration {
    let grace = stopping
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|grace| *grace);
    match grace {
        Some(grace) => grace,
        None => std::future::pending().await,
    }
}

fn set(board: &watch::Sender<Board>, name: &str, phase: Phase) {
    board.send_if_modified(|board| match board.get_mut(name) {
        Some(status) if status.phase != phase => {
            status.phase = phase;
            true
        }
        _ => false,
    });
}
