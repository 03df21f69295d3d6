//! Staging and production of one app, promotion between them, previews by branch, one-off runs: on a real engine.

use anyhow::{Context as _, ensure};
use segue_tests::images::image;
use segue_tests::machine::{Machine, share_engine, wait_for};
use serde_json::{Value, json};

mod previews;
mod runs;

const APP: &str = "/v1/teams/acme/apps/shop";

/// A request that a client makes about an environment: with its newest generation where one is wanted.
fn patch(machine: &Machine, path: &str, body: &Value) -> anyhow::Result<Value> {
    let generation = machine.call("GET", path, None)?;
    let generation = generation.get("generation").and_then(Value::as_i64);
    let tag = format!("if-match: \"{}\"", generation.context("no generation")?);
    let text = body.to_string();
    let json = "content-type: application/merge-patch+json";
    let answer = machine.ask(
        "PATCH",
        path,
        &["-H", &tag, "-H", json, "--data-binary", &text],
    )?;
    ensure!(answer.status == 200, "PATCH {path} {body}: {answer:?}");
    Ok(serde_json::from_str(&answer.body)?)
}

fn env(name: &str, rest: &str) -> String {
    format!("{APP}/envs/{name}{rest}")
}

fn text<'a>(value: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.with_context(|| format!("no {pointer} in {value}"))
}

/// A request that is refused with this code; answers the problem.
fn refused(
    machine: &Machine,
    method: &str,
    path: &str,
    body: Option<&Value>,
    code: &str,
) -> anyhow::Result<Value> {
    let sent = body.map(ToString::to_string).unwrap_or_default();
    let json = "content-type: application/json";
    let arguments = [
        "-H",
        json,
        "-H",
        "if-match: \"999999\"",
        "--data-binary",
        &sent,
    ];
    let count = if body.is_some() { 6 } else { 4 };
    let answer = machine.ask(method, path, arguments.get(..count).unwrap_or_default())?;
    let problem: Value = serde_json::from_str(&answer.body)?;
    println!("{} {}", answer.status, answer.body);
    let said = [problem.pointer("/code"), problem.pointer("/failure/code")];
    ensure!(
        answer.status >= 400 && said.iter().flatten().any(|word| **word == code),
        "{method} {path}: wanted {code}: {answer:?}"
    );
    Ok(problem)
}

/// The host name of an environment's first URL.
fn host(machine: &Machine, name: &str) -> anyhow::Result<String> {
    let shown = machine.call("GET", &env(name, ""), None)?;
    let url = text(&shown, "/urls/0")?.to_owned();
    let host = url.trim_start_matches("http://");
    Ok(host.split(':').next().unwrap_or_default().to_owned())
}

/// Containers of one environment, of one service or all.
fn containers(machine: &Machine, name: &str, service: &str) -> anyhow::Result<Vec<String>> {
    let shown = machine.call("GET", &env(name, ""), None)?;
    of_environment(machine, text(&shown, "/id")?, service)
}

fn of_environment(machine: &Machine, id: &str, service: &str) -> anyhow::Result<Vec<String>> {
    let of = format!("segue.environment={id}");
    let service = format!("segue.service={service}");
    let both = [of.as_str(), service.as_str()];
    machine.labelled(
        both.get(..if service.ends_with('=') { 1 } else { 2 })
            .unwrap_or_default(),
    )
}

fn inspect(machine: &Machine, container: &str, format: &str) -> anyhow::Result<String> {
    let output = machine
        .docker()
        .args(["inspect", "-f", format, container])
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn images(machine: &Machine, name: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for container in containers(machine, name, "web")? {
        found.push(inspect(machine, &container, "{{.Image}}")?);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn live(machine: &Machine, path: &str, body: &Value) -> anyhow::Result<Value> {
    let deployment = machine.call("POST", &format!("{path}?wait=120s"), Some(body))?;
    ensure!(
        deployment.get("live") == Some(&json!(true)),
        "{deployment}\n{}",
        machine.tail()
    );
    Ok(deployment)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tried_in_staging_runs_in_production_with_productions_values() -> anyhow::Result<()>
{
    share_engine()?;
    let mut machine = Machine::start()?;
    let name = image("segue-test/environments:v1", &[("VERSION", "image")])?;
    machine.call(
        "POST",
        "/v1/teams/acme/apps",
        Some(&json!({"name": "shop"})),
    )?;
    for (name, kind) in [("staging", "staging"), ("production", "production")] {
        let body = json!({"name": name, "kind": kind});
        machine.call("POST", &format!("{APP}/envs"), Some(&body))?;
    }
    for (name, said) in [("staging", "tried"), ("production", "sold")] {
        machine.call(
            "PATCH",
            &env(name, "/config"),
            Some(&json!({"VERSION": said})),
        )?;
    }
    let scale = json!({"replicas": {"web": 2}});
    let first = live(
        &machine,
        &env("staging", "/deployments"),
        &json!({"image": name}),
    )?;
    let staging = host(&machine, "staging")?;
    ensure!(machine.visit(&staging, "/")?.body.contains("tried"));

    // Production wants a secret that it does not have.
    let written = json!({
        "build": {"image": name},
        "services": {"web": {"port": 8080, "replicas": 2}},
        "config": {"STRIPE_KEY": {"secret": true, "required": true}},
    });
    let generation = machine.call("GET", &env("production", ""), None)?["generation"].clone();
    let tag = format!("if-match: \"{generation}\"");
    let body = written.to_string();
    let json_type = "content-type: application/json";
    let arguments = ["-H", &tag, "-H", json_type, "--data-binary", &body];
    let answer = machine.ask("PUT", &env("production", "/spec"), &arguments)?;
    ensure!(answer.status == 200, "{answer:?}");
    let number = first["number"].as_i64().context("no number")?;
    let promote = env("staging", &format!("/deployments/{number}/promote"));
    let to = json!({"to": "production"});
    let problem = refused(&machine, "POST", &promote, Some(&to), "variable_missing")?;
    ensure!(
        text(&problem, "/detail")?.contains("STRIPE_KEY"),
        "{problem}"
    );
    refused(
        &machine,
        "POST",
        &promote,
        Some(&json!({"to": "staging"})),
        "conflict",
    )?;
    let secret = env("production", "/secrets/STRIPE_KEY");
    machine.call(
        "PUT",
        &secret,
        Some(&json!({"value": "sk_live_of_production"})),
    )?;

    // The plan changes nothing.
    let planned = machine.call("POST", &format!("{promote}?dry_run=true"), Some(&to))?;
    println!("{planned}");
    ensure!(
        planned["to"] == "production" && planned["changes"][0]["action"] == "create",
        "{planned}"
    );
    ensure!(
        containers(&machine, "production", "web")?.is_empty(),
        "a plan was carried out"
    );

    let promoted = live(&machine, &promote, &to)?;
    ensure!(promoted["kind"] == "promote", "{promoted}");
    let production = host(&machine, "production")?;
    ensure!(
        production == "shop.localhost" && production != staging,
        "{production} {staging}"
    );
    ensure!(machine.visit(&production, "/")?.body.contains("sold"));
    ensure!(machine.visit(&staging, "/")?.body.contains("tried"));
    // The same image by its content, not built or looked up again; each with its own number of instances.
    ensure!(images(&machine, "staging")? == images(&machine, "production")?);
    ensure!(images(&machine, "production")?.len() == 1);
    ensure!(containers(&machine, "staging", "web")?.len() == 1);
    ensure!(containers(&machine, "production", "web")?.len() == 2);
    let builds = machine.call("GET", &env("production", "/builds"), None)?;
    ensure!(builds["items"] == json!([]), "{builds}");
    let release = machine.call("GET", &env("production", "/releases/1"), None)?;
    ensure!(release["origin"]["environment"] == "staging", "{release}");
    ensure!(release["origin"]["release"] == 1, "{release}");
    let compared = machine.call("GET", &env("staging", "/compare/production"), None)?;
    println!("{compared}");
    ensure!(compared["release"]["same_images"] == true, "{compared}");
    ensure!(compared["config"][0] == json!({"key": "VERSION", "value": "tried", "other": "sold"}));
    ensure!(compared["secrets"][0]["key"] == "STRIPE_KEY", "{compared}");
    ensure!(
        !compared.to_string().contains("sk_live"),
        "a secret's value is shown"
    );
    // The numbers are the environment's own.
    machine.call(
        "PATCH",
        &env("staging", "/config"),
        Some(&json!({"VERSION": "again"})),
    )?;
    machine.call("POST", &env("staging", "/scale"), Some(&scale))?;
    wait_for("two instances in staging", || {
        Ok((containers(&machine, "staging", "web")?.len() >= 2).then_some(()))
    })?;

    clones(&machine)?;
    protection(&machine)?;
    runs::volumes(&machine)?;
    runs::runs(&mut machine)?;
    machine.stop()
}

/// A clone has everything but host names and values of secrets.
fn clones(machine: &Machine) -> anyhow::Result<()> {
    let body = json!({"name": "copy", "kind": "staging", "clone_of": "production"});
    let made = machine.call("POST", &format!("{APP}/envs"), Some(&body))?;
    ensure!(made["cloned_from"] == "production", "{made}");
    let config = machine.call("GET", &env("copy", "/config"), None)?;
    ensure!(config["values"]["VERSION"] == "sold", "{config}");
    let secrets = machine.call("GET", &env("copy", "/secrets"), None)?;
    ensure!(
        secrets["items"] == json!([]) && secrets["missing"] == json!(["STRIPE_KEY"]),
        "{secrets}"
    );
    let deployments = env("copy", "/deployments");
    let body = json!({"image": "segue-test/environments:v1"});
    let problem = refused(machine, "POST", &deployments, Some(&body), "secret_missing")?;
    ensure!(
        text(&problem, "/detail")?.contains("STRIPE_KEY"),
        "{problem}"
    );
    ensure!(
        text(&problem, "/hint")?.contains("segue secret set STRIPE_KEY"),
        "{problem}"
    );
    let value = json!({"value": "sk_test_of_the_copy"});
    machine.call("PUT", &env("copy", "/secrets/STRIPE_KEY"), Some(&value))?;
    live(machine, &deployments, &body)?;
    let copy = host(machine, "copy")?;
    ensure!(machine.visit(&copy, "/")?.body.contains("sold"));
    ensure!(copy != "shop.localhost", "{copy}");
    Ok(())
}

/// What is protected stays.
fn protection(machine: &Machine) -> anyhow::Result<()> {
    patch(machine, &env("copy", ""), &json!({"protected": true}))?;
    let generation = machine.call("GET", &env("copy", ""), None)?["generation"].clone();
    let tag = format!("if-match: \"{generation}\"");
    let answer = machine.ask("DELETE", &env("copy", ""), &["-H", &tag])?;
    ensure!(
        answer.status == 409 && answer.body.contains("protected"),
        "{answer:?}"
    );
    patch(machine, &env("copy", ""), &json!({"protected": false}))?;
    let generation = machine.call("GET", &env("copy", ""), None)?["generation"].clone();
    let tag = format!("if-match: \"{generation}\"");
    let id = machine.call("GET", &env("copy", ""), None)?;
    let id = text(&id, "/id")?.to_owned();
    let answer = machine.ask("DELETE", &env("copy", ""), &["-H", &tag])?;
    ensure!(answer.status == 204, "{answer:?}");
    wait_for("the copy's containers and networks to go", || {
        Ok(
            (of_environment(machine, &id, "")?.is_empty() && networks(machine, &id)?.is_empty())
                .then_some(()),
        )
    })
}

fn networks(machine: &Machine, environment: &str) -> anyhow::Result<Vec<String>> {
    let filter = format!("name=segue-{environment}");
    let output = machine
        .docker()
        .args(["network", "ls", "-q", "--filter", &filter])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().map(str::to_owned).collect())
}
