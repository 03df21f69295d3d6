//! Starting, listening, stopping.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use segue_model::Timestamp;
use segue_store::{Store, StoreError};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::auth::token;
use crate::config::{ApiConfig, InvalidConfig, Limits};
use crate::internal::{EdgeToken, EdgeTokenError, InternalState};
use crate::lists::Lists;
use crate::news::News;
use crate::serve::accept::{Listener, serve};
use crate::state::ApiState;

/// A set-up link is good for this long.
pub(crate) const SETUP_LINK: Duration = Duration::from_secs(30 * 60);

/// Why the API does not run.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The configuration is wrong.
    #[error("the configuration of the API is not valid")]
    Config(#[from] InvalidConfig),
    /// The edges' token cannot be used.
    #[error("the edges' token cannot be used")]
    EdgeToken(#[from] EdgeTokenError),
    /// An address or socket cannot be listened on.
    #[error("cannot listen on {at}")]
    Listen {
        /// Where.
        at: String,
        /// Why.
        source: std::io::Error,
    },
    /// A task ended that must not.
    #[error("a part of the API ended unexpectedly")]
    Ended,
}

/// Serves until `stop`. Everything is read and bound before the first request is taken; the database may be away.
///
/// # Errors
/// [`ApiError`]: nothing was served, or a part of it broke.
pub async fn run(config: ApiConfig, store: Store, stop: CancellationToken) -> Result<(), ApiError> {
    config.validate()?;
    let edge_token = EdgeToken::load(&config.edge_token_file)?;
    let limits = config.limits;
    let mut listeners = Vec::new();
    let public = tcp(config.listen).await?;
    let internal_socket = unix(&config.internal_socket)?;
    listeners.push(internal_socket);
    if let Some(address) = config.internal_listen {
        listeners.push(tcp(address).await?);
    }
    let (news, route_news) = (News::default(), News::default());
    let state = ApiState::new(config, store.clone(), news.clone(), stop.clone());
    let internal = InternalState {
        api: state.clone(),
        token: edge_token,
        routes: route_news.clone(),
    };
    let mut parts = JoinSet::new();
    parts.spawn(serve(
        public,
        router_of(state.clone()),
        limits,
        stop.clone(),
    ));
    // Edges hold one stream each and report often; they all come from few addresses.
    let inner = Limits {
        per_address: limits.connections,
        ..limits
    };
    for listener in listeners {
        let router = crate::internal::router(internal.clone());
        parts.spawn(serve(listener, router, inner, stop.clone()));
    }
    parts.spawn(crate::resources::keep_hooks(state.clone(), stop.clone()));
    parts.spawn(listen(store, news, route_news, stop.clone()));
    let mut failed = false;
    while let Some(ended) = parts.join_next().await {
        if !stop.is_cancelled() || ended.is_err() {
            failed = true;
            stop.cancel();
        }
    }
    if failed { Err(ApiError::Ended) } else { Ok(()) }
}

fn router_of(state: ApiState) -> Router {
    let (router, document) = crate::resources::routes().split_for_parts();
    let router = router.merge(crate::git::http::routes());
    crate::serve::layers::public(router, Lists::of(&document), state)
}

/// The public router without a listener, for tests of other crates and of this one.
///
/// # Errors
/// The configuration cannot be used.
pub fn router(
    config: ApiConfig,
    store: Store,
    stop: CancellationToken,
) -> Result<Router, ApiError> {
    config.validate()?;
    Ok(router_of(ApiState::new(
        config,
        store,
        News::default(),
        stop,
    )))
}

async fn tcp(address: std::net::SocketAddr) -> Result<Listener, ApiError> {
    TcpListener::bind(address)
        .await
        .map(Listener::Tcp)
        .map_err(|source| ApiError::Listen {
            at: address.to_string(),
            source,
        })
}

/// Binds a unix socket that only we can reach; one left over by a process that was killed is taken away.
fn unix(path: &Path) -> Result<Listener, ApiError> {
    let error = |source| ApiError::Listen {
        at: path.display().to_string(),
        source,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    // Bound beside and renamed: the name never leads to a socket with other rights.
    let beside = PathBuf::from(format!("{}.{}", path.display(), std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside).map_err(error)?;
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).map_err(error)?;
    std::fs::rename(&beside, path).map_err(error)?;
    Ok(Listener::Unix(listener))
}

/// Hears of changes and wakes who waits. While the database is away everybody polls.
async fn listen(store: Store, news: News, routes: News, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            heard = hear(&store, &news, &routes) => {
                if let Err(error) = heard {
                    tracing::debug!(%error, "not listening to the database at the moment");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

async fn hear(store: &Store, news: &News, routes: &News) -> Result<(), StoreError> {
    let channels = ["segue_routes", "segue_events", "segue_logs"];
    let mut listener = store.system().listen(&channels).await?;
    // Whatever came before the listening began.
    news.tell();
    routes.tell();
    loop {
        match listener.try_recv().await? {
            Some(heard) if heard.channel() == "segue_routes" => routes.tell(),
            Some(_) => news.tell(),
            // The connection broke and was made again: anything may have been missed.
            None => {
                news.tell();
                routes.tell();
            }
        }
    }
}

/// Makes the one-time link by which the first person sets the installation up; `None` once that has happened.
///
/// # Errors
/// The database cannot be used.
pub async fn setup_link(store: &Store, public_url: &str) -> Result<Option<String>, StoreError> {
    if store.auth().is_set_up().await? {
        return Ok(None);
    }
    let (secret, hash) = token::generate();
    let now = Timestamp::now();
    let until = now.checked_add(SETUP_LINK).unwrap_or(now);
    store.system().setup_token_put(&hash, until).await?;
    Ok(Some(format!(
        "{public_url}/setup?token={}",
        token::reveal(&secret)
    )))
}
