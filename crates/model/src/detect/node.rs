//! Node.js: package.json, its lock file and scripts.

use std::collections::BTreeMap;

use nodejs_semver::{Range, Version};
use serde::Deserialize;

use super::dockerfile::{copy, copy_all};
use super::runtimes::{numbers, same_line, stands_for};
use super::{Image, Runtime, Runtimes, Source, failure};
use crate::failure::{Failure, FailureCode};
use crate::name::ImageName;
use crate::spec::Command;

/// Files that say "Node.js".
pub(super) const SIGNS: &[&str] = &["package.json"];

/// Scripts that npm runs by itself while it installs; they may need the source.
const INSTALL_SCRIPTS: &[&str] = &[
    "preinstall",
    "install",
    "postinstall",
    "prepare",
    "preprepare",
    "postprepare",
];

/// Names of long-term lines, as `.nvmrc` uses them.
const LINES: &[(&str, u64)] = &[
    ("gallium", 16),
    ("hydrogen", 18),
    ("iron", 20),
    ("jod", 22),
    ("krypton", 24),
];

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Package {
    main: Option<String>,
    scripts: BTreeMap<String, String>,
    engines: BTreeMap<String, String>,
    dependencies: BTreeMap<String, serde_json::Value>,
    package_manager: Option<String>,
    workspaces: Option<serde_json::Value>,
}

pub(super) fn image(source: Source<'_>, runtimes: &Runtimes) -> Result<Image, Failure> {
    let text = source.text("package.json").unwrap_or("{}");
    let package: Package = serde_json::from_str(text)
        .map_err(|e| failure(FailureCode::BuildFailed, format!("package.json: {e}")))?;
    let (version, base) = version(source, &package, runtimes)?;
    let mut body = vec![
        "ENV NODE_ENV=production PATH=/app/node_modules/.bin:$PATH".to_owned(),
        // Given by the server where packages come from a mirror; unset otherwise.
        "ARG NPM_CONFIG_REGISTRY".to_owned(),
    ];
    install(source, &package, &mut body)?;
    Ok(Image {
        version: Some(version),
        base,
        start: start(source, &package),
        body,
        why: source.first(SIGNS).unwrap_or("the manifest"),
    })
}

fn version(
    source: Source<'_>,
    package: &Package,
    runtimes: &Runtimes,
) -> Result<(String, ImageName), Failure> {
    if let Some(range) = package.engines.get("node") {
        let parsed = Range::parse(range).map_err(|_| {
            let evidence = format!("package.json: engines.node {range:?} is not a version range");
            failure(FailureCode::RuntimeMissing, evidence)
        })?;
        return runtimes.choose(Runtime::Node, Some((range, "package.json")), |offered| {
            stands_for(offered)
                .into_iter()
                .any(|[major, minor, patch]| {
                    parsed.satisfies(&Version::from((major, minor, patch)))
                })
        });
    }
    for file in [".nvmrc", ".node-version"] {
        let line = source
            .text(file)
            .and_then(|text| text.lines().map(str::trim).find(|l| !l.is_empty()));
        let Some(line) = line else { continue };
        if ["node", "stable", "lts/*"].contains(&line) {
            continue;
        }
        let named = line
            .strip_prefix("lts/")
            .and_then(|name| LINES.iter().find(|(line, _)| *line == name))
            .map(|(_, major)| vec![*major]);
        let asked = named.or_else(|| numbers(line.strip_prefix('v').unwrap_or(line)));
        return runtimes.choose(Runtime::Node, Some((line, file)), |offered| {
            asked
                .as_ref()
                .is_some_and(|asked| same_line(asked, offered))
        });
    }
    runtimes.choose(Runtime::Node, None, |_| true)
}

/// A lock file decides the tool: its exact versions are what gets installed, or nothing is.
enum Tool {
    Npm { lock: Option<&'static str> },
    Yarn { version: String },
    Pnpm { version: String },
}

fn tool(source: Source<'_>, package: &Package) -> Result<Tool, Failure> {
    let (name, version) = match &package.package_manager {
        Some(text) => {
            let (name, rest) = text.split_once('@').unwrap_or((text, ""));
            let version = rest.split('+').next().unwrap_or("");
            (Some(name), numbers(version).map(|_| version.to_owned()))
        }
        None => (None, None),
    };
    let npm_lock = source.first(&["package-lock.json", "npm-shrinkwrap.json"]);
    match name {
        Some("yarn") | None
            if source.has("yarn.lock") && (name.is_some() || npm_lock.is_none()) =>
        {
            let version = version.unwrap_or_else(|| "1.22.22".to_owned());
            if !version.starts_with("1.") {
                let evidence = format!(
                    "yarn {version}: only yarn 1 is known here; add a Dockerfile, or use npm's or pnpm's lock file"
                );
                return Err(failure(FailureCode::NothingDetected, evidence));
            }
            Ok(Tool::Yarn { version })
        }
        Some("pnpm") | None
            if source.has("pnpm-lock.yaml") && (name.is_some() || npm_lock.is_none()) =>
        {
            Ok(Tool::Pnpm {
                version: version.unwrap_or_else(|| "9".to_owned()),
            })
        }
        _ => Ok(Tool::Npm { lock: npm_lock }),
    }
}

fn install(source: Source<'_>, package: &Package, body: &mut Vec<String>) -> Result<(), Failure> {
    let builds = package.scripts.contains_key("build");
    let (lock, command, prune) = match tool(source, package)? {
        Tool::Npm { lock } => {
            let verb = if lock.is_some() { "ci" } else { "install" };
            let scope = if builds {
                "--include=dev"
            } else {
                "--omit=dev"
            };
            let command = format!("npm {verb} {scope} --no-audit --no-fund && rm -rf /app/.npm");
            (
                lock,
                command,
                "npm prune --omit=dev --no-audit --no-fund && rm -rf /app/.npm".to_owned(),
            )
        }
        Tool::Yarn { version } => {
            let yarn = format!("npx --yes yarn@{version}");
            let scope = if builds {
                "--production=false"
            } else {
                "--production"
            };
            let clean = "rm -rf /app/.npm /app/.cache";
            (
                Some("yarn.lock"),
                format!("{yarn} install --frozen-lockfile {scope} && {clean}"),
                format!(
                    "{yarn} install --frozen-lockfile --production --ignore-scripts && {clean}"
                ),
            )
        }
        Tool::Pnpm { version } => {
            let pnpm = format!("npx --yes pnpm@{version}");
            let scope = if builds { "--prod=false" } else { "--prod" };
            let clean = "rm -rf /app/.npm /app/.local /app/.cache";
            (
                Some("pnpm-lock.yaml"),
                format!("{pnpm} install --frozen-lockfile {scope} && {clean}"),
                format!("{pnpm} prune --prod --ignore-scripts && {clean}"),
            )
        }
    };
    let mut files = vec!["package.json"];
    files.extend(lock);
    files.extend([".npmrc"].into_iter().filter(|file| source.has(file)));
    if package.needs_source() {
        body.extend([copy_all(), format!("RUN {command}")]);
    } else {
        body.extend([copy(&files), format!("RUN {command}"), copy_all()]);
    }
    if builds {
        body.push(format!("RUN npm run build && {prune}"));
    }
    Ok(())
}

impl Package {
    /// Whether installing needs more than package.json and the lock file.
    fn needs_source(&self) -> bool {
        let local = |value: &serde_json::Value| {
            let text = value.as_str().unwrap_or("");
            ["file:", "link:", "workspace:", "./", "../"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
        };
        self.workspaces.is_some()
            || self.dependencies.values().any(local)
            || INSTALL_SCRIPTS
                .iter()
                .any(|script| self.scripts.contains_key(*script))
    }
}

/// The start script itself rather than `npm start`, which would stand between the engine's signals and the
/// application; npm is used only where the script relies on it.
fn start(source: Source<'_>, package: &Package) -> Option<(Command, String)> {
    if let Some(script) = package.scripts.get("start") {
        let why = "package.json: scripts.start".to_owned();
        let needs_npm = package.scripts.contains_key("prestart")
            || ["npm ", "npm_", "yarn ", "pnpm "]
                .iter()
                .any(|word| script.contains(word));
        if !needs_npm && let Ok(command) = Command::parse(script) {
            return Some((command, why));
        }
        return Some((
            Command::Argv(vec!["npm".to_owned(), "start".to_owned()]),
            why,
        ));
    }
    let node = |file: &str| Command::Argv(vec!["node".to_owned(), file.to_owned()]);
    if let Some(main) = &package.main {
        let main = main.strip_prefix("./").unwrap_or(main);
        if source.has(main) {
            return Some((node(main), "package.json: main".to_owned()));
        }
    }
    let file = source.first(&["server.js", "index.js", "app.js", "main.js"])?;
    Some((node(file), file.to_owned()))
}
