//! The application that figures are taken with: the tests' probe application, which listens at once.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use segue_tests::images::image;
use segue_tests::machine::{Machine, docker};
use serde_json::Value;

use crate::client::Client;

/// Its name, and with the base domain its host.
pub const APP: &str = "spine";
pub const HOST: &str = "spine.localhost";
/// Two images that differ in the version that they tell.
pub const IMAGES: [(&str, &str); 2] = [("segue-bench/spine:a", "a"), ("segue-bench/spine:b", "b")];
/// Where deployments of the application are asked for.
pub const DEPLOYMENTS: &str = "/v1/teams/acme/apps/spine/envs/production/deployments";

/// Longest wait for something that is expected.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `look` answers something, looking every few milliseconds.
pub fn until<T>(
    what: &str,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("waited {PATIENCE:?} for {what}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes both images and deploys the first one with so many instances. Nothing is watched after the switch, so that
/// the next deployment begins from rest.
pub fn deploy(machine: &Machine, replicas: u32) -> anyhow::Result<()> {
    for (name, version) in IMAGES {
        image(name, &[("VERSION", version)])?;
    }
    let folder = machine.state().join("bench");
    std::fs::create_dir_all(&folder)?;
    let manifest = format!(
        "app = \"{APP}\"\n[build]\nimage = \"{}\"\n[deploy]\nrollout = {{ bake = \"0s\", drain = \"1s\" }}\n\
         [services.web]\nkind = \"web\"\nport = 8080\nreplicas = {replicas}\n",
        IMAGES[0].0
    );
    std::fs::write(folder.join("segue.toml"), manifest)?;
    machine.cli(&folder, &["apply", "-f", "segue.toml"])?;
    settled(machine, replicas as usize)
}

/// Deploys one of the two images over the API and waits until that is over.
pub fn redeploy(machine: &Machine, number: usize) -> anyhow::Result<()> {
    let body = serde_json::json!({ "image": IMAGES[number % 2].0 }).to_string();
    let answer = api(machine).send("POST", DEPLOYMENTS, &body)?;
    if answer.status != 202 {
        bail!(
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    settled(machine, 1)
}

/// Waits until the last deployment has ended and only its instances are there.
pub fn settled(machine: &Machine, replicas: usize) -> anyhow::Result<()> {
    let mut api = api(machine);
    until("the deployment to end", || {
        let answer = api.get(&format!("{DEPLOYMENTS}?limit=1"))?;
        let page: Value = serde_json::from_slice(&answer.body)?;
        let last = page.pointer("/items/0").context("no deployment")?;
        let failed = last
            .get("failure")
            .is_some_and(|failure| !failure.is_null());
        if failed {
            bail!("{last}");
        }
        Ok((last.get("finished") == Some(&Value::Bool(true))).then_some(()))
    })?;
    until("the old instances to go", || {
        Ok((machine.containers("web")?.len() == replicas).then_some(()))
    })
}

/// A connection to the API with the owner's token.
pub fn api(machine: &Machine) -> Client {
    Client::new(machine.api(), "localhost", Some(machine.token()))
}

/// A connection to the application through the edge.
pub fn app(machine: &Machine) -> Client {
    Client::new(machine.edge(), HOST, None)
}

/// Milliseconds since 1970 at which the engine created and started a container.
pub fn container_clocks(name: &str) -> anyhow::Result<[f64; 2]> {
    let output = docker()
        .args(["inspect", "-f", "{{.Created}} {{.State.StartedAt}}", name])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut clocks = [0.0; 2];
    for (clock, word) in clocks.iter_mut().zip(text.split_whitespace()) {
        *clock = clock_ms(word)?;
    }
    Ok(clocks)
}

/// An RFC 3339 time in UTC, as the engine writes it.
pub fn clock_ms(text: &str) -> anyhow::Result<f64> {
    let time = chrono::DateTime::parse_from_rfc3339(text)?;
    Ok(time.timestamp_micros() as f64 / 1e3)
}
