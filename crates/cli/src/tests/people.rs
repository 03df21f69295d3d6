//! Who one is, teams, runs, promotion: what the command line says and sends.

use serde_json::json;

use super::fake::{self, ENV, Server, deployment, stream};
use super::*;

fn started() -> serde_json::Value {
    json!({ "device_code": "secret-device-code", "user_code": "WDJB-MJHT", "verification_uri": "http://x/device",
        "verification_uri_complete": "http://x/device?code=WDJB-MJHT", "expires_in": 60, "interval": 1 })
}

fn signed_in() -> serde_json::Value {
    json!({ "token": "seg_made", "token_id": "tok_1", "expires_at": "2030-01-02T00:00:00Z",
        "user": { "id": "usr_1", "name": "ada", "email": "ada@example.com", "platform_admin": false },
        "team": { "id": "team_1", "name": "acme", "role": "owner" } })
}

#[tokio::test]
async fn a_code_is_confirmed_in_the_browser_and_logout_ends_the_token() {
    let server = Server::start().await;
    server
        .on("POST /v1/device/auth", 200, started())
        .problem(
            "POST /v1/device/token",
            400,
            "authorization_pending",
            "nobody has said yes yet",
        )
        .on("POST /v1/device/token", 200, signed_in())
        .on("GET /v1/me", 200, fake::me())
        .on("DELETE /v1/me/tokens/tok_1", 204, json!({}));
    let world = World::new(&[]);
    let ran = world.run(&format!("login --server {}", server.url)).await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr
            .starts_with("Open http://x/device and enter WDJB-MJHT\n✓ signed in to"),
        "{}",
        ran.stderr
    );
    assert!(
        !ran.stderr.contains("secret-device-code") && !ran.stderr.contains("seg_made"),
        "{}",
        ran.stderr
    );
    let kept = std::fs::read_to_string(world.config("credentials.toml")).unwrap();
    assert!(
        kept.contains("seg_made") && kept.contains("made = true"),
        "{kept}"
    );
    let ran = world.run("logout").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(ran.stderr.contains("good for nothing"), "{}", ran.stderr);
    let asked = server.find("DELETE /v1/me/tokens/tok_1");
    assert_eq!(asked.header("authorization"), Some("Bearer seg_made"));
}

#[tokio::test]
async fn a_refused_or_late_code_ends_with_4() {
    for code in ["access_denied", "expired_token"] {
        let server = Server::start().await;
        server.on("POST /v1/device/auth", 200, started()).problem(
            "POST /v1/device/token",
            400,
            code,
            "x",
        );
        let world = World::new(&[]);
        let ran = world.run(&format!("login --server {}", server.url)).await;
        assert_eq!(ran.exit, Exit::SignedOut, "{}", ran.stderr);
        assert!(
            ran.stderr.contains(&format!("code: {code}")),
            "{}",
            ran.stderr
        );
        assert!(!world.config("credentials.toml").exists());
    }
}

#[tokio::test]
async fn a_server_without_that_sign_in_is_asked_with_a_token() {
    let server = Server::start().await;
    server.on("GET /v1/me", 200, fake::me());
    let world = World::new(&[]).input("seg_typed\n");
    let ran = world.run(&format!("login --server {}", server.url)).await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    // A token that somebody else made outlives the sign-out.
    let ran = world.run("logout").await;
    assert!(ran.stderr.contains("lives on"), "{}", ran.stderr);
}

#[tokio::test]
async fn each_team_has_a_token_and_commands_take_the_right_one() {
    let server = Server::start().await;
    let mut other = fake::me();
    other["team"] = json!("lab");
    server
        .on("GET /v1/me", 200, fake::me())
        .on("GET /v1/me", 200, other)
        .on("GET /v1/teams/lab/apps", 200, json!({ "items": [] }))
        .on("GET /v1/teams/acme/apps", 200, json!({ "items": [] }));
    let world = World::new(&[]);
    for token in ["seg_acme", "seg_lab"] {
        let ran = world
            .run(&format!("login --server {} --token {token}", server.url))
            .await;
        assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    }
    let with = |line: &str| {
        let asked = server.asked();
        let last = asked.iter().rfind(|asked| asked.line.starts_with(line));
        last.unwrap().header("authorization").unwrap().to_owned()
    };
    assert_eq!(world.run("apps").await.exit, Exit::Ok);
    assert_eq!(with("GET /v1/teams/lab/apps"), "Bearer seg_lab");
    assert_eq!(world.run("apps -t acme").await.exit, Exit::Ok);
    assert_eq!(with("GET /v1/teams/acme/apps"), "Bearer seg_acme");
    let ran = world.run("teams switch acme").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(world.run("apps").await.exit, Exit::Ok);
    assert_eq!(with("GET /v1/teams/acme/apps"), "Bearer seg_acme");
    let ran = world.run("teams switch nobody").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.stderr.contains("--team nobody"), "{}", ran.stderr);
}

async fn server() -> Server {
    let server = Server::start().await;
    server
        .on("GET /v1/me", 200, fake::me())
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {ENV}"), 200, fake::env(Some(3)));
    server
}

fn run(state: &str, code: Option<i32>) -> serde_json::Value {
    let finished = !matches!(state, "queued" | "running");
    let mut run = json!({ "id": "run_1", "number": 7, "state": state, "finished": finished, "service": "web",
        "command": ["python", "x.py"], "release": 3, "time_limit": 3600, "oom": false, "cancel_requested": false,
        "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" });
    if let Some(code) = code {
        run["exit_code"] = json!(code);
    }
    run
}

#[tokio::test]
async fn a_runs_output_goes_where_it_went_and_its_exit_code_is_passed_on() {
    let server = server().await;
    let line = |stream: &str, text: &str| {
        let line = json!({ "at": "2026-01-01T00:00:00Z", "stream": stream, "instance": "run.7", "text": text });
        format!("event: line\ndata: {line}\n\n")
    };
    server
        .on(&format!("POST {ENV}/runs"), 202, run("queued", None))
        .events(
            &format!("GET {ENV}/logs"),
            &(line("stdout", "data") + &line("stderr", "talk")),
        )
        .events(&format!("GET {ENV}/logs"), "")
        .on(&format!("GET {ENV}/runs/7"), 200, run("running", None))
        .on(&format!("GET {ENV}/runs/7"), 200, run("failed", Some(42)));
    let world = World::on(&server, &[]);
    let ran = world.run("run -a shop -q -- python x.py --flag").await;
    assert_eq!(ran.exit.code(), 42, "{}", ran.stderr);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("data\n", "talk\n")
    );
    let body = server.find(&format!("POST {ENV}/runs")).json();
    assert_eq!(body["command"], json!(["python", "x.py", "--flag"]));
    assert_eq!(world.run("run -a shop python x.py").await.exit, Exit::Usage);
}

#[tokio::test]
async fn a_run_that_was_killed_for_memory_says_so() {
    let server = server().await;
    let mut killed = run("failed", Some(137));
    killed["oom"] = json!(true);
    server
        .on(&format!("POST {ENV}/runs"), 202, run("queued", None))
        .events(&format!("GET {ENV}/logs"), "")
        .on(&format!("GET {ENV}/runs/7"), 200, killed);
    let ran = World::on(&server, &[])
        .run("run -a shop -- python x.py")
        .await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.stderr.contains("more memory than its limit"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("segue runs show 7"), "{}", ran.stderr);
}

#[tokio::test]
async fn somebody_who_leaves_a_run_learns_how_to_come_back() {
    let server = server().await;
    let logs = format!("GET {ENV}/logs");
    server
        .on(&format!("POST {ENV}/runs"), 202, run("queued", None))
        .events(&logs, "")
        .on(&format!("GET {ENV}/runs/7"), 200, run("running", None));
    let stop = async {
        server.wait(&logs, 1).await;
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)
            .unwrap();
    };
    let world = World::on(&server, &[]);
    let (ran, ()) = tokio::join!(world.run("run -a shop -- sleep 60"), stop);
    assert_eq!(ran.exit, Exit::Interrupted);
    assert!(
        ran.stderr
            .contains("segue runs follow 7 -a shop -e production"),
        "{}",
        ran.stderr
    );
    assert!(!server.lines().iter().any(|line| line.contains("cancel")));
}

#[tokio::test]
async fn what_serves_goes_to_another_environment() {
    let server = server().await;
    let staging = ENV.replace("production", "staging");
    let mut live = deployment(4, "succeeded", "done");
    live["release"] = json!(3);
    live["live_at"] = json!("2026-01-01T00:00:00Z");
    server
        .on(&format!("GET {staging}"), 200, fake::env(Some(3)))
        .on(
            &format!("GET {staging}/deployments"),
            200,
            json!({ "items": [live] }),
        )
        .on(
            &format!("POST {staging}/deployments/4/promote"),
            202,
            deployment(9, "queued", "start"),
        )
        .events(
            &format!("GET {ENV}/deployments/9/events"),
            &stream(&[deployment(9, "live", "live")]),
        );
    let world = World::on(&server, &[]);
    let ran = world.run("promote staging production -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr);
    assert_eq!(ran.stdout, "http://shop.localhost:8080\n");
    let ran = world.run("promote staging staging -a shop").await;
    assert_eq!(ran.exit, Exit::Usage);
}

#[tokio::test]
async fn environments_are_cloned_protected_and_live_for_a_time() {
    let server = server().await;
    let mut made = fake::env(None);
    made["name"] = json!("review");
    server
        .on("POST /v1/teams/acme/apps/shop/envs", 201, made)
        .on(&format!("PATCH {ENV}"), 200, fake::env(Some(3)));
    let world = World::on(&server, &[]);
    let ran = world.run("envs clone production review -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let body = server.find("POST /v1/teams/acme/apps/shop/envs").json();
    assert_eq!(body, json!({ "name": "review", "clone_of": "production" }));
    for (line, body) in [
        ("envs protect production", json!({ "protected": true })),
        ("envs unprotect production", json!({ "protected": false })),
        ("envs ttl production 72h", json!({ "ttl": 259_200 })),
        ("envs ttl production never", json!({ "ttl": null })),
        ("envs stop production", json!({ "stopped": true })),
    ] {
        let ran = world.run(&format!("{line} -a shop")).await;
        assert_eq!(ran.exit, Exit::Ok, "{line}: {}", ran.stderr);
        let asked = server.asked();
        let last = asked.iter().rfind(|asked| asked.line.starts_with("PATCH"));
        let last = last.unwrap();
        assert_eq!(last.json(), body, "{line}");
        assert_eq!(last.header("if-match"), Some("\"7\""), "{line}");
    }
    assert_eq!(
        world.run("envs ttl production soon -a shop").await.exit,
        Exit::Usage
    );
}

#[tokio::test]
async fn a_link_is_data_and_a_broken_log_is_an_error() {
    let server = server().await;
    server
        .on(
            "POST /v1/teams/acme/invitations",
            201,
            json!({ "id": "inv_1", "email": "bob@example.com", "role": "viewer", "state": "open", "created_by": "ada",
                "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-08T00:00:00Z", "link": "http://x/join#t" }),
        )
        .on(
            "GET /v1/teams/acme/audit-events/verify",
            200,
            json!({ "whole": false, "records": 12, "first_bad": 5 }),
        )
        .export("GET /v1/teams/acme/audit-events", "{\"seq\":1}\n")
        .on(
            "GET /v1/teams/acme/quota",
            200,
            json!({ "apps": { "used": 2, "allowed": 5 }, "cpu_millis": { "used": 500 },
                "memory_bytes": { "used": 0, "allowed": 1_000_000_000 } }),
        );
    let world = World::on(&server, &[]);
    let ran = world
        .run("teams invite bob@example.com --role viewer")
        .await;
    assert_eq!(
        (ran.exit, ran.stdout.as_str()),
        (Exit::Ok, "http://x/join#t\n"),
        "{}",
        ran.stderr
    );
    // A record that somebody kept goes along as it is.
    let hash = "ab".repeat(32);
    let line = format!("audit verify --record 7 --hash {hash} --json");
    let ran = world.run(&line).await;
    assert_eq!(ran.exit, Exit::Failed);
    let asked = server.find("GET /v1/teams/acme/audit-events/verify").line;
    assert!(
        asked.contains("seq=7") && asked.contains(&format!("hash={hash}")),
        "{asked}"
    );
    let said: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said[0]["first_bad"], json!(5));
    assert_eq!(said[1]["error"]["code"], json!("audit_changed"));
    let ran = world.run("audit verify").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.stderr.contains("record 5"), "{}", ran.stderr);
    let ran = world.run("audit export --since 1h").await;
    assert_eq!(ran.stdout, "{\"seq\":1}\n");
    let asked = server.find("GET /v1/teams/acme/audit-events");
    assert_eq!(asked.header("accept"), Some("application/x-ndjson"));
    assert!(asked.line.contains("since="), "{}", asked.line);
    let ran = world.run("teams quota").await;
    assert_eq!(
        ran.stdout,
        "apps     2 of 5\ncpu      500m no limit\nmemory   0 B of 1.0 GB\n"
    );
}
