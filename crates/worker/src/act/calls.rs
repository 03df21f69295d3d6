//! The calls themselves: one function per action.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use ipnet::Ipv4Net;
use segue_driver::{
    Addresses, ContainerName, Deadline, Driver, DriverError, Identity, Images, InstanceInput,
    NetworkName, NetworkSpec, container_spec,
};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::{EnvironmentId, HostId, InstanceId, RunId, VolumeId};
use segue_model::name::{ServiceName, VolumeName};
use segue_model::network::{ForeignNetwork, names_address};
use segue_model::spec::ImageRef;
use segue_model::world::{Instance, ServiceRelease, World};
use segue_plan::Action;
use segue_store::{Attempt, Lease, StoreError};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{Claim, image, registry};
use crate::core::lease::{Term, TermOver};
use crate::core::words;
use crate::db::OpenError;
use crate::observe::Input;
use crate::observe::track::one_line;
use crate::shared::Shared;

/// For networks and names.
const NETWORK_LIMIT: Duration = Duration::from_secs(30);
/// To create and start a container, its image being there.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Above the stop timeout of the container.
const STOP_SLACK: Duration = Duration::from_secs(20);
/// The last lines of a run are waited for.
const LOG_LIMIT: Duration = Duration::from_secs(120);
/// For one look at its log, and between two.
const LOG_CALL_LIMIT: Duration = Duration::from_secs(10);
const LOG_AGAIN: Duration = Duration::from_millis(500);
/// To remove a container.
const REMOVE_LIMIT: Duration = Duration::from_secs(60);

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
enum ActError {
    #[error(transparent)]
    Term(#[from] TermOver),
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The world of the plan lacks what the action needs; the next plan is made from a newer one.
    #[error("{0} is not in the world any more")]
    Stale(&'static str),
    /// The engine makes no network that overlaps with another one.
    #[error("the Docker network {} ({}) overlaps with the environment's {subnet}/24; look at it on that host with: docker network inspect {}", .other.name, .other.subnet, .other.name)]
    Overlap {
        other: ForeignNetwork,
        subnet: Ipv4Addr,
    },
    /// A secret that the container needs is missing or does not open.
    #[error("a secret of the service: {0}")]
    Secret(#[from] OpenError),
}

impl ActError {
    fn code(&self) -> FailureCode {
        match self {
            Self::Driver(error) => error.failure_code().unwrap_or(FailureCode::Internal),
            Self::Secret(OpenError::Missing(_)) => FailureCode::VariableMissing,
            Self::Secret(OpenError::Store(_)) => FailureCode::Internal,
            Self::Term(_) | Self::Store(_) | Self::Stale(_) | Self::Overlap { .. } => {
                FailureCode::Internal
            }
        }
    }

    /// What it says beyond the sentence of its code.
    fn evidence(&self) -> String {
        match self {
            Self::Driver(error) => words::detail(error),
            other => other.to_string(),
        }
    }
}

/// A call that is under way, as its observer knows it: told before the attempt is written, and at its end, however
/// it ends.
struct UnderWay {
    shared: Arc<Shared>,
    host: HostId,
    instance: InstanceId,
}

impl UnderWay {
    fn begin(run: &HostRun, instance: InstanceId) -> Self {
        run.shared.tell(run.host, Input::Calling { instance });
        Self {
            shared: run.shared.clone(),
            host: run.host,
            instance,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let instance = self.instance;
        self.shared.tell(self.host, Input::Called { instance });
    }
}

/// Actions of one environment on one host.
#[derive(Clone)]
pub(super) struct HostRun {
    pub shared: Arc<Shared>,
    pub images: Arc<image::Transfers>,
    pub starts: Arc<Semaphore>,
    pub term: Term<Lease>,
    pub world: Arc<World>,
    pub host: HostId,
}

impl HostRun {
    /// All of them: networks first, the rest at the same time.
    pub(super) async fn all(self, list: Vec<(Claim, Action)>) {
        let (networks, rest): (Vec<_>, Vec<_>) = list
            .into_iter()
            .partition(|(_, action)| matches!(action, Action::EnsureNetwork { .. }));
        let mut missing = None;
        for (claim, action) in networks {
            if let Err(error) = self.one(claim, &action).await {
                missing = Some(error);
            }
        }
        let mut tasks = JoinSet::new();
        for (claim, action) in rest {
            // Without its network no container can be made: one that is not tried is known not to be there.
            if let (Some(error), Action::EnsureRunning { instance }) = (&missing, &action) {
                self.without_network(claim, *instance, error).await;
                continue;
            }
            let run = self.clone();
            tasks.spawn(async move {
                // It has told its failure itself.
                let _ = run.one(claim, &action).await;
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn without_network(&self, claim: Claim, instance: InstanceId, error: &ActError) {
        if matches!(error, ActError::Term(_)) {
            return;
        }
        claim.end(false);
        self.failed(instance, error).await;
        self.shared.wake(self.world.environment);
    }

    async fn one(&self, claim: Claim, action: &Action) -> Result<(), ActError> {
        let result = self.attempt(action).await;
        let environment = self.world.environment;
        match &result {
            Ok(()) => {
                tracing::debug!(environment.id = %environment, host.id = %self.host, ?action, "done")
            }
            Err(ActError::Term(_)) => {
                tracing::warn!(environment.id = %environment, host.id = %self.host, ?action, "not done: the lease has run out");
                return result;
            }
            Err(error) => {
                tracing::warn!(environment.id = %environment, host.id = %self.host, ?action, %error, "an action failed");
            }
        }
        let ok = result.is_ok();
        let missed = claim.end(ok);
        if let Some(instance) = action.instance() {
            match &result {
                Err(error) if matches!(action, Action::EnsureRunning { .. }) => {
                    self.failed(instance, error).await;
                }
                _ => {
                    self.shared.tell(self.host, Input::Look { instance });
                }
            }
        }
        if !ok || missed || action.instance().is_none() {
            // What follows is not told by an observation.
            self.shared.wake(environment);
        }
        result
    }

    /// Told as an observation: here if the host's observer is, otherwise written directly.
    async fn failed(&self, instance: InstanceId, error: &ActError) {
        let text = match self
            .shared
            .redactors
            .of(&self.shared.store, self.world.environment)
            .await
        {
            Some(redactor) => redactor.text(&error.evidence()),
            None => error.code().sentence().to_owned(),
        };
        let failure = Failure {
            code: error.code(),
            evidence: one_line(&text, 600),
        };
        let input = Input::Failed {
            instance,
            failure: failure.clone(),
        };
        if !self.shared.tell(self.host, input) {
            crate::db::observe_failure(&self.shared.store, &self.shared.clock, instance, failure)
                .await;
        }
    }

    /// The call, with what is written before and after it.
    async fn attempt(&self, action: &Action) -> Result<(), ActError> {
        let (store, steps) = (&self.shared.store, &self.shared.steps);
        let mut under_way = None;
        if let (Some(verb), Some(instance)) = (super::verb(action), action.instance()) {
            steps.pass("attempt").await;
            under_way = Some(UnderWay::begin(self, instance));
            let attempt = Attempt {
                instance,
                host: self.host,
                verb,
            };
            self.term
                .call(store.attempts_begin(self.term.fence(), &[attempt]))
                .await??;
            // Only now: what is seen before the attempt is written settles nothing of it.
            self.shared.tell(self.host, Input::Attempted { instance });
        }
        steps.pass("call").await;
        let result = self.call(action).await;
        drop(under_way);
        steps.pass("called").await;
        result
    }

    async fn call(&self, action: &Action) -> Result<(), ActError> {
        let driver = self
            .shared
            .driver(self.host)
            .ok_or(ActError::Stale("the host"))?;
        let driver = driver.as_ref();
        match action {
            Action::EnsureNetwork { subnet } => self.ensure_networks(driver, *subnet).await,
            Action::RemoveNetwork { subnet } => {
                let environment = self.world.environment;
                for name in [
                    NetworkName::Names(environment),
                    NetworkName::Traffic(environment),
                ] {
                    self.term
                        .call(driver.remove_network(name, Deadline::after(NETWORK_LIMIT)))
                        .await??;
                }
                let store = &self.shared.store;
                Ok(store
                    .subnet_released(self.term.fence(), environment, self.host, *subnet)
                    .await?)
            }
            Action::EnsureRunning { instance } => self.ensure_running(driver, *instance).await,
            Action::Alias {
                instance,
                service,
                on,
            } => {
                let one = self.instance(*instance)?;
                let name = ContainerName::from(*instance);
                let address = names_address(one.address);
                let limit = Deadline::after(NETWORK_LIMIT);
                if *on {
                    self.term
                        .call(driver.connect_alias(&name, service.as_str(), address, limit))
                        .await??;
                } else {
                    self.term
                        .call(driver.disconnect_alias(&name, address, limit))
                        .await??;
                }
                self.shared.tell(
                    self.host,
                    Input::Aliased {
                        instance: *instance,
                        on: *on,
                    },
                );
                Ok(())
            }
            Action::Stop { instance, timeout } => {
                let name = ContainerName::from(*instance);
                let limit = Deadline::after(*timeout + STOP_SLACK);
                self.term
                    .call(driver.stop(&name, *timeout, limit))
                    .await??;
                Ok(())
            }
            Action::Remove { instance } => {
                let name = ContainerName::from(*instance);
                if !self.world.instances.contains_key(instance) {
                    self.log_kept(driver, *instance, &name).await?;
                }
                self.term
                    .call(driver.remove(&name, Deadline::after(REMOVE_LIMIT)))
                    .await??;
                Ok(())
            }
        }
    }

    /// Waits until everything that a one-off run has written is kept: nothing else asks its container again. A store
    /// that is away for long is not waited for for ever.
    async fn log_kept(
        &self,
        driver: &dyn Driver,
        instance: InstanceId,
        name: &ContainerName,
    ) -> Result<(), ActError> {
        let until = Instant::now() + LOG_LIMIT;
        while Instant::now() < until {
            let last = self
                .term
                .call(self.shared.store.log_last_at(instance))
                .await??;
            let limit = Deadline::after(LOG_CALL_LIMIT);
            let lines = self
                .term
                .call(driver.logs(name, last, false, limit))
                .await?;
            // One that is not there, or cannot be read, has nothing to wait for.
            let Ok(mut lines) = lines else {
                return Ok(());
            };
            let newer = async {
                while let Some(Ok(line)) = lines.next().await {
                    if last.is_none_or(|last| line.at.as_microsecond() > last.as_microsecond()) {
                        return true;
                    }
                }
                false
            };
            let newer = timeout(LOG_CALL_LIMIT, newer).await.unwrap_or(false);
            if !newer {
                return Ok(());
            }
            sleep(LOG_AGAIN).await;
        }
        tracing::warn!(instance.id = %instance, "the log of a run was not kept in time; its container is removed all the same");
        Ok(())
    }

    fn instance(&self, id: InstanceId) -> Result<&Instance, ActError> {
        self.world
            .container(id)
            .ok_or(ActError::Stale("the instance"))
    }

    /// What a container is made of: its service, or for a one-off run that with the run's command.
    fn service(&self, id: InstanceId, instance: &Instance) -> Option<Cow<'_, ServiceRelease>> {
        let id = RunId::from_uuid(id.as_uuid());
        match self.world.runs.get(&id) {
            Some(run) => {
                let release = self.world.releases.get(&run.release)?;
                let service = release.services.get(&run.service)?;
                Some(Cow::Owned(run.content(id, service)))
            }
            None => service_of(&self.world, instance).map(Cow::Borrowed),
        }
    }

    async fn ensure_networks(&self, driver: &dyn Driver, subnet: Ipv4Addr) -> Result<(), ActError> {
        let refused = match self.make_networks(driver, subnet).await {
            Err(ActError::Driver(DriverError::Conflict(why))) => why,
            other => return other,
        };
        let limit = || Deadline::after(NETWORK_LIMIT);
        // One of both may be there from a subnet that was given up. The engine keeps it while a container is on it.
        let environment = self.world.environment;
        let there = self.term.call(driver.networks(limit())).await??;
        if there.iter().any(|name| name.environment() == environment) {
            for name in [
                NetworkName::Names(environment),
                NetworkName::Traffic(environment),
            ] {
                self.term
                    .call(driver.remove_network(name, limit()))
                    .await??;
            }
            match self.make_networks(driver, subnet).await {
                Err(ActError::Driver(DriverError::Conflict(_))) => {}
                other => return other,
            }
        }
        // Somebody else's: the plan that follows is made with it.
        let clock = &self.shared.clock;
        let asked = clock.now();
        let foreign = self.term.call(driver.foreign_networks(limit())).await??;
        let age = Duration::try_from(clock.now().duration_since(asked)).unwrap_or_default();
        self.term
            .call(self.shared.store.host_foreign(self.host, age, &foreign))
            .await??;
        let other = foreign.into_iter().find(|other| other.overlaps(subnet));
        Err(match other {
            Some(other) => ActError::Overlap { other, subnet },
            None => ActError::Driver(DriverError::Conflict(refused)),
        })
    }

    async fn make_networks(&self, driver: &dyn Driver, subnet: Ipv4Addr) -> Result<(), ActError> {
        let environment = self.world.environment;
        let pairs = [
            (NetworkName::Traffic(environment), subnet),
            (NetworkName::Names(environment), names_address(subnet)),
        ];
        for (name, base) in pairs {
            let [a, b, c, _] = base.octets();
            let spec = NetworkSpec {
                name,
                team: self.world.team,
                subnet: Ipv4Net::new(base, 24).map_err(|_| ActError::Stale("the subnet"))?,
                gateway: Ipv4Addr::new(a, b, c, 1),
            };
            self.term
                .call(driver.ensure_network(&spec, Deadline::after(NETWORK_LIMIT)))
                .await??;
        }
        Ok(())
    }

    async fn ensure_running(&self, driver: &dyn Driver, id: InstanceId) -> Result<(), ActError> {
        let instance = self.instance(id)?;
        let service = self
            .service(id, instance)
            .ok_or(ActError::Stale("the release"))?;
        let host = self
            .world
            .hosts
            .get(&self.host)
            .ok_or(ActError::Stale("the host"))?;
        let build = self
            .shared
            .engines
            .build
            .as_deref()
            .map(|build| build as &dyn Images);
        let access = match &service.image {
            ImageRef::Registry { repository, .. } => {
                let environment = self.world.environment;
                let access = registry::access(&self.shared, environment, repository.as_str());
                Some(access.await?)
            }
            ImageRef::Engine { .. } => None,
        };
        let auth = access.as_ref().and_then(|access| access.auth.clone());
        let images = driver as &dyn Images;
        let transfer = self
            .images
            .ensure(self.host, images, build, &service.image, auth);
        let brought = self.term.call(transfer).await?;
        brought.map_err(|error| match &access {
            Some(access) => access.explain(error),
            None => error,
        })?;
        let env = crate::db::open_env(
            &self.shared.store,
            self.world.environment,
            &service.content.env,
        )
        .await?;
        // The container may say what it was given; from now on that is known to the redactor.
        self.shared.redactors.forget(self.world.environment);
        let volumes = service
            .content
            .volumes
            .keys()
            .map(|name| {
                (
                    name.clone(),
                    volume_id(self.world.environment, &instance.service, name),
                )
            })
            .collect::<BTreeMap<_, _>>();
        let spec = container_spec(InstanceInput {
            identity: Identity {
                installation: self.shared.installation,
                team: self.world.team,
                environment: self.world.environment,
                service: instance.service.clone(),
                revision: instance.revision,
                instance: id,
                slot: instance.slot,
                host_epoch: host.epoch,
            },
            content: &service.content,
            image: &service.image,
            env,
            addresses: Addresses {
                traffic: instance.address,
                names: Some(names_address(instance.address)),
            },
            volumes: &volumes,
            force_strict: false,
        });
        let permit = self
            .starts
            .acquire()
            .await
            .map_err(|_| ActError::Term(TermOver))?;
        let started = self
            .term
            .call(driver.ensure_running(&spec, Deadline::after(START_LIMIT)))
            .await;
        drop(permit);
        started??;
        Ok(())
    }
}

/// The service of a release that the instance's revision was made from. Carried-over instances share it with
/// every release that has the revision.
pub(crate) fn service_of<'a>(world: &'a World, instance: &Instance) -> Option<&'a ServiceRelease> {
    let fits = |release: &'a segue_model::world::Release| {
        release
            .services
            .get(&instance.service)
            .filter(|service| service.revision == instance.revision)
    };
    world
        .releases
        .get(&instance.release)
        .and_then(fits)
        .or_else(|| world.releases.values().filter_map(fits).next())
}

/// The volume of a service: the same for every instance of it, so that data stays with the service. Derived
/// (UUIDv8 of a SHA-256), because nothing else about a volume needs to be kept.
fn volume_id(environment: EnvironmentId, service: &ServiceName, name: &VolumeName) -> VolumeId {
    let mut hash = Sha256::new();
    hash.update(b"segue volume v1\0");
    hash.update(environment.as_uuid().as_bytes());
    hash.update(service.as_str().as_bytes());
    hash.update([0]);
    hash.update(name.as_str().as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0u8; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    VolumeId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
