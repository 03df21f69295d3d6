//! The part of the round that has to do with others: a forge on loopback with git's own server side, from which a
//! source is fetched and which calls a hook; somebody who is told; a build that is ended.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use segue_tests::forge::Forge;
use segue_tests::images::probeapp;
use segue_tests::machine::{Machine, wait_for};
use serde_json::{Value, json};

use super::{Caller, text};

const APP: &str = "/v1/teams/acme/apps/shop";

pub(super) fn outside(machine: &Machine, owner: &Caller<'_>) -> anyhow::Result<()> {
    let forge = Forge::start(machine.state().join("forge"))?;
    std::fs::write(forge.file("requirements.txt"), "flask\ngunicorn\n")?;
    std::fs::write(forge.file("Procfile"), "web: gunicorn app:app\n")?;
    std::fs::write(forge.file("app.py"), "app = None\n")?;
    forge.commit("first")?;
    fetched(owner, forge.address).context("fetch")?;
    called(machine, owner).context("hooks")?;
    told(owner, forge.address).context("webhooks")?;
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
    // The same again, under the same id: the tries are counted on.
    let page = owner.get(&format!("{path}/deliveries"))?;
    let delivery = text(&page["items"][0], "id")?;
    let retry = format!("{path}/deliveries/{delivery}/retry");
    owner.call("POST", &retry, None, &[])?;
    wait_for("the test to arrive again", || {
        let page = owner.get(&format!("{path}/deliveries"))?;
        let told = &page["items"][0];
        Ok((told["id"] == *delivery && told["attempts"] == 2).then_some(()))
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
