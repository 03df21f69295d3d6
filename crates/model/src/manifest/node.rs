//! The manifest as a tree that remembers where everything stood; the same for TOML and YAML.
//!
//! Must not: know any key of the manifest, but for the two places where an environment's override
//! replaces instead of merges.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ManifestError, Position};

/// A value and where it stood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub at: Position,
    pub value: Value,
}

/// A value of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<Node>),
    Table(BTreeMap<String, Entry>),
    /// A type that no key of the manifest takes (dates; numbers beyond 64 bits).
    Other(&'static str),
}

/// A value under a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key_at: Position,
    pub node: Node,
}

impl Node {
    /// What it is, for error texts.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(what) => what,
        }
    }
}

/// Finds positions from byte offsets.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    pub fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self
            .starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            line: number(line),
            column: number(before.chars().count() + 1),
        }
    }
}

/// Reads TOML.
///
/// # Errors
/// Every fault of syntax that the parser could tell apart.
pub(super) fn from_toml(text: &str) -> Result<Node, Vec<ManifestError>> {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let at = Position { line: 1, column: 1 };
        return Ok(Node {
            at,
            value: convert_table(table.get_ref(), &lines),
        });
    }
    // One slip makes the parser stumble again and again; the first few say what is wrong.
    Err(errors
        .into_iter()
        .take(5)
        .map(|error| ManifestError {
            at: lines.position(error.span().unwrap_or(Range::default()).start),
            pointer: String::new(),
            reason: format!("not valid TOML: {}", error.message()),
            suggestion: None,
        })
        .collect())
}

fn convert_table(table: &DeTable<'_>, lines: &Lines<'_>) -> Value {
    let entries = table.iter().map(|(key, value)| {
        let entry = Entry {
            key_at: lines.position(key.span().start),
            node: convert(value, lines),
        };
        (key.get_ref().clone().into_owned(), entry)
    });
    Value::Table(entries.collect())
}

fn convert(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let converted = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number beyond 64 bits"), Value::Integer),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or(Value::Other("a number"), Value::Float),
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| convert(item, lines)).collect())
        }
        DeValue::Table(table) => convert_table(table, lines),
    };
    Node {
        at: lines.position(value.span().start),
        value: converted,
    }
}

/// Ways to ask for health, of which a service has one: an override of one removes the others.
const CHECKS: [&str; 3] = ["path", "tcp", "command"];

/// Lays an environment's overrides over the base: tables merge key by key, everything else is replaced.
pub(super) fn merge(base: &Node, over: &Node, depth_key: &str) -> Node {
    let (Value::Table(below), Value::Table(above)) = (&base.value, &over.value) else {
        return over.clone();
    };
    let mut merged = below.clone();
    if depth_key == "health" && CHECKS.iter().any(|check| above.contains_key(*check)) {
        merged.retain(|key, _| !CHECKS.contains(&key.as_str()));
    }
    for (key, entry) in above {
        let node = match merged.get(key) {
            // An entry of `config` is one value, however it is written.
            Some(old) if depth_key != "config" => merge(&old.node, &entry.node, key),
            _ => entry.node.clone(),
        };
        merged.insert(
            key.clone(),
            Entry {
                key_at: entry.key_at,
                node,
            },
        );
    }
    Node {
        at: base.at,
        value: Value::Table(merged),
    }
}
