//! A request's way through the edge, as pingora's hooks: route, hold, claim, send, retry, count.
//!
//! Invariants: a request is sent to an endpoint only while it holds a claim on it; it is tried again
//! only if no byte reached the application, or if it is idempotent, its body can be replayed and
//! nothing was answered; each request is counted once.

mod headers;
mod request;
mod retry;

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use pingora_core::modules::http::HttpModules;
use pingora_core::protocols::{Digest, TcpKeepalive};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};

use crate::conn::client::Client;
use crate::conn::head::Refusal;
use crate::shared::{Shared, micros};
use crate::stats::End;
use request::{Answer, Request};

/// Seconds of [`Limits::fresh_per_second`](crate::config::Limits) that may be used up at once.
const FRESH_SECONDS: u32 = 5;

/// The application side of pingora's proxy; one per data thread.
pub(crate) struct EdgeProxy {
    shared: Arc<Shared>,
}

impl EdgeProxy {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A head was refused before any session saw it.
    pub(crate) fn refused(&self, _refusal: Refusal) {
        self.shared
            .gauges
            .requests_refused
            .fetch_add(1, Ordering::Relaxed);
    }

    /// How to reach the claimed endpoint.
    ///
    /// A request that may not be sent twice goes out on a connection of its own: an application that closes a kept
    /// one while it is idle would answer it with a reset, and nobody could tell whether it was seen. The key of its
    /// own finds nothing in the pool, and what it leaves there is dropped at once. Decision 0022 says what this
    /// costs, and what happens above the rate that an endpoint's ports allow.
    fn peer(&self, request: &Request, sendable_twice: bool) -> Option<Box<HttpPeer>> {
        let limits = &self.shared.limits;
        let endpoint = &request.claim.as_ref()?.endpoint;
        let mut peer = HttpPeer::new(endpoint.address, false, String::new());
        let kept = sendable_twice
            || !endpoint.fresh.take(
                self.shared.now(),
                limits.fresh_per_second,
                limits.fresh_per_second.saturating_mul(FRESH_SECONDS),
            );
        if !kept {
            peer.group_key = self
                .shared
                .gauges
                .fresh_connections
                .fetch_add(1, Ordering::Relaxed)
                + 1;
        }
        let options = &mut peer.options;
        options.connection_timeout = Some(limits.connect_timeout);
        options.total_connection_timeout = Some(limits.connect_timeout);
        // A websocket's times are kept by the client's stream, which sees both directions.
        options.read_timeout = (!request.websocket).then(|| request.response_timeout());
        options.write_timeout = Some(limits.write_timeout);
        options.idle_timeout = Some(if kept {
            limits.upstream_idle
        } else {
            Duration::from_millis(1)
        });
        options.tcp_keepalive = Some(TcpKeepalive {
            idle: Duration::from_secs(15),
            interval: Duration::from_secs(5),
            count: 3,
            // Data that the host does not acknowledge: the host is gone.
            user_timeout: Duration::from_secs(5),
        });
        Some(Box::new(peer))
    }
}

#[async_trait]
impl ProxyHttp for EdgeProxy {
    type CTX = Request;

    fn new_ctx(&self) -> Request {
        Request::new(Instant::now())
    }

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Request) -> Result<bool> {
        ctx.client = Client::of(session.digest()).cloned();
        ctx.websocket = ctx
            .client
            .as_ref()
            .is_some_and(|client| client.wants_websocket() && !session.is_http2());
        match self.admit(session, ctx) {
            Ok(()) => {}
            Err(answer) => {
                self.answer(session, ctx, answer).await?;
                return Ok(true);
            }
        }
        if let Some(client) = ctx.client.as_ref().filter(|_| ctx.websocket) {
            client.set_handshake_timeout(ctx.response_timeout());
            session.set_read_timeout(None);
        }
        if !self
            .wait_for_endpoint(session.req_header().uri.path(), ctx)
            .await
        {
            self.answer(session, ctx, Answer::no_endpoint()).await?;
            return Ok(true);
        }
        Ok(false)
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        ctx: &mut Request,
    ) -> Result<Box<HttpPeer>> {
        if ctx.claim.is_none() && !self.claim_again(ctx).await {
            return Err(Error::explain(
                ErrorType::HTTPStatus(503),
                "no endpoint can be reached",
            ));
        }
        ctx.tries += 1;
        ctx.sent_at = Instant::now();
        let sendable_twice = session.req_header().method.is_safe()
            && !ctx.websocket
            && session.as_mut().is_body_empty();
        self.peer(ctx, sendable_twice)
            .ok_or_else(|| Error::explain(ErrorType::InternalError, "no claim"))
    }

    /// A kept connection is used only if it is open at this moment. pingora has looked, too, but with the eyes of its
    /// event loop, which may not have been told yet.
    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        fd: RawFd,
        _digest: Option<&Digest>,
        _ctx: &mut Request,
    ) -> Result<()> {
        if reused && !retry::is_open(fd) {
            return Err(Error::explain(
                retry::KEPT_AND_CLOSED,
                "a kept connection was closed by the application",
            )
            .into_up());
        }
        Ok(())
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end: bool,
        ctx: &mut Request,
    ) -> Result<()> {
        ctx.body_bytes += body.as_ref().map_or(0, |body| body.len() as u64);
        if ctx.body_bytes > ctx.max_body_bytes() && !ctx.is_upgraded() {
            return Err(Error::explain(
                ErrorType::HTTPStatus(413),
                "the request body is too large",
            )
            .into_down());
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream: &mut RequestHeader,
        ctx: &mut Request,
    ) -> Result<()> {
        headers::for_application(&self.shared, session, upstream, ctx)
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        upstream: &mut ResponseHeader,
        ctx: &mut Request,
    ) -> Result<()> {
        let status = upstream.status.as_u16();
        if status != 101 && upstream.status.is_informational() {
            return Ok(());
        }
        if let Some(claim) = &mut ctx.claim {
            claim
                .endpoint
                .load
                .answered(self.shared.now(), micros(ctx.sent_at.elapsed()));
            if status == 101
                && ctx.websocket
                && let Some(client) = &ctx.client
            {
                client.upgrade(claim.upgrade());
            }
        }
        ctx.status = Some(status);
        // The edge's own drain: clients of HTTP/1 come back on a fresh connection.
        if self.shared.gauges.stopping.load(Ordering::Relaxed) {
            session.set_keepalive(None);
        }
        headers::for_client(upstream, ctx)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Request,
        error: Box<Error>,
    ) -> Box<Error> {
        self.retry_after_connect(ctx, error)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Request,
        reused: bool,
    ) -> Box<Error> {
        self.retry_after_send(session, ctx, error, reused)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Request,
    ) -> FailToProxy
    where
        Request: Send + Sync,
    {
        let answer = Answer::of_error(error);
        let mut status = 0;
        if session
            .response_written()
            .is_none_or(|response| response.status.is_informational())
        {
            if let Some(answer) = answer {
                status = answer.status;
                let _ = self.answer(session, ctx, answer).await;
            } else {
                ctx.end = Some(End::Status(499));
            }
        } else if *error.esource() == ErrorSource::Upstream && !ctx.is_upgraded() {
            ctx.end = Some(End::Broken);
        }
        FailToProxy {
            error_code: status,
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Request) {
        let end = ctx.end.or_else(|| {
            session
                .response_written()
                .map(|response| End::Status(response.status.as_u16()))
        });
        if let Some(error) = error
            && *error.esource() == ErrorSource::Upstream
        {
            tracing::debug!(
                request.id = %ctx.id,
                error = %error,
                "the application did not complete a request"
            );
        }
        self.finish(ctx, end.unwrap_or(End::Status(499)));
    }

    fn suppress_error_log(&self, _session: &Session, _ctx: &Request, _error: &Error) -> bool {
        // Counted by route, and told at debug level: one failing application must not flood the log.
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Request,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}
