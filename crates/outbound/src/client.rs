//! One request, one answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::address::{Checked, Guard};
use crate::error::OutboundError;
use crate::resolve::{Resolve, System};
use crate::target::{Name, Target};

/// A name server that takes longer does not answer.
const RESOLVE: Duration = Duration::from_secs(5);
/// One address that takes longer is passed over for the next one.
const CONNECT: Duration = Duration::from_secs(5);
/// Addresses of a name that are tried.
const TRIED: usize = 4;
/// What people's servers see.
const AGENT: HeaderValue = HeaderValue::from_static("segue");

/// What the operator says of the way out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundConfig {
    /// Networks that are reached though they are not public: of a forge of one's own, for instance.
    pub allow: Vec<IpNet>,
    /// Certificates (PEM) that are trusted besides those of the machine.
    pub extra_ca: Option<PathBuf>,
}

/// The way out. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbound {
    guard: Guard,
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
    extra_ca: Option<PathBuf>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub target: Target,
    /// Its headers, besides `Host`.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// From the look-up of the name to the last byte of the answer.
    pub deadline: Duration,
    /// Bytes of the answer's body that are read; the rest is left.
    pub answer_bytes: usize,
}

/// What came back. A redirect is an answer like any other.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's beginning.
    pub body: Bytes,
    /// Whether there was more of it.
    pub truncated: bool,
}

impl Outbound {
    /// The way out on the machine's own resolver.
    ///
    /// # Errors
    /// The extra certificates cannot be read: then nothing is sent, rather than sent to somebody else.
    pub fn new(config: &OutboundConfig) -> Result<Self, OutboundError> {
        Self::with_resolver(config, Arc::new(System))
    }

    /// The same on a resolver of one's own.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_resolver(
        config: &OutboundConfig,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, OutboundError> {
        Ok(Self {
            guard: Guard::new(config.allow.clone()),
            resolver,
            tls: Arc::new(tls(config)?),
            extra_ca: config.extra_ca.clone(),
        })
    }

    /// Certificates that are trusted besides those of the machine, for programs that speak for themselves.
    #[must_use]
    pub fn extra_ca(&self) -> Option<&std::path::Path> {
        self.extra_ca.as_deref()
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// [`OutboundError`]: nothing came back, or nothing was sent.
    pub async fn send(&self, request: Request) -> Result<Answer, OutboundError> {
        let until = Instant::now() + request.deadline;
        let host = request.target.host();
        timeout_at(until, self.exchange(request))
            .await
            .map_err(|_| OutboundError::Timeout { host })?
    }

    async fn exchange(&self, request: Request) -> Result<Answer, OutboundError> {
        let target = request.target.clone();
        let (name, host) = (target.name(), target.host());
        let stream = self.connect(&name, target.port()).await?;
        if !target.is_https() {
            return over(stream, request, &host).await;
        }
        let server = match name {
            Name::Address(address) => ServerName::from(address),
            Name::Domain(name) => ServerName::try_from(name)
                .map_err(|_| OutboundError::Unresolved { host: host.clone() })?,
        };
        let stream = TlsConnector::from(Arc::clone(&self.tls))
            .connect(server, stream)
            .await
            .map_err(|source| OutboundError::Tls {
                host: host.clone(),
                source,
            })?;
        over(stream, request, &host).await
    }

    /// Resolves, checks, connects. The only function that opens a connection to somebody else's address.
    pub(crate) async fn connect(&self, name: &Name, port: u16) -> Result<TcpStream, OutboundError> {
        let host = name.to_string();
        let mut failed = None;
        for checked in self.addresses(name, port).await? {
            match timeout(CONNECT, open(checked)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(std::io::ErrorKind::TimedOut.into()),
            }
        }
        let source = failed.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into());
        Err(OutboundError::Connect { host, source })
    }

    /// The addresses of a name that may be reached.
    async fn addresses(&self, name: &Name, port: u16) -> Result<Vec<Checked>, OutboundError> {
        let host = name.to_string();
        let found = match name {
            Name::Address(address) => vec![*address],
            Name::Domain(name) => timeout(RESOLVE, self.resolver.resolve(name))
                .await
                .ok()
                .and_then(Result::ok)
                .unwrap_or_default(),
        };
        if found.is_empty() {
            return Err(OutboundError::Unresolved { host });
        }
        let checked: Vec<Checked> = found
            .into_iter()
            .filter_map(|address| self.guard.check((address, port).into()))
            .take(TRIED)
            .collect();
        if checked.is_empty() {
            return Err(OutboundError::Refused { host });
        }
        Ok(checked)
    }
}

async fn open(checked: Checked) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(checked.address()).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn over<S>(stream: S, request: Request, host: &str) -> Result<Answer, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wrong = |source| OutboundError::Http {
        host: host.to_owned(),
        source,
    };
    let limit = request.answer_bytes;
    let request = written(request)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(64 << 10)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(wrong)?;
    // Driven beside the exchange, in the same task: when this future is dropped, the connection is too.
    let exchange = async {
        let response = sender.send_request(request).await.map_err(wrong)?;
        let (parts, mut body) = response.into_parts();
        let (mut read, mut truncated) = (Vec::new(), false);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(wrong)?.into_data() else {
                continue;
            };
            let room = limit.saturating_sub(read.len());
            read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            if data.len() > room {
                truncated = true;
                break;
            }
        }
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: read.into(),
            truncated,
        })
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        done = &mut exchange => return done,
        ended = &mut connection => ended.map_err(wrong)?,
    }
    // The connection has ended in order; what it read is still to be taken.
    exchange.await
}

fn written(request: Request) -> Result<http::Request<Full<Bytes>>, OutboundError> {
    let mut written = http::Request::builder()
        .method(request.method)
        .uri(request.target.origin_form())
        .body(Full::new(request.body))
        .map_err(OutboundError::Unwritable)?;
    let host = HeaderValue::from_str(&request.target.authority())
        .map_err(|error| OutboundError::Unwritable(error.into()))?;
    let headers = written.headers_mut();
    headers.extend(request.headers);
    headers.insert(HOST, host);
    headers.entry(USER_AGENT).or_insert(AGENT);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(written)
}

fn tls(config: &OutboundConfig) -> Result<ClientConfig, OutboundError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a certificate of the machine is passed over");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = &config.extra_ca {
        let wrong = |why: String| OutboundError::Certificates(format!("{}: {why}", path.display()));
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| wrong(error.to_string()))?;
        if certificates.is_empty() {
            return Err(wrong("it holds no certificate".to_owned()));
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| wrong(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Certificates(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}
