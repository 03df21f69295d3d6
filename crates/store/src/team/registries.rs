//! Credentials: passwords for image registries and git servers, and the sealing of what a team keeps besides secrets
//! of environments.
//!
//! Invariant: a password goes in and is opened only where it is used; no view carries it.

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::{CredentialId, TeamId};
use serde_json::json;
use uuid::Uuid;

use super::intent::{Done, Idempotency, Intent};
use super::secrets::{data_key, stored_data_key};
use super::{Page, TeamScope};
use crate::decode;
use crate::error::StoreError;
use crate::seal::{Keyring, Place, SecretBytes};
use crate::text_enum;

text_enum! {
    /// What a credential is for.
    CredentialKind {
        /// Pulling images.
        Registry = "registry",
        /// Fetching sources and telling states of commits.
        Git = "git",
    }
}

/// A credential to be kept.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// A fresh id.
    pub id: CredentialId,
    /// What it is for.
    pub kind: CredentialKind,
    /// Host, with a port where it is not the usual one.
    pub host: String,
    /// Name of the account.
    pub user_name: String,
    /// Password or token.
    pub password: SecretBytes,
}

/// What may be known of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialView {
    /// Its id.
    pub id: CredentialId,
    /// What it is for.
    pub kind: CredentialKind,
    /// Host, with a port where it is not the usual one.
    pub host: String,
    /// Name of the account.
    pub user_name: String,
    /// Who set it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Seals something of the team, bound to what it is and which one.
pub(super) async fn seal(
    intent: &mut Intent<'_>,
    kek: &Keyring,
    kind: &str,
    id: Uuid,
    value: &SecretBytes,
) -> Result<(i32, Vec<u8>), StoreError> {
    let (version, key) = data_key(intent, kek).await?;
    let team = TeamId::from_uuid(intent.team());
    let place = Place::TeamThing { team, kind, id };
    Ok((version, key.seal(value.expose(), &place.encode())?))
}

/// Opens what [`seal`] sealed.
pub(super) async fn unseal(
    intent: &mut Intent<'_>,
    kek: &Keyring,
    (kind, id): (&str, Uuid),
    (version, sealed): (i32, &[u8]),
) -> Result<SecretBytes, StoreError> {
    let key = stored_data_key(intent, kek, version).await?;
    let team = TeamId::from_uuid(intent.team());
    let place = Place::TeamThing { team, kind, id };
    Ok(key.open(sealed, &place.encode())?)
}

impl TeamScope {
    /// Keeps a credential.
    ///
    /// # Errors
    /// `credentials_host_taken` if there is one of this kind for this host.
    pub async fn credential_create(
        &self,
        new: &NewCredential,
        idempotency: Option<Idempotency<'_, CredentialView>>,
    ) -> Result<Done<CredentialView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let (version, sealed) = seal(
            &mut intent,
            &self.inner.kek,
            new.kind.as_str(),
            new.id.as_uuid(),
            &new.password,
        )
        .await?;
        let row = sqlx::query!(
            "
            insert into credentials (id, team_id, kind, host, user_name, data_key_version, sealed, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            returning created_by, created_at
            ",
            new.id.as_uuid(),
            intent.team(),
            new.kind.as_str(),
            new.host,
            new.user_name,
            version,
            sealed,
            intent.actor(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"kind": new.kind.as_str(), "host": new.host, "user": new.user_name});
        intent
            .audit("credential_create", &new.id.to_string(), &detail)
            .await?;
        let message = format!("a credential for {} was set", new.host);
        intent
            .event(
                None,
                None,
                "credential.created",
                &EventSubject::default(),
                &message,
            )
            .await?;
        let view = CredentialView {
            id: new.id,
            kind: new.kind,
            host: new.host.clone(),
            user_name: new.user_name.clone(),
            created_by: intent.name_of(row.created_by).await?,
            created_at: row.created_at.to_jiff(),
        };
        intent.finish(idempotency, view).await
    }

    /// Credentials of the team, the oldest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn credential_list(
        &self,
        page: Page<CredentialId>,
    ) -> Result<Vec<CredentialView>, StoreError> {
        let mut intent = self.begin().await?;
        let mut views = sqlx::query!(
            "
            select id, kind, host, user_name, created_by, created_at
            from credentials
            where team_id = $1 and ($2::uuid is null or id > $2)
            order by id
            limit $3
            ",
            intent.team(),
            page.after.map(CredentialId::as_uuid),
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(CredentialView {
                id: CredentialId::from_uuid(row.id),
                kind: decode::text(&row.kind, "credential kind")?,
                host: row.host,
                user_name: row.user_name,
                created_by: row.created_by,
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
        intent
            .name_all(views.iter_mut().map(|view| &mut view.created_by))
            .await?;
        Ok(views)
    }

    /// Takes a credential away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn credential_delete(&self, id: CredentialId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let host = sqlx::query_scalar!(
            "
            delete from credentials
            where team_id = $1 and id = $2
            returning host
            ",
            intent.team(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"host": host});
        intent
            .audit("credential_delete", &id.to_string(), &detail)
            .await?;
        let message = format!("the credential for {host} was removed");
        intent
            .event(
                None,
                None,
                "credential.deleted",
                &EventSubject::default(),
                &message,
            )
            .await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Account and password for a host, for a call that is made now.
    ///
    /// # Errors
    /// [`StoreError::Seal`] if the row was moved or changed.
    pub async fn credential_open(
        &self,
        kind: CredentialKind,
        host: &str,
    ) -> Result<Option<(String, SecretBytes)>, StoreError> {
        let mut intent = self.begin().await?;
        let row = sqlx::query!(
            "
            select id, user_name, data_key_version, sealed
            from credentials
            where team_id = $1 and kind = $2 and host = $3
            ",
            intent.team(),
            kind.as_str(),
            host,
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let password = unseal(
            &mut intent,
            &self.inner.kek,
            (kind.as_str(), row.id),
            (row.data_key_version, &row.sealed),
        )
        .await?;
        Ok(Some((row.user_name, password)))
    }
}
