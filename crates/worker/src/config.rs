//! Settings of the worker, already parsed and checked by whoever makes them.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use segue_driver::build::wish::Wish;
use segue_model::detect::Runtimes;
use segue_model::name::MachineName;
use segue_outbound::OutboundConfig;

/// Settings of the worker.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Socket of the Docker engine of this machine; `None`: this machine runs no applications.
    pub docker_socket: Option<PathBuf>,
    /// Name of this machine as a host; it gets another if this one is taken.
    pub host_name: MachineName,
    /// Socket of the engine that builds; `None`: builds fail with a sentence.
    pub build_socket: Option<PathBuf>,
    /// By which that engine is asked for, if it runs only while it is wanted.
    pub build_wish: Option<Wish>,
    /// Control group of all builds, below the mount point: so that a build that ran into a limit is told from one
    /// that failed.
    pub build_cgroup: Option<String>,
    /// Certificates in PEM that builds shall trust besides the usual ones: a whole bundle.
    pub extra_ca: Option<PathBuf>,
    /// Base images for detected languages.
    pub runtimes: Runtimes,
    /// How people and programs are told of events.
    pub outside: OutsideConfig,
    /// Bounds of builds.
    pub build: BuildLimits,
    /// Bounds of kept logs.
    pub logs: LogLimits,
    /// A container of this installation that the store does not know is removed this long after it was first seen to
    /// be one. With listings ten seconds apart, 45 s keep every one below a minute (invariant I10).
    pub stranger_grace: Duration,
}

/// How people and programs are told of events.
#[derive(Debug, Clone, Default)]
pub struct OutsideConfig {
    /// Where requests may go.
    pub outbound: OutboundConfig,
    /// The mail server; `None`: no mail is sent.
    pub mail: Option<MailConfig>,
    /// Where people reach this server: links in what they are told begin with it. `None`: they get none.
    pub public_url: Option<String>,
}

/// The operator's mail server.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// `smtps://host:465`, `smtp://host:587?tls=required`, or `smtp://localhost:25` without TLS.
    pub server: String,
    /// Who the mails are from.
    pub from: String,
    /// Account and password.
    pub login: Option<(String, SecretString)>,
}

/// Bounds of builds.
#[derive(Debug, Clone)]
pub struct BuildLimits {
    /// Builds at a time in this process.
    pub parallel: usize,
    /// From claim to image.
    pub time: Duration,
    /// For the tests in the built image.
    pub test_time: Duration,
    /// Memory of the tests' container, bytes.
    pub test_memory_bytes: u64,
}

impl Default for BuildLimits {
    fn default() -> Self {
        Self {
            parallel: 2,
            time: Duration::from_secs(15 * 60),
            test_time: Duration::from_secs(10 * 60),
            test_memory_bytes: 1 << 30,
        }
    }
}

/// Bounds of kept logs.
#[derive(Debug, Clone)]
pub struct LogLimits {
    /// Bytes that one instance may write per second, on average over ten seconds; what is above is counted and
    /// dropped.
    pub bytes_per_second: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            bytes_per_second: 1 << 20,
        }
    }
}
