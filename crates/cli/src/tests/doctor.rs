//! `segue doctor`: all is well, and each check fails once, with its sentence and what to do next.

use serde_json::{Value, json};

use super::fake::{self, Server};
use super::*;

/// Every check there is, in the order in which they are told.
const CHECKS: [&str; 7] = [
    "manifest",
    "source",
    "credentials",
    "server",
    "clock",
    "sign-in",
    "app",
];

const GOOD: [(&str, &str); 2] = [("segue.toml", "app = \"shop\"\n"), ("index.html", "x")];

/// A server where all is well, but for what the test itself answers on one line.
async fn healthy_but(line: &str) -> Server {
    let server = Server::start().await;
    for (other, answer) in [
        ("GET /readyz", json!({ "status": "ok", "version": "1" })),
        ("GET /v1/me", fake::me()),
        ("GET /v1/teams/acme/apps/shop", fake::app()),
    ] {
        if other != line {
            server.on(other, 200, answer);
        }
    }
    server
}

async fn healthy() -> Server {
    healthy_but("").await
}

/// What failed, by check, with its sentence and the next step.
async fn failures(world: &World) -> Vec<(String, String, String)> {
    let ran = world.run("doctor --json").await;
    let findings: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    let bad: Vec<_> = findings
        .iter()
        .filter(|finding| finding["ok"] == false)
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            (text("check"), text("detail"), text("next"))
        })
        .collect();
    let wanted = if bad.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    };
    assert_eq!(ran.exit, wanted, "{}", ran.stderr);
    bad
}

/// Asserts that one check alone failed, and what it said.
async fn fails(world: &World, check: &str, sentence: &str, next: &str) {
    let bad = failures(world).await;
    assert_eq!(bad.len(), 1, "{check} alone: {bad:#?}");
    assert_one(&bad, check, sentence, next);
}

fn assert_one(bad: &[(String, String, String)], check: &str, sentence: &str, next: &str) {
    assert!(CHECKS.contains(&check));
    let found = bad.iter().find(|(name, _, _)| name == check);
    let (_, said, then) = found.unwrap_or_else(|| panic!("{check} did not fail: {bad:#?}"));
    assert!(
        said.contains(sentence),
        "{check}: {sentence:?} is not in {said:?}"
    );
    assert!(then.contains(next), "{check}: {next:?} is not in {then:?}");
    assert!(!then.is_empty(), "{check} says what to do");
}

#[tokio::test]
async fn a_healthy_folder_passes_every_check() {
    let server = healthy().await;
    let ran = World::on(&server, &GOOD).run("doctor").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let passed: Vec<&str> = ran
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("✓ ")?.split_whitespace().next())
        .collect();
    assert_eq!(passed, CHECKS, "{}", ran.stderr);
    // An app that nobody has made yet is no fault.
    let empty = healthy_but("GET /v1/teams/acme/apps/shop").await;
    empty.problem(
        "GET /v1/teams/acme/apps/shop",
        404,
        "not_found",
        "there is no such app",
    );
    let world = World::on(&empty, &GOOD);
    assert_eq!(failures(&world).await, []);
}

#[tokio::test]
async fn a_wrong_manifest() {
    let server = healthy().await;
    let world = World::on(&server, &[("segue.toml", "app = 3\n")]);
    let bad = failures(&world).await;
    assert_one(&bad, "manifest", "segue.toml", "");
}

#[tokio::test]
async fn a_folder_in_which_nothing_can_be_started() {
    let server = healthy().await;
    let world = World::on(&server, &[("segue.toml", "app = \"shop\"\n")]);
    fails(&world, "source", "", "").await;
}

#[tokio::test]
async fn credentials_that_others_can_read() {
    let server = healthy().await;
    let world = World::on(&server, &GOOD);
    let path = world.config("credentials.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "").unwrap();
    fails(&world, "credentials", "credentials.toml", "chmod").await;
}

#[tokio::test]
async fn a_server_that_is_not_there_not_named_or_not_ready() {
    let server = healthy().await;
    let gone = World::on(&server, &GOOD).var("SEGUE_SERVER", "http://127.0.0.1:9");
    fails(&gone, "server", "127.0.0.1:9", "").await;
    fails(&World::new(&GOOD), "server", "", "segue login").await;
    let sick = Server::start().await;
    sick.problem("GET /readyz", 503, "unavailable", "the database is away");
    fails(
        &World::on(&sick, &GOOD),
        "server",
        "the database is away",
        "",
    )
    .await;
}

#[tokio::test]
async fn a_clock_that_is_off() {
    let late = healthy_but("GET /readyz").await;
    let date = "Thu, 01 Jan 2026 00:00:00 GMT";
    late.on_with_date("GET /readyz", 200, json!({}), date.into());
    fails(
        &World::on(&late, &GOOD),
        "clock",
        "s apart from the server's",
        "timedatectl",
    )
    .await;
}

#[tokio::test]
async fn a_token_that_is_not_accepted() {
    let server = healthy_but("GET /v1/me").await;
    server.problem("GET /v1/me", 401, "unauthenticated", "the token has ended");
    fails(
        &World::on(&server, &GOOD),
        "sign-in",
        "the token has ended",
        "segue login",
    )
    .await;
}

#[tokio::test]
async fn no_app_that_is_meant_or_none_that_may_be_seen() {
    let server = healthy().await;
    let unnamed = World::on(&server, &[("index.html", "x")]);
    fails(&unnamed, "app", "", "segue init").await;
    let server = healthy_but("GET /v1/teams/acme/apps/shop").await;
    server.problem(
        "GET /v1/teams/acme/apps/shop",
        403,
        "forbidden",
        "this token may not",
    );
    fails(&World::on(&server, &GOOD), "app", "this token may not", "").await;
}
