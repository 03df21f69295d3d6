//! Makes a Docker host so.
//!
//! Owns the traits [`Driver`] (application hosts) and [`Builder`] (build engines), their implementation for Docker, and
//! an in-memory [`Fake`] with a script of faults that passes the same contract tests. The one function that builds
//! a container, [`container_spec`], is here.
//!
//! Must not: decide anything (the planner does), know the store, or touch a container without this installation's label.

mod body;
pub mod build;
mod docker;
mod driver;
mod error;
mod fake;
mod spec;
mod transfer;
mod types;

pub use build::{
    BuildEvent, BuildFailure, BuildFailureKind, BuildRequest, Builder, BuiltImage, DockerBuilder,
    Dockerfile, StepState,
};
pub use docker::Docker;
pub use driver::{Driver, FOREIGN_LIMIT, Images, RegistryAuth};
pub use error::DriverError;
pub use fake::{Behaviour, Fake, FakeBuild, Fault, Op};
pub use spec::{
    Addresses, ContainerSpec, InstanceInput, Ownership, Profile, STRICT_USER, TaskInput,
    container_spec, task_spec,
};
pub use transfer::image_transfer;
pub use types::{
    Container, ContainerName, Deadline, EngineInfo, Event, EventKind, ExecResult, Exit, Identity,
    ImageInfo, InvalidContainerName, Listen, LogLine, LogStream, NetworkName, NetworkSpec,
    Observed, Phase, Role,
};
