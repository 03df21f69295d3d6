//! The machine-wide lock of the tests that use its Docker engine.
//!
//! Whoever holds load and counts what it loses must be alone: two such runs would take each other for the machine's
//! load, and each other's addresses for free ones. Tests that count nothing may run beside each other, but not beside
//! one that does. The lock goes with the process, however it ends.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;

static HELD: Mutex<Option<File>> = Mutex::new(None);

fn take(lock: impl Fn(&File) -> std::io::Result<()>) -> anyhow::Result<()> {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if held.is_none() {
        let path = std::env::temp_dir().join("segue-tests.lock");
        let file = File::create(&path).with_context(|| format!("lock {}", path.display()))?;
        lock(&file)?;
        *held = Some(file);
    }
    Ok(())
}

/// Holds the engine for this process alone; waits its turn. Does nothing where it is shared or held already.
///
/// # Errors
/// The lock cannot be made.
pub(crate) fn hold_engine() -> anyhow::Result<()> {
    take(File::lock)
}

/// Shares the engine with other tests that call this before they start anything; waits for one that is alone.
///
/// # Errors
/// The lock cannot be made.
pub fn share_engine() -> anyhow::Result<()> {
    take(File::lock_shared)
}
