//! Applications that die, a control plane that is gone, files that are damaged.

use std::time::Duration;

use segue_model::internal::StreamBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::App;
use crate::basics::metric;
use crate::client::{self, Connection, get, post};
use crate::harness::{HOST, Routes, World, eventually};

#[tokio::test]
async fn a_restarted_edge_serves_from_disk_without_a_control_plane() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let mut connection = Connection::open(edge.http).await.unwrap();
    world.control.stop();
    assert_eq!(connection.send(get(HOST, "/")).await.unwrap().text(), "one");
    edge.kill().await;

    let edge = restart(&world).await;
    assert_eq!(
        client::once(edge.http, get(HOST, "/"))
            .await
            .unwrap()
            .text(),
        "one"
    );
    let ready = client::once(edge.admin, get("x", "/readyz")).await.unwrap();
    assert_eq!(ready.status, 200);
    assert!(
        ready.text().contains("\"control_plane_connected\":false"),
        "{}",
        ready.text()
    );

    // It comes back with another generation, which is taken and acknowledged.
    let new = App::start("two").await;
    let next = routes.next(&[&new]);
    world.control.start().await;
    world.control.switch(next).await;
    assert_eq!(
        client::once(edge.http, get(HOST, "/"))
            .await
            .unwrap()
            .text(),
        "two"
    );
    edge.end().await;
}

/// Starts an edge in the same folder once the one before has let go of it.
pub async fn restart(world: &World) -> crate::harness::Running {
    let mut edge = None;
    eventually("the folder is free", async || {
        edge = segue_edge::Edge::bind(world.config()).ok();
        edge.is_some()
    })
    .await;
    drop(edge);
    world.start()
}

#[tokio::test]
async fn damaged_files_are_told_and_never_taken_for_an_empty_table() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    let log = world.folder.path().join("edge/routes.log.0");
    for _ in 0..3 {
        world.control.switch(routes.next(&[&app])).await;
    }
    world.control.stop();
    edge.kill().await;
    let sound = std::fs::read(&log).unwrap();
    let mut damaged = sound.clone();
    damaged[50] ^= 1;
    std::fs::write(&log, damaged).unwrap();
    let edge = restart(&world).await;
    assert_eq!(
        client::once(edge.http, get(HOST, "/"))
            .await
            .unwrap()
            .text(),
        "one"
    );
    assert_eq!(metric(edge.admin, "segue_edge_state_damaged ").await, 1);
    edge.kill().await;

    std::fs::write(&log, b"nothing of it is left\nnor is of this\n").unwrap();
    std::fs::write(log.with_file_name("routes"), b"x").unwrap();
    let edge = restart(&world).await;
    let ready = client::once(edge.admin, get("x", "/readyz")).await.unwrap();
    assert_eq!(ready.status, 503);
    assert!(
        ready.text().contains("\"state_file_damaged\":true"),
        "{}",
        ready.text()
    );
    world.control.start().await;
    eventually("the control plane heals it", async || {
        client::once(edge.http, get(HOST, "/"))
            .await
            .unwrap()
            .status
            == 200
    })
    .await;
    let ready = client::once(edge.admin, get("x", "/readyz")).await.unwrap();
    assert_eq!(ready.status, 200);
    edge.end().await;
}

#[tokio::test]
async fn two_edges_do_not_share_a_folder_and_a_missing_token_is_told() {
    let world = World::new().await;
    let edge = world.start();
    let error = segue_edge::Edge::bind(world.config()).err().unwrap();
    assert!(matches!(error, segue_edge::EdgeError::Locked(_)), "{error}");
    edge.end().await;
    std::fs::write(world.folder.path().join("token"), " \n").unwrap();
    let error = segue_edge::Edge::bind(world.config()).err().unwrap();
    assert!(matches!(error, segue_edge::EdgeError::Token(_)), "{error}");
}

#[tokio::test]
async fn a_killed_instance_costs_no_request_that_can_go_elsewhere() {
    let world = World::new().await;
    let edge = world.start();
    let (one, two) = (App::start("one").await, App::start("two").await);
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&one, &two])).await;
    let mut load = tokio::task::JoinSet::new();
    let killed = tokio_util::sync::CancellationToken::new();
    for _ in 0..6 {
        let killed = killed.clone();
        load.spawn(async move {
            let mut connection = Connection::open(edge.http).await.unwrap();
            let mut after = 0;
            let mut answers = Vec::new();
            while after < 60 {
                after += u32::from(killed.is_cancelled());
                answers.push(connection.send(get(HOST, "/")).await.unwrap());
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            answers
        });
    }
    eventually("both serve", async || one.begun() > 30 && two.begun() > 30).await;
    one.kill();
    killed.cancel();
    let answers: Vec<_> = load.join_all().await.into_iter().flatten().collect();
    let failed: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status != 200)
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {}: {failed:?}",
        failed.len(),
        answers.len()
    );
    // Requests that are not idempotent begin on the living one, too.
    for _ in 0..50 {
        let answer = client::once(edge.http, post(HOST, "/", "x")).await.unwrap();
        assert_eq!(answer.text(), "two");
    }
    edge.end().await;
}

#[tokio::test]
async fn the_only_instance_may_restart_under_new_requests() {
    let world = World::new().await;
    let edge = world.start();
    let one = App::start("one").await;
    let mut routes = Routes::new();
    routes.policy(|policy| policy.hold = Duration::from_secs(20));
    world.control.switch(routes.next(&[&one])).await;
    assert_eq!(
        client::once(edge.http, get(HOST, "/"))
            .await
            .unwrap()
            .status,
        200
    );
    one.kill();
    eventually("it is dead", async || {
        tokio::net::TcpStream::connect(one.address).await.is_err()
    })
    .await;
    let waiting: Vec<_> = (0..10)
        .map(|_| tokio::spawn(client::once(edge.http, post(HOST, "/", "x"))))
        .collect();
    // Not needed for the result, only so that some requests meet the dead instance first.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let again = App::start_at("again", one.address).await;
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap().text(), "again");
    }
    assert_eq!(again.begun(), 10);
    edge.end().await;
}

#[tokio::test]
async fn a_request_that_may_have_been_taken_is_sent_again_only_if_it_is_idempotent() {
    let world = World::new().await;
    let edge = world.start();
    // Reads a whole request and closes without an answer.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut cruel = App::start("cruel").await;
    cruel.address = listener.local_addr().unwrap();
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = taken.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let _ = stream.read(&mut buffer).await;
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    });
    let good = App::start("good").await;
    let mut routes = Routes::new();
    let taken = || taken.load(std::sync::atomic::Ordering::SeqCst);

    world.control.switch(routes.next(&[&cruel])).await;
    let answer = client::once(edge.http, post(HOST, "/", "x")).await.unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(taken(), 1, "sent once");
    let release = Some(routes.release());
    world
        .control
        .wait("it is counted as the edge's", |told| {
            told.counts
                .get(&release)
                .is_some_and(|counts| counts.edge_failed == 1)
        })
        .await;

    // Idempotent requests end on the other one, whichever is chosen first.
    world.control.switch(routes.next(&[&cruel, &good])).await;
    let before = taken();
    let mut requests = 0;
    while taken() == before && requests < 500 {
        let answer = client::once(edge.http, get(HOST, "/")).await.unwrap();
        assert_eq!(answer.text(), "good");
        requests += 1;
    }
    assert!(taken() > before, "the cruel one was never asked");
    edge.end().await;
}

#[tokio::test]
async fn retries_are_bounded_by_the_routes_budget() {
    let world = World::new().await;
    let edge = world.start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut cruel = App::start("cruel").await;
    cruel.address = listener.local_addr().unwrap();
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = taken.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut vec![0; 4096]).await;
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    });
    // Three endpoints that are the same cruel one, so that there is always another to try.
    let (mut second, mut third) = (App::start("b").await, App::start("c").await);
    (second.address, third.address) = (cruel.address, cruel.address);
    let mut routes = Routes::new();
    world
        .control
        .switch(routes.next(&[&cruel, &second, &third]))
        .await;
    let requests = 400;
    for _ in 0..requests {
        let answer = client::once(edge.http, get(HOST, "/")).await.unwrap();
        assert_eq!(answer.status, 502);
    }
    // A hundred at first and one in five; without a budget each request would be tried three times.
    let tries = taken.load(std::sync::atomic::Ordering::SeqCst);
    assert!(tries > requests + 100, "{tries}");
    assert!(tries <= requests + 100 + requests / 5 + 1, "{tries}");
    edge.end().await;
}

#[tokio::test]
async fn gaps_wrong_digests_and_steps_back_bring_a_new_snapshot() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    let old = routes.next(&[]);
    let told = world.control.switch(routes.next(&[&app])).await;
    let streams = told.streams;

    world.control.heartbeat(false);
    world.control.heartbeat(true);
    let told = world
        .control
        .wait("reconnected", |told| told.streams > streams)
        .await;
    let streams = told.streams;
    world.control.send_raw(StreamBody::Change { routes: old });
    world
        .control
        .wait("reconnected again", |told| told.streams > streams)
        .await;
    assert_eq!(
        client::once(edge.http, get(HOST, "/"))
            .await
            .unwrap()
            .text(),
        "one"
    );
    assert_eq!(
        world.control.told().acknowledged[&routes.routes.environment],
        routes.routes.route_gen
    );
    edge.end().await;
}

#[tokio::test]
async fn responses_that_break_off_are_seen_by_the_client_and_counted() {
    let world = World::new().await;
    let edge = world.start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut broken = App::start("broken").await;
    broken.address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let heads = ["Content-Length: 100", "Transfer-Encoding: chunked"];
        for head in heads.iter().cycle() {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut vec![0; 4096]).await;
            let response = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello");
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&broken])).await;
    for _ in 0..4 {
        let answer = client::once(edge.http, get(HOST, "/")).await;
        assert!(answer.is_err(), "{answer:?}");
    }
    let release = Some(routes.release());
    let told = world
        .control
        .wait("counts", |told| {
            told.counts
                .get(&release)
                .is_some_and(|counts| counts.total() == 4)
        })
        .await;
    assert_eq!(told.counts[&release].broken, 4, "{:?}", told.counts);
    edge.end().await;
}

#[tokio::test]
async fn the_control_plane_may_be_behind_tcp() {
    let world = World::new().await;
    let mut config = world.config();
    let address = world.control.tcp.get().unwrap();
    config.control = format!("http://{address}").parse().unwrap();
    let edge = world.start_with(config);
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    assert_eq!(
        client::once(edge.http, get(HOST, "/"))
            .await
            .unwrap()
            .text(),
        "one"
    );
    edge.end().await;
    assert_eq!(world.control.told().goodbyes, 1);
}

#[tokio::test]
async fn a_refused_token_does_not_stop_the_edge() {
    let world = World::new().await;
    std::fs::write(world.folder.path().join("token"), "wrong").unwrap();
    let edge = world.start();
    let answer = client::once(edge.http, get(HOST, "/")).await.unwrap();
    assert_eq!(answer.status, 404);
    let ready = client::once(edge.admin, get("x", "/readyz")).await.unwrap();
    assert_eq!(ready.status, 503);
    edge.end().await;
}
