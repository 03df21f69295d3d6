//! Bounds of maps whose keys people choose. The derive cannot write them, so they are set here, one row for each map
//! that a request may carry; a test fails when a map of the document has no row, or a row no map.
//!
//! The bounds are those of the code that reads the maps. Where the code counts bytes, the document counts characters,
//! which are never more.

use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{OpenApi as Document, RefOr};

/// Names of environment variables.
const CONFIG_KEY: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// Names of services and volumes.
const NAME: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";
/// Labels.
const LABEL: &str = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$";
/// Text without control characters.
const LINE: &str = "^[^\\x00-\\x1f\\x7f-\\x9f]*$";
/// Text without NUL.
const NO_NUL: &str = "^[^\\x00]*$";

/// A map of the document.
struct Map {
    schema: &'static str,
    /// Its member; empty: the schema itself is the map.
    member: &'static str,
    key: &'static str,
    key_length: usize,
    least: Option<usize>,
    most: Option<usize>,
    /// Pattern and length of values that are texts.
    value: Option<(&'static str, usize)>,
}

const fn map(
    schema: &'static str,
    member: &'static str,
    key: &'static str,
    key_length: usize,
) -> Map {
    Map {
        schema,
        member,
        key,
        key_length,
        least: None,
        most: None,
        value: None,
    }
}

/// Every map of a request.
const MAPS: &[Map] = &[
    Map {
        most: Some(50),
        value: Some((LINE, 200)),
        ..map("AppCreate", "labels", LABEL, 63)
    },
    Map {
        most: Some(50),
        value: Some((LINE, 200)),
        ..map("AppUpdate", "labels", LABEL, 63)
    },
    Map {
        least: Some(1),
        most: Some(500),
        value: Some((NO_NUL, 32_768)),
        ..map("ConfigPatch", "", CONFIG_KEY, 128)
    },
    Map {
        most: Some(50),
        ..map("EnvironmentSpec", "services", NAME, 40)
    },
    Map {
        most: Some(500),
        ..map("EnvironmentSpec", "config", CONFIG_KEY, 128)
    },
    Map {
        most: Some(500),
        ..map("Service", "config", CONFIG_KEY, 128)
    },
    map("Service", "volumes", NAME, 40),
    Map {
        value: Some((LABEL, 63)),
        ..map("ServicePlacement", "require", LABEL, 63)
    },
    Map {
        least: Some(1),
        ..map("ScaleSet", "replicas", NAME, 40)
    },
];

/// Writes the bounds into a document.
pub(super) fn bound(document: &mut Document) {
    let Some(components) = document.components.as_mut() else {
        return;
    };
    for row in MAPS {
        let found = components.schemas.get_mut(row.schema).and_then(object);
        let found = match row.member {
            "" => found,
            member => found
                .and_then(|schema| schema.properties.get_mut(member))
                .and_then(object),
        };
        if let Some(found) = found {
            row.write(found);
        }
    }
}

fn object(schema: &mut RefOr<Schema>) -> Option<&mut Object> {
    match schema {
        RefOr::T(Schema::Object(object)) => Some(object),
        _ => None,
    }
}

impl Map {
    fn write(&self, map: &mut Object) {
        let key = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(self.key_length))
            .pattern(Some(self.key));
        map.property_names = Some(Box::new(key.into()));
        map.min_properties = self.least;
        map.max_properties = self.most;
        let Some((pattern, length)) = self.value else {
            return;
        };
        if let Some(AdditionalProperties::RefOr(value)) = map.additional_properties.as_deref_mut()
            && let Some(value) = object(value)
        {
            value.pattern = Some(pattern.to_owned());
            value.max_length = Some(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_map_of_the_document() {
        let document = serde_json::to_value(super::super::public()).unwrap();
        for row in MAPS {
            let mut found = &document["components"]["schemas"][row.schema];
            if !row.member.is_empty() {
                found = &found["properties"][row.member];
            }
            let names = &found["propertyNames"];
            assert_eq!(names["pattern"], row.key, "{}.{}", row.schema, row.member);
            let value = &found["additionalProperties"]["pattern"];
            assert_eq!(value.is_string(), row.value.is_some(), "{}", row.schema);
        }
    }
}
