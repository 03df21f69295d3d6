//! Checkers of placement: capacity, constraints, volumes, addresses.

use std::collections::{BTreeMap, BTreeSet};

use segue_model::state::{Desired, HostState};

use super::Case;

/// I12: reservations fit capacity times overcommit on every host that gets something new.
pub(super) fn capacity(case: &Case<'_>, found: &mut Vec<String>) {
    let mut wanted: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for new in case.places() {
        let sum = wanted.entry(new.host).or_default();
        sum.0 = sum.0.saturating_add(u64::from(new.cpu_millis));
        sum.1 = sum.1.saturating_add(new.memory_bytes);
    }
    for (id, (cpu, memory)) in wanted {
        let Some(host) = case.before.hosts.get(&id) else {
            found.push(format!("{id} is unknown and gets instances"));
            continue;
        };
        let policy = &case.before.policy;
        let bound = |capacity: u64, percent: u32| u128::from(capacity) * u128::from(percent);
        let used = |reserved: u64, more: u64| (u128::from(reserved) + u128::from(more)) * 100;
        if used(u64::from(host.reserved_cpu_millis), cpu)
            > bound(u64::from(host.cpu_millis), policy.cpu_overcommit_percent)
        {
            found.push(format!("{} has too little CPU", host.name));
        }
        if used(host.reserved_memory_bytes, memory)
            > bound(host.memory_bytes, policy.memory_overcommit_percent)
        {
            found.push(format!("{} has too little memory", host.name));
        }
    }
    for new in &case.plan.changes.create {
        let spec = case
            .before
            .releases
            .get(&new.release)
            .and_then(|r| r.services.get(&new.service));
        let as_specified = spec.is_some_and(|s| {
            s.revision == new.revision
                && s.content.resources.cpu_millis == new.cpu_millis
                && s.content.resources.memory_bytes == new.memory_bytes
        });
        if !as_specified {
            found.push(format!("{} reserves something else than its spec", new.id));
        }
    }
}

/// I13: hosts of new instances are ready, open, unpressed, labelled as required, and not shared where that is asked.
pub(super) fn constraints(case: &Case<'_>, found: &mut Vec<String>) {
    for new in case.places() {
        let Some(host) = case.before.hosts.get(&new.host) else {
            continue;
        };
        if host.state != HostState::Ready || host.cordoned || host.pressure {
            found.push(format!("{} takes nothing and gets {}", host.name, new.id));
        }
        if host.epoch != new.host_epoch {
            found.push(format!("{} was decided in another epoch", new.id));
        }
        let Some(spec) = case
            .before
            .releases
            .get(&new.release)
            .and_then(|r| r.services.get(&new.service))
        else {
            continue;
        };
        for (key, value) in &spec.spec.place.require {
            if host.labels.get(key) != Some(value) {
                found.push(format!("{} lacks {key}={value}", host.name));
            }
        }
        let together = case
            .after
            .instances
            .values()
            .filter(|i| {
                i.service == new.service
                    && i.revision == new.revision
                    && i.host == new.host
                    && i.desired == Desired::Run
            })
            .count();
        if spec.spec.place.one_per_host && together > 1 {
            found.push(format!("{} has {together} of {}", host.name, new.service));
        }
    }
}

/// I15: an instance with a volume is made only where the volume is, and only when its predecessor is gone.
pub(super) fn one_holder(case: &Case<'_>, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for new in case.plan.changes.create.iter().filter(|n| n.exclusive) {
        if !seen.insert(&new.service) {
            found.push(format!("{} gets two holders", new.service));
        }
        let held = case
            .before
            .instances
            .values()
            .any(|i| i.service == new.service && i.may_exist());
        if held {
            found.push(format!("{} has a holder that may exist", new.service));
        }
        let elsewhere = case
            .before
            .volume_hosts
            .get(&new.service)
            .is_some_and(|host| *host != new.host);
        if elsewhere {
            found.push(format!("{} is placed away from its volume", new.service));
        }
    }
}

/// I20, rule 9: new addresses lie in the environment's subnet on the host, are apart, and have rested.
pub(super) fn addresses(case: &Case<'_>, found: &mut Vec<String>) {
    let mut given = BTreeSet::new();
    for new in case.places() {
        let Some(subnet) = case.before.subnets.get(&new.host) else {
            found.push(format!("{} has no subnet on its host", new.id));
            continue;
        };
        let [a, b, c, octet] = new.address.octets();
        let [x, y, z, _] = subnet.base.octets();
        if [a, b, c] != [x, y, z] || matches!(octet, 0 | 1 | 255) {
            found.push(format!("{} is not an address of the subnet", new.address));
        }
        if subnet.held.contains(&octet) || !given.insert(new.address) {
            found.push(format!("{} is held", new.address));
        }
        let Some(resting) = subnet.resting.get(&octet) else {
            continue;
        };
        let seen_by_all = case.before.edges.values().all(|edge| {
            resting
                .unrouted_gen
                .is_none_or(|unrouted| edge.acknowledged >= unrouted)
        });
        if !case.is_past(resting.since, case.before.policy.address_rest) || !seen_by_all {
            found.push(format!("{} has not rested", new.address));
        }
    }
}
