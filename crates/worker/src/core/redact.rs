//! The redactor: replaces an app's secret values in text that is kept or shown.
//!
//! Knows each value raw, in base64 (standard and URL-safe, with and without padding) and URL-encoded.
//! Invariant: with the values it was given, no whole occurrence survives within the bytes of one call; who
//! cuts a stream must cut between lines, or hold back [`Redactor::overlap`] bytes. Values shorter than
//! [`MIN_LEN`] bytes are not replaced: they would make logs unreadable and protect nothing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shortest value that is replaced, in bytes.
const MIN_LEN: usize = 4;
/// What stands in its place.
pub(crate) const MASK: &[u8] = b"[redacted]";

/// Replaces the values it knows.
#[derive(Default)]
pub(crate) struct Redactor {
    matcher: Option<aho_corasick::AhoCorasick>,
    longest: usize,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the values.
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor of these values.
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        for value in values {
            let trimmed = value.trim_ascii();
            if trimmed.len() < MIN_LEN {
                continue;
            }
            for raw in [value, trimmed] {
                patterns.push(raw.to_vec());
                patterns.push(STANDARD.encode(raw).into_bytes());
                patterns.push(STANDARD_NO_PAD.encode(raw).into_bytes());
                patterns.push(URL_SAFE_NO_PAD.encode(raw).into_bytes());
                patterns.push(percent(raw, false));
                patterns.push(percent(raw, true));
            }
            // Logs are cut into lines, so that each line of a value must be known by itself.
            for line in trimmed.split(|b| *b == b'\n') {
                let line = line.trim_ascii();
                if line.len() >= 8 {
                    patterns.push(line.to_vec());
                }
            }
        }
        patterns.sort();
        patterns.dedup();
        if patterns.is_empty() {
            return Self::default();
        }
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        let matcher = aho_corasick::AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostLongest)
            .build(&patterns)
            .ok();
        Self { matcher, longest }
    }

    /// Bytes that must be held back at a cut so that no value is split by it.
    pub(crate) fn overlap(&self) -> usize {
        self.longest.saturating_sub(1)
    }

    /// The last place at or before `wanted` where `text` may be cut without splitting a value that is whole in it.
    pub(crate) fn safe_cut(&self, text: &[u8], wanted: usize) -> usize {
        let Some(matcher) = &self.matcher else {
            return wanted;
        };
        let across = matcher
            .find_iter(text)
            .find(|found| found.start() < wanted && found.end() > wanted);
        across.map_or(wanted, |found| found.start())
    }

    /// `text` with every value replaced.
    pub(crate) fn bytes(&self, text: &[u8]) -> Vec<u8> {
        match &self.matcher {
            Some(matcher) => {
                let mut out = Vec::with_capacity(text.len());
                let mut last = 0;
                for found in matcher.find_iter(text) {
                    out.extend_from_slice(text.get(last..found.start()).unwrap_or_default());
                    out.extend_from_slice(MASK);
                    last = found.end();
                }
                out.extend_from_slice(text.get(last..).unwrap_or_default());
                out
            }
            None => text.to_vec(),
        }
    }

    /// The same for text.
    pub(crate) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }
}

/// Percent-encoding of everything but the unreserved characters; upper- or lower-case digits.
fn percent(raw: &[u8], lower: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for byte in raw {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(*byte);
        } else if lower {
            out.extend_from_slice(format!("%{byte:02x}").as_bytes());
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_replaced_in_every_form() {
        let secret = b"p@ss w\xc3\xb6rd/1";
        let redactor = Redactor::new([secret.as_slice(), b"abc"]);
        for form in [
            secret.to_vec(),
            STANDARD.encode(secret).into_bytes(),
            URL_SAFE_NO_PAD.encode(secret).into_bytes(),
            b"p%40ss%20w%C3%B6rd%2F1".to_vec(),
            b"p%40ss%20w%c3%b6rd%2f1".to_vec(),
        ] {
            let line = [b"x=".as_slice(), &form, b"; abc"].concat();
            assert_eq!(redactor.bytes(&line), b"x=[redacted]; abc");
        }
        assert_eq!(redactor.text("nothing here"), "nothing here");
        assert_eq!(Redactor::default().text("abc"), "abc");
    }

    #[test]
    fn lines_of_a_key_are_known_by_themselves() {
        let redactor = Redactor::new([b"-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\n".as_slice()]);
        assert_eq!(redactor.text("> MIIEowIBAAKCAQEA <"), "> [redacted] <");
    }
}
