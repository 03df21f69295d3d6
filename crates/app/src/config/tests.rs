//! Order of the sources, and problems told at once.

use std::fs;

use super::*;

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn flag(text: &str) -> Flag {
    text.parse().unwrap()
}

fn problems(environment: &[(String, String)], flags: &[Flag]) -> Vec<String> {
    load(None, environment, flags).unwrap_err().0
}

#[test]
fn defaults_hold_by_themselves() {
    let settings = load(None, &[], &[]).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.public_url(), "http://localhost:3000");
    assert!(settings.api.listen.ip().is_loopback());
}

#[test]
fn a_flag_beats_the_environment_and_that_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.toml");
    let text = r#"
        state = "/file"
        [edge]
        threads = 1
        http = ["127.0.0.1:1"]
        [build.runtimes.python]
        "3.11" = "own/python:3.11"
    "#;
    fs::write(&file, text).unwrap();
    let environment = [
        variable("SEGUE_EDGE__THREADS", "2"),
        variable("SEGUE_EDGE__HTTPS", "[\"127.0.0.1:2\", \"[::1]:2\"]"),
        variable("SEGUE_SERVER", "http://elsewhere"),
        variable("HOME", "/root"),
    ];
    let flags = [flag("edge.threads=3"), flag("log.filter=debug")];
    let settings = load(Some(&file), &environment, &flags).unwrap();
    assert_eq!(settings.state, Path::new("/file"));
    assert_eq!(settings.edge.threads, Some(3));
    assert_eq!(settings.edge.http, ["127.0.0.1:1".parse().unwrap()]);
    assert_eq!(settings.edge.https.len(), 2);
    assert_eq!(settings.log.filter, "debug");
    assert_eq!(
        settings.build.runtimes["python"]["3.11"].as_str(),
        "own/python:3.11"
    );
    let without = load(Some(&file), &environment, &[]).unwrap();
    assert_eq!(without.edge.threads, Some(2));
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let environment = [
        variable("SEGUE_EDGE__THREADS", "many"),
        variable("SEGUE_API__LISTEN", "0.0.0.0:3000"),
        variable("SEGUE_EDGE__HTPP", "[]"),
    ];
    let flags = [
        flag("edge.admin=127.0.0.1:8080"),
        flag("build.memory_mib=1"),
        flag("state=relative"),
    ];
    let found = problems(&environment, &flags);
    let text = found.join("\n");
    for part in [
        "edge.threads in $SEGUE_EDGE__THREADS: invalid type",
        "api.listen: 0.0.0.0:3000 can be reached by others",
        "edge.htpp in $SEGUE_EDGE__HTPP: no such setting (did you mean edge.http? there are: edge.admin,",
        "port 8080 is edge.admin's already",
        "build.memory_mib: must be at least 256",
        "state: relative must be an absolute path",
    ] {
        assert!(text.contains(part), "{part:?} is not told in:\n{text}");
    }
    assert_eq!(found.len(), 6, "{text}");
}

#[test]
fn the_operators_document_names_every_setting_and_no_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/OPERATIONS.md");
    let text = fs::read_to_string(path).unwrap();
    let table = text.split("| key | default | meaning |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let named: std::collections::BTreeSet<&str> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert_eq!(named, reader::known_keys());
}

#[test]
fn a_setting_in_the_wrong_section_is_told_where_it_belongs() {
    let found = problems(&[], &[flag("api.trusted_proxies=[]"), flag("threads=2")]);
    let text = found.join("\n");
    for part in [
        "api.trusted_proxies in --set: no such setting (did you mean edge.trusted_proxies?",
        "threads in --set: no such setting (did you mean edge.threads?",
    ] {
        assert!(text.contains(part), "{part:?} is not told in:\n{text}");
    }
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_told() {
    let missing = load(Some(Path::new("/nonexistent/server.toml")), &[], &[]).unwrap_err();
    assert_eq!(missing.0, ["there is no file /nonexistent/server.toml"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.toml");
    fs::write(&file, "edge = [").unwrap();
    assert!(load(Some(&file), &[], &[]).is_err());
    fs::write(&file, "[edge]\nlisten = 1\n").unwrap();
    let unknown = load(Some(&file), &[], &[]).unwrap_err().to_string();
    assert!(
        unknown.contains("edge.listen in") && unknown.contains("server.toml"),
        "{unknown}"
    );
}

#[test]
fn a_long_folder_for_sockets_is_refused() {
    let found = problems(&[], &[flag(&format!("run=/{}", "r".repeat(90)))]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("bytes too long for the sockets"),
        "{found:?}"
    );
}

#[test]
fn the_build_engine_is_never_the_engine_of_the_applications() {
    let found = problems(&[], &[flag("build.engine=/var/run/docker.sock")]);
    assert!(found[0].contains("may not run on the engine of the applications"));
    let found = problems(&[], &[flag("build.subnet=10.96.3.0/24")]);
    assert!(
        found[0].contains("overlaps with engine.subnets"),
        "{found:?}"
    );
}

#[test]
fn installations_on_one_machine_are_told_apart() {
    let one = load(None, &[], &[flag("state=/var/lib/segue")]).unwrap();
    let other = load(None, &[], &[flag("state=/srv/segue")]).unwrap();
    assert_ne!(one.tag(), other.tag());
    assert_ne!(one.build_subnet(), other.build_subnet());
    assert_eq!(one.build_subnet().prefix_len(), 24);
    let given = load(None, &[], &[flag("build.subnet=10.1.2.0/24")]).unwrap();
    assert_eq!(given.build_subnet().to_string(), "10.1.2.0/24");
}

#[test]
fn a_child_reads_back_what_its_parent_wrote_and_no_more() {
    let flags = [flag("edge.threads=3"), flag("api.base_domain=example.com")];
    let settings = load(None, &[], &flags).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edge.toml");
    fs::write(&file, settings.file_for(&[Section::Edge]).unwrap()).unwrap();
    let child = load(Some(&file), &[], &[]).unwrap();
    assert_eq!(child.edge, settings.edge);
    assert_eq!(child.api, Settings::default().api);
    fs::write(
        &file,
        settings.file_for(&[Section::Edge, Section::Api]).unwrap(),
    )
    .unwrap();
    assert_eq!(load(Some(&file), &[], &[]).unwrap(), settings);
}
