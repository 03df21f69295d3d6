//! Rust: Cargo.toml of a package or a workspace, and which programs it makes.

use std::collections::BTreeMap;

use toml::Table;

use super::dockerfile::{plain, plain_path, run_script};
use super::programs::{self, Program};
use super::runtimes::{at_least, leading};
use super::stubs;
use super::{Image, Runtime, Runtimes, Source, failure, wanted};
use crate::failure::{Failure, FailureCode};
use crate::name::ImageName;

/// The file that says "Rust".
pub(super) const SIGN: &str = "Cargo.toml";

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    source.has(SIGN).then(|| SIGN.to_owned())
}

/// A package of the source.
pub(super) struct Package {
    /// Its folder, empty for the top, else with a slash at its end.
    pub folder: String,
    /// Its Cargo.toml.
    pub table: Table,
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let packages = packages(source)?;
    let compiler = version(source, &packages, runtimes)?;
    let (programs, start) = programs_of(source, &packages);
    if programs.is_empty() {
        let evidence = "Cargo.toml was found, but no program in it (src/main.rs, src/bin or [[bin]]); a library cannot \
            be deployed";
        return Err(failure(FailureCode::NothingDetected, evidence));
    }
    let locked = source.has("Cargo.lock");
    let mut build = vec!["cargo", "build", "--release"];
    build.extend(locked.then_some("--locked"));
    for program in &programs {
        build.extend(["--bin", program.target.as_str()]);
    }
    let build = build.join(" ");
    let mut body = vec!["ENV CARGO_TARGET_DIR=/target CARGO_TERM_COLOR=never".to_owned()];
    let stubbed = stubs::lines(source, &packages, &build);
    let touch = if stubbed.is_some() {
        // Newer than what was made of the stubs, whatever time they bring.
        "find . -name '*.rs' -not -path './vendor/*' -exec touch {} + && "
    } else {
        ""
    };
    body.extend(stubbed.into_iter().flatten());
    body.push("COPY . .".to_owned());
    body.push(format!("RUN {touch}{build}"));
    let names: Vec<&str> = programs.iter().map(|one| one.name.as_str()).collect();
    body.push(run_script(
        "mkdir -p /out && for name in \"$@\"; do cp \"/target/release/$name\" /out/ || exit 1; done",
        &names,
    ));
    let started = match start {
        Some(name) => programs
            .iter()
            .filter(|one| one.name == name)
            .cloned()
            .collect(),
        None => programs,
    };
    programs::image(runtimes, compiler, body, &started, why)
}

/// The package at the top and those of its workspace.
fn packages(source: Source<'_>) -> Result<Vec<Package>, Failure> {
    let read = |path: &str| -> Result<Table, Failure> {
        let text = source.text(path).unwrap_or("");
        text.parse().map_err(|e: toml::de::Error| {
            failure(FailureCode::BuildFailed, format!("{path}: {}", e.message()))
        })
    };
    let top = read(SIGN)?;
    let workspace = top.get("workspace").and_then(toml::Value::as_table);
    let folders = |key: &str| -> Vec<String> {
        let listed = workspace.and_then(|workspace| workspace.get(key));
        let listed = listed.and_then(toml::Value::as_array).into_iter().flatten();
        listed
            .filter_map(|item| Some(format!("{}/{SIGN}", item.as_str()?.trim_end_matches('/'))))
            .collect()
    };
    let (members, excluded) = (folders("members"), folders("exclude"));
    let by_default = folders("default-members");
    let members = if by_default.is_empty() {
        &members
    } else {
        &by_default
    };
    let mut found = Vec::new();
    for path in source.paths {
        let listed =
            |patterns: &[String]| patterns.iter().any(|pattern| wanted::names(pattern, path));
        if let Some(folder) = path.strip_suffix(SIGN)
            && !folder.is_empty()
            && listed(members)
            && !listed(&excluded)
        {
            found.push(Package {
                folder: folder.to_owned(),
                table: read(path)?,
            });
        }
    }
    found.insert(
        0,
        Package {
            folder: String::new(),
            table: top,
        },
    );
    Ok(found)
}

fn version(
    source: Source<'_>,
    packages: &[Package],
    runtimes: &Runtimes,
) -> Result<(String, ImageName), Failure> {
    let from_file = source
        .text("rust-toolchain.toml")
        .or_else(|| source.text("rust-toolchain"))
        .and_then(|text| match text.parse::<Table>() {
            Ok(table) => {
                let channel = table.get("toolchain")?.as_table()?.get("channel")?;
                channel.as_str().map(str::to_owned)
            }
            Err(_) => text.lines().next().map(|line| line.trim().to_owned()),
        })
        .filter(|channel| channel != "stable" && !channel.starts_with("stable-"))
        .map(|channel| (channel, "rust-toolchain"));
    let from_package = || {
        let text = packages.iter().find_map(|package| {
            let own = package
                .table
                .get("package")?
                .as_table()?
                .get("rust-version")?;
            own.as_str().map(str::to_owned)
        })?;
        Some((text, SIGN))
    };
    match from_file.or_else(from_package) {
        // What a compiler took, later ones take: the newest is as good as the one that is named.
        Some((wanted, from)) => runtimes.choose(Runtime::Rust, Some((&wanted, from)), |offered| {
            leading(&wanted).is_some_and(|asked| at_least(&asked, offered))
        }),
        None => runtimes.choose(Runtime::Rust, None, |_| true),
    }
}

/// Programs of the package at the top, else of all in the workspace; and which of them its author starts.
fn programs_of(source: Source<'_>, packages: &[Package]) -> (Vec<Program>, Option<String>) {
    let mut start = None;
    for (index, package) in packages.iter().enumerate() {
        let own = of_package(source, package);
        if index == 0 && !own.is_empty() {
            return (own, default_run(package));
        }
        start = start.or_else(|| default_run(package));
    }
    let mut all: Vec<Program> = packages
        .iter()
        .flat_map(|package| of_package(source, package))
        .collect();
    all.sort();
    all.dedup();
    (all, start)
}

fn default_run(package: &Package) -> Option<String> {
    let own = package.table.get("package")?.as_table()?;
    own.get("default-run")?.as_str().map(str::to_owned)
}

fn of_package(source: Source<'_>, package: &Package) -> Vec<Program> {
    let Some(own) = package.table.get("package").and_then(toml::Value::as_table) else {
        return Vec::new();
    };
    let text = |table: &Table, key: &str| {
        table
            .get(key)
            .and_then(toml::Value::as_str)
            .map(str::to_owned)
    };
    // Path of a program's file in the package -> its name.
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    if own.get("autobins").and_then(toml::Value::as_bool) != Some(false) {
        for path in source.paths {
            let Some(inside) = path.strip_prefix(package.folder.as_str()) else {
                continue;
            };
            let name = match inside {
                "src/main.rs" => text(own, "name"),
                _ => inside.strip_prefix("src/bin/").and_then(|rest| {
                    let name = rest
                        .strip_suffix("/main.rs")
                        .or_else(|| rest.strip_suffix(".rs"))?;
                    (!name.contains('/')).then(|| name.to_owned())
                }),
            };
            found.extend(name.map(|name| (inside.to_owned(), name)));
        }
    }
    let declared = package.table.get("bin").and_then(toml::Value::as_array);
    for bin in declared
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_table)
    {
        let Some(name) = text(bin, "name") else {
            continue;
        };
        let path = text(bin, "path").unwrap_or_else(|| format!("src/bin/{name}.rs"));
        found.retain(|_, known| *known != name);
        if bin.contains_key("required-features") {
            found.remove(&path);
        } else {
            found.insert(path, name);
        }
    }
    let mut programs: Vec<Program> = found
        .into_iter()
        .filter(|(path, name)| plain(name) && plain_path(path))
        .map(|(_, name)| Program {
            target: name.clone(),
            name,
        })
        .collect();
    programs.sort();
    programs
}
