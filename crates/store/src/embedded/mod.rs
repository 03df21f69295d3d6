//! The private Postgres: started as a child with argv, adopted when it outlived its supervisor,
//! never two on one folder.
//!
//! Layout of the folder: `data/` (the cluster), `socket/` (0700), `log/` (a file per weekday,
//! overwritten after a week), `lock` (held while somebody supervises).
//!
//! Invariants: no TCP; the socket folder is closed to everybody but the account; fsync is on;
//! the server is not root; a data folder of another major version is refused and left alone.
//! A server that loses its supervisor runs on: that is what lets a killed supervisor come back
//! without a pause. Must not: run a shell, use `pg_ctl`, or delete data.

mod account;
mod error;
mod folder;
mod pidfile;
mod process;

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};
use tokio::time::Instant;

use self::account::Account;
pub use self::error::EmbeddedError;
use self::error::io_error;
use self::folder::Binaries;
use self::pidfile::PidFile;
use self::process::Process;

/// The port in the socket's file name. Nothing listens on it.
const PORT: u16 = 5432;
/// Longest path of a unix socket (sun_path without the final zero).
const SOCKET_PATH_LIMIT: usize = 107;
/// How often a starting server is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long a new server may fail to start because backends of a killed one are still leaving.
const LEFTOVER_GRACE: Duration = Duration::from_secs(15);

/// How a private Postgres is run. Every field but the folder has a default.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EmbeddedConfig {
    /// Holds data, logs and the lock.
    pub folder: PathBuf,
    /// Where the socket goes; default `folder/socket`. Its path must stay below 108 bytes.
    pub socket_folder: Option<PathBuf>,
    /// Where `postgres` and `initdb` are; default: looked for.
    pub bin_folder: Option<PathBuf>,
    /// The account to run as when we are root; default `postgres`, else `nobody`.
    pub account: Option<String>,
    /// Name of the database that is made at first start.
    pub database: String,
    /// How long start may take, crash recovery included.
    pub start_timeout: Duration,
    /// How long an orderly stop may take before it is forced.
    pub stop_timeout: Duration,
    /// Further server settings, which override ours except for those that keep it private.
    pub settings: Vec<(String, String)>,
    #[cfg(feature = "testing")]
    durable: bool,
}

impl EmbeddedConfig {
    /// The defaults for a folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            socket_folder: None,
            bin_folder: None,
            account: None,
            database: "segue".to_owned(),
            start_timeout: Duration::from_secs(120),
            stop_timeout: Duration::from_secs(30),
            settings: Vec::new(),
            #[cfg(feature = "testing")]
            durable: true,
        }
    }

    /// Gives up durability for speed. Exists for tests only.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn without_durability(mut self) -> Self {
        self.durable = false;
        self
    }

    #[cfg(feature = "testing")]
    fn is_durable(&self) -> bool {
        self.durable
    }

    #[cfg(not(feature = "testing"))]
    #[expect(
        clippy::unused_self,
        reason = "the same shape as with the feature `testing`"
    )]
    fn is_durable(&self) -> bool {
        true
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn sockets(&self) -> PathBuf {
        self.socket_folder
            .clone()
            .unwrap_or_else(|| self.folder.join("socket"))
    }

    fn logs(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The command line's settings. Later ones win, so what keeps the server private stands last.
    fn server_settings(&self) -> Vec<(String, String)> {
        let defaults = [
            ("max_connections", "100"),
            ("shared_buffers", "64MB"),
            ("jit", "off"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("log_line_prefix", "%m [%p] %q%u@%d "),
            ("log_min_messages", "warning"),
            ("wal_compression", "on"),
            ("max_wal_size", "512MB"),
            ("idle_in_transaction_session_timeout", "60s"),
            ("logging_collector", "on"),
            // Seven files, each overwritten after a week: logs are bounded.
            ("log_filename", "postgres-%a.log"),
            ("log_truncate_on_rotation", "on"),
            ("log_rotation_age", "1d"),
            ("log_rotation_size", "0"),
        ];
        let mut settings: Vec<(String, String)> = defaults
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        settings.extend(self.settings.iter().cloned());
        let on_off = if self.is_durable() { "on" } else { "off" };
        let fixed = [
            ("log_directory", self.logs().display().to_string()),
            ("listen_addresses", String::new()),
            ("port", PORT.to_string()),
            (
                "unix_socket_directories",
                self.sockets().display().to_string(),
            ),
            ("unix_socket_permissions", "0700".to_owned()),
            ("fsync", on_off.to_owned()),
            ("full_page_writes", on_off.to_owned()),
            ("synchronous_commit", on_off.to_owned()),
        ];
        settings.extend(
            fixed
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        settings
    }
}

/// A private Postgres that accepts connections. Dropping it leaves the server running.
#[derive(Debug)]
pub struct Embedded {
    config: EmbeddedConfig,
    process: Process,
    socket_folder: PathBuf,
    port: u16,
    adopted: bool,
    /// Held for as long as this value lives; the kernel lets go of it when the process dies.
    _lock: File,
}

impl Embedded {
    /// Starts the server, or adopts the one that runs on the folder already, and makes the
    /// database if it is missing. Returns when connections are accepted.
    ///
    /// # Errors
    /// Each variant of [`EmbeddedError`] says what to do about it.
    pub async fn start(mut config: EmbeddedConfig) -> Result<Self, EmbeddedError> {
        config.folder = std::path::absolute(&config.folder)
            .map_err(io_error("cannot resolve the folder of Postgres"))?;
        let account = account::unprivileged(config.account.as_deref())?;
        make_root(&config.folder)?;
        let lock = take_lock(&config.folder)?;
        let data = config.data();
        let found = folder::data_major(&data)?;
        if let Some(running) = running_server(&data)? {
            return Self::adopt(config, lock, running).await;
        }
        let binaries =
            folder::find_binaries(config.bin_folder.as_deref(), found.as_deref()).await?;
        if let Some(found) = &found
            && *found != binaries.major.to_string()
        {
            return Err(EmbeddedError::OtherMajorVersion {
                folder: data,
                found: found.clone(),
                wanted: binaries.major.to_string(),
            });
        }
        check_socket_path(&config.sockets())?;
        if let Some(account) = &account {
            account::check_reachable(account, &data)?;
            account::check_reachable(account, &config.sockets())?;
        }
        folder::make_private(&config.sockets(), account.as_ref())?;
        folder::make_private(&config.logs(), account.as_ref())?;
        if found.is_none() {
            tracing::info!(folder = %data.display(), version = binaries.major, "initialising Postgres");
            folder::initialise(&binaries, &config.folder, &data, account.as_ref()).await?;
        }
        Self::spawn_and_wait(config, lock, &binaries, account.as_ref()).await
    }

    async fn adopt(
        config: EmbeddedConfig,
        lock: File,
        running: (PidFile, Process),
    ) -> Result<Self, EmbeddedError> {
        let (file, process) = running;
        tracing::info!(pid = file.pid, "adopting the running Postgres");
        let mut server = Self {
            socket_folder: file.socket_folder,
            port: file.port,
            config,
            process,
            adopted: true,
            _lock: lock,
        };
        let deadline = Instant::now() + server.config.start_timeout;
        server.wait_ready(deadline).await?;
        server.make_database().await?;
        Ok(server)
    }

    async fn spawn_and_wait(
        config: EmbeddedConfig,
        lock: File,
        binaries: &Binaries,
        account: Option<&Account>,
    ) -> Result<Self, EmbeddedError> {
        let data = config.data();
        // Backends of a killed postmaster leave by themselves; until then a new one refuses.
        let after_crash = data.join("postmaster.pid").exists();
        let startup_log = config.folder.join("startup.log");
        let deadline = Instant::now() + config.start_timeout;
        let retry_until = Instant::now() + LEFTOVER_GRACE;
        let settings = config.server_settings();
        let process = Process::spawn(binaries, &data, &settings, &startup_log, account)?;
        let mut server = Self {
            socket_folder: config.sockets(),
            port: PORT,
            config,
            process,
            adopted: false,
            _lock: lock,
        };
        loop {
            match server.wait_ready(deadline).await {
                Err(EmbeddedError::EndedEarly { .. })
                    if after_crash && Instant::now() < retry_until =>
                {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                    server.process =
                        Process::spawn(binaries, &data, &settings, &startup_log, account)?;
                }
                Err(error) => {
                    // Nothing half started is left behind.
                    server.process.signal(Signal::QUIT)?;
                    return Err(error);
                }
                Ok(()) => break,
            }
        }
        server.make_database().await?;
        Ok(server)
    }

    /// Waits until the server itself says that it is ready.
    async fn wait_ready(&mut self, deadline: Instant) -> Result<(), EmbeddedError> {
        let data = self.config.data();
        loop {
            if let Some(file) = pidfile::read(&data)?
                && file.pid == self.process.pid
                && file.ready
            {
                return Ok(());
            }
            if self.process.gone_within(POLL).await? {
                let startup_log = self.config.folder.join("startup.log");
                return Err(EmbeddedError::EndedEarly {
                    program: "postgres",
                    status: self.process.exited().await?,
                    output: process::startup_words(&startup_log, &self.config.logs()),
                });
            }
            if Instant::now() >= deadline {
                return Err(EmbeddedError::Deadline {
                    what: "the start of Postgres",
                    seconds: self.config.start_timeout.as_secs(),
                });
            }
        }
    }

    async fn make_database(&self) -> Result<(), EmbeddedError> {
        let database = &self.config.database;
        let wrap = |source| EmbeddedError::Prepare {
            database: database.clone(),
            source,
        };
        let admin = self.connect_options().database("postgres");
        let mut connection = PgConnection::connect_with(&admin).await.map_err(wrap)?;
        let exists: Option<i32> =
            sqlx::query_scalar("select 1 from pg_database where datname = $1")
                .bind(database)
                .fetch_optional(&mut connection)
                .await
                .map_err(wrap)?;
        if exists.is_none() {
            // A name cannot be a parameter here; quoting doubles the only special character.
            let quoted = database.replace('"', "\"\"");
            let statement = format!("create database \"{quoted}\"");
            connection
                .execute(sqlx::AssertSqlSafe(statement))
                .await
                .map_err(wrap)?;
        }
        connection.close().await.map_err(wrap)
    }

    /// Whether the server was running before.
    #[must_use]
    pub fn was_adopted(&self) -> bool {
        self.adopted
    }

    /// Process id of the postmaster.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Path of another program of the same PostgreSQL, `pg_dump` for instance.
    ///
    /// # Errors
    /// [`EmbeddedError::BinariesMissing`].
    pub async fn program(&self, name: &str) -> Result<PathBuf, EmbeddedError> {
        let major = folder::data_major(&self.config.data())?;
        let binaries =
            folder::find_binaries(self.config.bin_folder.as_deref(), major.as_deref()).await?;
        Ok(binaries.program(name))
    }

    /// How to connect to the database, as the server's superuser.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_folder)
            .port(self.port)
            .username(folder::SUPERUSER)
            .database(&self.config.database)
    }

    /// The same as a URL, for other processes.
    #[must_use]
    pub fn url(&self) -> String {
        let path: String = self
            .socket_folder
            .to_string_lossy()
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect();
        format!(
            "postgres://{}@localhost:{}/{}?host={path}",
            folder::SUPERUSER,
            self.port,
            self.config.database
        )
    }

    /// Resolves when the server is gone, with what is known about why.
    ///
    /// # Errors
    /// The operating system refused to let us wait.
    pub async fn exited(&mut self) -> Result<String, EmbeddedError> {
        self.process.exited().await
    }

    /// Stops the server in order: open transactions are rolled back, nothing needs recovery.
    /// After the time limit the stop is forced; recovery follows at the next start.
    ///
    /// # Errors
    /// The server survived even that.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        let limit = self.config.stop_timeout;
        self.process.signal(Signal::INT)?;
        if self.process.gone_within(limit).await? {
            return Ok(());
        }
        tracing::warn!(
            pid = self.process.pid,
            "Postgres did not stop in time, forcing it"
        );
        self.process.signal(Signal::QUIT)?;
        if self.process.gone_within(limit).await? {
            return Ok(());
        }
        Err(EmbeddedError::Deadline {
            what: "the stop of Postgres",
            seconds: limit.as_secs() * 2,
        })
    }
}

/// The live server of a data folder, if there is one that is ours.
fn running_server(data: &Path) -> Result<Option<(PidFile, Process)>, EmbeddedError> {
    let Some(file) = pidfile::read(data)? else {
        return Ok(None);
    };
    if !pidfile::is_alive_on(file.pid, data) {
        return Ok(None);
    }
    if !file.tcp_address.is_empty() {
        return Err(EmbeddedError::Foreign {
            folder: data.to_owned(),
            pid: file.pid,
            address: file.tcp_address,
        });
    }
    Ok(Process::adopt(file.pid)?.map(|process| (file, process)))
}

/// The root folder may be entered by the account, listed by nobody else.
fn make_root(root: &Path) -> Result<(), EmbeddedError> {
    if root.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(root).map_err(io_error(format!("cannot make {}", root.display())))?;
    fs::set_permissions(root, fs::Permissions::from_mode(0o711))
        .map_err(io_error(format!("cannot close {}", root.display())))
}

fn take_lock(root: &Path) -> Result<File, EmbeddedError> {
    let path = root.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io_error(format!("cannot open {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EmbeddedError::Busy {
            folder: root.to_owned(),
        }),
        Err(TryLockError::Error(error)) => {
            Err(io_error(format!("cannot lock {}", path.display()))(error))
        }
    }
}

fn check_socket_path(sockets: &Path) -> Result<(), EmbeddedError> {
    let path = sockets.join(format!(".s.PGSQL.{PORT}"));
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_LIMIT {
        return Err(EmbeddedError::SocketPathTooLong { path, length });
    }
    Ok(())
}
