//! One service of a compose file.

use std::time::Duration;

use super::super::draft::{self, Draft, Line, Service};
use super::super::ledger::{Ledger, Place};
use super::super::words;
use super::fill::fill;
use super::{build, health, settings, tables, volumes};
use crate::spec::{ServiceKind, bounds};

pub(super) fn read(
    ledger: &mut Ledger,
    draft: &mut Draft,
    app: Option<&build::Built<'_>>,
    name: &str,
    place: &Place<'_>,
) {
    let Some(own) = draft.service_name(ledger, place, name) else {
        return;
    };
    let mut service = Service::new(own, ServiceKind::Worker);
    if !image(ledger, app, &mut service, place) {
        return;
    }
    for (key, reason) in tables::LEFT {
        ledger.left_if(place.get(key), *reason);
    }
    for (key, inner) in place.entries() {
        if key.starts_with("x-") {
            ledger.left(&inner, "means nothing to Segue");
        }
    }
    ports(ledger, &mut service, place);
    if let Some(environment) = place.get("environment") {
        settings::read(ledger, &mut service, &environment);
    }
    if let Some(inner) = place.get("command") {
        service.command = command(ledger, &inner);
    }
    if let Some(inner) = place.get("volumes") {
        volumes::read(ledger, &mut service, &inner);
    }
    if let Some(inner) = place.get("healthcheck") {
        health::read(ledger, &mut service.health, &inner);
    }
    service.stop_timeout = draft::time(
        ledger,
        place.get("stop_grace_period"),
        Duration::from_secs(1),
        &bounds::STOP_TIMEOUT,
    );
    flags(ledger, &mut service, place);
    resources(ledger, &mut service, place);
    amount(ledger, &mut service, place);
    service.settle(ledger);
    if service.name.as_str() != name {
        service.comment =
            Some("another name than in the compose file: values that name it must change");
        let label = place.get("image").or_else(|| place.get("build"));
        if let Some(label) = label {
            ledger.changed(
                &label,
                format!(
                    "the service is called {} here; values that name {name} must change",
                    service.name
                ),
            );
        }
    }
    draft.services.push(service);
}

/// The image it runs; `false` if there is none, and then the service is left.
fn image(
    ledger: &mut Ledger,
    app: Option<&build::Built<'_>>,
    service: &mut Service,
    place: &Place<'_>,
) -> bool {
    if let Some(built) = place.get("build") {
        if !build::is_app(app, &built) {
            ledger.left(
                place,
                "it is built from another source, and an app has one: make it an app of its own, or name a finished image",
            );
            return false;
        }
        build::same(ledger, app, &built);
        ledger.left_if(
            place.get("image"),
            "images that are built have no name of their own",
        );
        return true;
    }
    let Some(inner) = place.get("image") else {
        ledger.left(place, "it has neither an image nor a build");
        return false;
    };
    let Ok(filled) = fill(inner.text().unwrap_or_default()) else {
        ledger.left(
            place,
            "its image depends on a variable of the shell: write the name of the image",
        );
        return false;
    };
    match draft::image(ledger, &inner, &filled.text) {
        Some(image) => {
            if !filled.defaults.is_empty() {
                let names = filled.defaults.join(", ");
                ledger.changed(&inner, format!("the default of {names} was taken"));
            }
            service.image = Some(image);
            true
        }
        None => {
            ledger.left(place, "its image has no name that Segue can read");
            false
        }
    }
}

fn command(ledger: &mut Ledger, place: &Place<'_>) -> Option<Line> {
    if place.is_list() {
        let items = place.items();
        let texts: Vec<Option<String>> = items
            .iter()
            .map(|item| item.text().and_then(|text| fill(text).ok()).map(|f| f.text))
            .collect();
        let Some(argv) = texts.into_iter().collect::<Option<Vec<_>>>() else {
            ledger.left(place, "it holds a variable of the shell without a default");
            return None;
        };
        return draft::argv(ledger, place, argv);
    }
    let text = place.text()?;
    match fill(text) {
        Ok(filled) => draft::line(ledger, place, &filled.text),
        Err(missing) => {
            ledger.left(
                place,
                format!(
                    "it holds the shell's variable {} without a default",
                    missing.0
                ),
            );
            None
        }
    }
}

/// Ports decide whether it gets requests: the first one is where it listens.
fn ports(ledger: &mut Ledger, service: &mut Service, place: &Place<'_>) {
    let store = service
        .image
        .as_ref()
        .is_some_and(|image| words::is_store(image.as_str()));
    if store {
        service.kind = ServiceKind::Data;
    }
    for inner in place.get("ports").iter().flat_map(Place::items) {
        let Some((port, published)) = target(&inner) else {
            ledger.left(&inner, "expected a single TCP port");
            continue;
        };
        if service.port.is_some_and(|known| known != port) {
            ledger.left(
                &inner,
                "a service listens on one port; users reach it through the edge",
            );
            continue;
        }
        if !store {
            service.kind = ServiceKind::Web;
        }
        service.port = Some(port);
        if published && store {
            ledger.changed(
                &inner,
                "reached only inside of the environment, by the service's name",
            );
        } else if published {
            ledger.changed(
                &inner,
                "users reach it by its host name through the edge; no port of a host is opened",
            );
        } else {
            ledger.carried(&inner);
        }
    }
    for inner in place.get("expose").iter().flat_map(Place::items) {
        match target(&inner) {
            Some((port, _)) if service.port.is_none_or(|known| known == port) => {
                service.port = Some(port);
                ledger.carried(&inner);
            }
            _ => ledger.left(
                &inner,
                "services of an environment reach every port of each other",
            ),
        }
    }
}

/// The container's port, and whether the host's is named too.
fn target(place: &Place<'_>) -> Option<(u16, bool)> {
    if place.is_map() {
        let text = |key: &str| place.get(key).and_then(|place| place.text());
        let tcp = text("protocol").is_none_or(|protocol| protocol == "tcp");
        let port = text("target")?.parse().ok()?;
        return (tcp && port > 0).then_some((port, place.entries().len() > 1));
    }
    let text = fill(place.text()?).ok()?.text;
    let (text, protocol) = text.split_once('/').unwrap_or((text.as_str(), "tcp"));
    let (published, port) = match text.rsplit_once(':') {
        Some((_, port)) => (true, port),
        None => (false, text),
    };
    let port: u16 = port.parse().ok()?;
    (protocol == "tcp" && port > 0).then_some((port, published))
}

fn flags(ledger: &mut Ledger, service: &mut Service, place: &Place<'_>) {
    if let Some(inner) = place.get("read_only") {
        match inner.text().and_then(words::truth) {
            Some(yes) => {
                service.read_only = yes;
                ledger.carried(&inner);
            }
            None => ledger.left(&inner, "expected true or false"),
        }
    }
    if let Some(inner) = place.get("restart") {
        match inner.text() {
            Some("always" | "unless-stopped") => ledger.carried(&inner),
            _ => ledger.left(&inner, "what ends is started again, with growing pauses"),
        }
    }
}

fn resources(ledger: &mut Ledger, service: &mut Service, place: &Place<'_>) {
    let deploy = place.get("deploy");
    if let Some(deploy) = &deploy {
        for (key, reason) in tables::DEPLOY_LEFT {
            ledger.left_if(deploy.get(key), *reason);
        }
    }
    let under = |group: &str, key: &str| deploy.as_ref()?.get("resources")?.get(group)?.get(key);
    let memory = [under("limits", "memory"), place.get("mem_limit")];
    for inner in memory.into_iter().flatten() {
        match service.memory_bytes {
            None => service.memory_bytes = draft::memory(ledger, &inner),
            Some(_) => ledger.left(&inner, "the memory is said above already"),
        }
    }
    ledger.left_if(
        under("reservations", "memory"),
        "memory is reserved as it is limited",
    );
    let cores = [
        under("reservations", "cpus"),
        under("limits", "cpus"),
        place.get("cpus"),
    ];
    for inner in cores.into_iter().flatten() {
        if service.cpu_millis.is_some() {
            ledger.left(
                &inner,
                "CPU is a weight, not a limit, and it is said above already",
            );
            continue;
        }
        service.cpu_millis = draft::cores(ledger, &inner);
        if service.cpu_millis.is_some() && !inner.key.contains("reservations") {
            ledger.changed(&inner, "CPU is reserved, and not limited to it");
        }
    }
    for group in ["limits", "reservations"] {
        ledger.left_if(
            under(group, "devices"),
            "devices are not given to containers",
        );
        ledger.left_if(under(group, "generic_resources"), "there are none");
    }
    let pids = [under("limits", "pids"), place.get("pids_limit")];
    for inner in pids.into_iter().flatten() {
        let count = inner.text().and_then(|text| text.parse().ok());
        match count.filter(|count| bounds::PIDS.contains(count)) {
            Some(count) => {
                service.pids = Some(count);
                ledger.carried(&inner);
            }
            None => ledger.left(&inner, "Segue takes 16 to 32768 processes"),
        }
    }
}

fn amount(ledger: &mut Ledger, service: &mut Service, place: &Place<'_>) {
    let deploy = place
        .get("deploy")
        .and_then(|deploy| deploy.get("replicas"));
    for inner in [deploy, place.get("scale")].into_iter().flatten() {
        if service.replicas.is_some() {
            ledger.left(&inner, "the number of instances is said above already");
            continue;
        }
        service.replicas = draft::replicas(ledger, &inner);
        service.replicas_at = Some(inner.id());
    }
}
