//! TLS towards clients: certificates by server name, from the routes or from the edge's own
//! self-signed authority for `*.localhost`.
//!
//! Invariants: a look-up takes no lock for names of the table; an unknown name gets no certificate.
//! Private keys are never logged. The process must have a default rustls provider before.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use segue_model::route::Certificate;

use crate::files;

/// Certificates made for names below `localhost` before the oldest ones are made again on demand.
const MAX_LOCAL_NAMES: usize = 1_024;

/// A certificate below `localhost` is valid this long, and made anew after half of it.
const LOCAL_VALIDITY: Duration = Duration::from_secs(365 * 24 * 3_600);

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No rustls provider was installed as the process default.
    #[error("no TLS provider is installed in this process")]
    NoProvider,
    /// A file of the authority cannot be read or written.
    #[error("the file {path} of the self-signed authority cannot be used")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key or certificate cannot be made or read.
    #[error("a certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// A key or chain in PEM is malformed.
    #[error("a certificate or key is not PEM")]
    Pem(#[from] rustls_pki_types::pem::Error),
    /// A key is of an unknown kind or does not belong to its certificate.
    #[error("a certificate and its key cannot be used")]
    Key(#[from] rustls::Error),
}

/// A certificate of our own and when it was made.
type Made = (Instant, Arc<CertifiedKey>);
type Names = HashMap<Box<str>, Arc<CertifiedKey>>;

/// Finds the certificate for a handshake.
pub(crate) struct Certificates {
    names: ArcSwap<Names>,
    local: Mutex<HashMap<Box<str>, Made>>,
    authority: Authority,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    pub(crate) fn new(authority: Authority) -> Self {
        Self {
            names: ArcSwap::default(),
            local: Mutex::default(),
            authority,
        }
    }

    /// Replaces the table's certificates. One that cannot be used is left out and told.
    pub(crate) fn replace(&self, certificates: &[Certificate]) -> Vec<TlsError> {
        let mut names = Names::new();
        let mut errors = Vec::new();
        for certificate in certificates {
            match load(certificate) {
                Ok(key) => {
                    for name in &certificate.names {
                        names.insert(name.as_str().into(), key.clone());
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        self.names.store(Arc::new(names));
        errors
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        // A client that names nobody talks to this machine, most likely by address.
        let name = name.map_or_else(|| "localhost".to_owned(), str::to_ascii_lowercase);
        let names = self.names.load();
        if let Some(key) = names.get(name.as_str()) {
            return Some(key.clone());
        }
        // A wildcard covers exactly one label (RFC 6125, 6.4.3).
        if let Some((_, parent)) = name.split_once('.')
            && let Some(key) = names.get(format!("*.{parent}").as_str())
        {
            return Some(key.clone());
        }
        if name == "localhost" || name.ends_with(".localhost") {
            return self.local(&name);
        }
        None
    }

    fn local(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, key)) = local.get(name)
            && made.elapsed() < LOCAL_VALIDITY / 2
        {
            return Some(key.clone());
        }
        let key = match self.authority.issue(name) {
            Ok(key) => key,
            Err(error) => {
                tracing::warn!(%error, "no certificate could be made for a local name");
                return None;
            }
        };
        if local.len() >= MAX_LOCAL_NAMES {
            local.clear();
        }
        local.insert(name.into(), (Instant::now(), key.clone()));
        Some(key)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

/// The configuration of every TLS listener.
pub(crate) fn server_config(
    certificates: Arc<Certificates>,
) -> Result<Arc<ServerConfig>, TlsError> {
    CryptoProvider::get_default().ok_or(TlsError::NoProvider)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Resumption by ticket: no memory per client, and the same for all threads.
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    Ok(Arc::new(config))
}

fn load(certificate: &Certificate) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes())?;
    certified(chain, key)
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let provider = CryptoProvider::get_default().ok_or(TlsError::NoProvider)?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, provider)?))
}

/// Signs certificates for names below `localhost`. Made once; people may import its certificate.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// Reads the authority from its folder, or makes it.
    pub(crate) fn open(folder: &Path) -> Result<Self, TlsError> {
        let key_path = folder.join("authority.key");
        let certificate_path = folder.join("authority.pem");
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::File { path, source }
        };
        let present = files::read(&key_path)
            .map_err(file(&key_path))?
            .zip(files::read(&certificate_path).map_err(file(&certificate_path))?);
        if let Some((key, certificate)) = present {
            let key = KeyPair::from_pem(&String::from_utf8_lossy(&key))?;
            return Ok(Self {
                issuer: Issuer::new(authority_params(), key),
                certificate: CertificateDer::from_pem_slice(&certificate)?,
            });
        }
        let key = KeyPair::generate()?;
        let params = authority_params();
        let certificate = params.self_signed(&key)?;
        // The key first: a certificate without its key would be made again under the same name.
        files::replace(&key_path, key.serialize_pem().as_bytes()).map_err(file(&key_path))?;
        files::replace(&certificate_path, certificate.pem().as_bytes())
            .map_err(file(&certificate_path))?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            certificate: certificate.der().clone(),
        })
    }

    fn issue(&self, name: &str) -> Result<Arc<CertifiedKey>, TlsError> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // Browsers refuse certificates that are valid for much longer than a year.
        let now = SystemTime::now();
        params.not_before = (now - Duration::from_secs(24 * 3_600)).into();
        params.not_after = (now + LOCAL_VALIDITY).into();
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        certified(
            vec![leaf.der().clone(), self.certificate.clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
    }
}

/// The same each time, so that the authority can sign with its stored key.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Segue local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_authority_survives_a_restart_and_its_key_is_private() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::open(folder.path()).unwrap();
        let mode = std::fs::metadata(folder.path().join("authority.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Authority::open(folder.path()).unwrap();
        assert_eq!(first.certificate, second.certificate);
        let certificates = Certificates::new(second);
        assert!(certificates.find(Some("Shop.localhost")).is_some());
        assert!(certificates.find(None).is_some());
        assert!(certificates.find(Some("example.com")).is_none());
        assert!(certificates.find(Some("notlocalhost")).is_none());
    }

    #[test]
    fn table_certificates_by_name_and_one_label_wildcard() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::new(Authority::open(folder.path()).unwrap());
        let made = rcgen::generate_simple_self_signed(vec!["*.example.com".to_owned()]).unwrap();
        let good = Certificate {
            names: vec![
                "*.example.com".parse().unwrap(),
                "example.com".parse().unwrap(),
            ],
            chain_pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
        };
        let broken = Certificate {
            names: vec!["b.example.org".parse().unwrap()],
            chain_pem: good.chain_pem.clone(),
            key_pem: "nonsense".into(),
        };
        let errors = certificates.replace(&[good, broken]);
        assert_eq!(errors.len(), 1);
        assert!(certificates.find(Some("a.example.com")).is_some());
        assert!(certificates.find(Some("EXAMPLE.com")).is_some());
        assert!(certificates.find(Some("a.b.example.com")).is_none());
        assert!(certificates.find(Some("b.example.org")).is_none());
    }
}
