//! The link to the control plane: the edge dials, takes routes from a stream and sends reports.
//!
//! Invariants: messages are applied in the order of their numbers, a gap or a wrong digest ends the
//! connection; a generation is reported only after it is in force and on disk; everything goes on when
//! the control plane is gone.

mod dial;
mod persist;
mod report;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use segue_model::id::{EdgeId, EnvironmentId};
use segue_model::internal::StreamBody;
use segue_model::route::{Certificate, EnvironmentRoutes, RouteGen};
use tokio::sync::Notify;

use crate::config::ControlAddr;
use crate::disk::{Disk, Recovered};
use crate::shared::Shared;
use crate::table::Applied;
use crate::tls::Certificates;

use dial::LinkError;
use persist::{SharedWriter, Waiting};
pub(crate) use report::Reporter;

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
    writer: SharedWriter,
    state: Mutex<State>,
    /// Something may be acknowledged.
    acknowledge: Notify,
    /// Something waits for the disk.
    changed: Notify,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    /// In force and on disk, and not yet known to the control plane.
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
    /// # Errors
    /// The state folder cannot be read.
    pub(crate) fn new(parts: LinkParts) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            writer: Arc::new(Mutex::new(parts.disk.writer()?)),
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
        }))
    }

    /// Puts what was on disk into force. It is acknowledged once the control plane is there, as what it is: the
    /// state of this edge.
    pub(crate) fn restore(&self, recovered: Recovered) {
        let now = self.shared.now();
        let table = &self.shared.table;
        let mut certificates = recovered.saved.certificates;
        // What is refused below is contained in the table already.
        let _ = table.snapshot(recovered.saved.environments, now);
        for change in recovered.changes {
            match change {
                StreamBody::Change { routes } => {
                    let _ = table.change(routes, now);
                }
                StreamBody::Remove {
                    environment,
                    route_gen,
                } => {
                    let _ = table.remove(environment, route_gen, now);
                }
                StreamBody::Certificates {
                    certificates: newer,
                } => certificates = newer,
                StreamBody::Snapshot { .. } | StreamBody::Heartbeat { .. } => {}
            }
        }
        self.take_certificates(certificates);
        self.state().unacknowledged = table.generations();
        self.acknowledge.notify_one();
    }

    /// Puts a message into force.
    fn apply(&self, body: StreamBody) -> Result<(), LinkError> {
        let now = self.shared.now();
        let table = &self.shared.table;
        match body {
            StreamBody::Snapshot {
                environments,
                certificates,
                other_edges,
            } => {
                self.shared.lease.tell_others(other_edges);
                self.apply_snapshot(environments, certificates)?;
            }
            StreamBody::Change { ref routes } => {
                let applied = table.change(routes.clone(), now)?;
                self.keep(&[body], [applied])?;
            }
            StreamBody::Remove {
                environment,
                route_gen,
            } => {
                let applied = table.remove(environment, route_gen, now)?;
                self.keep(&[body], [applied])?;
            }
            StreamBody::Certificates { ref certificates } => {
                self.take_certificates(certificates.clone());
                self.keep(&[body], [])?;
            }
            StreamBody::Heartbeat {
                digest,
                other_edges,
            } => {
                self.shared.lease.tell_others(other_edges);
                if digest != table.digest() {
                    return Err(LinkError::Digest);
                }
            }
        }
        Ok(())
    }

    /// Puts a snapshot into force. What differs from the disk is kept as changes, so that a connection that merely
    /// begins anew writes nothing.
    fn apply_snapshot(
        &self,
        environments: Vec<EnvironmentRoutes>,
        certificates: Vec<Certificate>,
    ) -> Result<(), LinkError> {
        let table = &self.shared.table;
        let before = table.generations();
        let named: BTreeSet<_> = environments.iter().map(|one| one.environment).collect();
        let removed =
            before
                .iter()
                .filter(|(id, _)| !named.contains(id))
                .map(|(environment, route_gen)| StreamBody::Remove {
                    environment: *environment,
                    route_gen: *route_gen,
                });
        let changed = environments
            .iter()
            .filter(|one| before.get(&one.environment) != Some(&one.route_gen))
            .map(|routes| StreamBody::Change {
                routes: routes.clone(),
            });
        let mut changes: Vec<_> = removed.chain(changed).collect();
        if self.state().certificates != certificates {
            changes.push(StreamBody::Certificates {
                certificates: certificates.clone(),
            });
        }
        let (applied, refused) = table.snapshot(environments, self.shared.now());
        for refused in refused {
            tracing::warn!(%refused, "a part of a snapshot was refused");
        }
        self.take_certificates(certificates);
        self.shared.gauges.has_routes.store(true, Ordering::Relaxed);
        self.keep(&changes, applied)
    }

    fn take_certificates(&self, certificates: Vec<Certificate>) {
        for error in self.certificates.replace(&certificates) {
            tracing::warn!(%error, "a certificate of the routes cannot be used");
        }
        self.state().certificates = certificates;
    }

    /// Hands changes that are in force to the disk; `applied` may be acknowledged after them.
    fn keep(
        &self,
        changes: &[StreamBody],
        applied: impl IntoIterator<Item = Applied>,
    ) -> Result<(), LinkError> {
        let mut state = self.state();
        for change in changes {
            state.waiting.push(change).map_err(LinkError::Message)?;
        }
        state.waiting.acknowledge_after(applied);
        self.changed.notify_one();
        Ok(())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
