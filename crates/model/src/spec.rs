//! Specifications: what people want of a service, in normal form (every default filled in).
//!
//! The manifest (`segue.toml`), the API and the smallest YAML all end in these types. Bounds are
//! checked where they are built (manifest, API) against [`bounds`]; nothing later checks them again.

pub mod bounds;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{BuildId, HostId};
use crate::name::{ConfigKey, Domain, ImageName, Label, PathPrefix, ServiceName, VolumeName};

/// What a service is for; decides routing, volumes and restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// Routed: receives requests from the edge.
    Web,
    /// Runs in the background, without a route.
    Worker,
    /// Runs to its end, on a schedule or by hand.
    Job,
    /// Keeps state in an exclusive volume.
    Data,
}

/// The command that starts a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Started as it is, without a shell.
    Argv(Vec<String>),
    /// Run by the image's own `/bin/sh -c "exec …"`, because it uses variables or operators.
    Shell(String),
}

impl Command {
    /// Parses a command line as people write it: split into arguments like a shell would, unless it
    /// needs a shell (variables, operators, globs), which only the image can offer.
    ///
    /// # Errors
    /// [`InvalidCommand`] for an empty line, an unfinished quote or a control character.
    pub fn parse(line: &str) -> Result<Self, InvalidCommand> {
        let line = line.trim();
        if line.is_empty()
            || line.len() > bounds::ARGUMENT_CHARS
            || line.chars().any(|c| c.is_control() && c != '\t')
        {
            return Err(InvalidCommand);
        }
        let argv = shell_words::split(line).map_err(|_| InvalidCommand)?;
        let needs_shell = line.contains([
            '$', '|', '&', ';', '<', '>', '`', '*', '?', '~', '(', ')', '\n',
        ]) || argv.first().is_none_or(|first| first.contains('='));
        Ok(if needs_shell {
            Self::Shell(line.to_owned())
        } else {
            Self::Argv(argv)
        })
    }

    /// The argument vector the engine gets.
    #[must_use]
    pub fn to_argv(&self) -> Vec<String> {
        match self {
            Self::Argv(argv) => argv.clone(),
            // `exec` only where the line is one simple command; otherwise the shell must stay to run the rest.
            Self::Shell(line) => {
                let simple = !line.contains(['|', '&', ';', '(', ')', '\n'])
                    && !line
                        .split_whitespace()
                        .next()
                        .is_some_and(|first| first.contains('='));
                let line = if simple {
                    format!("exec {line}")
                } else {
                    line.clone()
                };
                vec!["/bin/sh".to_owned(), "-c".to_owned(), line]
            }
        }
    }
}

/// A command line that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid command: 1 to 4096 characters on one line, with quotes closed")]
pub struct InvalidCommand;

/// Resources of one instance. The reservation equals the limit for memory; CPU is a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Thousandths of a core reserved, and the container's weight; no quota.
    pub cpu_millis: u32,
    /// Memory limit and reservation in bytes; swap is off.
    pub memory_bytes: u64,
    /// Processes and threads at most.
    pub pids: u32,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            cpu_millis: 250,
            memory_bytes: 512 << 20,
            pids: 512,
        }
    }
}

/// How readiness and liveness are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// TCP connect, then HTTP GET of `/` with any status below 500: the default of `web`.
    Default,
    /// HTTP GET of this path with a status of 200..=399.
    Http {
        /// Absolute path with optional query.
        path: String,
    },
    /// TCP connect to the port.
    Tcp,
    /// A command in the container that exits with 0; asked at least a second apart.
    Command {
        /// Arguments, no shell.
        argv: Vec<String>,
    },
    /// Running is enough: the default of a `worker` without a port.
    Running,
}

impl Check {
    /// What is asked of a service that says nothing about it: `web` must answer, what has a port must accept
    /// connections, everything else must run.
    #[must_use]
    pub const fn of(kind: ServiceKind, port: Option<u16>) -> Self {
        match (kind, port) {
            (ServiceKind::Web, _) => Self::Default,
            (_, Some(_)) => Self::Tcp,
            (_, None) => Self::Running,
        }
    }
}

/// Health gate and liveness of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// What is asked.
    pub check: Check,
    /// Between two checks of an instance that is ready.
    pub interval: Duration,
    /// For one check.
    pub timeout: Duration,
    /// Failures in a row that make a ready instance unready.
    pub failures: u32,
    /// From start to the first success; a model may load for minutes.
    pub start_timeout: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            check: Check::Default,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            failures: 3,
            start_timeout: Duration::from_secs(60),
        }
    }
}

/// A named volume of a service; always exclusive: one instance has it at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Absolute path in the container.
    pub path: String,
    /// Size people asked for, in bytes; a bound for placement, not enforced by the engine.
    pub size_bytes: u64,
}

/// Where instances may and should run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// Labels that a host must have.
    pub require: BTreeMap<Label, Label>,
    /// At most one instance of the service per host.
    pub one_per_host: bool,
}

/// How a rollout replaces instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Surge to full size, gate all, switch every route in one generation, keep the old set warm.
    #[default]
    Switch,
    /// In batches; versions mix.
    Rolling,
    /// Stop the old ones, then start the new ones.
    Recreate,
}

/// Limits of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// How instances are replaced.
    pub strategy: Strategy,
    /// Instances above the target during `rolling`. Set by a person, it turns `switch` into `rolling`.
    pub max_surge: Option<u32>,
    /// Instances that may be missing during a rollout.
    pub max_unavailable: u32,
    /// Requests in flight may take this long after their instance left the routes.
    pub drain: Duration,
    /// Watch the new release this long, with the old set warm, before it is stable.
    pub bake: Duration,
    /// Without progress for this long, the rollout fails.
    pub progress_deadline: Duration,
    /// Go back to the last stable release by itself.
    pub auto_rollback: bool,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            strategy: Strategy::Switch,
            max_surge: None,
            max_unavailable: 0,
            drain: Duration::from_secs(30),
            bake: Duration::from_secs(60),
            progress_deadline: Duration::from_secs(600),
            auto_rollback: true,
        }
    }
}

/// An image the engine can run, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageRef {
    /// In a registry, by manifest digest (`sha256:…`).
    Registry {
        /// Registry and repository, without tag.
        repository: ImageName,
        /// Manifest digest.
        digest: String,
    },
    /// On engines only (built or imported here), by image id (`sha256:…`).
    Engine {
        /// Image id.
        id: String,
        /// Hosts known to have it when the release was made; others get it by save/load.
        hosts: BTreeSet<HostId>,
    },
}

impl ImageRef {
    /// The content address: what a revision hashes. Where the image lies does not matter to it.
    #[must_use]
    pub fn content(&self) -> &str {
        match self {
            Self::Registry { digest, .. } => digest,
            Self::Engine { id, .. } => id,
        }
    }

    /// The name under which an engine runs it.
    #[must_use]
    pub fn engine_name(&self) -> String {
        match self {
            Self::Registry { repository, digest } => format!("{repository}@{digest}"),
            Self::Engine { id, .. } => id.clone(),
        }
    }
}

/// Where a service's image comes from, as a release records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// What this build makes.
    Build(BuildId),
    /// Named by people; the build of kind `resolve` pins it (digest or engine id) before the rollout.
    Resolve {
        /// As written.
        name: ImageName,
        /// The build row that pins it.
        build: BuildId,
    },
    /// Already pinned (rollback, promote, configuration change).
    Pinned(ImageRef),
}

/// Where an environment variable's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvValue {
    /// The value itself.
    Value(String),
    /// A sealed value, by version; opened by the worker when the container is created.
    Secret {
        /// Version of the secret.
        version: i64,
    },
}

/// One service of a release, in normal form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// What it is for.
    pub kind: ServiceKind,
    /// What starts it; the image's own command if none.
    pub command: Option<Command>,
    /// Where it listens; given to it as `PORT`. `None`: the image's single exposed port, or 8080.
    pub port: Option<u16>,
    /// Replicas when the service appears; later the scale target decides. Not part of a revision.
    pub replicas: u32,
    /// Reservation and limits of an instance.
    pub resources: Resources,
    /// Gate and liveness. Not part of a revision.
    pub health: Health,
    /// Exclusive volumes.
    pub volumes: BTreeMap<VolumeName, Volume>,
    /// From SIGTERM to SIGKILL.
    pub stop_timeout: Duration,
    /// Root file system read-only, `/tmp` in memory.
    pub read_only: bool,
    /// Host names besides the generated one. Not part of a revision.
    pub domains: Vec<Domain>,
    /// Path under the host names. Not part of a revision.
    pub path: PathPrefix,
    /// Where it may run. Not part of a revision.
    pub place: Placement,
}

impl ServiceSpec {
    /// A service of this kind with every default.
    #[must_use]
    pub fn new(kind: ServiceKind) -> Self {
        Self {
            kind,
            command: None,
            port: None,
            replicas: 1,
            resources: Resources::default(),
            health: Health {
                check: Check::of(kind, None),
                ..Health::default()
            },
            volumes: BTreeMap::new(),
            stop_timeout: Duration::from_secs(30),
            read_only: false,
            domains: Vec::new(),
            path: PathPrefix::root(),
            place: Placement::default(),
        }
    }

    /// Whether only one instance at a time may run, because it holds a volume.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        !self.volumes.is_empty()
    }
}

/// One service as a release holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseService {
    /// The normal form.
    pub spec: ServiceSpec,
    /// Its image.
    pub image: ImageSource,
    /// Its environment, resolved to values and secret versions.
    pub env: BTreeMap<ConfigKey, EnvValue>,
    /// Raised by `restart`, so that the revision changes and nothing else.
    pub restart_nonce: u32,
    /// Whether the image came from a Dockerfile that Segue generated (profile `strict`).
    pub generated: bool,
}

/// What a release says: immutable once written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseSpec {
    /// All services of the environment.
    pub services: BTreeMap<ServiceName, ReleaseService>,
    /// How it is rolled out.
    pub rollout: Rollout,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_use_a_shell_only_where_they_need_one() {
        let argv = |line| Command::parse(line).unwrap().to_argv();
        assert_eq!(
            argv("gunicorn app:app --workers 2"),
            ["gunicorn", "app:app", "--workers", "2"]
        );
        assert_eq!(argv("node 'my app.js'"), ["node", "my app.js"]);
        assert_eq!(
            argv("gunicorn -b 0.0.0.0:$PORT a:b"),
            ["/bin/sh", "-c", "exec gunicorn -b 0.0.0.0:$PORT a:b"]
        );
        assert_eq!(argv("a && b"), ["/bin/sh", "-c", "a && b"]);
        assert_eq!(argv("X=1 a"), ["/bin/sh", "-c", "X=1 a"]);
        for bad in ["", "  ", "a 'b", "a\0b", "a\nb"] {
            assert!(Command::parse(bad).is_err(), "{bad:?}");
        }
    }
}
