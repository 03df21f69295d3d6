//! From the engine's types to this crate's. Pure; a field that is missing is an absence, never a panic.

use std::net::Ipv4Addr;

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status, EventMessage,
    ImageInspect, SystemInfo,
};
use segue_model::Timestamp;
use segue_model::id::InstallationId;

use crate::error::DriverError;
use crate::spec::{label, read_labels};
use crate::types::{
    Container, ContainerName, EngineInfo, Event, EventKind, Exit, ImageInfo, NetworkName, Phase,
};

/// What the engine writes for "never".
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// A container, if it carries the installation's label.
pub(crate) fn container(
    inspected: ContainerInspectResponse,
    installation: InstallationId,
) -> Result<Container, DriverError> {
    let text = inspected.name.unwrap_or_default();
    let name = ContainerName::new(text.trim_start_matches('/'))
        .map_err(|_| DriverError::NotOurs(crate::error::cut(&text)))?;
    let labels = inspected
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
    if labels.get(label::INSTALLATION).map(String::as_str)
        != Some(installation.to_string().as_str())
    {
        return Err(DriverError::NotOurs(name.to_string()));
    }
    let (role, identity) = read_labels(|key| labels.get(key).map(String::as_str));
    let state = inspected.state.unwrap_or_default();
    let networks = inspected
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    let address = identity.as_ref().and_then(|identity| {
        let endpoint = networks.get(&NetworkName::Traffic(identity.environment).to_string())?;
        endpoint.ip_address.as_ref()?.parse::<Ipv4Addr>().ok()
    });
    Ok(Container {
        engine_id: inspected
            .id
            .ok_or_else(|| DriverError::Protocol("a container without id".into()))?,
        name,
        role,
        identity,
        image_id: inspected.image.unwrap_or_default(),
        pid: state
            .pid
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid > 0),
        started_at: time(state.started_at.as_deref()),
        restarts: inspected
            .restart_count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
        phase: phase(state),
        address,
    })
}

fn phase(state: ContainerState) -> Phase {
    let exit = |state: &ContainerState| Exit {
        code: state
            .exit_code
            .and_then(|code| i32::try_from(code).ok())
            .unwrap_or(-1),
        oom: state.oom_killed.unwrap_or(false),
        at: time(state.finished_at.as_deref()),
    };
    match state.status {
        Some(Status::RUNNING) => Phase::Running,
        Some(Status::PAUSED) => Phase::Paused,
        Some(Status::RESTARTING) => Phase::Restarting(exit(&state)),
        Some(Status::EXITED) => Phase::Exited(exit(&state)),
        Some(Status::REMOVING | Status::DEAD) => Phase::Removing,
        // `stopping` is new in 29: its process still runs.
        Some(Status::STOPPING) => Phase::Running,
        Some(Status::CREATED | Status::EMPTY) | None => {
            let error = state.error.filter(|error| !error.is_empty());
            Phase::Created {
                error: error.map(|error| crate::error::cut(&error)),
            }
        }
    }
}

/// An instant as the engine writes it; `None` for its zero.
pub(crate) fn time(text: Option<&str>) -> Option<Timestamp> {
    text.filter(|text| *text != ZERO_TIME)?.parse().ok()
}

/// The kernel's name of an architecture in the words of images.
pub(crate) fn arch(kernel: Option<&str>) -> String {
    match kernel {
        Some("x86_64") => "amd64".to_owned(),
        Some("aarch64") => "arm64".to_owned(),
        Some("armv7l") => "arm".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    }
}

/// The engine itself.
pub(crate) fn engine_info(info: SystemInfo, minor: u32, boot_id: Option<String>) -> EngineInfo {
    EngineInfo {
        id: info.id.unwrap_or_default(),
        name: info.name.unwrap_or_default(),
        cpus: info.ncpu.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        memory_bytes: info
            .mem_total
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or(0),
        api_version: format!("1.{minor}"),
        version: info.server_version.unwrap_or_default(),
        arch: arch(info.architecture.as_deref()),
        live_restore: info.live_restore_enabled.unwrap_or(false),
        boot_id,
    }
}

/// An event, if it is one that matters here.
pub(crate) fn event(message: EventMessage) -> Option<Event> {
    let attributes = message.actor?.attributes?;
    let kind = match message.action.as_deref()? {
        "start" => EventKind::Started,
        "die" => EventKind::Died {
            code: attributes.get("exitCode")?.parse().ok()?,
        },
        "oom" => EventKind::OutOfMemory,
        "destroy" => EventKind::Removed,
        _ => return None,
    };
    let at = match (message.time_nano, message.time) {
        (Some(nanos), _) => Timestamp::from_nanosecond(nanos.into()).ok()?,
        (None, Some(seconds)) => Timestamp::from_second(seconds).ok()?,
        (None, None) => return None,
    };
    Some(Event {
        at,
        container: ContainerName::new(attributes.get("name")?.as_str()).ok()?,
        kind,
    })
}

/// An image.
pub(crate) fn image(inspected: ImageInspect) -> Result<ImageInfo, DriverError> {
    let config = inspected.config.unwrap_or_default();
    let ports = config.exposed_ports.unwrap_or_default();
    let mut exposed_ports: Vec<u16> = ports
        .iter()
        .filter_map(|port| port.strip_suffix("/tcp").unwrap_or(port).parse().ok())
        .collect();
    exposed_ports.sort_unstable();
    exposed_ports.dedup();
    Ok(ImageInfo {
        id: inspected
            .id
            .ok_or_else(|| DriverError::Protocol("an image without id".into()))?,
        repo_digests: inspected.repo_digests.unwrap_or_default(),
        tags: inspected.repo_tags.unwrap_or_default(),
        exposed_ports,
        user: config.user.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        arch: inspected.architecture.unwrap_or_default(),
        size_bytes: inspected
            .size
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
        layers: inspected
            .root_fs
            .and_then(|root| root.layers)
            .unwrap_or_default(),
    })
}
