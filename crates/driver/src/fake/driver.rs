//! The contract of [`Driver`], kept by the fake engine.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use segue_model::Timestamp;
use segue_model::network::ForeignNetwork;

use super::state::Behaviour;
use super::{Fake, Fault, Op};
use crate::driver::{Driver, FOREIGN_LIMIT, Result};
use crate::error::DriverError;
use crate::spec::ContainerSpec;
use crate::types::{
    Container, ContainerName, Deadline, EngineInfo, Event, ExecResult, Exit, Listen, LogLine,
    NetworkName, NetworkSpec, Observed, Phase, Role,
};

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
            state
                .faults
                .retain(|fault| !matches!(fault, Fault::StaleList(0, _)));
            let now = state
                .containers
                .values()
                .filter(|c| c.owner == owner)
                .map(|c| c.described.clone());
            Ok(stale.unwrap_or_else(|| now.collect()))
        })
    }

    fn inspect<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>> {
        let owner = self.owner.installation;
        self.at_once(Op::Inspect, deadline, move |state, _| {
            match state.find(owner, name) {
                Ok(found) => Ok(Observed::Known(Box::new(found.described.clone()))),
                Err(DriverError::NotFound(_)) => Ok(Observed::Absent),
                Err(error) => Err(error),
            }
        })
    }

    fn ensure_network<'a>(
        &'a self,
        spec: &'a NetworkSpec,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        let owner = self.owner.installation;
        self.at_once(Op::Network, deadline, move |state, _| {
            match state.networks.get(&spec.name) {
                Some((other, _)) if *other != owner => {
                    return Err(DriverError::NotOurs(spec.name.to_string()));
                }
                Some((_, there)) if there.subnet == spec.subnet => return Ok(()),
                Some(_) => {
                    return Err(DriverError::Conflict(format!(
                        "{} has another subnet",
                        spec.name
                    )));
                }
                None => {}
            }
            let overlaps = |other: &NetworkSpec| {
                other.subnet.contains(&spec.subnet.network())
                    || spec.subnet.contains(&other.subnet.network())
            };
            let foreign = |other: &ForeignNetwork| {
                other.subnet.contains(&spec.subnet.network())
                    || spec.subnet.contains(&other.subnet.network())
            };
            if state.networks.values().any(|(_, other)| overlaps(other))
                || state.foreign.iter().any(foreign)
            {
                return Err(DriverError::Conflict(
                    "Pool overlaps with other one on this address space".to_owned(),
                ));
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
                Some((other, _)) if *other != owner => {
                    return Err(DriverError::NotOurs(name.to_string()));
                }
                Some(_) => {}
            }
            let on_it = state.containers.values().any(|container| {
                let up = matches!(container.described.phase, Phase::Running | Phase::Paused);
                up && container.spec.identity.environment == name.environment()
                    && container.spec.address().is_some()
            });
            if on_it {
                return Err(DriverError::Conflict(format!(
                    "{name} has active endpoints"
                )));
            }
            state.networks.remove(&name);
            Ok(())
        })
    }

    fn networks(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<NetworkName>>> {
        let owner = self.owner.installation;
        self.at_once(Op::Network, deadline, move |state, _| {
            Ok(state
                .networks
                .iter()
                .filter(|(_, (of, _))| *of == owner)
                .map(|(name, _)| *name)
                .collect())
        })
    }

    fn foreign_networks(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<ForeignNetwork>>> {
        let owner = self.owner.installation;
        self.at_once(Op::List, deadline, move |state, _| {
            let others = state.networks.iter().filter(|(_, (of, _))| *of != owner);
            let mut foreign: Vec<ForeignNetwork> = others
                .map(|(name, (_, spec))| ForeignNetwork {
                    name: name.to_string(),
                    subnet: spec.subnet,
                })
                .chain(state.foreign.iter().cloned())
                .collect();
            foreign.sort_unstable();
            foreign.truncate(FOREIGN_LIMIT);
            Ok(foreign)
        })
    }

    fn ensure_running<'a>(
        &'a self,
        spec: &'a ContainerSpec,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>> {
        let owner = self.owner.installation;
        self.at_once(Op::Run, deadline, move |state, now| {
            state
                .run(owner, spec, now)
                .map(|container| Observed::Known(Box::new(container)))
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

    fn kill<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        let owner = self.owner.installation;
        self.at_once(Op::Kill, deadline, move |state, now| {
            match state.find(owner, name).map(drop) {
                Ok(()) => {
                    state.kill(name, now);
                    Ok(())
                }
                Err(DriverError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    fn remove<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        let owner = self.owner.installation;
        self.at_once(Op::Remove, deadline, move |state, now| {
            match state.find(owner, name).map(drop) {
                Ok(()) => {
                    state.remove(name, now);
                    Ok(())
                }
                Err(DriverError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    fn wait<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Exit>> {
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
                Some(since) => state
                    .events
                    .iter()
                    .take_while(|(_, event)| event.at < since)
                    .count(),
            });
            let stream =
                futures::stream::unfold(Some((self.clone(), next)), move |at| async move {
                    let (fake, next) = at?;
                    let found = fake
                        .until(|state, _| {
                            if state.down {
                                return Some(None);
                            }
                            let mut later = state.events.iter().enumerate().skip(next);
                            later
                                .find(|(_, (of, _))| *of == owner)
                                .map(|(at, (_, event))| Some((at, event.clone())))
                        })
                        .await;
                    match found {
                        Some((at, event)) => Some((Ok(event), Some((fake, at + 1)))),
                        None => Some((
                            Err(DriverError::Unavailable("the event stream ended".into())),
                            None,
                        )),
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
                        let Ok(found) = state.find(owner, &name) else {
                            return Some(None);
                        };
                        let new = |line: &LogLine| since.is_none_or(|since| line.at > since);
                        match found
                            .logs
                            .iter()
                            .enumerate()
                            .skip(next)
                            .find(|(_, line)| new(line))
                        {
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
            Ok(ExecResult {
                code,
                output: Bytes::from(argv.join(" ")),
            })
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

    fn listeners<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Vec<Listen>>> {
        let owner = self.owner.installation;
        self.at_once(Op::Look, deadline, move |state, _| {
            let found = state.find(owner, name)?;
            if !found.described.is_running() || found.described.role != Role::Instance {
                return Err(DriverError::Conflict(format!(
                    "{name} is not a running instance"
                )));
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
    }
}
