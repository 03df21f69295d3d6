//! Writing what was observed: one write at a time, again if it failed.

use segue_model::id::InstanceId;
use segue_model::state::Observed;
use tokio::time::Instant;

use super::{Found, HOST_EVERY, Observer, WRITE_RETRY};
use crate::observe::{Batch, Book, HostSighting};

impl<B: Book> Observer<B> {
    /// Writes what changed, one write at a time.
    pub(super) fn flush(&mut self) {
        if self.writing || self.retry_at.is_some() {
            return;
        }
        let mut batch = Batch::default();
        for (id, track) in &mut self.tracks {
            if let Some(sighting) = track.take() {
                batch
                    .instances
                    .push((*id, track.target.environment, sighting));
            }
        }
        let due = self.host_written.elapsed() >= HOST_EVERY && self.host.pinged_at.is_some();
        if self.host_dirty || due {
            self.host_dirty = false;
            self.host_written = Instant::now();
            batch.host = Some(self.host.clone());
        }
        if batch.instances.is_empty() && batch.host.is_none() {
            return;
        }
        self.writing = true;
        let instances: Vec<InstanceId> = batch.instances.iter().map(|(id, ..)| *id).collect();
        let seen = batch.host.clone().map(Box::new);
        let (book, of) = (self.setup.book.clone(), self.setup.host);
        self.jobs.spawn(async move {
            let result = book.record(of, batch).await;
            Found::Written {
                instances,
                host: seen,
                result,
            }
        });
    }

    pub(super) fn written(
        &mut self,
        instances: &[InstanceId],
        host: Option<HostSighting>,
        result: Result<(), String>,
    ) {
        self.writing = false;
        match result {
            Ok(()) => {
                if let Some(host) = host {
                    self.setup.written.send_replace(host);
                }
                let gone: Vec<InstanceId> = instances
                    .iter()
                    .filter(|id| {
                        self.tracks
                            .get(id)
                            .is_some_and(|t| t.known().state == Observed::Gone && !t.is_dirty())
                    })
                    .copied()
                    .collect();
                for id in gone {
                    self.forget(id);
                }
            }
            Err(error) => {
                tracing::warn!(host.id = %self.setup.host, %error, "what was observed could not be written, trying again");
                for id in instances {
                    if let Some(track) = self.tracks.get_mut(id) {
                        track.retry();
                    }
                }
                self.host_dirty |= host.is_some();
                self.retry_at = Some(Instant::now() + WRITE_RETRY);
            }
        }
    }
}
