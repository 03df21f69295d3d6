//! Typed reading of a manifest's tree: every fault is noted and reading goes on, so that people see all at once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::SignedDuration;

use super::error::{ManifestError, Pointer, nearest};
use super::node::{Entry, Node, Value};
use super::rules::{Contradiction, NOT_YET};
use crate::spec::{Command, bounds};

/// A key that the design names and this version does not offer, with what to do instead.
pub(super) type Later = (&'static str, &'static str);

/// Collects the problems.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub errors: Vec<ManifestError>,
}

/// A place in the tree: the node and the way to it.
#[derive(Debug, Clone)]
pub(super) struct Place<'n> {
    pub node: &'n Node,
    pub pointer: Pointer,
}

/// A table whose keys are all known.
#[derive(Debug, Clone)]
pub(super) struct Fields<'n> {
    entries: &'n BTreeMap<String, Entry>,
    pointer: Pointer,
}

impl<'n> Place<'n> {
    /// A key of this table, if it is one and has the key.
    pub fn inside(&self, key: &str) -> Option<Place<'n>> {
        let Value::Table(entries) = &self.node.value else {
            return None;
        };
        entries.get(key).map(|entry| Place {
            node: &entry.node,
            pointer: self.pointer.key(key),
        })
    }
}

impl<'n> Fields<'n> {
    pub fn get(&self, key: &str) -> Option<Place<'n>> {
        self.entries.get(key).map(|entry| Place {
            node: &entry.node,
            pointer: self.pointer.key(key),
        })
    }
}

impl Walk {
    pub fn error(
        &mut self,
        place: &Place<'_>,
        reason: impl Into<String>,
        suggestion: Option<String>,
    ) {
        self.errors.push(ManifestError {
            at: place.node.at,
            pointer: place.pointer.as_str().to_owned(),
            reason: reason.into(),
            suggestion,
        });
    }

    /// Tells contradictions at the keys that they name; at the whole where such a key was not written.
    pub fn contradictions(
        &mut self,
        place: &Place<'_>,
        fields: &Fields<'_>,
        found: Vec<Contradiction>,
    ) {
        for one in found {
            let at = fields.get(one.key).unwrap_or_else(|| place.clone());
            self.contradictions_at(&at, vec![one]);
        }
    }

    pub fn contradictions_at(&mut self, place: &Place<'_>, found: Vec<Contradiction>) {
        for one in found {
            self.error(place, one.reason, Some(one.suggestion));
        }
    }

    fn expected<T>(
        &mut self,
        place: &Place<'_>,
        what: &str,
        suggestion: Option<String>,
    ) -> Option<T> {
        let reason = format!("expected {what}, found {}", place.node.kind());
        self.error(place, reason, suggestion);
        None
    }

    /// The entries of a table with names that people chose.
    pub fn entries<'n>(&mut self, place: &Place<'n>) -> Vec<(&'n str, &'n Entry, Place<'n>)> {
        match &place.node.value {
            Value::Table(entries) => entries
                .iter()
                .map(|(key, entry)| {
                    let inner = Place {
                        node: &entry.node,
                        pointer: place.pointer.key(key),
                    };
                    (key.as_str(), entry, inner)
                })
                .collect(),
            _ => {
                self.expected::<()>(place, "a table", None);
                Vec::new()
            }
        }
    }

    /// A table with known keys; unknown ones are problems.
    pub fn table<'n>(
        &mut self,
        place: &Place<'n>,
        known: &[&str],
        later: &[Later],
    ) -> Option<Fields<'n>> {
        let Value::Table(entries) = &place.node.value else {
            return self.expected(place, "a table", None);
        };
        for (key, entry) in entries {
            if known.contains(&key.as_str()) {
                continue;
            }
            let (reason, suggestion) = match later.iter().find(|(name, _)| name == key) {
                Some((_, instead)) => (NOT_YET.to_owned(), Some((*instead).to_owned())),
                None => {
                    let known_here = known
                        .iter()
                        .copied()
                        .chain(later.iter().map(|(name, _)| *name));
                    let suggestion = match nearest(key, known_here) {
                        Some(word) => format!("did you mean `{word}`?"),
                        None => format!("known here: {}", known.join(", ")),
                    };
                    ("no such key".to_owned(), Some(suggestion))
                }
            };
            self.errors.push(ManifestError {
                at: entry.key_at,
                pointer: place.pointer.key(key).as_str().to_owned(),
                reason,
                suggestion,
            });
        }
        Some(Fields {
            entries,
            pointer: place.pointer.clone(),
        })
    }

    pub fn text<'n>(&mut self, place: &Place<'n>) -> Option<&'n str> {
        match &place.node.value {
            Value::Text(text) => Some(text),
            Value::Integer(number) => {
                self.expected(place, "a text", Some(format!("write \"{number}\"")))
            }
            Value::Float(number) => {
                self.expected(place, "a text", Some(format!("write \"{number}\"")))
            }
            Value::Boolean(yes) => self.expected(place, "a text", Some(format!("write \"{yes}\""))),
            _ => self.expected(place, "a text", None),
        }
    }

    /// A text that a type's own constructor judges.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, place: &Place<'_>) -> Option<T> {
        let text = self.text(place)?;
        self.name(text, place)
    }

    /// A key or text that a type's own constructor judges.
    pub fn name<T: FromStr<Err: Display>>(&mut self, text: &str, place: &Place<'_>) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(place, error.to_string(), None);
                None
            }
        }
    }

    /// One of a few words; `later` words are named as not available yet.
    pub fn word<T: Copy>(
        &mut self,
        place: &Place<'_>,
        words: &[(&str, T)],
        later: &[Later],
    ) -> Option<T> {
        let text = self.text(place)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        if let Some((_, instead)) = later.iter().find(|(word, _)| *word == text) {
            self.error(
                place,
                format!("{text:?} is {NOT_YET}"),
                Some((*instead).to_owned()),
            );
            return None;
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let suggestion = match nearest(text, known.iter().copied()) {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => format!("one of {}", known.join(", ")),
        };
        self.error(
            place,
            format!("{} is not known here", shown(text)),
            Some(suggestion),
        );
        None
    }

    pub fn boolean(&mut self, place: &Place<'_>) -> Option<bool> {
        match &place.node.value {
            Value::Boolean(yes) => Some(*yes),
            Value::Text(text) if text == "true" || text == "false" => self.expected(
                place,
                "true or false",
                Some(format!("write {text} without quotes")),
            ),
            _ => self.expected(place, "true or false", None),
        }
    }

    pub fn integer(&mut self, place: &Place<'_>, range: RangeInclusive<u32>) -> Option<u32> {
        let number = match &place.node.value {
            Value::Integer(number) => *number,
            Value::Text(text) if text.parse::<u32>().is_ok() => {
                return self.expected(
                    place,
                    "a whole number",
                    Some(format!("write {text} without quotes")),
                );
            }
            _ => return self.expected(place, "a whole number", None),
        };
        let fits = u32::try_from(number)
            .ok()
            .filter(|number| range.contains(number));
        if fits.is_none() {
            let reason = format!(
                "{number} is not between {} and {}",
                range.start(),
                range.end()
            );
            self.error(place, reason, None);
        }
        fits
    }

    /// Cores, as thousandths.
    pub fn cores(&mut self, place: &Place<'_>) -> Option<u32> {
        let cores = match &place.node.value {
            #[expect(
                clippy::cast_precision_loss,
                reason = "checked against its bounds right below"
            )]
            Value::Integer(number) => *number as f64,
            Value::Float(number) => *number,
            _ => return self.expected(place, "a number of cores", Some("write cpu = 0.5".into())),
        };
        let (least, most) = (
            f64::from(*bounds::CPU_MILLIS.start()) / 1000.0,
            f64::from(*bounds::CPU_MILLIS.end()) / 1000.0,
        );
        if !(least..=most).contains(&cores) {
            let reason = format!("{cores} is not between {least} and {most} cores");
            self.error(place, reason, None);
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "10 to 64000"
        )]
        Some((cores * 1000.0).round() as u32)
    }

    pub fn duration(
        &mut self,
        place: &Place<'_>,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let text = match &place.node.value {
            Value::Text(text) => text,
            Value::Integer(number) => {
                return self.expected(
                    place,
                    "a time with its unit",
                    Some(format!("write \"{number}s\"")),
                );
            }
            _ => {
                return self.expected(
                    place,
                    "a time with its unit",
                    Some("such as \"30s\"".into()),
                );
            }
        };
        let parsed = text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|d| Duration::try_from(d).ok());
        let Some(duration) = parsed else {
            let reason = format!("{} is not a time", shown(text));
            self.error(
                place,
                reason,
                Some("write \"250ms\", \"30s\", \"5m\" or \"1h\"".into()),
            );
            return None;
        };
        if range.contains(&duration) {
            return Some(duration);
        }
        let reason = format!(
            "{text} is not between {:?} and {:?}",
            range.start(),
            range.end()
        );
        self.error(place, reason, None);
        None
    }

    /// A number of bytes.
    pub fn size(&mut self, place: &Place<'_>, range: RangeInclusive<u64>) -> Option<u64> {
        let text = match &place.node.value {
            Value::Text(text) => text,
            Value::Integer(number) => {
                return self.expected(
                    place,
                    "a size with its unit",
                    Some(format!("write \"{number}MiB\"")),
                );
            }
            _ => {
                return self.expected(
                    place,
                    "a size with its unit",
                    Some("such as \"512MiB\"".into()),
                );
            }
        };
        let with_unit = text.chars().any(|c| c.is_ascii_alphabetic());
        let Some(size) = text.parse::<ByteSize>().ok().filter(|_| with_unit) else {
            let reason = format!("{} is not a size", shown(text));
            self.error(place, reason, Some("write \"512MiB\" or \"2GiB\"".into()));
            return None;
        };
        if range.contains(&size.as_u64()) {
            return Some(size.as_u64());
        }
        let (from, to) = (ByteSize(*range.start()), ByteSize(*range.end()));
        self.error(
            place,
            format!("{text} is not between {from} and {to}"),
            None,
        );
        None
    }

    /// A command: a line, or its arguments.
    pub fn command(&mut self, place: &Place<'_>) -> Option<Command> {
        let Value::List(items) = &place.node.value else {
            let line = self.text(place)?;
            return match Command::parse(line) {
                Ok(command) => Some(command),
                Err(error) => {
                    self.error(place, error.to_string(), None);
                    None
                }
            };
        };
        let mut argv = Vec::new();
        for (index, node) in items.iter().enumerate() {
            let inner = Place {
                node,
                pointer: place.pointer.index(index),
            };
            let argument = self.text(&inner)?;
            if !bounds::is_argument(argument) {
                let most = bounds::ARGUMENT_CHARS;
                let reason = format!("an argument has at most {most} characters and no NUL");
                self.error(&inner, reason, None);
                return None;
            }
            argv.push(argument.to_owned());
        }
        if !bounds::is_argv(&argv) {
            let most = bounds::ARGUMENTS;
            let reason =
                format!("a command has 1 to {most} arguments, the first of which is the program");
            self.error(place, reason, None);
            return None;
        }
        Some(Command::Argv(argv))
    }

    /// The places of a list's items.
    pub fn list<'n>(&mut self, place: &Place<'n>, limit: usize) -> Vec<Place<'n>> {
        let Value::List(items) = &place.node.value else {
            let suggestion = match &place.node.value {
                Value::Text(text) => Some(format!("write [{text:?}]")),
                _ => None,
            };
            self.expected::<()>(place, "a list", suggestion);
            return Vec::new();
        };
        if items.len() > limit {
            self.error(place, format!("more than {limit} items"), None);
        }
        let place_of = |(index, node)| Place {
            node,
            pointer: place.pointer.index(index),
        };
        items.iter().enumerate().take(limit).map(place_of).collect()
    }
}

/// What was written, quoted and cut, fit for an error text.
pub(super) fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(60).collect::<String>())
}
