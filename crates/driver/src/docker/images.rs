//! Images: look, fetch, name, move between engines.

use bollard::auth::DockerCredentials;
use bollard::query_parameters as query;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use secrecy::ExposeSecret;

use std::path::Path;

use super::convert;
use super::layers::LayerFiles;
use crate::driver::{RegistryAuth, Result};
use crate::error::DriverError;
use crate::types::ImageInfo;

/// An image name fit to stand in a URL path. The engine's client formats paths without escaping, so that a name
/// such as `../containers/x` would call another function of the engine.
fn checked(image: &str) -> Result<&str> {
    let fits = !image.is_empty()
        && image.len() <= 512
        && image.starts_with(|c: char| c.is_ascii_alphanumeric())
        && image
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"./:@_-".contains(&b))
        && !image
            .split('/')
            .any(|part| part.is_empty() || part.bytes().all(|b| b == b'.'));
    if fits {
        Ok(image)
    } else {
        Err(DriverError::BadConfig("not a valid image name".into()))
    }
}

/// Repository and tag of a name; a digest is not a tag.
fn repository_and_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') && !name.contains('@') => {
            (repository, Some(tag))
        }
        _ => (name, None),
    }
}

pub(crate) async fn inspect(api: &bollard::Docker, image: &str) -> Result<Option<ImageInfo>> {
    match api
        .inspect_image(checked(image)?)
        .await
        .map_err(DriverError::from)
    {
        Ok(inspected) => convert::image(inspected).map(Some),
        Err(DriverError::NotFound(_) | DriverError::ImageMissing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn present(api: &bollard::Docker, image: &str) -> Result<ImageInfo> {
    inspect(api, image)
        .await?
        .ok_or_else(|| DriverError::ImageMissing(image.to_owned()))
}

pub(crate) async fn pull(
    api: &bollard::Docker,
    image: &str,
    auth: Option<RegistryAuth>,
) -> Result<ImageInfo> {
    let (repository, tag) = repository_and_tag(checked(image)?);
    let tag = match tag {
        Some(tag) => Some(tag.to_owned()),
        // Without a tag the engine fetches all of them.
        None => (!image.contains('@')).then(|| "latest".to_owned()),
    };
    let options = query::CreateImageOptions {
        from_image: Some(repository.to_owned()),
        tag,
        ..Default::default()
    };
    let credentials = auth.map(|auth| DockerCredentials {
        username: Some(auth.username),
        password: Some(auth.password.expose_secret().to_owned()),
        ..Default::default()
    });
    let progress = api.create_image(Some(options), None, credentials);
    let pulled: Result<()> = progress
        .map_err(DriverError::from)
        .try_for_each(|_| async { Ok(()) })
        .await;
    pulled.map_err(|error| error.into_pull(image))?;
    present(api, image).await
}

pub(crate) async fn tag(api: &bollard::Docker, image: &str, name: &str) -> Result<()> {
    let (repository, tag) = repository_and_tag(checked(name)?);
    let options = query::TagImageOptions {
        repo: Some(repository.to_owned()),
        tag: Some(tag.unwrap_or("latest").to_owned()),
    };
    match api
        .tag_image(checked(image)?, Some(options))
        .await
        .map_err(DriverError::from)
    {
        Err(DriverError::NotFound(_)) => Err(DriverError::ImageMissing(image.to_owned())),
        other => other,
    }
}

pub(crate) async fn remove(api: &bollard::Docker, image: &str) -> Result<()> {
    let options = query::RemoveImageOptions {
        force: false,
        noprune: false,
        ..Default::default()
    };
    match api
        .remove_image(checked(image)?, Some(options), None)
        .await
        .map_err(DriverError::from)
    {
        Ok(_) | Err(DriverError::NotFound(_) | DriverError::ImageMissing(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(crate) async fn save(
    api: &bollard::Docker,
    image: &str,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    // Asked first: the engine answers 200 and then breaks off for an image that it does not have.
    present(api, checked(image)?).await?;
    let mut stream = api.export_image(image).map_err(DriverError::from).boxed();
    match stream.try_next().await? {
        Some(first) => Ok(futures::stream::once(async { Ok(first) })
            .chain(stream)
            .boxed()),
        None => Err(DriverError::Protocol(
            "the engine gave an empty image".into(),
        )),
    }
}

/// The engine's files, if they lie on this machine and can be read.
async fn files(api: &bollard::Docker) -> Result<Option<LayerFiles>> {
    let info = api.info().await?;
    let (Some(root), Some(storage)) = (info.docker_root_dir, info.driver) else {
        return Ok(None);
    };
    Ok(LayerFiles::open(Path::new(&root), &storage))
}

pub(crate) async fn layers_present(api: &bollard::Docker, layers: &[String]) -> Result<usize> {
    Ok(files(api).await?.map_or(0, |files| files.present(layers)))
}

pub(crate) async fn save_above(
    api: &bollard::Docker,
    id: &str,
    name: Option<&str>,
    without: usize,
) -> Result<Option<BoxStream<'static, Result<Bytes>>>> {
    let Some(files) = files(api).await? else {
        return Ok(None);
    };
    let (id, name) = (id.to_owned(), name.map(str::to_owned));
    let opened =
        tokio::task::spawn_blocking(move || files.save(&id, name.as_deref(), without)).await;
    match opened.map_err(std::io::Error::other).flatten() {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => {
            tracing::debug!(%error, "an image's files cannot be read; the engine saves it");
            Ok(None)
        }
    }
}

pub(crate) async fn load(
    api: &bollard::Docker,
    tar: BoxStream<'static, std::io::Result<Bytes>>,
) -> Result<()> {
    let options = query::ImportImageOptions {
        quiet: true,
        ..Default::default()
    };
    let progress = api.import_image_stream(options, tar, None);
    progress
        .map_err(DriverError::from)
        .try_for_each(|_| async { Ok(()) })
        .await
}

pub(crate) async fn import(
    api: &bollard::Docker,
    tar: Bytes,
    name: &str,
    changes: &[&str],
) -> Result<ImageInfo> {
    let (repository, tag) = repository_and_tag(checked(name)?);
    let options = query::CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repository.to_owned()),
        tag: Some(tag.unwrap_or("latest").to_owned()),
        changes: changes.iter().map(|change| (*change).to_owned()).collect(),
        ..Default::default()
    };
    let progress = api.create_image(Some(options), Some(bollard::body_full(tar)), None);
    progress
        .map_err(DriverError::from)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    present(api, name).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_become_another_call() {
        for good in [
            "sha256:ab",
            "segue/app_1:v1",
            "registry:5000/a/b@sha256:00",
            "a",
            "a/b.c:1.2.3",
        ] {
            assert!(checked(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "../containers/x",
            "a/../../containers/x",
            "a//b",
            "/a",
            ".",
            "a/.",
            "a?x",
            "a#x",
            "a%2f",
            "a b",
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_port_or_digest_is_not_a_tag() {
        assert_eq!(repository_and_tag("a/b:1"), ("a/b", Some("1")));
        assert_eq!(repository_and_tag("reg:5000/b"), ("reg:5000/b", None));
        assert_eq!(repository_and_tag("a@sha256:00"), ("a@sha256:00", None));
    }
}
