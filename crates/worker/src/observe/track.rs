//! What is known of one instance, and how each new piece of knowledge changes it. Pure: time comes in.
//!
//! Invariants:
//! - Every input says as of when it holds. A result that describes an earlier moment than what is known changes
//!   nothing about the engine's view (a listing asked for before the `die` arrived cannot bring it back to life).
//! - A gate verdict counts only for the run (start) it was asked in.
//! - The state only moves where [`Observed::may_become`] allows; `ready` needs a running process *and* its gate.
//! - What was not seen is not concluded: a call without an answer changes nothing but the attempt, and what is not
//!   there while a call is under way may be what the call is making.

use segue_driver::{Container, Exit, Observed as Seen, Phase};
use segue_model::Timestamp;
use segue_model::failure::{Failure, FailureCode};
use segue_model::state::Observed;

use super::target::Target;

/// What is written of an instance; the newest replaces all before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// The newest moment that it describes.
    pub as_of: Timestamp,
    /// The state.
    pub state: Observed,
    /// Exit code of its last end.
    pub exit_code: Option<i32>,
    /// Killed for memory at its last end.
    pub oom: bool,
    /// Restarts by the engine.
    pub restarts: u32,
    /// It has its service's name.
    pub aliased: bool,
    /// It ended, and what it said last has not been read yet.
    pub words_due: bool,
    /// What its gate or its engine complained of last.
    pub failure: Option<Failure>,
}

/// Whether its checks pass, in the current run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Not passed yet.
    Closed,
    /// Passed.
    Open,
    /// Was passed, fails now.
    Failing,
}

/// An end whose words are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// Begin of the run that ended, if it was seen.
    pub run: Option<Timestamp>,
    /// How it ended.
    pub exit: Exit,
}

/// What is known of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// Which, and how it is asked.
    pub target: Target,
    known: Sighting,
    gate: Gate,
    /// Begin of the current run of its process; a new one closes the gate.
    run: Option<Timestamp>,
    running: bool,
    oom_hint: bool,
    dirty: bool,
    /// A call was made whose result was not seen: the next observation is written even if it says nothing new.
    owed: bool,
    /// Calls that are under way for it.
    calls: u32,
    /// When the last of them ended.
    called_at: Option<Timestamp>,
    /// Raised with every begin and end of its process: there is something new to read in its log.
    marks: u64,
    /// The newest end, until it is asked for.
    end: Option<End>,
}

impl Track {
    /// An instance as the store knows it (after a restart of the worker) or as it was just decided.
    pub(crate) fn new(target: Target, known: Sighting, unknown: bool) -> Self {
        let gate = match known.state {
            Observed::Ready => Gate::Open,
            Observed::Unready => Gate::Failing,
            _ => Gate::Closed,
        };
        Self {
            target,
            known,
            gate,
            run: None,
            running: false,
            oom_hint: false,
            dirty: false,
            owed: unknown,
            calls: 0,
            called_at: None,
            marks: 0,
            end: None,
        }
    }

    /// The newest end whose words are to be read, once.
    pub(crate) fn take_end(&mut self) -> Option<End> {
        self.end.take_if(|_| self.known.words_due)
    }

    /// What is known.
    pub(crate) fn known(&self) -> &Sighting {
        &self.known
    }

    /// Begin of the current run of its process, while it runs.
    pub(crate) fn run(&self) -> Option<Timestamp> {
        self.run.filter(|_| self.running)
    }

    /// Begins and ends of its process that were seen.
    pub(crate) fn marks(&self) -> u64 {
        self.marks
    }

    /// Whether its checks pass.
    pub(crate) fn gate(&self) -> Gate {
        self.gate
    }

    /// What is to be written, if anything changed since it was last asked for.
    pub(crate) fn take(&mut self) -> Option<Sighting> {
        std::mem::take(&mut self.dirty).then(|| self.known.clone())
    }

    /// The write failed: ask again.
    pub(crate) fn retry(&mut self) {
        self.dirty = true;
    }

    /// A call begins.
    pub(crate) fn calling(&mut self) {
        self.calls = self.calls.saturating_add(1);
    }

    /// Its attempt is written: until something newer is seen, nothing may be concluded. Makes the next observation be
    /// written even if it says nothing new.
    pub(crate) fn attempted(&mut self) {
        self.owed = true;
    }

    /// A call has ended.
    pub(crate) fn called(&mut self, now: Timestamp) {
        self.calls = self.calls.saturating_sub(1);
        self.called_at = Some(now);
    }

    /// Whether a call was under way at this moment that may have made its container since.
    fn in_the_making(&self, as_of: Timestamp) -> bool {
        self.known.state.rank() < Observed::Created.rank()
            && (self.calls > 0 || self.called_at.is_some_and(|ended| as_of < ended))
    }

    fn newer(&mut self, as_of: Timestamp) -> bool {
        if as_of < self.known.as_of {
            return false;
        }
        self.known.as_of = as_of;
        self.dirty |= std::mem::take(&mut self.owed);
        true
    }

    fn change(&mut self, state: Observed) {
        let from = self.known.state;
        let back = from == Observed::Exited
            && !matches!(
                state,
                Observed::Created | Observed::Creating | Observed::None
            );
        if state != from && (from.may_become(state) || back) {
            self.known.state = state;
            self.dirty = true;
        }
    }

    fn set<T: PartialEq>(dirty: &mut bool, field: &mut T, value: T) {
        if *field != value {
            *field = value;
            *dirty = true;
        }
    }

    /// The engine's answer about its container, describing the moment `as_of`.
    pub(crate) fn engine(&mut self, as_of: Timestamp, seen: &Seen) {
        match seen {
            Seen::Unknown => {}
            // A listing from the middle of a slow start would make a run lost that has yet to begin.
            Seen::Absent if self.in_the_making(as_of) => {}
            Seen::Absent => {
                if self.newer(as_of) {
                    self.running = false;
                    // What never existed is not gone, unless its end is wanted.
                    if self.known.state.rank() >= Observed::Created.rank()
                        || self.target.is_stopping()
                    {
                        self.change(Observed::Gone);
                    }
                }
            }
            Seen::Known(container) => {
                if self.newer(as_of) {
                    self.container(container);
                }
            }
        }
    }

    /// A gate that was open must be passed again.
    fn reopen(&mut self) {
        if self.gate == Gate::Open {
            self.gate = Gate::Failing;
        }
    }

    fn container(&mut self, container: &Container) {
        let restarted = container.restarts > self.known.restarts;
        if restarted {
            // It restarted while nobody looked: what the store knows of its gate is of an earlier run.
            self.reopen();
            self.words_are_due();
        }
        let restarts = container.restarts.max(self.known.restarts);
        Self::set(&mut self.dirty, &mut self.known.restarts, restarts);
        match &container.phase {
            Phase::Created { .. } => self.change(Observed::Created),
            Phase::Running | Phase::Paused => self.runs(container.started_at),
            Phase::Restarting(exit) => self.described(exit, true, restarted),
            Phase::Exited(exit) => self.described(exit, false, restarted),
            Phase::Removing => {}
        }
    }

    /// Its process runs since `started_at`.
    pub(crate) fn runs(&mut self, started_at: Option<Timestamp>) {
        let begun = started_at.or(self.run).unwrap_or(self.known.as_of);
        if self.run != Some(begun) || !self.running {
            // The first run that this worker learns of goes on with what the store knows; every later one was
            // seen to begin, and must pass its gate again.
            if self.run.is_some() {
                self.reopen();
            }
            // What is told of a run before it is known to have begun is told of this one.
            if self.run.is_some_and(|run| run != begun) {
                self.oom_hint = false;
            }
            self.run = Some(begun);
            self.running = true;
            self.marks += 1;
        }
        self.settle();
    }

    fn settle(&mut self) {
        if !self.running {
            return;
        }
        match self.gate {
            Gate::Open => self.change(Observed::Ready),
            Gate::Failing => self.change(Observed::Unready),
            Gate::Closed => self.change(Observed::Started),
        }
    }

    /// It ended by itself: nothing is concluded from that before its words are read, or time is up.
    fn words_are_due(&mut self) {
        if !self.target.is_stopping() {
            Self::set(&mut self.dirty, &mut self.known.words_due, true);
        }
    }

    /// A description of a container that is down. It may tell of an end that an event told of before.
    fn described(&mut self, exit: &Exit, again: bool, restarted: bool) {
        // After a restart of the worker, an end whose words were read already is nothing new.
        let told = self.known.exit_code == Some(exit.code) && self.known.failure.is_some();
        let unseen = self.marks == 0 && (!told || self.known.words_due);
        self.down(exit, again, self.running || restarted || unseen);
    }

    /// Its process has ended; `again` if the engine starts it again by itself, `news` if this end was not told yet.
    fn down(&mut self, exit: &Exit, again: bool, news: bool) {
        // An end that was not seen to begin counts too: its last lines may never have been read.
        if self.running || self.marks == 0 {
            self.marks += 1;
        }
        let oom = exit.oom || self.oom_hint;
        if news {
            self.words_are_due();
            let exit = Exit {
                oom,
                ..exit.clone()
            };
            self.end = Some(End {
                run: self.run,
                exit,
            });
        }
        self.running = false;
        self.reopen();
        Self::set(&mut self.dirty, &mut self.known.exit_code, Some(exit.code));
        Self::set(&mut self.dirty, &mut self.known.oom, oom);
        if !again {
            self.change(Observed::Exited);
        } else if self.gate != Gate::Closed {
            // One that never passed its gate stays `started`: unready would say that it once was ready.
            self.change(Observed::Unready);
        }
    }

    /// The engine said at `as_of` that its process ended with `code`, by its own clock at `at`. Whether it starts it again is the restart
    /// policy's word, unless the end was ours.
    pub(crate) fn died(&mut self, as_of: Timestamp, at: Timestamp, code: i32) {
        if !self.newer(as_of) {
            // It runs again already; how it ended is still worth knowing.
            Self::set(&mut self.dirty, &mut self.known.exit_code, Some(code));
            return;
        }
        let again = self.target.restarts_by_engine && !self.target.is_stopping();
        if again && self.running {
            let restarts = self.known.restarts.saturating_add(1);
            Self::set(&mut self.dirty, &mut self.known.restarts, restarts);
        }
        self.down(
            &Exit {
                code,
                oom: false,
                at: Some(at),
            },
            again,
            true,
        );
    }

    /// A process in it was killed for memory; the end that follows was that.
    pub(crate) fn oom(&mut self) {
        self.oom_hint = true;
    }

    /// A verdict of its gate for the run that began at `run`.
    pub(crate) fn verdict(&mut self, as_of: Timestamp, run: Timestamp, open: bool) {
        if !self.running || self.run != Some(run) {
            return;
        }
        let gate = match (open, self.gate) {
            (true, _) => Gate::Open,
            (false, Gate::Closed) => Gate::Closed,
            (false, _) => Gate::Failing,
        };
        if gate != self.gate {
            self.gate = gate;
            self.known.as_of = as_of.max(self.known.as_of);
            if open {
                Self::set(&mut self.dirty, &mut self.known.failure, None);
                // It works: what it said before does not matter any more.
                Self::set(&mut self.dirty, &mut self.known.words_due, false);
            }
            self.settle();
        }
    }

    /// What its gate, its engine or its end complains of. A failure of the engine's refusal never hides what the
    /// application itself did wrong in the same run.
    pub(crate) fn failed(&mut self, as_of: Timestamp, failure: Failure) {
        self.known.as_of = as_of.max(self.known.as_of);
        Self::set(&mut self.dirty, &mut self.known.failure, Some(failure));
    }

    /// It has, or has no more, its service's name.
    pub(crate) fn aliased(&mut self, as_of: Timestamp, on: bool) {
        self.known.as_of = as_of.max(self.known.as_of);
        Self::set(&mut self.dirty, &mut self.known.aliased, on);
        self.dirty = true;
    }

    /// Why its last end happened. Changes nothing about the state.
    pub(crate) fn explained(&mut self, as_of: Timestamp, mut oom: bool, mut failure: Failure) {
        Self::set(&mut self.dirty, &mut self.known.words_due, false);
        // The engine may tell of the memory after the end, and then never describes the end so.
        if !oom && self.oom_hint && !self.running && self.known.exit_code == Some(KILLED) {
            oom = true;
            failure = Failure {
                code: FailureCode::OutOfMemory,
                evidence: failure
                    .evidence
                    .replacen(&how_killed(KILLED), KILLED_FOR_MEMORY, 1),
            };
        }
        if oom || !self.running {
            Self::set(&mut self.dirty, &mut self.known.oom, oom);
        }
        // One that works again has nothing to complain of.
        if self.gate != Gate::Open {
            self.failed(as_of, failure);
        }
    }

    /// Whether something waits to be written.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Another writer (the reconciler, for a lost instance) or an earlier worker knew more.
    pub(crate) fn learn(&mut self, stored: &Sighting) {
        if stored.state == Observed::Lost {
            self.known.state = Observed::Lost;
        }
    }
}

/// The exit code of a process that SIGKILL ended, the signal that the kernel sends when memory runs out.
const KILLED: i32 = 128 + 9;
const KILLED_FOR_MEMORY: &str = "killed for memory";

/// The words for an exit code that stands for a signal.
fn how_killed(code: i32) -> String {
    format!("killed by signal {}", code - 128)
}

/// The failure that an end stands for: its code from the last lines as they are, its evidence from those that may be
/// shown.
pub(crate) fn explain_exit(
    exit: &Exit,
    uptime_ms: Option<i64>,
    last_lines: &str,
    shown: &str,
) -> Failure {
    let code = exit.failure_code(last_lines);
    let last = shown.lines().rev().find(|line| !line.trim().is_empty());
    let how = match code {
        FailureCode::OutOfMemory => KILLED_FOR_MEMORY.to_owned(),
        _ if exit.code > 128 => how_killed(exit.code),
        _ => format!("exit code {}", exit.code),
    };
    let after = uptime_ms
        .map(|ms| format!(" after {}.{} s", ms / 1000, (ms % 1000) / 100))
        .unwrap_or_default();
    let said = last
        .map(|line| format!(": {}", one_line(line, 300)))
        .unwrap_or_default();
    Failure {
        code,
        evidence: format!("{how}{after}{said}"),
    }
}

/// One line without control characters, bounded.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    text.trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(limit)
        .collect()
}
