//! Those who are told: HTTP servers that answer by a script, over TLS or not, and a mail server. Each keeps what it hears.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A request, or a mail.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Heard {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Somebody who listens.
#[derive(Clone)]
pub(super) struct Ear {
    pub at: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Ear {
    async fn bind() -> anyhow::Result<(Self, TcpListener)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let ear = Self {
            at: listener.local_addr()?,
            heard: Arc::default(),
        };
        Ok((ear, listener))
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clone()
    }

    /// Keeps something, and answers how much was kept before it.
    fn keep(&self, what: Heard) -> usize {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(what);
        heard.len() - 1
    }
}

/// Who signs certificates; its own lies in a file.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("ca.pem"), issuer.pem())?;
        Ok(Self { issuer, folder })
    }

    pub(super) fn file(&self) -> PathBuf {
        Path::new(self.folder.path()).join("ca.pem")
    }

    /// A proof of being 127.0.0.1.
    fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &self.issuer)?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Hears requests, over TLS if there is an authority, and answers each with the next of these heads, the last one again
/// and again.
pub(super) async fn receiver(
    authority: Option<&Authority>,
    script: Vec<String>,
) -> anyhow::Result<Ear> {
    let acceptor = authority.map(Authority::acceptor).transpose()?;
    let (ear, listener) = Ear::bind().await?;
    let own = ear.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (ear, acceptor, script) = (own.clone(), acceptor.clone(), script.clone());
            tokio::spawn(async move {
                let told = match acceptor {
                    None => request(stream, &ear, &script).await,
                    // Who does not trust the certificate leaves.
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => request(stream, &ear, &script).await,
                        Err(_) => Ok(()),
                    },
                };
                if let Err(error) = told {
                    eprintln!("a receiver: {error:#}");
                }
            });
        }
    });
    Ok(ear)
}

async fn request<S>(stream: S, ear: &Ear, script: &[String]) -> anyhow::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    let (mut heard, mut line) = (Heard::default(), String::new());
    stream.read_line(&mut line).await?;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        let header = (name.to_ascii_lowercase(), value.to_owned());
        heard.headers.push(header);
    }
    let mut body = vec![0; heard.header("content-length").parse()?];
    stream.read_exact(&mut body).await?;
    heard.body = String::from_utf8(body)?;
    let turn = ear.keep(heard);
    let head = script.get(turn).or(script.last()).context("no script")?;
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

/// Takes mails.
pub(super) async fn mail_server() -> anyhow::Result<Ear> {
    let (ear, listener) = Ear::bind().await?;
    let own = ear.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let ear = own.clone();
            tokio::spawn(async move {
                if let Err(error) = mail(BufReader::new(stream), &ear).await {
                    eprintln!("the mail server: {error:#}");
                }
            });
        }
    });
    Ok(ear)
}

async fn mail<S>(mut stream: BufReader<S>, ear: &Ear) -> anyhow::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(b"220 sink\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match line.get(..4).unwrap_or_default() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut heard = Heard::default();
                while !heard.body.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut heard.body).await?;
                }
                // Long lines come in pieces.
                heard.body = heard.body.replace("=\r\n", "").replace("=3D", "=");
                ear.keep(heard);
                b"250 kept\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer).await?;
    }
}
