//! Who asks: from the `Authorization` header to a person with memberships and the bounds of what he proved it with.
//!
//! A person asks with an API token, which reaches one team, or with a session, which reaches all of his.
//! Invariants: everything is read from the database on each request, so that a revoked token, an ended session, a
//! disabled person or a removed membership counts at once; a request without a valid token learns nothing but that.

use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use segue_model::Timestamp;
use segue_model::access::{Action, Role, Scope, Scopes};
use segue_model::id::{AppId, EnvironmentId, SessionId, TeamId, TokenId, UserId};
use segue_store::{Actor, Membership, SessionGrant, TeamContext, TokenGrant};

use super::jwt::Origin;
use super::token::{self, TokenHash};
use crate::problem::{Problem, ProblemCode};
use crate::request_id::RequestId;
use crate::serve::accept::Peer;
use crate::state::ApiState;

/// A membership of the person, as far as it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub team: TeamId,
    pub team_name: String,
    pub role: Role,
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
}

/// Bounds of an API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenBounds {
    pub id: TokenId,
    pub team: TeamId,
    pub role: Role,
    pub app: Option<AppId>,
}

/// What the person asks with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// One team, at most one role, perhaps one app.
    Token(TokenBounds),
    /// Everything that the person was given.
    Session(SessionId),
}

/// Who asks, and within which bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub user: UserId,
    pub email: String,
    pub name: String,
    pub platform_admin: bool,
    pub credential: Credential,
    pub scopes: Scopes,
    pub expires_at: Timestamp,
    /// The session was confirmed with the password, and that counts now. Nothing is asked of tokens.
    pub confirmed: bool,
    pub grants: Vec<Grant>,
    pub request_id: Option<String>,
    pub address: Option<IpAddr>,
}

/// What was proved by a request, before anything of it is looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof {
    /// An API token.
    ApiToken(TokenHash),
    /// An access token of this person.
    Access(UserId, Origin),
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

/// Proves a token, whether an API token or an access token.
async fn authenticate(
    state: &ApiState,
    text: &str,
    address: Option<IpAddr>,
) -> Result<Principal, Problem> {
    let proof = prove(state, text)
        .await?
        .ok_or_else(Problem::unauthenticated)?;
    resolve(state, &proof, address).await
}

/// What a token proves by itself; `None` for text that proves nothing.
pub(crate) async fn prove(state: &ApiState, text: &str) -> Result<Option<Proof>, Problem> {
    if let Some(hash) = token::parse(text) {
        return Ok(Some(Proof::ApiToken(hash)));
    }
    let access = state.keys().verify(state.store(), text).await?;
    Ok(access.map(|access| Proof::Access(access.user, access.origin)))
}

/// What the store says now about what was proved.
pub(crate) async fn resolve(
    state: &ApiState,
    proof: &Proof,
    address: Option<IpAddr>,
) -> Result<Principal, Problem> {
    let auth = state.store().auth();
    let good = match proof {
        Proof::ApiToken(hash) => auth.token(hash).await?,
        // The token that it was made from is looked at again: revoking that one ends this one at once.
        Proof::Access(user, Origin::Token(token, team)) => {
            let context = TeamContext::new(*team, Actor::Token(*token));
            let good = state.store().team(&context).token_grant(*token).await?;
            good.filter(|good| good.person.id == *user)
        }
        Proof::Access(user, Origin::Session(session)) => {
            let good = auth
                .session(*session, *user)
                .await?
                .ok_or_else(Problem::unauthenticated)?;
            let grants = auth.memberships(*user).await?;
            return Ok(of_session(good, *session, grants, address));
        }
    };
    of_token(state, good.ok_or_else(Problem::unauthenticated)?, address).await
}

async fn of_token(
    state: &ApiState,
    good: TokenGrant,
    address: Option<IpAddr>,
) -> Result<Principal, Problem> {
    let auth = state.store().auth();
    if !good.address_ranges.is_empty() {
        let inside = address
            .is_some_and(|address| good.address_ranges.iter().any(|net| net.contains(&address)));
        if !inside {
            return Err(Problem::unauthenticated());
        }
    }
    let person = good.person;
    let mut grants = auth.memberships(person.id).await?;
    // A token reaches one team; the person's other teams do not exist for it.
    grants.retain(|membership| membership.team == good.team);
    if !good.noted {
        auth.token_used(good.token, good.team).await?;
    }
    let scopes = Scopes(
        good.scopes
            .iter()
            .filter_map(|scope| scope.parse().ok())
            .collect(),
    );
    let credential = Credential::Token(TokenBounds {
        id: good.token,
        team: good.team,
        role: role(good.role),
        app: good.app,
    });
    Ok(Principal {
        user: person.id,
        email: person.email,
        name: person.name,
        platform_admin: person.platform_admin,
        credential,
        scopes,
        expires_at: good.expires_at,
        confirmed: false,
        grants: grants.into_iter().map(grant).collect(),
        request_id: None,
        address,
    })
}

fn of_session(
    good: SessionGrant,
    session: SessionId,
    grants: Vec<Membership>,
    address: Option<IpAddr>,
) -> Principal {
    let person = good.person;
    let confirmed = good.confirmed_until.is_some();
    let mut scopes = Scopes::full();
    if confirmed {
        scopes.0.insert(Scope::SecretReveal);
    }
    Principal {
        user: person.id,
        email: person.email,
        name: person.name,
        platform_admin: person.platform_admin,
        credential: Credential::Session(session),
        scopes,
        expires_at: good.expires_at,
        confirmed,
        grants: grants.into_iter().map(grant).collect(),
        request_id: None,
        address,
    }
}

fn grant(membership: Membership) -> Grant {
    Grant {
        team: membership.team,
        team_name: membership.team_name.to_string(),
        role: role(membership.role),
        app: membership.app,
        environment: membership.environment,
    }
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
pub(crate) fn bearer(parts: &Parts) -> Option<String> {
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

/// The role that these memberships give at a place of a team: the strongest one that covers it.
pub(crate) fn role_of(
    grants: &[Grant],
    team: TeamId,
    app: Option<AppId>,
    environment: Option<EnvironmentId>,
) -> Option<Role> {
    grants
        .iter()
        .filter(|grant| grant.team == team)
        .filter(|grant| grant.app.is_none() || grant.app == app)
        .filter(|grant| grant.environment.is_none() || grant.environment == environment)
        .map(|grant| grant.role)
        .max()
}

impl Principal {
    /// Who acts, for the audit record: a token, because it can be told apart and revoked, or the person.
    pub(crate) const fn actor(&self) -> Actor {
        match &self.credential {
            Credential::Token(token) => Actor::Token(token.id),
            Credential::Session(_) => Actor::User(self.user),
        }
    }

    /// The API token, if that is what the person asks with.
    pub(crate) const fn token(&self) -> Option<&TokenBounds> {
        match &self.credential {
            Credential::Token(token) => Some(token),
            Credential::Session(_) => None,
        }
    }

    /// The session, if that is what the person asks with.
    pub(crate) const fn session(&self) -> Option<SessionId> {
        match &self.credential {
            Credential::Token(_) => None,
            Credential::Session(session) => Some(*session),
        }
    }

    /// The one app that exists for this token.
    pub(crate) fn only_app(&self) -> Option<AppId> {
        self.token().and_then(|token| token.app)
    }

    /// Teams that are reached, each once, by name.
    pub(crate) fn teams(&self) -> Vec<(TeamId, &str)> {
        let mut teams: Vec<(TeamId, &str)> = self
            .grants
            .iter()
            .map(|grant| (grant.team, grant.team_name.as_str()))
            .collect();
        teams.sort_unstable_by(|a, b| (a.1, a.0).cmp(&(b.1, b.0)));
        teams.dedup();
        teams
    }

    /// The team of an operation that is not below one: the one that is named by name or id, or the only one there is.
    pub(crate) fn team_named(&self, wanted: Option<&str>) -> Result<TeamId, Problem> {
        let teams = self.teams();
        match wanted {
            Some(wanted) => {
                let by_id: Option<TeamId> = wanted.parse().ok();
                teams
                    .iter()
                    .find(|(id, name)| by_id == Some(*id) || *name == wanted)
                    .map(|(id, _)| *id)
                    .ok_or_else(Problem::not_found)
            }
            None => match teams.as_slice() {
                [(only, _)] => Ok(*only),
                [] => Err(Problem::not_found()),
                _ => Err(Problem::new(
                    ProblemCode::InvalidRequest,
                    "you are in several teams: `team` must say which one is meant",
                )
                .at("team", "name or id of a team")),
            },
        }
    }

    /// The role at a place of a team: the strongest grant that covers it, bounded by the token.
    pub(crate) fn role_at(
        &self,
        team: TeamId,
        app: Option<AppId>,
        environment: Option<EnvironmentId>,
    ) -> Option<Role> {
        let role = role_of(&self.grants, team, app, environment)?;
        Some(self.token().map_or(role, |token| role.min(token.role)))
    }

    /// The context of what is done in a team.
    pub(crate) fn context(&self, team: TeamId) -> TeamContext {
        TeamContext {
            team,
            actor: self.actor(),
            request_id: self.request_id.clone(),
            address: self.address,
        }
    }

    /// The context of what is done with the own account or the installation.
    pub(crate) fn platform_context(&self) -> TeamContext {
        TeamContext {
            request_id: self.request_id.clone(),
            address: self.address,
            ..TeamContext::platform(self.actor())
        }
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
            Some(_) if action == Action::SecretReveal => self.require_confirmed().and_then(|()| {
                if self.scopes.allow(action) {
                    return Ok(());
                }
                Err(Problem::new(
                    Forbidden,
                    "the token may not reveal secrets: that is a scope of its own, `secret:reveal`",
                )
                .hint("an admin makes such a token, or reveals the secret in the dashboard"))
            }),
            Some(_) if !self.scopes.allow(action) => Err(Problem::new(
                Forbidden,
                format!("the token's scopes do not allow this ({action})"),
            )
            .hint("make a token with more scopes: segue tokens create")),
            Some(_) => Ok(()),
        }
    }

    /// Whether a session was confirmed with the password a moment ago. Of a token nothing is asked: it may do what it
    /// was made for.
    pub(crate) fn require_confirmed(&self) -> Result<(), Problem> {
        if self.confirmed || self.session().is_none() {
            return Ok(());
        }
        Err(Problem::new(
            ProblemCode::ConfirmationRequired,
            "this needs your password again, although you are signed in",
        )
        .hint("send it to POST /v1/auth/confirm, which counts for ten minutes, and try again"))
    }

    /// The same for a token with these scopes: one that reveals secrets is made by whoever may reveal them.
    pub(crate) fn require_confirmed_for(&self, scopes: &Scopes) -> Result<(), Problem> {
        if scopes.0.contains(&Scope::SecretReveal) {
            self.require_confirmed()
        } else {
            Ok(())
        }
    }

    /// Whether the own account may be changed: by a session, or by a token that may do everything of its team.
    pub(crate) fn require_account(&self) -> Result<(), Problem> {
        if self.only_app().is_none() && self.scopes.allow(Action::Tokens) {
            return Ok(());
        }
        Err(Problem::new(
            ProblemCode::Forbidden,
            "this token does not reach the account of the person who made it",
        )
        .hint("sign in: segue login"))
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
