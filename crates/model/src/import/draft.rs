//! A manifest in the making: what the readers of each format fill in, with names and values already checked.

use std::time::Duration;

use super::ledger::{Ledger, Place};
use super::words;
use crate::name::{AppName, ConfigKey, Domain, ImageName, PathPrefix, ServiceName, VolumeName};
use crate::spec::{Command, ServiceKind, bounds};

/// The whole.
#[derive(Debug)]
pub(super) struct Draft {
    pub app: AppName,
    pub builder: Option<&'static str>,
    pub dockerfile: Option<String>,
    pub image: Option<ImageName>,
    pub test: Option<Line>,
    pub strategy: Option<&'static str>,
    pub services: Vec<Service>,
    pub config: Vec<(ConfigKey, Entry)>,
}

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    pub name: ServiceName,
    pub kind: ServiceKind,
    pub image: Option<ImageName>,
    pub command: Option<Line>,
    pub port: Option<u16>,
    pub replicas: Option<u32>,
    /// The place that says how many.
    pub replicas_at: Option<u32>,
    pub cpu_millis: Option<u32>,
    pub memory_bytes: Option<u64>,
    pub pids: Option<u32>,
    pub health: Health,
    pub volumes: Vec<Volume>,
    pub stop_timeout: Option<Duration>,
    pub read_only: bool,
    pub domains: Vec<Domain>,
    pub path: Option<PathPrefix>,
    pub config: Vec<(ConfigKey, Entry)>,
    /// Said above it.
    pub comment: Option<&'static str>,
}

/// A health check, as far as the input says one.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub check: Option<Check>,
    /// The place that says what is asked.
    pub at: Option<u32>,
    pub interval: Option<Duration>,
    pub timeout: Option<Duration>,
    pub failures: Option<u32>,
    pub start_timeout: Option<Duration>,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Check {
    Path(String),
    Tcp,
    Command(Vec<String>),
}

/// A volume.
#[derive(Debug)]
pub(super) struct Volume {
    pub name: VolumeName,
    pub path: String,
    pub size_bytes: Option<u64>,
}

/// A command as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    Argv(Vec<String>),
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Value(String),
    /// A property of another service: `services.NAME.address`.
    From(String),
    Generate,
    Secret {
        required: bool,
    },
}

impl Draft {
    pub fn new(app: AppName) -> Self {
        Self {
            app,
            builder: None,
            dockerfile: None,
            image: None,
            test: None,
            strategy: None,
            services: Vec::new(),
            config: Vec::new(),
        }
    }

    /// A free name for a service, in the grammar that it must have. A changed one is told.
    pub fn service_name(
        &self,
        ledger: &mut Ledger,
        place: &Place<'_>,
        wanted: &str,
    ) -> Option<ServiceName> {
        let Some(name) = words::name(wanted).and_then(|name| ServiceName::new(name).ok()) else {
            ledger.left(place, format!("a service's name is {}", ServiceName::RULE));
            return None;
        };
        if self.services.iter().any(|service| service.name == name) {
            ledger.left(
                place,
                format!("another service is called {name} already: rename one"),
            );
            return None;
        }
        if self.services.len() >= bounds::SERVICES {
            ledger.left(
                place,
                format!("an app has {} services at most", bounds::SERVICES),
            );
            return None;
        }
        Some(name)
    }
}

impl Service {
    pub fn new(name: ServiceName, kind: ServiceKind) -> Self {
        Self {
            name,
            kind,
            image: None,
            command: None,
            port: None,
            replicas: None,
            replicas_at: None,
            cpu_millis: None,
            memory_bytes: None,
            pids: None,
            health: Health::default(),
            volumes: Vec::new(),
            stop_timeout: None,
            read_only: false,
            domains: Vec::new(),
            path: None,
            config: Vec::new(),
            comment: None,
        }
    }

    /// What only holds together with the rest of the service: called when it is complete.
    pub fn settle(&mut self, ledger: &mut Ledger) {
        if self.kind == ServiceKind::Data && self.volumes.is_empty() {
            self.kind = ServiceKind::Worker;
        }
        if !self.volumes.is_empty() && self.replicas.is_some_and(|count| count > 1) {
            self.replicas = Some(1);
            ledger.changed_at(
                self.replicas_at,
                "a service with a volume runs one instance",
            );
        }
        let needs_port = matches!(self.health.check, Some(Check::Path(_) | Check::Tcp));
        if needs_port && self.kind != ServiceKind::Web && self.port.is_none() {
            self.health.check = None;
            ledger.left_at(self.health.at, "this check needs the service's port");
        }
    }
}

/// Reads a text as a command line.
pub(super) fn line(ledger: &mut Ledger, place: &Place<'_>, text: &str) -> Option<Line> {
    match Command::parse(text) {
        Ok(_) => {
            ledger.carried(place);
            Some(Line::Text(text.trim().to_owned()))
        }
        Err(error) => {
            ledger.left(place, error.to_string());
            None
        }
    }
}

/// Reads a list of texts as a command.
pub(super) fn argv(ledger: &mut Ledger, place: &Place<'_>, argv: Vec<String>) -> Option<Line> {
    if bounds::is_argv(&argv) {
        ledger.carried(place);
        return Some(Line::Argv(argv));
    }
    ledger.left(
        place,
        format!(
            "a command has 1 to {} arguments of {} characters at most",
            bounds::ARGUMENTS,
            bounds::ARGUMENT_CHARS
        ),
    );
    None
}

/// Checks a variable's name; `PORT` is Segue's own.
pub(super) fn key(ledger: &mut Ledger, place: &Place<'_>, text: &str) -> Option<ConfigKey> {
    match ConfigKey::new(text) {
        Ok(key) => match bounds::reserved(key.as_str()) {
            None => Some(key),
            Some(instead) => {
                ledger.left(place, format!("{key} is given by Segue: {instead}"));
                None
            }
        },
        Err(error) => {
            ledger.left(place, error.to_string());
            None
        }
    }
}

/// Adds a variable with a value that the input holds.
pub(super) fn value(
    ledger: &mut Ledger,
    place: &Place<'_>,
    config: &mut Vec<(ConfigKey, Entry)>,
    name: &str,
    text: &str,
) {
    let Some(key) = key(ledger, place, name) else {
        return;
    };
    if bounds::is_value(text) {
        ledger.carried(place);
        add(ledger, place, config, key, Entry::Value(text.to_owned()));
    } else {
        ledger.left(
            place,
            format!(
                "a value has {} bytes at most and no NUL",
                bounds::VALUE_BYTES
            ),
        );
    }
}

/// Adds a variable; one that is there already is told.
pub(super) fn add(
    ledger: &mut Ledger,
    place: &Place<'_>,
    config: &mut Vec<(ConfigKey, Entry)>,
    key: ConfigKey,
    entry: Entry,
) {
    if config.iter().any(|(known, _)| *known == key) {
        ledger.left(place, format!("{key} is set above already"));
    } else if config.len() >= bounds::CONFIG_KEYS {
        ledger.left(place, format!("{} variables at most", bounds::CONFIG_KEYS));
    } else {
        config.push((key, entry));
    }
}

/// Reads a number of instances.
pub(super) fn replicas(ledger: &mut Ledger, place: &Place<'_>) -> Option<u32> {
    let count = place.text().and_then(|text| text.parse::<u32>().ok());
    match count.filter(|count| bounds::REPLICAS.contains(count)) {
        Some(count) => {
            ledger.carried(place);
            Some(count)
        }
        None => {
            ledger.left(
                place,
                format!("expected 0 to {} instances", bounds::REPLICAS.end()),
            );
            None
        }
    }
}

/// Reads a port.
pub(super) fn port(ledger: &mut Ledger, place: &Place<'_>) -> Option<u16> {
    let port = place.text().and_then(|text| text.parse::<u16>().ok());
    match port.filter(|port| bounds::PORT.contains(port)) {
        Some(port) => {
            ledger.carried(place);
            Some(port)
        }
        None => {
            ledger.left(place, "expected a port from 1 to 65535");
            None
        }
    }
}

/// Reads a time; a number without unit counts `unit`.
pub(super) fn time(
    ledger: &mut Ledger,
    place: Option<Place<'_>>,
    unit: Duration,
    range: &std::ops::RangeInclusive<Duration>,
) -> Option<Duration> {
    let place = place?;
    let read = place
        .text()
        .ok_or_else(|| "expected a time".to_owned())
        .and_then(|text| words::time_within(text, unit, range));
    match read {
        Ok(time) => {
            ledger.carried(&place);
            Some(time)
        }
        Err(reason) => {
            ledger.left(&place, reason);
            None
        }
    }
}

/// Reads an amount of memory.
pub(super) fn memory(ledger: &mut Ledger, place: &Place<'_>) -> Option<u64> {
    let bytes = place.text().and_then(words::size);
    match bytes.filter(|bytes| bounds::MEMORY_BYTES.contains(bytes)) {
        Some(bytes) => {
            ledger.carried(place);
            Some(bytes)
        }
        None => {
            ledger.left(place, "Segue takes 16 MiB to 1 TiB of memory");
            None
        }
    }
}

/// Reads cores.
pub(super) fn cores(ledger: &mut Ledger, place: &Place<'_>) -> Option<u32> {
    let millis = place.text().and_then(words::cores);
    match millis.filter(|millis| bounds::CPU_MILLIS.contains(millis)) {
        Some(millis) => {
            ledger.carried(place);
            Some(millis)
        }
        None => {
            ledger.left(place, "Segue takes 0.01 to 64 cores");
            None
        }
    }
}

/// Reads the name of an image.
pub(super) fn image(ledger: &mut Ledger, place: &Place<'_>, text: &str) -> Option<ImageName> {
    match ImageName::new(text) {
        Ok(image) => {
            ledger.carried(place);
            Some(image)
        }
        Err(error) => {
            ledger.left(place, error.to_string());
            None
        }
    }
}

/// Reads the path of a health check.
pub(super) fn check_path(ledger: &mut Ledger, place: &Place<'_>) -> Option<Check> {
    let path = place.text().filter(|path| bounds::is_check_path(path));
    match path {
        Some(path) => {
            ledger.carried(place);
            Some(Check::Path(path.to_owned()))
        }
        None => {
            ledger.left(place, "expected an absolute path");
            None
        }
    }
}

/// Reads a volume's name and path.
pub(super) fn volume(
    ledger: &mut Ledger,
    place: &Place<'_>,
    known: &[Volume],
    name: &str,
    path: &str,
    size_bytes: Option<u64>,
) -> Option<Volume> {
    let path = match path.trim_end_matches('/') {
        "" => path,
        trimmed => trimmed,
    };
    let name = words::name(name).and_then(|name| VolumeName::new(name).ok());
    let taken = |name: &VolumeName| known.iter().any(|v| v.name == *name || v.path == path);
    match name {
        Some(name) if bounds::is_volume_path(path) && !taken(&name) => Some(Volume {
            name,
            path: path.to_owned(),
            size_bytes: size_bytes.filter(|bytes| bounds::VOLUME_BYTES.contains(bytes)),
        }),
        _ => {
            ledger.left(
                place,
                "a volume has a name of its own, and an absolute path of plain ASCII parts",
            );
            None
        }
    }
}
