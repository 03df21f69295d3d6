//! The own sessions and the own password.

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use segue_model::Timestamp;
use segue_model::id::SessionId;
use segue_store::{Keep, SessionView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::confirm::prove;
use crate::auth::password;
use crate::auth::principal::{Credential, Principal};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::params::Errors;
use crate::wire::query::{ApiPath, ApiQuery};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(session_list))
        .routes(routes!(session_delete))
        .routes(routes!(password_set))
}

/// A sign-in of the person at one place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its id.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last renewed: within ten minutes of its last use.
    #[schema(value_type = String, format = DateTime)]
    pub used_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// What the browser called itself.
    pub client: String,
    /// Whether this request was made with it.
    pub current: bool,
}

page! {
    /// A page of sessions, the newest first.
    SessionPage of Session
}

/// A change of the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordSet {
    /// The present password.
    #[schema(max_length = 256, format = Password)]
    pub current: String,
    /// The new one: at least 10 characters.
    #[schema(min_length = 10, max_length = 256, format = Password)]
    pub new: String,
}

fn view(session: &SessionView, current: Option<SessionId>) -> Session {
    Session {
        id: session.id,
        created_at: session.created_at,
        used_at: session.used_at,
        expires_at: session.expires_at,
        address: session.address.map(|address| address.to_string()),
        client: session.client.clone(),
        current: current == Some(session.id),
    }
}

/// Lists the own sessions.
#[utoipa::path(get, path = "/v1/me/sessions", tag = "me", params(PageQuery),
    responses((status = 200, description = "Sessions.", body = SessionPage), Errors))]
async fn session_list(
    principal: Principal,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<SessionPage>, Problem> {
    principal.require_account()?;
    let account = state
        .store()
        .account(principal.user, principal.platform_context());
    let (sessions, next_cursor) = query
        .read(|page| account.session_list(page), |session| session.id)
        .await?;
    let items = sessions
        .iter()
        .map(|session| view(session, principal.session()))
        .collect();
    Ok(ApiJson(SessionPage { items, next_cursor }))
}

/// Ends an own session: what was signed in with it is signed out at once.
#[utoipa::path(delete, path = "/v1/me/sessions/{session}", tag = "me",
    params(("session" = String, Path, description = "Id of the session")),
    responses((status = 204, description = "It has ended."), Errors))]
async fn session_delete(
    principal: Principal,
    State(state): State<ApiState>,
    ApiPath(session): ApiPath<String>,
) -> Result<StatusCode, Problem> {
    principal.require_account()?;
    let session = session.parse().map_err(|_| Problem::not_found())?;
    let account = state
        .store()
        .account(principal.user, principal.platform_context());
    account.session_end(session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the own password. Every other session ends, and so do the tokens of devices and links for a new password; API
/// tokens that were made by hand stay, and what it is changed with.
#[utoipa::path(post, path = "/v1/me/password", tag = "me", request_body = PasswordSet,
    responses((status = 204, description = "It is changed."), Errors))]
async fn password_set(
    principal: Principal,
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<PasswordSet>,
) -> Result<StatusCode, Problem> {
    principal.require_account()?;
    let (current, new) = (
        SecretString::from(body.current),
        SecretString::from(body.new),
    );
    password::check_length(&current, "/current")?;
    password::check_form(&new, "/new")?;
    let account = prove(&state, &principal, current, "/current").await?;
    let hash = password::hash(new).await?;
    let keep = match &principal.credential {
        Credential::Session(session) => Keep::Session(*session),
        Credential::Token(token) => Keep::Token(token.id),
    };
    account.password_set(&hash, keep).await?;
    Ok(StatusCode::NO_CONTENT)
}
