//! Opening secrets for containers: the worker's, not people's, way to them.

use std::collections::BTreeMap;

use segue_model::id::{AppId, EnvironmentId, TeamId};
use segue_model::name::ConfigKey;

use super::SystemStore;
use crate::error::StoreError;
use crate::seal::{Key, Place, SecretBytes};
use crate::team::secrets::open_data_key;

impl SystemStore {
    /// Opens secrets of an environment, by key and version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if one does not exist or was removed; [`StoreError::Seal`] if one was moved
    /// or changed: then no container is made.
    pub async fn secret_open(
        &self,
        environment: EnvironmentId,
        wanted: &[(ConfigKey, i64)],
    ) -> Result<BTreeMap<ConfigKey, SecretBytes>, StoreError> {
        let keys: Vec<String> = wanted
            .iter()
            .map(|(key, _)| key.as_str().to_owned())
            .collect();
        let versions: Vec<i64> = wanted.iter().map(|(_, version)| *version).collect();
        let rows = sqlx::query!(
            r#"
            select s.key, s.version, s.team_id, s.app_id, s.sealed as "sealed!", s.data_key_version as "data_key_version!",
                d.sealed as sealed_key, d.kek_id
            from unnest($2::text[], $3::bigint[]) as w (key, version)
            join secret_versions s on s.environment_id = $1 and s.key = w.key and s.version = w.version and s.sealed is not null
            join data_keys d on d.team_id = s.team_id and d.version = s.data_key_version
            "#,
            environment.as_uuid(),
            &keys,
            &versions,
        )
        .fetch_all(&self.inner.system)
        .await?;
        let mut data_keys: BTreeMap<i32, Key> = BTreeMap::new();
        let mut opened = BTreeMap::new();
        for row in rows {
            let team = TeamId::from_uuid(row.team_id);
            let key: ConfigKey = crate::decode::text(&row.key, "secret key")?;
            let data_key = match data_keys.get(&row.data_key_version) {
                Some(data_key) => data_key.clone(),
                None => {
                    let data_key = open_data_key(
                        &self.inner.kek,
                        team,
                        row.data_key_version,
                        &row.sealed_key,
                        &row.kek_id,
                    )?;
                    data_keys.insert(row.data_key_version, data_key.clone());
                    data_key
                }
            };
            let place = Place::Secret {
                team,
                app: AppId::from_uuid(row.app_id),
                environment,
                key: &key,
                version: row.version,
            };
            let value = data_key.open(&row.sealed, &place.encode())?;
            opened.insert(key, value);
        }
        let complete = wanted.iter().all(|(key, _)| opened.contains_key(key));
        if complete {
            Ok(opened)
        } else {
            Err(StoreError::NotFound)
        }
    }

    /// Every secret value that releases of an environment may carry, for the redactor: all versions of all
    /// keys.
    ///
    /// # Errors
    /// As [`Self::secret_open`].
    pub async fn secret_all(
        &self,
        environment: EnvironmentId,
    ) -> Result<Vec<SecretBytes>, StoreError> {
        let rows = sqlx::query!(
            "
            select key, version
            from secret_versions
            where environment_id = $1 and sealed is not null
            order by key, version
            ",
            environment.as_uuid(),
        )
        .fetch_all(&self.inner.system)
        .await?;
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let key: ConfigKey = crate::decode::text(&row.key, "secret key")?;
            let opened = self.secret_open(environment, &[(key, row.version)]).await?;
            values.extend(opened.into_values());
        }
        Ok(values)
    }
}
