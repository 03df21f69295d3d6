//! Invitations: made and taken back by admins, shown to and accepted by whoever holds the link.
//!
//! The link carries its token behind a `#`, so that no server, log or referrer ever sees it; it is shown once. An
//! invitation that is over tells its holder that it is over, and nothing else of it.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use segue_model::Timestamp;
use segue_model::id::{InvitationId, TeamId, UserId};
use segue_store::{
    Actor, Done, Guest, InvitationLink, InvitationState, InvitationView as Kept, NewInvitation,
    StoreError, TeamContext, fresh_id,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::members::{giver, place, role_word};
use super::teams::{email, person_name};
use super::tokens::in_days;
use crate::auth::place::{InTeam, Members};
use crate::auth::principal::{Principal, peer, stored_role};
use crate::auth::{password, token};
use crate::problem::{Problem, ProblemCode};
use crate::request_id::RequestId;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{Errors, IdempotencyHeader, TeamPath};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, send, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(invitation_list, invitation_create))
        .routes(routes!(invitation_delete))
        .routes(routes!(invitation_show))
        .routes(routes!(invitation_accept))
}

/// Days that an invitation is good for if it does not say.
pub(super) const DEFAULT_DAYS: u32 = 7;

/// Days at most.
pub(super) const MAX_DAYS: u32 = 30;

/// An invitation, without its link.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    #[schema(value_type = String)]
    pub id: InvitationId,
    /// For whom.
    pub email: String,
    /// What they will be: `viewer`, `deployer`, `admin`, `owner`.
    pub role: String,
    /// Only on this app, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub app: Option<String>,
    /// Only on this environment of the app, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub environment: Option<String>,
    /// `open`, `accepted`, `revoked` or `expired`.
    pub state: String,
    /// Name of the person who invites.
    pub created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What the person opens: only in the answer that made the invitation, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub link: Option<String>,
}

page! {
    /// Invitations, newest first.
    InvitationPage of Invitation
}

/// A new invitation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationCreate {
    /// Address of the person; only they can accept.
    #[schema(
        max_length = 254,
        pattern = "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+$"
    )]
    pub email: String,
    /// What they will be: `viewer`, `deployer`, `admin`, `owner`; at most the own role.
    #[schema(pattern = "^(viewer|deployer|admin|owner)$")]
    pub role: String,
    /// Only on this app, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 40)]
    pub app: Option<String>,
    /// Only on this environment of the app, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 40)]
    pub environment: Option<String>,
    /// Days until it ends, 1 to 30; 7 if not given.
    #[serde(default = "default_days")]
    #[schema(minimum = 1, maximum = 30)]
    pub expires_in_days: u32,
}

const fn default_days() -> u32 {
    DEFAULT_DAYS
}

/// The token of a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationToken {
    /// What stands behind the `#` of the link.
    #[schema(format = Password)]
    pub token: String,
}

/// What somebody is invited to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationShown {
    /// Name of the team.
    pub team: String,
    /// For whom.
    pub email: String,
    /// What they will be.
    pub role: String,
    /// Only on this app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub app: Option<String>,
    /// Only on this environment of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub environment: Option<String>,
    /// Name of the person who invites.
    pub invited_by: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Whether there is an account with that address: then its owner signs in to accept, else a name and a password
    /// make one.
    pub account_exists: bool,
}

/// Accepts an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationAccept {
    /// What stands behind the `#` of the link.
    #[schema(format = Password)]
    pub token: String,
    /// Name of a new person; what stands before the @ if not given. Not with a sign-in.
    #[serde(default)]
    #[schema(max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub name: Option<String>,
    /// Password of a new person, at least 10 characters. Not with a sign-in.
    #[serde(default)]
    #[schema(min_length = 10, max_length = 256, format = Password, nullable = false)]
    pub password: Option<String>,
}

/// A person became a member.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationAccepted {
    /// The person.
    #[schema(value_type = String)]
    pub user: UserId,
    /// Their address, to sign in with.
    pub email: String,
    /// The team.
    #[schema(value_type = String)]
    pub team_id: TeamId,
    /// Its name.
    pub team: String,
    /// What the invitation gave.
    pub role: String,
}

impl From<&Kept> for Invitation {
    fn from(kept: &Kept) -> Self {
        Self {
            id: kept.id,
            email: kept.email.clone(),
            role: kept.role.to_string(),
            app: kept.app.as_ref().map(|app| app.1.to_string()),
            environment: kept.environment.as_ref().map(|env| env.1.to_string()),
            state: kept.state.to_string(),
            created_by: kept.created_by.clone(),
            created_at: kept.created_at,
            expires_at: kept.expires_at,
            link: None,
        }
    }
}

/// Lists the team's invitations, whatever became of them.
#[utoipa::path(get, path = "/v1/teams/{team}/invitations", tag = "teams", params(TeamPath, PageQuery),
    responses((status = 200, description = "Invitations.", body = InvitationPage), Errors))]
async fn invitation_list(
    at: InTeam<Members>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<InvitationPage>, Problem> {
    let (kept, next_cursor) = query
        .read(
            |page| at.scope.invitation_list(page),
            |invitation| invitation.id,
        )
        .await?;
    Ok(ApiJson(InvitationPage {
        items: kept.iter().map(Invitation::from).collect(),
        next_cursor,
    }))
}

/// Invites a person. The link is shown once; it replaces an open one for the same person and place.
#[utoipa::path(post, path = "/v1/teams/{team}/invitations", tag = "teams", params(TeamPath, IdempotencyHeader),
    request_body = InvitationCreate,
    responses((status = 201, description = "The invitation, with its link.", body = Invitation), Errors))]
async fn invitation_create(
    at: InTeam<Members>,
    State(state): State<ApiState>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<InvitationCreate>,
) -> Result<Response, Problem> {
    let role = role_word(&body.role)?;
    let email = email(&body.email, "/email")?;
    let place = place(&at.scope, body.app.as_deref(), body.environment.as_deref()).await?;
    if !(1..=MAX_DAYS).contains(&body.expires_in_days) {
        let detail = format!("1 to {MAX_DAYS}");
        return Err(Problem::invalid("/expires_in_days", detail));
    }
    let (secret, hash) = token::generate();
    let new = NewInvitation {
        id: InvitationId::from_uuid(fresh_id()),
        email,
        role: stored_role(role),
        place,
        hash,
        created_by: at.principal.user,
        expires_at: in_days(body.expires_in_days),
    };
    let call = call.body(&bytes);
    let respond = |kept: &Kept| stored(StatusCode::CREATED, &Invitation::from(kept), None);
    let done = at
        .scope
        .invitation_create(giver(&at), &new, call.idempotency(&respond))
        .await?;
    Ok(match done {
        Done::Fresh(kept) => {
            let public = state.config().public_url.trim_end_matches('/');
            let shown = Invitation {
                link: Some(format!("{public}/invite#{}", token::reveal(&secret))),
                ..Invitation::from(&kept)
            };
            let no_store = [(CACHE_CONTROL, "no-store")];
            (StatusCode::CREATED, no_store, ApiJson(shown)).into_response()
        }
        // What is kept has no link in it.
        Done::Replayed(kept) => send(kept),
    })
}

/// Takes an open invitation back: its link is not good any more.
#[utoipa::path(delete, path = "/v1/teams/{team}/invitations/{invitation}", tag = "teams",
    params(TeamPath, ("invitation" = String, Path, description = "Id of the invitation")),
    responses((status = 204, description = "It is taken back."), Errors))]
async fn invitation_delete(
    at: InTeam<Members>,
    ApiPath((_, wanted)): ApiPath<(String, String)>,
) -> Result<StatusCode, Problem> {
    let wanted: InvitationId = wanted.parse().map_err(|_| Problem::not_found())?;
    at.scope.invitation_revoke(wanted).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a request without a sign-in comes from.
struct Visitor {
    address: Option<IpAddr>,
    request_id: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self {
            address: peer(parts),
            request_id: parts.extensions.get::<RequestId>().map(ToString::to_string),
        })
    }
}

/// The person who is signed in, if the request says that somebody is.
struct SignedIn(Option<Principal>);

impl FromRequestParts<ApiState> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(Self(None));
        }
        Principal::from_request_parts(parts, state)
            .await
            .map(|principal| Self(Some(principal)))
    }
}

/// Shows what a link invites to, as long as it can be accepted.
#[utoipa::path(post, path = "/v1/invitations/show", tag = "teams", security(()), request_body = InvitationToken,
    responses((status = 200, description = "What it invites to.", body = InvitationShown), Errors))]
async fn invitation_show(
    State(state): State<ApiState>,
    visitor: Visitor,
    ApiJson(body): ApiJson<InvitationToken>,
) -> Result<Response, Problem> {
    let link = look_up(&state, &visitor, &body.token).await?;
    is_open(&link)?;
    let shown = InvitationShown {
        team: link.team_name.to_string(),
        email: link.email,
        role: link.role.to_string(),
        app: link.app,
        environment: link.environment,
        invited_by: link.invited_by,
        expires_at: link.expires_at,
        account_exists: link.known,
    };
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok((no_store, ApiJson(shown)).into_response())
}

/// Accepts an invitation: with a sign-in as the person of that address, without one as a new person with a name and
/// a password, who signs in with them afterwards.
#[utoipa::path(post, path = "/v1/invitations/accept", tag = "teams", security(()), request_body = InvitationAccept,
    responses((status = 200, description = "The person is a member.", body = InvitationAccepted), Errors))]
async fn invitation_accept(
    State(state): State<ApiState>,
    visitor: Visitor,
    SignedIn(principal): SignedIn,
    ApiJson(body): ApiJson<InvitationAccept>,
) -> Result<ApiJson<InvitationAccepted>, Problem> {
    let link = look_up(&state, &visitor, &body.token).await?;
    let (user, guest) = match principal {
        Some(principal) => {
            principal.require_account()?;
            // The answer was lost: it is given again.
            if link.accepted_by == Some(principal.user) {
                return Ok(accepted(&link, principal.user));
            }
            is_open(&link)?;
            if principal.email != link.email {
                return Err(Problem::new(
                    ProblemCode::InvitationForeign,
                    "this invitation is for another person than the one who is signed in",
                )
                .hint("sign out, and open the link again"));
            }
            (principal.user, Guest::Known(principal.user))
        }
        None => {
            is_open(&link)?;
            let user = UserId::from_uuid(fresh_id());
            (user, new_person(user, &link, &body).await?)
        }
    };
    let context = TeamContext {
        team: link.team,
        actor: Actor::User(user),
        request_id: visitor.request_id.clone(),
        address: visitor.address,
    };
    let scope = state.store().team(&context);
    match scope.invitation_accept(link.id, &guest).await {
        Ok(_) => Ok(accepted(&link, user)),
        // Somebody was faster; what became of it is told as if this one had come later.
        Err(StoreError::NotFound) => Err(over(InvitationState::Revoked)),
        Err(error) if error.is_conflict_with("invitation_open") => {
            let now = look_up(&state, &visitor, &body.token).await?;
            if now.accepted_by == Some(user) {
                return Ok(accepted(&now, user));
            }
            is_open(&now)?;
            Err(over(InvitationState::Revoked))
        }
        Err(error) if error.is_conflict_with("users_email_taken") => Err(account_exists()),
        Err(error) => Err(error.into()),
    }
}

fn accepted(link: &InvitationLink, user: UserId) -> ApiJson<InvitationAccepted> {
    ApiJson(InvitationAccepted {
        user,
        email: link.email.clone(),
        team_id: link.team,
        team: link.team_name.to_string(),
        role: link.role.to_string(),
    })
}

/// The invitation of a token, whatever became of it. Guessing one is counted like guessing a credential.
async fn look_up(
    state: &ApiState,
    visitor: &Visitor,
    text: &str,
) -> Result<InvitationLink, Problem> {
    state.failures().check(visitor.address)?;
    let found = match token::parse(text.trim()) {
        Some(hash) => state.store().invitation_by_hash(&hash).await?,
        None => None,
    };
    found.ok_or_else(|| {
        state.failures().note(visitor.address);
        Problem::new(
            ProblemCode::InvitationUnknown,
            "this is no invitation of this server, or the link is not complete",
        )
        .hint("open the whole link as it was sent to you")
    })
}

fn is_open(link: &InvitationLink) -> Result<(), Problem> {
    match link.state {
        InvitationState::Open => Ok(()),
        state => Err(over(state)),
    }
}

/// What whoever holds the link of an invitation that is over is told: that, and nothing else.
fn over(state: InvitationState) -> Problem {
    match state {
        InvitationState::Accepted => Problem::new(
            ProblemCode::InvitationUsed,
            "this invitation was accepted before; it is good once",
        )
        .hint("if it was you, sign in; else ask for a new one"),
        InvitationState::Expired => Problem::new(
            ProblemCode::InvitationExpired,
            "this invitation was not accepted in time",
        )
        .hint("ask the person who sent it for a new one"),
        InvitationState::Revoked | InvitationState::Open => Problem::new(
            ProblemCode::InvitationRevoked,
            "this invitation was taken back, or what it was for is gone",
        )
        .hint("ask the person who sent it for a new one"),
    }
}

fn account_exists() -> Problem {
    Problem::new(
        ProblemCode::AccountExists,
        "there is an account with this address already",
    )
    .hint("sign in with it, and open the link again")
}

/// Checks what a new person says of themselves. Hashing costs: it comes last, and only for an open invitation.
async fn new_person(
    id: UserId,
    link: &InvitationLink,
    body: &InvitationAccept,
) -> Result<Guest, Problem> {
    if link.known {
        return Err(account_exists());
    }
    let name = body.name.as_deref().unwrap_or_default();
    let name = person_name(name, &link.email, "/name")?;
    let Some(text) = &body.password else {
        return Err(Problem::invalid(
            "/password",
            "a new person needs a password; or sign in first",
        ));
    };
    let secret = SecretString::from(text.clone());
    password::check_form(&secret, "/password")?;
    Ok(Guest::New {
        id,
        name,
        password_hash: password::hash(secret).await?,
    })
}
