//! What time undoes: old sources, logs, answers, counts and instances; builds that were claimed too often.
//!
//! Any number of workers may do it at once; each does it a little apart from the others.

use std::sync::Arc;
use std::time::Duration;

use segue_model::failure::{Failure, FailureCode};
use segue_store::{Retention, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// Between two looks for builds whose builders died again and again.
const GIVE_UP_EVERY: Duration = Duration::from_secs(30);
/// Between two sweeps of old rows.
const SWEEP_EVERY: Duration = Duration::from_secs(15 * 60);

/// Sweeps until `stop`.
pub(crate) async fn keep(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), StoreError> {
    let given_up = Failure {
        code: FailureCode::Internal,
        evidence: "the builder ended three times before the build did".to_owned(),
    };
    let mut sweep_at = Instant::now() + SWEEP_EVERY.mul_f64(rand::random::<f64>() / 10.0);
    loop {
        let wait = GIVE_UP_EVERY.mul_f64(0.75 + rand::random::<f64>() / 2.0);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(wait) => {}
        }
        shared.store.build_give_up(&given_up).await?;
        if Instant::now() >= sweep_at {
            let swept = shared.store.sweep(&Retention::default()).await?;
            tracing::debug!(?swept, "old rows are gone");
            sweep_at = Instant::now() + SWEEP_EVERY;
        }
    }
}
