//! A whole Segue for one test: `segue serve` with a state folder, sockets and ports of its own on the
//! machine's Docker engine, reached as people reach it, by command line and HTTP.
//!
//! Owns what it starts and stops nothing else. Must not: look into the database or into the program.

mod containers;

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::lock::hold_engine;
pub use crate::lock::share_engine;
pub use crate::tools::{Answer, PATIENCE, docker, docker_at, signal, status, wait_for};
use crate::tools::{answer, unique};

/// A running installation.
pub struct Machine {
    /// Its folder; removed at the end, unless the test failed.
    folder: PathBuf,
    binary: PathBuf,
    serve: Option<Child>,
    api: SocketAddr,
    edge: SocketAddr,
    tls: SocketAddr,
    admin: SocketAddr,
    token: String,
    extra: Vec<(&'static str, String)>,
}

fn fresh_folder() -> anyhow::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("segue-{}-{:x}", std::process::id(), unique()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Addresses that nobody listens at, each another: all are held until the last is found.
fn free_addresses<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let mut held = Vec::with_capacity(N);
    let mut found = [SocketAddr::from(([127, 0, 0, 1], 0)); N];
    for address in &mut found {
        let listener = TcpListener::bind(*address)?;
        *address = listener.local_addr()?;
        held.push(listener);
    }
    Ok(found)
}

/// The program under test: built by `./dev test` before the tests run.
///
/// # Errors
/// It is not there.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("SEGUE_BIN") {
        return Ok(path.into());
    }
    let tests = std::env::current_exe()?;
    let target = tests
        .ancestors()
        .nth(2)
        .context("the test program lies in no target folder")?;
    let program = target.join("segue");
    if program.is_file() {
        Ok(program)
    } else {
        bail!("{} is missing: cargo build -p segue-app", program.display())
    }
}

impl Machine {
    /// Starts an installation and creates its first owner and team `acme`.
    ///
    /// # Errors
    /// Something did not start; the message names the log.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(Vec::new())
    }

    /// The same with settings besides those of every test: `--set key=value`.
    ///
    /// # Errors
    /// As [`Machine::start`].
    pub fn start_with(extra: Vec<(&'static str, String)>) -> anyhow::Result<Self> {
        hold_engine()?;
        Self::start_in(fresh_folder()?, extra)
    }

    /// The same with a folder of the build engine that outlives it, so that builds find what earlier ones made. The
    /// caller sees to it that no other installation uses that folder meanwhile.
    ///
    /// # Errors
    /// As [`Machine::start`].
    pub fn start_keeping_builds(
        builds: &Path,
        extra: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        hold_engine()?;
        let folder = fresh_folder()?;
        std::fs::create_dir_all(builds)?;
        let state = folder.join("state");
        std::fs::DirBuilder::new().mode(0o700).create(&state)?;
        std::os::unix::fs::symlink(builds, state.join("build"))?;
        Self::start_in(folder, extra)
    }

    fn start_in(folder: PathBuf, extra: Vec<(&'static str, String)>) -> anyhow::Result<Self> {
        let [api, edge, tls, admin] = free_addresses()?;
        let mut machine = Self {
            folder,
            binary: binary()?,
            serve: None,
            api,
            edge,
            tls,
            admin,
            token: String::new(),
            extra,
        };
        machine.serve()?;
        machine.set_up()?;
        Ok(machine)
    }

    /// Starts `segue serve` (again) and waits until the API and the edge are ready.
    ///
    /// # Errors
    /// It did not become ready.
    pub fn serve(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())?;
        let mut command = Command::new(&self.binary);
        command.arg("serve");
        for (key, value) in self.settings() {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.serve = Some(child);
        let (api, admin) = (self.api, self.admin);
        wait_for("the API and the edge to be ready", || {
            if let Some(status) = self
                .serve
                .as_mut()
                .map(Child::try_wait)
                .transpose()?
                .flatten()
            {
                bail!("segue serve ended with {status}: {}", self.tail());
            }
            let ready =
                status(api, "/readyz") == Some(200) && status(admin, "/readyz") == Some(200);
            Ok(ready.then_some(()))
        })
        .with_context(|| self.tail())
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let quoted = |text: String| format!("\"{text}\"");
        // Installations that share an engine must not share addresses.
        let share = u32::from(self.api.port()) % 2048;
        let subnets = format!("10.{}.{}.0/20", 128 + share / 16, share % 16 * 16);
        let mut settings = vec![
            ("engine.subnets", quoted(subnets)),
            (
                "build.subnet",
                quoted(format!("10.{}.{}.0/24", 64 + share / 256, share % 256)),
            ),
            (
                "state",
                quoted(self.folder.join("state").display().to_string()),
            ),
            ("run", quoted(self.folder.join("run").display().to_string())),
            ("api.listen", quoted(self.api.to_string())),
            ("edge.http", format!("[\"{}\"]", self.edge)),
            ("edge.https", format!("[\"{}\"]", self.tls)),
            ("edge.admin", quoted(self.admin.to_string())),
        ];
        if let Some(bundle) = std::env::var_os("SSL_CERT_FILE") {
            settings.push((
                "build.extra_ca",
                quoted(PathBuf::from(bundle).display().to_string()),
            ));
        }
        settings.extend(self.extra.iter().cloned());
        settings
    }

    fn set_up(&mut self) -> anyhow::Result<()> {
        let link = wait_for("the set-up link", || {
            let log = std::fs::read_to_string(self.log())?;
            Ok(log
                .split_whitespace()
                .find(|word| word.contains("/setup?token="))
                .map(str::to_owned))
        })?;
        let (_, token) = link.split_once("token=").context("the link has no token")?;
        let body = serde_json::json!({
            "token": token, "email": "ada@example.com", "password": "correct horse battery staple",
            "name": "Ada", "team": "acme",
        });
        let answer = self.request("POST", "/v1/setup", Some(&body), false)?;
        let token = answer
            .get("token")
            .and_then(Value::as_str)
            .context("set-up gave no token")?;
        token.clone_into(&mut self.token);
        Ok(())
    }

    /// Where the edge listens for HTTP.
    #[must_use]
    pub fn edge(&self) -> SocketAddr {
        self.edge
    }

    /// Where the edge listens for TLS.
    #[must_use]
    pub fn tls(&self) -> SocketAddr {
        self.tls
    }

    /// Where the API listens.
    #[must_use]
    pub fn api(&self) -> SocketAddr {
        self.api
    }

    /// Where the edge answers operators.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The Docker command line on its engine.
    #[must_use]
    pub fn docker(&self) -> Command {
        let socket = self
            .extra
            .iter()
            .find(|(key, _)| *key == "engine.socket")
            .map(|(_, value)| PathBuf::from(value.trim_matches('"')));
        docker_at(socket.as_deref())
    }

    /// Its state folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Its folder of sockets.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// What its supervisor has said so far.
    #[must_use]
    pub fn words(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The owner's API token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    fn log(&self) -> PathBuf {
        self.folder.join("serve.log")
    }

    /// The last lines of its log, for messages.
    #[must_use]
    pub fn tail(&self) -> String {
        let mut text = format!("state in {}\n", self.folder.display());
        let mut logs = vec![self.log()];
        if let Ok(entries) = std::fs::read_dir(self.folder.join("state/log")) {
            logs.extend(entries.flatten().map(|entry| entry.path()));
        }
        for path in logs {
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines
                .get(lines.len().saturating_sub(20)..)
                .unwrap_or_default();
            text.push_str(&format!("--- {}\n{}\n", path.display(), last.join("\n")));
        }
        text
    }

    /// A request to the API with the owner's token; the answer must be a success.
    ///
    /// # Errors
    /// No answer, or a status that is none of success; the message holds the answer.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        self.request(method, path, body, true)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        signed: bool,
    ) -> anyhow::Result<Value> {
        let text = body.map(ToString::to_string);
        let mut arguments = vec!["-H", "content-type: application/json"];
        if let Some(text) = &text {
            arguments.extend(["--data-binary", text]);
        }
        let answer = self.ask_as(
            if signed { &self.token } else { "" },
            method,
            path,
            &arguments,
        )?;
        if !(200..300).contains(&answer.status) {
            bail!("{method} {path}: {answer:?}");
        }
        if answer.body.is_empty() {
            Ok(Value::Null)
        } else {
            Ok(serde_json::from_str(&answer.body)?)
        }
    }

    /// A request to the API with the owner's token and these arguments of curl; any status is an answer.
    ///
    /// # Errors
    /// There was no answer.
    pub fn ask(&self, method: &str, path: &str, arguments: &[&str]) -> anyhow::Result<Answer> {
        self.ask_as(&self.token, method, path, arguments)
    }

    fn ask_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Answer> {
        let bearer = format!("authorization: Bearer {token}");
        let mut all = vec!["-X", method];
        if !token.is_empty() {
            all.extend(["-H", &bearer]);
        }
        all.extend(arguments);
        answer(&format!("http://{}{path}", self.api), &all)
    }

    /// What the edge answers to a GET of a host name's path.
    ///
    /// # Errors
    /// There was no answer.
    pub fn visit(&self, host: &str, path: &str) -> anyhow::Result<Answer> {
        let host = format!("host: {host}");
        answer(&format!("http://{}{path}", self.edge), &["-H", &host])
    }

    /// Runs the command line as a person would, in a folder, and answers what came of it.
    ///
    /// # Errors
    /// It could not be started.
    pub fn try_cli(&self, folder: &Path, args: &[&str]) -> anyhow::Result<Output> {
        let output = Command::new(&self.binary)
            .args(args)
            .current_dir(folder)
            .env("SEGUE_SERVER", format!("http://{}", self.api))
            .env("SEGUE_TOKEN", &self.token)
            .env("SEGUE_TEAM", "acme")
            .env("HOME", &self.folder)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()?;
        Ok(output)
    }

    /// The same, and it must end with 0; answers what it wrote to standard output.
    ///
    /// # Errors
    /// It ended otherwise; the message holds both outputs.
    pub fn cli(&self, folder: &Path, args: &[&str]) -> anyhow::Result<String> {
        let output = self.try_cli(folder, args)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        bail!(
            "segue {}: {}\n{text}{}",
            args.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
    }

    /// Applies the smallest manifest and does not follow the deployment.
    ///
    /// # Errors
    /// The command line refused it.
    pub fn apply_detached(&self, app: &str, image: &str, replicas: u32) -> anyhow::Result<String> {
        let folder = self.state();
        let text =
            format!("application: {app}\nimage: {image}\nreplicas: {replicas}\nport: 8080\n");
        std::fs::write(folder.join("detached.yaml"), text)?;
        self.cli(&folder, &["apply", "-f", "detached.yaml", "--detach"])
    }

    /// The id of an app's production, as its containers carry it.
    ///
    /// # Errors
    /// The API does not know it.
    pub fn production(&self, app: &str) -> anyhow::Result<String> {
        let path = format!("/v1/teams/acme/apps/{app}/envs/production");
        let env = self.call("GET", &path, None)?;
        let id = env.get("id").and_then(Value::as_str);
        id.map(str::to_owned).context("the environment has no id")
    }

    /// The process of one child of the supervisor.
    ///
    /// # Errors
    /// It does not run.
    pub fn unit(&self, name: &str) -> anyhow::Result<u32> {
        let path = self
            .folder
            .join("state/supervisor")
            .join(format!("{name}.unit.json"));
        let record: Value = serde_json::from_slice(
            &std::fs::read(&path).with_context(|| path.display().to_string())?,
        )?;
        let pid = record
            .get("pid")
            .and_then(Value::as_u64)
            .context("the record has no pid")?;
        Ok(u32::try_from(pid)?)
    }

    /// The process of the private Postgres.
    ///
    /// # Errors
    /// It does not run.
    pub fn postgres(&self) -> anyhow::Result<u32> {
        let root = self.folder.join("state/postgres");
        let path = ["postmaster.pid", "data/postmaster.pid"]
            .iter()
            .map(|name| root.join(name))
            .find(|path| path.is_file())
            .context("no postmaster.pid")?;
        let text = std::fs::read_to_string(path)?;
        Ok(text
            .lines()
            .next()
            .context("empty postmaster.pid")?
            .trim()
            .parse()?)
    }

    /// Kills the supervisor alone, without a chance to stop anything.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut serve = self.serve.take().context("no supervisor")?;
        serve.kill()?;
        serve.wait()?;
        Ok(())
    }

    /// The id of the supervisor's process.
    #[must_use]
    pub fn supervisor(&self) -> Option<u32> {
        self.serve.as_ref().map(Child::id)
    }

    /// Stops everything in order and removes what it made on the engine and on disk.
    ///
    /// # Errors
    /// It did not stop.
    pub fn stop(self) -> anyhow::Result<()> {
        crate::calls::note(self.api, &self.token)?;
        self.stop_uncounted()
    }

    /// The same where a program made the requests up: they prove no operation's use.
    ///
    /// # Errors
    /// As [`Machine::stop`].
    pub fn stop_uncounted(mut self) -> anyhow::Result<()> {
        self.end()?;
        self.sweep();
        std::fs::remove_dir_all(&self.folder).with_context(|| format!("{}", self.folder.display()))
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let Some(mut serve) = self.serve.take() else {
            return Ok(());
        };
        signal(serve.id(), "TERM")?;
        wait_for("segue serve to stop", || Ok(serve.try_wait()?)).map(drop)
    }

    /// A deploy token of a team, which is made if there is none of that name, by the operator's command.
    ///
    /// # Errors
    /// The command failed.
    pub fn operator_token(&self, team: &str) -> anyhow::Result<String> {
        self.operator(&["token", "--team", team])
    }

    /// What one of the operator's commands prints.
    ///
    /// # Errors
    /// The command failed.
    pub fn operator(&self, order: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.binary);
        command.arg("admin").args(order);
        for (key, value) in self.settings() {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let output = command.output()?;
        if !output.status.success() {
            bail!("segue admin {order:?}: {output:?}");
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // After a failed test: what was started must end, what was written stays for who looks into it.
        drop(self.end());
        if self.folder.exists() {
            self.sweep();
        }
    }
}
