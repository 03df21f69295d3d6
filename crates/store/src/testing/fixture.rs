//! A team with an owner, an app and an environment, for tests that need something to stand on.

use std::collections::BTreeMap;

use segue_model::id::{
    AppId, BuildId, DeploymentId, EnvironmentId, HostId, ReleaseId, TeamId, UserId,
};
use segue_model::name::{EnvironmentName, ServiceName, TeamName};
use segue_model::spec::{
    ImageRef, ImageSource, ReleaseService, ReleaseSpec, Rollout, ServiceKind, ServiceSpec,
};

use sqlx::Executor;

use super::{Result, TestDb};
use crate::context::{Actor, TeamContext, fresh_id};
use crate::store::Store;
use crate::team::{
    Deployment, DeploymentKind, EnvironmentKind, NewApp, NewBuild, NewDeployment, NewEnvironment,
    NewRelease, Target, TeamScope,
};

/// Something to stand on.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The team's owner, who is also an operator.
    pub owner: UserId,
    /// The team.
    pub team: TeamId,
    /// Its app.
    pub app: AppId,
    /// Its environment `production`.
    pub environment: EnvironmentId,
    /// The owner acting in the team.
    pub context: TeamContext,
    store: Store,
}

impl Fixture {
    /// Makes team, owner, app and environment; names are made of the given one.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn new(store: &Store, name: &str) -> Result<Self> {
        let platform = store.platform(TeamContext::platform(Actor::System("test")));
        let owner = platform
            .user_create(&format!("{name}@example.com"), name, None, true)
            .await?;
        let team = platform.team_create(&TeamName::new(name)?, owner).await?;
        let context = TeamContext::new(team, Actor::User(owner));
        let scope = store.team(&context);
        let app = AppId::from_uuid(fresh_id());
        let new = NewApp {
            id: app,
            name: "shop".parse()?,
            repo: None,
            labels: BTreeMap::new(),
        };
        scope.app_create(&new, None).await?;
        let environment = EnvironmentId::from_uuid(fresh_id());
        let new = NewEnvironment {
            id: environment,
            name: EnvironmentName::new("production")?,
            kind: EnvironmentKind::Production,
            protected: false,
            domains: Vec::new(),
        };
        scope.environment_create(app, &new, None).await?;
        Ok(Self {
            owner,
            team,
            app,
            environment,
            context,
            store: store.clone(),
        })
    }

    /// The team's scope.
    #[must_use]
    pub fn scope(&self) -> TeamScope {
        self.store.team(&self.context)
    }

    /// Asks for a deployment of this spec to the environment.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn deploy(&self, spec: ReleaseSpec) -> Result<Deployment> {
        self.deploy_with(spec, Vec::new()).await
    }

    /// The same with builds that the spec waits for.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn deploy_with(
        &self,
        spec: ReleaseSpec,
        builds: Vec<NewBuild>,
    ) -> Result<Deployment> {
        let new = deployment_of(spec, builds);
        self.scope()
            .deployment_create(self.environment, None, &new, None)
            .await?
            .fresh()
            .ok_or_else(|| "a request without a key was replayed".into())
    }
}

impl TestDb {
    /// Runs statements as the superuser, for faults that no role could make.
    ///
    /// # Errors
    /// The server is gone, or does not take them.
    pub async fn execute(&self, statements: &'static str) -> Result<()> {
        self.admin().await?.execute(statements).await?;
        Ok(())
    }
}

/// A deployment, not asked for yet, of a new release of this spec with these builds.
#[must_use]
pub fn deployment_of(spec: ReleaseSpec, builds: Vec<NewBuild>) -> NewDeployment {
    NewDeployment {
        id: DeploymentId::from_uuid(fresh_id()),
        target: Target::New(Box::new(NewRelease {
            id: ReleaseId::from_uuid(fresh_id()),
            spec,
            builds,
            config_version: None,
            source: None,
            commit: None,
            origin: None,
            message: String::new(),
        })),
        kind: DeploymentKind::Deploy,
        domains: Vec::new(),
        git: None,
        message: String::new(),
    }
}

/// A release of one `web` service whose image is pinned to an engine's id made of this digit.
#[must_use]
pub fn release_spec(digit: char) -> ReleaseSpec {
    let image = ImageRef::Engine {
        id: format!("sha256:{}", digit.to_string().repeat(64)),
        hosts: std::collections::BTreeSet::<HostId>::new(),
    };
    let service = ReleaseService {
        spec: ServiceSpec::new(ServiceKind::Web),
        image: ImageSource::Pinned(image),
        env: BTreeMap::new(),
        restart_nonce: 0,
        generated: false,
    };
    let services = "web"
        .parse::<ServiceName>()
        .map(|name| BTreeMap::from([(name, service)]))
        .unwrap_or_default();
    ReleaseSpec {
        services,
        rollout: Rollout::default(),
    }
}

/// The same, but waiting for a build.
#[must_use]
pub fn release_spec_of_build(build: BuildId) -> ReleaseSpec {
    let mut spec = release_spec('0');
    for service in spec.services.values_mut() {
        service.image = ImageSource::Build(build);
    }
    spec
}
