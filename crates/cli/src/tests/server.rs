//! Commands that ask a server.

use serde_json::json;

use super::fake::{self, ENV, Server};
use super::*;

#[tokio::test]
async fn login_keeps_the_token_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start().await;
    server.on("GET /v1/me", 200, fake::me()).on(
        "GET /healthz",
        200,
        json!({ "status": "ok", "version": "9.9" }),
    );
    let world = World::new(&[]).input("seg_secret\n");
    let ran = world
        .run(&format!("login --server {} --token", server.url))
        .await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        format!("✓ signed in to {} as ada (team acme, owner)\n", server.url)
    );
    assert_eq!(
        server.find("GET /v1/me").header("authorization"),
        Some("Bearer seg_secret")
    );
    let path = world.config("credentials.toml");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let who = world.run("whoami").await;
    assert_eq!(
        who.stdout.lines().next().unwrap(),
        format!("ada <ada@example.com> on {}", server.url)
    );
    assert!(who.stdout.contains("server 9.9"), "{}", who.stdout);
    let json = world.run("whoami --json").await;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json.stdout).unwrap(),
        fake::me()
    );
    assert_eq!(world.run("logout").await.exit, Exit::Ok);
    assert!(
        !std::fs::read_to_string(path)
            .unwrap()
            .contains("seg_secret")
    );
    assert_eq!(world.run("whoami").await.exit, Exit::SignedOut);
}

#[tokio::test]
async fn a_login_that_fails_keeps_nothing() {
    let server = Server::start().await;
    server.problem(
        "GET /v1/me",
        401,
        "unauthenticated",
        "the token is not valid",
    );
    let world = World::new(&[]).input("seg_wrong\n");
    let ran = world
        .run(&format!("login --server {} --token", server.url))
        .await;
    assert_eq!(ran.exit, Exit::SignedOut);
    assert!(
        ran.stderr.contains("the token is not valid")
            && ran.stderr.contains("code: unauthenticated"),
        "{}",
        ran.stderr
    );
    assert!(!world.config("credentials.toml").exists());
    let empty = World::new(&[])
        .run(&format!("login --server {} --token", server.url))
        .await;
    assert_eq!(empty.exit, Exit::Usage);
    let server = Server::start().await;
    server.on("GET /v1/me", 200, fake::me());
    let team = World::new(&[])
        .input("x")
        .run(&format!("login --server {} --token -t other", server.url))
        .await;
    assert_eq!(team.exit, Exit::Failed, "{}", team.stderr);
}

#[tokio::test]
async fn a_server_that_does_not_answer_and_one_that_is_something_else() {
    let world = World::new(&[])
        .var("SEGUE_SERVER", "http://127.0.0.1:9")
        .var("SEGUE_TOKEN", "x");
    let ran = world.run("whoami").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.stderr.contains("http://127.0.0.1:9 does not answer")
            && ran.stderr.contains("code: unreachable"),
        "{}",
        ran.stderr
    );
    let server = Server::start().await;
    server.text("GET /v1/me", 200, "<html>It works!</html>");
    let ran = World::on(&server, &[]).run("whoami").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.stderr.contains("is") && ran.stderr.contains("a Segue server?"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn lists_are_tables_for_people_and_json_for_programs() {
    let server = Server::start().await;
    server.on(
        "GET /v1/teams/acme/apps",
        200,
        json!({ "items": [fake::app()] }),
    );
    let world = World::on(&server, &[]);
    let ran = world.run("apps list").await;
    assert_eq!(
        world.run("apps").await.stdout,
        ran.stdout,
        "a group alone lists"
    );
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with("APP") && lines[1].starts_with("shop"),
        "{lines:?}"
    );
    assert_eq!(ran.stderr, "");
    let ran = world.run("apps list --json").await;
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(list[0]["name"], "shop");
}

#[tokio::test]
async fn a_token_knows_its_team() {
    let server = Server::start().await;
    server.on("GET /v1/me", 200, fake::me()).on(
        "GET /v1/teams/acme/apps",
        200,
        json!({ "items": [fake::app()] }),
    );
    let world = World::new(&[])
        .var("SEGUE_SERVER", &server.url)
        .var("SEGUE_TOKEN", "seg_secret");
    let ran = world.run("apps list").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
}

#[tokio::test]
async fn lists_are_read_to_their_end() {
    let server = Server::start().await;
    let mut second = fake::app();
    second["name"] = json!("second");
    server
        .on(
            "GET /v1/teams/acme/apps",
            200,
            json!({ "items": [fake::app()], "next_cursor": "abc" }),
        )
        .on("GET /v1/teams/acme/apps", 200, json!({ "items": [second] }));
    let ran = World::on(&server, &[]).run("apps list").await;
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    assert!(
        server.lines()[1].contains("cursor=abc"),
        "{:?}",
        server.lines()
    );
}

#[tokio::test]
async fn what_is_not_there_says_where_to_look() {
    let server = Server::start().await;
    let ran = World::on(&server, &[]).run("status -a nothing").await;
    assert_eq!(ran.exit, Exit::Failed);
    insta::assert_snapshot!(ran.stderr);
}

#[tokio::test]
async fn words_of_a_newer_server_are_read() {
    let server = Server::start().await;
    let mut env = fake::env(Some(3));
    env["kind"] = json!("sandbox");
    env["brand_new"] = json!({ "a": 1 });
    server.on(
        "GET /v1/teams/acme/apps/shop/envs",
        200,
        json!({ "items": [env] }),
    );
    let ran = World::on(&server, &[]).run("envs list -a shop").await;
    assert!(
        ran.stdout.contains("sandbox") && ran.stdout.contains("v3"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}

#[tokio::test]
async fn destroying_needs_a_yes_and_the_generation() {
    let server = Server::start().await;
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on("DELETE /v1/teams/acme/apps/shop", 204, json!(null));
    let world = World::on(&server, &[]);
    let ran = world.run("apps destroy shop").await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(!server.lines().iter().any(|line| line.starts_with("DELETE")));
    let ran = world.run("apps destroy shop --yes").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        server
            .find("DELETE /v1/teams/acme/apps/shop")
            .header("if-match"),
        Some("\"1\"")
    );
}

#[tokio::test]
async fn a_secrets_value_comes_from_stdin_and_is_never_shown() {
    let server = Server::start().await;
    let secret = json!({ "key": "KEY", "version": 2, "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" });
    server.on(&format!("PUT {ENV}/secrets/KEY"), 200, secret);
    let world = World::on(&server, &[]).input("hush hush\n");
    let ran = world.run("secret set KEY -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        server.find(&format!("PUT {ENV}/secrets/KEY")).json(),
        json!({ "value": "hush hush" })
    );
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("hush"));
    let ran = world.run("secret set KEY=value -a shop").await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(
        !ran.stderr.contains("value\"") && ran.stderr.contains("stdin"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn configuration_is_sent_as_a_patch_and_rolled_out() {
    let server = Server::start().await;
    server
        .on(
            &format!("PATCH {ENV}/config"),
            200,
            json!({ "version": 2, "values": {}, "deployment": 5 }),
        )
        .on(ENV, 200, fake::env(Some(5)))
        .on(&format!("GET {ENV}"), 200, fake::env(Some(5)))
        .events(
            &format!("GET {ENV}/deployments/5/events"),
            &fake::stream(&[fake::deployment(5, "live", "live")]),
        );
    let world = World::on(&server, &[]);
    let ran = world
        .run("config set -a shop LOG_LEVEL=debug URL=a=b")
        .await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let asked = server.find(&format!("PATCH {ENV}/config"));
    assert_eq!(asked.json(), json!({ "LOG_LEVEL": "debug", "URL": "a=b" }));
    assert_eq!(
        asked.header("content-type"),
        Some("application/merge-patch+json")
    );
    assert_eq!(ran.stdout, "http://shop.localhost:8080\n");
    let ran = world.run("config unset -a shop OLD --detach").await;
    assert_eq!(ran.exit, Exit::Ok);
    assert!(
        ran.stderr.contains("segue deploys follow 5"),
        "{}",
        ran.stderr
    );
    let last = server
        .asked()
        .into_iter()
        .rfind(|asked| asked.line.starts_with("PATCH"))
        .unwrap();
    assert_eq!(last.json(), json!({ "OLD": null }), "null removes");
}

#[tokio::test]
async fn api_is_one_request_as_it_is() {
    let server = Server::start().await;
    server.on("POST /v1/teams/acme/apps", 201, fake::app());
    let world = World::on(&server, &[]).input("{\"name\":\"shop\"}");
    let ran = world
        .run("api post '/v1/teams/{team}/apps' --data @-")
        .await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap(),
        fake::app()
    );
    let asked = server.find("POST /v1/teams/acme/apps");
    assert_eq!(asked.json(), json!({ "name": "shop" }));
    assert!(asked.header("idempotency-key").is_some());
    let ran = world.run("api GET /v1/nothing").await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.stdout.contains("not_found"),
        "the body is data: {}",
        ran.stdout
    );
    let ran = world.run("api GET //evil.example.com/v1/me").await;
    assert_eq!(ran.exit, Exit::Usage, "the token goes to the server only");
}

#[tokio::test]
async fn scaling_waits_for_the_instances() {
    let server = Server::start().await;
    let services = |ready: u32| json!({ "items": [{ "name": "web", "spec": {}, "replicas": { "desired": 1, "running": ready, "ready": ready } }] });
    let list = format!("GET {ENV}/services");
    server
        .on(&list, 200, services(1))
        .on(&list, 200, services(1))
        .on(&list, 200, services(3))
        .on(
            &format!("POST {ENV}/scale"),
            200,
            json!({ "replicas": { "web": 3 } }),
        );
    let ran = World::on(&server, &[]).run("scale web=3 -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        "→ acme/shop, environment production\n✓ web 1 → 3\n"
    );
    assert_eq!(
        server.find(&format!("POST {ENV}/scale")).json(),
        json!({ "replicas": { "web": 3 } })
    );
}

#[tokio::test]
async fn what_the_document_forbids_is_not_sent() {
    let server = Server::start().await;
    let ran = World::on(&server, &[])
        .run(&format!("scale web={} -a shop", u32::MAX))
        .await;
    assert_eq!(ran.exit, Exit::Usage, "{}", ran.stderr);
    let name = "x".repeat(300);
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {ENV}"), 200, fake::env(None));
    let ran = World::on(&server, &[])
        .run(&format!("up -a shop --image {name}"))
        .await;
    assert!(
        ran.exit == Exit::Usage && ran.stderr.contains("nothing was sent"),
        "{}",
        ran.stderr
    );
    assert!(
        !server.lines().iter().any(|line| line.starts_with("POST")),
        "{:?}",
        server.lines()
    );
}
