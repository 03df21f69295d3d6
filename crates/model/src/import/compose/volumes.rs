//! Volumes of compose files: named ones are carried over, folders of the host are not.

use super::super::draft::{self, Draft, Service};
use super::super::ledger::{Ledger, Place};
use super::super::words;
use super::fill::fill;

/// Reads the volumes of a service.
pub(super) fn read(ledger: &mut Ledger, service: &mut Service, volumes: &Place<'_>) {
    for place in volumes.items() {
        if place.is_map() {
            long(ledger, service, &place);
        } else if let Some(text) = place.text() {
            short(ledger, service, &place, text);
        }
    }
}

/// `source:target[:mode]`.
fn short(ledger: &mut Ledger, service: &mut Service, place: &Place<'_>, text: &str) {
    let Ok(filled) = fill(text) else {
        return ledger.left(place, "its place is a variable of the shell");
    };
    let parts: Vec<&str> = filled.text.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, mode] => (Some(*source), *target, *mode),
        _ => return ledger.left(place, "expected NAME:/PATH"),
    };
    let Some(source) = source.filter(|source| !source.is_empty()) else {
        return ledger.left(
            place,
            "it has no name, so that its data would go with the container: give it one",
        );
    };
    if is_folder(source) {
        return ledger.left(place, FOLDER);
    }
    let known = draft::volume(ledger, place, &service.volumes, source, target, None);
    let Some(volume) = known else {
        return;
    };
    if mode.is_empty() || mode == "rw" {
        ledger.carried(place);
    } else {
        ledger.changed(place, format!("`{mode}`: the service may write there"));
    }
    service.volumes.push(volume);
}

fn long(ledger: &mut Ledger, service: &mut Service, place: &Place<'_>) {
    let text = |key: &str| place.get(key).and_then(|place| place.text());
    match text("type").unwrap_or("volume") {
        "volume" => {}
        "tmpfs" => {
            return ledger.left(place, "write read_only = true: /tmp is in memory then");
        }
        _ => return ledger.left(place, FOLDER),
    }
    let (Some(source), Some(target)) = (text("source"), text("target")) else {
        return ledger.left(place, "expected a source with a name and a target");
    };
    if is_folder(source) {
        return ledger.left(place, FOLDER);
    }
    let known = draft::volume(ledger, place, &service.volumes, source, target, None);
    let Some(volume) = known else {
        return;
    };
    for key in ["type", "source", "target"] {
        if let Some(place) = place.get(key) {
            ledger.carried(&place);
        }
    }
    ledger.left_if(place.get("read_only"), "the service may write there");
    ledger.left_if(place.get("volume"), "a volume has no options");
    service.volumes.push(volume);
}

const FOLDER: &str = "folders of a host are not mounted, because another host has others: put the files into the image";

fn is_folder(source: &str) -> bool {
    source.starts_with(['.', '/', '~', '\\']) || source.contains('/')
}

/// The volumes that the file declares: they come to be by being used.
pub(super) fn declared(ledger: &mut Ledger, root: &Place<'_>, draft: &Draft) {
    let Some(volumes) = root.get("volumes") else {
        return;
    };
    let used = |name: &str| {
        let name = words::name(name);
        let mut all = draft.services.iter().flat_map(|service| &service.volumes);
        all.any(|volume| name.as_deref() == Some(volume.name.as_str()))
    };
    for (name, place) in volumes.entries() {
        if !used(name) {
            ledger.left(&place, "no service uses it");
        } else if place.is_empty() {
            ledger.carried(&place);
        } else {
            ledger.left(
                &place,
                "volumes lie on the hosts' own disks, and begin empty: copy the data yourself",
            );
        }
    }
}
