//! Two hundred ways to make two parsers disagree, as bytes on the wire: each is answered once with an error and a close, and
//! neither it nor what is hidden behind it reaches an application.

use crate::app::App;
use crate::client;
use crate::harness::{HOST, Routes, World};

/// Field lines that are refused.
const FIELDS: [&str; 62] = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 0\r\nContent-Length: 30\r\n",
    "content-length: 5\r\nContent-Length: 5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5, 6\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 5 5\r\n",
    "Content-Length: 5;\r\n",
    "Content-Length: 1_0\r\n",
    "Content-Length: 5.0\r\n",
    "Content-Length: five\r\n",
    "Content-Length:\r\n",
    "Content-Length: \u{b}5\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Content-Length : 5\r\n",
    "Content-Length\t: 5\r\n",
    "Content_Length: 5\r\n",
    "Content_Length: 5\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, gzip\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunkedx\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: 'chunked'\r\n",
    "Transfer-Encoding: , chunked\r\n",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding:\u{b}chunked\r\n",
    "Transfer-Encoding: chunked\u{c}\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "\tTransfer-Encoding: chunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "TRANSFER_ENCODING: chunked\r\nContent-Length: 5\r\n",
    "X: a\r\n folded\r\n",
    "X: a\r\n\tTransfer-Encoding: chunked\r\n",
    "X : a\r\n",
    "X\r\n",
    ": a\r\n",
    "X(: a\r\n",
    "X: a\u{0}b\r\n",
    "X: a\rb\r\n",
    "X: a\rTransfer-Encoding: chunked\r\n",
    "X: a\nTransfer-Encoding: chunked\r\n",
    "X: a\u{7f}\r\n",
    "X-User: a\r\nX_User: b\r\n",
];

/// More of them, about who is asked and what the connection becomes.
const HOSTS: [&str; 14] = [
    "Host: other.localhost\r\n",
    "Host: shop.localhost\r\n",
    "host : other.localhost\r\n",
    "Host\t: other.localhost\r\n",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "Upgrade: h2c\r\n",
    "Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n",
    "Upgrade: websocket\r\n",
    "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n",
    "Upgrade: websocket\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n",
    "X_Forwarded_For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\n",
    "Host_: x\r\nHost-: y\r\n",
];

/// Request lines; Host follows.
const LINES: [&str; 36] = [
    "GET /",
    "GET",
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET /  HTTP/1.1",
    " GET / HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "GET /\tHTTP/1.1",
    "GET /\u{b}HTTP/1.1",
    "GET /a b HTTP/1.1",
    "G\u{e4}T / HTTP/1.1",
    "GET /\u{e4} HTTP/1.1",
    "GET(/ HTTP/1.1",
    "GET / HTTP/1.2",
    "GET / HTTP/0.9",
    "GET / HTTP/2.0",
    "GET / HTTP/3",
    "GET / http/1.1",
    "GET / HTTP/01.1",
    "GET / HTTP/1.01",
    "GET / HTTP/1,1",
    "GET / XTTP/1.1",
    "GET x HTTP/1.1",
    "GET * HTTP/1.1",
    "GET http://other.localhost/ HTTP/1.1",
    "GET http://shop.localhost@other.localhost/ HTTP/1.1",
    "GET ftp://shop.localhost/ HTTP/1.1",
    "GET http:///x HTTP/1.1",
    "GET /a/../b HTTP/1.1",
    "GET /.. HTTP/1.1",
    "GET /%2e%2E/b HTTP/1.1",
    "GET /a%2f..%2fb HTTP/1.1",
    "GET /a/..%5cb HTTP/1.1",
    "GET /a#b HTTP/1.1",
    "GET /a%00 HTTP/1.1",
    "CONNECT shop.localhost:443 HTTP/1.1",
];

/// Bodies after `Transfer-Encoding: chunked`.
const CHUNKS: [&str; 18] = [
    "5\nhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "5;a\nhello\r\n0\r\n\r\n",
    "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "5\u{0}\r\nhello\r\n0\r\n\r\n",
    "\r\nhello\r\n0\r\n\r\n",
    "5\r\nhelloX\r\n0\r\n\r\n",
    "fffffffffffffffff\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "0\r\n folded\r\n\r\n",
    "0\r\nA: b\n\r\n",
    "0\r\nA: \u{0}\r\n\r\n",
];

/// Whole heads that are refused, without what follows them.
fn vectors() -> Vec<String> {
    let mut all = Vec::new();
    for fields in FIELDS.iter().chain(&HOSTS) {
        all.push(format!(
            "POST /bad HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n"
        ));
        // The same first, before Host.
        all.push(format!(
            "POST /bad HTTP/1.1\r\n{fields}Host: {HOST}\r\n\r\n"
        ));
    }
    for line in LINES {
        all.push(format!("{line}\r\nHost: {HOST}\r\n\r\n"));
    }
    for chunks in CHUNKS {
        all.push(format!(
            "POST /bad HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        ));
    }
    for head in [
        "",
        "Host: \r\n",
        "Host: a b\r\n",
        "Host: a/b\r\n",
        "Host: a@b\r\n",
        "Host: a,b\r\n",
    ] {
        all.push(format!("GET /bad HTTP/1.1\r\n{head}\r\n"));
    }
    all.push(format!("GET /bad HTTP/1.1\nHost: {HOST}\n\n"));
    all.push(format!("GET /bad HTTP/1.1\r\nHost: {HOST}\n\r\n"));
    all.push(format!("GET /bad HTTP/1.1\r\nHost: {HOST}\r\n\n"));
    all.push(format!(
        "POST /bad HTTP/1.0\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    all
}

#[tokio::test]
async fn what_two_parsers_could_read_differently_reaches_nobody() {
    let world = World::new().await;
    let edge = world.start();
    let app = App::start("one").await;
    let mut routes = Routes::new();
    world.control.switch(routes.next(&[&app])).await;
    let hidden = format!("GET /hidden HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let good = format!("GET /good HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let vectors = vectors();
    assert!(vectors.len() >= 200, "{}", vectors.len());
    let mut wrong = Vec::new();
    for (number, vector) in vectors.iter().enumerate() {
        // Alone, and after a request that is answered: what follows is never read as a request.
        for before in ["", good.as_str()] {
            let bytes = format!("{before}{vector}{hidden}");
            let answer = client::raw(edge.http, bytes.as_bytes()).await;
            let answers: Vec<&str> = answer
                .match_indices("HTTP/1.1 ")
                .filter_map(|(at, start)| answer.get(at + start.len()..at + start.len() + 3))
                .collect();
            let refused = answers
                .last()
                .is_some_and(|status| matches!(*status, "400" | "405" | "505"));
            let expected = if before.is_empty() { 1 } else { 2 };
            if !refused || answers.len() != expected {
                wrong.push(format!(
                    "{number}: {:?} {answers:?}",
                    vector.escape_debug().to_string()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let seen = app.seen();
    assert!(seen.iter().all(|seen| seen.path == "/good"), "{seen:?}");
    assert_eq!(seen.len(), vectors.len(), "each good one, once");
    edge.end().await;
}
