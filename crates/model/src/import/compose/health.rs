//! Health checks of compose files.

use std::time::Duration;

use super::super::draft::{self, Check, Health};
use super::super::ledger::{Ledger, Place};
use super::super::words;
use crate::spec::bounds;

/// Reads `healthcheck`.
pub(super) fn read(ledger: &mut Ledger, health: &mut Health, place: &Place<'_>) {
    let off = place
        .get("disable")
        .and_then(|place| place.text())
        .and_then(words::truth)
        == Some(true);
    if off {
        return ledger.left(place, "a health check cannot be switched off");
    }
    ledger.left_if(place.get("disable"), "it is on");
    ledger.left_if(
        place.get("start_interval"),
        "a starting instance is asked again and again until it answers",
    );
    if let Some(test) = place.get("test") {
        health.check = check(ledger, &test);
    }
    let second = Duration::from_secs(1);
    health.interval = draft::time(
        ledger,
        place.get("interval"),
        second,
        &bounds::HEALTH_INTERVAL,
    );
    health.timeout = draft::time(
        ledger,
        place.get("timeout"),
        second,
        &bounds::HEALTH_TIMEOUT,
    );
    health.start_timeout = draft::time(
        ledger,
        place.get("start_period"),
        second,
        &bounds::START_TIMEOUT,
    );
    if let Some(retries) = place.get("retries") {
        let count = retries.text().and_then(|text| text.parse().ok());
        health.failures = count.filter(|count| bounds::HEALTH_FAILURES.contains(count));
        if health.failures.is_some() {
            ledger.carried(&retries);
        } else {
            ledger.left(&retries, "Segue takes 1 to 100 failures in a row");
        }
    }
}

fn check(ledger: &mut Ledger, test: &Place<'_>) -> Option<Check> {
    let words: Vec<String> = if let Some(text) = test.text() {
        vec!["CMD-SHELL".to_owned(), text.to_owned()]
    } else {
        let items = test.items();
        let texts: Vec<String> = items
            .iter()
            .filter_map(|item| item.text().map(str::to_owned))
            .collect();
        if texts.len() != items.len() {
            ledger.left(test, "expected a command");
            return None;
        }
        texts
    };
    let argv = match words.split_first() {
        Some((first, rest)) if first == "CMD" => rest.to_vec(),
        Some((first, [line])) if first == "CMD-SHELL" => {
            vec![
                "/bin/sh".to_owned(),
                "-c".to_owned(),
                line.replace("$$", "$"),
            ]
        }
        Some((first, _)) if first == "NONE" => {
            ledger.left(test, "a health check cannot be switched off");
            return None;
        }
        _ => {
            ledger.left(test, "expected [\"CMD\", …] or [\"CMD-SHELL\", \"…\"]");
            return None;
        }
    };
    let line = draft::argv(ledger, test, argv)?;
    match line {
        draft::Line::Argv(argv) => Some(Check::Command(argv)),
        draft::Line::Text(_) => None,
    }
}
