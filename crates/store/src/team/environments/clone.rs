//! Environments made after others: specification, configuration and scale are taken over, host names never, values of
//! secrets only where people allowed it by name.

use std::collections::BTreeSet;
use std::time::Duration;

use segue_model::id::{AppId, EnvironmentId};
use segue_model::manifest::Manifest;
use segue_model::name::ConfigKey;

use crate::decode;
use crate::error::StoreError;
use crate::seal::Keyring;
use crate::team::intent::Intent;
use crate::team::{TeamScope, secrets};

/// What becomes of the secrets of the environment that another one is made after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloneSecrets {
    /// Their names are taken over; until somebody sets them, a deployment that needs them is refused.
    Names,
    /// These values are taken over, sealed anew for their new place; the others do not exist there.
    Values(BTreeSet<ConfigKey>),
}

/// Where a new environment comes from, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentOrigin {
    /// The environment that it is made after.
    pub of: Option<EnvironmentId>,
    /// What becomes of that one's secrets; `None`: nothing of them is known in the new one.
    pub secrets: Option<CloneSecrets>,
    /// The branch that it follows.
    pub branch: Option<String>,
    /// How long it lives after the last push.
    pub ttl: Option<Duration>,
    /// The app may have so many environments that follow a branch; the one more is refused.
    pub previews_limit: Option<u32>,
}

impl TeamScope {
    /// Names of secrets that an environment took over from another one, and that nobody has set in it yet.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn secrets_wished(
        &self,
        environment: EnvironmentId,
    ) -> Result<Vec<ConfigKey>, StoreError> {
        let mut intent = self.begin().await?;
        wished(&mut intent, environment).await
    }
}

async fn wished(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
) -> Result<Vec<ConfigKey>, StoreError> {
    sqlx::query_scalar!(
        "
        select key
        from secret_wishes
        where team_id = $1 and environment_id = $2
        order by key
        ",
        intent.team(),
        environment.as_uuid(),
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .iter()
    .map(|key| decode::text(key, "secret key"))
    .collect()
}

/// Whether the app may have one more environment that follows a branch.
pub(super) async fn room(
    intent: &mut Intent<'_>,
    app: AppId,
    origin: &EnvironmentOrigin,
) -> Result<(), StoreError> {
    let (Some(limit), Some(_)) = (origin.previews_limit, &origin.branch) else {
        return Ok(());
    };
    // The app's row orders pushes that come at the same moment.
    let previews = sqlx::query_scalar!(
        r#"
        with app as (
            select id
            from apps
            where team_id = $1 and id = $2
            for no key update
        )
        select count(*) as "count!"
        from environments e
        join app on app.id = e.app_id
        where e.team_id = $1 and e.branch is not null and e.deleted_at is null
        "#,
        intent.team(),
        app.as_uuid(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    if previews >= i64::from(limit) {
        return Err(StoreError::Conflict {
            constraint: "previews_full".to_owned(),
        });
    }
    Ok(())
}

/// Gives a new environment what it takes over.
pub(super) async fn adopt(
    intent: &mut Intent<'_>,
    kek: &Keyring,
    app: AppId,
    new: EnvironmentId,
    origin: &EnvironmentOrigin,
) -> Result<(), StoreError> {
    let ttl = origin
        .ttl
        .map(|ttl| decode::number::<u64, i64>(ttl.as_secs(), "ttl"))
        .transpose()?;
    sqlx::query!(
        "
        update environments
        set branch = $3, ttl_seconds = $4::bigint, expires_at = now() + $4::bigint * interval '1 second', cloned_from = $5
        where team_id = $1 and id = $2
        ",
        intent.team(),
        new.as_uuid(),
        origin.branch,
        ttl,
        origin.of.map(EnvironmentId::as_uuid),
    )
    .execute(&mut *intent.tx)
    .await?;
    let Some(of) = origin.of else {
        return Ok(());
    };
    let known = super::lock(intent, of, None).await?;
    if known.app != app {
        return Err(StoreError::NotFound);
    }
    let spec = spec_of(intent, of).await?;
    let config = sqlx::query_scalar!(
        "
        insert into config_versions (team_id, environment_id, version, config, created_by)
        select team_id, $3, 1, config, $4
        from config_versions
        where team_id = $1 and environment_id = $2
        order by version desc
        limit 1
        returning version
        ",
        intent.team(),
        of.as_uuid(),
        new.as_uuid(),
        intent.actor(),
    )
    .fetch_optional(&mut *intent.tx)
    .await?;
    if let Some(spec) = &spec {
        sqlx::query!(
            "
            insert into spec_versions (team_id, environment_id, version, spec, created_by)
            values ($1, $2, 1, $3, $4)
            ",
            intent.team(),
            new.as_uuid(),
            decode::to_json(spec, "specification")?,
            intent.actor(),
        )
        .execute(&mut *intent.tx)
        .await?;
    }
    sqlx::query!(
        "
        update environments
        set last_config = $3, last_spec = $4
        where team_id = $1 and id = $2
        ",
        intent.team(),
        new.as_uuid(),
        config.unwrap_or(0),
        i64::from(spec.is_some()),
    )
    .execute(&mut *intent.tx)
    .await?;
    sqlx::query!(
        "
        insert into scale_targets (team_id, environment_id, service, replicas, set_by)
        select team_id, $3, service, replicas, set_by
        from scale_targets
        where team_id = $1 and environment_id = $2
        ",
        intent.team(),
        of.as_uuid(),
        new.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?;
    match &origin.secrets {
        None => Ok(()),
        Some(CloneSecrets::Names) => take_names(intent, of, new).await,
        Some(CloneSecrets::Values(keys)) => {
            for key in keys {
                match secrets::open(intent, kek, (app, of, key)).await {
                    Ok(value) => {
                        secrets::set(intent, kek, (app, new, key), &value).await?;
                    }
                    // Allowed, and not set there: then it is not set here either.
                    Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
    }
}

/// The newest specification, without host names: those stay where they are.
async fn spec_of(
    intent: &mut Intent<'_>,
    of: EnvironmentId,
) -> Result<Option<Manifest>, StoreError> {
    let spec = sqlx::query_scalar!(
        "
        select spec
        from spec_versions
        where team_id = $1 and environment_id = $2
        order by version desc
        limit 1
        ",
        intent.team(),
        of.as_uuid(),
    )
    .fetch_optional(&mut *intent.tx)
    .await?;
    let Some(spec) = spec else {
        return Ok(None);
    };
    let mut manifest: Manifest = decode::json(spec, "specification")?;
    for service in manifest.services.values_mut() {
        service.spec.domains.clear();
    }
    Ok(Some(manifest))
}

/// Takes over the names of what is set there, and of what is wished there.
async fn take_names(
    intent: &mut Intent<'_>,
    of: EnvironmentId,
    new: EnvironmentId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        insert into secret_wishes (team_id, environment_id, key)
        select $1::uuid, $3::uuid, n.key
        from (
            select distinct on (key) key, sealed
            from secret_versions
            where team_id = $1 and environment_id = $2
            order by key, version desc
        ) n
        where n.sealed is not null
        union
        select $1::uuid, $3::uuid, key
        from secret_wishes
        where team_id = $1 and environment_id = $2
        ",
        intent.team(),
        of.as_uuid(),
        new.as_uuid(),
    )
    .execute(&mut *intent.tx)
    .await?;
    Ok(())
}
