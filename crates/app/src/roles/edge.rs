//! `segue edge`: the data plane alone.

use segue_edge::{ControlAddr, EdgeConfig, Limits};

use super::stop_on_signal;
use crate::config::Settings;

/// Runs until it is told to stop and has drained.
///
/// # Errors
/// It cannot start, or a part of it ended.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let config = config(settings)?;
    // Data threads have runtimes of their own; this one carries the link and the admin address.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = stop_on_signal()?;
        Ok(segue_edge::run(config, stop).await?)
    })
}

/// The edge's configuration.
///
/// # Errors
/// The address of the control plane cannot be read.
fn config(settings: &Settings) -> anyhow::Result<EdgeConfig> {
    let control = match &settings.edge.control {
        Some(text) => text
            .parse()
            .map_err(|error| anyhow::anyhow!("edge.control: {error}"))?,
        None => ControlAddr::Unix(settings.internal_socket()),
    };
    let default = EdgeConfig::default();
    Ok(EdgeConfig {
        state_dir: settings.state.join("edge"),
        http: settings.edge.http.clone(),
        https: settings.edge.https.clone(),
        admin: settings.edge.admin,
        control,
        token_file: settings.edge_token_file(),
        threads: settings.edge.threads.unwrap_or(default.threads),
        trusted_proxies: settings.edge.trusted_proxies.clone(),
        limits: Limits::default(),
    })
}
