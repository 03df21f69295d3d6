//! The specification of an environment as people send and read it: flat, with units in names, every member
//! optional on the way in and filled in on the way out.
//!
//! No `oneOf`: generators cannot name its parts. Where one of several things is meant (the health check), the
//! struct has optional members and at most one may be set.

use std::collections::BTreeMap;

use segue_model::manifest::Builder;
use segue_model::spec::{ServiceKind, Strategy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an environment shall be: its services, how its image is built, how releases are rolled out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnvironmentSpec {
    /// Services by name.
    pub services: BTreeMap<String, Service>,
    /// How source becomes an image.
    pub build: Build,
    /// How releases are rolled out.
    pub deploy: Deploy,
    /// Variables that the application declares.
    pub config: BTreeMap<String, Variable>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// What it is for: `web` (routed), `worker` (in the background), `job`, `data` (keeps a volume).
    pub kind: Kind,
    /// An image by name; without it the service runs what the deployment builds or names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 255)]
    pub image: Option<String>,
    /// Command line; without it the image's own. A shell is used only where the line needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 4096)]
    pub command: Option<String>,
    /// The command as its arguments, run without a shell; instead of `command`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        min_items = 1,
        max_items = 256,
        max_length = 4096,
        pattern = "^[^\\x00]*$"
    )]
    pub argv: Option<Vec<String>>,
    /// Where it listens, also given as `PORT`; without it the image's single exposed port, or 8080.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 65_535)]
    pub port: Option<u16>,
    /// Instances when the service appears, and whenever this figure is edited; `scale` changes the running figure.
    #[schema(minimum = 0, maximum = 1000)]
    pub replicas: u32,
    /// Reservation and limits of one instance.
    pub resources: ServiceResources,
    /// Gate and liveness.
    pub health: HealthCheck,
    /// Volumes by name; each is held by one instance at a time.
    pub volumes: BTreeMap<String, ServiceVolume>,
    /// From SIGTERM to SIGKILL, milliseconds.
    #[schema(minimum = 1000, maximum = 600_000)]
    pub stop_timeout_ms: u64,
    /// Root file system read-only, `/tmp` in memory.
    pub read_only: bool,
    /// Host names besides the generated one.
    #[schema(max_items = 50)]
    pub domains: Vec<String>,
    /// Path prefix under the host names.
    #[schema(max_length = 200)]
    pub path: String,
    /// Where it may run.
    pub place: ServicePlacement,
    /// Variables of this service. With an image of its own it gets only these; without, they win over all others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Variable>,
}

/// What a service is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Routed: receives requests.
    #[default]
    Web,
    /// Runs in the background.
    Worker,
    /// Runs to its end. Not available yet: refused.
    Job,
    /// Keeps state in a volume.
    Data,
}

/// Reservation and limits of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceResources {
    /// Thousandths of a core reserved; a weight, not a quota.
    #[schema(minimum = 10, maximum = 64_000)]
    pub cpu_millis: u32,
    /// Memory limit and reservation, bytes.
    #[schema(minimum = 16_777_216, maximum = 1_099_511_627_776i64)]
    pub memory_bytes: u64,
    /// Processes and threads at most.
    #[schema(minimum = 16, maximum = 32_768)]
    pub pids: u32,
}

/// Gate and liveness of a service. At most one of `path`, `command`, `tcp` and `running` is set; without any,
/// a web service must answer `/` below 500, another one with a port must accept connections, every other one must run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// GET of this path must answer 200 to 399.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 200)]
    pub path: Option<String>,
    /// This command must exit with 0 inside the container; arguments, no shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        min_items = 1,
        max_items = 256,
        max_length = 4096,
        pattern = "^[^\\x00]*$"
    )]
    pub command: Option<Vec<String>>,
    /// Connecting to the port is enough.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tcp: bool,
    /// Running is enough; only for a service without a port that is not `web`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub running: bool,
    /// Between two checks, milliseconds.
    #[schema(minimum = 1000, maximum = 3_600_000)]
    pub interval_ms: u64,
    /// For one check, milliseconds.
    #[schema(minimum = 100, maximum = 60_000)]
    pub timeout_ms: u64,
    /// Failures in a row that make an instance unready.
    #[schema(minimum = 1, maximum = 100)]
    pub failures: u32,
    /// From start to the first success, milliseconds.
    #[schema(minimum = 1000, maximum = 3_600_000)]
    pub start_timeout_ms: u64,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceVolume {
    /// Absolute path in the container.
    #[schema(max_length = 200)]
    pub path: String,
    /// Size wanted, bytes; a bound for placement.
    #[schema(minimum = 1_048_576, maximum = 1_125_899_906_842_624i64)]
    pub size_bytes: u64,
}

/// Where a service may run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServicePlacement {
    /// Labels that a host must have.
    pub require: BTreeMap<String, String>,
    /// At most one instance per host.
    pub one_per_host: bool,
}

/// How source becomes an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Build {
    /// Who writes the Dockerfile: `auto` takes the source's own if there is one, else detects the language.
    pub builder: BuilderKind,
    /// A finished image, so that nothing is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 255)]
    pub image: Option<String>,
    /// Path of the Dockerfile in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 500)]
    pub dockerfile: Option<String>,
    /// Command that runs in the built image before release; if it fails, nothing is released.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 4096)]
    pub test: Option<String>,
    /// The test as its arguments, run without a shell; instead of `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        min_items = 1,
        max_items = 256,
        max_length = 4096,
        pattern = "^[^\\x00]*$"
    )]
    pub test_argv: Option<Vec<String>>,
}

/// Who writes the Dockerfile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuilderKind {
    /// The source's Dockerfile if there is one, else detection.
    #[default]
    Auto,
    /// The source's Dockerfile.
    Dockerfile,
    /// Segue, for Python.
    Python,
    /// Segue, for Node.js.
    Node,
    /// Segue, for Go.
    Go,
    /// Segue, for Rust.
    Rust,
    /// Segue, for Ruby.
    Ruby,
    /// Segue, for PHP.
    Php,
    /// Segue, for Java.
    Java,
    /// Segue, for Deno.
    Deno,
    /// Segue, for Bun.
    Bun,
    /// Segue, for static files.
    Static,
}

/// How releases are rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deploy {
    /// Not available yet: a specification with it is refused. Run it before the server in the service's command.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 4096)]
    pub release: Option<String>,
    /// How instances are replaced.
    pub strategy: RolloutStrategy,
    /// Instances above the target during a rolling update; set, it turns `switch` into `rolling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1000)]
    pub max_surge: Option<u32>,
    /// Instances that may be missing meanwhile.
    #[schema(minimum = 0, maximum = 1000)]
    pub max_unavailable: u32,
    /// Requests in flight may take this long after their instance left the routes, milliseconds.
    #[schema(minimum = 0, maximum = 3_600_000)]
    pub drain_ms: u64,
    /// How long the new release is watched before it counts as good, milliseconds.
    #[schema(minimum = 0, maximum = 86_400_000)]
    pub bake_ms: u64,
    /// Without progress for this long the rollout fails, milliseconds.
    #[schema(minimum = 10_000, maximum = 86_400_000)]
    pub progress_deadline_ms: u64,
    /// Go back to the last good release by itself.
    pub auto_rollback: bool,
}

/// How instances are replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RolloutStrategy {
    /// All new ones start beside the old ones, then every route is switched at once.
    #[default]
    Switch,
    /// In batches; versions mix.
    Rolling,
    /// The old ones stop, then the new ones start.
    Recreate,
}

/// A variable that the application declares. Exactly one of `value`, `from`, `generate` and `secret` is set.
/// What `config` or `secret` set for the environment wins over it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Variable {
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 32_768, pattern = "^[^\\x00]*$")]
    pub value: Option<String>,
    /// A property of another service: `services.cache.host`, `.port` or `.address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        max_length = 100,
        pattern = "^services\\.[a-z][a-z0-9]*(-[a-z0-9]+)*\\.(host|port|address)$"
    )]
    pub from: Option<String>,
    /// A random secret, made once at the first deployment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub generate: bool,
    /// Its value comes from `segue secret set` or `segue config set` only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// With `secret`: a deployment without a value is refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            kind: Kind::Web,
            image: None,
            command: None,
            argv: None,
            port: None,
            replicas: 1,
            resources: ServiceResources::default(),
            health: HealthCheck::default(),
            volumes: BTreeMap::new(),
            stop_timeout_ms: 30_000,
            read_only: false,
            domains: Vec::new(),
            path: "/".to_owned(),
            place: ServicePlacement::default(),
            config: BTreeMap::new(),
        }
    }
}

impl Default for ServiceResources {
    fn default() -> Self {
        let model = segue_model::spec::Resources::default();
        Self {
            cpu_millis: model.cpu_millis,
            memory_bytes: model.memory_bytes,
            pids: model.pids,
        }
    }
}

impl Default for HealthCheck {
    fn default() -> Self {
        let model = segue_model::spec::Health::default();
        Self {
            path: None,
            command: None,
            tcp: false,
            running: false,
            interval_ms: super::millis(model.interval),
            timeout_ms: super::millis(model.timeout),
            failures: model.failures,
            start_timeout_ms: super::millis(model.start_timeout),
        }
    }
}

impl Default for Deploy {
    fn default() -> Self {
        let model = segue_model::spec::Rollout::default();
        Self {
            release: None,
            strategy: RolloutStrategy::Switch,
            max_surge: model.max_surge,
            max_unavailable: model.max_unavailable,
            drain_ms: super::millis(model.drain),
            bake_ms: super::millis(model.bake),
            progress_deadline_ms: super::millis(model.progress_deadline),
            auto_rollback: model.auto_rollback,
        }
    }
}

/// The same words on both sides.
macro_rules! same_words {
    ($($ours:ident = $models:path { $($variant:ident)* })*) => {$(
        impl From<$ours> for $models {
            fn from(ours: $ours) -> Self {
                match ours { $($ours::$variant => Self::$variant),* }
            }
        }

        impl From<$models> for $ours {
            fn from(models: $models) -> Self {
                match models { $(<$models>::$variant => Self::$variant),* }
            }
        }
    )*};
}

same_words! {
    Kind = ServiceKind { Web Worker Job Data }
    RolloutStrategy = Strategy { Switch Rolling Recreate }
    BuilderKind = Builder { Auto Dockerfile Python Node Go Rust Ruby Php Java Deno Bun Static }
}
