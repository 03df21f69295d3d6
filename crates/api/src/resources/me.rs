//! The person who asks, and their tokens; the exchange of an API token for a short access token.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use segue_model::Timestamp;
use segue_model::access::{Action, Role, Scope, Scopes};
use segue_model::id::{AppId, TeamId, TokenId, UserId};
use segue_store::{Done, NewToken, Page, TeamContext, TeamScope, TokenView, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::jwt::{LIFETIME, PublicKey};
use crate::auth::principal::{Principal, stored_role};
use crate::auth::token;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, cut, page};
use crate::wire::params::{Errors, IdempotencyHeader};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, send, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(me_get))
        .routes(routes!(token_list, token_create))
        .routes(routes!(token_delete))
        .routes(routes!(token_exchange))
        .routes(routes!(key_list))
}

/// Days of the longest token.
const MAX_DAYS: u32 = 366;

/// Days of a token that does not say.
pub(super) const DEFAULT_DAYS: u32 = 90;

/// The person who asks, as far as the token reaches.
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
    /// The token's team.
    #[schema(value_type = String)]
    pub team_id: TeamId,
    /// Its name.
    pub team: String,
    /// What they may do in it with this token: `viewer`, `deployer`, `admin`, `owner`.
    pub role: String,
    /// What the token is good for.
    pub scopes: Vec<String>,
    /// The token.
    #[schema(value_type = String)]
    pub token_id: TokenId,
    /// When the token ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A token, without its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// For people.
    pub name: String,
    /// Its first characters, so that it can be told apart.
    pub prefix: String,
    /// At most this role.
    pub role: String,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// Good for this app only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub app: Option<AppId>,
    /// Good from these networks only; empty: from everywhere.
    pub address_ranges: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub used_at: Option<Timestamp>,
    /// The token itself: only in the answer that made it, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub token: Option<String>,
}

page! {
    /// A page of tokens.
    TokenPage of Token
}

/// A new token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// At most this role; the own one if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<String>,
    /// What it is good for: `read`, `deploy`, `write`, `admin`.
    pub scopes: Vec<String>,
    /// Good for this app only, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub app: Option<String>,
    /// Good from these networks only (`203.0.113.0/24`).
    #[serde(default)]
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

/// Public keys (RFC 7517).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeySet {
    /// The keys that verify access tokens.
    pub keys: Vec<PublicKey>,
}

impl From<&TokenView> for Token {
    fn from(view: &TokenView) -> Self {
        Self {
            id: view.id,
            name: view.name.clone(),
            prefix: view.prefix.clone(),
            role: view.role.to_string(),
            scopes: view.scopes.clone(),
            app: view.app,
            address_ranges: view
                .address_ranges
                .iter()
                .map(ToString::to_string)
                .collect(),
            created_at: view.created_at,
            expires_at: view.expires_at,
            revoked_at: view.revoked_at,
            used_at: view.used_at,
            token: None,
        }
    }
}

/// Shows who asks.
#[utoipa::path(get, path = "/v1/me", tag = "me",
    responses((status = 200, description = "The person.", body = Me), Errors))]
async fn me_get(principal: Principal) -> Result<ApiJson<Me>, Problem> {
    let role = principal
        .role_at(principal.token_app, None)
        .unwrap_or(Role::Viewer);
    let team = principal
        .grants
        .first()
        .map(|grant| grant.team_name.clone());
    Ok(ApiJson(Me {
        id: principal.user,
        email: principal.email,
        name: principal.name,
        platform_admin: principal.platform_admin,
        team_id: principal.token_team,
        team: team.unwrap_or_default(),
        role: role.to_string(),
        scopes: principal.scopes.0.iter().map(ToString::to_string).collect(),
        token_id: principal.token,
        expires_at: principal.expires_at,
    }))
}

fn own_scope(principal: &Principal, state: &ApiState) -> TeamScope {
    let mut context = TeamContext::new(principal.token_team, principal.actor());
    context.request_id.clone_from(&principal.request_id);
    context.address = principal.address;
    state.store().team(&context)
}

/// Lists the own tokens of the token's team.
#[utoipa::path(get, path = "/v1/me/tokens", tag = "me", params(PageQuery),
    responses((status = 200, description = "Tokens.", body = TokenPage), Errors))]
async fn token_list(
    principal: Principal,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<TokenPage>, Problem> {
    principal.require(principal.role_at(None, None), Action::Read)?;
    let limit = query.limit()?;
    let page = Page {
        after: query.after()?,
        limit: limit + 1,
    };
    let tokens = own_scope(&principal, &state).token_list(page).await?;
    let (tokens, next_cursor) = cut(tokens, limit, |token| token.id);
    let items = tokens
        .iter()
        .filter(|token| token.created_by == principal.user)
        .map(Token::from)
        .collect();
    Ok(ApiJson(TokenPage { items, next_cursor }))
}

/// Makes a token for the token's team. It is shown once.
#[utoipa::path(post, path = "/v1/me/tokens", tag = "me", params(IdempotencyHeader),
    request_body = TokenCreate,
    responses((status = 201, description = "The token, with its secret.", body = Token), Errors))]
async fn token_create(
    principal: Principal,
    State(state): State<ApiState>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<TokenCreate>,
) -> Result<Response, Problem> {
    let own = principal.role_at(None, None);
    principal.require(own, Action::Tokens)?;
    let (secret, hash) = token::generate();
    let new = checked(&principal, own.unwrap_or(Role::Viewer), body, hash)?;
    let call = call.body(&bytes);
    let respond = |view: &TokenView| stored(StatusCode::CREATED, &Token::from(view), None);
    let scope = own_scope(&principal, &state);
    match scope.token_create(&new, call.idempotency(&respond)).await? {
        Done::Fresh(view) => {
            let shown = Token {
                token: Some(token::reveal(&secret)),
                ..Token::from(&view)
            };
            Ok((StatusCode::CREATED, ApiJson(shown)).into_response())
        }
        // What is kept has no secret in it.
        Done::Replayed(kept) => Ok(send(kept)),
    }
}

fn checked(
    principal: &Principal,
    own: Role,
    body: TokenCreate,
    hash: [u8; 32],
) -> Result<NewToken, Problem> {
    let name = body.name;
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
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
    let app = app.or(principal.token_app);
    if principal.token_app.is_some() && app != principal.token_app {
        return Err(Problem::not_found());
    }
    let address_ranges: Result<Vec<IpNet>, _> = body
        .address_ranges
        .iter()
        .map(|range| range.parse())
        .collect();
    let address_ranges = address_ranges
        .map_err(|_| Problem::invalid("/address_ranges", "networks like 203.0.113.0/24"))?;
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

/// What tells tokens apart: part of the hash, so that nothing of the secret is shown.
pub(super) fn prefix(hash: &[u8; 32]) -> String {
    let short: String = hex::encode(hash).chars().take(8).collect();
    format!("{}{short}", token::PREFIX)
}

/// So many days from now.
pub(super) fn in_days(days: u32) -> Timestamp {
    let seconds = i64::from(days) * 86_400;
    let now = Timestamp::now();
    now.checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap_or(now)
}

/// Revokes an own token; admins revoke anybody's.
#[utoipa::path(delete, path = "/v1/me/tokens/{token}", tag = "me",
    params(("token" = String, Path, description = "Id of the token")),
    responses((status = 204, description = "It is revoked."), Errors))]
async fn token_delete(
    principal: Principal,
    State(state): State<ApiState>,
    ApiPath(wanted): ApiPath<String>,
) -> Result<StatusCode, Problem> {
    let role = principal.role_at(None, None);
    principal.require(role, Action::Tokens)?;
    let wanted: TokenId = wanted.parse().map_err(|_| Problem::not_found())?;
    let scope = own_scope(&principal, &state);
    let grant = scope
        .token_grant(wanted)
        .await?
        .ok_or_else(Problem::not_found)?;
    if grant.created_by != principal.user && principal.require(role, Action::Members).is_err() {
        return Err(Problem::not_found());
    }
    scope.token_revoke(wanted).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Exchanges the API token of the request for an access token of ten minutes.
#[utoipa::path(post, path = "/v1/auth/token", tag = "me",
    responses((status = 200, description = "The access token.", body = AccessToken), Errors))]
async fn token_exchange(
    principal: Principal,
    State(state): State<ApiState>,
) -> Result<Response, Problem> {
    let issued = state
        .keys()
        .issue(
            principal.user,
            (principal.token, principal.token_team),
            Timestamp::now(),
        )
        .map_err(|error| Problem::internal(&error))?;
    let body = AccessToken {
        access_token: issued,
        token_type: "Bearer".to_owned(),
        expires_in: LIFETIME.as_secs(),
    };
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok((no_store, ApiJson(body)).into_response())
}

/// Lists the public keys that verify access tokens.
#[utoipa::path(get, path = "/v1/auth/jwks", tag = "me", security(()),
    responses((status = 200, description = "Keys.", body = KeySet), Errors))]
async fn key_list(State(state): State<ApiState>) -> ApiJson<KeySet> {
    ApiJson(KeySet {
        keys: state.keys().public(),
    })
}
