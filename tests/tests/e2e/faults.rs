//! What is killed is not noticed by anybody: not by users, and not by a deployment. (The whole control plane is killed in
//! a deployment of `real`, the engine in `engine`.)

use anyhow::{Context as _, ensure};
use segue_tests::images::image;
use segue_tests::load::Report;
use segue_tests::machine::{Machine, docker, signal, wait_for};

use crate::switch::{apply, load};

/// Processes on the host that run in containers of a service, by `docker inspect`.
fn container_processes(machine: &Machine, service: &str) -> anyhow::Result<Vec<(String, u32)>> {
    machine
        .containers(service)?
        .into_iter()
        .map(|id| {
            let output = docker()
                .args(["inspect", "-f", "{{.State.Pid}}", &id])
                .output()?;
            let pid = String::from_utf8_lossy(&output.stdout)
                .trim()
                .parse()
                .unwrap_or(0);
            Ok((id, pid))
        })
        .collect()
}

fn none_failed(report: &Report, machine: &Machine) -> anyhow::Result<()> {
    println!("{}", report.summary());
    ensure!(
        report.failed == 0,
        "{}\n{}",
        report.summary(),
        machine.tail()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_is_killed_comes_back_with_and_without_a_control_plane()
-> anyhow::Result<()> {
    let machine = Machine::start()?;
    let name = image("segue-test/faults:v1", &[("VERSION", "v1")])?;
    apply(&machine, &name, 2)?;
    let running = load(&machine, "shop.localhost", 200).start();
    wait_for("the version to answer", || {
        Ok(running.so_far().versions.contains_key("v1").then_some(()))
    })?;
    for control in [true, false] {
        if !control {
            // The supervisor is not to bring them back meanwhile.
            signal(machine.supervisor().context("no supervisor")?, "STOP")?;
            signal(machine.unit("control")?, "KILL")?;
            signal(machine.postgres()?, "KILL")?;
        }
        let before = container_processes(&machine, "web")?;
        let (id, pid) = before.first().cloned().context("no container")?;
        signal(pid, "KILL")?;
        wait_for("the killed container to run again", || {
            let now = container_processes(&machine, "web")?;
            let back = now.iter().any(|(i, p)| *i == id && *p != pid && *p != 0)
                || now
                    .iter()
                    .filter(|(i, p)| *p != 0 && !before.iter().any(|(b, _)| b == i))
                    .count()
                    > 0;
            Ok(back.then_some(()))
        })?;
        if !control {
            signal(machine.supervisor().context("no supervisor")?, "CONT")?;
        }
    }
    // Requests that were in flight on a killed instance may have failed if they were no GETs; nothing else may.
    let report = running.stop().await;
    println!("{}", report.summary());
    let others = report
        .failures
        .iter()
        .filter(|f| f.kind == "keep-alive" || f.kind == "fresh")
        .count();
    ensure!(others == 0, "{}\n{}", report.summary(), machine.tail());
    machine.stop()
}

/// Answers of the API while its database is away.
fn away(machine: &Machine) -> anyhow::Result<()> {
    let name = serde_json::json!({"name": "never"}).to_string();
    let body = [
        "-H",
        "content-type: application/json",
        "--data-binary",
        &name,
    ];
    let asked = [
        machine.ask("GET", "/v1/teams/acme/apps", &[])?,
        machine.ask(
            "GET",
            "/v1/teams/acme/apps/shop/envs/production/deployments",
            &[],
        )?,
        machine.ask("POST", "/v1/teams/acme/apps", &body)?,
    ];
    for answer in asked {
        ensure!(answer.status == 503, "{answer:?}");
        let wait: u32 = answer
            .header("retry-after")
            .with_context(|| format!("no Retry-After: {answer:?}"))?
            .parse()?;
        ensure!(wait > 0, "{answer:?}");
        ensure!(answer.body.contains("\"code\""), "{answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_the_api_says_when_to_come_back_and_the_edge_serves_on()
-> anyhow::Result<()> {
    let machine = Machine::start()?;
    let first = image("segue-test/faults:v1", &[("VERSION", "v1")])?;
    let second = image(
        "segue-test/faults:v2",
        &[("VERSION", "v2"), ("LISTEN_DELAY_MS", "2000")],
    )?;
    apply(&machine, &first, 2)?;
    let running = load(&machine, "shop.localhost", 200).start();
    wait_for("the first version to answer", || {
        Ok(running.so_far().versions.contains_key("v1").then_some(()))
    })?;
    machine.apply_detached("shop", &second, 2)?;
    wait_for("an instance of the second version to be created", || {
        Ok((machine.containers("web")?.len() > 2).then_some(()))
    })?;
    // The supervisor is not to bring it back meanwhile; the API and the worker live on.
    let supervisor = machine.supervisor().context("no supervisor")?;
    let (control, postgres) = (machine.unit("control")?, machine.postgres()?);
    signal(supervisor, "STOP")?;
    signal(postgres, "KILL")?;
    away(&machine)?;
    let gone = running.so_far().requests;
    wait_for("requests while the database is away", || {
        Ok((running.so_far().requests > gone + 2000).then_some(()))
    })?;
    away(&machine)?;
    signal(supervisor, "CONT")?;

    wait_for("the deployment to end as if nothing had been", || {
        Ok(running.so_far().versions.contains_key("v2").then_some(()))
    })
    .with_context(|| machine.tail())?;
    let list = "/v1/teams/acme/apps/shop/envs/production/deployments";
    let list = wait_for("the API to answer again", || {
        let answer = machine.ask("GET", list, &[])?;
        Ok((answer.status == 200).then_some(answer.body))
    })?;
    let list: serde_json::Value = serde_json::from_str(&list)?;
    let items = list.get("items").and_then(serde_json::Value::as_array);
    ensure!(items.is_some_and(|items| items.len() == 2), "{list}");
    let apps = machine
        .call("GET", "/v1/teams/acme/apps", None)?
        .to_string();
    ensure!(apps.contains("shop") && !apps.contains("never"), "{apps}");
    ensure!(
        machine.unit("control")? == control,
        "the control plane did not live through it"
    );
    none_failed(&running.stop().await, &machine)?;
    machine.stop()
}
