//! TOML, JSON and Procfile as a tree.

use super::ledger::{Node, Value};
use super::{ImportError, MAX_DEPTH, MAX_NODES};

fn unreadable(reason: impl std::fmt::Display) -> ImportError {
    ImportError::Unreadable(reason.to_string())
}

fn bounded(node: Node) -> Result<Node, ImportError> {
    if node.size() > MAX_NODES {
        return Err(unreadable(format!("more than {MAX_NODES} values")));
    }
    if node.depth() > MAX_DEPTH {
        return Err(unreadable("nested too deeply"));
    }
    if !matches!(node.value, Value::Map(_)) {
        return Err(unreadable("expected a mapping of keys"));
    }
    Ok(node)
}

/// Reads TOML; its parser bounds the depth itself.
pub(super) fn toml(text: &str) -> Result<Node, ImportError> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text
            .get(..at)
            .map_or(1, |before| 1 + before.matches('\n').count());
        unreadable(format!("line {line}: not valid TOML: {}", error.message()))
    })?;
    bounded(of_toml(&toml::Value::Table(table)))
}

fn of_toml(value: &toml::Value) -> Node {
    use toml::Value as V;
    let value = match value {
        V::String(text) => Value::Text(text.clone()),
        V::Integer(number) => Value::Text(number.to_string()),
        V::Float(number) => Value::Text(number.to_string()),
        V::Boolean(yes) => Value::Text(yes.to_string()),
        V::Datetime(at) => Value::Text(at.to_string()),
        V::Array(items) => Value::List(items.iter().map(of_toml).collect()),
        V::Table(table) => Value::Map(
            table
                .iter()
                .map(|(key, value)| (key.clone(), of_toml(value)))
                .collect(),
        ),
    };
    Node::new(0, value)
}

/// Reads JSON; its parser bounds the depth itself.
pub(super) fn json(text: &str) -> Result<Node, ImportError> {
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| unreadable(format!("not valid JSON: {error}")))?;
    bounded(of_json(&value))
}

fn of_json(value: &serde_json::Value) -> Node {
    use serde_json::Value as V;
    let value = match value {
        V::Null => Value::Null,
        V::Bool(yes) => Value::Text(yes.to_string()),
        V::Number(number) => Value::Text(number.to_string()),
        V::String(text) => Value::Text(text.clone()),
        V::Array(items) => Value::List(items.iter().map(of_json).collect()),
        V::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), of_json(value)))
                .collect(),
        ),
    };
    Node::new(0, value)
}

/// Reads a Procfile: `name: command` lines.
pub(super) fn procfile(text: &str) -> Result<Node, ImportError> {
    let mut entries: Vec<(String, Node)> = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let (name, command) = trimmed
            .split_once(':')
            .ok_or_else(|| unreadable(format!("line {number}: expected `name: command`")))?;
        let name = name.trim().to_owned();
        if entries.iter().any(|(known, _)| *known == name) {
            return Err(unreadable(format!(
                "line {number}: `{name}` stands here twice"
            )));
        }
        let node = Node::new(number, Value::Text(command.trim().to_owned()));
        entries.push((name, node));
    }
    if entries.is_empty() {
        return Err(unreadable("the file is empty"));
    }
    bounded(Node::new(0, Value::Map(entries)))
}
