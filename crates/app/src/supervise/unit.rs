//! What the supervisor needs of the things it keeps. It owns the seam only.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

/// A boxed future: units are few and their calls rare.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One thing that is kept running.
pub trait Unit: Send + Sync {
    /// Its name: unique, fit for a file name.
    fn name(&self) -> &str;

    /// The file that its output goes to, when the supervisor is to bound it.
    fn log_file(&self) -> Option<&Path> {
        None
    }

    /// Looks for one that runs already. Called once, before anything is started.
    ///
    /// # Errors
    /// The operating system refused to answer.
    fn adopt(&self) -> anyhow::Result<Adoption>;

    /// Starts it. Called only when none runs.
    ///
    /// # Errors
    /// It could not be started; the supervisor tries again after a pause.
    fn start(&self) -> Boxed<'_, anyhow::Result<Box<dyn Running>>>;
}

/// What was found of an earlier supervisor's work.
pub enum Adoption {
    /// Nothing runs.
    None,
    /// It runs just as it would be started now.
    Current(Box<dyn Running>),
    /// It runs, but from another binary or with other arguments: it is to be replaced.
    Outdated(Box<dyn Running>),
}

/// A unit that runs.
pub trait Running: Send {
    /// Its process id.
    fn pid(&self) -> u32;

    /// Whether it was found running.
    fn adopted(&self) -> bool;

    /// Asks once whether it does its work.
    fn ready(&self) -> Boxed<'static, bool>;

    /// Resolves when it has ended, with what is known about why. May be dropped and called again.
    fn exited(&mut self) -> Boxed<'_, String>;

    /// Stops it in order, and by force after the grace time.
    fn stop(self: Box<Self>, grace: Duration) -> Boxed<'static, anyhow::Result<()>>;
}
