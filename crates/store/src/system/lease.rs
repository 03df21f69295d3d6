//! Leases with fencing tokens.
//!
//! A lease lasts [`LEASE_TTL`] by the database clock. Its epoch stands in a row of its own, which fenced
//! transactions lock for share and a takeover updates: a takeover waits for what the old holder is
//! committing, and after it nothing of the old holder is committed any more (invariant I9).

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use segue_model::id::{EnvironmentId, HostId, WorkerId};
use sqlx::PgConnection;

use super::SystemStore;
use crate::error::StoreError;

/// How long a lease lasts without renewal.
pub const LEASE_TTL: Duration = Duration::from_secs(10);
/// Number of shards of environments; the function `work_add` of the database knows it too.
pub const SHARDS: u8 = 16;

/// What is leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shard {
    /// The environments whose ids fall into this shard.
    Environments(u8),
    /// A host.
    Host(HostId),
    /// A singleton duty, by a name of a-z and _.
    Duty(&'static str),
}

impl Shard {
    /// The shard of an environment.
    #[must_use]
    pub fn of(environment: EnvironmentId) -> Self {
        let [.., last] = *environment.as_uuid().as_bytes();
        Self::Environments(last % SHARDS)
    }

    /// All shards of environments.
    pub fn environments() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self::Environments)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environments(number) => write!(f, "environments/{number}"),
            Self::Host(host) => write!(f, "host/{}", host.as_uuid().simple()),
            Self::Duty(name) => write!(f, "duty/{name}"),
        }
    }
}

/// A lease that was held when it was acquired. The holder keeps its own monotonic deadline: instant before
/// the renewal was sent, plus [`LEASE_TTL`], minus a margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub shard: Shard,
    /// By whom.
    pub holder: WorkerId,
    /// The fencing token.
    pub epoch: i64,
    /// When it ends unless it is renewed, by the database clock.
    pub expires_at: Timestamp,
}

impl SystemStore {
    /// Takes a shard if nobody holds it (or the caller does), with a new epoch. `None` if somebody else does.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn lease_acquire(
        &self,
        shard: Shard,
        holder: WorkerId,
    ) -> Result<Option<Lease>, StoreError> {
        let name = shard.to_string();
        let mut tx = self.inner.system.begin().await?;
        sqlx::query!(
            "
            insert into leases (shard)
            values ($1)
            on conflict (shard) do nothing
            ",
            name,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "
            insert into lease_epochs (shard)
            values ($1)
            on conflict (shard) do nothing
            ",
            name,
        )
        .execute(&mut *tx)
        .await?;
        let taken = sqlx::query_scalar!(
            "
            update leases
            set holder = $2, expires_at = clock_timestamp() + $3 * interval '1 millisecond'
            where shard = $1 and (expires_at <= clock_timestamp() or holder = $2)
            returning expires_at
            ",
            name,
            holder.as_uuid(),
            ttl_ms(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(expires_at) = taken else {
            return Ok(None);
        };
        // Waits for fenced transactions of the holder before.
        let epoch = sqlx::query_scalar!(
            "
            update lease_epochs
            set epoch = epoch + 1
            where shard = $1
            returning epoch
            ",
            name,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(Lease {
            shard,
            holder,
            epoch,
            expires_at: expires_at.to_jiff(),
        }))
    }

    /// Renews leases in one statement and returns those that are still held. The others are lost.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn lease_renew(&self, leases: &[Lease]) -> Result<Vec<Lease>, StoreError> {
        let shards: Vec<String> = leases.iter().map(|lease| lease.shard.to_string()).collect();
        let holders: Vec<_> = leases.iter().map(|lease| lease.holder.as_uuid()).collect();
        let epochs: Vec<i64> = leases.iter().map(|lease| lease.epoch).collect();
        let rows = sqlx::query!(
            r#"
            update leases l
            set expires_at = clock_timestamp() + $4 * interval '1 millisecond'
            from unnest($1::text[], $2::uuid[], $3::bigint[]) as mine (shard, holder, epoch)
            join lease_epochs e on e.shard = mine.shard and e.epoch = mine.epoch
            where l.shard = mine.shard and l.holder = mine.holder and l.expires_at > clock_timestamp()
            returning l.shard as "shard!", l.expires_at as "expires_at!"
            "#,
            &shards,
            &holders,
            &epochs,
            ttl_ms(),
        )
        .fetch_all(&self.inner.system)
        .await?;
        Ok(leases
            .iter()
            .filter_map(|lease| {
                let name = lease.shard.to_string();
                let row = rows.iter().find(|row| row.shard == name)?;
                Some(Lease {
                    expires_at: row.expires_at.to_jiff(),
                    ..lease.clone()
                })
            })
            .collect())
    }

    /// Gives leases back at once, for an orderly end.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn lease_release(&self, leases: &[Lease]) -> Result<(), StoreError> {
        let shards: Vec<String> = leases.iter().map(|lease| lease.shard.to_string()).collect();
        let holders: Vec<_> = leases.iter().map(|lease| lease.holder.as_uuid()).collect();
        sqlx::query!(
            "
            update leases l
            set holder = null, expires_at = '-infinity'
            from unnest($1::text[], $2::uuid[]) as mine (shard, holder)
            where l.shard = mine.shard and l.holder = mine.holder
            ",
            &shards,
            &holders,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }
}

fn ttl_ms() -> f64 {
    LEASE_TTL.as_secs_f64() * 1000.0
}

/// Makes the rest of the transaction impossible without the lease.
pub(super) async fn fence(connection: &mut PgConnection, lease: &Lease) -> Result<(), StoreError> {
    let held = sqlx::query_scalar!(
        "
        select epoch
        from lease_epochs
        where shard = $1 and epoch = $2
        for share
        ",
        lease.shard.to_string(),
        lease.epoch,
    )
    .fetch_optional(connection)
    .await?;
    match held {
        Some(_) => Ok(()),
        None => Err(StoreError::LeaseLost {
            shard: lease.shard.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_names_fit_the_check_of_the_database() {
        let host = HostId::from_uuid(uuid::Uuid::from_u128(7));
        assert_eq!(Shard::Environments(3).to_string(), "environments/3");
        assert_eq!(Shard::Host(host).to_string(), "host/00000000000000000000000000000007");
        assert_eq!(Shard::Duty("sweep").to_string(), "duty/sweep");
    }
}
