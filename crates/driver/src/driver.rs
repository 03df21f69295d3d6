//! The traits that make a host so, seen from the worker.
//!
//! Contract (one test suite holds every implementation to it):
//! - every call ends at its deadline; a call that ended with [`DriverError::effect_unknown`] may have had its effect;
//! - `ensure_*`, `stop`, `kill` and `remove` are idempotent: asked twice, the second is Ok and changes nothing;
//! - what exists without this installation's label is neither seen nor touched ([`DriverError::NotOurs`]), but for the
//!   subnets that other networks take;
//! - a container's name is used once: what exited by itself is described, never started again.

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use segue_model::Timestamp;
use segue_model::network::ForeignNetwork;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::error::DriverError;
use crate::spec::ContainerSpec;
use crate::types::{
    Container, ContainerName, Deadline, EngineInfo, Event, ExecResult, Exit, ImageInfo, Listen,
    LogLine, NetworkName, NetworkSpec, Observed,
};

/// Subnets that [`Driver::foreign_networks`] gives at most: far more than an engine has in practice, and a row that
/// stays small.
pub const FOREIGN_LIMIT: usize = 1024;

/// What every call gives.
pub type Result<T> = std::result::Result<T, DriverError>;

/// Credentials of a registry. Printing them shows nothing.
#[derive(Clone)]
pub struct RegistryAuth {
    /// Account.
    pub username: String,
    /// Its secret.
    pub password: secrecy::SecretString,
}

impl std::fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RegistryAuth(..)")
    }
}

/// Images of one engine: what application hosts and build engines have in common.
pub trait Images: Send + Sync {
    /// Describes an image by id, tag or digest; `None` if it is not there.
    fn image_inspect<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Option<ImageInfo>>>;

    /// Fetches an image from its registry.
    ///
    /// # Errors
    /// [`DriverError::ImageNotPullable`] with the registry's reason.
    fn image_pull<'a>(
        &'a self,
        image: &'a str,
        auth: Option<RegistryAuth>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>>;

    /// Gives an image a name (`repository:tag`).
    fn image_tag<'a>(
        &'a self,
        image: &'a str,
        name: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>>;

    /// Takes a name from an image, and the image with its last name. Ok if it is not there.
    ///
    /// # Errors
    /// [`DriverError::Conflict`] while a container needs it.
    fn image_remove<'a>(&'a self, image: &'a str, deadline: Deadline) -> BoxFuture<'a, Result<()>>;

    /// The image as a tar stream that [`Images::image_load`] takes. The deadline is for the first byte.
    fn image_save<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>>;

    /// How many of these layers, lowest first, are certainly here. May say fewer than there are.
    fn image_layers_present<'a>(
        &'a self,
        layers: &'a [String],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<usize>> {
        let _ = (layers, deadline);
        Box::pin(std::future::ready(Ok(0)))
    }

    /// The image with this id as [`Images::image_save`] gives it, but faster and without its lowest `without`
    /// layers; `None` if this engine cannot. It may break off where a whole one would not.
    fn image_save_above<'a>(
        &'a self,
        id: &'a str,
        name: Option<&'a str>,
        without: usize,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Option<BoxStream<'static, Result<Bytes>>>>> {
        let _ = (id, name, without, deadline);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Takes what [`Images::image_save`] gave, from another engine as a rule. Ok if it was there already.
    fn image_load<'a>(
        &'a self,
        tar: BoxStream<'static, std::io::Result<Bytes>>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>>;

    /// Makes an image from a file system: a tar of it, and instructions such as `ENTRYPOINT ["/x"]`.
    fn image_import<'a>(
        &'a self,
        tar: Bytes,
        name: &'a str,
        changes: &'a [&'a str],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>>;

    /// Whether the image is there.
    fn image_present<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.image_inspect(image, deadline).await?.is_some()) })
    }
}

/// One Docker host.
pub trait Driver: Images {
    /// Whether the engine answers at all. The only thing that decides whether a host is there.
    fn ping(&self, deadline: Deadline) -> BoxFuture<'_, Result<()>>;

    /// What the engine is.
    fn info(&self, deadline: Deadline) -> BoxFuture<'_, Result<EngineInfo>>;

    /// Every container of this installation, running or not. Complete, or an error: never a part.
    fn list(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<Container>>>;

    /// One container. [`Observed::Absent`] only if the engine says so.
    ///
    /// # Errors
    /// [`DriverError::NotOurs`] if the name is another's.
    fn inspect<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>>;

    /// Makes the network, if it is not there.
    ///
    /// # Errors
    /// [`DriverError::Conflict`] if it is there with another subnet or another installation's.
    fn ensure_network<'a>(
        &'a self,
        spec: &'a NetworkSpec,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>>;

    /// Removes the network. Ok if it is not there.
    ///
    /// # Errors
    /// [`DriverError::Conflict`] while a container is on it.
    fn remove_network(&self, name: NetworkName, deadline: Deadline) -> BoxFuture<'_, Result<()>>;

    /// Networks of this installation that exist.
    fn networks(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<NetworkName>>>;

    /// IPv4 subnets of the engine's networks that are not this installation's, in order, at most
    /// [`FOREIGN_LIMIT`]. The one thing that is read of what is not ours: an engine makes no two networks that overlap.
    fn foreign_networks(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<ForeignNetwork>>>;

    /// Makes and starts the container. Ok, and nothing is done, if it runs or ran: a name is started once.
    ///
    /// # Errors
    /// [`DriverError::ImageMissing`], [`DriverError::AddressInUse`], [`DriverError::Conflict`] (the name is another
    /// spec's), [`DriverError::BadConfig`] and the start errors.
    fn ensure_running<'a>(
        &'a self,
        spec: &'a ContainerSpec,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>>;

    /// SIGTERM, and SIGKILL after `timeout`. The deadline must be later than the timeout. Ok if it does not exist.
    fn stop<'a>(
        &'a self,
        name: &'a ContainerName,
        timeout: Duration,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>>;

    /// SIGKILL. Ok if it does not run or exist.
    fn kill<'a>(&'a self, name: &'a ContainerName, deadline: Deadline)
    -> BoxFuture<'a, Result<()>>;

    /// Removes it, killing it if it runs. Its named volumes stay. Ok if it does not exist.
    fn remove<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>>;

    /// Waits until it does not run; the exit code is the true one at once.
    fn wait<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Exit>>;

    /// Events of this installation's containers from `since` on (now, if `None`). The deadline is for the stream's
    /// begin; it ends with an error when the engine goes.
    fn events(
        &self,
        since: Option<Timestamp>,
        deadline: Deadline,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Event>>>>;

    /// A container's log after `since`. With `follow` it goes on until the container ends.
    fn logs<'a>(
        &'a self,
        name: &'a ContainerName,
        since: Option<Timestamp>,
        follow: bool,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<LogLine>>>>;

    /// Runs a command in a running container: for health checks that people wrote as argv.
    fn exec<'a>(
        &'a self,
        name: &'a ContainerName,
        argv: &'a [String],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ExecResult>>;

    /// Gives a container a name in its environment: it is reachable under `alias` from then on. The container must
    /// have been made with an address on the names network.
    fn connect_alias<'a>(
        &'a self,
        name: &'a ContainerName,
        alias: &'a str,
        address: Ipv4Addr,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>>;

    /// Takes the name away again; connections over the names network stay.
    fn disconnect_alias<'a>(
        &'a self,
        name: &'a ContainerName,
        address: Ipv4Addr,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>>;

    /// What listens in the container's network namespace, seen from inside by a throw-away container of ours.
    fn listeners<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Vec<Listen>>>;
}
