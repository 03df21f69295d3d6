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

use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::wish::Wish;
use crate::error::{DriverError, cut};

/// One period of the CPU limit in microseconds.
const CPU_PERIOD: u64 = 100_000;

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
            flag("exec-root", &self.run_root.join("exec")),
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

    fn cgroups(&self) -> Vec<PathBuf> {
        let mount = &self.cgroup_mount;
        if mount.join("cgroup.controllers").exists() {
            return vec![mount.join(&self.name)];
        }
        ["memory", "cpu", "pids"]
            .iter()
            .map(|name| mount.join(name).join(&self.name))
            .collect()
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
            && alive(self.run_root.join("exec/containerd/containerd.pid"))
            && tokio::time::Instant::now() < until
        {
            tokio::time::sleep(GOODBYE / 100).await;
        }
    }

    /// The control group with its limits, version 1 or 2.
    fn cgroup_make(&self) -> io::Result<()> {
        let quota = u64::from(self.limits.cpu_millis) * CPU_PERIOD / 1000;
        let (memory, pids) = (
            self.limits.memory_bytes.to_string(),
            self.limits.pids.to_string(),
        );
        let mount = &self.cgroup_mount;
        let write = |file: PathBuf, value: &str| {
            std::fs::write(&file, value)
                .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))
        };
        for group in self.cgroups() {
            std::fs::create_dir_all(&group)?;
        }
        if mount.join("cgroup.controllers").exists() {
            let controllers = "+cpu +memory +pids";
            write(mount.join("cgroup.subtree_control"), controllers)?;
            let group = mount.join(&self.name);
            write(group.join("cgroup.subtree_control"), controllers)?;
            write(group.join("memory.max"), &memory)?;
            // A kernel without swap accounting has no such file, and then no swap to bound.
            if group.join("memory.swap.max").exists() {
                write(group.join("memory.swap.max"), "0")?;
            }
            write(group.join("pids.max"), &pids)?;
            return write(group.join("cpu.max"), &format!("{quota} {CPU_PERIOD}"));
        }
        let group = |controller: &str| mount.join(controller).join(&self.name);
        let limit = group("memory").join("memory.limit_in_bytes");
        let both = group("memory").join("memory.memsw.limit_in_bytes");
        if both.exists() {
            // The second may never be below the first: which to write first depends on what is there.
            if write(both.clone(), &memory).is_err() {
                write(limit.clone(), &memory)?;
            }
            write(limit, &memory)?;
            write(both, &memory)?;
        } else {
            write(limit, &memory)?;
        }
        write(group("pids").join("pids.max"), &pids)?;
        write(
            group("cpu").join("cpu.cfs_period_us"),
            &CPU_PERIOD.to_string(),
        )?;
        write(group("cpu").join("cpu.cfs_quota_us"), &quota.to_string())
    }

    /// The bridge's own address: the first of its subnet.
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.subnet.network()).saturating_add(1))
    }

    async fn bridge_make(&self) -> Result<(), DriverError> {
        let there = Path::new("/sys/class/net").join(&self.bridge).exists();
        if !there {
            run(
                &self.ip,
                &["link", "add", "name", &self.bridge, "type", "bridge"],
            )
            .await?;
        }
        let address = format!("{}/{}", self.gateway(), self.subnet.prefix_len());
        // `replace` is what makes this idempotent.
        run(
            &self.ip,
            &["address", "replace", &address, "dev", &self.bridge],
        )
        .await?;
        run(&self.ip, &["link", "set", "dev", &self.bridge, "up"]).await
    }

    fn chain(&self) -> String {
        format!("SEGUE-{}", self.name.to_ascii_uppercase())
    }

    /// Rules in chains that others own. Each is put at its chain's beginning, once.
    fn rules(&self) -> Vec<Rule> {
        let (bridge, subnet, chain) = (self.bridge.as_str(), self.subnet.to_string(), self.chain());
        let rule = |table: &str, chain: &str, spec: &[&str]| Rule {
            table: table.to_owned(),
            chain: chain.to_owned(),
            spec: spec.iter().map(|part| (*part).to_owned()).collect(),
        };
        let answers = [
            "-m",
            "conntrack",
            "--ctstate",
            "RELATED,ESTABLISHED",
            "-j",
            "ACCEPT",
        ];
        vec![
            rule(
                "nat",
                "POSTROUTING",
                &["-s", &subnet, "!", "-o", bridge, "-j", "MASQUERADE"],
            ),
            rule(
                "filter",
                "FORWARD",
                &[&["-o", bridge], answers.as_slice()].concat(),
            ),
            rule("filter", "FORWARD", &["-i", bridge, "-j", &chain]),
            // The machine itself: neither the control plane nor the database nor another engine.
            rule("filter", "INPUT", &["-i", bridge, "-j", "DROP"]),
        ]
    }

    async fn filter_make(&self) -> Result<(), DriverError> {
        let chain = self.chain();
        // There already: then it is emptied and filled again.
        let _ = self.iptables("filter", "-N", &chain, &[]).await;
        self.iptables("filter", "-F", &chain, &[]).await?;
        for denied in &self.denied {
            let spec = [
                "-d".to_owned(),
                denied.to_string(),
                "-j".to_owned(),
                "DROP".to_owned(),
            ];
            self.iptables("filter", "-A", &chain, &spec).await?;
        }
        self.iptables(
            "filter",
            "-A",
            &chain,
            &["-j".to_owned(), "ACCEPT".to_owned()],
        )
        .await?;
        for rule in self.rules() {
            if self
                .iptables(&rule.table, "-C", &rule.chain, &rule.spec)
                .await
                .is_err()
            {
                self.iptables(&rule.table, "-I", &rule.chain, &rule.spec)
                    .await?;
            }
        }
        Ok(())
    }

    async fn iptables(
        &self,
        table: &str,
        verb: &str,
        chain: &str,
        spec: &[String],
    ) -> Result<(), DriverError> {
        // `-w`: the daemon for applications changes the same tables.
        let mut argv = vec!["-w", "-t", table, verb, chain];
        argv.extend(spec.iter().map(String::as_str));
        run(&self.iptables, &argv).await
    }
}

/// Removes a control group with those below it; one with processes stays, and that is right.
fn remove_groups(group: &Path, depth: usize) {
    let entries = std::fs::read_dir(group).into_iter().flatten().flatten();
    for entry in
        entries.filter(|entry| depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()))
    {
        remove_groups(&entry.path(), depth - 1);
    }
    let _ = std::fs::remove_dir(group);
}

struct Rule {
    table: String,
    chain: String,
    spec: Vec<String>,
}

/// The only place of this crate that starts a process: a program by its path, arguments as they are, no
/// environment, no input.
async fn run(program: &Path, argv: &[&str]) -> Result<(), DriverError> {
    let mut command = tokio::process::Command::new(program);
    command
        .args(argv)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let failed = |why: String| {
        DriverError::Unsupported(cut(&format!(
            "{} {}: {why}",
            program.display(),
            argv.join(" ")
        )))
    };
    let output = command
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(mount: &Path) -> BuildEngine {
        BuildEngine {
            name: "segue-build".into(),
            dockerd: "/usr/bin/dockerd".into(),
            ip: "/sbin/ip".into(),
            iptables: "/sbin/iptables".into(),
            data_root: "/var/lib/segue/build".into(),
            run_root: "/run/segue-build".into(),
            bridge: "segue-build".into(),
            subnet: "10.212.0.0/24".parse().unwrap(),
            denied: vec!["169.254.0.0/16".parse().unwrap()],
            cgroup_mount: mount.to_owned(),
            limits: BuildLimits {
                cpu_millis: 1500,
                memory_bytes: 1 << 30,
                pids: 512,
                cache_bytes: 5 << 30,
            },
        }
    }

    #[test]
    fn the_command_line_names_everything_that_is_its_own() {
        let argv = engine(Path::new("/x")).argv();
        let has = |text: &str| argv.iter().any(|arg| arg == text);
        for own in [
            "--data-root=/var/lib/segue/build",
            "--exec-root=/run/segue-build/exec",
            "--host=unix:///run/segue-build/docker.sock",
            "--bridge=segue-build",
            "--cgroup-parent=/segue-build",
            "--iptables=false",
        ] {
            assert!(has(own), "{own}");
        }
        assert!(
            !argv
                .iter()
                .any(|arg| arg.to_string_lossy().contains("tcp://"))
        );
        assert!(
            engine(Path::new("/x"))
                .config()
                .contains("\"defaultKeepStorage\":\"5368709120\"")
        );
    }

    #[test]
    fn limits_are_written_for_both_versions_of_control_groups() {
        let read = |file: PathBuf| std::fs::read_to_string(file).unwrap();
        let v2 = tempfile::tempdir().unwrap();
        std::fs::write(v2.path().join("cgroup.controllers"), "cpu memory pids").unwrap();
        engine(v2.path()).cgroup_make().unwrap();
        let group = v2.path().join("segue-build");
        assert_eq!(read(group.join("memory.max")), "1073741824");
        assert_eq!(read(group.join("pids.max")), "512");
        assert_eq!(read(group.join("cpu.max")), "150000 100000");
        let v1 = tempfile::tempdir().unwrap();
        engine(v1.path()).cgroup_make().unwrap();
        let of = |controller: &str, file: &str| {
            read(v1.path().join(controller).join("segue-build").join(file))
        };
        assert_eq!(of("memory", "memory.limit_in_bytes"), "1073741824");
        assert_eq!(of("pids", "pids.max"), "512");
        assert_eq!(of("cpu", "cpu.cfs_quota_us"), "150000");
    }

    #[test]
    fn names_that_are_no_names_are_refused() {
        for (name, bridge) in [
            ("a/../b", "b"),
            ("", "b"),
            ("a", "sixteen-bytes-xx"),
            ("a", "-x"),
            ("a b", "b"),
        ] {
            let engine = BuildEngine {
                name: name.into(),
                bridge: bridge.into(),
                ..engine(Path::new("/x"))
            };
            assert!(engine.check().is_err(), "{name} {bridge}");
        }
        assert!(engine(Path::new("/x")).check().is_ok());
    }
}
