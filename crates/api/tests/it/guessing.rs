//! What whoever guesses passwords gets, and what whoever was let in keeps: no more hashes than a person needs, and no
//! stream that outlives its session.

use axum::body::Body;
use axum::http::{Method, Request};
use segue_store::Role;
use serde_json::json;

use crate::harness::{Api, Person};
use crate::live::Server;
use crate::sessions::{PASSWORD, login, people, signed_in, sql, with_password};

#[tokio::test]
async fn an_account_is_guessed_at_five_times_a_minute() {
    let (api, _) = people().await;
    for _ in 0..8 {
        signed_in(&api, "ada@example.com").await;
    }
    for _ in 0..5 {
        assert_eq!(
            login(&api, "ada@example.com", "wrong horse").await.status,
            401
        );
    }
    // The right one is refused too, or the answer would tell which one it is.
    let refused = login(&api, "ada@example.com", PASSWORD).await;
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.expect(429)["code"], "rate_limited");
    // Another server of the installation counts on, and other accounts are not touched.
    let other = Api::over(api.store().clone(), None);
    assert_eq!(login(&other, "ADA@example.com", PASSWORD).await.status, 429);
    assert_eq!(
        login(&other, "nobody@example.com", PASSWORD).await.status,
        401
    );
    sql(
        &api,
        "update sign_in_attempts set at = at - interval '1 minute'",
    )
    .await;
    signed_in(&api, "ada@example.com").await;
}

#[tokio::test]
async fn ten_thousand_guesses_from_one_address_reach_five_hashes_a_minute() {
    let server = Server::start().await;
    let begin = std::time::Instant::now();
    let guess = async |from: u32| {
        let mut client = Client::connect(&server).await;
        let mut reached = 0;
        for n in from..from + 1250 {
            let body = json!({"email": format!("person{n}@example.com"), "password": "guess"});
            let request = Request::post("/v1/auth/login")
                .header("host", "localhost")
                .header("content-type", "application/json")
                .header("x-forwarded-for", format!("203.0.113.{}", n % 250))
                .header("x-real-ip", format!("198.51.100.{}", n % 250))
                .header("forwarded", format!("for=192.0.2.{}", n % 250))
                .header("cf-connecting-ip", format!("192.0.2.{}", n % 250))
                .header("user-agent", format!("agent {n}"));
            let status = client
                .send(request.body(Body::from(body.to_string())).unwrap())
                .await;
            match status {
                401 => reached += 1,
                429 => {}
                other => panic!("{other}"),
            }
        }
        reached
    };
    let guesses = (0..8).map(|worker| guess(worker * 1250));
    let reached: u64 = futures::future::join_all(guesses).await.into_iter().sum();
    let minutes = begin.elapsed().as_secs() / 60 + 1;
    assert!(
        (1..=5 * minutes).contains(&reached),
        "{reached} in {minutes} minutes"
    );
    server.end().await;
}

/// One connection that is kept.
struct Client(hyper::client::conn::http1::SendRequest<Body>);

impl Client {
    async fn connect(server: &Server) -> Self {
        let stream = tokio::net::TcpStream::connect(server.api.config.listen)
            .await
            .unwrap();
        let (sender, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(&mut self, request: Request<Body>) -> u16 {
        use http_body_util::BodyExt as _;
        self.0.ready().await.unwrap();
        let response = self.0.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        response.into_body().collect().await.unwrap();
        status
    }
}

#[tokio::test]
async fn a_stream_ends_when_what_opened_it_does() {
    let server = Server::start().await;
    let ada = server.api.team("ada", false).await;
    let ben = server.api.member(ada.team, "ben", Role::Viewer).await;
    with_password(&server.api, &ben).await;
    let session = signed_in(&server.api, "ben@example.com").await;
    let reader = |access: &str| Person {
        token: access.to_owned(),
        ..ben.clone()
    };
    let mut by_session = server
        .follow("/v1/events", &reader(&session.access), None)
        .await;
    let mut by_token = server.follow("/v1/events", &ben, None).await;
    // It lives while nothing changes, and so do streams of others.
    server
        .api
        .post("/v1/teams/ada/apps", &ada, json!({"name": "shop"}))
        .await
        .expect(201);
    // What was before may come late: it is shown when no older transaction can still add to it.
    for stream in [&mut by_session, &mut by_token] {
        while stream.event().await.unwrap().2["kind"] != "app.created" {}
    }
    let headers = [("cookie", session.cookie.as_str()), ("x-segue-csrf", "1")];
    let out = server
        .api
        .call(Method::POST, "/v1/auth/logout", None, None, &headers)
        .await;
    assert_eq!(out.status, 204);
    while by_session.next().await.is_some() {}
    // The other one goes on until its person is removed from the team.
    server
        .api
        .post("/v1/teams/ada/apps", &ada, json!({"name": "blog"}))
        .await
        .expect(201);
    while by_token.event().await.unwrap().2["kind"] != "app.created" {}
    let path = format!("/v1/teams/ada/members/{}", ben.user);
    let gone = server
        .api
        .call(Method::DELETE, &path, Some(&ada.token), None, &[])
        .await;
    assert_eq!(gone.status, 204);
    while by_token.next().await.is_some() {}
    server.end().await;
}
