//! An input as a tree, and the book of what became of each of its places.
//!
//! Invariant: [`Ledger::sweep`] answers every leaf of the tree, once: carried over, left with a reason, or left because
//! nobody asked for it. Must not: know any format.

use std::collections::BTreeMap;

use super::Left;

/// What is said of a place that no reader asked for.
const UNKNOWN: &str = "Segue has no such setting";

/// A value of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Its line from 1; 0 if the format has none.
    pub line: u32,
    /// What it is.
    pub value: Value,
    /// A tag of YAML that is not one of its own types: what the value means is another tool's secret.
    pub tag: Option<String>,
    id: u32,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing.
    Null,
    /// A text, a number or a truth value, as it was written.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in order of the input; each key once.
    Map(Vec<(String, Node)>),
}

impl Node {
    pub fn new(line: u32, value: Value) -> Self {
        Self {
            line,
            value,
            tag: None,
            id: 0,
        }
    }

    /// Values in it, itself included.
    pub fn size(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Text(_) => 0,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.size()).sum(),
        }
    }

    /// Levels in it, itself included.
    pub fn depth(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Text(_) => 0,
            Value::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => entries.iter().map(|(_, n)| n.depth()).max().unwrap_or(0),
        }
    }

    /// The same tree with a number for each value, by which the ledger knows it.
    pub fn numbered(mut self) -> Self {
        let mut next = 0;
        self.number(&mut next);
        self
    }

    fn number(&mut self, next: &mut u32) {
        self.id = *next;
        *next += 1;
        match &mut self.value {
            Value::Null | Value::Text(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.number(next)),
            Value::Map(entries) => entries.iter_mut().for_each(|(_, node)| node.number(next)),
        }
    }

    /// The place at the top.
    pub fn place(&self) -> Place<'_> {
        Place {
            node: self,
            key: String::new(),
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Place<'t> {
    node: &'t Node,
    /// `services.web.ports[0]`.
    pub key: String,
}

impl<'t> Place<'t> {
    /// The number by which the ledger knows it.
    pub fn id(&self) -> u32 {
        self.node.id
    }

    fn inner(&self, key: &str, node: &'t Node) -> Self {
        let dot = if self.key.is_empty() { "" } else { "." };
        Self {
            node,
            key: format!("{}{dot}{key}", self.key),
        }
    }

    /// The place of a key; `None` if it is not there or this is no mapping.
    pub fn get(&self, key: &str) -> Option<Self> {
        let Value::Map(entries) = &self.value()? else {
            return None;
        };
        let (_, node) = entries.iter().find(|(name, _)| name == key)?;
        Some(self.inner(key, node))
    }

    /// The places of a mapping; none if it is something else.
    pub fn entries(&self) -> Vec<(&'t str, Self)> {
        match self.value() {
            Some(Value::Map(entries)) => entries
                .iter()
                .map(|(key, node)| (key.as_str(), self.inner(key, node)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The places of a list; none if it is something else.
    pub fn items(&self) -> Vec<Self> {
        match self.value() {
            Some(Value::List(items)) => items
                .iter()
                .enumerate()
                .map(|(index, node)| Self {
                    node,
                    key: format!("{}[{index}]", self.key),
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The items of a list, or the one table that stands in its place.
    pub fn one_or_map(&self) -> Vec<Self> {
        match self.value() {
            Some(Value::List(_)) => self.items(),
            Some(Value::Map(_)) => vec![self.clone()],
            _ => Vec::new(),
        }
    }

    /// The text; `None` if it is something else.
    pub fn text(&self) -> Option<&'t str> {
        match self.value() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match self.value() {
            Some(Value::Null) => true,
            Some(Value::List(items)) => items.is_empty(),
            Some(Value::Map(entries)) => entries.is_empty(),
            Some(Value::Text(_)) | None => false,
        }
    }

    pub fn is_map(&self) -> bool {
        matches!(self.value(), Some(Value::Map(_)))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.value(), Some(Value::List(_)))
    }

    /// The value, unless a foreign tag says that it means something else.
    fn value(&self) -> Option<&'t Value> {
        self.node.tag.is_none().then_some(&self.node.value)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Carried,
    Changed(String),
    Left(String),
}

/// What became of each place. The last word about a place counts, but what was changed stays changed when it is
/// carried over.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    marks: BTreeMap<u32, Mark>,
}

impl Ledger {
    /// The place and all below it is in the manifest.
    pub fn carried(&mut self, place: &Place<'_>) {
        let mark = self.marks.entry(place.node.id).or_insert(Mark::Carried);
        if matches!(mark, Mark::Left(_)) {
            *mark = Mark::Carried;
        }
    }

    /// The same, in another form.
    pub fn changed(&mut self, place: &Place<'_>, reason: impl Into<String>) {
        self.marks
            .insert(place.node.id, Mark::Changed(reason.into()));
    }

    /// The place and all below it is not in the manifest.
    pub fn left(&mut self, place: &Place<'_>, reason: impl Into<String>) {
        self.marks.insert(place.node.id, Mark::Left(reason.into()));
    }

    /// [`Self::changed`] for a place that was kept by its number.
    pub fn changed_at(&mut self, place: Option<u32>, reason: &str) {
        if let Some(id) = place {
            self.marks.insert(id, Mark::Changed(reason.to_owned()));
        }
    }

    /// [`Self::left`] for a place that was kept by its number.
    pub fn left_at(&mut self, place: Option<u32>, reason: &str) {
        if let Some(id) = place {
            self.marks.insert(id, Mark::Left(reason.to_owned()));
        }
    }

    /// The same, if the place is there.
    pub fn left_if(&mut self, place: Option<Place<'_>>, reason: impl Into<String>) {
        if let Some(place) = place {
            self.left(&place, reason);
        }
    }

    /// Everything that was not carried over as it was, in order of the input, and the places that were.
    pub fn sweep(&self, root: &Place<'_>) -> (Vec<Left>, Vec<String>) {
        let (mut left, mut carried) = (Vec::new(), Vec::new());
        self.look(root, &mut left, &mut carried);
        (left, carried)
    }

    fn look(&self, place: &Place<'_>, left: &mut Vec<Left>, carried: &mut Vec<String>) {
        let mut tell = |reason: &str, changed: bool| {
            left.push(Left {
                key: place.key.clone(),
                line: (place.node.line > 0).then_some(place.node.line),
                reason: reason.to_owned(),
                changed,
            });
        };
        if let Some(tag) = &place.node.tag {
            return tell(&format!("the tag {tag} means nothing to Segue"), false);
        }
        match self.marks.get(&place.node.id) {
            Some(Mark::Carried) => return carried.push(place.key.clone()),
            Some(Mark::Changed(reason)) => return tell(reason, true),
            Some(Mark::Left(reason)) => return tell(reason, false),
            None => {}
        }
        if !self.touched(place.node) && !place.key.is_empty() {
            return tell(UNKNOWN, false);
        }
        for (_, inner) in place.entries() {
            self.look(&inner, left, carried);
        }
        for inner in place.items() {
            self.look(&inner, left, carried);
        }
    }

    /// Whether anything below was spoken of.
    fn touched(&self, node: &Node) -> bool {
        let spoken = |inner: &Node| self.marks.contains_key(&inner.id) || self.touched(inner);
        match &node.value {
            Value::Null | Value::Text(_) => false,
            Value::List(items) => items.iter().any(spoken),
            Value::Map(entries) => entries.iter().any(|(_, inner)| spoken(inner)),
        }
    }
}
