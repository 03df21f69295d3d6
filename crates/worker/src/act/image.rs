//! Images where they are needed: present, pulled by digest, or carried over from the build engine.
//!
//! One transfer per host and image at a time; the others wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use segue_driver::{Deadline, DriverError, Images, RegistryAuth, image_transfer};
use segue_model::id::HostId;
use segue_model::spec::ImageRef;

/// To ask whether an image is there.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// To pull or to carry one over.
const TRANSFER_LIMIT: Duration = Duration::from_secs(600);

/// What is carried where, with the lock that one of those who want it holds.
type UnderWay = HashMap<(HostId, String), Arc<tokio::sync::Mutex<()>>>;

/// Transfers that are under way.
#[derive(Default)]
pub(crate) struct Transfers {
    locks: Mutex<UnderWay>,
}

impl Transfers {
    /// The host has the image when this answers.
    ///
    /// # Errors
    /// [`DriverError::ImageNotPullable`] or [`DriverError::ImageMissing`] if it is nowhere to be had.
    pub(crate) async fn ensure(
        &self,
        host: HostId,
        driver: &dyn Images,
        build: Option<&dyn Images>,
        image: &ImageRef,
        auth: Option<RegistryAuth>,
    ) -> Result<(), DriverError> {
        let name = image.engine_name();
        if driver
            .image_present(&name, Deadline::after(ASK_LIMIT))
            .await?
        {
            return Ok(());
        }
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry((host, name.clone())).or_default().clone()
        };
        let _one = lock.lock().await;
        if driver
            .image_present(&name, Deadline::after(ASK_LIMIT))
            .await?
        {
            return Ok(());
        }
        match image {
            ImageRef::Registry { .. } => {
                driver
                    .image_pull(&name, auth, Deadline::after(TRANSFER_LIMIT))
                    .await?;
            }
            ImageRef::Engine { id, .. } => {
                let Some(build) = build else {
                    return Err(DriverError::ImageMissing(id.clone()));
                };
                let begun = tokio::time::Instant::now();
                image_transfer(build, driver, id, Deadline::after(TRANSFER_LIMIT)).await?;
                tracing::info!(host.id = %host, image = %id, took_ms = begun.elapsed().as_millis() as u64, "image carried over from the build engine");
            }
        }
        Ok(())
    }
}
