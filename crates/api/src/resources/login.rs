//! Signing in with a password, staying signed in, signing out.
//!
//! Invariants: a wrong password and an unknown address are answered by the same bytes after the same work; nothing is
//! hashed for whoever guesses too often; nothing of this is kept for idempotency.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::response::{AppendHeaders, IntoResponse, Response};
use secrecy::SecretString;
use segue_model::Timestamp;
use segue_store::Refresh;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::teams::email;
use crate::auth::cookie::{self, CsrfHeader, RefreshCookie};
use crate::auth::session::{self, Client, REFRESH_LIFE, SignedIn};
use crate::auth::{guess, password, token};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::Errors;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(session_create))
        .routes(routes!(session_refresh))
        .routes(routes!(session_logout))
}

/// An address and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The person's e-mail address.
    #[schema(
        max_length = 254,
        pattern = "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+$"
    )]
    pub email: String,
    /// Their password.
    #[schema(max_length = 256, format = Password)]
    pub password: String,
}

/// `mail`: this server sends mail.
fn refused(mail: bool) -> Problem {
    let link = if mail {
        "try again, or have a link for a new password sent to you: POST /v1/auth/reset-request"
    } else {
        "try again, or ask an admin of your team for a link to set a new password"
    };
    Problem::new(
        ProblemCode::SignInRefused,
        "the address or the password is wrong",
    )
    .hint(link)
}

fn ended() -> Problem {
    Problem::new(
        ProblemCode::SessionEnded,
        "you are not signed in, or not any more",
    )
    .hint("sign in again")
}

/// Signs in with a password. The answer sets the refresh cookie.
#[utoipa::path(post, path = "/v1/auth/login", tag = "auth", security(()), request_body = Login,
    responses((status = 200, description = "Signed in.", body = SignedIn), Errors))]
async fn session_create(
    State(state): State<ApiState>,
    client: Client,
    ApiJson(body): ApiJson<Login>,
) -> Result<Response, Problem> {
    let address = email(&body.email, "/email")?;
    let secret = SecretString::from(body.password);
    password::check_length(&secret, "/password")?;
    let guess = guess::note(&state, "password", client.address, &address).await?;
    let known = state.store().auth().user_by_email(&address).await?;
    let (user, hash) = known.map_or((None, None), |(user, hash)| (Some(user), hash));
    let right = password::verify(secret, hash).await?;
    let Some(user) = user.filter(|_| right) else {
        guess.wrong(&state, client.address);
        return Err(refused(state.config().mail));
    };
    guess.right(&state).await?;
    let (signed_in, cookie) = session::start(&state, &user, &client).await?;
    Ok(session::answer(signed_in, cookie))
}

/// Exchanges the refresh cookie for a new one and an access token. Each is good once.
///
/// A second use within ten seconds, by another tab, is answered `refresh_superseded` and changes nothing: send the
/// request again with the cookie that the other one got. A later one ends the session: somebody has a copy.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "auth", security(()), params(CsrfHeader),
    responses((status = 200, description = "Signed in.", body = SignedIn), Errors))]
async fn session_refresh(
    State(state): State<ApiState>,
    client: Client,
    RefreshCookie(old): RefreshCookie,
) -> Result<Response, Problem> {
    let old = old.ok_or_else(ended)?;
    let (secret, new) = token::generate_as(token::REFRESH);
    let now = Timestamp::now();
    let until = now.checked_add(REFRESH_LIFE).unwrap_or(now);
    let sign_in = state
        .store()
        .sign_in(client.request_id.clone(), client.address);
    match sign_in.refresh(&old, &new, until).await? {
        Refresh::Rotated { user, session } => {
            let found = state.store().auth().session(session, user).await?;
            let user = found.ok_or_else(ended)?.person;
            let signed_in = session::signed_in(&state, &user, session).await?;
            let cookie = cookie::set(&state, &token::reveal(&secret))?;
            Ok(session::answer(signed_in, cookie))
        }
        Refresh::Superseded => Err(Problem::new(
            ProblemCode::RefreshSuperseded,
            "another tab renewed this session a moment ago",
        )
        .hint("send the request again with the cookie that it got")
        .retry_after(1)),
        Refresh::Reused { user } => {
            tracing::warn!(user.id = %user, "a refresh token came twice; its session was ended");
            Err(ended())
        }
        Refresh::Refused => Err(ended()),
    }
}

/// Signs out: ends the session of the refresh cookie and takes the cookie away.
#[utoipa::path(post, path = "/v1/auth/logout", tag = "auth", security(()), params(CsrfHeader),
    responses((status = 204, description = "Signed out."), Errors))]
async fn session_logout(
    State(state): State<ApiState>,
    client: Client,
    RefreshCookie(token): RefreshCookie,
) -> Result<Response, Problem> {
    if let Some(token) = token {
        let sign_in = state.store().sign_in(client.request_id, client.address);
        sign_in.refresh_end(&token).await?;
    }
    let headers = AppendHeaders([
        (SET_COOKIE, cookie::clear(&state)?),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]);
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}
