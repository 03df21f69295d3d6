//! The receipt of a deployment is what an independent client counted, to the request.
//!
//! The window of a receipt begins with the first generation of the routes that has the new release, and ends one
//! drain time after the last acknowledgement. A client can know by itself which of its requests lie in it:
//! with `switch` that generation has the new release alone, so these are the requests that the new version
//! answered, or that failed after it; with `rolling` versions mix, so the client sends only within the window.

use anyhow::{Context as _, ensure};
use segue_tests::images::image;
use segue_tests::load::{Load, Report};
use segue_tests::machine::{Machine, wait_for};
use segue_tests::tools::answer;
use serde_json::Value;

use crate::switch::load;

const DEPLOYMENTS: &str = "/v1/teams/acme/apps/shop/envs/production/deployments";
const RELEASES: &str = "/v1/teams/acme/apps/shop/envs/production/releases";

fn write(machine: &Machine, image: &str, deploy: &str, config: &str) -> anyhow::Result<()> {
    let text = format!(
        "app = \"shop\"\n[build]\nimage = \"{image}\"\n[deploy]\n{deploy}\n[services.web]\nreplicas = 3\n[config]\n{config}\n"
    );
    Ok(std::fs::write(machine.state().join("segue.toml"), text)?)
}

fn number(value: &Value, key: &str) -> anyhow::Result<u64> {
    value
        .get(key)
        .and_then(Value::as_u64)
        .with_context(|| format!("no {key} in {value}"))
}

/// The newest deployment.
fn newest(machine: &Machine) -> anyhow::Result<Value> {
    let list = machine.call("GET", &format!("{DEPLOYMENTS}?limit=1"), None)?;
    list.pointer("/items/0").cloned().context("no deployment")
}

/// The receipt of a deployment once its window is over and nothing more can arrive in it.
fn receipt(machine: &Machine, deployment: u64) -> anyhow::Result<Value> {
    let path = format!("{DEPLOYMENTS}/{deployment}/receipt");
    wait_for("the window of the receipt to end", || {
        let answer = machine.ask("GET", &path, &[])?;
        let receipt: Value = serde_json::from_str(&answer.body)?;
        let Some(until) = receipt.get("until").and_then(Value::as_str) else {
            return Ok(None);
        };
        let date = std::process::Command::new("date")
            .args(["+%s", "-d", until])
            .output()?;
        let until: u64 = String::from_utf8_lossy(&date.stdout).trim().parse()?;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)?
            .as_secs();
        // A report is on its way for a second at most, and counts by the second of its arrival.
        Ok((now > until + 4).then_some(receipt))
    })
}

/// Requests that a version answered, websockets included.
fn answered(report: &Report, version: &str) -> u64 {
    let of = |map: &std::collections::BTreeMap<String, u64>| map.get(version).copied().unwrap_or(0);
    of(&report.versions) + of(&report.upgrades)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receipt_of_a_switch_is_what_a_client_counted() -> anyhow::Result<()> {
    let machine = Machine::start()?;
    let name = image("segue-test/receipt:v1", &[])?;
    let folder = machine.state();
    let switch = "rollout = { bake = \"1s\", drain = \"15s\" }";
    write(&machine, &name, switch, "VERSION = \"v1\"")?;
    machine.cli(&folder, &["apply"])?;

    // The first version is under load, and takes requests on until the switch.
    let running = load(&machine, "shop.localhost", 150).start();
    wait_for("the first version to answer", || {
        Ok(running.so_far().versions.contains_key("v1").then_some(()))
    })?;
    write(&machine, &name, switch, "VERSION = \"v2\"")?;
    machine.cli(&folder, &["apply"])?;
    wait_for("the second version to answer", || {
        Ok((answered(&running.so_far(), "v2") > 100).then_some(()))
    })?;
    // Its watch is over, or what follows would take it back.
    wait_for("the new release to be good", || {
        let state = newest(&machine)?.get("state").cloned();
        Ok((state == Some("succeeded".into())).then_some(()))
    })?;
    // What the new version fails, seen from outside: no answer, half an answer, and answers that are its own errors.
    let host = "host: shop.localhost";
    let edge = format!("http://{}", machine.edge());
    for _ in 0..7 {
        let refused = answer(&format!("{edge}/drop"), &["-X", "POST", "-H", host])?;
        ensure!(refused.status == 502, "{refused:?}");
    }
    for _ in 0..5 {
        let broken = answer(&format!("{edge}/break"), &["-H", host]);
        ensure!(broken.is_err(), "half an answer passed: {broken:?}");
    }
    for _ in 0..3 {
        let own = answer(&format!("{edge}/status/500"), &["-H", host])?;
        ensure!(own.status == 500, "{own:?}");
    }
    let report = running.stop().await;
    println!("{}, upgrades {:?}", report.summary(), report.upgrades);
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );
    ensure!(answered(&report, "v1") > 0, "{}", report.summary());

    let deployment = newest(&machine)?;
    let receipt = receipt(&machine, number(&deployment, "number")?)?;
    println!("{receipt:#}");
    ensure!(
        number(&receipt, "requests")? == answered(&report, "v2") + 7 + 5 + 3,
        "the client counted {} and 15 that were to fail, the receipt says {receipt}",
        answered(&report, "v2")
    );
    let classes = receipt.get("by_class").context("no classes")?;
    ensure!(number(&receipt, "failed")? == 12, "{receipt}");
    ensure!(number(&receipt, "edge_failed")? == 7, "{receipt}");
    ensure!(number(&receipt, "broken")? == 5, "{receipt}");
    ensure!(number(classes, "server_error")? == 3, "{receipt}");

    mixing(&machine, &name).await?;
    machine.stop()
}

/// The same where versions mix: every request of the client lies in the window.
async fn mixing(machine: &Machine, name: &str) -> anyhow::Result<()> {
    let rolling = "strategy = \"rolling\"\nrollout = { bake = \"1s\", drain = \"5s\" }";
    let config = "VERSION = \"v3\"\nLISTEN_DELAY_MS = \"700\"";
    write(machine, name, rolling, config)?;
    machine.cli(&machine.state(), &["apply", "--detach"])?;
    let deployment = newest(machine)?;
    let number_of_it = number(&deployment, "number")?;
    let version = number(&deployment, "release")?;
    let release = machine.call("GET", &format!("{RELEASES}/{version}"), None)?;
    let release = release
        .get("id")
        .and_then(Value::as_str)
        .context("no release id")?
        .to_owned();
    wait_for("the edge to have the first generation with it", || {
        let metrics = answer(&format!("http://{}/metrics", machine.admin()), &[])?;
        Ok(metrics.body.contains(&release).then_some(()))
    })?;
    // Open websockets hold an old instance, and with it the next batch, for their whole drain time.
    let running = Load {
        rate: 200,
        websockets: 0,
        ..load(machine, "shop.localhost", 200)
    }
    .start();
    let path = format!("{DEPLOYMENTS}/{number_of_it}");
    wait_for("the deployment to be live", || {
        let now = machine.call("GET", &path, None)?;
        Ok(now
            .get("live")
            .and_then(Value::as_bool)
            .filter(|live| *live)
            .map(drop))
    })?;
    let report = running.stop().await;
    println!("{}, upgrades {:?}", report.summary(), report.upgrades);
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );
    ensure!(
        answered(&report, "v2") > 0 && answered(&report, "v3") > 0,
        "versions did not mix: {}",
        report.summary()
    );
    let receipt = receipt(machine, number_of_it)?;
    println!("{receipt:#}");
    let upgrades: u64 = report.upgrades.values().sum();
    ensure!(
        number(&receipt, "requests")? == report.requests + upgrades,
        "the client sent {} and opened {upgrades} websockets, the receipt says {receipt}",
        report.requests
    );
    ensure!(number(&receipt, "failed")? == 0, "{receipt}");
    Ok(())
}
