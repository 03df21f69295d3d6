//! From [`ContainerSpec`] to the engine's create body: pure, and the only place that fills a `HostConfig`.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig,
    Mount, MountType, NetworkingConfig, RestartPolicy, RestartPolicyNameEnum,
};

use crate::spec::{Attachment, ContainerSpec, env_pairs, labels};

/// A container's log on disk: three files of 10 MB, so that a chatty application cannot fill the disk.
const LOG_MAX_SIZE: &str = "10m";
const LOG_MAX_FILES: &str = "3";

/// `/tmp` of a container with a read-only root: in memory, counted against its limit.
const TMP_OPTIONS: &str = "rw,nosuid,nodev,mode=1777,size=64m";

/// The body of `POST /containers/create`.
pub(crate) fn create_body(spec: &ContainerSpec) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        cmd: spec.argv.clone(),
        env: Some(env_pairs(&spec.env)),
        user: spec.profile.user().map(str::to_owned),
        labels: Some(
            labels(spec.role, &spec.identity)
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect(),
        ),
        stop_timeout: i64::try_from(spec.stop_timeout.as_secs()).ok(),
        host_config: Some(host_config(spec)),
        networking_config: networking(spec),
        ..Default::default()
    }
}

/// The host configuration. What is not named here keeps the engine's default; none of the defaults gives
/// anything away (default seccomp, private namespaces, no devices).
pub(crate) fn host_config(spec: &ContainerSpec) -> HostConfig {
    let memory = i64::try_from(spec.resources.memory_bytes).unwrap_or(i64::MAX);
    HostConfig {
        cpu_shares: Some(cpu_shares(spec.resources.cpu_millis)),
        memory: Some(memory),
        // Equal to memory: no swap.
        memory_swap: Some(memory),
        pids_limit: Some(i64::from(spec.resources.pids.max(1))),
        init: Some(true),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), LOG_MAX_SIZE.to_owned()),
                ("max-file".to_owned(), LOG_MAX_FILES.to_owned()),
            ])),
        }),
        network_mode: Some(match spec.attachment {
            Attachment::None => "none".to_owned(),
            Attachment::Environment {
                traffic: (network, _),
                ..
            } => network.to_string(),
            Attachment::NamespaceOf(instance) => format!("container:{instance}"),
        }),
        restart_policy: Some(RestartPolicy {
            name: Some(match spec.restart_always {
                true => RestartPolicyNameEnum::ALWAYS,
                false => RestartPolicyNameEnum::NO,
            }),
            maximum_retry_count: None,
        }),
        mounts: (!spec.mounts.is_empty()).then(|| {
            let mount = |mount: &crate::spec::VolumeMount| Mount {
                typ: Some(MountType::VOLUME),
                source: Some(mount.volume.to_string()),
                target: Some(mount.path.clone()),
                ..Default::default()
            };
            spec.mounts.iter().map(mount).collect()
        }),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(
            spec.profile
                .capabilities()
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
        ),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        readonly_rootfs: Some(spec.read_only),
        tmpfs: spec
            .read_only
            .then(|| HashMap::from([("/tmp".to_owned(), TMP_OPTIONS.to_owned())])),
        ..Default::default()
    }
}

/// The endpoint settings of one network at a fixed address.
pub(crate) fn endpoint(address: std::net::Ipv4Addr, alias: Option<&str>) -> EndpointSettings {
    EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            ..Default::default()
        }),
        aliases: alias.map(|alias| vec![alias.to_owned()]),
        ..Default::default()
    }
}

fn networking(spec: &ContainerSpec) -> Option<NetworkingConfig> {
    let Attachment::Environment {
        traffic: (network, address),
        ..
    } = spec.attachment
    else {
        return None;
    };
    // The second network is attached between create and start: engines before API 1.44 take one here.
    let endpoints = HashMap::from([(network.to_string(), endpoint(address, None))]);
    Some(NetworkingConfig {
        endpoints_config: Some(endpoints),
    })
}

/// Thousandths of a core as a weight; 1024 is one core's, 2 the least that kernels take.
fn cpu_shares(millis: u32) -> i64 {
    (i64::from(millis) * 1024 / 1000).clamp(2, 262_144)
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
