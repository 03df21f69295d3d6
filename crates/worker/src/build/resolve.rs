//! Pinning an image that people named: to an image id where it is on our engines only, to a digest where a
//! registry has it.

use std::time::Duration;

use segue_driver::{Deadline, DriverError, ImageInfo, Images};
use segue_model::failure::FailureCode;
use segue_model::id::EnvironmentId;
use segue_model::name::ImageName;
use segue_model::spec::ImageRef;
use segue_store::BuildOutcome;
use tokio::time::sleep;

use super::failure;
use crate::act::registry::access;
use crate::core::words::{about, detail};
use crate::shared::Shared;

/// To look for an image.
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// Between looks at an engine that does not answer.
const AWAY_PAUSE: Duration = Duration::from_secs(1);
/// To pull one.
const PULL_LIMIT: Duration = Duration::from_secs(600);

/// Pins `name`.
pub(super) async fn pin(
    shared: &Shared,
    environment: EnvironmentId,
    name: &ImageName,
) -> BuildOutcome {
    // An engine that does not answer costs no attempt: its containers run on, and it comes back. The build's own time
    // limit bounds the wait.
    let found = loop {
        match find(shared, environment, name).await {
            Err(DriverError::Unavailable(_)) => sleep(AWAY_PAUSE).await,
            found => break found,
        }
    };
    match found {
        Ok((image, info)) => BuildOutcome::Succeeded {
            image,
            exposed_port: info.single_port(),
            generated: false,
        },
        Err(error) => {
            let code = error.failure_code().unwrap_or(FailureCode::Internal);
            let failure = failure(code, about(name.as_str(), detail(&error)));
            if error.retryable() || error.effect_unknown() {
                BuildOutcome::Retry(failure)
            } else {
                BuildOutcome::Failed(failure)
            }
        }
    }
}

async fn find(
    shared: &Shared,
    environment: EnvironmentId,
    name: &ImageName,
) -> Result<(ImageRef, ImageInfo), DriverError> {
    let Some((host, driver)) = shared.engines.all().into_iter().next() else {
        return Err(DriverError::Unavailable("no host is known yet".to_owned()));
    };
    let driver: &dyn Images = driver.as_ref();
    let here = driver
        .image_inspect(name.as_str(), Deadline::after(LOOK_LIMIT))
        .await?;
    if let Some(info) = &here
        && info.repo_digests.is_empty()
    {
        // Built or imported here: no registry knows it.
        return Ok((
            ImageRef::Engine {
                id: info.id.clone(),
                hosts: [host].into(),
            },
            info.clone(),
        ));
    }
    if here.is_none()
        && let Some(build) = shared.engines.build.as_deref()
        && let Some(info) = build
            .image_inspect(name.as_str(), Deadline::after(LOOK_LIMIT))
            .await?
        && info.repo_digests.is_empty()
    {
        return Ok((
            ImageRef::Engine {
                id: info.id.clone(),
                hosts: Default::default(),
            },
            info,
        ));
    }
    let access = access(shared, environment, name.as_str()).await?;
    // A tag may stand for something newer by now.
    let pulled = driver
        .image_pull(
            name.as_str(),
            access.auth.clone(),
            Deadline::after(PULL_LIMIT),
        )
        .await;
    let info = match (pulled, here) {
        (Ok(info), _) => info,
        // What another team could pull is not this team's because it lies here: neither while a team keeps a
        // credential for the registry, nor where the registry wants to know who asks.
        (Err(error), Some(info))
            if !access.guarded && !matches!(error, DriverError::ImageRefused(_)) =>
        {
            tracing::info!(image = %name, %error, "the registry was not asked with success; what is here is used");
            info
        }
        (Err(error), _) => return Err(access.explain(error)),
    };
    let image = digest_of(name, &info).unwrap_or(ImageRef::Engine {
        id: info.id.clone(),
        hosts: [host].into(),
    });
    Ok((image, info))
}

/// The digest under which the registry gave it.
fn digest_of(name: &ImageName, info: &ImageInfo) -> Option<ImageRef> {
    let repository = repository(name.as_str());
    let mut digests = info
        .repo_digests
        .iter()
        .filter_map(|entry| entry.split_once('@'));
    let (repository, digest) = digests
        .clone()
        .find(|(of, _)| *of == repository)
        .or_else(|| digests.next())?;
    Some(ImageRef::Registry {
        repository: ImageName::new(repository).ok()?,
        digest: digest.to_owned(),
    })
}

/// The name without tag and digest.
fn repository(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        // A colon before a slash is a registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_the_name_without_tag_and_digest() {
        assert_eq!(repository("nginx:1.25"), "nginx");
        assert_eq!(repository("localhost:5000/a/b"), "localhost:5000/a/b");
        assert_eq!(
            repository("localhost:5000/a/b:v1@sha256:aa"),
            "localhost:5000/a/b"
        );
    }
}
