//! The roles as processes: each alone on a Postgres of its own, and together under `segue serve`,
//! started by root and by a person.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use segue_store::embedded::{Embedded, EmbeddedConfig};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

/// Generous: it is reached only when something is wrong.
const DEADLINE: Duration = Duration::from_secs(120);
/// The account `nobody` of Debian.
const NOBODY: u32 = 65_534;

/// A folder with a copy of the program, settings, and whatever runs on them.
struct Stage {
    folder: TempDir,
    settings: Vec<String>,
    api: SocketAddr,
    edge: SocketAddr,
    user: Option<u32>,
    children: Vec<Child>,
    servers: Vec<PathBuf>,
}

impl Stage {
    /// Under another account if one is given.
    fn new(user: Option<u32>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("segue-roles-")
            .tempdir_in("/tmp")
            .unwrap();
        // The checkout may be closed to the account, and so is a temporary folder.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_segue"), folder.path().join("segue")).unwrap();
        if let Some(user) = user {
            chown(folder.path(), Some(user), None).unwrap();
        }
        let (api, edge, http, https) = (free(), free(), free(), free());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let settings = vec![
            format!("state={}", at("state")),
            format!("run={}", at("run")),
            format!("api.listen={api}"),
            format!("edge.admin={edge}"),
            format!("edge.http=[\"{http}\"]"),
            format!("edge.https=[\"{https}\"]"),
            // Neither engine is there: the roles start and say so, they do not wait for it.
            format!("engine.socket={}", at("no-engine.sock")),
            format!("build.engine={}", at("no-build-engine.sock")),
        ];
        Self {
            folder,
            settings,
            api,
            edge,
            user,
            children: Vec::new(),
            servers: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.path("segue"));
        command
            .args(words)
            .args(self.settings.iter().flat_map(|set| ["--set", set]))
            .current_dir("/")
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Starts a role and answers its place among the children.
    fn start(&mut self, words: &[&str]) -> usize {
        let name = format!(
            "{}-{}.log",
            words.join("-").replace('/', "_"),
            self.children.len()
        );
        let log = fs::File::create(self.path(&name)).unwrap();
        let errors = log.try_clone().unwrap();
        let child = self
            .command(words)
            .stdout(log)
            .stderr(errors)
            .spawn()
            .unwrap();
        self.children.push(child);
        self.children.len() - 1
    }

    /// Runs something that ends by itself and well.
    fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn signal(&mut self, index: usize, signal: &str) {
        send(signal, self.children[index].id());
    }

    /// Waits for the end of a child; whether it ended in order.
    fn end(&mut self, index: usize) -> bool {
        let limit = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.children[index].try_wait().unwrap() {
                return status.success();
            }
            assert!(
                Instant::now() < limit,
                "a role did not end:\n{}",
                self.logs()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn eventually<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let limit = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < limit, "{what}: never\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn wait_ready(&self) {
        for (name, address) in [("the API", self.api), ("the edge", self.edge)] {
            self.eventually(name, || (status_of(address) == Some(200)).then_some(()));
        }
    }

    /// The ends of all logs, for a failure.
    fn logs(&self) -> String {
        let mut text = String::new();
        for folder in [self.folder.path().to_owned(), self.path("state/log")] {
            let files = fs::read_dir(folder).into_iter().flatten().flatten();
            for file in files.filter(|file| file.path().extension().is_some_and(|end| end == "log"))
            {
                let whole = fs::read_to_string(file.path()).unwrap_or_default();
                let lines: Vec<&str> = whole.lines().rev().take(15).collect();
                text.push_str(&format!("== {}\n", file.path().display()));
                text.extend(lines.into_iter().rev().map(|line| format!("{line}\n")));
            }
        }
        text
    }

    /// The processes under `segue serve`, Postgres first.
    fn units(&self) -> Option<[u32; 3]> {
        let postmaster =
            fs::read_to_string(self.path("state/postgres/data/postmaster.pid")).ok()?;
        let postgres = postmaster.lines().next()?.trim().parse().ok()?;
        let pid = |name: &str| -> Option<u32> {
            let path = self.path(&format!("state/supervisor/{name}.unit.json"));
            let record: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
            u32::try_from(record["pid"].as_u64()?).ok()
        };
        Some([postgres, pid("control")?, pid("edge")?])
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A failed test leaves no process behind, those without a parent included.
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for pid in self.units().into_iter().flatten() {
            kill_if_ours(pid, self.folder.path());
        }
        for file in &self.servers {
            let pid = fs::read_to_string(file).unwrap_or_default();
            if let Some(pid) = pid.lines().next().and_then(|pid| pid.trim().parse().ok()) {
                kill_if_ours(pid, self.folder.path());
            }
        }
    }
}

/// Kills a process whose command line names our folder; another one may have its number by now.
fn kill_if_ours(pid: u32, folder: &Path) {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if line.contains(&folder.display().to_string()) {
        let _ = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
    }
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status();
    assert!(sent.unwrap().success(), "kill -{signal} {pid}");
}

fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The real, effective, saved and file-system user of a process.
fn users_of(pid: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .unwrap();
    line.split_whitespace()
        .skip(1)
        .map(|id| id.parse().unwrap())
        .collect()
}

/// The status that `/readyz` answers with.
fn status_of(address: SocketAddr) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let head = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer).ok()?.get(9..)?.parse().ok()
}

fn is_root() -> bool {
    users_of(std::process::id()).iter().all(|user| *user == 0)
}

#[tokio::test]
async fn every_role_runs_alone_on_a_postgres_of_somebody_else() {
    let mut stage = Stage::new(None);
    let config = EmbeddedConfig::new(stage.path("pg"));
    stage.servers.push(stage.path("pg/data/postmaster.pid"));
    let postgres = Embedded::start(config).await.unwrap();
    stage
        .settings
        .push(format!("database.url={}", postgres.url()));
    stage.run(&["migrate"]);
    assert!(
        !stage.path("state/postgres").exists(),
        "no private server where another one is named"
    );

    let api = stage.start(&["api"]);
    stage.eventually("the API", || {
        (status_of(stage.api) == Some(200)).then_some(())
    });
    let control = format!("unix:{}", stage.path("run/internal.sock").display());
    let token = stage.path("state/keys/edge.token").display().to_string();
    let edge = stage.start(&["edge", "--control", &control, "--token-file", &token]);
    // It is ready when it has had routes from the control plane.
    stage.wait_ready();

    // Two workers at once; each writes down that it runs and that its engine is away.
    let workers = [stage.start(&["worker"]), stage.start(&["worker"])];
    stage.eventually("two workers are at work on one host", || {
        let log = |worker: usize| fs::read_to_string(stage.path(&format!("worker-{worker}.log")));
        let known = |worker| {
            log(worker)
                .unwrap_or_default()
                .contains("this machine is a host")
        };
        (known(workers[0]) && known(workers[1])).then_some(())
    });
    let mut connection = PgConnection::connect_with(&postgres.connect_options())
        .await
        .unwrap();
    let hosts: i64 = sqlx::query_scalar("select count(*) from hosts")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(hosts, 1);
    // What an operator does on the server needs neither of them.
    assert!(
        stage
            .run(&["admin", "token", "--team", "roles"])
            .starts_with("segue")
    );

    // Each may be killed without the others: the API and the edge stay ready without a worker.
    stage.signal(workers[0], "KILL");
    assert!(!stage.end(workers[0]));
    stage.wait_ready();
    // The edge serves on without an API, and finds the next one.
    stage.signal(api, "KILL");
    assert!(!stage.end(api));
    assert_eq!(status_of(stage.edge), Some(200));
    let api = stage.start(&["api"]);
    stage.wait_ready();

    for role in [workers[1], edge, api] {
        stage.signal(role, "TERM");
        assert!(
            stage.end(role),
            "a role that is told to stop ends in order:\n{}",
            stage.logs()
        );
    }
    drop(connection);
    postgres.stop().await.unwrap();
}

/// `segue serve` from the first start to the stop, with a killed supervisor in between.
fn serve_lives(stage: &mut Stage, postgres_user: impl Fn(u32) -> bool) {
    let first = stage.start(&["serve"]);
    stage.wait_ready();
    let units = stage.eventually("all units are noted", || stage.units());
    let users = users_of(units[0]);
    assert!(
        users.iter().all(|user| postgres_user(*user)),
        "Postgres runs as {users:?}"
    );

    stage.signal(first, "KILL");
    assert!(!stage.end(first));
    assert!(units.into_iter().all(alive), "what it kept outlives it");
    let second = stage.start(&["serve"]);
    stage.eventually("the successor has adopted everything", || {
        let log = fs::read_to_string(stage.path("serve-1.log")).unwrap_or_default();
        log.contains("everything is ready").then_some(())
    });
    stage.wait_ready();
    assert_eq!(
        stage.units(),
        Some(units),
        "nothing was started a second time\n{}",
        stage.logs()
    );

    stage.signal(second, "TERM");
    assert!(stage.end(second), "it stops in order:\n{}", stage.logs());
    assert!(!units.into_iter().any(alive), "and everything with it");
    assert!(
        !stage.path("state/postgres/data/postmaster.pid").exists(),
        "Postgres wrote its last checkpoint"
    );
}

#[test]
fn serve_by_root_keeps_postgres_under_another_account_and_adopts_what_runs() {
    assert!(is_root(), "./dev test runs the tests as root");
    serve_lives(&mut Stage::new(None), |user| user != 0);
}

#[test]
fn serve_by_a_person_keeps_everything_under_that_account_and_adopts_what_runs() {
    assert!(is_root(), "./dev test runs the tests as root");
    serve_lives(&mut Stage::new(Some(NOBODY)), |user| user == NOBODY);
}
