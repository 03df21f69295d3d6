//! Making a deployment: from what people ask for to one transaction of the store.
//!
//! Everything that is read before (specification, configuration, secrets, source) belongs to one generation of the
//! environment; if that moved meanwhile, it is read again. What a deployment changes (variables, secrets, the
//! specification) is handed to the store together with it, so that a crash leaves both or neither. Must not: write
//! anything while composing, or decide what runs where.

use std::collections::BTreeSet;

use segue_model::id::DeploymentId;
use segue_model::name::{ConfigKey, GitRef, ImageName, ServiceName};
use segue_model::spec::ReleaseSpec;
use segue_store::seal::SecretBytes;
use segue_store::{
    App, Change, Changed, ConfigVersion, Deployment, DeploymentKind, Done, Environment,
    NewDeployment, StoreError, StoredResponse, Target, TeamScope, fresh_id,
};

use super::config::{ConfigChange, check_base};
use super::promote::Promotion;
use super::{domains, gather};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::respond::Call;

/// How often a deployment is composed anew because the environment moved meanwhile.
const TRIES: usize = 5;

/// What shall be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A kept source, by the hash of its canonical tar.
    Source([u8; 32]),
    /// A finished image.
    Image(ImageName),
    /// An older release, by version.
    Release(i64),
    /// Another environment's release: its images with this environment's own values.
    Promote(Box<Promotion>),
    /// The same in new containers; all services if none is named.
    Restart(BTreeSet<ServiceName>),
    /// The newest specification on the image that runs.
    Spec,
    /// New configuration values.
    Config(ConfigChange),
    /// A secret's new value.
    SecretSet(ConfigKey, SecretBytes),
    /// A secret removed.
    SecretUnset(ConfigKey),
}

impl What {
    /// The change that is the reason of the deployment.
    fn change(&self) -> Option<Change> {
        match self {
            Self::Config(change) => Some(Change::Config(change.patch.clone())),
            Self::SecretSet(key, value) => Some(Change::SecretSet(key.clone(), value.clone())),
            Self::SecretUnset(key) => Some(Change::SecretUnset(key.clone())),
            Self::Source(_)
            | Self::Image(_)
            | Self::Release(_)
            | Self::Promote(_)
            | Self::Restart(_)
            | Self::Spec => None,
        }
    }
}

/// A deployment as it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct DeployInput {
    pub what: What,
    pub message: String,
    /// The ref and commit that were pushed.
    pub git: Option<(GitRef, String)>,
}

/// Who asks, and where.
#[derive(Clone, Copy)]
pub(crate) struct DeployPlace<'a> {
    pub state: &'a ApiState,
    pub scope: &'a TeamScope,
    pub app: &'a App,
    pub env: &'a Environment,
}

/// What becomes a deployment row.
pub(super) struct Composed {
    pub target: Target,
    pub kind: DeploymentKind,
    /// The services it will have, for their host names.
    pub spec: Option<ReleaseSpec>,
    /// What changes with it.
    pub changes: Vec<Change>,
}

/// Makes the deployment.
pub(crate) async fn deploy(
    at: DeployPlace<'_>,
    input: &DeployInput,
    call: &Call,
    respond: &(dyn Fn(&Deployment) -> StoredResponse + Send + Sync),
) -> Result<Done<Deployment>, Problem> {
    Ok(match deploy_with(at, input, call, respond).await? {
        Done::Fresh((deployment, _)) => Done::Fresh(deployment),
        Done::Replayed(response) => Done::Replayed(response),
    })
}

/// Makes the deployment, and tells what its changes became.
pub(super) async fn deploy_with(
    at: DeployPlace<'_>,
    input: &DeployInput,
    call: &Call,
    respond: &(dyn Fn(&Deployment) -> StoredResponse + Send + Sync),
) -> Result<Done<(Deployment, Changed)>, Problem> {
    let mut env = at.env.clone();
    let mut short_taken = false;
    for _ in 0..TRIES {
        let at = DeployPlace { env: &env, ..at };
        let mut composed = gather::compose(at, input).await?;
        composed.changes.extend(input.what.change());
        let domains = match &composed.spec {
            Some(spec) => domains::wanted(at, spec, short_taken).await?,
            None => Vec::new(),
        };
        let new = NewDeployment {
            id: DeploymentId::from_uuid(fresh_id()),
            target: composed.target,
            kind: composed.kind,
            domains,
            git: input.git.clone(),
            message: input.message.clone(),
        };
        let idempotency = call.idempotency(respond);
        match at
            .scope
            .deployment_create_with(
                env.id,
                Some(env.generation),
                &composed.changes,
                &new,
                idempotency,
            )
            .await
        {
            Err(StoreError::PreconditionFailed { .. }) => {}
            // Somebody took the generated host name: the next attempt makes another one.
            Err(error) if error.is_conflict_with("domains_name_taken") && !short_taken => {
                short_taken = true;
            }
            done => return Ok(done?),
        }
        env = at.scope.environment_get(env.id).await?;
    }
    Err(busy())
}

fn busy() -> Problem {
    Problem::new(
        ProblemCode::Conflict,
        "the environment is being changed by others all the time",
    )
    .hint("send the same request again")
}

/// Deploys a change of values, if anything was deployed before; else only makes it.
pub(super) async fn roll_out(
    at: DeployPlace<'_>,
    what: What,
    message: &str,
    respond: &(dyn Fn(&Deployment) -> StoredResponse + Send + Sync),
) -> Result<(Option<Deployment>, Changed), Problem> {
    let input = DeployInput {
        what,
        message: message.chars().take(200).collect(),
        git: None,
    };
    if at.scope.release_wanted(at.env.id).await?.is_none() {
        return Ok((None, change_only(at, &input.what).await?));
    }
    let done = deploy_with(at, &input, &Call::plain(), respond).await?;
    let (deployment, changed) = done.fresh().ok_or_else(Problem::not_found)?;
    at.state.news().tell();
    Ok((Some(deployment), changed))
}

/// Makes a change of the configuration as it was read: what moved in between is read again.
async fn config_only(
    at: DeployPlace<'_>,
    change: &ConfigChange,
) -> Result<Option<ConfigVersion>, Problem> {
    let mut generation = at.env.generation;
    for _ in 0..TRIES {
        let loaded = gather::load(at).await?;
        check_base(at, change, loaded.config_version).await?;
        gather::with_patch(loaded.values.config, &change.patch)?;
        let (scope, env) = (at.scope, at.env.id);
        match scope
            .config_patch(env, Some(generation), &change.patch, None)
            .await
        {
            Err(StoreError::PreconditionFailed { current }) => generation = current,
            done => return Ok(done?.fresh()),
        }
    }
    Err(busy())
}

/// Makes a change of values that the next deployment rolls out.
pub(super) async fn change_only(at: DeployPlace<'_>, what: &What) -> Result<Changed, Problem> {
    let (scope, env) = (at.scope, at.env.id);
    let mut changed = Changed::default();
    match what {
        What::Config(change) => changed.config = config_only(at, change).await?,
        What::SecretSet(key, value) => {
            let set = scope.secret_set(env, None, key, value, None).await?;
            changed.secrets.extend(set.fresh());
        }
        What::SecretUnset(key) => scope.secret_unset(env, None, key).await?,
        What::Source(_)
        | What::Image(_)
        | What::Release(_)
        | What::Promote(_)
        | What::Restart(_)
        | What::Spec => {}
    }
    Ok(changed)
}
