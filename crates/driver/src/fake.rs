//! An engine in memory, for tests of everything above the driver.
//!
//! It keeps the contract of [`crate::Driver`] (the same suite runs against it) on the runtime's clock, so that a test with
//! paused time runs through minutes in no time. A script of faults makes it fail, be slow, lose answers and events, and tell
//! old news; the handle itself crashes processes, takes the engine away and reboots the machine.
//!
//! Cloning gives another handle to the same engine.

mod driver;
mod images;
mod life;
mod state;

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use segue_model::Timestamp;
use segue_model::network::ForeignNetwork;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use images::FakeBuild;
pub use state::Behaviour;
use state::{Image, State};

use crate::docker::bounded;
use crate::driver::Result;
use crate::error::DriverError;
use crate::spec::Ownership;
use crate::types::{Container, ContainerName, Deadline, Exit, ImageInfo, Observed, Phase};

/// A kind of call, for faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// [`crate::Driver::ping`] and [`crate::Driver::info`].
    Ping,
    /// [`crate::Driver::list`].
    List,
    /// [`crate::Driver::inspect`].
    Inspect,
    /// [`crate::Driver::ensure_running`].
    Run,
    /// [`crate::Driver::stop`].
    Stop,
    /// [`crate::Driver::kill`].
    Kill,
    /// [`crate::Driver::remove`].
    Remove,
    /// Networks and aliases.
    Network,
    /// Everything of [`crate::Images`].
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
        let engine = Engine {
            state: Mutex::new(State::new(epoch)),
            changed: Notify::new(),
        };
        Self {
            engine: Arc::new(engine),
            owner,
        }
    }

    /// Somebody makes a network on the engine that is no installation's. Unlike an engine, asks nobody whether it
    /// overlaps.
    pub fn foreign_network(&self, name: &str, subnet: ipnet::Ipv4Net) {
        self.change(|state, _| {
            state.foreign.push(ForeignNetwork {
                name: name.to_owned(),
                subnet,
            });
        });
    }

    /// The same engine, seen by another installation.
    #[must_use]
    pub fn seen_by(&self, owner: Ownership) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            owner,
        }
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
            layers: Vec::new(),
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
            let now: Vec<Container> = state
                .containers
                .values()
                .filter(|c| c.owner == owner)
                .map(|c| c.described.clone())
                .collect();
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
        self.change(|state, now| {
            state.end(
                name,
                Exit {
                    code,
                    oom: false,
                    at: None,
                },
                now,
            )
        });
    }

    /// Ends a process for memory.
    pub fn out_of_memory(&self, name: &ContainerName) {
        self.change(|state, now| {
            state.end(
                name,
                Exit {
                    code: 137,
                    oom: true,
                    at: None,
                },
                now,
            )
        });
    }

    /// What a container does from its next start on.
    pub fn behave(&self, name: &ContainerName, behaviour: Behaviour) {
        self.change(|state, _| {
            if let Some(container) = state.containers.get_mut(name) {
                container.behaviour = behaviour;
            }
        });
    }

    /// What [`crate::Driver::exec`] in this container ends with; 0 if never set.
    pub fn exec_ends_with(&self, name: &ContainerName, code: i32) {
        self.change(|state, _| state.exec_codes.insert(name.clone(), code));
    }

    /// The container that would answer a connection to this address and port: for fake probes and clients.
    #[must_use]
    pub fn answering(&self, address: Ipv4Addr, port: u16) -> Option<ContainerName> {
        self.change(|state, _| {
            state
                .answering(address, port)
                .map(|found| found.described.name.clone())
        })
    }

    /// The alias that a container has on its names network.
    #[must_use]
    pub fn alias(&self, name: &ContainerName) -> Option<String> {
        self.change(|state, _| state.containers.get(name)?.alias.clone())
    }

    /// How many calls of a kind were made.
    #[must_use]
    pub fn calls(&self, op: Op) -> u64 {
        self.change(|state, _| state.calls.get(&op).copied().unwrap_or(0))
    }

    /// The engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.change(|state, now| state.at(now))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.engine
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
            *state.calls.entry(op).or_default() += 1;
            let (mut delay, mut verdict) = (Duration::ZERO, Verdict::Proceed);
            for fault in &mut state.faults {
                match fault {
                    Fault::Delay { op: of, times, by } if *of == op && *times > 0 => {
                        *times -= 1;
                        delay = *by;
                    }
                    Fault::Fail {
                        op: of,
                        times,
                        error,
                    } if *of == op && *times > 0 => {
                        *times -= 1;
                        verdict = Verdict::Refuse(error.clone());
                        break;
                    }
                    Fault::LoseAnswer {
                        op: of,
                        times,
                        error,
                    } if *of == op && *times > 0 => {
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
                    Fault::Delay { times: 0, .. }
                        | Fault::Fail { times: 0, .. }
                        | Fault::LoseAnswer { times: 0, .. }
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
