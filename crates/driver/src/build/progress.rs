//! From BuildKit's progress messages to build events, and from its last error to a kind of failure.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};
use bytes::Bytes;

use super::{BuildEvent, BuildFailure, BuildFailureKind, StepState};
use crate::error::{DriverError, cut};
use crate::types::LogStream;

/// Steps of one build that are told apart; a Dockerfile with more is no Dockerfile.
const MOST_STEPS: usize = 2000;

/// What is known of a build's steps.
#[derive(Debug, Default)]
pub(super) struct Progress {
    steps: BTreeMap<String, Known>,
    /// The first step that failed.
    failed: Option<(u32, String)>,
}

#[derive(Debug)]
struct Known {
    number: u32,
    name: String,
    told: Told,
}

/// How much of a step was told already: BuildKit repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    Started,
    Ended,
}

impl Progress {
    /// The events in a progress message.
    pub(super) fn events(&mut self, status: StatusResponse) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        for vertex in status.vertexes {
            events.extend(self.vertex(vertex));
        }
        for log in status.logs {
            let Some(step) = self.steps.get(&log.vertex) else {
                continue;
            };
            let stream = if log.stream == 2 {
                LogStream::Stderr
            } else {
                LogStream::Stdout
            };
            events.push(BuildEvent::Log {
                step: step.number,
                stream,
                message: Bytes::from(log.msg),
            });
        }
        events
    }

    fn vertex(&mut self, vertex: Vertex) -> Vec<BuildEvent> {
        let number = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        if self.steps.len() >= MOST_STEPS && !self.steps.contains_key(&vertex.digest) {
            return Vec::new();
        }
        let known = self
            .steps
            .entry(vertex.digest.clone())
            .or_insert_with(|| Known {
                number,
                name: cut(&vertex.name),
                told: Told::Nothing,
            });
        let (step, name) = (known.number, known.name.clone());
        let internal = is_internal(&name);
        let event = |state| BuildEvent::Step {
            step,
            name: name.clone(),
            internal,
            state,
        };
        let mut events = Vec::new();
        if known.told < Told::Started && vertex.started.is_some() && !vertex.cached {
            known.told = Told::Started;
            events.push(event(StepState::Started));
        }
        if known.told == Told::Ended {
            return events;
        }
        if !vertex.error.is_empty() {
            known.told = Told::Ended;
            // Steps that were stopped because another failed are no reason.
            if self.failed.is_none() && !vertex.error.contains("context canceled") {
                self.failed = Some((step, name.clone()));
            }
            events.push(event(StepState::Failed {
                message: cut(&vertex.error),
            }));
        } else if vertex.cached {
            known.told = Told::Ended;
            events.push(event(StepState::Cached));
        } else if vertex.completed.is_some() {
            known.told = Told::Ended;
            events.push(event(StepState::Finished {
                took: took(&vertex),
            }));
        }
        events
    }

    /// What a build that ended with this message failed of, as far as the builder says.
    pub(super) fn failure(&self, message: &str) -> BuildFailure {
        let text = cut(message);
        let has = |part: &str| message.contains(part);
        let exit_code = exit_code(message);
        let at_base = self.failed.as_ref().is_some_and(|(_, name)| {
            name.contains("load metadata for") || name.split_whitespace().any(|word| word == "FROM")
        });
        let kind = if has("no space left on device") {
            BuildFailureKind::Engine(DriverError::NoSpace(text.clone()))
        } else if exit_code.is_some() {
            BuildFailureKind::Step { exit_code }
        } else if has("dockerfile parse error")
            || has("unknown instruction")
            || has("target stage")
            || has("the Dockerfile")
        {
            BuildFailureKind::Dockerfile
        } else if at_base || has("pull access denied") || has("failed to resolve source metadata") {
            BuildFailureKind::BaseImage
        } else if self.failed.is_some() {
            BuildFailureKind::Step { exit_code: None }
        } else if has("failed to create LLB definition") || has("failed to read dockerfile") {
            BuildFailureKind::Dockerfile
        } else {
            BuildFailureKind::Engine(DriverError::Engine(text.clone()))
        };
        BuildFailure {
            kind,
            step: self.failed.as_ref().map(|(step, _)| *step),
            message: text,
        }
    }
}

/// `… exit code: 3` at the message's end, in all versions of the builder.
fn exit_code(message: &str) -> Option<i32> {
    let (_, tail) = message.rsplit_once("exit code: ")?;
    let digits: String = tail.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The builder's own steps: its context, metadata, export.
fn is_internal(name: &str) -> bool {
    name.starts_with("[internal]")
        || ["copy /context", "exporting to ", "naming to ", "http://"]
            .iter()
            .any(|start| name.starts_with(start))
}

fn took(vertex: &Vertex) -> Duration {
    let at = |seconds: i64, nanos: i32| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let (Some(started), Some(completed)) = (&vertex.started, &vertex.completed) else {
        return Duration::ZERO;
    };
    let nanos = at(completed.seconds, completed.nanos) - at(started.seconds, started.nanos);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(name: &str, error: &str) -> Vertex {
        Vertex {
            digest: name.to_owned(),
            name: name.to_owned(),
            error: error.to_owned(),
            ..Default::default()
        }
    }

    fn after(name: &str, error: &str) -> BuildFailureKind {
        let mut progress = Progress::default();
        progress.events(StatusResponse {
            vertexes: vec![vertex(name, error)],
            ..Default::default()
        });
        progress.failure(error).kind
    }

    #[test]
    fn failures_are_told_apart() {
        let old = "executor failed running [/app exit 3]: exit code: 3";
        let new = "process \"/bin/sh -c x\" did not complete successfully: exit code: 137";
        assert_eq!(
            after("[2/2] RUN x", old),
            BuildFailureKind::Step { exit_code: Some(3) }
        );
        assert_eq!(
            after("[2/2] RUN x", new),
            BuildFailureKind::Step {
                exit_code: Some(137)
            }
        );
        let pull = "pull access denied, repository does not exist or may require authorization";
        assert_eq!(
            after(
                "[internal] load metadata for docker.io/library/nope:latest",
                pull
            ),
            BuildFailureKind::BaseImage
        );
        assert_eq!(
            after("[1/2] FROM docker.io/library/nope", "no such host"),
            BuildFailureKind::BaseImage
        );
        let missing = "failed to compute cache key: \"/nope\" not found: not found";
        assert_eq!(
            after("[2/2] COPY nope /", missing),
            BuildFailureKind::Step { exit_code: None }
        );
        let parse = "failed to create LLB definition: dockerfile parse error line 1: unknown instruction: FORM";
        assert_eq!(
            Progress::default().failure(parse).kind,
            BuildFailureKind::Dockerfile
        );
        assert!(matches!(
            Progress::default().failure("boom").kind,
            BuildFailureKind::Engine(_)
        ));
    }

    #[test]
    fn a_step_is_told_once_per_state() {
        let mut progress = Progress::default();
        let mut done = vertex("[1/1] RUN x", "");
        done.started = Some(Default::default());
        let status = |vertex: &Vertex| StatusResponse {
            vertexes: vec![vertex.clone()],
            ..Default::default()
        };
        assert_eq!(progress.events(status(&done)).len(), 1);
        assert_eq!(progress.events(status(&done)).len(), 0);
        done.completed = Some(Default::default());
        assert_eq!(progress.events(status(&done)).len(), 1);
        assert_eq!(progress.events(status(&done)).len(), 0);
    }
}
