//! Small things that every test needs: waiting for a condition, asking by HTTP, the Docker command line, signals.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// Longest wait for anything that is expected to happen; generous, because nothing here is a measurement.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Waits until `look` answers something, or fails with what was waited for.
///
/// # Errors
/// Nothing came within [`PATIENCE`], or `look` itself failed for good.
pub fn wait_for<T>(
    what: &str,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(50);
    loop {
        if let Some(found) = look().with_context(|| format!("while waiting for {what}"))? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("waited {PATIENCE:?} for {what}");
        }
        std::thread::sleep(pause);
        // Looking is often a process: who waits for a minute does not start twenty a second beside other tests.
        pause = (pause + pause / 8).min(Duration::from_millis(400));
    }
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Names in lower case, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }
}

/// One request by curl; any status is an answer.
///
/// # Errors
/// There was no answer.
pub fn answer(url: &str, arguments: &[&str]) -> anyhow::Result<Answer> {
    let output = Command::new("curl")
        // Without `Expect`, so that there is one head before the body.
        .args(["-sS", "-i", "-m", "120", "-H", "expect:"])
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!("{url}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let (head, body) = text.split_once("\r\n\r\n").context("no head")?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .context("no status")?
        .parse()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Answer {
        status,
        headers,
        body: body.to_owned(),
    })
}

/// The Docker command line on an engine: the machine's, or the one behind a socket.
#[must_use]
pub fn docker_at(socket: Option<&Path>) -> Command {
    let mut command = docker();
    if let Some(socket) = socket {
        command
            .arg("-H")
            .arg(format!("unix://{}", socket.display()));
    }
    command
}

/// A number that no other call answers.
#[must_use]
pub fn unique() -> u128 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_nanos())
}

/// The Docker command line on the machine's engine.
#[must_use]
pub fn docker() -> Command {
    let mut command = Command::new("docker");
    command.stdin(Stdio::null());
    command
}

/// Sends a signal to one process.
///
/// # Errors
/// `kill` could not be started or refused.
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        bail!("kill -{name} {pid}: {status}")
    }
}

/// Status of a GET, if there is an answer.
#[must_use]
pub fn status(address: SocketAddr, path: &str) -> Option<u16> {
    let output = Command::new("curl")
        .args(["-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}"])
        .arg(format!("http://{address}{path}"))
        .stdin(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .ok()
        .filter(|code| *code != 0)
}

/// The Python environment with what tests need of it, made by `./dev test`.
///
/// # Errors
/// It is not there.
pub fn python_env() -> anyhow::Result<PathBuf> {
    let folder = std::env::var_os("SEGUE_PYTHON_ENV").map_or_else(
        || {
            let home = std::env::var_os("HOME").unwrap_or_default();
            Path::new(&home).join(".cache/segue/python")
        },
        PathBuf::from,
    );
    if folder.join("bin/python").exists() {
        Ok(folder)
    } else {
        bail!(
            "no Python environment in {}: ./dev test makes it",
            folder.display()
        )
    }
}

/// A program of that environment.
///
/// # Errors
/// It is not there.
pub fn python_tool(name: &str) -> anyhow::Result<PathBuf> {
    let path = python_env()?.join("bin").join(name);
    if path.exists() {
        Ok(path)
    } else {
        bail!("{} is missing: ./dev test installs it", path.display())
    }
}
