//! Forgotten passwords: an admin makes a link, its holder sets a new password. No mail is needed; where the server sends
//! mail, the link goes that way too, and people have one sent to themselves.
//!
//! Invariants: the link is shown once, good once and for an hour, and rests on its maker's authority over the person
//! when it is made and when it is used; of one that is not good nobody learns why, and nothing is hashed for it. Who asks
//! for a letter learns nothing of who has an account: the answer and its time are the same for every address.

use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use segue_model::Timestamp;
use segue_model::id::UserId;
use segue_store::seal::SecretBytes;
use segue_store::{
    AskedReset, Letter, NewReset, ResetGiver, Role, Store, StoreError, TeamContext, TeamScope,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::teams::email;
use crate::auth::place::{InTeam, Members};
use crate::auth::principal::{Principal, stored_role};
use crate::auth::reach::operated;
use crate::auth::session::Client;
use crate::auth::{guess, password, token};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::{Errors, TeamPath};
use crate::wire::query::ApiPath;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(reset_link_create))
        .routes(routes!(reset_use))
        .routes(routes!(reset_request))
}

/// A link is good for this long.
pub(crate) const LINK_LIFE: Duration = Duration::from_secs(3600);

/// A link by which a person sets a new password.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ResetLink {
    /// What the person opens: only in this answer, never again.
    pub link: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Whether the server sends it to the person's address too.
    pub mailed: bool,
}

/// A new password for whoever holds the link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetUse {
    /// What stands behind the `#` of the link.
    #[schema(format = Password)]
    pub token: String,
    /// The new password: at least 10 characters.
    #[schema(min_length = 10, max_length = 256, format = Password)]
    pub password: String,
}

/// Who forgot a password.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    /// The address that they sign in with.
    #[schema(
        max_length = 254,
        pattern = "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+$"
    )]
    pub email: String,
}

/// A request for a letter is answered at whole multiples of this, so that its time says nothing: what is done for an
/// account takes some milliseconds more than nothing.
const ANSWER_STEP: Duration = Duration::from_millis(500);

/// Whoever may let people of a team set new passwords: its admins, and the people who run the installation, who need
/// not be in it. These must be signed in: a token of theirs is one of its team.
struct Giving {
    principal: Principal,
    scope: TeamScope,
    giver: ResetGiver,
}

impl FromRequestParts<ApiState> for Giving {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        if principal.session().is_some()
            && let Some(scope) = operated(&principal, parts, state).await?
        {
            return Ok(Self {
                principal,
                scope,
                giver: ResetGiver::Installation,
            });
        }
        let at = InTeam::<Members>::from_request_parts(parts, state).await?;
        let token = at.principal.token();
        let giver = ResetGiver::Person {
            user: at.principal.user,
            at_most: token.map_or(Role::Owner, |token| stored_role(token.role)),
            only_team: token.map(|token| token.team),
        };
        Ok(Self {
            giver,
            principal: at.principal,
            scope: at.scope,
        })
    }
}

fn made() -> (SecretString, [u8; 32], Timestamp) {
    let (secret, hash) = token::generate_as(token::RESET);
    let now = Timestamp::now();
    (secret, hash, now.checked_add(LINK_LIFE).unwrap_or(now))
}

fn link(public_url: &str, secret: &SecretString) -> String {
    let public = public_url.trim_end_matches('/');
    format!("{public}/reset#{}", token::reveal(secret))
}

/// `why`: a sentence up to the server's name. `else_`: what to do with a letter that was not expected.
fn letter(
    state: &ApiState,
    to: &str,
    (link, until): (&str, Timestamp),
    (why, else_): (&str, &str),
) -> Letter {
    let server = state.config().public_url.trim_end_matches('/');
    let text = format!(
        "{why} for {server}:\n\n{link}\n\n\
         It is good once, until {until:.0}. Then you are signed out everywhere and sign in anew.\n\
         {else_}\n",
    );
    Letter {
        address: to.to_owned(),
        subject: "A new password for Segue".to_owned(),
        text: SecretBytes::from(text),
    }
}

/// Makes a one-time link by which a person of the team sets a new password. It is shown once, is good for an hour, and
/// replaces an older one; the team is told.
///
/// For admins of every team that the person is in, with at least the person's role there; for everybody else the people
/// who run the installation do it. A session must have been confirmed (`POST /v1/auth/confirm`).
#[utoipa::path(post, path = "/v1/teams/{team}/members/{user}/reset-link", tag = "teams",
    params(TeamPath, ("user" = String, Path, description = "Id of the person")),
    responses((status = 201, description = "The link.", body = ResetLink), Errors))]
async fn reset_link_create(
    at: Giving,
    State(state): State<ApiState>,
    ApiPath((_, user)): ApiPath<(String, String)>,
) -> Result<Response, Problem> {
    let user: UserId = user.parse().map_err(|_| Problem::not_found())?;
    let member = at.scope.member_get(user).await?;
    if user == at.principal.user {
        return Err(Problem::new(
            ProblemCode::Conflict,
            "nobody makes a link for themselves: whoever can, is signed in",
        )
        .hint("change your own password with the present one: POST /v1/me/password"));
    }
    at.principal.require_confirmed()?;
    let (secret, token_hash, expires_at) = made();
    let link = link(&state.config().public_url, &secret);
    let mailed = state.config().mail;
    let why = format!(
        "{} made a link by which you set a new password",
        at.principal.name
    );
    let said = (
        why.as_str(),
        "If you do not expect this, do not open it, and tell the people of your team.",
    );
    let new = NewReset {
        person: user,
        token_hash,
        expires_at,
        giver: at.giver,
        letter: mailed.then(|| letter(&state, &member.email, (&link, expires_at), said)),
    };
    at.scope.reset_create(&new).await?;
    let shown = ResetLink {
        link,
        expires_at,
        mailed,
    };
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, ApiJson(shown)).into_response())
}

/// `mail`: this server sends mail.
fn refused(mail: bool) -> Problem {
    let another = if mail {
        "have another one sent to you: POST /v1/auth/reset-request"
    } else {
        "ask an admin of your team for a new one; on the server: segue admin reset-password EMAIL"
    };
    Problem::new(
        ProblemCode::ResetRefused,
        "this link is not good: it was used, is older than an hour, was replaced by a newer one, or is not complete",
    )
    .hint(another)
}

/// Mails a one-time link for a new password to this address, if somebody with a password signs in with it. The answer is
/// the same whether that is so or not, and so is its time.
///
/// A person gets one letter in ten minutes at most. A server that sends no mail says so.
#[utoipa::path(post, path = "/v1/auth/reset-request", tag = "auth", security(()), request_body = ResetRequest,
    responses((status = 204, description = "If there is such a person, the letter is on its way."), Errors))]
async fn reset_request(
    State(state): State<ApiState>,
    client: Client,
    ApiJson(body): ApiJson<ResetRequest>,
) -> Result<StatusCode, Problem> {
    let address = email(&body.email, "/email")?;
    // Counts for whatever address is named, with or without an account.
    let _counted = guess::note(&state, "reset", client.address, &address).await?;
    if !state.config().mail {
        return Err(Problem::new(
            ProblemCode::Conflict,
            "this server sends no mail, so that no link can be sent",
        )
        .hint(
            "ask an admin of your team for a link; on the server: segue admin reset-password EMAIL",
        ));
    }
    let (secret, token_hash, expires_at) = made();
    let link = link(&state.config().public_url, &secret);
    let said = (
        "Somebody, you we hope, asked for a link by which you set a new password",
        "If it was not you, do nothing: your password stays as it is.",
    );
    let new = AskedReset {
        token_hash,
        expires_at,
        letter: letter(&state, &address, (&link, expires_at), said),
    };
    let sign_in = state.store().sign_in(client.request_id, client.address);
    stepped(ANSWER_STEP, sign_in.reset_ask(&new)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Does something, and ends at the next whole multiple of `step` since it began.
async fn stepped<T>(step: Duration, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    let mut end = begun + step;
    while end <= Instant::now() {
        end += step;
    }
    sleep_until(end).await;
    done
}

/// Sets a new password with a link. Every session of the person ends, and so do the tokens of their devices; API tokens
/// that were made by hand stay.
#[utoipa::path(post, path = "/v1/auth/reset", tag = "auth", security(()), request_body = ResetUse,
    responses((status = 204, description = "It is set; sign in with it."), Errors))]
async fn reset_use(
    State(state): State<ApiState>,
    client: Client,
    ApiJson(body): ApiJson<ResetUse>,
) -> Result<StatusCode, Problem> {
    let secret = SecretString::from(body.password);
    password::check_form(&secret, "/password")?;
    state.failures().check(client.address)?;
    let no = || {
        state.failures().note(client.address);
        refused(state.config().mail)
    };
    // Text that is no token is looked up all the same: the answer comes after the same work.
    let hash = token::parse_as(token::RESET, body.token.trim());
    let looked_up = hash.unwrap_or([0; 32]);
    let good = state.store().auth().reset_good(&looked_up).await?;
    let hash = hash.filter(|_| good).ok_or_else(no)?;
    let password_hash = password::hash(secret).await?;
    let sign_in = state.store().sign_in(client.request_id, client.address);
    match sign_in.reset_use(&hash, &password_hash).await? {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(no()),
    }
}

/// Makes a link for a person on the server itself, for operators.
///
/// # Errors
/// A conflict with `reset_above_own_role` for somebody who is disabled.
pub async fn reset_link(
    store: &Store,
    context: TeamContext,
    public_url: &str,
    person: UserId,
) -> Result<String, StoreError> {
    let (secret, token_hash, expires_at) = made();
    let new = NewReset {
        person,
        token_hash,
        expires_at,
        giver: ResetGiver::Installation,
        letter: None,
    };
    store.platform(context).reset_create(&new).await?;
    Ok(link(public_url, &secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_takes_the_same_time_whatever_is_done_for_it() {
        let step = Duration::from_millis(500);
        for (work, wanted) in [(0, 500), (3, 500), (499, 500), (501, 1000), (1200, 1500)] {
            let begun = Instant::now();
            stepped(step, tokio::time::sleep(Duration::from_millis(work))).await;
            assert_eq!(begun.elapsed(), Duration::from_millis(wanted), "{work} ms");
        }
    }
}
