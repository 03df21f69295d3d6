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
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use proptest::prelude::*;
    use segue_model::id::*;
    use segue_model::name::ConfigKey;
    use segue_model::revision::{Revision, RevisionContent};
    use segue_model::spec::{Command, ImageRef, Resources, ServiceKind, Volume};
    use uuid::Uuid;

    use super::*;
    use crate::spec::{Addresses, InstanceInput, TaskInput, container_spec, probe_spec, task_spec};
    use crate::types::Identity;

    fn identity(seed: u128, service: &str) -> Identity {
        Identity {
            installation: InstallationId::from_uuid(Uuid::from_u128(1)),
            team: TeamId::from_uuid(Uuid::from_u128(2)),
            environment: EnvironmentId::from_uuid(Uuid::from_u128(seed)),
            service: service.parse().unwrap(),
            revision: Revision::from_bytes([3; 32]),
            instance: InstanceId::from_uuid(Uuid::from_u128(seed ^ 9)),
            slot: 1,
            host_epoch: 1,
        }
    }

    /// Text as hostile people write it.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            ".{0,40}",
            Just("--privileged".to_owned()),
            Just("/:/host".to_owned()),
            Just("/var/run/docker.sock:/var/run/docker.sock".to_owned()),
            Just("host".to_owned()),
            Just("container:other".to_owned()),
        ]
    }

    prop_compose! {
        fn spec()(
            seed in any::<u128>(),
            kind in prop::sample::select(vec![ServiceKind::Web, ServiceKind::Worker, ServiceKind::Job, ServiceKind::Data]),
            image in text(),
            argv in prop::option::of(prop::collection::vec(text(), 0..4)),
            env in prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,10}", text(), 0..5),
            (cpu_millis, memory_bytes, pids, stop) in (any::<u32>(), any::<u64>(), any::<u32>(), any::<u32>()),
            volume in prop::option::of(text()),
            (read_only, strict, force_strict, task, probe, connected) in any::<(bool, bool, bool, bool, bool, bool)>(),
            address in any::<u32>(),
        ) -> ContainerSpec {
            let identity = identity(seed, "web");
            let image = ImageRef::Engine { id: image, hosts: Default::default() };
            let env: BTreeMap<_, _> =
                env.into_iter().map(|(k, v)| (ConfigKey::new(k).unwrap(), v.into())).collect();
            let resources = Resources { cpu_millis, memory_bytes, pids };
            let addresses = Addresses { traffic: Ipv4Addr::from(address), names: Some(Ipv4Addr::from(!address)) };
            if probe {
                return probe_spec(identity, "probe".into(), 7);
            }
            if task {
                return task_spec(TaskInput {
                    identity, image: &image, argv: argv.unwrap_or_default(), env, resources, strict,
                    addresses: connected.then_some(addresses),
                });
            }
            let name: segue_model::name::VolumeName = "data".parse().unwrap();
            let content = RevisionContent {
                kind, image: String::new(), command: argv.map(Command::Argv), env: BTreeMap::new(), port: 80,
                resources,
                volumes: volume.into_iter().map(|path| (name.clone(), Volume { path, size_bytes: 1 })).collect(),
                stop_timeout: Duration::from_secs(stop.into()), read_only, strict, restart_nonce: 0,
            };
            let volumes = BTreeMap::from([(name, VolumeId::from_uuid(Uuid::from_u128(5)))]);
            container_spec(InstanceInput {
                identity, content: &content, image: &image, env, addresses, volumes: &volumes, force_strict,
            })
        }
    }

    /// Keys of a host configuration that may be set at all.
    const ALLOWED: [&str; 14] = [
        "CpuShares",
        "Memory",
        "MemorySwap",
        "PidsLimit",
        "Init",
        "LogConfig",
        "NetworkMode",
        "RestartPolicy",
        "Mounts",
        "CapDrop",
        "CapAdd",
        "SecurityOpt",
        "ReadonlyRootfs",
        "Tmpfs",
    ];

    /// What is wrong with a host configuration; written apart from the function that fills it.
    fn violations(json: &serde_json::Value, probe: bool) -> Vec<String> {
        let mut found = Vec::new();
        let object = json.as_object().unwrap();
        for (key, value) in object {
            if !value.is_null() && !ALLOWED.contains(&key.as_str()) {
                found.push(format!("{key} is set"));
            }
        }
        let texts = |key: &str| -> Vec<String> {
            let list = object[key].as_array().into_iter().flatten();
            list.map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let allowed_caps = [
            "CHOWN",
            "DAC_OVERRIDE",
            "FOWNER",
            "SETUID",
            "SETGID",
            "KILL",
            "NET_BIND_SERVICE",
        ];
        found.extend(
            texts("CapAdd")
                .into_iter()
                .filter(|cap| !allowed_caps.contains(&cap.as_str())),
        );
        if texts("CapDrop") != ["ALL"] || texts("SecurityOpt") != ["no-new-privileges"] {
            found.push("capabilities or security options".into());
        }
        let network = object["NetworkMode"].as_str().unwrap();
        let of_instance = network
            .strip_prefix("container:ins_")
            .is_some_and(|id| id.len() == 32);
        let ours = network
            .strip_prefix("segue-env_")
            .is_some_and(|id| id.len() == 32);
        if !(ours || network == "none" || (probe && of_instance)) {
            found.push(format!("network mode {network}"));
        }
        for mount in object
            .get("Mounts")
            .and_then(|mounts| mounts.as_array())
            .into_iter()
            .flatten()
        {
            let mount = mount.as_object().unwrap();
            let keys: Vec<_> = mount
                .iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, _)| k.as_str())
                .collect();
            let only = keys
                .iter()
                .all(|key| ["Type", "Source", "Target"].contains(key));
            if !only
                || mount["Type"] != "volume"
                || !mount["Source"].as_str().unwrap().starts_with("vol_")
            {
                found.push(format!("mount {mount:?}"));
            }
        }
        if object["Init"] != true
            || object["Memory"] != object["MemorySwap"]
            || object["PidsLimit"].as_i64() < Some(1)
        {
            found.push("init, memory or pids".into());
        }
        let log = &object["LogConfig"];
        if log["Type"] != "json-file"
            || log["Config"]["max-size"].is_null()
            || log["Config"]["max-file"].is_null()
        {
            found.push("log rotation".into());
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn no_spec_can_express_a_forbidden_field(spec in spec()) {
            let probe = spec.role == crate::types::Role::Probe;
            let json = serde_json::to_value(host_config(&spec)).unwrap();
            prop_assert_eq!(violations(&json, probe), Vec::<String>::new());
            let body = serde_json::to_value(create_body(&spec)).unwrap();
            for key in ["ExposedPorts", "Healthcheck", "Volumes", "Entrypoint", "Hostname", "Tty", "OpenStdin"] {
                prop_assert!(body.get(key).is_none_or(serde_json::Value::is_null), "{} is set", key);
            }
        }
    }

    #[test]
    fn the_check_for_forbidden_fields_can_fail() {
        let spec = probe_spec(identity(4, "web"), "probe".into(), 1);
        type Break = fn(&mut HostConfig);
        let breaks: [Break; 10] = [
            |h| h.privileged = Some(true),
            |h| h.binds = Some(vec!["/:/host".into()]),
            |h| h.devices = Some(Vec::new()),
            |h| h.cap_add = Some(vec!["SYS_ADMIN".into()]),
            |h| h.pid_mode = Some("host".into()),
            |h| h.network_mode = Some("host".into()),
            |h| h.security_opt = Some(vec!["seccomp=unconfined".into()]),
            |h| h.sysctls = Some(HashMap::new()),
            |h| h.port_bindings = Some(HashMap::new()),
            |h| {
                let options = bollard::models::MountVolumeOptions {
                    driver_config: Some(Default::default()),
                    ..Default::default()
                };
                h.mounts = Some(vec![Mount {
                    volume_options: Some(options),
                    ..Default::default()
                }]);
            },
        ];
        for (index, change) in breaks.iter().enumerate() {
            let mut host = host_config(&spec);
            assert_eq!(
                violations(&serde_json::to_value(&host).unwrap(), true),
                Vec::<String>::new()
            );
            change(&mut host);
            assert_ne!(
                violations(&serde_json::to_value(&host).unwrap(), true),
                Vec::<String>::new(),
                "break {index}"
            );
        }
    }

    #[test]
    fn a_volume_or_a_job_is_not_restarted_by_the_engine_and_values_are_not_printed() {
        let content = |kind, volume: bool| RevisionContent {
            kind,
            image: String::new(),
            command: None,
            env: BTreeMap::new(),
            port: 3000,
            resources: Resources::default(),
            volumes: volume
                .then(|| {
                    (
                        "data".parse().unwrap(),
                        Volume {
                            path: "/data".into(),
                            size_bytes: 1,
                        },
                    )
                })
                .into_iter()
                .collect(),
            stop_timeout: Duration::from_secs(30),
            read_only: true,
            strict: false,
            restart_nonce: 0,
        };
        let image = ImageRef::Engine {
            id: "sha256:1".into(),
            hosts: Default::default(),
        };
        let make = |content: &RevisionContent| {
            container_spec(InstanceInput {
                identity: identity(1, "web"),
                content,
                image: &image,
                env: BTreeMap::from([(
                    ConfigKey::new("TOKEN").unwrap(),
                    "canary".to_owned().into(),
                )]),
                addresses: Addresses {
                    traffic: Ipv4Addr::new(10, 1, 2, 3),
                    names: None,
                },
                volumes: &BTreeMap::from([(
                    "data".parse().unwrap(),
                    VolumeId::from_uuid(Uuid::nil()),
                )]),
                force_strict: false,
            })
        };
        let policy = |kind, volume| {
            host_config(&make(&content(kind, volume)))
                .restart_policy
                .unwrap()
                .name
                .unwrap()
        };
        assert_eq!(
            policy(ServiceKind::Web, false),
            RestartPolicyNameEnum::ALWAYS
        );
        assert_eq!(policy(ServiceKind::Data, true), RestartPolicyNameEnum::NO);
        assert_eq!(policy(ServiceKind::Job, false), RestartPolicyNameEnum::NO);
        let spec = make(&content(ServiceKind::Web, false));
        assert!(!format!("{spec:?}").contains("canary"));
        let env = create_body(&spec).env.unwrap();
        assert_eq!(env, ["PORT=3000", "TOKEN=canary"]);
    }
}
