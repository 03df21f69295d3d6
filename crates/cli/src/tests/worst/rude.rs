//! Servers that behave badly: each connection is answered with the same bytes, whatever was asked.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A server with one answer.
pub(super) struct Rude {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
    listening: Option<tokio::task::AbortHandle>,
    _held: Option<TcpSocket>,
}

impl Rude {
    /// Answers every request with these bytes and closes; with none, it closes at once.
    pub async fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&asked);
        let listening = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, answer.clone(), Arc::clone(&kept)));
            }
        });
        Self {
            url,
            asked,
            listening: Some(listening.abort_handle()),
            _held: None,
        }
    }

    /// A problem, as the API has it.
    pub async fn problem(status: &str, code: &str, detail: &str) -> Self {
        let number: u16 = status.split(' ').next().unwrap().parse().unwrap();
        let body = serde_json::json!({ "type": format!("urn:segue:problem:{code}"), "title": code,
            "status": number, "code": code, "detail": detail, "request_id": "req-1" });
        Self::start(response(
            status,
            "application/problem+json",
            &body.to_string(),
        ))
        .await
    }

    /// Nobody listens there.
    pub async fn gone() -> Self {
        // Bound and never listening: connections are refused, and no other test is given the port meanwhile.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        Self {
            url,
            asked: Arc::default(),
            listening: None,
            _held: Some(socket),
        }
    }

    /// Nobody listens there any more.
    pub fn stop(&self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }

    /// First lines of what was asked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

pub(super) fn response(status: &str, media: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

async fn serve(mut stream: TcpStream, answer: String, asked: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    let mut part = [0u8; 4096];
    let text = loop {
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        if body.len() >= length {
            break text;
        }
    };
    let line = text.lines().next().unwrap().to_owned();
    // An answer to HEAD has no body.
    let answer = match answer.split_once("\r\n\r\n") {
        Some((head, _)) if line.starts_with("HEAD") => format!("{head}\r\n\r\n"),
        _ => answer,
    };
    asked.lock().unwrap().push(line);
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
