//! Deployments: what people ask for. Their progress is written by the worker and read here.
//!
//! Invariant: a deployment, its release, and the changes of configuration, secrets and specification that it rolls
//! out are one transaction.

mod read;
mod receipt;

use std::borrow::Cow;
use std::collections::BTreeMap;

use segue_model::change::EventSubject;
use segue_model::id::{AppId, DeploymentId, EnvironmentId, ReleaseId};
use segue_model::name::{ConfigKey, GitRef};
use segue_model::spec::EnvValue;
use segue_model::state::DeploymentState;
use serde_json::json;

pub use self::read::Deployment;
pub use self::receipt::Receipt;

use self::read::find;
use super::config::{self, ConfigVersion, NewSpec};
use super::domains::{self, NewDomain};
use super::environments::Locked;
use super::intent::{Done, Idempotency, Intent};
use super::quota::Ask;
use super::releases::{self, NewRelease};
use super::secrets::{self, SecretInfo};
use super::{TeamScope, builds, environments, locks};
use crate::error::{StoreError, corrupt};
use crate::seal::{Keyring, SecretBytes};
use crate::text_enum;

/// In a new release, the version of a secret that the same deployment sets; real versions begin with 1.
pub const SET_HERE: i64 = 0;

text_enum! {
    /// Why a deployment was asked for.
    DeploymentKind {
        /// New source or image.
        Deploy = "deploy",
        /// Back to an older release.
        Rollback = "rollback",
        /// Another environment's release.
        Promote = "promote",
        /// The same, in new containers.
        Restart = "restart",
        /// Changed configuration.
        Config = "config",
        /// Changed secret.
        Secret = "secret",
        /// Changed specification.
        Spec = "spec",
    }
}

/// Where a deployment goes.
#[derive(Debug, Clone)]
pub enum Target {
    /// To a release that is made with it.
    New(Box<NewRelease>),
    /// To one that exists.
    Existing(ReleaseId),
}

/// A change that comes into force with the deployment that is made with it, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Variables set, or removed by `None`.
    Config(BTreeMap<ConfigKey, Option<String>>),
    /// A secret's new value.
    SecretSet(ConfigKey, SecretBytes),
    /// A secret removed.
    SecretUnset(ConfigKey),
    /// What people wrote.
    Spec(NewSpec),
}

/// What changes became.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changed {
    /// The new configuration, if it changed.
    pub config: Option<ConfigVersion>,
    /// Secrets that were set.
    pub secrets: Vec<SecretInfo>,
}

/// A deployment to be asked for.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    /// A fresh id.
    pub id: DeploymentId,
    /// Where it goes.
    pub target: Target,
    /// Why.
    pub kind: DeploymentKind,
    /// Host names that the release's services want; claimed in the same transaction.
    pub domains: Vec<NewDomain>,
    /// The ref that was pushed, with its commit.
    pub git: Option<(GitRef, String)>,
    /// What people say about it.
    pub message: String,
}

impl TeamScope {
    /// Asks for a deployment: release (unless it exists), builds, host names, git ref, audit, event and
    /// wake-up in one transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown environment, release, build or source;
    /// [`StoreError::PreconditionFailed`]; [`StoreError::Quota`]; `domains_name_taken`.
    pub async fn deployment_create(
        &self,
        environment: EnvironmentId,
        expected_generation: Option<i64>,
        new: &NewDeployment,
        idempotency: Option<Idempotency<'_, Deployment>>,
    ) -> Result<Done<Deployment>, StoreError> {
        let made = self
            .deployment_create_with(environment, expected_generation, &[], new, idempotency)
            .await?;
        Ok(match made {
            Done::Fresh((deployment, _)) => Done::Fresh(deployment),
            Done::Replayed(response) => Done::Replayed(response),
        })
    }

    /// Makes changes and asks for the deployment that rolls them out, all in one transaction: a crash leaves both or
    /// neither. A new release refers to secrets that are set here by [`SET_HERE`], and gets their versions.
    ///
    /// # Errors
    /// As [`TeamScope::deployment_create`], and those of each change.
    pub async fn deployment_create_with(
        &self,
        environment: EnvironmentId,
        expected_generation: Option<i64>,
        changes: &[Change],
        new: &NewDeployment,
        idempotency: Option<Idempotency<'_, Deployment>>,
    ) -> Result<Done<(Deployment, Changed)>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let ask = Ask::begin(&mut intent).await?;
        let locked = environments::lock(&mut intent, environment, expected_generation).await?;
        if new.kind != DeploymentKind::Rollback {
            locks::check(&mut intent, locked.app, environment, self.overrides).await?;
        }
        let changed = apply(&mut intent, &self.inner.kek, environment, &locked, changes).await?;
        let mut last_release = locked.last_release;
        let release = match &new.target {
            Target::New(release) => {
                last_release += 1;
                let release = resolved(release, &changed)?;
                releases::insert(&mut intent, locked.app, environment, last_release, &release)
                    .await?;
                release.id
            }
            Target::Existing(release) => *release,
        };
        let number = locked.last_deployment + 1;
        sqlx::query!(
            "
            insert into deployments (id, team_id, app_id, environment_id, number, release_id, kind, git_ref, message, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ",
            new.id.as_uuid(),
            intent.team(),
            locked.app.as_uuid(),
            environment.as_uuid(),
            number,
            release.as_uuid(),
            new.kind.as_str(),
            new.git.as_ref().map(|(name, _)| name.as_str()),
            new.message,
            intent.actor(),
        )
        .execute(&mut *intent.tx)
        .await?;
        sqlx::query!(
            "
            update environments
            set last_release = $3, last_deployment = $4
            where team_id = $1 and id = $2
            ",
            intent.team(),
            environment.as_uuid(),
            last_release,
            number,
        )
        .execute(&mut *intent.tx)
        .await?;
        for domain in &new.domains {
            domains::claim(&mut intent, locked.app, environment, domain).await?;
        }
        if let Some((name, commit)) = &new.git {
            push_ref(&mut intent, locked.app, name, commit, new.id).await?;
            environments::renew(&mut intent, environment).await?;
        }
        ask.end(&mut intent).await?;
        environments::touch(&mut intent, environment).await?;
        let deployment = find(&mut intent, new.id).await?;
        let detail = json!({
            "environment": environment, "number": number, "version": deployment.version, "kind": new.kind.as_str(),
        });
        intent
            .audit("deployment_create", &new.id.to_string(), &detail)
            .await?;
        let subject = EventSubject {
            deployment: Some(new.id),
            release: Some(release),
            ..EventSubject::default()
        };
        let message = format!(
            "{} #{number} to v{} asked for",
            new.kind, deployment.version
        );
        intent
            .event(
                Some(locked.app),
                Some(environment),
                "deployment.created",
                &subject,
                &message,
            )
            .await?;
        let done = intent.finish(idempotency, deployment).await?;
        Ok(match done {
            Done::Fresh(deployment) => Done::Fresh((deployment, changed)),
            Done::Replayed(response) => Done::Replayed(response),
        })
    }

    /// Asks to stop a deployment, its builds included. What has begun is brought back by the worker.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; a conflict with `deployment_live` once it is live or over.
    pub async fn deployment_cancel(
        &self,
        id: DeploymentId,
        idempotency: Option<Idempotency<'_, Deployment>>,
    ) -> Result<Done<Deployment>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let before = find(&mut intent, id).await?;
        if matches!(
            before.state,
            DeploymentState::Live | DeploymentState::Baking
        ) || before.state.is_terminal()
        {
            return Err(StoreError::Conflict {
                constraint: "deployment_live".to_owned(),
            });
        }
        sqlx::query!(
            "
            update deployments
            set cancel_requested = true
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
        )
        .execute(&mut *intent.tx)
        .await?;
        for build in &before.builds {
            builds::request_cancel(&mut intent, *build).await?;
        }
        environments::touch(&mut intent, before.environment).await?;
        intent
            .audit(
                "deployment_cancel",
                &id.to_string(),
                &json!({"number": before.number}),
            )
            .await?;
        let subject = EventSubject {
            deployment: Some(id),
            ..EventSubject::default()
        };
        let message = format!("a person asked to stop #{}", before.number);
        intent
            .event(
                Some(before.app),
                Some(before.environment),
                "deployment.cancel_requested",
                &subject,
                &message,
            )
            .await?;
        let deployment = find(&mut intent, id).await?;
        intent.finish(idempotency, deployment).await
    }
}

/// Makes the changes, each with its audit record and event.
async fn apply(
    intent: &mut Intent<'_>,
    kek: &Keyring,
    environment: EnvironmentId,
    locked: &Locked,
    changes: &[Change],
) -> Result<Changed, StoreError> {
    let mut changed = Changed::default();
    for change in changes {
        match change {
            Change::Config(patch) => {
                let version = config::patch_config(intent, environment, locked, patch).await?;
                changed.config = Some(version);
            }
            Change::SecretSet(key, value) => {
                let info = secrets::set(intent, kek, (locked.app, environment, key), value).await?;
                changed.secrets.push(info);
            }
            Change::SecretUnset(key) => {
                secrets::unset(intent, (locked.app, environment, key)).await?;
            }
            Change::Spec(spec) => {
                config::write_spec(intent, environment, locked, spec).await?;
            }
        }
    }
    Ok(changed)
}

/// The release with the versions that the changes became.
fn resolved<'r>(
    release: &'r NewRelease,
    changed: &Changed,
) -> Result<Cow<'r, NewRelease>, StoreError> {
    let mut release = Cow::Borrowed(release);
    if let Some(config) = &changed.config {
        release.to_mut().config_version = Some(config.version);
    }
    let names_one_set_here = release.spec.services.values().any(|service| {
        service
            .env
            .values()
            .any(|value| *value == EnvValue::Secret { version: SET_HERE })
    });
    if !names_one_set_here {
        return Ok(release);
    }
    for service in release.to_mut().spec.services.values_mut() {
        for (key, value) in &mut service.env {
            if *value == (EnvValue::Secret { version: SET_HERE }) {
                let set = changed.secrets.iter().find(|info| info.key == *key);
                let info = set.ok_or_else(|| corrupt("release")("a secret that nobody set"))?;
                let version = info.version;
                *value = EnvValue::Secret { version };
            }
        }
    }
    Ok(release)
}

async fn push_ref(
    intent: &mut Intent<'_>,
    app: AppId,
    name: &GitRef,
    commit: &str,
    deployment: DeploymentId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        insert into app_refs (team_id, app_id, ref, commit_id, deployment_id)
        values ($1, $2, $3, $4, $5)
        on conflict (app_id, ref) do update
            set commit_id = excluded.commit_id, deployment_id = excluded.deployment_id, updated_at = now()
        ",
        intent.team(),
        app.as_uuid(),
        name.as_str(),
        commit,
        deployment.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?;
    Ok(())
}
