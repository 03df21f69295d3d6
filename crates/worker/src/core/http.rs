//! A probe's HTTP client: one GET of a path on one address, HTTP/1.1, no redirects, no names, no TLS.
//!
//! It dials exactly the address that the edge dials. Must not follow, resolve, or read without bound: the
//! head is limited to 16 KiB, and of the body only what is needed to let the application finish its write.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest response head.
const HEAD_LIMIT: usize = 16 << 10;
/// Of the body this much is read and thrown away, for at most [`BODY_TIME`].
const BODY_LIMIT: usize = 256 << 10;
/// Longest time for reading the body.
const BODY_TIME: Duration = Duration::from_millis(200);

/// Why a GET got no status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GetError {
    /// No connection, or it broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What came is not HTTP/1.
    #[error("the answer is not HTTP")]
    NotHttp,
}

/// Asks for `path` and answers the status. The caller sets the time limit.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<u16, GetError> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: segue-health/1\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::with_capacity(1024);
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 96];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&head) {
            Ok(httparse::Status::Complete(length)) => {
                let status = response.code.ok_or(GetError::NotHttp)?;
                if (100..200).contains(&status) && status != 101 {
                    head.drain(..length);
                    continue;
                }
                let body = response
                    .headers
                    .iter()
                    .find(|header| header.name.eq_ignore_ascii_case("content-length"))
                    .and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
                let have = head.len().saturating_sub(length);
                drain(&mut stream, body, have).await;
                return Ok(status);
            }
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Err(GetError::NotHttp),
        }
        if head.len() >= HEAD_LIMIT {
            return Err(GetError::NotHttp);
        }
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// Lets the application finish a small body, so that it does not log a broken pipe for each probe.
async fn drain(stream: &mut TcpStream, length: Option<usize>, have: usize) {
    let wanted = length.unwrap_or(BODY_LIMIT).min(BODY_LIMIT);
    let mut left = wanted.saturating_sub(have);
    let mut scrap = [0u8; 4096];
    let read = async {
        while left > 0 {
            match stream.read(&mut scrap).await {
                Ok(0) | Err(_) => break,
                Ok(n) => left = left.saturating_sub(n),
            }
        }
    };
    // Whatever happens to the body, the status stands.
    let _ = timeout(BODY_TIME, read).await;
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answer(bytes: &'static [u8]) -> Result<u16, GetError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            for piece in bytes.chunks(7) {
                if stream.write_all(piece).await.is_err() {
                    break;
                }
            }
            request
        });
        let status = get(address, "/healthz?x=1").await;
        let request = String::from_utf8(server.await.unwrap()).unwrap();
        assert!(
            request.starts_with("GET /healthz?x=1 HTTP/1.1\r\n"),
            "{request}"
        );
        status
    }

    #[tokio::test]
    async fn the_status_is_read_and_redirects_are_not_followed() {
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(answer(ok).await.unwrap(), 200);
        let moved = b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n";
        assert_eq!(answer(moved).await.unwrap(), 302);
        let early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 503 No\r\n\r\n";
        assert_eq!(answer(early).await.unwrap(), 503);
        assert!(matches!(
            answer(b"SSH-2.0-x\r\n").await,
            Err(GetError::NotHttp)
        ));
        assert!(matches!(
            answer(b"HTTP/1.1 200").await,
            Err(GetError::Io(_))
        ));
    }
}
