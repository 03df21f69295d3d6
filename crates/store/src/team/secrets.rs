//! Secrets: sealed, every version kept, opened only for an audited reveal here and by the worker when a
//! container is created.

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId};
use segue_model::name::ConfigKey;
use serde_json::json;

use super::intent::{Done, Idempotency, Intent};
use super::{Page, TeamScope, environments};
use crate::decode;
use crate::error::StoreError;
use crate::seal::{Key, Keyring, Place, SealError, SecretBytes};

/// What may be known of a secret without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    /// Its key.
    pub key: ConfigKey,
    /// The newest version.
    pub version: i64,
    /// Who set it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

impl TeamScope {
    /// Sets a secret's value: a new version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PreconditionFailed`], [`StoreError::Seal`].
    pub async fn secret_set(
        &self,
        environment: EnvironmentId,
        expected_generation: Option<i64>,
        key: &ConfigKey,
        value: &SecretBytes,
        idempotency: Option<Idempotency<'_, SecretInfo>>,
    ) -> Result<Done<SecretInfo>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let locked = environments::lock(&mut intent, environment, expected_generation).await?;
        let info = set(
            &mut intent,
            &self.inner.kek,
            (locked.app, environment, key),
            value,
        )
        .await?;
        environments::touch(&mut intent, environment).await?;
        intent.finish(idempotency, info).await
    }

    /// Removes a secret. Releases that use older versions keep them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PreconditionFailed`].
    pub async fn secret_unset(
        &self,
        environment: EnvironmentId,
        expected_generation: Option<i64>,
        key: &ConfigKey,
    ) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let locked = environments::lock(&mut intent, environment, expected_generation).await?;
        unset(&mut intent, (locked.app, environment, key)).await?;
        environments::touch(&mut intent, environment).await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// All secrets of an environment by key, without their values.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn secret_list(
        &self,
        environment: EnvironmentId,
    ) -> Result<Vec<SecretInfo>, StoreError> {
        self.secrets_after(environment, None, None).await
    }

    /// A page of the secrets of an environment by key, without their values.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn secret_page(
        &self,
        environment: EnvironmentId,
        page: Page<ConfigKey>,
    ) -> Result<Vec<SecretInfo>, StoreError> {
        let limit = page.sql_limit();
        self.secrets_after(environment, page.after.as_ref(), Some(limit))
            .await
    }

    async fn secrets_after(
        &self,
        environment: EnvironmentId,
        after: Option<&ConfigKey>,
        limit: Option<i64>,
    ) -> Result<Vec<SecretInfo>, StoreError> {
        let mut intent = self.begin().await?;
        let mut secrets = sqlx::query!(
            r#"
            select n.key as "key!", n.version as "version!", n.created_by as "created_by!", n.created_at as "created_at!"
            from (
                select distinct on (key) key, version, sealed, created_by, created_at
                from secret_versions
                where team_id = $1 and environment_id = $2 and ($3::text is null or key > $3)
                order by key, version desc
            ) n
            where n.sealed is not null
            order by n.key
            limit $4
            "#,
            intent.team(),
            environment.as_uuid(),
            after.map(ConfigKey::as_str),
            limit,
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(SecretInfo {
                key: decode::text(&row.key, "secret key")?,
                version: row.version,
                created_by: row.created_by,
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
        intent
            .name_all(secrets.iter_mut().map(|secret| &mut secret.created_by))
            .await?;
        Ok(secrets)
    }

    /// Opens the newest value and audits that. The caller has checked scope and re-authentication.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Seal`] if the row was moved or changed.
    pub async fn secret_reveal(
        &self,
        environment: EnvironmentId,
        key: &ConfigKey,
    ) -> Result<SecretBytes, StoreError> {
        let mut intent = self.begin().await?;
        let locked = environments::lock(&mut intent, environment, None).await?;
        let place = (locked.app, environment, key);
        let value = open(&mut intent, &self.inner.kek, place).await?;
        let version = newest(&mut intent, environment, key).await?.version;
        let detail = json!({"key": key, "version": version});
        intent
            .audit("secret_reveal", &environment.to_string(), &detail)
            .await?;
        intent
            .event(
                Some(locked.app),
                Some(environment),
                "secret.revealed",
                &EventSubject::default(),
                &format!("secret {key} was revealed"),
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(value)
    }
}

/// Opens the newest value, inside of the store or for an audited reveal.
pub(super) async fn open(
    intent: &mut Intent<'_>,
    kek: &Keyring,
    (app, environment, key): (AppId, EnvironmentId, &ConfigKey),
) -> Result<SecretBytes, StoreError> {
    let row = newest(intent, environment, key).await?;
    let data_key = stored_data_key(intent, kek, row.data_key_version).await?;
    let place = Place::Secret {
        team: segue_model::id::TeamId::from_uuid(intent.team()),
        app,
        environment,
        key,
        version: row.version,
    };
    Ok(data_key.open(&row.sealed, &place.encode())?)
}

/// Adds a sealed version, with its audit record and event. The environment is locked.
pub(super) async fn set(
    intent: &mut Intent<'_>,
    kek: &Keyring,
    (app, environment, key): (AppId, EnvironmentId, &ConfigKey),
    value: &SecretBytes,
) -> Result<SecretInfo, StoreError> {
    let version = next_version(intent, environment, key).await?;
    let (key_version, data_key) = data_key(intent, kek).await?;
    let place = Place::Secret {
        team: segue_model::id::TeamId::from_uuid(intent.team()),
        app,
        environment,
        key,
        version,
    };
    let sealed = data_key.seal(value.expose(), &place.encode())?;
    let info = insert(
        intent,
        (app, environment, key, version),
        Some((key_version, sealed)),
    )
    .await?;
    grant(intent, environment, key).await?;
    told(intent, "secret_set", app, environment, &info).await?;
    Ok(info)
}

/// Adds a version that says there is none, with its audit record and event. The environment is locked.
pub(super) async fn unset(
    intent: &mut Intent<'_>,
    (app, environment, key): (AppId, EnvironmentId, &ConfigKey),
) -> Result<(), StoreError> {
    // A name that was taken over and never set is given up by the same word.
    let wished = grant(intent, environment, key).await?;
    match newest(intent, environment, key).await {
        Err(StoreError::NotFound) if wished => {}
        found => {
            found?;
        }
    }
    let version = next_version(intent, environment, key).await?;
    let info = insert(intent, (app, environment, key, version), None).await?;
    told(intent, "secret_unset", app, environment, &info).await
}

/// Nobody waits for this secret any more. Answers whether somebody did.
async fn grant(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    key: &ConfigKey,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "
        delete from secret_wishes
        where team_id = $1 and environment_id = $2 and key = $3
        ",
        intent.team(),
        environment.as_uuid(),
        key.as_str(),
    )
    .execute(&mut *intent.tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

struct Newest {
    version: i64,
    sealed: Vec<u8>,
    data_key_version: i32,
}

async fn newest(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    key: &ConfigKey,
) -> Result<Newest, StoreError> {
    let row = sqlx::query!(
        "
        select version, sealed, data_key_version
        from secret_versions
        where team_id = $1 and environment_id = $2 and key = $3
        order by version desc
        limit 1
        ",
        intent.team(),
        environment.as_uuid(),
        key.as_str(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    match (row.sealed, row.data_key_version) {
        (Some(sealed), Some(data_key_version)) => Ok(Newest {
            version: row.version,
            sealed,
            data_key_version,
        }),
        _ => Err(StoreError::NotFound),
    }
}

async fn next_version(
    intent: &mut Intent<'_>,
    environment: EnvironmentId,
    key: &ConfigKey,
) -> Result<i64, StoreError> {
    // The environment's row is locked, so no other version can come in between.
    let version = sqlx::query_scalar!(
        r#"
        select coalesce(max(version), 0) + 1 as "version!"
        from secret_versions
        where team_id = $1 and environment_id = $2 and key = $3
        "#,
        intent.team(),
        environment.as_uuid(),
        key.as_str(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    Ok(version)
}

async fn insert(
    intent: &mut Intent<'_>,
    (app, environment, key, version): (AppId, EnvironmentId, &ConfigKey, i64),
    sealed: Option<(i32, Vec<u8>)>,
) -> Result<SecretInfo, StoreError> {
    let (key_version, sealed) = sealed.unzip();
    let row = sqlx::query!(
        "
        insert into secret_versions (team_id, app_id, environment_id, key, version, data_key_version, sealed, created_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        returning created_by, created_at
        ",
        intent.team(),
        app.as_uuid(),
        environment.as_uuid(),
        key.as_str(),
        version,
        key_version,
        sealed,
        intent.actor(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    Ok(SecretInfo {
        key: key.clone(),
        version,
        created_by: intent.name_of(row.created_by).await?,
        created_at: row.created_at.to_jiff(),
    })
}

async fn told(
    intent: &mut Intent<'_>,
    action: &str,
    app: AppId,
    environment: EnvironmentId,
    info: &SecretInfo,
) -> Result<(), StoreError> {
    let detail = json!({"key": info.key, "version": info.version});
    intent
        .audit(action, &environment.to_string(), &detail)
        .await?;
    let message = format!("secret {} changed (version {})", info.key, info.version);
    intent
        .event(
            Some(app),
            Some(environment),
            "secret.changed",
            &EventSubject::default(),
            &message,
        )
        .await
}

/// The team's newest data key; made with the team's first secret.
pub(super) async fn data_key(
    intent: &mut Intent<'_>,
    kek: &Keyring,
) -> Result<(i32, Key), StoreError> {
    let newest = sqlx::query_scalar!(
        r#"
        select max(version) as "version"
        from data_keys
        where team_id = $1
        "#,
        intent.team(),
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    if let Some(version) = newest {
        return Ok((version, stored_data_key(intent, kek, version).await?));
    }
    let key = Key::random()?;
    let team = segue_model::id::TeamId::from_uuid(intent.team());
    let place = Place::DataKey { team, version: 1 };
    let sealed = kek.seal(&SecretBytes::new(key.bytes().to_vec()), &place)?;
    let made = sqlx::query!(
        "
        insert into data_keys (team_id, version, sealed, kek_id)
        values ($1, 1, $2, $3)
        on conflict do nothing
        ",
        intent.team(),
        sealed,
        kek.id(),
    )
    .execute(&mut *intent.tx)
    .await?
    .rows_affected();
    if made == 1 {
        Ok((1, key))
    } else {
        // Another request of the team was first.
        Ok((1, stored_data_key(intent, kek, 1).await?))
    }
}

pub(super) async fn stored_data_key(
    intent: &mut Intent<'_>,
    kek: &Keyring,
    version: i32,
) -> Result<Key, StoreError> {
    let row = sqlx::query!(
        "
        select sealed, kek_id
        from data_keys
        where team_id = $1 and version = $2
        ",
        intent.team(),
        version,
    )
    .fetch_one(&mut *intent.tx)
    .await?;
    let team = segue_model::id::TeamId::from_uuid(intent.team());
    open_data_key(kek, team, version, &row.sealed, &row.kek_id)
}

/// Opens a team's data key.
pub(crate) fn open_data_key(
    kek: &Keyring,
    team: segue_model::id::TeamId,
    version: i32,
    sealed: &[u8],
    kek_id: &str,
) -> Result<Key, StoreError> {
    let bytes = kek.open_of(kek_id, sealed, &Place::DataKey { team, version })?;
    <[u8; 32]>::try_from(bytes.expose())
        .map(Key::from_bytes)
        .map_err(|_| SealError::DoesNotOpen.into())
}
