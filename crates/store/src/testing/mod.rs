//! A database per test, cloned from a migrated template, on one private Postgres that all test processes
//! of a checkout share.
//!
//! The server is started by whoever comes first (behind a file lock), and stays for the next run: it is
//! found again, not started twice. [`stop_shared`] ends it. It gives up durability, which is why the
//! feature is refused in optimised builds. Tests run as the service roles, like servers do; `admin` is for
//! looking at what no role may see.

mod audit;
mod fixture;
mod placing;
mod process;
mod versions;

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};

pub use self::fixture::{Fixture, deployment_of, release_spec, release_spec_of_build};
pub use self::placing::{TTL, commit, decide, lease, new_instance, ready_host, shard_of};
use crate::embedded::{Embedded, EmbeddedConfig, EmbeddedError};
use crate::migrate::{fingerprint, migrate};
use crate::seal::KeyEncryptionKey;
use crate::store::{Store, StoreConfig};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Anything that goes wrong in a test's set-up ends the test.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A database of one test. Dropped with the value.
#[derive(Debug)]
pub struct TestDb {
    name: String,
    server: PgConnectOptions,
    store: Store,
}

impl TestDb {
    /// Clones the template and connects to it as the service roles.
    ///
    /// # Errors
    /// No PostgreSQL is installed, or it does not start.
    pub async fn new() -> Result<Self> {
        let (server, template) = shared().await?;
        let name = format!(
            "t_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let mut admin = PgConnection::connect_with(&server).await?;
        let statement = format!("create database {name} template {template}");
        admin.execute(sqlx::AssertSqlSafe(statement)).await?;
        admin.close().await?;
        let mut config = StoreConfig::new(
            server.clone().database(&name),
            KeyEncryptionKey::from_bytes(KEK),
        );
        config.api_connections = 6;
        config.system_connections = 6;
        config.acquire_timeout = Duration::from_secs(30);
        let store = Store::connect(config).await?;
        Ok(Self {
            name,
            server,
            store,
        })
    }

    /// The store, as servers have it.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How to connect as the superuser.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }

    /// The texts that a query of one column answers, as the superuser.
    ///
    /// # Errors
    /// The server is gone, or the query is wrong.
    pub async fn texts(&self, query: &'static str) -> Result<Vec<String>> {
        let mut admin = self.admin().await?;
        Ok(sqlx::query_scalar(query).fetch_all(&mut admin).await?)
    }

    /// A connection as the superuser, for looking at everything.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn admin(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect_with(&self.connect_options()).await?)
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        let server = self.server.clone();
        // The test's own runtime may be ending: a thread with a runtime of its own drops the database.
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect_with(&server).await?;
                let statement = format!("drop database if exists {name} with (force)");
                admin.execute(sqlx::AssertSqlSafe(statement)).await?;
                admin.close().await?;
                Result::Ok(())
            })
        });
        if !matches!(dropper.join(), Ok(Ok(()))) {
            tracing::warn!("a test database was not dropped; the next run removes it");
        }
    }
}

/// Random enough to be accepted, fixed so that a database can be looked at after a failure.
const KEK: [u8; 32] = *b"a-key-for-tests-0123456789-only!";

/// Where the shared server lives: short enough for a socket, reachable for its account, one per checkout.
fn folder() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_MANIFEST_DIR").hash(&mut hasher);
    rustix::process::geteuid().as_raw().hash(&mut hasher);
    std::env::temp_dir().join(format!("segue-test-{:016x}", hasher.finish()))
}

fn config() -> EmbeddedConfig {
    let mut config = EmbeddedConfig::new(folder().join("pg")).without_durability();
    config.database = "postgres".to_owned();
    config.settings = vec![
        ("max_connections".to_owned(), "300".to_owned()),
        ("shared_buffers".to_owned(), "128MB".to_owned()),
        ("autovacuum".to_owned(), "off".to_owned()),
        // A database is copied through this log; nobody reads it.
        ("wal_compression".to_owned(), "off".to_owned()),
        ("wal_level".to_owned(), "minimal".to_owned()),
        ("max_wal_senders".to_owned(), "0".to_owned()),
    ];
    config
}

/// Held while the shared server or its template is made.
fn start_lock() -> Result<File> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("start.lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// The shared server and the name of its template.
async fn shared() -> Result<(PgConnectOptions, String)> {
    let lock = tokio::task::spawn_blocking(start_lock).await??;
    // Adopts the running one; dropping the handle leaves it running.
    let server = Embedded::start(config()).await?.connect_options();
    let template = template_name();
    let mut admin = PgConnection::connect_with(&server).await?;
    let made: Option<bool> =
        sqlx::query_scalar("select datistemplate from pg_database where datname = $1")
            .bind(&template)
            .fetch_optional(&mut admin)
            .await?;
    if made != Some(true) {
        remove_leftovers(&mut admin).await?;
        let statement = format!("drop database if exists {template} with (force)");
        admin.execute(sqlx::AssertSqlSafe(statement)).await?;
        let statement = format!("create database {template}");
        admin.execute(sqlx::AssertSqlSafe(statement)).await?;
        migrate(&server.clone().database(&template)).await?;
        let statement = format!("alter database {template} is_template true");
        admin.execute(sqlx::AssertSqlSafe(statement)).await?;
    }
    admin.close().await?;
    drop(lock);
    Ok((server, template))
}

/// Databases of test processes that are gone, and templates of older migrations.
async fn remove_leftovers(admin: &mut PgConnection) -> Result<()> {
    let names: Vec<String> = sqlx::query_scalar(
        "select datname from pg_database where datname ~ '^(t_[0-9]+_[0-9]+|template_segue_.*)$'",
    )
    .fetch_all(&mut *admin)
    .await?;
    for name in names {
        let owner_lives = name
            .split('_')
            .nth(1)
            .is_some_and(|pid| PathBuf::from(format!("/proc/{pid}")).exists());
        if owner_lives {
            continue;
        }
        let statement = format!("alter database {name} is_template false");
        admin.execute(sqlx::AssertSqlSafe(statement)).await?;
        let statement = format!("drop database if exists {name} with (force)");
        admin.execute(sqlx::AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

/// One template per sum of the migrations and per day (their partitions are dated).
fn template_name() -> String {
    let day = jiff::Timestamp::now().as_second() / 86_400;
    format!("template_segue_{:016x}_{day}", fingerprint())
}

/// Stops the shared server, for the end of a test run. Nothing happens if none runs.
///
/// # Errors
/// It does not stop.
pub async fn stop_shared() -> Result<()> {
    let lock = tokio::task::spawn_blocking(start_lock).await??;
    if folder().join("pg/data/postmaster.pid").exists() {
        match Embedded::start(config()).await {
            Ok(server) => server.stop().await?,
            Err(EmbeddedError::BinariesMissing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    drop(lock);
    Ok(())
}
