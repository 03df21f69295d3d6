//! From the specification that people sent to the model's types, with every bound checked and every fault named
//! by its place. Nothing later checks these bounds again.

use std::collections::BTreeMap;

use segue_model::manifest::{
    BuildSpec, ConfigEntry, DeploySpec, Manifest, ManifestService, Property, Reference, rules,
};
use segue_model::name::{
    AppName, ConfigKey, Domain, ImageName, Label, PathPrefix, ServiceName, VolumeName,
};
use segue_model::spec::{
    Check, Command, Health, Placement, Resources, Rollout, ServiceKind, ServiceSpec, Volume, bounds,
};

use super::faults::{Faults, escape};
use super::spec::{
    Build, Deploy, EnvironmentSpec, HealthCheck, Kind, Service, ServiceResources, Variable,
};
use crate::problem::Problem;

/// Checks everything and names every fault.
pub(crate) fn check(app: &AppName, spec: &EnvironmentSpec) -> Result<Manifest, Problem> {
    let mut faults = Faults::default();
    if spec.services.len() > bounds::SERVICES {
        let most = bounds::SERVICES;
        faults.add("/services", format!("at most {most} services"));
    }
    let mut manifest = Manifest::bare(app.clone());
    for (name, service) in &spec.services {
        let at = format!("/services/{}", escape(name));
        let checked = one_service(&mut faults, &at, service);
        if let Some(name) = faults.parse(&at, ServiceName::new(name.clone())) {
            manifest.services.insert(name, checked);
        }
    }
    faults.contradictions("", rules::shared_domains(&manifest.services));
    for (name, service) in &spec.services {
        let at = format!("/services/{}/config", escape(name));
        let own = config(&mut faults, &at, &service.config, &manifest);
        if let Some((_, checked)) = manifest
            .services
            .iter_mut()
            .find(|(known, _)| known.as_str() == name)
        {
            checked.config = own;
        }
    }
    manifest.build = build(&mut faults, &spec.build);
    if spec.deploy.release.is_some() {
        let detail = format!("{}; {}", rules::NOT_YET, rules::RELEASE_INSTEAD);
        faults.add("/deploy/release", detail);
    }
    manifest.deploy = DeploySpec {
        rollout: rollout(&mut faults, &spec.deploy),
        release: None,
    };
    manifest.config = config(&mut faults, "/config", &spec.config, &manifest);
    faults.end(manifest)
}

fn config(
    faults: &mut Faults,
    at: &str,
    from: &BTreeMap<String, Variable>,
    manifest: &Manifest,
) -> BTreeMap<ConfigKey, ConfigEntry> {
    if from.len() > bounds::CONFIG_KEYS {
        faults.add(at, format!("at most {} variables", bounds::CONFIG_KEYS));
    }
    let mut config = BTreeMap::new();
    for (key, variable) in from {
        let at = format!("{at}/{}", escape(key));
        let entry = entry(faults, &at, variable, manifest);
        if let (Some(key), Some(entry)) = (config_key(faults, &at, key), entry) {
            config.insert(key, entry);
        }
    }
    config
}

/// A variable's name that people may set.
pub(crate) fn config_key(faults: &mut Faults, at: &str, key: &str) -> Option<ConfigKey> {
    if let Some(instead) = bounds::reserved(key) {
        faults.add(at, format!("{key} is given by Segue; {instead}"));
        return None;
    }
    faults.parse(at, ConfigKey::new(key))
}

fn build(faults: &mut Faults, from: &Build) -> BuildSpec {
    let dockerfile = from.dockerfile.clone();
    if dockerfile
        .as_ref()
        .is_some_and(|path| !bounds::is_dockerfile_path(path))
    {
        let detail = "a path inside the source, of letters, digits and ._-+@/";
        faults.add("/build/dockerfile", detail);
    }
    let image = from.image.clone();
    let spec = BuildSpec {
        builder: from.builder.into(),
        dockerfile,
        test: command(
            faults,
            ("/build/test", from.test.as_deref()),
            ("/build/test_argv", from.test_argv.as_ref()),
        ),
        image: image.and_then(|image| faults.parse("/build/image", ImageName::new(image))),
    };
    faults.contradictions("/build", rules::build(&spec));
    spec
}

/// A command, as a line or as its arguments; each with its place.
fn command(
    faults: &mut Faults,
    (line_at, line): (&str, Option<&str>),
    (argv_at, argv): (&str, Option<&Vec<String>>),
) -> Option<Command> {
    if line.is_some() && argv.is_some() {
        faults.add(argv_at, "a command is a line or its arguments, not both");
    }
    let Some(argv) = argv else {
        return line.and_then(|line| faults.parse(line_at, Command::parse(line)));
    };
    faults
        .argv(argv_at, argv)
        .then(|| Command::Argv(argv.clone()))
}

fn entry(
    faults: &mut Faults,
    at: &str,
    from: &Variable,
    manifest: &Manifest,
) -> Option<ConfigEntry> {
    let set = [
        from.value.is_some(),
        from.from.is_some(),
        from.generate,
        from.secret,
    ];
    if set.iter().filter(|set| **set).count() != 1 || (from.required && !from.secret) {
        faults.add(
            at,
            "exactly one of value, from, generate and secret; required goes with secret",
        );
        return None;
    }
    if let Some(value) = &from.value {
        faults.value(at, value);
        return Some(ConfigEntry::Value(value.clone()));
    }
    let Some(text) = &from.from else {
        return Some(if from.generate {
            ConfigEntry::Generate
        } else {
            ConfigEntry::Secret {
                required: from.required,
            }
        });
    };
    let known = |reference: &Reference| {
        let service = manifest.services.get(&reference.service);
        service.is_some_and(|service| !rules::port_unknown(reference, &service.spec))
    };
    let reference = reference(text).filter(known);
    if reference.is_none() {
        faults.add(
            at,
            "`services.NAME.host`, `.port` or `.address` of a service of this specification that has it",
        );
    }
    reference.map(ConfigEntry::From)
}

fn reference(text: &str) -> Option<Reference> {
    let (service, property) = text.strip_prefix("services.")?.split_once('.')?;
    let property = match property {
        "host" => Property::Host,
        "port" => Property::Port,
        "address" => Property::Address,
        _ => return None,
    };
    Some(Reference {
        service: ServiceName::new(service).ok()?,
        property,
    })
}

fn one_service(faults: &mut Faults, at: &str, from: &Service) -> ManifestService {
    let kind = ServiceKind::from(from.kind);
    if from.kind == Kind::Job {
        let detail = format!("\"job\" is {}; {}", rules::NOT_YET, rules::JOB_INSTEAD);
        faults.add(&format!("{at}/kind"), detail);
    }
    let mut spec = ServiceSpec::new(kind);
    let image = from
        .image
        .as_ref()
        .and_then(|image| faults.parse(&format!("{at}/image"), ImageName::new(image.clone())));
    spec.command = command(
        faults,
        (&format!("{at}/command"), from.command.as_deref()),
        (&format!("{at}/argv"), from.argv.as_ref()),
    );
    spec.port = from
        .port
        .map(|port| faults.range(&format!("{at}/port"), port, bounds::PORT));
    spec.replicas = faults.range(&format!("{at}/replicas"), from.replicas, bounds::REPLICAS);
    spec.resources = resources(faults, &format!("{at}/resources"), &from.resources);
    let default = Check::of(kind, spec.port);
    spec.health = health(faults, &format!("{at}/health"), default, &from.health);
    spec.stop_timeout = faults.millis(
        &format!("{at}/stop_timeout_ms"),
        from.stop_timeout_ms,
        bounds::STOP_TIMEOUT,
    );
    spec.read_only = from.read_only;
    for (name, volume) in &from.volumes {
        let at = format!("{at}/volumes/{}", escape(name));
        if !bounds::is_volume_path(&volume.path) {
            let most = bounds::VOLUME_PATH_CHARS;
            let detail = format!(
                "an absolute path of letters, digits and ._-+@/, at most {most} characters"
            );
            faults.add(&format!("{at}/path"), detail);
        }
        let size_bytes = faults.range(
            &format!("{at}/size_bytes"),
            volume.size_bytes,
            bounds::VOLUME_BYTES,
        );
        if let Some(name) = faults.parse(&at, VolumeName::new(name.clone())) {
            let path = volume.path.clone();
            spec.volumes.insert(name, Volume { path, size_bytes });
        }
    }
    if from.domains.len() > bounds::DOMAINS {
        let most = bounds::DOMAINS;
        faults.add(
            &format!("{at}/domains"),
            format!("at most {most} host names"),
        );
    }
    for (index, name) in from.domains.iter().enumerate() {
        if let Some(name) =
            faults.parse(&format!("{at}/domains/{index}"), Domain::new(name.clone()))
        {
            spec.domains.push(name);
        }
    }
    if let Some(path) = faults.parse(&format!("{at}/path"), PathPrefix::new(from.path.clone())) {
        spec.path = path;
    }
    spec.place = placement(faults, at, from);
    faults.contradictions(at, rules::service(&spec));
    ManifestService {
        image,
        ..ManifestService::new(spec)
    }
}

fn placement(faults: &mut Faults, at: &str, from: &Service) -> Placement {
    let mut require = BTreeMap::new();
    for (key, value) in &from.place.require {
        let at = format!("{at}/place/require/{}", escape(key));
        let pair = (
            faults.parse(&at, Label::new(key.clone())),
            faults.parse(&at, Label::new(value.clone())),
        );
        if let (Some(key), Some(value)) = pair {
            require.insert(key, value);
        }
    }
    Placement {
        require,
        one_per_host: from.place.one_per_host,
    }
}

fn resources(faults: &mut Faults, at: &str, from: &ServiceResources) -> Resources {
    Resources {
        cpu_millis: faults.range(
            &format!("{at}/cpu_millis"),
            from.cpu_millis,
            bounds::CPU_MILLIS,
        ),
        memory_bytes: faults.range(
            &format!("{at}/memory_bytes"),
            from.memory_bytes,
            bounds::MEMORY_BYTES,
        ),
        pids: faults.range(&format!("{at}/pids"), from.pids, bounds::PIDS),
    }
}

fn health(faults: &mut Faults, at: &str, default: Check, from: &HealthCheck) -> Health {
    let set = [
        from.path.is_some(),
        from.command.is_some(),
        from.tcp,
        from.running,
    ];
    if set.iter().filter(|set| **set).count() > 1 {
        faults.add(at, "at most one of path, command, tcp and running");
    }
    let check = if let Some(path) = &from.path {
        if !bounds::is_check_path(path) {
            let most = bounds::CHECK_PATH_CHARS;
            let detail = format!("an absolute path of visible characters, at most {most}");
            faults.add(&format!("{at}/path"), detail);
        }
        Check::Http { path: path.clone() }
    } else if let Some(argv) = &from.command {
        faults.argv(&format!("{at}/command"), argv);
        Check::Command { argv: argv.clone() }
    } else if from.tcp {
        Check::Tcp
    } else if from.running {
        Check::Running
    } else {
        default
    };
    Health {
        check,
        interval: faults.millis(
            &format!("{at}/interval_ms"),
            from.interval_ms,
            bounds::HEALTH_INTERVAL,
        ),
        timeout: faults.millis(
            &format!("{at}/timeout_ms"),
            from.timeout_ms,
            bounds::HEALTH_TIMEOUT,
        ),
        failures: faults.range(
            &format!("{at}/failures"),
            from.failures,
            bounds::HEALTH_FAILURES,
        ),
        start_timeout: faults.millis(
            &format!("{at}/start_timeout_ms"),
            from.start_timeout_ms,
            bounds::START_TIMEOUT,
        ),
    }
}

fn rollout(faults: &mut Faults, from: &Deploy) -> Rollout {
    let rollout = Rollout {
        strategy: from.strategy.into(),
        max_surge: from
            .max_surge
            .map(|surge| faults.range("/deploy/max_surge", surge, bounds::MAX_SURGE)),
        max_unavailable: faults.range(
            "/deploy/max_unavailable",
            from.max_unavailable,
            bounds::MAX_UNAVAILABLE,
        ),
        drain: faults.millis("/deploy/drain_ms", from.drain_ms, bounds::DRAIN),
        bake: faults.millis("/deploy/bake_ms", from.bake_ms, bounds::BAKE),
        progress_deadline: faults.millis(
            "/deploy/progress_deadline_ms",
            from.progress_deadline_ms,
            bounds::PROGRESS_DEADLINE,
        ),
        auto_rollback: from.auto_rollback,
    };
    faults.contradictions("/deploy", rules::rollout(&rollout));
    rollout
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "bounds_fields.rs"]
mod bounds_fields;

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod bounds_tests;
