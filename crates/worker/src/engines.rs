//! Engines: one driver per host, and the engine that builds.
//!
//! Owns which driver belongs to which host. Must not: decide where anything runs.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use segue_driver::{Builder, Driver};
use segue_model::id::HostId;

use crate::probe::Dial;

/// Makes the driver of a host from its endpoint. Tests give engines of their own.
pub type Connect = Arc<dyn Fn(HostId, &str) -> Result<Arc<dyn Driver>, String> + Send + Sync>;

/// A host's engine with the endpoint it was made from.
type Reached = (String, Arc<dyn Driver>);

/// The engines that this worker can reach.
pub(crate) struct Engines {
    connect: Connect,
    hosts: RwLock<BTreeMap<HostId, Reached>>,
    /// Where images are built; `None`: none is configured, and builds fail with a sentence.
    pub build: Option<Arc<dyn Builder>>,
    /// The build engine as a place where tests run in built images.
    pub tasks: Option<Arc<dyn Driver>>,
    /// How instances are dialled.
    pub dial: Arc<dyn Dial>,
}

impl Engines {
    pub(crate) fn new(
        connect: Connect,
        build: Option<Arc<dyn Builder>>,
        tasks: Option<Arc<dyn Driver>>,
        dial: Arc<dyn Dial>,
    ) -> Self {
        Self {
            connect,
            hosts: RwLock::new(BTreeMap::new()),
            build,
            tasks,
            dial,
        }
    }

    /// The driver of a host, if it is known.
    pub(crate) fn host(&self, host: HostId) -> Option<Arc<dyn Driver>> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        hosts.get(&host).map(|(_, driver)| driver.clone())
    }

    /// Every host with a driver.
    pub(crate) fn all(&self) -> Vec<(HostId, Arc<dyn Driver>)> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        hosts
            .iter()
            .map(|(host, (_, driver))| (*host, driver.clone()))
            .collect()
    }

    /// Makes sure that the host has a driver for this endpoint.
    ///
    /// # Errors
    /// What is wrong with the endpoint, in words.
    pub(crate) fn ensure(&self, host: HostId, endpoint: &str) -> Result<Arc<dyn Driver>, String> {
        {
            let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((known, driver)) = hosts.get(&host)
                && known == endpoint
            {
                return Ok(driver.clone());
            }
        }
        let driver = (self.connect)(host, endpoint)?;
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        hosts.insert(host, (endpoint.to_owned(), driver.clone()));
        Ok(driver)
    }

    /// Forgets hosts that are not among these.
    pub(crate) fn keep(&self, wanted: &[HostId]) {
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|host, _| wanted.contains(host));
    }
}
