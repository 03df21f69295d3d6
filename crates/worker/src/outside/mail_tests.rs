//! Mail through a server that proves itself by an authority of the operator's own.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::mail::Mailer;
use crate::config::MailConfig;

const PATIENCE: Duration = Duration::from_secs(40);

/// Speaks SMTP until the client is done, or asks for TLS. What it says before that is as far as it gets.
async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    kept: &Mutex<Vec<String>>,
) -> std::io::Result<bool> {
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(false);
        }
        let answer = match line.get(..4).unwrap_or_default() {
            "EHLO" => "250-sink\r\n250 STARTTLS",
            "STAR" => {
                stream.write_all(b"220 go on\r\n").await?;
                return Ok(true);
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut mail).await?;
                }
                kept.lock().unwrap().push(mail);
                "250 kept"
            }
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

/// A mail server on loopback, its authority in `ca`. `wrapped`: TLS from the first byte.
async fn server(wrapped: bool, ca: &Path) -> (u16, Arc<Mutex<Vec<String>>>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(ca, issuer.pem()).unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mails = Arc::<Mutex<Vec<String>>>::default();
    let kept = mails.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if !wrapped {
                let mut plain = BufReader::new(&mut stream);
                plain.write_all(b"220 sink\r\n").await.unwrap();
                // Whoever goes on in the clear, or goes away, is not the one that is waited for.
                if !matches!(speak(&mut plain, &kept).await, Ok(true)) {
                    continue;
                }
            }
            let Ok(secure) = acceptor.accept(stream).await else {
                continue;
            };
            let mut secure = BufReader::new(secure);
            if wrapped {
                secure.write_all(b"220 sink\r\n").await.unwrap();
            }
            // A client that hangs up early has said what it had to say.
            let _ = speak(&mut secure, &kept).await;
        }
    });
    (port, mails)
}

fn config(server: String) -> MailConfig {
    MailConfig {
        server,
        from: "Segue <segue@example.com>".to_owned(),
        login: None,
    }
}

#[tokio::test]
async fn a_mail_server_may_prove_itself_by_an_authority_of_the_operators_own() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, other) = (
        folder.path().join("ca.pem"),
        folder.path().join("other.pem"),
    );
    server(true, &other).await;
    for wrapped in [true, false] {
        let (port, mails) = server(wrapped, &ca).await;
        let address = match wrapped {
            true => format!("smtps://127.0.0.1:{port}"),
            false => format!("smtp://127.0.0.1:{port}?tls=required"),
        };
        let post = async |extra_ca: Option<&Path>| {
            let mailer = Mailer::new(&config(address.clone()), extra_ca).unwrap();
            let mail = mailer.post(
                "ada@example.com",
                "hello".into(),
                "text\n".into(),
                "1".into(),
            );
            timeout(PATIENCE, mail).await.unwrap()
        };
        assert!(post(None).await.is_err(), "{address}: an unknown authority");
        assert!(post(Some(&other)).await.is_err(), "{address}: another one");
        assert!(mails.lock().unwrap().is_empty(), "{address}");
        post(Some(&ca)).await.unwrap();
        let mails = mails.lock().unwrap();
        assert!(
            mails.len() == 1 && mails[0].contains("Subject: hello"),
            "{address}: {mails:?}"
        );
    }
}

#[test]
fn certificates_that_cannot_be_read_are_told_and_no_tls_needs_none() {
    let missing = Path::new("/nowhere/ca.pem");
    let told = Mailer::new(&config("smtps://mail.example".into()), Some(missing));
    let told = told.err().unwrap();
    assert!(told.starts_with("outbound.extra_ca: "), "{told}");
    assert!(Mailer::new(&config("smtp://localhost:25".into()), Some(missing)).is_ok());
}
