//! The manifest as the API takes it: flat, with units in names.

use std::collections::BTreeMap;
use std::time::Duration;

use segue_client as api;
use segue_model::manifest::{Builder, ConfigEntry, Manifest, ManifestService, Property};
use segue_model::name::ConfigKey;
use segue_model::spec::{Check, Command, ServiceKind, Strategy};

/// The specification that a manifest stands for.
pub(crate) fn spec(manifest: &Manifest) -> api::EnvironmentSpec {
    let rollout = &manifest.deploy.rollout;
    let services = manifest
        .services
        .iter()
        .map(|(name, s)| (name.to_string(), service(s)));
    let (test, test_argv) = written(manifest.build.test.as_ref());
    api::EnvironmentSpec {
        services: Some(services.collect()),
        build: Some(api::Build {
            builder: Some(builder(manifest.build.builder)),
            image: manifest.build.image.as_ref().map(ToString::to_string),
            dockerfile: manifest.build.dockerfile.clone(),
            test,
            test_argv,
        }),
        deploy: Some(api::Deploy {
            release: None,
            strategy: Some(match rollout.strategy {
                Strategy::Switch => api::RolloutStrategy::Switch,
                Strategy::Rolling => api::RolloutStrategy::Rolling,
                Strategy::Recreate => api::RolloutStrategy::Recreate,
            }),
            max_surge: rollout.max_surge.map(int),
            max_unavailable: Some(int(rollout.max_unavailable)),
            drain_ms: Some(millis(rollout.drain)),
            bake_ms: Some(millis(rollout.bake)),
            progress_deadline_ms: Some(millis(rollout.progress_deadline)),
            auto_rollback: Some(rollout.auto_rollback),
        }),
        config: Some(variables(&manifest.config)),
    }
}

fn variables<C: FromIterator<(String, api::Variable)>>(
    from: &BTreeMap<ConfigKey, ConfigEntry>,
) -> C {
    from.iter()
        .map(|(key, entry)| (key.to_string(), variable(entry)))
        .collect()
}

fn builder(builder: Builder) -> api::BuilderKind {
    match builder {
        Builder::Auto => api::BuilderKind::Auto,
        Builder::Dockerfile => api::BuilderKind::Dockerfile,
        Builder::Python => api::BuilderKind::Python,
        Builder::Node => api::BuilderKind::Node,
        Builder::Go => api::BuilderKind::Go,
        Builder::Rust => api::BuilderKind::Rust,
        Builder::Ruby => api::BuilderKind::Ruby,
        Builder::Php => api::BuilderKind::Php,
        Builder::Java => api::BuilderKind::Java,
        Builder::Deno => api::BuilderKind::Deno,
        Builder::Bun => api::BuilderKind::Bun,
        Builder::Static => api::BuilderKind::Static,
    }
}

fn service(service: &ManifestService) -> api::Service {
    let spec = &service.spec;
    let volumes = spec.volumes.iter().map(|(name, volume)| {
        let shown = api::ServiceVolume {
            path: volume.path.clone(),
            size_bytes: long(volume.size_bytes),
        };
        (name.to_string(), shown)
    });
    let require = spec
        .place
        .require
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()));
    let (command, argv) = written(spec.command.as_ref());
    api::Service {
        kind: Some(match spec.kind {
            ServiceKind::Web => api::Kind::Web,
            ServiceKind::Worker => api::Kind::Worker,
            ServiceKind::Job => api::Kind::Job,
            ServiceKind::Data => api::Kind::Data,
        }),
        image: service.image.as_ref().map(ToString::to_string),
        command,
        argv,
        port: spec.port.map(i32::from),
        replicas: Some(int(spec.replicas)),
        resources: Some(api::ServiceResources {
            cpu_millis: Some(int(spec.resources.cpu_millis)),
            memory_bytes: Some(long(spec.resources.memory_bytes)),
            pids: Some(int(spec.resources.pids)),
        }),
        health: Some(api::HealthCheck {
            path: match &spec.health.check {
                Check::Http { path } => Some(path.clone()),
                _ => None,
            },
            command: match &spec.health.check {
                Check::Command { argv } => Some(argv.clone()),
                _ => None,
            },
            tcp: (spec.health.check == Check::Tcp).then_some(true),
            running: (spec.health.check == Check::Running).then_some(true),
            interval_ms: Some(millis(spec.health.interval)),
            timeout_ms: Some(millis(spec.health.timeout)),
            failures: Some(int(spec.health.failures)),
            start_timeout_ms: Some(millis(spec.health.start_timeout)),
        }),
        volumes: Some(volumes.collect()),
        stop_timeout_ms: Some(millis(spec.stop_timeout)),
        read_only: Some(spec.read_only),
        domains: Some(spec.domains.iter().map(ToString::to_string).collect()),
        path: Some(spec.path.to_string()),
        place: Some(api::ServicePlacement {
            require: Some(require.collect()),
            one_per_host: Some(spec.place.one_per_host),
        }),
        config: (!service.config.is_empty()).then(|| variables(&service.config)),
    }
}

fn variable(entry: &ConfigEntry) -> api::Variable {
    let none = api::Variable::default();
    match entry {
        ConfigEntry::Value(value) => api::Variable {
            value: Some(value.clone()),
            ..none
        },
        ConfigEntry::From(reference) => {
            let property = match reference.property {
                Property::Host => "host",
                Property::Port => "port",
                Property::Address => "address",
            };
            api::Variable {
                from: Some(format!("services.{}.{property}", reference.service)),
                ..none
            }
        }
        ConfigEntry::Generate => api::Variable {
            generate: Some(true),
            ..none
        },
        ConfigEntry::Secret { required } => api::Variable {
            secret: Some(true),
            required: Some(*required),
            ..none
        },
    }
}

/// A command as the API takes it: a line where the line means the same, else its arguments.
fn written(command: Option<&Command>) -> (Option<String>, Option<Vec<String>>) {
    match command {
        None => (None, None),
        Some(Command::Shell(line)) => (Some(line.clone()), None),
        Some(command @ Command::Argv(argv)) => {
            let line = shell_words::join(argv);
            if Command::parse(&line).as_ref() == Ok(command) {
                (Some(line), None)
            } else {
                (None, Some(argv.clone()))
            }
        }
    }
}

/// The API's numbers are signed; what does not fit was refused when the manifest was read.
fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use segue_model::manifest::ManifestFile;

    #[test]
    fn every_part_of_a_manifest_is_sent() {
        let text = r#"
app = "shop"
[build]
builder = "python"
test = "pytest -q"
[deploy]
strategy = "rolling"
rollout = { max_surge = 2, drain = "5s", bake = "1m", auto_rollback = false }
[services.web]
command = "gunicorn shop.wsgi"
port = 8000
replicas = 2
resources = { cpu = 0.5, memory = "64MiB", pids = 100 }
health = { path = "/healthz", interval = "7s", timeout = "300ms", failures = 4, start_timeout = "9s" }
domains = ["shop.example.com"]
path = "/api"
stop_timeout = "11s"
read_only = true
place = { require = { region = "eu" }, one_per_host = true }
[services.worker]
kind = "worker"
command = ["echo", "$HOME"]
health = { command = ["check", "it"] }
[services.cache]
kind = "data"
image = "redis:7"
port = 6379
volumes = { data = { path = "/data", size = "1GiB" } }
config = { MODE = "cache" }
[config]
A = "1"
B = { from = "services.cache.address" }
C = { generate = "secret" }
D = { secret = true, required = true }
"#;
        let file = ManifestFile::from_toml(text).unwrap();
        let spec = super::spec(file.for_environment(&"production".parse().unwrap()));
        insta::assert_snapshot!(serde_json::to_string_pretty(&spec).unwrap());
    }
}
