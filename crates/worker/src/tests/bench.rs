//! What the tests stand on: a database of their own, a fake engine, and workers that can be killed.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use segue_driver::{Behaviour, ContainerName, Deadline, Driver, Fake, Ownership};
use segue_model::detect::Runtimes;
use segue_model::id::{DeploymentId, HostId, InstallationId};
use segue_model::spec::{ImageRef, ImageSource, ReleaseSpec};
use segue_model::state::{DeploymentState, Observed};
use segue_store::testing::{Fixture, TestDb, release_spec};
use segue_store::{Deployment, InstanceView, Shard, SystemStore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::{BuildLimits, LogLimits, WorkerConfig};
use crate::core::http::GetError;
use crate::engines::{Connect, Engines};
use crate::probe::Dial;
use crate::shared::Shared;

/// Longest wait for anything; generous, because the machine is shared.
const PATIENCE: Duration = Duration::from_secs(120);

/// Dials the fake engine's containers.
pub(super) struct FakeDial(pub Fake);

impl FakeDial {
    fn listens(&self, address: SocketAddr) -> std::io::Result<()> {
        let IpAddr::V4(ip) = address.ip() else {
            return Err(std::io::ErrorKind::Unsupported.into());
        };
        match self.0.answering(ip, address.port()) {
            Some(_) => Ok(()),
            None => Err(std::io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

impl Dial for FakeDial {
    fn tcp(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<()>> {
        let listens = self.listens(address);
        async move { listens }.boxed()
    }

    fn get<'a>(&'a self, address: SocketAddr, _: &'a str) -> BoxFuture<'a, Result<u16, GetError>> {
        let listens = self.listens(address);
        async move { Ok(listens.map(|()| 200)?) }.boxed()
    }
}

pub(super) struct Bench {
    pub db: TestDb,
    pub fixture: Fixture,
    pub fake: Fake,
    pub installation: InstallationId,
}

/// A worker that runs.
pub(super) struct Worker {
    pub shared: Arc<Shared>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Worker {
    /// Ends it at once, as kill -9 does: nothing is given back or finished.
    pub(super) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Ends it in order.
    pub(super) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

impl Bench {
    pub(super) async fn new() -> Self {
        // What happened is told when a test fails: RUST_LOG=segue_worker=debug.
        let filter =
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_test_writer()
            .try_init();
        let db = TestDb::new().await.unwrap();
        let fixture = Fixture::new(db.store(), "worker").await.unwrap();
        let installation = db.store().system().installation().await.unwrap();
        let owner = Ownership {
            installation,
            host: HostId::from_uuid(Uuid::nil()),
        };
        Self {
            db,
            fixture,
            fake: Fake::new(owner),
            installation,
        }
    }

    /// What a worker of this bench shares.
    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared_of(self.installation, self.fake.clone())
    }

    /// The same on another engine, as another installation.
    pub(super) fn shared_of(&self, installation: InstallationId, fake: Fake) -> Arc<Shared> {
        shared_on(self.db.store().system(), installation, fake)
    }
}

/// What a worker shares that has this store and this engine.
pub(super) fn shared_on(
    store: SystemStore,
    installation: InstallationId,
    fake: Fake,
) -> Arc<Shared> {
    let host = Arc::new(fake.clone());
    shared_with(store, installation, fake, host)
}

/// What a worker of this bench shares whose host is another engine than the fake one.
pub(super) fn shared_over(bench: &Bench, host: Arc<dyn Driver>) -> Arc<Shared> {
    let (store, fake) = (bench.db.store().system(), bench.fake.clone());
    shared_with(store, bench.installation, fake, host)
}

fn shared_with(
    store: SystemStore,
    installation: InstallationId,
    fake: Fake,
    host: Arc<dyn Driver>,
) -> Arc<Shared> {
    let (dial, build, tasks) = (fake.clone(), fake.clone(), fake);
    let connect: Connect = Arc::new(move |_, _| Ok(host.clone()));
    let engines = Engines::new(
        connect,
        Some(Arc::new(build)),
        Some(Arc::new(tasks)),
        Arc::new(FakeDial(dial)),
    );
    let config = WorkerConfig {
        docker_socket: Some("/fake.sock".into()),
        host_name: "host-a".parse().unwrap(),
        build_socket: None,
        build_wish: None,
        build_cgroup: None,
        extra_ca: None,
        runtimes: Runtimes::default(),
        outside: crate::OutsideConfig::default(),
        build: BuildLimits::default(),
        logs: LogLimits::default(),
        stranger_grace: Duration::from_secs(1),
    };
    crate::shared(config, store, installation, engines)
}

impl Bench {
    pub(super) fn start(&self) -> Worker {
        self.start_with(self.shared())
    }

    pub(super) fn start_with(&self, shared: Arc<Shared>) -> Worker {
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let (shared, stop) = (shared.clone(), stop.clone());
            async move { crate::run_shared(shared, stop).await.unwrap() }
        });
        Worker { shared, stop, task }
    }

    /// An image on the engine, and a release that runs it.
    pub(super) fn release(&self, image: &str, behaviour: Behaviour) -> ReleaseSpec {
        let id = self.fake.image_add(image, behaviour);
        let mut spec = release_spec('0');
        for service in spec.services.values_mut() {
            service.image = ImageSource::Pinned(ImageRef::Engine {
                id: id.clone(),
                hosts: Default::default(),
            });
        }
        spec.rollout.bake = Duration::ZERO;
        spec.rollout.drain = Duration::from_millis(200);
        spec
    }

    /// A release whose application listens.
    pub(super) fn serving(&self, image: &str, replicas: u32) -> ReleaseSpec {
        let listen = "0.0.0.0:8080".parse().unwrap();
        let mut spec = self.release(image, Behaviour::Serve(listen));
        for service in spec.services.values_mut() {
            service.spec.replicas = replicas;
        }
        spec
    }

    /// Asks for a deployment of this to the bench's environment.
    pub(super) async fn deploy(&self, spec: ReleaseSpec) -> Deployment {
        self.fixture.deploy(spec).await.unwrap()
    }

    /// Deploys this, waits until it has succeeded, and gives the instances: as many as it asks for, all ready. A worker
    /// runs.
    pub(super) async fn brings_up(&self, spec: ReleaseSpec) -> Vec<InstanceView> {
        let wanted: u32 = spec.services.values().map(|one| one.spec.replicas).sum();
        let deployment = self.deploy(spec).await;
        self.reaches(deployment.id, DeploymentState::Succeeded)
            .await;
        self.ready(usize::try_from(wanted).unwrap()).await
    }

    pub(super) async fn deployment(&self, id: DeploymentId) -> Deployment {
        self.fixture.scope().deployment_get(id).await.unwrap()
    }

    pub(super) async fn instances(&self) -> Vec<InstanceView> {
        self.fixture
            .scope()
            .instance_list(self.fixture.environment, false)
            .await
            .unwrap()
    }

    /// Waits until the deployment is in a state of this rank or above.
    pub(super) async fn reaches(&self, id: DeploymentId, state: DeploymentState) -> Deployment {
        self.eventually(&format!("deployment is {state}"), || async {
            let deployment = self.deployment(id).await;
            (deployment.state.rank() >= state.rank()).then_some(deployment)
        })
        .await
    }

    /// Gives back every lease of a worker that was killed, so that the test need not wait for their end. What the
    /// dead worker would still do is fenced: the epochs are spent.
    pub(super) async fn forget(&self, dead: &Shared) {
        let store = self.db.store().system();
        let mut shards: Vec<Shard> = (0..4).map(Shard::environments).collect();
        shards.extend(
            store
                .hosts()
                .await
                .unwrap()
                .iter()
                .map(|host| Shard::host(host.id)),
        );
        for shard in shards {
            let lease = store
                .lease_acquire(&shard, dead.worker, Duration::from_secs(1))
                .await
                .unwrap();
            if let Some(lease) = lease {
                store.lease_release(&lease).await.unwrap();
            }
        }
    }

    /// Waits until nothing moves any more, and says what was done until then.
    pub(super) async fn settled(&self, shared: &Shared) -> Vec<&'static str> {
        let passed = || shared.steps.inner.passed.lock().unwrap().clone();
        let effects = || {
            passed()
                .into_iter()
                .filter(|step| *step != "looked")
                .collect::<Vec<_>>()
        };
        let mut last = effects();
        loop {
            sleep(Duration::from_millis(700)).await;
            let now = effects();
            if now.len() == last.len() {
                return now;
            }
            last = now;
        }
    }

    /// Names of the containers on the engine.
    pub(super) async fn containers(&self) -> Vec<String> {
        let listed = self
            .fake
            .list(Deadline::after(Duration::from_secs(10)))
            .await
            .unwrap();
        let mut names: Vec<String> = listed.iter().map(|one| one.name.to_string()).collect();
        names.sort();
        names
    }

    /// Waits until exactly these many instances are there and all of them are ready.
    pub(super) async fn ready(&self, wanted: usize) -> Vec<InstanceView> {
        self.eventually(
            &format!("{wanted} ready instances and no other"),
            || async {
                let all = self.instances().await;
                let ready = all
                    .iter()
                    .filter(|one| one.observed == Observed::Ready)
                    .count();
                (ready == wanted && all.len() == wanted).then_some(all)
            },
        )
        .await
    }

    pub(super) async fn eventually<T, Fut>(&self, what: &str, mut look: impl FnMut() -> Fut) -> T
    where
        Fut: Future<Output = Option<T>>,
    {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            if begun.elapsed() > PATIENCE {
                let instances = self.instances().await;
                let page = segue_store::Page::first(10);
                let deployments = self
                    .fixture
                    .scope()
                    .deployment_list(self.fixture.environment, page)
                    .await;
                panic!("never: {what}\n{instances:#?}\n{deployments:#?}");
            }
            sleep(Duration::from_millis(25)).await;
        }
    }
}

/// The container of an instance.
pub(super) fn container(instance: &InstanceView) -> ContainerName {
    instance.id.into()
}
