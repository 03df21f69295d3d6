//! An application of the test: answers with its name, keeps a log, speaks websocket.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use segue_model::id::InstanceId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// One request as the application saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub version: Version,
    pub headers: HeaderMap,
    pub body_length: usize,
}

#[derive(Default)]
pub struct Behaviour {
    /// Time before each answer, microseconds.
    pub delay_us: AtomicU64,
    /// Requests to `/wait` are answered when it is told.
    pub release: Notify,
    /// Requests that are being answered.
    pub open: AtomicU32,
    /// Requests that began.
    pub begun: AtomicU64,
}

#[derive(Clone)]
pub struct App {
    pub name: String,
    pub instance: InstanceId,
    pub address: SocketAddr,
    pub behaviour: Arc<Behaviour>,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: CancellationToken,
}

impl App {
    pub async fn start(name: &str) -> Self {
        Self::start_at(name, "127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn start_at(name: &str, address: SocketAddr) -> Self {
        let listener = bind(address).await;
        let app = Self {
            name: name.to_owned(),
            instance: InstanceId::from_uuid(Uuid::now_v7()),
            address: listener.local_addr().unwrap(),
            behaviour: Arc::default(),
            seen: Arc::default(),
            stop: CancellationToken::new(),
        };
        tokio::spawn(app.clone().accept(listener));
        app
    }

    /// Ends at once, as if killed: connections break, new ones are refused.
    pub fn kill(&self) {
        self.stop.cancel();
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn begun(&self) -> u64 {
        self.behaviour.begun.load(Ordering::SeqCst)
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            let stream = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(_) => continue,
                },
            };
            stream.set_nodelay(true).unwrap();
            let this = self.clone();
            tokio::spawn(async move {
                let stop = this.stop.clone();
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(
                        TokioIo::new(stream),
                        service_fn(move |request| {
                            let this = this.clone();
                            async move { Ok::<_, Infallible>(this.respond(request).await) }
                        }),
                    )
                    .with_upgrades();
                tokio::select! {
                    _ = served => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }

    async fn respond(&self, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.behaviour.begun.fetch_add(1, Ordering::SeqCst);
        self.behaviour.open.fetch_add(1, Ordering::SeqCst);
        let response = self.answer(&mut request).await;
        self.behaviour.open.fetch_sub(1, Ordering::SeqCst);
        response
    }

    async fn answer(&self, request: &mut Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if path == "/ws" {
            self.note(request, 0);
            return self.websocket(request);
        }
        let body = match request.body_mut().collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return Response::new(Full::default()),
        };
        self.note(request, body.len());
        let delay = self.behaviour.delay_us.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_micros(delay)).await;
        }
        match path.as_str() {
            "/wait" => self.behaviour.release.notified().await,
            "/echo" => return Response::new(Full::new(body)),
            "/large" => return Response::new(Full::new(Bytes::from(vec![b'x'; 3 << 20]))),
            "/500" => {
                let mut response = Response::new(Full::new(Bytes::from("broken")));
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                return response;
            }
            _ => {}
        }
        let mut response = Response::new(Full::new(Bytes::from(self.name.clone())));
        response
            .headers_mut()
            .insert("x-app", self.name.parse().unwrap());
        response
    }

    fn note(&self, request: &Request<Incoming>, body_length: usize) {
        self.seen.lock().unwrap().push(Seen {
            method: request.method().clone(),
            path: request.uri().to_string(),
            version: request.version(),
            headers: request.headers().clone(),
            body_length,
        });
    }

    /// Sends frames back as they come (unmasked), and a close frame for a close frame.
    fn websocket(&self, request: &mut Request<Incoming>) -> Response<Full<Bytes>> {
        assert_eq!(request.headers()["upgrade"], "websocket");
        let upgrade = hyper::upgrade::on(request);
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let mut io = TokioIo::new(upgrade.await.unwrap());
            loop {
                let frame = tokio::select! {
                    frame = read_frame(&mut io) => frame,
                    () = stop.cancelled() => return,
                };
                let Some((opcode, payload)) = frame else {
                    return;
                };
                if io.write_all(&frame_bytes(opcode, &payload)).await.is_err() || opcode == 8 {
                    return;
                }
            }
        });
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response
            .headers_mut()
            .insert("upgrade", "websocket".parse().unwrap());
        response
            .headers_mut()
            .insert("connection", "upgrade".parse().unwrap());
        response
            .headers_mut()
            .insert("x-app", self.name.parse().unwrap());
        response
    }
}

async fn bind(address: SocketAddr) -> TcpListener {
    for _ in 0..200 {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{address} cannot be bound");
}

/// Reads one short websocket frame: opcode and unmasked payload.
pub async fn read_frame(io: &mut (impl AsyncReadExt + Unpin)) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    io.read_exact(&mut head).await.ok()?;
    let mut length = u64::from(head[1] & 0x7f);
    if length == 126 {
        length = u64::from(io.read_u16().await.ok()?);
    } else if length == 127 {
        length = io.read_u64().await.ok()?;
    }
    let mut mask = [0; 4];
    if head[1] & 0x80 != 0 {
        io.read_exact(&mut mask).await.ok()?;
    }
    let mut payload = vec![0; length as usize];
    io.read_exact(&mut payload).await.ok()?;
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Some((head[0] & 0x0f, payload))
}

/// One whole unmasked frame.
pub fn frame_bytes(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// The same as a client sends it.
pub fn masked_frame_bytes(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame_bytes(opcode, payload);
    let head = frame.len() - payload.len();
    frame[1] |= 0x80;
    let mask = [0x11, 0x22, 0x33, 0x44];
    for (byte, mask) in frame[head..].iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    frame.splice(head..head, mask);
    frame
}
