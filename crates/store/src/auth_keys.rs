//! Keys that sign access tokens: kept sealed, shared by all servers.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::json;

use crate::auth::Auth;
use crate::context::TeamContext;
use crate::decode;
use crate::error::StoreError;
use crate::seal::{Place, SecretBytes};
use crate::store::{Inner, Store};
use crate::team::intent::Intent;

/// A key that signs or verifies access tokens.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Its id.
    pub kid: String,
    /// Ed25519, raw.
    pub public_key: [u8; 32],
    /// Opened; PKCS#8 as its maker encoded it.
    pub private_key: SecretBytes,
    /// When it was made.
    pub created_at: Timestamp,
    /// Signs from then on.
    pub active_at: Timestamp,
    /// Verifies until then, signs no more.
    pub retires_at: Option<Timestamp>,
}

/// A signing key to be kept.
#[derive(Debug)]
pub struct NewSigningKey<'a> {
    /// Its id.
    pub kid: &'a str,
    /// Ed25519, raw.
    pub public_key: [u8; 32],
    /// PKCS#8.
    pub private_key: &'a SecretBytes,
    /// Signs from then on.
    pub active_at: Timestamp,
    /// The others verify until then.
    pub retire_others_at: Timestamp,
}

impl Auth {
    /// Keys that verify, the newest first; the first that is active and does not retire signs.
    ///
    /// # Errors
    /// [`StoreError::Seal`] if a key was sealed by another key-encryption key.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        sqlx::query!(
            r#"
            select kid as "kid!", public_key as "public_key!", sealed_private_key as "sealed_private_key!", created_at as "created_at!",
                active_at as "active_at!", retires_at
            from auth_signing_keys()
            "#
        )
        .fetch_all(&self.inner.auth)
        .await?
        .into_iter()
        .map(|row| {
            Ok(SigningKey {
                public_key: decode::digest(&row.public_key)?,
                private_key: self
                    .inner
                    .kek
                    .open(&row.sealed_private_key, &signing_place(&row.kid))?,
                kid: row.kid,
                created_at: row.created_at.to_jiff(),
                active_at: row.active_at.to_jiff(),
                retires_at: decode::time(row.retires_at),
            })
        })
        .collect()
    }

    /// Adds the first signing key. Two servers that start at once agree on one: `false` says that there was one.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub async fn signing_key_first(&self, new: &NewSigningKey<'_>) -> Result<bool, StoreError> {
        let sealed = seal(&self.inner, new)?;
        Ok(sqlx::query_scalar!(
            r#"
            select auth_signing_key_add($1, $2, $3, true, $4, $5) as "added!"
            "#,
            new.kid,
            new.public_key.as_slice(),
            sealed,
            new.active_at.to_sqlx() as _,
            new.retire_others_at.to_sqlx() as _,
        )
        .fetch_one(&self.inner.auth)
        .await?)
    }
}

impl Store {
    /// Adds a signing key that follows the ones before it. The context is one of the installation; the caller has
    /// checked that the actor is an operator.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub async fn signing_key_rotate(
        &self,
        context: &TeamContext,
        new: &NewSigningKey<'_>,
    ) -> Result<(), StoreError> {
        let sealed = seal(&self.inner, new)?;
        let mut intent = Intent::begin(&self.inner, context).await?;
        sqlx::query_scalar!(
            r#"
            select auth_signing_key_add($1, $2, $3, false, $4, $5) as "added!"
            "#,
            new.kid,
            new.public_key.as_slice(),
            sealed,
            new.active_at.to_sqlx() as _,
            new.retire_others_at.to_sqlx() as _,
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        let detail = json!({"active_at": new.active_at, "older_until": new.retire_others_at});
        intent.audit("signing_key_rotate", new.kid, &detail).await?;
        intent.finish(None, ()).await?;
        Ok(())
    }
}

fn seal(inner: &Inner, new: &NewSigningKey<'_>) -> Result<Vec<u8>, StoreError> {
    Ok(inner.kek.seal(new.private_key, &signing_place(new.kid))?)
}

pub(crate) fn signing_place(kid: &str) -> Place<'_> {
    Place::Platform {
        kind: "signing key",
        name: kid,
    }
}
