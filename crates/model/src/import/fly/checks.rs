//! Health checks of fly.toml: those of a service, and those that stand beside the services.

use std::time::Duration;

use super::super::draft::{self, Check, Draft};
use super::super::ledger::{Ledger, Place};
use super::about;
use crate::spec::bounds;

pub(super) fn http_check(ledger: &mut Ledger, place: &Place<'_>) -> draft::Health {
    let second = Duration::from_secs(1);
    let path = place.get("path");
    let health = draft::Health {
        at: path.as_ref().map(Place::id),
        check: path.and_then(|place| draft::check_path(ledger, &place)),
        interval: draft::time(
            ledger,
            place.get("interval"),
            second,
            &bounds::HEALTH_INTERVAL,
        ),
        timeout: draft::time(
            ledger,
            place.get("timeout"),
            second,
            &bounds::HEALTH_TIMEOUT,
        ),
        failures: None,
        start_timeout: draft::time(
            ledger,
            place.get("grace_period"),
            second,
            &bounds::START_TIMEOUT,
        ),
    };
    match place.get("method") {
        Some(method)
            if method
                .text()
                .is_some_and(|text| text.eq_ignore_ascii_case("get")) =>
        {
            ledger.carried(&method);
        }
        other => ledger.left_if(other, "a check is a GET"),
    }
    for (key, reason) in [
        (
            "protocol",
            "checks are made inside of the environment, without TLS",
        ),
        ("headers", "a check has no headers"),
        (
            "tls_skip_verify",
            "checks are made inside of the environment, without TLS",
        ),
        (
            "tls_server_name",
            "checks are made inside of the environment, without TLS",
        ),
        (
            "restart_limit",
            "what ends is started again, with growing pauses",
        ),
    ] {
        ledger.left_if(place.get(key), reason);
    }
    health
}

/// A check beside the services: only one that no service has of its own is carried over.
pub(super) fn top_check(ledger: &mut Ledger, draft: &mut Draft, place: &Place<'_>) {
    let kind = place.get("type");
    let tcp = kind.as_ref().and_then(|kind| kind.text()) == Some("tcp");
    let port = place
        .get("port")
        .and_then(|place| place.text()?.parse::<u16>().ok());
    let health = http_check(ledger, place);
    let mut all = about(ledger, draft, place).into_iter();
    let wanted = all.find(|service| {
        service.health.check.is_none()
            && (port.is_none() || service.port.is_none() || service.port == port)
    });
    let Some(service) = wanted else {
        return ledger.left(place, "a service has one check, on its own port");
    };
    service.health = health;
    if tcp {
        service.health.check = Some(Check::Tcp);
        service.health.at = kind.as_ref().map(Place::id);
    }
    if port.is_some() && service.port.is_none() {
        service.port = port;
    }
    for key in ["type", "port"] {
        if let Some(place) = place.get(key) {
            ledger.carried(&place);
        }
    }
}
