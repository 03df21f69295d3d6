//! fly.toml.

mod checks;
mod machines;

use std::collections::BTreeSet;
use std::time::Duration;

use super::draft::{self, Check, Draft, Service};
use super::ledger::{Ledger, Place};
use super::words;
use crate::manifest::rules;
use crate::spec::{ServiceKind, bounds};

const LEFT: &[(&str, &str)] = &[
    (
        "primary_region",
        "write place = { require = { region = \"…\" } } for labels of your hosts",
    ),
    (
        "kill_signal",
        "it is SIGTERM; put STOPSIGNAL into the Dockerfile",
    ),
    ("swap_size_mb", "swap is off"),
    ("console_command", "segue run starts a command by hand"),
    ("host_dedication_id", "your hosts are your own"),
    ("experimental", "Segue has no such setting"),
    ("metrics", "Segue measures requests itself"),
    (
        "statics",
        "serve the files from the application, or build with builder = \"static\"",
    ),
    (
        "files",
        "put the files into the image, or their values into [config]",
    ),
    ("restart", "what ends is started again, with growing pauses"),
];

pub(super) fn read(ledger: &mut Ledger, root: &Place<'_>, draft: &mut Draft) {
    for (key, reason) in LEFT {
        ledger.left_if(root.get(key), *reason);
    }
    if let Some(app) = root.get("app") {
        if app.text().and_then(words::name) == Some(draft.app.to_string()) {
            ledger.carried(&app);
        } else {
            ledger.left(&app, format!("the app is called {}", draft.app));
        }
    }
    build(ledger, draft, root);
    deploy(ledger, draft, root);
    processes(ledger, draft, root);
    http_service(ledger, draft, root);
    for place in root.get("services").iter().flat_map(Place::one_or_map) {
        service(ledger, draft, &place);
    }
    if let Some(checks) = root.get("checks") {
        for (_, place) in checks.entries() {
            checks::top_check(ledger, draft, &place);
        }
    }
    for place in root.get("vm").iter().flat_map(Place::one_or_map) {
        machines::vm(ledger, draft, &place);
    }
    for place in root.get("mounts").iter().flat_map(Place::one_or_map) {
        machines::mount(ledger, draft, &place);
    }
    if let Some(kill) = root.get("kill_timeout") {
        let second = Duration::from_secs(1);
        let time = draft::time(ledger, Some(kill), second, &bounds::STOP_TIMEOUT);
        for service in &mut draft.services {
            service.stop_timeout = time;
        }
    }
    if let Some(env) = root.get("env") {
        for (name, place) in env.entries() {
            variable(ledger, draft, name, &place);
        }
    }
    for service in &mut draft.services {
        service.settle(ledger);
    }
}

fn variable(ledger: &mut Ledger, draft: &mut Draft, name: &str, place: &Place<'_>) {
    let Some(text) = place.text() else {
        return ledger.left(place, "expected a text");
    };
    draft::value(ledger, place, &mut draft.config, name, text);
}

fn build(ledger: &mut Ledger, draft: &mut Draft, root: &Place<'_>) {
    let Some(build) = root.get("build") else {
        return;
    };
    let image = build.get("image");
    if let Some(place) = &image
        && let Some(text) = place.text()
    {
        draft.image = draft::image(ledger, place, text);
    }
    if let Some(place) = build.get("dockerfile") {
        let path = place.text().map(|path| path.trim_start_matches("./"));
        match path.filter(|path| bounds::is_dockerfile_path(path)) {
            _ if draft.image.is_some() => ledger.left(&place, "the image is not built"),
            Some(path) => {
                draft.builder = Some("dockerfile");
                draft.dockerfile = Some(path.to_owned());
                ledger.carried(&place);
            }
            None => ledger.left(&place, "expected a path inside of the source"),
        }
    }
    for (key, reason) in [
        (
            "builder",
            "the image is built from the source or its Dockerfile: see builder",
        ),
        (
            "buildpacks",
            "the image is built from the source or its Dockerfile: see builder",
        ),
        ("args", "write them as ARG NAME=VALUE into the Dockerfile"),
        (
            "build-target",
            "the last stage of the Dockerfile is the image: write this one last",
        ),
        ("ignorefile", "write .segueignore"),
        (
            "settings",
            "the image is built from the source or its Dockerfile: see builder",
        ),
    ] {
        ledger.left_if(build.get(key), reason);
    }
}

fn deploy(ledger: &mut Ledger, draft: &mut Draft, root: &Place<'_>) {
    let Some(deploy) = root.get("deploy") else {
        return;
    };
    ledger.left_if(deploy.get("release_command"), rules::RELEASE_INSTEAD);
    ledger.left_if(
        deploy.get("release_command_timeout"),
        rules::RELEASE_INSTEAD,
    );
    ledger.left_if(
        deploy.get("max_unavailable"),
        "write rollout = { max_unavailable = 1 }: a number of instances",
    );
    ledger.left_if(
        deploy.get("wait_timeout"),
        "write rollout = { progress_deadline = \"10m\" }",
    );
    if let Some(place) = deploy.get("strategy") {
        draft.strategy = match place.text() {
            Some("rolling") => Some("rolling"),
            Some("bluegreen") => Some("switch"),
            _ => None,
        };
        if draft.strategy.is_some() {
            ledger.carried(&place);
        } else {
            ledger.left(
                &place,
                "the new release starts beside the old one, is checked, and then gets all traffic at once",
            );
        }
    }
}

fn processes(ledger: &mut Ledger, draft: &mut Draft, root: &Place<'_>) {
    let Some(processes) = root.get("processes") else {
        return;
    };
    for (name, place) in processes.entries() {
        let Some(own) = draft.service_name(ledger, &place, name) else {
            continue;
        };
        let kind = if own.as_str() == "web" {
            ServiceKind::Web
        } else {
            ServiceKind::Worker
        };
        let text = place.text().unwrap_or_default();
        let command = if text.trim().is_empty() {
            ledger.carried(&place);
            None
        } else {
            draft::line(ledger, &place, text)
        };
        if own.as_str() != name {
            ledger.changed(&place, format!("it is called {own} here"));
        }
        let mut service = Service::new(own, kind);
        service.command = command;
        draft.services.push(service);
    }
}

/// Which services a part of the file is about: those it names, else every one, else `web`, which is made for it.
fn about<'d>(ledger: &mut Ledger, draft: &'d mut Draft, place: &Place<'_>) -> Vec<&'d mut Service> {
    let named = place.get("processes");
    if draft.services.is_empty() {
        if let Ok(name) = crate::name::ServiceName::new("web") {
            draft.services.push(Service::new(name, ServiceKind::Web));
        }
        if let Some(named) = &named {
            ledger.carried(named);
        }
        return draft.services.iter_mut().collect();
    }
    let Some(named) = named else {
        return draft.services.iter_mut().collect();
    };
    let names: BTreeSet<String> = named
        .items()
        .iter()
        .filter_map(|item| item.text().and_then(words::name))
        .collect();
    ledger.carried(&named);
    let known = draft
        .services
        .iter_mut()
        .filter(|service| names.contains(service.name.as_str()));
    known.collect()
}

fn http_service(ledger: &mut Ledger, draft: &mut Draft, root: &Place<'_>) {
    let Some(place) = root.get("http_service") else {
        return;
    };
    let port = place
        .get("internal_port")
        .and_then(|place| draft::port(ledger, &place));
    let least = place
        .get("min_machines_running")
        .map(|place| (draft::replicas(ledger, &place), place));
    let check = place
        .get("checks")
        .iter()
        .flat_map(Place::items)
        .next()
        .map(|place| checks::http_check(ledger, &place));
    for more in place.get("checks").iter().flat_map(Place::items).skip(1) {
        ledger.left(&more, "a service has one check");
    }
    for (key, reason) in [
        (
            "force_https",
            "HTTP is redirected where the edge has a certificate",
        ),
        (
            "auto_stop_machines",
            "instances run; segue scale changes how many",
        ),
        (
            "auto_start_machines",
            "instances run; segue scale changes how many",
        ),
        (
            "concurrency",
            "the edge sends each request to the instance that has least to do",
        ),
        ("http_options", "the edge decides"),
        ("tls_options", "the edge decides"),
    ] {
        ledger.left_if(place.get(key), reason);
    }
    let mut services = about(ledger, draft, &place).into_iter();
    let Some(service) = services.next() else {
        return ledger.left(&place, "it names no process of the file");
    };
    service.kind = ServiceKind::Web;
    service.port = port;
    if let Some((count, place)) = least {
        service.replicas = count.map(|count| count.max(1));
        service.replicas_at = Some(place.id());
        if count == Some(0) {
            ledger.changed(&place, "one instance runs at all times");
        }
    }
    if let Some(check) = check {
        service.health = check;
    }
    let more: Vec<_> = services.map(|service| service.name.to_string()).collect();
    if !more.is_empty() && place.get("processes").is_some() {
        let reason = format!("only the first gets requests; {} not", more.join(", "));
        if let Some(named) = place.get("processes") {
            ledger.changed(&named, reason);
        }
    }
}

/// A `[[services]]` entry: HTTP ports make it `web`, others a background service with a port.
fn service(ledger: &mut Ledger, draft: &mut Draft, place: &Place<'_>) {
    let tcp = place
        .get("protocol")
        .and_then(|place| place.text())
        .is_none_or(|protocol| protocol == "tcp");
    if !tcp {
        return ledger.left(place, "only TCP is passed on");
    }
    let routed = place
        .get("ports")
        .iter()
        .flat_map(Place::items)
        .any(|port| {
            let handlers = port.get("handlers");
            let mut handlers = handlers.iter().flat_map(Place::items);
            handlers.any(|handler| handler.text() == Some("http"))
        });
    if let Some(protocol) = place.get("protocol") {
        ledger.carried(&protocol);
    }
    ledger.left_if(
        place.get("ports"),
        if routed {
            "the edge listens for HTTP and HTTPS"
        } else {
            "the edge passes on HTTP only; inside of the environment it is reached by its name"
        },
    );
    for (key, reason) in [
        (
            "concurrency",
            "the edge sends each request to the instance that has least to do",
        ),
        (
            "auto_stop_machines",
            "instances run; segue scale changes how many",
        ),
        (
            "auto_start_machines",
            "instances run; segue scale changes how many",
        ),
        ("min_machines_running", "write replicas, or use segue scale"),
        ("script_checks", "write health = { command = […] }"),
    ] {
        ledger.left_if(place.get(key), reason);
    }
    let port = place
        .get("internal_port")
        .and_then(|place| draft::port(ledger, &place));
    let mut check = None;
    for inner in place.get("http_checks").iter().flat_map(Place::items) {
        match check {
            None => check = Some(checks::http_check(ledger, &inner)),
            Some(_) => ledger.left(&inner, "a service has one check"),
        }
    }
    for inner in place.get("tcp_checks").iter().flat_map(Place::items) {
        match check {
            None => {
                let mut health = checks::http_check(ledger, &inner);
                health.check = Some(Check::Tcp);
                check = Some(health);
                if inner.is_empty() {
                    ledger.carried(&inner);
                }
            }
            Some(_) => ledger.left(&inner, "a service has one check"),
        }
    }
    let Some(service) = about(ledger, draft, place).into_iter().next() else {
        return ledger.left(place, "it names no process of the file");
    };
    if service.port.is_some() && port.is_some() && service.port != port {
        return ledger.left(place, "a service listens on one port");
    }
    if routed {
        service.kind = ServiceKind::Web;
    }
    service.port = port.or(service.port);
    if let Some(check) = check {
        service.health = check;
    }
}
