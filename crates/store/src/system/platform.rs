//! The installation itself: its bounds, the set-up link.

use ipnet::IpNet;
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use super::SystemStore;
use crate::error::StoreError;

impl SystemStore {
    /// Sets the range that container subnets are cut from; subnets that exist keep theirs.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a range that is not IPv4 or smaller than a /20.
    pub async fn installation_set_range(&self, range: IpNet) -> Result<(), StoreError> {
        sqlx::query!(
            "
            update installation
            set address_range = $1, subnet_cursor = 0
            where address_range <> $1
            ",
            range as _,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }

    /// Sets how long things rest and are waited for. Operators and tests shorten it; `None` leaves it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] outside of the bounds.
    pub async fn installation_set_waits(
        &self,
        edge_silence: Option<std::time::Duration>,
        address_rest: Option<std::time::Duration>,
    ) -> Result<(), StoreError> {
        let millis = |wait: Option<std::time::Duration>| {
            wait.map(|wait| crate::decode::number::<u128, i64>(wait.as_millis(), "duration"))
                .transpose()
        };
        sqlx::query!(
            "
            update installation
            set edge_silence_ms = coalesce($1, edge_silence_ms), address_rest_ms = coalesce($2, address_rest_ms)
            ",
            millis(edge_silence)?,
            millis(address_rest)?,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }

    /// Keeps a one-time set-up token (SHA-256); older ones end, and are known for a day more, so that whoever
    /// holds one is told that it is old.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn setup_token_put(
        &self,
        hash: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        sqlx::query!(
            "
            delete from setup_tokens
            where used_at is null and expires_at < now() - interval '1 day'
            "
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "
            update setup_tokens
            set expires_at = now()
            where used_at is null and expires_at > now()
            "
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "
            insert into setup_tokens (hash, expires_at)
            values ($1, $2)
            ",
            hash.as_slice(),
            expires_at.to_sqlx() as _,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
