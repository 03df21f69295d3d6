//! The way to a Docker engine: one unix socket, pooled keep-alive connections, the API version on the wire.
//!
//! bollard 0.21 builds `/v1.NN/...` and loses the prefix again, so that its negotiation has no effect (and an engine that
//! changes its default with an upgrade changes ours). The version is therefore put on the wire here. It is
//! negotiated before the first request and again after the engine could not be reached, because an engine that
//! went away may come back as another version.
//!
//! A transport can be cut: every connection it ever made is closed. A build needs that, because its session is an
//! upgraded connection that nobody else would close.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::{BollardRequest, Docker};
use http_body_util::BodyExt;
use hyper::Uri;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use crate::build::wish::{EngineSocket, RENEW_EVERY, Wish};
use crate::error::{DriverError, chain};

/// Oldest minor version of API 1 that has all that is used here (Docker 20.10).
const OLDEST_MINOR: u32 = 41;

/// Newest minor version that this code was written against.
const NEWEST_MINOR: u32 = 53;

/// Connections kept open per engine. More calls than this at once open more, and close them again.
const IDLE_CONNECTIONS: usize = 8;

/// bollard's own time limit for a response's head: out of the way, since every call has its deadline.
const NO_LIMIT_SECONDS: u64 = 7 * 24 * 3600;

/// Between two tries to reach an engine that is being started.
const START_POLL: Duration = Duration::from_millis(25);

/// Such an engine is given up after this, if the call's deadline does not come first.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long the engine may take to say its version.
const NEGOTIATION: Duration = Duration::from_secs(10);

/// A way to one engine. Cheap to clone; clones share connections and the negotiated version.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    client: Client<Connector, <BollardRequest as IntoBody>::Body>,
    /// Minor version in use; 0 before the first negotiation.
    minor: AtomicU32,
    cut: CancellationToken,
}

/// Names bollard's body type, which it does not export.
trait IntoBody {
    type Body;
}

impl<B> IntoBody for http::Request<B> {
    type Body = B;
}

impl Transport {
    /// A way to the engine behind this socket. Nothing is sent yet.
    pub(crate) fn new(socket: EngineSocket) -> Self {
        let cut = CancellationToken::new();
        let connector = Connector {
            socket: socket.clone(),
            cut: cut.clone(),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_timer(TokioTimer::new())
            .build(connector);
        let shared = Shared {
            socket: socket.path,
            client,
            minor: AtomicU32::new(0),
            cut,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Closes every connection that this transport has made or makes.
    pub(crate) fn cut_guard(&self) -> DropGuard {
        self.shared.cut.clone().drop_guard()
    }

    /// A client that speaks through this transport.
    pub(crate) fn docker(&self) -> Result<Docker, DriverError> {
        let transport = self.clone();
        let send = move |request: BollardRequest| {
            let transport = transport.clone();
            async move {
                transport.send(request).await.map_err(|error| {
                    // bollard's error has one variant that carries a foreign error; `DriverError::from` opens it again.
                    bollard::errors::Error::IOError {
                        err: io::Error::other(error),
                    }
                })
            }
        };
        Ok(Docker::connect_with_custom_transport(
            send,
            Some("http://engine"),
            NO_LIMIT_SECONDS,
            bollard::API_DEFAULT_VERSION,
        )?)
    }

    /// The version on the wire, negotiated now if it is not known.
    pub(crate) async fn api_minor(&self) -> Result<u32, DriverError> {
        match self.shared.minor.load(Ordering::Acquire) {
            0 => {
                let minor = tokio::time::timeout(NEGOTIATION, self.negotiate()).await;
                let minor = minor.map_err(|_| DriverError::Deadline)??;
                self.shared.minor.store(minor, Ordering::Release);
                Ok(minor)
            }
            minor => Ok(minor),
        }
    }

    async fn negotiate(&self) -> Result<u32, DriverError> {
        let body = bollard::body_full(bytes::Bytes::new());
        let request = http::Request::get("http://engine/version").body(body);
        let request = request.map_err(|error| DriverError::Protocol(error.to_string()))?;
        let response = self.raw(request).await?;
        let body = response.into_body().collect().await;
        let body = body
            .map_err(|error| DriverError::Unavailable(chain(&error)))?
            .to_bytes();
        let version: Version = serde_json::from_slice(&body)
            .map_err(|error| DriverError::Protocol(format!("/version: {error}")))?;
        choose(
            &version.api_version,
            version.min_api_version.as_deref().unwrap_or("1.12"),
        )
    }

    async fn send(&self, request: BollardRequest) -> Result<http::Response<Incoming>, DriverError> {
        let minor = self.api_minor().await?;
        let (mut parts, body) = request.into_parts();
        parts.uri = versioned(&parts.uri, minor)?;
        self.raw(http::Request::from_parts(parts, body)).await
    }

    async fn raw(&self, request: BollardRequest) -> Result<http::Response<Incoming>, DriverError> {
        self.shared.client.request(request).await.map_err(|error| {
            self.shared.minor.store(0, Ordering::Release);
            DriverError::Unavailable(format!(
                "{}: {}",
                self.shared.socket.display(),
                chain(&error)
            ))
        })
    }
}

#[derive(serde::Deserialize)]
struct Version {
    #[serde(rename = "ApiVersion")]
    api_version: String,
    #[serde(rename = "MinAPIVersion")]
    min_api_version: Option<String>,
}

/// The newest version that both sides speak.
fn choose(newest: &str, oldest: &str) -> Result<u32, DriverError> {
    let minor = |text: &str| {
        let minor = text
            .strip_prefix("1.")
            .and_then(|minor| minor.parse::<u32>().ok());
        minor.ok_or_else(|| DriverError::Protocol(format!("API version {text}")))
    };
    let (newest, oldest) = (minor(newest)?, minor(oldest)?);
    if newest < OLDEST_MINOR {
        return Err(DriverError::Unsupported(format!(
            "API 1.{newest} is older than 1.{OLDEST_MINOR} (Docker 20.10)"
        )));
    }
    if oldest > NEWEST_MINOR {
        return Err(DriverError::Unsupported(format!(
            "the oldest API it speaks is 1.{oldest}"
        )));
    }
    Ok(newest.min(NEWEST_MINOR))
}

/// The same request with the version in front of its path, whatever bollard left there.
fn versioned(uri: &Uri, minor: u32) -> Result<Uri, DriverError> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let bare = match path.strip_prefix("/v1.") {
        Some(rest) => rest
            .find('/')
            .and_then(|slash| rest.get(slash..))
            .unwrap_or("/"),
        None => path,
    };
    format!("http://engine/v1.{minor}{bare}")
        .parse()
        .map_err(|error| DriverError::Protocol(format!("{error}")))
}

/// Opens connections to the socket, whatever host a request names.
#[derive(Debug, Clone)]
struct Connector {
    socket: EngineSocket,
    cut: CancellationToken,
}

impl tower::Service<Uri> for Connector {
    type Response = CuttableStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<CuttableStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { socket, cut } = self.clone();
        Box::pin(async move {
            let holding = socket.wish.clone().map(|wish| hold(wish).drop_guard());
            let stream = connect(&socket).await?;
            Ok(CuttableStream {
                stream: TokioIo::new(stream),
                _holding: holding,
                cut: Box::pin(cut.cancelled_owned()),
            })
        })
    }
}

/// Connects. An engine that is started on demand is waited for: the call's own deadline bounds it.
async fn connect(socket: &EngineSocket) -> io::Result<UnixStream> {
    let begun = tokio::time::Instant::now();
    loop {
        match UnixStream::connect(&socket.path).await {
            Err(error)
                if socket.wish.is_some()
                    && begun.elapsed() < START_LIMIT
                    && matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                    ) =>
            {
                tokio::time::sleep(START_POLL).await;
            }
            done => return done,
        }
    }
}

/// Wants the engine until the answer is cancelled.
fn hold(wish: Wish) -> CancellationToken {
    let token = CancellationToken::new();
    let ended = token.clone();
    let renew = async move {
        loop {
            if let Err(error) = wish.renew() {
                tracing::warn!(%error, "the engine cannot be asked for");
            }
            tokio::time::sleep(RENEW_EVERY).await;
        }
    };
    tokio::spawn(async move { ended.run_until_cancelled(renew).await });
    token
}

/// A connection that ends when its transport is cut.
struct CuttableStream {
    stream: TokioIo<UnixStream>,
    /// The engine is wanted for as long as the connection is open.
    _holding: Option<DropGuard>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl CuttableStream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl Connection for CuttableStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_newest_of_both() {
        assert_eq!(choose("1.41", "1.12"), Ok(41));
        assert_eq!(choose("1.99", "1.44"), Ok(NEWEST_MINOR));
        assert!(matches!(
            choose("1.40", "1.12"),
            Err(DriverError::Unsupported(_))
        ));
        assert!(matches!(
            choose("1.99", "1.90"),
            Err(DriverError::Unsupported(_))
        ));
        assert!(matches!(
            choose("2.0", "1.12"),
            Err(DriverError::Protocol(_))
        ));
    }

    #[tokio::test]
    async fn an_engine_that_is_started_on_demand_is_wanted_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let wish = Wish::new(folder.path().join("wanted"));
        let away = connect(&EngineSocket::from(&path)).await.unwrap_err();
        assert_eq!(away.kind(), io::ErrorKind::NotFound);
        assert!(!wish.is_young(), "only an engine on demand is wanted");

        let mut connector = Connector {
            socket: EngineSocket::on_demand(&path, wish.clone()),
            cut: CancellationToken::new(),
        };
        let call = tower::Service::call(&mut connector, Uri::from_static("http://engine"));
        let start = async {
            while !wish.is_young() {
                tokio::time::sleep(START_POLL).await;
            }
            tokio::net::UnixListener::bind(&path).unwrap()
        };
        let (stream, _listener) = tokio::join!(call, start);
        assert!(stream.is_ok());
    }

    #[test]
    fn the_version_stands_once_on_the_wire() {
        let of = |uri: &str| versioned(&uri.parse().unwrap(), 41).unwrap().to_string();
        assert_eq!(
            of("http://x/containers/json?all=true"),
            "http://engine/v1.41/containers/json?all=true"
        );
        assert_eq!(of("http://x/v1.53/info"), "http://engine/v1.41/info");
        assert_eq!(of("http://x/v1.53"), "http://engine/v1.41/");
    }
}
