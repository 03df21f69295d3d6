//! Edges: routes reach them, their reports come back, and nobody else is let in.

use axum::body::Body;
use axum::http::Request;
use segue_model::change::{Changes, EventKind, EventSubject, NewEvent};
use segue_model::id::{EdgeId, EnvironmentId};
use segue_model::internal::{Report, StreamBody, StreamMessage};
use segue_model::route::{EnvironmentRoutes, RouteGen};
use segue_store::fresh_id;

use crate::live::{Lines, PATIENCE, Server, commit};

async fn message(lines: &mut Lines) -> StreamMessage {
    serde_json::from_str(&lines.next().await.unwrap()).unwrap()
}

fn edge_request(method: &str, edge: EdgeId, path: &str, token: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(format!("/internal/v1/edges/{edge}/{path}"))
        .header("host", "segue")
        .header("authorization", format!("Bearer {token}"))
        .body(body)
        .unwrap()
}

fn event(message: &str) -> NewEvent {
    NewEvent {
        kind: EventKind::RoutesChanged,
        subject: EventSubject {
            route_gen: Some(RouteGen(1)),
            ..EventSubject::default()
        },
        message: message.into(),
        failure: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committed_route_reaches_an_edge_and_reports_come_back() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let path = api.app(&owner, "acme", "shop").await;
    let env: EnvironmentId = api.get(&path, &owner).await.expect(200)["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let token = std::fs::read_to_string(&api.config.edge_token_file).unwrap();
    let edge = EdgeId::from_uuid(fresh_id());

    for bad in ["", "wrong", &token[..31], &format!("{token}x")] {
        let refused = server
            .internal(edge_request("GET", edge, "stream", bad, Body::empty()))
            .await;
        assert_eq!(refused.status(), 401, "{bad}");
    }
    // People's tokens open nothing here.
    let refused = server
        .internal(edge_request(
            "GET",
            edge,
            "stream",
            &owner.token,
            Body::empty(),
        ))
        .await;
    assert_eq!(refused.status(), 401);

    let response = server
        .internal(edge_request("GET", edge, "stream", &token, Body::empty()))
        .await;
    assert_eq!(response.status(), 200);
    let mut lines = Lines::new(response.into_body());
    let first = message(&mut lines).await;
    assert_eq!(first.number, 1);
    assert!(
        matches!(first.body, StreamBody::Snapshot { ref environments, .. } if environments.is_empty())
    );

    let mut took = Vec::new();
    for generation in 1..=20 {
        let made = |world: &segue_model::world::World| Changes {
            routes: Some(EnvironmentRoutes {
                team: world.team,
                app: world.app,
                environment: env,
                route_gen: RouteGen(generation),
                routes: Vec::new(),
            }),
            events: vec![event("routes changed")],
            ..Changes::default()
        };
        let reading = async {
            loop {
                let message = message(&mut lines).await;
                if !matches!(message.body, StreamBody::Heartbeat { .. }) {
                    break (message, std::time::Instant::now());
                }
            }
        };
        let (committed, (message, read)) = tokio::join!(commit(api.store(), env, made), reading);
        took.push(read.saturating_duration_since(committed));
        match message.body {
            StreamBody::Change { routes } => assert_eq!(routes.route_gen, RouteGen(generation)),
            other => panic!("{other:?}"),
        }
    }
    took.sort();
    println!(
        "commit of a route to the edge's stream: median {:?} of {}",
        took[10],
        took.len()
    );

    let report = Report {
        acknowledged: [(env, RouteGen(20))].into(),
        report_number: 1,
        http_port: Some(8080),
        ..Report::default()
    };
    let body = Body::from(serde_json::to_vec(&report).unwrap());
    let kept = server
        .internal(edge_request("POST", edge, "reports", &token, body))
        .await;
    assert_eq!(kept.status(), 204);
    let world = api.store().system().world(env).await.unwrap().unwrap();
    assert_eq!(world.edges[&edge].acknowledged, RouteGen(20));
    assert!(world.edges[&edge].is_live(world.now));
    let gone = server
        .internal(edge_request("POST", edge, "goodbye", &token, Body::empty()))
        .await;
    assert_eq!(gone.status(), 204);
    let world = api.store().system().world(env).await.unwrap().unwrap();
    assert!(!world.edges.contains_key(&edge));
    server.end().await;
}

/// Reads on until a heartbeat tells this number of other edges.
async fn told_of(lines: &mut Lines, count: u32) {
    let told = async {
        loop {
            if let StreamBody::Heartbeat { other_edges, .. } = message(lines).await.body
                && other_edges == count
            {
                return;
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, told).await;
    assert!(told.is_ok(), "not told of {count} other edges");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_is_told_of_others_that_join_and_leave() {
    let server = Server::start().await;
    let token = std::fs::read_to_string(&server.api.config.edge_token_file).unwrap();
    let [one, two] = [(); 2].map(|()| EdgeId::from_uuid(fresh_id()));
    let stream = async |edge| {
        let response = server
            .internal(edge_request("GET", edge, "stream", &token, Body::empty()))
            .await;
        assert_eq!(response.status(), 200);
        let mut lines = Lines::new(response.into_body());
        match message(&mut lines).await.body {
            StreamBody::Snapshot { other_edges, .. } => (lines, other_edges),
            other => panic!("{other:?}"),
        }
    };
    let report = async |edge| {
        let body = serde_json::to_vec(&Report::default()).unwrap();
        let kept = server
            .internal(edge_request("POST", edge, "reports", &token, body.into()))
            .await;
        assert_eq!(kept.status(), 204);
    };

    let (mut lines, others) = stream(one).await;
    assert_eq!(others, 0);
    report(one).await;
    // Its own lease is not another's.
    told_of(&mut lines, 0).await;
    // A stream alone is no lease; the first report is.
    let (_lines_of_two, _) = stream(two).await;
    told_of(&mut lines, 0).await;
    report(two).await;
    told_of(&mut lines, 1).await;
    report(two).await;
    let (mut again, others) = stream(one).await;
    assert_eq!(others, 1, "the snapshot tells, too");

    let gone = server
        .internal(edge_request("POST", two, "goodbye", &token, Body::empty()))
        .await;
    assert_eq!(gone.status(), 204);
    told_of(&mut lines, 0).await;
    told_of(&mut again, 0).await;

    // One that is killed leaves with its lease.
    report(two).await;
    told_of(&mut lines, 1).await;
    told_of(&mut lines, 0).await;
    server.end().await;
}
