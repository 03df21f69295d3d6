//! The text of a draft: tables in the order that people read them, with a comment where a value needs one.

use std::time::Duration;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

use super::draft::{Check, Draft, Entry, Health, Line, Service};
use crate::name::ConfigKey;
use crate::secret_shape::secret_shape;
use crate::spec::ServiceKind;

/// Bytes of a volume whose input says no size.
const VOLUME_BYTES: u64 = 10 << 30;

/// Writes the manifest.
pub(super) fn text(draft: &Draft) -> String {
    let mut document = DocumentMut::new();
    document.insert("app", value(draft.app.as_str()));
    let mut build = Table::new();
    if let Some(image) = &draft.image {
        build.insert("image", value(image.as_str()));
    }
    if let Some(builder) = draft.builder {
        build.insert("builder", value(builder));
    }
    if let Some(path) = &draft.dockerfile {
        build.insert("dockerfile", value(path));
    }
    if let Some(test) = &draft.test {
        build.insert("test", command(test));
    }
    add(&mut document, "build", build);
    let mut deploy = Table::new();
    if let Some(strategy) = draft.strategy {
        deploy.insert("strategy", value(strategy));
    }
    add(&mut document, "deploy", deploy);
    if !draft.services.is_empty() {
        let mut services = Table::new();
        services.set_implicit(true);
        for one in &draft.services {
            services.insert(one.name.as_str(), Item::Table(service(one)));
        }
        document.insert("services", Item::Table(services));
    }
    add(&mut document, "config", config(&draft.config));
    document.to_string()
}

fn add(document: &mut DocumentMut, name: &str, table: Table) {
    if !table.is_empty() {
        document.insert(name, Item::Table(table));
    }
}

fn service(service: &Service) -> Table {
    let mut table = Table::new();
    if let Some(comment) = service.comment {
        table.decor_mut().set_prefix(format!("\n# {comment}\n"));
    }
    let (kind, meaning) = match service.kind {
        ServiceKind::Web => ("web", "gets requests"),
        ServiceKind::Worker => ("worker", "runs in the background"),
        ServiceKind::Job => ("job", "runs to its end"),
        ServiceKind::Data => ("data", "keeps a volume"),
    };
    table.insert("kind", commented(kind.into(), meaning));
    if let Some(image) = &service.image {
        table.insert("image", value(image.as_str()));
    }
    if let Some(line) = &service.command {
        table.insert("command", command(line));
    }
    if let Some(port) = service.port {
        table.insert("port", value(i64::from(port)));
    }
    if let Some(replicas) = service.replicas {
        table.insert("replicas", value(i64::from(replicas)));
    }
    let mut resources = InlineTable::new();
    if let Some(millis) = service.cpu_millis {
        resources.insert("cpu", (f64::from(millis) / 1000.0).into());
    }
    if let Some(bytes) = service.memory_bytes {
        resources.insert("memory", size(bytes).into());
    }
    if let Some(pids) = service.pids {
        resources.insert("pids", i64::from(pids).into());
    }
    inline(&mut table, "resources", resources);
    inline(&mut table, "health", health(&service.health));
    let mut volumes = InlineTable::new();
    let mut assumed = false;
    for volume in &service.volumes {
        let mut one = InlineTable::new();
        one.insert("path", volume.path.as_str().into());
        assumed |= volume.size_bytes.is_none();
        let bytes = volume.size_bytes.unwrap_or(VOLUME_BYTES);
        one.insert("size", size(bytes).into());
        volumes.insert(volume.name.as_str(), one.into());
    }
    if !volumes.is_empty() {
        let item = if assumed {
            commented(volumes.into(), "the size is a guess")
        } else {
            value(volumes)
        };
        table.insert("volumes", item);
    }
    if let Some(time) = service.stop_timeout {
        table.insert("stop_timeout", value(duration(time)));
    }
    if service.read_only {
        table.insert("read_only", value(true));
    }
    if !service.domains.is_empty() {
        let domains: Array = service.domains.iter().map(|d| d.as_str()).collect();
        table.insert("domains", value(domains));
    }
    if let Some(path) = &service.path {
        table.insert("path", value(path.as_str()));
    }
    if !service.config.is_empty() {
        table.insert("config", Item::Table(config(&service.config)));
    }
    table
}

fn inline(table: &mut Table, name: &str, inner: InlineTable) {
    if !inner.is_empty() {
        table.insert(name, value(inner));
    }
}

fn health(health: &Health) -> InlineTable {
    let mut table = InlineTable::new();
    match &health.check {
        Some(Check::Path(path)) => {
            table.insert("path", path.as_str().into());
        }
        Some(Check::Tcp) => {
            table.insert("tcp", true.into());
        }
        Some(Check::Command(argv)) => {
            table.insert("command", Value::Array(argv.iter().collect()));
        }
        None => {}
    }
    let times = [
        ("interval", health.interval),
        ("timeout", health.timeout),
        ("start_timeout", health.start_timeout),
    ];
    for (key, time) in times {
        if let Some(time) = time {
            table.insert(key, duration(time).into());
        }
    }
    if let Some(failures) = health.failures {
        table.insert("failures", i64::from(failures).into());
    }
    table
}

fn config(entries: &[(ConfigKey, Entry)]) -> Table {
    let mut table = Table::new();
    for (key, entry) in entries {
        let item = match entry {
            Entry::Value(text) if secret_shape(key.as_str(), text).is_some() => commented(
                text.as_str().into(),
                "looks like a secret: better { secret = true }, and segue secret set",
            ),
            Entry::Value(text) => value(text.as_str()),
            Entry::From(path) => one("from", path.as_str().into()),
            Entry::Generate => one("generate", "secret".into()),
            Entry::Secret { required } => {
                let mut inner = InlineTable::new();
                inner.insert("secret", true.into());
                if *required {
                    inner.insert("required", true.into());
                }
                value(inner)
            }
        };
        table.insert(key.as_str(), item);
    }
    table
}

fn one(key: &str, inner: Value) -> Item {
    let mut table = InlineTable::new();
    table.insert(key, inner);
    value(table)
}

fn commented(inner: Value, comment: &str) -> Item {
    let mut item = value(inner);
    if let Some(inner) = item.as_value_mut() {
        inner.decor_mut().set_suffix(format!(" # {comment}"));
    }
    item
}

fn command(line: &Line) -> Item {
    match line {
        Line::Text(text) => value(text.as_str()),
        Line::Argv(argv) => value(argv.iter().collect::<Array>()),
    }
}

/// A size in the largest unit that says it exactly.
fn size(bytes: u64) -> String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if bytes > 0 && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

/// A time in the largest unit that says it exactly.
fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0 => "0s".to_owned(),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}
