//! `segue control`, `segue api`, `segue worker`: the control plane, together or in parts.
//!
//! The parts are handed a store that connects when it must, so they start while the database is
//! away and go on when it returns.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::Context as _;
use segue_api::{ApiConfig, Limits};
use segue_model::detect::Runtimes;
use segue_model::name::{ImageName, MachineName};
use segue_outbound::OutboundConfig;
use segue_store::Store;
use segue_worker::{MailConfig, OutsideConfig, WorkerConfig};
use tokio::task::JoinSet;

use super::{build_engine, database, setup_link, stop_on_signal};
use crate::command::HOOK;
use crate::config::Settings;
use crate::keys::{self, Start};

/// Threads of the runtime. The control plane waits more than it works.
const THREADS: usize = 2;
/// A machine whose own name is none that Segue accepts is called this.
const UNNAMED: &str = "host";

/// Which parts run in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// The API.
    Api,
    /// The worker.
    Worker,
    /// Both.
    Both,
}

impl Parts {
    fn api(self) -> bool {
        self != Self::Worker
    }

    fn worker(self) -> bool {
        self != Self::Api
    }
}

/// Runs until it is told to stop. When one part ends the other is told to stop too, and whoever
/// keeps this process starts it again.
///
/// # Errors
/// A key or folder cannot be used, or a part ended with an error.
pub(crate) fn run(settings: &Settings, parts: Parts) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    runtime.block_on(parts_run(settings, parts))
}

async fn parts_run(settings: &Settings, parts: Parts) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let store = Store::connect_lazy(database::store_config(settings, Start::Later)?);
    let mut running: JoinSet<anyhow::Result<()>> = JoinSet::new();
    if parts.api() {
        let config = api_config(settings)?;
        let (store, stop) = (store.clone(), stop.clone());
        let (link, at) = (settings.setup_link_file(), settings.public_url());
        running.spawn(setup_link::keep(store.clone(), link, at, stop.clone()));
        running.spawn(async move { Ok(segue_api::run(config, store, stop).await?) });
    }
    if parts.worker() {
        let config = worker_config(settings)?;
        let (store, stop) = (store.clone(), stop.clone());
        running.spawn(async move { Ok(segue_worker::run(config, store.system(), stop).await?) });
    }
    let mut result = Ok(());
    while let Some(ended) = running.join_next().await {
        // Whatever ended first decides; the others follow.
        stop.cancel();
        result = result.and(ended.context("a part of the control plane broke down")?);
    }
    store.close().await;
    result
}

fn api_config(settings: &Settings) -> anyhow::Result<ApiConfig> {
    keys::private_folder(&settings.keys())?;
    keys::ensure_token(&settings.edge_token_file())?;
    let hooks = settings.state.join("hooks");
    link_hook(&hooks)?;
    let config = ApiConfig {
        listen: settings.api.listen,
        internal_socket: settings.internal_socket(),
        internal_listen: settings.api.internal_listen,
        edge_token_file: settings.edge_token_file(),
        insecure_http: settings.api.insecure_http,
        git_root: settings.state.join("git"),
        git_hooks: hooks,
        git_program: settings.api.git_program.clone(),
        base_domain: settings.api.base_domain.clone(),
        public_url: settings.public_url(),
        edge_http_port: settings
            .edge
            .http
            .first()
            .map_or(80, |address| address.port()),
        outbound: outbound_config(settings),
        mail: settings.mail.server.is_some(),
        limits: Limits {
            requests_at_once: settings.api.requests_at_once,
            requests_per_second: settings.api.requests_per_second,
            ..Limits::default()
        },
        ..ApiConfig::in_folder(&settings.state)
    };
    config.validate()?;
    Ok(config)
}

/// The folder with the one hook: a link to this program, which knows itself by that name. It is
/// ours alone, because git runs what lies in it.
fn link_hook(folder: &Path) -> anyhow::Result<()> {
    keys::private_folder(folder)?;
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let link = folder.join(HOOK);
    if fs::read_link(&link).is_ok_and(|target| target == program) {
        return Ok(());
    }
    let cannot = || format!("cannot make {}", link.display());
    let beside = folder.join(format!(".{HOOK}.{}", std::process::id()));
    symlink(&program, &beside).with_context(cannot)?;
    fs::rename(&beside, &link).with_context(cannot)
}

fn worker_config(settings: &Settings) -> anyhow::Result<WorkerConfig> {
    Ok(WorkerConfig {
        docker_socket: Some(settings.engine.socket.clone()),
        host_name: host_name()?,
        build_socket: Some(settings.build_socket()),
        build_wish: build_engine::wish(settings)?,
        build_cgroup: build_engine::cgroup(settings)?,
        extra_ca: settings.build.extra_ca.clone(),
        runtimes: runtimes(&settings.build.runtimes)?,
        outside: outside_config(settings)?,
        build: segue_worker::BuildLimits {
            time: std::time::Duration::from_secs(settings.build.time_s),
            ..segue_worker::BuildLimits::default()
        },
        logs: segue_worker::LogLimits::default(),
        stranger_grace: std::time::Duration::from_secs(45),
    })
}

fn outbound_config(settings: &Settings) -> OutboundConfig {
    OutboundConfig {
        allow: settings.outbound.allow.clone(),
        extra_ca: settings.outbound.extra_ca.clone(),
    }
}

fn outside_config(settings: &Settings) -> anyhow::Result<OutsideConfig> {
    let mail = &settings.mail;
    let login = match (&mail.user, &mail.password_file) {
        (Some(user), Some(path)) => {
            let cannot = || format!("mail.password_file: cannot read {}", path.display());
            let text = fs::read_to_string(path).with_context(cannot)?;
            Some((user.clone(), text.trim_end().to_owned().into()))
        }
        _ => None,
    };
    let server = mail.server.clone().zip(mail.from.clone());
    Ok(OutsideConfig {
        outbound: outbound_config(settings),
        mail: server.map(|(server, from)| MailConfig {
            server,
            from,
            login,
        }),
        public_url: Some(settings.public_url()),
    })
}

fn host_name() -> anyhow::Result<MachineName> {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy().to_ascii_lowercase();
    let short = name.split('.').next().unwrap_or_default();
    MachineName::new(short)
        .or_else(|_| MachineName::new(UNNAMED))
        .context("this machine has no name")
}

/// The images of the settings, and the defaults where they name none.
fn runtimes(given: &BTreeMap<String, BTreeMap<String, ImageName>>) -> anyhow::Result<Runtimes> {
    let defaults = serde_json::to_value(Runtimes::default())?;
    let mut map: BTreeMap<String, BTreeMap<String, ImageName>> = serde_json::from_value(defaults)?;
    for (runtime, images) in given {
        map.entry(runtime.clone())
            .or_default()
            .extend(images.clone());
    }
    Ok(Runtimes::new(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_images_come_before_the_defaults_and_leave_the_others() {
        let image = ImageName::new("mirror/python:3.11").unwrap();
        let python = BTreeMap::from([("3.11".to_owned(), image.clone())]);
        let merged = runtimes(&BTreeMap::from([("python".to_owned(), python)])).unwrap();
        let images: Vec<&ImageName> = merged.images().collect();
        assert!(images.contains(&&image));
        assert_eq!(images.len(), Runtimes::default().images().count());
    }

    #[test]
    fn the_hook_is_a_link_to_this_program_and_follows_it() {
        let folder = tempfile::tempdir().unwrap();
        let hooks = folder.path().join("hooks");
        keys::private_folder(&hooks).unwrap();
        symlink("/elsewhere/segue", hooks.join(HOOK)).unwrap();
        link_hook(&hooks).unwrap();
        link_hook(&hooks).unwrap();
        let program = std::env::current_exe().unwrap();
        assert_eq!(fs::read_link(hooks.join(HOOK)).unwrap(), program);
        assert_eq!(fs::read_dir(&hooks).unwrap().count(), 1);
    }

    #[test]
    fn this_machine_has_a_name() {
        assert!(!host_name().unwrap().as_str().is_empty());
    }
}
