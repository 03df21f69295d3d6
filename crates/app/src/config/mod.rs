//! Settings of the server: defaults, then a file, then the environment, then flags.
//!
//! Every value is read and checked before a port is bound, and every problem is reported at once,
//! with the place it came from. Must not: open, create or delete anything.

mod reader;
mod settings;

use std::path::Path;

use figment::Figment;
use figment::providers::{Format as _, Toml};

pub use self::settings::{
    ApiSettings, BuildSettings, DatabaseSettings, EdgeSettings, EngineSettings, LogFormat,
    LogSettings, OWN_ENGINE, Section, Settings,
};

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the settings cannot be used:\n{}", .0.iter().map(|problem| format!("  - {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<String>);

/// A value given on the command line, as `section.key` and a TOML value or a bare word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Such as `edge.http`.
    pub key: String,
    /// Such as `["0.0.0.0:8080"]`, or text without quotes.
    pub value: String,
}

impl std::str::FromStr for Flag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self {
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
            }),
            _ => Err(format!("{text:?} is not KEY=VALUE")),
        }
    }
}

/// Reads the settings. `environment` are the process's variables; those that begin with `SEGUE_`
/// and name a setting count (`SEGUE_EDGE__HTTP` is `edge.http`).
///
/// # Errors
/// All problems, each as a sentence.
pub fn load(
    file: Option<&Path>,
    environment: &[(String, String)],
    flags: &[Flag],
) -> Result<Settings, Problems> {
    let mut figment = Figment::new();
    if let Some(path) = file {
        if !path.is_file() {
            return Err(Problems(vec![format!(
                "there is no file {}",
                path.display()
            )]));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    for (name, value) in environment {
        if let Some(key) = reader::key_of_variable(name) {
            figment = figment.merge(reader::Given::new(&format!("${name}"), &key, value));
        }
    }
    for flag in flags {
        figment = figment.merge(reader::Given::new("--set", &flag.key, &flag.value));
    }
    reader::read(&figment)
}

#[cfg(test)]
mod tests;
