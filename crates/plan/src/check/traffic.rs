//! Checkers of traffic: floors and ceilings, the barrier, routed endpoints, generations.

use std::collections::BTreeSet;
use std::time::Duration;

use segue_model::change::EventKind;
use segue_model::id::EdgeId;
use segue_model::name::ServiceName;
use segue_model::route::RouteGen;
use segue_model::spec::Strategy;
use segue_model::state::{DeploymentState as S, Desired, Observed};
use segue_model::world::{Instance, World};

use super::Case;

/// I5: no plan takes ready instances out of the routes below the floor, or makes more than the strategy allows.
pub(super) fn enough_and_not_too_many(case: &Case<'_>, found: &mut Vec<String>) {
    if case.before.stopped || case.before.deleted {
        return;
    }
    let releases = case.wanted_releases();
    let services: BTreeSet<&ServiceName> = case
        .before
        .instances
        .values()
        .map(|i| &i.service)
        .chain(case.plan.changes.create.iter().map(|n| &n.service))
        .collect();
    for service in services {
        let (least, most) = case.wanted_count(service);
        let specs = releases.values().filter_map(|r| r.services.get(service));
        let overlap = !specs.clone().any(|s| s.spec.is_exclusive())
            && releases
                .values()
                .all(|r| r.rollout.strategy != Strategy::Recreate);
        let missing = releases
            .values()
            .map(|r| r.rollout.max_unavailable)
            .max()
            .unwrap_or(0);
        let ready = |ids: &[_]| {
            ids.iter()
                .filter(|id| {
                    case.before
                        .instances
                        .get(id)
                        .is_some_and(|i| case.passes(i))
                })
                .count()
        };
        let had = ready(&Case::endpoints(&case.before.routes, service));
        let has = ready(&Case::endpoints(&case.after.routes, service));
        let floor = usize::try_from(least.saturating_sub(missing)).unwrap_or(0);
        let named = case
            .after
            .hosts_of
            .get(service)
            .is_some_and(|h| !h.is_empty());
        if overlap && named && has < had.min(floor) {
            found.push(format!(
                "{service}: {has} routed and ready after {had}, at least {floor} wanted"
            ));
        }
        let live = |world: &World| {
            let of_service = |i: &&Instance| i.service == *service && takes_part(i);
            world.instances.values().filter(of_service).count()
        };
        let (had, has) = (live(case.before), live(&case.after));
        let ceiling = ceiling(case, most);
        if has > had.max(ceiling) {
            found.push(format!(
                "{service}: {has} live after {had}, at most {ceiling}"
            ));
        }
    }
}

fn takes_part(instance: &Instance) -> bool {
    matches!(instance.desired, Desired::Run | Desired::Drain)
        && !matches!(
            instance.observed,
            Observed::Exited | Observed::Gone | Observed::Lost
        )
}

/// Twice the target, or the target and the surge while a rollout goes forward in batches.
fn ceiling(case: &Case<'_>, count: u32) -> usize {
    let batches = case.after.deployments.values().find_map(|d| {
        let rollout = d.rollout.as_ref()?;
        let forward = matches!(
            rollout.state,
            S::Starting | S::Switching | S::Live | S::Baking
        );
        let release = case.after.releases.get(&d.release)?;
        (forward && rollout.strategy == Strategy::Rolling).then_some(&release.rollout)
    });
    let more = match batches {
        // A quarter, rounded up, if nothing is said; at least one where none may be missing.
        Some(limits) => {
            let surge = limits
                .max_surge
                .unwrap_or((count.saturating_add(3) / 4).max(1));
            if limits.max_unavailable == 0 {
                surge.max(1)
            } else {
                surge
            }
        }
        None => count.max(1),
    };
    usize::try_from(count.saturating_add(more)).unwrap_or(usize::MAX)
}

/// I6: SIGTERM only behind the barrier; edges that are passed over and requests that are cut off have their events.
pub(super) fn barrier(case: &Case<'_>, found: &mut Vec<String>) {
    let routed_before: BTreeSet<_> = Case::all_endpoints(&case.before.routes)
        .into_iter()
        .collect();
    let routed_after: BTreeSet<_> = Case::all_endpoints(&case.after.routes)
        .into_iter()
        .collect();
    for change in &case.plan.changes.instances {
        let Some(before) = case.before.instances.get(&change.id) else {
            continue;
        };
        if change.desired != Desired::Run && routed_after.contains(&change.id) {
            found.push(format!("{} is routed and not wanted", change.id));
        }
        let ended = change.lost
            || matches!(
                before.observed,
                Observed::Exited | Observed::Gone | Observed::Lost
            );
        let never_served = before.observed.rank() < Observed::Ready.rank()
            && before.ready_at.is_none()
            && change.desired == Desired::Gone;
        let stops = before.desired.rank() < Desired::Stop.rank()
            && change.desired.rank() >= Desired::Stop.rank();
        if !stops || ended || never_served {
            continue;
        }
        if change.desired == Desired::Gone {
            found.push(format!("{} is removed while it may run", change.id));
            continue;
        }
        if before.desired == Desired::Run && routed_before.contains(&change.id) {
            found.push(format!("{} stops in the plan that unroutes it", change.id));
            continue;
        }
        let (generation, since) = match before.desired {
            Desired::Run => (case.before.routes.route_gen, case.now()),
            _ => (
                before.unrouted_gen.unwrap_or(RouteGen(i64::MAX)),
                before.unrouted_at.unwrap_or(case.now()),
            ),
        };
        let told = |kind, edge: Option<EdgeId>| {
            case.plan.changes.events.iter().any(|event| {
                event.kind == kind
                    && event.subject.instance == Some(change.id)
                    && (edge.is_none() || event.subject.edge == edge)
            })
        };
        let release = case.before.releases.get(&before.release);
        let drain = release.map_or(Duration::from_secs(30), |r| r.rollout.drain);
        for (id, edge) in &case.before.edges {
            if edge.acknowledged < generation {
                let silent_since = edge.lease_until.max(since);
                if edge.lease_until > case.now() {
                    found.push(format!("{} stops and live {id} may route to it", change.id));
                } else if !case.is_past(silent_since, case.before.policy.edge_silence) {
                    found.push(format!("{} stops while {id} holds it back", change.id));
                } else if !told(EventKind::EdgeSkipped, Some(*id)) {
                    found.push(format!("{} passes over {id} without a word", change.id));
                }
            }
            let Some(open) = edge.draining.get(&change.id).filter(|o| !o.is_idle()) else {
                continue;
            };
            let long = drain.max(Duration::from_secs(60));
            let in_time = open.requests > 0 && !case.is_past(since, drain)
                || open.upgraded > 0 && !case.is_past(since, long);
            if in_time {
                found.push(format!("{} stops with requests open", change.id));
            } else if !told(EventKind::DrainLimit, None) {
                found.push(format!("{} cuts requests off without a word", change.id));
            }
        }
    }
}

/// I7: routed endpoints are wanted, ready, ours and on hosts that are not lost; none of them twice; and a route has
/// endpoints as long as there is one that could be.
pub(super) fn routed_is_ready(case: &Case<'_>, found: &mut Vec<String>) {
    let routes = &case.after.routes;
    if routes.team != case.before.team || routes.environment != case.before.environment {
        found.push("routes of somebody else".to_owned());
    }
    let mut seen = BTreeSet::new();
    for route in &routes.routes {
        let mut count = 0usize;
        for endpoint in route.pools.iter().flat_map(|pool| &pool.endpoints) {
            count = count.saturating_add(1);
            if !seen.insert(endpoint.instance) {
                found.push(format!("{} is routed twice", endpoint.instance));
            }
            let Some(instance) = case.after.instances.get(&endpoint.instance) else {
                found.push(format!("{} is routed and unknown", endpoint.instance));
                continue;
            };
            if !case.passes(instance) || instance.service != route.service {
                found.push(format!("{} is routed and may not be", endpoint.instance));
            }
            if endpoint.address != (instance.address, instance.port).into() {
                found.push(format!("{} is routed elsewhere", endpoint.instance));
            }
        }
        let could = case
            .after
            .instances
            .values()
            .any(|i| i.service == route.service && case.passes(i));
        if count == 0 && could {
            found.push(format!("{} is left without endpoints", route.service));
        }
    }
}

/// I8: a generation follows the one before it, and only if something differs.
pub(super) fn generations(case: &Case<'_>, found: &mut Vec<String>) {
    let Some(routes) = &case.plan.changes.routes else {
        return;
    };
    if Some(routes.route_gen.0) != case.before.routes.route_gen.0.checked_add(1) {
        found.push(format!(
            "generation {} follows {}",
            routes.route_gen.0, case.before.routes.route_gen.0
        ));
    }
    if routes.routes == case.before.routes.routes {
        found.push("a new generation without a change".to_owned());
    }
    for change in &case.plan.changes.instances {
        if change.unrouted_gen.is_some_and(|g| g > routes.route_gen) {
            found.push(format!("{} left with a generation to come", change.id));
        }
    }
}
