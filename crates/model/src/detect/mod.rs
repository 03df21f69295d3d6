//! Source detection: from a list of paths and a few small files to a Dockerfile and services.
//!
//! An ordered table ([`table`]); the first row that recognises the source wins. Total and deterministic: any input ends
//! in a [`Detected`] or a [`Failure`] that says what is missing. The result is a plain Dockerfile that people
//! can see and keep: no heredoc, no `# syntax=`, dependencies in a layer of their own, user 10001 owning its
//! folder. Base images come from a map that the server's configuration gives.
//! Must not: read files, or know which images an engine really has.

mod bun;
mod deno;
mod dockerfile;
mod frameworks;
mod go;
mod java;
mod node;
mod php;
mod programs;
mod python;
mod requirements;
mod ruby;
mod runtimes;
mod rust;
mod scripts;
mod statics;
mod stubs;
mod table;
mod wanted;
mod webapps;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use dockerfile::{Unsupported, unsupported};
pub use runtimes::Runtimes;
pub use wanted::{WANTED_FILES, names};

use crate::failure::{Failure, FailureCode};
use crate::manifest::{AppJson, ConfigEntry, Manifest, Procfile};
use crate::name::{ConfigKey, ImageName, ServiceName};
use crate::spec::{Command, ServiceKind, ServiceSpec};

/// The user that applications run as in images whose Dockerfile Segue wrote.
pub const USER_ID: u32 = 10001;

/// What detection sees of a source.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// Paths of all files, relative to the top.
    pub paths: &'s [String],
    /// Content of those of [`WANTED_FILES`] that are there.
    pub files: &'s BTreeMap<String, Vec<u8>>,
}

impl<'s> Source<'s> {
    /// Whether a file of this path is there.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|known| known == path)
    }

    /// A wanted file's text, if it is there and UTF-8; a byte order mark is dropped.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&'s str> {
        let text = std::str::from_utf8(self.files.get(path)?).ok()?;
        Some(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// The first of these files that is there.
    fn first(&self, paths: &[&'static str]) -> Option<&'static str> {
        paths.iter().copied().find(|path| self.has(path))
    }

    /// Whether there is a file below this folder.
    fn has_folder(&self, folder: &str) -> bool {
        self.paths.iter().any(|path| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// The first line of a file that is neither empty nor a comment.
    fn line(&self, path: &str) -> Option<&'s str> {
        let mut lines = self.text(path)?.lines().map(str::trim);
        lines.find(|line| !line.is_empty() && !line.starts_with('#'))
    }
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runtime {
    /// Has its own Dockerfile.
    Dockerfile,
    /// Python.
    Python,
    /// Node.js.
    Node,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Java.
    Java,
    /// Deno.
    Deno,
    /// Bun.
    Bun,
    /// Files to be served as they are.
    Static,
    /// No source is of this kind: where programs run that were compiled elsewhere.
    Native,
}

impl Runtime {
    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Dockerfile => "Dockerfile",
            Self::Python => "Python",
            Self::Node => "Node.js",
            Self::Go => "Go",
            Self::Rust => "Rust",
            Self::Ruby => "Ruby",
            Self::Php => "PHP",
            Self::Java => "Java",
            Self::Deno => "Deno",
            Self::Bun => "Bun",
            Self::Static => "static files",
            Self::Native => "image for compiled programs",
        }
    }

    /// Its name in the map of runtimes and in `build.builder`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Dockerfile => "dockerfile",
            Self::Python => "python",
            Self::Node => "node",
            Self::Go => "go",
            Self::Rust => "rust",
            Self::Ruby => "ruby",
            Self::Php => "php",
            Self::Java => "java",
            Self::Deno => "deno",
            Self::Bun => "bun",
            Self::Static => "static",
            Self::Native => "native",
        }
    }
}

/// The Dockerfile to build with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dockerfile {
    /// The source's own.
    Source {
        /// Its path in the source.
        path: String,
    },
    /// Written by Segue; the image runs under profile `strict`.
    Generated {
        /// Its text.
        text: String,
    },
}

/// What detection found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// The row of the table that matched.
    pub runtime: Runtime,
    /// The runtime's version, as the map names it.
    pub version: Option<String>,
    /// The base image.
    pub base: Option<ImageName>,
    /// How to build.
    pub dockerfile: Dockerfile,
    /// Services: those of the Procfile, else one `web`.
    pub services: BTreeMap<ServiceName, ServiceSpec>,
    /// Variables of app.json.
    pub config: BTreeMap<ConfigKey, ConfigEntry>,
    /// What the image starts by default, as people write it; `None`: what the Dockerfile says.
    pub start: Option<String>,
    /// The files that decided, for people (`requirements.txt`, `Procfile: web`).
    pub why: Vec<String>,
}

impl Detected {
    /// One line for people: `Python 3.11 (requirements.txt) · start "gunicorn app:app" (Procfile: web)`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut line = self.runtime.title().to_owned();
        if let Some(version) = &self.version {
            line.push(' ');
            line.push_str(version);
        }
        let mut why = self.why.iter();
        if let Some(first) = why.next()
            && self.runtime != Runtime::Dockerfile
        {
            line.push_str(&format!(" ({first})"));
        }
        if let Some(start) = &self.start {
            line.push_str(&format!(" · start {start:?}"));
            if let Some(reason) = why.next() {
                line.push_str(&format!(" ({reason})"));
            }
        }
        line
    }
}

/// What a language's row knows about an image; the rest is the same for all.
struct Image {
    version: Option<String>,
    base: ImageName,
    /// A stage before, of which only results are taken: compilers stay out of the image.
    build: Option<Stage>,
    /// Lines between user set-up and `USER`.
    body: Vec<String>,
    /// The port it listens on whatever `PORT` says.
    port: Option<u16>,
    /// Start command by the language's conventions, with the file that says so.
    start: Option<(Command, String)>,
    /// Why there is no start command, where that can be said.
    unclear: Option<String>,
    /// Variables that applications of this kind cannot do without.
    config: BTreeMap<ConfigKey, ConfigEntry>,
    /// The file that made the row match.
    why: String,
}

impl Image {
    /// An image of one stage that does nothing yet.
    fn new((version, base): (String, ImageName), why: String) -> Self {
        Self {
            version: Some(version),
            base,
            build: None,
            body: Vec::new(),
            port: None,
            start: None,
            unclear: None,
            config: BTreeMap::new(),
            why,
        }
    }
}

/// A stage that is not the image's last; it works in `/src`.
struct Stage {
    base: ImageName,
    body: Vec<String>,
}

/// Recognises a source.
///
/// `manifest` says which builder to use and which services bring their own command.
///
/// # Errors
/// A [`Failure`] with code `nothing_detected`, `no_start_command`, `runtime_missing`, or `build_failed` for a
/// file that cannot be read.
pub fn detect(
    source: Source<'_>,
    manifest: &Manifest,
    runtimes: &Runtimes,
) -> Result<Detected, Failure> {
    let procfile = match source.text("Procfile") {
        Some(text) => Procfile::parse(text)
            .map_err(|e| failure(FailureCode::NoStartCommand, e.to_string()))?,
        None => Procfile::default(),
    };
    if procfile.release.is_some() {
        let evidence = "Procfile: a `release` line is not available yet, and leaving it out silently could leave a \
            database behind; run it before the server in the `web` line";
        return Err(failure(FailureCode::ReleaseCommandFailed, evidence));
    }
    let app_json = match source.text("app.json") {
        Some(text) => {
            AppJson::parse(text).map_err(|e| failure(FailureCode::BuildFailed, e.to_string()))?
        }
        None => AppJson::default(),
    };
    let mut detected = match table::row(source, manifest)? {
        table::Row::Own => own_dockerfile(source, manifest)?,
        table::Row::Language(runtime, image, why) => {
            generated(runtime, image(source, runtimes, why)?, manifest, &procfile)?
        }
    };
    for (name, command) in procfile.services {
        let web = name.as_str() == "web";
        let mut spec = ServiceSpec::new(if web {
            ServiceKind::Web
        } else {
            ServiceKind::Worker
        });
        spec.command = Some(command);
        detected.services.insert(name, spec);
    }
    if detected.services.is_empty()
        && let Ok(web) = ServiceName::new("web")
    {
        detected
            .services
            .insert(web, ServiceSpec::new(ServiceKind::Web));
    }
    for (name, replicas) in app_json.replicas {
        if let Some(spec) = detected.services.get_mut(&name) {
            spec.replicas = replicas;
        }
    }
    detected.config.extend(app_json.config);
    Ok(detected)
}

fn own_dockerfile(source: Source<'_>, manifest: &Manifest) -> Result<Detected, Failure> {
    let path = manifest.build.dockerfile.as_deref().unwrap_or("Dockerfile");
    if !source.has(path) {
        let evidence = format!("the manifest asks for {path}, which is not in the source");
        return Err(failure(FailureCode::NothingDetected, evidence));
    }
    Ok(Detected {
        runtime: Runtime::Dockerfile,
        version: None,
        base: None,
        dockerfile: Dockerfile::Source {
            path: path.to_owned(),
        },
        services: BTreeMap::new(),
        config: BTreeMap::new(),
        start: None,
        why: vec![path.to_owned()],
    })
}

fn generated(
    runtime: Runtime,
    image: Image,
    manifest: &Manifest,
    procfile: &Procfile,
) -> Result<Detected, Failure> {
    let start = match procfile
        .services
        .iter()
        .find(|(name, _)| name.as_str() == "web")
    {
        Some((_, command)) => Some((command.clone(), "Procfile: web".to_owned())),
        None => image.start.clone(),
    };
    let needs_start = |name: &ServiceName| !procfile.services.contains_key(name);
    let missing = if manifest.services.is_empty() {
        procfile.services.is_empty().then(|| "web".to_owned())
    } else {
        let lacking = manifest.services.iter().find(|(name, service)| {
            service.image.is_none() && service.spec.command.is_none() && needs_start(name)
        });
        lacking.map(|(name, _)| name.to_string())
    };
    if let (None, Some(service)) = (&start, missing) {
        let reason = image
            .unclear
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let evidence = format!(
            "{} was found ({}), but nothing says how to start service {service}{reason}",
            runtime.title(),
            image.why
        );
        return Err(failure(FailureCode::NoStartCommand, evidence));
    }
    let text = dockerfile::write(runtime, &image, start.as_ref().map(|(command, _)| command));
    let mut why = vec![image.why.clone()];
    why.extend(start.as_ref().map(|(_, reason)| reason.clone()));
    Ok(Detected {
        runtime,
        version: image.version,
        base: Some(image.base),
        dockerfile: Dockerfile::Generated { text },
        services: BTreeMap::new(),
        config: image.config,
        // The start line of a server that Segue chose is plumbing, not something people wrote.
        start: start
            .filter(|(_, reason)| !statics::is_plumbing(reason) && !php::is_plumbing(reason))
            .map(|(command, _)| line(&command)),
        why,
    })
}

/// A command as one line.
fn line(command: &Command) -> String {
    match command {
        Command::Argv(argv) => shell_words::join(argv),
        Command::Shell(line) => line.clone(),
    }
}

fn failure(code: FailureCode, evidence: impl Into<String>) -> Failure {
    Failure {
        code,
        evidence: evidence.into(),
    }
}
