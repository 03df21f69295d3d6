//! render.yaml.

use std::time::Duration;

use super::draft::{self, Draft, Entry, Service};
use super::ledger::{Ledger, Place};
use super::words;
use crate::manifest::rules;
use crate::name::{ConfigKey, Domain};
use crate::spec::{ServiceKind, bounds};

const SERVICE_LEFT: &[(&str, &str)] = &[
    (
        "plan",
        "write resources = { cpu = 0.5, memory = \"512MiB\" }",
    ),
    (
        "region",
        "write place = { require = { region = \"…\" } } for labels of your hosts",
    ),
    ("repo", "set the app's repository, or push: git push segue"),
    (
        "branch",
        "set the app's repository and branch, or push: git push segue",
    ),
    (
        "autoDeploy",
        "set the app's repository with auto_deploy, or push: git push segue",
    ),
    (
        "autoDeployTrigger",
        "set the app's repository with auto_deploy, or push: git push segue",
    ),
    (
        "buildCommand",
        "it follows from the source; whatever differs goes into a Dockerfile",
    ),
    (
        "buildFilter",
        "a source that did not change is not built again",
    ),
    ("preDeployCommand", rules::RELEASE_INSTEAD),
    ("initialDeployHook", rules::RELEASE_INSTEAD),
    ("scaling", "set replicas, and change them with: segue scale"),
    ("schedule", rules::JOB_INSTEAD),
    (
        "dockerContext",
        "the source is the folder that segue.toml stands in",
    ),
    (
        "rootDir",
        "the source is the folder that segue.toml stands in: move it there",
    ),
    (
        "staticPublishPath",
        "the folder that holds index.html is served: the top, public or dist",
    ),
    ("headers", "set headers in the application"),
    ("routes", "set redirects in the application"),
    ("ipAllowList", "the edge has no list of addresses"),
    ("maxmemoryPolicy", "write it into the service's command"),
    (
        "registryCredential",
        "give the server the registry's credentials",
    ),
    ("previews", "previews are set for the app"),
    ("pullRequestPreviewsEnabled", "previews are set for the app"),
    (
        "disablePersistence",
        "a volume is kept; without one data goes with the instance",
    ),
    (
        "renderSubdomainPolicy",
        "every web service has an address of its own",
    ),
    ("maintenanceMode", "segue scale web=0"),
];

pub(super) fn read(ledger: &mut Ledger, root: &Place<'_>, draft: &mut Draft) {
    let services = root.get("services");
    let services: Vec<Place<'_>> = services.iter().flat_map(Place::items).collect();
    let runtime = services.iter().find_map(runtime_of);
    for place in &services {
        service(ledger, draft, runtime, place);
    }
    // References can be resolved when every service is known.
    for place in &services {
        variables(ledger, draft, place);
    }
    for place in root.get("envVarGroups").iter().flat_map(Place::items) {
        if let Some(name) = place.get("name") {
            ledger.changed(&name, "its variables are the app's");
        }
        for one in place.get("envVars").iter().flat_map(Place::items) {
            let mut config = std::mem::take(&mut draft.config);
            variable(ledger, draft, &mut config, &one);
            draft.config = config;
        }
    }
    for place in root.get("databases").iter().flat_map(Place::items) {
        ledger.left(
            &place,
            "write a service of kind \"data\" with image = \"postgres:16\" and a volume, and copy the data yourself",
        );
    }
    for (key, reason) in [
        ("previews", "previews are set for the app"),
        ("previewsEnabled", "previews are set for the app"),
        ("previewsExpireAfterDays", "previews are set for the app"),
        ("projects", "import the services of one project at a time"),
        ("ungrouped", "import the services by themselves"),
        (
            "version",
            "Segue reads every version of the format the same",
        ),
    ] {
        ledger.left_if(root.get(key), reason);
    }
}

fn runtime_of<'t>(place: &Place<'t>) -> Option<&'t str> {
    let runtime = place.get("runtime").or_else(|| place.get("env"))?.text()?;
    (runtime != "image").then_some(runtime)
}

/// The name under which a service of the file is known here.
fn name_of(place: &Place<'_>) -> Option<String> {
    words::name(place.get("name")?.text()?)
}

fn service(ledger: &mut Ledger, draft: &mut Draft, runtime: Option<&str>, place: &Place<'_>) {
    let kind = match place.get("type").and_then(|place| place.text()) {
        Some("web" | "static" | "static_site") => ServiceKind::Web,
        Some("pserv" | "worker") => ServiceKind::Worker,
        Some("cron") => return ledger.left(place, rules::JOB_INSTEAD),
        Some("redis" | "keyvalue") => {
            return ledger.left(
                place,
                "write a service of kind \"data\" with image = \"redis:7\" and a volume",
            );
        }
        _ => return ledger.left(place, "expected a type such as web or worker"),
    };
    let Some(name) = place.get("name") else {
        return ledger.left(place, "it has no name");
    };
    let wanted = name.text().unwrap_or_default();
    let Some(own) = draft.service_name(ledger, place, wanted) else {
        return;
    };
    let mut service = Service::new(own, kind);
    if !image(ledger, draft, runtime, &mut service, place) {
        return;
    }
    for (key, reason) in SERVICE_LEFT {
        ledger.left_if(place.get(key), *reason);
    }
    if let Some(inner) = place.get("type") {
        ledger.carried(&inner);
    }
    ledger.carried(&name);
    if service.name.as_str() != wanted {
        ledger.changed(&name, format!("it is called {} here", service.name));
    }
    for key in ["startCommand", "dockerCommand"] {
        if let Some(inner) = place.get(key)
            && let Some(text) = inner.text()
        {
            service.command = draft::line(ledger, &inner, text);
        }
    }
    if let Some(inner) = place.get("numInstances") {
        service.replicas = draft::replicas(ledger, &inner);
        service.replicas_at = Some(inner.id());
    }
    if let Some(inner) = place.get("healthCheckPath") {
        service.health.at = Some(inner.id());
        service.health.check = draft::check_path(ledger, &inner);
    }
    service.stop_timeout = draft::time(
        ledger,
        place.get("maxShutdownDelaySeconds"),
        Duration::from_secs(1),
        &bounds::STOP_TIMEOUT,
    );
    domains(ledger, draft, &mut service, place);
    disk(ledger, &mut service, place);
    service.settle(ledger);
    draft.services.push(service);
}

/// What it runs; `false` if that cannot be, and then the service is left.
fn image(
    ledger: &mut Ledger,
    draft: &mut Draft,
    runtime: Option<&str>,
    service: &mut Service,
    place: &Place<'_>,
) -> bool {
    let said = place.get("runtime").or_else(|| place.get("env"));
    let own = said.as_ref().and_then(|place| place.text());
    if own == Some("image") {
        let url = place.get("image").and_then(|place| place.get("url"));
        let name = url.as_ref().and_then(|url| url.text()).unwrap_or_default();
        let Some(url) = url else {
            ledger.left(place, "it names no image");
            return false;
        };
        service.image = draft::image(ledger, &url, name);
        if service.image.is_none() {
            ledger.left(place, "its image has no name that Segue can read");
            return false;
        }
        if let Some(said) = &said {
            ledger.carried(said);
        }
        return true;
    }
    if own != runtime && own.is_some() {
        ledger.left(
            place,
            "it is built otherwise than the first service, and an app has one image: make it an app of its own",
        );
        return false;
    }
    if let Some(said) = &said {
        draft.builder = match own {
            Some("docker") => Some("dockerfile"),
            Some("python") => Some("python"),
            Some("node") => Some("node"),
            Some("go") => Some("go"),
            Some("rust") => Some("rust"),
            Some("ruby") => Some("ruby"),
            Some("static") => Some("static"),
            _ => None,
        };
        if draft.builder.is_some() {
            ledger.carried(said);
        } else {
            ledger.left(said, "the runtime is detected from the source");
        }
    }
    if let Some(path) = place.get("dockerfilePath") {
        let text = path.text().map(|text| text.trim_start_matches("./"));
        match text.filter(|text| bounds::is_dockerfile_path(text)) {
            Some(text) if draft.builder.is_none_or(|builder| builder == "dockerfile") => {
                draft.dockerfile = Some(text.to_owned());
                ledger.carried(&path);
            }
            _ => ledger.left(&path, "expected a path inside of the source"),
        }
    }
    true
}

fn domains(ledger: &mut Ledger, draft: &Draft, service: &mut Service, place: &Place<'_>) {
    let single = place.get("domain");
    let all = place.get("domains");
    let all = all.iter().flat_map(Place::items).chain(single);
    for inner in all {
        let domain = inner.text().and_then(|text| Domain::new(text).ok());
        let taken = |domain: &Domain| {
            service.domains.contains(domain)
                || draft
                    .services
                    .iter()
                    .any(|other| other.domains.contains(domain))
        };
        match domain {
            Some(domain) if service.kind != ServiceKind::Web => {
                ledger.left(
                    &inner,
                    format!("only a web service gets requests, also for {domain}"),
                );
            }
            Some(domain) if !taken(&domain) && service.domains.len() < bounds::DOMAINS => {
                service.domains.push(domain);
                ledger.carried(&inner);
            }
            Some(_) => ledger.left(&inner, "another service has it, or there are too many"),
            None => ledger.left(&inner, format!("expected a {}", Domain::RULE)),
        }
    }
}

fn disk(ledger: &mut Ledger, service: &mut Service, place: &Place<'_>) {
    let Some(disk) = place.get("disk") else {
        return;
    };
    let text = |key: &str| disk.get(key).and_then(|place| place.text());
    let (Some(name), Some(path)) = (text("name"), text("mountPath")) else {
        return ledger.left(&disk, "expected a name and a mountPath");
    };
    let size = disk.get("sizeGB");
    let bytes = size
        .as_ref()
        .and_then(|place| words::size(&format!("{}g", place.text()?)));
    let Some(volume) = draft::volume(ledger, &disk, &service.volumes, name, path, bytes) else {
        return;
    };
    if let Some(size) = &size {
        if volume.size_bytes.is_some() {
            ledger.carried(size);
        } else {
            ledger.left(size, "expected a number of gigabytes");
        }
    }
    for key in ["name", "mountPath"] {
        if let Some(place) = disk.get(key) {
            ledger.carried(&place);
        }
    }
    service.volumes.push(volume);
}

fn variables(ledger: &mut Ledger, draft: &mut Draft, place: &Place<'_>) {
    let Some(name) = name_of(place) else {
        return;
    };
    let Some(index) = draft
        .services
        .iter()
        .position(|service| service.name.as_str() == name)
    else {
        return;
    };
    let mut config = Vec::new();
    for one in place.get("envVars").iter().flat_map(Place::items) {
        variable(ledger, draft, &mut config, &one);
    }
    if let Some(service) = draft.services.get_mut(index)
        && service.config.is_empty()
    {
        service.config = config;
    }
}

fn variable(
    ledger: &mut Ledger,
    draft: &Draft,
    config: &mut Vec<(ConfigKey, Entry)>,
    place: &Place<'_>,
) {
    if let Some(group) = place.get("fromGroup") {
        return ledger.changed(
            &group,
            "the group's variables are the app's, for every service",
        );
    }
    let Some(name) = place.get("key") else {
        return ledger.left(place, "expected a key");
    };
    let text = name.text().unwrap_or_default();
    if let Some(inner) = place.get("value") {
        let Some(value) = inner.text() else {
            return ledger.left(place, "expected a text");
        };
        draft::value(ledger, &inner, config, text, value);
        ledger.carried(&name);
        ledger.left_if(place.get("previewValue"), "previews are set for the app");
        return;
    }
    let Some(key) = draft::key(ledger, place, text) else {
        return;
    };
    ledger.carried(&name);
    let said = |key: &str, wanted: bool| {
        place
            .get(key)
            .filter(|place| place.text().and_then(words::truth) == Some(wanted))
    };
    let from = place.get("fromService");
    let resolved = from.as_ref().and_then(|from| reference(draft, from));
    let entry = if let Some(generated) = said("generateValue", true) {
        ledger.carried(&generated);
        Entry::Generate
    } else if let Some(sync) = said("sync", false) {
        ledger.changed(&sync, by_hand(&key));
        Entry::Secret { required: true }
    } else if let (Some(from), Some(path)) = (&from, resolved) {
        ledger.carried(from);
        Entry::From(path)
    } else {
        ledger.changed(&name, by_hand(&key));
        for key in ["fromService", "fromDatabase", "generateValue", "sync"] {
            ledger.left_if(place.get(key), "the variable is asked for instead");
        }
        Entry::Secret { required: true }
    };
    draft::add(ledger, place, config, key, entry);
}

fn by_hand(key: &ConfigKey) -> String {
    format!("set it before the first deployment: segue secret set {key}")
}

/// A property of another service of the file, if that was carried over and says its port where one is asked for.
fn reference(draft: &Draft, from: &Place<'_>) -> Option<String> {
    let name = words::name(from.get("name")?.text()?)?;
    let service = draft
        .services
        .iter()
        .find(|service| service.name.as_str() == name)?;
    let port_known = service.port.is_some() || service.kind == ServiceKind::Web;
    match from.get("property")?.text()? {
        "host" => Some(format!("services.{name}.host")),
        "port" if port_known => Some(format!("services.{name}.port")),
        "hostport" if port_known => Some(format!("services.{name}.address")),
        _ => None,
    }
}
