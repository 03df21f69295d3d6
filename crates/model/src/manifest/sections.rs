//! The manifest's top level: app, build, deploy, config, and the overrides of environments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::error::{ManifestError, Pointer};
use super::node::{Node, Value, merge};
use super::service;
use super::walk::{Later, Place, Walk, shown};
use super::{
    BuildSpec, Builder, DeploySpec, Manifest, ManifestFile, ManifestService, config, rules,
};
use crate::name::{AppName, EnvironmentName, ServiceName};
use crate::spec::{Rollout, ServiceKind, ServiceSpec, Strategy, bounds};

const TOP: &[&str] = &["app", "build", "deploy", "services", "config", "env"];
const BUILD: &[&str] = &["builder", "dockerfile", "test", "image"];
const DEPLOY: &[&str] = &["strategy", "rollout"];
const DEPLOY_LATER: &[Later] = &[("release", rules::RELEASE_INSTEAD)];
const ROLLOUT: &[&str] = &[
    "max_surge",
    "max_unavailable",
    "health_timeout",
    "drain",
    "bake",
    "progress_deadline",
    "auto_rollback",
];
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
        if entries.len() > bounds::SERVICES {
            let reason = format!("more than {} services", bounds::SERVICES);
            walk.error(&all, reason, None);
        }
        for (name, _, inner) in entries {
            let parsed: Option<ServiceName> = walk.name(name, &inner);
            let service = service::service(walk, name, &inner, start_timeout);
            if let (Some(name), Some(service)) = (parsed, service) {
                services.insert(name, service);
            }
        }
        let shared = rules::shared_domains(&services);
        walk.contradictions_at(&all, shared);
        own_config(walk, &all, &mut services);
    }
    if services.is_empty() && build.image.is_some() {
        let mut spec = ServiceSpec::new(ServiceKind::Web);
        spec.health.start_timeout = start_timeout.unwrap_or(spec.health.start_timeout);
        let name = ServiceName::new("web").ok()?;
        services.insert(name, ManifestService::new(spec));
    }
    let config = fields
        .get("config")
        .map(|p| config::config(walk, &p, &services))
        .unwrap_or_default();
    Some(Manifest {
        app: app?,
        build,
        deploy,
        services,
        config,
    })
}

/// The services' own variables, read when every service is known, because they may refer to any.
fn own_config(
    walk: &mut Walk,
    all: &Place<'_>,
    services: &mut BTreeMap<ServiceName, ManifestService>,
) {
    let mut tables = BTreeMap::new();
    for (name, _, inner) in walk.entries(all) {
        if let Some((known, _)) = services.iter().find(|(known, _)| known.as_str() == name)
            && let Some(table) = inner.inside("config")
        {
            tables.insert(known.clone(), config::config(walk, &table, services));
        }
    }
    for (name, table) in tables {
        if let Some(service) = services.get_mut(&name) {
            service.config = table;
        }
    }
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
            ("go", Builder::Go),
            ("rust", Builder::Rust),
            ("ruby", Builder::Ruby),
            ("php", Builder::Php),
            ("java", Builder::Java),
            ("deno", Builder::Deno),
            ("bun", Builder::Bun),
            ("static", Builder::Static),
        ];
        spec.builder = walk.word(&p, &words, &[]).unwrap_or_default();
    }
    if let Some(p) = fields.get("dockerfile")
        && let Some(path) = walk.text(&p)
    {
        if bounds::is_dockerfile_path(path) {
            spec.dockerfile = Some(path.to_owned());
        } else {
            let reason = format!("{} is not a path inside the source", shown(path));
            walk.error(&p, reason, Some("such as \"deploy/Dockerfile\"".into()));
        }
    }
    spec.test = fields.get("test").and_then(|p| walk.command(&p));
    spec.image = fields.get("image").and_then(|p| walk.parsed(&p));
    walk.contradictions(place, &fields, rules::build(&spec));
    spec
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
    spec.max_surge = fields
        .get("max_surge")
        .and_then(|p| walk.integer(&p, bounds::MAX_SURGE));
    if let Some(n) = fields
        .get("max_unavailable")
        .and_then(|p| walk.integer(&p, bounds::MAX_UNAVAILABLE))
    {
        spec.max_unavailable = n;
    }
    if let Some(d) = fields
        .get("drain")
        .and_then(|p| walk.duration(&p, bounds::DRAIN))
    {
        spec.drain = d;
    }
    if let Some(d) = fields
        .get("bake")
        .and_then(|p| walk.duration(&p, bounds::BAKE))
    {
        spec.bake = d;
    }
    let deadline = fields.get("progress_deadline");
    if let Some(d) = deadline.and_then(|p| walk.duration(&p, bounds::PROGRESS_DEADLINE)) {
        spec.progress_deadline = d;
    }
    if let Some(yes) = fields.get("auto_rollback").and_then(|p| walk.boolean(&p)) {
        spec.auto_rollback = yes;
    }
    walk.contradictions(place, &fields, rules::rollout(spec));
    fields
        .get("health_timeout")
        .and_then(|p| walk.duration(&p, bounds::START_TIMEOUT))
}
