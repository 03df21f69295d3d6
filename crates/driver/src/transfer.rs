//! Moves an image from one engine to another: from the build engine to a host, from a host to another.

use futures::{StreamExt, TryStreamExt};

use crate::driver::{Images, Result};
use crate::error::DriverError;
use crate::types::{Deadline, ImageInfo};

/// Makes sure that `to` has the image that `from` has under this name or id; gives its description there.
///
/// Streams through this process without keeping more than a piece of it. Does nothing if `to` has an image of this
/// name with the same id.
///
/// # Errors
/// [`DriverError::ImageMissing`] if `from` does not have it; [`DriverError::Conflict`] if the image arrived under
/// another id, which engines with different image stores do: then it is not the image that was pinned.
pub async fn image_transfer(
    from: &dyn Images,
    to: &dyn Images,
    image: &str,
    deadline: Deadline,
) -> Result<ImageInfo> {
    let missing = || DriverError::ImageMissing(image.to_owned());
    let wanted = from
        .image_inspect(image, deadline)
        .await?
        .ok_or_else(missing)?;
    if let Some(there) = to.image_inspect(image, deadline).await?
        && there.id == wanted.id
    {
        return Ok(there);
    }
    let saved = from.image_save(image, deadline).await?;
    to.image_load(saved.map_err(std::io::Error::other).boxed(), deadline)
        .await?;
    let there = to
        .image_inspect(image, deadline)
        .await?
        .ok_or_else(missing)?;
    if there.id == wanted.id {
        Ok(there)
    } else {
        Err(DriverError::Conflict(format!(
            "{image} is {} here and {} there",
            wanted.id, there.id
        )))
    }
}
