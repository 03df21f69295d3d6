//! Moves an image from one engine to another: from the build engine to a host, from a host to another.
//!
//! Only the layers that the other engine lacks are sent, where the sending one can do that; the whole image is what
//! always works. Both end in the same check: the image is there under the same id.

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
    match missing_layers_transfer(from, to, image, &wanted, deadline).await {
        Ok(Some(there)) => return Ok(there),
        Ok(None) => {}
        // A layer that was counted on has gone meanwhile, or files that were read are no layer.
        Err(error) => {
            tracing::info!(image, %error, "an image's missing layers did not arrive alone; the whole image follows");
        }
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

/// Sends only the layers that `to` lacks. `None` if `from` cannot, or if what arrived is not what was sent.
async fn missing_layers_transfer(
    from: &dyn Images,
    to: &dyn Images,
    image: &str,
    wanted: &ImageInfo,
    deadline: Deadline,
) -> Result<Option<ImageInfo>> {
    let latest = format!("{image}:latest");
    let name = [image, &latest]
        .into_iter()
        .find(|name| wanted.tags.iter().any(|tag| tag == name));
    let present = to.image_layers_present(&wanted.layers, deadline).await?;
    let Some(saved) = from
        .image_save_above(&wanted.id, name, present, deadline)
        .await?
    else {
        return Ok(None);
    };
    to.image_load(saved.map_err(std::io::Error::other).boxed(), deadline)
        .await?;
    let there = to.image_inspect(image, deadline).await?;
    Ok(there.filter(|there| there.id == wanted.id))
}
