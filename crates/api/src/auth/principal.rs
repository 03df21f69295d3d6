//! Who asks: from the `Authorization` header to a person with memberships and a token's bounds.
//!
//! Invariants: everything is read from the database on each request, so that a revoked token, a disabled person
//! or a removed membership counts at once; a request without a valid token learns nothing but that.

use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use segue_model::Timestamp;
use segue_model::access::{Action, Role, Scopes};
use segue_model::id::{AppId, EnvironmentId, TeamId, TokenId, UserId};
use segue_store::{Actor, TeamContext};

use super::token;
use crate::problem::{Problem, ProblemCode};
use crate::request_id::RequestId;
use crate::serve::accept::Peer;
use crate::state::ApiState;

/// A membership of the person, as far as the token reaches.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub team: TeamId,
    pub team_name: String,
    pub role: Role,
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
}

/// Who asks, and within which bounds.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub user: UserId,
    pub email: String,
    pub name: String,
    pub platform_admin: bool,
    pub token: TokenId,
    pub token_team: TeamId,
    pub token_role: Role,
    pub token_app: Option<AppId>,
    pub scopes: Scopes,
    pub expires_at: Timestamp,
    pub grants: Vec<Grant>,
    pub request_id: Option<String>,
    pub address: Option<IpAddr>,
}

impl FromRequestParts<ApiState> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let address = peer(parts);
        state.failures().check(address)?;
        let text = bearer(parts).ok_or_else(Problem::unauthenticated)?;
        let request_id = parts.extensions.get::<RequestId>().map(ToString::to_string);
        let mut principal = authenticate(state, &text, address)
            .await
            .inspect_err(|problem| {
                // Being asked to sign in costs nothing; guessing does.
                if problem.code == ProblemCode::Unauthenticated {
                    state.failures().note(address);
                }
            })?;
        principal.request_id = request_id;
        Ok(principal)
    }
}

/// The socket's peer.
pub(crate) fn peer(parts: &Parts) -> Option<IpAddr> {
    parts
        .extensions
        .get::<ConnectInfo<Peer>>()
        .and_then(|peer| peer.0.0)
}

/// Proves a token, whether an API token or an access token made from one.
pub(crate) async fn authenticate(
    state: &ApiState,
    text: &str,
    address: Option<IpAddr>,
) -> Result<Principal, Problem> {
    let auth = state.store().auth();
    let good = if let Some(hash) = token::parse(text) {
        auth.token(&hash).await?
    } else if let Some(claims) = state.keys().verify(text, Timestamp::now()) {
        // The token that it was made from is looked at again: revoking that one ends this one at once.
        let context = TeamContext::new(claims.team, Actor::Token(claims.tok));
        let good = state.store().team(&context).token_grant(claims.tok).await?;
        good.filter(|good| good.created_by == claims.sub)
    } else {
        None
    };
    let good = good.ok_or_else(Problem::unauthenticated)?;
    if !good.address_ranges.is_empty() {
        let inside = address
            .is_some_and(|address| good.address_ranges.iter().any(|net| net.contains(&address)));
        if !inside {
            return Err(Problem::unauthenticated());
        }
    }
    let user = auth
        .user(good.created_by)
        .await?
        .ok_or_else(Problem::unauthenticated)?;
    let grants = auth
        .memberships(good.created_by)
        .await?
        .into_iter()
        // A token reaches one team; the person's other teams do not exist for it.
        .filter(|membership| membership.team == good.team)
        .map(|membership| Grant {
            team: membership.team,
            team_name: membership.team_name.to_string(),
            role: role(membership.role),
            app: membership.app,
            environment: membership.environment,
        })
        .collect();
    auth.token_used(good.token, good.team).await?;
    let scopes = Scopes(
        good.scopes
            .iter()
            .filter_map(|scope| scope.parse().ok())
            .collect(),
    );
    Ok(Principal {
        user: user.id,
        email: user.email,
        name: user.name,
        platform_admin: user.platform_admin,
        token: good.token,
        token_team: good.team,
        token_role: role(good.role),
        token_app: good.app,
        scopes,
        expires_at: good.expires_at,
        grants,
        request_id: None,
        address,
    })
}

/// The store's roles are the model's.
pub(crate) const fn role(stored: segue_store::Role) -> Role {
    use segue_store::Role as Stored;
    match stored {
        Stored::Owner => Role::Owner,
        Stored::Admin => Role::Admin,
        Stored::Deployer => Role::Deployer,
        Stored::Viewer => Role::Viewer,
    }
}

/// The same, the other way.
pub(crate) const fn stored_role(role: Role) -> segue_store::Role {
    use segue_store::Role as Stored;
    match role {
        Role::Owner => Stored::Owner,
        Role::Admin => Stored::Admin,
        Role::Deployer => Stored::Deployer,
        Role::Viewer => Stored::Viewer,
    }
}

/// The token of a request: `Bearer`, or the password of `Basic` (git sends that).
fn bearer(parts: &Parts) -> Option<String> {
    use base64::Engine as _;
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let (value, more) = (values.next()?, values.next());
    if more.is_some() {
        return None;
    }
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") && parts.uri.path().starts_with("/git/") {
        let decoded = base64::engine::general_purpose::STANDARD
            .decode(rest.trim())
            .ok()?;
        let text = String::from_utf8(decoded).ok()?;
        return text
            .split_once(':')
            .map(|(_, password)| password.to_owned());
    }
    None
}

impl Principal {
    /// Who acts, for the audit record: the token, because it can be told apart and revoked.
    pub(crate) const fn actor(&self) -> Actor {
        Actor::Token(self.token)
    }

    /// The role at a place of the token's team: the strongest grant that covers it, bounded by the token.
    pub(crate) fn role_at(
        &self,
        app: Option<AppId>,
        environment: Option<EnvironmentId>,
    ) -> Option<Role> {
        self.grants
            .iter()
            .filter(|grant| grant.app.is_none() || grant.app == app)
            .filter(|grant| grant.environment.is_none() || grant.environment == environment)
            .map(|grant| grant.role)
            .max()
            .map(|role| role.min(self.token_role))
    }

    /// Whether the action is allowed at that place, or why not.
    pub(crate) fn require(&self, role: Option<Role>, action: Action) -> Result<(), Problem> {
        use crate::problem::ProblemCode::Forbidden;
        match role {
            Some(role) if !role.allows(action) => Err(Problem::new(
                Forbidden,
                format!("the role {role} does not allow this ({action})"),
            )
            .hint("ask an admin of the team")),
            None => Err(Problem::new(Forbidden, "your role does not reach this")
                .hint("ask an admin of the team")),
            Some(_) if !self.scopes.allow(action) => Err(Problem::new(
                Forbidden,
                format!("the token's scopes do not allow this ({action})"),
            )
            .hint("make a token with more scopes: segue tokens create")),
            Some(_) => Ok(()),
        }
    }
}

/// A person who runs the installation.
#[derive(Debug, Clone)]
pub(crate) struct PlatformAdmin(pub Principal);

impl FromRequestParts<ApiState> for PlatformAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        if principal.platform_admin && principal.scopes.allow(Action::Members) {
            return Ok(Self(principal));
        }
        Err(Problem::new(
            ProblemCode::Forbidden,
            "this is for the people who run the installation",
        ))
    }
}
