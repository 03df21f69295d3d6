//! A hook by its id, before its team is known.

use segue_model::id::{AppId, HookId, TeamId};

use crate::auth::Auth;
use crate::decode;
use crate::error::StoreError;
use crate::seal::{Place, SecretBytes};
use crate::team::HookKind;
use crate::team::hooks::SEALED_AS;
use crate::team::secrets::open_data_key;

/// A hook, and what its caller proves itself with.
#[derive(Debug)]
pub struct HookGrant {
    /// Its team.
    pub team: TeamId,
    /// Its app.
    pub app: AppId,
    /// Who calls.
    pub kind: HookKind,
    /// The secret.
    pub secret: SecretBytes,
}

impl Auth {
    /// The hook of this id.
    ///
    /// # Errors
    /// [`StoreError::Seal`] if the row was moved or changed.
    pub async fn hook(&self, id: HookId) -> Result<Option<HookGrant>, StoreError> {
        let row = sqlx::query!(
            r#"
            select team_id as "team_id!", app_id as "app_id!", kind as "kind!", sealed as "sealed!",
                data_key_version as "data_key_version!", sealed_key as "sealed_key!", kek_id as "kek_id!"
            from auth_hook($1)
            "#,
            id.as_uuid(),
        )
        .fetch_optional(&self.inner.auth)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
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
            kind: SEALED_AS,
            id: id.as_uuid(),
        };
        Ok(Some(HookGrant {
            team,
            app: AppId::from_uuid(row.app_id),
            kind: decode::text(&row.kind, "hook kind")?,
            secret: key.open(&row.sealed, &place.encode())?,
        }))
    }
}
