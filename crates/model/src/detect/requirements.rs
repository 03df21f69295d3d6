//! requirements.txt: which packages it names and which files of the source it needs.

use std::collections::BTreeSet;

use super::Source;
use super::dockerfile::plain;

/// What a requirements file says, as far as a Dockerfile depends on it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// Names of packages, in PyPI's normal form.
    pub names: BTreeSet<String>,
    /// The file itself and those it includes, all at the top of the source.
    pub files: Vec<String>,
    /// Whether installing needs the source itself (`-e .`, a path, a file in a folder).
    pub local: bool,
}

/// Reads the file and those that it includes, as far as their text is known; an included file whose text is
/// not known may need anything, so it counts as `local`.
pub(super) fn read(source: Source<'_>, file: &str) -> Requirements {
    let mut found = Requirements {
        files: vec![file.to_owned()],
        ..Requirements::default()
    };
    let mut next = 0;
    while let Some(file) = found.files.get(next).cloned() {
        next += 1;
        match source.text(&file) {
            Some(text) => found.scan(source, text),
            None => found.local = true,
        }
    }
    found
}

impl Requirements {
    fn scan(&mut self, source: Source<'_>, text: &str) {
        let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
        for line in text.lines() {
            let line = line.split(" #").next().unwrap_or("").trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(included) = included(line) {
                if !plain(included) || !source.has(included) {
                    self.local = true;
                } else if !self.files.iter().any(|known| known == included) {
                    self.files.push(included.to_owned());
                }
            } else if line.starts_with("-e") || line.starts_with("--editable") || is_path(line) {
                self.local = true;
            } else if !line.starts_with('-') {
                self.names.extend(name(line));
            }
        }
    }
}

/// The file that `-r FILE` or `-c FILE` names.
fn included(line: &str) -> Option<&str> {
    let options = ["-r", "-c", "--requirement", "--constraint"];
    let rest = options.iter().find_map(|option| {
        let rest = line.strip_prefix(option)?;
        rest.starts_with([' ', '=', '\t']).then_some(rest)
    });
    rest.or_else(|| line.strip_prefix("-r"))
        .map(|rest| rest.trim_start_matches(['=', ' ', '\t']))
}

fn is_path(line: &str) -> bool {
    line.starts_with(['.', '/']) || line.starts_with("file:") || line.contains("@ file:")
}

/// The package's name at the start of a requirement, normalised (`Flask_Login[x]>=1` -> `flask-login`).
pub(super) fn name(requirement: &str) -> Option<String> {
    let end = requirement
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(requirement.len());
    let name = requirement
        .get(..end)?
        .to_ascii_lowercase()
        .replace(['_', '.'], "-");
    (!name.is_empty()).then_some(name)
}
