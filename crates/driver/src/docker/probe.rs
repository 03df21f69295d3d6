//! The look into an instance's network namespace: which sockets listen, and on which addresses.
//!
//! `docker cp` does not show `/proc`, and an image need not hold a program that could be run by exec. So a
//! throw-away container of ours, with one static program that this crate carries, joins the namespace.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, TryStreamExt};
use segue_model::archive::{END, file};
use sha2::{Digest, Sha256};

use super::{Docker, images};
use crate::driver::Result;
use crate::error::DriverError;
use crate::spec::probe_spec;
use crate::types::{ContainerName, Listen, LogStream};

/// The probe, as the build script compiled it.
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/segue-probe"));

/// The probe's output is a line per socket.
const MOST_LINES: usize = 4096;

/// Two looks of one process get different names; the process id keeps processes apart.
static LOOKS: AtomicU64 = AtomicU64::new(0);

impl Docker {
    /// Runs the probe beside a running instance.
    pub(super) async fn probe_listeners(&self, name: &ContainerName) -> Result<Vec<Listen>> {
        let found = self.find(name).await?;
        let Some(identity) = found
            .identity
            .filter(|_| found.role == crate::types::Role::Instance)
        else {
            return Err(DriverError::BadConfig(format!("{name} is not an instance")));
        };
        let image = self.probe_image().await?;
        let nonce = (u64::from(std::process::id()) << 32)
            | (LOOKS.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff);
        let spec = probe_spec(identity, image, nonce);
        let seen = self.probe_run(&spec).await;
        // Removed whatever came out; one that is left behind after a deadline is an orphan with our label.
        let removed = self.container_remove(&spec.name).await;
        let seen = seen?;
        removed?;
        Ok(seen)
    }

    async fn probe_run(&self, spec: &crate::spec::ContainerSpec) -> Result<Vec<Listen>> {
        self.run(spec).await?;
        let exit = self.container_wait(&spec.name).await?;
        if exit.code != 0 {
            return Err(DriverError::Engine(format!(
                "the probe ended with {}",
                exit.code
            )));
        }
        let lines = self.log_stream(&spec.name, None, false).await?;
        let lines: Vec<_> = lines.take(MOST_LINES).try_collect().await?;
        let mut seen: Vec<Listen> = lines
            .iter()
            .filter(|line| line.stream == LogStream::Stdout)
            .filter_map(|line| std::str::from_utf8(&line.message).ok()?.parse().ok())
            .collect();
        seen.sort_unstable();
        seen.dedup();
        Ok(seen)
    }

    /// The probe's image, made on this engine if it is not there. Its name holds the program's hash, so that another
    /// version of Segue never runs the wrong one.
    async fn probe_image(&self) -> Result<String> {
        let hash: String = hex::encode(Sha256::digest(PROGRAM))
            .chars()
            .take(16)
            .collect();
        let name = format!("segue-probe:{hash}");
        if images::inspect(&self.api, &name).await?.is_none() {
            let mut tar = file("probe", true, 0, PROGRAM);
            tar.extend_from_slice(&END);
            images::import(&self.api, tar.into(), &name, &["ENTRYPOINT [\"/probe\"]"]).await?;
        }
        Ok(name)
    }
}
