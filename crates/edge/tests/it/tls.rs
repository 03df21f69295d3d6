//! TLS by server name, HTTP/2 over TLS and without.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use segue_model::route::Certificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::app::App;
use crate::harness::{HOST, Routes, World, eventually};

async fn connect(
    edge: SocketAddr,
    root: &CertificateDer<'static>,
    name: &str,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let tcp = TcpStream::connect(edge).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
}

async fn http2<S>(io: S) -> SendRequest<Full<Bytes>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

fn request(scheme: &str, host: &str, path: &str, body: Bytes) -> Request<Full<Bytes>> {
    Request::post(format!("{scheme}://{host}{path}"))
        .body(Full::new(body))
        .unwrap()
}

async fn many_streams(sender: &SendRequest<Full<Bytes>>, scheme: &'static str) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50_usize {
        let mut sender = sender.clone();
        tasks.spawn(async move {
            let body = Bytes::from(vec![b'a' + (number % 26) as u8; number * 5_000]);
            sender.ready().await.unwrap();
            let response = sender
                .send_request(request(scheme, HOST, "/echo", body.clone()))
                .await
                .unwrap();
            assert_eq!(
                (response.status().as_u16(), response.version()),
                (200, Version::HTTP_2)
            );
            assert!(response.into_body().collect().await.unwrap().to_bytes() == body);
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn http2_over_tls_and_in_clear_text() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let pem = std::fs::read(world.folder.path().join("edge/authority.pem")).unwrap();
    let root = CertificateDer::from_pem_slice(&pem).unwrap();

    let tls = connect(edge.https, &root, HOST, b"h2").await.unwrap();
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut sender = http2(tls).await;
    many_streams(&sender, "https").await;
    let seen = app.seen();
    assert_eq!(seen.len(), 50);
    assert_eq!(seen[0].headers["x-forwarded-proto"], "https");
    assert_eq!(seen[0].headers["host"], HOST);
    assert_eq!(seen[0].version, Version::HTTP_11);

    // The refusals hold here, too.
    sender.ready().await.unwrap();
    let mut twins = request("https", HOST, "/", Bytes::new());
    twins.headers_mut().insert("x-user", "a".parse().unwrap());
    twins.headers_mut().insert("x_user", "b".parse().unwrap());
    assert_eq!(sender.send_request(twins).await.unwrap().status(), 400);
    sender.ready().await.unwrap();
    let up = request("https", HOST, "/a/%2e%2e/b", Bytes::new());
    assert_eq!(sender.send_request(up).await.unwrap().status(), 400);
    sender.ready().await.unwrap();
    let unknown = request("https", "nobody.localhost", "/", Bytes::new());
    assert_eq!(sender.send_request(unknown).await.unwrap().status(), 404);
    assert_eq!(app.seen().len(), 50);

    let clear = http2(TcpStream::connect(edge.http).await.unwrap()).await;
    many_streams(&clear, "http").await;
    assert_eq!(app.seen()[50].headers["x-forwarded-proto"], "http");
    // Open HTTP/2 connections do not keep the edge from ending.
    edge.end().await;
}

#[tokio::test]
async fn certificates_follow_the_server_name_and_the_table() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    routes.routes.routes[0]
        .hosts
        .push("shop.example.com".parse().unwrap());
    world.control.switch(routes.next(&[&app])).await;
    let made = rcgen::generate_simple_self_signed(vec!["*.example.com".to_owned()]).unwrap();
    let root = made.cert.der().clone();
    assert!(
        connect(edge.https, &root, "shop.example.com", b"http/1.1")
            .await
            .is_err()
    );
    world.control.set_certificates(vec![Certificate {
        names: vec!["*.example.com".parse().unwrap()],
        chain_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
    }]);
    eventually("the certificate is in force", async || {
        connect(edge.https, &root, "shop.example.com", b"http/1.1")
            .await
            .is_ok()
    })
    .await;
    let tls = connect(edge.https, &root, "shop.example.com", b"http/1.1")
        .await
        .unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
        .await
        .unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        sender.ready().await.unwrap();
        let request: Request<Full<Bytes>> = Request::get("/")
            .header("host", "shop.example.com")
            .body(Full::default())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "one"
        );
    }
    assert!(
        connect(edge.https, &root, "other.test", b"http/1.1")
            .await
            .is_err()
    );
    edge.end().await;
}

/// A certificate for [`HOST`], and itself as root.
fn certificate() -> (Certificate, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let certificate = Certificate {
        names: vec![HOST.parse().unwrap()],
        chain_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
    };
    (certificate, made.cert.der().clone())
}

#[tokio::test]
async fn new_certificates_and_routes_cost_no_connection() {
    let world = World::new().await;
    let edge = world.start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    let mut routes = Routes::new();
    let (first, first_root) = certificate();
    world.control.set_certificates(vec![first]);
    world.control.switch(routes.next(&[&old])).await;
    eventually("the first certificate is in force", async || {
        connect(edge.https, &first_root, HOST, b"h2").await.is_ok()
    })
    .await;
    let one = connect(edge.https, &first_root, HOST, b"http/1.1")
        .await
        .unwrap();
    let (mut one, connection) = hyper::client::conn::http1::handshake(TokioIo::new(one))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut two = http2(connect(edge.https, &first_root, HOST, b"h2").await.unwrap()).await;
    // Over TLS, too, a websocket is one of them.
    let mut websocket = connect(edge.https, &first_root, HOST, b"http/1.1")
        .await
        .unwrap();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    );
    websocket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(websocket.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"));

    let mut last_root = first_root.clone();
    for round in 0..5 {
        let app = if round % 2 == 0 { &new } else { &old };
        let (next, root) = certificate();
        world.control.set_certificates(vec![next]);
        world.control.switch(routes.next(&[app])).await;
        eventually("the next certificate is in force", async || {
            connect(edge.https, &root, HOST, b"h2").await.is_ok()
        })
        .await;
        assert!(
            connect(edge.https, &last_root, HOST, b"h2").await.is_err(),
            "the certificate before is not given any more"
        );
        last_root = root;
        let plain = Request::get("/")
            .header("host", HOST)
            .body(Full::<Bytes>::default())
            .unwrap();
        one.ready().await.unwrap();
        let answer = one.send_request(plain).await.unwrap();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, app.name, "HTTP/1, round {round}");
        two.ready().await.unwrap();
        let answer = two
            .send_request(request("https", HOST, "/", Bytes::new()))
            .await
            .unwrap();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, app.name, "HTTP/2, round {round}");
        let frame = crate::app::masked_frame_bytes(1, b"still here");
        websocket.write_all(&frame).await.unwrap();
        assert_eq!(
            crate::app::read_frame(&mut websocket).await,
            Some((1, b"still here".to_vec())),
            "round {round}"
        );
    }
    drop(websocket);
    edge.end().await;
}
