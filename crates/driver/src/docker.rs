//! The Docker engine behind a unix socket.
//!
//! Owns the connection and the mapping of the [`Driver`] contract to engine calls; each submodule has one kind of
//! object. Every call ends at its deadline, and every call that changes a container first reads its label and then
//! speaks to the engine's id, so that a name that changed hands meanwhile is not touched.

mod containers;
mod convert;
mod images;
mod layers;
mod networks;
mod probe;
mod streams;
pub(crate) mod transport;

use std::future::Future;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use segue_model::Timestamp;
use segue_model::network::ForeignNetwork;

use crate::build::wish::EngineSocket;
use crate::driver::{Driver, Images, RegistryAuth, Result};
use crate::error::DriverError;
use crate::spec::{ContainerSpec, Ownership};
use crate::types::{
    Container, ContainerName, Deadline, EngineInfo, Event, ExecResult, Exit, ImageInfo, Listen,
    LogLine, NetworkName, NetworkSpec, Observed,
};
use transport::Transport;

/// Where the kernel says when it was booted, for engines on this machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A [`Driver`] for a Docker engine on this machine.
#[derive(Debug, Clone)]
pub struct Docker {
    transport: Transport,
    api: bollard::Docker,
    owner: Ownership,
    /// The engine's architecture: it cannot change while its socket is the same machine's.
    arch: std::sync::Arc<std::sync::OnceLock<String>>,
}

impl Docker {
    /// A driver for the engine behind `socket`. Nothing is sent yet: an engine that is down is found out by
    /// the first call, and one that comes back needs nothing.
    ///
    /// # Errors
    /// [`DriverError::Protocol`] if the client cannot be built.
    pub fn new(socket: impl Into<EngineSocket>, owner: Ownership) -> Result<Self> {
        let transport = Transport::new(socket.into());
        let api = transport.docker()?;
        Ok(Self {
            transport,
            api,
            owner,
            arch: std::sync::Arc::default(),
        })
    }

    /// The filter that every listing carries.
    fn filter(&self) -> std::collections::HashMap<String, Vec<String>> {
        let label = format!(
            "{}={}",
            crate::spec::label::INSTALLATION,
            self.owner.installation
        );
        std::collections::HashMap::from([("label".to_owned(), vec![label])])
    }
}

/// Ends a call at its deadline. Dropping the call closes its connection if the answer is not complete.
pub(crate) fn bounded<'a, T>(
    deadline: Deadline,
    call: impl Future<Output = Result<T>> + Send + 'a,
) -> BoxFuture<'a, Result<T>> {
    async move {
        tokio::time::timeout_at(deadline.0, call)
            .await
            .unwrap_or(Err(DriverError::Deadline))
    }
    .boxed()
}

impl Images for Docker {
    fn image_inspect<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Option<ImageInfo>>> {
        bounded(deadline, images::inspect(&self.api, image))
    }

    fn image_pull<'a>(
        &'a self,
        image: &'a str,
        auth: Option<RegistryAuth>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>> {
        bounded(deadline, images::pull(&self.api, image, auth))
    }

    fn image_tag<'a>(
        &'a self,
        image: &'a str,
        name: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        bounded(deadline, images::tag(&self.api, image, name))
    }

    fn image_remove<'a>(&'a self, image: &'a str, deadline: Deadline) -> BoxFuture<'a, Result<()>> {
        bounded(deadline, images::remove(&self.api, image))
    }

    fn image_save<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        bounded(deadline, images::save(&self.api, image))
    }

    fn image_layers_present<'a>(
        &'a self,
        layers: &'a [String],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<usize>> {
        bounded(deadline, images::layers_present(&self.api, layers))
    }

    fn image_save_above<'a>(
        &'a self,
        id: &'a str,
        name: Option<&'a str>,
        without: usize,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Option<BoxStream<'static, Result<Bytes>>>>> {
        bounded(deadline, images::save_above(&self.api, id, name, without))
    }

    fn image_load<'a>(
        &'a self,
        tar: BoxStream<'static, std::io::Result<Bytes>>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        bounded(deadline, images::load(&self.api, tar))
    }

    fn image_import<'a>(
        &'a self,
        tar: Bytes,
        name: &'a str,
        changes: &'a [&'a str],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo>> {
        bounded(deadline, images::import(&self.api, tar, name, changes))
    }
}

impl Driver for Docker {
    fn ping(&self, deadline: Deadline) -> BoxFuture<'_, Result<()>> {
        bounded(deadline, async {
            self.api.ping().await.map(drop).map_err(Into::into)
        })
    }

    fn info(&self, deadline: Deadline) -> BoxFuture<'_, Result<EngineInfo>> {
        bounded(deadline, async {
            let info = self.api.info().await?;
            let minor = self.transport.api_minor().await?;
            let boot_id = tokio::fs::read_to_string(BOOT_ID).await.ok();
            Ok(convert::engine_info(
                info,
                minor,
                boot_id.map(|id| id.trim().to_owned()),
            ))
        })
    }

    fn list(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<Container>>> {
        bounded(deadline, self.list_all())
    }

    fn inspect<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>> {
        bounded(deadline, async move {
            match self.find(name).await {
                Ok(container) => Ok(Observed::Known(Box::new(container))),
                Err(DriverError::NotFound(_)) => Ok(Observed::Absent),
                Err(error) => Err(error),
            }
        })
    }

    fn ensure_network<'a>(
        &'a self,
        spec: &'a NetworkSpec,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        bounded(deadline, self.network_ensure(spec))
    }

    fn remove_network(&self, name: NetworkName, deadline: Deadline) -> BoxFuture<'_, Result<()>> {
        bounded(deadline, self.network_remove(name))
    }

    fn networks(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<NetworkName>>> {
        bounded(deadline, self.network_list())
    }

    fn foreign_networks(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<ForeignNetwork>>> {
        bounded(deadline, self.network_foreign())
    }

    fn ensure_running<'a>(
        &'a self,
        spec: &'a ContainerSpec,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>> {
        bounded(deadline, self.run(spec))
    }

    fn stop<'a>(
        &'a self,
        name: &'a ContainerName,
        timeout: Duration,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Observed>> {
        bounded(deadline, self.container_stop(name, timeout))
    }

    fn kill<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        bounded(deadline, self.container_kill(name))
    }

    fn remove<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        bounded(deadline, self.container_remove(name))
    }

    fn wait<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Exit>> {
        bounded(deadline, self.container_wait(name))
    }

    fn events(
        &self,
        since: Option<Timestamp>,
        deadline: Deadline,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Event>>>> {
        bounded(deadline, self.event_stream(since))
    }

    fn logs<'a>(
        &'a self,
        name: &'a ContainerName,
        since: Option<Timestamp>,
        follow: bool,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<LogLine>>>> {
        bounded(deadline, self.log_stream(name, since, follow))
    }

    fn exec<'a>(
        &'a self,
        name: &'a ContainerName,
        argv: &'a [String],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ExecResult>> {
        bounded(deadline, self.container_exec(name, argv))
    }

    fn connect_alias<'a>(
        &'a self,
        name: &'a ContainerName,
        alias: &'a str,
        address: Ipv4Addr,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        bounded(deadline, self.alias_set(name, Some(alias), address))
    }

    fn disconnect_alias<'a>(
        &'a self,
        name: &'a ContainerName,
        address: Ipv4Addr,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<()>> {
        bounded(deadline, self.alias_set(name, None, address))
    }

    fn listeners<'a>(
        &'a self,
        name: &'a ContainerName,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Vec<Listen>>> {
        bounded(deadline, self.probe_listeners(name))
    }
}
