//! The world after a commit, as the store makes it.

use segue_model::change::{Changes, NewInstance};
use segue_model::run::RunChange;
use segue_model::state::{Desired, Observed};
use segue_model::world::{Instance, World};

/// Applies changes to a world like the store's commit does. Subnets that are asked for, and volumes, are not made up here: the
/// store gives the former out, and the latter come with their first container.
#[must_use]
pub fn after(world: &World, changes: &Changes) -> World {
    let mut next = world.clone();
    for new in &changes.create {
        create(&mut next, new);
    }
    for change in &changes.instances {
        let Some(instance) = next.instances.get_mut(&change.id) else {
            continue;
        };
        instance.desired = change.desired;
        // A request to replace it is met by its leaving.
        instance.replace_requested = false;
        instance.died |= change.died;
        if change.unrouted_gen.is_some() {
            instance.unrouted_gen = change.unrouted_gen;
            instance.unrouted_at = Some(world.now);
        }
        if change.lost {
            instance.observed = Observed::Lost;
        }
        // A reservation ends when its instance is to be gone: its process has ended by then.
        if instance.desired == Desired::Gone
            && let Some(host) = next.hosts.get_mut(&instance.host)
        {
            host.reserved_cpu_millis = host.reserved_cpu_millis.saturating_sub(instance.cpu_millis);
            host.reserved_memory_bytes = host
                .reserved_memory_bytes
                .saturating_sub(instance.memory_bytes);
        }
    }
    for change in &changes.runs {
        run(&mut next, change);
    }
    for change in &changes.rollouts {
        let terminal = change.rollout.state.is_terminal();
        let deployment = next
            .deployments
            .iter_mut()
            .find(|(_, d)| d.id == change.deployment);
        if let Some((number, deployment)) = deployment {
            deployment.rollout = Some(change.rollout.clone());
            let number = *number;
            if terminal {
                next.deployments.remove(&number);
            }
        }
    }
    if let Some(routes) = &changes.routes {
        next.routes = routes.clone();
    }
    if let Some(serving) = changes.serving {
        next.serving = Some(serving);
    }
    for id in &changes.stable {
        if let Some(release) = next.releases.get_mut(id) {
            release.stable_at = Some(world.now);
            next.stable = Some(*id);
        }
    }
    next
}

/// A run that moves. One whose container is gone, or was never made, is known no more once it has ended.
fn run(world: &mut World, change: &RunChange) {
    if let Some(new) = &change.place {
        let instance = placed(world, new);
        if let Some(run) = world.runs.get_mut(&change.id) {
            run.instance = Some(instance);
        }
    }
    let Some(run) = world.runs.get_mut(&change.id) else {
        return;
    };
    run.state = change.state;
    if let Some(instance) = &mut run.instance {
        instance.desired = change.desired.unwrap_or(instance.desired);
        if change.lost {
            instance.observed = Observed::Lost;
        }
        if (change.desired == Some(Desired::Gone) || change.lost)
            && let Some(host) = world.hosts.get_mut(&instance.host)
        {
            host.reserved_cpu_millis = host.reserved_cpu_millis.saturating_sub(instance.cpu_millis);
            host.reserved_memory_bytes = host
                .reserved_memory_bytes
                .saturating_sub(instance.memory_bytes);
        }
    }
    let over = run.state.is_terminal()
        && run
            .instance
            .as_ref()
            .is_none_or(|i| i.desired == Desired::Gone && !i.may_exist());
    if over {
        world.runs.remove(&change.id);
    }
}

fn create(world: &mut World, new: &NewInstance) {
    let instance = placed(world, new);
    world.instances.insert(new.id, instance);
}

/// Takes what a new instance takes: its serial, its reservation and its address.
fn placed(world: &mut World, new: &NewInstance) -> Instance {
    world.next_serial = world.next_serial.max(new.serial.saturating_add(1));
    if let Some(host) = world.hosts.get_mut(&new.host) {
        host.reserved_cpu_millis = host.reserved_cpu_millis.saturating_add(new.cpu_millis);
        host.reserved_memory_bytes = host.reserved_memory_bytes.saturating_add(new.memory_bytes);
    }
    if let Some(subnet) = world.subnets.get_mut(&new.host) {
        let [.., octet] = new.address.octets();
        subnet.held.insert(octet);
        subnet.resting.remove(&octet);
        subnet.cursor = octet;
    }
    Instance {
        service: new.service.clone(),
        slot: new.slot,
        revision: new.revision,
        release: new.release,
        serial: new.serial,
        host: new.host,
        address: new.address,
        port: new.port,
        cpu_millis: new.cpu_millis,
        memory_bytes: new.memory_bytes,
        exclusive: new.exclusive,
        desired: Desired::Run,
        attempt: new.attempt,
        not_before: new.not_before,
        created_at: world.now,
        unrouted_gen: None,
        unrouted_at: None,
        observed: Observed::None,
        observed_at: None,
        attempted_at: None,
        started_at: None,
        ready_at: None,
        unready_at: None,
        aliased: false,
        died: false,
        exited_at: None,
        exit_code: None,
        oom: false,
        restarts: 0,
        words_due_since: None,
        failure: None,
        replace_requested: false,
    }
}
