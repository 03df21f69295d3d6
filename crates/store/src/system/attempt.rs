//! Attempts: what the worker is about to do to an instance, written before the engine is called.
//!
//! An instance whose newest attempt began after its last observation is unknown: the call may or may not
//! have had an effect. Fenced: whoever lost the lease cannot write one and so does not call.

use segue_model::id::{HostId, InstanceId};
use uuid::Uuid;

use super::SystemStore;
use super::lease::{self, Lease};
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// What is about to be done.
    AttemptVerb {
        /// Create the container.
        Create = "create",
        /// Start it.
        Start = "start",
        /// SIGTERM, then SIGKILL.
        Stop = "stop",
        /// Remove it.
        Remove = "remove",
    }
}

/// One call that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// For this instance.
    pub instance: InstanceId,
    /// On this host.
    pub host: HostId,
    /// What.
    pub verb: AttemptVerb,
}

impl SystemStore {
    /// Writes the attempts; when this has answered, the calls may be made.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: nothing may be called. [`StoreError::Unavailable`].
    pub async fn attempts_begin(
        &self,
        lease: &Lease,
        attempts: &[Attempt],
    ) -> Result<(), StoreError> {
        if attempts.is_empty() {
            return Ok(());
        }
        let instances: Vec<Uuid> = attempts.iter().map(|a| a.instance.as_uuid()).collect();
        let hosts: Vec<Uuid> = attempts.iter().map(|a| a.host.as_uuid()).collect();
        let verbs: Vec<String> = attempts.iter().map(|a| a.verb.to_string()).collect();
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        lease::fence(&mut tx, lease).await?;
        sqlx::query!(
            "
            insert into attempts (team_id, environment_id, instance_id, host_id, verb, lease_epoch)
            select i.team_id, i.environment_id, i.id, a.host, a.verb, $4
            from unnest($1::uuid[], $2::uuid[], $3::text[]) as a (instance, host, verb)
            join instances i on i.id = a.instance
            ",
            &instances,
            &hosts,
            &verbs,
            lease.epoch,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
