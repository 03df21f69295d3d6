//! The build engine as a unit of the supervisor: a second Docker daemon that the driver describes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rustix::process::Signal;
use segue_driver::build::engine::{BuildEngine, BuildLimits};
use segue_driver::build::wish::Wish;

use super::PATH;
use crate::config::{OWN_ENGINE, Settings};
use crate::supervise::{Before, ProcessSpec, unix_http_ready};

/// Its name among the units.
pub(super) const NAME: &str = "build-engine";
const MIB: u64 = 1024 * 1024;
/// Metadata services of clouds answer there.
const LINK_LOCAL: &str = "169.254.0.0/16";

/// What the driver needs to know of it. Two installations on one machine share nothing: the name
/// and the bridge carry a hash of the state folder.
///
/// # Errors
/// A program is missing.
pub(super) fn engine(settings: &Settings) -> anyhow::Result<BuildEngine> {
    let tag = settings.tag();
    let build = &settings.build;
    let denied = [settings.engine.subnets.to_string().as_str(), LINK_LOCAL]
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .context("a network that builds may not reach")?;
    Ok(BuildEngine {
        name: format!("segue-build-{tag}"),
        dockerd: program("dockerd")?,
        ip: program("ip")?,
        iptables: program("iptables")?,
        data_root: settings.state.join("build"),
        run_root: settings.build_run(),
        bridge: format!("sgb{tag}"),
        subnet: settings.build_subnet(),
        denied,
        cgroup_mount: PathBuf::from("/sys/fs/cgroup"),
        limits: BuildLimits {
            cpu_millis: millis(build.cpus),
            memory_bytes: build.memory_mib.saturating_mul(MIB),
            pids: u32::try_from(build.pids).unwrap_or(u32::MAX),
            cache_bytes: build.cache_mib.saturating_mul(MIB),
        },
    })
}

/// The control group of all builds, when the build engine is our own.
///
/// # Errors
/// A program is missing.
pub(super) fn cgroup(settings: &Settings) -> anyhow::Result<Option<String>> {
    if settings.build.engine != OWN_ENGINE {
        return Ok(None);
    }
    Ok(Some(engine(settings)?.cgroup()))
}

/// By which it is asked for, when it is our own.
///
/// # Errors
/// A program is missing.
pub(super) fn wish(settings: &Settings) -> anyhow::Result<Option<Wish>> {
    if settings.build.engine != OWN_ENGINE {
        return Ok(None);
    }
    Ok(Some(engine(settings)?.wish()))
}

/// Settings are checked: the figure is finite and above zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a checked number of processors, clamped"
)]
fn millis(cpus: f64) -> u32 {
    (cpus * 1000.0).clamp(1.0, f64::from(u32::MAX)) as u32
}

/// How the supervisor keeps it.
///
/// # Errors
/// Its command line is empty or not text.
pub(super) fn spec(engine: BuildEngine, log: PathBuf) -> anyhow::Result<ProcessSpec> {
    let mut argv = engine.argv().into_iter();
    let program = argv.next().context("the build engine has no program")?;
    let args = argv
        .map(|argument| argument.into_string())
        .collect::<Result<_, _>>()
        .map_err(|argument| anyhow::anyhow!("{} is not text", argument.display()))?;
    let ready = unix_http_ready(engine.socket(), "/_ping");
    let engine = Arc::new(engine);
    let before: Before = Arc::new(move || {
        let engine = Arc::clone(&engine);
        Box::pin(async move { Ok(engine.prepare().await?) })
    });
    Ok(ProcessSpec {
        name: NAME.to_owned(),
        program: PathBuf::from(program),
        args,
        env: vec![("PATH".to_owned(), PATH.to_owned())],
        log,
        stop_signal: Signal::TERM,
        ready,
        before: Some(before),
    })
}

/// The absolute path of a program of the machine.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    PATH.split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not installed; the build engine needs it (build.engine names another one)"))
}
