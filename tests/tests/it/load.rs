//! The load generator sees what a user would see: each kind of failure is produced once by a real
//! server and must be counted; a healthy server must give none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use segue_tests::load::{Load, Mix, Report};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How the server below treats each n-th request.
#[derive(Clone, Copy)]
enum Fault {
    None,
    Status(u16),
    Truncated,
    Reset,
    WrongEcho,
}

async fn serve(fault: Fault, every: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let number = Arc::new(AtomicU64::new(0));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = Arc::clone(&number);
            tokio::spawn(async move {
                drop(connection(stream, fault, every, &number).await);
            });
        }
    });
    address
}

async fn connection(
    mut stream: TcpStream,
    fault: Fault,
    every: u64,
    number: &AtomicU64,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let (head, length) = loop {
            if let Some(end) = find(&buffer, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())
                    .unwrap_or(0);
                if buffer.len() >= end + 4 + length {
                    break (end + 4, length);
                }
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let mut body = buffer[head..head + length].to_vec();
        buffer.drain(..head + length);
        let faulty = number.fetch_add(1, Ordering::Relaxed) % every == every - 1;
        let mut status = 200;
        let mut announced = body.len();
        match fault {
            Fault::Status(code) if faulty => status = code,
            Fault::Truncated if faulty => announced += 10,
            Fault::Reset if faulty => {
                // An unread close with zero linger sends RST.
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                return Ok(());
            }
            Fault::WrongEcho if faulty => body.fill(b'?'),
            _ => {}
        }
        let answer =
            format!("HTTP/1.1 {status} x\r\nx-version: v1\r\ncontent-length: {announced}\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        stream.write_all(&body).await?;
        if announced != body.len() {
            return Ok(());
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

async fn run(edge: SocketAddr) -> Report {
    let running = Load {
        edge,
        host: "shop.localhost".into(),
        get_path: "/".into(),
        post_path: "/echo".into(),
        echo: true,
        websocket_path: "/ws".into(),
        rate: 200,
        mix: Mix {
            keep_alive: 2,
            fresh: 1,
            post: 1,
        },
        websockets: 0,
        version_header: "x-version".into(),
    }
    .start();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while running.so_far().requests < 200 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    running.stop().await
}

#[tokio::test]
async fn a_healthy_server_gives_no_failure() {
    let report = run(serve(Fault::None, 1).await).await;
    assert_eq!(report.failed, 0, "{}", report.summary());
    assert!(report.requests >= 200);
    assert_eq!(report.versions.get("v1"), Some(&report.requests));
    assert_eq!(
        u64::try_from(report.latencies_us.len()).unwrap(),
        report.requests
    );
}

#[tokio::test]
async fn every_kind_of_failure_is_counted() {
    for (name, fault) in [
        ("status 502", Fault::Status(502)),
        ("status 503", Fault::Status(503)),
        ("status 504", Fault::Status(504)),
        ("truncated", Fault::Truncated),
        ("reset", Fault::Reset),
    ] {
        let report = run(serve(fault, 10).await).await;
        // Every tenth; a kept connection that the fault closes changes nothing about the count.
        assert!(report.failed >= 15, "{name}: {}", report.summary());
        assert!(
            report.failed <= report.requests / 5,
            "{name}: {}",
            report.summary()
        );
    }
    let wrong = run(serve(Fault::WrongEcho, 1).await).await;
    assert!(
        wrong.failures.iter().all(|f| f.kind == "post"),
        "{}",
        wrong.summary()
    );
    assert!(wrong.failed > 0);
}

#[tokio::test]
async fn the_applications_own_errors_are_not_failures() {
    let report = run(serve(Fault::Status(500), 2).await).await;
    assert_eq!(report.failed, 0, "{}", report.summary());
    assert!(report.statuses.contains_key(&500));
}

#[tokio::test]
async fn nobody_listening_is_a_failure_of_every_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = run(address).await;
    assert_eq!(report.failed, report.requests, "{}", report.summary());
}
