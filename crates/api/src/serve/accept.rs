//! The API's own accept loop: HTTP/1.1 on hyper with a deadline for heads, bounds on connections, and an
//! orderly end. `axum::serve` has none of these (security rule 16).
//!
//! Invariants: a client that sends no complete head within [`Limits::head_timeout`] is closed, also between two
//! requests; no address holds more than [`Limits::per_address`] connections; the sum is bounded. Clients of a
//! unix socket count as one address. Must not: look into requests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

/// Bounds of a listener.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A request's head must be complete within this time; also how long an idle connection is kept.
    pub head_timeout: Duration,
    /// Connections of one client address.
    pub per_address: usize,
    /// Connections in all.
    pub connections: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Requests in flight may take this long after the stop.
    pub shutdown: Duration,
    /// Requests to `/v1/` of one credential, or of one address without, at once.
    pub requests_at_once: u32,
    /// And so many more each second.
    pub requests_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            per_address: 256,
            connections: 2_048,
            head_bytes: 32 << 10,
            shutdown: Duration::from_secs(10),
            requests_at_once: 1000,
            requests_per_second: 50,
        }
    }
}

/// Where a request came from: the socket's peer, never a header. `None` for unix sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub Option<IpAddr>);

/// Accepts until `stop`; then lets requests end.
pub(crate) async fn serve(
    listener: Listener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let all = Arc::new(Semaphore::new(limits.connections));
    let addresses = PerAddress::new(limits.per_address);
    let tracker = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, mostly: wait for connections to end instead of spinning.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        // Above the bounds the connection is closed at once: an answer would cost what is short.
        let Some(place) = addresses.enter(peer.0) else {
            continue;
        };
        let Ok(slot) = all.clone().try_acquire_owned() else {
            continue;
        };
        let service = with_peer(router.clone(), peer);
        tracker.spawn(connection(
            stream,
            service,
            limits,
            stop.clone(),
            (place, slot),
        ));
    }
    tracker.close();
    if tokio::time::timeout(limits.shutdown, tracker.wait())
        .await
        .is_err()
    {
        tracing::info!(
            open = tracker.len(),
            "connections were still open at the end of the stop time"
        );
    }
}

/// A place to listen.
#[derive(Debug)]
pub(crate) enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket.
    Unix(UnixListener),
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Listener {
    async fn accept(&self) -> std::io::Result<(Box<dyn Io>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Small answers and streamed lines must not wait for acknowledgements.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer(Some(address.ip().to_canonical()))))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), Peer(None)))
            }
        }
    }
}

fn with_peer(router: Router, peer: Peer) -> Router {
    router.layer(axum::Extension(ConnectInfo(peer)))
}

async fn connection(
    stream: Box<dyn Io>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    _held: (Place, OwnedSemaphorePermit),
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut router = router.clone();
        async move {
            router
                .call(request.map(axum::body::Body::new) as Request)
                .await
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_header_size(limits.head_bytes)
        .max_headers(100)
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client that goes away or is slow; nothing that anybody has to act on.
        tracing::debug!(%error, "a connection ended early");
    }
}

#[derive(Debug, Clone)]
struct PerAddress {
    limit: usize,
    open: Arc<Mutex<HashMap<Option<IpAddr>, usize>>>,
}

impl PerAddress {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            open: Arc::default(),
        }
    }

    fn enter(&self, address: Option<IpAddr>) -> Option<Place> {
        let mut open = self
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place {
            address,
            all: self.clone(),
        })
    }
}

/// One connection's place among those of its address; given back on drop.
#[derive(Debug)]
struct Place {
    address: Option<IpAddr>,
    all: PerAddress,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .all
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn start(
        limits: Limits,
    ) -> (
        std::net::SocketAddr,
        CancellationToken,
        tokio::task::JoinHandle<()>,
    ) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route(
            "/",
            get(|ConnectInfo(peer): ConnectInfo<Peer>| async move { format!("{:?}", peer.0) }),
        );
        let task = tokio::spawn(serve(Listener::Tcp(listener), router, limits, stop.clone()));
        (address, stop, task)
    }

    async fn get_root(stream: &mut TcpStream) -> String {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut bytes = vec![0; 4096];
        let read = stream.read(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..read].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_head_that_never_ends_is_closed_and_others_are_served() {
        let limits = Limits {
            head_timeout: Duration::from_millis(200),
            ..Limits::default()
        };
        let (address, stop, task) = start(limits).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut good = TcpStream::connect(address).await.unwrap();
        assert!(get_root(&mut good).await.contains("127.0.0.1"));
        for stream in [&mut slow, &mut silent] {
            let mut rest = Vec::new();
            let closed =
                tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
            assert!(closed.is_ok(), "the connection was not closed");
        }
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test]
    async fn one_address_cannot_take_every_connection() {
        let limits = Limits {
            per_address: 2,
            ..Limits::default()
        };
        let (address, stop, task) = start(limits).await;
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert!(get_root(&mut stream).await.starts_with("HTTP/1.1 200"));
            held.push(stream);
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        let mut rest = Vec::new();
        // Closed without an answer: an end or a reset, but no bytes.
        let _ = tokio::time::timeout(Duration::from_secs(30), third.read_to_end(&mut rest))
            .await
            .unwrap();
        assert!(rest.is_empty());
        drop(held);
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_stop_ends_idle_connections() {
        let (address, stop, task) = start(Limits::default()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(get_root(&mut stream).await.starts_with("HTTP/1.1 200"));
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), task)
            .await
            .unwrap()
            .unwrap();
    }
}
