//! From store errors to problems: the one place.

use segue_store::StoreError;

use crate::problem::{Problem, ProblemCode};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound => Self::not_found(),
            StoreError::Conflict { constraint } => conflict(constraint),
            StoreError::PreconditionFailed { .. } => crate::wire::headers::stale(),
            StoreError::IdempotencyMismatch => Self::new(
                ProblemCode::IdempotencyMismatch,
                "this Idempotency-Key came with another request before",
            )
            .hint("use a new key for a new request"),
            StoreError::IdempotencyBusy => Self::new(
                ProblemCode::InFlight,
                "a request with this Idempotency-Key is still being done",
            )
            .hint("send the same request again in a moment")
            .retry_after(1),
            StoreError::Unavailable(cause) => {
                tracing::warn!(error = %cause, "the database cannot be used");
                Self::unavailable()
            }
            StoreError::Quota(exceeded) => crate::resources::quota_problem(exceeded),
            StoreError::Held(held) => crate::resources::held_problem(held),
            StoreError::Superseded { .. } => Self::new(
                ProblemCode::Conflict,
                "something else changed it at the same moment; nothing was done",
            )
            .hint("send the same request again"),
            StoreError::Invalid { .. }
            | StoreError::LeaseLost { .. }
            | StoreError::Exhausted { .. }
            | StoreError::Seal(_)
            | StoreError::NotMigrated { .. }
            | StoreError::Migrate(_)
            | StoreError::Corrupt { .. }
            | StoreError::Internal(_) => Self::internal(&error),
            _ => Self::internal(&error),
        }
    }
}

/// What collides, in words. A constraint that people cannot run into is a fault of ours.
fn conflict(constraint: &str) -> Problem {
    let taken = |what: &str, pointer: &str| {
        Problem::new(ProblemCode::NameTaken, format!("{what} is taken"))
            .at(pointer, "is taken")
            .hint("choose another one")
    };
    match constraint {
        "credentials_host_taken" => taken("this host", "/host"),
        "deploy_locks_held" => Problem::new(
            ProblemCode::Conflict,
            "deployments are stopped there already",
        )
        .hint("take the lock away first: segue api DELETE …/lock"),
        "apps_name_taken" => taken("this app name", "/name"),
        "environments_name_taken" => taken("this environment name", "/name"),
        "teams_name_taken" => taken("this team name", "/name"),
        "domains_name_taken" => taken("this host name", "/domains"),
        "users_email_taken" => taken("this e-mail address", "/email"),
        "memberships_given_twice" => Problem::new(
            ProblemCode::Conflict,
            "this person has a role there already",
        )
        .hint("change it: segue teams members role EMAIL ROLE"),
        "above_own_role" => Problem::new(
            ProblemCode::Forbidden,
            "nobody gives or takes a role above the own one",
        )
        .hint("ask an owner of the team"),
        "reset_above_own_role" => Problem::new(
            ProblemCode::Forbidden,
            "this person has a role that yours does not reach, here or in another team, or cannot sign in at all",
        )
        .hint("ask an owner of the team, or the people who run this installation: segue admin reset-password EMAIL"),
        "last_owner" => Problem::new(
            ProblemCode::LastOwner,
            "this is the last owner of the team, and a team needs one",
        )
        .hint("make somebody else an owner first"),
        "too_many_invitations" => Problem::new(
            ProblemCode::Conflict,
            "the team has as many open invitations as it may have",
        )
        .hint("take some back, or wait until they are accepted"),
        "team_has_apps" => Problem::new(
            ProblemCode::Conflict,
            "the team still has apps; nothing was removed",
        )
        .hint("remove them first: segue apps destroy NAME"),
        _ => Problem::new(ProblemCode::Conflict, "it does not fit what exists already"),
    }
}
