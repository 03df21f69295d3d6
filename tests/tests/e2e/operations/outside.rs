//! The part of the round that has to do with others: a forge on loopback with git's own server side, from which a
//! source is fetched and which calls a hook; somebody who is told; a build that is ended.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use segue_tests::images::probeapp;
use segue_tests::machine::{Machine, wait_for};
use serde_json::{Value, json};

use super::{Caller, text};

const APP: &str = "/v1/teams/acme/apps/shop";

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.com"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "git {arguments:?}: {output:?}");
    Ok(())
}

/// A forge with one repository; answers its address. It serves until the test's process ends.
fn forge(folder: PathBuf) -> anyhow::Result<SocketAddr> {
    std::fs::create_dir_all(&folder)?;
    git(&folder, &["init", "--quiet", "--initial-branch=main"])?;
    std::fs::write(folder.join("requirements.txt"), "flask\ngunicorn\n")?;
    std::fs::write(folder.join("Procfile"), "web: gunicorn app:app\n")?;
    std::fs::write(folder.join("app.py"), "app = None\n")?;
    git(&folder, &["add", "."])?;
    git(&folder, &["commit", "--quiet", "-m", "first"])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            std::thread::spawn(move || {
                if let Err(error) = serve(stream, &folder) {
                    eprintln!("the forge: {error:#}");
                }
            });
        }
    });
    Ok(address)
}

/// One request: git's, or one that tells something and is answered with 200.
fn serve(stream: TcpStream, folder: &Path) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(());
    }
    let advertise = line.starts_with("GET ");
    let asked = line.contains("/shop.git/");
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(Ok(0), |text| text.parse::<u64>())?;
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let (kind, sent) = if asked {
        let mut command = Command::new("git");
        command.args(["upload-pack", "--stateless-rpc"]);
        if advertise {
            command.arg("--advertise-refs");
        }
        if let Some(protocol) = headers.get("git-protocol") {
            command.env("GIT_PROTOCOL", protocol);
        }
        let mut child = command
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no input")?.write_all(&body)?;
        let output = child.wait_with_output()?;
        if advertise {
            let mut sent = b"001e# service=git-upload-pack\n0000".to_vec();
            sent.extend(output.stdout);
            ("application/x-git-upload-pack-advertisement", sent)
        } else {
            ("application/x-git-upload-pack-result", output.stdout)
        }
    } else {
        ("text/plain", b"ok".to_vec())
    };
    let mut stream = stream;
    let length = sent.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    Ok(stream.write_all(&sent)?)
}

pub(super) fn outside(machine: &Machine, owner: &Caller<'_>) -> anyhow::Result<()> {
    let forge = forge(machine.state().join("forge"))?;
    fetched(owner, forge).context("fetch")?;
    called(machine, owner).context("hooks")?;
    told(owner, forge).context("webhooks")?;
    ended(machine, owner).context("build")
}

/// A source from a git server, what Segue would make of it, and that it is kept. The app is new: another one's image would be its plan.
fn fetched(owner: &Caller<'_>, forge: SocketAddr) -> anyhow::Result<()> {
    let from = json!({ "url": format!("http://{forge}/shop.git"), "ref": "main" });
    let sources = "/v1/teams/acme/apps/lamp/sources";
    let source = owner.post(&format!("{sources}/fetch"), from)?;
    let source = format!("{sources}/{}", text(&source, "sha256")?);
    owner.call("HEAD", &source, None, &[])?;
    let plan = owner.get(&format!("{source}/plan"))?;
    ensure!(plan.to_string().contains("gunicorn"), "{plan}");
    Ok(())
}

/// A forge calls when something was pushed.
fn called(machine: &Machine, owner: &Caller<'_>) -> anyhow::Result<()> {
    let hooks = format!("{APP}/hooks");
    let made = owner.post(&hooks, json!({ "kind": "gitlab" }))?;
    let id = text(&made, "id")?;
    let nobody = Caller {
        machine,
        token: String::new(),
    };
    let proof = format!("X-Gitlab-Token: {}", text(&made, "secret")?);
    let push = json!({ "ref": "refs/heads/main", "after": "0".repeat(40) });
    let said = [
        "-H",
        &proof,
        "-H",
        "X-Gitlab-Event: Push Hook",
        "-H",
        "X-Gitlab-Event-UUID: 1",
    ];
    let taken = nobody.call("POST", &format!("/v1/hooks/{id}"), Some(push), &said)?;
    // The app has no repository, so nothing is deployed.
    ensure!(text(&taken, "state")? == "ignored", "{taken}");
    ensure!(text(&owner.first(&hooks)?, "id")? == id);
    owner.first(&format!("{hooks}/{id}/deliveries"))?;
    owner.delete(&format!("{hooks}/{id}"))?;
    Ok(())
}

/// Somebody is told, and the delivery arrives.
fn told(owner: &Caller<'_>, forge: SocketAddr) -> anyhow::Result<()> {
    let webhooks = "/v1/teams/acme/webhooks";
    let new = json!({ "name": "room", "kind": "standard", "url": format!("http://{forge}/told") });
    let made = owner.post(webhooks, new)?;
    owner.first(webhooks)?;
    let path = format!("{webhooks}/{}", text(&made, "id")?);
    owner.get(&path)?;
    let changed = json!({ "name": "the room", "events": ["deployment.*"] });
    let condition = owner.condition(&path)?;
    owner.call("PATCH", &path, Some(changed), &["-H", &condition])?;
    owner.call("POST", &format!("{path}/test"), None, &[])?;
    wait_for("the test to arrive", || {
        let page = owner.get(&format!("{path}/deliveries"))?;
        Ok((page["items"][0]["state"] == "delivered").then_some(()))
    })?;
    owner.delete(&path)?;
    Ok(())
}

/// A build that would never end is ended.
fn ended(machine: &Machine, owner: &Caller<'_>) -> anyhow::Result<()> {
    let folder = machine.state().join("endless");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(probeapp()?, folder.join("probeapp"))?;
    let file = "FROM scratch\nCOPY probeapp /probeapp\nRUN [\"/probeapp\"]\n";
    std::fs::write(folder.join("Dockerfile"), file)?;
    std::fs::write(folder.join("segue.toml"), "app = \"endless\"\n")?;
    machine.cli(&folder, &["up", "--detach"])?;
    let env = "/v1/teams/acme/apps/endless/envs/production";
    let build = wait_for("the build to be there", || {
        let page = owner.get(&format!("{env}/builds"))?;
        Ok(page["items"].get(0).cloned())
    })?;
    let build = format!("{env}/builds/{}", text(&build, "id")?);
    owner.call("POST", &format!("{build}/cancel"), None, &[])?;
    let deployment: Value = wait_for("its deployment to be over", || {
        let deployment = owner.get(&format!("{env}/deployments/1?wait=30s"))?;
        Ok((deployment["finished"] == true).then_some(deployment))
    })?;
    ensure!(deployment["state"] != "succeeded", "{deployment}");
    Ok(())
}
