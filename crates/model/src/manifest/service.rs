//! One `[services.NAME]` of a manifest.

use std::collections::BTreeMap;
use std::time::Duration;

use super::walk::{Fields, Later, Place, Walk, shown};
use super::{MAX_REPLICAS, ManifestService};
use crate::name::{Domain, Label, PathPrefix, ServiceName, VolumeName};
use crate::spec::{Check, Health, ServiceKind, ServiceSpec, Volume};

const SERVICE: &[&str] = &[
    "kind",
    "command",
    "image",
    "port",
    "replicas",
    "resources",
    "health",
    "volumes",
    "stop_timeout",
    "read_only",
    "domains",
    "path",
    "place",
];
const SERVICE_LATER: &[Later] = &[
    (
        "autoscale",
        "set replicas, and change them with: segue scale",
    ),
    ("slo", "remove it: objectives are not measured yet"),
    (
        "schedule",
        "run it from outside for now: jobs are not run yet",
    ),
];
const KINDS_LATER: &[Later] = &[(
    "job",
    "use kind = \"worker\" with a command that schedules itself",
)];
const HEALTH: &[&str] = &[
    "path",
    "tcp",
    "command",
    "interval",
    "timeout",
    "failures",
    "start_timeout",
];

/// Reads a service. Its kind is `web` if it is called so, and must be said otherwise.
pub(super) fn service(
    walk: &mut Walk,
    name: &str,
    place: &Place<'_>,
    start_timeout: Option<Duration>,
) -> Option<ManifestService> {
    let fields = walk.table(place, SERVICE, SERVICE_LATER)?;
    let kind = kind(walk, name, place, &fields)?;
    let mut spec = ServiceSpec::new(kind);
    spec.command = fields.get("command").and_then(|p| walk.command(&p));
    let image = fields.get("image").and_then(|p| walk.parsed(&p));
    spec.port = fields
        .get("port")
        .and_then(|p| walk.integer(&p, 1..=65535))
        .and_then(|port| u16::try_from(port).ok());
    if let Some(n) = fields
        .get("replicas")
        .and_then(|p| walk.integer(&p, 0..=MAX_REPLICAS))
    {
        spec.replicas = n;
    }
    if let Some(p) = fields.get("resources") {
        resources(walk, &p, &mut spec);
    }
    if kind != ServiceKind::Web && spec.port.is_some() {
        spec.health.check = Check::Tcp;
    }
    spec.health.start_timeout = start_timeout.unwrap_or(spec.health.start_timeout);
    if let Some(p) = fields.get("health") {
        health(walk, &p, &mut spec);
    }
    volumes(walk, &fields, place, &mut spec);
    let stop = Duration::from_secs(1)..=Duration::from_secs(600);
    if let Some(d) = fields
        .get("stop_timeout")
        .and_then(|p| walk.duration(&p, stop))
    {
        spec.stop_timeout = d;
    }
    if let Some(yes) = fields.get("read_only").and_then(|p| walk.boolean(&p)) {
        spec.read_only = yes;
    }
    routing(walk, &fields, &mut spec);
    if let Some(p) = fields.get("place") {
        placement(walk, &p, &mut spec);
    }
    Some(ManifestService { spec, image })
}

fn kind(
    walk: &mut Walk,
    name: &str,
    place: &Place<'_>,
    fields: &Fields<'_>,
) -> Option<ServiceKind> {
    let Some(p) = fields.get("kind") else {
        if name == "web" {
            return Some(ServiceKind::Web);
        }
        let suggestion =
            "write kind = \"web\" (gets requests) or kind = \"worker\" (runs in the background)";
        walk.error(
            place,
            format!("service {} does not say its kind", shown(name)),
            Some(suggestion.into()),
        );
        return None;
    };
    let words = [
        ("web", ServiceKind::Web),
        ("worker", ServiceKind::Worker),
        ("data", ServiceKind::Data),
    ];
    walk.word(&p, &words, KINDS_LATER)
}

fn resources(walk: &mut Walk, place: &Place<'_>, spec: &mut ServiceSpec) {
    let Some(fields) = walk.table(place, &["cpu", "memory", "pids"], &[]) else {
        return;
    };
    if let Some(millis) = fields.get("cpu").and_then(|p| walk.cores(&p)) {
        spec.resources.cpu_millis = millis;
    }
    if let Some(bytes) = fields
        .get("memory")
        .and_then(|p| walk.size(&p, (16 << 20)..=(1 << 40)))
    {
        spec.resources.memory_bytes = bytes;
    }
    if let Some(n) = fields
        .get("pids")
        .and_then(|p| walk.integer(&p, 16..=32_768))
    {
        spec.resources.pids = n;
    }
}

fn health(walk: &mut Walk, place: &Place<'_>, spec: &mut ServiceSpec) {
    let Some(fields) = walk.table(place, HEALTH, &[]) else {
        return;
    };
    let mut checks = Vec::new();
    if let Some(p) = fields.get("path")
        && let Some(path) = walk.text(&p)
    {
        let good = path.starts_with('/')
            && path.len() <= 200
            && path
                .bytes()
                .all(|b| b.is_ascii_graphic() && b != b'#' && b != b'\\');
        if !good {
            walk.error(
                &p,
                format!("{} is not a path", shown(path)),
                Some("such as \"/healthz\"".into()),
            );
        }
        checks.push(Check::Http {
            path: path.to_owned(),
        });
    }
    if let Some(p) = fields.get("tcp") {
        match walk.boolean(&p) {
            Some(true) => checks.push(Check::Tcp),
            Some(false) => walk.error(
                &p,
                "a health check cannot be switched off",
                Some("remove the line".into()),
            ),
            None => {}
        }
    }
    if let Some(p) = fields.get("command")
        && let Some(command) = walk.command(&p)
    {
        checks.push(Check::Command {
            argv: command.to_argv(),
        });
    }
    if checks.len() > 1 {
        walk.error(
            place,
            "path, tcp and command exclude each other",
            Some("keep one of them".into()),
        );
    }
    if let Some(check) = checks.pop() {
        let by_port = matches!(check, Check::Http { .. } | Check::Tcp);
        if by_port && spec.kind != ServiceKind::Web && spec.port.is_none() {
            let suggestion = Some("set the service's port, or ask with health.command".into());
            walk.error(place, "this check needs a port", suggestion);
        }
        spec.health.check = check;
    }
    health_limits(walk, &fields, &mut spec.health);
}

fn health_limits(walk: &mut Walk, fields: &Fields<'_>, health: &mut Health) {
    let (seconds, millis) = (Duration::from_secs, Duration::from_millis);
    if let Some(d) = fields
        .get("interval")
        .and_then(|p| walk.duration(&p, seconds(1)..=seconds(3600)))
    {
        health.interval = d;
    }
    if let Some(d) = fields
        .get("timeout")
        .and_then(|p| walk.duration(&p, millis(100)..=seconds(60)))
    {
        health.timeout = d;
    }
    if let Some(n) = fields
        .get("failures")
        .and_then(|p| walk.integer(&p, 1..=100))
    {
        health.failures = n;
    }
    let start = fields.get("start_timeout");
    if let Some(d) = start.and_then(|p| walk.duration(&p, seconds(1)..=seconds(3600))) {
        health.start_timeout = d;
    }
}

fn volumes(walk: &mut Walk, fields: &Fields<'_>, place: &Place<'_>, spec: &mut ServiceSpec) {
    if let Some(all) = fields.get("volumes") {
        for (name, _, inner) in walk.entries(&all) {
            let parsed: Option<VolumeName> = walk.name(name, &inner);
            if let (Some(name), Some(volume)) = (parsed, volume(walk, &inner)) {
                spec.volumes.insert(name, volume);
            }
        }
    }
    if spec.is_exclusive() && spec.replicas > 1 {
        let at = fields.get("replicas").unwrap_or_else(|| place.clone());
        walk.error(
            &at,
            "a service with a volume runs one instance",
            Some("write replicas = 1".into()),
        );
    }
    if spec.kind == ServiceKind::Data && !spec.is_exclusive() {
        let suggestion = "write volumes = { data = { path = \"/data\", size = \"10GiB\" } }";
        walk.error(
            place,
            "a service of kind \"data\" needs a volume",
            Some(suggestion.into()),
        );
    }
}

fn volume(walk: &mut Walk, place: &Place<'_>) -> Option<Volume> {
    let fields = walk.table(place, &["path", "size"], &[])?;
    let (Some(path_at), Some(size_at)) = (fields.get("path"), fields.get("size")) else {
        let suggestion = "write { path = \"/data\", size = \"10GiB\" }";
        walk.error(
            place,
            "a volume has a path and a size",
            Some(suggestion.into()),
        );
        return None;
    };
    let path = walk.text(&path_at);
    let size_bytes = walk.size(&size_at, (1 << 20)..=(1 << 50));
    let path = path?;
    let part = |p: &str| {
        !p.is_empty()
            && p != "."
            && p != ".."
            && p.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-+@".contains(&b))
    };
    let good = path.len() <= 200
        && path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(part));
    if !good {
        let reason = format!("{} is not an absolute path of a folder", shown(path));
        walk.error(&path_at, reason, Some("such as \"/var/lib/data\"".into()));
        return None;
    }
    Some(Volume {
        path: path.to_owned(),
        size_bytes: size_bytes?,
    })
}

fn routing(walk: &mut Walk, fields: &Fields<'_>, spec: &mut ServiceSpec) {
    if spec.kind != ServiceKind::Web {
        for key in ["domains", "path"] {
            if let Some(p) = fields.get(key) {
                let reason = "only a service of kind \"web\" gets requests";
                walk.error(
                    &p,
                    reason,
                    Some(format!("remove {key}, or write kind = \"web\"")),
                );
            }
        }
        return;
    }
    if let Some(all) = fields.get("domains") {
        for p in walk.list(&all, 50) {
            if let Some(domain) = walk.parsed::<Domain>(&p) {
                if spec.domains.contains(&domain) {
                    walk.error(&p, format!("{domain} stands here twice"), None);
                }
                spec.domains.push(domain);
            }
        }
    }
    if let Some(path) = fields
        .get("path")
        .and_then(|p| walk.parsed::<PathPrefix>(&p))
    {
        spec.path = path;
    }
}

fn placement(walk: &mut Walk, place: &Place<'_>, spec: &mut ServiceSpec) {
    let Some(fields) = walk.table(place, &["spread", "require", "one_per_host"], &[]) else {
        return;
    };
    if let Some(p) = fields.get("spread") {
        // Spreading over hosts is what the scheduler does anyway; the word is accepted because it says so.
        walk.word(
            &p,
            &[("host", ())],
            &[("zone", "label hosts by zone, and use place.require")],
        );
    }
    if let Some(yes) = fields.get("one_per_host").and_then(|p| walk.boolean(&p)) {
        spec.place.one_per_host = yes;
    }
    if let Some(all) = fields.get("require") {
        for (key, _, inner) in walk.entries(&all) {
            let key: Option<Label> = walk.name(key, &inner);
            let value: Option<Label> = walk.parsed(&inner);
            if let (Some(key), Some(value)) = (key, value) {
                spec.place.require.insert(key, value);
            }
        }
    }
}

/// Two services of an environment may share a host name only under different paths.
pub(super) fn check_domains(
    walk: &mut Walk,
    services_at: &Place<'_>,
    services: &BTreeMap<ServiceName, ManifestService>,
) {
    let mut taken: BTreeMap<(&Domain, &PathPrefix), &ServiceName> = BTreeMap::new();
    for (name, service) in services {
        for domain in &service.spec.domains {
            if let Some(other) = taken.insert((domain, &service.spec.path), name)
                && other != name
            {
                let reason = format!(
                    "services {other} and {name} both want {domain}{}",
                    service.spec.path
                );
                let suggestion = "give one of them another path or domain";
                walk.error(services_at, reason, Some(suggestion.into()));
            }
        }
    }
}
