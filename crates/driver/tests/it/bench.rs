//! What the contract suite runs against, and the image that real engines run.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use segue_driver::*;
use segue_model::archive::{END, file};
use segue_model::id::*;
use segue_model::revision::{Revision, RevisionContent};
use segue_model::spec::{Command as Argv, ImageRef, Resources, ServiceKind};
use uuid::Uuid;

pub const SOCKET: &str = "/var/run/docker.sock";

/// Generous: a slow machine is not a failure.
pub fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// What a container of the suite does.
#[derive(Debug, Clone)]
pub enum Does {
    Serve(&'static str),
    Print(&'static [&'static str]),
    Exit(i32),
    IgnoreTerm,
    Hog,
}

/// An engine under test.
pub trait Bench: Send + Sync {
    fn driver(&self) -> &dyn Driver;
    /// Another installation on the same engine.
    fn stranger(&self) -> Box<dyn Driver>;
    fn installation(&self) -> InstallationId;
    /// An image that does this, with its arguments.
    fn app<'a>(&'a self, does: Does) -> BoxFuture<'a, (ImageRef, Vec<String>)>;
}

pub struct DockerBench {
    driver: Docker,
    installation: InstallationId,
}

impl DockerBench {
    pub async fn new() -> Self {
        Self::at(Path::new(SOCKET)).await
    }

    pub async fn at(socket: &Path) -> Self {
        let installation = InstallationId::from_uuid(Uuid::now_v7());
        let owner = Ownership {
            installation,
            host: HostId::from_uuid(Uuid::nil()),
        };
        let driver = Docker::new(socket, owner).unwrap();
        if let Err(error) = driver.ping(Deadline::after(Duration::from_secs(10))).await {
            panic!(
                "these tests need a Docker engine that answers on {}: {error}",
                socket.display()
            );
        }
        Self {
            driver,
            installation,
        }
    }
}

impl Bench for DockerBench {
    fn driver(&self) -> &dyn Driver {
        &self.driver
    }

    fn stranger(&self) -> Box<dyn Driver> {
        let installation = InstallationId::from_uuid(Uuid::now_v7());
        let owner = Ownership {
            installation,
            host: HostId::from_uuid(Uuid::nil()),
        };
        Box::new(Docker::new(Path::new(SOCKET), owner).unwrap())
    }

    fn installation(&self) -> InstallationId {
        self.installation
    }

    fn app<'a>(&'a self, does: Does) -> BoxFuture<'a, (ImageRef, Vec<String>)> {
        Box::pin(async move {
            let image = app_image(&self.driver).await;
            let argv = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect();
            let argv: Vec<String> = match does {
                Does::Serve(at) => argv(&["serve", at]),
                Does::Print(lines) => argv(&[&["print"], lines].concat()),
                Does::Exit(code) => argv(&["exit", &code.to_string()]),
                Does::IgnoreTerm => argv(&["ignore-term"]),
                Does::Hog => argv(&["hog"]),
            };
            (image, argv)
        })
    }
}

pub struct FakeBench {
    driver: Fake,
    installation: InstallationId,
}

impl FakeBench {
    pub fn new() -> Self {
        let installation = InstallationId::from_uuid(Uuid::now_v7());
        let owner = Ownership {
            installation,
            host: HostId::from_uuid(Uuid::nil()),
        };
        Self {
            driver: Fake::new(owner),
            installation,
        }
    }

    pub fn fake(&self) -> &Fake {
        &self.driver
    }
}

impl Bench for FakeBench {
    fn driver(&self) -> &dyn Driver {
        &self.driver
    }

    fn stranger(&self) -> Box<dyn Driver> {
        let installation = InstallationId::from_uuid(Uuid::now_v7());
        Box::new(self.driver.seen_by(Ownership {
            installation,
            host: HostId::from_uuid(Uuid::nil()),
        }))
    }

    fn installation(&self) -> InstallationId {
        self.installation
    }

    fn app<'a>(&'a self, does: Does) -> BoxFuture<'a, (ImageRef, Vec<String>)> {
        let behaviour = match &does {
            Does::Serve(at) => Behaviour::Serve(at.parse().unwrap()),
            Does::Print(lines) => Behaviour::Print {
                stdout: lines.iter().map(|line| (*line).to_owned()).collect(),
                stderr: vec!["to stderr".to_owned()],
            },
            Does::Exit(code) => Behaviour::Exit {
                code: *code,
                after: Duration::from_millis(20),
            },
            Does::IgnoreTerm => Behaviour::IgnoreTerm,
            Does::Hog => Behaviour::OutOfMemory,
        };
        let id = self.driver.image_add(&format!("{does:?}"), behaviour);
        Box::pin(async move {
            (
                ImageRef::Engine {
                    id,
                    hosts: Default::default(),
                },
                vec![],
            )
        })
    }
}

/// The test program, compiled once for all test processes.
pub fn app_program() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/app.rs");
    let text = std::fs::read(&source).unwrap();
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&text));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(format!("segue-test-app-{}", &hash[..16]));
    if !program.exists() {
        // Written beside and renamed: test processes run at the same time.
        let own = folder.join(format!("building-{}", std::process::id()));
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let status = Command::new(rustc)
            .args([
                "--edition=2024",
                "-Copt-level=1",
                "-Cstrip=symbols",
                "-Ctarget-feature=+crt-static",
                "-o",
            ])
            .args([&own, &source])
            .status()
            .unwrap();
        assert!(
            status.success(),
            "the test program does not compile as a static program"
        );
        std::fs::rename(&own, &program).unwrap();
    }
    program
}

/// An image with the test program alone; its entry point.
pub async fn app_image(images: &dyn Images) -> ImageRef {
    let program = std::fs::read(app_program()).unwrap();
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&program));
    let name = format!("segue-driver-test:{}", &hash[..16]);
    let found = match images.image_inspect(&name, soon()).await.unwrap() {
        Some(found) => found,
        None => {
            let mut tar = file("app", true, 0, &program);
            // A place to write to, and something that is no program.
            tar.extend(segue_model::archive::directory("tmp", 0));
            tar.extend(file("text", true, 0, b"this is no program\n"));
            tar.extend_from_slice(&END);
            images
                .image_import(tar.into(), &name, &["ENTRYPOINT [\"/app\"]"], soon())
                .await
                .unwrap()
        }
    };
    ImageRef::Engine {
        id: found.id,
        hosts: Default::default(),
    }
}

/// An environment with its networks on the engine, for one test; `close` removes what is left.
pub struct Ground<'a> {
    pub bench: &'a dyn Bench,
    pub environment: EnvironmentId,
    pub team: TeamId,
    pub third: Ipv4Addr,
    next: AtomicU32,
}

impl<'a> Ground<'a> {
    pub async fn open(bench: &'a dyn Bench) -> Ground<'a> {
        let environment = EnvironmentId::from_uuid(Uuid::now_v7());
        let team = TeamId::from_uuid(Uuid::now_v7());
        // Other tests run at the same time: a subnet that is taken is a conflict, and the next is tried.
        for _ in 0..50 {
            let random = u32::from_be_bytes(Uuid::now_v7().as_bytes()[12..].try_into().unwrap());
            let base = Ipv4Addr::from(0x0ad0_0000 | (random & 0x000f_fe00));
            let ground = Ground {
                bench,
                environment,
                team,
                third: base,
                next: AtomicU32::new(10),
            };
            let traffic = bench
                .driver()
                .ensure_network(&ground.network(false), soon())
                .await;
            match traffic {
                Ok(()) => {
                    bench
                        .driver()
                        .ensure_network(&ground.network(true), soon())
                        .await
                        .unwrap();
                    return ground;
                }
                Err(DriverError::Conflict(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no free subnet");
    }

    pub fn network(&self, names: bool) -> NetworkSpec {
        let base = Ipv4Addr::from(u32::from(self.third) + if names { 256 } else { 0 });
        NetworkSpec {
            name: if names {
                NetworkName::Names(self.environment)
            } else {
                NetworkName::Traffic(self.environment)
            },
            team: self.team,
            subnet: ipnet::Ipv4Net::new(base, 24).unwrap(),
            gateway: Ipv4Addr::from(u32::from(base) + 1),
        }
    }

    pub fn addresses(&self) -> Addresses {
        let host = self.next.fetch_add(1, Ordering::Relaxed);
        let traffic = Ipv4Addr::from(u32::from(self.third) + host);
        Addresses {
            traffic,
            names: Some(Ipv4Addr::from(u32::from(traffic) + 256)),
        }
    }

    pub fn identity(&self) -> Identity {
        Identity {
            installation: self.bench.installation(),
            team: self.team,
            environment: self.environment,
            service: "web".parse().unwrap(),
            revision: Revision::from_bytes([7; 32]),
            instance: InstanceId::from_uuid(Uuid::now_v7()),
            slot: 1,
            host_epoch: 1,
        }
    }

    pub async fn instance(&self, does: Does) -> ContainerSpec {
        self.instance_at(does, self.addresses(), false).await
    }

    pub async fn instance_at(
        &self,
        does: Does,
        addresses: Addresses,
        strict: bool,
    ) -> ContainerSpec {
        let (image, argv) = self.bench.app(does).await;
        let content = RevisionContent {
            kind: ServiceKind::Web,
            image: image.content().to_owned(),
            command: Some(Argv::Argv(argv)),
            env: BTreeMap::new(),
            port: 8080,
            resources: Resources {
                memory_bytes: 64 << 20,
                ..Resources::default()
            },
            volumes: BTreeMap::new(),
            stop_timeout: Duration::from_secs(5),
            read_only: false,
            strict,
            restart_nonce: 0,
        };
        container_spec(InstanceInput {
            identity: self.identity(),
            content: &content,
            image: &image,
            env: BTreeMap::new(),
            addresses,
            volumes: &BTreeMap::new(),
            force_strict: false,
        })
    }

    pub async fn task(&self, does: Does) -> ContainerSpec {
        let (image, argv) = self.bench.app(does).await;
        self.task_with(&image, argv)
    }

    pub fn task_with(&self, image: &ImageRef, argv: Vec<String>) -> ContainerSpec {
        task_spec(TaskInput {
            identity: self.identity(),
            image,
            argv,
            env: BTreeMap::new(),
            resources: Resources {
                memory_bytes: 32 << 20,
                ..Resources::default()
            },
            strict: true,
            addresses: None,
        })
    }

    pub async fn close(self) {
        self.clean().await.unwrap();
    }

    async fn clean(&self) -> Result<(), DriverError> {
        let driver = self.bench.driver();
        for container in driver.list(soon()).await? {
            driver.remove(&container.name, soon()).await?;
        }
        for names in [false, true] {
            driver
                .remove_network(self.network(names).name, soon())
                .await?;
        }
        Ok(())
    }
}

impl Drop for Ground<'_> {
    fn drop(&mut self) {
        // A test that fails leaves nothing behind either. Bounded, because its engine may be what failed.
        if std::thread::panicking() {
            let clean = || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let _ = runtime.block_on(async {
                    tokio::time::timeout(Duration::from_secs(20), self.clean()).await
                });
            };
            std::thread::scope(|scope| {
                let _ = scope.spawn(clean).join();
            });
        }
    }
}
