//! The client's connection as a session sees it: one request at a time, checked before it is seen.
//!
//! Owns the bytes between the socket and pingora's sessions. Invariants: a session reads the head
//! that was checked, then the body that the head announced, and nothing of the next request; bytes
//! that came too early wait in `inbox`; after a 101 everything passes and the websocket watch counts
//! frames. Must not route, count or decide about requests.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use pingora_core::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{ALPN, Shutdown, SocketDigest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::body::Framing;
use super::client::Client;
use super::h2guard::FrameGuard;
use super::head::CheckedHead;
use super::pace::Pace;
use super::ws::WebsocketWatch;

/// Responses smaller than this are gathered, so that head and body leave in one packet.
const OUT_BUFFER: usize = 8 * 1024;

/// Text of the error when the application does not answer a websocket handshake. pingora gives no
/// other way to tell it from a client that broke off.
pub(crate) const HANDSHAKE_TIMED_OUT: &str = "the application did not answer the handshake";

/// Text of the error of a body that comes too slowly; likewise.
pub(crate) const SLOW_BODY: &str = "the request body comes too slowly";

/// Text of the error of a chunked body that breaks its grammar; likewise.
pub(crate) const MALFORMED_BODY: &str = "malformed chunked body";

/// Plain or encrypted.
pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }
}

/// Bounds that a stream keeps by itself.
#[derive(Clone, Copy)]
pub(crate) struct StreamLimits {
    /// A websocket without a byte for this long is ended.
    pub(crate) websocket_idle: Duration,
    /// Least bytes a second of a request body.
    pub(crate) body_rate: u64,
    /// For a head of HTTP/2.
    pub(crate) head_timeout: Duration,
}

/// What the session may read now.
pub(super) enum Gate {
    /// Nothing: no request has been checked.
    Shut,
    /// The first `head` bytes of the inbox, then the body.
    Request { head: usize, body: Framing },
    /// Everything.
    Open,
}

/// See the module's description.
pub(crate) struct EdgeStream {
    pub(super) io: Transport,
    /// Read from the client, not yet by a session.
    pub(super) inbox: BytesMut,
    /// Written by a session, not yet to the client.
    pub(super) out: BytesMut,
    pub(super) gate: Gate,
    pub(super) client: Arc<Client>,
    pub(super) proxy_digest: Arc<ProxyDigest>,
    pub(super) socket_digest: Arc<SocketDigest>,
    pub(super) ssl_digest: Option<Arc<SslDigest>>,
    pub(super) alpn: Option<ALPN>,
    pub(super) websocket: Option<Box<WebsocketWatch>>,
    pub(super) frames: Option<Box<FrameGuard>>,
    pub(super) limits: StreamLimits,
    pub(super) pace: Pace,
    /// Runs while an HTTP/2 client owes the rest of a head.
    pub(super) h2_head: Option<Pin<Box<Sleep>>>,
    /// Runs while the application decides about a websocket.
    pub(super) handshake: Option<Pin<Box<Sleep>>>,
    pub(super) broken: bool,
}

impl EdgeStream {
    pub(crate) fn new(io: Transport, client: Arc<Client>, limits: StreamLimits) -> Self {
        let digest = SocketDigest::from_raw_fd(io.tcp().as_raw_fd());
        let _ = digest.peer_addr.set(Some(PingoraAddr::Inet(client.peer)));
        let _ = digest.local_addr.set(Some(PingoraAddr::Inet(client.local)));
        let ssl_digest = match &io {
            Transport::Plain(_) => None,
            Transport::Tls(_) => Some(Arc::new(SslDigest::new("", "", None, None, Vec::new()))),
        };
        Self {
            proxy_digest: client.digest(),
            socket_digest: Arc::new(digest),
            ssl_digest,
            io,
            inbox: BytesMut::new(),
            out: BytesMut::new(),
            gate: Gate::Shut,
            client,
            alpn: None,
            websocket: None,
            frames: None,
            limits,
            pace: Pace::default(),
            h2_head: None,
            handshake: None,
            broken: false,
        }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Lets everything pass, counted as HTTP/2 frames.
    pub(crate) fn open_h2(&mut self, guard: FrameGuard) {
        self.alpn = Some(ALPN::H2);
        self.frames = Some(Box::new(guard));
        self.gate = Gate::Open;
    }

    /// Lets one request pass: the first `length` bytes of the inbox and its body.
    pub(crate) fn admit(&mut self, length: usize, head: CheckedHead) {
        self.client.begin_request(head.websocket);
        self.handshake = None;
        self.pace = Pace::default();
        self.gate = Gate::Request {
            head: length,
            body: head.framing,
        };
    }

    /// Waits until the client sent something. Holds no buffer meanwhile.
    pub(crate) async fn readable(&mut self) -> io::Result<()> {
        loop {
            // TLS may hold decrypted bytes, or take bytes that decrypt to nothing.
            if self.fill_now()? > 0 {
                return Ok(());
            }
            self.inbox = BytesMut::new();
            self.out = BytesMut::new();
            self.io.tcp().readable().await?;
        }
    }

    /// Takes what is there without waiting; 0 if nothing is.
    fn fill_now(&mut self) -> io::Result<usize> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.poll_fill(&mut cx) {
            Poll::Ready(Ok(0)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Poll::Ready(result) => result,
            Poll::Pending => Ok(0),
        }
    }

    /// Waits for more bytes in the inbox; 0 at the end of the stream.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_fill(cx)).await
    }

    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.inbox.capacity() - self.inbox.len() < 1024 {
            self.inbox.reserve(4096);
        }
        let mut read = std::pin::pin!(match &mut self.io {
            Transport::Plain(tcp) => futures::future::Either::Left(tcp.read_buf(&mut self.inbox)),
            Transport::Tls(tls) => futures::future::Either::Right(tls.read_buf(&mut self.inbox)),
        });
        Future::poll(read.as_mut(), cx)
    }

    /// Answers without a session, then closes.
    pub(crate) async fn answer_and_close(&mut self, response: &[u8]) {
        self.out.extend_from_slice(response);
        Shutdown::shutdown(self).await;
    }

    pub(super) fn poll_io_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.io {
            Transport::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Transport::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }

    fn poll_io_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Transport::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    pub(super) fn poll_drain_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let out = std::mem::take(&mut self.out);
            let written = self.poll_io_write(cx, &out);
            self.out = out;
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.out.advance(count),
            }
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_io_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Transport::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }
}

impl AsyncWrite for EdgeStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let mut pass = buf;
        if this.client.is_upgraded() {
            let (client, idle) = (&this.client, this.limits.websocket_idle);
            let watch = this.websocket.get_or_insert_with(|| {
                Box::new(WebsocketWatch::new(client.take_close_signal(), idle))
            });
            match watch.room_for(buf) {
                // Closed towards the client: what the application still says is dropped.
                0 if !buf.is_empty() => return Poll::Ready(Ok(buf.len())),
                room => pass = buf.get(..room).unwrap_or(buf),
            }
        }
        if this.out.len() + pass.len() > OUT_BUFFER {
            ready!(this.poll_drain_out(cx))?;
        }
        let written = if pass.len() > OUT_BUFFER {
            ready!(this.poll_io_write(cx, pass))?
        } else {
            this.out.extend_from_slice(pass);
            pass.len()
        };
        if let Some(watch) = &mut this.websocket {
            watch.sent_to_client(pass.get(..written).unwrap_or_default());
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain_out(cx))?;
        self.poll_io_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain_out(cx))?;
        match &mut self.io {
            Transport::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Transport::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}
