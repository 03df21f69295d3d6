//! Which base image stands for which version of a runtime, and the choice among them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Runtime, failure};
use crate::failure::{Failure, FailureCode};
use crate::name::ImageName;

/// Runtime -> version -> image, from the server's configuration. A version is one to three numbers with dots
/// (`3.11`, `18`), or any other word where a runtime has no versions (`bookworm`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runtimes(BTreeMap<String, BTreeMap<String, ImageName>>);

impl Default for Runtimes {
    /// The images that `./dev` makes: names of our own, never an official one.
    fn default() -> Self {
        let images = [
            ("python", "3.11", "segue/python:3.11-bookworm"),
            ("node", "18", "segue/node:18-bookworm"),
            ("node", "22", "segue/node:22-bookworm"),
            ("go", "1.23", "segue/go:1.23-bookworm"),
            ("rust", "1.96", "segue/rust:1.96-bookworm"),
            ("ruby", "3.1", "segue/ruby:3.1-bookworm"),
            ("php", "8.2", "segue/php:8.2-bookworm"),
            ("java", "17", "segue/java:17-bookworm"),
            ("deno", "2", "segue/deno:2-bookworm"),
            ("bun", "1", "segue/bun:1-bookworm"),
            ("static", "bookworm", "segue/static:bookworm"),
            ("native", "bookworm", "segue/debian:bookworm"),
        ];
        let mut map: BTreeMap<String, BTreeMap<String, ImageName>> = BTreeMap::new();
        for (runtime, version, image) in images {
            if let Ok(image) = ImageName::new(image) {
                map.entry(runtime.to_owned())
                    .or_default()
                    .insert(version.to_owned(), image);
            }
        }
        Self(map)
    }
}

impl Runtimes {
    /// Wraps a map.
    #[must_use]
    pub const fn new(map: BTreeMap<String, BTreeMap<String, ImageName>>) -> Self {
        Self(map)
    }

    /// Every image that is offered.
    pub fn images(&self) -> impl Iterator<Item = &ImageName> {
        self.0.values().flat_map(BTreeMap::values)
    }

    /// The newest version that `fits`; `wanted` and its source are named when there is none.
    pub(super) fn choose(
        &self,
        runtime: Runtime,
        wanted: Option<(&str, &str)>,
        fits: impl Fn(&[u64]) -> bool,
    ) -> Result<(String, ImageName), Failure> {
        let offered = self.0.get(runtime.key());
        let mut versions: Vec<(Vec<u64>, &String, &ImageName)> = offered
            .into_iter()
            .flatten()
            .map(|(version, image)| (numbers(version).unwrap_or_default(), version, image))
            .collect();
        versions.sort();
        let best = versions
            .iter()
            .rev()
            .find(|(numbers, ..)| wanted.is_none() || fits(numbers));
        if let Some((_, version, image)) = best {
            return Ok(((*version).clone(), (*image).clone()));
        }
        let names: Vec<&str> = versions
            .iter()
            .map(|(_, version, _)| version.as_str())
            .collect();
        let offer = if names.is_empty() {
            format!("this server offers no {}", runtime.title())
        } else {
            format!(
                "this server offers {} {}",
                runtime.title(),
                names.join(", ")
            )
        };
        let evidence = match wanted {
            Some((version, from)) => {
                let version: String = version
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(60)
                    .collect();
                format!("{from} wants {} {version}; {offer}", runtime.title())
            }
            None => offer,
        };
        Err(failure(FailureCode::RuntimeMissing, evidence))
    }
}

/// `3.11` as numbers; `None` for anything but one to three numbers with dots.
pub(super) fn numbers(version: &str) -> Option<Vec<u64>> {
    let parts: Option<Vec<u64>> = version
        .split('.')
        .map(|part| {
            let digits =
                !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        })
        .collect();
    parts.filter(|parts| parts.len() <= 3)
}

/// Whether a version asked for by number (`3`, `3.11`, `3.11.4`) is what an offered one (`3.11`) stands for:
/// the numbers that both name are equal. Patches belong to whoever keeps the image.
pub(super) fn same_line(asked: &[u64], offered: &[u64]) -> bool {
    asked.iter().zip(offered).all(|(a, b)| a == b)
}

/// Whether an offered version is the one asked for or a later one of the same major version: for languages in which
/// a later compiler takes what an earlier one took. Only what both name counts.
pub(super) fn at_least(asked: &[u64], offered: &[u64]) -> bool {
    let both = asked.len().min(offered.len());
    asked.first() == offered.first() && offered.get(..both) >= asked.get(..both)
}

/// The digits and dots at the start of a text, as numbers (`1.22rc1` -> 1.22).
pub(super) fn leading(version: &str) -> Option<Vec<u64>> {
    let end = version
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(version.len());
    let parts = version
        .get(..end)?
        .split('.')
        .filter(|part| !part.is_empty());
    let text: Vec<&str> = parts.take(3).collect();
    numbers(&text.join("."))
}

/// Versions that an offered one may stand for: what a range is asked about.
pub(super) fn stands_for(offered: &[u64]) -> Vec<[u64; 3]> {
    match *offered {
        [major] => (0..100)
            .flat_map(|minor| [[major, minor, 0], [major, minor, 99]])
            .collect(),
        [major, minor] => (0..100).map(|patch| [major, minor, patch]).collect(),
        [major, minor, patch] => vec![[major, minor, patch]],
        _ => Vec::new(),
    }
}
