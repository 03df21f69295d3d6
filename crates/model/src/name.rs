//! Names: one newtype with one grammar each, the same as the CHECK in the database.
//!
//! A name can only be built by its checking constructor, so nothing later needs to check or escape it.
//! Nothing here trims, lowercases or repairs: what people wrote is accepted or refused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that does not follow a name's grammar. `Display` says which and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct InvalidName {
    /// The kind of name, for people.
    pub what: &'static str,
    /// The refused text, cut to 80 characters.
    pub text: String,
    /// The grammar in words.
    pub rule: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident $what:literal $check:path, $rule:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The grammar in words, for error texts and documentation.
            pub const RULE: &'static str = $rule;

            /// Checks the grammar and wraps the text.
            ///
            /// # Errors
            /// [`InvalidName`] when the text does not follow [`Self::RULE`].
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                if $check(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidName { what: $what, text: text.chars().take(80).collect(), rule: $rule })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// A team's name: part of URLs.
    TeamName "team name" label, "1 to 40 of a-z, 0-9 and single dashes; starts with a letter, ends with a letter or digit";
    /// An app's name: part of URLs and host names.
    AppName "app name" label, "1 to 40 of a-z, 0-9 and single dashes; starts with a letter, ends with a letter or digit";
    /// An environment's name: part of URLs and host names.
    EnvironmentName "environment name" label, "1 to 40 of a-z, 0-9 and single dashes; starts with a letter, ends with a letter or digit";
    /// A service's name within an environment; also its network alias.
    ServiceName "service name" label, "1 to 40 of a-z, 0-9 and single dashes; starts with a letter, ends with a letter or digit";
    /// A volume's name within a service.
    VolumeName "volume name" label, "1 to 40 of a-z, 0-9 and single dashes; starts with a letter, ends with a letter or digit";
    /// A host's name, for people.
    MachineName "host name" label, "1 to 40 of a-z, 0-9 and single dashes; starts with a letter, ends with a letter or digit";
    /// Key of a configuration value or secret: an environment variable of the application.
    ConfigKey "config key" config_key, "1 to 128 of A-Z, a-z, 0-9 and _; does not start with a digit";
    /// Key or value of a host label.
    Label "label" host_label, "1 to 63 of a-z, A-Z, 0-9, `.`, `_` and `-`; starts and ends with a letter or digit";
    /// A fully qualified host name that requests are routed by, without port or trailing dot.
    Domain "domain" domain, "lower-case DNS name of at most 253 characters, at least two labels of 1 to 63 of a-z, 0-9 and -; a first label of `*` is a wildcard";
    /// A path prefix that requests are routed by.
    PathPrefix "path prefix" path_prefix, "starts with /, at most 200 of the unreserved characters and /; no empty, `.` or `..` segment; does not end with / unless it is /";
    /// Reference to an image as people write it (`nginx:1.25`, `registry.example.com/team/app@sha256:…`).
    ImageName "image name" image_name, "at most 255 of a-z, A-Z, 0-9 and ./:@_-; no leading dash, no space";
    /// A git ref that may be pushed.
    GitRef "git ref" git_ref, "refs/heads/ or refs/tags/ and at most 200 of letters, digits, ., _, - and /; no `..`, no empty part, no part that starts with . or ends with .lock";
}

fn label(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(b'a'..=b'z'))
        && bytes.len() <= 40
        && !text.ends_with('-')
        && !text.contains("--")
        && bytes
            .iter()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn config_key(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(b'A'..=b'Z' | b'a'..=b'z' | b'_'))
        && bytes.len() <= 128
        && bytes
            .iter()
            .all(|b| matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn host_label(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.len() <= 63
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn dns_label(part: &str) -> bool {
    (1..=63).contains(&part.len())
        && !part.starts_with('-')
        && !part.ends_with('-')
        && part
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn domain(text: &str) -> bool {
    let rest = text.strip_prefix("*.").unwrap_or(text);
    let numeric_top = rest
        .rsplit('.')
        .next()
        .is_none_or(|top| top.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 253 && rest.contains('.') && !numeric_top && rest.split('.').all(dns_label)
}

fn path_prefix(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('/') else {
        return false;
    };
    let segment = |s: &str| {
        !s.is_empty()
            && s != "."
            && s != ".."
            && s.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
    };
    text.len() <= 200 && (rest.is_empty() || rest.split('/').all(segment))
}

fn image_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.len() <= 255
        && bytes.iter().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b':' | b'@' | b'_' | b'-')
        })
}

fn git_ref(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("refs/heads/")
        .or_else(|| text.strip_prefix("refs/tags/"))
    else {
        return false;
    };
    let part = |p: &str| {
        !p.is_empty()
            && !p.starts_with('.')
            && !p.ends_with('.')
            && !p.ends_with(".lock")
            && p.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    rest.len() <= 200 && !rest.contains("..") && !rest.starts_with('-') && rest.split('/').all(part)
}

impl PathPrefix {
    /// The prefix that every path has.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Whether a request path lies under this prefix, by whole segments (`/a` covers `/a` and `/a/b`, not `/ab`).
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.0 == "/"
            || path
                .strip_prefix(self.0.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars_accept_and_refuse() {
        for good in ["a", "web", "a1-b2", "my-flask-app"] {
            assert!(AppName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "1a",
            "a--b",
            "a_b",
            "a b",
            "a;rm",
            "ä",
            "a\n",
            &"a".repeat(41),
        ] {
            assert!(AppName::new(bad).is_err(), "{bad}");
        }
        for good in [
            "shop.localhost",
            "a.b.example.com",
            "*.example.com",
            "xn--bcher-kva.example",
        ] {
            assert!(Domain::new(good).is_ok(), "{good}");
        }
        for bad in [
            "localhost",
            "*.",
            "a..b",
            "a.B",
            "-a.b",
            "10.0.0.1",
            "a.b.",
            "a/b.c",
            "*.*.a.b",
            "a.*.b",
        ] {
            assert!(Domain::new(bad).is_err(), "{bad}");
        }
        for good in ["/", "/api", "/api/v1.0"] {
            assert!(PathPrefix::new(good).is_ok(), "{good}");
        }
        for bad in [
            "", "api", "/api/", "/a//b", "/../a", "/a/..", "/a%2f", "/a b",
        ] {
            assert!(PathPrefix::new(bad).is_err(), "{bad}");
        }
        for bad in [
            "refs/heads/",
            "refs/heads/../x",
            "refs/heads/-x",
            "refs/notes/a",
            "HEAD",
            "refs/heads/a.lock",
        ] {
            assert!(GitRef::new(bad).is_err(), "{bad}");
        }
        assert!(GitRef::new("refs/heads/feature/x-1").is_ok());
        assert!(ImageName::new("-v/x").is_err());
        assert!(ConfigKey::new("1A").is_err());
        assert!(Label::new("eu-west.1").is_ok());
    }

    #[test]
    fn prefixes_cover_by_segment() {
        let api = PathPrefix::new("/api").unwrap();
        assert!(api.covers("/api") && api.covers("/api/x") && api.covers("/api?x=1"));
        assert!(!api.covers("/apix") && !api.covers("/"));
        assert!(PathPrefix::root().covers("/anything"));
    }
}
