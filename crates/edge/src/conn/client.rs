//! What is known about the client's side of a connection, shared by its stream and its requests.
//!
//! Must not hold anything that grows with the number of requests.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pingora_core::protocols::Digest;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_http::ResponseHeader;
use tokio_util::sync::CancellationToken;

/// One client connection.
#[derive(Debug)]
pub(crate) struct Client {
    /// Address of the socket's other end.
    pub(crate) peer: SocketAddr,
    /// Our own address.
    pub(crate) local: SocketAddr,
    /// The connection is encrypted.
    pub(crate) tls: bool,
    /// The current request asked to become a websocket (HTTP/1 only).
    websocket: AtomicBool,
    /// The current request became a websocket.
    upgraded: AtomicBool,
    /// Cancelled when the websocket must end.
    close_signal: Mutex<Option<CancellationToken>>,
    /// How long the application may take to agree to a websocket, milliseconds.
    handshake_ms: AtomicU64,
}

impl Client {
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr, tls: bool) -> Arc<Self> {
        Arc::new(Self {
            peer,
            local,
            tls,
            websocket: AtomicBool::new(false),
            upgraded: AtomicBool::new(false),
            close_signal: Mutex::new(None),
            handshake_ms: AtomicU64::new(60_000),
        })
    }

    pub(super) fn begin_request(&self, websocket: bool) {
        self.websocket.store(websocket, Ordering::Relaxed);
        self.upgraded.store(false, Ordering::Relaxed);
    }

    /// The current request asked for a websocket.
    pub(crate) fn wants_websocket(&self) -> bool {
        self.websocket.load(Ordering::Relaxed)
    }

    /// Sets how long the application may take to agree to a websocket.
    pub(crate) fn set_handshake_timeout(&self, timeout: Duration) {
        let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.handshake_ms.store(ms, Ordering::Relaxed);
    }

    pub(super) fn handshake_timeout(&self) -> Duration {
        Duration::from_millis(self.handshake_ms.load(Ordering::Relaxed))
    }

    /// The application agreed (101); `close` ends the websocket when cancelled.
    pub(crate) fn upgrade(&self, close: CancellationToken) {
        *self
            .close_signal
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(close);
        self.upgraded.store(true, Ordering::Release);
    }

    pub(crate) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    pub(super) fn take_close_signal(&self) -> CancellationToken {
        self.close_signal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_default()
    }

    /// The form in which pingora carries this value from a stream to its sessions. The digest of
    /// an upstream proxy is the only slot for a caller's own data that it copies for HTTP/2, too.
    pub(super) fn digest(self: &Arc<Self>) -> Arc<ProxyDigest> {
        Arc::new(ProxyDigest::new(
            Box::new(empty_response()),
            Some(Box::new(self.clone())),
        ))
    }

    /// The client behind a session's digest.
    pub(crate) fn of(digest: Option<&Digest>) -> Option<&Arc<Self>> {
        digest?
            .proxy_digest
            .as_ref()?
            .user_data
            .as_ref()?
            .downcast_ref()
    }
}

fn empty_response() -> ResponseHeader {
    // 200 is a valid status, so the fallback is never taken; it only avoids a panic path.
    ResponseHeader::build(200, Some(0))
        .unwrap_or_else(|_| ResponseHeader::from(http::Response::new(()).into_parts().0))
}
