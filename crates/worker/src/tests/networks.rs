//! Networks on a host that are not ours: no environment waits for a subnet that it cannot have.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use segue_driver::{Deadline, Docker, Driver, NetworkName, Ownership};
use segue_model::id::HostId;
use segue_model::spec::{ImageRef, ImageSource};
use segue_model::state::{DeploymentState, HostState};
use uuid::Uuid;

use super::bench::{Bench, shared_over};

async fn base(bench: &Bench) -> Option<Ipv4Net> {
    let store = bench.db.store().system();
    let world = store.world(bench.fixture.environment).await.unwrap()?;
    let subnet = world.subnets.values().next()?;
    Some(Ipv4Net::new(subnet.base, 24).unwrap())
}

async fn host_is_ready(bench: &Bench) {
    let store = bench.db.store().system();
    bench
        .eventually("the host is ready", || async {
            let hosts = store.hosts().await.unwrap();
            hosts
                .iter()
                .any(|host| host.state == HostState::Ready)
                .then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subnet_of_another_network_is_passed_over() {
    let bench = Bench::new().await;
    let taken: Ipv4Net = "10.96.1.0/24".parse().unwrap();
    bench.fake.foreign_network("theirs", taken);
    let worker = bench.start();
    let spec = bench.serving("app:1", 1);
    let deployment = bench.deploy(spec).await;
    let ended = bench.reaches(deployment.id, DeploymentState::Live).await;
    assert_eq!(ended.failure, None);
    assert_eq!(
        base(&bench).await.unwrap().to_string(),
        "10.96.2.0/24",
        "the first that is free"
    );
    worker.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_comes_after_the_last_look_costs_a_subnet_and_no_deployment() {
    for on_names in [false, true] {
        let bench = Bench::new().await;
        let worker = bench.start();
        host_is_ready(&bench).await;
        // Nobody has looked since: the engine's refusal is the first that is heard of it. Of the second one, when the
        // network for traffic is there already.
        let taken = if on_names {
            "10.112.1.0/24"
        } else {
            "10.96.0.0/23"
        };
        bench.fake.foreign_network("theirs", taken.parse().unwrap());
        let spec = bench.serving("app:1", 2);
        let deployment = bench.deploy(spec).await;
        let ended = bench
            .reaches(deployment.id, DeploymentState::Succeeded)
            .await;
        assert_eq!(
            (ended.state, ended.failure),
            (DeploymentState::Succeeded, None)
        );
        bench.ready(2).await;
        assert_eq!(base(&bench).await.unwrap().to_string(), "10.96.2.0/24");
        worker.end().await;
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// A network of the test's own, removed with it.
struct Theirs(String);

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = Command::new("docker")
            .args(["network", "rm", &self.0])
            .output();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_network_of_a_real_engine_an_environment_gets_another_subnet() {
    let bench = Bench::new().await;
    // A range that no other test uses, and few others' networks.
    let third = Uuid::now_v7().as_bytes()[15] & 0xf0;
    let range: Ipv4Net = format!("10.200.{third}.0/20").parse().unwrap();
    let store = bench.db.store().system();
    store.installation_set_range(range.into()).await.unwrap();
    let next = format!("10.200.{}.0/24", third + 1);
    let theirs = Theirs(format!("segue-test-theirs-{}", bench.fixture.environment));
    docker(&[
        "network",
        "create",
        "--label",
        "segue-test=networks",
        "--subnet",
        &next,
        &theirs.0,
    ]);
    let owner = Ownership {
        installation: bench.installation,
        host: HostId::from_uuid(Uuid::nil()),
    };
    let engine = Arc::new(Docker::new("/var/run/docker.sock", owner).unwrap());
    let listed = engine
        .foreign_networks(Deadline::after(Duration::from_secs(30)))
        .await
        .unwrap();
    assert!(
        listed
            .iter()
            .any(|one| one.name == theirs.0 && one.subnet.to_string() == next),
        "{listed:?}"
    );
    let worker = bench.start_with(shared_over(&bench, engine.clone()));
    let mut spec = bench.serving("app:1", 1);
    for service in spec.services.values_mut() {
        // Networks are made before images are asked for: none is needed.
        let id = format!("sha256:{}", "ab".repeat(32));
        let hosts = Default::default();
        service.image = ImageSource::Pinned(ImageRef::Engine { id, hosts });
    }
    bench.deploy(spec).await;
    let names = [
        NetworkName::Names(bench.fixture.environment),
        NetworkName::Traffic(bench.fixture.environment),
    ];
    bench
        .eventually("the environment's networks are there", || async {
            let limit = Deadline::after(Duration::from_secs(30));
            let there = engine.networks(limit).await.unwrap();
            names.iter().all(|name| there.contains(name)).then_some(())
        })
        .await;
    let given = docker(&[
        "network",
        "inspect",
        "--format",
        "{{range .IPAM.Config}}{{.Subnet}}{{end}}",
        &names[1].to_string(),
    ]);
    assert_eq!(given, base(&bench).await.unwrap().to_string());
    assert_ne!(given, next);
    assert!(
        range.contains(&given.parse::<Ipv4Net>().unwrap()),
        "{given}"
    );
    worker.end().await;
    for name in names {
        let limit = Deadline::after(Duration::from_secs(30));
        engine.remove_network(name, limit).await.unwrap();
    }
}
