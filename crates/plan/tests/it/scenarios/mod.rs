//! What people would see.

mod barrier;
mod deploy;
mod heal;
mod place;
mod requests;

use segue_model::spec::{Rollout, ServiceSpec};
use segue_model::state::DeploymentState as S;
use segue_model::world::Release;

use crate::fixture::{deployment, name, release, release_id, service, web, world};
use crate::sim::Sim;

/// One web service behind a host name.
pub fn sim(hosts: u64, edges: u64, memory_units: u64) -> Sim {
    let mut world = world(hosts, edges, memory_units);
    world
        .hosts_of
        .insert(name("web"), vec!["shop.example.com".parse().unwrap()]);
    Sim::new(world, 1)
}

pub fn deploy(sim: &mut Sim, number: i64, made: Release) {
    let id = release_id(u64::try_from(number).unwrap());
    sim.world.releases.insert(id, made);
    sim.world.deployments.insert(number, deployment(number, id));
}

pub fn web_release(number: i64, spec: &ServiceSpec, rollout: Rollout) -> Release {
    let nonce = u32::try_from(number).unwrap();
    release(number, [("web", service(spec, nonce))], rollout)
}

pub fn up_at_v1(sim: &mut Sim, replicas: u32) {
    deploy(sim, 1, web_release(1, &web(replicas), Rollout::default()));
    sim.rest();
    assert_eq!(sim.state(1), Some(S::Succeeded));
}
