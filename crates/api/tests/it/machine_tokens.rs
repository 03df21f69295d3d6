//! Tokens of a team for machines: what bounds them, and who may make, see and revoke them.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Method, Request};
use hyper_util::rt::TokioIo;
use segue_store::Role;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::harness::{Api, Person, with_key};
use crate::live::Server;

const TOKENS: &str = "/v1/teams/acme/tokens";

fn token(change: Value) -> Value {
    let mut body =
        json!({"name": "ci", "role": "deployer", "scopes": ["deploy"], "expires_in_days": 30});
    for (key, value) in change.as_object().unwrap() {
        match value {
            Value::Null => body.as_object_mut().unwrap().remove(key),
            value => body
                .as_object_mut()
                .unwrap()
                .insert(key.clone(), value.clone()),
        };
    }
    body
}

#[tokio::test]
async fn a_token_is_bounded_by_what_it_says_and_by_who_made_it() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let shop = api.app(&owner, "acme", "shop").await;
    let blog = api.app(&owner, "acme", "blog").await;
    let deployer = api.member(owner.team, "deployer", Role::Deployer).await;
    let body = token(json!({"app": "shop"}));
    let made = with_key(&api, TOKENS, &deployer, "k", body.clone()).await;
    assert_eq!(made.headers["cache-control"], "no-store");
    let made = made.expect(201);
    let again = with_key(&api, TOKENS, &deployer, "k", body)
        .await
        .expect(201);
    assert_eq!((&again["id"], &again["token"]), (&made["id"], &Value::Null));
    assert_eq!(made["created_by_name"], "deployer");
    let text = made["token"].as_str().unwrap();
    assert!(
        made["prefix"].as_str().unwrap().len() == 14
            && !text.contains(&made["prefix"].as_str().unwrap()[6..])
    );
    let machine = Person {
        token: text.to_owned(),
        ..deployer.clone()
    };
    let image = json!({"image": "nginx:1.25"});
    api.post(&format!("{shop}/deployments"), &machine, image.clone())
        .await
        .expect(202);
    // Not another app, not what no scope says, not the team, not other tokens.
    api.post(&format!("{blog}/deployments"), &machine, image)
        .await
        .expect(404);
    let config = format!("{shop}/config");
    let patch = api.call(
        Method::PATCH,
        &config,
        Some(text),
        Some(json!({"A": "1"})),
        &[],
    );
    patch.await.expect(403);
    api.post("/v1/teams/acme/apps", &machine, json!({"name": "x"}))
        .await
        .expect(403);
    api.post(TOKENS, &machine, token(json!({})))
        .await
        .expect(403);
    // Not above the maker, in role or in scopes.
    api.post(TOKENS, &deployer, token(json!({"role": "admin"})))
        .await
        .expect(403);
    api.post(TOKENS, &owner, token(json!({"scopes": ["secret:reveal"]})))
        .await
        .expect(403);
    // The maker is lowered: so is the token, at once.
    let path = format!("/v1/teams/acme/members/{}", deployer.user);
    let body = json!({"role": "viewer"});
    api.call(Method::PATCH, &path, Some(&owner.token), Some(body), &[])
        .await
        .expect(200);
    api.get(&shop, &machine).await.expect(200);
    let image = json!({"image": "nginx:1.25"});
    api.post(&format!("{shop}/deployments"), &machine, image)
        .await
        .expect(403);
}

#[tokio::test]
async fn what_makes_no_token_is_refused_with_its_place() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    for (change, pointer) in [
        (json!({"name": ""}), "/name"),
        (json!({"name": "   "}), "/name"),
        (json!({"name": "a\nb"}), "/name"),
        (json!({"name": "x".repeat(101)}), "/name"),
        (json!({"role": "king"}), "/role"),
        (json!({"scopes": []}), "/scopes"),
        (json!({"scopes": ["everything"]}), "/scopes"),
        (json!({"app": "nothing"}), "/app"),
        (
            json!({"app": "app_ffffffffffffffffffffffffffffffff"}),
            "/app",
        ),
        (json!({"address_ranges": ["here"]}), "/address_ranges/0"),
        (
            json!({"address_ranges": ["10.0.0.1/8"]}),
            "/address_ranges/0",
        ),
        (
            json!({"address_ranges": vec!["10.0.0.0/8"; 33]}),
            "/address_ranges",
        ),
        (json!({"expires_in_days": 0}), "/expires_in_days"),
        (json!({"expires_in_days": 367}), "/expires_in_days"),
    ] {
        let refused = api
            .post(TOKENS, &owner, token(change.clone()))
            .await
            .expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{change}");
    }
    // A token without an end, and one without a role, cannot even be asked for.
    for missing in ["expires_in_days", "role", "scopes", "name"] {
        api.post(TOKENS, &owner, token(json!({ missing: null })))
            .await
            .expect(422);
    }
}

/// Asks for the team over a connection from this address, with headers that claim another one.
async fn from(server: &Server, local: [u8; 4], token: &str, forged: &str) -> u16 {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((local, 0))).unwrap();
    let stream = socket.connect(server.api.config.listen).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("/v1/teams/acme")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {token}"))
        .header("x-forwarded-for", forged)
        .header("x-real-ip", forged)
        .header("forwarded", format!("for={forged}"))
        .body(Body::empty())
        .unwrap();
    let status = sender.send_request(request).await.unwrap().status();
    drop(sender);
    connection.await.unwrap().unwrap();
    status.as_u16()
}

#[tokio::test]
async fn a_token_is_good_from_its_networks_by_the_sockets_peer_and_no_header() {
    let server = Server::start().await;
    let api = &server.api;
    let owner = api.team("acme", false).await;
    let ranges = json!({"address_ranges": ["127.0.0.7", "127.8.0.0/16", "2001:db8::/32"]});
    let made = api.post(TOKENS, &owner, token(ranges)).await.expect(201);
    assert_eq!(
        made["address_ranges"],
        json!(["127.0.0.7/32", "127.8.0.0/16", "2001:db8::/32"])
    );
    let text = made["token"].as_str().unwrap();
    for inside in [[127, 0, 0, 7], [127, 8, 200, 1]] {
        let status = from(&server, inside, text, "192.0.2.1").await;
        assert_eq!(status, 200, "{inside:?}");
    }
    for outside in [[127, 0, 0, 1], [127, 0, 0, 8], [127, 9, 0, 1]] {
        let status = from(&server, outside, text, "127.0.0.7").await;
        assert_eq!(status, 401, "{outside:?}");
    }
    // Who has no address at all is in no network.
    let answer = api.call(Method::GET, "/v1/teams/acme", Some(text), None, &[]);
    answer.await.expect(401);
    server.end().await;
}

#[tokio::test]
async fn admins_see_and_revoke_all_others_their_own() {
    let api = Api::new().await;
    let owner = api.team("acme", false).await;
    let one = api.member(owner.team, "one", Role::Viewer).await;
    let two = api.member(owner.team, "two", Role::Viewer).await;
    let body = token(json!({"role": "viewer", "scopes": ["read"]}));
    let ones = api.post(TOKENS, &one, body.clone()).await.expect(201);
    let twos = api.post(TOKENS, &two, body).await.expect(201);
    let count = async |person: &Person| {
        let listed = api.get(TOKENS, person).await.expect(200);
        assert!(
            !listed.to_string().contains("\"token\""),
            "a secret in a list"
        );
        listed["items"].as_array().unwrap().len()
    };
    // Each has the one of the harness besides.
    assert_eq!(
        (count(&one).await, count(&two).await, count(&owner).await),
        (2, 2, 5)
    );
    let revoke = async |token: &Value, by: &Person| {
        let path = format!("{TOKENS}/{}", token["id"].as_str().unwrap());
        let answer = api
            .call(Method::DELETE, &path, Some(&by.token), None, &[])
            .await;
        answer.status.as_u16()
    };
    assert_eq!(
        revoke(&ones, &two).await,
        404,
        "another's token looks as if it were not there"
    );
    assert_eq!(revoke(&ones, &one).await, 204);
    assert_eq!(revoke(&ones, &one).await, 404);
    assert_eq!(revoke(&twos, &owner).await, 204);
    let gone = api
        .call(
            Method::GET,
            "/v1/teams/acme",
            twos["token"].as_str(),
            None,
            &[],
        )
        .await;
    gone.expect(401);
}
