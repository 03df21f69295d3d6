//! HTTP/1.1 to the control plane over a unix socket or TCP.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use segue_model::internal::INTERNAL_PREFIX;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

use super::Link;
use crate::config::ControlAddr;
use crate::table::Refused;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a connection to the control plane ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the control plane cannot be reached")]
    Connect(#[source] std::io::Error),
    #[error("the control plane did not answer in time")]
    Timeout,
    #[error("the connection to the control plane broke")]
    Http(#[from] hyper::Error),
    #[error("the control plane answered {0}")]
    Status(StatusCode),
    #[error("the control plane ended the stream")]
    Ended,
    #[error("a message of the control plane is malformed")]
    Message(#[source] serde_json::Error),
    #[error("a message of the control plane is longer than {0} bytes")]
    TooLong(usize),
    #[error("message {got} came where {expected} was expected")]
    Gap { expected: u64, got: u64 },
    #[error("the stream did not begin with a snapshot")]
    NoSnapshot,
    #[error("the table differs from what the control plane believes")]
    Digest,
    #[error("a change was refused")]
    Refused(#[from] Refused),
    #[error("a request to the control plane cannot be built")]
    Build(#[from] http::Error),
}

/// An open connection. Its driver ends with it.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    pub(super) async fn dial(&self) -> Result<Connection, LinkError> {
        tokio::time::timeout(CONNECT_TIMEOUT, async {
            Ok(match &self.control {
                ControlAddr::Unix(path) => {
                    let stream = UnixStream::connect(path)
                        .await
                        .map_err(LinkError::Connect)?;
                    open(TokioIo::new(stream)).await?
                }
                ControlAddr::Http { authority } => {
                    let stream = TcpStream::connect(authority)
                        .await
                        .map_err(LinkError::Connect)?;
                    let _ = stream.set_nodelay(true);
                    open(TokioIo::new(stream)).await?
                }
            })
        })
        .await
        .map_err(|_| LinkError::Timeout)?
    }

    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, LinkError> {
        let host = match &self.control {
            ControlAddr::Unix(_) => "control",
            ControlAddr::Http { authority } => authority,
        };
        Ok(Request::builder()
            .method(method)
            .uri(format!("{INTERNAL_PREFIX}/edges/{}/{path}", self.edge))
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?)
    }
}

async fn open<S>(io: TokioIo<S>) -> Result<Connection, LinkError>
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(io).await?;
    let driver = tokio::spawn(async move {
        // Its end shows in the sender and in the response's body.
        let _ = connection.await;
    });
    Ok(Connection { sender, driver })
}
