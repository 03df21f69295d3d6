//! The one-time link by which the first owner is made.
//!
//! Kept in a file that only root reads, made anew before it expires, and gone as soon as somebody
//! is set up. Must not: put the link into a log of a role; `segue serve` prints it at its start.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use segue_store::{Store, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// A link is good for this long; the API says so.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// It is replaced this long before its end.
const MARGIN: Duration = Duration::from_secs(60);
/// How often the database is asked whether somebody is set up.
const POLL: Duration = Duration::from_secs(2);

/// Keeps the file true until somebody is set up, then waits for the stop.
///
/// # Errors
/// The file cannot be written.
pub(super) async fn keep(
    store: Store,
    file: PathBuf,
    public_url: String,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut good_until = Instant::now();
    loop {
        match round(&store, &file, &public_url, good_until).await {
            Ok(Some(next)) => good_until = next,
            Ok(None) => break,
            // The database is away or not migrated yet: asked again.
            Err(Refused::Store(error)) => tracing::debug!(%error, "no set-up link yet"),
            Err(Refused::File(error)) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(POLL) => {}
        }
    }
    remove(&file)?;
    stop.cancelled().await;
    Ok(())
}

/// Why a round did nothing.
enum Refused {
    /// To be tried again.
    Store(StoreError),
    /// For good.
    File(anyhow::Error),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Until when the present link is good; `None` when none is needed any more.
async fn round(
    store: &Store,
    file: &Path,
    public_url: &str,
    good_until: Instant,
) -> Result<Option<Instant>, Refused> {
    let now = Instant::now();
    if now + MARGIN < good_until {
        let set_up = store.auth().is_set_up().await?;
        return Ok((!set_up).then_some(good_until));
    }
    let Some(link) = segue_api::setup_link(store, public_url).await? else {
        return Ok(None);
    };
    write(file, &format!("{link}\n")).map_err(Refused::File)?;
    Ok(Some(now + LIFE))
}

fn write(file: &Path, link: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", file.display());
    let beside = file.with_extension("new");
    File::options()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut open| open.write_all(link.as_bytes()))
        .and_then(|()| fs::rename(&beside, file))
        .with_context(cannot)
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}
