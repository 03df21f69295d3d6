//! What can go wrong with the private Postgres, in sentences that an operator can act on.

use std::io;
use std::path::PathBuf;

/// A failure to start, adopt or stop the private Postgres.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No PostgreSQL binaries of a supported version were found.
    #[error(
        "no PostgreSQL 15 or later was found (looked in {looked}); install Debian's package `postgresql` or name the folder of the binaries"
    )]
    BinariesMissing {
        /// The folders that were looked at, comma separated.
        looked: String,
    },
    /// The data folder belongs to another major version.
    #[error(
        "the data folder {folder} was made by PostgreSQL {found}, the binaries are PostgreSQL {wanted}; Segue never upgrades data by itself: install PostgreSQL {found} again, or move the data with `pg_dump` or `pg_upgrade`"
    )]
    OtherMajorVersion {
        /// The data folder.
        folder: PathBuf,
        /// Major version of the data.
        found: String,
        /// Major version of the binaries.
        wanted: String,
    },
    /// Another process supervises this folder.
    #[error("another process already supervises the Postgres in {folder}")]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// A live server of a foreign configuration sits on the folder.
    #[error(
        "a Postgres with process id {pid} runs on {folder} and listens on TCP ({address}); it is not ours, stop it first"
    )]
    Foreign {
        /// The data folder.
        folder: PathBuf,
        /// Process id of the server.
        pid: u32,
        /// Its TCP address.
        address: String,
    },
    /// Running as root without an account to drop to.
    #[error(
        "Postgres must not run as root and the account `{account}` does not exist; create it or name another one"
    )]
    AccountMissing {
        /// The account that was looked for.
        account: String,
    },
    /// The account cannot reach the folder.
    #[error(
        "the account `{account}` cannot enter {blocked}, so Postgres cannot reach its data; choose another folder or run `chmod o+x {blocked}`"
    )]
    FolderUnreachable {
        /// The account that Postgres runs as.
        account: String,
        /// The first folder on the way that it may not enter.
        blocked: PathBuf,
    },
    /// The socket's path is longer than the system allows.
    #[error(
        "the socket path {path} has {length} bytes, at most 107 are possible; choose a shorter socket folder"
    )]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// A process ended before it was ready.
    #[error("{program} ended early ({status}): {output}")]
    EndedEarly {
        /// Which program.
        program: &'static str,
        /// Its exit status.
        status: String,
        /// The last lines it wrote.
        output: String,
    },
    /// A deadline passed.
    #[error("{what} took longer than {seconds} s")]
    Deadline {
        /// What was waited for.
        what: &'static str,
        /// The limit in seconds.
        seconds: u64,
    },
    /// The operating system refused something.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The new server could not be prepared.
    #[error("the database `{database}` could not be made")]
    Prepare {
        /// The database's name.
        database: String,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
}

/// Adds what was tried to an operating system error.
pub(super) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> EmbeddedError {
    let what = what.into();
    move |source| EmbeddedError::Io { what, source }
}
