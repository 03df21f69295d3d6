//! When a failed try may be repeated, and where.

use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use pingora_error::{Error, ErrorSource, ErrorType};
use pingora_proxy::Session;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::EdgeProxy;
use super::request::Request;

/// Pause before endpoints that all refused are asked again, doubled up to the second figure.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A kept connection turned out to be closed before anything was written to it.
pub(super) const KEPT_AND_CLOSED: ErrorType = ErrorType::Custom("KeptAndClosed");

/// Whether a connection that nobody is speaking on is open: it has neither an end nor bytes to read.
pub(super) fn is_open(fd: RawFd) -> bool {
    #[expect(unsafe_code, reason = "pingora gives the descriptor as a number")]
    // SAFETY: pingora holds the stream that owns the descriptor during the call of the hook that this is called in.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    let mut byte = [0; 1];
    let seen = recv(socket, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
    matches!(seen, Err(Errno::WOULDBLOCK))
}

impl EdgeProxy {
    /// No byte reached the application: any request may go elsewhere, as long as its route waits.
    pub(super) fn retry_after_connect(
        &self,
        ctx: &mut Request,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if let Some(claim) = ctx.claim.take() {
            claim.endpoint.load.unreachable(self.shared.now());
            ctx.tried.push(claim.endpoint.instance);
        }
        error.set_retry(true);
        error
    }

    /// Something may have reached the application.
    pub(super) fn retry_after_send(
        &self,
        session: &mut Session,
        ctx: &mut Request,
        mut error: Box<Error>,
        reused: bool,
    ) -> Box<Error> {
        if *error.etype() == KEPT_AND_CLOSED {
            // Nothing was sent. The claim stays, and each of these takes a dead connection out of the pool.
            ctx.tries -= 1;
            error.set_retry(true);
            return error;
        }
        error.set_retry(false);
        if *error.esource() != ErrorSource::Upstream || ctx.is_upgraded() {
            return error;
        }
        if let Some(claim) = &ctx.claim {
            // A connection that was closed while it lay idle says nothing about the endpoint.
            if !reused {
                claim.endpoint.load.failed(self.shared.now());
            }
        }
        let answered = session
            .response_written()
            .is_some_and(|response| !response.status.is_informational());
        if answered || ctx.status.is_some() {
            return error;
        }
        // The kernel refused the head itself on a connection from the pool: its other end was
        // closed before, and the application never saw a whole head.
        let head_unsent =
            reused && *error.etype() == ErrorType::WriteError && session.body_bytes_read() == 0;
        let timed_out = matches!(
            error.etype(),
            ErrorType::ReadTimedout | ErrorType::WriteTimedout
        );
        let idempotent = session.req_header().method.is_idempotent()
            && !ctx.websocket
            && !session.as_ref().retry_buffer_truncated()
            && !timed_out;
        // Connections that lay idle may all be gone at once, when their application started anew.
        let most = self.shared.limits.tries + if reused { 5 } else { 0 };
        let tries_left = ctx.tries < most as u64;
        let budget = || {
            ctx.route
                .as_ref()
                .is_some_and(|route| route.entry.budget.withdraw())
        };
        if (head_unsent || idempotent) && tries_left && budget() {
            if let Some(claim) = ctx.claim.take()
                && !reused
            {
                ctx.tried.push(claim.endpoint.instance);
            }
            error.set_retry(true);
        }
        error
    }

    /// An endpoint for another try. When all were tried and refused, they are asked again until
    /// the route's hold time is over: nothing has reached an application yet, and an instance that
    /// just died is being started again.
    pub(super) async fn claim_again(&self, ctx: &mut Request) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            if self.claim(ctx) {
                return true;
            }
            if ctx.started.elapsed() + pause > ctx.hold() {
                return false;
            }
            tokio::time::sleep(pause).await;
            ctx.waited += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            ctx.tried.clear();
        }
    }
}
