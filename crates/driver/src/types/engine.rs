//! What an engine tells: about itself, its images, what happened, what was written, who listens.
//!
//! Data only. Must not hold what Segue wants.

use std::net::IpAddr;
use std::str::FromStr;

use bytes::Bytes;
use segue_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::ContainerName;

/// The engine itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// The engine's id; a new one means a new data root.
    pub id: String,
    /// Its host name.
    pub name: String,
    /// Cores.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// API version on the wire, such as `1.41`.
    pub api_version: String,
    /// Version of the engine.
    pub version: String,
    /// Architecture in image terms: `amd64`, `arm64`.
    pub arch: String,
    /// Whether a killed daemon leaves containers running.
    pub live_restore: bool,
    /// Boot id of the kernel, where the engine is local: a new one means that every container was stopped.
    pub boot_id: Option<String>,
}

/// Something that happened to a container of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The engine's clock.
    pub at: Timestamp,
    /// The container.
    pub container: ContainerName,
    /// What happened.
    pub kind: EventKind,
}

/// Kinds of events that matter here. Events are hints: a lost one costs time, never truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Its process started.
    Started,
    /// Its process ended. The code is true at once, while `inspect` may still say running for 0.2 s.
    Died {
        /// Exit code.
        code: i32,
    },
    /// A process in it was killed for memory.
    OutOfMemory,
    /// It was removed.
    Removed,
}

/// Which stream a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line of a container's log, or a piece of a long one (engines cut at 16 KiB).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine read it.
    pub at: Timestamp,
    /// Where it was written.
    pub stream: LogStream,
    /// The bytes without the line's end; not necessarily UTF-8.
    pub message: Bytes,
    /// The line goes on in the next piece.
    pub partial: bool,
}

/// A socket that listens inside an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Listen {
    /// The address it is bound to; unspecified means all.
    pub addr: IpAddr,
    /// TCP port.
    pub port: u16,
}

impl Listen {
    /// Whether somebody outside the container can reach it.
    #[must_use]
    pub fn reachable(&self) -> bool {
        let mapped = match self.addr {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        !mapped.unwrap_or(self.addr).is_loopback()
    }
}

impl FromStr for Listen {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let socket: std::net::SocketAddr = text.parse()?;
        Ok(Self {
            addr: socket.ip(),
            port: socket.port(),
        })
    }
}

/// What a command in a container ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecResult {
    /// Exit code.
    pub code: i32,
    /// The first bytes of both streams together, for evidence.
    pub output: Bytes,
}

/// An image on an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInfo {
    /// Image id (`sha256:…`): the content address on engines.
    pub id: String,
    /// `repository@sha256:…` under which registries gave it.
    pub repo_digests: Vec<String>,
    /// Names it has here.
    pub tags: Vec<String>,
    /// TCP ports that the image exposes, ascending.
    pub exposed_ports: Vec<u16>,
    /// User that it runs as; empty means root.
    pub user: String,
    /// Its command.
    pub cmd: Vec<String>,
    /// Its entry point.
    pub entrypoint: Vec<String>,
    /// Architecture: `amd64`.
    pub arch: String,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Digests of its layers, lowest first.
    #[serde(default)]
    pub layers: Vec<String>,
}

impl ImageInfo {
    /// The port, if the image exposes exactly one.
    #[must_use]
    pub fn single_port(&self) -> Option<u16> {
        match self.exposed_ports.as_slice() {
            [port] => Some(*port),
            _ => None,
        }
    }
}
