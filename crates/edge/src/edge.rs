//! An edge process from start to stop: state folder, sockets, threads, link, drain.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use segue_model::id::EdgeId;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::EdgeConfig;
use crate::disk::{Disk, Loaded};
use crate::link::{Link, LinkParts, Reporter};
use crate::listen::{self, Addresses, Listening, ThreadParts};
use crate::shared::Shared;
use crate::table::Table;
use crate::tls::{self, Authority, Certificates, TlsError};
use crate::{admin, files};

/// Why an edge cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// A file or folder of the state cannot be used.
    #[error("the edge's file {path} cannot be used")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another edge uses the same state folder.
    #[error("another edge is running on {0}")]
    Locked(PathBuf),
    /// The identity file holds something else.
    #[error("{0} does not hold an edge's id")]
    Identity(PathBuf),
    /// The token file is empty or holds characters that no header may.
    #[error("{0} does not hold a token")]
    Token(PathBuf),
    /// An address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The authority or the TLS configuration cannot be made.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// A data thread cannot be started.
    #[error("a data thread cannot be started")]
    Thread(#[source] io::Error),
    /// A data thread ended by itself.
    #[error("a data thread ended unexpectedly")]
    ThreadEnded,
}

/// An edge that listens and does not serve yet.
pub struct Edge {
    config: EdgeConfig,
    id: EdgeId,
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    admin: SocketAddr,
    admin_listener: TcpListener,
    listening: Vec<Vec<Listening>>,
    link: Arc<Link>,
    shared: Arc<Shared>,
    tls: Arc<rustls::ServerConfig>,
    stop_websockets: CancellationToken,
    _lock: std::fs::File,
}

impl Edge {
    /// Opens the state folder and the sockets, and puts the table from the disk into force. Must be
    /// called inside a tokio runtime, with a default rustls provider installed.
    ///
    /// # Errors
    /// See [`EdgeError`]. A damaged table is no error: it is logged, shown on `/readyz` and
    /// `/metrics`, and the edge waits for the control plane.
    pub fn bind(config: EdgeConfig) -> Result<Self, EdgeError> {
        let folder = &config.state_dir;
        files::ensure_folder(folder).map_err(at(folder))?;
        let lock = lock(folder)?;
        let id = identity(&folder.join("edge.id"))?;
        let token = token(&config.token_file)?;
        let certificates = Arc::new(Certificates::new(Authority::open(folder)?));
        let tls = tls::server_config(certificates.clone())?;

        let threads = config.threads.max(1);
        let mut listening: Vec<Vec<Listening>> = (0..threads).map(|_| Vec::new()).collect();
        let mut open = |addresses: &[SocketAddr], tls: bool| {
            addresses
                .iter()
                .map(|address| {
                    let (bound, sockets) =
                        listen::open(*address, threads).map_err(|source| EdgeError::Listen {
                            address: *address,
                            source,
                        })?;
                    for (socket, thread) in sockets.into_iter().zip(&mut listening) {
                        thread.push(Listening { socket, tls });
                    }
                    Ok(bound)
                })
                .collect::<Result<Vec<_>, EdgeError>>()
        };
        let http = open(&config.http, false)?;
        let https = open(&config.https, true)?;
        let refused = |source| EdgeError::Listen {
            address: config.admin,
            source,
        };
        let admin_listener = std::net::TcpListener::bind(config.admin).map_err(refused)?;
        admin_listener.set_nonblocking(true).map_err(refused)?;
        let admin = admin_listener.local_addr().map_err(refused)?;
        let admin_listener = TcpListener::from_std(admin_listener).map_err(refused)?;

        let stop_websockets = CancellationToken::new();
        let https_port = https.first().map(SocketAddr::port);
        let shared = Arc::new(Shared::new(
            Table::new(stop_websockets.clone()),
            config.limits,
            config.trusted_proxies.clone(),
            https_port,
        ));
        let link = Link::new(LinkParts {
            shared: shared.clone(),
            certificates,
            control: config.control.clone(),
            token,
            edge: id,
            disk: Disk::new(folder),
            http_port: http.first().map(SocketAddr::port),
            https_port,
        })
        .map_err(at(folder))?;
        let edge = Self {
            id,
            http,
            https,
            admin,
            admin_listener,
            listening,
            link,
            shared,
            tls,
            stop_websockets,
            _lock: lock,
            config,
        };
        edge.restore()?;
        Ok(edge)
    }

    /// This edge's identity, kept over restarts.
    #[must_use]
    pub fn id(&self) -> EdgeId {
        self.id
    }

    /// Addresses that it listens on for plain HTTP.
    #[must_use]
    pub fn http(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Addresses that it listens on for TLS.
    #[must_use]
    pub fn https(&self) -> &[SocketAddr] {
        &self.https
    }

    /// Address of `/readyz` and `/metrics`.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    fn restore(&self) -> Result<(), EdgeError> {
        let gauges = &self.shared.gauges;
        let loaded = self
            .link
            .disk
            .load()
            .map_err(at(&self.config.state_dir.join("routes")))?;
        match loaded {
            Loaded::Nothing => {}
            Loaded::Whole(recovered) => {
                gauges.has_routes.store(true, Ordering::Relaxed);
                self.link.restore(recovered);
            }
            Loaded::Partial(recovered) => {
                tracing::error!(
                    "a file of the routes on disk is damaged; serving from what the others say \
                     until the control plane is there"
                );
                gauges.damaged_state.store(true, Ordering::Relaxed);
                gauges.has_routes.store(true, Ordering::Relaxed);
                self.link.restore(recovered);
            }
            Loaded::Damaged => {
                tracing::error!(
                    "the routes on disk are damaged and there are none before them; nothing can \
                     be served until the control plane is there"
                );
                gauges.damaged_state.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Serves until `stop` is cancelled and what was in flight is done, or until a data thread
    /// fails.
    ///
    /// # Errors
    /// [`EdgeError::Thread`], [`EdgeError::ThreadEnded`].
    pub async fn run(self, stop: CancellationToken) -> Result<(), EdgeError> {
        let stopping = CancellationToken::new();
        let end = CancellationToken::new();
        // Also when this future is dropped, no thread may be left behind.
        let _end_guard = end.clone().drop_guard();
        let (shutdown, shutdown_watch) = watch::channel(false);
        let addresses = Arc::new(Addresses::default());
        let ca_file = self.config.state_dir.join("authority.pem");
        let mut threads = JoinSet::new();
        for (index, listening) in self.listening.into_iter().enumerate() {
            let thread = listen::spawn(ThreadParts {
                index,
                listening,
                shared: self.shared.clone(),
                addresses: addresses.clone(),
                tls: self.tls.clone(),
                ca_file: ca_file.clone(),
                stop: stopping.clone(),
                shutdown: shutdown_watch.clone(),
                end: end.clone(),
            })
            .map_err(EdgeError::Thread)?;
            threads.spawn_blocking(move || thread.join());
        }

        let mut tasks = JoinSet::new();
        tasks.spawn(admin::serve(self.admin_listener, self.shared.clone()));
        let link = self.link.clone();
        tasks.spawn(async move { link.follow().await });
        let link = self.link.clone();
        tasks.spawn(async move { link.keep_on_disk().await });
        let mut reporter = Reporter::new(self.link.clone());

        let failed = tokio::select! {
            () = stop.cancelled() => false,
            _ = threads.join_next() => true,
            // Reports go on for ever.
            () = reporter.run() => false,
        };
        if failed {
            return Err(EdgeError::ThreadEnded);
        }

        tracing::info!("the edge stops: no new connections, requests in flight are finished");
        self.shared.gauges.stopping.store(true, Ordering::Relaxed);
        stopping.cancel();
        // Nobody may be left to hear it, which is fine.
        let _ = shutdown.send(true);
        let limits = self.config.limits;
        tokio::select! {
            () = drained(&self.shared, &self.stop_websockets, limits.stop_websockets, limits.stop_timeout) => {}
            () = reporter.run() => {}
        }
        tasks.abort_all();
        if let Err(error) = self.link.flush().await {
            tracing::error!(%error, "the last routes cannot be written to disk");
        }
        let farewell = async {
            reporter.send().await?;
            reporter.goodbye().await
        };
        match tokio::time::timeout(Duration::from_secs(2), farewell).await {
            Ok(Ok(())) => {}
            _ => tracing::info!("the control plane could not be told that the edge leaves"),
        }
        end.cancel();
        while threads.join_next().await.is_some() {}
        Ok(())
    }
}

/// Binds and serves; see [`Edge::bind`] and [`Edge::run`].
///
/// # Errors
/// See [`EdgeError`].
pub async fn run(config: EdgeConfig, stop: CancellationToken) -> Result<(), EdgeError> {
    Edge::bind(config)?.run(stop).await
}

/// Waits until no connection is open, at most `limit`; websockets are asked to end after `patience`.
async fn drained(
    shared: &Shared,
    websockets: &CancellationToken,
    patience: Duration,
    limit: Duration,
) {
    let ask_at = Instant::now() + patience;
    let give_up_at = Instant::now() + limit;
    loop {
        // Registered before looking, so that an end in between is not missed.
        let ended = shared.ended.notified();
        if shared.gauges.connections.load(Ordering::Relaxed) == 0 {
            return;
        }
        tokio::select! {
            () = ended => {}
            () = tokio::time::sleep_until(ask_at), if !websockets.is_cancelled() => websockets.cancel(),
            () = tokio::time::sleep_until(give_up_at) => {
                tracing::warn!("connections were cut at the end of the stop time");
                return;
            }
        }
    }
}

fn lock(folder: &Path) -> Result<std::fs::File, EdgeError> {
    let path = folder.join("lock");
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(at(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(EdgeError::Locked(folder.to_owned())),
        Err(error) => Err(at(&path)(error.into())),
    }
}

fn identity(path: &Path) -> Result<EdgeId, EdgeError> {
    if let Some(content) = files::read(path).map_err(at(path))? {
        return String::from_utf8_lossy(&content)
            .trim()
            .parse()
            .map_err(|_| EdgeError::Identity(path.to_owned()));
    }
    let id = EdgeId::from_uuid(uuid::Uuid::now_v7());
    files::replace(path, format!("{id}\n").as_bytes()).map_err(at(path))?;
    Ok(id)
}

fn token(path: &Path) -> Result<String, EdgeError> {
    let content = std::fs::read_to_string(path).map_err(at(path))?;
    let token = content.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(EdgeError::Token(path.to_owned()));
    }
    Ok(token.to_owned())
}

fn at(path: &Path) -> impl Fn(io::Error) -> EdgeError + use<> {
    let path = path.to_owned();
    move |source| EdgeError::File {
        path: path.clone(),
        source,
    }
}
