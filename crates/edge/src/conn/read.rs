//! What a session may read of a client's connection: the checked head, the body that it announced, and after a 101
//! or over HTTP/2 everything, watched.
//!
//! The reading half of [`EdgeStream`]; its invariants are that module's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Buf;
use tokio::io::{AsyncRead, ReadBuf};

use super::body::Framing;
use super::stream::{EdgeStream, Gate, HANDSHAKE_TIMED_OUT, MALFORMED_BODY, SLOW_BODY};
use super::ws::{CloseStep, WebsocketWatch};

/// Read at once of a chunked body.
const CHUNKED_READ: usize = 32 * 1024;

/// Bytes of a next request that are taken from the socket while one is being answered. More stays
/// in the kernel's buffer, which stops the sender.
const EARLY_BYTES: usize = 16 * 1024;

impl EdgeStream {
    /// The part of a body that a session may see. Counted bodies are read straight into the
    /// session's buffer, chunked ones by way of the inbox, since their end shows only in the bytes.
    fn poll_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let Gate::Request { body, .. } = &self.gate else {
                return Poll::Ready(Ok(()));
            };
            if self.inbox.is_empty() {
                let direct = match body {
                    Framing::Length(left) => Some(*left),
                    _ => None,
                };
                let came = match direct {
                    Some(left) => self.poll_counted(cx, buf, left),
                    None => {
                        self.inbox.reserve(CHUNKED_READ);
                        self.poll_fill(cx)
                    }
                };
                let now = Instant::now();
                let Poll::Ready(came) = came else {
                    self.pace.waiting(now);
                    return Poll::Pending;
                };
                let came = came?;
                if came > 0 && self.pace.came(came, self.limits.body_rate, now) {
                    let error = io::Error::new(io::ErrorKind::TimedOut, SLOW_BODY);
                    return Poll::Ready(Err(error));
                }
                if came == 0 || direct.is_some() {
                    return Poll::Ready(Ok(()));
                }
            }
            let Gate::Request { body, .. } = &mut self.gate else {
                return Poll::Ready(Ok(()));
            };
            let room = buf.remaining().min(self.inbox.len());
            let taken = body
                .take(self.inbox.get(..room).unwrap_or_default())
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, MALFORMED_BODY))?;
            buf.put_slice(self.inbox.get(..taken).unwrap_or_default());
            self.inbox.advance(taken);
            if taken > 0 || room == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads at most `left` bytes of a counted body; answers how many.
    fn poll_counted(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        left: u64,
    ) -> Poll<io::Result<usize>> {
        let most = buf
            .remaining()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(self.poll_io_read(cx, &mut part))?;
        let came = part.filled().len();
        buf.advance(came);
        if let Gate::Request { body, .. } = &mut self.gate {
            *body = Framing::length(left - came as u64);
        }
        Poll::Ready(Ok(came))
    }

    /// The request is read. Only the client's leaving matters now, or its switch to websocket.
    fn poll_after_request(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.client.is_upgraded() {
            self.handshake = None;
            self.gate = Gate::Open;
            return self.poll_open(cx, buf);
        }
        if self.client.wants_websocket() {
            let timeout = self.client.handshake_timeout();
            let timer = self
                .handshake
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
            if timer.as_mut().poll(cx).is_ready() {
                let error = io::Error::new(io::ErrorKind::TimedOut, HANDSHAKE_TIMED_OUT);
                return Poll::Ready(Err(error));
            }
        }
        while self.inbox.len() < EARLY_BYTES {
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }

    fn poll_open(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.client.is_upgraded() {
            return self.poll_websocket(cx, buf);
        }
        let before = buf.filled().len();
        if self.inbox.is_empty() {
            if self.poll_io_read(cx, buf)?.is_pending() {
                return self.poll_h2_head(cx);
            }
        } else {
            let count = buf.remaining().min(self.inbox.len());
            buf.put_slice(self.inbox.get(..count).unwrap_or_default());
            self.inbox.advance(count);
        }
        if let Some(frames) = &mut self.frames {
            frames.see(buf.filled().get(before..).unwrap_or_default())?;
            if !frames.owes_head() {
                self.h2_head = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing can be read: an HTTP/2 client that owes the rest of a head has a deadline.
    fn poll_h2_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self
            .frames
            .as_ref()
            .is_some_and(|frames| frames.owes_head())
        {
            return Poll::Pending;
        }
        let timeout = self.limits.head_timeout;
        let timer = self
            .h2_head
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_websocket(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (client, idle) = (&self.client, self.limits.websocket_idle);
        let watch = self
            .websocket
            .get_or_insert_with(|| Box::new(WebsocketWatch::new(client.take_close_signal(), idle)));
        if watch.poll_closing(cx) {
            // The close frame goes out as soon as the application's last frame is whole.
            let frame = watch.close_for_client();
            self.out.extend_from_slice(frame);
            if let Poll::Ready(Err(error)) = self.poll_drain_out(cx) {
                return Poll::Ready(Err(error));
            }
            let _ = self.poll_io_flush(cx)?;
        }
        if let Some(watch) = &mut self.websocket {
            match watch.close_for_application(buf) {
                CloseStep::NotDue => {}
                CloseStep::Written => return Poll::Ready(Ok(())),
                CloseStep::Wait => return Poll::Pending,
                CloseStep::End => {
                    ready!(self.poll_drain_out(cx))?;
                    return Poll::Ready(Ok(()));
                }
            }
        }
        let before = buf.filled().len();
        if self.inbox.is_empty() {
            ready!(self.poll_io_read(cx, buf))?;
        } else {
            let count = buf.remaining().min(self.inbox.len());
            buf.put_slice(self.inbox.get(..count).unwrap_or_default());
            self.inbox.advance(count);
        }
        if let Some(watch) = &mut self.websocket {
            watch.sent_to_application(buf.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for EdgeStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match &mut this.gate {
            Gate::Shut => Poll::Pending,
            Gate::Request { head, .. } if *head > 0 => {
                let count = buf.remaining().min(*head);
                *head -= count;
                buf.put_slice(this.inbox.get(..count).unwrap_or_default());
                this.inbox.advance(count);
                Poll::Ready(Ok(()))
            }
            Gate::Request { body, .. } if body.is_done() => this.poll_after_request(cx, buf),
            Gate::Request { .. } => {
                let result = this.poll_body(cx, buf);
                this.broken |= matches!(result, Poll::Ready(Err(_)));
                result
            }
            Gate::Open => this.poll_open(cx, buf),
        }
    }
}
