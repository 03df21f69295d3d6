//! Header fields that the edge sets, removes and reads.
//!
//! Invariant: an application can believe `X-Forwarded-*`, `Forwarded`, `X-Request-Id` and the like,
//! since nothing that a client sent under these names, or under a name that some framework takes
//! for one of them, gets through. Incoming ones count only from configured proxies.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderName, HeaderValue, header};
use pingora_error::Result;
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::request::{Request, path_is_plain};
use crate::conn::head;
use crate::shared::Shared;

/// Names that tell an application who the client is or how it came, in folded form.
const IDENTITY: [&str; 24] = [
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "proxy",
    "traceparent",
    "tracestate",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-original-host",
    "x-real-ip",
    "x-request-id",
];

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Name of one request in logs, answers and traces: 128 random bits in hexadecimal. A trusted
/// proxy's name is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RequestId {
    Own(u128),
    Trusted(HeaderValue),
}

impl RequestId {
    pub(super) fn generate() -> Self {
        Self::Own(fastrand::u128(1..))
    }

    fn value(&self) -> Result<HeaderValue> {
        match self {
            Self::Trusted(value) => Ok(value.clone()),
            Self::Own(_) => value(&self.to_string()),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(id) => write!(f, "{id:032x}"),
            Self::Trusted(value) => f.write_str(value.to_str().unwrap_or("-")),
        }
    }
}

/// `host[:port]` of a request: `:authority`, absolute form or Host, which the checks before made one.
pub(super) fn host_of(request: &RequestHeader) -> Option<String> {
    if let Some(authority) = request.uri.authority() {
        return Some(authority.as_str().to_owned());
    }
    let host = request.headers.get(header::HOST)?.to_str().ok()?;
    Some(host.to_owned())
}

/// The host name to route by: lower case, without port and final dot.
pub(super) fn host_name(authority: &str) -> String {
    let name = if authority.starts_with('[') {
        authority.split_inclusive(']').next().unwrap_or(authority)
    } else {
        authority.split(':').next().unwrap_or(authority)
    };
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The path to route by: percent-encoded letters, digits and `-._~` are read as what they are, so
/// that `/%61pi` and `/api` are one route.
pub(super) fn routing_path(path: &str) -> std::borrow::Cow<'_, str> {
    if !path.contains('%') {
        return path.into();
    }
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        let decoded = from
            .get(1..3)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .map(char::from)
            .filter(|letter| letter.is_ascii_alphanumeric() || "-._~".contains(*letter));
        match decoded {
            Some(letter) => {
                plain.push(letter);
                rest = from.get(3..).unwrap_or_default();
            }
            None => {
                plain.push('%');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    plain.push_str(rest);
    plain.into()
}

/// The checks of an HTTP/1 head that apply to HTTP/2, where no raw head exists.
pub(super) fn check_http2(request: &RequestHeader, authority: &str) -> Result<(), &'static str> {
    if !head::is_authority(authority.as_bytes()) {
        return Err("The authority is malformed.");
    }
    path_is_plain(request.uri.path())?;
    for name in request.headers.keys() {
        if head::is_misspelt_framing(name.as_str().as_bytes()) {
            return Err("A header that frames the request is misspelt.");
        }
        if name.as_str().contains('_')
            && HeaderName::from_bytes(name.as_str().replace('_', "-").as_bytes())
                .is_ok_and(|twin| request.headers.contains_key(twin))
        {
            return Err("A header is sent with both underscore and dash.");
        }
    }
    Ok(())
}

/// The client came over HTTPS, to us or to a proxy that we believe.
pub(super) fn is_https(shared: &Shared, session: &Session, ctx: &Request) -> bool {
    let Some(client) = &ctx.client else {
        return false;
    };
    client.tls
        || (shared.is_trusted(client.peer.ip())
            && session
                .req_header()
                .headers
                .get(&X_FORWARDED_PROTO)
                .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https")))
}

/// Prepares the head that goes to the application.
pub(super) fn for_application(
    shared: &Shared,
    session: &Session,
    upstream: &mut RequestHeader,
    ctx: &mut Request,
) -> Result<()> {
    let Some(client) = ctx.client.clone() else {
        return Ok(());
    };
    let address = canonical(client.peer.ip());
    let trusted = shared.is_trusted(client.peer.ip());
    let https = is_https(shared, session, ctx);
    let incoming = trusted.then(|| Incoming::read(session.req_header()));

    // Absolute form is for proxies; the application gets the path, and Host says the rest.
    if !upstream.raw_path().starts_with(b"/") && upstream.raw_path() != b"*" {
        let path = upstream
            .uri
            .path_and_query()
            .cloned()
            .unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
        upstream.set_uri(http::Uri::from(path));
    }
    let remove: Vec<HeaderName> = upstream
        .headers
        .keys()
        .filter(|name| is_identity(name.as_str()))
        .cloned()
        .collect();
    for name in &remove {
        upstream.remove_header(name);
    }

    let incoming = incoming.unwrap_or_default();
    if let Some(id) = incoming.request_id {
        ctx.id = RequestId::Trusted(id);
    }
    let chain = match incoming.forwarded_for {
        Some(before) => format!("{before}, {address}"),
        None => address.to_string(),
    };
    let host = incoming.host.unwrap_or_else(|| ctx.host.to_string());
    let proto = if https { "https" } else { "http" };
    upstream.insert_header(X_FORWARDED_FOR.clone(), value(&chain)?)?;
    upstream.insert_header(X_FORWARDED_PROTO.clone(), HeaderValue::from_static(proto))?;
    upstream.insert_header(X_FORWARDED_HOST.clone(), value(&host)?)?;
    if let Some(port) = port_of(&host) {
        upstream.insert_header(X_FORWARDED_PORT.clone(), value(port)?)?;
    } else {
        let port = if https { "443" } else { "80" };
        upstream.insert_header(X_FORWARDED_PORT.clone(), HeaderValue::from_static(port))?;
    }
    let by = match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("\"[{v6}]\""),
    };
    let mut forwarded = format!("for={by};proto={proto};host=\"{host}\"");
    if let Some(before) = incoming.forwarded {
        forwarded = format!("{before}, {forwarded}");
    }
    upstream.insert_header(header::FORWARDED, value(&forwarded)?)?;
    upstream.insert_header(X_REQUEST_ID.clone(), ctx.id.value()?)?;
    let trace = match (incoming.traceparent, &ctx.id) {
        (Some(trace), _) => trace,
        (None, RequestId::Own(id)) => {
            value(&format!("00-{id:032x}-{:016x}-00", fastrand::u64(1..)))?
        }
        (None, RequestId::Trusted(_)) => return Ok(()),
    };
    upstream.insert_header(TRACEPARENT.clone(), trace)?;
    Ok(())
}

/// Prepares the head that goes to the client.
pub(super) fn for_client(response: &mut ResponseHeader, ctx: &Request) -> Result<()> {
    response.insert_header(X_REQUEST_ID.clone(), ctx.id.value()?)?;
    Ok(())
}

/// What a trusted proxy said.
#[derive(Default)]
struct Incoming {
    forwarded_for: Option<String>,
    forwarded: Option<String>,
    host: Option<String>,
    request_id: Option<HeaderValue>,
    traceparent: Option<HeaderValue>,
}

impl Incoming {
    fn read(request: &RequestHeader) -> Self {
        let joined = |name: &HeaderName| {
            let parts: Vec<&str> = request
                .headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .collect();
            (!parts.is_empty()).then(|| parts.join(", "))
        };
        Self {
            forwarded_for: joined(&X_FORWARDED_FOR),
            forwarded: joined(&header::FORWARDED),
            host: joined(&X_FORWARDED_HOST).filter(|host| head::is_authority(host.as_bytes())),
            request_id: request
                .headers
                .get(&X_REQUEST_ID)
                .filter(|id| {
                    (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
                })
                .cloned(),
            traceparent: request.headers.get(&TRACEPARENT).cloned(),
        }
    }
}

fn is_identity(name: &str) -> bool {
    let folded: Vec<u8> = name.bytes().map(head::fold).collect();
    folded.starts_with(b"x-segue-")
        || IDENTITY
            .iter()
            .any(|identity| identity.as_bytes() == folded)
}

fn port_of(authority: &str) -> Option<&str> {
    let (rest, port) = authority.rsplit_once(':')?;
    (!rest.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) && !port.is_empty())
        .then_some(port)
}

/// IPv4 clients of a dual-stack listener look like what they are.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|error| {
        pingora_error::Error::because(
            pingora_error::ErrorType::InvalidHTTPHeader,
            "header value of the edge",
            error,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_routed_by_without_case_port_and_dot() {
        assert_eq!(host_name("Shop.Example.COM:8080"), "shop.example.com");
        assert_eq!(host_name("shop.example.com."), "shop.example.com");
        assert_eq!(host_name("[::1]:80"), "[::1]");
    }

    #[test]
    fn encoded_letters_do_not_make_another_route() {
        assert_eq!(routing_path("/%61pi/x"), "/api/x");
        assert_eq!(routing_path("/a%2Fb"), "/a%2Fb");
        assert_eq!(routing_path("/a%"), "/a%");
        assert_eq!(routing_path("/%zz%7e"), "/%zz~");
    }

    #[test]
    fn identity_names_are_known_in_every_spelling() {
        for name in [
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded_for",
            "x_real-ip",
            "forwarded",
            "proxy",
            "x-segue-team",
        ] {
            assert!(is_identity(name), "{name}");
        }
        for name in ["x-forwarded-fo", "user-agent", "x-segu"] {
            assert!(!is_identity(name), "{name}");
        }
    }
}
