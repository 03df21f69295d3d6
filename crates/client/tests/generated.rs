//! The generated client is what `openapi/v1.json` says.
//!
//! `SEGUE_REGENERATE=1 cargo test -p segue-client -- --include-ignored` writes it anew; `./dev test` runs both tests.
//! Should the committed code no longer compile, empty `src/generated/mod.rs` first: the crate then compiles without it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests end the test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// JSON that keeps the order of members, whatever serde_json was built with: the generator's output follows it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Json {
    Object(IndexMap<String, Json>),
    Array(Vec<Json>),
    Text(String),
    Other(serde_json::Value),
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated")
}

fn specification() -> String {
    std::fs::read_to_string(root().join("openapi/v1.json")).unwrap()
}

/// What a server may extend, an older client must be able to read: `enum` becomes "one of these, or any text", for
/// which the generator makes a variant `Other`; and unknown members are for the server to refuse, not for the client.
fn open(json: &mut Json) {
    match json {
        Json::Object(members) => {
            if let Some(Json::Other(serde_json::Value::Bool(false))) =
                members.get("additionalProperties")
            {
                members.shift_remove("additionalProperties");
            }
            let text = matches!(members.get("type"), Some(Json::Text(kind)) if kind == "string");
            if text && let Some(words @ Json::Array(_)) = members.get("enum").cloned() {
                members.shift_remove("enum");
                members.shift_remove("type");
                let kind = || ("type".to_owned(), Json::Text("string".to_owned()));
                let known = IndexMap::from([kind(), ("enum".to_owned(), words)]);
                let any = IndexMap::from([kind()]);
                let choice = Json::Array(vec![Json::Object(known), Json::Object(any)]);
                members.insert("anyOf".to_owned(), choice);
                return;
            }
            members.values_mut().for_each(open);
        }
        Json::Array(items) => items.iter_mut().for_each(open),
        Json::Text(_) | Json::Other(_) => {}
    }
}

/// Lets answers be written too (`--json` prints them): the generator derives `Serialize` for requests only.
fn serialize_answers(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(begin) = rest.find("#[derive(") {
        let (before, at) = rest.split_at(begin);
        let end = at.find(")]").expect("a derive ends") + 2;
        let (derive, after) = at.split_at(end);
        out.push_str(before);
        let words: Vec<&str> = derive
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        if words.contains(&"Deserialize") && !words.contains(&"Serialize") {
            if after.trim_start().starts_with("pub struct") {
                out.push_str("#[serde_with::skip_serializing_none]\n");
            }
            out.push_str(&derive.replacen("Deserialize", "Serialize, Deserialize", 1));
        } else {
            out.push_str(derive);
        }
        rest = after;
    }
    out + rest
}

fn digest() -> String {
    format!(
        "// SHA-256 of openapi/v1.json: {}\n",
        hex::encode(Sha256::digest(specification()))
    )
}

/// Runs the generator, and gives the files by name.
fn generate() -> Vec<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    let mut json: Json = serde_json::from_str(&specification()).unwrap();
    open(&mut json);
    let input = dir.path().join("v1.json");
    std::fs::write(&input, serde_json::to_vec(&json).unwrap()).unwrap();
    let output = dir.path().join("generated");
    let run = Command::new("oas3-gen")
        .current_dir(dir.path())
        .args([
            "--color", "never", "generate", "--input", "v1.json", "--output",
        ])
        .arg(&output)
        .args(["--api-name", "SegueClient", "client-mod"])
        .output()
        .expect("oas3-gen is missing: cargo install oas3-gen --version 0.29.0 --locked");
    assert!(
        run.status.success(),
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    ["mod.rs", "client.rs", "types.rs"]
        .into_iter()
        .map(|name| {
            let code = std::fs::read_to_string(output.join(name)).unwrap();
            let code = if name == "types.rs" {
                serialize_answers(&code)
            } else {
                code
            };
            let head = if name == "mod.rs" {
                digest()
            } else {
                String::new()
            };
            (name.to_owned(), head + &code)
        })
        .collect()
}

/// Needs no generator: says at once that the specification moved on.
#[test]
fn the_client_was_generated_from_this_specification() {
    let module = std::fs::read_to_string(committed().join("mod.rs")).unwrap();
    assert!(
        std::env::var_os("SEGUE_REGENERATE").is_some() || module.starts_with(&digest()),
        "openapi/v1.json changed: SEGUE_REGENERATE=1 cargo test -p segue-client -- --include-ignored"
    );
}

#[test]
#[ignore = "needs oas3-gen, which ./dev installs"]
fn the_client_is_what_the_generator_makes() {
    let made = generate();
    if std::env::var_os("SEGUE_REGENERATE").is_some() {
        std::fs::create_dir_all(committed()).unwrap();
        for (name, code) in &made {
            std::fs::write(committed().join(name), code).unwrap();
        }
    }
    for (name, code) in made {
        let there = std::fs::read_to_string(committed().join(&name)).unwrap();
        assert!(
            there == code,
            "src/generated/{name} differs: SEGUE_REGENERATE=1 cargo test -p segue-client -- --include-ignored"
        );
    }
}
