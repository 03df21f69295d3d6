//! Other tools' files as a manifest: compose files, Procfile, app.json, fly.toml, render.yaml.
//!
//! Owns what each of their keys means here. Invariants: every key of the input is either carried over or named in
//! [`Imported::left`] with its reason, because a [`ledger::Ledger`] sweeps the whole input at the end; what is written
//! is a manifest that [`ManifestFile::from_toml`] accepts; depth, size and the number of nodes are bounded, aliases of
//! YAML included. Must not: read files or variables, guess a value that the input does not hold, or widen what a
//! service may do.

mod app_json;
mod compose;
mod draft;
mod emit;
mod fly;
mod ledger;
mod plain;
mod procfile;
#[cfg(test)]
mod properties;
mod render;
#[cfg(test)]
mod tests;
mod words;
mod yaml;

use std::fmt;

use crate::manifest::{ManifestError, ManifestFile};
use crate::name::AppName;
use draft::Draft;
use ledger::Ledger;

/// Bytes of an input at most.
pub const MAX_BYTES: usize = 256 << 10;
/// Levels of nesting at most.
const MAX_DEPTH: usize = 32;
/// Values of an input at most, after aliases were followed.
const MAX_NODES: usize = 20_000;

/// A manifest made from another tool's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of `segue.toml`.
    pub text: String,
    /// What was not carried over, or not as it was, in order of the input.
    pub left: Vec<Left>,
    /// Places of the input that were carried over; with those of `left` they are all of it.
    pub carried: Vec<String>,
}

/// Something of the input that is not, or not as it was, in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its place: `services.web.ports[0]`.
    pub key: String,
    /// Its line in the input, from 1, if the format has lines.
    pub line: Option<u32>,
    /// Why, and what to do instead.
    pub reason: String,
    /// Whether something of it was carried over, in another form.
    pub changed: bool,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}: {}", self.key, self.reason)
    }
}

/// An input from which no manifest can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The input cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// What the input asks for contradicts what a manifest may say.
    #[error("what it asks for cannot be written as segue.toml")]
    Refused(Vec<ManifestError>),
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// docker-compose.yml, compose.yaml.
    Compose,
    /// Procfile.
    Procfile,
    /// app.json.
    AppJson,
    /// fly.toml.
    Fly,
    /// render.yaml.
    Render,
}

/// Reads another tool's file as a manifest for this app; the file's own name for the app gives way to it.
///
/// # Errors
/// [`ImportError`] if nothing can be made of it.
pub fn import(format: Format, app: &AppName, text: &str) -> Result<Imported, ImportError> {
    let root = tree(format, text)?;
    let mut ledger = Ledger::default();
    let root = root.numbered();
    let place = root.place();
    let mut draft = Draft::new(app.clone());
    match format {
        Format::Compose => compose::read(&mut ledger, &place, &mut draft),
        Format::Procfile => procfile::read(&mut ledger, &place, &mut draft),
        Format::AppJson => app_json::read(&mut ledger, &place, &mut draft),
        Format::Fly => fly::read(&mut ledger, &place, &mut draft),
        Format::Render => render::read(&mut ledger, &place, &mut draft),
    }
    let text = emit::text(&draft);
    ManifestFile::from_toml(&text).map_err(ImportError::Refused)?;
    let (left, carried) = ledger.sweep(&place);
    Ok(Imported {
        text,
        left,
        carried,
    })
}

/// The name that the file itself gives to its app, in the form that it must have here.
#[must_use]
pub fn app_name(format: Format, text: &str) -> Option<AppName> {
    let root = tree(format, text).ok()?;
    let key = match format {
        Format::Compose | Format::AppJson => "name",
        Format::Fly => "app",
        Format::Procfile | Format::Render => return None,
    };
    let name = words::name(root.place().get(key)?.text()?)?;
    AppName::new(name).ok()
}

fn tree(format: Format, text: &str) -> Result<ledger::Node, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(ImportError::Unreadable(format!(
            "the file is longer than {MAX_BYTES} bytes"
        )));
    }
    match format {
        Format::Compose | Format::Render => yaml::read(text),
        Format::Fly => plain::toml(text),
        Format::AppJson => plain::json(text),
        Format::Procfile => plain::procfile(text),
    }
}
