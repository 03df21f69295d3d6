//! app.json: variables and numbers of instances. Commands stand in the Procfile beside it, which Segue reads itself.

use super::draft::{self, Draft, Entry, Service};
use super::ledger::{Ledger, Place};
use super::words;
use crate::manifest::rules;
use crate::spec::ServiceKind;

const LEFT: &[(&str, &str)] = &[
    (
        "description",
        "a manifest says what is done, not what it is for",
    ),
    (
        "keywords",
        "a manifest says what is done, not what it is for",
    ),
    (
        "website",
        "a manifest says what is done, not what it is for",
    ),
    (
        "repository",
        "set the app's repository: segue api PATCH .../apps/APP",
    ),
    ("logo", "a manifest says what is done, not what it is for"),
    (
        "success_url",
        "there is no page after a deployment; the address is printed",
    ),
    (
        "image",
        "it is what another platform builds on: the image is built from the source, see builder",
    ),
    ("stack", "the image is built from the source: see builder"),
    (
        "buildpacks",
        "the image is built from the source or its Dockerfile: see builder",
    ),
    (
        "addons",
        "run it as a service of kind \"data\", or set its address: segue secret set",
    ),
    (
        "environments",
        "write [env.NAME] for what differs in an environment",
    ),
];

pub(super) fn read(ledger: &mut Ledger, root: &Place<'_>, draft: &mut Draft) {
    for (key, reason) in LEFT {
        ledger.left_if(root.get(key), *reason);
    }
    if let Some(name) = root.get("name") {
        let same = name.text().and_then(words::name) == Some(draft.app.to_string());
        if same {
            ledger.carried(&name);
        } else {
            ledger.left(&name, format!("the app is called {}", draft.app));
        }
    }
    if let Some(scripts) = root.get("scripts") {
        for (key, place) in scripts.entries() {
            let reason = match key {
                "postdeploy" => rules::RELEASE_INSTEAD,
                "test" => "write it as [build] test: it runs in the built image",
                _ => continue,
            };
            ledger.left(&place, reason);
        }
    }
    if let Some(formation) = root.get("formation") {
        for (name, place) in formation.entries() {
            process(ledger, draft, name, &place);
        }
    }
    if let Some(env) = root.get("env") {
        for (name, place) in env.entries() {
            variable(ledger, draft, name, &place);
        }
    }
}

fn process(ledger: &mut Ledger, draft: &mut Draft, name: &str, place: &Place<'_>) {
    let kind = if name == "web" {
        ServiceKind::Web
    } else {
        ServiceKind::Worker
    };
    let Some(service) = draft.service_name(ledger, place, name) else {
        return;
    };
    if service.as_str() != name {
        ledger.left(
            place,
            format!("a service's name is {service} here: rename the Procfile's line too"),
        );
        return;
    }
    let mut service = Service::new(service, kind);
    service.comment = Some("its command is the Procfile's line of this name");
    if let Some(quantity) = place.get("quantity") {
        service.replicas = draft::replicas(ledger, &quantity);
    }
    ledger.left_if(
        place.get("size"),
        "write resources = { cpu = 0.5, memory = \"512MiB\" }",
    );
    if place.is_empty() {
        ledger.carried(place);
    }
    draft.services.push(service);
}

fn variable(ledger: &mut Ledger, draft: &mut Draft, name: &str, place: &Place<'_>) {
    if let Some(text) = place.text() {
        return draft::value(ledger, place, &mut draft.config, name, text);
    }
    if !place.is_map() {
        return ledger.left(place, "expected a text or a table");
    }
    let Some(key) = draft::key(ledger, place, name) else {
        return;
    };
    ledger.left_if(
        place.get("description"),
        "a manifest has no description of a variable: write a comment",
    );
    if let Some(inner) = place.get("value")
        && let Some(text) = inner.text()
    {
        draft::value(ledger, &inner, &mut draft.config, name, text);
        for other in ["required", "generator"] {
            ledger.left_if(place.get(other), "it has a value");
        }
        return;
    }
    let generated = place
        .get("generator")
        .filter(|g| g.text() == Some("secret"));
    let entry = match &generated {
        Some(generator) => {
            ledger.carried(generator);
            ledger.left_if(place.get("required"), "it is generated");
            Entry::Generate
        }
        None => {
            let required = place.get("required");
            let wanted = required.as_ref().and_then(|place| place.text());
            let required_is = wanted.and_then(words::truth).unwrap_or(true);
            if let Some(required) = &required {
                ledger.carried(required);
            }
            Entry::Secret {
                required: required_is,
            }
        }
    };
    if place.is_empty() {
        ledger.carried(place);
    }
    draft::add(ledger, place, &mut draft.config, key, entry);
}
