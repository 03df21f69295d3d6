//! Beginning a session: the refresh cookie, the access token, and what the page needs to know of the person.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE, USER_AGENT};
use axum::http::request::Parts;
use axum::response::{AppendHeaders, IntoResponse, Response};
use segue_model::Timestamp;
use segue_model::id::{SessionId, TeamId, UserId};
use segue_store::{Actor, NewSession, TeamContext, UserRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jwt::{Access, LIFETIME, Origin};
use super::principal::{Grant, peer, role, role_of};
use super::{cookie, token};
use crate::problem::Problem;
use crate::request_id::RequestId;
use crate::state::ApiState;
use crate::wire::json::ApiJson;

/// Who does not come back for so long signs in again.
pub(crate) const REFRESH_LIFE: Duration = Duration::from_secs(14 * 86_400);

/// And so does everybody after this.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(90 * 86_400);

const _: () = assert!(REFRESH_LIFE.as_secs() < SESSION_LIFE.as_secs());

/// A person who is signed in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// A JWT for `Authorization: Bearer`. Keep it in memory only.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until it ends; `POST /v1/auth/refresh` gives the next one.
    pub expires_in: u64,
    /// Who is signed in.
    pub user: Person,
    /// Their teams, by name.
    pub teams: Vec<TeamRole>,
}

/// A person.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Their id.
    #[schema(value_type = String)]
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// May manage hosts and teams of the installation.
    pub platform_admin: bool,
}

/// A team of the person who asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TeamRole {
    /// Its id.
    #[schema(value_type = String)]
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// The role on the whole team: `viewer`, `deployer`, `admin`, `owner`. Missing for those who have one on single
    /// apps only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<String>,
}

/// Where a sign-in comes from, for the list of sessions and the audit record.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub address: Option<IpAddr>,
    pub name: String,
    pub request_id: Option<String>,
}

impl FromRequestParts<ApiState> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Self::Rejection> {
        let agent = parts.headers.get(USER_AGENT);
        let name = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        Ok(Self {
            address: peer(parts),
            name: name
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control())
                .take(200)
                .collect(),
            request_id: parts.extensions.get::<RequestId>().map(ToString::to_string),
        })
    }
}

/// Begins a session of a person who has proved who it is.
pub(crate) async fn start(
    state: &ApiState,
    user: &UserRecord,
    client: &Client,
) -> Result<(SignedIn, HeaderValue), Problem> {
    let (secret, token_hash) = token::generate_as(token::REFRESH);
    let now = Timestamp::now();
    let after = |life: Duration| now.checked_add(life).unwrap_or(now);
    let new = NewSession {
        token_hash,
        token_expires_at: after(REFRESH_LIFE),
        expires_at: after(SESSION_LIFE),
        address: client.address,
        client: client.name.clone(),
    };
    let context = TeamContext {
        request_id: client.request_id.clone(),
        address: client.address,
        ..TeamContext::platform(Actor::User(user.id))
    };
    let account = state.store().account(user.id, context);
    let session = account.session_start(&new).await?;
    let signed_in = signed_in(state, user, session).await?;
    Ok((signed_in, cookie::set(state, &token::reveal(&secret))?))
}

/// What a page needs after signing in and after every refresh.
pub(crate) async fn signed_in(
    state: &ApiState,
    user: &UserRecord,
    session: SessionId,
) -> Result<SignedIn, Problem> {
    let access = Access {
        user: user.id,
        origin: Origin::Session(session),
    };
    let access_token = state.keys().issue(state.store(), access).await?;
    let memberships = state.store().auth().memberships(user.id).await?;
    let grants: Vec<Grant> = memberships
        .into_iter()
        .map(|membership| Grant {
            team: membership.team,
            team_name: membership.team_name.to_string(),
            role: role(membership.role),
            app: membership.app,
            environment: membership.environment,
        })
        .collect();
    Ok(SignedIn {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: LIFETIME.as_secs(),
        user: Person {
            id: user.id,
            email: user.email.clone(),
            name: user.name.clone(),
            platform_admin: user.platform_admin,
        },
        teams: team_roles(&grants),
    })
}

/// Each team once, with the role on the whole of it.
pub(crate) fn team_roles(grants: &[Grant]) -> Vec<TeamRole> {
    let mut teams: Vec<TeamRole> = Vec::new();
    for grant in grants {
        if teams.iter().all(|team| team.id != grant.team) {
            let role = role_of(grants, grant.team, None, None);
            teams.push(TeamRole {
                id: grant.team,
                name: grant.team_name.clone(),
                role: role.map(|role| role.to_string()),
            });
        }
    }
    teams
}

/// The answer, with its cookie.
pub(crate) fn answer<T: Serialize>(body: T, cookie: HeaderValue) -> Response {
    let headers = AppendHeaders([
        (SET_COOKIE, cookie),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]);
    (headers, ApiJson(body)).into_response()
}
