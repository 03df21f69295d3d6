//! Deployments of what serves already, and of sources that the server fetches.

use serde_json::json;

use super::deploy::{SOURCE, sent, server};
use super::fake::{self, ENV, Server, deployment, stream};
use super::*;

/// A server that answers a deployment with the one that is live, because it would change nothing.
async fn serving(state: &str, phase: &str) -> Server {
    let server = Server::start().await;
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {ENV}"), 200, fake::env(Some(3)))
        .on(
            "PUT /v1/teams/acme/apps/shop/sources",
            200,
            sent(&"ab".repeat(32)),
        )
        .on(
            &format!("POST {ENV}/deployments"),
            200,
            deployment(3, state, phase),
        );
    server
}

#[tokio::test]
async fn what_changes_nothing_is_said_and_nothing_is_followed() {
    let server = serving("succeeded", "done").await;
    let world = World::on(&server, SOURCE);
    for line in ["up", "up --detach", "up --ci"] {
        let ran = world.run(line).await;
        assert_eq!(
            (ran.exit, ran.stdout.as_str()),
            (Exit::Ok, "http://shop.localhost:8080\n"),
            "{line}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("nothing changed: v3 is live"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    }
    let ran = world.run("up --json").await;
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&said["unchanged"], &said["number"], &said["urls"]),
        (
            &json!(true),
            &json!(3),
            &json!(["http://shop.localhost:8080"])
        )
    );
    let events = format!("GET {ENV}/deployments/3/events");
    assert!(!server.lines().contains(&events), "{:?}", server.lines());
}

#[tokio::test]
async fn what_is_live_and_unchanged_but_not_proved_is_waited_for_with_ci() {
    let server = serving("baking", "live").await;
    server.events(
        &format!("GET {ENV}/deployments/3/events"),
        &stream(&[
            deployment(3, "baking", "live"),
            deployment(3, "rolled_back", "done"),
        ]),
    );
    let world = World::on(&server, SOURCE);
    assert_eq!(world.run("up").await.exit, Exit::Ok);
    let ran = world.run("up --ci").await;
    assert_eq!(ran.exit, Exit::Deploy, "{}", ran.stderr);
}

#[tokio::test]
async fn force_and_images_are_deployed_whatever_serves() {
    let server = server().await;
    server
        .on(
            "PUT /v1/teams/acme/apps/shop/sources",
            200,
            sent(&"ab".repeat(32)),
        )
        .events(
            &format!("GET {ENV}/deployments/4/events"),
            &stream(&[deployment(4, "live", "live")]),
        );
    let world = World::on(&server, SOURCE);
    for line in [
        "up --force",
        "up --image nginx:1 -a shop",
        "redeploy --override",
    ] {
        let ran = world.run(line).await;
        assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    }
    let bodies: Vec<serde_json::Value> = server
        .asked()
        .iter()
        .filter(|asked| asked.line.starts_with("POST"))
        .map(fake::Asked::json)
        .collect();
    assert_eq!(bodies.len(), 3);
    assert!(
        bodies.iter().all(|body| body["if_changed"] == json!(false)),
        "{bodies:?}"
    );
    assert_eq!(bodies[2]["override"], json!(true));
}

#[tokio::test]
async fn a_repository_is_fetched_by_the_server() {
    let server = server().await;
    server
        .on(
            "POST /v1/teams/acme/apps/shop/sources/fetch",
            200,
            json!({ "sha256": "cd".repeat(32), "size_bytes": 84_000, "commit": "0123456789abcdef0123456789abcdef01234567",
                "url": "https://git.example.com/acme/shop.git" }),
        )
        .events(
            &format!("GET {ENV}/deployments/4/events"),
            &stream(&[deployment(4, "live", "live")]),
        );
    let world = World::on(&server, &[]);
    let ran = world
        .run("up --git https://git.example.com/acme/shop.git@feature/x -a shop")
        .await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("✓ fetched 0123456789ab, 84 kB"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        server
            .find("POST /v1/teams/acme/apps/shop/sources/fetch")
            .json(),
        json!({ "url": "https://git.example.com/acme/shop.git", "ref": "feature/x" })
    );
    let body = server.find(&format!("POST {ENV}/deployments")).json();
    assert_eq!(
        (&body["source"], &body["message"]),
        (
            &json!("cd".repeat(32)),
            &json!("https://git.example.com/acme/shop.git at 0123456789ab")
        )
    );
    for (line, word) in [
        (
            "up --git git@git.example.com:a/b.git",
            "expected URL or URL@REF",
        ),
        ("up --git ssh://git.example.com/a/b.git", "https"),
        (
            "up --git https://me:hunter2@git.example.com/a/b.git -a shop",
            "credentials set git.example.com",
        ),
        (
            "up . --git https://git.example.com/a/b.git",
            "cannot be used with",
        ),
        (
            "up --git https://git.example.com/a/b.git --dry-run",
            "cannot be used with",
        ),
        ("up --git https://git.example.com/a/b.git", "--app NAME"),
    ] {
        let ran = world.run(line).await;
        assert_eq!(ran.exit, Exit::Usage, "{line}");
        assert!(ran.stderr.contains(word), "{line}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
}
