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
