//! Ways to ask a unit whether it does its work. Each probe asks once, within a time limit.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::unit::Boxed;

/// A question that can be asked again and again.
pub type Probe = Arc<dyn Fn() -> Boxed<'static, bool> + Send + Sync>;

/// One answer may take this long.
const LIMIT: Duration = Duration::from_secs(2);
/// `HTTP/1.1 200` and no more is read of an answer.
const STATUS_BYTES: usize = 12;

/// For units that are ready as soon as they run.
#[must_use]
pub fn always_ready() -> Probe {
    Arc::new(|| Box::pin(async { true }))
}

/// Ready when something accepts on the unix socket.
#[must_use]
pub fn unix_accepts(socket: PathBuf) -> Probe {
    Arc::new(move || {
        let socket = socket.clone();
        limited(async move { Some(UnixStream::connect(socket).await.is_ok()) })
    })
}

/// Ready when a GET of the path over the unix socket is answered 200.
#[must_use]
pub fn unix_http_ready(socket: PathBuf, path: &'static str) -> Probe {
    Arc::new(move || {
        let socket = socket.clone();
        limited(async move { answers_200(UnixStream::connect(socket).await.ok()?, path).await })
    })
}

/// Ready when a GET of the path is answered 200.
#[must_use]
pub fn http_ready(address: SocketAddr, path: &'static str) -> Probe {
    Arc::new(move || {
        limited(async move { answers_200(TcpStream::connect(address).await.ok()?, path).await })
    })
}

fn limited(question: impl Future<Output = Option<bool>> + Send + 'static) -> Boxed<'static, bool> {
    Box::pin(async move { matches!(timeout(LIMIT, question).await, Ok(Some(true))) })
}

async fn answers_200(
    mut stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    path: &str,
) -> Option<bool> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut status = [0; STATUS_BYTES];
    stream.read_exact(&mut status).await.ok()?;
    Some(status.starts_with(b"HTTP/1.") && status.ends_with(b" 200"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn probe_answered_with(answer: &'static str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let ready = http_ready(address, "/readyz")().await;
        assert!(
            server
                .await
                .unwrap()
                .starts_with("GET /readyz HTTP/1.1\r\n")
        );
        ready
    }

    #[tokio::test]
    async fn only_a_200_is_ready() {
        assert!(probe_answered_with("HTTP/1.1 200 OK\r\n\r\n").await);
        assert!(!probe_answered_with("HTTP/1.1 503 Service Unavailable\r\n\r\n").await);
        assert!(!probe_answered_with("HTTP").await);
    }

    #[tokio::test]
    async fn nobody_listening_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        assert!(!unix_accepts(socket.clone())().await);
        assert!(!unix_http_ready(socket.clone(), "/")().await);
        let _listener = tokio::net::UnixListener::bind(&socket).unwrap();
        assert!(unix_accepts(socket)().await);
    }
}
