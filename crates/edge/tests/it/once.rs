//! Requests that may not be sent twice, and applications that close kept connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::App;
use crate::basics::metric;
use crate::client::{Connection, Websocket, get, post};
use crate::harness::{HOST, Routes, World, eventually};

/// What the application below has done.
#[derive(Default)]
struct Seen {
    connections: AtomicU32,
    closed: AtomicU32,
    /// Close right after the first answer instead of waiting for a second request.
    at_once: AtomicBool,
}

/// Answers the first request of each connection and promises to keep it. A second request is read and never
/// answered: that is what a proxy sees when the close and its request cross.
async fn one_answer_a_connection() -> (App, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut app = App::start("shadow").await;
    app.address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let counts = seen.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counts.connections.fetch_add(1, Ordering::SeqCst);
            let counts = counts.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).await.unwrap_or(0);
                let upgrade = buffer[..count].windows(9).any(|part| part == b"websocket");
                let response = if upgrade {
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                } else {
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                };
                let _ = stream.write_all(response.as_bytes()).await;
                if !counts.at_once.load(Ordering::SeqCst) {
                    let _ = stream.read(&mut buffer).await;
                }
                drop(stream);
                counts.closed.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    (app, seen)
}

#[tokio::test]
async fn a_request_that_may_not_be_sent_twice_meets_no_kept_connection() {
    let world = World::new().await;
    let edge = world.start();
    let (app, seen) = one_answer_a_connection().await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let mut connection = Connection::open(edge.http).await.unwrap();
    for number in 1..=20 {
        // Leaves a kept connection behind.
        assert_eq!(connection.send(get(HOST, "/")).await.unwrap().status, 200);
        let answer = connection.send(post(HOST, "/", "x")).await.unwrap();
        assert_eq!(answer.status, 200, "POST {number}");
        assert_eq!(connection.send(get(HOST, "/")).await.unwrap().status, 200);
        Websocket::open(edge.http, HOST).await.unwrap();
        // A GET with a body may be too long to be kept for a second try.
        let mut request = post(HOST, "/", "x");
        *request.method_mut() = http::Method::GET;
        assert_eq!(connection.send(request).await.unwrap().status, 200);
    }
    assert_eq!(
        metric(edge.admin, "segue_edge_own_connections_total ").await,
        60
    );
    assert!(seen.connections.load(Ordering::SeqCst) >= 80);
    edge.end().await;
}

/// Proof that the test above can fail, and what happens above the rate.
#[tokio::test]
async fn above_the_rate_kept_connections_are_used_and_can_be_lost() {
    let world = World::new().await;
    let mut config = world.config();
    config.limits.fresh_per_second = 0;
    config.threads = 1;
    let edge = world.start_with(config);
    let (app, _) = one_answer_a_connection().await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let mut connection = Connection::open(edge.http).await.unwrap();
    assert_eq!(connection.send(get(HOST, "/")).await.unwrap().status, 200);
    let answer = connection.send(post(HOST, "/", "x")).await.unwrap();
    assert_eq!(answer.status, 502, "the close crossed the request");
    edge.end().await;
}

#[tokio::test]
async fn kept_connections_that_were_closed_before_are_noticed_before_anything_is_sent() {
    let world = World::new().await;
    let mut config = world.config();
    config.limits.fresh_per_second = 0;
    config.threads = 1;
    let edge = world.start_with(config);
    let (app, seen) = one_answer_a_connection().await;
    seen.at_once.store(true, Ordering::SeqCst);
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let mut connection = Connection::open(edge.http).await.unwrap();
    for number in 1..=200 {
        let answer = connection.send(post(HOST, "/", "x")).await.unwrap();
        assert_eq!(answer.status, 200, "POST {number}");
        eventually("the application closed it", async || {
            seen.closed.load(Ordering::SeqCst) == number
        })
        .await;
    }
    assert_eq!(seen.connections.load(Ordering::SeqCst), 200);
    edge.end().await;
}
