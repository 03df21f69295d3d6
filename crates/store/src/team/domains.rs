//! Host names: one owner per name in the whole installation.
//!
//! A name of a deleted environment stays with its team: the team may claim it again, nobody else may
//! until the system gives it back (never, for a generated one).

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId};
use segue_model::name::{Domain, ServiceName};
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::{TeamScope, environments};
use crate::context::fresh_id;
use crate::decode;
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// Where a host name comes from.
    DomainKind {
        /// Made by Segue under its base name; active at once.
        Generated = "generated",
        /// Brought by people; active when it is proven.
        Custom = "custom",
    }
}

text_enum! {
    /// How far a host name has come.
    DomainState {
        /// Its DNS does not point here yet.
        PendingDns = "pending_dns",
        /// It was proven.
        Verified = "verified",
        /// It is routed.
        Active = "active",
        /// It is not used any more.
        Deleted = "deleted",
    }
}

/// A host name to be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDomain {
    /// The name.
    pub name: Domain,
    /// The service that it leads to.
    pub service: ServiceName,
    /// Where it comes from.
    pub kind: DomainKind,
    /// Whether it may be routed at once: a generated one, or one that cannot be proven (`*.localhost`).
    pub active: bool,
}

/// A host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainView {
    /// The name.
    pub name: Domain,
    /// The service that it leads to.
    pub service: ServiceName,
    /// Where it comes from.
    pub kind: DomainKind,
    /// How far it has come.
    pub state: DomainState,
    /// What must stand in the TXT record.
    pub proof: Option<String>,
    /// When it was claimed.
    pub created_at: Timestamp,
}

impl TeamScope {
    /// Claims a host name for a service of an environment.
    ///
    /// # Errors
    /// `domains_name_taken` if another team or environment has it; [`StoreError::NotFound`].
    pub async fn domain_add(
        &self,
        environment: EnvironmentId,
        new: &NewDomain,
        idempotency: Option<Idempotency<'_, DomainView>>,
    ) -> Result<Done<DomainView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let locked = environments::lock(&mut intent, environment, None).await?;
        claim(&mut intent, locked.app, environment, new).await?;
        environments::touch(&mut intent, environment).await?;
        let detail = json!({"name": new.name, "service": new.service});
        intent
            .audit("domain_add", &environment.to_string(), &detail)
            .await?;
        let message = format!("host name {} claimed", new.name);
        intent
            .event(
                Some(locked.app),
                Some(environment),
                "domain.added",
                &EventSubject::default(),
                &message,
            )
            .await?;
        let view = list(&mut intent, environment)
            .await?
            .into_iter()
            .find(|domain| domain.name == new.name)
            .ok_or(StoreError::NotFound)?;
        intent.finish(idempotency, view).await
    }

    /// Gives up a host name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn domain_remove(
        &self,
        environment: EnvironmentId,
        name: &Domain,
    ) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let locked = environments::lock(&mut intent, environment, None).await?;
        let removed = sqlx::query!(
            "
            update domains
            set state = 'deleted', deleted_at = now()
            where team_id = $1 and environment_id = $2 and name = $3 and state <> 'deleted'
            ",
            intent.team(),
            environment.as_uuid(),
            name.as_str(),
        )
        .execute(&mut *intent.tx)
        .await?
        .rows_affected();
        if removed == 0 {
            return Err(StoreError::NotFound);
        }
        environments::touch(&mut intent, environment).await?;
        let detail = json!({"name": name});
        intent
            .audit("domain_remove", &environment.to_string(), &detail)
            .await?;
        let message = format!("host name {name} given up");
        intent
            .event(
                Some(locked.app),
                Some(environment),
                "domain.removed",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Host names of an environment.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn domain_list(
        &self,
        environment: EnvironmentId,
    ) -> Result<Vec<DomainView>, StoreError> {
        let mut intent = self.begin().await?;
        list(&mut intent, environment).await
    }
}

/// Claims a name, or claims it again for the same team. Idempotent for the same place.
pub(super) async fn claim(
    intent: &mut Intent<'_>,
    app: AppId,
    environment: EnvironmentId,
    new: &NewDomain,
) -> Result<(), StoreError> {
    let state = if new.active {
        DomainState::Active
    } else {
        DomainState::PendingDns
    };
    let proof = (!new.active).then(|| format!("segue-verify={}", fresh_id().simple()));
    // Own rows only are visible here: a name that another team has is not found and the insert collides.
    let again = sqlx::query!(
        "
        update domains
        set app_id = $3, environment_id = $4, service = $5,
            state = case when state = 'deleted' then $6 else state end,
            deleted_at = null
        where team_id = $1 and name = $2 and (state = 'deleted' or environment_id = $4)
        ",
        intent.team(),
        new.name.as_str(),
        app.as_uuid(),
        environment.as_uuid(),
        new.service.as_str(),
        state.as_str(),
    )
    .execute(&mut *intent.tx)
    .await?
    .rows_affected();
    if again == 1 {
        return Ok(());
    }
    sqlx::query!(
        "
        insert into domains (id, team_id, app_id, environment_id, service, name, kind, state, proof)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ",
        fresh_id(),
        intent.team(),
        app.as_uuid(),
        environment.as_uuid(),
        new.service.as_str(),
        new.name.as_str(),
        new.kind.as_str(),
        state.as_str(),
        proof,
    )
    .execute(&mut *intent.tx)
    .await?;
    Ok(())
}

async fn list(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
) -> Result<Vec<DomainView>, StoreError> {
    sqlx::query!(
        "
        select name, service, kind, state, proof, created_at
        from domains
        where team_id = $1 and environment_id = $2 and state <> 'deleted'
        order by kind desc, name
        ",
        intent.team(),
        environment.as_uuid(),
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .into_iter()
    .map(|row| {
        Ok(DomainView {
            name: decode::text(&row.name, "domain")?,
            service: decode::text(&row.service, "service name")?,
            kind: decode::text(&row.kind, "domain kind")?,
            state: decode::text(&row.state, "domain state")?,
            proof: row.proof,
            created_at: row.created_at.to_jiff(),
        })
    })
    .collect()
}
