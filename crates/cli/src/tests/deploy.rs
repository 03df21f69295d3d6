//! Deployments: sent, followed, failed, left.

use serde_json::json;

use super::fake::{self, ENV, Server, deployment, stream};
use super::*;

pub(super) const SOURCE: &[(&str, &str)] = &[
    ("segue.toml", "app = \"shop\"\n"),
    ("index.html", "<p>hello</p>\n"),
];

/// A server on which the app and its environment are.
pub(super) async fn server() -> Server {
    let server = Server::start().await;
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {ENV}"), 200, fake::env(Some(3)))
        .on(
            &format!("POST {ENV}/deployments"),
            202,
            deployment(4, "queued", "build"),
        );
    server
}

pub(super) fn sent(path: &str) -> serde_json::Value {
    json!({ "sha256": path, "size_bytes": 1 })
}

#[tokio::test]
async fn up_makes_what_is_missing_sends_once_follows_and_prints_the_url() {
    let server = Server::start().await;
    server
        .problem("GET /v1/teams/acme/apps/shop", 404, "not_found", "no")
        .on("POST /v1/teams/acme/apps", 201, fake::app())
        .problem(&format!("GET {ENV}"), 404, "not_found", "no")
        .on(&format!("GET {ENV}"), 200, fake::env(Some(4)))
        .on("POST /v1/teams/acme/apps/shop/envs", 201, fake::env(None))
        .on("PUT /v1/teams/acme/apps/shop/sources", 200, sent(&"ab".repeat(32)))
        .on(&format!("POST {ENV}/deployments"), 202, deployment(4, "queued", "build"))
        .events(
            &format!("GET {ENV}/deployments/4/events"),
            &stream(&[
                deployment(4, "building", "build"),
                deployment(4, "starting", "start"),
                deployment(4, "switching", "switch"),
                deployment(4, "live", "live"),
            ]),
        )
        .on(
            &format!("GET {ENV}/deployments/4/receipt"),
            200,
            json!({ "deployment": 4, "first_generation": 9, "from": "2026-01-01T00:00:00Z", "requests": 18412, "failed": 0,
                "edge_failed": 0, "broken": 0, "retries": 0, "longest_wait_us": 10, "longest_request_us": 20,
                "by_class": { "informational": 0, "success": 18412, "redirection": 0, "client_error": 0, "server_error": 0 } }),
        );
    let ran = World::on(&server, SOURCE).run("up -m first").await;
    assert_eq!(
        (ran.exit, ran.stdout.as_str()),
        (Exit::Ok, "http://shop.localhost:8080\n"),
        "{}",
        ran.stderr
    );
    insta::assert_snapshot!(ran.stderr);
    let asked = server.find(&format!("POST {ENV}/deployments"));
    assert_eq!(
        asked.json(),
        json!({ "source": "ab".repeat(32), "spec": false, "override": false, "if_changed": true, "message": "first" })
    );
    for asked in server
        .asked()
        .iter()
        .filter(|asked| asked.line.starts_with("POST"))
    {
        assert!(asked.header("idempotency-key").is_some(), "{}", asked.line);
    }
    let upload = server.find("PUT /v1/teams/acme/apps/shop/sources");
    assert_eq!(
        upload.header("content-type"),
        Some("application/octet-stream")
    );
    let head = server
        .asked()
        .into_iter()
        .find(|asked| asked.line.starts_with("HEAD"))
        .unwrap();
    use sha2::Digest;
    assert!(
        head.line
            .ends_with(&hex::encode(sha2::Sha256::digest(&upload.body))),
        "{}",
        head.line
    );
}

#[tokio::test]
async fn what_the_server_has_is_not_sent_again() {
    let server = server().await;
    server.events(
        &format!("GET {ENV}/deployments/4/events"),
        &stream(&[deployment(4, "live", "live")]),
    );
    let world = World::on(&server, SOURCE);
    let sha256 = crate::pack::measure(world.folder.path()).unwrap().sha256;
    server.on(
        &format!("HEAD /v1/teams/acme/apps/shop/sources/{sha256}"),
        204,
        json!(null),
    );
    let ran = world.run("up").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(
        !server.lines().iter().any(|line| line.starts_with("PUT")),
        "{:?}",
        server.lines()
    );
    assert_eq!(
        server.find(&format!("POST {ENV}/deployments")).json()["source"],
        json!(sha256)
    );
}

#[tokio::test]
async fn workers_are_told_when_they_are_ready() {
    let server = server().await;
    let instance = |name: &str, service: &str, release: i64, state: &str| {
        json!({ "id": format!("ins_{name}"), "name": name, "service": service, "slot": 1, "release": release,
            "revision": "ab", "host": "host-a", "host_id": "host_1", "address": "10.0.0.2", "desired": "run",
            "state": state, "restarts": 0, "attempt": 0, "created_at": "2026-01-01T00:00:00Z" })
    };
    let before = [
        instance("web.1", "web", 4, "ready"),
        instance("worker.1", "worker", 3, "ready"),
        instance("worker.2", "worker", 4, "started"),
    ];
    let after = [
        instance("web.1", "web", 4, "ready"),
        instance("worker.2", "worker", 4, "ready"),
    ];
    server
        .on(
            &format!("GET {ENV}/instances"),
            200,
            json!({ "items": before }),
        )
        .on(
            &format!("GET {ENV}/instances"),
            200,
            json!({ "items": after }),
        )
        .events(
            &format!("GET {ENV}/deployments/4/events"),
            &stream(&[
                deployment(4, "starting", "start"),
                deployment(4, "switching", "switch"),
                deployment(4, "live", "live"),
            ]),
        );
    let ran = World::on(&server, &[]).run("redeploy -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let at = |text: &str| {
        let found: Vec<usize> = ran.stderr.match_indices(text).map(|(at, _)| at).collect();
        assert_eq!(found.len(), 1, "{text}: {}", ran.stderr);
        found[0]
    };
    let switched = at("switched 100 %");
    assert!(at("healthy: web.1 on host-a") < switched);
    assert!(at("healthy: worker.2 on host-a") > switched);
}

#[tokio::test]
async fn a_deployment_that_fails_ends_with_3_and_says_what_why_what_is_true_and_what_next() {
    let server = server().await;
    let mut failed = deployment(4, "rolled_back", "done");
    failed["started_at"] = json!("2026-01-01T00:00:01Z");
    failed["failure"] = json!({ "code": "health_port_mismatch", "sentence": "the application listens on another port",
        "evidence": "web.3 on host-b: listens on 0.0.0.0:3000, expected 0.0.0.0:8080", "hint": "listen on 0.0.0.0:$PORT" });
    server
        .events(&format!("GET {ENV}/deployments/4/events"), &stream(&[deployment(4, "starting", "start"), failed]))
        .on(&format!("GET {ENV}/logs"), 200, json!({ "items": [
            { "at": "2026-01-01T00:00:02Z", "stream": "stdout", "instance": "web.3", "text": "listening on 3000" }] }));
    let ran = World::on(&server, &[])
        .run("up --image nginx:1 -a shop")
        .await;
    assert_eq!(
        (ran.exit, Exit::Deploy.code(), ran.stdout.as_str()),
        (Exit::Deploy, 3, "")
    );
    insta::assert_snapshot!(ran.stderr);
}

#[tokio::test]
async fn a_failed_build_shows_the_builds_last_lines() {
    let server = server().await;
    let mut failed = deployment(4, "failed", "done");
    failed["started_at"] = json!("2026-01-01T00:00:01Z");
    failed["failure"] = json!({ "code": "build_failed", "sentence": "a build step failed", "evidence": "step 8 of 9",
        "hint": "read the step's last lines" });
    let line = json!({ "items": [{ "at": "2026-01-01T00:00:02Z", "stream": "stderr", "text": "no such package" }] });
    server
        .events(
            &format!("GET {ENV}/deployments/4/events"),
            &stream(&[failed.clone()]),
        )
        .on(&format!("GET {ENV}/deployments/4"), 200, failed)
        .on(&format!("GET {ENV}/builds/bld_1/log"), 200, line);
    let world = World::on(&server, &[]);
    let ran = world.run("up --image nginx:1 -a shop").await;
    assert!(
        ran.exit == Exit::Deploy && ran.stderr.contains("    no such package\n"),
        "{}",
        ran.stderr
    );
    let ran = world.run("logs --deploy 4 -a shop").await;
    assert_eq!(
        ran.stdout, "2026-01-01T00:00:02.000Z stderr no such package\n",
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn json_is_one_object_per_line_and_errors_are_objects_too() {
    let server = server().await;
    server.events(
        &format!("GET {ENV}/deployments/4/events"),
        &stream(&[
            deployment(4, "starting", "start"),
            deployment(4, "failed", "done"),
        ]),
    );
    let ran = World::on(&server, &[])
        .run("up --image nginx:1 -a shop --json")
        .await;
    assert_eq!(ran.exit, Exit::Deploy);
    let lines: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[0]["phase"], &lines[1]["state"]),
        (&json!("start"), &json!("failed"))
    );
    assert!(
        lines[2]["error"]["what"]
            .as_str()
            .unwrap()
            .contains("deploy #4")
    );
}

#[tokio::test]
async fn a_lost_stream_is_taken_up_again() {
    let server = server().await;
    let events = format!("GET {ENV}/deployments/4/events");
    let event = json!({ "id": "evt_1", "cursor": "7", "at": "2026-01-01T00:00:00Z", "kind": "instance.created",
        "subject": {}, "message": "web.1 is created", "actor": "planner" });
    server
        .events(&events, &format!("id: 7\nevent: event\ndata: {event}\n\n"))
        .problem(&events, 503, "unavailable", "back soon")
        .events(&events, &stream(&[deployment(4, "live", "live")]));
    let ran = World::on(&server, &[])
        .run("up --image nginx:1 -a shop -v")
        .await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(ran.stderr.contains("web.1 is created"), "{}", ran.stderr);
    let asked: Vec<_> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.line == events)
        .collect();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].header("last-event-id"), None);
    assert_eq!(asked[2].header("last-event-id"), Some("7"));
}

#[tokio::test]
async fn somebody_who_stops_watching_cancels_nothing_and_learns_how_to_come_back() {
    let server = server().await;
    let events = format!("GET {ENV}/deployments/4/events");
    server.events(&events, &stream(&[deployment(4, "starting", "start")]));
    let world = World::on(&server, &[]);
    let stop = async {
        server.wait(&events, 1).await;
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)
            .unwrap();
    };
    let (ran, ()) = tokio::join!(world.run("up --image nginx:1 -a shop"), stop);
    assert_eq!(
        (ran.exit, Exit::Interrupted.code()),
        (Exit::Interrupted, 130)
    );
    assert!(
        ran.stderr
            .contains("segue deploys follow 4 -a shop -e production"),
        "{}",
        ran.stderr
    );
    assert!(
        !server.lines().iter().any(|line| line.contains("cancel")),
        "{:?}",
        server.lines()
    );
}

#[tokio::test]
async fn a_refusal_of_the_server_is_told_as_it_is() {
    let server = Server::start().await;
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {ENV}"), 200, fake::env(None))
        .problem(
            &format!("POST {ENV}/deployments"),
            422,
            "invalid",
            "STRIPE_KEY has no value",
        );
    let ran = World::on(&server, &[])
        .run("up --image nginx:1 -a shop")
        .await;
    assert_eq!(ran.exit, Exit::Failed);
    insta::assert_snapshot!(ran.stderr);
}

#[tokio::test]
async fn a_folder_without_a_manifest_is_remembered() {
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
    let world = World::on(&server, &[("index.html", "x")]);
    assert_eq!(
        world.run("up").await.exit,
        Exit::Usage,
        "no name is guessed"
    );
    let ran = world.run("up -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let ran = world.run("up").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(world.read(".segue/.gitignore"), "*\n");
}

#[tokio::test]
async fn apply_does_no_more_than_is_needed() {
    let server = server().await;
    let view = |action: &str| {
        json!({ "version": 1, "generation": 8, "spec": {}, "plan": [{ "service": "web", "action": action,
        "replicas_before": 2, "replicas_after": 3, "downtime": false, "reason": "only the number of instances differs" }] })
    };
    let put = format!("PUT {ENV}/spec");
    server
        .on(&put, 200, view("scale"))
        .on(&put, 200, view("scale"))
        .on(&put, 200, view("replace"));
    server.events(
        &format!("GET {ENV}/deployments/4/events"),
        &stream(&[deployment(4, "live", "live")]),
    );
    let world = World::on(
        &server,
        &[(
            "app.yaml",
            "application: shop\nimage: shop:v2\nreplicas: 3\nport: 8080\n",
        )],
    );
    let ran = world.run("apply -f app.yaml").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr);
    let asked = server.find(&put);
    assert!(
        asked.line.contains("dry_run=true"),
        "planned first: {}",
        asked.line
    );
    assert_eq!(asked.header("if-match"), Some("\"7\""));
    let body = asked.json();
    assert_eq!(body["build"]["image"], "shop:v2");
    assert_eq!(
        (
            &body["services"]["web"]["replicas"],
            &body["services"]["web"]["port"]
        ),
        (&json!(3), &json!(8080))
    );
    assert!(
        !server
            .lines()
            .iter()
            .any(|line| line.contains("/deployments")),
        "a figure alone makes no deployment"
    );
    let ran = world.run("apply -f app.yaml").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        server.find(&format!("POST {ENV}/deployments")).json()["spec"],
        json!(true)
    );
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let server = server().await;
    server.on(
        &format!("PUT {ENV}/spec"),
        200,
        json!({ "version": 0, "generation": 7, "spec": {}, "plan": [] }),
    );
    let ran = World::on(&server, SOURCE).run("apply --dry-run").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let writes: Vec<String> = server
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    assert_eq!(writes, [format!("PUT {ENV}/spec?dry_run=true")]);
}

#[tokio::test]
async fn rollback_finds_the_deployment_to_undo() {
    let server = server().await;
    let mut live = deployment(3, "succeeded", "done");
    live["live_at"] = json!("2026-01-01T00:00:00Z");
    server
        .on(
            &format!("GET {ENV}/deployments"),
            200,
            json!({ "items": [deployment(5, "failed", "done"), live] }),
        )
        .on(
            &format!("POST {ENV}/deployments/3/rollback"),
            202,
            deployment(6, "queued", "build"),
        )
        .events(
            &format!("GET {ENV}/deployments/6/events"),
            &stream(&[deployment(6, "live", "live")]),
        );
    let world = World::on(&server, &[]);
    let ran = world.run("rollback -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(ran.stderr.contains("undoing #3 (v3)"), "{}", ran.stderr);
    let ran = world.run("rollback v2 -a shop --detach").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        server.find(&format!("POST {ENV}/deployments")).json(),
        json!({ "release": 2, "spec": false, "override": false, "if_changed": false, "message": "rollback to v2" })
    );
}

#[tokio::test]
async fn logs_are_data_and_go_on_where_they_were() {
    let server = server().await;
    let line = |text: &str| json!({ "at": "2026-01-01T00:00:00.5Z", "stream": "stdout", "service": "web", "instance": "web.1", "text": text });
    let logs = format!("GET {ENV}/logs");
    server.on(
        &logs,
        200,
        json!({ "items": [line("one"), line("two\u{1b}[2J")] }),
    );
    let world = World::on(&server, &[]);
    let ran = world
        .run("logs -a shop -n 5 --service web --grep o --since 1h")
        .await;
    assert_eq!(
        ran.stdout, "2026-01-01T00:00:00.500Z web.1 one\n2026-01-01T00:00:00.500Z web.1 two\n",
        "{}",
        ran.stderr
    );
    let asked = server.find(&logs).line;
    for part in ["tail=5", "service=web", "contains=o", "since="] {
        assert!(asked.contains(part), "{asked}");
    }
    let json = world.run("logs -a shop --json").await;
    assert_eq!(json.stdout.lines().count(), 2);

    let server = Server::start().await;
    server
        .events(
            &logs,
            &format!("id: 10\nevent: line\ndata: {}\n\n", line("three")),
        )
        .events(
            &logs,
            &format!("id: 11\nevent: line\ndata: {}\n\n", line("four")),
        );
    let stop = async {
        server.wait(&logs, 3).await;
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)
            .unwrap();
    };
    let world = World::on(&server, &[]);
    let (ran, ()) = tokio::join!(world.run("logs -f -a shop"), stop);
    assert_eq!(ran.exit, Exit::Interrupted);
    assert!(
        ran.stdout.contains("web.1 three\n") && ran.stdout.contains("web.1 four\n"),
        "{}",
        ran.stdout
    );
    let asked: Vec<_> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.line.starts_with(&logs))
        .collect();
    assert_eq!(asked[1].header("last-event-id"), Some("10"));
}

#[tokio::test]
async fn colour_is_for_people_who_want_it() {
    let server = server().await;
    server.events(
        &format!("GET {ENV}/deployments/4/events"),
        &stream(&[deployment(4, "live", "live")]),
    );
    let mut world = World::on(&server, &[]);
    assert!(
        !world
            .run("up --image x -a shop")
            .await
            .stderr
            .contains('\u{1b}'),
        "no terminal"
    );
    world.terminal = true;
    assert!(
        world
            .run("up --image x -a shop")
            .await
            .stderr
            .contains('\u{1b}'),
        "a terminal"
    );
    assert!(
        !world
            .run("up --image x -a shop --no-color")
            .await
            .stderr
            .contains('\u{1b}')
    );
    let world = world.var("NO_COLOR", "1");
    assert!(
        !world
            .run("up --image x -a shop")
            .await
            .stderr
            .contains('\u{1b}')
    );
    assert_eq!(
        world.run("up --image x -a shop -q").await.stderr,
        "",
        "quiet"
    );
}
