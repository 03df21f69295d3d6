//! From the specification that people sent to the model's types, with every bound checked and every fault named
//! by its place. Nothing later checks these bounds again.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use segue_model::manifest::{
    BuildSpec, ConfigEntry, DeploySpec, MAX_CONFIG_KEYS, MAX_SERVICES, Manifest, ManifestService,
    Property, Reference,
};
use segue_model::name::{
    AppName, ConfigKey, Domain, ImageName, Label, PathPrefix, ServiceName, VolumeName,
};
use segue_model::spec::{
    Check, Command, Health, Placement, Resources, Rollout, ServiceKind, ServiceSpec, Volume,
};

use super::spec::{
    Build, Deploy, EnvironmentSpec, HealthCheck, Service, ServiceResources, Variable,
};
use crate::problem::{FieldError, Problem, ProblemCode};

/// Bytes of one value.
pub(crate) const MAX_VALUE_BYTES: usize = 65_536;

/// Checks everything and names every fault.
pub(crate) fn check(app: &AppName, spec: &EnvironmentSpec) -> Result<Manifest, Problem> {
    let mut faults = Faults::default();
    if spec.services.len() > MAX_SERVICES {
        faults.add("/services", format!("at most {MAX_SERVICES} services"));
    }
    if spec.config.len() > MAX_CONFIG_KEYS {
        faults.add("/config", format!("at most {MAX_CONFIG_KEYS} variables"));
    }
    let mut manifest = Manifest::bare(app.clone());
    for (name, service) in &spec.services {
        let at = format!("/services/{}", escape(name));
        let checked = one_service(&mut faults, &at, service);
        if let Some(name) = faults.parse(&at, ServiceName::new(name.clone())) {
            manifest.services.insert(name, checked);
        }
    }
    manifest.build = build(&mut faults, &spec.build);
    manifest.deploy = DeploySpec {
        rollout: rollout(&mut faults, &spec.deploy),
        release: command(
            &mut faults,
            "/deploy/release",
            spec.deploy.release.as_deref(),
        ),
    };
    for (key, variable) in &spec.config {
        let at = format!("/config/{}", escape(key));
        let entry = entry(&mut faults, &at, variable, &manifest);
        if let (Some(key), Some(entry)) = (faults.parse(&at, ConfigKey::new(key.clone())), entry) {
            manifest.config.insert(key, entry);
        }
    }
    faults.end(manifest)
}

fn build(faults: &mut Faults, from: &Build) -> BuildSpec {
    if from
        .dockerfile
        .as_ref()
        .is_some_and(|path| !is_relative(path))
    {
        faults.add(
            "/build/dockerfile",
            "a path inside the source, without `..`",
        );
    }
    let image = from.image.clone();
    BuildSpec {
        builder: from.builder.into(),
        dockerfile: from.dockerfile.clone(),
        test: command(faults, "/build/test", from.test.as_deref()),
        image: image.and_then(|image| faults.parse("/build/image", ImageName::new(image))),
    }
}

fn command(faults: &mut Faults, at: &str, line: Option<&str>) -> Option<Command> {
    line.and_then(|line| faults.parse(at, Command::parse(line)))
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
        if !is_value(value) {
            faults.add(at, format!("at most {MAX_VALUE_BYTES} bytes, without NUL"));
        }
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
    let reference = reference(text).filter(|reference| manifest.resolve(reference).is_some());
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
    let mut spec = ServiceSpec::new(kind);
    let image = from
        .image
        .as_ref()
        .and_then(|image| faults.parse(&format!("{at}/image"), ImageName::new(image.clone())));
    spec.command = command(faults, &format!("{at}/command"), from.command.as_deref());
    if from.port == Some(0) {
        faults.add(&format!("{at}/port"), "1 to 65535");
    }
    spec.port = from.port;
    spec.replicas = faults.range(&format!("{at}/replicas"), from.replicas, 0..=1000);
    spec.resources = resources(faults, &format!("{at}/resources"), &from.resources);
    spec.health = health(faults, &format!("{at}/health"), kind, &from.health);
    spec.stop_timeout = faults.millis(
        &format!("{at}/stop_timeout_ms"),
        from.stop_timeout_ms,
        0..=3_600_000,
    );
    spec.read_only = from.read_only;
    for (name, volume) in &from.volumes {
        let at = format!("{at}/volumes/{}", escape(name));
        if !is_absolute(&volume.path) {
            faults.add(
                &format!("{at}/path"),
                "an absolute path without `..`, at most 500 characters",
            );
        }
        if let Some(name) = faults.parse(&at, VolumeName::new(name.clone())) {
            let volume = Volume {
                path: volume.path.clone(),
                size_bytes: volume.size_bytes,
            };
            spec.volumes.insert(name, volume);
        }
    }
    if spec.is_exclusive() && spec.replicas > 1 {
        faults.add(
            &format!("{at}/replicas"),
            "a service with a volume has at most one instance",
        );
    }
    if from.domains.len() > 100 {
        faults.add(&format!("{at}/domains"), "at most 100 host names");
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
    ManifestService { spec, image }
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
        cpu_millis: faults.range(&format!("{at}/cpu_millis"), from.cpu_millis, 1..=256_000),
        memory_bytes: faults.range(
            &format!("{at}/memory_bytes"),
            from.memory_bytes,
            8 << 20..=1 << 40,
        ),
        pids: faults.range(&format!("{at}/pids"), from.pids, 1..=65_536),
    }
}

fn health(faults: &mut Faults, at: &str, kind: ServiceKind, from: &HealthCheck) -> Health {
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
        let fine = path.starts_with('/')
            && path.len() <= 1000
            && path.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if !fine {
            faults.add(
                &format!("{at}/path"),
                "an absolute path of visible characters, at most 1000",
            );
        }
        Check::Http { path: path.clone() }
    } else if let Some(argv) = &from.command {
        let fine = !argv.is_empty()
            && argv.len() <= 100
            && argv
                .iter()
                .all(|word| word.len() <= 4096 && !word.contains('\0'))
            && argv.first().is_some_and(|program| !program.is_empty());
        if !fine {
            faults.add(&format!("{at}/command"), "1 to 100 arguments without NUL");
        }
        Check::Command { argv: argv.clone() }
    } else if from.tcp {
        Check::Tcp
    } else if from.running {
        Check::Running
    } else {
        ServiceSpec::new(kind).health.check
    };
    Health {
        check,
        interval: faults.millis(
            &format!("{at}/interval_ms"),
            from.interval_ms,
            250..=3_600_000,
        ),
        timeout: faults.millis(&format!("{at}/timeout_ms"), from.timeout_ms, 50..=600_000),
        failures: faults.range(&format!("{at}/failures"), from.failures, 1..=100),
        start_timeout: faults.millis(
            &format!("{at}/start_timeout_ms"),
            from.start_timeout_ms,
            1000..=7_200_000,
        ),
    }
}

fn rollout(faults: &mut Faults, from: &Deploy) -> Rollout {
    Rollout {
        strategy: from.strategy.into(),
        max_surge: from
            .max_surge
            .map(|surge| faults.range("/deploy/max_surge", surge, 1..=1000)),
        max_unavailable: faults.range("/deploy/max_unavailable", from.max_unavailable, 0..=1000),
        drain: faults.millis("/deploy/drain_ms", from.drain_ms, 0..=3_600_000),
        bake: faults.millis("/deploy/bake_ms", from.bake_ms, 0..=86_400_000),
        progress_deadline: faults.millis(
            "/deploy/progress_deadline_ms",
            from.progress_deadline_ms,
            1000..=86_400_000,
        ),
        auto_rollback: from.auto_rollback,
    }
}

/// Whether a text may be the value of an environment variable.
pub(crate) fn is_value(text: &str) -> bool {
    text.len() <= MAX_VALUE_BYTES && !text.contains('\0')
}

fn is_relative(path: &str) -> bool {
    !path.is_empty() && path.len() <= 500 && !path.starts_with('/') && plain_parts(path)
}

fn is_absolute(path: &str) -> bool {
    path.strip_prefix('/')
        .is_some_and(|rest| !rest.is_empty() && path.len() <= 500 && plain_parts(rest))
}

fn plain_parts(path: &str) -> bool {
    path.split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.chars().any(|c| c.is_control() || c == ':')
}

fn escape(key: &str) -> String {
    key.chars()
        .take(80)
        .collect::<String>()
        .replace('~', "~0")
        .replace('/', "~1")
}

#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        });
    }

    fn parse<T, E: std::fmt::Display>(&mut self, at: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.add(at, error.to_string())).ok()
    }

    fn range<T: PartialOrd + Copy + std::fmt::Display>(
        &mut self,
        at: &str,
        value: T,
        range: RangeInclusive<T>,
    ) -> T {
        if !range.contains(&value) {
            self.add(at, format!("{} to {}", range.start(), range.end()));
        }
        value
    }

    fn millis(&mut self, at: &str, value: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.range(at, value, range))
    }

    fn end<T>(self, value: T) -> Result<T, Problem> {
        let Some(first) = self.0.first() else {
            return Ok(value);
        };
        let detail = format!("{}: {}", first.pointer, first.detail);
        let mut problem = Problem::new(ProblemCode::Invalid, detail);
        problem.errors = self.0;
        Err(problem)
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
