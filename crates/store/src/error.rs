//! What can go wrong in the store, named by what the caller can do about it.
//!
//! Errors of the database are classified by SQLSTATE and constraint name, never by message text.

use crate::seal::SealError;

/// SQLSTATE of our own triggers: a row that never changes, a rank that may not fall.
const IMMUTABLE: &str = "SG001";
const RANK: &str = "SG002";

/// What of a team's quota is not enough. All figures of one kind: apps, thousandths of a core, or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{resource}: {used} used, {asked} asked, {allowed} allowed")]
pub struct QuotaExceeded {
    /// `apps`, `cpu` or `memory`.
    pub resource: &'static str,
    /// In use before.
    pub used: u64,
    /// In use after, if it were allowed.
    pub asked: u64,
    /// Allowed at most.
    pub allowed: u64,
}

/// Why a deployment is refused now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Held {
    /// A lock or a freeze window.
    pub what: &'static str,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when; `None`: until somebody takes it away.
    pub until: Option<jiff::Timestamp>,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            what, by, reason, ..
        } = self;
        write!(f, "deployments are stopped by a {what} of {by}: {reason}")?;
        match self.until {
            Some(until) => write!(f, " (until {until:.0})"),
            None => write!(f, " (until somebody takes it away)"),
        }
    }
}

/// A failure of a store operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It does not exist, or not in this team, which looks the same.
    #[error("not found")]
    NotFound,
    /// It collides with something that exists; the constraint says with what (`apps_name_taken`).
    #[error("conflicts with `{constraint}`")]
    Conflict {
        /// Name of the constraint.
        constraint: String,
    },
    /// A value is outside of what the database allows; a checking constructor was passed by.
    #[error("refused by `{constraint}`")]
    Invalid {
        /// Name of the constraint.
        constraint: String,
    },
    /// The generation that the caller named is not the current one.
    #[error("changed meanwhile: the generation is {current}")]
    PreconditionFailed {
        /// The current generation.
        current: i64,
    },
    /// The idempotency key was used with another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// The same request is still being worked on.
    #[error("a request with this idempotency key is still running")]
    IdempotencyBusy,
    /// The lease is not ours any more. Nothing was written.
    #[error("the lease on {shard} is lost")]
    LeaseLost {
        /// The shard.
        shard: String,
    },
    /// The world moved since it was read. Nothing was written; load it and plan again.
    #[error("the world moved: {what}")]
    Superseded {
        /// What moved.
        what: String,
    },
    /// Every address or subnet is taken or rests.
    #[error("no {what} is free")]
    Exhausted {
        /// What ran out.
        what: &'static str,
    },
    /// The team would have more than its quota.
    #[error("the quota of the team is used up")]
    Quota(#[from] QuotaExceeded),
    /// Deployments are stopped there for now.
    #[error("{0}")]
    Held(#[source] Box<Held>),
    /// A secret could not be sealed or opened.
    #[error("sealing failed")]
    Seal(#[from] SealError),
    /// The database cannot be used right now. Try again later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The schema is not the one of this program.
    #[error("the database is not migrated to version {wanted}; run `segue migrate`")]
    NotMigrated {
        /// The newest migration that this program knows.
        wanted: i64,
    },
    /// The migrations failed.
    #[error("the migration failed")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds what this program cannot read.
    #[error("a row holds an unreadable {what}")]
    Corrupt {
        /// Which column or type.
        what: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Anything else: a mistake in this program.
    #[error("unexpected database error")]
    Internal(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same call may succeed later without any change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::IdempotencyBusy | Self::Superseded { .. }
        )
    }

    /// Whether it is this constraint's conflict.
    #[must_use]
    pub fn is_conflict_with(&self, name: &str) -> bool {
        matches!(self, Self::Conflict { constraint } if constraint == name)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(database) => {
                let constraint = || database.constraint().unwrap_or("unnamed").to_owned();
                match database.code().as_deref() {
                    Some("23505" | "23P01" | IMMUTABLE | RANK) => Self::Conflict {
                        constraint: constraint(),
                    },
                    // The row that was pointed at does not exist in this team.
                    Some("23503") => Self::NotFound,
                    Some("23514" | "23502" | "22001" | "22003") => Self::Invalid {
                        constraint: constraint(),
                    },
                    // Serialization, deadlock, lock or statement timeout, too many connections, shutdown.
                    Some(code)
                        if matches!(
                            code,
                            "40001" | "40P01" | "55P03" | "57014" | "25P03" | "25P02"
                        ) || code.starts_with("08")
                            || code.starts_with("53")
                            || code.starts_with("57P") =>
                    {
                        Self::Unavailable(error)
                    }
                    _ => Self::Internal(error),
                }
            }
            _ => Self::Internal(error),
        }
    }
}

/// Marks a value that this program cannot read.
#[cfg(feature = "queries")]
pub(crate) fn corrupt<E>(what: &'static str) -> impl FnOnce(E) -> StoreError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |source| StoreError::Corrupt {
        what,
        source: source.into(),
    }
}
