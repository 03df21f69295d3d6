//! Other people's applications in one run: deployed from source by real builds, replaced under constant load, and with
//! everything killed that can be. `SEGUE_E2E_DEPLOYMENTS=20 SEGUE_E2E_RATE=300` is the full size.

mod queue;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use segue_tests::images::{docker_build, repository};
use segue_tests::load::{Load, Mix, Report, Running};
use segue_tests::machine::{Machine, docker, share_engine, signal, wait_for};
use serde_json::Value;

use crate::roles::Split;
use queue::Queue;

/// Longest time until a killed application serves again that this test lets pass; it prints the real one.
const SERVING_AGAIN: Duration = Duration::from_secs(60);

/// A figure that a long run raises.
fn figure(name: &str, default: u32) -> u32 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// A copy of a fixture that the test may change.
fn fixture(machine: &Machine, name: &str) -> anyhow::Result<PathBuf> {
    let folder = machine.state().join("sources").join(name);
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(repository().join("tests/fixtures/real").join(name))? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    Ok(folder)
}

/// Deploys a source that differs from the one before.
fn up(machine: &Machine, source: &Path, version: &str) -> anyhow::Result<()> {
    std::fs::write(source.join("VERSION.txt"), format!("{version}\n"))?;
    let begun = Instant::now();
    machine.cli(source, &["up"])?;
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    println!("{name} {version}: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn inspect(container: &str, format: &str) -> anyhow::Result<String> {
    let output = docker()
        .args(["inspect", "-f", format, container])
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Constant load; `paths` of GET and POST, the latter echoed.
fn constant(machine: &Machine, host: &str, rate: u32, paths: (&str, &str), sockets: usize) -> Load {
    Load {
        edge: machine.edge(),
        host: host.to_owned(),
        get_path: paths.0.to_owned(),
        post_path: paths.1.to_owned(),
        echo: true,
        websocket_path: "/ws".into(),
        rate,
        mix: Mix {
            keep_alive: 6,
            fresh: 2,
            post: if paths.1.is_empty() { 0 } else { 2 },
        },
        websockets: sockets,
        version_header: "x-version".into(),
    }
}

fn none_failed(what: &str, report: &Report, machine: &Machine) -> anyhow::Result<()> {
    println!("{what}: {}", report.summary());
    ensure!(report.requests > 0, "{what}: nothing was sent");
    ensure!(
        report.failed == 0,
        "{what}: {}\n{}",
        report.summary(),
        machine.tail()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_peoples_applications_in_one_run() -> anyhow::Result<()> {
    let deployments = figure("SEGUE_E2E_DEPLOYMENTS", 3);
    let rate = figure("SEGUE_E2E_RATE", 100);
    share_engine()?;
    let machine = Machine::start()?;
    let httpbin = fixture(&machine, "httpbin")?;
    let sockets = fixture(&machine, "sockets")?;
    up(&machine, &httpbin, "0")?;
    up(&machine, &sockets, "0")?;
    express_verdaccio_and_nginx(&machine)?;
    let mut queue = Queue::deploy(&machine)?;

    let paths = ("/headers", "/post");
    let requests = constant(&machine, "httpbin.localhost", rate, paths, 0).start();
    let messages = constant(&machine, "sockets.localhost", rate / 10 + 1, ("/", "/"), 4).start();
    for number in 1..=deployments {
        let version = number.to_string();
        queue.send()?;
        up(&machine, &httpbin, &version)?;
        // Open websockets may take the drain time, and a third set of instances has to wait for it.
        if number % 5 == 1 {
            up(&machine, &sockets, &version)?;
        }
        queue.send()?;
        queue.deploy_consumer(&machine, &format!("1.{version}"))?;
        if number == deployments / 2 + 1 {
            queue.crash_consumer(&machine)?;
        }
        queue.send()?;
    }
    never_healthy(&machine, &httpbin)?;
    let mut split = Split::begin(&machine)?;
    during_a_deployment(&machine, &httpbin, "worker", || {
        split.kill_worker()?;
        split.start_worker()
    })?;
    split.end(&machine)?;
    during_a_deployment(&machine, &httpbin, "control", || {
        signal(machine.unit("control")?, "KILL")?;
        signal(machine.postgres()?, "KILL")
    })?;
    let (requests, messages) = (requests.stop().await, messages.stop().await);
    none_failed("httpbin", &requests, &machine)?;
    none_failed("sockets", &messages, &machine)?;
    ensure!(messages.messages > 0, "no websocket message came back");
    let sent = queue.settle(&machine)?;
    println!("consumer: {sent} messages, none lost");

    // What was in flight on a killed instance cannot be sent again by anybody but its sender, unless it only reads.
    let reads = constant(&machine, "httpbin.localhost", rate, ("/headers", ""), 0).start();
    killed(&machine, &reads, true)?;
    killed(&machine, &reads, false)?;
    none_failed("httpbin, instances killed", &reads.stop().await, &machine)?;
    machine.stop()
}

fn express_verdaccio_and_nginx(machine: &Machine) -> anyhow::Result<()> {
    for (name, path, wanted) in [
        ("express", "/profile", "segue"),
        ("verdaccio", "/-/ping", "{"),
    ] {
        let source = fixture(machine, name)?;
        up(machine, &source, "0")?;
        let answer = machine.visit(&format!("{name}.localhost"), path)?;
        ensure!(
            answer.status == 200 && answer.body.contains(wanted),
            "{name}: {answer:?}"
        );
    }
    docker_build("segue-test/nginx:v1", &fixture(machine, "nginx")?)?;
    let folder = machine.state();
    std::fs::write(
        folder.join("nginx.yaml"),
        "application: nginx\nimage: segue-test/nginx:v1\nreplicas: 1\nport: 80\n",
    )?;
    machine.cli(&folder, &["apply", "-f", "nginx.yaml"])?;
    let answer = machine.visit("nginx.localhost", "/")?;
    ensure!(
        answer.status == 200 && answer.body.contains("nginx"),
        "{answer:?}"
    );
    Ok(())
}

/// A release that never becomes healthy is rolled back by itself.
fn never_healthy(machine: &Machine, source: &Path) -> anyhow::Result<()> {
    let file = source.join("segue.toml");
    let good = std::fs::read_to_string(&file)?;
    let bad = good.replace(
        "health = { path = \"/status/200\" }",
        "health = { path = \"/status/500\", start_timeout = \"8s\" }",
    );
    ensure!(bad != good, "the fixture's manifest has no such line");
    std::fs::write(&file, bad)?;
    std::fs::write(source.join("VERSION.txt"), "never healthy\n")?;
    let output = machine.try_cli(source, &["up"])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("never healthy:\n{said}");
    ensure!(output.status.code() == Some(3), "{said}");
    ensure!(said.contains("code: health_status"), "{said}");
    std::fs::write(&file, good)?;
    let newest = newest(machine)?.context("no deployment")?;
    let state = newest
        .get("state")
        .and_then(Value::as_str)
        .unwrap_or_default();
    ensure!(state == "rolled_back", "{newest}");
    Ok(())
}

/// The newest deployment of httpbin, if the API answers.
fn newest(machine: &Machine) -> anyhow::Result<Option<Value>> {
    let path = "/v1/teams/acme/apps/httpbin/envs/production/deployments?limit=1";
    let Ok(answer) = machine.ask("GET", path, &[]) else {
        return Ok(None);
    };
    if answer.status != 200 {
        return Ok(None);
    }
    let list: Value = serde_json::from_str(&answer.body)?;
    Ok(list.pointer("/items/0").cloned())
}

fn web(machine: &Machine, environment: &str) -> anyhow::Result<BTreeSet<String>> {
    let label = format!("segue.environment={environment}");
    Ok(machine.labelled(&[&label])?.into_iter().collect())
}

/// Does something while the containers of a deployment start; it ends as if nothing had been.
fn during_a_deployment(
    machine: &Machine,
    source: &Path,
    what: &str,
    act: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let environment = machine.production("httpbin")?;
    let before = web(machine, &environment)?;
    std::fs::write(source.join("VERSION.txt"), format!("{what} killed\n"))?;
    // Detached: the command line is not to see its server die.
    machine.cli(source, &["up", "--detach"])?;
    let number = newest(machine)?.context("no deployment")?;
    let number = number.get("number").cloned().context("no number")?;
    wait_for("a new instance to be created", || {
        Ok((!web(machine, &environment)?.is_subset(&before)).then_some(()))
    })
    .with_context(|| machine.tail())?;
    let begun = Instant::now();
    act()?;
    wait_for("the deployment to be live", || {
        let newest = newest(machine)?;
        Ok(newest.filter(|one| {
            one.get("number") == Some(&number) && one.get("live") == Some(&Value::Bool(true))
        }))
    })
    .with_context(|| machine.tail())?;
    println!(
        "{what} killed in a deployment: live {:.1} s later",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Kills a container of httpbin, with its control plane or without one, and says when it serves again.
fn killed(machine: &Machine, reads: &Running, control: bool) -> anyhow::Result<()> {
    let environment = machine.production("httpbin")?;
    let (supervisor, mut off) = (machine.supervisor().context("no supervisor")?, false);
    wait_for("two instances and no others", || {
        Ok((answering(machine, &environment)?.len() == 2).then_some(()))
    })?;
    if !control {
        // The supervisor is not to bring them back meanwhile.
        signal(supervisor, "STOP")?;
        signal(machine.unit("control")?, "KILL")?;
        signal(machine.postgres()?, "KILL")?;
        off = true;
    }
    let sent = reads.so_far().requests;
    wait_for("requests before", || {
        Ok((reads.so_far().requests > sent + 50).then_some(()))
    })?;
    let victims = answering(machine, &environment)?;
    let victim = victims.first().context("no container")?;
    let process: u32 = inspect(victim, "{{.State.Pid}}")?.parse()?;
    let begun = Instant::now();
    signal(process, "KILL")?;
    wait_for("the process to be gone", || {
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        Ok((state.is_empty() || state.contains(") Z ")).then_some(()))
    })?;
    wait_for("two instances to serve again", || {
        Ok((answering(machine, &environment)?.len() >= 2).then_some(()))
    })
    .with_context(|| machine.tail())?;
    let took = begun.elapsed();
    let how = if control { "with" } else { "without" };
    println!(
        "killed {how} a control plane: serving again after {:.2} s",
        took.as_secs_f64()
    );
    if off {
        signal(supervisor, "CONT")?;
        wait_for("the API to answer", || Ok(newest(machine)?.map(drop)))?;
    }
    ensure!(took < SERVING_AGAIN, "serving again took {took:?}");
    Ok(())
}

/// Containers of an environment that answer a request, asked past the edge.
fn answering(machine: &Machine, environment: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for id in web(machine, environment)? {
        let format = "{{.State.Running}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
        let text = inspect(&id, format)?;
        let mut words = text.split_whitespace();
        if words.next() == Some("true")
            && let Some(address) = words.next()
            && let Ok(address) = format!("{address}:8080").parse()
            && segue_tests::machine::status(address, "/status/200") == Some(200)
        {
            found.push(id);
        }
    }
    Ok(found)
}
