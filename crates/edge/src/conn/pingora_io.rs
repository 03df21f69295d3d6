//! What pingora asks of a stream besides reading and writing, and how a connection closes.
//!
//! Must not change what a session reads.

use std::fmt;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::AsyncWriteExt;

use super::stream::{EdgeStream, Gate};

/// How long, and how much, a closing connection is still read, so that the client sees the answer
/// instead of a reset.
const LINGER: Duration = Duration::from_millis(800);
const LINGER_BYTES: usize = 512 * 1024;

#[async_trait]
impl Shutdown for EdgeStream {
    /// Ends the sending side, then reads a while: closing with unread bytes would make the kernel
    /// reset the connection, and the client could lose the answer.
    async fn shutdown(&mut self) {
        if AsyncWriteExt::shutdown(self).await.is_err() {
            return;
        }
        let unread = !self.inbox.is_empty()
            || self.broken
            || match &self.gate {
                Gate::Shut => true,
                Gate::Request { head, body } => *head > 0 || !body.is_done(),
                // The client's answer to a close frame may be on its way.
                Gate::Open => self.websocket.is_some(),
            };
        if !unread {
            return;
        }
        let _ = tokio::time::timeout(LINGER, async {
            let mut total = 0;
            while let Ok(count @ 1..) = self.fill().await {
                total += count;
                self.inbox.clear();
                if total > LINGER_BYTES {
                    break;
                }
            }
        })
        .await;
    }
}

impl fmt::Debug for EdgeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeStream").finish_non_exhaustive()
    }
}

impl UniqueID for EdgeStream {
    fn id(&self) -> UniqueIDType {
        self.io.tcp().as_raw_fd()
    }
}

impl Ssl for EdgeStream {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.ssl_digest.clone()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.alpn.clone()
    }
}

impl GetTimingDigest for EdgeStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for EdgeStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(self.proxy_digest.clone())
    }
}

impl GetSocketDigest for EdgeStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(self.socket_digest.clone())
    }
}

impl Peek for EdgeStream {}
