//! A Docker daemon of a test's own, described by [`BuildEngine`] and taken away with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use segue_driver::build::engine::{BuildEngine, BuildLimits};
use segue_driver::*;
use segue_model::id::*;
use uuid::Uuid;

use super::bench::soon;

/// A running daemon with limits that a test can hit.
pub struct Engine {
    pub config: BuildEngine,
    daemon: Child,
    root: tempfile::TempDir,
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its own children too.
        let _ = Command::new("/bin/kill")
            .arg(self.daemon.id().to_string())
            .status();
        let _ = self.daemon.wait();
        // With live-restore a daemon leaves its data root mounted.
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        for point in points.filter(|point| Path::new(point).starts_with(self.root.path())) {
            let _ = Command::new(which("umount")).arg(point).status();
        }
        let config = self.config.clone();
        let tear_down = move || {
            tokio::runtime::Runtime::new()
                .unwrap()
                .block_on(config.tear_down())
        };
        let done = std::thread::spawn(tear_down).join();
        if !std::thread::panicking() {
            done.unwrap().unwrap();
        }
    }
}

impl Engine {
    pub async fn start(denied: ipnet::Ipv4Net) -> Engine {
        let root = tempfile::Builder::new()
            .prefix("sgb")
            .tempdir_in("/tmp")
            .unwrap();
        let tail = Uuid::now_v7().as_bytes()[14..]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>();
        let name = format!("sgb-{tail}");
        let third = Uuid::now_v7().as_bytes()[15];
        let config = BuildEngine {
            name: name.clone(),
            dockerd: which("dockerd"),
            ip: which("ip"),
            iptables: which("iptables"),
            data_root: root.path().join("data"),
            run_root: root.path().join("run"),
            bridge: name,
            subnet: format!("10.224.{third}.0/24").parse().unwrap(),
            denied: vec!["169.254.0.0/16".parse().unwrap(), denied],
            cgroup_mount: "/sys/fs/cgroup".into(),
            limits: BuildLimits {
                cpu_millis: 1000,
                memory_bytes: 96 << 20,
                pids: 40,
                cache_bytes: 1 << 30,
            },
        };
        config.prepare().await.unwrap();
        // Asked twice, it changes nothing.
        config.prepare().await.unwrap();
        let daemon = spawn(&config, root.path());
        let engine = Engine {
            config,
            daemon,
            root,
        };
        engine.answers().await;
        engine
    }

    /// SIGKILL: the daemon has no chance to say goodbye, its containers live on.
    pub fn kill(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    pub async fn restart(&mut self) {
        self.config.prepare().await.unwrap();
        self.daemon = spawn(&self.config, self.root.path());
        self.answers().await;
    }

    async fn answers(&self) {
        let owner = Ownership {
            installation: InstallationId::from_uuid(Uuid::nil()),
            host: HostId::from_uuid(Uuid::nil()),
        };
        let driver = Docker::new(&self.config.socket(), owner).unwrap();
        let until = std::time::Instant::now() + Duration::from_secs(60);
        while driver.ping(soon()).await.is_err() {
            let log =
                std::fs::read_to_string(self.root.path().join("dockerd.log")).unwrap_or_default();
            assert!(
                std::time::Instant::now() < until,
                "the engine does not come up: {}",
                log.split_at(log.floor_char_boundary(log.len().saturating_sub(3000)))
                    .1
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn spawn(config: &BuildEngine, root: &Path) -> Child {
    let argv = config.argv();
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(root.join("dockerd.log"))
        .unwrap();
    Command::new(&argv[0])
        .args(&argv[1..])
        .arg("--live-restore")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn which(program: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let found = folders
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("these tests need {program}"))
}
