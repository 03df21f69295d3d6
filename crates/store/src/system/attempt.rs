//! Attempts: engine calls, written before they are made. An instance whose attempt is newer than its last
//! observation is unknown.

use segue_model::failure::Failure;
use segue_model::id::InstanceId;

use super::SystemStore;
use super::lease::{Lease, fence};
use crate::decode;
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// What the engine is asked.
    Verb {
        /// Make and start a container.
        Create = "create",
        /// Start one that exists.
        Start = "start",
        /// Stop one.
        Stop = "stop",
        /// Remove one.
        Remove = "remove",
    }
}

/// An attempt that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptId(i64);

impl SystemStore {
    /// Writes attempts for instances, fenced: after a takeover no call of the old holder begins.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; [`StoreError::NotFound`] for an unknown instance.
    pub async fn attempt_begin(
        &self,
        lease: &Lease,
        instance: InstanceId,
        verb: Verb,
    ) -> Result<AttemptId, StoreError> {
        let mut tx = self.inner.system.begin().await?;
        fence(&mut tx, lease).await?;
        let id = sqlx::query_scalar!(
            "
            insert into attempts (team_id, environment_id, instance_id, host_id, verb, lease_epoch)
            select team_id, environment_id, id, host_id, $2, $3
            from instances
            where id = $1
            returning id
            ",
            instance.as_uuid(),
            verb.as_str(),
            lease.epoch,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(AttemptId(id))
    }

    /// Notes that the call came back, and why it failed. What it did is told by an observation, not here.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn attempt_end(
        &self,
        attempt: AttemptId,
        failure: Option<&Failure>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            update attempts
            set ended_at = clock_timestamp(), failure = $2
            where id = $1
            ",
            attempt.0,
            decode::to_json_opt(failure, "failure")?,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }
}
