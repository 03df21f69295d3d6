//! What an engine says, in this crate's words. Plain data; no engine's own types appear here.

mod engine;

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use segue_model::Timestamp;
use segue_model::failure::FailureCode;
use segue_model::id::{EnvironmentId, InstallationId, InstanceId, TeamId};
use segue_model::name::ServiceName;
use segue_model::revision::Revision;
use tokio::time::Instant;

pub use engine::{EngineInfo, Event, EventKind, ExecResult, ImageInfo, Listen, LogLine, LogStream};

/// Until when a call may take. Every call has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// From now on, by the runtime's clock (which tests may pause).
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }
}

/// The name of a container: what the engine's name conflict compares and swaps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerName(String);

/// Text that cannot name a container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a container name is 2 to 100 letters, digits, `_`, `.` and `-`, and begins with a letter or digit"
)]
pub struct InvalidContainerName;

impl ContainerName {
    /// A name for something that is no instance (a test run, a release command).
    ///
    /// # Errors
    /// [`InvalidContainerName`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidContainerName> {
        let text = text.into();
        let fits = (2..=100).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if fits {
            Ok(Self(text))
        } else {
            Err(InvalidContainerName)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<InstanceId> for ContainerName {
    fn from(id: InstanceId) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A network of an environment on one engine. Only these exist, so that a container can never be given the
/// host's network or another container's by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkName {
    /// Carries requests and everything that leaves; has the default gateway.
    Traffic(EnvironmentId),
    /// Carries names that follow readiness; internal, without a gateway (decision 0012).
    Names(EnvironmentId),
}

impl NetworkName {
    /// The environment it belongs to.
    #[must_use]
    pub const fn environment(self) -> EnvironmentId {
        match self {
            Self::Traffic(environment) | Self::Names(environment) => environment,
        }
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Traffic(environment) => write!(f, "segue-{environment}"),
            Self::Names(environment) => write!(f, "segue-{environment}-names"),
        }
    }
}

/// A network as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name; [`NetworkName::Names`] makes it internal.
    pub name: NetworkName,
    /// Owner, for the label.
    pub team: TeamId,
    /// Its subnet.
    pub subnet: ipnet::Ipv4Net,
    /// The host's address in it.
    pub gateway: Ipv4Addr,
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// One instance of a service.
    Instance,
    /// Runs to its end: tests in the built image, a release command.
    Task,
    /// Segue's own look into an instance's network namespace.
    Probe,
}

impl Role {
    /// Label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Task => "task",
            Self::Probe => "probe",
        }
    }
}

/// Who a container is. Written into labels at create and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The installation that owns it.
    pub installation: InstallationId,
    /// The tenant.
    pub team: TeamId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// Its service.
    pub service: ServiceName,
    /// What it is made of.
    pub revision: Revision,
    /// Its instance. For a task: an id made for it, used once.
    pub instance: InstanceId,
    /// `web.3`; 0 for a task.
    pub slot: u32,
    /// The host's epoch when it was created.
    pub host_epoch: i64,
}

/// Observation of one object: nothing is concluded from silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// The engine answered that it does not exist.
    Absent,
    /// No answer, or a call whose effect is not known yet.
    Unknown,
    /// The engine described it.
    Known(Box<Container>),
}

impl Observed {
    /// The observation that a call's result stands for.
    #[must_use]
    pub fn of(result: Result<Container, crate::DriverError>) -> Self {
        match result {
            Ok(container) => Self::Known(Box::new(container)),
            Err(crate::DriverError::NotFound(_)) => Self::Absent,
            Err(_) => Self::Unknown,
        }
    }

    /// The container, if one was described.
    #[must_use]
    pub fn known(&self) -> Option<&Container> {
        match self {
            Self::Known(container) => Some(container),
            Self::Absent | Self::Unknown => None,
        }
    }
}

/// A container as the engine describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The engine's own id.
    pub engine_id: String,
    /// Its name.
    pub name: ContainerName,
    /// What it is for.
    pub role: Role,
    /// Who it is; `None` if labels of ours are missing or cannot be read, which is for an operator.
    pub identity: Option<Identity>,
    /// Image id that it runs.
    pub image_id: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Its address on the traffic network, while it has one.
    pub address: Option<Ipv4Addr>,
    /// Process id in the engine's namespace while it runs.
    pub pid: Option<u32>,
    /// Last start.
    pub started_at: Option<Timestamp>,
    /// Restarts by the engine itself since it was created.
    pub restarts: u32,
}

impl Container {
    /// Whether its process runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }
}

/// Where a container is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Made, never started; with the engine's message if a start failed.
    Created {
        /// Why the start failed.
        error: Option<String>,
    },
    /// Its process runs.
    Running,
    /// Frozen.
    Paused,
    /// It ended and the engine will start it again.
    Restarting(Exit),
    /// It ended.
    Exited(Exit),
    /// The engine is removing it.
    Removing,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Exit code; 128 + signal number for a signal.
    pub code: i32,
    /// Killed for memory.
    pub oom: bool,
    /// When.
    pub at: Option<Timestamp>,
}

impl Exit {
    /// Why it ended, from the code and the last lines it wrote.
    ///
    /// With `init` a command that cannot be run does not fail the start: init starts, says so on stderr in a
    /// fixed form and exits.
    #[must_use]
    pub fn failure_code(&self, last_lines: &str) -> FailureCode {
        let init = last_lines
            .lines()
            .find(|line| line.starts_with("[FATAL tini") && line.contains("] exec "));
        match init {
            _ if self.oom => FailureCode::OutOfMemory,
            Some(line) if line.ends_with("No such file or directory") => {
                FailureCode::CommandNotFound
            }
            Some(line) if line.ends_with("Exec format error") => FailureCode::ExecFormat,
            Some(_) => FailureCode::ContainerRefused,
            // Its words could not be read in time; by these codes every init and shell says that there is no such
            // command (127) or that it may not be run (126; POSIX.1-2017, Shell Command Language, 2.8.2).
            None if last_lines.is_empty() => match self.code {
                127 => FailureCode::CommandNotFound,
                126 => FailureCode::ContainerRefused,
                _ => FailureCode::ExitedAtOnce,
            },
            None => FailureCode::ExitedAtOnce,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_grammar() {
        for good in ["ins_0", "a.b-c", "9x"] {
            assert!(ContainerName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "-a", "a/b", "a b", "../a", "ä1", &"x".repeat(101)] {
            assert!(ContainerName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn loopback_is_told_from_all() {
        let reachable = |text: &str| text.parse::<Listen>().unwrap().reachable();
        assert!(reachable("0.0.0.0:80") && reachable("[::]:80") && reachable("10.1.2.3:80"));
        assert!(
            !reachable("127.0.0.1:80")
                && !reachable("[::1]:80")
                && !reachable("[::ffff:127.0.0.1]:80")
        );
    }

    #[test]
    fn an_exit_says_why() {
        let exit = |code, oom| Exit {
            code,
            oom,
            at: None,
        };
        let tini = |why: &str| format!("hello\n[FATAL tini (7)] exec /nope failed: {why}\n");
        assert_eq!(exit(137, true).failure_code(""), FailureCode::OutOfMemory);
        assert_eq!(
            exit(127, false).failure_code(&tini("No such file or directory")),
            FailureCode::CommandNotFound
        );
        assert_eq!(
            exit(1, false).failure_code(&tini("Exec format error")),
            FailureCode::ExecFormat
        );
        assert_eq!(
            exit(126, false).failure_code(&tini("Permission denied")),
            FailureCode::ContainerRefused
        );
        assert_eq!(
            exit(127, false).failure_code(""),
            FailureCode::CommandNotFound
        );
        assert_eq!(
            exit(126, false).failure_code(""),
            FailureCode::ContainerRefused
        );
        for code in [126, 127] {
            assert_eq!(
                exit(code, false).failure_code("the application said something else"),
                FailureCode::ExitedAtOnce
            );
        }
        assert_eq!(
            exit(3, false).failure_code("exec /nope failed"),
            FailureCode::ExitedAtOnce
        );
    }
}
