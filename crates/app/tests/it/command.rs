//! The program's first word, and settings that are refused before anything is touched.

use std::process::{Command, Output};

fn segue(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segue"))
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap()
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_role_refuses_wrong_settings_at_once_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let state_flag = format!("state={}", state.display());
    for role in ["serve", "control", "api", "worker", "edge", "migrate"] {
        let output = segue(&[
            role,
            "--set",
            &state_flag,
            "--set",
            "edge.threads=0",
            "--set",
            "api.listen=0.0.0.0:3000",
            "--set",
            "edge.colour=blue",
        ]);
        assert!(!output.status.success(), "{role}");
        let error = error_of(&output);
        for part in [
            "edge.threads: must be",
            "api.listen: 0.0.0.0:3000",
            "edge.colour in --set",
        ] {
            assert!(error.contains(part), "{role}: {part:?} is not in:\n{error}");
        }
        assert!(!state.exists(), "{role} made its folder");
    }
}

#[test]
fn the_description_of_the_api_needs_no_server() {
    let output = segue(&["openapi"]);
    assert!(output.status.success(), "{}", error_of(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["info"]["title"], "Segue");
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn a_wrong_flag_of_a_role_is_a_mistake_of_use() {
    let output = segue(&["serve", "--colour"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error_of(&output).contains("--colour"));
}

#[test]
fn other_words_are_the_clients() {
    let output = segue(&["--help"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("rollback"));
}
