//! Procfile: one process for each line.

use super::draft::{self, Draft, Service};
use super::ledger::{Ledger, Place};
use crate::manifest::rules;
use crate::spec::ServiceKind;

pub(super) fn read(ledger: &mut Ledger, root: &Place<'_>, draft: &mut Draft) {
    for (name, place) in root.entries() {
        if name == "release" {
            let line = place.text().unwrap_or_default();
            ledger.left(&place, format!("{}: {line}", rules::RELEASE_INSTEAD));
            continue;
        }
        let kind = if name == "web" {
            ServiceKind::Web
        } else {
            ServiceKind::Worker
        };
        let Some(service) = draft.service_name(ledger, &place, name) else {
            continue;
        };
        let Some(command) = draft::line(ledger, &place, place.text().unwrap_or_default()) else {
            continue;
        };
        if service.as_str() != name {
            ledger.changed(&place, format!("it is called {service} here"));
        }
        let mut service = Service::new(service, kind);
        service.command = Some(command);
        draft.services.push(service);
    }
}
