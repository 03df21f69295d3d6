//! The person who asks, and their tokens; the exchange of an API token for a short access token.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use segue_model::Timestamp;
use segue_model::access::{Action, Role, Scope, Scopes};
use segue_model::id::{AppId, SessionId, TeamId, TokenId, UserId};
use segue_store::{NewToken, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::team_tokens::address_ranges;
use super::tokens::{self, MAX_DAYS, Token, TokenPage, in_days, prefix};
use crate::auth::jwt::{Access, LIFETIME, Origin};
use crate::auth::principal::{Principal, stored_role};
use crate::auth::session::{TeamRole, team_roles};
use crate::auth::token;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::PageQuery;
use crate::wire::params::{Errors, IdempotencyHeader};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::Call;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(me_get, me_update))
        .routes(routes!(token_list, token_create))
        .routes(routes!(token_delete))
        .routes(routes!(token_exchange))
}

/// Days of a token that does not say.
pub(super) const DEFAULT_DAYS: u32 = 90;

/// The person who asks, and what they ask with.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// Their id.
    #[schema(value_type = String)]
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// May manage hosts and teams of the installation.
    pub platform_admin: bool,
    /// Teams that are reached, by name: all of them with a session, one with a token.
    pub teams: Vec<TeamRole>,
    /// With a token: its team.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub team_id: Option<TeamId>,
    /// With a token: its team's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub team: Option<String>,
    /// With a token: what they may do in its team with it: `viewer`, `deployer`, `admin`, `owner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<String>,
    /// What they may ask for.
    pub scopes: Vec<String>,
    /// With a token: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub token_id: Option<TokenId>,
    /// With a session: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub session_id: Option<SessionId>,
    /// When the token or the session ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What changes of the own account; what is missing stays.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeUpdate {
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$",
        nullable = false
    )]
    pub name: Option<String>,
}

/// A new token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// For people.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    pub name: String,
    /// At most this role; the own one if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(viewer|deployer|admin|owner)$")]
    pub role: Option<String>,
    /// What it is good for: `read`, `deploy`, `write`, `admin`, and `secret:reveal`, for which a session must have been
    /// confirmed.
    #[schema(
        min_items = 1,
        max_items = 10,
        pattern = "^(read|deploy|write|admin|secret:reveal)$"
    )]
    pub scopes: Vec<String>,
    /// Good for this app only, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^app_[0-9a-f]{32}$")]
    pub app: Option<String>,
    /// Good from these addresses and networks only (`203.0.113.7`, `203.0.113.0/24`).
    #[serde(default)]
    #[schema(max_items = 32)]
    pub address_ranges: Vec<String>,
    /// Days until it ends, 1 to 366; 90 if not given.
    #[serde(default = "default_days")]
    #[schema(minimum = 1, maximum = 366)]
    pub expires_in_days: u32,
}

const fn default_days() -> u32 {
    DEFAULT_DAYS
}

/// A short access token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessToken {
    /// A JWT for `Authorization: Bearer`.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until it ends.
    pub expires_in: u64,
}

impl From<&Principal> for Me {
    fn from(principal: &Principal) -> Self {
        let token = principal.token();
        let team = token.and_then(|token| {
            let mut teams = principal.teams().into_iter();
            teams.find(|(id, _)| *id == token.team)
        });
        let role = token.map(|token| {
            principal
                .role_at(token.team, token.app, None)
                .unwrap_or(Role::Viewer)
        });
        Self {
            id: principal.user,
            email: principal.email.clone(),
            name: principal.name.clone(),
            platform_admin: principal.platform_admin,
            teams: team_roles(&principal.grants),
            team_id: token.map(|token| token.team),
            team: team.map(|(_, name)| name.to_owned()),
            role: role.map(|role| role.to_string()),
            scopes: principal.scopes.0.iter().map(ToString::to_string).collect(),
            token_id: token.map(|token| token.id),
            session_id: principal.session(),
            expires_at: principal.expires_at,
        }
    }
}

/// Shows who asks.
#[utoipa::path(get, path = "/v1/me", tag = "me",
    responses((status = 200, description = "The person.", body = Me), Errors))]
async fn me_get(principal: Principal) -> ApiJson<Me> {
    ApiJson(Me::from(&principal))
}

/// Changes the own account.
#[utoipa::path(patch, path = "/v1/me", tag = "me",
    request_body(content = MeUpdate, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The person.", body = Me), Errors))]
async fn me_update(
    mut principal: Principal,
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<MeUpdate>,
) -> Result<ApiJson<Me>, Problem> {
    principal.require_account()?;
    let Some(name) = body.name else {
        return Err(Problem::invalid("", "nothing to change was given"));
    };
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Problem::invalid("/name", "1 to 100 characters"));
    }
    let account = state
        .store()
        .account(principal.user, principal.platform_context());
    account.rename(name).await?;
    name.clone_into(&mut principal.name);
    Ok(ApiJson(Me::from(&principal)))
}

/// Which of one's teams.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTeam {
    /// Name or id of the team; needed by people who are signed in and are in several.
    #[param(max_length = 40)]
    team: Option<String>,
}

/// A page of things of one of one's teams.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageOfTeam {
    /// Name or id of the team; needed by people who are signed in and are in several.
    #[param(max_length = 40)]
    team: Option<String>,
    /// Items wanted, 1 to 100; 50 if not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Lists the own tokens of a team.
#[utoipa::path(get, path = "/v1/me/tokens", tag = "me", params(PageOfTeam),
    responses((status = 200, description = "Tokens.", body = TokenPage), Errors))]
async fn token_list(
    principal: Principal,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<PageOfTeam>,
) -> Result<ApiJson<TokenPage>, Problem> {
    let team = principal.team_named(query.team.as_deref())?;
    principal.require(principal.strongest(team), Action::Read)?;
    let query = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let scope = state.store().team(&principal.context(team));
    let page = tokens::page(&query, &scope, Some(principal.user)).await?;
    Ok(ApiJson(page))
}

/// Makes a token for a team. It is shown once.
#[utoipa::path(post, path = "/v1/me/tokens", tag = "me", params(OfTeam, IdempotencyHeader),
    request_body = TokenCreate,
    responses((status = 201, description = "The token, with its secret.", body = Token), Errors))]
async fn token_create(
    principal: Principal,
    State(state): State<ApiState>,
    call: Call,
    ApiQuery(query): ApiQuery<OfTeam>,
    ApiJsonBytes(body, bytes): ApiJsonBytes<TokenCreate>,
) -> Result<Response, Problem> {
    let team = principal.team_named(query.team.as_deref())?;
    let own = principal.strongest(team);
    principal.require(own, Action::Tokens)?;
    let (secret, hash) = token::generate();
    let new = checked(&principal, own.unwrap_or(Role::Viewer), body, hash)?;
    let call = call.body(&bytes);
    let scope = state.store().team(&principal.context(team));
    tokens::create(&scope, &new, &secret, &principal.name, &call).await
}

fn checked(
    principal: &Principal,
    own: Role,
    body: TokenCreate,
    hash: [u8; 32],
) -> Result<NewToken, Problem> {
    let name = body.name;
    if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Problem::invalid("/name", "1 to 100 characters"));
    }
    let role = match body.role {
        Some(role) => role
            .parse()
            .map_err(|error| Problem::invalid("/role", error))?,
        None => own,
    };
    let scopes: Result<_, _> = body
        .scopes
        .iter()
        .map(|scope| scope.parse::<Scope>())
        .collect();
    let scopes = Scopes(scopes.map_err(|error| Problem::invalid("/scopes", error))?);
    principal.require_confirmed_for(&scopes)?;
    if role > own || !principal.scopes.contain(&scopes) {
        return Err(Problem::new(
            crate::problem::ProblemCode::Forbidden,
            "a token cannot make a stronger one",
        ));
    }
    if scopes.0.is_empty() {
        return Err(Problem::invalid("/scopes", "at least one scope"));
    }
    let app: Option<AppId> = body
        .app
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error: segue_model::id::InvalidId| Problem::invalid("/app", error))?;
    // A token for one app makes tokens for that app only.
    let app = app.or(principal.only_app());
    if principal.only_app().is_some() && app != principal.only_app() {
        return Err(Problem::not_found());
    }
    let address_ranges = address_ranges(&body.address_ranges)?;
    if !(1..=MAX_DAYS).contains(&body.expires_in_days) {
        return Err(Problem::invalid(
            "/expires_in_days",
            format!("1 to {MAX_DAYS}"),
        ));
    }
    Ok(NewToken {
        id: TokenId::from_uuid(fresh_id()),
        name,
        prefix: prefix(&hash),
        hash,
        role: stored_role(role),
        scopes: scopes.0.iter().map(ToString::to_string).collect(),
        app,
        address_ranges,
        expires_at: in_days(body.expires_in_days),
        created_by: principal.user,
    })
}

/// Revokes an own token; admins revoke anybody's.
#[utoipa::path(delete, path = "/v1/me/tokens/{token}", tag = "me",
    params(("token" = String, Path, description = "Id of the token"), OfTeam),
    responses((status = 204, description = "It is revoked."), Errors))]
async fn token_delete(
    principal: Principal,
    State(state): State<ApiState>,
    ApiPath(wanted): ApiPath<String>,
    ApiQuery(query): ApiQuery<OfTeam>,
) -> Result<StatusCode, Problem> {
    let team = principal.team_named(query.team.as_deref())?;
    let role = principal.strongest(team);
    principal.require(role, Action::Tokens)?;
    let wanted: TokenId = wanted.parse().map_err(|_| Problem::not_found())?;
    let scope = state.store().team(&principal.context(team));
    let grant = scope
        .token_grant(wanted)
        .await?
        .ok_or_else(Problem::not_found)?;
    let admin = principal.role_at(team, None, None);
    if grant.person.id != principal.user && principal.require(admin, Action::Members).is_err() {
        return Err(Problem::not_found());
    }
    scope.token_revoke(wanted).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Exchanges the API token of the request for an access token of ten minutes.
#[utoipa::path(post, path = "/v1/auth/token", tag = "auth",
    responses((status = 200, description = "The access token.", body = AccessToken), Errors))]
async fn token_exchange(
    principal: Principal,
    State(state): State<ApiState>,
) -> Result<Response, Problem> {
    let Some(token) = principal.token() else {
        return Err(Problem::new(
            crate::problem::ProblemCode::Forbidden,
            "only an API token is exchanged here",
        )
        .hint("a session gets its next access token by POST /v1/auth/refresh"));
    };
    let access = Access {
        user: principal.user,
        origin: Origin::Token(token.id, token.team),
    };
    let issued = state.keys().issue(state.store(), access).await?;
    let body = AccessToken {
        access_token: issued,
        token_type: "Bearer".to_owned(),
        expires_in: LIFETIME.as_secs(),
    };
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok((no_store, ApiJson(body)).into_response())
}
