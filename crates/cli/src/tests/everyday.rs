//! What people look at and change every day: settings, plans, events, builds, tokens.

use serde_json::json;

use super::fake::{self, ENV, Server, deployment, stream};
use super::*;

async fn server() -> Server {
    let server = Server::start().await;
    server
        .on("GET /v1/me", 200, fake::me())
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {ENV}"), 200, fake::env(Some(3)));
    server
}

fn config(version: i64, values: serde_json::Value) -> serde_json::Value {
    json!({ "version": version, "values": values, "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" })
}

fn secrets(keys: &[&str]) -> serde_json::Value {
    let items: Vec<_> = keys
        .iter()
        .map(|key| json!({ "key": key, "version": 2, "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" }))
        .collect();
    json!({ "items": items, "missing": [] })
}

#[tokio::test]
async fn a_file_of_variables_is_set_at_once_and_what_looks_secret_is_said() {
    let server = server().await;
    server.on(
        &format!("PATCH {ENV}/config"),
        200,
        config(2, json!({ "A": "1" })),
    );
    // In parts: no scanner of repositories shall take it for a key.
    let key = format!("sk_live_{}", "0123456789abcdef01234567");
    let file = format!("A=1\nB=\"two\\nlines\"\nSTRIPE_KEY={key}\n");
    let world = World::on(&server, &[(".env", &file)]);
    let ran = world.run("config import .env -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        server.find(&format!("PATCH {ENV}/config")).json(),
        json!({ "A": "1", "B": "two\nlines", "STRIPE_KEY": key })
    );
    assert!(!ran.stderr.contains(&key), "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr);
    for (text, word) in [("", "sets nothing"), ("A", "line 1"), ("PORT x", "line 1")] {
        world.write("bad.env", text);
        let ran = world.run("config import bad.env -a shop").await;
        assert_eq!(ran.exit, Exit::Usage);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    assert_eq!(
        world.run("config import missing -a shop").await.exit,
        Exit::Usage
    );
}

#[tokio::test]
async fn a_value_is_revealed_only_as_data_and_only_to_who_may() {
    let server = server().await;
    server
        .on(
            &format!("POST {ENV}/secrets/KEY/reveal"),
            200,
            json!({ "key": "KEY", "value": "hunter2" }),
        )
        .problem(
            &format!("POST {ENV}/secrets/OTHER/reveal"),
            403,
            "forbidden",
            "this token does not have the scope secret:reveal",
        );
    let world = World::on(&server, &[]);
    let ran = world.run("secret reveal KEY -a shop").await;
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Ok, "hunter2\n"));
    assert!(!ran.stderr.contains("hunter2"));
    let refused = world.run("secret reveal OTHER -a shop").await;
    assert_eq!(refused.exit, Exit::Failed);
    assert!(
        refused.stderr.contains("secret:reveal"),
        "{}",
        refused.stderr
    );
    let missing = world.run("secret reveal NONE -a shop").await;
    assert!(
        missing.stderr.contains("segue secret list"),
        "{}",
        missing.stderr
    );
}

#[tokio::test]
async fn what_is_exported_can_be_imported_and_holds_no_secret() {
    let server = server().await;
    server
        .on(
            &format!("GET {ENV}/config"),
            200,
            config(2, json!({ "A": "1", "B": "two words\n$HOME" })),
        )
        .on(&format!("GET {ENV}/secrets"), 200, secrets(&["STRIPE_KEY"]));
    let ran = World::on(&server, &[]).run("config export -a shop").await;
    assert_eq!(
        ran.stdout,
        "A=1\nB=\"two words\\n\\$HOME\"\n# STRIPE_KEY: a secret, version 2\n"
    );
}

#[tokio::test]
async fn environments_are_compared_by_value_and_secrets_by_name() {
    let server = server().await;
    server.on(
        &format!("GET {ENV}/compare/staging"),
        200,
        json!({ "environment": "production", "other": "staging",
            "config": [{ "key": "A", "value": "1", "other": "2" }, { "key": "B", "value": "x" }, { "key": "C", "other": "y" }],
            "secrets": [{ "key": "L", "state": "set", "other": "none" }, { "key": "M", "state": "set", "other": "missing" }],
            "spec": [{ "pointer": "/services/web/replicas", "value": "3", "other": "1" }],
            "release": { "version": 3, "other": 2, "same_images": false, "changes": [] } }),
    );
    let world = World::on(&server, &[]);
    let ran = world.run("config diff production staging -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(ran.stderr.contains("2 more differences"), "{}", ran.stderr);
    let ran = world
        .run("config diff production staging --all -a shop")
        .await;
    insta::assert_snapshot!(ran.stdout);
    let ran = world
        .run("config diff production staging -a shop --detailed-exitcode")
        .await;
    assert_eq!(ran.exit.code(), 2);
    let ran = world.run("config diff staging staging -a shop").await;
    assert_eq!(ran.exit, Exit::Usage);
}

#[tokio::test]
async fn versions_of_the_configuration_show_what_each_changed() {
    let server = server().await;
    server.on(
        &format!("GET {ENV}/config-versions"),
        200,
        json!({ "items": [config(3, json!({ "A": "2", "C": "y" })), config(2, json!({ "A": "1", "B": "x" }))] }),
    );
    let ran = World::on(&server, &[]).run("config history -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let told: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(
        told[1..4],
        ["  ~ A=2 (was \"1\")", "  - B=x", "  + C=y"],
        "{told:?}"
    );
}

#[tokio::test]
async fn a_rotated_secret_is_random_and_shown_to_nobody() {
    let server = server().await;
    server
        .on(&format!("GET {ENV}/secrets"), 200, secrets(&["K"]))
        .on(
            &format!("PUT {ENV}/secrets/K"),
            200,
            json!({ "key": "K", "version": 3, "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" }),
        );
    let world = World::on(&server, &[]);
    let ran = world.run("secret rotate K -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let sent = server.find(&format!("PUT {ENV}/secrets/K")).json();
    let value = sent["value"].as_str().unwrap();
    assert_eq!(value.len(), 64);
    assert!(!format!("{ran:?}").contains(value));
    let ran = world.run("secret rotate MISSING -a shop").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.stderr.contains("segue secret list"), "{}", ran.stderr);
}

fn plan(action: &str) -> serde_json::Value {
    json!({ "version": 1, "generation": 8, "spec": {}, "plan": [{ "service": "web", "action": action,
        "replicas_before": 2, "replicas_after": 3, "downtime": false, "reason": "a reason" }] })
}

const SOURCE: &[(&str, &str)] = &[(
    "segue.toml",
    "app = \"shop\"\n[services.web]\nimage = \"x:1\"\n",
)];

#[tokio::test]
async fn a_plan_is_data_and_its_exit_code_says_whether_something_is_pending() {
    let server = server().await;
    let put = format!("PUT {ENV}/spec");
    server
        .on(&put, 200, plan("scale"))
        .on(&put, 200, plan("scale"))
        .on(&put, 200, plan("keep"));
    let world = World::on(&server, SOURCE);
    let ran = world.run("plan").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(ran.stdout, "  scale    web          2 → 3    a reason\n");
    let ran = world.run("plan --detailed-exitcode").await;
    assert_eq!(ran.exit.code(), 2);
    let ran = world.run("plan --detailed-exitcode").await;
    assert_eq!(ran.exit, Exit::Ok);
    assert!(ran.stderr.contains("nothing to change"), "{}", ran.stderr);
    let writes: Vec<String> = server
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    assert!(
        writes.iter().all(|line| line.ends_with("dry_run=true")),
        "{writes:?}"
    );
}

#[tokio::test]
async fn a_service_is_removed_only_when_that_is_said() {
    let server = server().await;
    server.on(&format!("PUT {ENV}/spec"), 200, plan("remove"));
    let world = World::on(&server, SOURCE);
    let ran = world.run("apply --yes").await;
    assert_eq!(ran.exit, Exit::Usage);
    insta::assert_snapshot!(ran.stderr);
    assert!(
        !server
            .lines()
            .iter()
            .any(|line| line.ends_with("dry_run=false") || line.starts_with("POST")),
        "{:?}",
        server.lines()
    );
}

#[tokio::test]
async fn a_rehearsal_sends_nothing() {
    let server = server().await;
    server.on(&format!("PUT {ENV}/spec"), 200, plan("replace"));
    let world = World::on(
        &server,
        &[("segue.toml", "app = \"shop\"\n"), ("index.html", "x")],
    );
    let ran = world.run("up --dry-run").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let writes: Vec<String> = server
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    assert_eq!(writes, [format!("PUT {ENV}/spec?dry_run=true")]);
    insta::assert_snapshot!(ran.stderr);
}

#[tokio::test]
async fn a_machine_sees_the_build_and_waits_for_the_proof() {
    let server = server().await;
    server
        .on(
            &format!("POST {ENV}/deployments"),
            202,
            deployment(4, "queued", "build"),
        )
        .events(
            &format!("GET {ENV}/deployments/4/events"),
            &stream(&[
                deployment(4, "building", "build"),
                deployment(4, "baking", "live"),
            ]),
        )
        .events(
            &format!("GET {ENV}/deployments/4/events"),
            &stream(&[deployment(4, "rolled_back", "done")]),
        )
        .events(
            &format!("GET {ENV}/builds/bld_1/log"),
            &format!(
                "event: line\ndata: {}\n\n",
                json!({ "at": "2026-01-01T00:00:00Z", "stream": "stdout", "text": "compiling" })
            ),
        )
        .on(
            &format!("GET {ENV}/builds/bld_1"),
            200,
            json!({ "id": "bld_1", "kind": "source", "state": "succeeded", "attempt": 1, "cancel_requested": false,
                "steps": [], "created_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z" }),
        );
    let ran = World::on(&server, &[])
        .run("up --image nginx:1 -a shop --ci")
        .await;
    assert_eq!(ran.exit, Exit::Deploy, "live is not enough: {}", ran.stderr);
    assert!(ran.stderr.contains("  compiling\n"), "{}", ran.stderr);
}

#[tokio::test]
async fn events_are_lines_for_people_and_objects_for_programs() {
    let server = server().await;
    let event = json!({ "id": "evt_1", "cursor": "7", "at": "2026-01-01T00:00:00Z", "kind": "instance.lost",
        "subject": {}, "message": "web.1 is lost\u{1b}[2J", "actor": "worker",
        "failure": { "code": "oom", "sentence": "s", "evidence": "killed at 64 MiB", "hint": "h" } });
    server.on(
        "GET /v1/events",
        200,
        json!({ "items": [event], "next_cursor": "7" }),
    );
    let world = World::on(&server, &[]);
    let ran = world.run("events -a shop").await;
    assert_eq!(
        ran.stdout,
        "2026-01-01T00:00:00.000Z instance.lost          web.1 is lost: killed at 64 MiB (worker)\n",
        "{}",
        ran.stderr
    );
    let asked = server.find("GET /v1/events").line;
    assert!(
        asked.contains("app=app_0190b5a0000070008000000000000001&environment=env_1&limit=50"),
        "{asked}"
    );
    let ran = world.run("events --all --json").await;
    let value: serde_json::Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert_eq!(value["cursor"], "7");
}

#[tokio::test]
async fn followed_events_go_on_behind_the_last_one_shown() {
    let server = server().await;
    let event = |cursor: &str| {
        json!({ "id": "evt_1", "cursor": cursor, "at": "2026-01-01T00:00:00Z", "kind": "x", "subject": {},
            "message": format!("event {cursor}"), "actor": "worker" })
    };
    server
        .on(
            "GET /v1/events",
            200,
            json!({ "items": [event("7")], "next_cursor": "7" }),
        )
        .events(
            "GET /v1/events",
            &format!("id: 8\nevent: event\ndata: {}\n\n", event("8")),
        );
    let stop = async {
        server.wait("GET /v1/events", 3).await;
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)
            .unwrap();
    };
    let world = World::on(&server, &[]);
    let (ran, ()) = tokio::join!(world.run("events -f -a shop"), stop);
    assert_eq!(ran.exit, Exit::Interrupted);
    assert!(ran.stderr.contains("segue events -f -a shop -e production"));
    assert!(
        ran.stdout.contains("event 7") && ran.stdout.contains("event 8"),
        "{}",
        ran.stdout
    );
    let asked: Vec<_> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.line.starts_with("GET /v1/events"))
        .collect();
    assert!(asked[1].line.contains("cursor=7"), "{}", asked[1].line);
    assert_eq!(asked[2].header("last-event-id"), Some("8"));
}

#[tokio::test]
async fn an_address_is_data_and_a_script_gets_no_window() {
    let server = server().await;
    let ran = World::on(&server, &[]).run("open -a shop").await;
    assert_eq!(
        (ran.exit, ran.stdout.as_str(), ran.stderr.as_str()),
        (Exit::Ok, "http://shop.localhost:8080\n", "")
    );
}

#[tokio::test]
async fn a_token_is_data_once_and_found_by_its_begin() {
    let server = server().await;
    let token = |secret: bool| {
        let mut token = json!({ "id": "tok_2", "name": "ci", "prefix": "seg_abc", "role": "deployer", "scopes": ["deploy"],
            "address_ranges": [], "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-04-01T00:00:00Z",
            "created_by": "usr_01a1fe7b357d72e595fbda3dcfc27e6a", "created_by_name": "Ada" });
        if secret {
            token["token"] = json!("seg_abcdef");
        }
        token
    };
    server
        .on("POST /v1/me/tokens", 201, token(true))
        .on("GET /v1/me/tokens", 200, json!({ "items": [token(false)] }))
        .on("DELETE /v1/me/tokens/tok_2", 204, json!({}));
    let world = World::on(&server, &[]);
    let ran = world
        .run("tokens create ci --scope read,deploy --only-app -a shop --from 10.0.0.0/8 --expires 30")
        .await;
    assert_eq!(
        (ran.exit, ran.stdout.as_str()),
        (Exit::Ok, "seg_abcdef\n"),
        "{}",
        ran.stderr
    );
    let asked = server.find("POST /v1/me/tokens");
    assert_eq!(
        asked.json(),
        json!({ "name": "ci", "scopes": ["read", "deploy"], "app": "app_0190b5a0000070008000000000000001", "address_ranges": ["10.0.0.0/8"],
            "expires_in_days": 30 })
    );
    assert!(asked.header("idempotency-key").is_some());
    let ran = world.run("tokens revoke seg_abc").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let ran = world.run("tokens revoke seg_x").await;
    assert_eq!(ran.exit, Exit::Failed);
}

#[tokio::test]
async fn a_status_that_is_watched_is_printed_again_when_it_changes() {
    let server = server().await;
    let services = |ready: i64| {
        json!({ "items": [{ "name": "web", "kind": "web", "replicas": { "desired": 1, "running": 1, "ready": ready },
            "spec": {}, "conditions": [], "urls": [] }] })
    };
    server
        .on(&format!("GET {ENV}/services"), 200, services(0))
        .on(&format!("GET {ENV}/services"), 200, services(1))
        .on(
            &format!("GET {ENV}/deployments"),
            200,
            json!({ "items": [] }),
        )
        .events("GET /v1/events", "event: event\ndata: {}\n\n");
    let stop = async {
        server.wait(&format!("GET {ENV}/services"), 2).await;
        server.wait("GET /v1/events", 2).await;
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)
            .unwrap();
    };
    let world = World::on(&server, &[]);
    let (ran, ()) = tokio::join!(world.run("status --watch -a shop --json"), stop);
    assert_eq!(ran.exit, Exit::Interrupted, "{}", ran.stderr);
    assert!(
        ran.stdout.lines().count() >= 2,
        "{} {}",
        ran.stdout,
        ran.stderr
    );
}
