//! An instance as the observer needs it: where it is, how it is asked, and what of its life is ours.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use segue_model::id::{AppId, EnvironmentId, HostId, InstanceId, TeamId};
use segue_model::name::ServiceName;
use segue_model::spec::{Check, Health};
use segue_model::state::Desired;

/// Which instance, and how it is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Owner.
    pub team: TeamId,
    /// Its app.
    pub app: AppId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// Itself.
    pub instance: InstanceId,
    /// Its service.
    pub service: ServiceName,
    /// `web.3`.
    pub slot: u32,
    /// Its host.
    pub host: HostId,
    /// What edge and probe dial.
    pub address: Ipv4Addr,
    /// Where it should listen.
    pub port: u16,
    /// How it is asked.
    pub health: Health,
    /// The engine starts it again when it ends (restart policy `always`).
    pub restarts_by_engine: bool,
    /// What is wanted of it.
    pub desired: Desired,
}

impl Target {
    /// Address and port.
    pub(crate) fn socket(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address), self.port)
    }

    /// Its end is wanted.
    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self.desired, Desired::Stop | Desired::Gone)
    }

    /// Whether running is all that is asked of it.
    pub(crate) fn needs_no_probe(&self) -> bool {
        self.health.check == Check::Running
    }
}
