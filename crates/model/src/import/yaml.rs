//! YAML as a tree: one document, aliases and merge keys followed.
//!
//! Invariants: at most [`MAX_NODES`] values and [`MAX_DEPTH`] levels after every alias was followed, counted before
//! anything is copied, so that a few lines cannot become gigabytes.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::ledger::{Node, Value};
use super::{ImportError, MAX_DEPTH, MAX_NODES};

/// A list or a mapping that is not complete yet.
struct Open {
    line: u32,
    anchor: usize,
    tag: Option<String>,
    /// `None`: a list.
    key: Option<Key>,
    items: Vec<Node>,
    entries: Vec<(String, Node)>,
}

/// Whether a mapping waits for a key or for its value.
enum Key {
    Wanted,
    Named(String),
}

struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

fn unreadable(line: u32, reason: &str) -> ImportError {
    ImportError::Unreadable(format!("line {line}: {reason}"))
}

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Node, ImportError> {
    let mut builder = Builder {
        open: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
        root: None,
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
            unreadable(line, &format!("not valid YAML: {}", error.info()))
        })?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(unreadable(
                        line,
                        "a second document begins; give each a file",
                    ));
                }
            }
            Event::MappingStart(anchor, tag) => {
                builder.start(line, anchor, tag.as_deref(), Some(Key::Wanted))?;
            }
            Event::SequenceStart(anchor, tag) => {
                builder.start(line, anchor, tag.as_deref(), None)?;
            }
            Event::MappingEnd | Event::SequenceEnd => builder.end(line)?,
            Event::Scalar(text, style, anchor, tag) => {
                let mut node = Node::new(line, scalar(text.into_owned(), style));
                node.tag = foreign(tag.as_deref());
                builder.add(anchor, node)?;
            }
            Event::Alias(anchor) => {
                let node = builder.anchors.get(&anchor);
                let size = node.map_or(1, Node::size);
                builder.count(line, size)?;
                let mut node = builder
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| unreadable(line, "an alias of what is not complete yet"))?;
                if builder.open.len() + node.depth() > MAX_DEPTH {
                    return Err(unreadable(line, "nested too deeply"));
                }
                node.line = line;
                builder.add(0, node)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    match builder.root {
        Some(root) if matches!(root.value, Value::Map(_)) => Ok(root),
        Some(root) => Err(unreadable(root.line, "expected a mapping of keys")),
        None => Err(ImportError::Unreadable("the file is empty".to_owned())),
    }
}

fn scalar(text: String, style: ScalarStyle) -> Value {
    let null = matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
    if style == ScalarStyle::Plain && null {
        Value::Null
    } else {
        Value::Text(text)
    }
}

/// A tag that is not one of YAML's own types.
fn foreign(tag: Option<&Tag>) -> Option<String> {
    let tag = tag?;
    let own = tag.handle == "tag:yaml.org,2002:" || tag.handle == "!!";
    (!own).then(|| format!("{}{}", tag.handle, tag.suffix))
}

impl Builder {
    fn count(&mut self, line: u32, nodes: usize) -> Result<(), ImportError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(unreadable(line, &format!("more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn start(
        &mut self,
        line: u32,
        anchor: usize,
        tag: Option<&Tag>,
        key: Option<Key>,
    ) -> Result<(), ImportError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(unreadable(line, "nested too deeply"));
        }
        self.open.push(Open {
            line,
            anchor,
            tag: foreign(tag),
            key,
            items: Vec::new(),
            entries: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self, line: u32) -> Result<(), ImportError> {
        let Some(open) = self.open.pop() else {
            return Err(unreadable(line, "something ends that did not begin"));
        };
        let value = match open.key {
            None => Value::List(open.items),
            Some(_) => Value::Map(self.merged(line, open.entries)?),
        };
        let mut node = Node::new(open.line, value);
        node.tag = open.tag;
        self.add(open.anchor, node)
    }

    /// A mapping with what its merge keys (`<<`) bring; what it says itself wins.
    fn merged(
        &mut self,
        line: u32,
        entries: Vec<(String, Node)>,
    ) -> Result<Vec<(String, Node)>, ImportError> {
        let (merges, mut own): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(key, _)| key == "<<");
        for (_, merge) in merges {
            let from = match merge.value {
                Value::Map(_) => vec![merge],
                Value::List(items) => items,
                Value::Null | Value::Text(_) => {
                    return Err(unreadable(line, "`<<` expects a mapping"));
                }
            };
            for node in from {
                let Value::Map(more) = node.value else {
                    return Err(unreadable(line, "`<<` expects mappings"));
                };
                for (key, value) in more {
                    if !own.iter().any(|(known, _)| *known == key) {
                        own.push((key, value));
                    }
                }
            }
        }
        Ok(own)
    }

    fn add(&mut self, anchor: usize, node: Node) -> Result<(), ImportError> {
        let line = node.line;
        self.count(line, 1)?;
        if anchor > 0 {
            // A copy is kept: it counts like every other one.
            self.count(line, node.size())?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.key {
            None => parent.items.push(node),
            Some(key @ Key::Wanted) => {
                let Value::Text(text) = node.value else {
                    return Err(unreadable(line, "a key that is no text"));
                };
                if text != "<<" && parent.entries.iter().any(|(known, _)| *known == text) {
                    return Err(unreadable(line, &format!("`{text}` stands here twice")));
                }
                *key = Key::Named(text);
            }
            Some(key @ Key::Named(_)) => {
                if let Key::Named(name) = std::mem::replace(key, Key::Wanted) {
                    parent.entries.push((name, node));
                }
            }
        }
        Ok(())
    }
}
