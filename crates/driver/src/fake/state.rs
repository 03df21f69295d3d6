//! The inside of the fake engine: containers as small machines on the runtime's clock.
//!
//! Synchronous. What happens by itself (a process ends, the engine restarts it) is due at an instant and is
//! applied by [`State::settle`] before anything looks.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use segue_model::Timestamp;
use segue_model::id::InstallationId;
use segue_model::network::ForeignNetwork;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{FakeBuild, Fault, Op};
use crate::driver::Result;
use crate::error::DriverError;
use crate::spec::{Attachment, ContainerSpec};
use crate::types::{
    Container, ContainerName, Event, EventKind, Exit, ImageInfo, Listen, LogLine, NetworkName,
    NetworkSpec, Phase,
};

/// What the process in an image does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Behaviour {
    /// Listens and runs until it is told to stop.
    Serve(Listen),
    /// Runs, without listening, until it is told to stop.
    Run,
    /// Writes these lines and exits with 0.
    Print {
        /// To standard output.
        stdout: Vec<String>,
        /// To standard error.
        stderr: Vec<String>,
    },
    /// Exits.
    Exit {
        /// Exit code.
        code: i32,
        /// After its start.
        after: Duration,
    },
    /// Runs and ignores SIGTERM.
    IgnoreTerm,
    /// Is killed for memory soon after its start.
    OutOfMemory,
}

impl Behaviour {
    /// Serves on all addresses.
    #[must_use]
    pub fn serving(port: u16) -> Self {
        Self::Serve(Listen {
            addr: Ipv4Addr::UNSPECIFIED.into(),
            port,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Image {
    pub info: ImageInfo,
    pub behaviour: Behaviour,
}

#[derive(Debug, Clone)]
pub(super) enum Due {
    Ends(Exit),
    Restarts,
}

#[derive(Debug, Clone)]
pub(super) struct FakeContainer {
    pub owner: InstallationId,
    pub spec: ContainerSpec,
    pub described: Container,
    pub behaviour: Behaviour,
    pub alias: Option<String>,
    pub logs: Vec<LogLine>,
    pub(super) due: Option<(Instant, Due)>,
    pub(super) stopped: bool,
}

#[derive(Debug)]
pub(super) struct State {
    began: Instant,
    epoch: Timestamp,
    pub(super) serial: u64,
    pub down: bool,
    pub boot: u64,
    pub containers: BTreeMap<ContainerName, FakeContainer>,
    pub networks: BTreeMap<NetworkName, (InstallationId, NetworkSpec)>,
    /// Networks that no installation made.
    pub foreign: Vec<ForeignNetwork>,
    /// By id.
    pub images: BTreeMap<String, Image>,
    pub events: Vec<(InstallationId, Event)>,
    pub faults: VecDeque<Fault>,
    pub calls: BTreeMap<Op, u64>,
    pub exec_codes: BTreeMap<ContainerName, i32>,
    pub builds: VecDeque<FakeBuild>,
    pub builds_cancelled: u32,
}

impl State {
    pub(super) fn new(epoch: Timestamp) -> Self {
        Self {
            began: Instant::now(),
            epoch,
            serial: 0,
            down: false,
            boot: 1,
            containers: BTreeMap::new(),
            networks: BTreeMap::new(),
            foreign: Vec::new(),
            images: BTreeMap::new(),
            events: Vec::new(),
            faults: VecDeque::new(),
            calls: BTreeMap::new(),
            exec_codes: BTreeMap::new(),
            builds: VecDeque::new(),
            builds_cancelled: 0,
        }
    }

    /// The engine's clock: the epoch it was made with plus the runtime's time since.
    pub(super) fn at(&self, now: Instant) -> Timestamp {
        let passed = now.saturating_duration_since(self.began);
        self.epoch.checked_add(passed).unwrap_or(self.epoch)
    }

    /// Applies everything that is due, in the order of its time.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some((at, name)) = self.first_due().filter(|(at, _)| *at <= now) {
            let Some((_, due)) = self
                .containers
                .get_mut(&name)
                .and_then(|container| container.due.take())
            else {
                return;
            };
            match due {
                Due::Ends(exit) => self.end(&name, exit, at),
                Due::Restarts => self.start(&name, at),
            }
        }
    }

    fn first_due(&self) -> Option<(Instant, ContainerName)> {
        let dues = self
            .containers
            .iter()
            .filter_map(|(name, c)| Some((c.due.as_ref()?.0, name.clone())));
        dues.min()
    }

    /// When something happens by itself next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.first_due().map(|(at, _)| at)
    }

    pub(super) fn find(
        &self,
        owner: InstallationId,
        name: &ContainerName,
    ) -> Result<&FakeContainer> {
        match self.containers.get(name) {
            None => Err(DriverError::NotFound(name.to_string())),
            Some(found) if found.owner != owner => Err(DriverError::NotOurs(name.to_string())),
            Some(found) => Ok(found),
        }
    }

    pub(super) fn image(&self, name: &str) -> Option<&Image> {
        self.images.get(name).or_else(|| {
            self.images.values().find(|image| {
                image
                    .info
                    .tags
                    .iter()
                    .chain(&image.info.repo_digests)
                    .any(|tag| tag == name)
            })
        })
    }

    /// What the engine does for `ensure_running`.
    pub(super) fn run(
        &mut self,
        owner: InstallationId,
        spec: &ContainerSpec,
        now: Instant,
    ) -> Result<Container> {
        let name = spec.name.clone();
        match self.find(owner, &name) {
            Ok(found) => {
                if found.spec.identity != spec.identity || found.spec.role != spec.role {
                    return Err(DriverError::Conflict(format!(
                        "{name} is another spec's container"
                    )));
                }
            }
            Err(DriverError::NotFound(_)) => self.create(owner, spec)?,
            Err(error) => return Err(error),
        }
        let created = |state: &Self| {
            state
                .containers
                .get(&name)
                .is_some_and(|c| matches!(c.described.phase, Phase::Created { .. }))
        };
        if created(self) {
            self.check_address(spec)?;
            self.start(&name, now);
        }
        self.find(owner, &name).map(|found| found.described.clone())
    }

    fn create(&mut self, owner: InstallationId, spec: &ContainerSpec) -> Result<()> {
        let image = self
            .image(&spec.image)
            .ok_or_else(|| DriverError::ImageMissing(spec.image.clone()))?;
        let (image_id, behaviour) = (image.info.id.clone(), image.behaviour.clone());
        if let Attachment::Environment { traffic, names } = spec.attachment {
            for (network, address) in [Some(traffic), names].into_iter().flatten() {
                let fits = self
                    .networks
                    .get(&network)
                    .is_some_and(|(_, found)| found.subnet.contains(&address));
                if !fits {
                    return Err(DriverError::BadConfig(format!(
                        "{address} is not in the subnet of {network}"
                    )));
                }
            }
        }
        self.serial += 1;
        let described = Container {
            engine_id: format!("{:064x}", self.serial),
            name: spec.name.clone(),
            role: spec.role,
            identity: Some(spec.identity.clone()),
            image_id,
            phase: Phase::Created { error: None },
            address: None,
            pid: None,
            started_at: None,
            restarts: 0,
        };
        let container = FakeContainer {
            owner,
            spec: spec.clone(),
            described,
            behaviour,
            alias: None,
            logs: Vec::new(),
            due: None,
            stopped: false,
        };
        self.containers.insert(spec.name.clone(), container);
        Ok(())
    }

    /// As with Docker, an address is taken while its container runs, and the conflict shows at start.
    fn check_address(&mut self, spec: &ContainerSpec) -> Result<()> {
        let Some(address) = spec.address() else {
            return Ok(());
        };
        let Attachment::Environment {
            traffic: (network, _),
            ..
        } = spec.attachment
        else {
            return Ok(());
        };
        let taken = self.containers.values().any(|other| {
            let same = matches!(other.spec.attachment,
                Attachment::Environment { traffic, .. } if traffic == (network, address));
            same && matches!(other.described.phase, Phase::Running | Phase::Paused)
        });
        if taken {
            Err(DriverError::AddressInUse(address.to_string()))
        } else {
            Ok(())
        }
    }

    pub(super) fn emit(
        &mut self,
        owner: InstallationId,
        name: &ContainerName,
        at: Timestamp,
        kind: EventKind,
    ) {
        let event = Event {
            at,
            container: name.clone(),
            kind,
        };
        let copies = match self
            .faults
            .iter_mut()
            .find(|fault| matches!(fault, Fault::LoseEvents(_) | Fault::DuplicateEvents(_)))
        {
            Some(Fault::LoseEvents(left)) if *left > 0 => {
                *left -= 1;
                0
            }
            Some(Fault::DuplicateEvents(left)) if *left > 0 => {
                *left -= 1;
                2
            }
            _ => 1,
        };
        self.faults
            .retain(|fault| !matches!(fault, Fault::LoseEvents(0) | Fault::DuplicateEvents(0)));
        for _ in 0..copies {
            self.events.push((owner, event.clone()));
        }
    }

    /// Who would answer a connection to this address and port.
    pub(super) fn answering(&self, address: Ipv4Addr, port: u16) -> Option<&FakeContainer> {
        self.containers.values().find(|container| {
            let listens = matches!(container.behaviour,
                Behaviour::Serve(listen) if listen.port == port && listen.reachable());
            listens
                && container.described.phase == Phase::Running
                && container.described.address == Some(address)
        })
    }
}
