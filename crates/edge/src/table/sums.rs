//! What is told about the whole table: generations, its digest, requests in flight.
//!
//! Must not change anything.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use segue_model::id::EnvironmentId;
use segue_model::internal;
use segue_model::route::{EnvironmentRoutes, RouteGen};

use super::Table;

impl Table {
    /// Requests in flight by environment.
    pub(crate) fn in_flight(&self) -> BTreeMap<EnvironmentId, u32> {
        let writer = self.writer();
        let mut sums = BTreeMap::new();
        for (id, environment) in &writer.environments {
            let sum = environment
                .entries
                .values()
                .map(|entry| entry.in_flight.load(Ordering::Relaxed))
                .sum();
            if sum > 0 {
                sums.insert(*id, sum);
            }
        }
        sums
    }

    /// Every environment's generation.
    pub(crate) fn generations(&self) -> BTreeMap<EnvironmentId, RouteGen> {
        self.writer()
            .environments
            .iter()
            .map(|(id, environment)| (*id, environment.routes.route_gen))
            .collect()
    }

    /// The table's digest, as the control plane computes it.
    pub(crate) fn digest(&self) -> String {
        internal::digest(&self.generations())
    }

    /// A copy of every environment, for the disk.
    pub(crate) fn environments(&self) -> Vec<EnvironmentRoutes> {
        self.writer()
            .environments
            .values()
            .map(|environment| environment.routes.clone())
            .collect()
    }
}
