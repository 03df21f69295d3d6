//! From "in force" to "may be acknowledged": changes wait here until they are on disk.
//!
//! Invariant: a generation is acknowledged only after it, and everything that came before it, is on disk. One write
//! takes everything that waits, so that the cost of a sync is shared by all changes that came during the last one.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use segue_model::internal::StreamBody;

use super::Link;
use crate::disk::{self, Saved, Writer};
use crate::table::Applied;

/// Pause before a failed write is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// In force and not yet on disk.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: Vec<u8>,
    applied: Vec<Applied>,
}

impl Waiting {
    pub(super) fn push(&mut self, change: &StreamBody) -> serde_json::Result<()> {
        self.lines.extend(disk::line(change)?);
        Ok(())
    }

    pub(super) fn acknowledge_after(&mut self, applied: impl IntoIterator<Item = Applied>) {
        self.applied.extend(applied);
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.applied.is_empty()
    }

    /// Puts this before what came later.
    fn before(mut self, later: Self) -> Self {
        self.lines.extend(later.lines);
        self.applied.extend(later.applied);
        self
    }
}

/// The disk, for the one blocking task that writes to it at a time.
pub(super) type SharedWriter = Arc<Mutex<Writer>>;

impl Link {
    /// Writes what waits, whenever something does.
    pub(crate) async fn keep_on_disk(self: &Arc<Self>) {
        let mut table = tokio::task::JoinSet::new();
        let mut told = false;
        loop {
            self.changed.notified().await;
            while let Err(error) = self.flush().await {
                if !told {
                    // A person must act: deployments wait for this edge, and a restart would serve older routes.
                    tracing::error!(%error, "the routes cannot be written to disk; they are not acknowledged");
                }
                told = true;
                tokio::time::sleep(AGAIN).await;
            }
            told = false;
            while table.try_join_next().is_some() {}
            if table.is_empty() && self.disk_writer().is_due() {
                let link = self.clone();
                table.spawn_blocking(move || link.write_table());
            }
        }
    }

    /// Writes what waits, once; then it may be acknowledged.
    pub(crate) async fn flush(self: &Arc<Self>) -> std::io::Result<()> {
        let waiting = std::mem::take(&mut self.state().waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let link = self.clone();
        let (waiting, written) = tokio::task::spawn_blocking(move || {
            let written = link.disk_writer().append(&waiting.lines);
            (waiting, written)
        })
        .await
        .map_err(std::io::Error::other)?;
        self.shared
            .gauges
            .unsaved
            .store(written.is_err(), Ordering::Relaxed);
        let mut state = self.state();
        if let Err(error) = written {
            let later = std::mem::take(&mut state.waiting);
            state.waiting = waiting.before(later);
            return Err(error);
        }
        state.unacknowledged.extend(waiting.applied);
        self.acknowledge.notify_one();
        Ok(())
    }

    /// Writes the whole table, so that the logs before it can go. Changes are appended meanwhile.
    fn write_table(&self) {
        let number = self.disk_writer().rotate();
        let saved = Saved {
            number,
            environments: self.shared.table.environments(),
            certificates: self.state().certificates.clone(),
        };
        match self.disk.save(&saved) {
            Ok(bytes) => self.disk_writer().saved(bytes),
            // Nothing is lost, the logs hold everything; it is tried again when they have grown.
            Err(error) => tracing::error!(%error, "the table cannot be written to disk"),
        }
    }

    fn disk_writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
