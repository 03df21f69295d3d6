//! The link to the control plane: the edge dials, takes routes from a stream and sends reports.
//!
//! Invariants: messages are applied in the order of their numbers, a gap or a wrong digest ends the
//! connection; a generation is reported only after it is in force; everything goes on when the
//! control plane is gone.

mod dial;
mod report;
mod stream;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use segue_model::id::{EdgeId, EnvironmentId};
use segue_model::internal::StreamBody;
use segue_model::route::{Certificate, RouteGen};
use tokio::sync::Notify;

use crate::config::ControlAddr;
use crate::disk::{Disk, Saved};
use crate::shared::Shared;
use crate::table::Applied;
use crate::tls::Certificates;

use dial::LinkError;
pub(crate) use report::Reporter;

/// Shortest time between two writes of the table.
const SAVE_PAUSE: Duration = Duration::from_millis(100);

/// Everything the link's tasks share.
pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) control: ControlAddr,
    pub(crate) token: String,
    pub(crate) edge: EdgeId,
    pub(crate) disk: Disk,
    pub(crate) http_port: Option<u16>,
    pub(crate) https_port: Option<u16>,
    state: Mutex<State>,
    /// Something may be acknowledged.
    acknowledge: Notify,
    /// The table differs from the disk.
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// In force, and not yet known to the control plane.
    unacknowledged: BTreeMap<EnvironmentId, RouteGen>,
    /// As they came, for the disk.
    certificates: Vec<Certificate>,
}

/// What the link is made of.
pub(crate) struct LinkParts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) control: ControlAddr,
    pub(crate) token: String,
    pub(crate) edge: EdgeId,
    pub(crate) disk: Disk,
    pub(crate) http_port: Option<u16>,
    pub(crate) https_port: Option<u16>,
}

impl Link {
    pub(crate) fn new(parts: LinkParts) -> Arc<Self> {
        Arc::new(Self {
            shared: parts.shared,
            certificates: parts.certificates,
            control: parts.control,
            token: parts.token,
            edge: parts.edge,
            disk: parts.disk,
            http_port: parts.http_port,
            https_port: parts.https_port,
            state: Mutex::default(),
            acknowledge: Notify::new(),
            changed: Notify::new(),
        })
    }

    /// Puts a table from the disk into force. It is acknowledged once the control plane is there,
    /// as what it is: the state of this edge.
    pub(crate) fn restore(&self, saved: Saved) {
        let now = self.shared.now();
        let (applied, _) = self.shared.table.snapshot(saved.environments, now);
        self.take_certificates(saved.certificates);
        self.note(applied);
    }

    /// Puts a message into force.
    fn apply(&self, body: StreamBody) -> Result<(), LinkError> {
        let now = self.shared.now();
        let table = &self.shared.table;
        match body {
            StreamBody::Snapshot {
                environments,
                certificates,
            } => {
                let (applied, refused) = table.snapshot(environments, now);
                for refused in refused {
                    tracing::warn!(%refused, "a part of a snapshot was refused");
                }
                self.take_certificates(certificates);
                self.shared
                    .gauges
                    .has_routes
                    .store(true, std::sync::atomic::Ordering::Relaxed);
                self.note(applied);
            }
            StreamBody::Change { routes } => {
                let applied = table.change(routes, now)?;
                self.note(vec![applied]);
            }
            StreamBody::Remove {
                environment,
                route_gen,
            } => {
                let applied = table.remove(environment, route_gen, now)?;
                self.note(vec![applied]);
            }
            StreamBody::Certificates { certificates } => {
                self.take_certificates(certificates);
                self.changed.notify_one();
            }
            StreamBody::Heartbeat { digest } => {
                if digest != table.digest() {
                    return Err(LinkError::Digest);
                }
            }
        }
        Ok(())
    }

    fn take_certificates(&self, certificates: Vec<Certificate>) {
        for error in self.certificates.replace(&certificates) {
            tracing::warn!(%error, "a certificate of the routes cannot be used");
        }
        self.state().certificates = certificates;
    }

    fn note(&self, applied: Vec<Applied>) {
        self.state().unacknowledged.extend(applied);
        self.acknowledge.notify_one();
        self.changed.notify_one();
    }

    /// Writes the table whenever it changed.
    pub(crate) async fn keep_on_disk(&self) {
        loop {
            self.changed.notified().await;
            let begun = Instant::now();
            self.save().await;
            // Writing a large table again and again must not take more than a tenth of a core.
            tokio::time::sleep(SAVE_PAUSE.max(begun.elapsed() * 9)).await;
        }
    }

    /// Writes the table now.
    pub(crate) async fn save(&self) {
        let saved = Saved {
            environments: self.shared.table.environments(),
            certificates: self.state().certificates.clone(),
        };
        let disk = self.disk.clone();
        let written = tokio::task::spawn_blocking(move || disk.save(&saved)).await;
        if let Ok(Err(error)) = written {
            // A person must act: a restart would serve an older table.
            tracing::error!(%error, "the routes cannot be written to disk");
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
