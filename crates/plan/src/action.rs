//! Actions: what a host must do now. Plain data; the worker turns each into one idempotent driver call.

use std::net::Ipv4Addr;
use std::time::Duration;

use segue_model::id::InstanceId;
use segue_model::name::ServiceName;

/// One idempotent call to one host's engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The environment's networks exist, the one for traffic with this subnet. Comes before everything else of the host.
    EnsureNetwork {
        /// First address of the /24.
        subnet: Ipv4Addr,
    },
    /// The instance's container exists and runs, with the spec of its revision.
    EnsureRunning {
        /// Which.
        instance: InstanceId,
    },
    /// The instance has, or has no more, its service's network alias.
    Alias {
        /// Which.
        instance: InstanceId,
        /// The alias.
        service: ServiceName,
        /// Has it (`true`) or has it no more.
        on: bool,
    },
    /// SIGTERM, and SIGKILL after the timeout. Planned only behind the barrier.
    Stop {
        /// Which.
        instance: InstanceId,
        /// From SIGTERM to SIGKILL.
        timeout: Duration,
    },
    /// The instance's container is removed; its process has ended.
    Remove {
        /// Which.
        instance: InstanceId,
    },
    /// The environment's networks are removed; nothing is attached to them any more. When this has succeeded, the
    /// store gives the subnet back (it rests), and the action is not planned again.
    RemoveNetwork {
        /// First address of the /24.
        subnet: Ipv4Addr,
    },
}

impl Action {
    /// The instance it is about, if it is about one.
    #[must_use]
    pub const fn instance(&self) -> Option<InstanceId> {
        match self {
            Self::EnsureRunning { instance }
            | Self::Alias { instance, .. }
            | Self::Stop { instance, .. }
            | Self::Remove { instance } => Some(*instance),
            Self::EnsureNetwork { .. } | Self::RemoveNetwork { .. } => None,
        }
    }
}
