//! Decides, never does: scheduling, rollout, healing, drain, addresses, routes. Pure, synchronous, total and
//! deterministic: time and everything else is in the [`World`].
//!
//! The way of a plan: `queue` (which deployment runs) -> `judge` (how far it is, whether it fails) ->
//! `rollout`, `heal` and `schedule` (the instances of each service) -> `runs` (one-off runs) -> `routes` -> `drain` -> `actions`. Each module works on
//! one [`draft`]; the changes are the difference between the draft and the world, so that each change of desired
//! state has exactly one event by construction.
//!
//! Must not do: IO, clocks, randomness, hash order. Unschedulable is a reason, never an error.

use std::collections::BTreeMap;

use segue_model::Timestamp;
use segue_model::change::{Changes, Reason};
use segue_model::id::HostId;
use segue_model::world::World;

use crate::draft::Draft;
use crate::goal::Goal;

mod action;
mod actions;
mod addresses;
mod apply;
pub mod check;
mod diff;
mod draft;
mod drain;
mod goal;
mod heal;
mod judge;
mod overlap;
mod queue;
mod replace;
mod rollout;
pub mod routes;
mod runs;
mod schedule;
mod staff;
mod strategy;
mod symptoms;
mod time;
mod traffic;

pub use action::Action;
pub use apply::after;
pub use check::{Violation, check};

/// What a plan is made from: one snapshot, the time included.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The snapshot.
    pub world: &'a World,
}

/// What follows from a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be committed in one fenced transaction before any action is done. After a commit of changes, plan again.
    pub changes: Changes,
    /// What each host must do now, derived from the world after the changes: planning again after a crash gives
    /// the same actions. Idempotent; all of one host may run at the same time, but for [`Action::EnsureNetwork`],
    /// which comes first.
    pub actions: BTreeMap<HostId, Vec<Action>>,
    /// Why something waits.
    pub reasons: Vec<Reason>,
    /// When the passing of time alone changes the plan.
    pub next_check: Option<Timestamp>,
}

impl Plan {
    /// Nothing to commit and nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.actions.is_empty()
    }
}

/// Decides what follows from a snapshot. Total and deterministic: the same world gives the same plan.
#[must_use]
pub fn plan(input: &Input<'_>) -> Plan {
    let mut draft = Draft::new(input.world);
    if !queue::advance(&mut draft) {
        judge::advance(&mut draft);
    }
    strategy::choose(&mut draft);
    let goal = Goal::new(&draft);
    overlap::leave(&mut draft);
    rollout::converge(&mut draft, &goal);
    // After the services: what serves has the room first.
    runs::advance(&mut draft);
    routes::update(&mut draft, &goal);
    judge::note_generations(&mut draft, &goal);
    drain::settle(&mut draft);
    let actions = actions::derive(&mut draft, &goal);
    actions::explain(&mut draft, &goal);
    let reasons = std::mem::take(&mut draft.reasons);
    let next_check = draft.next_check;
    Plan {
        changes: draft.changes(),
        actions,
        reasons,
        next_check,
    }
}
