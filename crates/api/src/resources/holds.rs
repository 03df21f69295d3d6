//! What locks and freeze windows have in common: where nothing is deployed and why, and who may go on in spite of it.
//!
//! Invariant: both are declared, described and checked here, so that they cannot come to differ. Must not: decide what
//! they stop; that is the store's, inside of the transaction that makes a deployment.

use segue_model::Timestamp;
use segue_model::access::Action;
use segue_model::id::EnvironmentId;
use segue_model::name::EnvironmentName;
use segue_store::{App, Held, StoreError, TeamScope};

use crate::auth::place::{Deploy, InEnv};
use crate::problem::{Problem, ProblemCode};

/// Reasons have at most this many characters.
const REASON: usize = 500;

/// Declares the body of something new that stops deployments: `reason` and `environment`, and what is its own.
macro_rules! hold {
    ($(#[doc = $doc:literal])* $name:ident { $($own:tt)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Why: it is told to everybody who tries to deploy.
            #[schema(
                min_length = 1,
                max_length = 500,
                pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
            )]
            pub reason: String,
            /// Name of the environment; without it all of the app.
            #[serde(
                default,
                skip_serializing_if = "Option::is_none",
                deserialize_with = "crate::wire::json::present"
            )]
            #[schema(
                nullable = false,
                max_length = 40,
                pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
            )]
            pub environment: Option<String>,
            $($own)*
        }
    };
}
pub(super) use hold;

/// Where deployments are stopped, and why.
pub(super) async fn place_and_reason(
    scope: &TeamScope,
    app: &App,
    name: Option<&str>,
    reason: String,
) -> Result<(Option<EnvironmentId>, String), Problem> {
    let environment = environment_named(scope, app, name, "/environment").await?;
    let fine = !reason.trim().is_empty()
        && reason.chars().count() <= REASON
        && !reason.chars().any(char::is_control);
    if !fine {
        return Err(Problem::invalid(
            "/reason",
            "one line of 1 to 500 characters",
        ));
    }
    Ok((environment, reason))
}

/// The answer to a deployment that is held: by what, and who goes on in spite of it and how.
pub(crate) fn held_problem(held: &Held) -> Problem {
    let end = if held.what == "lock" {
        "whoever may deploy there takes the lock away with DELETE /v1/teams/{team}/apps/{app}/lock (segue unlock)"
    } else {
        "an admin or owner takes the window away with DELETE /v1/teams/{team}/apps/{app}/freezes/{freeze} (segue freezes remove)"
    };
    Problem::new(ProblemCode::DeploysHeld, held.to_string()).hint(format!(
        "an admin or owner of the team or app deploys in spite of it with `\"override\": true` (segue up --override), and the audit log says so; {end}; a rollback is not held (segue rollback)"
    ))
}

/// Refuses an end that has passed.
pub(super) fn yet_to_come(pointer: &str, end: Timestamp, hint: &str) -> Result<(), Problem> {
    if end > Timestamp::now() {
        return Ok(());
    }
    let detail = format!("{end:.0} has passed: until then, nothing would be stopped");
    Err(Problem::invalid(pointer, detail).hint(hint))
}

/// An environment of the app that a body names. Nobody is told more of another app's than of what is not there.
pub(super) async fn environment_named(
    scope: &TeamScope,
    app: &App,
    name: Option<&str>,
    pointer: &str,
) -> Result<Option<EnvironmentId>, Problem> {
    let Some(name) = name else {
        return Ok(None);
    };
    let name = EnvironmentName::new(name).map_err(|error| Problem::invalid(pointer, error))?;
    match scope.environment_by_name(app.id, &name).await {
        Ok(env) if !env.deleted => Ok(Some(env.id)),
        Ok(_) | Err(StoreError::NotFound) => {
            let detail = format!("{} has no environment {name}", app.name);
            Err(Problem::invalid(pointer, detail)
                .hint("GET /v1/teams/{team}/apps/{app}/envs lists those it has: segue envs list"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The scope of somebody who deploys in spite of locks and freeze windows: admins only.
pub(super) fn overriding(at: &InEnv<Deploy>) -> Result<TeamScope, Problem> {
    let team = at.scope.team();
    let role = at.principal.role_at(team, Some(at.app.id), Some(at.env.id));
    at.principal.require(role, Action::Delete)?;
    Ok(at.scope.overriding())
}
