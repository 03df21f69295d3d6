//! Containers: create, start, stop, remove, look.

use std::time::Duration;

use bollard::errors::Error as Bollard;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::NetworkConnectRequest;
use bollard::query_parameters as query;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};

use super::{Docker, convert};
use crate::body::{create_body, endpoint};
use crate::driver::Result;
use crate::error::DriverError;
use crate::spec::{Attachment, ContainerSpec};
use crate::types::{Container, ContainerName, ExecResult, Exit, Observed, Phase};

/// Containers described at once while listing.
const PARALLEL_INSPECTS: usize = 8;

/// Bytes of a command's output that are kept.
const EXEC_OUTPUT: usize = 4096;

/// How often a container is asked whether it is gone after its end was reported.
const SETTLE: Duration = Duration::from_millis(20);

impl Docker {
    /// Describes a container of ours.
    pub(super) async fn find(&self, name: &ContainerName) -> Result<Container> {
        self.describe(name.as_str()).await
    }

    async fn describe(&self, name: &str) -> Result<Container> {
        let options = None::<query::InspectContainerOptions>;
        convert::container(
            self.api.inspect_container(name, options).await?,
            self.owner.installation,
        )
    }

    pub(super) async fn list_all(&self) -> Result<Vec<Container>> {
        let options = query::ListContainersOptions {
            all: true,
            filters: Some(self.filter()),
            ..Default::default()
        };
        let summaries = self.api.list_containers(Some(options)).await?;
        let ids = summaries.into_iter().map(|summary| {
            summary
                .id
                .ok_or_else(|| DriverError::Protocol("a container without id".into()))
        });
        let described = futures::stream::iter(ids).map(|id| async move {
            match self.describe(&id?).await {
                // Gone between the two calls: not there, and the listing is complete all the same.
                Err(DriverError::NotFound(_)) => Ok(None),
                other => other.map(Some),
            }
        });
        let mut containers: Vec<Container> = described
            .buffer_unordered(PARALLEL_INSPECTS)
            .try_filter_map(|found| async { Ok(found) })
            .try_collect()
            .await?;
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }

    pub(super) async fn run(&self, spec: &ContainerSpec) -> Result<Observed> {
        let found = match self.find(&spec.name).await {
            Err(DriverError::NotFound(_)) => self.create(spec).await?,
            other => other?,
        };
        if found.identity.as_ref() != Some(&spec.identity) || found.role != spec.role {
            return Err(DriverError::Conflict(format!(
                "{} is another spec's container",
                spec.name
            )));
        }
        let observed = |container| Observed::Known(Box::new(container));
        match found.phase {
            Phase::Created { .. } => {
                self.attach_names(spec, &found.engine_id).await?;
                let options = None::<query::StartContainerOptions>;
                self.api.start_container(&found.engine_id, options).await?;
                Ok(observed(self.describe(&found.engine_id).await?))
            }
            // It runs or ran: one name, one start. The engine's restart policy is the engine's.
            Phase::Running
            | Phase::Paused
            | Phase::Restarting(_)
            | Phase::Exited(_)
            | Phase::Removing => Ok(observed(found)),
        }
    }

    /// Makes the container, or finds the one that another call made at the same time.
    async fn create(&self, spec: &ContainerSpec) -> Result<Container> {
        self.check_architecture(&spec.image).await?;
        loop {
            let options = query::CreateContainerOptions {
                name: Some(spec.name.to_string()),
                ..Default::default()
            };
            match self
                .api
                .create_container(Some(options), create_body(spec))
                .await
                .map_err(DriverError::from)
            {
                Ok(created) => return self.describe(&created.id).await,
                Err(DriverError::Conflict(_)) => match self.find(&spec.name).await {
                    // The name is reserved a moment before its container can be seen.
                    Err(DriverError::NotFound(_)) => tokio::time::sleep(SETTLE).await,
                    other => return other,
                },
                Err(DriverError::NotFound(why)) => return Err(DriverError::BadConfig(why)),
                Err(error) => return Err(error),
            }
        }
    }

    /// A program for another architecture ends with whatever the image's shell makes of it, if there is one. So it is
    /// told here, by what the image says of itself.
    async fn check_architecture(&self, image: &str) -> Result<()> {
        let found = super::images::inspect(&self.api, image).await?;
        let found = found.ok_or_else(|| DriverError::ImageMissing(image.to_owned()))?;
        let own = match self.arch.get() {
            Some(own) => own.clone(),
            None => {
                let own = convert::arch(self.api.info().await?.architecture.as_deref());
                self.arch.get_or_init(|| own).clone()
            }
        };
        if found.arch.is_empty() || own.is_empty() || found.arch == own {
            return Ok(());
        }
        Err(DriverError::ExecFormat(format!(
            "{image} is for {}, this host is {own}",
            found.arch
        )))
    }

    /// Attaches the second network before the first start. Ok if it is attached.
    async fn attach_names(&self, spec: &ContainerSpec, engine_id: &str) -> Result<()> {
        let Attachment::Environment {
            names: Some((network, address)),
            ..
        } = spec.attachment
        else {
            return Ok(());
        };
        let network = network.to_string();
        if self.is_attached(engine_id, &network).await? {
            return Ok(());
        }
        let container = engine_id.to_owned();
        let request = NetworkConnectRequest {
            container,
            endpoint_config: Some(endpoint(address, None)),
        };
        match self.api.connect_network(&network, request).await {
            // Another call may have done it meanwhile; the engine has several answers to that.
            Err(_) if self.is_attached(engine_id, &network).await? => Ok(()),
            other => other.map_err(Into::into),
        }
    }

    async fn is_attached(&self, engine_id: &str, network: &str) -> Result<bool> {
        let options = None::<query::InspectContainerOptions>;
        let inspected = self.api.inspect_container(engine_id, options).await?;
        let networks = inspected
            .network_settings
            .and_then(|settings| settings.networks)
            .unwrap_or_default();
        Ok(networks.contains_key(network))
    }

    pub(super) async fn container_stop(
        &self,
        name: &ContainerName,
        timeout: Duration,
    ) -> Result<Observed> {
        let found = match self.find(name).await {
            Err(DriverError::NotFound(_)) => return Ok(Observed::Absent),
            other => other?,
        };
        let seconds = i32::try_from(timeout.as_secs_f64().ceil() as i64).unwrap_or(i32::MAX);
        let options = query::StopContainerOptions {
            t: Some(seconds),
            ..Default::default()
        };
        absent_is_ok(
            self.api
                .stop_container(&found.engine_id, Some(options))
                .await,
        )?;
        // The engine answers a moment before its own description has followed.
        loop {
            match self.describe(&found.engine_id).await {
                Ok(container) => match container.phase {
                    Phase::Running | Phase::Paused | Phase::Restarting(_) => {
                        tokio::time::sleep(SETTLE).await
                    }
                    Phase::Created { .. } | Phase::Exited(_) | Phase::Removing => {
                        return Ok(Observed::Known(Box::new(container)));
                    }
                },
                Err(DriverError::NotFound(_)) => return Ok(Observed::Absent),
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) async fn container_kill(&self, name: &ContainerName) -> Result<()> {
        let found = match self.find(name).await {
            Err(DriverError::NotFound(_)) => return Ok(()),
            other => other?,
        };
        let options = None::<query::KillContainerOptions>;
        match self.api.kill_container(&found.engine_id, options).await {
            // Not running: what was wanted.
            Err(Bollard::DockerResponseServerError {
                status_code: 409, ..
            }) => Ok(()),
            other => absent_is_ok(other),
        }
    }

    pub(super) async fn container_remove(&self, name: &ContainerName) -> Result<()> {
        let found = match self.find(name).await {
            Err(DriverError::NotFound(_)) => return Ok(()),
            other => other?,
        };
        // `v` removes anonymous volumes only; named ones stay.
        let options = query::RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        match self
            .api
            .remove_container(&found.engine_id, Some(options))
            .await
        {
            // Its removal is under way: wait for it below.
            Err(Bollard::DockerResponseServerError {
                status_code: 409,
                message,
            }) if message.contains("already in progress") => {}
            other => absent_is_ok(other)?,
        }
        loop {
            match self.describe(&found.engine_id).await {
                Err(DriverError::NotFound(_)) => return Ok(()),
                Ok(_) => tokio::time::sleep(SETTLE).await,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) async fn container_wait(&self, name: &ContainerName) -> Result<Exit> {
        let found = self.find(name).await?;
        let options = None::<query::WaitContainerOptions>;
        let mut waiting = std::pin::pin!(self.api.wait_container(&found.engine_id, options));
        let code = match waiting.next().await {
            Some(Ok(response)) => response.status_code,
            // bollard makes an error of every code but zero.
            Some(Err(Bollard::DockerContainerWaitError { code, error })) if error.is_empty() => {
                code
            }
            Some(Err(error)) => return Err(error.into()),
            None => {
                return Err(DriverError::Unavailable(
                    "the wait ended without an answer".into(),
                ));
            }
        };
        let described = match self.describe(&found.engine_id).await {
            Ok(container) => container.phase,
            Err(DriverError::NotFound(_)) => Phase::Removing,
            Err(error) => return Err(error),
        };
        let code = i32::try_from(code).unwrap_or(-1);
        match described {
            Phase::Exited(exit) | Phase::Restarting(exit) => Ok(Exit { code, ..exit }),
            _ => Ok(Exit {
                code,
                oom: false,
                at: None,
            }),
        }
    }

    pub(super) async fn container_exec(
        &self,
        name: &ContainerName,
        argv: &[String],
    ) -> Result<ExecResult> {
        let found = self.find(name).await?;
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv.to_vec()),
            ..Default::default()
        };
        let exec = self.api.create_exec(&found.engine_id, options).await?;
        let started = self
            .api
            .start_exec(&exec.id, None::<StartExecOptions>)
            .await?;
        let mut kept = BytesMut::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(piece) = output.next().await {
                let piece: Bytes = piece?.into_bytes();
                let room = EXEC_OUTPUT.saturating_sub(kept.len()).min(piece.len());
                kept.extend_from_slice(piece.get(..room).unwrap_or_default());
            }
        }
        loop {
            let state = self.api.inspect_exec(&exec.id).await?;
            match (state.running, state.exit_code) {
                (Some(false), Some(code)) => {
                    return Ok(ExecResult {
                        code: i32::try_from(code).unwrap_or(-1),
                        output: kept.freeze(),
                    });
                }
                _ => tokio::time::sleep(SETTLE).await,
            }
        }
    }
}

/// 304 and 404 say that what was wanted is so.
fn absent_is_ok(result: std::result::Result<(), Bollard>) -> Result<()> {
    match result {
        Err(Bollard::DockerResponseServerError {
            status_code: 304 | 404,
            ..
        }) => Ok(()),
        other => other.map_err(Into::into),
    }
}
