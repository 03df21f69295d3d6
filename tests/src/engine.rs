//! A Docker engine of a test's own, to be killed: a second daemon with folders of its own and live-restore.
//!
//! It leaves the packet filter alone, because two daemons that share its tables clear each other's chains, and has a
//! default bridge of its own, because a daemon that is told to have none removes `docker0`, which is another's.
//! Applications get networks that Segue makes. Ends only processes that name its folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::tools::{docker, docker_at, signal, unique, wait_for};

/// The engine. Dropping it ends it and removes its folder.
pub struct Engine {
    folder: PathBuf,
    bridge: String,
    daemon: Option<Child>,
}

/// The bridge's address: a range for documentation, so nobody's network. One engine at a time has it, as one test at
/// a time has the machine.
const BRIDGE_ADDRESS: &str = "198.51.100.1/24";

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments).output().context("ip")?;
    ensure!(output.status.success(), "ip {arguments:?}: {output:?}");
    Ok(())
}

impl Engine {
    /// Starts one.
    ///
    /// # Errors
    /// It does not answer; the message holds its log.
    pub fn start() -> anyhow::Result<Self> {
        // Short, because sockets have at most 107 bytes.
        let name = format!("segue-d-{}-{:x}", std::process::id(), unique() % 0xffff);
        let mut engine = Self {
            folder: std::env::temp_dir().join(name),
            // Names of links have at most 15 bytes.
            bridge: format!("sgt{:x}", std::process::id()),
            daemon: None,
        };
        ip(&["link", "add", &engine.bridge, "type", "bridge"])?;
        ip(&["address", "add", BRIDGE_ADDRESS, "dev", &engine.bridge])?;
        std::fs::create_dir_all(&engine.folder)?;
        std::fs::write(engine.folder.join("daemon.json"), "{}")?;
        engine.run()?;
        Ok(engine)
    }

    /// Starts the daemon, also after it was killed, and waits until it answers.
    ///
    /// # Errors
    /// It does not answer; the message holds its log.
    pub fn run(&mut self) -> anyhow::Result<()> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))?;
        let child = Command::new("dockerd")
            .args(["--live-restore", "--iptables=false"])
            .arg(format!("--bridge={}", self.bridge))
            .args(["--ip-masq=false", "--userland-proxy=false"])
            .args(["--exec-opt=native.cgroupdriver=cgroupfs"])
            .arg(format!("--config-file={}", path("daemon.json")))
            .arg(format!("--data-root={}", path("data")))
            .arg(format!("--exec-root={}", path("exec")))
            .arg(format!("--pidfile={}", path("pid")))
            .arg(format!("--host=unix://{}", path("docker.sock")))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("dockerd")?;
        self.daemon = Some(child);
        wait_for("the test's own engine to answer", || {
            let output = docker_at(Some(&self.socket())).arg("version").output()?;
            Ok(output.status.success().then_some(()))
        })
        .with_context(|| std::fs::read_to_string(self.folder.join("log")).unwrap_or_default())
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// Where it keeps a container.
    #[must_use]
    pub fn container_folder(&self, id: &str) -> PathBuf {
        self.folder.join("data/containers").join(id)
    }

    /// Carries an image of the machine's engine over.
    ///
    /// # Errors
    /// `docker save` or `docker load` failed.
    pub fn load(&self, image: &str) -> anyhow::Result<()> {
        let mut save = docker()
            .args(["save", image])
            .stdout(Stdio::piped())
            .spawn()?;
        let archive = save.stdout.take().context("no archive")?;
        let load = docker_at(Some(&self.socket()))
            .arg("load")
            .stdin(archive)
            .output()?;
        ensure!(save.wait()?.success(), "docker save {image}");
        ensure!(load.status.success(), "docker load {image}: {load:?}");
        Ok(())
    }

    /// Kills the daemon alone, without a chance to stop anything.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut daemon = self.daemon.take().context("the engine does not run")?;
        daemon.kill()?;
        daemon.wait()?;
        Ok(())
    }

    /// Kills the daemon and everything that it started: containerd, shims and so the containers' guardians.
    ///
    /// # Errors
    /// A process could not be signalled.
    pub fn kill_everything(&mut self) -> anyhow::Result<()> {
        if self.daemon.is_some() {
            self.kill()?;
        }
        let killed = self.processes()?;
        for pid in &killed {
            // It may end by itself meanwhile.
            drop(signal(*pid, "KILL"));
        }
        // Until they are reaped: a daemon that finds the old containerd's process id alive waits for it in vain.
        wait_for("the engine's processes to be gone", || {
            let there = |pid: &u32| Path::new("/proc").join(pid.to_string()).exists();
            Ok((!killed.iter().any(there) && self.processes()?.is_empty()).then_some(()))
        })
    }

    /// Processes that name its folder on their command line.
    fn processes(&self) -> anyhow::Result<Vec<u32>> {
        let mut found = Vec::new();
        let own = self.folder.display().to_string();
        for entry in std::fs::read_dir("/proc")? {
            let entry = entry?;
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
                continue;
            };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            let program = line.split('\0').next().unwrap_or_default();
            let known = ["dockerd", "containerd", "containerd-shim-runc-v2"];
            let base = Path::new(program).file_name().and_then(|n| n.to_str());
            if base.is_some_and(|name| known.contains(&name)) && line.contains(&own) {
                found.push(pid);
            }
        }
        Ok(found)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let socket = self.socket();
        if self.daemon.is_some()
            && let Ok(output) = docker_at(Some(&socket)).args(["ps", "-aq"]).output()
        {
            let ids = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut command = docker_at(Some(&socket));
            command.args(["rm", "-f"]).args(ids.split_whitespace());
            drop(command.output());
            let mut prune = docker_at(Some(&socket));
            drop(prune.args(["network", "prune", "-f"]).output());
        }
        drop(self.kill_everything());
        drop(ip(&["link", "delete", &self.bridge]));
        // What a killed daemon left mounted would keep the folder.
        let own = self.folder.display().to_string();
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let mut points: Vec<&str> = mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter(|point| point.starts_with(&own))
            .collect();
        points.reverse();
        for point in points {
            drop(Command::new("umount").arg("-l").arg(point).status());
        }
        if !std::thread::panicking() {
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}
