//! The strict reading of an HTTP/1 request head, on its raw bytes, before any session sees it.
//!
//! Owns the refusals of the edge: what is ambiguous between two HTTP implementations never gets
//! past this file, so the lenient parser behind it only sees heads with one meaning. Pure: no IO.
//! Must not repair anything; a head is taken as it is or refused.

use super::body::Framing;

/// Bounds of a request head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    /// Bytes of the whole head, with its last empty line.
    pub(crate) bytes: usize,
    /// Bytes of the request line.
    pub(crate) line: usize,
    /// Number of header fields.
    pub(crate) fields: usize,
}

/// Why a connection is answered and closed by the edge itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Status code of the answer.
    pub(crate) status: u16,
    /// One sentence for the person behind the client.
    pub(crate) reason: &'static str,
}

const fn bad(reason: &'static str) -> Refusal {
    Refusal {
        status: 400,
        reason,
    }
}

/// What the session behind the check may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckedHead {
    /// How the body ends.
    pub(crate) framing: Framing,
    /// The request asks to become a websocket.
    pub(crate) websocket: bool,
}

/// Looks for the end of a head in `bytes`, of which the first `seen` were looked at before.
/// `Ok(Some(n))`: the head is the first `n` bytes. A bare LF is refused as soon as it is seen,
/// since the end would otherwise never come.
pub(crate) fn find_end(
    bytes: &[u8],
    seen: usize,
    limits: HeadLimits,
) -> Result<Option<usize>, Refusal> {
    let from = seen.saturating_sub(3);
    for at in memchr::memchr_iter(b'\n', bytes.get(from..).unwrap_or_default()) {
        let at = from + at;
        let before = bytes.get(..at).unwrap_or_default();
        if !before.ends_with(b"\r") {
            return Err(bad("a line of the request head ends without CR LF"));
        }
        if before.ends_with(b"\r\n\r") {
            let end = at + 1;
            return if end > limits.bytes {
                Err(too_large())
            } else {
                Ok(Some(end))
            };
        }
    }
    if bytes.len() >= limits.bytes {
        return Err(too_large());
    }
    Ok(None)
}

const fn too_large() -> Refusal {
    Refusal {
        status: 431,
        reason: "the request head is too large",
    }
}

/// Checks a whole head (with its last empty line).
pub(crate) fn check(head: &[u8], limits: HeadLimits) -> Result<CheckedHead, Refusal> {
    let text = head
        .strip_suffix(b"\r\n\r\n")
        .ok_or(bad("the request head is not complete"))?;
    let mut lines = CrlfLines(Some(text));
    let line = lines.next().unwrap_or_default();
    if line.len() > limits.line {
        return Err(Refusal {
            status: 414,
            reason: "the request line is too long",
        });
    }
    let request = request_line(line)?;
    let mut fields = Fields::default();
    for (count, line) in lines.enumerate() {
        if count >= limits.fields {
            return Err(Refusal {
                status: 431,
                reason: "the request has too many header fields",
            });
        }
        fields.take(line)?;
    }
    fields.finish(&request)
}

struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    http_1_1: bool,
}

fn request_line(line: &[u8]) -> Result<RequestLine<'_>, Refusal> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("the request line is malformed"));
    };
    if method.is_empty() || method.len() > 32 || !method.iter().all(|byte| is_token(*byte)) {
        return Err(bad("the request method is malformed"));
    }
    if method == b"CONNECT" {
        return Err(Refusal {
            status: 405,
            reason: "CONNECT is not served here",
        });
    }
    let http_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => {
            return Err(Refusal {
                status: 505,
                reason: "the HTTP version is not supported",
            });
        }
    };
    if target.is_empty() || !target.iter().all(|byte| (0x21..=0x7e).contains(byte)) {
        return Err(bad("the request target is malformed"));
    }
    Ok(RequestLine {
        method,
        target,
        http_1_1,
    })
}

/// Names with a dash that say where a request ends. An application behind a gateway interface
/// cannot tell their underscore spelling from them.
const FRAMING: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"proxy-connection"];

/// What the fields of one head say, as far as the edge cares.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    chunked: bool,
    upgrade: Option<&'a [u8]>,
    connection_upgrade: bool,
    /// Names with an underscore, to be compared with their twins at the end.
    underscored: Vec<&'a [u8]>,
    names: Vec<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, line: &'a [u8]) -> Result<(), Refusal> {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(bad("a folded header line is not accepted"));
        }
        let colon = memchr::memchr(b':', line).ok_or(bad("a header line has no colon"))?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(bad("a header name is malformed"));
        }
        if value
            .iter()
            .any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f)
        {
            return Err(bad("a header value has control characters"));
        }
        let value = value.trim_ascii();
        if name.contains(&b'_') {
            self.underscored.push(name);
        }
        self.names.push(name);
        if name.eq_ignore_ascii_case(b"host") {
            if self.host.replace(value).is_some() {
                return Err(bad("the request has more than one Host"));
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            if self.length.replace(content_length(value)?).is_some() {
                return Err(bad("the request has more than one Content-Length"));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(bad("only Transfer-Encoding: chunked is accepted"));
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            if self.upgrade.replace(value).is_some() {
                return Err(bad("the request has more than one Upgrade"));
            }
        } else if name.eq_ignore_ascii_case(b"connection") {
            self.connection_upgrade |= value
                .split(|byte| *byte == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
        }
        Ok(())
    }

    fn finish(self, request: &RequestLine<'_>) -> Result<CheckedHead, Refusal> {
        if self.chunked && self.length.is_some() {
            return Err(bad(
                "Content-Length and Transfer-Encoding exclude each other",
            ));
        }
        if self.chunked && !request.http_1_1 {
            return Err(bad("HTTP/1.0 has no Transfer-Encoding"));
        }
        for name in &self.underscored {
            if is_misspelt_framing(name) {
                return Err(bad("a header that frames the request is misspelt"));
            }
            if self.names.iter().any(|other| is_dash_twin(name, other)) {
                return Err(bad("a header is sent with both underscore and dash"));
            }
        }
        let host = self.host.ok_or(bad("the request has no Host"))?;
        if !is_authority(host) {
            return Err(bad("the Host is malformed"));
        }
        check_target(request, host)?;
        let websocket = self.websocket(request)?;
        let framing = match (self.chunked, self.length) {
            (true, _) => Framing::chunked(),
            (false, Some(length)) => Framing::length(length),
            (false, None) => Framing::none(),
        };
        Ok(CheckedHead { framing, websocket })
    }

    fn websocket(&self, request: &RequestLine<'_>) -> Result<bool, Refusal> {
        let Some(upgrade) = self.upgrade else {
            return Ok(false);
        };
        if !upgrade.eq_ignore_ascii_case(b"websocket") {
            return Err(bad("no upgrade but websocket is accepted"));
        }
        if !self.connection_upgrade || !request.http_1_1 || request.method != b"GET" {
            return Err(bad("the websocket handshake is malformed"));
        }
        if self.chunked || self.length.is_some_and(|length| length > 0) {
            return Err(bad("a websocket handshake has no body"));
        }
        Ok(true)
    }
}

fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    let refused = bad("the Content-Length is malformed");
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(refused);
    }
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(refused)
}

/// Origin form, `*` for OPTIONS, or absolute form with the authority of Host.
fn check_target(request: &RequestLine<'_>, host: &[u8]) -> Result<(), Refusal> {
    let target = request.target;
    let path = if target.starts_with(b"/") {
        target
    } else if target == b"*" && request.method == b"OPTIONS" {
        return Ok(());
    } else {
        let rest = strip_scheme(target).ok_or(bad("the request target is malformed"))?;
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
            .unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() || !authority.eq_ignore_ascii_case(host) {
            return Err(bad("the request target names another host"));
        }
        path
    };
    check_path(path)
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], &b"https://"[..]]
        .into_iter()
        .find_map(|scheme| {
            let (start, rest) = target.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        })
}

/// Refuses `..` segments, also percent-encoded: the edge and the application could otherwise
/// disagree about the route that a path belongs to.
pub(crate) fn check_path(target: &[u8]) -> Result<(), Refusal> {
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    if path.contains(&b'#') {
        return Err(bad("the request target has a fragment"));
    }
    if !path.windows(2).any(|pair| pair == b"..") && !path.contains(&b'%') {
        return Ok(());
    }
    let plain = percent_decode(path);
    if plain
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| segment == b"..")
    {
        return Err(bad("the path has a '..' segment"));
    }
    if plain.contains(&0) {
        return Err(bad("the path has an encoded NUL"));
    }
    Ok(())
}

fn percent_decode(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        if *byte == b'%'
            && let Some((digits, after)) = tail.split_at_checked(2)
            && let Some(value) = std::str::from_utf8(digits)
                .ok()
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            plain.push(value);
            rest = after;
        } else {
            plain.push(*byte);
            rest = tail;
        }
    }
    plain
}

/// `host[:port]`, with a name, an IPv4 address or a bracketed IPv6 address.
pub(crate) fn is_authority(authority: &[u8]) -> bool {
    let (host, port) = if authority.starts_with(b"[") {
        let Some(end) = memchr::memchr(b']', authority) else {
            return false;
        };
        let (host, rest) = authority.split_at(end + 1);
        let inner = host.get(1..end).unwrap_or_default();
        if inner.is_empty()
            || !inner
                .iter()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        {
            return false;
        }
        match rest {
            b"" => return true,
            _ => (&b"v6"[..], rest.strip_prefix(b":")),
        }
    } else {
        match memchr::memchr(b':', authority) {
            Some(colon) => {
                let (host, port) = authority.split_at(colon);
                (host, port.get(1..))
            }
            None => (authority, Some(&b"80"[..])),
        }
    };
    let Some(port) = port else { return false };
    !host.is_empty()
        && host.len() <= 253
        && host
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        && !host.starts_with(b".")
        && !host.windows(2).any(|pair| pair == b"..")
        && (1..=5).contains(&port.len())
        && port.iter().all(u8::is_ascii_digit)
}

/// A name that some application takes for one that frames the request.
pub(crate) fn is_misspelt_framing(name: &[u8]) -> bool {
    FRAMING.iter().any(|framing| is_dash_twin(name, framing))
}

/// `a` has an underscore where `b` has a dash and is the same otherwise.
fn is_dash_twin(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a != b
        && !a.eq_ignore_ascii_case(b)
        && a.iter().zip(b).all(|(x, y)| fold(*x) == fold(*y))
}

/// The form in which names that an application may confuse are equal.
pub(crate) const fn fold(byte: u8) -> u8 {
    match byte {
        b'_' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

pub(crate) const fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
}

/// Lines separated by CR LF. A CR elsewhere stays in its line and is refused there.
struct CrlfLines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for CrlfLines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0?;
        match memchr::memmem::find(text, b"\r\n") {
            Some(at) => {
                self.0 = text.get(at + 2..);
                text.get(..at)
            }
            None => self.0.take(),
        }
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
