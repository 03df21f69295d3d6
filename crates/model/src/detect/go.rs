//! Go: go.mod, and where `package main` lies.

use std::collections::BTreeSet;

use super::dockerfile::{copy, plain, plain_path, run_script};
use super::programs::{self, Program};
use super::runtimes::{at_least, leading};
use super::{Image, Runtime, Runtimes, Source, failure};
use crate::failure::{Failure, FailureCode};

/// The file that says "Go".
const SIGN: &str = "go.mod";

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    source.has(SIGN).then(|| SIGN.to_owned())
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let module = source.text(SIGN).unwrap_or("");
    let compiler = match directive(module, "go") {
        // A compiler takes what an earlier one took, and does not fetch a later one by itself.
        Some(version) => runtimes.choose(Runtime::Go, Some((version, SIGN)), |offered| {
            leading(version).is_some_and(|asked| at_least(&asked, offered))
        })?,
        None => runtimes.choose(Runtime::Go, None, |_| true)?,
    };
    let programs = programs_of(source, module);
    if programs.is_empty() {
        let evidence = "go.mod was found, but no `package main` at the top, in cmd/* or in one folder below; add a \
            Dockerfile that says what to build";
        return Err(failure(FailureCode::NothingDetected, evidence));
    }
    let mut body = vec![
        "ENV GOTOOLCHAIN=local GOFLAGS=-buildvcs=false".to_owned(),
        // Given by the server where modules come from a mirror; unset otherwise.
        "ARG GOPROXY".to_owned(),
    ];
    let vendored = source.has("vendor/modules.txt");
    // A module in the source itself is not there yet when only go.mod is.
    let local = module.contains("=> ./") || module.contains("=> ../") || source.has("go.work");
    if !vendored && !local && directive(module, "require").is_some() {
        let files: Vec<&str> = ["go.mod", "go.sum"]
            .into_iter()
            .filter(|file| source.has(file))
            .collect();
        body.extend([copy(&files), "RUN go mod download".to_owned()]);
    }
    body.push("COPY . .".to_owned());
    let script = "set -e; mkdir -p /out; while [ $# -gt 0 ]; do go build -trimpath -o \"/out/$1\" \"$2\"; shift 2; done";
    let parameters: Vec<&str> = programs
        .iter()
        .flat_map(|program| [program.name.as_str(), program.target.as_str()])
        .collect();
    body.push(run_script(script, &parameters));
    programs::image(runtimes, compiler, body, &programs, why)
}

/// The first word of a directive (`go 1.22`); a block is answered by its bracket.
fn directive<'m>(module: &'m str, name: &str) -> Option<&'m str> {
    module.lines().find_map(|line| {
        let rest = line.trim().strip_prefix(name)?;
        rest.starts_with([' ', '\t', '('])
            .then(|| rest.split_whitespace().next())
            .flatten()
    })
}

/// What of the module is a program: the top if it is one, else each folder of `cmd`, else each other folder.
fn programs_of(source: Source<'_>, module: &str) -> Vec<Program> {
    let program = |name: &str, target: String| {
        (plain(name) && (target == "." || plain_path(target.trim_start_matches("./")))).then(|| {
            Program {
                name: name.to_owned(),
                target,
            }
        })
    };
    let files = |path: &&String| path.ends_with(".go") && !path.ends_with("_test.go");
    let top = source
        .paths
        .iter()
        .filter(files)
        .filter(|path| !path.contains('/'));
    let mut is_main = top.map(|path| match source.text(path) {
        Some(text) => is_main(text),
        None => path == "main.go",
    });
    if is_main.any(|yes| yes) {
        let name = name_of(directive(module, "module").unwrap_or("app"));
        return program(&name, ".".to_owned()).into_iter().collect();
    }
    let below = |above: &str| -> BTreeSet<&str> {
        let inside = source
            .paths
            .iter()
            .filter(files)
            .filter_map(|path| path.strip_prefix(above)?.split_once('/'));
        let mains = inside.filter(|(_, file)| *file == "main.go");
        mains.map(|(folder, _)| folder).collect()
    };
    let mut found: Vec<Program> = below("cmd/")
        .into_iter()
        .filter_map(|name| program(name, format!("./cmd/{name}")))
        .collect();
    if found.is_empty() {
        found = below("")
            .into_iter()
            .filter(|name| {
                !["vendor", "testdata", "examples", "example", "_examples"].contains(name)
            })
            .filter_map(|name| program(name, format!("./{name}")))
            .collect();
    }
    found
}

/// Whether a file belongs to a program: its first line that is code says `package main`.
fn is_main(text: &str) -> bool {
    let ignored = text.lines().any(|line| {
        let line = line.trim();
        line == "//go:build ignore" || line == "// +build ignore"
    });
    let package = text
        .lines()
        .map(str::trim)
        .find_map(|line| line.strip_prefix("package "));
    !ignored && package.is_some_and(|name| name.split_whitespace().next() == Some("main"))
}

/// The last part of a module's path that is no major version (`example.com/shop/v2` -> `shop`).
fn name_of(module: &str) -> String {
    let module = module.trim_matches('"');
    let mut parts = module.rsplit('/');
    let is_version = |part: &&str| {
        part.strip_prefix('v')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let name = parts.find(|part| !is_version(part)).unwrap_or("app");
    if plain(name) {
        name.to_owned()
    } else {
        "app".to_owned()
    }
}
