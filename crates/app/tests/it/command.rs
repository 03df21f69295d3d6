//! The program's first word, and settings that are refused before anything is touched.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
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

/// A state folder in which `segue serve` finds its keys as they are, and what it says of them.
struct Keys {
    folder: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        let keys = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(keys.path("state/keys")).unwrap();
        keys
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path("state/keys").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The refusal of a role, which must come before anything was begun.
    fn refusal(&self, role: &str) -> String {
        let output = segue(&[
            role,
            "--set",
            &format!("state={}", self.path("state").display()),
            "--set",
            &format!("run={}", self.path("run").display()),
        ]);
        let error = error_of(&output);
        assert!(!output.status.success(), "{role} went on: {error}");
        for made in ["state/postgres", "state/build", "state/log"] {
            assert!(!self.path(made).exists(), "{role} began with {made}");
        }
        error
    }
}

/// 64 hexadecimal digits that could have been drawn.
const GOOD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[test]
fn a_key_that_is_missing_short_known_or_open_is_refused_with_a_sentence() {
    for (text, mode, said) in [
        (
            GOOD,
            0o444,
            "can be read by others (mode 444); it must be 0400: `chmod 0400",
        ),
        (
            &GOOD[2..],
            0o400,
            "does not hold a key of 64 hexadecimal digits; put the key back",
        ),
        (
            "00".repeat(32).as_str(),
            0o400,
            "is not random; put the key back",
        ),
    ] {
        let keys = Keys::new();
        keys.write("secrets.key", text, mode);
        for role in ["serve", "control", "migrate"] {
            let error = keys.refusal(role);
            assert!(
                error.contains(said) && error.contains("state/keys/secrets.key"),
                "{role}: {said:?} is not in: {error}"
            );
        }
    }
    let lost = Keys::new();
    fs::write(lost.path("state/installation"), "inst_1\n").unwrap();
    for role in ["serve", "control", "migrate"] {
        let error = lost.refusal(role);
        assert!(
            error.contains("secrets.key is missing; this installation was begun with one"),
            "{role}: {error}"
        );
        assert!(
            !lost.path("state/keys/secrets.key").exists(),
            "{role} made another one"
        );
    }
    let further = Keys::new();
    let error = further.refusal("worker");
    assert!(
        error.contains("a further machine of the same installation gets a copy"),
        "{error}"
    );
}

#[test]
fn a_token_that_is_short_or_open_is_refused_with_a_sentence() {
    let short = Keys::new();
    short.write("edge.token", "captain42", 0o600);
    let error = short.refusal("serve");
    assert!(
        error.contains("edge.token is shorter than 32 characters: remove"),
        "{error}"
    );
    let open = Keys::new();
    open.write("edge.token", GOOD, 0o644);
    let error = open.refusal("serve");
    assert!(
        error.contains("edge.token can be read by others (mode 644)"),
        "{error}"
    );
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
