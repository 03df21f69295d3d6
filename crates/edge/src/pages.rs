//! The answers that the edge gives itself: plain sentences for the person in front of the browser.
//! Must not tell anything about other tenants or the inside.

use crate::conn::head::Refusal;

/// A whole HTTP/1 response to a request that no session has seen. The connection closes after it.
pub(crate) fn refusal(refusal: Refusal) -> Vec<u8> {
    let body = format!(
        "{} {}: {}.\n",
        refusal.status,
        phrase(refusal.status),
        refusal.reason
    );
    format!(
        "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
        refusal.status,
        phrase(refusal.status),
        body.len(),
    )
    .into_bytes()
}

/// Reason phrase of the statuses that the edge answers with.
pub(crate) const fn phrase(status: u16) -> &'static str {
    match status {
        308 => "Permanent Redirect",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}
