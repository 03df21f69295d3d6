//! The closed type that a container is made from, and the pure functions that make it.
//!
//! Invariants (security rule 10): a [`ContainerSpec`] can only be made by the functions here, and what it has no
//! field for cannot be asked of an engine: privileges, binds, devices, capabilities beyond the profile, host
//! namespaces, security options, sysctls, published ports, volume drivers. The instance id names the container,
//! so that one spec has one container for ever.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use segue_model::id::{HostId, InstallationId, InstanceId, VolumeId};
use segue_model::name::{ConfigKey, VolumeName};
use segue_model::revision::RevisionContent;
use segue_model::spec::{ImageRef, Resources, ServiceKind};

use crate::types::{ContainerName, Identity, NetworkName, Role};

/// The user that containers of the profile `strict` run as, and that generated Dockerfiles give WORKDIR to.
pub const STRICT_USER: &str = "10001:10001";

/// What a container may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// Fixed unprivileged user, no capability. For images from Dockerfiles that Segue generated.
    Strict,
    /// The image's user and the capabilities that images which start as root and drop it need.
    Compatible,
    /// Segue's own probe: nobody, no capability, read-only, in the network namespace of an instance.
    Probe,
}

impl Profile {
    /// Capabilities kept; all others are dropped.
    #[must_use]
    pub const fn capabilities(self) -> &'static [&'static str] {
        match self {
            Self::Compatible => &[
                "CHOWN",
                "DAC_OVERRIDE",
                "FOWNER",
                "SETUID",
                "SETGID",
                "KILL",
                "NET_BIND_SERVICE",
            ],
            Self::Strict | Self::Probe => &[],
        }
    }

    /// The user that replaces the image's.
    #[must_use]
    pub const fn user(self) -> Option<&'static str> {
        match self {
            Self::Strict => Some(STRICT_USER),
            Self::Compatible => None,
            Self::Probe => Some("65534:65534"),
        }
    }
}

/// How a container is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attachment {
    /// Loopback only.
    None,
    /// On the environment's networks, at addresses that Segue chose.
    Environment {
        traffic: (NetworkName, Ipv4Addr),
        names: Option<(NetworkName, Ipv4Addr)>,
    },
    /// In the network namespace of an instance; for the probe only.
    NamespaceOf(InstanceId),
}

/// An exclusive volume and where it is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeMount {
    pub volume: VolumeId,
    pub path: String,
}

/// A container as it shall be. Printing it shows names of variables, never values.
#[derive(Clone)]
pub struct ContainerSpec {
    pub(crate) name: ContainerName,
    pub(crate) role: Role,
    pub(crate) identity: Identity,
    pub(crate) image: String,
    pub(crate) argv: Option<Vec<String>>,
    pub(crate) env: BTreeMap<String, SecretString>,
    pub(crate) resources: Resources,
    pub(crate) stop_timeout: Duration,
    pub(crate) read_only: bool,
    pub(crate) profile: Profile,
    pub(crate) restart_always: bool,
    pub(crate) attachment: Attachment,
    pub(crate) mounts: Vec<VolumeMount>,
}

impl ContainerSpec {
    /// The container's name.
    #[must_use]
    pub const fn name(&self) -> &ContainerName {
        &self.name
    }

    /// Who it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it is for.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The image it runs, as the engine names it.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.image
    }

    /// Its address on the traffic network.
    #[must_use]
    pub const fn address(&self) -> Option<Ipv4Addr> {
        match self.attachment {
            Attachment::Environment {
                traffic: (_, address),
                ..
            } => Some(address),
            Attachment::None | Attachment::NamespaceOf(_) => None,
        }
    }
}

impl std::fmt::Debug for ContainerSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContainerSpec")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("identity", &self.identity)
            .field("image", &self.image)
            .field("argv", &self.argv)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("resources", &self.resources)
            .field("profile", &self.profile)
            .field("attachment", &self.attachment)
            .finish_non_exhaustive()
    }
}

/// Where an instance or a task is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// On the environment's traffic network: what probe and edge dial.
    pub traffic: Ipv4Addr,
    /// On its names network, if it takes part in names.
    pub names: Option<Ipv4Addr>,
}

/// What shapes an instance's container.
#[derive(Debug)]
pub struct InstanceInput<'a> {
    /// Who it is.
    pub identity: Identity,
    /// What its revision hashes.
    pub content: &'a RevisionContent,
    /// The pinned image whose content address the revision holds.
    pub image: &'a ImageRef,
    /// Values of all variables that the content names, secrets opened. `PORT` in it is ignored.
    pub env: BTreeMap<ConfigKey, SecretString>,
    /// Where it is connected.
    pub addresses: Addresses,
    /// Volumes of this environment on this host, by name. A volume that the content names and that is missing
    /// here is not mounted: the planner places an instance only where its volumes are.
    pub volumes: &'a BTreeMap<VolumeName, VolumeId>,
    /// The installation or the host demands `strict` for all.
    pub force_strict: bool,
}

/// The container of an instance: a pure function of revision, environment and policy (engine rule 8).
#[must_use]
pub fn container_spec(input: InstanceInput<'_>) -> ContainerSpec {
    let InstanceInput {
        identity,
        content,
        image,
        env,
        addresses,
        volumes,
        force_strict,
    } = input;
    let mut env: BTreeMap<String, SecretString> = env
        .into_iter()
        .map(|(key, value)| (key.as_str().to_owned(), value))
        .collect();
    env.insert("PORT".to_owned(), content.port.to_string().into());
    let mounts = (content.volumes.iter())
        .filter_map(|(name, volume)| {
            let id = *volumes.get(name)?;
            Some(VolumeMount {
                volume: id,
                path: volume.path.clone(),
            })
        })
        .collect();
    let environment = identity.environment;
    ContainerSpec {
        name: identity.instance.into(),
        role: Role::Instance,
        image: image.engine_name(),
        argv: content
            .command
            .as_ref()
            .map(segue_model::spec::Command::to_argv),
        env,
        resources: content.resources,
        stop_timeout: content.stop_timeout,
        read_only: content.read_only,
        profile: if content.strict || force_strict {
            Profile::Strict
        } else {
            Profile::Compatible
        },
        // A job ends by itself; an exclusive volume may have moved while we were away (engine rule 10).
        restart_always: content.volumes.is_empty() && content.kind != ServiceKind::Job,
        attachment: Attachment::Environment {
            traffic: (NetworkName::Traffic(environment), addresses.traffic),
            names: addresses
                .names
                .map(|address| (NetworkName::Names(environment), address)),
        },
        mounts,
        identity,
    }
}

/// What shapes a task: something that runs to its end in an image of a service.
#[derive(Debug)]
pub struct TaskInput<'a> {
    /// Who it is; its `instance` is made for it and used once.
    pub identity: Identity,
    /// The image.
    pub image: &'a ImageRef,
    /// What runs, without a shell unless the caller put one there.
    pub argv: Vec<String>,
    /// Values of its variables.
    pub env: BTreeMap<ConfigKey, SecretString>,
    /// Its limits.
    pub resources: Resources,
    /// The image came from a Dockerfile that Segue generated, or the installation demands `strict`.
    pub strict: bool,
    /// Where it is connected; `None`: loopback only, as for tests in the built image.
    pub addresses: Option<Addresses>,
}

/// The container of a task: never restarted, removed by whoever ran it.
#[must_use]
pub fn task_spec(input: TaskInput<'_>) -> ContainerSpec {
    let TaskInput {
        identity,
        image,
        argv,
        env,
        resources,
        strict,
        addresses,
    } = input;
    let environment = identity.environment;
    ContainerSpec {
        name: identity.instance.into(),
        role: Role::Task,
        image: image.engine_name(),
        argv: Some(argv),
        env: env
            .into_iter()
            .map(|(key, value)| (key.as_str().to_owned(), value))
            .collect(),
        resources,
        stop_timeout: Duration::from_secs(10),
        read_only: false,
        profile: if strict {
            Profile::Strict
        } else {
            Profile::Compatible
        },
        restart_always: false,
        attachment: match addresses {
            Some(addresses) => Attachment::Environment {
                traffic: (NetworkName::Traffic(environment), addresses.traffic),
                names: addresses
                    .names
                    .map(|address| (NetworkName::Names(environment), address)),
            },
            None => Attachment::None,
        },
        mounts: Vec::new(),
        identity,
    }
}

/// Segue's own look into an instance's network namespace. `nonce` makes the name unique, because two workers may
/// look at once.
pub(crate) fn probe_spec(identity: Identity, image: String, nonce: u64) -> ContainerSpec {
    let of = identity.instance;
    let name = ContainerName::new(format!("probe-{nonce:016x}-{of}")).unwrap_or_else(|_| of.into());
    ContainerSpec {
        name,
        role: Role::Probe,
        image,
        argv: None,
        env: BTreeMap::new(),
        resources: Resources {
            cpu_millis: 10,
            memory_bytes: 16 << 20,
            pids: 8,
        },
        stop_timeout: Duration::from_secs(1),
        read_only: true,
        profile: Profile::Probe,
        restart_always: false,
        attachment: Attachment::NamespaceOf(of),
        mounts: Vec::new(),
        identity,
    }
}

/// `KEY=value` pairs for the engine; the only place where values leave their wrappers.
pub(crate) fn env_pairs(env: &BTreeMap<String, SecretString>) -> Vec<String> {
    env.iter()
        .map(|(key, value)| format!("{key}={}", value.expose_secret()))
        .collect()
}

/// Label keys. They are contract with containers that run: never renamed.
pub(crate) mod label {
    pub const INSTALLATION: &str = "segue.installation";
    pub const ROLE: &str = "segue.role";
    pub const TEAM: &str = "segue.team";
    pub const ENVIRONMENT: &str = "segue.environment";
    pub const SERVICE: &str = "segue.service";
    pub const REVISION: &str = "segue.revision";
    pub const INSTANCE: &str = "segue.instance";
    pub const SLOT: &str = "segue.slot";
    pub const HOST_EPOCH: &str = "segue.host-epoch";
    pub const SUBNET: &str = "segue.subnet";
}

/// The labels of a container.
pub(crate) fn labels(role: Role, identity: &Identity) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        (label::INSTALLATION, identity.installation.to_string()),
        (label::ROLE, role.as_str().to_owned()),
        (label::TEAM, identity.team.to_string()),
        (label::ENVIRONMENT, identity.environment.to_string()),
        (label::SERVICE, identity.service.to_string()),
        (label::REVISION, identity.revision.to_string()),
        (label::INSTANCE, identity.instance.to_string()),
        (label::SLOT, identity.slot.to_string()),
        (label::HOST_EPOCH, identity.host_epoch.to_string()),
    ])
}

/// Role and identity from labels; the identity is `None` if one is missing or cannot be read.
pub(crate) fn read_labels<'a>(get: impl Fn(&str) -> Option<&'a str>) -> (Role, Option<Identity>) {
    let role = match get(label::ROLE) {
        Some("task") => Role::Task,
        Some("probe") => Role::Probe,
        _ => Role::Instance,
    };
    let identity = (|| {
        Some(Identity {
            installation: get(label::INSTALLATION)?.parse().ok()?,
            team: get(label::TEAM)?.parse().ok()?,
            environment: get(label::ENVIRONMENT)?.parse().ok()?,
            service: get(label::SERVICE)?.parse().ok()?,
            revision: get(label::REVISION)?.parse().ok()?,
            instance: get(label::INSTANCE)?.parse().ok()?,
            slot: get(label::SLOT)?.parse().ok()?,
            host_epoch: get(label::HOST_EPOCH)?.parse().ok()?,
        })
    })();
    (role, identity)
}

/// What a driver is told about where it stands: who owns, and which host this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// Only containers with this label are seen or touched.
    pub installation: InstallationId,
    /// The host, for logs.
    pub host: HostId,
}
