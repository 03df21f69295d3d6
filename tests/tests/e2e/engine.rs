//! The Docker engine is killed, alone and with everything else: it is shown, nothing is deleted, requests go on, and
//! what was asked for meanwhile is done when it is back.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use segue_tests::engine::Engine;
use segue_tests::images::image;
use segue_tests::machine::{Machine, signal, wait_for};
use serde_json::Value;

use crate::switch::{apply, load};

/// Ids of all containers of the installation, of every service.
fn all(machine: &Machine) -> anyhow::Result<BTreeSet<String>> {
    Ok(machine.containers("web")?.into_iter().collect())
}

/// Instances of an app that are ready, by container name.
fn ready(machine: &Machine, app: &str) -> anyhow::Result<BTreeSet<String>> {
    let list = machine.call(
        "GET",
        &format!("/v1/teams/acme/apps/{app}/envs/production/instances"),
        None,
    )?;
    let items = list
        .get("items")
        .and_then(Value::as_array)
        .context("no list")?;
    let text = |item: &Value, key: &str| {
        item.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Ok(items
        .iter()
        .filter(|item| text(item, "state") == "ready")
        .map(|item| text(item, "id"))
        .collect())
}

/// Container and process of an instance.
fn container(machine: &Machine, name: &str) -> anyhow::Result<(String, u32)> {
    for id in machine.containers("web")? {
        let format = "{{.Name}} {{index .Config.Labels \"segue.instance\"}} {{.State.Pid}}";
        let output = machine
            .docker()
            .args(["inspect", "-f", format, &id])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains(name) {
            let pid = text
                .split_whitespace()
                .last()
                .context("no process")?
                .parse()?;
            return Ok((id, pid));
        }
    }
    anyhow::bail!("no container of {name}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_killed_costs_nothing_and_everything_comes_back() -> anyhow::Result<()> {
    let mut engine = Engine::start()?;
    let first = image("segue-test/engine:v1", &[("VERSION", "v1")])?;
    let second = image("segue-test/engine:v2", &[("VERSION", "v2")])?;
    engine.load(&first)?;
    engine.load(&second)?;
    let socket = format!("{:?}", engine.socket().display().to_string());
    let mut machine = Machine::start_with(vec![("engine.socket", socket)])?;
    let folder = machine.state();
    apply(&machine, &first, 2)?;
    let other = format!("application: other\nimage: {first}\nreplicas: 2\nport: 8080\n");
    std::fs::write(folder.join("other.yaml"), other)?;
    machine.cli(&folder, &["apply", "-f", "other.yaml"])?;

    let running = load(&machine, "shop.localhost", 100).start();
    wait_for("the first version to answer", || {
        Ok(running.so_far().versions.contains_key("v1").then_some(()))
    })?;
    let before = all(&machine)?;
    let instance = ready(&machine, "other")?
        .pop_first()
        .context("none is ready")?;
    let (deleted, process) = container(&machine, &instance)?;

    engine.kill()?;
    wait_for("people to be told", || {
        let hosts = machine.cli(&folder, &["hosts", "list"])?;
        let status = machine.cli(&folder, &["status", "--app", "shop"])?;
        let told = hosts.contains("suspect") && status.contains("does not answer");
        Ok(told.then(|| println!("{hosts}{status}")))
    })
    .with_context(|| machine.tail())?;
    // Meanwhile: a deployment is asked for, and an instance of the other app is deleted behind the engine's back.
    machine.apply_detached("shop", &second, 2)?;
    signal(process, "KILL")?;
    std::fs::remove_dir_all(engine.container_folder(&deleted))?;
    let gone = running.so_far().requests;
    wait_for("requests while the engine is gone", || {
        Ok((running.so_far().requests > gone + 1500).then_some(()))
    })?;
    ensure!(
        running.so_far().versions.keys().eq(["v1"]),
        "the new version answers without an engine"
    );

    engine.run()?;
    wait_for("the deployment that was asked for meanwhile", || {
        Ok(running.so_far().versions.contains_key("v2").then_some(()))
    })
    .with_context(|| machine.tail())?;
    wait_for("the deleted instance to be replaced", || {
        let now = ready(&machine, "other")?;
        Ok((now.len() == 2 && !now.contains(&instance)).then_some(()))
    })
    .with_context(|| machine.tail())?;
    // The old version is still warm, and nothing else was touched: every container from before is there but the one.
    let mut lost: BTreeSet<String> = before.difference(&all(&machine)?).cloned().collect();
    lost.remove(&deleted);
    ensure!(
        lost.is_empty(),
        "containers were deleted: {lost:?}\n{}",
        machine.tail()
    );
    let report = running.stop().await;
    println!("{}", report.summary());
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );

    everything(&mut machine, &mut engine).await?;
    machine.stop()
}

/// Everything is killed, applications included; an engine and one command bring it back.
async fn everything(machine: &mut Machine, engine: &mut Engine) -> anyhow::Result<()> {
    let mut processes = Vec::new();
    for id in machine.containers("web")? {
        let format = ["inspect", "-f", "{{.State.Pid}}", &id];
        let output = machine.docker().args(format).output()?;
        processes.extend(
            String::from_utf8_lossy(&output.stdout)
                .trim()
                .parse::<u32>(),
        );
    }
    let mut units = vec![machine.postgres()?];
    // The build engine runs only once something was built.
    for unit in ["control", "edge"] {
        units.push(machine.unit(unit)?);
    }
    machine.kill()?;
    for pid in units {
        signal(pid, "KILL")?;
    }
    engine.kill_everything()?;
    for pid in processes.into_iter().filter(|pid| *pid != 0) {
        // Its guardian may have taken it along.
        drop(signal(pid, "KILL"));
    }

    engine.run()?;
    machine.serve()?;
    for (app, version) in [("shop", "v2"), ("other", "v1")] {
        wait_for("the application to answer again", || {
            let answer = machine.visit(&format!("{app}.localhost"), "/")?;
            Ok((answer.status == 200 && answer.body.contains(version)).then_some(()))
        })
        .with_context(|| machine.tail())?;
    }
    // With all its instances, and without anybody's help.
    let running = load(machine, "shop.localhost", 100).start();
    wait_for("both apps to be whole", || {
        let whole = ready(machine, "shop")?.len() >= 2 && ready(machine, "other")?.len() == 2;
        Ok((whole && running.so_far().requests > 200).then_some(()))
    })
    .with_context(|| machine.tail())?;
    let report = running.stop().await;
    println!("{}", report.summary());
    ensure!(report.versions.keys().eq(["v2"]), "{}", report.summary());
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );
    Ok(())
}
