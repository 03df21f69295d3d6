//! Where the database is, and `segue migrate`.

use std::time::Duration;

use anyhow::Context as _;
use segue_store::embedded::EmbeddedConfig;
use segue_store::{Store, StoreConfig};
use sqlx::postgres::PgConnectOptions;

use crate::config::Settings;
use crate::keys::{self, Start};

/// The superuser and the database of the private Postgres, as the store names them.
const PRIVATE: &str = "segue";
/// The private Postgres gets this to write its checkpoint when it stops, before it is forced.
const PRIVATE_STOP: Duration = Duration::from_secs(10);

/// How to connect: to the server of the settings, or to the private one.
///
/// # Errors
/// The URL cannot be read; it is not repeated, because it may hold a password.
pub(crate) fn connect_options(settings: &Settings) -> anyhow::Result<PgConnectOptions> {
    match &settings.database.url {
        Some(url) => url
            .parse()
            .ok()
            .context("database.url is not the URL of a Postgres"),
        None => Ok(PgConnectOptions::new_without_pgpass()
            .socket(settings.postgres_run())
            .username(PRIVATE)
            .database(PRIVATE)),
    }
}

/// How the store is opened.
///
/// # Errors
/// The URL or the key cannot be read.
pub(crate) fn store_config(settings: &Settings, start: Start) -> anyhow::Result<StoreConfig> {
    keys::private_folder(&settings.keys())?;
    let key = keys::key_encryption_key(settings, start)?;
    Ok(StoreConfig::new(connect_options(settings)?, key))
}

/// Brings the database to this version, tells it which range environments get networks from, and
/// notes the installation's id, by which containers are known.
///
/// # Errors
/// The database is away, a migration failed, or the note cannot be written.
pub(crate) fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(migrate_now(settings))
}

async fn migrate_now(settings: &Settings) -> anyhow::Result<()> {
    // A refused key must leave the database as it is.
    let config = store_config(settings, Start::MayBeFirst)?;
    Store::migrate(&connect_options(settings)?).await?;
    let store = Store::connect(config).await?;
    store
        .system()
        .installation_set_range(settings.engine.subnets.into())
        .await?;
    let installation = store.system().installation().await?;
    store.close().await;
    let file = settings.installation_file();
    std::fs::write(&file, format!("{installation}\n"))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// The private Postgres.
pub(crate) fn embedded(settings: &Settings) -> EmbeddedConfig {
    let mut config = EmbeddedConfig::new(settings.state.join("postgres"));
    config.socket_folder = Some(settings.postgres_run());
    config.bin_folder.clone_from(&settings.database.binaries);
    config.account.clone_from(&settings.database.account);
    config.stop_timeout = PRIVATE_STOP;
    config
}
