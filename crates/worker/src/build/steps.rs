//! The step tree and the log of a build, redacted, written from time to time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use segue_driver::{LogStream, StepState};
use segue_model::Timestamp;
use segue_model::state::BuildState;
use segue_store::{BuildClaim, LogOrigin};
use serde::Serialize;
use tokio::time::Instant;

use crate::core::redact::Redactor;
use crate::lead::Chain;
use crate::logs::piece::{Gather, Piece};
use crate::observe::track::one_line;
use crate::shared::Shared;

/// Steps that are kept.
const MAX_STEPS: usize = 500;
/// Lines that explain a failed step.
const LAST_LINES: usize = 5;
/// Between two writes of the step tree.
const WRITE_EVERY: Duration = Duration::from_millis(500);
/// Bytes of a build's log that are kept; what is above is counted.
const LOG_LIMIT: u64 = 32 << 20;
/// A line that does not end is cut here.
const LINE_LIMIT: usize = 16 << 10;

#[derive(Debug, Clone, Serialize)]
struct Step {
    number: u32,
    name: String,
    internal: bool,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    held: [Vec<u8>; 2],
    #[serde(skip)]
    last: VecDeque<String>,
}

/// What is told of a build.
pub(super) struct Steps {
    shared: Arc<Shared>,
    claim: BuildClaim,
    redactor: Arc<Redactor>,
    steps: Vec<Step>,
    state: BuildState,
    gather: Gather,
    kept: u64,
    dirty: bool,
    written: Instant,
    pieces: Vec<Piece>,
}

impl Steps {
    pub(super) fn new(shared: Arc<Shared>, claim: BuildClaim, redactor: Arc<Redactor>) -> Self {
        Self {
            shared,
            claim,
            redactor,
            steps: Vec::new(),
            state: BuildState::Running,
            gather: Gather::default(),
            kept: 0,
            dirty: true,
            written: Instant::now(),
            pieces: Vec::new(),
        }
    }

    /// Number of the next step.
    pub(super) fn next_number(&self) -> u32 {
        self.steps
            .iter()
            .map(|step| step.number.saturating_add(1))
            .max()
            .unwrap_or(0)
    }

    /// The build's state.
    pub(super) fn state(&mut self, state: BuildState) {
        self.state = state;
        self.dirty = true;
    }

    /// A step appeared or went on.
    pub(super) fn step(&mut self, number: u32, name: &str, internal: bool, state: &StepState) {
        let name = one_line(&self.redactor.text(name), 300);
        let (word, took_ms, error) = match state {
            StepState::Started => ("running", None, None),
            StepState::Cached => ("cached", None, None),
            StepState::Finished { took } => (
                "done",
                Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
                None,
            ),
            StepState::Failed { message } => (
                "failed",
                None,
                Some(one_line(&self.redactor.text(message), 600)),
            ),
        };
        self.dirty = true;
        if word != "running" {
            self.end_lines(number);
        }
        if let Some(step) = self.steps.iter_mut().find(|step| step.number == number) {
            step.state = word;
            step.took_ms = took_ms.or(step.took_ms);
            step.error = error.or(step.error.take());
            return;
        }
        if self.steps.len() < MAX_STEPS {
            let held = [Vec::new(), Vec::new()];
            let last = VecDeque::new();
            self.steps.push(Step {
                number,
                name,
                internal,
                state: word,
                took_ms,
                error,
                held,
                last,
            });
        }
    }

    /// A step wrote something.
    pub(super) fn output(&mut self, number: u32, stream: LogStream, bytes: &[u8]) {
        let Some(step) = self.steps.iter_mut().find(|step| step.number == number) else {
            return;
        };
        let [out, err] = &mut step.held;
        let held = if stream == LogStream::Stdout {
            out
        } else {
            err
        };
        held.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let rest = held.split_off(end + 1);
            lines.push(std::mem::replace(held, rest));
        }
        if held.len() > LINE_LIMIT {
            let cut = self
                .redactor
                .safe_cut(held, held.len().saturating_sub(self.redactor.overlap()));
            let rest = held.split_off(cut);
            lines.push(std::mem::replace(held, rest));
        }
        for line in lines {
            self.line(number, stream, &line);
        }
    }

    /// A whole line of a step.
    pub(super) fn line(&mut self, number: u32, stream: LogStream, line: &[u8]) {
        let mut text = self.redactor.bytes(line);
        while matches!(text.last(), Some(b'\n' | b'\r')) {
            text.pop();
        }
        // What a progress bar wrote over itself is not kept.
        if let Some(start) = text.iter().rposition(|byte| *byte == b'\r') {
            text.drain(..=start);
        }
        if let Some(step) = self.steps.iter_mut().find(|step| step.number == number)
            && !text.is_empty()
        {
            if step.last.len() == LAST_LINES {
                step.last.pop_front();
            }
            step.last
                .push_back(one_line(&String::from_utf8_lossy(&text), 300));
        }
        self.kept = self.kept.saturating_add(text.len() as u64);
        if self.kept > LOG_LIMIT {
            self.gather.drop_line();
            return;
        }
        let piece = self
            .gather
            .line(Timestamp::now(), stream, Some(number), &text);
        self.pieces.extend(piece);
    }

    fn end_lines(&mut self, number: u32) {
        let Some(step) = self.steps.iter_mut().find(|step| step.number == number) else {
            return;
        };
        let held = std::mem::take(&mut step.held);
        for (line, stream) in held.into_iter().zip([LogStream::Stdout, LogStream::Stderr]) {
            if !line.is_empty() {
                self.line(number, stream, &line);
            }
        }
    }

    /// Name and last lines of a step, for a failure.
    pub(super) fn evidence(&self, number: Option<u32>) -> (String, Vec<String>) {
        let step = match number {
            Some(number) => self.steps.iter().find(|step| step.number == number),
            None => self.steps.iter().rev().find(|step| step.state == "failed"),
        };
        step.map_or_else(Default::default, |step| {
            (step.name.clone(), step.last.iter().cloned().collect())
        })
    }

    /// Writes what is due.
    pub(super) async fn write(&mut self) {
        if self.gather.due().is_some_and(|due| due <= Instant::now()) {
            self.pieces.extend(self.gather.take());
        }
        if !self.pieces.is_empty() {
            let origin = LogOrigin::Build(self.claim.build);
            let chunks: Vec<_> = self
                .pieces
                .iter()
                .map(|piece| crate::db::chunk(origin, piece))
                .collect();
            match self.shared.store.log_write(&chunks).await {
                Ok(()) => self.pieces.clear(),
                Err(error) => {
                    // Kept for the next time; the engine's stream waits meanwhile, and the limit bounds it.
                    tracing::debug!(build.id = %self.claim.build, error = %Chain(&error), "a build's log could not be kept yet");
                }
            }
        }
        if self.dirty && self.written.elapsed() >= WRITE_EVERY {
            self.write_steps().await;
        }
    }

    async fn write_steps(&mut self) {
        self.written = Instant::now();
        let steps = serde_json::to_value(&self.steps).unwrap_or_default();
        match self
            .shared
            .store
            .build_progress(&self.claim, self.state, &steps)
            .await
        {
            Ok(()) => self.dirty = false,
            Err(error) => {
                tracing::debug!(build.id = %self.claim.build, error = %Chain(&error), "a build's steps could not be written yet")
            }
        }
    }

    /// Writes everything.
    pub(super) async fn end(&mut self) {
        let numbers: Vec<u32> = self.steps.iter().map(|step| step.number).collect();
        for number in numbers {
            self.end_lines(number);
        }
        self.pieces.extend(self.gather.take());
        self.write().await;
        self.write_steps().await;
    }
}
