use super::*;
use crate::conn::body::Framing;

const LIMITS: HeadLimits = HeadLimits {
    bytes: 8_192,
    line: 4_096,
    fields: 20,
};

fn status(head: &[u8]) -> Result<CheckedHead, u16> {
    check(head, LIMITS).map_err(|refusal| refusal.status)
}

fn with(fields: &str) -> Result<CheckedHead, u16> {
    status(format!("POST /x HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n").as_bytes())
}

#[test]
fn plain_requests_pass() {
    assert_eq!(with("").unwrap().framing, Framing::none());
    assert_eq!(
        with("Content-Length: 12\r\n").unwrap().framing,
        Framing::length(12)
    );
    assert_eq!(
        with("Content-Length: 0\r\n").unwrap().framing,
        Framing::none()
    );
    assert_eq!(
        with("Transfer-Encoding: Chunked\r\n").unwrap().framing,
        Framing::chunked()
    );
    assert!(with("X-A: \tb c\t \r\nx_b: 1\r\nEmpty:\r\nBytes: \u{e9}\r\n").is_ok());
    for line in [
        "GET / HTTP/1.0",
        "GET /a?b=c%20d&e=..%2f HTTP/1.1",
        "GET http://A.test/x HTTP/1.1",
        "GET http://a.test?x HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "PURGE /a..b/...c HTTP/1.1",
    ] {
        assert!(
            status(format!("{line}\r\nHost: a.test\r\n\r\n").as_bytes()).is_ok(),
            "{line}"
        );
    }
    for host in [
        "a.test:8080",
        "127.0.0.1",
        "[::1]:80",
        "a_b.test",
        "a.test.",
    ] {
        assert!(
            status(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).is_ok(),
            "{host}"
        );
    }
}

#[test]
fn request_lines_with_two_meanings_are_refused() {
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /a b HTTP/1.1",
        "G\u{e4}T / HTTP/1.1",
        "GET /\u{e4} HTTP/1.1",
        "GET / HTTP/1.2",
        "GET / http/1.1",
        "GET / HTTP/01.1",
        "GET x HTTP/1.1",
        "GET * HTTP/1.1",
        "GET //a.test@b/../ HTTP/1.1",
        "GET http://b.test/ HTTP/1.1",
        "GET http://a.test@b.test/ HTTP/1.1",
        "GET ftp://a.test/ HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "GET /a/../b HTTP/1.1",
        "GET /.. HTTP/1.1",
        "GET /%2e%2E/b HTTP/1.1",
        "GET /a%2f..%2fb HTTP/1.1",
        "GET /a/..%5cb HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /a%00 HTTP/1.1",
        "CONNECT a.test:443 HTTP/1.1",
        "GET / HTTP/1.1\rX: y",
        "",
    ] {
        let refused = status(format!("{line}\r\nHost: a.test\r\n\r\n").as_bytes());
        assert!(refused.is_err(), "{line}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(5_000));
    assert_eq!(status(long.as_bytes()), Err(414));
}

#[test]
fn fields_with_two_meanings_are_refused() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "X: a\r\n folded\r\n",
        "X: a\r\n\tfolded\r\n",
        "X : a\r\n",
        "X\r\n",
        ": a\r\n",
        "X(: a\r\n",
        "X: a\u{0}b\r\n",
        "X: a\rb\r\n",
        "X: a\u{7f}\r\n",
        "Host: b.test\r\n",
        "Upgrade: h2c\r\nConnection: upgrade\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
        "Content_Length: 5\r\nContent-Length: 5\r\n",
        "X-User: a\r\nx_user: b\r\n",
        "Content_Length: 5\r\n",
        "TRANSFER_ENCODING: chunked\r\n",
    ] {
        assert_eq!(with(fields), Err(400), "{fields:?}");
    }
    assert_eq!(with(&"A: b\r\n".repeat(25)), Err(431));
    assert_eq!(
        status(b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Err(400)
    );
    assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n"), Err(400));
    for host in [
        "",
        "a b",
        "a/../b",
        "a@b",
        "a,b",
        ".a",
        "a..b",
        "a:",
        "a:b",
        "a:123456",
        "[::1",
        "[]",
        "a%",
        "h\u{f6}st",
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(status(head.as_bytes()), Err(400), "{host}");
    }
}

#[test]
fn websockets_are_the_only_upgrade() {
    let head = |method: &str, more: &str| {
        status(
            format!("{method} /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n{more}\r\n")
                .as_bytes(),
        )
    };
    assert!(
        head("GET", "Connection: keep-alive, Upgrade\r\n")
            .unwrap()
            .websocket
    );
    assert_eq!(head("GET", ""), Err(400));
    assert_eq!(head("POST", "Connection: upgrade\r\n"), Err(400));
    assert_eq!(
        head("GET", "Connection: upgrade\r\nContent-Length: 5\r\n"),
        Err(400)
    );
    assert_eq!(
        head(
            "GET",
            "Connection: upgrade\r\nTransfer-Encoding: chunked\r\n"
        ),
        Err(400)
    );
}

#[test]
fn the_end_is_found_in_pieces_and_a_bare_lf_at_once() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut whole = head.to_vec();
    whole.extend_from_slice(b"body\n");
    for seen in 0..head.len() {
        assert_eq!(
            find_end(&head[..seen], seen.saturating_sub(1), LIMITS),
            Ok(None),
            "{seen}"
        );
        assert_eq!(
            find_end(&whole, seen, LIMITS),
            Ok(Some(head.len())),
            "{seen}"
        );
    }
    assert!(find_end(b"GET / HTTP/1.1\n", 0, LIMITS).is_err());
    assert!(find_end(b"GET / HTTP/1.1\r\nHost: a\n", 16, LIMITS).is_err());
    assert!(find_end(b"GET / HTTP/1.1\r\nHost: a\r\n\n", 20, LIMITS).is_err());
    let long = vec![b'a'; 8_192];
    assert_eq!(
        find_end(&long, 0, LIMITS).map_err(|refusal| refusal.status),
        Err(431)
    );
}
