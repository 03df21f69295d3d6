//! Endpoints that left the routes and may have something open.
//!
//! Invariant: such an endpoint is known here until the control plane was told that nothing is open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use segue_model::id::InstanceId;
use segue_model::route::OpenByInstance;

use super::Table;
use super::apply::Writer;
use super::route::Endpoint;

/// One endpoint that left.
pub(super) struct Draining {
    pub(super) endpoint: Arc<Endpoint>,
    close_upgraded_at: Instant,
    /// The last report that was sent said that nothing is open.
    told_idle: bool,
}

impl Table {
    /// What is open on endpoints that left the routes. Those without anything open are told once;
    /// [`Table::forget_idle`] forgets them after the report has arrived. Ends websockets whose time
    /// is over; answers when that is due next.
    pub(crate) fn draining(&self, now: Instant) -> (OpenByInstance, Option<Instant>) {
        let mut writer = self.writer();
        let mut open = OpenByInstance::new();
        let mut next: Option<Instant> = None;
        for (instance, draining) in &mut writer.draining {
            let count = draining.endpoint.open();
            draining.told_idle = count.is_idle();
            open.insert(*instance, count);
            if count.upgraded > 0 {
                if draining.close_upgraded_at <= now {
                    draining.endpoint.close_upgraded();
                } else {
                    let due = draining.close_upgraded_at;
                    next = Some(next.map_or(due, |next| next.min(due)));
                }
            }
        }
        (open, next)
    }

    /// Forgets endpoints of which the control plane knows that nothing is open.
    pub(crate) fn forget_idle(&self, told: &OpenByInstance) {
        self.writer().draining.retain(|instance, draining| {
            !(draining.told_idle && told.get(instance).is_some_and(|open| open.is_idle()))
        });
    }
}

impl Writer {
    /// Moves endpoints that are not in `kept` to the drain.
    pub(super) fn drain(
        &mut self,
        table: &Table,
        old: &BTreeMap<InstanceId, Arc<Endpoint>>,
        kept: &BTreeMap<InstanceId, Arc<Endpoint>>,
        upgraded: Duration,
    ) {
        for (instance, endpoint) in old {
            if kept
                .get(instance)
                .is_some_and(|kept| Arc::ptr_eq(kept, endpoint))
            {
                continue;
            }
            endpoint.set_left(true, &table.stop_websockets);
            self.draining.insert(
                *instance,
                Draining {
                    endpoint: endpoint.clone(),
                    close_upgraded_at: Instant::now() + upgraded,
                    told_idle: false,
                },
            );
        }
        table.drained.notify_one();
    }
}
