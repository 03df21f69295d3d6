//! Everybody who has any role in a team, be it on one app or on one environment only.
//!
//! For what such a person needs to find their way (the team, the list of apps) and for what is about themselves. What
//! is shown behind it must be cut to what [`Reach::apps`] says.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use segue_model::access::{Action, Role};
use segue_model::id::{AppId, TeamId};
use segue_model::name::TeamName;
use segue_store::{Actor, TeamContext, TeamScope};

use super::place::{Member, Permission};
use super::principal::Principal;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;

/// A team in which the principal may do `P` somewhere.
pub(crate) struct Reach<P> {
    pub principal: Principal,
    pub team: TeamId,
    pub team_name: String,
    /// The strongest role that the principal has anywhere in the team.
    pub role: Role,
    pub scope: TeamScope,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequestParts<ApiState> for Reach<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let member = Member::find(parts, state).await?;
        let role = member.principal.strongest(member.team);
        member.principal.require(role, P::ACTION)?;
        Ok(Self {
            role: role.unwrap_or(Role::Viewer),
            principal: member.principal,
            team: member.team,
            team_name: member.team_name,
            scope: member.scope,
            permission: PhantomData,
        })
    }
}

/// The team of the path for somebody who runs the installation and need not be in it; `None` for everybody else. What
/// is done there is done by the person: a token of another team has no name in this one.
pub(crate) async fn operated(
    principal: &Principal,
    parts: &mut Parts,
    state: &ApiState,
) -> Result<Option<TeamScope>, Problem> {
    let operator = principal.platform_admin
        && principal.only_app().is_none()
        && principal.scopes.allow(Action::Members);
    if !operator {
        return Ok(None);
    }
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| Problem::not_found())?;
    let wanted = params
        .iter()
        .find_map(|(key, value)| (key == "team").then_some(value))
        .ok_or_else(Problem::not_found)?;
    // Text that can be no team's is none; the database would not even take some of it.
    if wanted.parse::<TeamId>().is_err() && TeamName::new(wanted).is_err() {
        return Err(Problem::not_found());
    }
    let found = state.store().team_find(wanted).await?;
    let (team, _) = found.ok_or_else(Problem::not_found)?;
    let context = TeamContext {
        actor: Actor::User(principal.user),
        ..principal.context(team)
    };
    Ok(Some(state.store().team(&context)))
}

impl Principal {
    /// The strongest role anywhere in a team, bounded by the token.
    pub(crate) fn strongest(&self, team: TeamId) -> Option<Role> {
        let grants = self.grants.iter().filter(|grant| grant.team == team);
        let role = grants.map(|grant| grant.role).max()?;
        Some(self.token().map_or(role, |token| role.min(token.role)))
    }

    /// The strongest role on an app or on any environment of it, bounded by the token.
    pub(crate) fn strongest_in(&self, team: TeamId, app: AppId) -> Option<Role> {
        let grants = self.grants.iter().filter(|grant| grant.team == team);
        let here = grants.filter(|grant| grant.app.is_none_or(|given| given == app));
        let role = here.map(|grant| grant.role).max()?;
        Some(self.token().map_or(role, |token| role.min(token.role)))
    }
}

impl<P> Reach<P> {
    /// The apps that exist for the principal; `None`: all of the team.
    pub(crate) fn apps(&self) -> Option<BTreeSet<AppId>> {
        if let Some(only) = self.principal.only_app() {
            return Some([only].into());
        }
        let grants = self.principal.grants.iter();
        let here = grants.filter(|grant| grant.team == self.team);
        here.map(|grant| grant.app).collect()
    }

    /// Whether the principal may act on the whole team, or why not.
    pub(crate) fn require(&self, action: Action) -> Result<(), Problem> {
        self.whole(action)?;
        self.principal
            .require(self.principal.role_at(self.team, None, None), action)
    }

    /// Whether the credential lets its person do that, whatever the role.
    pub(crate) fn scopes(&self, action: Action) -> Result<(), Problem> {
        self.whole(action)?;
        self.principal.require(Some(Role::Owner), action)
    }

    fn whole(&self, action: Action) -> Result<(), Problem> {
        if self.principal.only_app().is_some() && action != Action::Read {
            return Err(Problem::new(
                ProblemCode::Forbidden,
                "this token is good for one app only",
            ));
        }
        Ok(())
    }
}
