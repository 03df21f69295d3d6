//! Subnets that an engine cannot make, because a network that is not ours overlaps with them.
//!
//! Invariant: a subnet is given up only while no container can be on it. Those that wait for it are let go before
//! they were ever made, and their slots are filled from a fresh subnet. Where containers may be, nothing is moved, and a
//! reason says what to look at.

use segue_model::change::ReasonKind;
use segue_model::id::{HostId, InstanceId};
use segue_model::state::{Desired, Observed};
use segue_model::world::{Instance, World};

use crate::draft::Draft;
use crate::drain;

/// Whether the environment's subnet on the host is of no use, and another one is to be asked for.
pub(crate) fn is_given_up(world: &World, host: HostId) -> bool {
    world
        .subnets
        .get(&host)
        .is_some_and(|s| s.overlap.is_some())
        && (world.containers())
            .filter(|(_, i)| i.host == host)
            .all(|(_, i)| was_never_made(i))
}

/// No container of it is there, and no call is under way that may make one. One that was lost with its host may
/// come back with it.
fn was_never_made(instance: &Instance) -> bool {
    match instance.observed {
        Observed::None => !instance.is_unknown(),
        Observed::Gone => true,
        _ => false,
    }
}

/// Lets go of what waits for a subnet that is given up, and explains those that cannot be.
pub(crate) fn leave(draft: &mut Draft<'_>) {
    let world = draft.world;
    for (host, subnet) in &world.subnets {
        let Some(other) = &subnet.overlap else {
            continue;
        };
        let given_up = is_given_up(world, *host);
        let waiting: Vec<(InstanceId, Instance)> = draft
            .instances
            .iter()
            .filter(|(_, i)| i.host == *host && i.desired == Desired::Run)
            .filter(|(_, i)| i.observed == Observed::None)
            .map(|(id, i)| (*id, i.clone()))
            .collect();
        for (id, instance) in waiting {
            let title = draft.title(&instance);
            let what = format!(
                "the Docker network {} ({}) overlaps with the environment's {}/24 there",
                other.name, other.subnet, subnet.base
            );
            if given_up {
                drain::retire(draft, id, &format!("{title} gets another subnet: {what}"));
            } else {
                let subject = draft.subject(id, &instance);
                let message = format!(
                    "{title} waits: {what}, which other containers of it use; look at it on that host with: docker network inspect {}",
                    other.name
                );
                draft.reason(ReasonKind::EngineFailed, subject, message);
            }
        }
    }
}
