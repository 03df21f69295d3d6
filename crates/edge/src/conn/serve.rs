//! The life of one client connection: handshake, then one checked request after the other.
//!
//! An idle connection waits here without buffers or session ("parked"). The head deadline runs
//! from a request's first byte to the end of its head. Must not look at routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora_core::apps::{HttpServerApp, ServerApp};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use pingora_proxy::{HttpProxy, ProxyHttp};
use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::h2guard::FrameGuard;
use super::head::{self, HeadLimits, Refusal};
use super::stream::{EdgeStream, StreamLimits, Transport};
use crate::config::Limits;
use crate::pages;

/// First bytes of an HTTP/2 connection without TLS ("prior knowledge").
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What every connection of a data thread shares.
pub(crate) struct Service<P> {
    pub(crate) proxy: Arc<HttpProxy<P>>,
    pub(crate) limits: Limits,
    /// Idle connections close when it is cancelled.
    pub(crate) stop: CancellationToken,
    /// The same news in pingora's form: busy connections close after their request.
    pub(crate) shutdown: ShutdownWatch,
    /// Told each refusal.
    pub(crate) refused: fn(&P, Refusal),
    pub(crate) app: Arc<P>,
}

/// What the next bytes of an HTTP/1 connection turned out to be.
enum Next {
    Request,
    Http2,
    Refused(Refusal),
    Closed,
}

impl<P> Service<P>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
{
    /// Serves a connection to its end.
    pub(crate) async fn serve(&self, tcp: TcpStream, tls: Option<TlsAcceptor>) {
        let (Ok(peer), Ok(local)) = (tcp.peer_addr(), tcp.local_addr()) else {
            return;
        };
        // Responses are gathered by the stream itself; waiting for more only adds delay.
        let _ = tcp.set_nodelay(true);
        keep_alive(&tcp);
        let client = Client::new(peer, local, tls.is_some());
        let Some(acceptor) = tls else {
            let stream = EdgeStream::new(Transport::Plain(tcp), client, self.stream_limits());
            return self.http1(Box::new(stream)).await;
        };
        let handshake = tokio::time::timeout(self.limits.head_timeout, acceptor.accept(tcp));
        let Ok(Ok(tls)) = handshake.await else {
            return;
        };
        let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        let transport = Transport::Tls(Box::new(tls));
        let stream = Box::new(EdgeStream::new(transport, client, self.stream_limits()));
        if h2 {
            self.http2(stream).await;
        } else {
            self.http1(stream).await;
        }
    }

    fn stream_limits(&self) -> StreamLimits {
        StreamLimits {
            websocket_idle: self.limits.websocket_idle,
            body_rate: self.limits.body_rate,
            head_timeout: self.limits.head_timeout,
        }
    }

    async fn http2(&self, mut stream: Box<EdgeStream>) {
        stream.open_h2(FrameGuard::new(Instant::now()));
        ServerApp::process_new(&self.proxy, stream, &self.shutdown).await;
    }

    async fn http1(&self, mut stream: Box<EdgeStream>) {
        loop {
            match self.next(&mut stream).await {
                Next::Request => {}
                Next::Http2 => return self.http2(stream).await,
                Next::Refused(refusal) => {
                    (self.refused)(&self.app, refusal);
                    stream.answer_and_close(&pages::refusal(refusal)).await;
                    return;
                }
                Next::Closed => return,
            }
            let mut session = ServerSession::new_http1(stream);
            session.set_read_timeout(Some(self.limits.body_timeout));
            session.set_write_timeout(Some(self.limits.write_timeout));
            session.set_total_drain_timeout(Some(Duration::from_secs(5)));
            let reused = self.proxy.process_new_http(session, &self.shutdown).await;
            let Some((back, _)) = reused.map(|reused| reused.consume()) else {
                return;
            };
            match back.into_any().downcast() {
                Ok(back) => stream = back,
                Err(_) => return,
            }
        }
    }

    /// Parks until a request begins, then reads and checks its head.
    async fn next(&self, stream: &mut EdgeStream) -> Next {
        if stream.inbox.is_empty() {
            let idle = tokio::time::timeout(self.limits.keepalive_timeout, stream.readable());
            tokio::select! {
                biased;
                result = idle => match result {
                    Ok(Ok(())) => {}
                    _ => return Next::Closed,
                },
                () = self.stop.cancelled() => return Next::Closed,
            }
        }
        match tokio::time::timeout(self.limits.head_timeout, self.head(stream)).await {
            Ok(next) => next,
            Err(_) => Next::Refused(Refusal {
                status: 408,
                reason: "the request head took too long",
            }),
        }
    }

    async fn head(&self, stream: &mut EdgeStream) -> Next {
        let limits = HeadLimits {
            bytes: self.limits.head_bytes,
            line: self.limits.request_line_bytes,
            fields: self.limits.header_fields,
        };
        let mut seen = 0;
        loop {
            if seen == 0 {
                // One empty line before a request is an old client's habit (RFC 9112, 2.2).
                if stream.inbox.starts_with(b"\r\n") {
                    bytes::Buf::advance(&mut stream.inbox, 2);
                }
                let starts_h2 = stream.inbox.len().min(H2_PREFACE.len());
                if starts_h2 >= 4
                    && H2_PREFACE.get(..starts_h2) == stream.inbox.get(..starts_h2)
                    && !stream.client().tls
                {
                    if starts_h2 == H2_PREFACE.len() {
                        return Next::Http2;
                    }
                    match stream.fill().await {
                        Ok(1..) => continue,
                        _ => return Next::Closed,
                    }
                }
                if let Some(first) = stream.inbox.first()
                    && !head::is_token(*first)
                    && *first != b'\r'
                {
                    return Next::Refused(Refusal {
                        status: 400,
                        reason: if *first == 0x16 {
                            "TLS was spoken to a port for plain HTTP"
                        } else {
                            "this is not HTTP"
                        },
                    });
                }
            }
            match head::find_end(&stream.inbox, seen, limits) {
                Err(refusal) => return Next::Refused(refusal),
                Ok(Some(length)) => {
                    let bytes = stream.inbox.get(..length).unwrap_or_default();
                    return match head::check(bytes, limits) {
                        Ok(checked) => {
                            stream.admit(length, checked);
                            Next::Request
                        }
                        Err(refusal) => Next::Refused(refusal),
                    };
                }
                Ok(None) => seen = stream.inbox.len(),
            }
            match stream.fill().await {
                Ok(1..) => {}
                _ => return Next::Closed,
            }
        }
    }
}

/// Lets the kernel find clients that vanished without a word; nothing else ends a quiet websocket
/// of theirs before its idle time.
fn keep_alive(tcp: &TcpStream) {
    let _ = sockopt::set_socket_keepalive(tcp, true);
    let _ = sockopt::set_tcp_keepidle(tcp, Duration::from_secs(60));
    let _ = sockopt::set_tcp_keepintvl(tcp, Duration::from_secs(15));
    let _ = sockopt::set_tcp_keepcnt(tcp, 4);
}
