//! Variables of compose services.

use super::super::draft::{self, Entry, Service};
use super::super::ledger::{Ledger, Place};
use super::fill::{Missing, fill};

/// Reads `environment`: a mapping, or a list of `KEY=VALUE`.
pub(super) fn read(ledger: &mut Ledger, service: &mut Service, environment: &Place<'_>) {
    for (key, place) in environment.entries() {
        one(ledger, service, &place, key, place.text());
    }
    for place in environment.items() {
        let Some(text) = place.text() else {
            continue;
        };
        match text.split_once('=') {
            Some((key, value)) => one(ledger, service, &place, key, Some(value)),
            None => one(ledger, service, &place, text, None),
        }
    }
}

fn one(
    ledger: &mut Ledger,
    service: &mut Service,
    place: &Place<'_>,
    name: &str,
    value: Option<&str>,
) {
    if name == "PORT" {
        return port(ledger, service, place, value);
    }
    let missing = match value.map(fill) {
        Some(Ok(filled)) => {
            if !filled.defaults.is_empty() {
                let names = filled.defaults.join(", ");
                ledger.changed(
                    place,
                    format!("the default of {names} was taken; the shell's value is not read"),
                );
            }
            return draft::value(ledger, place, &mut service.config, name, &filled.text);
        }
        Some(Err(Missing(variable))) => variable,
        None if place.is_empty() || place.text().is_some() => name.to_owned(),
        None => return ledger.left(place, "expected a text"),
    };
    let Some(key) = draft::key(ledger, place, name) else {
        return;
    };
    ledger.changed(
        place,
        format!(
            "its value is the shell's {missing}: segue secret set {name}, before the first deployment"
        ),
    );
    let entry = Entry::Secret { required: true };
    draft::add(ledger, place, &mut service.config, key, entry);
}

/// `PORT` is Segue's own; it says where the application listens.
fn port(ledger: &mut Ledger, service: &mut Service, place: &Place<'_>, value: Option<&str>) {
    let port = value.and_then(|value| value.parse::<u16>().ok());
    match port.filter(|port| *port > 0) {
        Some(port) if service.port.is_none_or(|known| known == port) => {
            service.port = Some(port);
            ledger.changed(
                place,
                format!("written as port = {port}: Segue sets PORT itself"),
            );
        }
        _ => ledger.left(place, "PORT is given by Segue: it is the service's port"),
    }
}
