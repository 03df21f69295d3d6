//! The smallest YAML that people write: a flat mapping of four keys. Anchors, aliases, tags and nesting
//! are refused: whoever needs more writes `segue.toml`.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::error::{ManifestError, Pointer, Position};
use super::node::{Entry, Node, Value};
use super::walk::{Place, Walk};
use super::{BuildSpec, Manifest, ManifestFile, ManifestService};
use crate::name::{AppName, ImageName, ServiceName};
use crate::spec::{ServiceKind, ServiceSpec, bounds};

const KEYS: &[&str] = &["application", "image", "replicas", "port"];

/// Reads the four keys. `application` and `image` are required.
pub(super) fn file(text: &str) -> Result<ManifestFile, Vec<ManifestError>> {
    let root = flat(text).map_err(|error| vec![error])?;
    let mut walk = Walk::default();
    let place = Place {
        node: &root,
        pointer: Pointer::root(),
    };
    let read = manifest(&mut walk, &place);
    match read {
        Some(base) if walk.errors.is_empty() => Ok(ManifestFile {
            base,
            environments: BTreeMap::new(),
        }),
        _ => {
            walk.errors.sort_by_key(|error| error.at);
            Err(walk.errors)
        }
    }
}

fn manifest(walk: &mut Walk, place: &Place<'_>) -> Option<Manifest> {
    let fields = walk.table(place, KEYS, &[])?;
    for (key, example) in [
        ("application", "application: my-app"),
        ("image", "image: my-app:v2"),
    ] {
        if fields.get(key).is_none() {
            walk.error(
                place,
                format!("`{key}` is missing"),
                Some(format!("write {example}")),
            );
        }
    }
    let app: Option<AppName> = fields.get("application").and_then(|p| walk.parsed(&p));
    let image: Option<ImageName> = fields.get("image").and_then(|p| walk.parsed(&p));
    let mut spec = ServiceSpec::new(ServiceKind::Web);
    if let Some(n) = fields
        .get("replicas")
        .and_then(|p| walk.integer(&p, bounds::REPLICAS))
    {
        spec.replicas = n;
    }
    spec.port = fields
        .get("port")
        .and_then(|p| {
            walk.integer(
                &p,
                u32::from(*bounds::PORT.start())..=u32::from(*bounds::PORT.end()),
            )
        })
        .and_then(|port| u16::try_from(port).ok());
    let mut manifest = Manifest::bare(app?);
    manifest.build = BuildSpec {
        image: Some(image?),
        ..BuildSpec::default()
    };
    let web = ServiceName::new("web").ok()?;
    manifest.services.insert(web, ManifestService::new(spec));
    Some(manifest)
}

fn position(marker: &Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        line: number(marker.line()),
        column: number(marker.col() + 1),
    }
}

fn refused(at: Position, reason: String) -> ManifestError {
    let suggestion =
        "the YAML form knows application, image, replicas and port; for more write segue.toml";
    ManifestError {
        at,
        pointer: String::new(),
        reason,
        suggestion: Some(suggestion.to_owned()),
    }
}

/// One document with one mapping of plain values.
fn flat(text: &str) -> Result<Node, ManifestError> {
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    let mut key: Option<(String, Position)> = None;
    let (mut mappings, mut documents) = (0u32, 0u32);
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = position(error.marker());
                return Err(refused(at, format!("not valid YAML: {}", error.info())));
            }
        };
        let at = position(&span.start);
        match event {
            Event::DocumentStart(_) if documents > 0 => {
                return Err(refused(at, "a second document".to_owned()));
            }
            Event::DocumentStart(_) => documents += 1,
            Event::MappingStart(0, None) if mappings == 0 => mappings += 1,
            Event::Scalar(written, style, 0, None) if mappings == 1 => match key.take() {
                None => key = Some((written.into_owned(), at)),
                Some((name, key_at)) => {
                    let node = Node {
                        at,
                        value: scalar(&written, style),
                    };
                    if entries
                        .insert(name.clone(), Entry { key_at, node })
                        .is_some()
                    {
                        return Err(refused(key_at, format!("`{name}` stands here twice")));
                    }
                }
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd
            | Event::MappingEnd => {}
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..) => {
                return Err(refused(
                    at,
                    "expected lines of the form `key: value`".to_owned(),
                ));
            }
        }
    }
    Ok(Node {
        at: Position { line: 1, column: 1 },
        value: Value::Table(entries),
    })
}

/// A plain value by YAML's core schema, as far as the four keys need it: whole numbers and texts.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    match text.parse::<i64>() {
        Ok(number) if style == ScalarStyle::Plain => Value::Integer(number),
        _ => Value::Text(text.to_owned()),
    }
}
