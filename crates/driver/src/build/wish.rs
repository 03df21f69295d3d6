//! A wish for an engine that runs only while somebody wants it: a file whose age says when it was wanted last.
//!
//! Whoever opens or holds a connection to the engine renews the wish; whoever keeps the engine running starts it
//! while the wish is young and stops it when it has grown old. A file and not a message, so that either side may be
//! killed and started again: both look at it afresh. Must not: start or stop anything.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Between two renewals while a connection is open.
pub(crate) const RENEW_EVERY: Duration = Duration::from_secs(20);
/// An engine that nobody has wanted for this long may stop. Long enough that people who push again and again never
/// wait for its start.
pub const IDLE_AFTER: Duration = Duration::from_secs(5 * 60);
const _: () = assert!(
    RENEW_EVERY.as_secs() * 5 <= IDLE_AFTER.as_secs(),
    "some renewals may fail while the engine is in use"
);

/// The wish, by the path of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish(PathBuf);

impl Wish {
    /// The wish that lies in this file. The file need not be there.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Wants the engine from now on for at least [`IDLE_AFTER`].
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn renew(&self) -> io::Result<()> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.0)?;
        file.set_modified(SystemTime::now())
    }

    /// Whether it was renewed within [`IDLE_AFTER`]. A clock that was set back makes it young for longer, never old.
    #[must_use]
    pub fn is_young(&self) -> bool {
        let modified = std::fs::metadata(&self.0).and_then(|file| file.modified());
        modified
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age < IDLE_AFTER) || at.elapsed().is_err())
    }
}

/// Where an engine is, and whether it must be wanted before it is there.
#[derive(Debug, Clone)]
pub struct EngineSocket {
    /// Its unix socket.
    pub(crate) path: PathBuf,
    /// For an engine that is started on demand.
    pub(crate) wish: Option<Wish>,
}

impl EngineSocket {
    /// An engine that is started when it is wanted.
    #[must_use]
    pub fn on_demand(path: &Path, wish: Wish) -> Self {
        Self {
            path: path.to_owned(),
            wish: Some(wish),
        }
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for EngineSocket {
    fn from(path: &P) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            wish: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_young_after_its_renewal_and_grows_old() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wanted");
        let wish = Wish::new(file.clone());
        assert!(!wish.is_young(), "nobody wanted it yet");
        wish.renew().unwrap();
        assert!(wish.is_young());
        let age = |time| {
            let file = File::options().write(true).open(&file).unwrap();
            file.set_modified(time).unwrap();
        };
        age(SystemTime::now() - IDLE_AFTER);
        assert!(!wish.is_young());
        age(SystemTime::now() + IDLE_AFTER * 10);
        assert!(wish.is_young(), "a clock that was set back");
        age(SystemTime::now() - IDLE_AFTER);
        wish.renew().unwrap();
        assert!(wish.is_young());
    }
}
