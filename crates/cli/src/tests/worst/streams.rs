//! Streams that break off in the middle. What was watched goes on; who watched is told so, and how to look again.

use serde_json::json;

use super::*;

/// A server whose stream sends one thing and breaks off, and which is gone when it is asked again.
async fn breaking(events: &str) -> Rude {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    // Half a chunk: the connection is closed before it is whole.
    Rude::start(format!("{head}{:x}\r\n{events}", events.len() + 100)).await
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_read_on_and_given_up_with_a_sentence() {
    let line = json!({ "at": "2026-01-01T00:00:00Z", "stream": "stdout", "text": "hello" });
    let whole = format!("event: line\nid: 1\ndata: {line}\n\n");
    let lines = ["logs -f", "logs -f --json", "events -f -n 0 --all"];
    let runs = lines.map(async |typed| {
        let server = breaking(&whole).await;
        let world = world(&server.url);
        let running = world.run(typed);
        // It is there once more, and then never again.
        let leaving = async {
            while server.asked().len() < 2 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            server.stop();
        };
        let (ran, ()) = tokio::join!(running, leaving);
        let text = told(typed, &server.url, &ran, Exit::Failed);
        if typed.starts_with("logs") {
            assert!(ran.stdout.contains("hello"), "{typed}: {}", ran.stdout);
        }
        format!("$ segue {typed}\n{text}")
    });
    let texts = futures::future::join_all(runs).await;
    insta::assert_snapshot!(texts.join("\n"));
}

/// Commands that wait for something, and the request at which they hang.
const WAITING: &[(&str, &str)] = &[
    ("up --image nginx:1", "deployments/4/events"),
    ("deploys follow 4 --json", "deployments/4/events"),
    ("run -- python manage.py migrate", "logs"),
    ("runs follow 4", "logs"),
    ("builds logs bld_1 -f", "builds/bld_1/log"),
    ("status --watch", ""),
    ("scale web=2", "services"),
    ("restart web.2", "instances"),
];

async fn waited_for() -> fake::Server {
    let server = fake::Server::start().await;
    let env = fake::ENV;
    let building = fake::deployment(4, "building", "build");
    let run = json!({ "id": "run_1", "number": 4, "state": "running", "finished": false, "command": ["true"],
        "service": "web", "release": 3, "time_limit": 3600, "cancel_requested": false, "oom": false,
        "created_by": "ada", "created_at": "2026-01-01T00:00:00Z" });
    let instance = json!({ "id": "ins_1", "name": "web.2", "service": "web", "slot": 2, "release": 3,
        "revision": "abcdef", "host": "host-a", "host_id": "host_1", "address": "10.96.0.2:8080", "desired": "run",
        "state": "ready", "restarts": 0, "attempt": 0, "created_at": "2026-01-01T00:00:00Z" });
    let line = json!({ "at": "2026-01-01T00:00:00Z", "stream": "stdout", "text": "hello" });
    let line = format!("event: line\ndata: {line}\n\n");
    server
        .on("GET /v1/teams/acme/apps/shop", 200, fake::app())
        .on(&format!("GET {env}"), 200, fake::env(Some(3)))
        .on(&format!("GET {env}/services"), 200, json!({ "items": [] }))
        .on(
            &format!("GET {env}/deployments"),
            200,
            json!({ "items": [] }),
        )
        .on(&format!("POST {env}/deployments"), 202, building.clone())
        .on(&format!("GET {env}/deployments/4"), 200, building.clone())
        .events(
            &format!("GET {env}/deployments/4/events"),
            &fake::stream(&[building]),
        )
        .on(&format!("POST {env}/runs"), 202, run.clone())
        .on(&format!("GET {env}/runs/4"), 200, run)
        .events(&format!("GET {env}/logs"), &line)
        .events(&format!("GET {env}/builds/bld_1/log"), &line)
        .events("GET /v1/events", "")
        .on(&format!("PUT {env}/scale"), 200, json!({ "replicas": {} }))
        .on(&format!("POST {env}/scale"), 200, json!({ "replicas": {} }))
        .on(
            &format!("GET {env}/instances"),
            200,
            json!({ "items": [instance] }),
        )
        .on(&format!("GET {env}/instances/web.2"), 200, instance.clone())
        .on(&format!("DELETE {env}/instances/ins_1"), 202, instance);
    server
}

#[tokio::test]
async fn what_was_begun_goes_on_when_the_server_is_lost_and_the_way_back_is_said() {
    let runs = WAITING.iter().map(async |(typed, at)| {
        let server = waited_for().await;
        let world = world(&server.url);
        let at = match *at {
            "" => "GET /v1/events".to_owned(),
            rest => format!("GET {}/{rest}", fake::ENV),
        };
        let leaving = async {
            // Before the change, how it was is asked for as well.
            let times = if typed.starts_with("scale") { 2 } else { 1 };
            server.wait(&at, times).await;
            server.stop();
        };
        let running = world.run(typed);
        tokio::pin!(running);
        tokio::select! {
            ran = &mut running => panic!("{typed} does not wait: {ran:?}"),
            () = leaving => {}
        }
        let ran = running.await;
        let text = told(typed, &server.url, &ran, Exit::Failed);
        // What would be done a second time is not to be repeated.
        let next = text.lines().last().unwrap();
        assert!(!next.contains("repeat"), "{typed}: {text}");
        assert!(
            next.contains("segue doctor, then segue "),
            "{typed}: {text}"
        );
        if typed.contains("--json") {
            object(typed, &ran, Exit::Failed);
        }
        format!("$ segue {typed}\n{text}")
    });
    let texts = futures::future::join_all(runs).await;
    insta::assert_snapshot!(texts.join("\n"));
}

/// Half of something must not look like all of it.
#[tokio::test]
async fn what_is_passed_on_and_breaks_off_is_said_to_be_incomplete() {
    let mut texts = String::new();
    for (typed, media) in [
        ("audit export", "application/x-ndjson"),
        ("audit export --form csv", "text/csv"),
        ("api GET /v1/events", "text/event-stream"),
    ] {
        let whole = response("200 OK", media, &"{}\n".repeat(100));
        let server = Rude::start(whole[..whole.len() - 30].to_owned()).await;
        let ran = world(&server.url).run(typed).await;
        let text = told(typed, &server.url, &ran, Exit::Failed);
        assert!(ran.stdout.starts_with("{}\n"), "{typed}: {}", ran.stdout);
        assert!(
            text.contains("; what was written is not all"),
            "{typed}: {text}"
        );
        let _ = writeln!(texts, "$ segue {typed}\n{text}");
    }
    insta::assert_snapshot!(texts);
}
