//! What the edge does not pass on, as bytes on the wire, and what it must pass on in spite of it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::App;
use crate::client::{self, get};
use crate::harness::{HOST, Routes, World, eventually};

/// A GET with these fields after Host.
fn with(fields: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n").into_bytes()
}

#[tokio::test]
async fn ambiguous_requests_are_answered_closed_and_never_passed_on() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let line = |line: &str| format!("{line}\r\nHost: {HOST}\r\n\r\n").into_bytes();
    let big = format!("X: {}\r\n", "a".repeat(40_000));
    let many = "A: b\r\n".repeat(200);
    let vectors: Vec<(u16, Vec<u8>)> = vec![
        (
            400,
            with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ),
        (
            400,
            with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        ),
        (400, with("Content-Length: 5\r\nContent-Length: 6\r\n")),
        (400, with("Content-Length: 2, 2\r\n")),
        (400, with("Content-Length: 1_0\r\n")),
        (400, with("Transfer-Encoding: gzip\r\n")),
        (400, with("Transfer-Encoding: chunked, identity\r\n")),
        (400, with("Transfer-Encoding:\tchunked\u{c}\r\n")),
        (400, with("Transfer-Encoding : chunked\r\n")),
        (400, with("A: b\r\n folded: x\r\n")),
        (400, with("Upgrade: h2c\r\nConnection: Upgrade\r\n")),
        (400, with("X-User: a\r\nX_User: b\r\n")),
        (400, with("Host: other.localhost\r\n")),
        (400, with("A: b\u{0}\r\n")),
        (400, with("A: b\rc\r\n")),
        (400, with(": b\r\n")),
        (431, with(&big)),
        (431, with(&many)),
        (
            400,
            format!("GET / HTTP/1.1\nHost: {HOST}\n\n").into_bytes(),
        ),
        (
            400,
            format!("GET / HTTP/1.1\r\nHost: {HOST}\n\r\n").into_bytes(),
        ),
        (
            400,
            format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nA: b\n\n").into_bytes(),
        ),
        (400, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n".to_vec()),
        (400, b"GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n".to_vec()),
        (400, b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n".to_vec()),
        (400, line("GET http://other.localhost/ HTTP/1.1")),
        (400, line("GET /a/../b HTTP/1.1")),
        (400, line("GET /a%2f..%2fb HTTP/1.1")),
        (400, line("GET /%2e%2e/ HTTP/1.1")),
        (400, line("GET  / HTTP/1.1")),
        (400, line("GET /x y HTTP/1.1")),
        (400, line("GET")),
        (405, line("CONNECT shop.localhost:443 HTTP/1.1")),
        (505, line("GET / HTTP/2.0")),
        (505, line("GET / HTTP/1.01")),
        (414, line(&format!("GET /{} HTTP/1.1", "a".repeat(20_000)))),
        (
            400,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        ),
        (400, b"\r\n\r\n\r\nGET / HTTP/1.1\r\n".to_vec()),
        (400, b"{\"json\": 1}\r\n\r\n".to_vec()),
    ];
    for (status, bytes) in &vectors {
        let answer = client::raw(edge.http, bytes).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "expected {status} for {}\ngot {answer}",
            bytes
                .escape_ascii()
                .to_string()
                .chars()
                .take(200)
                .collect::<String>()
        );
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
    assert_eq!(app.seen().len(), 0, "{:?}", app.seen());
    let absolute = line(&format!(
        "GET http://{HOST}/a?b HTTP/1.1\r\nConnection: close"
    ));
    assert!(
        client::raw(edge.http, &absolute)
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert_eq!(
        app.seen()[0].path,
        "/a?b",
        "the application gets origin form"
    );
    let good = client::once(edge.http, get(HOST, "/")).await.unwrap();
    assert_eq!(good.status, 200);
    edge.end().await;
}

#[tokio::test]
async fn a_malformed_chunked_body_ends_both_sides() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloGET / HTTP/1.1\r\n",
        "fffffffffffffffff\r\n",
        "0\r\nA: b\n\r\n",
    ] {
        let head =
            format!("POST /echo HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let answer = client::raw(edge.http, format!("{head}{body}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{body:?}: {answer}");
    }
    assert_eq!(
        app.seen().len(),
        0,
        "no whole request arrived: {:?}",
        app.seen()
    );
    edge.end().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_do_not_mix() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let bytes = format!(
        "POST /echo HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\n\r\nfirst\
         POST /echo HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\n\r\n\
         GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n\
         \r\nGET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    );
    let answer = client::raw(edge.http, bytes.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 4, "{answer}");
    let order: Vec<_> = ["first", "second", "one"]
        .iter()
        .map(|text| answer.find(text).unwrap())
        .collect();
    assert!(order.is_sorted(), "{answer}");
    // A good request before a bad one is served, the bad one refused, nothing after it is read.
    let bytes = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\nGET / HTTP/1.1\r\nHost: {HOST}\nGET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
    );
    let answer = client::raw(edge.http, bytes.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
    assert_eq!(app.seen().len(), 5);
    edge.end().await;
}

#[tokio::test]
async fn websocket_bytes_sent_too_early_reach_nobody_as_a_request() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    // The application refuses to upgrade on this path; what follows is a request of its own.
    let bytes = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\
         GET /second HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n"
    );
    let answer = client::raw(edge.http, bytes.as_bytes()).await;
    let seen = app.seen();
    assert_eq!(
        answer.matches("HTTP/1.1 200").count(),
        seen.len(),
        "{answer}"
    );
    for seen in seen {
        assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.1", "{seen:?}");
    }
    edge.end().await;
}

#[tokio::test]
async fn slow_heads_and_silent_connections_are_closed() {
    let world = World::new().await;
    let mut config = world.config();
    config.limits.head_timeout = Duration::from_millis(400);
    config.limits.keepalive_timeout = Duration::from_millis(400);
    config.limits.body_timeout = Duration::from_millis(400);
    let edge = world.start_with(config);
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;

    // A byte now and then keeps no head alive.
    let mut slow = TcpStream::connect(edge.http).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {}", "a".repeat(2_000));
    let (mut read, mut write) = slow.split();
    let mut answer = String::new();
    let drip = async {
        for byte in head.as_bytes() {
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = drip => panic!("the whole head was taken"),
        result = read.read_to_string(&mut answer) => { result.unwrap(); }
    }
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");

    assert_eq!(client::raw(edge.http, b"").await, "");
    // A handshake of TLS that does not go on, or does not begin.
    assert_eq!(client::raw(edge.https, b"\x16\x03\x01\x02").await, "");
    assert_eq!(client::raw(edge.https, b"").await, "");
    // A head of HTTP/2 that never ends; the server's settings are all that comes back.
    let h2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x04\x01\0\0\0\0\x01ab";
    assert!(!client::raw(edge.http, h2).await.contains("HTTP"));
    let kept = client::raw(edge.http, &with("")).await;
    assert!(
        kept.starts_with("HTTP/1.1 200 OK") && kept.contains("keep-alive"),
        "{kept}"
    );
    let body = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nabc");
    let answer = client::raw(edge.http, body.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    edge.end().await;
}

#[tokio::test]
async fn a_flood_of_http2_pings_ends_the_connection() {
    let world = World::new().await;
    let edge = world.start();
    let mut stream = TcpStream::connect(edge.http).await.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    stream
        .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let (mut read, mut write) = stream.split();
    let mut pings = 0;
    let flood = async {
        while write.write_all(&ping).await.is_ok() {
            pings += 1;
            if pings > 100_000 {
                return;
            }
        }
    };
    let drain = async {
        let mut buffer = [0; 4096];
        while !matches!(read.read(&mut buffer).await, Ok(0) | Err(_)) {}
    };
    tokio::time::timeout(Duration::from_secs(30), futures::future::join(flood, drain))
        .await
        .unwrap();
    assert!(pings < 100_000, "{pings}");
    eventually("the edge goes on", async || {
        client::once(edge.http, get("x.localhost", "/"))
            .await
            .is_ok_and(|answer| answer.status == 404)
    })
    .await;
    edge.end().await;
}
