//! What time undoes: old sources, logs, answers, counts, instances and images; builds that were claimed too often;
//! environments whose time is over, and what is left of those that were removed long ago.
//!
//! Any number of workers may do it at once; each does it a little apart from the others. Must not take an image
//! from an engine that somebody named for himself, or that the store has not called old.

use std::sync::Arc;
use std::time::Duration;

use segue_driver::{Deadline, DriverError, Images};
use segue_model::failure::{Failure, FailureCode};
use segue_model::id::BuildId;
use segue_store::{OldImage, Retention, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// Between two looks for builds whose builders died again and again.
const GIVE_UP_EVERY: Duration = Duration::from_secs(30);
/// Between two sweeps of old rows.
const SWEEP_EVERY: Duration = Duration::from_secs(15 * 60);
/// Ended runs are listed for this long; their logs are kept as long as all others.
const RUNS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Old images that one sweep looks for on every engine. The next sweep goes on behind them, and from the beginning
/// after the last one: an engine that was away loses them later.
const IMAGES_AT_ONCE: u32 = 200;
/// To ask for an image, and to remove one.
const IMAGE_LIMIT: Duration = Duration::from_secs(30);

/// Sweeps until `stop`.
pub(crate) async fn keep(shared: Arc<Shared>, stop: CancellationToken) -> Result<(), StoreError> {
    let given_up = Failure {
        code: FailureCode::Internal,
        evidence: "the builder ended three times before the build did".to_owned(),
    };
    let mut sweep_at = Instant::now() + SWEEP_EVERY.mul_f64(rand::random::<f64>() / 10.0);
    let mut behind = None;
    loop {
        let wait = GIVE_UP_EVERY.mul_f64(0.75 + rand::random::<f64>() / 2.0);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(wait) => {}
        }
        shared.store.build_give_up(&given_up).await?;
        for environment in shared.store.environments_expire().await? {
            tracing::info!(environment.id = %environment, "the environment's time is over, it is being removed");
        }
        if Instant::now() >= sweep_at {
            let keep = Retention::default();
            let swept = shared.store.sweep(&keep).await?;
            let purged = shared.store.environments_purge(RUNS_KEPT).await?;
            tracing::debug!(?swept, environments = purged, "old rows are gone");
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                next = images(&shared, &keep, behind) => behind = next?,
            }
            sweep_at = Instant::now() + SWEEP_EVERY;
        }
    }
}

/// Takes a page of old images from every engine. Answers behind which build the next page begins.
pub(crate) async fn images(
    shared: &Shared,
    keep: &Retention,
    behind: Option<BuildId>,
) -> Result<Option<BuildId>, StoreError> {
    let old = shared
        .store
        .images_old(keep.releases, behind, IMAGES_AT_ONCE)
        .await?;
    if let Some(build) = shared.engines.build.as_deref() {
        forget(build, &old).await;
    }
    for (_, driver) in shared.engines.all() {
        forget(driver.as_ref(), &old).await;
    }
    let more = old.len() >= usize::try_from(IMAGES_AT_ONCE).unwrap_or(usize::MAX);
    Ok(old.last().filter(|_| more).map(|image| image.build))
}

/// Takes these images from one engine, as far as it answers.
async fn forget(engine: &dyn Images, old: &[OldImage]) {
    for image in old {
        match forget_one(engine, image).await {
            Ok(true) => tracing::debug!(build.id = %image.build, "an old image is gone"),
            Ok(false) => {}
            // A container has it, of ours or of somebody else. The next round asks again.
            Err(DriverError::Conflict(why)) => {
                tracing::debug!(build.id = %image.build, why, "an old image stays");
            }
            Err(error) => {
                tracing::debug!(%error, "an engine keeps its old images for now");
                return;
            }
        }
    }
}

/// Our name first: where people gave the image a name too, it stays theirs. Where it has no name at all it was
/// carried over from the build engine by its id.
async fn forget_one(engine: &dyn Images, image: &OldImage) -> Result<bool, DriverError> {
    let name = image_name(image);
    let asked = image.id.as_deref().unwrap_or(&name);
    let deadline = || Deadline::after(IMAGE_LIMIT);
    let Some(found) = engine.image_inspect(asked, deadline()).await? else {
        return Ok(false);
    };
    let remove = if found.tags.contains(&name) {
        name.as_str()
    } else if found.tags.is_empty() && found.repo_digests.is_empty() {
        asked
    } else {
        return Ok(false);
    };
    engine.image_remove(remove, deadline()).await?;
    Ok(true)
}

/// The name that a build gives its image.
fn image_name(image: &OldImage) -> String {
    format!("segue/{}:{}", image.app, image.build)
}
