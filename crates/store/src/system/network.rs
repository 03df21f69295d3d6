//! Subnets that are given back: the network is gone from its host, and the addresses rest (rule 9).

use std::net::Ipv4Addr;

use segue_model::id::{EnvironmentId, HostId};
use sqlx::types::ipnet::{IpNet, Ipv4Net};

use super::SystemStore;
use super::lease::{self, Lease};
use crate::error::{StoreError, corrupt};

impl SystemStore {
    /// The environment's network on this host is gone: its subnet rests, and is given to others after that.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: nothing was written. [`StoreError::Unavailable`].
    pub async fn subnet_released(
        &self,
        lease: &Lease,
        environment: EnvironmentId,
        host: HostId,
        base: Ipv4Addr,
    ) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        lease::fence(&mut tx, lease).await?;
        let base = Ipv4Net::new(base, 24)
            .map(IpNet::V4)
            .map_err(corrupt("subnet"))?;
        sqlx::query!(
            "
            update subnets
            set released_at = now()
            where environment_id = $1 and host_id = $2 and base = $3 and released_at is null
            ",
            environment.as_uuid(),
            host.as_uuid(),
            base,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
