//! The store: three pools, one per service role, and the scopes that hand them out.
//!
//! Invariant: nobody outside of this crate gets a pool. Tenant data is reached through [`TeamScope`],
//! look-ups before a team is known through [`Auth`], everything of the worker and the internal
//! interface through [`SystemStore`], which only those get.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use segue_model::id::UserId;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::auth::Auth;
use crate::auth_account::{AccountScope, SignIn};
use crate::context::TeamContext;
use crate::error::StoreError;
use crate::platform::PlatformScope;
use crate::seal::{KeyEncryptionKey, Keyring};
use crate::system::SystemStore;
use crate::team::TeamScope;

/// How to reach the database, and with what bounds.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Where it is. The account must be a member of the service roles.
    pub connect: PgConnectOptions,
    /// Seals secrets.
    pub kek: KeyEncryptionKey,
    /// Keys that were used before and still open what they sealed, while it is wrapped anew.
    pub older_keks: Vec<KeyEncryptionKey>,
    /// Connections of the API at most.
    pub api_connections: u32,
    /// Connections of the worker and the internal interface at most.
    pub system_connections: u32,
    /// How long to wait for a connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long one statement may wait for a lock; also how long a second request with the same
    /// idempotency key waits for the first.
    pub lock_timeout: Duration,
}

impl StoreConfig {
    /// The defaults.
    #[must_use]
    pub fn new(connect: PgConnectOptions, kek: KeyEncryptionKey) -> Self {
        Self {
            connect,
            kek,
            older_keks: Vec::new(),
            api_connections: 12,
            system_connections: 12,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
        }
    }
}

/// How long a connection counts as one that answers after it did.
const PROVEN_FOR: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Inner {
    pub api: PgPool,
    pub auth: PgPool,
    pub system: PgPool,
    pub kek: Keyring,
}

/// A handle to the database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

impl Store {
    /// Connects and checks that the schema is the one of this program.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`].
    pub async fn connect(config: StoreConfig) -> Result<Self, StoreError> {
        let store = Self::connect_lazy(config);
        store.ready().await?;
        Ok(store)
    }

    /// Makes the handle without connecting, for servers that start while the database is away.
    #[must_use]
    pub fn connect_lazy(config: StoreConfig) -> Self {
        let pool = |role: &str, connections: u32| {
            PgPoolOptions::new()
                .max_connections(connections)
                .min_connections(0)
                .acquire_timeout(config.acquire_timeout)
                .idle_timeout(Duration::from_secs(300))
                // A connection that answered a moment ago is not asked whether it still does: what it is wanted for asks.
                .test_before_acquire(false)
                .before_acquire(|connection, known| {
                    Box::pin(async move {
                        if known.idle_for > PROVEN_FOR {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
                .connect_lazy_with(as_role(&config, role))
        };
        let inner = Inner {
            api: pool("segue_api", config.api_connections),
            auth: pool("segue_auth", config.api_connections.div_ceil(2)),
            system: pool("segue_system", config.system_connections),
            kek: Keyring::new(config.kek, config.older_keks),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Whether the database answers and has the schema of this program.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::NotMigrated`].
    pub async fn ready(&self) -> Result<(), StoreError> {
        let wanted = crate::migrate::newest_migration();
        let found = sqlx::query_scalar!(
            r#"
            select schema_version() as "version!"
            "#
        )
        .fetch_one(&self.inner.auth)
        .await;
        match found {
            Ok(version) if version >= wanted => Ok(()),
            Ok(_) => Err(StoreError::NotMigrated { wanted }),
            Err(error) => match StoreError::from(error) {
                unavailable @ StoreError::Unavailable(_) => Err(unavailable),
                // No such function, role or right: the migrations have not run.
                _ => Err(StoreError::NotMigrated { wanted }),
            },
        }
    }

    /// Runs the migrations that are missing. Called by `segue migrate` and at the start of `segue serve`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Migrate`].
    pub async fn migrate(connect: &PgConnectOptions) -> Result<(), StoreError> {
        crate::migrate::migrate(connect).await
    }

    /// The only way to tenant data.
    #[must_use]
    pub fn team(&self, context: &TeamContext) -> TeamScope {
        TeamScope::new(Arc::clone(&self.inner), context.clone())
    }

    /// What operators of the installation may do; the caller has checked that the actor is one. The context is one of
    /// the installation ([`TeamContext::platform`]).
    #[must_use]
    pub fn platform(&self, context: TeamContext) -> PlatformScope {
        PlatformScope::new(Arc::clone(&self.inner), context)
    }

    /// What a person may do with the own account; the caller has proved who it is. The context is one of the
    /// installation ([`TeamContext::platform`]).
    #[must_use]
    pub fn account(&self, person: UserId, context: TeamContext) -> AccountScope {
        AccountScope::new(Arc::clone(&self.inner), person, context)
    }

    /// Steps of signing in and out that prove who the person is.
    #[must_use]
    pub fn sign_in(&self, request_id: Option<String>, address: Option<IpAddr>) -> SignIn {
        SignIn::new(Arc::clone(&self.inner), request_id, address)
    }

    /// Look-ups before a team is known.
    #[must_use]
    pub fn auth(&self) -> Auth {
        Auth::new(Arc::clone(&self.inner))
    }

    /// Everything of the worker and the internal interface. Not for handlers of people's requests.
    #[must_use]
    pub fn system(&self) -> SystemStore {
        SystemStore::new(Arc::clone(&self.inner))
    }

    /// Closes all connections in order.
    pub async fn close(&self) {
        self.inner.api.close().await;
        self.inner.auth.close().await;
        self.inner.system.close().await;
    }
}

/// The role is a start-up option: `reset role` comes back to it, and never to the login account.
fn as_role(config: &StoreConfig, role: &str) -> PgConnectOptions {
    config.connect.clone().application_name(role).options([
        ("role", role.to_owned()),
        (
            "statement_timeout",
            config.statement_timeout.as_millis().to_string(),
        ),
        ("lock_timeout", config.lock_timeout.as_millis().to_string()),
        (
            // Nothing slow happens in a transaction. One whose process is stopped in the middle of it must not hold its
            // rows for longer than a lease lasts, or a takeover would wait for it.
            "idle_in_transaction_session_timeout",
            "5000".to_owned(),
        ),
        ("timezone", "UTC".to_owned()),
    ])
}
