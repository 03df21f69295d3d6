//! Clients that never retry.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A keep-alive connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub async fn open(edge: SocketAddr) -> Result<Self, Failed> {
        let stream = TcpStream::connect(edge).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }
}

pub fn get(host: &str, path: &str) -> Request<Full<Bytes>> {
    Request::get(path)
        .header("host", host)
        .body(Full::default())
        .unwrap()
}

pub fn post(host: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", host)
        .body(Full::new(body.into()))
        .unwrap()
}

/// One request on a connection of its own.
pub async fn once(edge: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
    Connection::open(edge).await?.send(request).await
}

/// Sends raw bytes and reads to the end of the connection.
pub async fn raw(edge: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(edge).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(std::time::Duration::from_secs(30), read)
        .await
        .expect("the edge closes the connection")
        .expect("the edge closes without a reset");
    String::from_utf8_lossy(&answer).into_owned()
}

/// An open websocket, as bytes.
pub struct Websocket {
    pub stream: TcpStream,
    pub app: String,
}

impl Websocket {
    pub async fn open(edge: SocketAddr, host: &str) -> Result<Self, Failed> {
        let mut stream = TcpStream::connect(edge).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await?);
        }
        let answer = String::from_utf8(answer)?;
        if !answer.starts_with("HTTP/1.1 101") {
            return Err(answer.into());
        }
        let app = answer
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("x-app: ")
                    .map(str::to_owned)
            })
            .unwrap_or_default();
        Ok(Self { stream, app })
    }

    /// Sends a message and reads its echo.
    pub async fn echo(&mut self, message: &[u8]) -> Result<(), Failed> {
        self.stream
            .write_all(&crate::app::masked_frame_bytes(1, message))
            .await?;
        match crate::app::read_frame(&mut self.stream).await {
            Some((1, payload)) if payload == message => Ok(()),
            other => Err(format!("no echo but {other:?}").into()),
        }
    }
}
