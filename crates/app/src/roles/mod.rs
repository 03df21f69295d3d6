//! The roles of the binary: each reads its part of the settings, builds its runtime, and runs one
//! of the crates. No logic of theirs is here.

pub(crate) mod admin;
mod build_engine;
pub(crate) mod control;
pub(crate) mod database;
pub(crate) mod edge;
mod postgres;
pub(crate) mod serve;
mod setup_link;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What children find programs by.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Cancelled by the first SIGTERM or SIGINT. To be called inside the role's runtime.
///
/// # Errors
/// Signals cannot be caught.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}
