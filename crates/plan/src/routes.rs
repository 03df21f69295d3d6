//! Which instances take traffic, and the environment's routes made of them.
//!
//! Invariants: I7 (only ready, wanted instances on hosts that are not lost; a service with one ready instance is
//! never left without), one generation for a whole switch, and a generation rises only when the content changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use segue_model::id::{InstanceId, ReleaseId};
use segue_model::name::{Domain, ServiceName};
use segue_model::route::{Endpoint, EnvironmentRoutes, Pool, Route, RoutePolicy};
use segue_model::spec::{ServiceKind, Strategy};
use segue_model::world::ServiceRelease;

use crate::draft::Draft;
use crate::goal::{Goal, ServiceGoal};

/// Whether requests of the edge go to it.
pub(crate) fn is_routed_service(
    draft: &Draft<'_>,
    name: &ServiceName,
    release: &ServiceRelease,
) -> bool {
    release.spec.kind == ServiceKind::Web
        && draft
            .world
            .hosts_of
            .get(name)
            .is_some_and(|hosts| !hosts.is_empty())
}

/// The service's instances that take traffic by the draft, in order of id: behind its routes and its name.
pub(crate) fn active(
    draft: &Draft<'_>,
    goal: &Goal<'_>,
    service: &ServiceGoal<'_>,
) -> Vec<InstanceId> {
    let mut new = Vec::new();
    let mut serving = Vec::new();
    let mut rest = Vec::new();
    for (id, instance) in &draft.instances {
        if instance.service != service.name || !draft.is_serving(instance) {
            continue;
        }
        if Some(instance.revision) == service.revision() {
            new.push(*id);
        } else if draft.is_routed(*id) || Some(instance.revision) == service.old_revision() {
            serving.push(*id);
        } else {
            rest.push(*id);
        }
    }
    let first = |sets: [Vec<InstanceId>; 3]| {
        sets.into_iter()
            .find(|set| !set.is_empty())
            .unwrap_or_default()
    };
    match service.strategy {
        Strategy::Rolling => {
            // What is not wanted any more has been taken out by now; all that is left serves.
            new.append(&mut serving);
            new.append(&mut rest);
            new.sort();
            new
        }
        Strategy::Switch | Strategy::Recreate => {
            if goal.switched || !service.is_changed() {
                // Where the old set had to step in, it stays until enough of the new one are back.
                let enough = service.count.saturating_sub(service.unavailable);
                if !new.is_empty() && new.len() < enough {
                    new.extend(serving.into_iter().filter(|id| draft.is_routed(*id)));
                    new.sort();
                    return new;
                }
                return first([new, serving, rest]);
            }
            // Before the switch: what serves goes on, and new ones that a former rollout routed already.
            let carried = new.iter().copied().filter(|id| draft.is_routed(*id));
            let carried: Vec<InstanceId> = carried.collect();
            let known = has_route(draft, &service.name);
            if !serving.is_empty() {
                serving.extend(carried);
                serving.sort();
                serving
            } else if service.old.is_some() || known {
                // An old set that has nobody left must not keep the new one from serving.
                first([new, rest, Vec::new()])
            } else {
                Vec::new()
            }
        }
    }
}

/// Whether the committed routes have one for the service, be it an empty one.
fn has_route(draft: &Draft<'_>, name: &ServiceName) -> bool {
    let mut routes = draft.world.routes.routes.iter();
    routes.any(|route| route.service == *name)
}

/// Makes the routes of the draft and puts them into it, one generation up, if they differ from the committed ones.
pub(crate) fn update(draft: &mut Draft<'_>, goal: &Goal<'_>) {
    let world = draft.world;
    let mut routes = Vec::new();
    if !world.deleted {
        let names: BTreeSet<ServiceName> = if goal.target.is_none() {
            // Stopped: host names stay known, and nobody answers behind them.
            world
                .routes
                .routes
                .iter()
                .map(|r| r.service.clone())
                .collect()
        } else {
            goal.services()
        };
        for name in names {
            routes.extend(route(draft, goal, &name));
        }
    }
    if routes != world.routes.routes {
        draft.routes = Some(EnvironmentRoutes {
            team: world.team,
            app: world.app,
            environment: world.environment,
            route_gen: world.routes.route_gen.next(),
            routes,
        });
    }
}

fn route(draft: &Draft<'_>, goal: &Goal<'_>, name: &ServiceName) -> Option<Route> {
    let world = draft.world;
    if goal.target.is_none() {
        let mut kept = world
            .routes
            .routes
            .iter()
            .find(|r| r.service == *name)?
            .clone();
        kept.pools = Vec::new();
        return Some(kept);
    }
    let service = goal.service(name);
    let instances = active(draft, goal, &service);
    let (release, named) = if goal.switched {
        (service.want?, goal.target?)
    } else if let Some(old) = service.old {
        (old, goal.base?)
    } else if instances.is_empty() && !has_route(draft, name) {
        return None;
    } else {
        (service.want?, goal.target?)
    };
    if !is_routed_service(draft, name, release) {
        return None;
    }
    let mut hosts: Vec<Domain> = world.hosts_of.get(name).cloned().unwrap_or_default();
    hosts.sort();
    hosts.dedup();
    let mut pools: BTreeMap<ReleaseId, Vec<Endpoint>> = BTreeMap::new();
    for id in instances {
        let Some(instance) = draft.instances.get(&id) else {
            continue;
        };
        let endpoint = Endpoint {
            instance: id,
            address: SocketAddr::from((instance.address, instance.port)),
        };
        pools
            .entry(goal.label(&service, instance))
            .or_default()
            .push(endpoint);
    }
    let defaults = RoutePolicy::default();
    let drain = named.release.rollout.drain;
    Some(Route {
        service: name.clone(),
        hosts,
        path: release.spec.path.clone(),
        pools: pools
            .into_iter()
            .map(|(release, endpoints)| Pool {
                release,
                weight: u32::try_from(endpoints.len()).unwrap_or(u32::MAX),
                endpoints,
            })
            .collect(),
        policy: RoutePolicy {
            drain,
            drain_upgraded: drain.max(defaults.drain_upgraded),
            ..defaults
        },
    })
}
