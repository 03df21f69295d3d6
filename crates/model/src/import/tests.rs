//! Fixtures of realistic files, and hostile inputs.

use std::fmt::Write as _;

use serde_json::json;

use super::*;

pub(super) fn app() -> AppName {
    AppName::new("shop").unwrap()
}

fn shown(format: Format, text: &str) -> String {
    let imported = import(format, &app(), text).unwrap();
    let mut out = imported.text;
    out.push_str("---\n");
    for left in imported.left {
        let mark = if left.changed { "~" } else { "-" };
        writeln!(out, "{mark} {left}").unwrap();
    }
    out
}

#[test]
fn a_compose_file_of_images() {
    insta::assert_snapshot!(shown(
        Format::Compose,
        include_str!("fixtures/wordpress.compose.yml")
    ));
}

#[test]
fn a_compose_file_that_builds() {
    insta::assert_snapshot!(shown(
        Format::Compose,
        include_str!("fixtures/shop.compose.yml")
    ));
}

#[test]
fn a_procfile() {
    insta::assert_snapshot!(shown(Format::Procfile, include_str!("fixtures/Procfile")));
}

#[test]
fn an_app_json() {
    insta::assert_snapshot!(shown(Format::AppJson, include_str!("fixtures/app.json")));
}

#[test]
fn a_fly_toml() {
    insta::assert_snapshot!(shown(Format::Fly, include_str!("fixtures/fly.toml")));
}

#[test]
fn a_render_yaml() {
    insta::assert_snapshot!(shown(Format::Render, include_str!("fixtures/render.yaml")));
}

#[test]
fn hostile_inputs_end_with_a_sentence() {
    let mut laughs = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, from) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let aliases = vec![format!("*{from}"); 9].join(", ");
        writeln!(laughs, "{name}: &{name} [{aliases}]").unwrap();
    }
    let deep_yaml = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    let deep_block: String = (0..500).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let deep_json = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    let deep_toml = format!("a = {}{}", "[".repeat(5000), "]".repeat(5000));
    let dotted = format!("{} = 1", vec!["a"; 5000].join("."));
    let long = "x".repeat(MAX_BYTES + 1);
    let many = format!("a: [{}]", "1,".repeat(100_000));
    for (format, text) in [
        (Format::Compose, laughs.as_str()),
        (Format::Compose, &deep_yaml),
        (Format::Render, &deep_block),
        (Format::AppJson, &deep_json),
        (Format::Fly, &deep_toml),
        (Format::Fly, &dotted),
        (Format::Compose, &long),
        (Format::Compose, &many),
        (Format::Compose, "a: &a [*a]"),
        (Format::Compose, "a: 1\na: 2"),
        (Format::Compose, "? [a]\n: 1"),
        (Format::Compose, "a: 1\n---\nb: 2"),
        (Format::Compose, "<<: 1"),
        (Format::Compose, "- a"),
        (Format::Compose, "a: *b"),
        (Format::Compose, ""),
        (Format::Compose, "\0"),
        (Format::Compose, "a: 'x"),
        (Format::AppJson, "[]"),
        (Format::AppJson, "{"),
        (Format::Fly, "a"),
        (Format::Procfile, "web gunicorn"),
        (Format::Procfile, "web: a\nweb: b"),
        (Format::Procfile, ""),
    ] {
        let error = import(format, &app(), text).unwrap_err();
        assert!(
            matches!(error, ImportError::Unreadable(_)),
            "{format:?}: {error}"
        );
    }
}

#[test]
fn merged_keys_give_way_and_foreign_tags_are_named() {
    let text = "services:\n  web:\n    <<: [{image: 'a:1', restart: always}, {image: 'b:1', init: true}]\n    \
                environment: {A: !vault secret, B: !!str 5}\n";
    let imported = import(Format::Compose, &app(), text).unwrap();
    assert!(
        imported.text.contains("image = \"a:1\""),
        "{}",
        imported.text
    );
    assert!(imported.text.contains("B = \"5\""), "{}", imported.text);
    assert!(!imported.text.contains("secret"), "{}", imported.text);
    let left: Vec<String> = imported.left.iter().map(ToString::to_string).collect();
    assert!(
        left.iter()
            .any(|l| l.contains("environment.A") && l.contains("vault")),
        "{left:?}"
    );
    assert!(left.iter().any(|l| l.contains("web.init")), "{left:?}");
}

#[test]
fn the_files_own_name_is_known() {
    let name = |format, text| app_name(format, text).map(|name| name.to_string());
    let fly = include_str!("fixtures/fly.toml");
    assert_eq!(name(Format::Fly, fly).as_deref(), Some("small-sharp-tool"));
    let json = include_str!("fixtures/app.json");
    assert_eq!(
        name(Format::AppJson, json).as_deref(),
        Some("small-sharp-tool")
    );
    assert_eq!(name(Format::Compose, "name: 7"), None);
    assert_eq!(name(Format::Compose, "services: {}"), None);
}

#[test]
fn an_input_without_anything_is_a_bare_manifest() {
    let imported = import(Format::AppJson, &app(), &json!({}).to_string()).unwrap();
    assert_eq!(imported.text, "app = \"shop\"\n");
}
