//! What a command is about: flag, then variable, then the nearest segue.toml, then the link file.

use std::path::{Path, PathBuf};

use segue_model::manifest::{FILE_NAME, MAX_BYTES, ManifestError, ManifestFile};
use segue_model::name::{AppName, EnvironmentName};

use crate::args::Global;
use crate::config_files::Link;
use crate::error::{CliError, Result};
use crate::files;
use crate::host::Host;
use crate::output::plain;

/// The environment that is meant when nothing else is said.
const DEFAULT_ENVIRONMENT: &str = "production";

/// The code of a command that nobody told which app it is about.
pub(crate) const NO_APP: &str = "no_app";

/// An app's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub app: AppName,
    pub env: EnvironmentName,
}

/// The manifest of a folder or the nearest above it.
pub(crate) fn manifest(from: &Path) -> Result<Option<(PathBuf, ManifestFile)>> {
    let Some(path) = from
        .ancestors()
        .map(|dir| dir.join(FILE_NAME))
        .find(|path| path.is_file())
    else {
        return Ok(None);
    };
    let manifest = read_manifest(&path)?;
    Ok(Some((path, manifest)))
}

/// Reads a manifest; all its problems are told at once.
pub(crate) fn read_manifest(path: &Path) -> Result<ManifestFile> {
    let text = files::text(path, MAX_BYTES as u64)?;
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    ManifestFile::from_named(&name, &text).map_err(|errors| wrong_manifest(path, &text, &errors))
}

/// The error for a wrong manifest, with the lines that are meant.
pub(crate) fn wrong_manifest(path: &Path, text: &str, errors: &[ManifestError]) -> CliError {
    let count = match errors.len() {
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    };
    let mut error = CliError::new(format!("{} has {count}", path.display()))
        .now("nothing was changed")
        .next("correct them: docs/MANIFEST.md")
        .code("manifest_invalid");
    for problem in errors {
        error = error.why(problem);
        let line = text.lines().nth(problem.at.line.saturating_sub(1) as usize);
        if let Some(line) = line.filter(|line| !line.trim().is_empty()) {
            let shown: String = line.chars().take(100).collect();
            error = error.why(format!("    {}", plain(&shown)));
        }
    }
    error
}

/// An error with each problem of a manifest that was not written by a person.
pub(crate) fn told(mut error: CliError, errors: &[ManifestError]) -> CliError {
    for problem in errors {
        error = error.why(format!("{}: {}", problem.key(), problem.reason));
    }
    error
}

fn misnamed(why: &dyn std::fmt::Display, next: &str) -> CliError {
    CliError::usage(why.to_string())
        .now("nothing was sent")
        .next(format!("correct {next}"))
}

impl Target {
    /// What the command is about.
    pub fn of(host: &Host, global: &Global) -> Result<Self> {
        Self::in_folder(host, global, &host.cwd)
    }

    /// The same for a command that is given a folder.
    pub fn in_folder(host: &Host, global: &Global, folder: &Path) -> Result<Self> {
        let link = Link::nearest(folder)?.unwrap_or_default();
        let named = global
            .app
            .clone()
            .or_else(|| host.var("SEGUE_APP").map(str::to_owned));
        let app = match named {
            Some(app) => app,
            None => match manifest(folder)? {
                Some((_, manifest)) => manifest.app().to_string(),
                None => link.app.clone().ok_or_else(|| {
                    CliError::usage("no app is named")
                        .code(NO_APP)
                        .why("no --app, no SEGUE_APP, no segue.toml here or above, no link file")
                        .now("nothing was sent")
                        .next("segue init, or repeat it with --app NAME")
                })?,
            },
        };
        let env = Self::environment(host, global, &link);
        Ok(Self {
            app: AppName::new(app).map_err(|e| misnamed(&e, "--app NAME, or app in segue.toml"))?,
            env: EnvironmentName::new(env).map_err(|e| misnamed(&e, "--env NAME"))?,
        })
    }

    fn environment(host: &Host, global: &Global, link: &Link) -> String {
        let named = global
            .env
            .clone()
            .or_else(|| host.var("SEGUE_ENV").map(str::to_owned));
        named
            .or_else(|| link.env.clone())
            .unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned())
    }

    /// The environment, for commands that know the app from a file.
    pub fn with_app(host: &Host, global: &Global, app: AppName) -> Result<Self> {
        let link = Link::nearest(&host.cwd)?.unwrap_or_default();
        let env = Self::environment(host, global, &link);
        Ok(Self {
            app,
            env: EnvironmentName::new(env).map_err(|e| misnamed(&e, "--env NAME"))?,
        })
    }
}
