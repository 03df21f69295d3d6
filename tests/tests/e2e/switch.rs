//! The promise: a version is replaced by the next without losing a request.

use anyhow::{Context as _, ensure};
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
    the_only_one_is_replaced(&machine, &second).await?;
    machine.stop()
}

/// The only instance of a service is replaced by a fresh one, by the command line and by the API.
async fn the_only_one_is_replaced(machine: &Machine, image: &str) -> anyhow::Result<()> {
    let folder = machine.state();
    let text = format!("application: single\nimage: {image}\nreplicas: 1\nport: 8080\n");
    std::fs::write(folder.join("single.yaml"), text)?;
    machine.cli(&folder, &["apply", "-f", "single.yaml"])?;
    let environment = format!("segue.environment={}", machine.production("single")?);
    // Its websockets may take a minute to leave the old instance; here it is the requests that count.
    let running = Load {
        websockets: 0,
        ..load(machine, "single.localhost", 300)
    }
    .start();
    let instances = "/v1/teams/acme/apps/single/envs/production/instances";
    for by_hand in [true, false] {
        let sent = running.so_far().requests;
        wait_for("requests on the instance", || {
            Ok((running.so_far().requests > sent + 300).then_some(()))
        })?;
        let before = machine.labelled(&[&environment])?;
        ensure!(before.len() == 1, "{before:?}");
        if by_hand {
            machine.cli(&folder, &["restart", "web.1", "--app", "single"])?;
        } else {
            let list = machine.call("GET", instances, None)?;
            let id = list
                .pointer("/items/0/id")
                .and_then(serde_json::Value::as_str);
            let id = id.context("no instance")?;
            let answer = machine.ask("DELETE", &format!("{instances}/{id}"), &[])?;
            ensure!(answer.status == 202, "{answer:?}");
        }
        wait_for("a fresh instance alone", || {
            let now = machine.labelled(&[&environment])?;
            Ok((now.len() == 1 && now != before).then_some(()))
        })
        .with_context(|| machine.tail())?;
    }
    let report = running.stop().await;
    println!("the only one replaced twice: {}", report.summary());
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );
    Ok(())
}
