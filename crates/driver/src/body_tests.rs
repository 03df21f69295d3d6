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
            env: BTreeMap::from([(ConfigKey::new("TOKEN").unwrap(), "canary".to_owned().into())]),
            addresses: Addresses {
                traffic: Ipv4Addr::new(10, 1, 2, 3),
                names: None,
            },
            volumes: &BTreeMap::from([("data".parse().unwrap(), VolumeId::from_uuid(Uuid::nil()))]),
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
