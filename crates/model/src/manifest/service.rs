//! One `[services.NAME]` of a manifest.

use std::time::Duration;

use super::walk::{Fields, Later, Place, Walk, shown};
use super::{ManifestService, rules};
use crate::name::{Domain, Label, PathPrefix, VolumeName};
use crate::spec::{Check, Health, ServiceKind, ServiceSpec, Volume, bounds};

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
    "config",
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
const KINDS_LATER: &[Later] = &[("job", rules::JOB_INSTEAD)];
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
        .and_then(|p| {
            walk.integer(
                &p,
                u32::from(*bounds::PORT.start())..=u32::from(*bounds::PORT.end()),
            )
        })
        .and_then(|port| u16::try_from(port).ok());
    if let Some(n) = fields
        .get("replicas")
        .and_then(|p| walk.integer(&p, bounds::REPLICAS))
    {
        spec.replicas = n;
    }
    if let Some(p) = fields.get("resources") {
        resources(walk, &p, &mut spec);
    }
    spec.health.check = Check::of(kind, spec.port);
    spec.health.start_timeout = start_timeout.unwrap_or(spec.health.start_timeout);
    if let Some(p) = fields.get("health") {
        health(walk, &p, &mut spec);
    }
    volumes(walk, &fields, &mut spec);
    if let Some(d) = fields
        .get("stop_timeout")
        .and_then(|p| walk.duration(&p, bounds::STOP_TIMEOUT))
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
    walk.contradictions(place, &fields, rules::service(&spec));
    Some(ManifestService {
        image,
        ..ManifestService::new(spec)
    })
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
        .and_then(|p| walk.size(&p, bounds::MEMORY_BYTES))
    {
        spec.resources.memory_bytes = bytes;
    }
    if let Some(n) = fields
        .get("pids")
        .and_then(|p| walk.integer(&p, bounds::PIDS))
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
        if !bounds::is_check_path(path) {
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
        spec.health.check = check;
    }
    health_limits(walk, &fields, &mut spec.health);
}

fn health_limits(walk: &mut Walk, fields: &Fields<'_>, health: &mut Health) {
    if let Some(d) = fields
        .get("interval")
        .and_then(|p| walk.duration(&p, bounds::HEALTH_INTERVAL))
    {
        health.interval = d;
    }
    if let Some(d) = fields
        .get("timeout")
        .and_then(|p| walk.duration(&p, bounds::HEALTH_TIMEOUT))
    {
        health.timeout = d;
    }
    if let Some(n) = fields
        .get("failures")
        .and_then(|p| walk.integer(&p, bounds::HEALTH_FAILURES))
    {
        health.failures = n;
    }
    let start = fields.get("start_timeout");
    if let Some(d) = start.and_then(|p| walk.duration(&p, bounds::START_TIMEOUT)) {
        health.start_timeout = d;
    }
}

fn volumes(walk: &mut Walk, fields: &Fields<'_>, spec: &mut ServiceSpec) {
    if let Some(all) = fields.get("volumes") {
        for (name, _, inner) in walk.entries(&all) {
            let parsed: Option<VolumeName> = walk.name(name, &inner);
            if let (Some(name), Some(volume)) = (parsed, volume(walk, &inner)) {
                spec.volumes.insert(name, volume);
            }
        }
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
    let size_bytes = walk.size(&size_at, bounds::VOLUME_BYTES);
    let path = path?;
    if !bounds::is_volume_path(path) {
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
                walk.contradictions_at(&p, vec![rules::not_routed(key)]);
            }
        }
        return;
    }
    if let Some(all) = fields.get("domains") {
        for p in walk.list(&all, bounds::DOMAINS) {
            if let Some(domain) = walk.parsed::<Domain>(&p) {
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
