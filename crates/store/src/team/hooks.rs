//! Hooks: addresses that forges call when something was pushed, and the calls that came.
//!
//! Invariants: a call is taken once, whatever name it comes under, because the hash of what is signed is unique per
//! hook; a hook's secret is opened only to prove a call.

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, DeliveryId, DeploymentId, EnvironmentId, HookId};
use segue_model::name::GitRef;
use serde_json::json;

use super::intent::{Done, Idempotency};
use super::registries::seal;
use super::{Page, TeamScope};
use crate::decode;
use crate::error::StoreError;
use crate::seal::SecretBytes;
use crate::text_enum;

/// What a hook's secret is sealed as.
pub(crate) const SEALED_AS: &str = "hook";

text_enum! {
    /// Who calls.
    HookKind {
        /// GitHub.
        Github = "github",
        /// GitLab.
        Gitlab = "gitlab",
        /// Gitea and Forgejo.
        Gitea = "gitea",
        /// Anybody, by Standard Webhooks.
        Generic = "generic",
    }
}

text_enum! {
    /// What became of a call.
    HookState {
        /// It is worked on.
        Pending = "pending",
        /// It was deployed.
        Done = "done",
        /// There was nothing to do.
        Ignored = "ignored",
        /// It could not be done.
        Failed = "failed",
    }
}

/// A hook to be kept.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// A fresh id.
    pub id: HookId,
    /// Who calls.
    pub kind: HookKind,
    /// What the caller proves itself with.
    pub secret: SecretBytes,
}

/// What may be known of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookView {
    /// Its id.
    pub id: HookId,
    /// Who calls.
    pub kind: HookKind,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was last called.
    pub called_at: Option<Timestamp>,
}

/// A call that proved itself.
#[derive(Debug, Clone)]
pub struct NewHookDelivery {
    /// A fresh id.
    pub id: DeliveryId,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
    /// What the caller calls it.
    pub delivery: String,
    /// The ref and commit to be deployed; `None`: there is nothing to do.
    pub push: Option<(GitRef, String)>,
    /// Why there is nothing to do.
    pub detail: String,
}

/// A call that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// What the caller calls it.
    pub delivery: String,
    /// What became of it.
    pub state: HookState,
    /// What was pushed.
    pub git_ref: Option<GitRef>,
    /// The commit.
    pub commit: Option<String>,
    /// One sentence.
    pub detail: String,
    /// The deployment it led to.
    pub deployment: Option<DeploymentId>,
    /// When it came.
    pub received_at: Timestamp,
}

/// A commit whose forge is to be told how its deployment goes.
#[derive(Debug, Clone)]
pub struct NewCommitStatus {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Its app.
    pub app: AppId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// Whose interface it is told by; never [`HookKind::Generic`].
    pub kind: HookKind,
    /// Address of the repository.
    pub repository: String,
    /// The commit.
    pub commit: String,
}

impl TeamScope {
    /// Keeps a hook.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an app of another team.
    pub async fn hook_create(
        &self,
        app: AppId,
        new: &NewHook,
        idempotency: Option<Idempotency<'_, HookView>>,
    ) -> Result<Done<HookView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let (version, sealed) = seal(
            &mut intent,
            &self.inner.kek,
            SEALED_AS,
            new.id.as_uuid(),
            &new.secret,
        )
        .await?;
        let row = sqlx::query!(
            "
            insert into hooks (id, team_id, app_id, kind, data_key_version, sealed, created_by)
            values ($1, $2, $3, $4, $5, $6, $7)
            returning created_by, created_at
            ",
            new.id.as_uuid(),
            intent.team(),
            app.as_uuid(),
            new.kind.as_str(),
            version,
            sealed,
            intent.actor(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"kind": new.kind.as_str(), "app": app});
        intent
            .audit("hook_create", &new.id.to_string(), &detail)
            .await?;
        let message = format!("a hook for {} was made", new.kind.as_str());
        intent
            .event(
                Some(app),
                None,
                "hook.created",
                &EventSubject::default(),
                &message,
            )
            .await?;
        let view = HookView {
            id: new.id,
            kind: new.kind,
            created_by: intent.name_of(row.created_by).await?,
            created_at: row.created_at.to_jiff(),
            called_at: None,
        };
        intent.finish(idempotency, view).await
    }

    /// Hooks of an app, the oldest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn hook_list(
        &self,
        app: AppId,
        page: Page<HookId>,
    ) -> Result<Vec<HookView>, StoreError> {
        let mut intent = self.begin().await?;
        let mut views = sqlx::query!(
            r#"
            select h.id, h.kind, h.created_by, h.created_at, (
                select max(d.received_at) from hook_deliveries d where d.hook_id = h.id
            ) as called_at
            from hooks h
            where h.team_id = $1 and h.app_id = $2 and ($3::uuid is null or h.id > $3)
            order by h.id
            limit $4
            "#,
            intent.team(),
            app.as_uuid(),
            page.after.map(HookId::as_uuid),
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(HookView {
                id: HookId::from_uuid(row.id),
                kind: decode::text(&row.kind, "hook kind")?,
                created_by: row.created_by,
                created_at: row.created_at.to_jiff(),
                called_at: decode::time(row.called_at),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
        intent
            .name_all(views.iter_mut().map(|view| &mut view.created_by))
            .await?;
        Ok(views)
    }

    /// Takes a hook away, with what is known of its calls.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn hook_delete(&self, app: AppId, id: HookId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let kind = sqlx::query_scalar!(
            "
            delete from hooks
            where team_id = $1 and app_id = $2 and id = $3
            returning kind
            ",
            intent.team(),
            app.as_uuid(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"kind": kind, "app": app});
        intent
            .audit("hook_delete", &id.to_string(), &detail)
            .await?;
        let message = format!("the hook for {kind} was removed");
        intent
            .event(
                Some(app),
                None,
                "hook.deleted",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Calls of a hook, the newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn hook_delivery_list(
        &self,
        app: AppId,
        hook: HookId,
        page: Page<DeliveryId>,
    ) -> Result<Vec<HookDelivery>, StoreError> {
        let mut intent = self.begin().await?;
        // Of a hook that is not there, there is no list, not an empty one.
        sqlx::query_scalar!(
            "
            select id
            from hooks
            where team_id = $1 and app_id = $2 and id = $3
            ",
            intent.team(),
            app.as_uuid(),
            hook.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        sqlx::query!(
            r#"
            select id, delivery, state, git_ref, commit_id, detail, deployment_id, received_at
            from hook_deliveries
            where team_id = $1 and app_id = $2 and hook_id = $3 and ($4::uuid is null or id < $4)
            order by id desc
            limit $5
            "#,
            intent.team(),
            app.as_uuid(),
            hook.as_uuid(),
            page.after.map(DeliveryId::as_uuid),
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(HookDelivery {
                id: DeliveryId::from_uuid(row.id),
                delivery: row.delivery,
                state: decode::text(&row.state, "hook state")?,
                git_ref: row
                    .git_ref
                    .as_deref()
                    .map(|name| decode::text(name, "git ref"))
                    .transpose()?,
                commit: row.commit_id,
                detail: row.detail,
                deployment: row.deployment_id.map(DeploymentId::from_uuid),
                received_at: row.received_at.to_jiff(),
            })
        })
        .collect()
    }

    /// Takes a call. Answers whether it is new: one that came before changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the hook was removed meanwhile.
    pub async fn hook_deliver(
        &self,
        app: AppId,
        hook: HookId,
        new: &NewHookDelivery,
    ) -> Result<bool, StoreError> {
        let mut intent = self.begin().await?;
        let state = match new.push {
            Some(_) => HookState::Pending,
            None => HookState::Ignored,
        };
        let taken = sqlx::query!(
            "
            insert into hook_deliveries (id, team_id, app_id, hook_id, body_hash, delivery, state, git_ref, commit_id, detail, next_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $7 = 'pending' then now() end)
            on conflict do nothing
            ",
            new.id.as_uuid(),
            intent.team(),
            app.as_uuid(),
            hook.as_uuid(),
            new.body_hash.as_slice(),
            new.delivery,
            state.as_str(),
            new.push.as_ref().map(|(name, _)| name.as_str()),
            new.push.as_ref().map(|(_, commit)| commit.as_str()),
            new.detail,
        )
        .execute(&mut *intent.tx)
        .await?
        .rows_affected();
        if taken == 1 {
            let detail = json!({
                "delivery": new.delivery,
                "ref": new.push.as_ref().map(|(name, _)| name.as_str()),
                "commit": new.push.as_ref().map(|(_, commit)| commit),
            });
            intent
                .audit("hook_deliver", &hook.to_string(), &detail)
                .await?;
        }
        intent.finish(None, ()).await?;
        Ok(taken == 1)
    }

    /// Asks for a commit's forge to be told; once per deployment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an environment of another team.
    pub async fn commit_status_add(&self, new: &NewCommitStatus) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        sqlx::query!(
            "
            insert into commit_statuses (deployment_id, team_id, app_id, environment_id, kind, repository, commit_id)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (deployment_id) do nothing
            ",
            new.deployment.as_uuid(),
            intent.team(),
            new.app.as_uuid(),
            new.environment.as_uuid(),
            new.kind.as_str(),
            new.repository,
            new.commit,
        )
        .execute(&mut *intent.tx)
        .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}
