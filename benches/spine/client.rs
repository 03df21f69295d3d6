//! The smallest HTTP client that measures without measuring itself: one kept connection, no runtime.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
pub struct Answer {
    pub status: u16,
    /// `X-Version`, by which the probe application tells its version.
    pub version: Option<String>,
    pub body: Vec<u8>,
}

/// One connection, made again when it breaks.
pub struct Client {
    address: SocketAddr,
    host: String,
    token: Option<String>,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub fn new(address: SocketAddr, host: &str, token: Option<&str>) -> Self {
        Self {
            address,
            host: host.to_owned(),
            token: token.map(str::to_owned),
            stream: None,
        }
    }

    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send("GET", path, "")
    }

    pub fn send(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        let kept = self.stream.is_some();
        let mut answer = self.exchange(method, path, body);
        if answer.is_err() {
            self.stream = None;
        }
        // A server may close a connection that nobody uses; what can be sent twice is sent on a new one.
        if kept && answer.is_err() && method == "GET" {
            answer = self.exchange(method, path, body);
        }
        answer
    }

    fn exchange(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let fresh = TcpStream::connect_timeout(&self.address, Duration::from_secs(2))?;
                fresh.set_nodelay(true)?;
                fresh.set_read_timeout(Some(Duration::from_secs(30)))?;
                self.stream.insert(BufReader::new(fresh))
            }
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if !body.is_empty() {
            head.push_str("Content-Type: application/json\r\n");
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.get_mut().write_all(head.as_bytes())?;
        let bad = || io::Error::from(io::ErrorKind::InvalidData);
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(bad)?;
        let (mut version, mut length, mut close) = (None, None, false);
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "x-version" => version = Some(value.to_owned()),
                "content-length" => length = value.parse::<usize>().ok(),
                "connection" => close = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let mut answer = Vec::new();
        match length {
            Some(length) => {
                answer.resize(length, 0);
                stream.read_exact(&mut answer)?;
            }
            None if status == 204 => {}
            None => {
                close = true;
                stream.read_to_end(&mut answer)?;
            }
        }
        if close {
            self.stream = None;
        }
        Ok(Answer {
            status,
            version,
            body: answer,
        })
    }
}
