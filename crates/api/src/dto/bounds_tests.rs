//! The manifest and the API take and refuse the same: every field of a specification is fed with the values at its
//! bounds, and the two must agree, also in what they make of it. A field of the API's schema that is not fed fails.

use std::collections::BTreeSet;
use std::fmt::Write;

use segue_model::manifest::ManifestFile;
use segue_model::name::EnvironmentName;
use serde_json::{Value, json};

use super::bounds_fields::{fields, with};
use super::*;

/// What the API makes of a specification, or the places it complains of.
fn api(spec: Value) -> Result<Manifest, Vec<String>> {
    let parsed: EnvironmentSpec = match serde_json::from_value(spec) {
        Ok(parsed) => parsed,
        Err(error) => return Err(vec![error.to_string()]),
    };
    check(&AppName::new("shop").unwrap(), &parsed).map_err(|problem| {
        let places = problem.errors.iter();
        places
            .map(|e| format!("{}: {}", e.pointer, e.detail))
            .collect()
    })
}

fn toml(text: &str) -> Result<Manifest, Vec<String>> {
    let production = EnvironmentName::new("production").unwrap();
    match ManifestFile::from_toml(&format!("app = \"shop\"\n{text}")) {
        Ok(file) => Ok(file.for_environment(&production).clone()),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}

/// Feeds both and compares; `good` says what must come out.
fn agree(field: &str, text: &str, spec: Value, good: bool) {
    let (written, sent) = (toml(text), api(spec.clone()));
    assert_eq!(
        written.is_ok(),
        good,
        "{field}: manifest {text}: {written:?}"
    );
    assert_eq!(sent.is_ok(), good, "{field}: API {spec}: {sent:?}");
    if good {
        assert_eq!(written, sent, "{field}: {text}");
    }
}

#[test]
fn the_manifest_and_the_api_agree_at_every_bound() {
    for field in fields() {
        for (good, values) in [(true, &field.good), (false, &field.bad)] {
            for (text, value) in values {
                agree(
                    field.pointer,
                    &field.text.replacen("{}", text, 1),
                    with(&field.spec, value),
                    good,
                );
            }
        }
    }
}

#[test]
fn counts_and_contradictions_agree() {
    let mut services = String::new();
    let mut sent = serde_json::Map::new();
    for n in 0..=bounds::SERVICES {
        write!(services, "[services.s{n}]\nkind = \"worker\"\n").unwrap();
        sent.insert(format!("s{n}"), json!({"kind": "worker"}));
        let good = n < bounds::SERVICES;
        if n + 2 > bounds::SERVICES {
            agree("services", &services, json!({"services": sent}), good);
        }
    }
    let mut config = "[config]\n".to_owned();
    let mut sent = serde_json::Map::new();
    for n in 0..=bounds::CONFIG_KEYS {
        writeln!(config, "K{n} = \"\"").unwrap();
        sent.insert(format!("K{n}"), json!({"value": ""}));
        if n + 2 > bounds::CONFIG_KEYS {
            agree(
                "config",
                &config,
                json!({"config": sent}),
                n < bounds::CONFIG_KEYS,
            );
        }
    }
    for (text, spec) in [
        (
            "[config]\nPORT = \"1\"",
            json!({"config": {"PORT": {"value": "1"}}}),
        ),
        ("[config]\nA = {}", json!({"config": {"A": {}}})),
        (
            "[config]\nA = { value = \"1\", secret = true }",
            json!({"config": {"A": {"value": "1", "secret": true}}}),
        ),
        (
            "[config]\nA = { generate = \"secret\", value = \"1\" }",
            json!({"config": {"A": {"generate": true, "value": "1"}}}),
        ),
        (
            "[services.w]\nkind = \"worker\"\nhealth.tcp = true",
            json!({"services": {"w": {"kind": "worker", "health": {"tcp": true}}}}),
        ),
        (
            "[services.w]\nkind = \"worker\"\ndomains = [\"a.example.com\"]",
            json!({"services": {"w": {"kind": "worker", "domains": ["a.example.com"]}}}),
        ),
        (
            "[services.w]\nkind = \"worker\"\npath = \"/api\"",
            json!({"services": {"w": {"kind": "worker", "path": "/api"}}}),
        ),
        (
            "[services.w]\nkind = \"data\"",
            json!({"services": {"w": {"kind": "data"}}}),
        ),
        (
            "[services.web]\nreplicas = 2\nvolumes.v = { path = \"/v\", size = \"1GiB\" }",
            json!({"services": {"web": {"replicas": 2, "volumes": {"v": {"path": "/v", "size_bytes": 1 << 30}}}}}),
        ),
        (
            "[services.web]\nhealth = { path = \"/\", tcp = true }",
            json!({"services": {"web": {"health": {"path": "/", "tcp": true}}}}),
        ),
        (
            "[services.web]\ndomains = [\"a.example.com\"]\n[services.b]\nkind = \"web\"\ndomains = [\"a.example.com\"]",
            json!({"services": {"web": {"domains": ["a.example.com"]}, "b": {"domains": ["a.example.com"]}}}),
        ),
        (
            "[build]\nimage = \"a\"\nbuilder = \"python\"\n[services.web]",
            json!({"build": {"image": "a", "builder": "python"}, "services": {"web": {}}}),
        ),
        (
            "[build]\nbuilder = \"python\"\ndockerfile = \"D\"",
            json!({"build": {"builder": "python", "dockerfile": "D"}}),
        ),
        (
            "[deploy]\nrollout = { max_surge = 0 }",
            json!({"deploy": {"max_surge": 0, "max_unavailable": 0}}),
        ),
    ] {
        agree("contradiction", text, spec, false);
    }
    agree(
        "max_surge",
        "[deploy]\nrollout = { max_surge = 0, max_unavailable = 1 }",
        json!({"deploy": {"max_surge": 0, "max_unavailable": 1}}),
        true,
    );
    for (text, spec) in [
        (
            "[config]\nA = { generate = \"secret\" }\nB = { secret = true }\nC = { secret = true, required = true }",
            json!({"config": {"A": {"generate": true}, "B": {"secret": true}, "C": {"secret": true, "required": true}}}),
        ),
        (
            "[services.w]\nkind = \"worker\"\nport = 6379",
            json!({"services": {"w": {"kind": "worker", "port": 6379}}}),
        ),
        (
            "[services.d]\nkind = \"data\"\nvolumes.v = { path = \"/v\", size = \"1GiB\" }",
            json!({"services": {"d": {"kind": "data", "volumes": {"v": {"path": "/v", "size_bytes": 1 << 30}}}}}),
        ),
    ] {
        agree("normal form", text, spec, true);
    }
}

#[test]
fn a_service_that_must_answer_cannot_be_left_unasked() {
    for service in [
        json!({"health": {"running": true}}),
        json!({"kind": "worker", "port": 1, "health": {"running": true}}),
    ] {
        let places = api(json!({"services": {"w": service}})).unwrap_err();
        assert!(places[0].starts_with("/services/w/health: "), "{places:?}");
    }
    api(json!({"services": {"w": {"kind": "worker", "health": {"running": true}}}})).unwrap();
}

#[test]
fn a_release_command_is_refused_with_the_manifests_sentence() {
    let sent = api(json!({"deploy": {"release": "migrate"}})).unwrap_err();
    let written = toml("[deploy]\nrelease = \"migrate\"").unwrap_err();
    let sentence = "not available yet; run it before the server in the service's command: nothing would run it yet";
    assert_eq!(sent, [format!("/deploy/release: {sentence}")]);
    assert!(written[0].ends_with(sentence), "{written:?}");
}

/// Every leaf of the schema with its property, references followed; names that people choose are `*`.
fn leaves(document: &Value, schema: &Value, at: &str, into: &mut Vec<(String, Value)>) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(properties) = schema["properties"].as_object() {
        for (name, inner) in properties {
            leaves(document, inner, &format!("{at}/{name}"), into);
        }
    } else if schema["additionalProperties"].is_object()
        && schema["additionalProperties"]["type"] != "string"
    {
        leaves(
            document,
            &schema["additionalProperties"],
            &format!("{at}/*"),
            into,
        );
    } else {
        into.push((at.to_owned(), schema.clone()));
    }
}

fn schema() -> Vec<(String, Value)> {
    let document = serde_json::to_value(crate::openapi::public()).unwrap();
    let mut found = Vec::new();
    leaves(
        &document,
        &document["components"]["schemas"]["EnvironmentSpec"],
        "",
        &mut found,
    );
    found
}

#[test]
fn every_field_of_the_specification_is_fed() {
    let fed: BTreeSet<&str> = fields().iter().map(|field| field.pointer).collect();
    // What only goes together with another member is fed as a contradiction or a normal form.
    let beside = ["generate", "secret", "required", "from", "running"];
    let missing: Vec<String> = schema()
        .into_iter()
        .map(|(pointer, _)| pointer)
        .filter(|pointer| !fed.contains(pointer.as_str()))
        .filter(|pointer| {
            !beside
                .iter()
                .any(|last| pointer.ends_with(&format!("/{last}")))
        })
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn the_documented_bounds_are_those_that_are_checked() {
    let fields = fields();
    for (pointer, schema) in schema() {
        let Some(field) = fields.iter().find(|field| field.pointer == pointer) else {
            continue;
        };
        let numeric = schema["type"] == "integer";
        for (bound, beyond) in [("minimum", -1i64), ("maximum", 1)] {
            let Some(limit) = schema[bound].as_i64() else {
                assert!(!numeric, "{pointer} says no {bound}");
                continue;
            };
            let at = api(with(&field.spec, &json!(limit)));
            let past = api(with(&field.spec, &json!(limit + beyond)));
            // No surge at all needs instances that may be missing.
            if pointer != "/deploy/max_surge" || limit != 0 {
                assert!(at.is_ok(), "{pointer} {limit}: {at:?}");
            }
            assert!(past.is_err(), "{pointer} {}", limit + beyond);
        }
        if let Some(most) = schema["maxLength"].as_u64() {
            let longest = field
                .good
                .iter()
                .filter_map(|(_, v)| v.as_str())
                .map(str::len)
                .max();
            assert!(
                longest <= usize::try_from(most).ok(),
                "{pointer}: documented {most}"
            );
            // Names of images have bounds of their parts, references those of services.
            if !["image", "release", "from"]
                .iter()
                .any(|last| pointer.ends_with(last))
            {
                assert_eq!(longest, usize::try_from(most).ok(), "{pointer}");
            }
        }
        if let Some(most) = schema["maxItems"].as_u64() {
            let longest = field
                .good
                .iter()
                .filter_map(|(_, v)| v.as_array())
                .map(Vec::len)
                .max();
            assert_eq!(longest, usize::try_from(most).ok(), "{pointer}");
        }
    }
}
