//! An engine in memory, for tests of everything above the driver.
//!
//! It keeps the contract of [`Driver`] (the same suite runs against it) on the runtime's clock, so that a test with
//! paused time runs through minutes in no time. A script of faults makes it fail, be slow, lose answers and events, and tell
//! old news; the handle itself crashes processes, takes the engine away and reboots the machine.
//!
//! Cloning gives another handle to the same engine.

mod state;

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use segue_model::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use state::Behaviour;
use state::{Image, State};

use crate::docker::bounded;
use crate::driver::{Driver, Images, RegistryAuth, Result};
use crate::error::DriverError;
use crate::spec::{ContainerSpec, Ownership};
use crate::types::{
    Container, ContainerName, Deadline, EngineInfo, Event, ExecResult, Exit, ImageInfo, Listen, LogLine, NetworkName,
    NetworkSpec, Observed, Phase, Role,
};

/// A kind of call, for faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// [`Driver::ping`] and [`Driver::info`].
    Ping,
    /// [`Driver::list`].
    List,
    /// [`Driver::inspect`].
    Inspect,
    /// [`Driver::ensure_running`].
    Run,
    /// [`Driver::stop`].
    Stop,
    /// [`Driver::kill`].
    Kill,
    /// [`Driver::remove`].
    Remove,
    /// Networks and aliases.
    Network,
    /// Everything of [`Images`].
    Image,
    /// Logs, listeners, exec, wait, events.
    Look,
}

/// What goes wrong. Faults are used up in the order of the script, each by the first call it fits.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The call does nothing and ends with this error, so many times.
    Fail {
        /// Which call.
        op: Op,
        /// How often.
        times: u32,
        /// With what.
        error: DriverError,
    },
    /// The call has its effect, and its answer is lost: it ends with this error.
    LoseAnswer {
        /// Which call.
        op: Op,
        /// How often.
        times: u32,
        /// With what.
        error: DriverError,
    },
    /// The call is slow.
    Delay {
        /// Which call.
        op: Op,
        /// How often.
        times: u32,
        /// By how much.
        by: Duration,
    },
    /// The next events are never sent.
    LoseEvents(u32),
    /// The next events are sent twice.
    DuplicateEvents(u32),
    /// The next listings say what was true when the fault was put in.
    StaleList(u32, Vec<Container>),
}

/// A fake engine, seen by one installation.
#[derive(Debug, Clone)]
pub struct Fake {
    engine: Arc<Engine>,
    owner: Ownership,
}

#[derive(Debug)]
struct Engine {
    state: Mutex<State>,
    changed: Notify,
}

/// What a fault makes of a call.
enum Verdict {
    Proceed,
    Refuse(DriverError),
    Lose(DriverError),
}

impl Fake {
    /// An empty engine that runs, on a clock that begins at 2026-01-01.
    #[must_use]
    pub fn new(owner: Ownership) -> Self {
        let epoch = Timestamp::from_second(1_767_225_600).unwrap_or_default();
        let engine = Engine { state: Mutex::new(State::new(epoch)), changed: Notify::new() };
        Self { engine: Arc::new(engine), owner }
    }

    /// The same engine, seen by another installation.
    #[must_use]
    pub fn seen_by(&self, owner: Ownership) -> Self {
        Self { engine: Arc::clone(&self.engine), owner }
    }

    /// Adds an image whose process behaves so; gives its id. The same name gives the same id.
    pub fn image_add(&self, name: &str, behaviour: Behaviour) -> String {
        let id = format!("sha256:{}", hex::encode(Sha256::digest(name)));
        let exposed_ports = match behaviour {
            Behaviour::Serve(listen) => vec![listen.port],
            _ => Vec::new(),
        };
        let info = ImageInfo {
            id: id.clone(),
            repo_digests: Vec::new(),
            tags: Vec::new(),
            exposed_ports,
            user: String::new(),
            cmd: Vec::new(),
            entrypoint: Vec::new(),
            arch: "amd64".to_owned(),
            size_bytes: 1,
        };
        self.change(|state, _| state.images.insert(id.clone(), Image { info, behaviour }));
        id
    }

    /// Puts a fault at the end of the script.
    pub fn script(&self, fault: Fault) {
        self.change(|state, _| state.faults.push_back(fault));
    }

    /// The next listings say what is true now.
    pub fn script_stale_list(&self, times: u32) {
        let owner = self.owner.installation;
        self.change(|state, _| {
            let now: Vec<Container> =
                state.containers.values().filter(|c| c.owner == owner).map(|c| c.described.clone()).collect();
            state.faults.push_back(Fault::StaleList(times, now));
        });
    }

    /// Takes the engine away or brings it back. Processes go on meanwhile, as with live-restore.
    pub fn set_down(&self, down: bool) {
        self.change(|state, _| state.down = down);
    }

    /// Reboots the machine: every process ends without an event, the engine restarts what it restarts.
    pub fn reboot(&self) {
        self.change(State::reboot);
    }

    /// Ends a process from inside, as a crash does.
    pub fn crash(&self, name: &ContainerName, code: i32) {
        self.change(|state, now| state.end(name, Exit { code, oom: false, at: None }, now));
    }

    /// Ends a process for memory.
    pub fn out_of_memory(&self, name: &ContainerName) {
        self.change(|state, now| state.end(name, Exit { code: 137, oom: true, at: None }, now));
    }

    /// What a container does from its next start on.
    pub fn behave(&self, name: &ContainerName, behaviour: Behaviour) {
        self.change(|state, _| {
            if let Some(container) = state.containers.get_mut(name) {
                container.behaviour = behaviour;
            }
        });
    }

    /// What [`Driver::exec`] in this container ends with; 0 if never set.
    pub fn exec_ends_with(&self, name: &ContainerName, code: i32) {
        self.change(|state, _| state.exec_codes.insert(name.clone(), code));
    }

    /// The container that would answer a connection to this address and port: for fake probes and clients.
    #[must_use]
    pub fn answering(&self, address: Ipv4Addr, port: u16) -> Option<ContainerName> {
        self.change(|state, _| state.answering(address, port).map(|found| found.described.name.clone()))
    }

    /// The alias that a container has on its names network.
    #[must_use]
    pub fn alias(&self, name: &ContainerName) -> Option<String> {
        self.change(|state, _| state.containers.get(name)?.alias.clone())
    }

    /// The engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.change(|state, now| state.at(now))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.engine.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks or changes, after everything that is due; wakes whoever waits.
    fn change<T>(&self, f: impl FnOnce(&mut State, Instant) -> T) -> T {
        let now = Instant::now();
        let mut state = self.lock();
        state.settle(now);
        let out = f(&mut state, now);
        drop(state);
        self.engine.changed.notify_waiters();
        out
    }

    /// Waits until `f` gives something.
    async fn until<T>(&self, mut f: impl FnMut(&mut State, Instant) -> Option<T>) -> T {
        loop {
            // Registered before looking, so that no change falls between.
            let changed = self.engine.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let due = {
                let now = Instant::now();
                let mut state = self.lock();
                state.settle(now);
                if let Some(out) = f(&mut state, now) {
                    return out;
                }
                state.next_due()
            };
            match due {
                Some(due) => {
                    let _ = tokio::time::timeout_at(due, changed).await;
                }
                None => changed.await,
            }
        }
    }

    /// What the script says about this call.
    async fn verdict(&self, op: Op) -> Verdict {
        let (delay, verdict) = self.change(|state, _| {
            let (mut delay, mut verdict) = (Duration::ZERO, Verdict::Proceed);
            for fault in &mut state.faults {
                match fault {
                    Fault::Delay { op: of, times, by } if *of == op && *times > 0 => {
                        *times -= 1;
                        delay = *by;
                    }
                    Fault::Fail { op: of, times, error } if *of == op && *times > 0 => {
                        *times -= 1;
                        verdict = Verdict::Refuse(error.clone());
                        break;
                    }
                    Fault::LoseAnswer { op: of, times, error } if *of == op && *times > 0 => {
                        *times -= 1;
                        verdict = Verdict::Lose(error.clone());
                        break;
                    }
                    _ => {}
                }
            }
            state.faults.retain(|fault| {
                !matches!(
                    fault,
                    Fault::Delay { times: 0, .. } | Fault::Fail { times: 0, .. } | Fault::LoseAnswer { times: 0, .. }
                )
            });
            (delay, verdict)
        });
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        verdict
    }

    /// One call: script, engine up, effect, answer.
    fn call<'a, T: Send + 'a>(
        &'a self,
        op: Op,
        deadline: Deadline,
        effect: impl Future<Output = Result<T>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        bounded(deadline, async move {
            let verdict = self.verdict(op).await;
            if self.change(|state, _| state.down) {
                return Err(DriverError::Unavailable("the fake engine is down".into()));
            }
            match verdict {
                Verdict::Proceed => effect.await,
                Verdict::Refuse(error) => Err(error),
                Verdict::Lose(error) => {
                    effect.await?;
                    Err(error)
                }
            }
        })
    }

    /// As [`Fake::call`], for effects that take no time.
    fn at_once<'a, T: Send + 'a>(
        &'a self,
        op: Op,
        deadline: Deadline,
        effect: impl FnOnce(&mut State, Instant) -> Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        self.call(op, deadline, async move { self.change(effect) })
    }

    /// Waits for the end of a process that was told to end.
    async fn ended(&self, name: &ContainerName) -> Observed {
        self.until(|state, _| match state.containers.get(name) {
            None => Some(Observed::Absent),
            Some(found) => match found.described.phase {
                Phase::Running | Phase::Paused | Phase::Restarting(_) => None,
                _ => Some(Observed::Known(Box::new(found.described.clone()))),
            },
        })
        .await
    }
}

impl Images for Fake {
    fn image_inspect<'a>(&'a self, image: &'a str, deadline: Deadline) -> BoxFuture<'a, Result<Option<ImageInfo>>> {
        self.at_once(Op::Image, deadline, move |state, _| Ok(state.image(image).map(|found| found.info.clone())))
    }

    /// There is no registry behind the fake: what [`Fake::image_add`] put there can be pulled, nothing else.
    fn image_pull<'a>(
        &'a self,
        image: &'a str,
        _auth: Option<RegistryAuth>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            let found = state.image(image).map(|found| found.info.clone());
            found.ok_or_else(|| DriverError::ImageNotPullable(format!("{image}: not found")))
        })
    }

    fn image_tag<'a>(&'a self, image: &'a str, name: &'a str, deadline: Deadline) -> BoxFuture<'a, Result<()>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            let missing = || DriverError::ImageMissing(image.to_owned());
            let id = state.image(image).ok_or_else(missing)?.info.id.clone();
            for (of, image) in &mut state.images {
                image.info.tags.retain(|tag| tag != name);
                if *of == id {
                    image.info.tags.push(name.to_owned());
                }
            }
            Ok(())
        })
    }

    fn image_remove<'a>(&'a self, image: &'a str, deadline: Deadline) -> BoxFuture<'a, Result<()>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            let Some(id) = state.image(image).map(|found| found.info.id.clone()) else { return Ok(()) };
            let used = state.containers.values().any(|container| container.described.image_id == id);
            if let Some(found) = state.images.get_mut(&id) {
                found.info.tags.retain(|tag| tag != image);
                if found.info.tags.is_empty() {
                    if used {
                        return Err(DriverError::Conflict(format!("{image} is used by a container")));
                    }
                    state.images.remove(&id);
                }
            }
            Ok(())
        })
    }

    fn image_save<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            let found = state.image(image).ok_or_else(|| DriverError::ImageMissing(image.to_owned()))?;
            let text = serde_json::to_vec(found).map_err(|error| DriverError::Protocol(error.to_string()))?;
            Ok(futures::stream::iter([Ok(Bytes::from(text))]).boxed())
        })
    }

    fn image_load<'a>(
        &'a self,
        tar: BoxStream<'static, std::io::Result<Bytes>>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        self.call(Op::Image, deadline, async move {
            let whole = tar.try_fold(Vec::new(), |mut whole, piece| async move {
                whole.extend_from_slice(&piece);
                Ok(whole)
            });
            let whole = whole.await.map_err(|error| DriverError::BadConfig(error.to_string()))?;
            let image: Image =
                serde_json::from_slice(&whole).map_err(|error| DriverError::BadConfig(error.to_string()))?;
            self.change(|state, _| state.images.insert(image.info.id.clone(), image));
            Ok(())
        })
    }

    /// An imported image just runs.
    fn image_import<'a>(
        &'a self,
        tar: Bytes,
        name: &'a str,
        _changes: &'a [&'a str],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>> {
        self.call(Op::Image, deadline, async move {
            let id = self.image_add(&hex::encode(Sha256::digest(&tar)), Behaviour::Run);
            let info = self.change(|state, _| {
                let image = state.images.get_mut(&id)?;
                image.info.tags = vec![name.to_owned()];
                Some(image.info.clone())
            });
            info.ok_or_else(|| DriverError::NotFound(id))
        })
    }
}

impl Driver for Fake {
    fn ping(&self, deadline: Deadline) -> BoxFuture<'_, Result<()>> {
        self.at_once(Op::Ping, deadline, |_, _| Ok(()))
    }

    fn info(&self, deadline: Deadline) -> BoxFuture<'_, Result<EngineInfo>> {
        self.at_once(Op::Ping, deadline, |state, _| {
            Ok(EngineInfo {
                id: format!("fake-{}", self.owner.host),
                name: "fake".to_owned(),
                cpus: 8,
                memory_bytes: 64 << 30,
                api_version: "1.41".to_owned(),
                version: "fake".to_owned(),
                arch: "amd64".to_owned(),
                live_restore: true,
                boot_id: Some(format!("boot-{}", state.boot)),
            })
        })
    }

    fn list(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<Container>>> {
        let owner = self.owner.installation;
        self.at_once(Op::List, deadline, move |state, _| {
            let stale = state.faults.iter_mut().find_map(|fault| match fault {
                Fault::StaleList(times, then) if *times > 0 => {
                    *times -= 1;
                    Some(then.clone())
                }
                _ => None,
            });
            state.faults.retain(|fault| !matches!(fault, Fault::StaleList(0, _)));
            let now = state.containers.values().filter(|c| c.owner == owner).map(|c| c.described.clone());
            Ok(stale.unwrap_or_else(|| now.collect()))
        })
    }

    fn inspect<'a>(&'a self, name: &'a ContainerName, deadline: Deadline) -> BoxFuture<'a, Result<Observed>> {
        let owner = self.owner.installation;
        self.at_once(Op::Inspect, deadline, move |state, _| match state.find(owner, name) {
            Ok(found) => Ok(Observed::Known(Box::new(found.described.clone()))),
            Err(DriverError::NotFound(_)) => Ok(Observed::Absent),
            Err(error) => Err(error),
        })
    }

    fn ensure_network<'a>(&'a self, spec: &'a NetworkSpec, deadline: Deadline) -> BoxFuture<'a, Result<()>> {
        let owner = self.owner.installation;
        self.at_once(Op::Network, deadline, move |state, _| {
            match state.networks.get(&spec.name) {
                Some((other, _)) if *other != owner => return Err(DriverError::NotOurs(spec.name.to_string())),
                Some((_, there)) if there.subnet == spec.subnet => return Ok(()),
                Some(_) => return Err(DriverError::Conflict(format!("{} has another subnet", spec.name))),
                None => {}
            }
            let overlaps = |other: &NetworkSpec| {
                other.subnet.contains(&spec.subnet.network()) || spec.subnet.contains(&other.subnet.network())
            };
            if state.networks.values().any(|(_, other)| overlaps(other)) {
                return Err(DriverError::Conflict(format!("{} overlaps", spec.subnet)));
            }
            state.networks.insert(spec.name, (owner, spec.clone()));
            Ok(())
        })
    }

    fn remove_network(&self, name: NetworkName, deadline: Deadline) -> BoxFuture<'_, Result<()>> {
        let owner = self.owner.installation;
        self.at_once(Op::Network, deadline, move |state, _| {
            match state.networks.get(&name) {
                None => return Ok(()),
                Some((other, _)) if *other != owner => return Err(DriverError::NotOurs(name.to_string())),
                Some(_) => {}
            }
            let on_it = state.containers.values().any(|container| {
                let up = matches!(container.described.phase, Phase::Running | Phase::Paused);
                up && container.spec.identity.environment == name.environment() && container.spec.address().is_some()
            });
            if on_it {
                return Err(DriverError::Conflict(format!("{name} has active endpoints")));
            }
            state.networks.remove(&name);
            Ok(())
        })
    }

    fn networks(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<NetworkName>>> {
        let owner = self.owner.installation;
        self.at_once(Op::Network, deadline, move |state, _| {
            Ok(state.networks.iter().filter(|(_, (of, _))| *of == owner).map(|(name, _)| *name).collect())
        })
    }

    fn ensure_running<'a>(&'a self, spec: &'a ContainerSpec, deadline: Deadline) -> BoxFuture<'a, Result<Observed>> {
        let owner = self.owner.installation;
        self.at_once(Op::Run, deadline, move |state, now| {
            state.run(owner, spec, now).map(|container| Observed::Known(Box::new(container)))
        })
    }

    fn stop<'a>(
        &'a self,
        name: &'a ContainerName,
        timeout: Duration,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>> {
        let owner = self.owner.installation;
        self.call(Op::Stop, deadline, async move {
            let found = self.change(|state, now| {
                state.find(owner, name).map(drop)?;
                state.stop(name, timeout, now);
                Ok(())
            });
            match found {
                Ok(()) => Ok(self.ended(name).await),
                Err(DriverError::NotFound(_)) => Ok(Observed::Absent),
                Err(error) => Err(error),
            }
        })
    }

    fn kill<'a>(&'a self, name: &'a ContainerName, deadline: Deadline) -> BoxFuture<'a, Result<()>> {
        let owner = self.owner.installation;
        self.at_once(Op::Kill, deadline, move |state, now| match state.find(owner, name).map(drop) {
            Ok(()) => {
                state.kill(name, now);
                Ok(())
            }
            Err(DriverError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        })
    }

    fn remove<'a>(&'a self, name: &'a ContainerName, deadline: Deadline) -> BoxFuture<'a, Result<()>> {
        let owner = self.owner.installation;
        self.at_once(Op::Remove, deadline, move |state, now| match state.find(owner, name).map(drop) {
            Ok(()) => {
                state.remove(name, now);
                Ok(())
            }
            Err(DriverError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        })
    }

    fn wait<'a>(&'a self, name: &'a ContainerName, deadline: Deadline) -> BoxFuture<'a, Result<Exit>> {
        let owner = self.owner.installation;
        self.call(Op::Look, deadline, async move {
            self.until(|state, _| match state.find(owner, name) {
                Err(error) => Some(Err(error)),
                Ok(found) => match &found.described.phase {
                    Phase::Exited(exit) | Phase::Restarting(exit) => Some(Ok(exit.clone())),
                    _ => None,
                },
            })
            .await
        })
    }

    fn events(
        &self,
        since: Option<Timestamp>,
        deadline: Deadline,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Event>>>> {
        let owner = self.owner.installation;
        self.call(Op::Look, deadline, async move {
            let next = self.change(|state, _| match since {
                None => state.events.len(),
                Some(since) => state.events.iter().take_while(|(_, event)| event.at < since).count(),
            });
            let stream = futures::stream::unfold(Some((self.clone(), next)), move |at| async move {
                let (fake, next) = at?;
                let found = fake
                    .until(|state, _| {
                        if state.down {
                            return Some(None);
                        }
                        let mut later = state.events.iter().enumerate().skip(next);
                        later.find(|(_, (of, _))| *of == owner).map(|(at, (_, event))| Some((at, event.clone())))
                    })
                    .await;
                match found {
                    Some((at, event)) => Some((Ok(event), Some((fake, at + 1)))),
                    None => Some((Err(DriverError::Unavailable("the event stream ended".into())), None)),
                }
            });
            Ok(stream.boxed())
        })
    }

    fn logs<'a>(
        &'a self,
        name: &'a ContainerName,
        since: Option<Timestamp>,
        follow: bool,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<LogLine>>>> {
        let owner = self.owner.installation;
        self.call(Op::Look, deadline, async move {
            self.change(|state, _| state.find(owner, name).map(drop))?;
            let start = (self.clone(), name.clone(), 0usize);
            let stream = futures::stream::unfold(start, move |(fake, name, next)| async move {
                let found = fake
                    .until(|state, _| {
                        let Ok(found) = state.find(owner, &name) else { return Some(None) };
                        let new = |line: &LogLine| since.is_none_or(|since| line.at > since);
                        match found.logs.iter().enumerate().skip(next).find(|(_, line)| new(line)) {
                            Some((at, line)) => Some(Some((at, line.clone()))),
                            None if !follow || found.described.pid.is_none() => Some(None),
                            None => None,
                        }
                    })
                    .await;
                found.map(|(at, line)| (Ok(line), (fake, name, at + 1)))
            });
            Ok(stream.boxed())
        })
    }

    fn exec<'a>(
        &'a self,
        name: &'a ContainerName,
        argv: &'a [String],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ExecResult>> {
        let owner = self.owner.installation;
        self.at_once(Op::Look, deadline, move |state, _| {
            if !state.find(owner, name)?.described.is_running() {
                return Err(DriverError::Conflict(format!("{name} is not running")));
            }
            let code = state.exec_codes.get(name).copied().unwrap_or(0);
            Ok(ExecResult { code, output: Bytes::from(argv.join(" ")) })
        })
    }

    fn connect_alias<'a>(
        &'a self,
        name: &'a ContainerName,
        alias: &'a str,
        _address: Ipv4Addr,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        self.set_alias(name, Some(alias), deadline)
    }

    fn disconnect_alias<'a>(
        &'a self,
        name: &'a ContainerName,
        _address: Ipv4Addr,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        self.set_alias(name, None, deadline)
    }

    fn listeners<'a>(&'a self, name: &'a ContainerName, deadline: Deadline) -> BoxFuture<'a, Result<Vec<Listen>>> {
        let owner = self.owner.installation;
        self.at_once(Op::Look, deadline, move |state, _| {
            let found = state.find(owner, name)?;
            if !found.described.is_running() || found.described.role != Role::Instance {
                return Err(DriverError::Conflict(format!("{name} is not a running instance")));
            }
            Ok(match found.behaviour {
                Behaviour::Serve(listen) => vec![listen],
                _ => Vec::new(),
            })
        })
    }
}

impl Fake {
    fn set_alias<'a>(
        &'a self,
        name: &'a ContainerName,
        alias: Option<&'a str>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        let owner = self.owner.installation;
        self.at_once(Op::Network, deadline, move |state, _| {
            state.find(owner, name).map(drop)?;
            if let Some(container) = state.containers.get_mut(name) {
                container.alias = alias.map(str::to_owned);
            }
            Ok(())
        })
        .boxed()
    }
}
