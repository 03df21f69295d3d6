//! A unit that is a process: argv, an environment of its own, a session of its own, a log file.
//!
//! Invariants: its environment holds only what the specification says, and the mark; no shell is
//! involved; the record is written before anything waits on the process.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::logfile;
use super::probe::Probe;
use super::procfs;
use super::record::{self, Record};
use super::unit::{Adoption, Boxed, Running, Unit};

/// Environment variable that says which unit of which folder a process is.
const MARK: &str = "SEGUE_UNIT";
/// A killed process may need this long to let go of its memory.
const KILL_LIMIT: Duration = Duration::from_secs(20);

/// Work that must succeed before each start.
pub type Before = Arc<dyn Fn() -> Boxed<'static, anyhow::Result<()>> + Send + Sync>;

/// How a process is started, asked and stopped.
#[derive(Clone)]
pub struct ProcessSpec {
    /// Unique name, fit for a file name.
    pub name: String,
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Its arguments, without the program.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Where its standard output and error go.
    pub log: PathBuf,
    /// The signal that asks it to end.
    pub stop_signal: Signal,
    /// Whether it does its work.
    pub ready: Probe,
    /// What must have succeeded before it is started.
    pub before: Option<Before>,
}

/// A process as a unit.
pub struct ProcessUnit {
    spec: ProcessSpec,
    folder: PathBuf,
    mark: String,
}

impl ProcessUnit {
    /// The folder is the supervisor's, an absolute path.
    #[must_use]
    pub fn new(folder: &Path, spec: ProcessSpec) -> Self {
        Self {
            mark: format!("{}#{}", folder.display(), spec.name),
            folder: folder.to_owned(),
            spec,
        }
    }

    /// What it would be started from. Another value means that a running one is outdated.
    fn form(&self) -> String {
        // A hash of std is stable within one build of Segue. Another build is another form.
        let mut hasher = DefaultHasher::new();
        (&self.spec.program, &self.spec.args, &self.spec.env).hash(&mut hasher);
        if let Ok(file) = std::fs::metadata(&self.spec.program) {
            let written = (file.mtime(), file.mtime_nsec());
            (file.dev(), file.ino(), file.size(), written).hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }

    fn record(&self) -> PathBuf {
        record::path(&self.folder, &self.spec.name)
    }

    fn spawn(&self) -> anyhow::Result<Process> {
        let log = logfile::open(&self.spec.log)?;
        let child = self
            .command(log)?
            .spawn()
            .with_context(|| format!("cannot start {}", self.spec.program.display()))?;
        let pid = child.id();
        let start_ticks = procfs::stat(pid).map_or(0, |stat| stat.start_ticks);
        let noted = Record {
            boot_id: procfs::boot_id(),
            pid,
            start_ticks,
            form: self.form(),
        };
        // Without a record the mark still finds it, so a full disk does not end a service.
        if let Err(error) = record::write(&self.record(), &noted) {
            tracing::warn!(
                unit = self.spec.name,
                error = format!("{error:#}"),
                "not recorded"
            );
        }
        let handle = open_pidfd(pid)?.context("it ended before it could be watched")?;
        Ok(self.process(pid, handle, Some(child)))
    }

    fn command(&self, log: File) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.spec.program);
        command
            .args(&self.spec.args)
            .env_clear()
            .envs(self.spec.env.iter().map(|(name, value)| (name, value)))
            .env(MARK, &self.mark)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("cannot share the log file")?)
            .stderr(log);
        in_own_session(&mut command);
        Ok(command)
    }

    fn process(&self, pid: u32, handle: AsyncFd<OwnedFd>, child: Option<Child>) -> Process {
        Process {
            pid,
            handle,
            child,
            record: self.record(),
            ready: Arc::clone(&self.spec.ready),
            stop_signal: self.spec.stop_signal,
        }
    }

    /// The process that runs now, and what it was started from if that is known.
    fn find(&self) -> Option<(u32, u64, Option<String>)> {
        let noted = record::read(&self.record()).filter(|noted| {
            noted.boot_id == procfs::boot_id()
                && procfs::stat(noted.pid)
                    .is_some_and(|stat| !stat.ended && stat.start_ticks == noted.start_ticks)
        });
        if let Some(noted) = noted {
            return Some((noted.pid, noted.start_ticks, Some(noted.form)));
        }
        // The supervisor may have died between the start and the record.
        let marked = procfs::marked(&format!("{MARK}={}", self.mark));
        let (pid, stat) = marked.first()?;
        Some((*pid, stat.start_ticks, None))
    }
}

impl Unit for ProcessUnit {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn log_file(&self) -> Option<&Path> {
        Some(&self.spec.log)
    }

    fn adopt(&self) -> anyhow::Result<Adoption> {
        let Some((pid, start_ticks, form)) = self.find() else {
            return Ok(Adoption::None);
        };
        let Some(handle) = open_pidfd(pid)? else {
            return Ok(Adoption::None);
        };
        // The pid could have changed hands between the look and the handle, but not since.
        if procfs::stat(pid).map(|stat| stat.start_ticks) != Some(start_ticks) {
            return Ok(Adoption::None);
        }
        let process = Box::new(self.process(pid, handle, None));
        Ok(if form == Some(self.form()) {
            Adoption::Current(process)
        } else {
            Adoption::Outdated(process)
        })
    }

    fn start(&self) -> Boxed<'_, anyhow::Result<Box<dyn Running>>> {
        Box::pin(async {
            if let Some(before) = &self.spec.before {
                before()
                    .await
                    .context("what comes before its start failed")?;
            }
            let process: Box<dyn Running> = Box::new(self.spawn()?);
            Ok(process)
        })
    }
}

struct Process {
    pid: u32,
    handle: AsyncFd<OwnedFd>,
    /// Present when it is our own child, which must be reaped.
    child: Option<Child>,
    record: PathBuf,
    ready: Probe,
    stop_signal: Signal,
}

impl Process {
    /// A pidfd becomes readable when the process has ended.
    async fn ended(&mut self) -> String {
        if let Err(error) = self.handle.readable().await.map(drop) {
            return format!("it cannot be watched: {error}");
        }
        if let Err(error) = record::remove(&self.record) {
            tracing::warn!(
                pid = self.pid,
                error = format!("{error:#}"),
                "its record stays"
            );
        }
        match self.child.as_mut().map(Child::wait) {
            Some(Ok(status)) => status.to_string(),
            Some(Err(error)) => format!("its status cannot be read: {error}"),
            None => "it was not our child, so its status is unknown".to_owned(),
        }
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        match rustix::process::pidfd_send_signal(self.handle.get_ref(), signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error).context("it cannot be signalled"),
        }
    }

    /// It leads its session and group, so this reaches what it started too.
    fn kill_group(&self) {
        if let Some(group) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
            && let Err(error) = rustix::process::kill_process_group(group, Signal::KILL)
            && error != Errno::SRCH
        {
            tracing::warn!(pid = self.pid, %error, "its group cannot be killed");
        }
    }
}

impl Running for Process {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn adopted(&self) -> bool {
        self.child.is_none()
    }

    fn ready(&self) -> Boxed<'static, bool> {
        (self.ready)()
    }

    fn exited(&mut self) -> Boxed<'_, String> {
        Box::pin(self.ended())
    }

    fn stop(mut self: Box<Self>, grace: Duration) -> Boxed<'static, anyhow::Result<()>> {
        Box::pin(async move {
            self.signal(self.stop_signal)?;
            if timeout(grace, self.ended()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(pid = self.pid, "did not stop in time: killing it");
            self.kill_group();
            self.signal(Signal::KILL)?;
            timeout(KILL_LIMIT, self.ended())
                .await
                .map(drop)
                .context("it survived SIGKILL")
        })
    }
}

fn open_pidfd(pid: u32) -> anyhow::Result<Option<AsyncFd<OwnedFd>>> {
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    match rustix::process::pidfd_open(raw, PidfdFlags::empty()) {
        Ok(fd) => watch(fd).map(Some).context("a process cannot be watched"),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error).context("a process cannot be watched"),
    }
}

#[expect(
    unsafe_code,
    reason = "tokio has no safe way to watch an owned descriptor"
)]
fn watch(fd: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd names the same open descriptor until it is dropped, and it is dropped
    // only after AsyncFd has deregistered it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// A terminal's hang-up or Ctrl-C then reaches the supervisor only.
#[expect(
    unsafe_code,
    reason = "std has no stable way to start a session for a child"
)]
fn in_own_session(command: &mut Command) {
    // SAFETY: between fork and exec the closure makes one system call, setsid, which is
    // async-signal-safe, and it touches no memory of the parent.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(Into::into));
    }
}
