//! An address that people name: scheme, host, port, path.
//!
//! Invariant: what was parsed is what is connected to. The URL standard's parser reads every spelling of an IPv4 address
//! (octal, hexadecimal, short) into the address itself, so that no check sees another host than the connection does.

use std::net::IpAddr;

use url::{Host, Url};

/// Characters of an address at most.
const MAX_LENGTH: usize = 2000;

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Not a URL.
    #[error("this is not a web address")]
    NotAUrl,
    /// Longer than anybody needs.
    #[error("an address has at most {MAX_LENGTH} characters")]
    TooLong,
    /// Neither http nor https.
    #[error("only http:// and https:// addresses are reached")]
    Scheme,
    /// A name or password inside of the address.
    #[error("an address carries no user name and no password")]
    Userinfo,
    /// No host.
    #[error("the address names no host")]
    NoHost,
}

/// An address that a request may be made of; where it leads is checked when the connection is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

impl std::fmt::Debug for Target {
    /// Without path and query: those of chat rooms are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({}://{})", self.0.scheme(), self.authority())
    }
}

/// A host as it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Domain(String),
    Address(IpAddr),
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Domain(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// [`InvalidTarget`], a sentence for the one who wrote it.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidTarget::TooLong);
        }
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let url = Url::parse(text)
            .ok()
            .filter(|_| visible)
            .ok_or(InvalidTarget::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidTarget::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTarget::Userinfo);
        }
        match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => {}
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => {}
            Some(Host::Domain(_)) | None => return Err(InvalidTarget::NoHost),
        }
        Ok(Self(url))
    }

    /// The address, normalised.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Host and port as in a URL, without a port that the scheme implies.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The path, beginning with a slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// Host, for people.
    #[must_use]
    pub fn host(&self) -> String {
        self.name().to_string()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(0)
    }

    /// Path and query, as requests carry them.
    pub(crate) fn origin_form(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }

    pub(crate) fn name(&self) -> Name {
        match self.0.host() {
            Some(Host::Ipv4(address)) => Name::Address(address.into()),
            Some(Host::Ipv6(address)) => Name::Address(address.into()),
            Some(Host::Domain(name)) => Name::Domain(name.to_owned()),
            // `parse` lets none without a host pass; an empty name resolves to nothing.
            None => Name::Domain(String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_address_are_that_address() {
        for text in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://%31%32%37.0.0.1/",
        ] {
            let Ok(target) = Target::parse(text) else {
                continue;
            };
            if let Name::Address(address) = target.name() {
                assert!(address.is_loopback() || address.is_unspecified(), "{text}");
            }
        }
        assert_eq!(
            Target::parse("http://0x7f000001/x?y#z").unwrap().name(),
            Name::Address("127.0.0.1".parse().unwrap())
        );
    }

    #[test]
    fn what_is_no_plain_web_address_is_refused() {
        for (text, why) in [
            ("", InvalidTarget::NotAUrl),
            ("example.com", InvalidTarget::NotAUrl),
            ("http://exa mple.com", InvalidTarget::NotAUrl),
            ("http://example.com/\r\nX: y", InvalidTarget::NotAUrl),
            ("file:///etc/passwd", InvalidTarget::Scheme),
            ("ext::sh -c id", InvalidTarget::NotAUrl),
            ("ssh://git@example.com/x", InvalidTarget::Scheme),
            ("gopher://example.com", InvalidTarget::Scheme),
            ("https://a:b@example.com/", InvalidTarget::Userinfo),
            ("https://a@example.com/", InvalidTarget::Userinfo),
        ] {
            assert_eq!(Target::parse(text), Err(why), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_LENGTH));
        assert_eq!(Target::parse(&long), Err(InvalidTarget::TooLong));
    }

    #[test]
    fn secrets_in_paths_are_not_shown() {
        let target = Target::parse("https://chat.example:8443/hooks/secret?token=x").unwrap();
        assert_eq!(format!("{target:?}"), "Target(https://chat.example:8443)");
        assert_eq!(target.origin_form(), "/hooks/secret?token=x");
        assert_eq!(target.port(), 8443);
    }
}
