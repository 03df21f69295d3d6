//! The promise: a version is replaced by the next without losing a request.

use anyhow::ensure;
use segue_tests::images::image;
use segue_tests::load::{Load, Mix};
use segue_tests::machine::{Machine, wait_for};

/// Constant open-loop load on the probe application of `host`.
pub(crate) fn load(machine: &Machine, host: &str, rate: u32) -> Load {
    Load {
        edge: machine.edge(),
        host: host.to_owned(),
        get_path: "/".into(),
        post_path: "/echo".into(),
        echo: true,
        websocket_path: "/ws".into(),
        rate,
        mix: Mix {
            keep_alive: 6,
            fresh: 2,
            post: 2,
        },
        websockets: 2,
        version_header: "x-version".into(),
    }
}

/// Writes the smallest manifest that people write and applies it.
pub(crate) fn apply(machine: &Machine, image: &str, replicas: u32) -> anyhow::Result<String> {
    let folder = machine.state();
    let file = folder.join("shop.yaml");
    std::fs::write(
        &file,
        format!("application: shop\nimage: {image}\nreplicas: {replicas}\nport: 8080\n"),
    )?;
    machine.cli(&folder, &["apply", "-f", "shop.yaml"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_under_load_loses_no_request() -> anyhow::Result<()> {
    let machine = Machine::start()?;
    let first = image("segue-test/switch:v1", &[("VERSION", "v1")])?;
    let second = image("segue-test/switch:v2", &[("VERSION", "v2")])?;
    apply(&machine, &first, 2)?;

    let running = load(&machine, "shop.localhost", 300).start();
    wait_for("the first version to answer under load", || {
        Ok(running.so_far().versions.contains_key("v1").then_some(()))
    })?;
    apply(&machine, &second, 2)?;
    let at_switch = running.so_far();
    wait_for("requests after the switch", || {
        Ok((running.so_far().requests > at_switch.requests + 600).then_some(()))
    })?;
    let report = running.stop().await;
    println!("{}", report.summary());
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );
    ensure!(report.versions.contains_key("v2"), "{}", report.summary());
    ensure!(report.messages > 0, "no websocket message came back");
    machine.stop()
}
