//! Files of variables (`.env`): read and written.
//!
//! Invariants: what is written here is read back as it was; a line that cannot be read is an error with its number,
//! never left out. Own code and no library: those at hand put the variables of the person's own machine into values
//! (`A=$HOME`), which is the opposite of what a server's configuration is for. Must not: expand anything.

use std::collections::BTreeMap;

use segue_model::name::ConfigKey;

use crate::error::{CliError, Result};

/// Bytes of a file at most: 500 keys of 32 KiB are not what a person means.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Reads `KEY=VALUE` lines: comments, `export`, single and double quotes (these also over several lines).
pub(super) fn parse(name: &str, text: &str) -> Result<BTreeMap<String, String>> {
    let refused = |line: usize, reason: &str| {
        CliError::usage(format!("{name}, line {line}: {reason}"))
            .now("nothing was changed")
            .next("write one KEY=VALUE for each line")
    };
    let mut values = BTreeMap::new();
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let body = trimmed.strip_prefix("export ").unwrap_or(trimmed);
        let (key, rest) = body
            .split_once('=')
            .ok_or_else(|| refused(index + 1, "expected KEY=VALUE"))?;
        let key = key
            .trim()
            .parse::<ConfigKey>()
            .map_err(|e| refused(index + 1, &e.to_string()))?;
        let rest = rest.trim_start();
        let value = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let mut whole = rest.get(1..).unwrap_or_default().to_owned();
                loop {
                    if let Some((value, behind)) = closed(&whole, quote) {
                        let behind = behind.trim();
                        if !behind.is_empty() && !behind.starts_with('#') {
                            return Err(refused(index + 1, "something stands behind the quotes"));
                        }
                        break value;
                    }
                    let Some((_, more)) = lines.next() else {
                        return Err(refused(index + 1, "the quotes do not end"));
                    };
                    whole.push('\n');
                    whole.push_str(more);
                }
            }
            _ => plain(rest),
        };
        if values.insert(key.to_string(), value).is_some() {
            return Err(refused(index + 1, &format!("{key} stands here twice")));
        }
    }
    Ok(values)
}

/// A value without quotes ends at a comment that has a space before it.
fn plain(rest: &str) -> String {
    let end = rest
        .char_indices()
        .find(|(at, c)| {
            *c == '#'
                && (*at == 0
                    || rest
                        .get(..*at)
                        .is_some_and(|before| before.ends_with([' ', '\t'])))
        })
        .map_or(rest.len(), |(at, _)| at);
    rest.get(..end).unwrap_or(rest).trim_end().to_owned()
}

/// The value up to its closing quote, and what stands behind it.
fn closed(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Some((value, text.get(at + c.len_utf8()..)?)),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                other @ ('"' | '\\' | '$' | '`') => value.push(other),
                other => {
                    value.push('\\');
                    value.push(other);
                }
            },
            _ => value.push(c),
        }
    }
    None
}

/// One line that [`parse`] and other tools read as this value.
pub(super) fn line(key: &str, value: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=?&~!".contains(c);
    if !value.is_empty() && value.chars().all(simple) {
        return format!("{key}={value}");
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '"' | '\\' | '$' | '`' => {
                quoted.push('\\');
                quoted.push(c);
            }
            _ => quoted.push(c),
        }
    }
    format!("{key}=\"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read() {
        let text = "\u{feff}# c\nA=1\nexport B = two words # c\nC='it # is'\nD=\"a\\nb\\\"$HOME\" # c\nE=\nF=\"x\ny\"\nG=a#b\n";
        let values = parse(".env", text).unwrap();
        let get = |key: &str| values.get(key).map(String::as_str);
        assert_eq!(get("A"), Some("1"));
        assert_eq!(get("B"), Some("two words"));
        assert_eq!(get("C"), Some("it # is"));
        assert_eq!(get("D"), Some("a\nb\"$HOME"));
        assert_eq!(get("E"), Some(""));
        assert_eq!(get("F"), Some("x\ny"));
        assert_eq!(get("G"), Some("a#b"));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, word) in [
            ("A=1\nB", "line 2"),
            ("a b=1", "line 1"),
            ("A=\"x", "do not end"),
            ("A='x' y", "behind the quotes"),
            ("A=1\nA=2", "twice"),
            ("=x", "line 1"),
        ] {
            let error = parse(".env", text).unwrap_err();
            assert!(error.what.contains(word), "{text}: {}", error.what);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [
            "", "a", "a b", "a\nb", "\"", "'", "\\", "$X", "`x`", "ä # x", "\t", " x ", "\\n",
            "a=b",
        ] {
            let text = line("K", value);
            assert_eq!(parse("f", &text).unwrap()["K"], value, "{text}");
        }
    }
}
