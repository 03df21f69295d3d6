//! What an edge is told at its start. Every bound has a default that is safe.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

/// How to reach the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlAddr {
    /// A unix socket on this machine: `unix:/run/segue/control.sock`.
    Unix(PathBuf),
    /// Plain HTTP, for a private network: `http://10.0.0.1:3001`.
    Http {
        /// Name or address, and port, as dialled.
        authority: String,
    },
}

impl FromStr for ControlAddr {
    type Err = EdgeConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.starts_with('/') {
                return Ok(Self::Unix(PathBuf::from(path)));
            }
        } else if let Some(rest) = text.strip_prefix("http://") {
            let authority = rest.strip_suffix('/').unwrap_or(rest);
            if let Some((host, port)) = authority.rsplit_once(':')
                && !host.is_empty()
                && !authority.contains(['/', '@', '?', '#', ' '])
                && port.parse::<u16>().is_ok()
            {
                return Ok(Self::Http {
                    authority: authority.to_owned(),
                });
            }
        }
        Err(EdgeConfigError(text.to_owned()))
    }
}

/// An address of the control plane that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not unix:/absolute/path or http://host:port")]
pub struct EdgeConfigError(String);

/// Configuration of one edge process.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// Where the edge keeps its identity, its routes and its self-signed authority. Made (0700) if
    /// it is missing; one process at a time.
    pub state_dir: PathBuf,
    /// Addresses for plain HTTP (HTTP/1.1 and HTTP/2 with prior knowledge).
    pub http: Vec<SocketAddr>,
    /// Addresses for TLS.
    pub https: Vec<SocketAddr>,
    /// Address of `/readyz` and `/metrics`; should be loopback.
    pub admin: SocketAddr,
    /// Where the control plane is.
    pub control: ControlAddr,
    /// File with the bearer token for the control plane.
    pub token_file: PathBuf,
    /// Data threads; each has its own listeners, runtime and pool of upstream connections.
    pub threads: usize,
    /// Proxies in front of this edge, whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds.
    pub limits: Limits,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("/var/lib/segue/edge"),
            http: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080))],
            https: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443))],
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            control: ControlAddr::Unix(PathBuf::from("/run/segue/control.sock")),
            token_file: PathBuf::from("/var/lib/segue/edge/token"),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// Bounds of connections, requests and waiting.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open client connections in all; more are closed at once.
    pub connections: usize,
    /// Open client connections of one address (trusted proxies and loopback are not counted).
    pub connections_per_address: usize,
    /// Bytes of a request head; more is 431.
    pub head_bytes: usize,
    /// Bytes of a request line; more is 414.
    pub request_line_bytes: usize,
    /// Header fields of a request; more is 431.
    pub header_fields: usize,
    /// From the first byte of a request head to its end, and for a TLS handshake.
    pub head_timeout: Duration,
    /// A connection without a request is closed after this long.
    pub keepalive_timeout: Duration,
    /// Between two pieces of a request body.
    pub body_timeout: Duration,
    /// Least bytes a second of a request body over HTTP/1, after 20 s of waiting for it; 0 is none.
    pub body_rate: u64,
    /// For one piece of a response that the client does not take.
    pub write_timeout: Duration,
    /// To connect to an endpoint. Below a second, after which the kernel would send again what was
    /// lost: another endpoint is faster.
    pub connect_timeout: Duration,
    /// An unused upstream connection is closed after this long. Stays below the keep-alive time of
    /// common application servers (2 s and more), so that no request meets a closing connection.
    pub upstream_idle: Duration,
    /// New connections a second to one endpoint, for requests that may not be sent twice. Above it they go out on
    /// kept ones that are proven open: each closed connection occupies a port for a minute, and there are 28,000.
    pub fresh_per_second: u32,
    /// A websocket without a byte in either direction is closed after this long.
    pub websocket_idle: Duration,
    /// Unused upstream connections kept by one data thread.
    pub upstream_pool: usize,
    /// Requests waiting for an endpoint in all; more are answered 503 at once.
    pub held_requests: usize,
    /// The same for one route, so that one application cannot use up the edge's patience.
    pub held_per_route: usize,
    /// Endpoints that one request is tried on, as long as it may be.
    pub tries: usize,
    /// Streams at once on one HTTP/2 connection.
    pub h2_streams: u32,
    /// At a stop, requests in flight may take this long.
    pub stop_timeout: Duration,
    /// At a stop, websockets get their close frame after this long.
    pub stop_websockets: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32_768,
            connections_per_address: 2_048,
            head_bytes: 32 * 1024,
            request_line_bytes: 16 * 1024,
            header_fields: 100,
            head_timeout: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            body_rate: 240,
            write_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_millis(500),
            upstream_idle: Duration::from_millis(1_500),
            fresh_per_second: 200,
            websocket_idle: Duration::from_secs(3_600),
            upstream_pool: 1_024,
            held_requests: 10_000,
            held_per_route: 2_000,
            tries: 3,
            h2_streams: 100,
            stop_timeout: Duration::from_secs(30),
            stop_websockets: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_in_the_documents() {
        let document = include_str!("../../../docs/EDGE.md");
        let shown = format!("{:?}", Limits::default());
        let fields = shown.trim_start_matches("Limits { ").trim_end_matches(" }");
        let mut count = 0;
        for field in fields.split(", ") {
            let (name, value) = field.split_once(": ").unwrap();
            let row = format!("| `{name}` | {value} | ");
            assert!(document.contains(&row), "docs/EDGE.md lacks {row}");
            count += 1;
        }
        assert!(count > 20, "{shown}");
    }

    #[test]
    fn control_addresses() {
        assert_eq!(
            "unix:/run/c.sock".parse(),
            Ok(ControlAddr::Unix("/run/c.sock".into()))
        );
        assert_eq!(
            "http://control:3001/".parse(),
            Ok(ControlAddr::Http {
                authority: "control:3001".into()
            })
        );
        for bad in [
            "",
            "unix:relative",
            "https://a:1",
            "http://a",
            "http://:1",
            "http://a:99999",
            "http://u@a:1",
            "http://a:1/x",
        ] {
            assert!(bad.parse::<ControlAddr>().is_err(), "{bad}");
        }
    }
}
