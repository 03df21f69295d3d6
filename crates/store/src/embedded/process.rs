//! The server process: spawned with argv, or adopted; watched and signalled through a pidfd, so
//! that a reused process id is never hit.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};

use super::account::Account;
use super::error::{EmbeddedError, io_error};
use super::folder::{Binaries, last_lines};

/// A running server.
#[derive(Debug)]
pub(super) struct Process {
    pub pid: u32,
    handle: AsyncFd<OwnedFd>,
    /// Present when the server is our own child, which must be reaped.
    child: Option<Child>,
}

impl Process {
    /// Takes hold of a server that somebody else started. `None` when it is gone already.
    pub(super) fn adopt(pid: u32) -> Result<Option<Self>, EmbeddedError> {
        let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(Self {
                pid,
                handle: watch(fd)?,
                child: None,
            })),
            Err(rustix::io::Errno::SRCH) => Ok(None),
            Err(error) => Err(io_error("cannot watch the running Postgres")(error.into())),
        }
    }

    /// Starts `postgres` on the data folder. Its first words go to `startup_log`.
    pub(super) fn spawn(
        binaries: &Binaries,
        data: &Path,
        settings: &[(String, String)],
        startup_log: &Path,
        account: Option<&Account>,
    ) -> Result<Self, EmbeddedError> {
        let log = File::create(startup_log)
            .map_err(io_error(format!("cannot write {}", startup_log.display())))?;
        let log_again = log
            .try_clone()
            .map_err(io_error("cannot share the log file"))?;
        let mut command = Command::new(binaries.program("postgres"));
        command.arg("-D").arg(data);
        for (name, value) in settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_again)
            // A Ctrl-C at the terminal goes to the supervisor, which stops us in order.
            .process_group(0)
            .kill_on_drop(false);
        if let Some(account) = account {
            // As root this also drops every supplementary group.
            command.uid(account.uid).gid(account.gid);
        }
        let child = command.spawn().map_err(io_error("cannot start postgres"))?;
        let pid = child.id().unwrap_or_default();
        let fd = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(rustix::io::Errno::SRCH)
            .and_then(|raw| pidfd_open(raw, PidfdFlags::empty()))
            .map_err(|error| io_error("cannot watch postgres")(error.into()))?;
        Ok(Self {
            pid,
            handle: watch(fd)?,
            child: Some(child),
        })
    }

    /// Resolves when the process is gone.
    pub(super) async fn exited(&mut self) -> Result<String, EmbeddedError> {
        let _ready = self
            .handle
            .readable()
            .await
            .map_err(io_error("cannot wait for postgres"))?;
        match &mut self.child {
            Some(child) => child
                .wait()
                .await
                .map(|status| status.to_string())
                .map_err(io_error("cannot reap postgres")),
            None => Ok("not our child".to_owned()),
        }
    }

    /// Sends a signal; a process that is gone already is no error.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), EmbeddedError> {
        match pidfd_send_signal(self.handle.get_ref(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(io_error("cannot signal postgres")(error.into())),
        }
    }

    /// Waits for the end within a limit. `true` when it is gone.
    pub(super) async fn gone_within(&mut self, limit: Duration) -> Result<bool, EmbeddedError> {
        match tokio::time::timeout(limit, self.exited()).await {
            Ok(result) => result.map(|_| true),
            Err(_) => Ok(false),
        }
    }
}

#[expect(
    unsafe_code,
    reason = "the only way to wait for a pidfd on the runtime"
)]
fn watch(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>, EmbeddedError> {
    // SAFETY: an `OwnedFd` is one open descriptor and stays the same one until it is dropped, and
    // the `AsyncFd` owns it for all of its life.
    unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }
        .map_err(std::io::Error::from)
        .map_err(io_error("cannot wait for a process on this runtime"))
}

/// What the server said before it ended.
pub(super) fn startup_words(startup_log: &Path, log_folder: &Path) -> String {
    let mut words = fs::read_to_string(startup_log).unwrap_or_default();
    let newest = fs::read_dir(log_folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "log"))
        .filter(|entry| entry.path() != startup_log)
        .max_by_key(|entry| entry.metadata().and_then(|m| m.modified()).ok());
    if let Some(entry) = newest {
        words.push('\n');
        words.push_str(&fs::read_to_string(entry.path()).unwrap_or_default());
    }
    last_lines(&words)
}
