//! What is wrong in a manifest, where, and what to write instead.

use std::fmt;

use serde::Serialize;

/// A place in the text; both numbers start at 1, columns count characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// One problem of a manifest. A wrong manifest is answered with all of them at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
pub struct ManifestError {
    /// Where in the text.
    #[serde(flatten)]
    pub at: Position,
    /// JSON pointer of the key (`/services/web/replicas`); empty for the text as a whole.
    pub pointer: String,
    /// What is wrong, in one sentence.
    pub reason: String,
    /// What to do instead.
    pub suggestion: Option<String>,
}

impl ManifestError {
    /// The key in the manifest's own notation (`services.web.replicas`).
    #[must_use]
    pub fn key(&self) -> String {
        let unescaped = self.pointer.trim_start_matches('/').replace('/', ".");
        unescaped.replace("~1", "/").replace("~0", "~")
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.at.line, self.at.column)?;
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.key())?;
        }
        f.write_str(&self.reason)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

/// Path from the root of a manifest to one of its keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl Pointer {
    pub fn root() -> Self {
        Self::default()
    }

    pub fn key(&self, key: &str) -> Self {
        Self(format!(
            "{}/{}",
            self.0,
            key.replace('~', "~0").replace('/', "~1")
        ))
    }

    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The known word nearest to what was written, if it is near enough to be meant.
pub(super) fn nearest<'k>(
    written: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let lower = written.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["replicas", "port", "command", "kind"];
        assert_eq!(nearest("replcias", known), Some("replicas"));
        assert_eq!(nearest("Ports", known), Some("port"));
        assert_eq!(nearest("cmd", known), None);
        assert_eq!(nearest("volume-mounts", known), None);
    }

    #[test]
    fn keys_with_slashes_survive_the_pointer() {
        let error = ManifestError {
            at: Position { line: 1, column: 2 },
            pointer: Pointer::root()
                .key("config")
                .key("a/b~c")
                .as_str()
                .to_owned(),
            reason: "bad".into(),
            suggestion: None,
        };
        assert_eq!(error.pointer, "/config/a~1b~0c");
        assert_eq!(error.to_string(), "line 1, column 2: config.a/b~c: bad");
    }
}
