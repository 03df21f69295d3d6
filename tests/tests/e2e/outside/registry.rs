//! An image of a registry with passwords: with the team's credential it runs, without it the failure says what is
//! missing; the password is nowhere to be read, and what one team may pull is no other team's.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use segue_tests::images::image;
use segue_tests::machine::{Machine, docker, share_engine, wait_for};
use segue_tests::tools::{answer, status};
use serde_json::{Value, json};

/// The registry's one account.
const USER: &str = "ada";
const PASSWORD: &str = "k7-registry-canary-Zq3";
/// The same as the registry keeps it (bcrypt).
const HASHED: &str = "$2b$05$xPXgxYbD9px/BcjpCS60O.ZQMlM7vphp5JoFUP/FGhaLJfgKN5IT6";
/// Both as requests carry them.
const BASIC: &str = "YWRhOms3LXJlZ2lzdHJ5LWNhbmFyeS1acTM=";

/// Debian's registry, in a folder and on a port of its own.
struct Registry {
    child: Child,
    at: SocketAddr,
    folder: tempfile::TempDir,
}

fn program() -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let cache = std::env::var_os("SEGUE_CACHE")
        .map_or_else(|| Path::new(&home).join(".cache/segue"), PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&paths).collect();
    folders.push(cache.join("tools/bin"));
    let found = folders
        .iter()
        .map(|folder| folder.join("docker-registry"))
        .find(|path| path.is_file());
    found.context("docker-registry is missing: ./dev test fetches it")
}

impl Registry {
    fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let place = folder.path().display();
        std::fs::write(folder.path().join("htpasswd"), format!("{USER}:{HASHED}\n"))?;
        let config = format!(
            "version: 0.1\nlog: {{ level: warn, accesslog: {{ disabled: true }} }}\n\
            storage: {{ filesystem: {{ rootdirectory: \"{place}/data\" }} }}\n\
            http: {{ addr: \"{at}\", secret: \"of this test\" }}\n\
            auth: {{ htpasswd: {{ realm: test, path: \"{place}/htpasswd\" }} }}\n"
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config)?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = Command::new(program()?)
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let registry = Self { child, at, folder };
        wait_for("the registry to ask who is there", || {
            Ok((status(at, "/v2/") == Some(401)).then_some(()))
        })?;
        Ok(registry)
    }

    /// Makes an image, pushes it, and leaves nothing of it on the engine. Answers its name.
    fn push(&self, version: &str) -> anyhow::Result<String> {
        let own = image(
            &format!("segue-test/outside:{}-{version}", self.at.port()),
            &[("VERSION", version)],
        )?;
        let name = format!("{}/{USER}/shop:{version}", self.at);
        run(docker().args(["tag", &own, &name]))?;
        let logins = json!({"auths": {self.at.to_string(): {"auth": BASIC}}});
        std::fs::write(self.folder.path().join("config.json"), logins.to_string())?;
        run(docker()
            .arg("--config")
            .arg(self.folder.path())
            .args(["push", "-q", &name]))?;
        run(docker().args(["rmi", &own, &name]))?;
        Ok(name)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {output:?}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A team and somebody of it.
struct Team<'m> {
    machine: &'m Machine,
    name: &'static str,
    token: String,
}

impl Team<'_> {
    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!(
            "http://{}/v1/teams/{}/apps{path}",
            self.machine.api(),
            self.name
        );
        let bearer = format!("authorization: Bearer {}", self.token);
        let (kind, text) = ("content-type: application/json", body.to_string());
        let arguments = ["-H", &bearer, "-H", kind, "--data-binary", &text];
        let answer = answer(&url, &arguments)?;
        ensure!((200..300).contains(&answer.status), "{url}: {answer:?}");
        Ok(serde_json::from_str(&answer.body)?)
    }

    fn app(&self) -> anyhow::Result<()> {
        self.post("", &json!({"name": "shop"}))?;
        let body = json!({"name": "production", "kind": "production"});
        self.post("/shop/envs", &body).map(drop)
    }

    /// Deploys an image, and answers the deployment when it is settled.
    fn deploy(&self, image: &str) -> anyhow::Result<Value> {
        let path = "/shop/envs/production/deployments?wait=120s";
        self.post(path, &json!({"image": image}))
    }
}

/// That it failed for want of the image, and how people are told.
fn refused(deployment: &Value) -> anyhow::Result<String> {
    println!("{}", deployment["failure"]);
    ensure!(deployment["state"] == "failed", "{deployment}");
    ensure!(
        deployment["failure"]["code"] == "image_not_pullable",
        "{deployment}"
    );
    let evidence = deployment["failure"]["evidence"].as_str();
    Ok(evidence.context("no evidence")?.to_owned())
}

const REGISTRIES: &str = "/v1/teams/acme/registries";

fn credential(machine: &Machine, host: &str, password: &str) -> anyhow::Result<String> {
    let new = json!({"kind": "registry", "host": host, "username": USER, "password": password});
    let kept = machine.call("POST", REGISTRIES, Some(&new))?;
    let id = kept["id"].as_str().context("no id")?;
    Ok(format!("{REGISTRIES}/{id}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_image_runs_with_the_credential_of_its_own_team_only() -> anyhow::Result<()> {
    share_engine()?;
    let registry = Registry::start()?;
    let host = registry.at.to_string();
    let name = registry.push("private")?;
    let machine = Machine::start()?;
    let acme = Team {
        machine: &machine,
        name: "acme",
        token: machine.token().to_owned(),
    };
    acme.app()?;

    let said = refused(&acme.deploy(&name)?)?;
    ensure!(
        said.contains(&format!("keeps no credential for {host}")),
        "{said}"
    );
    let wrong = credential(&machine, &host, "guess")?;
    let said = refused(&acme.deploy(&name)?)?;
    ensure!(
        said.contains("account ada") && !said.contains("guess"),
        "{said}"
    );
    machine.call("DELETE", &wrong, None)?;

    let right = credential(&machine, &host, PASSWORD)?;
    let deployment = acme.deploy(&name)?;
    ensure!(
        deployment["live"] == true,
        "{deployment}\n{}",
        machine.tail()
    );
    let body = machine.visit("shop.localhost", "/")?.body;
    ensure!(body.contains("version private"), "{body}");
    // A tag that the registry does not have is another fault.
    let said = refused(&acme.deploy(&format!("{host}/{USER}/shop:none"))?)?;
    ensure!(!said.contains("credential"), "{said}");

    // The image lies on the engine now. That makes it nobody else's, neither while the credential is kept nor after.
    let other = Team {
        machine: &machine,
        name: "other",
        token: machine.operator_token("other")?,
    };
    other.app()?;
    for kept in [true, false] {
        let said = refused(&other.deploy(&name)?)?;
        ensure!(said.contains("keeps no credential for"), "{kept}: {said}");
        if kept {
            hidden(&machine)?;
            machine.call("DELETE", &right, None)?;
        }
    }
    ensure!(machine.visit("shop.localhost", "/")?.status == 200);
    machine.stop()?;
    run(docker().args(["rmi", "-f", &name])).map(drop)
}

/// The password is in no answer, no file and no container.
fn hidden(machine: &Machine) -> anyhow::Result<()> {
    for path in [
        REGISTRIES,
        "/v1/teams/acme/apps/shop/envs/production/deployments/3/events",
        "/v1/teams/acme/audit-events?limit=100",
        "/v1/teams/acme/apps/shop/envs/production/deployments",
    ] {
        let shown = machine.call("GET", path, None)?.to_string();
        ensure!(!has_password(&shown), "{path}: {shown}");
    }
    let containers = machine.containers("web")?;
    ensure!(!containers.is_empty(), "nothing runs");
    for container in containers {
        let shown = run(machine.docker().args(["inspect", &container]))?;
        ensure!(!has_password(&shown), "{shown}");
    }
    let folder = machine.state();
    let folder = folder.parent().context("no folder")?;
    let found = files_with(folder, &[PASSWORD, BASIC])?;
    ensure!(found.is_empty(), "the password is in {found}");
    // What the audit log says of it is found: so would the password be.
    ensure!(!files_with(folder, &["credential_create"])?.is_empty());
    Ok(())
}

/// Files below a folder that hold one of these texts. Those of the database come and go while they are read.
fn files_with(folder: &Path, texts: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("grep");
    command.arg("-rlaF");
    for text in texts {
        command.args(["-e", text]);
    }
    let output = command.arg("--").arg(folder).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn has_password(text: &str) -> bool {
    text.contains(PASSWORD) || text.contains(BASIC)
}
