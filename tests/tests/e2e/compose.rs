//! `docker-compose.yml`, started by docker-compose and used as people use it: set up, deployed to, and still there
//! after a container of it was killed.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use segue_tests::images::{probeapp, repository};
use segue_tests::machine::{binary, docker, share_engine, wait_for};
use segue_tests::tools::answer;
use serde_json::Value;

/// An installation by docker-compose; gone with everything that it made.
struct Compose {
    project: String,
    variables: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Compose {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let project = format!("segue-test-{}", std::process::id());
        // The context of `package`: the Dockerfile, what it copies, and a program that was built outside.
        let context = folder.path().join("context");
        std::fs::create_dir_all(context.join("build"))?;
        std::fs::create_dir_all(context.join("tools"))?;
        for name in ["Dockerfile", "LICENSE", "tools/compose"] {
            let status = Command::new("cp")
                .arg("-r")
                .arg(repository().join(name))
                .arg(context.join(name))
                .status()?;
            ensure!(status.success(), "{name}: {status}");
        }
        let program = context.join("build/segue");
        // What stands in it for debuggers is half of it, and is not needed here.
        let status = Command::new("strip")
            .arg("-o")
            .arg(&program)
            .arg(binary()?)
            .status()?;
        ensure!(status.success(), "strip: {status}");
        let api = free_port()?;
        let share = u32::from(api) % 2048;
        let variables = vec![
            ("COMPOSE_PROJECT_NAME", project.clone()),
            ("SEGUE_TARGET", "package".to_owned()),
            ("SEGUE_BASE", "segue/debian:bookworm".to_owned()),
            ("SEGUE_CONTEXT", context.display().to_string()),
            ("SEGUE_IMAGE", format!("{project}/control:test")),
            // Kept for the next run, with all that Debian's packages took to install.
            (
                "SEGUE_POSTGRES_IMAGE",
                "segue-test/compose-postgres:kept".to_owned(),
            ),
            (
                "SEGUE_BUILDER_IMAGE",
                "segue-test/compose-builder:kept".to_owned(),
            ),
            ("SEGUE_API_PORT", api.to_string()),
            ("SEGUE_INTERNAL_PORT", free_port()?.to_string()),
            ("SEGUE_POSTGRES_PORT", free_port()?.to_string()),
            ("SEGUE_HTTP_PORT", free_port()?.to_string()),
            ("SEGUE_HTTPS_PORT", free_port()?.to_string()),
            ("SEGUE_EDGE_ADMIN_PORT", free_port()?.to_string()),
            ("SEGUE_PUBLIC_URL", format!("http://localhost:{api}")),
            (
                "SEGUE_SUBNETS",
                format!("10.{}.{}.0/20", 128 + share / 16, share % 16 * 16),
            ),
            // The client has no BuildKit; the images need none.
            ("DOCKER_BUILDKIT", "0".to_owned()),
            ("COMPOSE_DOCKER_CLI_BUILD", "0".to_owned()),
        ];
        Ok(Self {
            project,
            variables,
            folder,
        })
    }

    fn variable(&self, name: &str) -> &str {
        self.variables
            .iter()
            .find(|(have, _)| *have == name)
            .map_or("", |(_, value)| value)
    }

    fn compose(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Command::new("docker-compose")
            .arg("-f")
            .arg(repository().join("docker-compose.yml"))
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .context("docker-compose cannot be started")
    }

    fn must(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.compose(arguments)?;
        ensure!(
            output.status.success(),
            "docker-compose {arguments:?}: {}{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            self.logs()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn logs(&self) -> String {
        self.compose(&["logs", "--no-color", "--tail=30"])
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default()
    }

    fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.variable("SEGUE_API_PORT"))
    }

    fn visit(&self, host: &str) -> anyhow::Result<u16> {
        let url = format!("http://127.0.0.1:{}/", self.variable("SEGUE_HTTP_PORT"));
        Ok(answer(&url, &["-H", &format!("Host: {host}")])?.status)
    }

    fn segue(&self, token: &str, folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(binary()?)
            .current_dir(folder)
            .args(arguments)
            .env("SEGUE_SERVER", self.api())
            .env("SEGUE_TOKEN", token)
            .env("SEGUE_TEAM", "acme")
            .output()?;
        ensure!(
            output.status.success(),
            "segue {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stderr),
            self.logs()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        // Applications outlive the control plane by design; here they go with it.
        let installation = self
            .compose(&["exec", "-T", "api", "cat", "/var/lib/segue/installation"])
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
            .unwrap_or_default();
        drop(self.compose(&["down", "--volumes", "--remove-orphans"]));
        drop(
            docker()
                .args(["rmi", self.variable("SEGUE_IMAGE")])
                .output(),
        );
        if installation.is_empty() {
            return;
        }
        let filter = format!("label=segue.installation={installation}");
        for (list, remove) in [
            (["ps", "-aq"].as_slice(), ["rm", "-f"].as_slice()),
            (
                ["network", "ls", "-q"].as_slice(),
                ["network", "rm"].as_slice(),
            ),
        ] {
            if let Ok(output) = docker().args(list).args(["--filter", &filter]).output() {
                for id in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                    drop(docker().args(remove).arg(id).output());
                }
            }
        }
    }
}

fn source(folder: &Path) -> anyhow::Result<PathBuf> {
    let source = folder.join("shop");
    std::fs::create_dir_all(&source)?;
    std::fs::copy(probeapp()?, source.join("probeapp"))?;
    std::fs::write(
        source.join("Dockerfile"),
        "FROM scratch\nCOPY probeapp /probeapp\nEXPOSE 8080\nCMD [\"/probeapp\"]\n",
    )?;
    std::fs::write(
        source.join("segue.toml"),
        "app = \"shop\"\n[services.web]\nport = 8080\n[deploy.rollout]\nbake = \"0s\"\n",
    )?;
    Ok(source)
}

#[test]
fn docker_compose_brings_up_a_segue_that_deploys() -> anyhow::Result<()> {
    share_engine()?;
    let compose = Compose::new()?;
    compose.must(&["up", "-d", "--build"])?;
    wait_for("the API to be ready", || {
        let ready = answer(&format!("{}/readyz", compose.api()), &[]);
        Ok(ready.is_ok_and(|answer| answer.status == 200).then_some(()))
    })
    .with_context(|| compose.logs())?;

    // Who may what: the socket is the worker's alone, and what is published is published on loopback.
    let name = format!("{}_", compose.project);
    let output = docker()
        .args(["ps", "-q", "--filter", &format!("name=^{name}")])
        .output()?;
    let ids = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        ids.split_whitespace().count() == 5,
        "{ids}: {}",
        compose.logs()
    );
    for id in ids.split_whitespace() {
        let output = docker().args(["inspect", id]).output()?;
        let all: Value = serde_json::from_slice(&output.stdout)?;
        let one = all.get(0).context("no container")?;
        let text = one.to_string();
        let is_worker = one["Name"]
            .as_str()
            .is_some_and(|name| name.contains("_worker_"));
        ensure!(
            text.contains("/var/run/docker.sock:") == is_worker,
            "{text}"
        );
        ensure!(one["HostConfig"]["Privileged"] == false, "{text}");
        if let Some(ports) = one["HostConfig"]["PortBindings"].as_object() {
            for binding in ports.values().filter_map(Value::as_array).flatten() {
                ensure!(binding["HostIp"] == "127.0.0.1", "{binding}");
            }
        }
    }

    let link = wait_for("the set-up link", || {
        let output = compose.compose(&["exec", "-T", "api", "cat", "/run/segue/setup-link"])?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(text.contains("/setup?token=").then_some(text))
    })?;
    ensure!(
        link.starts_with(compose.variable("SEGUE_PUBLIC_URL")),
        "{link}"
    );
    let (_, once) = link.split_once("token=").context("no token")?;
    let body = serde_json::json!({
        "token": once, "email": "ada@example.com", "password": "correct horse battery staple",
        "name": "Ada", "team": "acme",
    });
    let set_up = answer(
        &format!("{}/v1/setup", compose.api()),
        &[
            "-H",
            "content-type: application/json",
            "--data-binary",
            &body.to_string(),
        ],
    )?;
    ensure!(set_up.status == 201, "{set_up:?}");
    let set_up: Value = serde_json::from_str(&set_up.body)?;
    let token = set_up["token"].as_str().context("no token")?;

    // Where no edge has come yet, none is waited for: it may be the last that starts.
    wait_for("the edge to answer", || {
        Ok(compose.visit("nobody.localhost").ok())
    })
    .with_context(|| compose.logs())?;

    // From source: built by the engine of builds, run by the machine's own, reached through the edge.
    let folder = source(compose.folder.path())?;
    let url = compose.segue(token, &folder, &["up"])?;
    ensure!(url.contains("shop.localhost"), "{url}");
    let deployed = compose.visit("shop.localhost")?;
    ensure!(deployed == 200, "{deployed}: {}", compose.logs());

    // The control plane may go; what runs is served on, and it comes back by itself.
    compose.must(&["kill", "api", "worker", "postgres"])?;
    let without = compose.visit("shop.localhost")?;
    ensure!(without == 200, "{without}");
    compose.must(&["up", "-d"])?;
    wait_for("the API to be back", || {
        let ready = answer(&format!("{}/readyz", compose.api()), &[]);
        Ok(ready.is_ok_and(|answer| answer.status == 200).then_some(()))
    })
    .with_context(|| compose.logs())?;
    compose.segue(token, &folder, &["scale", "web=2"])?;
    Ok(())
}
