//! Driving the simulation, and looking at it.

use segue_model::state::{DeploymentState, Desired};
use segue_plan::{Input, plan};

use super::Sim;

impl Sim {
    /// Rounds without time passing until the plan is empty; panics after `limit`.
    pub fn settle(&mut self, limit: usize) -> usize {
        let mut empty = false;
        for round in 0..limit {
            // Twice, because what edges and prober see in a round is planned for in the next one.
            if self.round().is_empty() {
                if empty {
                    return round;
                }
                empty = true;
            } else {
                empty = false;
            }
        }
        panic!(
            "no empty plan in {limit} rounds\nlast: {:#?}\n{}",
            plan(&Input { world: &self.world }),
            self.picture()
        );
    }

    /// Settles again and again, letting time pass to each next check, until nothing is left to wait for.
    pub fn rest(&mut self) {
        for _ in 0..300 {
            self.settle(400);
            let left = plan(&Input { world: &self.world });
            if !left.is_empty() {
                continue;
            }
            let Some(next) = left.next_check else {
                return;
            };
            let seconds = next.duration_since(self.world.now).as_secs().max(0);
            // Never longer than a lease, or edges would fall silent for want of a clock tick.
            self.advance(u64::try_from(seconds).unwrap().clamp(1, 700) + 1);
        }
        panic!("never at rest: {}", self.picture());
    }

    /// The world in a few lines, for failures.
    pub fn picture(&self) -> String {
        use std::fmt::Write;
        let mut text = format!("now {} routes {:?}\n", self.world.now, self.world.routes);
        for (id, i) in &self.world.instances {
            let _ = writeln!(
                text,
                "{id} {}.{} {} on {} {}/{} attempt {} restarts {} died {} unrouted {:?} serial {} {:?}",
                i.service,
                i.slot,
                i.revision.short(),
                i.host,
                i.desired,
                i.observed,
                i.attempt,
                i.restarts,
                i.died,
                i.unrouted_gen,
                i.serial,
                i.failure
            );
        }
        for (id, h) in &self.world.hosts {
            let _ = writeln!(
                text,
                "{id} {} listed {:?} cordoned {}",
                h.state, h.listed_at, h.cordoned
            );
        }
        for (id, e) in &self.world.edges {
            let _ = writeln!(text, "{id} {e:?}");
        }
        for d in self.world.deployments.values() {
            let _ = writeln!(text, "#{} to {} {:?}", d.number, d.release, d.rollout);
        }
        for (id, r) in &self.world.releases {
            let services: Vec<String> = r
                .services
                .iter()
                .map(|(n, s)| format!("{n}={}x{}", s.revision.short(), s.spec.replicas))
                .collect();
            let _ = writeln!(
                text,
                "{id} v{} stable {:?} {services:?} {:?}",
                r.version, r.stable_at, r.rollout
            );
        }
        let _ = writeln!(
            text,
            "serving {:?} stable {:?}",
            self.world.serving, self.world.stable
        );
        text
    }

    pub fn ready(&self, service: &str) -> usize {
        self.world
            .instances
            .values()
            .filter(|i| i.service.as_str() == service && i.is_ready())
            .count()
    }

    pub fn wanted(&self) -> usize {
        self.world
            .instances
            .values()
            .filter(|i| i.desired == Desired::Run)
            .count()
    }

    pub fn existing(&self) -> usize {
        self.world
            .instances
            .values()
            .filter(|i| i.may_exist())
            .count()
    }

    pub fn state(&self, number: i64) -> Option<DeploymentState> {
        self.world
            .deployments
            .get(&number)
            .and_then(|d| d.rollout.as_ref())
            .map(|r| r.state)
            .or(self
                .finished
                .iter()
                .rev()
                .find(|(n, _)| *n == number)
                .map(|(_, s)| *s))
    }
}
