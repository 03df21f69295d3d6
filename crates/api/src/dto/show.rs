//! From the model's manifest to the specification as people read it.

use std::collections::BTreeMap;

use segue_model::manifest::{ConfigEntry, Manifest, ManifestService, Property};
use segue_model::name::ConfigKey;
use segue_model::spec::{Check, Command, Health, ServiceSpec};

use super::millis;
use super::spec::{
    Build, Deploy, EnvironmentSpec, HealthCheck, Service, ServicePlacement, ServiceResources,
    ServiceVolume, Variable,
};

impl From<&Manifest> for EnvironmentSpec {
    fn from(from: &Manifest) -> Self {
        let services = from
            .services
            .iter()
            .map(|(name, service)| (name.to_string(), Service::from(service)))
            .collect();
        let (test, test_argv) = written(from.build.test.as_ref());
        let rollout = &from.deploy.rollout;
        Self {
            services,
            build: Build {
                builder: from.build.builder.into(),
                image: from.build.image.as_ref().map(ToString::to_string),
                dockerfile: from.build.dockerfile.clone(),
                test,
                test_argv,
            },
            deploy: Deploy {
                release: from.deploy.release.as_ref().map(line),
                strategy: rollout.strategy.into(),
                max_surge: rollout.max_surge,
                max_unavailable: rollout.max_unavailable,
                drain_ms: millis(rollout.drain),
                bake_ms: millis(rollout.bake),
                progress_deadline_ms: millis(rollout.progress_deadline),
                auto_rollback: rollout.auto_rollback,
            },
            config: variables(&from.config),
        }
    }
}

impl From<&ManifestService> for Service {
    fn from(from: &ManifestService) -> Self {
        Self {
            config: variables(&from.config),
            ..Self::of(&from.spec, from.image.as_ref().map(ToString::to_string))
        }
    }
}

fn variables(from: &BTreeMap<ConfigKey, ConfigEntry>) -> BTreeMap<String, Variable> {
    from.iter()
        .map(|(key, entry)| (key.to_string(), Variable::from(entry)))
        .collect()
}

impl Service {
    /// A service as people read it.
    pub(crate) fn of(spec: &ServiceSpec, image: Option<String>) -> Self {
        let (command, argv) = written(spec.command.as_ref());
        Self {
            kind: spec.kind.into(),
            image,
            command,
            argv,
            port: spec.port,
            replicas: spec.replicas,
            resources: ServiceResources {
                cpu_millis: spec.resources.cpu_millis,
                memory_bytes: spec.resources.memory_bytes,
                pids: spec.resources.pids,
            },
            health: health(&spec.health, Check::of(spec.kind, spec.port)),
            volumes: spec
                .volumes
                .iter()
                .map(|(name, volume)| {
                    let shown = ServiceVolume {
                        path: volume.path.clone(),
                        size_bytes: volume.size_bytes,
                    };
                    (name.to_string(), shown)
                })
                .collect(),
            stop_timeout_ms: millis(spec.stop_timeout),
            read_only: spec.read_only,
            domains: spec.domains.iter().map(ToString::to_string).collect(),
            path: spec.path.to_string(),
            place: ServicePlacement {
                require: spec
                    .place
                    .require
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_string()))
                    .collect::<BTreeMap<_, _>>(),
                one_per_host: spec.place.one_per_host,
            },
            config: BTreeMap::new(),
        }
    }
}

impl From<&ConfigEntry> for Variable {
    fn from(from: &ConfigEntry) -> Self {
        match from {
            ConfigEntry::Value(value) => Self {
                value: Some(value.clone()),
                ..Self::default()
            },
            ConfigEntry::From(reference) => {
                let property = match reference.property {
                    Property::Host => "host",
                    Property::Port => "port",
                    Property::Address => "address",
                };
                let text = format!("services.{}.{property}", reference.service);
                Self {
                    from: Some(text),
                    ..Self::default()
                }
            }
            ConfigEntry::Generate => Self {
                generate: true,
                ..Self::default()
            },
            ConfigEntry::Secret { required } => Self {
                secret: true,
                required: *required,
                ..Self::default()
            },
        }
    }
}

fn health(from: &Health, default: Check) -> HealthCheck {
    let mut shown = HealthCheck {
        path: None,
        command: None,
        tcp: false,
        running: false,
        interval_ms: millis(from.interval),
        timeout_ms: millis(from.timeout),
        failures: from.failures,
        start_timeout_ms: millis(from.start_timeout),
    };
    match &from.check {
        // The service's own default is shown as nothing set.
        check if *check == default => {}
        Check::Default => {}
        Check::Http { path } => shown.path = Some(path.clone()),
        Check::Tcp => shown.tcp = true,
        Check::Command { argv } => shown.command = Some(argv.clone()),
        Check::Running => shown.running = true,
    }
    shown
}

/// A command as it can be sent again: a line where the line means the same, else its arguments.
fn written(command: Option<&Command>) -> (Option<String>, Option<Vec<String>>) {
    match command {
        None => (None, None),
        Some(command) => {
            let line = line(command);
            match command {
                Command::Argv(argv) if Command::parse(&line).as_ref() != Ok(command) => {
                    (None, Some(argv.clone()))
                }
                _ => (Some(line), None),
            }
        }
    }
}

/// A command as one line.
pub(crate) fn line(command: &Command) -> String {
    match command {
        Command::Argv(argv) => shell_words::join(argv),
        Command::Shell(line) => line.clone(),
    }
}
