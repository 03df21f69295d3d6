//! Previews: a branch has an environment of its own, with its own network and data, for as long as it is there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use segue_tests::images::{image, probeapp};
use segue_tests::machine::{Machine, share_engine, wait_for};
use serde_json::json;

use super::{APP, containers, env, host, inspect, networks, of_environment, patch, text};

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
    share_engine()?;
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
    let web = the_one(&machine, &name, "web")?;
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
    let production = the_one(&machine, "production", "web")?;
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
        inspect(&machine, &the_one(&machine, name, "db")?, mounts)
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

/// The container of a service with one instance, once those that it replaced are gone.
fn the_one(machine: &Machine, name: &str, service: &str) -> anyhow::Result<String> {
    wait_for("one container to be left", || {
        let mut there = containers(machine, name, service)?;
        Ok(there.pop().filter(|_| there.is_empty()))
    })
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
