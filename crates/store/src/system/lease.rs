//! Leases with fencing epochs. The database clock judges them; the holder keeps a stricter deadline itself.
//!
//! Invariants: an epoch belongs to one holding and only grows; whoever commits shows it and locks its row
//! for share, so that a takeover waits for the commit or the commit finds the epoch gone (invariant I9).

use std::fmt;
use std::time::Duration;

use segue_model::id::{HostId, WorkerId};
use sqlx::{Postgres, Transaction};

use super::SystemStore;
use crate::decode;
use crate::error::StoreError;

/// What a lease is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(String);

impl Shard {
    /// The environments of one share of the work ([`super::WORK_SHARDS`]).
    #[must_use]
    pub fn environments(share: i16) -> Self {
        Self(format!("env/{share}"))
    }

    /// Observation of one host.
    #[must_use]
    pub fn host(host: HostId) -> Self {
        Self(format!("host/{}", host.as_uuid().simple()))
    }

    /// A duty of which there is one in the installation (`sweep`, `builds`).
    #[must_use]
    pub fn duty(name: &'static str) -> Self {
        Self(format!("duty/{name}"))
    }

    /// As it stands in the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One holding of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is on.
    pub shard: Shard,
    /// Who holds it.
    pub holder: WorkerId,
    /// The fencing token: no other holding of the shard has had or will have it.
    pub epoch: i64,
}

impl SystemStore {
    /// Takes the lease if it is free, has run out, or is the holder's own; answers `None` if another has it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn lease_acquire(
        &self,
        shard: &Shard,
        holder: WorkerId,
        ttl: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        sqlx::query!(
            "
            with shard as (
                insert into leases (shard)
                values ($1)
                on conflict (shard) do nothing
                returning shard
            )
            insert into lease_epochs (shard)
            select shard from shard
            ",
            shard.as_str(),
        )
        .execute(&mut *tx)
        .await?;
        let taken = sqlx::query!(
            "
            update leases
            set holder = $2, expires_at = clock_timestamp() + make_interval(secs => $3)
            where shard = $1 and (holder is null or holder = $2 or expires_at < clock_timestamp())
            ",
            shard.as_str(),
            holder.as_uuid(),
            ttl.as_secs_f64(),
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if taken == 0 {
            tx.commit().await?;
            return Ok(None);
        }
        // Waits for fenced transactions of the holder before: they hold this row for share.
        let epoch = sqlx::query_scalar!(
            "
            update lease_epochs
            set epoch = epoch + 1
            where shard = $1
            returning epoch
            ",
            shard.as_str(),
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(Lease {
            shard: shard.clone(),
            holder,
            epoch,
        }))
    }

    /// Prolongs the lease; `false` if it is not the holder's any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn lease_renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let renewed = sqlx::query!(
            "
            update leases
            set expires_at = clock_timestamp() + make_interval(secs => $4)
            where shard = $1 and holder = $2
                and exists (select from lease_epochs e where e.shard = $1 and e.epoch = $3)
            ",
            lease.shard.as_str(),
            lease.holder.as_uuid(),
            lease.epoch,
            ttl.as_secs_f64(),
        )
        .execute(&self.inner.system)
        .await?
        .rows_affected();
        Ok(renewed == 1)
    }

    /// Gives the lease back, so that another need not wait for its end. Its epoch is spent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn lease_release(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query!(
            "
            update leases
            set holder = null, expires_at = '-infinity'
            where shard = $1 and holder = $2
                and exists (select from lease_epochs e where e.shard = $1 and e.epoch = $3)
            ",
            lease.shard.as_str(),
            lease.holder.as_uuid(),
            lease.epoch,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }
}

/// Binds a transaction to the lease: it commits only if no takeover came before it.
pub(super) async fn fence(
    tx: &mut Transaction<'static, Postgres>,
    lease: &Lease,
) -> Result<(), StoreError> {
    let held = sqlx::query_scalar!(
        r#"
        select epoch
        from lease_epochs
        where shard = $1 and epoch = $2
        for share
        "#,
        lease.shard.as_str(),
        lease.epoch,
    )
    .fetch_optional(&mut **tx)
    .await?;
    match held {
        Some(_) => Ok(()),
        None => Err(StoreError::LeaseLost {
            shard: lease.shard.to_string(),
        }),
    }
}

/// A share of the work as the database counts it.
pub(super) fn share(value: i16) -> Result<i16, StoreError> {
    decode::number(value.rem_euclid(super::WORK_SHARDS), "share")
}
