//! An edge without a lease: it serves on, and gives way on `/readyz` when others could serve.

use crate::app::App;
use crate::basics::metric;
use crate::client::{self, Answer, get};
use crate::faults::restart;
use crate::harness::{HOST, Routes, Running, World, eventually};

async fn ready(edge: &Running) -> Answer {
    client::once(edge.admin, get("x", "/readyz")).await.unwrap()
}

/// The first answer of `/readyz` that says all of this.
async fn ready_with(edge: &Running, parts: &[&str]) -> Answer {
    let mut last = None;
    eventually(&format!("/readyz says {parts:?}"), async || {
        let answer = ready(edge).await;
        let text = answer.text();
        let says = parts.iter().all(|part| text.contains(part));
        last = Some(answer);
        says
    })
    .await;
    last.unwrap()
}

async fn served(edge: &Running) -> String {
    client::once(edge.http, get(HOST, "/"))
        .await
        .unwrap()
        .text()
}

#[tokio::test]
async fn an_edge_that_lost_its_lease_gives_way_to_others_and_serves_on() {
    let world = World::new().await;
    world.control.set_other_edges(1);
    let edge = world.start();
    let app = App::start("one").await;
    world.control.switch(Routes::new().next(&[&app])).await;
    let answer = ready_with(&edge, &["\"lease_held\":true", "\"other_edges\":1"]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("\"reason\":null"));

    world.control.stop();
    let answer = ready_with(&edge, &["\"lease_held\":false"]).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("lease"), "{}", answer.text());
    assert_eq!(served(&edge).await, "one");
    assert_eq!(metric(edge.admin, "segue_edge_lease_held ").await, 0);
    assert_eq!(metric(edge.admin, "segue_edge_other_edges ").await, 1);

    world.control.start().await;
    let answer = ready_with(&edge, &["\"lease_held\":true"]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    // What it knew of others is not kept: alone with its disk it is as ready as it can be.
    world.control.stop();
    edge.kill().await;
    let edge = restart(&world).await;
    let answer = ready(&edge).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("\"lease_held\":false"));
    assert_eq!(served(&edge).await, "one");
    edge.kill().await;
}

#[tokio::test]
async fn an_edge_that_knows_of_no_other_stays_ready_without_a_lease() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    world.control.switch(Routes::new().next(&[&app])).await;
    ready_with(&edge, &["\"lease_held\":true"]).await;
    world.control.stop();
    let answer = ready_with(&edge, &["\"lease_held\":false"]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("\"other_edges\":0"));
    assert_eq!(served(&edge).await, "one");
    edge.kill().await;
}

#[tokio::test]
async fn reports_renew_the_lease_and_the_stream_tells_of_others() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    world.control.switch(Routes::new().next(&[&app])).await;
    // The stream goes on, and what it says is no lease.
    world.control.refuse_reports(true);
    world.control.set_other_edges(2);
    let answer = ready_with(&edge, &["\"other_edges\":2", "\"lease_held\":false"]).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("\"control_plane_connected\":true"));
    assert_eq!(served(&edge).await, "one");
    // The last other one leaves, then one comes back, then reports are taken again.
    world.control.set_other_edges(0);
    let answer = ready_with(&edge, &["\"other_edges\":0"]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.control.set_other_edges(1);
    let answer = ready_with(&edge, &["\"other_edges\":1"]).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    world.control.refuse_reports(false);
    let answer = ready_with(&edge, &["\"lease_held\":true"]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    edge.end().await;
}

#[tokio::test]
async fn without_routes_no_edge_is_ready_whoever_else_there_is() {
    let world = World::new().await;
    world.control.stop();
    let edge = world.start();
    let answer = ready(&edge).await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("no routes"), "{}", answer.text());
    world.control.start().await;
    let answer = ready_with(&edge, &["\"has_routes\":true"]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    edge.end().await;
}
