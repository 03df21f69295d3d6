//! Images and builds of the fake engine.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::state::{Behaviour, Image};
use super::{Fake, Op};
use crate::build::{BuildEvent, BuildFailure, BuildFailureKind, BuildRequest, Builder, BuiltImage};
use crate::driver::{Driver, Images, RegistryAuth, Result};
use crate::error::DriverError;
use crate::types::{Deadline, EngineInfo, ImageInfo};

/// A build as it shall go, instead of the default: at once, into an image that serves on the request's argument
/// `PORT` or on 8080.
#[derive(Debug, Clone)]
pub struct FakeBuild {
    /// Events before the end.
    pub events: Vec<BuildEvent>,
    /// How long it takes.
    pub takes: Duration,
    /// What its image does, or what it fails of.
    pub ends: std::result::Result<Behaviour, BuildFailure>,
}

impl Images for Fake {
    fn image_inspect<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Option<ImageInfo>>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            Ok(state.image(image).map(|found| found.info.clone()))
        })
    }

    /// There is no registry behind the fake: what [`Fake::image_add`] put there can be pulled, nothing else.
    fn image_pull<'a>(
        &'a self,
        image: &'a str,
        _auth: Option<RegistryAuth>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            let found = state.image(image).map(|found| found.info.clone());
            found.ok_or_else(|| DriverError::ImageNotPullable(format!("{image}: not found")))
        })
    }

    fn image_tag<'a>(
        &'a self,
        image: &'a str,
        name: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            let missing = || DriverError::ImageMissing(image.to_owned());
            let id = state.image(image).ok_or_else(missing)?.info.id.clone();
            for (of, image) in &mut state.images {
                image.info.tags.retain(|tag| tag != name);
                if *of == id {
                    image.info.tags.push(name.to_owned());
                }
            }
            Ok(())
        })
    }

    fn image_remove<'a>(&'a self, image: &'a str, deadline: Deadline) -> BoxFuture<'a, Result<()>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            let Some(id) = state.image(image).map(|found| found.info.id.clone()) else {
                return Ok(());
            };
            let used = state
                .containers
                .values()
                .any(|container| container.described.image_id == id);
            if let Some(found) = state.images.get_mut(&id) {
                // By its id it goes with its only name, as on a real engine.
                let only = image == id && found.info.tags.len() == 1 && !used;
                found.info.tags.retain(|tag| !only && tag != image);
                if found.info.tags.is_empty() {
                    if used {
                        return Err(DriverError::Conflict(format!(
                            "{image} is used by a container"
                        )));
                    }
                    state.images.remove(&id);
                }
            }
            Ok(())
        })
    }

    fn image_save<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        self.at_once(Op::Image, deadline, move |state, _| {
            let found = state
                .image(image)
                .ok_or_else(|| DriverError::ImageMissing(image.to_owned()))?;
            let text = serde_json::to_vec(found)
                .map_err(|error| DriverError::Protocol(error.to_string()))?;
            Ok(futures::stream::iter([Ok(Bytes::from(text))]).boxed())
        })
    }

    fn image_load<'a>(
        &'a self,
        tar: BoxStream<'static, std::io::Result<Bytes>>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        self.call(Op::Image, deadline, async move {
            let whole = tar.try_fold(Vec::new(), |mut whole, piece| async move {
                whole.extend_from_slice(&piece);
                Ok(whole)
            });
            let whole = whole
                .await
                .map_err(|error| DriverError::BadConfig(error.to_string()))?;
            let image: Image = serde_json::from_slice(&whole)
                .map_err(|error| DriverError::BadConfig(error.to_string()))?;
            self.change(|state, _| state.images.insert(image.info.id.clone(), image));
            Ok(())
        })
    }

    /// An imported image just runs.
    fn image_import<'a>(
        &'a self,
        tar: Bytes,
        name: &'a str,
        _changes: &'a [&'a str],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>> {
        self.call(Op::Image, deadline, async move {
            let id = self.image_add(&hex::encode(Sha256::digest(&tar)), Behaviour::Run);
            let info = self.change(|state, _| {
                let image = state.images.get_mut(&id)?;
                image.info.tags = vec![name.to_owned()];
                Some(image.info.clone())
            });
            info.ok_or(DriverError::NotFound(id))
        })
    }
}

impl Fake {
    /// Puts a build at the end of the script: the next builds go like this, in order.
    pub fn script_build(&self, build: FakeBuild) {
        self.change(|state, _| state.builds.push_back(build));
    }

    /// Builds that were dropped before their end: what a real engine would have stopped.
    #[must_use]
    pub fn builds_cancelled(&self) -> u32 {
        self.change(|state, _| state.builds_cancelled)
    }

    async fn build_ends(
        &self,
        request: &BuildRequest,
        mut context: BoxStream<'static, std::io::Result<Bytes>>,
        build: &FakeBuild,
    ) -> std::result::Result<BuiltImage, BuildFailure> {
        let failure = |kind, message: String| BuildFailure {
            kind,
            step: None,
            message,
        };
        let mut content = Sha256::new();
        content.update(request.dockerfile.text());
        while let Some(piece) = context.next().await {
            content.update(
                piece.map_err(|error| failure(BuildFailureKind::Source, error.to_string()))?,
            );
        }
        if build.takes > request.time_limit {
            tokio::time::sleep(request.time_limit).await;
            return Err(failure(
                BuildFailureKind::TimedOut,
                "stopped at its time limit".into(),
            ));
        }
        tokio::time::sleep(build.takes).await;
        if self.change(|state, _| state.down) {
            let error = DriverError::Unavailable("the fake engine is down".into());
            return Err(failure(
                BuildFailureKind::Engine(error),
                "the engine went away".into(),
            ));
        }
        let behaviour = build.ends.clone()?;
        // As with a real builder, equal content gives an equal image.
        let id = self.image_add(&hex::encode(content.finalize()), behaviour);
        self.change(|state, _| {
            if let Some(image) = state.images.get_mut(&id) {
                image.info.tags.push(request.tag.clone());
            }
        });
        Ok(BuiltImage { id })
    }
}

/// Notes a build that was dropped before its end.
struct Noted(Option<Fake>);

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(fake) = self.0.take() {
            fake.change(|state, _| state.builds_cancelled += 1);
        }
    }
}

impl Builder for Fake {
    fn info(&self, deadline: Deadline) -> BoxFuture<'_, Result<EngineInfo>> {
        Driver::info(self, deadline)
    }

    fn build(
        &self,
        request: BuildRequest,
        context: BoxStream<'static, std::io::Result<Bytes>>,
    ) -> BoxStream<'static, BuildEvent> {
        let fake = self.clone();
        let run = async move {
            let scripted = fake.change(|state, _| state.builds.pop_front());
            let build = scripted.unwrap_or_else(|| FakeBuild {
                events: Vec::new(),
                takes: Duration::ZERO,
                ends: Ok(Behaviour::serving(
                    request
                        .args
                        .get("PORT")
                        .and_then(|port| port.parse().ok())
                        .unwrap_or(8080),
                )),
            });
            let events = futures::stream::iter(build.events.clone());
            let last = async move {
                let mut noted = Noted(Some(fake.clone()));
                let ended = fake.build_ends(&request, context, &build).await;
                noted.0 = None;
                BuildEvent::Ended(ended)
            };
            events.chain(futures::stream::once(last))
        };
        futures::stream::once(run).flatten().boxed()
    }
}
