//! Opening registries' credentials for pulls: the worker's, not people's, way to them.

use segue_model::id::{EnvironmentId, TeamId};

use super::SystemStore;
use crate::error::StoreError;
use crate::seal::{Place, SecretBytes};
use crate::team::CredentialKind;
use crate::team::secrets::open_data_key;

/// How a registry is asked for an image of an environment.
#[derive(Debug, Default)]
pub struct RegistryLogin {
    /// Account and password of the environment's team.
    pub login: Option<(String, SecretBytes)>,
    /// Some team keeps a credential for this registry: what it holds is not for everybody, and an image of it that
    /// happens to be on an engine is used by nobody who cannot pull it.
    pub guarded: bool,
}

impl SystemStore {
    /// How a registry is asked for an image of an environment.
    ///
    /// # Errors
    /// [`StoreError::Seal`] if the row was moved or changed: then nothing is pulled.
    pub async fn registry_login(
        &self,
        environment: EnvironmentId,
        host: &str,
    ) -> Result<RegistryLogin, StoreError> {
        let rows = sqlx::query!(
            r#"
            select c.id, c.team_id, c.user_name, c.sealed, c.data_key_version, k.sealed as sealed_key, k.kek_id,
                exists (select from environments e where e.id = $1 and e.team_id = c.team_id) as "own!"
            from credentials c
            join data_keys k on k.team_id = c.team_id and k.version = c.data_key_version
            where c.kind = 'registry' and c.host = $2
            order by 8 desc
            limit 1
            "#,
            environment.as_uuid(),
            host,
        )
        .fetch_optional(&self.inner.system)
        .await?;
        let Some(row) = rows else {
            return Ok(RegistryLogin::default());
        };
        if !row.own {
            return Ok(RegistryLogin {
                login: None,
                guarded: true,
            });
        }
        let team = TeamId::from_uuid(row.team_id);
        let key = open_data_key(
            &self.inner.kek,
            team,
            row.data_key_version,
            &row.sealed_key,
            &row.kek_id,
        )?;
        let place = Place::TeamThing {
            team,
            kind: CredentialKind::Registry.as_str(),
            id: row.id,
        };
        let password = key.open(&row.sealed, &place.encode())?;
        Ok(RegistryLogin {
            login: Some((row.user_name, password)),
            guarded: true,
        })
    }
}
