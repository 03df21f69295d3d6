//! Plain configuration and the written specification of an environment: every version is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::EnvironmentId;
use segue_model::name::{ConfigKey, ServiceName};
use serde_json::{Value, json};

use super::environments::Locked;
use super::intent::{Done, Idempotency, Intent};
use super::quota::Ask;
use super::{Page, TeamScope, environments, scale};
use crate::decode;
use crate::error::StoreError;

/// One version of an environment's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigVersion {
    /// 1 and up.
    pub version: i64,
    /// The whole map.
    pub config: BTreeMap<ConfigKey, String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// One version of what people wrote for an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct SpecVersion {
    /// 1 and up.
    pub version: i64,
    /// The environment's generation with it.
    pub generation: i64,
    /// What was written, in the API's normal form.
    pub spec: Value,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A specification to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSpec {
    /// What was written, in the API's normal form.
    pub spec: Value,
    /// Replica figures that were edited with it: scale targets from now on.
    pub scale: BTreeMap<ServiceName, u32>,
}

impl TeamScope {
    /// Changes configuration: `None` removes a key. A version is added even if nothing changes, so that
    /// the caller may always make a release from it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PreconditionFailed`].
    pub async fn config_patch(
        &self,
        environment: EnvironmentId,
        expected_generation: Option<i64>,
        patch: &BTreeMap<ConfigKey, Option<String>>,
        idempotency: Option<Idempotency<'_, ConfigVersion>>,
    ) -> Result<Done<ConfigVersion>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let locked = environments::lock(&mut intent, environment, expected_generation).await?;
        let version = patch_config(&mut intent, environment, &locked, patch).await?;
        environments::touch(&mut intent, environment).await?;
        intent.finish(idempotency, version).await
    }

    /// The newest configuration, if there is any.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn config_get(
        &self,
        environment: EnvironmentId,
    ) -> Result<Option<ConfigVersion>, StoreError> {
        Ok(self
            .config_versions(environment, Page::first(1))
            .await?
            .into_iter()
            .next())
    }

    /// Versions of the configuration, the newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn config_versions(
        &self,
        environment: EnvironmentId,
        page: Page<i64>,
    ) -> Result<Vec<ConfigVersion>, StoreError> {
        let mut intent = self.begin().await?;
        let mut versions = sqlx::query!(
            "
            select version, config, created_by, created_at
            from config_versions
            where team_id = $1 and environment_id = $2 and ($3::bigint is null or version < $3)
            order by version desc
            limit $4
            ",
            intent.team(),
            environment.as_uuid(),
            page.after,
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(ConfigVersion {
                version: row.version,
                config: decode::json(row.config, "config")?,
                created_by: row.created_by,
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
        intent
            .name_all(versions.iter_mut().map(|version| &mut version.created_by))
            .await?;
        Ok(versions)
    }

    /// Keeps what people wrote for an environment, and the scale targets that it edits.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PreconditionFailed`], [`StoreError::Quota`].
    pub async fn spec_put(
        &self,
        environment: EnvironmentId,
        expected_generation: Option<i64>,
        spec: &NewSpec,
        idempotency: Option<Idempotency<'_, SpecVersion>>,
    ) -> Result<Done<SpecVersion>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let ask = Ask::begin(&mut intent).await?;
        let locked = environments::lock(&mut intent, environment, expected_generation).await?;
        let mut version = write_spec(&mut intent, environment, &locked, spec).await?;
        ask.end_with_spec(&mut intent, environment, &spec.spec)
            .await?;
        version.generation = environments::touch(&mut intent, environment).await?;
        intent.finish(idempotency, version).await
    }

    /// What people wrote last, if anything.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn spec_get(
        &self,
        environment: EnvironmentId,
    ) -> Result<Option<SpecVersion>, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            "
            select s.version, e.generation, s.spec, s.created_by, s.created_at
            from environments e
            join spec_versions s on s.environment_id = e.id and s.version = e.last_spec
            where e.team_id = $1 and e.id = $2
            ",
            intent.team(),
            environment.as_uuid(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(SpecVersion {
            version: row.version,
            generation: row.generation,
            spec: row.spec,
            created_by: intent.name_of(row.created_by).await?,
            created_at: row.created_at.to_jiff(),
        }))
    }
}

/// Adds a version of the configuration, with its audit record and event. The environment is locked.
pub(super) async fn patch_config(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    locked: &Locked,
    patch: &BTreeMap<ConfigKey, Option<String>>,
) -> Result<ConfigVersion, StoreError> {
    let before = sqlx::query_scalar!(
        "
        select config
        from config_versions
        where team_id = $1 and environment_id = $2 and version = $3
        ",
        intent.team(),
        environment.as_uuid(),
        locked.last_config,
    )
    .fetch_optional(&mut *intent.tx)
    .await?;
    let mut config: BTreeMap<ConfigKey, String> =
        decode::json_opt(before, "config")?.unwrap_or_default();
    for (key, value) in patch {
        match value {
            Some(value) => config.insert(key.clone(), value.clone()),
            None => config.remove(key),
        };
    }
    let row = sqlx::query!(
        "
        insert into config_versions (team_id, environment_id, version, config, created_by)
        values ($1, $2, $3, $4, $5)
        returning version, created_by, created_at
        ",
        intent.team(),
        environment.as_uuid(),
        locked.last_config + 1,
        decode::to_json(&config, "config")?,
        intent.actor(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    // Keys only: a value that should have been a secret must not end in the audit record.
    let keys: Vec<&str> = patch.keys().map(ConfigKey::as_str).collect();
    let told = Told {
        action: "config_patch",
        detail: json!({"version": row.version, "keys": keys}),
        kind: "config.changed",
        message: &format!("configuration changed: {}", keys.join(", ")),
    };
    adopt(
        intent,
        environment,
        locked,
        Newest::Config(row.version),
        told,
    )
    .await?;
    Ok(ConfigVersion {
        version: row.version,
        config,
        created_by: intent.name_of(row.created_by).await?,
        created_at: row.created_at.to_jiff(),
    })
}

/// Adds a version of the specification and sets the targets that it edits, with audit records and events. The
/// environment is locked; its generation is the caller's to raise.
pub(super) async fn write_spec(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    locked: &Locked,
    new: &NewSpec,
) -> Result<SpecVersion, StoreError> {
    let row = sqlx::query!(
        "
        insert into spec_versions (team_id, environment_id, version, spec, created_by)
        values ($1, $2, $3, $4, $5)
        returning version, created_by, created_at
        ",
        intent.team(),
        environment.as_uuid(),
        locked.last_spec + 1,
        new.spec,
        intent.actor(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    let told = Told {
        action: "spec_put",
        detail: json!({"version": row.version}),
        kind: "spec.changed",
        message: "specification changed",
    };
    adopt(intent, environment, locked, Newest::Spec(row.version), told).await?;
    if !new.scale.is_empty() {
        scale::set(intent, locked.app, environment, &new.scale).await?;
    }
    Ok(SpecVersion {
        version: row.version,
        generation: locked.generation,
        spec: new.spec.clone(),
        created_by: intent.name_of(row.created_by).await?,
        created_at: row.created_at.to_jiff(),
    })
}

/// A version that was added, by the list that it stands in.
#[derive(Debug, Clone, Copy)]
enum Newest {
    Config(i64),
    Spec(i64),
}

/// How a new version is told: action and detail of the audit record, kind and message of the event.
struct Told<'a> {
    action: &'a str,
    detail: Value,
    kind: &'a str,
    message: &'a str,
}

/// Makes an added version the environment's newest and tells of it. The other list's number stays what the row has
/// now: one intent may add to both lists, so that what `locked` says of it is out of date.
async fn adopt(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    locked: &Locked,
    newest: Newest,
    told: Told<'_>,
) -> Result<(), StoreError> {
    let (config, spec) = match newest {
        Newest::Config(version) => (Some(version), None),
        Newest::Spec(version) => (None, Some(version)),
    };
    sqlx::query!(
        "
        update environments
        set last_config = coalesce($3, last_config), last_spec = coalesce($4, last_spec)
        where team_id = $1 and id = $2
        ",
        intent.team(),
        environment.as_uuid(),
        config,
        spec,
    )
    .execute(&mut *intent.tx)
    .await?;
    intent
        .audit(told.action, &environment.to_string(), &told.detail)
        .await?;
    intent
        .event(
            Some(locked.app),
            Some(environment),
            told.kind,
            &EventSubject::default(),
            told.message,
        )
        .await
}
