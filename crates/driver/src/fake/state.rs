//! The inside of the fake engine: containers as small machines on the runtime's clock.
//!
//! Synchronous. What happens by itself (a process ends, the engine restarts it) is due at an instant and is
//! applied by [`State::settle`] before anything looks.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use segue_model::Timestamp;
use segue_model::id::InstallationId;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{FakeBuild, Fault, Op};
use crate::driver::Result;
use crate::error::DriverError;
use crate::spec::{Attachment, ContainerSpec};
use crate::types::{
    Container, ContainerName, Event, EventKind, Exit, ImageInfo, Listen, LogLine, LogStream,
    NetworkName, NetworkSpec, Phase,
};

/// The engine's restart back-off begins with this and doubles up to [`MOST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MOST_BACKOFF: Duration = Duration::from_secs(60);

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
enum Due {
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
    due: Option<(Instant, Due)>,
    stopped: bool,
}

#[derive(Debug)]
pub(super) struct State {
    began: Instant,
    epoch: Timestamp,
    serial: u64,
    pub down: bool,
    pub boot: u64,
    pub containers: BTreeMap<ContainerName, FakeContainer>,
    pub networks: BTreeMap<NetworkName, (InstallationId, NetworkSpec)>,
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

    fn start(&mut self, name: &ContainerName, now: Instant) {
        let at = self.at(now);
        let Some(container) = self.containers.get_mut(name) else {
            return;
        };
        if matches!(container.described.phase, Phase::Restarting(_)) {
            container.described.restarts += 1;
        }
        container.described.phase = Phase::Running;
        container.described.started_at = Some(at);
        container.described.address = container.spec.address();
        container.described.pid = Some(1000 + u32::try_from(self.serial).unwrap_or(0));
        let ends = |code, oom, after: Duration| {
            Some((
                now + after,
                Due::Ends(Exit {
                    code,
                    oom,
                    at: None,
                }),
            ))
        };
        container.due = match &container.behaviour {
            Behaviour::Serve(_) | Behaviour::Run | Behaviour::IgnoreTerm => None,
            Behaviour::Exit { code, after } => ends(*code, false, *after),
            Behaviour::OutOfMemory => ends(137, true, Duration::from_millis(50)),
            Behaviour::Print { .. } => ends(0, false, Duration::from_millis(10)),
        };
        if let Behaviour::Print { stdout, stderr } = container.behaviour.clone() {
            let lines = stdout.into_iter().map(|line| (LogStream::Stdout, line));
            for (stream, line) in
                lines.chain(stderr.into_iter().map(|line| (LogStream::Stderr, line)))
            {
                let at = container
                    .logs
                    .last()
                    .map_or(at, |last| last.at.max(at) + Duration::from_micros(1));
                container.logs.push(LogLine {
                    at,
                    stream,
                    message: Bytes::from(line),
                    partial: false,
                });
            }
        }
        let owner = container.owner;
        self.emit(owner, name, at, EventKind::Started);
    }

    /// A process ends; the engine restarts it if its policy says so and nobody stopped it.
    pub(super) fn end(&mut self, name: &ContainerName, exit: Exit, now: Instant) {
        let at = self.at(now);
        let Some(container) = self.containers.get_mut(name) else {
            return;
        };
        if !matches!(container.described.phase, Phase::Running | Phase::Paused) {
            return;
        }
        let exit = Exit {
            at: Some(at),
            ..exit
        };
        container.described.pid = None;
        container.described.address = None;
        if container.spec.restart_always && !container.stopped {
            let backoff = FIRST_BACKOFF
                .saturating_mul(1 << container.described.restarts.min(16))
                .min(MOST_BACKOFF);
            container.described.phase = Phase::Restarting(exit.clone());
            container.due = Some((now + backoff, Due::Restarts));
        } else {
            container.described.phase = Phase::Exited(exit.clone());
            container.due = None;
        }
        let owner = container.owner;
        if exit.oom {
            self.emit(owner, name, at, EventKind::OutOfMemory);
        }
        self.emit(owner, name, at, EventKind::Died { code: exit.code });
    }

    /// SIGTERM at `now`, SIGKILL after `timeout`.
    pub(super) fn stop(&mut self, name: &ContainerName, timeout: Duration, now: Instant) {
        let Some(container) = self.containers.get_mut(name) else {
            return;
        };
        container.stopped = true;
        match &container.described.phase {
            Phase::Running | Phase::Paused => {
                let (code, after) = match container.behaviour {
                    Behaviour::IgnoreTerm => (137, timeout),
                    _ => (143, Duration::from_millis(5)),
                };
                container.due = Some((
                    now + after,
                    Due::Ends(Exit {
                        code,
                        oom: false,
                        at: None,
                    }),
                ));
            }
            Phase::Restarting(exit) => {
                container.described.phase = Phase::Exited(exit.clone());
                container.due = None;
            }
            Phase::Created { .. } | Phase::Exited(_) | Phase::Removing => {}
        }
    }

    pub(super) fn kill(&mut self, name: &ContainerName, now: Instant) {
        if let Some(container) = self.containers.get_mut(name) {
            container.stopped = true;
        }
        self.end(
            name,
            Exit {
                code: 137,
                oom: false,
                at: None,
            },
            now,
        );
    }

    pub(super) fn remove(&mut self, name: &ContainerName, now: Instant) {
        self.kill(name, now);
        if let Some(removed) = self.containers.remove(name) {
            self.emit(removed.owner, name, self.at(now), EventKind::Removed);
        }
    }

    /// The machine restarts: every process ends without an event, what the engine restarts comes back.
    pub(super) fn reboot(&mut self, now: Instant) {
        let at = self.at(now);
        self.boot += 1;
        for container in self.containers.values_mut() {
            if matches!(
                container.described.phase,
                Phase::Running | Phase::Paused | Phase::Restarting(_)
            ) {
                let exit = Exit {
                    code: 255,
                    oom: false,
                    at: Some(at),
                };
                container.described.pid = None;
                container.described.address = None;
                container.due = None;
                container.described.phase = Phase::Exited(exit.clone());
                if container.spec.restart_always && !container.stopped {
                    container.described.phase = Phase::Restarting(exit);
                    container.due = Some((now + FIRST_BACKOFF, Due::Restarts));
                }
            }
        }
    }

    fn emit(
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
