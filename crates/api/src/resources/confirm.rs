//! The password again, in the middle of a session: for what a person who found an open browser must not do.
//!
//! What needs it is short: revealing a secret, removing an app or a team, making a token that reveals secrets, making a
//! link for somebody's new password ([`Principal::require_confirmed`] is asked there). API tokens are never asked: they
//! may do what they were made for.

use std::time::Duration;

use axum::extract::State;
use secrecy::SecretString;
use segue_model::Timestamp;
use segue_store::AccountScope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::principal::Principal;
use crate::auth::{guess, password};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::Errors;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(session_confirm))
}

/// A confirmation counts for this long.
pub(crate) const CONFIRMED_FOR: Duration = Duration::from_secs(600);

/// The own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The present password.
    #[schema(max_length = 256, format = Password)]
    pub password: String,
}

/// A session that was confirmed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Confirmed {
    /// It counts until then, in this session only.
    #[schema(value_type = String, format = DateTime)]
    pub confirmed_until: Timestamp,
}

/// Confirms the session of the request with the password, for ten minutes. Some operations answer
/// `confirmation_required` without.
#[utoipa::path(post, path = "/v1/auth/confirm", tag = "auth", request_body = Confirm,
    responses((status = 200, description = "It is confirmed.", body = Confirmed), Errors))]
async fn session_confirm(
    principal: Principal,
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<Confirm>,
) -> Result<ApiJson<Confirmed>, Problem> {
    let secret = SecretString::from(body.password);
    password::check_length(&secret, "/password")?;
    let Some(session) = principal.session() else {
        return Err(Problem::new(
            ProblemCode::Conflict,
            "only a session is confirmed; an API token may do what its scopes say",
        )
        .hint("make a token with the scope that is needed"));
    };
    let account = prove(&state, &principal, secret, "/password").await?;
    let now = Timestamp::now();
    let confirmed_until = now.checked_add(CONFIRMED_FOR).unwrap_or(now);
    account.session_confirm(session, confirmed_until).await?;
    Ok(ApiJson(Confirmed { confirmed_until }))
}

/// The own account of somebody who knows its password. Wrong ones are counted with those of signing in.
pub(super) async fn prove(
    state: &ApiState,
    principal: &Principal,
    secret: SecretString,
    pointer: &str,
) -> Result<AccountScope, Problem> {
    let account = state
        .store()
        .account(principal.user, principal.platform_context());
    let guess = guess::note(state, "password", principal.address, &principal.email).await?;
    let hash = account.password_hash().await?;
    if !password::verify(secret, hash).await? {
        guess.wrong(state, principal.address);
        return Err(
            Problem::new(ProblemCode::Invalid, "the present password is another one")
                .at(pointer, "is another one"),
        );
    }
    guess.right(state).await?;
    Ok(account)
}
