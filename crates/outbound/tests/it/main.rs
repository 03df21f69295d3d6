//! The way out against addresses that lead inside: nothing may be connected to. And over TLS (`tls`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use segue_outbound::{
    Answer, Outbound, OutboundConfig, OutboundError, Request, Resolve, Resolved, Target, Tunnel,
    TunnelLimits,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A name server that answers each question of a name with the next of its answers.
#[derive(Debug, Default)]
struct Names {
    answers: Vec<(&'static str, Vec<Vec<IpAddr>>)>,
    asked: AtomicUsize,
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolved<'a> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.answers.iter().find(|(known, _)| *known == name);
        let answer = found.map(|(_, answers)| answers[turn % answers.len()].clone());
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

/// A server that counts connections and answers each with the same text.
struct Server {
    at: SocketAddr,
    seen: Arc<AtomicUsize>,
}

impl Server {
    async fn start(at: &str, answer: &'static str) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let at = listener.local_addr().unwrap();
        let seen = Arc::new(AtomicUsize::new(0));
        let count = seen.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut head = [0; 4096];
                    let _ = stream.read(&mut head).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    // Until the client has read it and closes.
                    let _ = stream.read(&mut head).await;
                });
            }
        });
        Self { at, seen }
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

fn outbound(allow: &[&str], names: Names) -> Outbound {
    let config = OutboundConfig {
        allow: allow.iter().map(|net| net.parse().unwrap()).collect(),
        extra_ca: None,
    };
    Outbound::with_resolver(&config, Arc::new(names)).unwrap()
}

async fn get(outbound: &Outbound, url: &str) -> Result<Answer, OutboundError> {
    let request = Request {
        method: Method::GET,
        target: Target::parse(url)?,
        headers: HeaderMap::new(),
        body: Default::default(),
        deadline: Duration::from_secs(20),
        answer_bytes: 100,
    };
    outbound.send(request).await
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Where people who want in have pointed servers at, in every spelling. `PORT` is a server's.
const INSIDE: &[&str] = &[
    "http://127.0.0.1:PORT/",
    "http://127.0.0.1.:PORT/",
    "http://127.1:PORT/",
    "http://127.0.1:PORT/",
    "http://127.255.255.254:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0x7f.0.0.1:PORT/",
    "http://0x7f.1:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://0177.0.0.01:PORT/",
    "http://017700000001:PORT/",
    "http://0.0.0.0:PORT/",
    "http://0:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://127%2e0%2e0%2e1:PORT/",
    "http://127.0.0.1:PORT\\@example.com/",
    "http://example.com@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@example.com/",
    "http:127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT/",
    "HTTP://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT/",
    "http://[::1]:PORT/",
    "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://[64:ff9b:1::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[2001:0:7f00:1::]:PORT/",
    "http://[fe80::1]:PORT/",
    "http://[fec0::1]:PORT/",
    "http://[fc00::1]:PORT/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[ff02::1]:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://10.0.0.1:2375/",
    "http://10.96.0.2:8080/",
    "http://172.16.0.1/",
    "http://172.17.0.1:2375/",
    "http://192.168.0.1/",
    "http://192.168.1.254/",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://198.18.0.1/",
    "http://192.0.0.192/",
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://8.8.8.8:25/",
    "http://localhost.test:PORT/",
    "http://LOCALHOST.test:PORT/",
    "http://metadata.test/computeMetadata/v1/",
    "http://mapped.test:PORT/",
    "http://nat64.test:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_x",
    "dict://127.0.0.1:PORT/x",
    "ftp://127.0.0.1:PORT/",
    "unix:///var/run/docker.sock",
];

#[tokio::test]
async fn addresses_that_lead_inside_are_never_connected_to() {
    let four = Server::start("127.0.0.1:0", OK).await;
    let six = Server::start(&format!("[::1]:{}", four.at.port()), OK).await;
    let names = Names {
        answers: vec![
            ("localhost.test", vec![vec!["127.0.0.1".parse().unwrap()]]),
            (
                "metadata.test",
                vec![vec!["169.254.169.254".parse().unwrap()]],
            ),
            (
                "mapped.test",
                vec![vec!["::ffff:127.0.0.1".parse().unwrap()]],
            ),
            ("nat64.test", vec![vec!["64:ff9b::7f00:1".parse().unwrap()]]),
        ],
        asked: AtomicUsize::new(0),
    };
    let outbound = outbound(&[], names);
    assert!(INSIDE.len() >= 60);
    for template in INSIDE {
        let url = template.replace("PORT", &four.at.port().to_string());
        match get(&outbound, &url).await {
            Err(OutboundError::Target(_) | OutboundError::Refused { .. }) => {}
            // A name that the parser leaves a name and that nobody resolves.
            Err(OutboundError::Unresolved { host }) => {
                assert!(host.parse::<IpAddr>().is_err(), "{url}");
            }
            other => panic!("{url}: {other:?}"),
        }
    }
    assert_eq!((four.seen(), six.seen()), (0, 0), "connections were made");
    // The same server is reached when it is allowed: the test could have seen a connection.
    let open = allowing(&["127.0.0.0/8"]);
    let answer = get(&open, &format!("http://{}/", four.at)).await.unwrap();
    assert_eq!(
        (answer.status, &answer.body[..]),
        (StatusCode::OK, &b"ok"[..])
    );
    assert_eq!(four.seen(), 1);
}

fn allowing(allow: &[&str]) -> Outbound {
    outbound(allow, Names::default())
}

#[tokio::test]
async fn a_name_server_that_changes_its_mind_gains_nothing() {
    let inside = Server::start("127.0.0.1:0", OK).await;
    let port = inside.at.port();
    // Stands for a public address: everything else of loopback stays refused.
    let outside = Server::start(&format!("127.0.0.2:{port}"), OK).await;
    let (good, bad): (IpAddr, IpAddr) =
        ("127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap());
    for answers in [
        vec![vec![good], vec![bad]],
        vec![vec![bad], vec![good]],
        vec![vec![bad, good]],
        vec![vec![good, bad]],
        vec![vec![bad, bad, bad, bad, bad, good]],
    ] {
        let names = Names {
            answers: vec![("rebind.test", answers.clone())],
            asked: AtomicUsize::new(0),
        };
        let outbound = outbound(&["127.0.0.2/32"], names);
        for _ in 0..6 {
            match get(&outbound, &format!("http://rebind.test:{port}/")).await {
                Ok(answer) => assert_eq!(answer.status, StatusCode::OK),
                Err(OutboundError::Refused { .. }) => assert!(answers.contains(&vec![bad])),
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert_eq!(inside.seen(), 0, "the second answer was believed");
    assert!(outside.seen() > 0);
}

#[tokio::test]
async fn redirects_are_answers_and_not_followed() {
    let inside = Server::start("127.0.0.1:0", OK).await;
    let location = format!("Location: http://{}/secret\r\n", inside.at);
    for status in [301, 302, 303, 307, 308] {
        let answer: &'static str = Box::leak(
            format!("HTTP/1.1 {status} Moved\r\n{location}Refresh: 0; url=http://{0}/\r\nAlt-Svc: h2=\"{0}\"\r\nContent-Length: 0\r\n\r\n", inside.at)
                .into_boxed_str(),
        );
        let outside = Server::start("127.0.0.2:0", answer).await;
        let outbound = allowing(&["127.0.0.2/32"]);
        let answer = get(&outbound, &format!("http://{}/", outside.at))
            .await
            .unwrap();
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(outside.seen(), 1);
    }
    assert_eq!(inside.seen(), 0, "a redirect was followed");
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let long: &'static str = Box::leak(
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}",
            "x".repeat(100_000)
        )
        .into_boxed_str(),
    );
    let server = Server::start("127.0.0.1:0", long).await;
    let outbound = allowing(&["127.0.0.1/32"]);
    let answer = get(&outbound, &format!("http://{}/", server.at))
        .await
        .unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (100, true));
    // A server that never answers.
    let silent = Server::start("127.0.0.1:0", "").await;
    let request = Request {
        method: Method::POST,
        target: Target::parse(&format!("http://{}/", silent.at)).unwrap(),
        headers: HeaderMap::new(),
        body: "x".into(),
        deadline: Duration::from_millis(200),
        answer_bytes: 100,
    };
    let error = outbound.send(request).await.unwrap_err();
    assert!(matches!(error, OutboundError::Timeout { .. }), "{error}");
}

/// Speaks SOCKS to a tunnel. Answers the code of its last reply.
async fn ask(
    tunnel: &Tunnel,
    password: Option<&str>,
    host: &str,
    port: u16,
) -> (Option<u8>, TcpStream) {
    let proxy = tunnel.proxy();
    let rest = proxy.strip_prefix("socks5h://segue:").unwrap();
    let (real, at) = rest.split_once('@').unwrap();
    let password = password.unwrap_or(real);
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(&[5, 1, 2]).await.unwrap();
    let mut reply = [0; 2];
    stream.read_exact(&mut reply).await.unwrap();
    let mut login = vec![1, 5];
    login.extend(b"segue");
    login.push(u8::try_from(password.len()).unwrap());
    login.extend(password.as_bytes());
    stream.write_all(&login).await.unwrap();
    stream.read_exact(&mut reply).await.unwrap();
    if reply != [1, 0] {
        return (None, stream);
    }
    let mut wanted = vec![5, 1, 0, 3, u8::try_from(host.len()).unwrap()];
    wanted.extend(host.as_bytes());
    wanted.extend(port.to_be_bytes());
    stream.write_all(&wanted).await.unwrap();
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).await.unwrap();
    (Some(answer[1]), stream)
}

const LIMITS: TunnelLimits = TunnelLimits {
    received_bytes: 1000,
    sent_bytes: 1000,
    idle: Duration::from_secs(10),
};

#[tokio::test]
async fn a_tunnel_leads_to_its_one_host_only() {
    let server = Server::start("127.0.0.2:0", OK).await;
    let port = server.at.port();
    let inside = Server::start(&format!("127.0.0.1:{port}"), OK).await;
    let (good, bad): (IpAddr, IpAddr) =
        ("127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap());
    let names = Names {
        answers: vec![("forge.test", vec![vec![good], vec![bad]])],
        asked: AtomicUsize::new(0),
    };
    let outbound = outbound(&["127.0.0.2/32"], names);
    let target = Target::parse(&format!("http://forge.test:{port}/x.git")).unwrap();
    let tunnel = Tunnel::open(&outbound, &target, LIMITS).await.unwrap();
    assert_eq!(
        ask(&tunnel, Some("guess"), "forge.test", port).await.0,
        None
    );
    for (host, wanted) in [
        ("127.0.0.1", port),
        ("other.test", port),
        ("forge.test", 22),
    ] {
        assert_eq!(
            ask(&tunnel, None, host, wanted).await.0,
            Some(2),
            "{host}:{wanted}"
        );
    }
    let (code, mut stream) = ask(&tunnel, None, "forge.test", port).await;
    assert_eq!(code, Some(0));
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    // The name leads elsewhere now.
    assert_eq!(ask(&tunnel, None, "forge.test", port).await.0, Some(1));
    assert!(matches!(
        tunnel.failure(),
        Some(OutboundError::Refused { .. })
    ));
    assert_eq!((inside.seen(), server.seen()), (0, 1));
    drop(tunnel);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_tunnel_bounds_what_passes() {
    let long: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    let server = Server::start("127.0.0.1:0", long).await;
    let outbound = allowing(&["127.0.0.1/32"]);
    let target = Target::parse(&format!("http://{}/", server.at)).unwrap();
    let tunnel = Tunnel::open(&outbound, &target, LIMITS).await.unwrap();
    let (code, mut stream) = ask(&tunnel, None, "127.0.0.1", server.at.port()).await;
    assert_eq!(code, Some(0));
    stream.write_all(b"go").await.unwrap();
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read).await;
    assert!(read.len() <= 1000 && tunnel.is_exceeded(), "{}", read.len());
}
