//! BuildKit in a Docker engine, through `POST /build?version=2`.
//!
//! Each build has connections of its own. The request's connection ends with the stream; the session (by which
//! BuildKit asks for registry credentials) is an upgraded connection that nothing else would close. Cutting both is how
//! a build is cancelled, and it is the same thing whether the caller drops the stream, the time is over or the
//! build is done.

use std::time::Duration;

use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters as query;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use std::collections::VecDeque;
use std::path::Path;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use super::progress::Progress;
use super::watch::{Hits, Watch};
use super::wish::EngineSocket;
use super::{
    BuildEvent, BuildFailure, BuildFailureKind, BuildRequest, Builder, BuiltImage, context,
};
use crate::docker::Docker;
use crate::docker::transport::Transport;
use crate::driver::{Images, RegistryAuth, Result};
use crate::error::{DriverError, cut};
use crate::spec::Ownership;
use crate::types::{Deadline, EngineInfo, ImageInfo};

/// How often the limits are looked at while a build runs.
const SAMPLE: Duration = Duration::from_millis(100);

/// Progress messages between the connection and the caller.
const QUEUE: usize = 64;

/// Where control groups are mounted.
const CGROUPS: &str = "/sys/fs/cgroup";

/// A [`Builder`] for a Docker engine on this machine.
#[derive(Debug, Clone)]
pub struct DockerBuilder {
    socket: EngineSocket,
    images: Docker,
    cgroup: Option<String>,
}

impl DockerBuilder {
    /// A builder on the engine behind `socket`. `cgroup` is the control group of all its builds, below the mount
    /// point: without it a build that ran into a limit looks like one that failed.
    ///
    /// # Errors
    /// [`DriverError::Protocol`] if the client cannot be built.
    pub fn new(
        socket: impl Into<EngineSocket>,
        owner: Ownership,
        cgroup: Option<String>,
    ) -> Result<Self> {
        let socket = socket.into();
        Ok(Self {
            images: Docker::new(socket.clone(), owner)?,
            socket,
            cgroup,
        })
    }
}

impl Builder for DockerBuilder {
    fn info(&self, deadline: Deadline) -> BoxFuture<'_, Result<EngineInfo>> {
        crate::driver::Driver::info(&self.images, deadline)
    }

    fn build(
        &self,
        request: BuildRequest,
        context: BoxStream<'static, std::io::Result<Bytes>>,
    ) -> BoxStream<'static, BuildEvent> {
        let (socket, cgroup) = (self.socket.clone(), self.cgroup.clone());
        let begin = async move {
            futures::stream::unfold(Run::begin(socket, cgroup, request, context), Run::next)
        };
        begin.flatten_stream().boxed()
    }
}

/// A build under way.
struct Run {
    /// Feeds `messages`; `None` once it is done.
    work: Option<BoxFuture<'static, ()>>,
    messages: mpsc::Receiver<std::result::Result<BuildInfo, DriverError>>,
    source_failed: std::sync::Arc<std::sync::Mutex<Option<String>>>,
    events: VecDeque<BuildEvent>,
    progress: Progress,
    image: Option<String>,
    watch: Option<Watch>,
    deadline: Instant,
    ended: bool,
    /// Last, so that it is dropped after the request: closes every connection of this build.
    _cut: Option<DropGuard>,
}

impl Run {
    fn begin(
        socket: EngineSocket,
        cgroup: Option<String>,
        request: BuildRequest,
        source: BoxStream<'static, std::io::Result<Bytes>>,
    ) -> Self {
        let transport = Transport::new(socket);
        let guard = transport.cut_guard();
        let (send, messages) = mpsc::channel(QUEUE);
        let deadline = Instant::now() + request.time_limit;
        let source_failed = std::sync::Arc::new(std::sync::Mutex::new(None));
        let noted = std::sync::Arc::clone(&source_failed);
        let context = context::stream(&request, source).inspect(move |piece| {
            if let (Err(error), Ok(mut slot)) = (piece, noted.lock()) {
                *slot = Some(cut(&crate::error::chain(error)));
            }
        });
        let work = work(transport, request, context.boxed(), send).boxed();
        Self {
            work: Some(work),
            messages,
            source_failed,
            events: VecDeque::new(),
            progress: Progress::default(),
            image: None,
            watch: cgroup.map(|group| Watch::begin(Path::new(CGROUPS), &group)),
            deadline,
            ended: false,
            _cut: Some(guard),
        }
    }

    /// The next event. What is awaited here is dropped with the stream.
    async fn next(mut self) -> Option<(BuildEvent, Self)> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some((event, self));
            }
            if self.ended {
                return None;
            }
            self.step().await;
        }
    }

    async fn step(&mut self) {
        let working = async {
            match &mut self.work {
                Some(work) => work.await,
                None => futures::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            message = self.messages.recv() => match message {
                Some(Ok(info)) => self.message(info),
                Some(Err(error)) => {
                    let failure = self.failure(error);
                    self.end(Err(failure));
                }
                None => {
                    let outcome = match self.image.take() {
                        Some(id) => Ok(BuiltImage { id }),
                        None => Err(self.failure(DriverError::Protocol("the build ended without an image".into()))),
                    };
                    self.end(outcome);
                }
            },
            () = working => self.work = None,
            () = tokio::time::sleep_until(self.deadline) => {
                let message = "stopped at its time limit".to_owned();
                self.end(Err(BuildFailure { kind: BuildFailureKind::TimedOut, step: None, message }));
            }
            () = tokio::time::sleep(SAMPLE), if self.watch.is_some() => {
                self.sample();
            }
        }
    }

    fn message(&mut self, info: BuildInfo) {
        match info.aux {
            Some(BuildInfoAux::BuildKit(status)) => {
                self.events.extend(self.progress.events(status))
            }
            Some(BuildInfoAux::Default(image)) => self.image = image.id.or(self.image.take()),
            None => {}
        }
    }

    fn sample(&mut self) -> Hits {
        self.watch.as_mut().map(Watch::sample).unwrap_or_default()
    }

    /// What the build failed of: what the builder says, and what the limits say.
    fn failure(&mut self, error: DriverError) -> BuildFailure {
        let source = self
            .source_failed
            .lock()
            .ok()
            .and_then(|mut slot| slot.take());
        if let Some(message) = source {
            return BuildFailure {
                kind: BuildFailureKind::Source,
                step: None,
                message,
            };
        }
        let mut failure = match error {
            DriverError::Engine(message) | DriverError::BadConfig(message) => {
                self.progress.failure(&message)
            }
            DriverError::CommandNotFound(message) | DriverError::ExecFormat(message) => {
                BuildFailure {
                    kind: BuildFailureKind::Step { exit_code: None },
                    ..self.progress.failure(&message)
                }
            }
            other => {
                let message = cut(&other.to_string());
                BuildFailure {
                    kind: BuildFailureKind::Engine(other),
                    step: None,
                    message,
                }
            }
        };
        let hits = self.sample();
        failure.kind = match failure.kind {
            BuildFailureKind::Step {
                exit_code: Some(137),
            } if hits.memory => BuildFailureKind::Memory,
            BuildFailureKind::Step { .. } if hits.processes => BuildFailureKind::Processes,
            other => other,
        };
        failure
    }

    fn end(&mut self, outcome: std::result::Result<BuiltImage, BuildFailure>) {
        self.ended = true;
        self.work = None;
        self._cut = None;
        self.events.push_back(BuildEvent::Ended(outcome));
    }
}

/// Sends the request and hands its answers on.
async fn work(
    transport: Transport,
    request: BuildRequest,
    context: BoxStream<'static, std::io::Result<Bytes>>,
    send: mpsc::Sender<std::result::Result<BuildInfo, DriverError>>,
) {
    let api = match transport.docker() {
        Ok(api) => api,
        Err(error) => {
            let _ = send.send(Err(error)).await;
            return;
        }
    };
    let body = bollard::body_try_stream(context);
    let options = query::BuildImageOptions {
        dockerfile: context::dockerfile_path(),
        t: Some(request.tag),
        nocache: request.no_cache,
        rm: true,
        forcerm: true,
        buildargs: Some(request.args.into_iter().collect()),
        labels: Some(request.labels.into_iter().collect()),
        target: request.target.unwrap_or_default(),
        version: query::BuilderVersion::BuilderBuildKit,
        session: Some(uuid::Uuid::now_v7().simple().to_string()),
        ..Default::default()
    };
    let mut answers = std::pin::pin!(api.build_image(options, None, Some(body)));
    while let Some(answer) = answers.next().await {
        let failed = answer.is_err();
        // The caller is gone, or there is nothing more to say.
        if send.send(answer.map_err(DriverError::from)).await.is_err() || failed {
            return;
        }
    }
}

impl Images for DockerBuilder {
    fn image_inspect<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Option<ImageInfo>>> {
        self.images.image_inspect(image, deadline)
    }

    fn image_pull<'a>(
        &'a self,
        image: &'a str,
        auth: Option<RegistryAuth>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>> {
        self.images.image_pull(image, auth, deadline)
    }

    fn image_tag<'a>(
        &'a self,
        image: &'a str,
        name: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        self.images.image_tag(image, name, deadline)
    }

    fn image_remove<'a>(&'a self, image: &'a str, deadline: Deadline) -> BoxFuture<'a, Result<()>> {
        self.images.image_remove(image, deadline)
    }

    fn image_save<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        self.images.image_save(image, deadline)
    }

    fn image_layers_present<'a>(
        &'a self,
        layers: &'a [String],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<usize>> {
        self.images.image_layers_present(layers, deadline)
    }

    fn image_save_above<'a>(
        &'a self,
        id: &'a str,
        name: Option<&'a str>,
        without: usize,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Option<BoxStream<'static, Result<Bytes>>>>> {
        self.images.image_save_above(id, name, without, deadline)
    }

    fn image_load<'a>(
        &'a self,
        tar: BoxStream<'static, std::io::Result<Bytes>>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        self.images.image_load(tar, deadline)
    }

    fn image_import<'a>(
        &'a self,
        tar: Bytes,
        name: &'a str,
        changes: &'a [&'a str],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>> {
        self.images.image_import(tar, name, changes, deadline)
    }
}
