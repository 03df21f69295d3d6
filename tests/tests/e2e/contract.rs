//! The public API against its own document: requests that it allows and requests that it forbids, made by
//! schemathesis, as several people. 0 server errors, 0 missing authentication, 0 answers that are not documented.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use segue_tests::images::{image, repository};
use segue_tests::machine::{Machine, share_engine};
use segue_tests::tools::{python_tool, unique};
use serde_json::{Value, json};

/// Fixed, so that what fails once fails again; printed with each run.
const SEED: &str = "20261121";

/// Who ask at the same time: making requests takes a core.
const AT_A_TIME: usize = 3;

/// Somebody who asks, and how much is asked as them.
struct Person {
    name: &'static str,
    token: String,
    examples: &'static str,
    phases: &'static str,
    /// Operations by their names, all if it is empty: a token may ask only so often.
    operations: &'static str,
}

impl Person {
    fn only(&self) -> Vec<&'static str> {
        if self.operations.is_empty() {
            Vec::new()
        } else {
            vec!["--include-operation-id-regex", self.operations]
        }
    }
}

fn token(machine: &Machine, role: &str, scopes: &[&str]) -> anyhow::Result<String> {
    let name = format!("{role} {:x}", unique());
    let body = json!({ "name": name, "role": role, "scopes": scopes });
    let made = machine.call("POST", "/v1/me/tokens", Some(&body))?;
    let token = made.get("token").and_then(Value::as_str);
    token
        .map(str::to_owned)
        .with_context(|| format!("no token for {role}"))
}

/// Asks as one person, from a loopback address that is theirs alone.
fn run(machine: &Machine, document: &Path, person: &Person, place: usize) -> anyhow::Result<()> {
    let folder = repository().join("tests/fixtures/contract");
    let output = Command::new(python_tool("schemathesis")?)
        .current_dir(&folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CONTRACT_ADDRESS", format!("127.0.0.{}", 10 + place))
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(document)
        .args(["--url", &format!("http://{}", machine.api())])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", person.token),
        ])
        .args(["--seed", SEED, "--max-examples", person.examples])
        // One thread each: what makes the requests compiles source as it goes, which Python 3.11 cannot do in two.
        .args(["--phases", person.phases, "--workers", "1", "--no-color"])
        .args(person.only())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let summary = said.rsplit("=== SUMMARY").next().unwrap_or_default();
    eprintln!("as {}, seed {SEED}:{summary}", person.name);
    ensure!(
        output.status.success(),
        "as {}:\n{said}\n{}",
        person.name,
        String::from_utf8_lossy(&output.stderr)
    );
    // An empty run proves nothing.
    ensure!(said.contains(" generated"), "nothing was asked: {said}");
    Ok(())
}

#[test]
fn no_request_breaks_the_contract() -> anyhow::Result<()> {
    share_engine()?;
    let machine = Machine::start()?;
    let name = image("segue-test/contract:v1", &[("VERSION", "v1")])?;
    machine.apply_detached("shop", &name, 1)?;
    machine.call(
        "GET",
        "/v1/teams/acme/apps/shop/envs/production/deployments/1?wait=120s",
        None,
    )?;

    // What stands in paths is what there is, so that more than the first look-up is reached.
    let document = machine.state().join("v1.json");
    let text = std::fs::read_to_string(repository().join("openapi/v1.json"))?;
    let mut value: Value = serde_json::from_str(&text)?;
    real_places(&mut value);
    std::fs::write(&document, value.to_string())?;

    // The stranger is in a team of their own, and must not learn that the other one is there.
    let owner = ["read", "deploy", "write", "admin"];
    let parts = ["^[r]", "^[s]", "^[a-d]", "^[e-k]", "^[l-q]", "^[t-z]"];
    let mut people = Vec::new();
    for operations in parts {
        people.push(Person {
            name: "the owner",
            token: token(&machine, "owner", &owner)?,
            examples: "3",
            phases: "coverage,fuzzing",
            operations,
        });
    }
    for (name, token) in [
        (
            "a deployer",
            token(&machine, "deployer", &["read", "deploy"])?,
        ),
        ("a viewer", token(&machine, "viewer", &["read"])?),
        ("a stranger", machine.operator_token("strangers")?),
    ] {
        people.push(Person {
            name,
            token,
            examples: "2",
            phases: "fuzzing",
            operations: "",
        });
    }
    let wrong = everybody(&machine, &document, &people);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    machine.stop()
}

/// Asks as everybody, a few at a time; answers what was wrong.
fn everybody(machine: &Machine, document: &Path, people: &[Person]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(person) = people.get(place) else {
                        break;
                    };
                    if let Err(error) = run(machine, document, person, place) {
                        let mut wrong = wrong.lock().unwrap_or_else(PoisonError::into_inner);
                        wrong.push(format!("{error:#}"));
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Names of what the test made, as examples of path parameters; and what would take the ground from under the run is
/// pointed elsewhere.
fn real_places(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else {
        return;
    };
    for (path, item) in paths {
        let Some(item) = item.as_object_mut() else {
            continue;
        };
        for (method, operation) in item {
            let whole = method == "delete"
                && (path.ends_with("{team}") || path.ends_with("{app}") || path.ends_with("{env}"));
            let Some(parameters) = operation
                .get_mut("parameters")
                .and_then(Value::as_array_mut)
            else {
                continue;
            };
            for parameter in parameters {
                // A run that waits for minutes learns nothing from it.
                if parameter.get("name").and_then(Value::as_str) == Some("wait") {
                    parameter["schema"] = json!({ "type": "string", "enum": ["0s", "1s"] });
                }
                let known = match parameter.get("name").and_then(Value::as_str) {
                    Some("team") => "acme",
                    Some("app") => "shop",
                    Some("env") => "production",
                    _ => continue,
                };
                if parameter.get("in").and_then(Value::as_str) == Some("path") && !whole {
                    parameter["schema"] = json!({ "type": "string", "enum": [known, "absent"] });
                }
            }
        }
    }
}
