//! The first ten minutes of a person with Segue, from the sign-in to a broken push, typed as they type it.
//!
//! Numbers, times and addresses in what is said are matched as patterns. The browser's part (set-up link, code of the
//! device) is done by the requests that the page makes.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, ensure};
use segue_tests::machine::{Machine, binary, share_engine, wait_for};
use serde_json::{Value, json};

/// A person: a home of their own, nothing in variables.
struct Person<'m> {
    machine: &'m Machine,
    home: PathBuf,
    folder: PathBuf,
}

const APP: &str = "import os\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef index():\n    return \
                   f\"VERSION {os.environ.get('LOG_LEVEL', 'info')}\\n\"\n\n\n@app.get('/healthz')\ndef healthz():\n    \
                   return 'ok'\n";

impl Person<'_> {
    fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(&self.folder)
            .env("HOME", &self.home)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("SEGUE_SERVER")
            .env_remove("SEGUE_TOKEN")
            .env_remove("SEGUE_TEAM")
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null());
        command
    }

    /// Types a command; answers what came of it.
    fn types(&self, args: &[&str]) -> anyhow::Result<(Output, String)> {
        let output = self.command(&binary()?, args).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        println!("$ segue {}\n{said}", args.join(" "));
        Ok((output, said))
    }

    /// The same, and it ends with 0.
    fn does(&self, args: &[&str]) -> anyhow::Result<(String, String)> {
        let (output, said) = self.types(args)?;
        ensure!(
            output.status.success(),
            "{args:?}: {:?}\n{}",
            output.status,
            self.machine.tail()
        );
        Ok((String::from_utf8(output.stdout)?, said))
    }

    fn git(&self, args: &[&str]) -> anyhow::Result<(Output, String)> {
        let mut all = vec!["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
        all.extend(args);
        let output = self.command(Path::new("git"), &all).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        println!("$ git {}\n{said}", args.join(" "));
        Ok((output, said))
    }

    fn commits(&self, message: &str) -> anyhow::Result<()> {
        for args in [vec!["add", "."], vec!["commit", "--quiet", "-m", message]] {
            let (output, said) = self.git(&args)?;
            ensure!(output.status.success(), "{said}");
        }
        Ok(())
    }

    fn writes(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(self.folder.join(name), text)?)
    }

    /// Signs in: the code goes to the browser, the browser says yes.
    fn signs_in(&self) -> anyhow::Result<()> {
        let server = format!("http://{}", self.machine.api());
        let mut login: Child = self
            .command(&binary()?, &["login", "--server", &server])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let stderr = login.stderr.take().context("no stderr")?;
        let mut lines = BufReader::new(stderr).lines();
        let shown = lines.next().context("login said nothing")??;
        println!("$ segue login --server {server}\n{shown}");
        ensure!(shown.contains("/device and enter "), "{shown}");
        let code = shown.rsplit(' ').next().context("no code")?;
        self.confirms(code)?;
        let rest: Vec<String> = lines.collect::<Result<_, _>>()?;
        let rest = rest.join("\n");
        println!("{rest}");
        let status = login.wait()?;
        ensure!(status.success(), "{status}: {rest}");
        ensure!(
            pattern(&rest, "✓ signed in to * as * (team acme*"),
            "{rest}"
        );
        Ok(())
    }

    /// What the page /device does when Ada, signed in, allows it.
    fn confirms(&self, code: &str) -> anyhow::Result<()> {
        let login =
            json!({ "email": "ada@example.com", "password": "correct horse battery staple" });
        let login = login.to_string();
        let media = "content-type: application/json";
        let answer = self.machine.ask(
            "POST",
            "/v1/auth/login",
            &["-H", media, "--data-binary", &login],
        )?;
        ensure!(answer.status == 200, "{answer:?}");
        let body: Value = serde_json::from_str(&answer.body)?;
        let token = body
            .get("access_token")
            .and_then(Value::as_str)
            .context("no access token")?;
        let bearer = format!("authorization: Bearer {token}");
        let body = json!({ "user_code": code, "approve": true, "team": "acme" }).to_string();
        let url = format!("http://{}/v1/device/confirm", self.machine.api());
        let curl = [
            "-sS",
            "-f",
            "-X",
            "POST",
            "-H",
            &bearer,
            "-H",
            media,
            "--data-binary",
            &body,
            &url,
        ];
        let output = Command::new("curl").args(curl).output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(())
    }

    /// What users get.
    fn page(&self) -> anyhow::Result<String> {
        let answer = self.machine.visit("shop.localhost", "/")?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(answer.body.trim().to_owned())
    }
}

/// Whether a text has these parts, in order: `*` stands for anything.
fn pattern(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    for part in pattern.split('*') {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    true
}

fn says(said: &str, patterns: &[&str]) -> anyhow::Result<()> {
    for wanted in patterns {
        ensure!(pattern(said, wanted), "{wanted:?} is not in:\n{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_minutes_from_sign_in_to_a_broken_push() -> anyhow::Result<()> {
    // 0:00 and 1:00: the server stands, and its link made the owner's account.
    share_engine()?;
    let machine = Machine::start()?;
    let state = machine.state();
    let person = Person {
        machine: &machine,
        home: state.join("home"),
        folder: state.join("my-flask-app"),
    };
    std::fs::create_dir_all(&person.home)?;
    std::fs::create_dir_all(&person.folder)?;
    person.writes("app.py", &APP.replace("VERSION", "one"))?;
    person.writes("requirements.txt", "flask\ngunicorn\n")?;
    person.writes("Procfile", "web: gunicorn app:app --bind 0.0.0.0:$PORT\n")?;

    // 2:00: signed in through the browser.
    person.signs_in()?;
    let (who, _) = person.does(&["whoami"])?;
    says(&who, &["ada@example.com", "team acme"])?;

    // 2:30: what was found, and where git pushes to.
    let (output, said) = person.git(&["init", "--quiet", "--initial-branch=main"])?;
    ensure!(output.status.success(), "{said}");
    let (_, said) = person.does(&["init", "--app", "shop"])?;
    says(
        &said,
        &[
            "Found: Python*requirements.txt",
            "✓ wrote segue.toml (* lines) for app shop",
            "✓ git remote segue → http://*/git/acme/shop.git",
        ],
    )?;
    let manifest = std::fs::read_to_string(person.folder.join("segue.toml"))?;
    let checked = manifest.replace("# health = ", "health = ");
    ensure!(checked != manifest, "{manifest}");
    // The deadline of a release that never becomes healthy is waited for twice below.
    let patience = "\n[deploy]\nrollout = { health_timeout = \"15s\" }\n";
    person.writes("segue.toml", &format!("{checked}{patience}"))?;
    person.writes(".gitignore", "__pycache__/\n")?;
    person.commits("first")?;

    // 3:00: from the folder to an address.
    let (stdout, said) = person.does(&["up"])?;
    says(
        &said,
        &[
            "→ acme/shop, environment production (app created)",
            "✓ packed * files, * *s",
            "✓ built: * steps, * cached * *s",
            "✓ healthy: web.1 on * *s",
            "✓ switched 100 % of traffic to v1 * *s",
            "✓ v1 is live",
        ],
    )?;
    says(&stdout, &["http://shop.localhost:*"])?;
    ensure!(stdout.lines().count() == 1, "data alone: {stdout}");
    ensure!(person.page()? == "one info", "{}", person.page()?);

    // The same again: nothing is deployed, and that is said with the address; `--force` deploys it.
    let (stdout, said) = person.does(&["up"])?;
    says(
        &said,
        &["✓ nothing changed: v1 is live with exactly this (#1, *--force"],
    )?;
    says(&stdout, &["http://shop.localhost:*"])?;
    let (deployments, _) = person.does(&["deploys"])?;
    ensure!(!deployments.contains("#2"), "{deployments}");

    // 4:30: a push, signed in by the credential helper.
    person.writes("app.py", &APP.replace("VERSION", "two"))?;
    person.commits("second")?;
    let (output, said) = person.git(&["push", "segue", "main"])?;
    ensure!(output.status.success(), "{said}\n{}", machine.tail());
    says(&said, &["remote: *✓ v2 live after * s"])?;
    ensure!(person.page()? == "two info", "{}", person.page()?);

    // 5:30: a setting makes a release; a number of instances makes none.
    let (_, said) = person.does(&["config", "set", "LOG_LEVEL=debug"])?;
    says(&said, &["→ acme/shop", "✓ set LOG_LEVEL", "✓ v3 is live"])?;
    ensure!(person.page()? == "two debug", "{}", person.page()?);
    let (_, said) = person.does(&["scale", "web=3"])?;
    says(&said, &["✓ web 1 → 3"])?;
    let (instances, _) = person.does(&["ps"])?;
    says(
        &instances,
        &["web.1 *ready", "web.2 *ready", "web.3 *ready"],
    )?;

    // 6:30: a push that breaks the check is refused with the cause, and v3 serves on.
    let broken = APP
        .replace("VERSION", "three")
        .replace("return 'ok'", "return 'broken', 500");
    person.writes("app.py", &broken)?;
    person.commits("breaks the check")?;
    let (output, said) = person.git(&["push", "segue", "main"])?;
    ensure!(!output.status.success(), "a broken release was accepted");
    says(
        &said,
        &[
            "remote: *✗ *#4*",
            "remote: */healthz*500",
            "pre-receive hook declined",
        ],
    )?;
    ensure!(person.page()? == "two debug", "{}", person.page()?);

    // The same from the folder: exit code 3, what failed, why, what is true now, what to type next.
    let (output, said) = person.types(&["up"])?;
    ensure!(
        output.status.code() == Some(3),
        "{:?}: {said}",
        output.status
    );
    says(
        &said,
        &[
            "✗ deploy #5 of shop/production failed*; traffic * v3 *",
            "GET /healthz*500",
            "→ *code: health_status",
        ],
    )?;
    let (status, _) = person.does(&["status"])?;
    says(&status, &["shop/production: v3 live, 3/3 ready"])?;
    for _ in 0..20 {
        ensure!(person.page()? == "two debug", "{}", person.page()?);
    }

    // The end of the sign-in is the end of the token.
    let (_, said) = person.does(&["logout"])?;
    says(&said, &["✓ signed out of *good for nothing any more"])?;
    let (output, _) = person.types(&["status"])?;
    ensure!(output.status.code() == Some(4), "{:?}", output.status);
    wait_for("git to be refused too", || {
        let (output, _) = person.git(&["ls-remote", "segue"])?;
        Ok((!output.status.success()).then_some(()))
    })?;
    machine.stop()
}
