//! The difference between a draft and its world: the changes of a plan, with their events.
//!
//! Invariant I23 by construction: each change of desired state found here gets exactly one event.

use segue_model::change::{
    Changes, EventKind, EventSubject, InstanceChange, NewEvent, RolloutChange,
};
use segue_model::failure::Failure;
use segue_model::id::{InstanceId, ReleaseId};
use segue_model::state::{Desired, Observed};

use crate::draft::Draft;
use crate::runs;

impl Draft<'_> {
    /// The difference between draft and world, each change of desired state with its event.
    pub(crate) fn changes(self) -> Changes {
        let mut events = Vec::new();
        let mut event = |kind, subject, message, failure: Option<Failure>| {
            events.push(NewEvent {
                kind,
                subject,
                message,
                failure,
            });
        };
        let why = |id: &InstanceId| self.why.get(id).cloned().unwrap_or_default();

        for host in &self.subnets {
            let name = self.world.hosts.get(host).map_or("", |h| h.name.as_str());
            let subject = EventSubject {
                host: Some(*host),
                ..EventSubject::default()
            };
            let message = format!("the environment needs a subnet on {name}");
            event(EventKind::SubnetWanted, subject, message, None);
        }
        let mut rollouts = Vec::new();
        for deployment in self.world.deployments.values() {
            let Some(rollout) = self.rollouts.get(&deployment.id) else {
                continue;
            };
            if Some(rollout) == deployment.rollout.as_ref() {
                continue;
            }
            let before = deployment.rollout.as_ref().map(|r| r.state);
            if before != Some(rollout.state) {
                let subject = EventSubject {
                    deployment: Some(deployment.id),
                    release: Some(deployment.release),
                    ..EventSubject::default()
                };
                let message = match &rollout.failure {
                    Some(failure) => format!(
                        "deployment #{} is {}: {} ({})",
                        deployment.number,
                        rollout.state,
                        failure.code.sentence(),
                        failure.evidence
                    ),
                    None => format!("deployment #{} is {}", deployment.number, rollout.state),
                };
                event(
                    EventKind::DeploymentChanged,
                    subject,
                    message,
                    rollout.failure.clone(),
                );
            }
            rollouts.push(RolloutChange {
                deployment: deployment.id,
                expected: before,
                rollout: rollout.clone(),
            });
        }
        for new in &self.created {
            let subject = EventSubject {
                release: Some(new.release),
                ..EventSubject::instance(new.id, new.service.clone(), new.host)
            };
            event(EventKind::InstanceCreated, subject, why(&new.id), None);
        }
        let mut instances = Vec::new();
        for (id, before) in &self.world.instances {
            let Some(after) = self.instances.get(id) else {
                continue;
            };
            if after.desired == before.desired {
                continue;
            }
            let lost = after.observed == Observed::Lost && before.observed != Observed::Lost;
            let kind = match after.desired {
                _ if lost => EventKind::InstanceLost,
                Desired::Drain | Desired::Run => EventKind::InstanceDraining,
                Desired::Stop => EventKind::InstanceStopping,
                Desired::Gone => EventKind::InstanceRemoved,
            };
            let subject = EventSubject::instance(*id, after.service.clone(), after.host);
            let failure = if after.died && !before.died {
                after.failure.clone()
            } else {
                None
            };
            event(kind, subject, why(id), failure);
            instances.push(InstanceChange {
                id: *id,
                desired: after.desired,
                unrouted_gen: if before.unrouted_gen == after.unrouted_gen {
                    None
                } else {
                    after.unrouted_gen
                },
                lost,
                died: after.died && !before.died,
            });
        }
        for decided in self.runs.values() {
            let subject = runs::subject_of(self.world, &decided.change);
            let failure = decided.change.failure.clone();
            event(EventKind::RunChanged, subject, decided.why.clone(), failure);
        }
        if let Some(routes) = &self.routes {
            let subject = EventSubject {
                route_gen: Some(routes.route_gen),
                ..EventSubject::default()
            };
            let endpoints: usize = routes
                .routes
                .iter()
                .flat_map(|route| &route.pools)
                .map(|pool| pool.endpoints.len())
                .sum();
            let message = format!(
                "routes are at generation {} with {endpoints} endpoints",
                routes.route_gen.0
            );
            event(EventKind::RoutesChanged, subject, message, None);
        }
        let about = |release: ReleaseId| EventSubject {
            release: Some(release),
            ..EventSubject::default()
        };
        let version = |release: &ReleaseId| {
            let known = self.world.releases.get(release);
            known.map_or_else(|| release.to_string(), |r| format!("v{}", r.version))
        };
        let serving = if self.serving == self.world.serving {
            None
        } else {
            self.serving
        };
        if let Some(release) = serving {
            let message = format!("the environment stands on {}", version(&release));
            event(EventKind::ServingChanged, about(release), message, None);
        }
        for release in &self.stable {
            let message = format!("{} was seen to be good", version(release));
            event(EventKind::ReleaseStable, about(*release), message, None);
        }
        events.extend(self.extra_events);
        Changes {
            subnets: self.subnets.into_iter().collect(),
            create: self.created,
            instances,
            rollouts,
            runs: self.runs.into_values().map(|d| d.change).collect(),
            routes: self.routes,
            serving,
            stable: self.stable,
            events,
        }
    }
}
