//! The stream of routes: one JSON object a line, numbered from 1 on each connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use segue_model::internal::{HEARTBEAT_MS, StreamBody, StreamMessage};

use super::Link;
use super::dial::LinkError;

/// Three missed heartbeats and a little: the stream is dead.
const SILENCE: Duration = Duration::from_millis(3 * HEARTBEAT_MS + 1_000);

/// No table is this large; a longer line is a fault.
const MAX_LINE: usize = 512 * 1024 * 1024;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Link {
    /// Follows the stream for ever, with pauses between connections.
    pub(crate) async fn follow(&self) {
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        loop {
            let mut fine = false;
            let error = match self.follow_once(&mut fine).await {
                Ok(()) => LinkError::Ended,
                Err(error) => error,
            };
            self.shared.gauges.connected.store(false, Ordering::Relaxed);
            if fine {
                pause = FIRST_PAUSE;
                told = false;
            }
            if !told {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "no stream from the control plane; serving on");
                told = true;
            }
            // Up to a half more, so that many edges do not come back at once.
            tokio::time::sleep(pause.mul_f64(1.0 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn follow_once(&self, fine: &mut bool) -> Result<(), LinkError> {
        let mut connection = self.dial().await?;
        let request = self.request(Method::GET, "stream", Bytes::new())?;
        let response = tokio::time::timeout(SILENCE, connection.sender.send_request(request))
            .await
            .map_err(|_| LinkError::Timeout)??;
        if !response.status().is_success() {
            return Err(LinkError::Status(response.status()));
        }
        let mut lines = Lines {
            body: response.into_body(),
            buffer: BytesMut::new(),
            looked_at: 0,
        };
        let mut expected = 1;
        while let Some(line) = lines.next().await? {
            if line.is_empty() {
                continue;
            }
            let message: StreamMessage =
                serde_json::from_slice(&line).map_err(LinkError::Message)?;
            if message.number != expected {
                return Err(LinkError::Gap {
                    expected,
                    got: message.number,
                });
            }
            if expected == 1 {
                if !matches!(message.body, StreamBody::Snapshot { .. }) {
                    return Err(LinkError::NoSnapshot);
                }
                tracing::info!("the control plane is there");
            }
            expected += 1;
            self.apply(message.body)?;
            self.shared.gauges.connected.store(true, Ordering::Relaxed);
            *fine = true;
        }
        Ok(())
    }
}

struct Lines {
    body: Incoming,
    buffer: BytesMut,
    looked_at: usize,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        loop {
            let fresh = self.buffer.get(self.looked_at..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                let line = self.buffer.split_to(self.looked_at + at).freeze();
                self.buffer.advance(1);
                self.looked_at = 0;
                return Ok(Some(line));
            }
            self.looked_at = self.buffer.len();
            if self.looked_at > MAX_LINE {
                return Err(LinkError::TooLong(MAX_LINE));
            }
            let frame = tokio::time::timeout(SILENCE, self.body.frame())
                .await
                .map_err(|_| LinkError::Timeout)?;
            match frame {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None => return Ok(None),
            }
        }
    }
}
