//! The life of a fake container: start, end by itself or by a signal, restart by the engine, removal, reboot.
//!
//! Synchronous, like all of [`State`].

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::state::{Behaviour, Due, State};
use crate::types::{ContainerName, EventKind, Exit, LogLine, LogStream, Phase};

/// The engine's restart back-off begins with this and doubles up to [`MOST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MOST_BACKOFF: Duration = Duration::from_secs(60);

impl State {
    pub(super) fn start(&mut self, name: &ContainerName, now: Instant) {
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
}
