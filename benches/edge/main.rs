//! Figures of the edge alone, without Docker or a database: `cargo bench -p segue-edge`.
//!
//! Prints the machine, then one line per figure. Clients, applications and the control plane run in
//! the same process, so only what is counted by thread or by clock means something; requests per
//! second do not. Names as arguments choose figures: `cargo bench -p segue-edge -- switch idle`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    reason = "a benchmark is a test: it fails by panicking and tells by printing"
)]

#[path = "../../crates/edge/tests/it/app.rs"]
mod app;
#[path = "../../crates/edge/tests/it/client.rs"]
mod client;
#[path = "../../crates/edge/tests/it/control.rs"]
mod control;
#[path = "../../crates/edge/tests/it/harness.rs"]
mod harness;

use std::time::{Duration, Instant};

use segue_model::id::EnvironmentId;
use tokio::net::TcpStream;
use uuid::Uuid;

use app::App;
use client::{Connection, get};
use harness::{HOST, Routes, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let on = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    println!(
        "cpus {}, load {}, profile {}",
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        std::fs::read_to_string("/proc/loadavg").unwrap().trim(),
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
    );
    if on("switch") {
        switch().await;
    }
    if on("cpu") {
        cpu().await;
    }
    if on("idle") {
        idle().await;
    }
    if on("quiet") {
        quiet().await;
    }
    if on("restart") {
        restart().await;
    }
    if on("churn") {
        churn().await;
    }
    if on("post") {
        post().await;
    }
}

fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: p50 {:?}, p90 {:?}, p99 {:?}, max {:?}, n {}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        times.len()
    );
}

/// From the control plane's sending of a change to the first response of the new instance, and to
/// the arrival of the acknowledgement. A prober asks without pause on one connection.
async fn switch() {
    let world = World::new().await;
    let edge = world.start();
    let mut routes = Routes::new();
    let apps = [App::start("0").await, App::start("1").await];
    world.control.switch(routes.next(&[&apps[0]])).await;
    let mut connection = Connection::open(edge.http).await.unwrap();
    let (mut first, mut acknowledged) = (Vec::new(), Vec::new());
    for number in 1..=200 {
        let next = &apps[number % 2];
        let generation = routes.next(&[next]);
        let start = Instant::now();
        world.control.set(generation.clone());
        let probe = async {
            while connection.send(get(HOST, "/")).await.unwrap().text() != next.name {}
            start.elapsed()
        };
        let acknowledge = async {
            world.control.wait_acknowledged(&generation).await;
            start.elapsed()
        };
        let (one, two) = futures::future::join(probe, acknowledge).await;
        first.push(one);
        acknowledged.push(two);
    }
    percentiles("change sent -> first request on it", first);
    percentiles("change sent -> acknowledgement there", acknowledged);
    edge.end().await;
}

/// Processor time of the data threads per keep-alive request.
async fn cpu() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let before = data_thread_time();
    let start = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..32 {
        clients.spawn(async move {
            let mut connection = Connection::open(edge.http).await.unwrap();
            let mut count = 0_u32;
            while start.elapsed() < Duration::from_secs(5) {
                assert_eq!(connection.send(get(HOST, "/")).await.unwrap().status, 200);
                count += 1;
            }
            count
        });
    }
    let requests: u32 = clients.join_all().await.into_iter().sum();
    let spent = data_thread_time() - before;
    println!(
        "keep-alive request: {:?} of the data threads' time each, {requests} requests",
        spent / requests
    );
    edge.end().await;
}

/// Time on the processor of this process's data threads.
fn data_thread_time() -> Duration {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        if name.starts_with("edge-") {
            let stat = std::fs::read_to_string(path.join("schedstat")).unwrap();
            sum += stat.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
    }
    Duration::from_nanos(sum)
}

/// Memory of a connection that has served a request and waits for the next. Both its ends live in
/// this process; the client's end is a bare socket.
async fn idle() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let mut open = Vec::new();
    // The first ones pay for pools and arenas.
    for count in [200, 2_000] {
        let before = resident_bytes();
        for _ in 0..count {
            let mut stream = TcpStream::connect(edge.http).await.unwrap();
            one_request(&mut stream).await;
            open.push(stream);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let grown = resident_bytes().saturating_sub(before);
        println!(
            "{count} idle connections: {} bytes each, with the client's end",
            grown / count
        );
    }
    drop(open);
    edge.end().await;
}

async fn one_request(stream: &mut TcpStream) {
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = [0; 1024];
    let mut have = 0;
    while !buffer[..have].ends_with(b"\r\n\r\none") {
        have += stream.read(&mut buffer[have..]).await.unwrap();
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Processor time of the whole process while nothing happens but heartbeats and reports.
async fn quiet() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let mut connection = Connection::open(edge.http).await.unwrap();
    connection.send(get(HOST, "/")).await.unwrap();
    let before = process_time();
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "5 quiet seconds: {:?} of processor time, the control plane of the test included",
        process_time() - before
    );
    edge.end().await;
}

fn process_time() -> Duration {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let stat = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        sum += stat.split(' ').next().unwrap().parse::<u64>().unwrap();
    }
    Duration::from_nanos(sum)
}

/// A table of 10,000 environments on the disk: time until an edge has it in force.
async fn restart() {
    let world = World::new().await;
    let app = App::start("one").await;
    let mut last = Routes::new();
    for number in 0..10_000_u128 {
        let mut routes = Routes::new();
        routes.routes.environment = EnvironmentId::from_uuid(Uuid::from_u128(1_000 + number));
        routes.routes.routes[0].hosts = vec![format!("app{number}.localhost").parse().unwrap()];
        world.control.set(routes.next(&[&app]));
        last = routes;
    }
    let edge = world.start();
    let start = Instant::now();
    world.control.wait_acknowledged(&last.routes).await;
    println!(
        "snapshot of 10,000 routes: {:?} to its acknowledgement",
        start.elapsed()
    );
    edge.end().await;
    world.control.stop();
    let start = Instant::now();
    let edge = world.start();
    let bound = start.elapsed();
    let answer = client::once(edge.http, get("app9999.localhost", "/"))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    println!(
        "start from disk with 10,000 routes: {bound:?} to listening, {:?} to an answer",
        start.elapsed()
    );
    edge.end().await;
}

/// A thousand changes a second for three seconds, entering at the stream.
async fn churn() {
    let world = World::new().await;
    let edge = world.start();
    let mut routes = Routes::new();
    let apps = [App::start("0").await, App::start("1").await];
    world.control.switch(routes.next(&[&apps[0]])).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let start = Instant::now();
    for number in 0..3_000 {
        ticks.tick().await;
        world.control.set(routes.next(&[&apps[number % 2]]));
    }
    let sent = start.elapsed();
    world.control.wait_acknowledged(&routes.routes).await;
    println!(
        "3,000 changes sent in {sent:?}, the last in force after {:?}",
        start.elapsed()
    );
    edge.end().await;
}

/// What a POST costs on a connection of its own and on a kept one that is proven open; and what fails when the
/// application closes kept connections without a word, in the worst moments.
async fn post() {
    for (name, fresh_per_second) in [("own connection", u32::MAX), ("kept, proven open", 0)] {
        let world = World::new().await;
        let mut config = world.config();
        config.limits.fresh_per_second = fresh_per_second;
        let edge = world.start_with(config);
        let mut routes = Routes::new();
        let app = App::start("one").await;
        world.control.switch(routes.next(&[&app])).await;
        let mut connection = Connection::open(edge.http).await.unwrap();
        let mut times = Vec::new();
        let before = data_thread_time();
        for _ in 0..5_000 {
            let start = Instant::now();
            let answer = connection.send(client::post(HOST, "/echo", "x")).await;
            assert_eq!(answer.unwrap().status, 200);
            times.push(start.elapsed());
        }
        let spent = (data_thread_time() - before) / 5_000;
        percentiles(
            &format!("POST, {name}, {spent:?} of a data thread each"),
            times,
        );

        let mut closing = App::start("closing").await;
        closing.address = closing_application().await;
        world.control.switch(routes.next(&[&closing])).await;
        let mut failed = 0;
        for _ in 0..5_000 {
            let answer = connection.send(client::post(HOST, "/", "x")).await.unwrap();
            if answer.status != 200 {
                failed += 1;
                connection = Connection::open(edge.http).await.unwrap();
            }
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..2_000))).await;
        }
        println!("POST, {name}, an application that closes within 2 ms: {failed} of 5,000 failed");
        edge.end().await;
    }
}

/// Answers, and closes the connection without a word at some moment of the next two milliseconds.
async fn closing_application() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                // Nobody closes a connection on which nothing was asked yet.
                let mut patience = Duration::from_secs(60);
                while let Ok(Ok(1..)) =
                    tokio::time::timeout(patience, stream.read(&mut buffer)).await
                {
                    patience = Duration::from_micros(fastrand::u64(..2_000));
                    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    if stream.write_all(response).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}
