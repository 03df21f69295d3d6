//! TLS on the way out: an authority of the test's own, and servers that prove themselves well or badly.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use segue_outbound::{Outbound, OutboundConfig, OutboundError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Names, OK, Server, get};

/// Who signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A server with a certificate of this authority; answers its port, and counts what it read.
    async fn serve(&self, change: impl FnOnce(&mut CertificateParams)) -> (u16, Arc<AtomicUsize>) {
        let mut params = CertificateParams::new(vec!["hooks.test".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
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
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, count) = (acceptor.clone(), count.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut head = [0; 4096];
                    if stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    let _ = stream.write_all(OK.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        (port, asked)
    }
}

/// A way out that knows `hooks.test` and `other.test`, may go to loopback, and trusts these besides the machine's.
fn outbound(extra_ca: Option<PathBuf>) -> Result<Outbound, OutboundError> {
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    let names = Names {
        answers: vec![
            ("hooks.test", vec![vec![here]]),
            ("other.test", vec![vec![here]]),
        ],
        asked: AtomicUsize::new(0),
    };
    let config = OutboundConfig {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        extra_ca,
    };
    Outbound::with_resolver(&config, Arc::new(names))
}

#[tokio::test]
async fn only_a_server_that_proves_its_name_is_told_anything() {
    let authority = Authority::new("ours");
    let trusting = outbound(Some(authority.file())).unwrap();
    let (port, asked) = authority.serve(|_| ()).await;
    let answer = get(&trusting, &format!("https://hooks.test:{port}/x")).await;
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let refused = async |outbound: &Outbound, host: &str, port: u16, words: &str| {
        let url = format!("https://{host}:{port}/secret");
        let error = get(outbound, &url).await.unwrap_err();
        assert!(matches!(error, OutboundError::Tls { .. }), "{error:?}");
        assert!(error.is_retryable(), "{error}: its owner may mend it");
        let said = error.to_string();
        assert!(said.contains(words) && !said.contains("secret"), "{said}");
    };
    // The same server under a name, or an address, that its certificate does not have.
    refused(&trusting, "other.test", port, "for another name").await;
    refused(&trusting, "127.0.0.1", port, "for another name").await;
    // Nobody said that this authority is trusted.
    let strict = outbound(None).unwrap();
    refused(&strict, "hooks.test", port, "outbound.extra_ca").await;
    // One authority that is trusted does not vouch for another of the same name.
    let (of_other, unasked) = Authority::new("ours").serve(|_| ()).await;
    refused(&trusting, "hooks.test", of_other, "cannot be trusted").await;
    assert_eq!(unasked.load(Ordering::SeqCst), 0);
    for (change, words) in [
        (
            (|params| params.not_after = date_time_ymd(2020, 1, 1)) as fn(&mut CertificateParams),
            "has expired",
        ),
        (
            |params| params.not_before = date_time_ymd(4000, 1, 1),
            "not valid yet",
        ),
    ] {
        let (bad, unasked) = authority.serve(change).await;
        refused(&trusting, "hooks.test", bad, words).await;
        assert_eq!(unasked.load(Ordering::SeqCst), 0, "{words}");
    }
    // A server that speaks no TLS.
    let plain = Server::start("127.0.0.1:0", OK).await;
    refused(&trusting, "hooks.test", plain.at.port(), "another protocol").await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "only the first was asked");
}

#[tokio::test]
async fn certificates_that_cannot_be_read_stop_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
        std::fs::write(&file, text).unwrap();
        let error = outbound(Some(file.clone())).unwrap_err();
        assert!(
            matches!(error, OutboundError::Certificates(_)) && !error.is_retryable(),
            "{text:?}: {error}"
        );
    }
    std::fs::remove_file(&file).unwrap();
    outbound(Some(file)).unwrap_err();
}
