//! Sockets and data threads: N operating system threads, each with its own `SO_REUSEPORT`
//! listeners, its own single-threaded runtime and its own pool of upstream connections.
//!
//! Decision 0010 says why. Must not decide about requests.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use pingora_core::apps::HttpServerOptions;
use pingora_core::protocols::http::v2::server::default_h2_options;
use pingora_core::server::ShutdownWatch;
use pingora_core::server::configuration::ServerConf;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::conn::serve::Service;
use crate::proxy::EdgeProxy;
use crate::shared::Shared;

/// Connections that the kernel takes for us while a thread is busy.
const BACKLOG: u32 = 4_096;

/// One listening socket of one data thread.
pub(crate) struct Listening {
    pub(crate) socket: std::net::TcpListener,
    pub(crate) tls: bool,
}

/// Opens one socket per thread on an address; a port of 0 becomes the same port for all.
pub(crate) fn open(
    address: SocketAddr,
    threads: usize,
) -> io::Result<(SocketAddr, Vec<std::net::TcpListener>)> {
    let mut address = address;
    let mut sockets = Vec::with_capacity(threads);
    for _ in 0..threads {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A restart must not wait for old connections in TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        address = listener.local_addr()?;
        sockets.push(listener.into_std()?);
    }
    Ok((address, sockets))
}

/// What a data thread is given.
pub(crate) struct ThreadParts {
    pub(crate) index: usize,
    pub(crate) listening: Vec<Listening>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) tls: Arc<ServerConfig>,
    /// A small bundle of certificates, so that pingora does not load the machine's for upstream
    /// TLS, which the edge does not speak.
    pub(crate) ca_file: PathBuf,
    /// Accepting ends, idle connections close.
    pub(crate) stop: CancellationToken,
    /// The same in pingora's form.
    pub(crate) shutdown: ShutdownWatch,
    /// Everything ends.
    pub(crate) end: CancellationToken,
}

/// Starts a data thread.
pub(crate) fn spawn(parts: ThreadParts) -> io::Result<std::thread::JoinHandle<io::Result<()>>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name(format!("edge-{}", parts.index))
        .spawn(move || {
            let ended = runtime.block_on(serve(parts));
            // What is still open is cut here.
            runtime.shutdown_background();
            ended
        })
}

async fn serve(parts: ThreadParts) -> io::Result<()> {
    let service = Arc::new(service(&parts));
    let acceptor = TlsAcceptor::from(parts.tls.clone());
    for listening in parts.listening {
        let listener = TcpListener::from_std(listening.socket)?;
        let tls = listening.tls.then(|| acceptor.clone());
        tokio::spawn(accept(
            listener,
            tls,
            service.clone(),
            parts.shared.clone(),
            parts.addresses.clone(),
            parts.stop.clone(),
        ));
    }
    parts.end.cancelled().await;
    Ok(())
}

fn service(parts: &ThreadParts) -> Service<EdgeProxy> {
    let limits = parts.shared.limits;
    let conf = ServerConf {
        threads: 1,
        upstream_keepalive_pool_size: limits.upstream_pool,
        // The edge decides about retries itself, by time; this only ends a runaway.
        max_retries: 1_000,
        ca_file: Some(parts.ca_file.to_string_lossy().into_owned()),
        ..ServerConf::default()
    };
    let app = Arc::new(EdgeProxy::new(parts.shared.clone()));
    let mut proxy =
        pingora_proxy::http_proxy(&Arc::new(conf), EdgeProxy::new(parts.shared.clone()));
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(limits.keepalive_timeout);
    proxy.server_options = Some(options);
    let mut h2 = default_h2_options();
    h2.max_concurrent_streams(limits.h2_streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .initial_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_pending_accept_reset_streams(64);
    proxy.h2_options = Some(h2);
    Service {
        proxy: Arc::new(proxy),
        limits,
        stop: parts.stop.clone(),
        shutdown: parts.shutdown.clone(),
        refused: EdgeProxy::refused,
        app,
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: Arc<Service<EdgeProxy>>,
    shared: Arc<Shared>,
    addresses: Arc<Addresses>,
    stop: CancellationToken,
) {
    let take = |accepted: io::Result<(tokio::net::TcpStream, SocketAddr)>| {
        let (tcp, peer) = accepted?;
        let Some(slot) = Slot::take(&shared, &addresses, peer.ip()) else {
            shared
                .gauges
                .connections_refused
                .fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let service = service.clone();
        let tls = tls.clone();
        tokio::spawn(async move {
            service.serve(tcp, tls).await;
            drop(slot);
        });
        Ok::<_, io::Error>(())
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        if let Err(error) = take(accepted) {
            // Out of files or memory: waiting is all that helps.
            tracing::warn!(%error, "a connection cannot be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    // What the kernel has taken already would be reset by closing the socket.
    while let Some(Ok(accepted)) = listener.accept().now_or_never() {
        let _ = take(Ok(accepted));
    }
}

/// Open connections by client address.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// One open connection, counted until it is dropped.
struct Slot {
    shared: Arc<Shared>,
    addresses: Arc<Addresses>,
    counted: Option<IpAddr>,
}

impl Slot {
    fn take(shared: &Arc<Shared>, addresses: &Arc<Addresses>, address: IpAddr) -> Option<Self> {
        let limits = &shared.limits;
        let open = &shared.gauges.connections;
        if open.fetch_add(1, Ordering::Relaxed) >= limits.connections {
            open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let mut slot = Self {
            shared: shared.clone(),
            addresses: addresses.clone(),
            counted: None,
        };
        if !address.is_loopback() && !shared.is_trusted(address) {
            let mut counts = addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(address).or_default();
            if *count >= limits.connections_per_address {
                return None;
            }
            *count += 1;
            slot.counted = Some(address);
        }
        Some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(address) = self.counted {
            let mut counts = self
                .addresses
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = counts.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&address);
                }
            }
        }
        self.shared
            .gauges
            .connections
            .fetch_sub(1, Ordering::Relaxed);
        self.shared.ended.notify_one();
    }
}
