//! Compose files.
//!
//! What a compose file says of one machine (published ports, host folders, networks) has no meaning on many: it is
//! named, not imitated. Variables of the shell (`${TAG}`) are not read; their defaults are used, and what has none
//! becomes a setting that a deployment asks for.

mod build;
mod fill;
mod health;
mod service;
mod settings;
mod tables;
mod volumes;

use super::draft::{Draft, Entry};
use super::ledger::{Ledger, Place};
use super::words;
use crate::name::ConfigKey;

pub(super) fn read(ledger: &mut Ledger, root: &Place<'_>, draft: &mut Draft) {
    for (key, place) in root.entries() {
        match key {
            "version" => ledger.left(&place, "Segue reads every version of the format the same"),
            "name" => name(ledger, draft, &place),
            "networks" => ledger.left(
                &place,
                "every environment has one network of its own, in which services find each other by name",
            ),
            "secrets" => ledger.left(&place, "set them: segue secret set KEY"),
            "configs" => ledger.left(&place, "put the file into the image, or its values into [config]"),
            "include" => ledger.left(&place, "import that file by itself"),
            key if key.starts_with("x-") => ledger.left(
                &place,
                "means something only where the file uses it, and there it was read",
            ),
            _ => {}
        }
    }
    let services = root.get("services");
    let entries = services.as_ref().map(Place::entries).unwrap_or_default();
    let app = build::choose(&entries);
    for (name, place) in &entries {
        service::read(ledger, draft, app.as_ref(), name, place);
    }
    if let Some(app) = &app {
        build::write(ledger, draft, app);
    }
    volumes::declared(ledger, root, draft);
    share(draft);
}

fn name(ledger: &mut Ledger, draft: &Draft, place: &Place<'_>) {
    if place.text().and_then(words::name) == Some(draft.app.to_string()) {
        ledger.carried(place);
    } else {
        ledger.left(place, format!("the app is called {}", draft.app));
    }
}

/// Variables that all services of the app's own image have alike become the app's, where `segue config set` reaches
/// them; what differs stays with its service.
fn share(draft: &mut Draft) {
    let own = |service: &&mut super::draft::Service| service.image.is_none();
    let mut first: Option<Vec<(ConfigKey, Entry)>> = None;
    for service in draft.services.iter_mut().filter(own) {
        first = Some(match first {
            None => service.config.clone(),
            Some(common) => common
                .into_iter()
                .filter(|entry| service.config.contains(entry))
                .collect(),
        });
    }
    let common = first.unwrap_or_default();
    for service in draft.services.iter_mut().filter(own) {
        service.config.retain(|entry| !common.contains(entry));
    }
    draft.config = common;
}
