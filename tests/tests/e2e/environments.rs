//! Staging and production of one app, promotion between them, previews by branch, one-off runs: on a real engine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use segue_tests::images::{image, probeapp};
use segue_tests::machine::{Machine, wait_for};
use segue_tests::tools::signal;
use serde_json::{Value, json};

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
    runs(&mut machine)?;
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
fn runs(machine: &mut Machine) -> anyhow::Result<()> {
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

/// A repository whose source says that there is a database beside the application.
struct Repository(PathBuf);

impl Repository {
    fn new(machine: &Machine) -> anyhow::Result<Self> {
        let folder = machine.state().join("shop");
        std::fs::create_dir_all(&folder)?;
        std::fs::copy(probeapp()?, folder.join("probeapp"))?;
        let one = Self(folder);
        one.git(&["init", "--quiet", "--initial-branch=main"])?;
        let written = "app = \"shop\"\n[services.web]\nport = 8080\n[services.db]\nkind = \"data\"\n\
            image = \"segue-test/environments:db\"\nport = 8080\nvolumes = { data = { path = \"/data\", size = \"1GiB\" } }\n";
        std::fs::write(one.0.join("segue.toml"), written)?;
        Ok(one)
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let status = Command::new("git")
            .args(["-c", "user.name=T", "-c", "user.email=t@example.com"])
            .args(arguments)
            .current_dir(&self.0)
            .status()?;
        ensure!(status.success(), "git {arguments:?}");
        Ok(())
    }

    fn commit(&self, version: &str) -> anyhow::Result<()> {
        let file = format!(
            "FROM scratch\nCOPY probeapp /probeapp\nENV VERSION={version}\nEXPOSE 8080\nCMD [\"/probeapp\"]\n"
        );
        std::fs::write(self.0.join("Dockerfile"), file)?;
        self.git(&["add", "."])?;
        self.git(&["commit", "--quiet", "-m", version])
    }

    fn push(&self, machine: &Machine, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
        let url = format!(
            "http://x:{}@{}/git/acme/shop.git",
            machine.token(),
            machine.api()
        );
        let output = Command::new("git")
            .arg("push")
            .arg(&url)
            .args(arguments)
            .current_dir(Path::new(&self.0))
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        println!("{said}");
        Ok((output.status.success(), said))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_has_an_environment_of_its_own_for_as_long_as_it_is_there() -> anyhow::Result<()> {
    let machine = Machine::start()?;
    image("segue-test/environments:db", &[("VERSION", "db")])?;
    machine.call(
        "POST",
        "/v1/teams/acme/apps",
        Some(&json!({"name": "shop"})),
    )?;
    let repository = Repository::new(&machine)?;
    repository.commit("v1")?;
    let (good, said) = repository.push(&machine, &["main"])?;
    ensure!(good, "{said}\n{}", machine.tail());
    for (key, value) in [("PASSWORD", "hunter2hunter2"), ("ALLOWED", "everybody may")] {
        let path = env("production", &format!("/secrets/{key}"));
        machine.call("PUT", &path, Some(&json!({"value": value})))?;
    }
    machine.call(
        "PATCH",
        &env("production", "/config"),
        Some(&json!({"COLOUR": "green"})),
    )?;

    repository.git(&["checkout", "--quiet", "-b", "feature/login"])?;
    repository.commit("login")?;
    let (good, said) = repository.push(&machine, &["feature/login"])?;
    ensure!(!good && said.contains("previews"), "{said}");
    let settings =
        json!({"previews": {"enabled": true, "ttl": 3600, "secrets": ["ALLOWED"], "limit": 1}});
    patch(&machine, APP, &settings)?;
    let (good, said) = repository.push(&machine, &["feature/login"])?;
    ensure!(good, "{said}\n{}", machine.tail());

    let all = machine.call("GET", &format!("{APP}/envs"), None)?;
    let items = all["items"].as_array().context("no environments")?;
    let preview = items
        .iter()
        .find(|one| one["kind"] == "preview")
        .context("no preview")?;
    let name = text(preview, "/name")?.to_owned();
    ensure!(name.starts_with("preview-feature-login"), "{name}");
    ensure!(
        preview["branch"] == "feature/login" && preview["ttl"] == 3600,
        "{preview}"
    );
    let expires = text(preview, "/expires_at")?.to_owned();
    let url = host(&machine, &name)?;
    ensure!(machine.visit(&url, "/")?.body.contains("login"));
    ensure!(machine.visit("shop.localhost", "/")?.body.contains("v1"));

    // Its values: plain configuration, and of the secrets only what was allowed.
    let web = containers(&machine, &name, "web")?
        .pop()
        .context("no container")?;
    let variables = inspect(&machine, &web, "{{.Config.Env}}")?;
    ensure!(
        variables.contains("COLOUR=green") && variables.contains("ALLOWED="),
        "{variables}"
    );
    ensure!(
        !variables.contains("PASSWORD") && !variables.contains("hunter2"),
        "{variables}"
    );

    // Its own network, which does not reach the other one's; its own data.
    let networks_of = "{{range $name, $n := .NetworkSettings.Networks}}{{$name}} {{end}}";
    let production = containers(&machine, "production", "web")?
        .pop()
        .context("no container")?;
    let (here, there) = (
        inspect(&machine, &web, networks_of)?,
        inspect(&machine, &production, networks_of)?,
    );
    ensure!(
        here.split_whitespace().all(|one| !there.contains(one)),
        "{here} / {there}"
    );
    let addresses = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
    for address in inspect(&machine, &production, addresses)?.split_whitespace() {
        let path = format!("/dial/{address}:8080");
        let body = machine.visit(&url, &path)?.body;
        let own = machine.visit("shop.localhost", &path)?.body;
        println!("{address}: from the preview {body}, from production {own}");
        ensure!(
            body != own,
            "a preview reaches production at {address}: {body}"
        );
    }
    let mounts = "{{range .Mounts}}{{.Name}} {{end}}";
    let volume = |name: &str| -> anyhow::Result<String> {
        let db = containers(&machine, name, "db")?
            .pop()
            .context("no database")?;
        inspect(&machine, &db, mounts)
    };
    let (own, other) = (volume(&name)?, volume("production")?);
    ensure!(!own.is_empty() && own != other, "{own} / {other}");

    // Each push begins its time anew; one more than may be is refused with a sentence.
    repository.commit("login2")?;
    let (good, said) = repository.push(&machine, &["feature/login"])?;
    ensure!(good, "{said}\n{}", machine.tail());
    ensure!(machine.visit(&url, "/")?.body.contains("login2"));
    let renewed = machine.call("GET", &env(&name, ""), None)?;
    ensure!(
        text(&renewed, "/expires_at")? > expires.as_str(),
        "{renewed}"
    );
    let (good, said) = repository.push(&machine, &["HEAD:refs/heads/other"])?;
    ensure!(!good && said.contains("has 1 previews already"), "{said}");

    // The branch goes, and everything of it.
    let id = text(&renewed, "/id")?.to_owned();
    let (good, said) = repository.push(&machine, &["--delete", "feature/login"])?;
    ensure!(good, "{said}\n{}", machine.tail());
    gone(&machine, &id, &name, &url)?;

    // Another branch has room now; its time is short, and it goes by itself.
    let (good, said) = repository.push(&machine, &["HEAD:refs/heads/other"])?;
    ensure!(good, "{said}\n{}", machine.tail());
    let shown = machine.call("GET", &env("preview-other", ""), None)?;
    let (id, url) = (
        text(&shown, "/id")?.to_owned(),
        host(&machine, "preview-other")?,
    );
    patch(&machine, &env("preview-other", ""), &json!({"ttl": 60}))?;
    wait_for("its time to be over", || {
        let answer = machine.ask("GET", &env("preview-other", ""), &[])?;
        Ok((answer.status == 404).then_some(()))
    })
    .or_else(|_| {
        wait_for("its time to be over, still", || {
            let answer = machine.ask("GET", &env("preview-other", ""), &[])?;
            Ok((answer.status == 404).then_some(()))
        })
    })?;
    gone(&machine, &id, "preview-other", &url)?;
    ensure!(machine.visit("shop.localhost", "/")?.body.contains("v1"));
    machine.stop()
}

/// Neither containers nor networks nor routes.
fn gone(machine: &Machine, id: &str, name: &str, url: &str) -> anyhow::Result<()> {
    wait_for("everything of the preview to go", || {
        let there =
            !of_environment(machine, id, "")?.is_empty() || !networks(machine, id)?.is_empty();
        let routed = machine.visit(url, "/")?.status == 200;
        Ok((!there && !routed).then_some(()))
    })
    .with_context(|| machine.tail())?;
    let answer = machine.ask("GET", &env(name, ""), &[])?;
    ensure!(answer.status == 404, "{answer:?}");
    Ok(())
}
