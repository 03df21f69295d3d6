//! The manifest's top level: app, build, deploy, config, and the overrides of environments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::error::{ManifestError, Pointer, nearest};
use super::node::{Node, Value, merge};
use super::service;
use super::walk::{Later, Place, Walk, shown};
use super::{
    BuildSpec, Builder, ConfigEntry, DeploySpec, MAX_CONFIG_KEYS, MAX_SERVICES, Manifest,
    ManifestFile, ManifestService, Property, Reference,
};
use crate::name::{AppName, ConfigKey, EnvironmentName, ServiceName};
use crate::spec::{Rollout, ServiceKind, ServiceSpec, Strategy};

const TOP: &[&str] = &["app", "build", "deploy", "services", "config", "env"];
const BUILD: &[&str] = &["builder", "dockerfile", "test", "image"];
const DEPLOY: &[&str] = &["strategy", "rollout"];
const DEPLOY_LATER: &[Later] = &[(
    "release",
    "run it before the server in the service's command: nothing would run it yet",
)];
const ROLLOUT: &[&str] = &[
    "max_surge",
    "max_unavailable",
    "health_timeout",
    "drain",
    "bake",
    "progress_deadline",
    "auto_rollback",
];
const CONFIG: &[&str] = &["value", "from", "generate", "secret", "required"];
const CONFIG_LATER: &[Later] = &[(
    "deliver",
    "remove it: values are delivered as environment variables",
)];
const STRATEGIES_LATER: &[Later] = &[
    (
        "blue_green",
        "use \"switch\": all traffic at once, the old set kept warm",
    ),
    (
        "canary",
        "use \"switch\", which rolls back by itself, or \"rolling\"",
    ),
];
/// An application's environment holds these already.
const RESERVED: &[(&str, &str)] = &[("PORT", "set [services.*] port instead")];

/// Reads a whole file: the base, then each environment's overrides laid over it.
pub(super) fn file(root: &Node) -> Result<ManifestFile, Vec<ManifestError>> {
    let mut walk = Walk::default();
    let place = Place {
        node: root,
        pointer: Pointer::root(),
    };
    let base = manifest(&mut walk, &place);
    let mut environments = BTreeMap::new();
    if let Value::Table(entries) = &root.value
        && let Some(env) = entries.get("env")
    {
        let env_place = Place {
            node: &env.node,
            pointer: place.pointer.key("env"),
        };
        for (name, _, over) in walk.entries(&env_place) {
            let parsed: Option<EnvironmentName> = walk.name(name, &over);
            if let Some(merged) = environment(&mut walk, root, &over)
                && let Some(name) = parsed
            {
                environments.insert(name, merged);
            }
        }
    }
    match base {
        Some(base) if walk.errors.is_empty() => Ok(ManifestFile { base, environments }),
        _ => {
            // The base is read once more under every environment, so its problems come several times.
            let mut seen = BTreeSet::new();
            walk.errors
                .retain(|error| seen.insert((error.at, error.reason.clone())));
            walk.errors.sort_by_key(|error| error.at);
            Err(walk.errors)
        }
    }
}

fn environment(walk: &mut Walk, root: &Node, over: &Place<'_>) -> Option<Manifest> {
    walk.table(over, &["build", "deploy", "services", "config"], &[])?;
    let merged = merge(root, over.node, "");
    let place = Place {
        node: &merged,
        pointer: Pointer::root(),
    };
    let mut inner = Walk::default();
    let manifest = manifest(&mut inner, &place);
    walk.errors.extend(inner.errors);
    manifest
}

/// Reads a manifest; `None` only if it has no usable app, and then with a problem noted.
fn manifest(walk: &mut Walk, place: &Place<'_>) -> Option<Manifest> {
    let fields = walk.table(place, TOP, &[])?;
    let app: Option<AppName> = match fields.get("app") {
        Some(app) => walk.parsed(&app),
        None => {
            walk.error(
                place,
                "`app` is missing",
                Some("write app = \"name-of-the-app\" in the first line".into()),
            );
            None
        }
    };
    let build = fields
        .get("build")
        .map(|p| build(walk, &p))
        .unwrap_or_default();
    let (deploy, start_timeout) = fields
        .get("deploy")
        .map(|p| deploy(walk, &p))
        .unwrap_or_default();
    let mut services = BTreeMap::new();
    if let Some(all) = fields.get("services") {
        let entries = walk.entries(&all);
        if entries.len() > MAX_SERVICES {
            walk.error(&all, format!("more than {MAX_SERVICES} services"), None);
        }
        for (name, _, inner) in entries {
            let parsed: Option<ServiceName> = walk.name(name, &inner);
            let service = service::service(walk, name, &inner, start_timeout);
            if let (Some(name), Some(service)) = (parsed, service) {
                services.insert(name, service);
            }
        }
        service::check_domains(walk, &all, &services);
    }
    if services.is_empty() && build.image.is_some() {
        let mut spec = ServiceSpec::new(ServiceKind::Web);
        spec.health.start_timeout = start_timeout.unwrap_or(spec.health.start_timeout);
        let name = ServiceName::new("web").ok()?;
        services.insert(name, ManifestService { spec, image: None });
    }
    let config = fields
        .get("config")
        .map(|p| config(walk, &p, &services))
        .unwrap_or_default();
    Some(Manifest {
        app: app?,
        build,
        deploy,
        services,
        config,
    })
}

fn build(walk: &mut Walk, place: &Place<'_>) -> BuildSpec {
    let mut spec = BuildSpec::default();
    let Some(fields) = walk.table(place, BUILD, &[]) else {
        return spec;
    };
    if let Some(p) = fields.get("builder") {
        let words = [
            ("auto", Builder::Auto),
            ("dockerfile", Builder::Dockerfile),
            ("python", Builder::Python),
            ("node", Builder::Node),
            ("static", Builder::Static),
        ];
        spec.builder = walk.word(&p, &words, &[]).unwrap_or_default();
    }
    if let Some(p) = fields.get("dockerfile")
        && let Some(path) = walk.text(&p)
    {
        if relative_path(path) {
            spec.dockerfile = Some(path.to_owned());
        } else {
            let reason = format!("{} is not a path inside the source", shown(path));
            walk.error(&p, reason, Some("such as \"deploy/Dockerfile\"".into()));
        }
        if !matches!(spec.builder, Builder::Auto | Builder::Dockerfile) {
            walk.error(
                &p,
                "`dockerfile` and this builder exclude each other",
                Some("remove one of them".into()),
            );
        }
    }
    spec.test = fields.get("test").and_then(|p| walk.command(&p));
    spec.image = fields.get("image").and_then(|p| walk.parsed(&p));
    if let Some(p) = fields.get("image")
        && (fields.get("builder").is_some() || fields.get("dockerfile").is_some())
    {
        walk.error(
            &p,
            "an `image` is not built",
            Some("remove builder and dockerfile, or image".into()),
        );
    }
    spec
}

/// Whether a path is relative and stays inside the source; ASCII, so that no tool reads it differently.
fn relative_path(path: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-+@".contains(&b))
    };
    path.len() <= 500 && path.split('/').all(part)
}

/// The rollout, and the start timeout it gives to every service that names none.
fn deploy(walk: &mut Walk, place: &Place<'_>) -> (DeploySpec, Option<Duration>) {
    let mut spec = DeploySpec::default();
    let Some(fields) = walk.table(place, DEPLOY, DEPLOY_LATER) else {
        return (spec, None);
    };
    if let Some(p) = fields.get("strategy") {
        let words = [
            ("switch", Strategy::Switch),
            ("rolling", Strategy::Rolling),
            ("recreate", Strategy::Recreate),
        ];
        spec.rollout.strategy = walk.word(&p, &words, STRATEGIES_LATER).unwrap_or_default();
    }
    let start_timeout = fields
        .get("rollout")
        .and_then(|p| rollout(walk, &p, &mut spec.rollout));
    (spec, start_timeout)
}

fn rollout(walk: &mut Walk, place: &Place<'_>, spec: &mut Rollout) -> Option<Duration> {
    let fields = walk.table(place, ROLLOUT, &[])?;
    let seconds = Duration::from_secs;
    spec.max_surge = fields
        .get("max_surge")
        .and_then(|p| walk.integer(&p, 0..=1000));
    if let Some(n) = fields
        .get("max_unavailable")
        .and_then(|p| walk.integer(&p, 0..=1000))
    {
        spec.max_unavailable = n;
    }
    if let Some(d) = fields
        .get("drain")
        .and_then(|p| walk.duration(&p, Duration::ZERO..=seconds(3600)))
    {
        spec.drain = d;
    }
    if let Some(d) = fields
        .get("bake")
        .and_then(|p| walk.duration(&p, Duration::ZERO..=seconds(86_400)))
    {
        spec.bake = d;
    }
    let deadline = fields.get("progress_deadline");
    if let Some(d) = deadline.and_then(|p| walk.duration(&p, seconds(10)..=seconds(86_400))) {
        spec.progress_deadline = d;
    }
    if let Some(yes) = fields.get("auto_rollback").and_then(|p| walk.boolean(&p)) {
        spec.auto_rollback = yes;
    }
    if let Some(p) = fields.get("max_surge")
        && spec.max_surge == Some(0)
        && spec.max_unavailable == 0
    {
        let reason = "with max_surge = 0 and max_unavailable = 0 no instance can ever be replaced";
        walk.error(&p, reason, Some("raise one of them".into()));
    }
    fields
        .get("health_timeout")
        .and_then(|p| walk.duration(&p, seconds(1)..=seconds(3600)))
}

fn config(
    walk: &mut Walk,
    place: &Place<'_>,
    services: &BTreeMap<ServiceName, ManifestService>,
) -> BTreeMap<ConfigKey, ConfigEntry> {
    let entries = walk.entries(place);
    if entries.len() > MAX_CONFIG_KEYS {
        walk.error(place, format!("more than {MAX_CONFIG_KEYS} keys"), None);
    }
    let mut config = BTreeMap::new();
    for (key, _, inner) in entries {
        let parsed: Option<ConfigKey> = walk.name(key, &inner);
        if let Some((_, instead)) = RESERVED.iter().find(|(name, _)| *name == key) {
            walk.error(
                &inner,
                format!("{key} is given by Segue"),
                Some((*instead).to_owned()),
            );
            continue;
        }
        let entry = match &inner.node.value {
            Value::Table(_) => config_table(walk, &inner, services),
            _ => walk
                .text(&inner)
                .and_then(|text| config_value(walk, &inner, text)),
        };
        if let (Some(key), Some(entry)) = (parsed, entry) {
            config.insert(key, entry);
        }
    }
    config
}

fn config_value(walk: &mut Walk, place: &Place<'_>, text: &str) -> Option<ConfigEntry> {
    if text.len() > 32 << 10 || text.contains('\0') {
        walk.error(place, "a value has at most 32 KiB and no NUL", None);
        return None;
    }
    Some(ConfigEntry::Value(text.to_owned()))
}

fn config_table(
    walk: &mut Walk,
    place: &Place<'_>,
    services: &BTreeMap<ServiceName, ManifestService>,
) -> Option<ConfigEntry> {
    let before = walk.errors.len();
    let fields = walk.table(place, CONFIG, CONFIG_LATER)?;
    let required = fields
        .get("required")
        .and_then(|p| walk.boolean(&p))
        .unwrap_or(false);
    let secret = fields
        .get("secret")
        .and_then(|p| walk.boolean(&p))
        .unwrap_or(false);
    let mut found = Vec::new();
    if let Some(p) = fields.get("value")
        && let Some(text) = walk.text(&p)
    {
        if secret {
            let instead = "remove `value`, and give it with: segue secret set";
            walk.error(
                &p,
                "a secret's value does not stand in the manifest",
                Some(instead.into()),
            );
        }
        found.extend(config_value(walk, &p, text));
    }
    if let Some(p) = fields.get("from") {
        found.extend(reference(walk, &p, services).map(ConfigEntry::From));
    }
    if let Some(p) = fields.get("generate")
        && walk.word(&p, &[("secret", ())], &[]).is_some()
    {
        found.push(ConfigEntry::Generate);
    }
    if found.is_empty() && (secret || required) {
        found.push(ConfigEntry::Secret { required });
    }
    if walk.errors.len() > before {
        return None;
    }
    if found.len() != 1 {
        let reason = "expected exactly one of value, from, generate, secret";
        walk.error(
            place,
            reason,
            Some("such as { secret = true, required = true }".into()),
        );
    }
    found.pop()
}

fn reference(
    walk: &mut Walk,
    place: &Place<'_>,
    services: &BTreeMap<ServiceName, ManifestService>,
) -> Option<Reference> {
    let text = walk.text(place)?;
    let mut parts = text.split('.');
    let (Some("services"), Some(name), Some(property), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        let reason = format!("{} names nothing", shown(text));
        walk.error(
            place,
            reason,
            Some("write \"services.NAME.address\"".into()),
        );
        return None;
    };
    let Some((service, found)) = services.iter().find(|(known, _)| known.as_str() == name) else {
        let near = nearest(name, services.keys().map(ServiceName::as_str));
        let suggestion = near.map(|near| format!("did you mean \"services.{near}.{property}\"?"));
        walk.error(place, format!("no service {}", shown(name)), suggestion);
        return None;
    };
    let property = match property {
        "host" => Property::Host,
        "port" => Property::Port,
        "address" => Property::Address,
        "url" => {
            let instead = "use host, port or address, and put the rest of the URL into a secret";
            walk.error(place, "`url` is not available yet", Some(instead.into()));
            return None;
        }
        other => {
            let reason = format!("a service has no property {}", shown(other));
            walk.error(place, reason, Some("one of host, port, address".into()));
            return None;
        }
    };
    if property != Property::Host
        && found.spec.port.is_none()
        && found.spec.kind != ServiceKind::Web
    {
        let reason = format!("the port of service {service} is not known");
        walk.error(
            place,
            reason,
            Some(format!("set [services.{service}] port")),
        );
        return None;
    }
    Some(Reference {
        service: service.clone(),
        property,
    })
}
