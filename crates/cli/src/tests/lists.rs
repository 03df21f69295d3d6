//! What is listed and shown: deployments, releases, hosts, secrets, configuration; and a restart of a service.

use serde_json::json;

use super::fake::{self, ENV, Server, deployment, stream};
use super::*;

/// Without times, which depend on the day.
fn without_ages(text: &str) -> String {
    text.lines()
        .map(|line| {
            let words: Vec<_> = line
                .split("  ")
                .filter(|word| !word.contains(" ago"))
                .collect();
            words.join("  ").trim_end().to_owned() + "\n"
        })
        .collect()
}

#[tokio::test]
async fn deployments_are_listed_shown_and_stopped() {
    let server = Server::start().await;
    let mut stopping = deployment(5, "starting", "start");
    stopping["cancel_requested"] = json!(true);
    let mut failed = deployment(4, "failed", "done");
    failed["failure"] = json!({ "code": "health_timeout", "sentence": "it never answered", "evidence": "GET / refused",
        "hint": "look" });
    let receipt = json!({ "deployment": 4, "first_generation": 9, "from": "2026-01-01T00:00:00Z", "requests": 12,
        "failed": 0, "edge_failed": 0, "broken": 0, "retries": 0, "longest_wait_us": 1500, "longest_request_us": 20,
        "by_class": { "informational": 0, "success": 12, "redirection": 0, "client_error": 0, "server_error": 0 } });
    server
        .on(
            &format!("GET {ENV}/deployments"),
            200,
            json!({ "items": [stopping, failed] }),
        )
        .on(&format!("GET {ENV}/deployments/4"), 200, failed.clone())
        .on(&format!("GET {ENV}/deployments/4/receipt"), 200, receipt)
        .on(
            &format!("POST {ENV}/deployments/5/cancel"),
            202,
            stopping.clone(),
        );
    let world = World::on(&server, &[]);
    let list = world.run("deploys list -a shop").await;
    assert_eq!(list.exit, Exit::Ok, "{}", list.stderr);
    for part in ["#5", "starting (stopping)", "#4", "failed", "ada"] {
        assert!(list.stdout.contains(part), "{part}: {}", list.stdout);
    }
    let shown = world.run("deploys show 4 -a shop").await;
    insta::assert_snapshot!(without_ages(&shown.stdout));
    let stopped = world.run("deploys cancel 5 -a shop").await;
    assert!(
        stopped.stderr.contains("#5 is being stopped"),
        "{}",
        stopped.stderr
    );
    let asked = server.find(&format!("POST {ENV}/deployments/5/cancel"));
    assert!(asked.header("idempotency-key").is_some());
}

#[tokio::test]
async fn releases_are_listed_and_the_one_that_serves_is_marked() {
    let server = Server::start().await;
    let release = |version: i64| {
        json!({ "id": format!("rel_{version}"), "version": version, "services": {}, "message": "why\nmore",
            "created_by": "token ci", "created_at": "2026-01-01T00:00:00Z" })
    };
    server
        .on(&format!("GET {ENV}"), 200, fake::env(Some(2)))
        .on(
            &format!("GET {ENV}/releases"),
            200,
            json!({ "items": [release(3), release(2)] }),
        )
        .on(&format!("GET {ENV}/releases/3"), 200, release(3));
    let world = World::on(&server, &[]);
    let list = world.run("releases list -a shop").await;
    for part in ["v3 ", "v2 (serves)", "token ci", "why"] {
        assert!(list.stdout.contains(part), "{part}: {}", list.stdout);
    }
    assert!(!list.stdout.contains("more"), "{}", list.stdout);
    let shown = world.run("releases show v3 -a shop").await;
    assert!(shown.stdout.contains("release  v3"), "{}", shown.stdout);
    assert!(!shown.stdout.contains("more"), "{}", shown.stdout);
    let data = world.run("releases show v3 -a shop --json").await;
    assert!(data.stdout.contains("\"rel_3\""), "{}", data.stdout);
    let missing = world.run("releases show v9 -a shop").await;
    assert_eq!(missing.exit, Exit::Failed);
    assert!(
        missing.stderr.contains("segue releases list"),
        "{}",
        missing.stderr
    );
}

#[tokio::test]
async fn hosts_are_listed_and_cordoned() {
    let server = Server::start().await;
    let host = |cordoned: bool| {
        json!({ "id": "host_1", "name": "host-a", "state": "ready", "cordoned": cordoned, "labels": {},
            "cpu_millis": 4000, "memory_bytes": 8_589_934_592_i64, "reserved_cpu_millis": 250,
            "reserved_memory_bytes": 536_870_912, "instances": 1, "engine_version": "20.10.24" })
    };
    server
        .on("GET /v1/hosts", 200, json!({ "items": [host(true)] }))
        .on("POST /v1/hosts/host-a/cordon", 200, host(true))
        .on("POST /v1/hosts/host-a/uncordon", 200, host(false));
    let world = World::on(&server, &[]);
    insta::assert_snapshot!(world.run("hosts list").await.stdout);
    let cordoned = world.run("hosts cordon host-a").await;
    assert!(
        cordoned.stderr.contains("nothing new is placed"),
        "{}",
        cordoned.stderr
    );
    let free = world.run("hosts uncordon host-a").await;
    assert!(
        free.stderr.contains("may get instances again"),
        "{}",
        free.stderr
    );
    let missing = world.run("hosts show host-b").await;
    assert!(
        missing.stderr.contains("segue hosts list"),
        "{}",
        missing.stderr
    );
}

#[tokio::test]
async fn values_are_listed_but_never_those_of_secrets() {
    let server = Server::start().await;
    server
        .on(
            &format!("GET {ENV}/config"),
            200,
            json!({ "version": 2, "values": { "LEVEL": "debug" } }),
        )
        .on(
            &format!("GET {ENV}/secrets"),
            200,
            json!({ "items": [{ "key": "TOKEN", "version": 3, "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" }], "missing": [] }),
        )
        .on(&format!("GET {ENV}/deployments"), 200, json!({ "items": [] }))
        .on(&format!("DELETE {ENV}/secrets/TOKEN"), 204, json!(null));
    let world = World::on(&server, &[]);
    let config = world.run("config list -a shop").await;
    assert_eq!(config.stdout, "LEVEL=debug\n", "{}", config.stderr);
    let secrets = world.run("secret list -a shop").await;
    for part in ["TOKEN", "3", "ada"] {
        assert!(secrets.stdout.contains(part), "{part}: {}", secrets.stdout);
    }
    let removed = world.run("secret unset TOKEN -a shop --detach").await;
    assert!(
        removed.stderr.contains("removed TOKEN"),
        "{}",
        removed.stderr
    );
}

#[tokio::test]
async fn a_service_is_restarted_by_a_deployment_of_the_same() {
    let server = Server::start().await;
    server
        .on(&format!("GET {ENV}"), 200, fake::env(Some(4)))
        .on(
            &format!("POST {ENV}/deployments"),
            202,
            deployment(4, "queued", "build"),
        )
        .events(
            &format!("GET {ENV}/deployments/4/events"),
            &stream(&[deployment(4, "live", "live")]),
        );
    let world = World::on(&server, &[]);
    let ran = world.run("restart web -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let asked = server.find(&format!("POST {ENV}/deployments")).json();
    assert_eq!(asked["restart"], json!(["web"]));
    let all = World::on(&server, &[])
        .run("restart -a shop --detach")
        .await;
    assert_eq!(all.exit, Exit::Ok, "{}", all.stderr);
    let asked = server.asked();
    let last = asked.iter().rfind(|a| a.line.starts_with("POST")).unwrap();
    assert_eq!(last.json()["restart"], json!([]));
}
