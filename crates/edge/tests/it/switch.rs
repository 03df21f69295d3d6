//! The promise: a hundred switches under load that does not wait, and nothing fails.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use segue_model::id::InstanceId;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::client::{self, Connection, Failed, Websocket, get, post};
use crate::harness::{HOST, Routes, World};

const SWITCHES: usize = 100;

/// What the load has seen.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    by_app: Mutex<BTreeMap<String, u64>>,
    failures: Mutex<Vec<String>>,
    websockets_closed: AtomicU64,
}

impl Tally {
    fn note(&self, kind: &str, outcome: Result<String, Failed>) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(app) => *self.by_app.lock().unwrap().entry(app).or_default() += 1,
            Err(error) => self
                .failures
                .lock()
                .unwrap()
                .push(format!("{kind}: {error}")),
        }
    }
}

fn served(answer: client::Answer) -> Result<String, Failed> {
    if answer.status != 200 {
        return Err(format!("{} {}", answer.status, answer.text()).into());
    }
    Ok(answer
        .headers
        .get("x-app")
        .and_then(|app| app.to_str().ok())
        .unwrap_or("echo")
        .to_owned())
}

/// Sends at a fixed rate, whatever the answers do. Connections come from `idle` when it is given.
async fn open_loop(
    kind: &'static str,
    edge: SocketAddr,
    every: Duration,
    keep_alive: bool,
    request: fn(u64) -> http::Request<http_body_util::Full<bytes::Bytes>>,
    tally: Arc<Tally>,
    stop: CancellationToken,
) {
    let idle: Arc<Mutex<Vec<Connection>>> = Arc::default();
    let mut ticks = tokio::time::interval(every);
    let mut tasks = JoinSet::new();
    let mut number = 0;
    while !stop.is_cancelled() {
        ticks.tick().await;
        number += 1;
        let (idle, tally) = (idle.clone(), tally.clone());
        tasks.spawn(async move {
            let kept = keep_alive.then(|| idle.lock().unwrap().pop()).flatten();
            let outcome = async {
                let mut connection = match kept {
                    Some(connection) => connection,
                    None => Connection::open(edge).await?,
                };
                let answer = served(connection.send(request(number)).await?)?;
                if keep_alive {
                    idle.lock().unwrap().push(connection);
                }
                Ok(answer)
            };
            tally.note(kind, outcome.await);
        });
        while tasks.try_join_next().is_some() {}
    }
    tasks.join_all().await;
}

/// Talks over a websocket until the edge closes it with 1001, then opens the next.
async fn websockets(edge: SocketAddr, tally: Arc<Tally>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let mut websocket = match Websocket::open(edge, HOST).await {
            Ok(websocket) => websocket,
            Err(error) => {
                tally.note("websocket", Err(error));
                continue;
            }
        };
        tally.note("websocket", Ok(websocket.app.clone()));
        while !stop.is_cancelled() {
            use tokio::io::AsyncWriteExt;
            let message = b"a message of some length";
            let written = websocket
                .stream
                .write_all(&app::masked_frame_bytes(1, message))
                .await;
            match app::read_frame(&mut websocket.stream).await {
                Some((1, payload)) if payload == message => {}
                Some((8, payload)) if payload == 1001_u16.to_be_bytes() => {
                    tally.websockets_closed.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                other => {
                    tally.note(
                        "websocket",
                        Err(format!("{other:?} after {written:?}").into()),
                    );
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_switches_under_load_fail_nothing() {
    let world = World::new().await;
    let edge = world.start();
    let mut routes = Routes::new();
    routes.policy(|policy| policy.drain_upgraded = Duration::from_millis(100));
    let mut current = vec![App::start("0-a").await, App::start("0-b").await];
    world
        .control
        .switch(routes.next(&current.iter().collect::<Vec<_>>()))
        .await;

    let tally = Arc::new(Tally::default());
    let stop = CancellationToken::new();
    let mut load = JoinSet::new();
    let ms = Duration::from_millis;
    let http = edge.http;
    load.spawn(open_loop(
        "keep-alive",
        http,
        ms(8),
        true,
        |_| get(HOST, "/x"),
        tally.clone(),
        stop.clone(),
    ));
    load.spawn(open_loop(
        "new connection",
        http,
        ms(20),
        false,
        |_| get(HOST, "/y"),
        tally.clone(),
        stop.clone(),
    ));
    load.spawn(open_loop(
        "post",
        http,
        ms(15),
        true,
        |number| post(HOST, "/z", vec![b'p'; (number as usize % 7) * 20_000]),
        tally.clone(),
        stop.clone(),
    ));
    for _ in 0..4 {
        load.spawn(websockets(http, tally.clone(), stop.clone()));
    }

    let mut late = Vec::new();
    for number in 1..=SWITCHES {
        let next = vec![
            App::start(&format!("{number}-a")).await,
            App::start(&format!("{number}-b")).await,
        ];
        // Only the load that runs now counts: each generation must have served before it goes.
        let served_before = tally.sent.load(Ordering::Relaxed);
        crate::harness::eventually("load on this generation", async || {
            tally.sent.load(Ordering::Relaxed) >= served_before + 10
        })
        .await;
        let generation = routes.next(&next.iter().collect::<Vec<_>>());
        let told = world.control.switch(generation).await;
        let after_ack: Vec<u64> = current.iter().map(App::begun).collect();
        let open: Vec<u64> = current
            .iter()
            .map(|app| {
                told.draining
                    .get(&app.instance)
                    .map_or(0, |open| u64::from(open.requests))
            })
            .collect();
        let gone: Vec<InstanceId> = current.iter().map(|app| app.instance).collect();
        world
            .control
            .wait("old instances are idle", |told| {
                gone.iter().all(|instance| {
                    told.draining
                        .get(instance)
                        .is_none_or(|open| open.is_idle())
                })
            })
            .await;
        // Nothing is open: they are killed without any care.
        for ((app, after), open) in current.iter().zip(after_ack).zip(open) {
            app.kill();
            if app.begun() > after + open {
                late.push(format!(
                    "{}: {} after the acknowledgement, {open} were open",
                    app.name,
                    app.begun() - after
                ));
            }
        }
        current = next;
    }
    stop.cancel();
    load.join_all().await;

    let failures = tally.failures.lock().unwrap().clone();
    let sent = tally.sent.load(Ordering::Relaxed);
    let served = tally.by_app.lock().unwrap().len();
    println!(
        "{sent} requests over {SWITCHES} switches, {served} instances served, {} websockets closed",
        tally.websockets_closed.load(Ordering::Relaxed)
    );
    assert!(
        failures.is_empty(),
        "{} of {sent} failed: {:#?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
    assert!(late.is_empty(), "{late:#?}");
    assert!(served > SWITCHES, "load reached the generations: {served}");
    assert!(tally.websockets_closed.load(Ordering::Relaxed) > 50);
    let told = world.control.told();
    let failed: u64 = told
        .counts
        .values()
        .map(|counts| counts.edge_failed + counts.broken)
        .sum();
    assert_eq!(failed, 0, "the edge's own count");
    edge.end().await;
}
