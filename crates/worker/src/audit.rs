//! Signs the ends of audit logs, and says so in the server's log, where whoever owns the database cannot take it back.
//!
//! Any number of workers may do it at once: the store gives each number once. Must not: go on behind a log that is
//! broken, or let one keep the others waiting.

use std::sync::Arc;
use std::time::Duration;

use segue_store::{Checkpointed, StoreError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// Signs until `stop`.
pub(crate) async fn keep(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), StoreError> {
    loop {
        let wait = EVERY.mul_f64(0.75 + rand::random::<f64>() / 2.0);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(wait) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            done = round(&shared) => { done?; }
        }
    }
}

/// Signs what is due. Answers how many logs were found broken.
pub(crate) async fn round(shared: &Shared) -> Result<usize, StoreError> {
    let mut broken = 0;
    for team in shared.store.audit_due().await? {
        match shared.store.audit_checkpoint(team).await {
            Ok(Some(Checkpointed::Signed { team, checkpoint })) => tracing::info!(
                team.id = %team,
                checkpoint.number,
                checkpoint.seq,
                checkpoint.hash = hex::encode(checkpoint.hash),
                checkpoint.key = checkpoint.key_id,
                checkpoint.signature = hex::encode(checkpoint.signature),
                "the audit log was signed up to here"
            ),
            Ok(Some(Checkpointed::Broken { team, seq })) => {
                broken += 1;
                tracing::error!(
                    team.id = %team,
                    audit.seq = seq,
                    "an audit log is broken: the record is missing, changed or not the one that was signed"
                );
            }
            Ok(None) => {}
            // Its key was changed or sealed by another one: of this log only.
            Err(error @ StoreError::Seal(_)) => {
                broken += 1;
                tracing::error!(team.id = %team, %error, "the key that signed an audit log cannot be used");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(broken)
}
