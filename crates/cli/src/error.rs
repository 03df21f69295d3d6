//! How a command ends badly: what failed, why, what is true now, what to type next.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// How a command ended; the numbers are documented and part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// It failed.
    Failed,
    /// Wrong usage: nothing was tried.
    Usage,
    /// The deployment failed or was rolled back.
    Deploy,
    /// Not signed in.
    SignedOut,
    /// A person stopped watching.
    Interrupted,
    /// The command of a one-off run ended with this.
    Command(u8),
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Deploy => 3,
            Self::SignedOut => 4,
            Self::Interrupted => 130,
            Self::Command(code) => code,
        }
    }
}

/// A failure as people read it; boxed, because nearly every function here may end in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliError(Box<Parts>);

/// What a failure says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// What failed.
    pub what: String,
    /// Why: evidence, one line each.
    pub why: Vec<String>,
    /// What is true now.
    pub now: Option<String>,
    /// The next command or step.
    pub next: Option<String>,
    /// Stable word for the kind of failure.
    pub code: Option<String>,
    /// How the command ends.
    pub exit: Exit,
    /// Nothing is said of it: nobody is there to read, or the one who is did it.
    pub silent: bool,
}

impl CliError {
    pub fn new(what: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            what: what.into(),
            why: Vec::new(),
            now: None,
            next: None,
            code: None,
            exit: Exit::Failed,
            silent: false,
        }))
    }

    /// Something about the command line itself.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(what).exit(Exit::Usage)
    }

    pub fn signed_out(what: impl Into<String>) -> Self {
        Self::new(what)
            .exit(Exit::SignedOut)
            .next("segue login --server URL")
    }

    #[must_use]
    pub fn why(mut self, why: impl fmt::Display) -> Self {
        self.why.push(why.to_string());
        self
    }

    #[must_use]
    pub fn now(mut self, now: impl Into<String>) -> Self {
        self.now = Some(now.into());
        self
    }

    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl Deref for CliError {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for CliError {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

/// An error and its causes, as separate lines.
pub(crate) fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        let line = cause.to_string();
        if lines.last() != Some(&line) {
            lines.push(line);
        }
        source = cause.source();
    }
    lines
}

/// What could not be written. A reader that went away (`segue logs | head`) has seen what it wanted: that is somebody
/// who stopped watching, and no failure worth words.
pub(crate) fn unwritten(error: &std::io::Error) -> CliError {
    let mut failure = CliError::new("the output cannot be written")
        .why(error)
        .now("what was written is not all")
        .next("look at the place that stdout goes to: is it full?");
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        failure.silent = true;
        failure.exit = Exit::Interrupted;
    }
    failure
}

pub(crate) type Result<T> = std::result::Result<T, CliError>;
