//! Why a request did not get out, or no answer came back.

use rustls::CertificateError;

use crate::target::InvalidTarget;

/// Why there is no answer. The words are for the person who named the address; they tell nothing of what stands at an
/// address that may not be reached.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address cannot be used at all.
    #[error(transparent)]
    Target(#[from] InvalidTarget),
    /// The name has no address.
    #[error("{host} has no address")]
    Unresolved {
        /// The name.
        host: String,
    },
    /// All addresses of the name lie where nobody is sent to.
    #[error(
        "{host} leads to an address that is not public; the operator of this server may allow its network (outbound.allow)"
    )]
    Refused {
        /// The name.
        host: String,
    },
    /// No connection could be made.
    #[error("no connection to {host} could be made")]
    Connect {
        /// The name.
        host: String,
        /// Why.
        source: std::io::Error,
    },
    /// The other side could not prove who it is, or speaks no TLS.
    #[error("no TLS with {host}: {}", why_no_tls(source))]
    Tls {
        /// The name.
        host: String,
        /// Why.
        source: std::io::Error,
    },
    /// The answer was no HTTP, or broke off.
    #[error("{host} did not answer as HTTP says")]
    Http {
        /// The name.
        host: String,
        /// Why.
        source: hyper::Error,
    },
    /// A header or the address cannot be sent.
    #[error("the request cannot be written as HTTP")]
    Unwritable(#[source] http::Error),
    /// Not done in time.
    #[error("{host} did not answer in time")]
    Timeout {
        /// The name.
        host: String,
    },
    /// A local socket could not be opened.
    #[error("no local socket could be opened")]
    Local(#[source] std::io::Error),
    /// The certificates that shall be trusted besides the usual ones cannot be read.
    #[error("the extra certificates cannot be used: {0}")]
    Certificates(String),
}

/// What is wrong with the other side, for those who can mend it.
fn why_no_tls(source: &std::io::Error) -> &'static str {
    let inner = source.get_ref().and_then(|inner| inner.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(wrong)) = inner else {
        return "it breaks off, or speaks another protocol";
    };
    match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::UnknownIssuer => {
            "its certificate is of an authority that this server does not know (outbound.extra_ca)"
        }
        _ => "its certificate cannot be trusted",
    }
}

impl OutboundError {
    /// Whether the same request may succeed later without a change of anybody's wishes.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Target(_) | Self::Unwritable(_) | Self::Certificates(_) => false,
            // A name may be corrected, and its owner's mistake is not ours to call final.
            Self::Unresolved { .. }
            | Self::Refused { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Http { .. }
            | Self::Timeout { .. }
            | Self::Local(_) => true,
        }
    }
}
