//! A layer of dependencies for Rust, whose compiler knows none by itself.
//!
//! The manifests are copied alone, every file that they speak of is made with an empty program in it, and that is
//! built: what comes out are the dependencies. The layer is new only when a manifest or the lock file is.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::Source;
use super::dockerfile::{copy, plain_path, run_script};
use super::rust::{Package, SIGN};

/// Above this nothing is gained that a person would wait for.
const MOST_PACKAGES: usize = 40;
const MOST_FILES: usize = 400;

const MAKE: &str = "for file in \"$@\"; do mkdir -p \"$(dirname \"$file\")\" && echo 'fn main() {}' > \"$file\" || exit 1; done";

/// The lines, or nothing where the dependencies cannot be built without the source.
pub(super) fn lines(source: Source<'_>, packages: &[Package], build: &str) -> Option<Vec<String>> {
    let complete = members(packages).all(|package| local_paths(package, packages));
    if !source.has("Cargo.lock") || packages.len() > MOST_PACKAGES || !complete {
        return None;
    }
    // A workspace's lock file knows every member; one that was left out of `packages` would be missed.
    let known: BTreeSet<String> = packages
        .iter()
        .map(|one| format!("{}{SIGN}", one.folder))
        .collect();
    let others = |path: &&String| path.ends_with("/Cargo.toml") && !path.starts_with("vendor/");
    let all_known = source
        .paths
        .iter()
        .filter(others)
        .all(|path| known.contains(path.as_str()));
    let virtual_or_members = packages
        .first()
        .is_some_and(|top| top.table.contains_key("workspace"));
    if virtual_or_members && !all_known {
        return None;
    }
    let mut top = vec![SIGN, "Cargo.lock"];
    let toolchain = ["rust-toolchain.toml", "rust-toolchain"];
    top.extend(toolchain.into_iter().filter(|file| source.has(file)));
    let mut lines = vec![copy(&top)];
    for folder in [".cargo", "vendor"] {
        if source.has_folder(folder) {
            lines.push(format!("COPY {folder}/ {folder}/"));
        }
    }
    let mut files = BTreeSet::new();
    for package in packages {
        if !package.folder.is_empty() {
            let folder = package.folder.trim_end_matches('/');
            if !plain_path(folder) {
                return None;
            }
            lines.push(format!("COPY {folder}/{SIGN} {folder}/"));
        }
        for file in targets(source, package) {
            let path = format!("{}{file}", package.folder);
            if !plain_path(&path) {
                return None;
            }
            files.insert(path);
        }
    }
    if files.is_empty() || files.len() > MOST_FILES {
        return None;
    }
    let files: Vec<&String> = files.iter().collect();
    lines.extend([run_script(MAKE, &files), format!("RUN {build}")]);
    Some(lines)
}

fn members(packages: &[Package]) -> impl Iterator<Item = &Package> {
    packages.iter()
}

/// Whether every dependency with a path is one of the packages.
fn local_paths(package: &Package, packages: &[Package]) -> bool {
    let mut tables: Vec<&Table> = vec![&package.table];
    let workspace = package.table.get("workspace").and_then(Value::as_table);
    tables.extend(workspace);
    let targets = package.table.get("target").and_then(Value::as_table);
    tables.extend(
        targets
            .into_iter()
            .flatten()
            .filter_map(|(_, table)| table.as_table()),
    );
    let keys = [
        "dependencies",
        "dev-dependencies",
        "build-dependencies",
        "patch",
        "replace",
    ];
    let dependencies = tables
        .iter()
        .flat_map(|table| keys.iter().filter_map(|key| table.get(*key)?.as_table()));
    let paths = dependencies
        .flatten()
        .filter_map(|(_, value)| value.as_table()?.get("path")?.as_str());
    let root = package.folder.as_str();
    let mut paths = paths.map(|path| resolve(root, path));
    let patched = package.table.contains_key("patch");
    !patched
        && paths.all(|path| path.is_some_and(|path| packages.iter().any(|one| one.folder == path)))
}

/// A path that is relative to a folder, from the top, with a slash at its end.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Some(String::new());
    }
    Some(format!("{}/", parts.join("/")))
}

/// Files of a package that cargo wants to find: those it looks for by itself, and those that are named.
fn targets(source: Source<'_>, package: &Package) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in source.paths {
        let Some(inside) = path.strip_prefix(package.folder.as_str()) else {
            continue;
        };
        let in_bin = inside.strip_prefix("src/bin/").is_some_and(|rest| {
            rest.ends_with(".rs") && (!rest.contains('/') || rest.ends_with("/main.rs"))
        });
        if in_bin || ["src/main.rs", "src/lib.rs", "build.rs"].contains(&inside) {
            found.insert(inside.to_owned());
        }
    }
    let text = |table: &Table, key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(own) = package.table.get("package").and_then(Value::as_table) {
        found.extend(text(own, "build"));
    }
    if let Some(lib) = package.table.get("lib").and_then(Value::as_table) {
        found.extend(text(lib, "path"));
    }
    let folders = [
        ("bin", "src/bin"),
        ("test", "tests"),
        ("bench", "benches"),
        ("example", "examples"),
    ];
    for (key, folder) in folders {
        let listed = package.table.get(key).and_then(Value::as_array);
        for target in listed.into_iter().flatten().filter_map(Value::as_table) {
            let by_name = text(target, "name").map(|name| format!("{folder}/{name}.rs"));
            match text(target, "path").or(by_name) {
                // A program of the package's own name may also be src/main.rs, which is there already.
                Some(path)
                    if key != "bin"
                        || target.contains_key("path")
                        || source.has(&format!("{}{path}", package.folder)) =>
                {
                    found.insert(path);
                }
                _ => {}
            }
        }
    }
    found
}
