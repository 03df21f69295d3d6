//! Bounds of what people may ask of a service, a build and a rollout: the one place that says them.
//!
//! Invariant: whoever builds the types of [`crate::spec`] from a text (manifest, API) asks here, so that no way in is
//! wider than another. Must not: name places in a text, or say how a fault is told.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Port that an application listens on.
pub const PORT: RangeInclusive<u16> = 1..=65_535;
/// Instances of a service.
pub const REPLICAS: RangeInclusive<u32> = 0..=1000;
/// Thousandths of a core reserved by an instance.
pub const CPU_MILLIS: RangeInclusive<u32> = 10..=64_000;
/// Bytes of memory of an instance.
pub const MEMORY_BYTES: RangeInclusive<u64> = (16 << 20)..=(1 << 40);
/// Processes and threads of an instance.
pub const PIDS: RangeInclusive<u32> = 16..=32_768;
/// Between two checks of an instance that is ready.
pub const HEALTH_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);
/// For one check.
pub const HEALTH_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(60);
/// Failures in a row that make an instance unready.
pub const HEALTH_FAILURES: RangeInclusive<u32> = 1..=100;
/// From start to the first success.
pub const START_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);
/// From SIGTERM to SIGKILL.
pub const STOP_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(600);
/// Bytes asked of a volume.
pub const VOLUME_BYTES: RangeInclusive<u64> = (1 << 20)..=(1 << 50);
/// Instances above the target during a rolling update.
pub const MAX_SURGE: RangeInclusive<u32> = 0..=1000;
/// Instances that may be missing during a rollout.
pub const MAX_UNAVAILABLE: RangeInclusive<u32> = 0..=1000;
/// Requests in flight after their instance left the routes.
pub const DRAIN: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
/// How long a new release is watched.
pub const BAKE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);
/// How long a rollout may stand still.
pub const PROGRESS_DEADLINE: RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(86_400);

/// Services of an environment.
pub const SERVICES: usize = 50;
/// Variables of an environment, and of one service's own table.
pub const CONFIG_KEYS: usize = 500;
/// Bytes of one variable.
pub const VALUE_BYTES: usize = 32 << 10;
/// Host names of one service.
pub const DOMAINS: usize = 50;
/// Arguments of a command that is written as a list.
pub const ARGUMENTS: usize = 256;
/// Characters of one argument, and of a command that is written as a line.
pub const ARGUMENT_CHARS: usize = 4096;
/// Characters of the path of a health check.
pub const CHECK_PATH_CHARS: usize = 200;
/// Characters of the path of a volume.
pub const VOLUME_PATH_CHARS: usize = 200;
/// Characters of the path of a Dockerfile.
pub const DOCKERFILE_CHARS: usize = 500;

/// Whether a text may be the value of an environment variable.
#[must_use]
pub fn is_value(text: &str) -> bool {
    text.len() <= VALUE_BYTES && !text.contains('\0')
}

/// Whether a list may be a command: a program and its arguments.
#[must_use]
pub fn is_argv(argv: &[String]) -> bool {
    argv.first().is_some_and(|program| !program.is_empty())
        && argv.len() <= ARGUMENTS
        && argv.iter().all(|argument| is_argument(argument))
}

/// Whether a text may be an argument.
#[must_use]
pub fn is_argument(text: &str) -> bool {
    text.len() <= ARGUMENT_CHARS && !text.contains('\0')
}

/// Whether a text may be asked for as a health check: an absolute path, also with a query, as it goes on the wire.
#[must_use]
pub fn is_check_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= CHECK_PATH_CHARS
        && path
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'#' && b != b'\\')
}

/// Whether a text is an absolute path of a folder below the root; ASCII, so that no tool reads it differently.
#[must_use]
pub fn is_volume_path(path: &str) -> bool {
    path.len() <= VOLUME_PATH_CHARS
        && path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(plain_part))
}

/// Whether a text is a path that stays inside the source; ASCII, so that no tool reads it differently.
#[must_use]
pub fn is_dockerfile_path(path: &str) -> bool {
    path.len() <= DOCKERFILE_CHARS && path.split('/').all(plain_part)
}

fn plain_part(part: &str) -> bool {
    !part.is_empty()
        && part != "."
        && part != ".."
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-+@".contains(&b))
}

/// What to do instead of setting a variable that Segue gives itself; `None` for every other one.
#[must_use]
pub fn reserved(key: &str) -> Option<&'static str> {
    (key == "PORT").then_some("set the service's port instead")
}
