//! The crate graph of docs/ARCHITECTURE.md as a table, and the checker that compares the
//! workspace with it.
//!
//! Invariants: the checker is a pure function of the metadata it is given, so that a test can
//! hand it a broken workspace and see it fail. It must never read the workspace by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// For each of our packages, the packages of ours that it may name as a dependency.
const ALLOWED: &[(&str, &[&str])] = &[
    ("segue-model", &[]),
    ("segue-plan", &["segue-model"]),
    ("segue-store", &["segue-model"]),
    ("segue-driver", &["segue-model"]),
    ("segue-edge", &["segue-model"]),
    ("segue-client", &[]),
    ("segue-outbound", &[]),
    (
        "segue-api",
        &["segue-model", "segue-store", "segue-outbound"],
    ),
    (
        "segue-worker",
        &[
            "segue-model",
            "segue-store",
            "segue-plan",
            "segue-driver",
            "segue-outbound",
        ],
    ),
    ("segue-agent", &["segue-model", "segue-driver"]),
    ("segue-cli", &["segue-model", "segue-client"]),
    ("segue-app", &["*"]),
    ("segue-tests", &["*"]),
];

/// Packages that must never be found under one of ours, however deep. A name that ends in `*`
/// stands for every package that begins so.
const FORBIDDEN_BELOW: &[(&str, &[&str])] = &[
    ("segue-api", &["pingora*", "bollard*"]),
    ("segue-worker", &["pingora*"]),
    ("segue-store", &["pingora*", "bollard*"]),
    ("segue-driver", &["pingora*", "sqlx*"]),
    ("segue-edge", &["sqlx*", "bollard*"]),
    ("segue-cli", &["pingora*", "sqlx*", "bollard*"]),
    ("segue-client", &["pingora*", "sqlx*", "bollard*"]),
    (
        "segue-outbound",
        &["pingora*", "sqlx*", "bollard*", "reqwest"],
    ),
    ("segue-plan", ASYNC_OR_IO),
    ("segue-model", ASYNC_OR_IO),
];

/// What would make the planner or the vocabulary able to wait, to do input and output, or to
/// draw random numbers.
const ASYNC_OR_IO: &[&str] = &[
    "tokio*", "futures*", "async-*", "smol*", "mio", "hyper*", "reqwest", "sqlx*", "pingora*",
    "bollard*", "rustix", "rand",
];

/// A package of the resolved workspace and what it needs in a normal or build step.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// Ids of the packages it is linked with (normal and build dependencies, resolved).
    pub needs: BTreeSet<String>,
    /// Names of the dependencies that its own manifest lists, tests included.
    pub declared: BTreeSet<String>,
    /// The package's name.
    pub name: String,
    /// Whether the workspace owns it.
    pub member: bool,
}

/// The resolved workspace, by package id.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// Every package that cargo resolved.
    pub packages: BTreeMap<String, Package>,
}

impl Graph {
    /// Reads the output of `cargo metadata --format-version 1`.
    ///
    /// # Errors
    /// A sentence that names the part of the metadata that is missing.
    pub fn from_metadata(metadata: &Value) -> Result<Self, String> {
        let members: BTreeSet<&str> = list(metadata, "workspace_members")?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let mut packages = BTreeMap::new();
        for package in list(metadata, "packages")? {
            let id = text(package, "id")?;
            let declared = list(package, "dependencies")?
                .iter()
                .map(|dependency| text(dependency, "name").map(str::to_owned))
                .collect::<Result<_, _>>()?;
            packages.insert(
                id.to_owned(),
                Package {
                    needs: BTreeSet::new(),
                    declared,
                    name: text(package, "name")?.to_owned(),
                    member: members.contains(id),
                },
            );
        }
        let resolve = metadata.get("resolve").ok_or("metadata has no resolve")?;
        for node in list(resolve, "nodes")? {
            let mut needs = BTreeSet::new();
            for dependency in list(node, "deps")? {
                let tests_only = list(dependency, "dep_kinds")?
                    .iter()
                    .all(|kind| kind.get("kind").and_then(Value::as_str) == Some("dev"));
                if !tests_only {
                    needs.insert(text(dependency, "pkg")?.to_owned());
                }
            }
            if let Some(package) = packages.get_mut(text(node, "id")?) {
                package.needs = needs;
            }
        }
        Ok(Self { packages })
    }

    /// Every way in which the workspace differs from the architecture, each as one sentence.
    /// Empty when the graph is as written.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        let members = || self.packages.iter().filter(|(_, package)| package.member);
        let ours: BTreeSet<&str> = members()
            .map(|(_, package)| package.name.as_str())
            .collect();
        for (id, package) in members() {
            let Some(allowed) = row(ALLOWED, &package.name) else {
                found.push(format!("{} is not in the crate graph", package.name));
                continue;
            };
            for dependency in &package.declared {
                let internal = ours.contains(dependency.as_str());
                if internal && !allowed.contains(&"*") && !allowed.contains(&dependency.as_str()) {
                    found.push(format!("{} may not depend on {dependency}", package.name));
                }
            }
            for pattern in row(FORBIDDEN_BELOW, &package.name).unwrap_or_default() {
                if let Some(path) = self.path_to(id, pattern) {
                    found.push(format!("{pattern} is banned here: {}", path.join(" -> ")));
                }
            }
        }
        found
    }

    /// A shortest chain of names from a package to one that the pattern matches.
    fn path_to(&self, from: &str, pattern: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut frontier = vec![(from.to_owned(), Vec::new())];
        while !frontier.is_empty() {
            let mut next = Vec::new();
            for (id, mut path) in frontier {
                let Some(package) = self.packages.get(&id) else {
                    continue;
                };
                let inside = !path.is_empty();
                path.push(package.name.clone());
                if inside && matches(pattern, &package.name) {
                    return Some(path);
                }
                for need in &package.needs {
                    if seen.insert(need.clone()) {
                        next.push((need.clone(), path.clone()));
                    }
                }
            }
            frontier = next;
        }
        None
    }
}

fn row<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table
        .iter()
        .find(|(package, _)| *package == name)
        .map(|(_, cells)| *cells)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    value
        .get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("metadata has no list {key}"))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, String> {
    value
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("metadata has no text {key}"))
}
