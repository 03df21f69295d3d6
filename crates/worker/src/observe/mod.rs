//! Observation: the only writer of what was seen. Everything that is learnt of a host comes through its
//! observer: events, listings, results of calls, probes, pings.
//!
//! Invariants: one observer per host (the holder of the host's lease); every input carries the moment it
//! describes, and an older one never beats a newer one; writes are batched, one at a time; what could not be written is
//! written again. Must not: decide anything, or make a call that changes an engine.

pub(crate) mod host;
mod jobs;
pub(crate) mod target;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod track;

use std::future::Future;
use std::sync::Arc;

use segue_driver::EngineInfo;
use segue_model::Timestamp;
use segue_model::failure::Failure;
use segue_model::id::{EnvironmentId, HostId, InstanceId};
use segue_model::network::ForeignNetwork;

use crate::core::redact::Redactor;
use target::Target;
use track::Sighting;

/// An instance as the store knows it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// How it is watched.
    pub target: Target,
    /// What was seen last.
    pub sighting: Sighting,
    /// A call was made whose result was not seen.
    pub unknown: bool,
}

/// What is written of a host.
#[derive(Debug, Clone, Default)]
pub(crate) struct HostSighting {
    /// What the engine is, if it was asked.
    pub info: Option<EngineInfo>,
    /// Pings missed in a row.
    pub misses: u32,
    /// The last ping that was answered.
    pub pinged_at: Option<Timestamp>,
    /// The last complete listing.
    pub listed_at: Option<Timestamp>,
    /// Its networks that are not this installation's, and the moment that describes.
    pub foreign: Option<(Timestamp, Vec<ForeignNetwork>)>,
    /// What is wrong, for people.
    pub problem: Option<String>,
}

/// One write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    /// Instances.
    pub instances: Vec<(InstanceId, EnvironmentId, Sighting)>,
    /// The host itself.
    pub host: Option<HostSighting>,
}

/// What the observer needs of the store.
pub(crate) trait Book: Send + Sync + 'static {
    /// Every instance on the host whose container may exist; of one environment only, if one is named.
    fn targets(
        &self,
        host: HostId,
        environment: Option<EnvironmentId>,
    ) -> impl Future<Output = Result<Vec<Known>, String>> + Send;
    /// Writes what was seen, and wakes the environments.
    fn record(&self, host: HostId, batch: Batch)
    -> impl Future<Output = Result<(), String>> + Send;
    /// What must not be shown of an environment; `None`: not known now, so nothing may be shown.
    fn redactor(
        &self,
        environment: EnvironmentId,
    ) -> impl Future<Output = Option<Arc<Redactor>>> + Send;
}

/// What the executor and others tell the observer.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// This instance is wanted, or is wanted otherwise than before: watch it.
    Watch(Box<Known>),
    /// A call is about to be made for it: that it is not there yet is not news.
    Calling {
        /// Which.
        instance: InstanceId,
    },
    /// That call is written as an attempt: what is seen next is written even if it is nothing new.
    Attempted {
        /// Which.
        instance: InstanceId,
    },
    /// That call has ended, or will never be made.
    Called {
        /// Which.
        instance: InstanceId,
    },
    /// A call failed by the application's or its image's fault, or by the engine's.
    Failed {
        /// Which.
        instance: InstanceId,
        /// Why.
        failure: Failure,
    },
    /// It has, or has no more, its service's name.
    Aliased {
        /// Which.
        instance: InstanceId,
        /// Which of both.
        on: bool,
    },
    /// A call has ended: look what became of it.
    Look {
        /// Which.
        instance: InstanceId,
    },
}
