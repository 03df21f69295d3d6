//! The rules that the compiler and clippy keep hold in every crate, and the bans of the pure crates
//! can fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::Table;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn table(path: &str) -> Table {
    read(path)
        .parse()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The folders of all members.
fn members() -> Vec<String> {
    let mut members = vec!["tests".to_owned()];
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if root()
            .join("crates")
            .join(&name)
            .join("Cargo.toml")
            .exists()
        {
            members.push(format!("crates/{name}"));
        }
    }
    assert!(members.len() >= 11, "{members:?}");
    members
}

#[test]
fn every_crate_has_the_lints_and_the_licence_of_the_workspace() {
    for member in members() {
        let manifest = table(&format!("{member}/Cargo.toml"));
        assert_eq!(
            manifest["lints"]["workspace"].as_bool(),
            Some(true),
            "{member}: lints"
        );
        let licence = &manifest["package"]["license"];
        assert_eq!(
            licence["workspace"].as_bool(),
            Some(true),
            "{member}: licence"
        );
    }
    let workspace = table("Cargo.toml");
    assert_eq!(
        workspace["workspace"]["package"]["license"].as_str(),
        Some("Apache-2.0")
    );
    assert!(read("LICENSE").contains("Apache License"));
}

#[test]
fn what_may_panic_is_denied_outside_of_tests() {
    let workspace = table("Cargo.toml");
    let lints = &workspace["workspace"]["lints"];
    for lint in [
        "unwrap_used",
        "expect_used",
        "panic",
        "todo",
        "unimplemented",
        "unreachable",
        "indexing_slicing",
        "allow_attributes_without_reason",
        "undocumented_unsafe_blocks",
    ] {
        assert_eq!(lints["clippy"][lint].as_str(), Some("deny"), "{lint}");
    }
    assert_eq!(lints["rust"]["unsafe_code"].as_str(), Some("deny"));
}

/// Clippy's words about a crate of one file that has the settings of one of ours.
fn clippy_says(settings: &str, source: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "Cargo.toml",
        "[package]\nname = \"twin\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [lib]\npath = \"lib.rs\"\n[workspace]\n[lints.clippy]\nunwrap_used = \"deny\"\n",
    );
    write("clippy.toml", &read(settings));
    write("lib.rs", source);
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["clippy", "--offline", "--quiet", "--", "-D", "warnings"])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .env_remove("CLIPPY_CONF_DIR")
        .output()
        .expect("cargo starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn a_clock_or_chance_in_the_pure_crates_is_found() {
    let quiet = "//! Pure.\n/// Adds.\npub fn add(a: u64, b: u64) -> u64 { a.wrapping_add(b) }\n";
    let cases = [
        ("let _ = std::time::Instant::now();", "time is an input"),
        ("let _ = std::time::SystemTime::now();", "time is an input"),
        (
            "let _ = std::env::var(\"HOME\");",
            "configuration is an input",
        ),
        (
            "let _: std::collections::HashMap<u8, u8> = Default::default();",
            "iteration order must be stable",
        ),
        ("let _ = Some(1).unwrap();", "used `unwrap()`"),
    ];
    for settings in ["crates/model/clippy.toml", "crates/plan/clippy.toml"] {
        assert_eq!(clippy_says(settings, quiet), "");
        for (line, word) in cases {
            let said = clippy_says(
                settings,
                &format!("//! Not pure.\n/// Looks.\npub fn look() {{ {line} }}\n"),
            );
            assert!(said.contains(word), "{settings}: {line} gave {said:?}");
        }
        // What the twin cannot name, because it has no dependencies, the settings must.
        for banned in [
            "jiff::Timestamp::now",
            "uuid::Uuid::now_v7",
            "uuid::Uuid::new_v4",
            "rand::random",
            "rand::rng",
        ] {
            assert!(
                read(settings).contains(&format!("path = \"{banned}\"")),
                "{settings}: {banned}"
            );
        }
    }
}
