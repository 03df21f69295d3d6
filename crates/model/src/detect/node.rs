//! Node.js: package.json, its lock file and scripts.

use std::collections::BTreeMap;

use nodejs_semver::{Range, Version};
use serde::Deserialize;

use super::dockerfile::{copy, copy_all};
use super::frameworks::{self, Start};
use super::runtimes::{numbers, same_line, stands_for};
use super::{Image, Runtime, Runtimes, Source, Stage, failure, scripts, statics};
use crate::failure::{Failure, FailureCode};
use crate::name::ImageName;

/// The file that says "Node.js".
pub(super) const SIGN: &str = "package.json";

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

/// What package.json says, as far as it matters here.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Package {
    pub main: Option<String>,
    pub module: Option<String>,
    pub scripts: BTreeMap<String, String>,
    engines: BTreeMap<String, String>,
    dependencies: BTreeMap<String, serde_json::Value>,
    dev_dependencies: BTreeMap<String, serde_json::Value>,
    package_manager: Option<String>,
    workspaces: Option<serde_json::Value>,
}

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    source.has(SIGN).then(|| SIGN.to_owned())
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let package = Package::read(source)?;
    let chosen = version(source, &package, runtimes)?;
    let start = frameworks::start(source, &package, Runtime::Node);
    let steps = Steps::plan(source, &package, &start);
    let mut body = vec![
        // Given by the server where packages come from a mirror; unset otherwise.
        "ARG NPM_CONFIG_REGISTRY".to_owned(),
    ];
    install(source, &package, &steps, &mut body)?;
    finish(chosen, body, start, runtimes, why)
}

/// What is done besides installing.
pub(super) struct Steps {
    /// What builds the package.
    pub build: Option<String>,
    /// Packages for development stay in the image, because the program needs them when it runs.
    pub keep: bool,
}

impl Steps {
    /// `npm run` works without npm's own lock file too, and `npx` finds what was installed.
    pub(super) fn plan(source: Source<'_>, package: &Package, start: &Start) -> Self {
        // Next reads its configuration when it starts, and wants the compiler for it.
        let compiles = package.has("next") && source.has("next.config.ts");
        let script = package
            .scripts
            .contains_key("build")
            .then(|| "npm run build".to_owned());
        match start {
            // Only files are taken from the stage, whatever else is in it.
            Start::Site(site) => Self {
                build: Some(script.unwrap_or_else(|| format!("npx --no-install {}", site.build))),
                keep: true,
            },
            Start::Program { script: text, .. } => Self {
                build: script.or_else(|| {
                    (text == "next start").then(|| "npx --no-install next build".to_owned())
                }),
                keep: compiles
                    || scripts::uses(text, &package.scripts, |name| {
                        package.dev_dependencies.contains_key(name)
                            && !package.dependencies.contains_key(name)
                    }),
            },
            Start::Nothing | Start::Unclear(_) => Self {
                build: script,
                keep: false,
            },
        }
    }
}

/// The image of a package: its program with everything it needs, or its files behind a server.
pub(super) fn finish(
    chosen: (String, ImageName),
    mut body: Vec<String>,
    start: Start,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let bin = |folder: &str| {
        format!(
            "ENV NODE_ENV=production NPM_CONFIG_UPDATE_NOTIFIER=false NEXT_TELEMETRY_DISABLED=1 PATH={folder}/node_modules/.bin:$PATH"
        )
    };
    if let Start::Site(site) = start {
        body.insert(0, bin("/src"));
        body.push(statics::collect(site.tool, site.folders));
        let (version, base) = chosen;
        let mut image = statics::of_build(runtimes, site.single_page, why)?;
        image.why = format!("{}: {}", image.why, site.tool);
        image.version = Some(version);
        image.build = Some(Stage { base, body });
        return Ok(image);
    }
    let mut image = Image::new(chosen, why);
    body.insert(0, bin("/app"));
    image.body = body;
    match start {
        Start::Program {
            command, why, port, ..
        } => {
            image.start = Some((command, why));
            image.port = port;
        }
        Start::Unclear(reason) => image.unclear = Some(reason.to_owned()),
        Start::Nothing | Start::Site(_) => {}
    }
    Ok(image)
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

fn install(
    source: Source<'_>,
    package: &Package,
    steps: &Steps,
    body: &mut Vec<String>,
) -> Result<(), Failure> {
    let all = steps.build.is_some() || steps.keep;
    let (lock, command, prune) = match tool(source, package)? {
        Tool::Npm { lock } => {
            let verb = if lock.is_some() { "ci" } else { "install" };
            let scope = if all { "--include=dev" } else { "--omit=dev" };
            let command = format!("npm {verb} {scope} --no-audit --no-fund && rm -rf /app/.npm");
            (
                lock,
                command,
                "npm prune --omit=dev --no-audit --no-fund && rm -rf /app/.npm".to_owned(),
            )
        }
        Tool::Yarn { version } => {
            let yarn = format!("npx --yes yarn@{version}");
            let scope = if all {
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
            let scope = if all { "--prod=false" } else { "--prod" };
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
    if let Some(build) = &steps.build {
        let prune = if steps.keep {
            String::new()
        } else {
            format!(" && {prune}")
        };
        // Next writes what it has rendered beside its build.
        let own = if package.has("next") {
            " && chown -R 10001:10001 .next"
        } else {
            ""
        };
        body.push(format!("RUN {build}{prune}{own}"));
    }
    Ok(())
}

impl Package {
    pub(super) fn read(source: Source<'_>) -> Result<Self, Failure> {
        serde_json::from_str(source.text(SIGN).unwrap_or("{}"))
            .map_err(|e| failure(FailureCode::BuildFailed, format!("{SIGN}: {e}")))
    }

    /// Whether it depends on a package, in whatever way.
    pub(super) fn has(&self, name: &str) -> bool {
        self.dependencies.contains_key(name) || self.dev_dependencies.contains_key(name)
    }

    /// Whether installing needs more than package.json and the lock file.
    pub(super) fn needs_source(&self) -> bool {
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
