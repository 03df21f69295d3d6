//! The public API against its own document: requests that it allows and requests that it forbids, made by
//! schemathesis. 0 server errors, 0 missing authentication, 0 answers that are not documented.
//!
//! As the owner of a team that has some of everything, so that more than the first look-up is reached; and with no
//! token at all. What the roles in between may do is the access table's business (crates/api).

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use segue_tests::images::{image, repository};
use segue_tests::machine::{Machine, share_engine};
use segue_tests::tools::python_tool;
use serde_json::{Value, json};

/// Fixed, so that what fails once fails again; printed with each run.
const SEED: &str = "20261121";

/// Requests of each operation that are made up, besides those that try each bound of the document.
/// `SEGUE_CONTRACT_EXAMPLES` makes it a longer run by hand.
const EXAMPLES: &str = "1";

/// Parts of the document that are asked at the same time, by the first letter of an operation: making requests up
/// takes a core, and one program cannot do it in two threads.
const PARTS: [&str; 2] = ["^[a-l]", "^[m-z]"];

/// Asks as somebody, from loopback addresses that are theirs alone.
fn run(
    machine: &Machine,
    document: &Path,
    who: &str,
    network: usize,
    more: &[&str],
) -> anyhow::Result<()> {
    let folder = repository().join("tests/fixtures/contract");
    let output = Command::new(python_tool("schemathesis")?)
        .current_dir(&folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CONTRACT_NETWORK", network.to_string())
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(document)
        .args(["--url", &format!("http://{}", machine.api())])
        .args(["--seed", SEED, "--workers", "1", "--no-color"])
        .args(more)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let summary = said.rsplit("=== SUMMARY").next().unwrap_or_default();
    eprintln!("{who}, seed {SEED}:{summary}");
    ensure!(
        output.status.success(),
        "{who}:\n{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // An empty run proves nothing.
    ensure!(said.contains(" generated"), "nothing was asked: {said}");
    Ok(())
}

#[test]
fn no_request_breaks_the_contract() -> anyhow::Result<()> {
    share_engine()?;
    // Who asks thousands of times would wait most of the time.
    let machine = Machine::start_with(vec![
        ("api.requests_at_once", "1000000".to_owned()),
        ("api.requests_per_second", "100000".to_owned()),
    ])?;
    let document = machine.state().join("v1.json");
    std::fs::write(&document, document_with_places(&machine)?.to_string())?;

    let examples = std::env::var("SEGUE_CONTRACT_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let bearer = format!("Authorization: Bearer {}", machine.token());
    let wrong = std::thread::scope(|scope| {
        let mut running = Vec::new();
        for (network, part) in PARTS.into_iter().enumerate() {
            let (machine, document, examples, bearer) = (&machine, &document, &examples, &bearer);
            running.push(scope.spawn(move || {
                let owner = ["--header", bearer, "--max-examples", examples];
                let owner = [&owner[..], &["--phases", "coverage,fuzzing"]].concat();
                let owner = [&owner[..], &["--include-operation-id-regex", part]].concat();
                run(machine, document, "the owner", network + 1, &owner)?;
                let nobody = ["--max-examples", "1", "--phases", "fuzzing"];
                let nobody = [&nobody[..], &["--mode", "positive"]].concat();
                let nobody = [&nobody[..], &["--include-operation-id-regex", part]].concat();
                run(machine, document, "nobody", network + 101, &nobody)
            }));
        }
        let mut wrong = Vec::new();
        for run in running {
            match run.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => wrong.push(format!("{error:#}")),
                Err(_) => wrong.push("a run broke down".to_owned()),
            }
        }
        wrong
    });
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    machine.stop_uncounted()
}

/// Makes one of everything, and the document with their ids in the places of path parameters. Ids, because names change
/// during the run.
fn document_with_places(machine: &Machine) -> anyhow::Result<Value> {
    let name = image("segue-test/contract:v1", &[("VERSION", "v1")])?;
    machine.apply_detached("shop", &name, 1)?;
    let app = "/v1/teams/acme/apps/shop";
    let env = format!("{app}/envs/production");
    let get = |path: &str| machine.call("GET", path, None);
    let post = |path: &str, body: Value| machine.call("POST", path, Some(&body));
    let text = |value: &Value, name: &str| {
        let found = value.get(name).and_then(Value::as_str).map(str::to_owned);
        found.with_context(|| format!("no {name} in {value}"))
    };
    let first = |path: &str, name: &str| -> anyhow::Result<String> {
        let page = get(path)?;
        let item = page.pointer("/items/0").context("an empty list")?;
        text(item, name)
    };
    get(&format!("{env}/deployments/1?wait=120s"))?;
    let secret = json!({ "value": "sk_live_1" });
    machine.call(
        "PUT",
        &format!("{env}/secrets/STRIPE_KEY?deploy=false"),
        Some(&secret),
    )?;
    post(&format!("{env}/runs"), json!({ "command": ["/probeapp"] }))?;
    let hook = post(&format!("{app}/hooks"), json!({ "kind": "gitlab" }))?;
    let freeze = json!({ "reason": "the weekend", "days": [6], "from": "00:00", "minutes": 1 });
    let freeze = post(&format!("{app}/freezes"), freeze)?;
    let webhook = json!({ "name": "room", "kind": "chat", "url": "https://chat.example/hook" });
    let webhook = post("/v1/teams/acme/webhooks", webhook)?;
    let places: Vec<(&str, Value)> = vec![
        ("team", text(&get("/v1/teams/acme")?, "id")?.into()),
        ("app", text(&get(app)?, "id")?.into()),
        ("env", text(&get(&env)?, "id")?.into()),
        ("user", text(&get("/v1/me")?, "id")?.into()),
        ("host", first("/v1/hosts", "name")?.into()),
        ("instance", first(&format!("{env}/instances"), "id")?.into()),
        ("build", first(&format!("{env}/builds"), "id")?.into()),
        ("hook", text(&hook, "id")?.into()),
        ("freeze", text(&freeze, "id")?.into()),
        ("webhook", text(&webhook, "id")?.into()),
        ("service", "web".into()),
        ("key", "STRIPE_KEY".into()),
        ("number", 1.into()),
        ("version", 1.into()),
        ("run", 1.into()),
    ];
    let text = std::fs::read_to_string(repository().join("openapi/v1.json"))?;
    let mut document: Value = serde_json::from_str(&text)?;
    put(&mut document, &places)?;
    Ok(document)
}

/// Puts known ids beside unknown ones. What is removed is one that is not there: it would take the ground from under
/// the rest of the run.
fn put(document: &mut Value, places: &[(&str, Value)]) -> anyhow::Result<()> {
    let paths = document["paths"].as_object_mut().context("no paths")?;
    for (path, item) in paths {
        let operations = item.as_object_mut().context("no operations")?;
        for (method, operation) in operations {
            let parameters = operation.get_mut("parameters");
            for parameter in parameters
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                let name = parameter["name"].as_str().unwrap_or_default().to_owned();
                // A request that waits for minutes learns nothing from it.
                if name == "wait" {
                    parameter["schema"] = json!({ "type": "string", "enum": ["0s", "1s"] });
                }
                let known = places.iter().find(|(place, _)| *place == name);
                let Some((_, known)) = known.filter(|_| parameter["in"] == "path") else {
                    continue;
                };
                let (kind, unknown) = match known {
                    Value::String(_) => ("string", json!("absent")),
                    _ => ("integer", json!(999_999)),
                };
                let removed = method == "delete" && path.ends_with(&format!("{{{name}}}"));
                let mut values = vec![unknown];
                values.extend((!removed).then(|| known.clone()));
                parameter["schema"] = json!({ "type": kind, "enum": values });
            }
        }
    }
    Ok(())
}
