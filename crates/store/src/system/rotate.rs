//! Rotation of the key-encryption key: everything that it sealed is wrapped anew; values and data keys stay.

use segue_model::id::TeamId;

use super::SystemStore;
use super::certificate::place as certificate_place;
use crate::auth_keys::signing_place;
use crate::checkpoint;
use crate::error::StoreError;
use crate::seal::Place;

impl SystemStore {
    /// Wraps every data key, signing key, audit key and certificate key that an older key sealed with the current one, and
    /// returns how many data keys that were. Afterwards the older keys may be taken away. All or nothing; may be
    /// run again.
    ///
    /// # Errors
    /// [`StoreError::Seal`] if something was sealed by a key that this server does not have.
    pub async fn kek_rewrap(&self) -> Result<u64, StoreError> {
        let kek = &self.inner.kek;
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        let data_keys = sqlx::query!(
            "
            select team_id, version, sealed, kek_id
            from data_keys
            where kek_id <> $1
            order by team_id, version
            for update
            ",
            kek.id(),
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in &data_keys {
            let place = Place::DataKey {
                team: TeamId::from_uuid(row.team_id),
                version: row.version,
            };
            let key = kek.open_of(&row.kek_id, &row.sealed, &place)?;
            sqlx::query!(
                "
                update data_keys
                set sealed = $3, kek_id = $4
                where team_id = $1 and version = $2
                ",
                row.team_id,
                row.version,
                kek.seal(&key, &place)?,
                kek.id(),
            )
            .execute(&mut *tx)
            .await?;
        }
        let signing = sqlx::query!(
            "
            select kid, sealed_private_key
            from signing_keys
            order by kid
            for update
            "
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in signing {
            let place = signing_place(&row.kid);
            let key = kek.open(&row.sealed_private_key, &place)?;
            sqlx::query!(
                "
                update signing_keys
                set sealed_private_key = $2
                where kid = $1
                ",
                row.kid,
                kek.seal(&key, &place)?,
            )
            .execute(&mut *tx)
            .await?;
        }
        let audit = sqlx::query!(
            "
            select key_id, sealed_seed
            from audit_keys
            order by key_id
            for update
            "
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in audit {
            let place = checkpoint::place(&row.key_id);
            let seed = kek.open(&row.sealed_seed, &place)?;
            sqlx::query!(
                "
                update audit_keys
                set sealed_seed = $2
                where key_id = $1
                ",
                row.key_id,
                kek.seal(&seed, &place)?,
            )
            .execute(&mut *tx)
            .await?;
        }
        let certificates = sqlx::query!(
            "
            select id, sealed_key
            from certificates
            where removed_at is null
            order by id
            for update
            "
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in certificates {
            let id = row.id.simple().to_string();
            let place = certificate_place(&id);
            let key = kek.open(&row.sealed_key, &place)?;
            sqlx::query!(
                "
                update certificates
                set sealed_key = $2
                where id = $1
                ",
                row.id,
                kek.seal(&key, &place)?,
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(u64::try_from(data_keys.len()).unwrap_or(u64::MAX))
    }
}
