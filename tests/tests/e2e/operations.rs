//! A round through the API as people and their tools call it: sign-in, a team and its people, an app and everything
//! around its environment, the machine. Each answer is looked at; with the other end-to-end tests it calls every
//! operation of the document (`./dev test` compares).

use anyhow::{Context as _, ensure};
use segue_tests::images::image;
use segue_tests::machine::{Machine, share_engine, wait_for};
use segue_tests::tools::{Answer, answer};
use serde_json::{Value, json};

mod outside;

const PASSWORD: &str = "correct horse battery staple";
const ENV: &str = "/v1/teams/acme/apps/shop/envs/production";

/// Somebody who asks.
struct Caller<'m> {
    machine: &'m Machine,
    token: String,
}

impl Caller<'_> {
    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        more: &[&str],
    ) -> anyhow::Result<Answer> {
        let bearer = format!("authorization: Bearer {}", self.token);
        let text = body.map(ToString::to_string);
        let mut arguments = if method == "HEAD" {
            vec!["--head"]
        } else {
            vec!["-X", method]
        };
        if !self.token.is_empty() {
            arguments.extend(["-H", &bearer]);
        }
        if let Some(text) = &text {
            arguments.extend([
                "-H",
                "content-type: application/json",
                "--data-binary",
                text,
            ]);
        }
        arguments.extend(more);
        answer(&format!("http://{}{path}", self.machine.api()), &arguments)
    }

    /// Sends a request that must be done; its answer as JSON, null where there is none.
    fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        more: &[&str],
    ) -> anyhow::Result<Value> {
        let answer = self.send(method, path, body.as_ref(), more)?;
        ensure!(
            (200..300).contains(&answer.status),
            "{method} {path}: {answer:?}"
        );
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)))
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call("GET", path, None, &[])
    }

    fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call("POST", path, Some(body), &[])
    }

    fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call("DELETE", path, None, &[])
    }

    /// The condition under which what is there may be changed.
    fn condition(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.send("GET", path, None, &[])?;
        let etag = answer
            .header("etag")
            .with_context(|| format!("{path}: {answer:?}"))?;
        Ok(format!("If-Match: {etag}"))
    }

    fn first(&self, path: &str) -> anyhow::Result<Value> {
        let page = self.get(path)?;
        page["items"]
            .get(0)
            .cloned()
            .with_context(|| format!("{path} is empty: {page}"))
    }
}

fn text<'v>(value: &'v Value, name: &str) -> anyhow::Result<&'v str> {
    value[name]
        .as_str()
        .with_context(|| format!("no {name} in {value}"))
}

/// Signs in by password; the access token and the cookie that renews it.
fn sign_in(machine: &Machine, email: &str, password: &str) -> anyhow::Result<(String, String)> {
    let nobody = Caller {
        machine,
        token: String::new(),
    };
    let body = json!({ "email": email, "password": password });
    let answer = nobody.send("POST", "/v1/auth/login", Some(&body), &[])?;
    ensure!(answer.status == 200, "{answer:?}");
    let cookie = answer.header("set-cookie").context("no cookie")?;
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let body: Value = serde_json::from_str(&answer.body)?;
    Ok((
        text(&body, "access_token")?.to_owned(),
        format!("cookie: {cookie}"),
    ))
}

fn sessions(machine: &Machine, owner: &Caller<'_>) -> anyhow::Result<()> {
    let nobody = Caller {
        machine,
        token: String::new(),
    };
    for path in ["/healthz", "/readyz", "/v1/openapi.json", "/v1/auth/jwks"] {
        nobody.get(path)?;
    }
    let exchanged = owner.call("POST", "/v1/auth/token", None, &[])?;
    let exchanged = Caller {
        machine,
        token: text(&exchanged, "access_token")?.to_owned(),
    };
    ensure!(text(&exchanged.get("/v1/me")?, "email")? == "ada@example.com");

    let (token, cookie) = sign_in(machine, "ada@example.com", PASSWORD)?;
    let ada = Caller { machine, token };
    let renewed = nobody.call(
        "POST",
        "/v1/auth/refresh",
        None,
        &["-H", &cookie, "-H", "X-Segue-Csrf: 1"],
    )?;
    ensure!(!text(&renewed, "access_token")?.is_empty());
    let named = ada.call("PATCH", "/v1/me", Some(json!({ "name": "Ada L." })), &[])?;
    ensure!(text(&named, "name")? == "Ada L.", "{named}");

    // Another place where she is signed in is ended from this one.
    let (other, other_cookie) = sign_in(machine, "ada@example.com", PASSWORD)?;
    let list = ada.get("/v1/me/sessions")?;
    let elsewhere = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|session| session["current"] != true)
        .context("no other session")?;
    ada.delete(&format!("/v1/me/sessions/{}", text(elsewhere, "id")?))?;
    drop((other, other_cookie));

    let changed = json!({ "current": PASSWORD, "new": "another horse, another staple" });
    ada.post("/v1/me/password", changed)?;
    let (token, cookie) = sign_in(machine, "ada@example.com", "another horse, another staple")?;
    let ada = Caller { machine, token };
    ada.post("/v1/auth/keys/rotate", json!({}))?;

    let nobody_asks = json!({ "client_name": "a tool" });
    let started = nobody.post("/v1/device/auth", nobody_asks)?;
    let code = text(&started, "user_code")?;
    ada.get(&format!("/v1/device/{code}"))?;
    ada.post(
        "/v1/device/confirm",
        json!({ "user_code": code, "approve": true, "team": "acme" }),
    )?;
    let got = nobody.post(
        "/v1/device/token",
        json!({ "device_code": started["device_code"] }),
    )?;
    ensure!(!text(&got, "token")?.is_empty());
    ada.call(
        "POST",
        "/v1/auth/logout",
        None,
        &["-H", &cookie, "-H", "X-Segue-Csrf: 1"],
    )?;
    Ok(())
}

fn tokens(owner: &Caller<'_>) -> anyhow::Result<()> {
    let body = json!({ "name": "mine", "scopes": ["read"], "expires_in_days": 1 });
    let made = owner.post("/v1/me/tokens", body)?;
    owner.first("/v1/me/tokens")?;
    owner.delete(&format!("/v1/me/tokens/{}", token_id(&made)?))?;
    let body =
        json!({ "name": "ci", "role": "deployer", "scopes": ["deploy"], "expires_in_days": 1 });
    let made = owner.post("/v1/teams/acme/tokens", body)?;
    owner.first("/v1/teams/acme/tokens")?;
    owner.delete(&format!("/v1/teams/acme/tokens/{}", token_id(&made)?))?;
    Ok(())
}

fn token_id(made: &Value) -> anyhow::Result<&str> {
    made["id"]
        .as_str()
        .or_else(|| made["token_id"].as_str())
        .with_context(|| format!("no id: {made}"))
}

fn team(machine: &Machine, owner: &Caller<'_>) -> anyhow::Result<()> {
    let team = "/v1/teams/acme";
    owner.get("/v1/teams")?;
    owner.get(team)?;

    // Invited, and in.
    let invited = json!({ "email": "bob@example.com", "role": "viewer" });
    let link = owner.post(&format!("{team}/invitations"), invited)?;
    let once = text(&link, "url").or_else(|_| text(&link, "link"))?;
    let (_, once) = once.split_once('#').with_context(|| once.to_owned())?;
    let once = once.strip_prefix("token=").unwrap_or(once);
    let nobody = Caller {
        machine,
        token: String::new(),
    };
    let shown = nobody.post("/v1/invitations/show", json!({ "token": once }))?;
    ensure!(text(&shown, "email")? == "bob@example.com", "{shown}");
    let accepted = json!({ "token": once, "name": "Bob", "password": PASSWORD });
    nobody.post("/v1/invitations/accept", accepted)?;
    let members = owner.get(&format!("{team}/members"))?;
    let bob = members["items"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|member| member["email"] == "bob@example.com")
        .context("Bob is not there")?;
    let path = format!("{team}/members/{}", text(bob, "user")?);
    owner.get(&path)?;
    owner.call("PATCH", &path, Some(json!({ "role": "deployer" })), &[])?;
    forgotten(machine, owner, &path)?;
    // More on one app than on the rest.
    owner.post(&format!("{team}/apps"), json!({ "name": "lamp" }))?;
    let role = json!({ "email": "bob@example.com", "role": "admin", "app": "lamp" });
    owner.post(&format!("{team}/members"), role)?;
    owner.delete(&path)?;

    // Invited by mistake.
    let mistake = json!({ "email": "eve@example.com", "role": "viewer" });
    owner.post(&format!("{team}/invitations"), mistake)?;
    let open = owner.first(&format!("{team}/invitations"))?;
    owner.delete(&format!("{team}/invitations/{}", text(&open, "id")?))?;

    owner.get(&format!("{team}/quota"))?;
    let quota = json!({ "apps": 50, "cpu_millis": null, "memory_bytes": null });
    owner.call("PUT", &format!("{team}/quota"), Some(quota), &[])?;
    owner.first(&format!("{team}/audit-events"))?;
    let whole = owner.get(&format!("{team}/audit-events/verify"))?;
    ensure!(whole["whole"] == true, "{whole}");
    let logs = machine.operator(&["verify-audit"])?;
    ensure!(
        logs.contains("acme: whole") && logs.contains("(the installation): whole"),
        "{logs}"
    );
    tokens(owner)?;

    // A team of her own, for a while.
    let (token, _) = sign_in(machine, "ada@example.com", "another horse, another staple")?;
    let ada = Caller { machine, token };
    ada.post("/v1/teams", json!({ "name": "lab" }))?;
    let condition = ada.condition("/v1/teams/lab").unwrap_or_default();
    let renamed = json!({ "name": "labs" });
    ada.call("PATCH", "/v1/teams/lab", Some(renamed), &["-H", &condition])?;
    let condition = ada.condition("/v1/teams/labs").unwrap_or_default();
    let remove = ["-H", condition.as_str()];
    let refused = ada.send("DELETE", "/v1/teams/labs", None, &remove)?;
    ensure!(
        refused.status == 403 && refused.body.contains("confirmation_required"),
        "{refused:?}"
    );
    let again = json!({ "password": "another horse, another staple" });
    ada.post("/v1/auth/confirm", again)?;
    ada.call("DELETE", "/v1/teams/labs", None, &remove)?;
    Ok(())
}

/// Bob has forgotten his password: by the API and on the server itself.
fn forgotten(machine: &Machine, owner: &Caller<'_>, bob: &str) -> anyhow::Result<()> {
    let nobody = Caller {
        machine,
        token: String::new(),
    };
    let printed = machine.operator(&["reset-password", "bob@example.com"])?;
    let made = owner.call("POST", &format!("{bob}/reset-link"), None, &[])?;
    for (link, works) in [(printed.trim(), false), (text(&made, "link")?, true)] {
        let (_, once) = link
            .split_once("/reset#")
            .with_context(|| link.to_owned())?;
        let new = json!({ "token": once, "password": "what was it again" });
        let answer = nobody.send("POST", "/v1/auth/reset", Some(&new), &[])?;
        // The newer link has ended the one that was printed.
        let wanted = if works { 204 } else { 403 };
        ensure!(answer.status == wanted, "{answer:?}");
    }
    sign_in(machine, "bob@example.com", "what was it again")?;
    Ok(())
}

fn hosts(owner: &Caller<'_>) -> anyhow::Result<()> {
    owner.get("/metrics")?;
    let host = owner.first("/v1/hosts")?;
    let path = format!("/v1/hosts/{}", text(&host, "name")?);
    owner.get(&path)?;
    owner.call("POST", &format!("{path}/cordon"), None, &[])?;
    owner.call("POST", &format!("{path}/uncordon"), None, &[])?;
    Ok(())
}

fn environment(owner: &Caller<'_>) -> anyhow::Result<()> {
    let finished = |number: i64| {
        wait_for("a deployment to be finished", || {
            let path = format!("{ENV}/deployments/{number}?wait=30s");
            let deployment = owner.get(&path)?;
            Ok((deployment["finished"] == true).then_some(deployment))
        })
    };
    let number = |deployment: &Value| deployment["number"].as_i64().context("no number");
    finished(1)?;
    owner.get("/v1/teams/acme/apps")?;
    owner.get("/v1/teams/acme/apps/shop/envs")?;
    owner.get(ENV)?;
    owner.get("/v1/events")?;
    owner.first(&format!("{ENV}/deployments"))?;

    // What it is made of.
    owner.get(&format!("{ENV}/builds"))?;
    let build = owner.first(&format!("{ENV}/builds"))?;
    let build = format!("{ENV}/builds/{}", text(&build, "id")?);
    owner.get(&build)?;
    owner.get(&format!("{build}/log"))?;
    let instance = owner.first(&format!("{ENV}/instances"))?;
    let instance = format!("{ENV}/instances/{}", text(&instance, "id")?);
    owner.get(&instance)?;
    owner.get(&format!("{instance}/why"))?;
    owner.delete(&format!("{instance}?wait=60s"))?;
    owner.get(&format!("{ENV}/logs"))?;
    owner.get(&format!("{ENV}/metrics"))?;
    owner.get(&format!("{ENV}/services"))?;
    owner.get(&format!("{ENV}/services/web"))?;
    let one = json!({ "replicas": 1 });
    owner.call("PATCH", &format!("{ENV}/services/web"), Some(one), &[])?;
    owner.post(&format!("{ENV}/scale"), json!({ "replicas": { "web": 1 } }))?;

    // What it is told.
    owner.get(&format!("{ENV}/config"))?;
    let plain = json!({ "LOG_LEVEL": "debug" });
    let later = "deploy=false";
    owner.call("PATCH", &format!("{ENV}/config?{later}"), Some(plain), &[])?;
    owner.first(&format!("{ENV}/config-versions"))?;
    let secret = format!("{ENV}/secrets/STRIPE_KEY");
    owner.call(
        "PUT",
        &format!("{secret}?{later}"),
        Some(json!({ "value": "sk_1" })),
        &[],
    )?;
    owner.first(&format!("{ENV}/secrets"))?;
    owner.get(&secret)?;
    let body = json!({ "name": "vault", "scopes": ["secret:reveal"], "expires_in_days": 1 });
    let (token, _) = sign_in(
        owner.machine,
        "ada@example.com",
        "another horse, another staple",
    )?;
    let ada = Caller {
        machine: owner.machine,
        token,
    };
    let again = json!({ "password": "another horse, another staple" });
    ada.post("/v1/auth/confirm", again)?;
    let vault = ada.post("/v1/me/tokens", body)?;
    let vault = Caller {
        machine: owner.machine,
        token: text(&vault, "token")?.to_owned(),
    };
    let shown = vault.call("POST", &format!("{secret}/reveal"), None, &[])?;
    ensure!(text(&shown, "value")? == "sk_1", "{shown}");
    let refused = owner.send("POST", &format!("{secret}/reveal"), None, &[])?;
    ensure!(refused.status == 403, "{refused:?}");
    owner.delete(&format!("{secret}?{later}"))?;
    let spec = format!("{ENV}/spec");
    let condition = owner.condition(&spec)?;
    let same = owner.get(&spec)?["spec"].clone();
    owner.call("PUT", &spec, Some(same), &["-H", &condition])?;

    // Another release, and back.
    let again = owner.post(&format!("{ENV}/deployments"), json!({ "restart": [] }))?;
    let second = finished(number(&again)?)?;
    ensure!(second["state"] == "succeeded", "{second}");
    let path = format!("{ENV}/deployments/{}", number(&again)?);
    owner.get(&format!("{path}/events"))?;
    owner.get(&format!("{path}/receipt"))?;
    owner.get(&format!("{ENV}/releases"))?;
    owner.get(&format!("{ENV}/releases/1"))?;
    owner.get(&format!("{ENV}/releases/1/diff/2"))?;
    let back = owner.call("POST", &format!("{path}/rollback"), None, &[])?;
    finished(number(&back)?)?;
    let never = owner.post(&format!("{ENV}/deployments"), json!({ "restart": [] }))?;
    let path = format!("{ENV}/deployments/{}", number(&never)?);
    owner.call("POST", &format!("{path}/cancel"), None, &[])?;
    finished(number(&never)?)?;

    // A command of its own, and one that is ended.
    let run = owner.post(&format!("{ENV}/runs"), json!({ "command": ["/probeapp"] }))?;
    let path = format!("{ENV}/runs/{}", number(&run)?);
    owner.get(&path)?;
    owner.call("POST", &format!("{path}/cancel"), None, &[])?;
    owner.get(&format!("{ENV}/runs"))?;

    // Another environment of it.
    let staging = "/v1/teams/acme/apps/shop/envs/staging";
    let made = json!({ "name": "staging", "kind": "staging", "clone_of": "production" });
    owner.post("/v1/teams/acme/apps/shop/envs", made)?;
    owner.get(&format!("{ENV}/compare/staging"))?;
    let promoted = owner.post(
        &format!("{ENV}/deployments/1/promote"),
        json!({ "to": "staging" }),
    )?;
    ensure!(promoted.is_object(), "{promoted}");
    let condition = owner.condition(staging)?;
    let stopped = json!({ "stopped": true });
    owner.call("PATCH", staging, Some(stopped), &["-H", &condition])?;
    let condition = owner.condition(staging)?;
    owner.call("DELETE", staging, None, &["-H", &condition])?;
    Ok(())
}

/// What stands in the way of deployments, and credentials.
fn around(owner: &Caller<'_>) -> anyhow::Result<()> {
    let app = "/v1/teams/acme/apps/shop";
    owner.post(&format!("{app}/lock"), json!({ "reason": "stock-taking" }))?;
    owner.get(&format!("{app}/lock"))?;
    owner.delete(&format!("{app}/lock"))?;
    let freeze = json!({
        "reason": "the weekend", "time_zone": "Europe/Berlin", "days": [6, 7],
        "from": "00:00", "minutes": 1440,
    });
    owner.post(&format!("{app}/freezes"), freeze)?;
    let freeze = owner.first(&format!("{app}/freezes"))?;
    owner.delete(&format!("{app}/freezes/{}", text(&freeze, "id")?))?;
    let registries = "/v1/teams/acme/registries";
    let registry = json!({
        "kind": "registry", "host": "registry.example.com", "username": "ci", "password": "secret",
    });
    owner.post(registries, registry)?;
    let registry = owner.first(registries)?;
    owner.delete(&format!("{registries}/{}", text(&registry, "id")?))?;
    let condition = owner.condition(app)?;
    let labels = json!({ "labels": { "tier": "one" } });
    owner.call("PATCH", app, Some(labels), &["-H", &condition])?;
    let condition = owner.condition(app)?;
    owner.call("DELETE", app, None, &["-H", &condition])?;
    Ok(())
}

#[test]
fn a_round_through_everything_that_the_api_offers() -> anyhow::Result<()> {
    share_engine()?;
    // The forge of this test is on loopback.
    let machine = Machine::start_with(vec![("outbound.allow", "[\"127.0.0.0/8\"]".to_owned())])?;
    let name = image("segue-test/operations:v1", &[("VERSION", "v1")])?;
    let owner = Caller {
        machine: &machine,
        token: machine.token().to_owned(),
    };
    sessions(&machine, &owner).context("sessions")?;
    team(&machine, &owner).context("team")?;
    hosts(&owner).context("hosts")?;
    // Nobody visits it, so there is nothing to watch and to let end.
    let manifest = format!(
        "app = \"shop\"\n[build]\nimage = \"{name}\"\n[deploy.rollout]\nbake = \"0s\"\ndrain = \"1s\"\n\
         [services.web]\nport = 8080\n"
    );
    std::fs::write(machine.state().join("segue.toml"), manifest)?;
    machine.cli(&machine.state(), &["apply", "-f", "segue.toml", "--detach"])?;
    environment(&owner).context("environment")?;
    outside::outside(&machine, &owner).context("outside")?;
    around(&owner).context("around")?;
    machine.stop()
}
