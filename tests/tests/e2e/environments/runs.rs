//! One-off runs: their values, ends and logs, what is killed meanwhile, and the volumes that they share.

use anyhow::{Context as _, ensure};
use segue_tests::machine::{Machine, wait_for};
use segue_tests::tools::signal;
use serde_json::{Value, json};

use super::{env, inspect, refused, text};

fn run(machine: &Machine, words: &[&str], limit: u64) -> anyhow::Result<i64> {
    let command: Vec<&str> = ["/probeapp"].iter().chain(words).copied().collect();
    let body = json!({"command": command, "time_limit": limit});
    let made = machine.call("POST", &env("production", "/runs"), Some(&body))?;
    made["number"].as_i64().with_context(|| format!("{made}"))
}

fn run_now(machine: &Machine, number: i64, wait: &str) -> anyhow::Result<Value> {
    machine.call(
        "GET",
        &env("production", &format!("/runs/{number}{wait}")),
        None,
    )
}

fn run_over(machine: &Machine, number: i64) -> anyhow::Result<Value> {
    let run = run_now(machine, number, "?wait=60s")?;
    println!("{run}");
    ensure!(run["finished"] == true, "{run}\n{}", machine.tail());
    Ok(run)
}

fn log_of(machine: &Machine, number: i64, wanted: &str) -> anyhow::Result<()> {
    wait_for("the run's log", || {
        let path = env("production", &format!("/logs?run={number}"));
        let page = machine.call("GET", &path, None)?;
        let lines = page["items"].as_array().context("no lines")?;
        let own = format!("run.{number}");
        let found = lines.iter().any(|line| {
            line["instance"] == json!(own)
                && line["text"].as_str().unwrap_or_default().contains(wanted)
        });
        Ok(found.then_some(()))
    })
    .with_context(|| machine.tail())
}

/// A command in a container of its own: its values, its end, its log, its limits; and what is killed meanwhile.
pub(super) fn runs(machine: &mut Machine) -> anyhow::Result<()> {
    let one = run(machine, &["say", "VERSION"], 60)?;
    let over = run_over(machine, one)?;
    ensure!(
        over["state"] == "succeeded" && over["exit_code"] == 0,
        "{over}"
    );
    log_of(machine, one, "VERSION=sold")?;
    let hidden = run(machine, &["say", "STRIPE_KEY"], 60)?;
    run_over(machine, hidden)?;
    log_of(machine, hidden, "STRIPE_KEY=[redacted]")?;

    let three = run(machine, &["exit", "3"], 60)?;
    let over = run_over(machine, three)?;
    ensure!(
        over["state"] == "failed" && over["exit_code"] == 3,
        "{over}"
    );
    let hungry = run(machine, &["allocate", "700"], 60)?;
    let over = run_over(machine, hungry)?;
    ensure!(over["state"] == "failed" && over["oom"] == true, "{over}");
    let late = run(machine, &["sleep", "300"], 2)?;
    let over = run_over(machine, late)?;
    ensure!(over["state"] == "timed_out", "{over}");
    let stopped = run(machine, &["sleep", "300"], 600)?;
    wait_for("the run to run", || {
        Ok((run_now(machine, stopped, "")?["state"] == "running").then_some(()))
    })?;
    let cancel = env("production", &format!("/runs/{stopped}/cancel"));
    machine.call("POST", &cancel, None)?;
    ensure!(run_over(machine, stopped)?["state"] == "cancelled");
    refused(machine, "POST", &cancel, None, "conflict")?;
    let none = json!({"command": ["/nothing/there"]});
    let made = machine.call("POST", &env("production", "/runs"), Some(&none))?;
    let over = run_over(machine, made["number"].as_i64().context("no number")?)?;
    ensure!(over["state"] == "failed", "{over}");
    ensure!(over["failure"]["code"] == "command_not_found", "{over}");

    // The worker is killed while one runs: the next one adopts it, and it runs on in the same container.
    let kept = run(machine, &["sleep", "15"], 600)?;
    let running = wait_for("the run to run", || {
        let run = run_now(machine, kept, "")?;
        Ok((run["state"] == "running").then_some(run))
    })?;
    let name = text(&running, "/id")?.replace("run_", "ins_");
    let begun = inspect(machine, &name, "{{.State.StartedAt}}")?;
    signal(machine.unit("control")?, "KILL")?;
    wait_for("the control plane to be back", || {
        let answer = machine.ask("GET", &env("production", "/runs"), &[]);
        Ok(answer
            .is_ok_and(|answer| answer.status == 200)
            .then_some(()))
    })?;
    ensure!(
        inspect(machine, &name, "{{.State.StartedAt}}")? == begun,
        "it was started again"
    );
    ensure!(run_over(machine, kept)?["state"] == "succeeded");
    // Their containers are gone, and their logs are there, also after a restart of everything.
    wait_for("the runs' containers to go", || {
        let all = machine
            .docker()
            .args(["ps", "-aq", "--filter", &format!("name={name}")])
            .output()?;
        Ok(all.stdout.is_empty().then_some(()))
    })?;
    machine.kill()?;
    machine.serve()?;
    log_of(machine, one, "VERSION=sold")?;
    log_of(machine, kept, "sleeping")?;
    let list = machine.call("GET", &env("production", "/runs?limit=2"), None)?;
    ensure!(list["items"].as_array().map(Vec::len) == Some(2), "{list}");
    ensure!(list["next_cursor"].is_string(), "{list}");
    Ok(())
}

/// A run has the volume of its service beside it, for reading and writing, and no other service's.
pub(super) fn volumes(machine: &Machine) -> anyhow::Result<()> {
    let apps = "/v1/teams/acme/apps";
    machine.call("POST", apps, Some(&json!({"name": "store"})))?;
    let envs = format!("{apps}/store/envs");
    let new = json!({"name": "production", "kind": "production"});
    machine.call("POST", &envs, Some(&new))?;
    let at = |rest: &str| format!("{envs}/production{rest}");
    let volume = json!({"data": {"path": "/data", "size_bytes": 1 << 30}});
    let written = json!({
        "build": {"image": "segue-test/environments:v1"},
        "services": {
            "web": {"port": 8080, "volumes": volume},
            "db": {"kind": "data", "port": 8080, "volumes": volume},
        },
    });
    let generation = machine.call("GET", &at(""), None)?["generation"].clone();
    let tag = format!("if-match: \"{generation}\"");
    let kind = "content-type: application/json";
    let body = written.to_string();
    let arguments = ["-H", &tag, "-H", kind, "--data-binary", &body];
    let answer = machine.ask("PUT", &at("/spec"), &arguments)?;
    ensure!(answer.status == 200, "{answer:?}");
    let image = json!({"image": "segue-test/environments:v1"});
    super::live(machine, &at("/deployments"), &image)?;
    let run = |service: &str, words: &[&str]| -> anyhow::Result<i64> {
        let command: Vec<&str> = ["/probeapp"].iter().chain(words).copied().collect();
        let body = json!({"service": service, "command": command, "time_limit": 60});
        let made = machine.call("POST", &at("/runs"), Some(&body))?;
        let number = made["number"].as_i64().context("no number")?;
        let over = machine.call("GET", &at(&format!("/runs/{number}?wait=60s")), None)?;
        ensure!(over["state"] == "succeeded", "{over}\n{}", machine.tail());
        Ok(number)
    };
    let says = |number: i64, wanted: &str| {
        wait_for(wanted, || {
            let page = machine.call("GET", &at(&format!("/logs?run={number}")), None)?;
            Ok(page.to_string().contains(wanted).then_some(()))
        })
        .with_context(|| machine.tail())
    };
    run("web", &["write", "/data/note", "left by a run"])?;
    let read = machine.visit("store.localhost", "/read/data/note")?;
    ensure!(read.body.contains("left by a run"), "{read:?}");
    says(
        run("db", &["read", "/data/note"])?,
        "cannot read /data/note",
    )?;
    run("db", &["write", "/data/note", "of the database"])?;
    says(run("db", &["read", "/data/note"])?, "of the database")?;
    let read = machine.visit("store.localhost", "/read/data/note")?;
    ensure!(read.body.contains("left by a run"), "{read:?}");
    Ok(())
}
