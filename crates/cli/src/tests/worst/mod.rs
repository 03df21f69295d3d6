//! Every command in its worst cases. Each ends with its exit code, says on stderr what failed and what to type next,
//! gives an object with `--json`, and changes nothing.
//!
//! The table of commands is held against the program's own tree, so that a new command fails here until its worst
//! cases are written. The texts are snapshots, to be read by people.

mod local;
mod rude;
mod streams;
mod table;
mod wrong;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::CommandFactory;
use serde_json::json;

use self::rude::{Rude, response};
use self::table::{COMMANDS, Talks};
use super::*;
use crate::args::Cli;

/// Files that the lines of the table name.
const FILES: &[(&str, &str)] = &[
    (
        "segue.toml",
        "app = \"shop\"\n[services.web]\ncommand = \"python app.py\"\n",
    ),
    ("requirements.txt", "flask\n"),
    ("app.py", "x\n"),
    ("vars.env", "A=1\n"),
    ("Procfile", "web: python app.py\n"),
];

/// Somebody who is signed in and has what the lines of the table need.
fn world(url: &str) -> World {
    World::new(FILES)
        .var("SEGUE_SERVER", url)
        .var("SEGUE_TOKEN", "seg_secret")
        .var("SEGUE_TEAM", "acme")
        .var("SEGUE_APP", "shop")
        .input("https://chat.example.com/T1/B2/secret\n")
}

/// Paths of all leaves of the tree of commands.
fn leaves() -> BTreeSet<String> {
    fn walk(command: &clap::Command, path: &str, into: &mut BTreeSet<String>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = format!("{path} {}", sub.get_name()).trim().to_owned();
            if sub.has_subcommands() {
                walk(sub, &path, into);
            } else {
                into.insert(path);
            }
        }
    }
    let mut all = BTreeSet::new();
    walk(&Cli::command(), "", &mut all);
    all
}

#[test]
fn every_command_has_its_worst_cases() {
    let known: BTreeSet<String> = COMMANDS
        .iter()
        .map(|(leaf, ..)| (*leaf).to_owned())
        .collect();
    assert_eq!(known, leaves(), "tests/worst/table.rs");
    let wrong: BTreeSet<String> = wrong::LINES
        .iter()
        .map(|(leaf, _)| (*leaf).to_owned())
        .collect();
    assert_eq!(wrong, leaves(), "tests/worst/wrong.rs");
    for (leaf, line, _) in COMMANDS {
        assert!(line.starts_with(leaf), "{leaf}: {line}");
    }
}

/// Holds what every failure must have, and answers it without what differs from run to run.
fn told(line: &str, url: &str, ran: &Ran, exit: Exit) -> String {
    let text = ran.stderr.replace(url, "SERVER");
    assert_eq!(ran.exit, exit, "segue {line}\n{text}");
    let marks = text.lines().filter(|line| line.starts_with("✗ ")).count();
    assert_eq!(marks, 1, "one sentence of failure: segue {line}\n{text}");
    assert!(text.contains("\n  → "), "a next step: segue {line}\n{text}");
    assert!(
        !text.contains("seg_secret") && !text.contains("B2/secret"),
        "a secret: segue {line}\n{text}"
    );
    text
}

/// The same with `--json`: one object, the last line of stdout, that says what stderr says.
fn object(line: &str, ran: &Ran, exit: Exit) {
    assert_eq!(ran.exit, exit, "segue {line} --json\n{}", ran.stderr);
    let last = ran.stdout.lines().last().unwrap_or_default();
    let value: serde_json::Value =
        serde_json::from_str(last).unwrap_or_else(|e| panic!("segue {line} --json: {e}: {last}"));
    let error = value["error"].as_object().unwrap();
    let mut keys: Vec<&str> = error.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["code", "next", "now", "what", "why"], "{line}");
    for key in ["what", "next"] {
        let text = error[key].as_str().unwrap_or_default();
        assert!(
            !text.is_empty() && !text.contains('\n'),
            "{key}: {line}: {last}"
        );
    }
    assert!(error["why"].is_array(), "{line}");
}

/// Runs every command that talks to the API against a server, also as JSON; answers the texts.
async fn all(server: &Rude, exit: Exit) -> String {
    of(server, exit, &[Talks::Api, Talks::Raw]).await
}

async fn of(server: &Rude, exit: Exit, talks: &[Talks]) -> String {
    let mut texts = String::new();
    let world = world(&server.url);
    for (_, line, kind) in COMMANDS {
        if !talks.contains(kind) {
            continue;
        }
        let ran = world.run(line).await;
        let text = told(line, &server.url, &ran, exit);
        let _ = writeln!(texts, "$ segue {line}\n{text}");
        if *kind == Talks::Api {
            let with = line.replacen(' ', " --json ", 1);
            let with = if with == *line {
                format!("{line} --json")
            } else {
                with
            };
            object(line, &world.run(&with).await, exit);
        }
    }
    texts
}

#[tokio::test]
async fn nobody_is_signed_in() {
    let mut texts = String::new();
    let world = World::new(FILES).var("SEGUE_APP", "shop").input("x\n");
    for (_, line, talks) in COMMANDS {
        if *talks == Talks::Own {
            continue;
        }
        let text = told(
            line,
            "http://nowhere",
            &world.run(line).await,
            Exit::SignedOut,
        );
        assert!(
            text.contains("→ segue login --server URL"),
            "{line}: {text}"
        );
        texts.push_str(&text);
    }
    let different: BTreeSet<&str> = texts.lines().collect();
    insta::assert_snapshot!(different.into_iter().collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn the_token_is_revoked_or_too_old() {
    let server = Rude::problem(
        "401 Unauthorized",
        "unauthenticated",
        "a valid token is required",
    )
    .await;
    let texts = all(&server, Exit::SignedOut).await;
    assert_eq!(
        texts.matches("→ segue login --server SERVER").count(),
        texts.matches("$ segue").count(),
        "{texts}"
    );
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn nothing_of_that_name_is_there_or_it_is_another_teams() {
    let detail = "there is no such thing here, or you are not a member of its team";
    let server = Rude::problem("404 Not Found", "not_found", detail).await;
    let texts = all(&server, Exit::Failed).await;
    insta::assert_snapshot!(texts);
}

/// Names that are nearly right, and what there is where nothing is near.
#[tokio::test]
async fn a_mistyped_name_is_told_from_a_missing_thing() {
    let server = fake::Server::start().await;
    let env = fake::ENV;
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {env}"), 200, fake::env(Some(3)))
        .on(
            &format!("GET {env}/deployments"),
            200,
            json!({ "items": [] }),
        );
    let world = world(&server.url);
    let mut texts = String::new();
    for line in [
        "status -a shpo",
        "logs -a payroll",
        "config set A=1 -a shpo",
        "services -e prodution",
        "services -e qa",
        "metrics -t other",
        "deploys show 9",
        "rollback v9",
        "secret unset KEY",
        "hooks remove hok_9 -e qa",
        "envs show prod",
        "config diff production qa",
        "promote qa production",
        "previews on --from qa",
        "previews on --from productio",
        "envs clone qa pr-1",
        "builds logs bld_9",
        "runs cancel 9",
    ] {
        let ran = world.run(line).await;
        let text = told(line, &server.url, &ran, Exit::Failed);
        assert!(!text.contains("the hint"), "{line}: {text}");
        let _ = writeln!(texts, "$ segue {line}\n{text}");
    }
    // What follows a setting that cannot be is not even tried.
    let lines = server.lines();
    for line in [
        "PATCH /v1/teams/acme/apps/shop",
        "POST /v1/teams/acme/apps/shop/envs",
    ] {
        assert!(!lines.iter().any(|asked| asked == line), "{lines:?}");
    }
    insta::assert_snapshot!(texts);
}

/// A lock or a freeze window: who may go on, and with which command.
#[tokio::test]
async fn what_is_held_names_the_way_round() {
    let detail = "deployments of shop/production are stopped: moving (ada)";
    let server = fake::Server::start().await;
    let env = fake::ENV;
    let view = json!({ "version": 2, "generation": 8, "spec": {}, "plan": [{ "service": "web", "action": "replace", "reason": "image",
        "replicas_before": 1, "replicas_after": 1, "downtime": false }] });
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {env}"), 200, fake::env(Some(3)))
        .on(&format!("PUT {env}/spec"), 200, view)
        .on("HEAD /v1/teams/acme/apps/shop/sources", 200, json!({}))
        .problem(
            &format!("POST {env}/deployments"),
            409,
            "deploys_held",
            detail,
        )
        .problem(&format!("PATCH {env}/config"), 409, "deploys_held", detail);
    let world = world(&server.url);
    let mut texts = String::new();
    for line in [
        "up --image nginx:1",
        "redeploy",
        "restart",
        "apply",
        "config set A=1",
        "rollback v2",
    ] {
        let ran = world.run(line).await;
        let text = told(line, &server.url, &ran, Exit::Failed);
        assert!(
            text.contains("segue locks -a shop -e production"),
            "{line}: {text}"
        );
        let _ = writeln!(texts, "$ segue {line}\n{text}");
    }
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn the_role_does_not_allow_it() {
    let server = Rude::problem("403 Forbidden", "forbidden", "this needs the role admin").await;
    insta::assert_snapshot!(all(&server, Exit::Failed).await);
}

#[tokio::test]
async fn somebody_else_saved_first() {
    let detail = "it was changed in the meantime";
    let server = Rude::problem("412 Precondition Failed", "precondition_failed", detail).await;
    insta::assert_snapshot!(all(&server, Exit::Failed).await);
}

#[tokio::test]
async fn the_server_itself_fails() {
    let server = Rude::problem(
        "500 Internal Server Error",
        "internal",
        "a fault in the server",
    )
    .await;
    let texts = all(&server, Exit::Failed).await;
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn nobody_listens_there() {
    let server = Rude::gone().await;
    let texts = all(&server, Exit::Failed).await;
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn the_connection_is_lost_before_the_answer() {
    let server = Rude::start(String::new()).await;
    let texts = all(&server, Exit::Failed).await;
    assert!(!server.asked().is_empty());
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn the_connection_is_lost_within_the_answer() {
    let whole = response("200 OK", "application/json", &" ".repeat(500));
    let server = Rude::start(whole[..whole.len() - 100].to_owned()).await;
    let texts = all(&server, Exit::Failed).await;
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn another_program_listens_there() {
    let server = Rude::start(response("200 OK", "text/html", "<html>Wiki</html>")).await;
    // `segue api` passes on whatever is answered.
    let texts = of(&server, Exit::Failed, &[Talks::Api]).await;
    insta::assert_snapshot!(texts);
}
