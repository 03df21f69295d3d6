//! The committed documents are the code's, and they keep the rules that generators need.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../openapi")
}

fn compare(name: &str, text: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // As values: the order of keys depends on features that other packages of a build turn on.
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    assert!(
        parsed(&committed) == parsed(text),
        "openapi/{name} is not what the code says; write it with: \
         UPDATE_OPENAPI=1 cargo nextest run -p segue-api openapi"
    );
}

#[test]
fn the_committed_documents_are_the_codes() {
    compare(
        "v1.json",
        &segue_api::openapi::to_text(&segue_api::openapi::public()),
    );
    compare(
        "internal.json",
        &segue_api::openapi::to_text(&segue_api::openapi::internal()),
    );
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                all.push((path.clone(), method.clone(), operation));
            }
        }
    }
    all
}

/// What a list lacks to be read page by page, if the operation is one.
fn unpaged(document: &Value, operation: &Value) -> Option<String> {
    let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    let properties = &document["components"]["schemas"][name]["properties"];
    if properties["items"]["type"] != "array" {
        return None;
    }
    let takes = |wanted: &str| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters
            .filter(|parameter| parameter["in"] == "query")
            .any(|parameter| parameter["name"] == wanted)
    };
    // A log is read by its last lines.
    let paged = !properties["next_cursor"].is_null()
        && takes("cursor")
        && (takes("limit") || takes("tail"));
    // One lock at most for the app and for each of its environments.
    let bounded = operation["operationId"] == "lock_get";
    (!paged && !bounded).then(|| format!("{name} is a list without pages"))
}

fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if document["openapi"] != "3.1.0" {
        faults.push(format!("version {}", document["openapi"]));
    }
    if document["info"]["license"]["identifier"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        faults.push("no licence identifier".to_owned());
    }
    if document["servers"].as_array().is_none_or(Vec::is_empty) {
        faults.push("no servers".to_owned());
    }
    let tags: BTreeSet<&str> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tag| tag["name"].as_str())
        .collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        let mut fault = |text: &str| faults.push(format!("{method} {path}: {text}"));
        let id = operation["operationId"].as_str().unwrap_or_default();
        let words = id.split('_').count();
        if words < 2 || id.bytes().any(|b| !b.is_ascii_lowercase() && b != b'_') {
            fault("operationId is not noun_verb");
        }
        if !ids.insert(id.to_owned()) {
            fault("operationId occurs twice");
        }
        if operation["summary"].as_str().is_none_or(str::is_empty) {
            fault("no summary");
        }
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        if !tags.contains(tag) {
            fault("its tag is not described");
        }
        let responses = operation["responses"].as_object().unwrap();
        for wanted in ["4XX", "5XX"] {
            if responses
                .get(wanted)
                .is_none_or(|r| r["content"]["application/problem+json"].is_null())
            {
                fault("an error is not a problem");
            }
        }
        if responses.contains_key("default") {
            fault("`default` response");
        }
        for (status, response) in responses {
            if response["description"].as_str().is_none_or(str::is_empty) {
                fault(&format!("{status} has no description"));
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                fault(&format!(
                    "parameter {} has no description",
                    parameter["name"]
                ));
            }
        }
        if let Some(lacking) = unpaged(document, operation) {
            fault(&lacking);
        }
        for part in path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        {
            let described = operation["parameters"]
                .as_array()
                .is_some_and(|parameters| {
                    parameters
                        .iter()
                        .any(|p| p["name"] == part && p["in"] == "path")
                });
            if !described {
                fault(&format!("path parameter {part} is not described"));
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if schema["description"].as_str().is_none_or(str::is_empty) {
            faults.push(format!("schema {name} has no description"));
        }
        for (property, value) in schema["properties"].as_object().into_iter().flatten() {
            let described = value["description"].is_string() || value["$ref"].is_string();
            if !described {
                faults.push(format!("schema {name}.{property} has no description"));
            }
            // What a request may say is bounded, keys of maps too.
            let request = schema["additionalProperties"] == false;
            let names = &value["propertyNames"];
            if request && names.is_object() && names["pattern"].is_null() {
                faults.push(format!(
                    "schema {name}.{property} has keys without a pattern"
                ));
            }
        }
        let text = schema.to_string();
        if text.contains("\"oneOf\"") || text.contains("\"anyOf\"") {
            faults.push(format!("schema {name} has alternatives"));
        }
        if text.contains("\"format\":\"int32\"},\"type\":\"array\"") {
            faults.push(format!("schema {name} has bytes as numbers"));
        }
    }
    faults
}

#[test]
fn the_documents_keep_the_rules_of_generators() {
    for document in [segue_api::openapi::public(), segue_api::openapi::internal()] {
        let value = serde_json::to_value(&document).unwrap();
        let faults = faults(&value);
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

#[test]
fn the_rules_can_fail() {
    let mut value = serde_json::to_value(segue_api::openapi::public()).unwrap();
    value["info"]["license"]["identifier"] = Value::Null;
    value["paths"]["/v1/me"]["get"]["operationId"] = "Me".into();
    value["paths"]["/v1/me"]["get"]["responses"]["4XX"] = Value::Null;
    value["components"]["schemas"]["App"]["description"] = Value::Null;
    value["components"]["schemas"]["ScaleSet"]["properties"]["replicas"]["propertyNames"] =
        serde_json::json!({});
    value["components"]["schemas"]["HostPage"]["properties"]["next_cursor"] = Value::Null;
    assert!(faults(&value).len() >= 6);
}
