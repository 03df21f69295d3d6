//! An open-loop load generator: an independent client that counts what users would see.
//!
//! Owns: intended start times (a slow answer never delays the next request, so no coordinated
//! omission), the mix of traffic, and the definition of a failed request (`docs/ARCHITECTURE.md`):
//! an answer 502, 503 or 504, a broken or truncated response, a refused or reset connection, a
//! wrong body. It never retries. It knows nothing of Segue but an address and a host name.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// Longest time one request may take before it counts as failed.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// Requests in flight at most; one more counts as failed, so that a stall cannot exhaust the machine.
const IN_FLIGHT_LIMIT: usize = 4096;

/// Shares of the traffic; only their ratio matters.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// GET on a kept connection.
    pub keep_alive: u32,
    /// GET on a connection of its own.
    pub fresh: u32,
    /// POST with a body on a kept connection; the answer's status decides, and its echo if `echo`.
    pub post: u32,
}

/// What to send.
#[derive(Debug, Clone)]
pub struct Load {
    /// The edge.
    pub edge: SocketAddr,
    /// Host header.
    pub host: String,
    /// Path of GET requests.
    pub get_path: String,
    /// Path of POST requests.
    pub post_path: String,
    /// Whether the POST answer must contain the body that was sent.
    pub echo: bool,
    /// Path of websocket connections, which echo each message.
    pub websocket_path: String,
    /// Requests per second, by intended start.
    pub rate: u32,
    /// The mix.
    pub mix: Mix,
    /// Websockets held open, each sending a message every 100 ms and opening anew after a clean close.
    pub websockets: usize,
    /// Response header that names the version, counted by value.
    pub version_header: String,
}

/// One failed request.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Since the load began.
    pub at: Duration,
    /// Kind of traffic.
    pub kind: &'static str,
    /// What was seen.
    pub what: String,
}

/// What a run counted.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Requests that were sent, websocket messages apart.
    pub requests: u64,
    /// Websocket messages that came back.
    pub messages: u64,
    /// Websockets that were opened, by version header of the answer 101.
    pub upgrades: BTreeMap<String, u64>,
    /// Websockets that the server closed cleanly (1001 or 1000).
    pub clean_closes: u64,
    /// Failures: every one is kept up to 1,000, then only counted.
    pub failures: Vec<Failed>,
    /// All failures.
    pub failed: u64,
    /// Answers by version header.
    pub versions: BTreeMap<String, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// From the intended start to the end of the answer, microseconds, unsorted.
    pub latencies_us: Vec<u64>,
}

impl Report {
    /// Latency below which this share (0.0 to 1.0) of the requests lie, microseconds.
    #[must_use]
    pub fn latency_us(&self, share: f64) -> u64 {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let index = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
        sorted.get(index).copied().unwrap_or(0)
    }

    /// One line for people, with the first failures.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!(
            "{} requests, {} failed, {} websocket messages, p50 {} us, p99 {} us, versions {:?}",
            self.requests,
            self.failed,
            self.messages,
            self.latency_us(0.5),
            self.latency_us(0.99),
            self.versions,
        );
        for failure in self.failures.iter().take(10) {
            text.push_str(&format!(
                "\n  at {:?} {}: {}",
                failure.at, failure.kind, failure.what
            ));
        }
        text
    }
}

/// A load that runs until it is stopped.
pub struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    shared: Arc<Shared>,
}

impl Running {
    /// What was counted so far.
    #[must_use]
    pub fn so_far(&self) -> Report {
        self.shared
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends nothing new, waits for what is in flight, and answers the count.
    pub async fn stop(self) -> Report {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            self.shared
                .failed("load", format!("the generator itself failed: {error}"));
        }
        self.shared
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Shared {
    load: Load,
    began: Instant,
    idle: Mutex<VecDeque<SendRequest<Full<Bytes>>>>,
    report: Mutex<Report>,
}

impl Load {
    /// Begins to send; must be called in a tokio runtime.
    #[must_use]
    pub fn start(self) -> Running {
        let shared = Arc::new(Shared {
            load: self,
            began: Instant::now(),
            idle: Mutex::default(),
            report: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let task = tokio::spawn(drive(Arc::clone(&shared), stop.clone()));
        Running { stop, task, shared }
    }
}

async fn drive(shared: Arc<Shared>, stop: CancellationToken) {
    let mut sockets = JoinSet::new();
    for _ in 0..shared.load.websockets {
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        sockets.spawn(async move { websocket(&shared, &stop).await });
    }
    let mut requests = JoinSet::new();
    let period = Duration::from_secs(1) / shared.load.rate.max(1);
    // Missed ticks are sent at once: the schedule is fixed, whatever the machine does.
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut number: u64 = 0;
    loop {
        let intended = tokio::select! {
            () = stop.cancelled() => break,
            at = ticks.tick() => at.into_std(),
        };
        while requests.try_join_next().is_some() {}
        number += 1;
        if requests.len() >= IN_FLIGHT_LIMIT {
            shared.failed(
                "overload",
                format!("{IN_FLIGHT_LIMIT} requests are in flight"),
            );
            continue;
        }
        let shared = Arc::clone(&shared);
        requests.spawn(async move { shared.request(number, intended).await });
    }
    while requests.join_next().await.is_some() {}
    while sockets.join_next().await.is_some() {}
}

impl Shared {
    fn failed(&self, kind: &'static str, what: String) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.failed += 1;
        if report.failures.len() < 1000 {
            report.failures.push(Failed {
                at: self.began.elapsed(),
                kind,
                what,
            });
        }
    }

    fn kind_of(&self, number: u64) -> &'static str {
        let Mix {
            keep_alive,
            fresh,
            post,
        } = self.load.mix;
        let sum = u64::from(keep_alive + fresh + post).max(1);
        let at = number % sum;
        if at < u64::from(keep_alive) {
            "keep-alive"
        } else if at < u64::from(keep_alive + fresh) {
            "fresh"
        } else {
            "post"
        }
    }

    async fn request(&self, number: u64, intended: Instant) {
        let kind = self.kind_of(number);
        {
            let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.requests += 1;
        }
        match tokio::time::timeout(REQUEST_LIMIT, self.exchange(kind, number)).await {
            Err(_) => self.failed(kind, format!("no answer within {REQUEST_LIMIT:?}")),
            Ok(Err(what)) => self.failed(kind, what),
            Ok(Ok((status, version))) => {
                let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
                let took = intended.elapsed().as_micros();
                report
                    .latencies_us
                    .push(u64::try_from(took).unwrap_or(u64::MAX));
                *report.statuses.entry(status).or_default() += 1;
                if let Some(version) = version {
                    *report.versions.entry(version).or_default() += 1;
                }
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(self.load.edge)
            .await
            .map_err(|e| format!("connect: {e}"))?;
        stream
            .set_nodelay(true)
            .map_err(|e| format!("nodelay: {e}"))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| format!("handshake: {e}"))?;
        // Ends by itself when the sender is dropped; its errors arrive at the request that met them.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn kept(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // A connection that the server closed while it was idle was never ours to use.
        while let Some(sender) = idle.pop_back() {
            if !sender.is_closed() && sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    async fn exchange(
        &self,
        kind: &'static str,
        number: u64,
    ) -> Result<(u16, Option<String>), String> {
        let fresh = kind == "fresh";
        let kept = if fresh { None } else { self.kept() };
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let body = match kind {
            "post" => Bytes::from(format!("number {number} {}", "x".repeat(2000))),
            _ => Bytes::new(),
        };
        let (method, path) = match kind {
            "post" => ("POST", &self.load.post_path),
            _ => ("GET", &self.load.get_path),
        };
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.load.host)
            .header("user-agent", "segue-load");
        if kind == "post" {
            request = request.header("content-type", "text/plain");
        }
        if fresh {
            request = request.header("connection", "close");
        }
        let request = request
            .body(Full::new(body.clone()))
            .map_err(|e| format!("request: {e}"))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|e| format!("send: {e:?}"))?;
        let status = response.status().as_u16();
        let version = response
            .headers()
            .get(self.load.version_header.as_str())
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned);
        let answer = response
            .into_body()
            .collect()
            .await
            .map_err(|e| format!("body: {e:?}"))?
            .to_bytes();
        if matches!(status, 502..=504) {
            let text = String::from_utf8_lossy(&answer)
                .chars()
                .take(120)
                .collect::<String>();
            return Err(format!("status {status}: {text}"));
        }
        if kind == "post" && self.load.echo {
            let found = answer.windows(body.len()).any(|window| window == body);
            if !found {
                return Err(format!(
                    "status {status}, but the answer does not echo the body"
                ));
            }
        }
        if !fresh && !sender.is_closed() {
            // Ready only after the connection has finished the exchange; a close meanwhile is the server's right.
            if sender.ready().await.is_ok() {
                self.idle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_back(sender);
            }
        }
        Ok((status, version))
    }
}

async fn websocket(shared: &Shared, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(what) = websocket_once(shared, stop).await {
            shared.failed("websocket", what);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn websocket_once(shared: &Shared, stop: &CancellationToken) -> Result<(), String> {
    let stream = TcpStream::connect(shared.load.edge)
        .await
        .map_err(|e| format!("connect: {e}"))?;
    let url = format!("ws://{}{}", shared.load.host, shared.load.websocket_path);
    let (mut socket, answer) = tokio_tungstenite::client_async(url, stream)
        .await
        .map_err(|e| format!("upgrade: {e}"))?;
    let version = answer
        .headers()
        .get(shared.load.version_header.as_str())
        .map_or_else(String::new, |v| {
            String::from_utf8_lossy(v.as_bytes()).into_owned()
        });
    *shared
        .report
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .upgrades
        .entry(version)
        .or_default() += 1;
    let mut number: u64 = 0;
    loop {
        number += 1;
        let text = format!("message {number}");
        let sent = socket.send(Message::text(text.clone())).await;
        // A close frame may cross our message: what was read decides, not what could not be sent.
        let answer = tokio::time::timeout(REQUEST_LIMIT, socket.next())
            .await
            .map_err(|_| "no answer to a message".to_owned())?;
        match answer {
            Some(Ok(Message::Text(got))) if got.as_str() == text => {
                shared
                    .report
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .messages += 1;
            }
            Some(Ok(Message::Close(frame))) => {
                let code = frame.as_ref().map(|f| u16::from(f.code));
                if !matches!(code, Some(1000 | 1001)) {
                    return Err(format!("closed with {code:?}"));
                }
                shared
                    .report
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clean_closes += 1;
                return Ok(());
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(other)) => return Err(format!("unexpected message {other:?}")),
            Some(Err(error)) => return Err(format!("broken: {error}; sent: {sent:?}")),
            None => return Err("ended without a close frame".to_owned()),
        }
        tokio::select! {
            () = stop.cancelled() => {
                // The close handshake is courtesy here; the count is already right.
                drop(socket.close(None).await);
                return Ok(());
            }
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
}
