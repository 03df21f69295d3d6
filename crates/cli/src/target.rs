//! What a command is about: flag, then variable, then the nearest segue.toml, then the link file.

use std::path::{Path, PathBuf};

use segue_model::manifest::{FILE_NAME, ManifestError, ManifestFile};
use segue_model::name::{AppName, EnvironmentName};

use crate::args::Global;
use crate::config_files::Link;
use crate::error::{CliError, Result};
use crate::host::Host;

/// The environment that is meant when nothing else is said.
const DEFAULT_ENVIRONMENT: &str = "production";

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
    let text = std::fs::read_to_string(path)
        .map_err(|e| CliError::new(format!("{} cannot be read", path.display())).why(e))?;
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
            error = error.why(format!("    {shown}"));
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
                    CliError::usage("which app?")
                        .why("no --app, no SEGUE_APP, no segue.toml here or above, no link file")
                        .next("segue init, or repeat it with --app NAME")
                })?,
            },
        };
        let env = Self::environment(host, global, &link);
        Ok(Self {
            app: AppName::new(app).map_err(|e| CliError::usage(e.to_string()))?,
            env: EnvironmentName::new(env).map_err(|e| CliError::usage(e.to_string()))?,
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
            env: EnvironmentName::new(env).map_err(|e| CliError::usage(e.to_string()))?,
        })
    }
}
