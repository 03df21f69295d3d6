//! Leaving politely: requests in flight, websockets, the edge itself.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{self, App};
use crate::client::{self, Connection, Websocket, get};
use crate::harness::{HOST, Routes, World, eventually};

#[tokio::test]
async fn a_request_in_flight_ends_on_the_instance_that_left() {
    let world = World::new().await;
    let edge = world.start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&old])).await;
    let waiting = tokio::spawn(client::once(edge.http, get(HOST, "/wait")));
    eventually("the request is there", async || old.begun() == 1).await;

    let told = world.control.switch(routes.next(&[&new])).await;
    assert_eq!(told.draining[&old.instance].requests, 1);
    assert_eq!(
        client::once(edge.http, get(HOST, "/"))
            .await
            .unwrap()
            .text(),
        "new"
    );
    assert_eq!(world.control.told().draining[&old.instance].requests, 1);
    old.behaviour.release.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap().text(), "old");
    world
        .control
        .wait("old is idle", |told| {
            told.draining
                .get(&old.instance)
                .is_some_and(|open| open.is_idle())
        })
        .await;
    world
        .control
        .wait("idle is told once", |told| {
            !told.draining.contains_key(&old.instance)
        })
        .await;
    assert_eq!(old.begun(), 1);
    edge.end().await;
}

/// A websocket application that keeps what it was sent and sends nothing by itself.
async fn silent_application() -> (
    App,
    tokio::sync::oneshot::Receiver<Vec<u8>>,
    TcpStreamSender,
) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (speak, mut spoken) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            .await
            .unwrap();
        let (mut read, mut write) = stream.split();
        let mut got = Vec::new();
        let say = async {
            while let Some(bytes) = spoken.recv().await {
                write.write_all(&bytes).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = say => {}
            result = read.read_to_end(&mut got) => { result.unwrap(); }
        }
        sender.send(got).unwrap();
    });
    let mut app = App::start("shadow").await;
    app.address = address;
    (app, receiver, speak)
}

type TcpStreamSender = tokio::sync::mpsc::UnboundedSender<Vec<u8>>;

#[tokio::test]
async fn websockets_of_a_left_instance_get_1001_on_both_sides_between_frames() {
    let world = World::new().await;
    let edge = world.start();
    let (old, got, speak) = silent_application().await;
    let new = App::start("new").await;
    let mut routes = Routes::new();
    routes.policy(|policy| policy.drain_upgraded = Duration::from_millis(50));
    world.control.switch(routes.next(&[&old])).await;
    let mut websocket = Websocket::open(edge.http, HOST).await.unwrap();
    // The client is told in the middle of nothing, the application is in the middle of a frame.
    websocket
        .stream
        .write_all(&app::masked_frame_bytes(1, b"hello"))
        .await
        .unwrap();
    speak.send(b"\x82\x05he".to_vec()).unwrap();
    let mut begin = [0; 4];
    websocket.stream.read_exact(&mut begin).await.unwrap();

    let told = world.control.switch(routes.next(&[&new])).await;
    assert_eq!(told.draining[&old.instance].upgraded, 1);
    // Its time passes; the frame is still not whole, so nothing may come.
    let mut early = [0; 1];
    let nothing = tokio::time::timeout(
        Duration::from_millis(300),
        websocket.stream.peek(&mut early),
    )
    .await;
    assert!(nothing.is_err(), "{nothing:?}");
    speak.send(b"llo".to_vec()).unwrap();
    let mut rest = Vec::new();
    websocket.stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"llo\x88\x02\x03\xe9");
    let got = got.await.unwrap();
    let mut frames = got.as_slice();
    assert_eq!(
        app::read_frame(&mut frames).await,
        Some((1, b"hello".to_vec()))
    );
    assert_eq!(
        app::read_frame(&mut frames).await,
        Some((8, 1001_u16.to_be_bytes().to_vec()))
    );
    assert!(frames.is_empty());
    world
        .control
        .wait("nothing is open", |told| {
            told.draining
                .get(&old.instance)
                .is_none_or(|open| open.is_idle())
        })
        .await;
    edge.end().await;
}

#[tokio::test]
async fn the_edge_finishes_what_it_has_and_says_goodbye() {
    let world = World::new().await;
    let mut config = world.config();
    config.limits.stop_websockets = Duration::from_millis(50);
    let edge = world.start_with(config);
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let mut idle = Connection::open(edge.http).await.unwrap();
    idle.send(get(HOST, "/")).await.unwrap();
    let waiting = tokio::spawn(client::once(edge.http, get(HOST, "/wait")));
    let mut websocket = Websocket::open(edge.http, HOST).await.unwrap();
    websocket.echo(b"hello").await.unwrap();
    eventually("both are there", async || app.begun() == 3).await;

    edge.stop.cancel();
    eventually("the idle connection is closed", async || !idle.is_open()).await;
    eventually("no new connection is taken", async || {
        TcpStream::connect(edge.http).await.is_err()
    })
    .await;
    let close = app::read_frame(&mut websocket.stream).await;
    assert_eq!(close, Some((8, 1001_u16.to_be_bytes().to_vec())));
    assert!(!edge.task.is_finished(), "a request is in flight");
    app.behaviour.release.notify_one();
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "one")
    );
    assert_eq!(answer.headers["connection"], "close");
    edge.end().await;
    let told = world.control.told();
    assert_eq!(told.goodbyes, 1);
    assert_eq!(
        told.counts[&Some(routes.release())].total(),
        3,
        "the last counts are told"
    );
}

#[tokio::test]
async fn websockets_may_be_quiet_but_not_for_ever_and_handshakes_have_an_end() {
    let world = World::new().await;
    let mut config = world.config();
    config.limits.body_timeout = Duration::from_millis(100);
    config.limits.websocket_idle = Duration::from_millis(900);
    let edge = world.start_with(config);
    let app = App::start("one").await;
    let mut routes = Routes::new();
    routes.policy(|policy| policy.response_timeout = Duration::from_millis(300));
    world.control.switch(routes.next(&[&app])).await;
    let mut websocket = Websocket::open(edge.http, HOST).await.unwrap();
    // Longer than any time that holds for requests; a word now and then keeps it.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        websocket.echo(b"still here").await.unwrap();
    }
    let close = app::read_frame(&mut websocket.stream).await;
    assert_eq!(close, Some((8, 1001_u16.to_be_bytes().to_vec())));

    // Takes the connection and says nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut mute = App::start("mute").await;
    mute.address = listener.local_addr().unwrap();
    world.control.switch(routes.next(&[&mute])).await;
    let refused = Websocket::open(edge.http, HOST)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.starts_with("HTTP/1.1 504"), "{refused}");
    let slow = client::once(edge.http, get(HOST, "/")).await.unwrap();
    assert_eq!(slow.status, 504);
    edge.end().await;
}
