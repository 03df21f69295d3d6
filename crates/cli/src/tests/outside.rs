//! What reaches in and out: hooks, webhooks, credentials; locks, freeze windows, previews; looks in depth.

use serde_json::json;

use super::fake::{self, ENV, Server};
use super::*;

const APP: &str = "/v1/teams/acme/apps/shop";

async fn server() -> Server {
    let server = Server::start().await;
    server
        .on("GET /v1/me", 200, fake::me())
        .on(&format!("GET {APP}"), 200, fake::app())
        .on(&format!("GET {ENV}"), 200, fake::env(Some(3)))
        .on(
            &format!("GET {APP}/envs"),
            200,
            json!({ "items": [fake::env(Some(3))] }),
        );
    server
}

fn made(more: serde_json::Value) -> serde_json::Value {
    let mut value = json!({ "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" });
    value
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    value
}

#[tokio::test]
async fn a_hook_is_made_shown_once_listed_and_removed() {
    let server = server().await;
    let hook = made(
        json!({ "id": "hok_1", "kind": "github", "url": "https://segue.example.com/v1/hooks/hok_1" }),
    );
    let mut new = hook.clone();
    new["secret"] = json!("the-secret");
    server
        .on(&format!("POST {APP}/hooks"), 201, new)
        .on(&format!("GET {APP}/hooks"), 200, json!({ "items": [hook] }))
        .on(&format!("GET {APP}/hooks/hok_1/deliveries"), 200, json!({ "items": [
            { "id": "hcl_1", "delivery": "d", "state": "ignored", "ref": "refs/heads/x", "commit": "0123456789abcdef",
                "detail": "another branch\u{1b}[2J", "received_at": "2026-01-01T00:00:00Z" }] }))
        .on(&format!("DELETE {APP}/hooks/hok_1"), 204, json!(null));
    let world = World::on(&server, &[]);
    let ran = world.run("hooks create github -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        "address https://segue.example.com/v1/hooks/hok_1\nsecret  the-secret\n"
    );
    assert!(!ran.stderr.contains("the-secret"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("segue apps repo shop"),
        "{}",
        ran.stderr
    );
    let asked = server.find(&format!("POST {APP}/hooks"));
    assert_eq!(asked.json(), json!({ "kind": "github" }));
    assert!(asked.header("idempotency-key").is_some());
    let list = world.run("hooks -a shop").await;
    assert!(list.stdout.contains("never") && !list.stdout.contains("secret"));
    let calls = world.run("hooks calls -a shop").await;
    assert!(
        calls.stdout.contains("another branch") && !calls.stdout.contains('\u{1b}'),
        "{}",
        calls.stdout
    );
    assert_eq!(world.run("hooks remove hok_1 -a shop").await.exit, Exit::Ok);
    let ran = world.run("hooks remove hok_2 -a shop").await;
    assert_eq!(
        (ran.exit, ran.stderr.contains("not_found")),
        (Exit::Failed, true)
    );
    assert_eq!(
        world.run("hooks create svn -a shop").await.exit,
        Exit::Usage
    );
}

fn webhook(name: &str) -> serde_json::Value {
    made(
        json!({ "id": format!("whk_{name}"), "name": name, "kind": "chat", "to": "chat.example.com",
        "events": ["deployment.changed"], "enabled": true, "generation": 4 }),
    )
}

#[tokio::test]
async fn an_address_that_is_a_secret_comes_from_stdin_alone() {
    let server = server().await;
    server
        .on("POST /v1/teams/acme/webhooks", 201, webhook("ops"))
        .on(
            "GET /v1/teams/acme/webhooks",
            200,
            json!({ "items": [webhook("ops"), webhook("two"), webhook("two")] }),
        )
        .on("PATCH /v1/teams/acme/webhooks/whk_ops", 200, webhook("ops"))
        .on(
            "POST /v1/teams/acme/webhooks/whk_ops/test",
            202,
            json!({ "id": "dlv_1", "kind": "webhook.test", "payload": {}, "state": "pending", "attempts": 0, "detail": "",
                "created_at": "2026-01-01T00:00:00Z" }),
        )
        .on("GET /v1/teams/acme/webhooks/whk_ops/deliveries", 200, json!({ "items": [
            { "id": "dlv_1", "kind": "webhook.test", "payload": {}, "state": "pending", "attempts": 2, "status": 500,
                "detail": "500", "next_at": "2026-01-01T00:05:00Z", "created_at": "2026-01-01T00:00:00Z" }] }))
        .on(
            "POST /v1/teams/acme/webhooks/whk_ops/deliveries/dlv_1/retry",
            202,
            json!({ "id": "dlv_1", "kind": "deployment.changed", "payload": {}, "state": "pending", "attempts": 11, "detail": "500",
                "created_at": "2026-01-01T00:00:00Z" }),
        )
        .on("DELETE /v1/teams/acme/webhooks/whk_ops", 204, json!(null));
    let world = World::on(&server, &[]).input("https://chat.example.com/hooks/abc\n");
    let ran = world.run("webhooks create ops --kind chat").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(!ran.stderr.contains("/hooks/abc") && !ran.stdout.contains("/hooks/abc"));
    let body = server.find("POST /v1/teams/acme/webhooks").json();
    assert_eq!(
        (&body["kind"], &body["url"]),
        (&json!("chat"), &json!("https://chat.example.com/hooks/abc"))
    );
    let ran = world.run("webhooks set ops --disable").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let asked = server.find("PATCH /v1/teams/acme/webhooks/whk_ops");
    assert_eq!(asked.header("if-match"), Some("\"4\""));
    assert_eq!(asked.json()["enabled"], json!(false));
    assert_eq!(world.run("webhooks test ops").await.exit, Exit::Ok);
    let told = world.run("webhooks deliveries ops").await;
    assert!(
        told.stdout.contains("again at 00:05:00Z: 500"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("dlv_1"), "{}", told.stdout);
    let again = world.run("webhooks retry ops dlv_1").await;
    assert_eq!(again.exit, Exit::Ok, "{}", again.stderr);
    assert!(
        again
            .stderr
            .contains("deployment.changed is on its way to chat.example.com again"),
        "{}",
        again.stderr
    );
    let missing = world.run("webhooks retry ops dlv_2").await;
    assert_eq!(missing.exit, Exit::Failed, "{}", missing.stderr);
    assert!(
        missing.stderr.contains("segue webhooks deliveries ops"),
        "{}",
        missing.stderr
    );
    assert_eq!(world.run("webhooks remove ops").await.exit, Exit::Ok);

    let nothing = World::on(&server, &[]);
    for (line, exit, word) in [
        ("webhooks create ops", Exit::Usage, "no address on stdin"),
        ("webhooks create ops --kind mail", Exit::Usage, "--address"),
        (
            "webhooks create ops --address a@b.c",
            Exit::Usage,
            "--kind mail",
        ),
        ("webhooks set ops", Exit::Usage, "--name"),
        (
            "webhooks set ops --enable --disable",
            Exit::Usage,
            "cannot be used",
        ),
        (
            "webhooks test two",
            Exit::Usage,
            "2 webhooks are called two",
        ),
        ("webhooks test nobody", Exit::Failed, "not_found"),
    ] {
        let ran = nothing.run(line).await;
        assert_eq!(ran.exit, exit, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(word), "{line}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn a_password_is_kept_and_never_shown() {
    let server = server().await;
    let one = |id: &str, kind: &str| {
        made(json!({ "id": id, "kind": kind, "host": "ghcr.io", "username": "bot" }))
    };
    server
        .on(
            "POST /v1/teams/acme/registries",
            201,
            one("reg_1", "registry"),
        )
        .on(
            "GET /v1/teams/acme/registries",
            200,
            json!({ "items": [one("reg_1", "registry"), one("reg_2", "git")] }),
        )
        .on("DELETE /v1/teams/acme/registries/reg_2", 204, json!(null));
    let world = World::on(&server, &[]).input("hunter2\n");
    let ran = world.run("credentials set ghcr.io --user bot").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(!ran.stderr.contains("hunter2"));
    assert_eq!(
        server.find("POST /v1/teams/acme/registries").json(),
        json!({ "kind": "registry", "host": "ghcr.io", "username": "bot", "password": "hunter2" })
    );
    // The alias, and the right one of two for the same host.
    assert!(world.run("registries").await.stdout.contains("reg_2"));
    let ran = world.run("credentials remove ghcr.io --git").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    let ran = world.run("credentials remove other.example.com").await;
    assert_eq!(ran.exit, Exit::Failed);
    let empty = World::on(&server, &[])
        .run("credentials set ghcr.io --user bot")
        .await;
    assert_eq!(empty.exit, Exit::Usage);
    assert!(
        empty.stderr.contains("nothing was sent"),
        "{}",
        empty.stderr
    );
    let long = World::on(&server, &[]).input(&"x".repeat(200_000));
    let long = long.run("credentials set ghcr.io --user bot").await;
    assert!(long.stderr.contains("longer than"), "{}", long.stderr);
    // What the document forbids is not sent: the host is no host.
    let asked = server.lines().len();
    let ran = world
        .run("credentials set https://ghcr.io/x --user bot")
        .await;
    assert_eq!(ran.exit, Exit::Usage, "{}", ran.stderr);
    assert!(
        !server.lines()[asked..]
            .iter()
            .any(|line| line.starts_with("POST"))
    );
}

#[tokio::test]
async fn locks_and_freezes_are_made_said_and_ended() {
    let server = server().await;
    server
        .on(&format!("POST {APP}/lock"), 201, made(json!({ "reason": "moving", "environment": "env_1" })))
        .on(&format!("GET {APP}/lock"), 200, json!({ "items": [made(json!({ "reason": "moving", "environment": "env_1" }))] }))
        .on(&format!("DELETE {APP}/lock"), 204, json!(null))
        .problem(&format!("DELETE {APP}/lock"), 404, "not_found", "no")
        .on(
            &format!("POST {APP}/freezes"),
            201,
            made(json!({ "id": "frz_1", "reason": "weekend", "time_zone": "Europe/Berlin", "days": [5], "from": "16:00", "minutes": 3840 })),
        )
        .on(&format!("GET {APP}/freezes"), 200, json!({ "items": [
            made(json!({ "id": "frz_1", "reason": "weekend", "time_zone": "Europe/Berlin", "days": [5], "from": "16:00", "minutes": 3840 }))] }))
        .on(&format!("DELETE {APP}/freezes/frz_1"), 204, json!(null));
    let world = World::on(&server, &[]);
    let ran = world.run("lock moving --for 2h -a shop").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("segue unlock -a shop -e production"),
        "{}",
        ran.stderr
    );
    let body = server.find(&format!("POST {APP}/lock")).json();
    assert_eq!(
        (&body["environment"], &body["reason"]),
        (&json!("production"), &json!("moving"))
    );
    assert!(body["until"].is_string(), "{body}");
    let list = world.run("locks -a shop").await;
    for part in [
        "production",
        "moving",
        "every fri from 16:00 for 64 h (Europe/Berlin)",
    ] {
        assert!(list.stdout.contains(part), "{part}: {}", list.stdout);
    }
    assert_eq!(world.run("unlock -a shop").await.exit, Exit::Ok);
    let again = world.run("unlock --whole-app -a shop").await;
    assert_eq!(again.exit, Exit::Failed);
    assert!(
        again
            .stderr
            .contains("shop, all environments is not locked; nothing was changed"),
        "{}",
        again.stderr
    );

    let ran = world
        .run("freezes create weekend --weekly fri --at 16:00 --for 64h --zone Europe/Berlin --whole-app -a shop")
        .await;
    assert_eq!(
        (ran.exit, ran.stdout.as_str()),
        (Exit::Ok, "frz_1\n"),
        "{}",
        ran.stderr
    );
    let body = server.find(&format!("POST {APP}/freezes")).json();
    assert_eq!(
        body,
        json!({ "reason": "weekend", "time_zone": "Europe/Berlin", "days": [5], "from": "16:00", "minutes": 3840 })
    );
    assert_eq!(
        world.run("freezes remove frz_1 -a shop").await.exit,
        Exit::Ok
    );
    for line in [
        "lock -a shop",
        "lock x --for soon -a shop",
        "lock x --until tomorrow -a shop",
        "lock x --for 1h --until 2030-01-01T00:00:00Z -a shop",
        "freezes create x -a shop",
        "freezes create x --weekly fri -a shop",
        "freezes create x --weekly someday --at 16:00 --for 1h -a shop",
        "freezes create x --weekly fri --at 25:00 --for 1h -a shop",
        "freezes create x --weekly fri --at 16:00 --for 90s -a shop",
        "freezes create x --starts 2026-12-24T00:00:00Z -a shop",
        "freezes create x --ends 2026-12-24T00:00:00Z -a shop",
        "freezes create x --weekly fri --at 16:00 --for 1h --starts 2026-12-24T00:00:00Z --ends 2026-12-25T00:00:00Z -a shop",
    ] {
        let ran = world.run(line).await;
        assert_eq!(ran.exit, Exit::Usage, "{line}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn an_apps_repository_and_previews_are_set_as_a_whole() {
    let server = server().await;
    let mut app = fake::app();
    app["previews"] =
        json!({ "enabled": true, "from": "staging", "ttl": 3600, "secrets": ["A"], "limit": 3 });
    server
        .on(&format!("GET {APP}"), 200, app.clone())
        .on(&format!("PATCH {APP}"), 200, app);
    let world = World::on(&server, &[]);
    let last = || {
        let mut patches = server
            .asked()
            .into_iter()
            .filter(|a| a.line.starts_with("PATCH"));
        patches.next_back().unwrap()
    };
    let ran = world
        .run("apps repo shop https://git.example.com/a.git --branch main --auto-deploy")
        .await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert_eq!(
        last().json(),
        json!({ "repo": { "url": "https://git.example.com/a.git", "branch": "main", "auto_deploy": true } })
    );
    assert_eq!(last().header("if-match"), Some("\"1\""));
    assert_eq!(world.run("apps repo shop --none").await.exit, Exit::Ok);
    assert_eq!(last().json(), json!({ "repo": null }));
    assert_eq!(world.run("apps rename shop store").await.exit, Exit::Ok);
    assert_eq!(last().json(), json!({ "name": "store" }));
    // The first answer of the app had no previews; now it has: what is not said stays.
    assert_eq!(
        world.run("previews on --limit 5 -a shop").await.exit,
        Exit::Ok
    );
    assert_eq!(
        last().json()["previews"],
        json!({ "enabled": true, "from": "staging", "ttl": 3600, "secrets": ["A"], "limit": 5 })
    );
    assert_eq!(world.run("previews off -a shop").await.exit, Exit::Ok);
    assert_eq!(last().json()["previews"]["enabled"], json!(false));
    let shown = world.run("previews show -a shop").await;
    assert!(
        shown.stdout.contains("made after  staging"),
        "{}",
        shown.stdout
    );
    for line in [
        "apps repo shop",
        "apps repo shop https://x/y --none",
        "apps rename shop Store",
        "previews on --limit 51 -a shop",
        "previews on --ttl forever -a shop",
    ] {
        assert_eq!(world.run(line).await.exit, Exit::Usage, "{line}");
    }
}

#[tokio::test]
async fn an_invitation_is_taken_with_its_link_from_stdin() {
    let server = server().await;
    server.on(
        "POST /v1/invitations/accept",
        200,
        json!({ "user": "usr_1", "email": "ada@example.com", "team_id": "team_2", "team": "beta", "role": "deployer" }),
    );
    let world = World::on(&server, &[]).input("https://segue.example.com/invite#the-token\n");
    let ran = world.run("teams join").await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.stderr);
    assert!(ran.stderr.contains("--team beta"), "{}", ran.stderr);
    assert_eq!(
        server.find("POST /v1/invitations/accept").json()["token"],
        json!("the-token")
    );
    assert_eq!(
        World::on(&server, &[]).run("teams join").await.exit,
        Exit::Usage
    );
    let server = Server::start().await;
    server.problem(
        "POST /v1/invitations/accept",
        410,
        "invitation_used",
        "this invitation was used",
    );
    let used = World::on(&server, &[]).input("x").run("teams join").await;
    assert_eq!(used.exit, Exit::Failed);
    assert!(
        used.stderr.contains("this invitation was used"),
        "{}",
        used.stderr
    );
}

#[tokio::test]
async fn a_team_is_removed_only_by_the_name_that_commands_mean() {
    let server = server().await;
    server.on("DELETE /v1/teams/acme", 204, json!(null));
    let world = World::on(&server, &[]);
    let ran = world.run("teams destroy beta --yes").await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.stderr.contains("-t beta"), "{}", ran.stderr);
    assert_eq!(world.run("teams destroy acme").await.exit, Exit::Usage);
    assert_eq!(world.run("teams destroy acme --yes").await.exit, Exit::Ok);
}

#[tokio::test]
async fn what_is_looked_at_in_depth_is_told_in_words() {
    let server = server().await;
    let instance = json!({ "id": "ins_1", "name": "web.2", "service": "web", "slot": 2, "release": 3, "revision": "ab",
        "host": "host-a", "host_id": "host_1", "address": "10.0.0.2", "desired": "run", "state": "exited", "restarts": 2,
        "attempt": 0, "created_at": "2026-01-01T00:00:00Z", "exit_code": 1,
        "failure": { "code": "exited_at_once", "sentence": "s", "evidence": "exit code 1", "hint": "h" } });
    let run = json!({ "id": "run_1", "number": 7, "state": "timed_out", "finished": true, "service": "web",
        "command": ["sleep", "9 9"], "release": 3, "time_limit": 60, "oom": false, "cancel_requested": false,
        "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" });
    server
        .on(&format!("GET {ENV}/instances/web.2/why"), 200, json!({ "instance": instance, "events": [],
            "waiting": [{ "kind": "no_host", "message": "no host has 2 GiB free" }] }))
        .on(&format!("GET {ENV}/releases/2/diff/3"), 200, json!({ "from": 2, "to": 3, "changes": [
            { "service": "web", "what": "variable", "after": "LOG_LEVEL" },
            { "service": "web", "what": "port", "before": "80", "after": "8080" }] }))
        .on(&format!("GET {ENV}/metrics"), 200, json!({ "from": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z",
            "step_s": 180, "releases": [{ "release": 3, "requests": 5 }],
            "points": [{ "at": "2026-01-01T00:00:00Z", "requests": 5, "client_errors": 1, "server_errors": 0, "failed": 0,
                "p50_us": 1500, "p95_us": 2500, "longest_us": 9000 }] }))
        .on(&format!("GET {ENV}/runs/7"), 200, run.clone())
        .on(&format!("GET {ENV}/runs"), 200, json!({ "items": [run] }))
        .on("GET /v1/me/sessions", 200, json!({ "items": [] }))
        .on("DELETE /v1/me/sessions/ses_1", 204, json!(null));
    let world = World::on(&server, &[]);
    for (line, parts) in [
        (
            "ps web.2 -a shop",
            &[
                "exited_at_once: exit code 1",
                "waiting: no host has 2 GiB free",
            ][..],
        ),
        (
            "releases diff v2 v3 -a shop",
            &["+ web variable: LOG_LEVEL", "~ web port: 80 → 8080"],
        ),
        ("metrics -a shop", &["1.5 ms", "9.0 ms"]),
        (
            "runs show 7 -a shop",
            &["stopped at its time limit", "sleep '9 9'"],
        ),
        ("runs -a shop", &["stopped at its time limit"]),
    ] {
        let ran = world.run(line).await;
        assert_eq!(ran.exit, Exit::Ok, "{line}: {}", ran.stderr);
        for part in parts {
            assert!(ran.stdout.contains(part), "{line}: {part}: {}", ran.stdout);
        }
        let data = world.run(&format!("{line} --json")).await;
        let _: serde_json::Value = serde_json::from_str(&data.stdout).unwrap();
    }
    assert!(
        world
            .run("sessions")
            .await
            .stderr
            .contains("no browser is signed in")
    );
    assert_eq!(world.run("sessions end ses_1").await.exit, Exit::Ok);
    let missing = world.run("ps web.9 -a shop").await;
    assert_eq!(missing.exit, Exit::Failed);
    assert!(
        missing.stderr.contains("segue ps -a shop -e production"),
        "{}",
        missing.stderr
    );
    for line in [
        "metrics --since soon -a shop",
        "metrics --step 0s -a shop",
        "releases diff v2 -a shop",
    ] {
        assert_eq!(world.run(line).await.exit, Exit::Usage, "{line}");
    }
}
