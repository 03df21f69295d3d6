//! The build engine: a second Docker daemon with a data root, a bridge and limits of its own.
//!
//! Builds run other people's commands, and BuildKit ignores the limits that its API takes. So they run on a daemon apart from
//! the one that runs applications: what fills its disk, its memory or its process table touches no application.
//! All builds together live in one control group with CPU, memory and process limits (security rule 14).
//!
//! Owns: where everything of that daemon lies, how it is started, and what must be there before. It describes the
//! daemon's command line and does not start it: the supervisor does, and restarts it.
//!
//! Two daemons on one machine share the tables of the packet filter, and each clears the chains named DOCKER when it starts.
//! The build engine therefore leaves the packet filter alone; the few rules that its bridge needs are put there
//! by [`BuildEngine::prepare`], in a chain of their own.

mod groups;
mod mounts;
mod network;

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::Ipv4Net;

use super::wish::Wish;
use crate::error::{DriverError, cut};
use groups::remove_groups;
use network::run;

/// How long a killed daemon's containerd may take to be gone.
const GOODBYE: Duration = Duration::from_secs(3);

/// A bridge's name is cut by the kernel at 15 bytes.
const MOST_BRIDGE_NAME: usize = 15;

/// Room for the name in that of a packet filter chain, which has at most 28 bytes.
const MOST_NAME: usize = 22;

/// Limits of all builds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildLimits {
    /// Thousandths of a core.
    pub cpu_millis: u32,
    /// Memory in bytes; swap is off.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u32,
    /// Disk for the build cache in bytes; the daemon removes the oldest above it.
    pub cache_bytes: u64,
}

/// A build engine as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildEngine {
    /// Short name: of its control group and its packet filter chain. At most 22 letters, digits and dashes.
    pub name: String,
    /// The daemon's program.
    pub dockerd: PathBuf,
    /// Programs `ip` and `iptables`.
    pub ip: PathBuf,
    /// See `ip`.
    pub iptables: PathBuf,
    /// Images and cache. On a disk of its own, if possible.
    pub data_root: PathBuf,
    /// Socket, process id, state: a short path, because sockets have at most 107 bytes.
    pub run_root: PathBuf,
    /// Its bridge, at most 15 bytes.
    pub bridge: String,
    /// The bridge's subnet.
    pub subnet: Ipv4Net,
    /// Destinations that builds may not reach: applications' networks, metadata services.
    pub denied: Vec<Ipv4Net>,
    /// Where control groups are mounted.
    pub cgroup_mount: PathBuf,
    /// Limits.
    pub limits: BuildLimits,
}

impl BuildEngine {
    /// The socket that its API answers on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run_root.join("docker.sock")
    }

    /// By which it is asked for. It lies in a folder of its own maker, since the engine's own may not be there yet.
    #[must_use]
    pub fn wish(&self) -> Wish {
        Wish::new(self.run_root.with_extension("wanted"))
    }

    /// The control group of all builds, below the mount point.
    #[must_use]
    pub fn cgroup(&self) -> String {
        self.name.clone()
    }

    fn exec_root(&self) -> PathBuf {
        self.run_root.join("exec")
    }

    fn config_file(&self) -> PathBuf {
        self.run_root.join("daemon.json")
    }

    /// The daemon's command line. No shell, no variables; everything that matters stands here and not in a file of
    /// the machine.
    #[must_use]
    pub fn argv(&self) -> Vec<OsString> {
        let flag = |name: &str, value: &Path| {
            let mut text = OsString::from(format!("--{name}="));
            text.push(value);
            text
        };
        vec![
            self.dockerd.clone().into(),
            flag("config-file", &self.config_file()),
            flag("data-root", &self.data_root),
            flag("exec-root", &self.exec_root()),
            flag("pidfile", &self.run_root.join("docker.pid")),
            format!("--host=unix://{}", self.socket().display()).into(),
            format!("--bridge={}", self.bridge).into(),
            format!("--cgroup-parent=/{}", self.name).into(),
            // The limits are ours to set: with the systemd driver they would be systemd's.
            "--exec-opt=native.cgroupdriver=cgroupfs".into(),
            "--iptables=false".into(),
            "--ip-masq=false".into(),
            "--userland-proxy=false".into(),
            "--log-level=warn".into(),
        ]
    }

    /// The daemon's configuration file: the build cache is pruned to its bound by the daemon itself.
    #[must_use]
    pub fn config(&self) -> String {
        let keep = self.limits.cache_bytes.to_string();
        let gc = serde_json::json!({ "enabled": true, "defaultKeepStorage": keep });
        serde_json::json!({ "features": { "buildkit": true }, "builder": { "gc": gc } }).to_string()
    }

    /// Makes everything that must be there before the daemon starts: folders, configuration, control group, bridge,
    /// packet filter. Idempotent; needs root.
    ///
    /// # Errors
    /// [`DriverError::BadConfig`] for a name or bridge that cannot be, [`DriverError::Unsupported`] with what failed.
    pub async fn prepare(&self) -> Result<(), DriverError> {
        self.check()?;
        let failed = |what: &str, error: io::Error| {
            DriverError::Unsupported(cut(&format!("{what}: {error}")))
        };
        for folder in [&self.data_root, &self.run_root] {
            std::fs::create_dir_all(folder)
                .map_err(|error| failed("build engine's folder", error))?;
        }
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&self.run_root, private)
            .map_err(|error| failed("build engine's folder", error))?;
        std::fs::write(self.config_file(), self.config())
            .map_err(|error| failed("daemon.json", error))?;
        self.predecessor_gone().await;
        self.cgroup_make()
            .map_err(|error| failed("control group", error))?;
        self.bridge_make().await?;
        self.filter_make().await
    }

    /// Takes away what [`BuildEngine::prepare`] made outside of the two folders. The daemon must be gone.
    ///
    /// # Errors
    /// Like [`BuildEngine::prepare`].
    pub async fn tear_down(&self) -> Result<(), DriverError> {
        self.check()?;
        for rule in self.rules() {
            while self
                .iptables(&rule.table, "-C", &rule.chain, &rule.spec)
                .await
                .is_ok()
            {
                self.iptables(&rule.table, "-D", &rule.chain, &rule.spec)
                    .await?;
            }
        }
        for verb in ["-F", "-X"] {
            // Not there: what was wanted.
            let _ = self.iptables("filter", verb, &self.chain(), &[]).await;
        }
        let _ = run(&self.ip, &["link", "del", &self.bridge]).await;
        // The daemon mounts its folder onto itself and leaves it so, and then nobody can remove it.
        while rustix::mount::unmount(&self.data_root, rustix::mount::UnmountFlags::DETACH).is_ok() {
        }
        // It may also leave the network namespace of a build step, mounted on a file.
        let exec = self.exec_root();
        let exec = exec.canonicalize().unwrap_or(exec);
        let table = std::fs::read("/proc/self/mounts").unwrap_or_default();
        for point in mounts::below(&table, &exec) {
            let _ = rustix::mount::unmount(&point, rustix::mount::UnmountFlags::DETACH);
        }
        // The daemon made its group under every controller, not only under those with limits.
        let controllers = std::fs::read_dir(&self.cgroup_mount)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        for root in controllers.chain([self.cgroup_mount.clone()]) {
            remove_groups(&root.join(&self.name), 3);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), DriverError> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !text.starts_with('-')
        };
        if !plain(&self.name)
            || self.name.len() > MOST_NAME
            || !plain(&self.bridge)
            || self.bridge.len() > MOST_BRIDGE_NAME
        {
            return Err(DriverError::BadConfig(
                "a build engine's name or bridge is not valid".into(),
            ));
        }
        Ok(())
    }

    /// Waits until the containerd of a daemon that was killed is gone too.
    ///
    /// The kernel kills it with its parent, a moment later. A daemon that is started within that moment takes the
    /// dying process for one to share, waits for it in vain for 15 seconds and gives up.
    async fn predecessor_gone(&self) {
        let alive = |file: PathBuf| {
            let pid: Option<u32> = std::fs::read_to_string(file)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            pid.is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists())
        };
        let until = tokio::time::Instant::now() + GOODBYE;
        while !alive(self.run_root.join("docker.pid"))
            && alive(self.exec_root().join("containerd/containerd.pid"))
            && tokio::time::Instant::now() < until
        {
            tokio::time::sleep(GOODBYE / 100).await;
        }
    }
}

#[cfg(test)]
#[path = "engine/tests.rs"]
mod tests;
