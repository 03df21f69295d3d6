//! A proxy on loopback for a program that speaks for itself: SOCKS 5 with a password, to one host.
//!
//! The program (git) is told to reach its one host through here and nothing else. The name is resolved and checked here
//! for every connection, so that the program's own resolver is never asked. Invariants: only the host and port that the
//! tunnel was opened for are reached; what passes is counted and bounded; when the tunnel is dropped, all its
//! connections end. Must not: look into what passes (it is TLS, mostly), or serve anybody without the password, which
//! other users of the machine do not know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::client::Outbound;
use crate::error::OutboundError;
use crate::target::{Name, Target};

/// A program of ours on the same machine greets at once.
const GREETING: Duration = Duration::from_secs(10);
/// Connections at a time.
const CONNECTIONS: usize = 8;
const BUFFER: usize = 32 << 10;

const VERSION: u8 = 5;
const BY_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const PASSWORD_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const DONE: u8 = 0;
const FAILED: u8 = 1;
const NOT_ALLOWED: u8 = 2;

/// Bounds of a tunnel.
#[derive(Debug, Clone, Copy)]
pub struct TunnelLimits {
    /// Bytes from the other side, over all connections.
    pub received_bytes: u64,
    /// Bytes to the other side, over all connections.
    pub sent_bytes: u64,
    /// A connection on which nothing passes for this long is closed.
    pub idle: Duration,
}

/// An open tunnel.
#[derive(Debug)]
pub struct Tunnel {
    address: SocketAddr,
    password: String,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Shared {
    outbound: Outbound,
    target: Target,
    limits: TunnelLimits,
    received: AtomicU64,
    sent: AtomicU64,
    failed: Mutex<Option<OutboundError>>,
}

/// What the greeting asks for.
struct Wanted {
    name: Name,
    port: u16,
}

impl Tunnel {
    /// Opens a tunnel to the host and port of an address.
    ///
    /// # Errors
    /// No local socket could be opened.
    pub async fn open(
        outbound: &Outbound,
        target: &Target,
        limits: TunnelLimits,
    ) -> Result<Self, OutboundError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(OutboundError::Local)?;
        let address = listener.local_addr().map_err(OutboundError::Local)?;
        let password = hex::encode(rand::random::<[u8; 32]>());
        let shared = Arc::new(Shared {
            outbound: outbound.clone(),
            target: target.clone(),
            limits,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failed: Mutex::new(None),
        });
        let stop = CancellationToken::new();
        tokio::spawn(listen(
            listener,
            shared.clone(),
            password.clone(),
            stop.clone(),
        ));
        Ok(Self {
            address,
            password,
            shared,
            _stop: stop.drop_guard(),
        })
    }

    /// The tunnel as a proxy address of curl: names are resolved by the tunnel.
    #[must_use]
    pub fn proxy(&self) -> String {
        format!("socks5h://segue:{}@{}", self.password, self.address)
    }

    /// Why the last connection could not be made, if it could not.
    #[must_use]
    pub fn failure(&self) -> Option<OutboundError> {
        self.shared.failure().take()
    }

    /// Whether more wanted to pass than may.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        let Shared { limits, .. } = &*self.shared;
        self.shared.received.load(Ordering::Relaxed) > limits.received_bytes
            || self.shared.sent.load(Ordering::Relaxed) > limits.sent_bytes
    }
}

impl Shared {
    fn failure(&self) -> std::sync::MutexGuard<'_, Option<OutboundError>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen(
    listener: TcpListener,
    shared: Arc<Shared>,
    password: String,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let password: Arc<str> = password.into();
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => return,
            place = places.clone().acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (Ok(place), Ok((stream, _))) = (place, accepted) else {
            // Out of file descriptors, for instance: the program sees a refused connection and gives up.
            return;
        };
        let (shared, password, stop) = (shared.clone(), password.clone(), stop.clone());
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                () = stop.cancelled() => {}
                // What went wrong is kept in `failed`; a program that leaves is not our concern.
                _ = serve(stream, &shared, &password) => {}
            }
        });
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared, password: &str) -> std::io::Result<()> {
    let wanted = timeout(GREETING, greet(&mut stream, password)).await??;
    let Some(wanted) = wanted else {
        return Ok(());
    };
    let (name, port) = (shared.target.name(), shared.target.port());
    if wanted.port != port || wanted.name != name {
        return reply(&mut stream, NOT_ALLOWED).await;
    }
    match shared.outbound.connect(&name, port).await {
        Ok(other) => {
            reply(&mut stream, DONE).await?;
            relay(stream, other, shared).await
        }
        Err(error) => {
            *shared.failure() = Some(error);
            reply(&mut stream, FAILED).await
        }
    }
}

/// RFC 1928 and 1929, as far as curl speaks them. `None`: refused, and said so.
async fn greet(stream: &mut TcpStream, password: &str) -> std::io::Result<Option<Wanted>> {
    let [version, count] = read(stream).await?;
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).await?;
    if version != VERSION || !methods.contains(&BY_PASSWORD) {
        stream.write_all(&[VERSION, NO_METHOD]).await?;
        return Ok(None);
    }
    stream.write_all(&[VERSION, BY_PASSWORD]).await?;
    let [_, length] = read(stream).await?;
    let mut user = vec![0; usize::from(length)];
    stream.read_exact(&mut user).await?;
    let [length] = read(stream).await?;
    let mut given = vec![0; usize::from(length)];
    stream.read_exact(&mut given).await?;
    let good = bool::from(given.as_slice().ct_eq(password.as_bytes()));
    stream
        .write_all(&[PASSWORD_VERSION, if good { DONE } else { FAILED }])
        .await?;
    if !good {
        return Ok(None);
    }
    let [version, command, _, kind] = read(stream).await?;
    let name = match kind {
        1 => Some(Name::Address(IpAddr::V4(Ipv4Addr::from(
            read(stream).await?,
        )))),
        4 => Some(Name::Address(IpAddr::V6(Ipv6Addr::from(
            read::<16>(stream).await?,
        )))),
        3 => {
            let [length] = read(stream).await?;
            let mut text = vec![0; usize::from(length)];
            stream.read_exact(&mut text).await?;
            named(&text)
        }
        _ => None,
    };
    let port = u16::from_be_bytes(read(stream).await?);
    match name {
        Some(name) if version == VERSION && command == CONNECT => Ok(Some(Wanted { name, port })),
        _ => {
            reply(stream, NOT_ALLOWED).await?;
            Ok(None)
        }
    }
}

/// curl may send an address as a name.
fn named(text: &[u8]) -> Option<Name> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    Some(match bare.parse() {
        Ok(address) => Name::Address(address),
        Err(_) => Name::Domain(text.to_ascii_lowercase()),
    })
}

async fn read<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn reply(stream: &mut TcpStream, code: u8) -> std::io::Result<()> {
    stream
        .write_all(&[VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
}

async fn relay(program: TcpStream, other: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (program_in, program_out) = program.into_split();
    let (other_in, other_out) = other.into_split();
    let limits = &shared.limits;
    let down = pass(
        other_in,
        program_out,
        &shared.received,
        limits.received_bytes,
    );
    let up = pass(program_in, other_out, &shared.sent, limits.sent_bytes);
    let idle = watch(shared);
    tokio::select! {
        both = async { tokio::try_join!(down, up) } => both.map(|_| ()),
        () = idle => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

/// Ends when nothing has passed for the idle time.
async fn watch(shared: &Shared) {
    let count = || {
        let received = shared.received.load(Ordering::Relaxed);
        (received, shared.sent.load(Ordering::Relaxed))
    };
    let mut before = count();
    loop {
        tokio::time::sleep(shared.limits.idle).await;
        let now = count();
        if now == before {
            return;
        }
        before = now;
    }
}

/// Copies one direction to its end, as far as its bound.
async fn pass<R, W>(mut from: R, mut to: W, counted: &AtomicU64, most: u64) -> std::io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let more = u64::try_from(read).unwrap_or(u64::MAX);
        if counted
            .fetch_add(more, Ordering::Relaxed)
            .saturating_add(more)
            > most
        {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).await?;
    }
}
