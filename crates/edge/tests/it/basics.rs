//! Routing, headers, own answers, counts, admin page.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::app::App;
use crate::client::{self, Connection, get, post};
use crate::harness::{HOST, Routes, World, eventually};

#[tokio::test]
async fn requests_reach_their_application_with_the_right_headers() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;

    let mut connection = Connection::open(edge.http).await.unwrap();
    let mut request = get(HOST, "/a/b?c=%20d");
    for (name, value) in [
        ("x-forwarded-for", "6.6.6.6"),
        ("x_client_ip", "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
        ("x-real-ip", "6.6.6.6"),
        ("x-request-id", "mine"),
        ("traceparent", "00-1-2-00"),
        ("proxy", "http://evil"),
        ("x-segue-team", "other"),
        ("x_custom", "kept"),
        ("connection", "x-hop"),
        ("x-hop", "gone"),
    ] {
        request
            .headers_mut()
            .append(http::HeaderName::from_static(name), value.parse().unwrap());
    }
    let answer = connection.send(request).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "one")
    );
    let posted = connection.send(post(HOST, "/echo", "hello")).await.unwrap();
    assert_eq!(posted.text(), "hello");
    let large = connection.send(get(HOST, "/large")).await.unwrap();
    assert_eq!(large.body.len(), 3 << 20);

    let seen = app.seen();
    assert_eq!(seen[0].path, "/a/b?c=%20d");
    assert_eq!((seen[1].method.as_str(), seen[1].body_length), ("POST", 5));
    let headers = &seen[0].headers;
    assert_eq!(headers["host"], HOST);
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-host"], HOST);
    assert_eq!(
        headers["forwarded"],
        format!("for=127.0.0.1;proto=http;host=\"{HOST}\"")
    );
    assert_eq!(headers["x_custom"], "kept");
    for name in ["x_client_ip", "x-real-ip", "proxy", "x-segue-team", "x-hop"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    let id = headers["x-request-id"].to_str().unwrap();
    assert_eq!(id.len(), 32);
    assert_eq!(answer.headers["x-request-id"], id);
    assert!(headers["traceparent"].to_str().unwrap().contains(id));
    edge.end().await;
}

#[tokio::test]
async fn headers_of_a_trusted_proxy_are_believed() {
    let world = World::new().await;
    let mut config = world.config();
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let edge = world.start_with(config);
    let app = App::start("one").await;
    let mut routes = Routes::new();
    routes.policy(|policy| policy.https_redirect = true);
    world.control.switch(routes.next(&[&app])).await;
    let mut request = get(HOST, "/");
    for (name, value) in [
        ("x-forwarded-for", "9.9.9.9, 8.8.8.8"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "outer-1"),
        ("x-real-ip", "9.9.9.9"),
    ] {
        request
            .headers_mut()
            .append(http::HeaderName::from_static(name), value.parse().unwrap());
    }
    let answer = client::once(edge.http, request).await.unwrap();
    assert_eq!(
        answer.status, 200,
        "no redirect: the client came over HTTPS"
    );
    assert_eq!(answer.headers["x-request-id"], "outer-1");
    let headers = &app.seen()[0].headers;
    assert_eq!(headers["x-forwarded-for"], "9.9.9.9, 8.8.8.8, 127.0.0.1");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert!(!headers.contains_key("x-real-ip"));
    edge.end().await;
}

#[tokio::test]
async fn the_edges_own_answers() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    routes.policy(|policy| {
        policy.hold = Duration::ZERO;
        policy.max_body_bytes = 1_000;
    });
    let unknown = client::once(edge.http, get("nobody.localhost", "/"))
        .await
        .unwrap();
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.text().contains("nobody.localhost"),
        "{}",
        unknown.text()
    );

    world.control.switch(routes.next(&[])).await;
    let empty = client::once(edge.http, get(HOST, "/")).await.unwrap();
    assert_eq!(empty.status, 503);
    assert_eq!(empty.headers["retry-after"], "2");

    world.control.switch(routes.next(&[&app])).await;
    let mut connection = Connection::open(edge.http).await.unwrap();
    let large = connection
        .send(post(HOST, "/echo", vec![b'x'; 1_001]))
        .await
        .unwrap();
    assert_eq!(large.status, 413);
    let chunked = client::raw(
        edge.http,
        format!(
            "POST /echo HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n",
            "x".repeat(2_000)
        )
        .as_bytes(),
    )
    .await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");

    routes.policy(|policy| policy.https_redirect = true);
    world.control.switch(routes.next(&[&app])).await;
    let moved = client::once(edge.http, get(HOST, "/x?y=1")).await.unwrap();
    assert_eq!(moved.status, 308);
    assert_eq!(
        moved.headers["location"].to_str().unwrap(),
        format!("https://{HOST}:{}/x?y=1", edge.https.port())
    );
    edge.end().await;
}

#[tokio::test]
async fn requests_wait_for_the_first_ready_endpoint_and_not_for_ever() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("late").await;
    let mut routes = Routes::new();
    routes.policy(|policy| policy.hold = Duration::from_secs(20));
    world.control.switch(routes.next(&[])).await;
    let waiting: Vec<_> = (0..20)
        .map(|_| tokio::spawn(client::once(edge.http, post(HOST, "/echo", "x"))))
        .collect();
    eventually("requests are held", async || {
        metric(edge.admin, "segue_edge_requests_held ").await == 20
    })
    .await;
    world.control.switch(routes.next(&[&app])).await;
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap().status, 200);
    }
    assert_eq!(app.seen().len(), 20);
    let release = routes.release();
    let told = world
        .control
        .wait("counts", |told| {
            told.counts
                .get(&Some(release))
                .is_some_and(|counts| counts.total() == 20)
        })
        .await;
    assert!(told.counts[&Some(release)].wait_max_us > 0);

    routes.policy(|policy| policy.hold = Duration::from_millis(100));
    world.control.switch(routes.next(&[])).await;
    let answer = client::once(edge.http, get(HOST, "/")).await.unwrap();
    assert_eq!(answer.status, 503);
    edge.end().await;
}

#[tokio::test]
async fn a_waiting_request_follows_its_own_path_to_another_route() {
    let world = World::new().await;
    let edge = world.start();
    let (root, api) = (App::start("root").await, App::start("api").await);
    let mut routes = Routes::new();
    routes.policy(|policy| policy.hold = Duration::from_secs(20));
    world.control.switch(routes.next(&[])).await;
    let waiting = tokio::spawn(client::once(edge.http, get(HOST, "/%61pi/x")));
    eventually("it is held", async || {
        metric(edge.admin, "segue_edge_requests_held ").await == 1
    })
    .await;
    // The route of service `web` is replaced by two of other services.
    let mut split = routes.next(&[&root]);
    split.routes[0].service = "page".parse().unwrap();
    let mut second = split.routes[0].clone();
    second.service = "api".parse().unwrap();
    second.path = "/api".parse().unwrap();
    second.pools[0].endpoints[0].instance = api.instance;
    second.pools[0].endpoints[0].address = api.address;
    split.routes.push(second);
    world.control.switch(split).await;
    assert_eq!(waiting.await.unwrap().unwrap().text(), "api");
    edge.end().await;
}

#[tokio::test]
async fn counts_equal_what_a_client_counts() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let mut connection = Connection::open(edge.http).await.unwrap();
    for number in 0..30 {
        let path = if number % 10 == 0 { "/500" } else { "/" };
        connection.send(get(HOST, path)).await.unwrap();
    }
    // The control plane is away for a while; nothing is lost and nothing counted twice.
    world.control.stop();
    for _ in 0..12 {
        connection.send(get(HOST, "/")).await.unwrap();
    }
    world.control.start().await;
    let release = Some(routes.release());
    let told = world
        .control
        .wait("all counts", |told| {
            told.counts
                .get(&release)
                .is_some_and(|counts| counts.total() >= 42)
        })
        .await;
    assert_eq!(told.counts[&release].by_class, [0, 39, 0, 0, 3]);
    assert_eq!(
        told.counts[&release].edge_failed + told.counts[&release].broken,
        0
    );
    let metrics = client::once(edge.admin, get("x", "/metrics"))
        .await
        .unwrap()
        .text();
    assert!(metrics.contains("result=\"2xx\"} 39"), "{metrics}");
    let ready = client::once(edge.admin, get("x", "/readyz")).await.unwrap();
    assert_eq!(ready.status, 200);
    edge.end().await;
}

#[tokio::test]
async fn a_slow_backend_gets_little_traffic() {
    let world = World::new().await;
    let edge = world.start();
    let mut apps = Vec::new();
    for index in 0..4 {
        let app = App::start(&format!("app{index}")).await;
        let delay = if index == 0 { 100_000 } else { 10_000 };
        app.behaviour.delay_us.store(delay, Ordering::Relaxed);
        apps.push(app);
    }
    let mut routes = Routes::new();
    world
        .control
        .switch(routes.next(&apps.iter().collect::<Vec<_>>()))
        .await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        clients.spawn(async move {
            let mut connection = Connection::open(edge.http).await.unwrap();
            for _ in 0..150 {
                assert_eq!(connection.send(get(HOST, "/")).await.unwrap().status, 200);
            }
        });
    }
    clients.join_all().await;
    let counts: Vec<u64> = apps.iter().map(App::begun).collect();
    assert_eq!(counts.iter().sum::<u64>(), 1_200);
    assert!(counts[0] * 20 < 1_200, "{counts:?}");
    edge.end().await;
}

/// Value of a metric without labels.
pub async fn metric(admin: SocketAddr, name: &str) -> u64 {
    let text = client::once(admin, get("x", "/metrics"))
        .await
        .unwrap()
        .text();
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .trim()
        .parse()
        .unwrap()
}
