//! Building images on a build engine.
//!
//! Owns the trait [`Builder`] and what goes in and comes out. A build is a stream: dropping it cancels the build. The
//! step tree and the logs are events; the last event is always [`BuildEvent::Ended`], so that a stream that
//! breaks off is told from a build that ended.
//!
//! The caller chooses neither network nor limits: both belong to the build engine ([`engine`]).

mod context;
pub(crate) mod docker;
mod dockerfile;
pub mod engine;
mod progress;
mod watch;
pub mod wish;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use segue_model::failure::FailureCode;

use crate::driver::{Images, Result};
use crate::error::DriverError;
use crate::types::{Deadline, EngineInfo, LogStream};

pub use docker::DockerBuilder;

/// Something that builds.
pub trait Builder: Images {
    /// Whether the build engine answers, and what it is.
    fn info(&self, deadline: Deadline) -> BoxFuture<'_, Result<EngineInfo>>;

    /// Builds an image from a canonical tar stream ([`segue_model::archive`]). Nothing happens before the stream is
    /// polled; dropping it stops the build on the engine.
    fn build(
        &self,
        request: BuildRequest,
        context: BoxStream<'static, std::io::Result<Bytes>>,
    ) -> BoxStream<'static, BuildEvent>;
}

/// Which Dockerfile is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dockerfile {
    /// The source's own, with its path and text; the text is what decides, the file in the source is not read again.
    Own {
        /// Path in the source, for messages.
        path: String,
        /// Its text.
        text: String,
    },
    /// One that Segue wrote.
    Generated {
        /// Its text.
        text: String,
    },
}

impl Dockerfile {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Own { text, .. } | Self::Generated { text } => text,
        }
    }
}

/// What is built.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// Name of the image: `repository:tag`.
    pub tag: String,
    /// The instructions.
    pub dockerfile: Dockerfile,
    /// Build arguments. Not for secrets: they stand in the image's history.
    pub args: BTreeMap<String, String>,
    /// Certificates in PEM that the steps shall trust: a whole bundle, because most tools replace their own by it.
    /// Every stage gets it as a file and through `ARG`s that the usual tools read; nothing of it stays in the
    /// environment of the image.
    pub ca_bundle: Option<Bytes>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Stage to build; the last one if none.
    pub target: Option<String>,
    /// From the first byte to the end.
    pub time_limit: Duration,
    /// Run every step, whatever the cache holds.
    pub no_cache: bool,
    /// Text of the source's `.dockerignore`: what it excludes is not sent. (The builder applies the file only to
    /// folders that it reads itself.)
    pub ignore: Option<String>,
}

/// What happens during a build.
#[derive(Debug, Clone, PartialEq)]
pub enum BuildEvent {
    /// A step appeared or went on. Steps are numbered from 0 in the order of their appearance.
    Step {
        /// Number.
        step: u32,
        /// As the builder names it: `[2/5] RUN pip install`.
        name: String,
        /// The builder's own doing (fetching the context), not a line of the Dockerfile.
        internal: bool,
        /// Where it is.
        state: StepState,
    },
    /// A step wrote something: a piece of its output as it came, not necessarily a line.
    Log {
        /// The step.
        step: u32,
        /// Where it wrote.
        stream: LogStream,
        /// The bytes.
        message: Bytes,
    },
    /// The build is over; nothing follows.
    Ended(std::result::Result<BuiltImage, BuildFailure>),
}

/// Where a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// It runs.
    Started,
    /// Its result was in the cache.
    Cached,
    /// It is done.
    Finished {
        /// How long it ran.
        took: Duration,
    },
    /// It failed.
    Failed {
        /// The builder's message.
        message: String,
    },
}

/// The image that a build made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// Image id (`sha256:…`).
    pub id: String,
}

/// Why a build made no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct BuildFailure {
    /// What kind.
    pub kind: BuildFailureKind,
    /// The step it happened in.
    pub step: Option<u32>,
    /// The builder's message, one line.
    pub message: String,
}

/// Kinds of build failures, by who has to do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildFailureKind {
    /// A step ended with an error.
    #[error("a build step failed")]
    Step {
        /// Exit code of its process, if a process failed.
        exit_code: Option<i32>,
    },
    /// The Dockerfile cannot be read, or names a stage or file that is not there.
    #[error("the Dockerfile cannot be used")]
    Dockerfile,
    /// An image that the Dockerfile begins with cannot be had.
    #[error("a base image cannot be pulled")]
    BaseImage,
    /// The build was killed because builds used all the memory they may.
    #[error("the build ran into its memory limit")]
    Memory,
    /// The build could not start another process because builds have as many as they may.
    #[error("the build ran into its process limit")]
    Processes,
    /// It took longer than its limit.
    #[error("the build took longer than its limit")]
    TimedOut,
    /// The source could not be read to its end.
    #[error("the source could not be read")]
    Source,
    /// The engine failed, or cannot be reached.
    #[error("the build engine failed")]
    Engine(#[source] DriverError),
}

impl BuildFailure {
    /// Whether the same build may succeed later without anybody changing anything. A user's error never is.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        match &self.kind {
            BuildFailureKind::Engine(error) => error.retryable(),
            BuildFailureKind::Source => true,
            BuildFailureKind::Step { .. }
            | BuildFailureKind::Dockerfile
            | BuildFailureKind::BaseImage
            | BuildFailureKind::Memory
            | BuildFailureKind::Processes
            | BuildFailureKind::TimedOut => false,
        }
    }

    /// The code that people read.
    #[must_use]
    pub const fn failure_code(&self) -> FailureCode {
        match &self.kind {
            BuildFailureKind::Step { .. } | BuildFailureKind::Dockerfile => {
                FailureCode::BuildFailed
            }
            BuildFailureKind::BaseImage => FailureCode::ImageNotPullable,
            BuildFailureKind::Memory | BuildFailureKind::Processes => FailureCode::BuildLimit,
            BuildFailureKind::TimedOut => FailureCode::BuildTimedOut,
            BuildFailureKind::Source | BuildFailureKind::Engine(_) => FailureCode::Internal,
        }
    }
}
