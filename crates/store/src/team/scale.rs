//! Scale targets: wanted replicas by service. Not part of a release.

use std::collections::BTreeMap;

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId};
use segue_model::name::ServiceName;
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::quota::Ask;
use super::{TeamScope, environments};
use crate::decode;
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// Who set a scale target.
    SetBy {
        /// A person or a token.
        Person = "person",
        /// The autoscaler.
        Autoscaler = "autoscaler",
    }
}

/// Wanted replicas of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleTarget {
    /// The service.
    pub service: ServiceName,
    /// How many.
    pub replicas: u32,
    /// Who said so.
    pub set_by: SetBy,
    /// When.
    pub updated_at: Timestamp,
}

impl TeamScope {
    /// Sets wanted replicas of some services.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PreconditionFailed`], [`StoreError::Quota`].
    pub async fn scale_set(
        &self,
        environment: EnvironmentId,
        expected_generation: Option<i64>,
        targets: &BTreeMap<ServiceName, u32>,
        idempotency: Option<Idempotency<'_, Vec<ScaleTarget>>>,
    ) -> Result<Done<Vec<ScaleTarget>>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let ask = Ask::begin(&mut intent).await?;
        let locked = environments::lock(&mut intent, environment, expected_generation).await?;
        set(&mut intent, locked.app, environment, targets).await?;
        ask.end(&mut intent).await?;
        environments::touch(&mut intent, environment).await?;
        let targets = list(&mut intent, environment).await?;
        intent.finish(idempotency, targets).await
    }

    /// Wanted replicas of all services that somebody scaled.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn scale_list(
        &self,
        environment: EnvironmentId,
    ) -> Result<Vec<ScaleTarget>, StoreError> {
        let mut intent = self.begin().await?;
        list(&mut intent, environment).await
    }
}

/// Sets targets, with an event each and one audit record. The environment is locked.
pub(super) async fn set(
    intent: &mut Intent<'_>,
    app: AppId,
    environment: EnvironmentId,
    targets: &BTreeMap<ServiceName, u32>,
) -> Result<(), StoreError> {
    for (service, replicas) in targets {
        sqlx::query!(
            "
            insert into scale_targets (team_id, environment_id, service, replicas, set_by)
            values ($1, $2, $3, $4, 'person')
            on conflict (environment_id, service) do update
                set replicas = excluded.replicas, set_by = excluded.set_by, updated_at = now()
            ",
            intent.team(),
            environment.as_uuid(),
            service.as_str(),
            decode::number::<u32, i32>(*replicas, "replicas")?,
        )
        .execute(&mut *intent.tx)
        .await?;
        let subject = EventSubject {
            service: Some(service.clone()),
            ..EventSubject::default()
        };
        let message = format!("{service} wanted {replicas} times");
        intent
            .event(
                Some(app),
                Some(environment),
                "scale.changed",
                &subject,
                &message,
            )
            .await?;
    }
    let detail = json!({"targets": targets});
    intent
        .audit("scale_set", &environment.to_string(), &detail)
        .await?;
    Ok(())
}

pub(super) async fn list(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
) -> Result<Vec<ScaleTarget>, StoreError> {
    sqlx::query!(
        "
        select service, replicas, set_by, updated_at
        from scale_targets
        where team_id = $1 and environment_id = $2
        order by service
        ",
        intent.team(),
        environment.as_uuid(),
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .into_iter()
    .map(|row| {
        Ok(ScaleTarget {
            service: decode::text(&row.service, "service name")?,
            replicas: decode::number(row.replicas, "replicas")?,
            set_by: decode::text(&row.set_by, "set_by")?,
            updated_at: row.updated_at.to_jiff(),
        })
    })
    .collect()
}
