//! Permission as extractors: a handler names the place and the action in its signature and gets the loaded,
//! tenant-scoped object, or is never called.
//!
//! Invariants: anonymous requests are answered 401 before anything is looked up; what does not exist and what
//! belongs to another team are answered by the same bytes; what is in one's own team but not allowed is 403.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use segue_model::access::{Action, Role};
use segue_model::id::TeamId;
use segue_model::name::{AppName, EnvironmentName};
use segue_store::{App, Environment, TeamScope};

use super::principal::{Grant, Principal};
use crate::problem::Problem;
use crate::state::ApiState;

/// An action, as a type.
pub(crate) trait Permission: Send + Sync + 'static {
    const ACTION: Action;
}

macro_rules! permissions {
    ($($name:ident)*) => {$(
        /// The action of the same name.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name;

        impl Permission for $name {
            const ACTION: Action = Action::$name;
        }
    )*};
}

permissions! { Read Deploy Scale Create Configure SecretWrite SecretReveal Delete Members Tokens Team }

/// A team in which the principal may do `P`.
pub(crate) struct InTeam<P> {
    pub principal: Principal,
    pub team: TeamId,
    pub team_name: String,
    pub role: Role,
    pub scope: TeamScope,
    permission: PhantomData<P>,
}

/// An app in which the principal may do `P`.
pub(crate) struct InApp<P> {
    pub principal: Principal,
    pub team_name: String,
    pub scope: TeamScope,
    pub app: App,
    permission: PhantomData<P>,
}

/// An environment in which the principal may do `P`.
pub(crate) struct InEnv<P> {
    pub principal: Principal,
    pub team_name: String,
    pub scope: TeamScope,
    pub app: App,
    pub env: Environment,
    permission: PhantomData<P>,
}

pub(super) struct Member {
    pub principal: Principal,
    pub team: TeamId,
    pub team_name: String,
    pub scope: TeamScope,
    params: Vec<(String, String)>,
}

impl Member {
    pub(super) async fn find(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        let params: Vec<(String, String)> = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found())?
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let wanted = param(&params, "team")?;
        let by_id: Option<TeamId> = wanted.parse().ok();
        let grant = principal
            .grants
            .iter()
            .find(|grant| by_id == Some(grant.team) || grant.team_name == wanted)
            .ok_or_else(Problem::not_found)?;
        let (team, team_name) = (grant.team, grant.team_name.clone());
        let scope = state.store().team(&principal.context(team));
        Ok(Self {
            principal,
            team,
            team_name,
            scope,
            params,
        })
    }

    async fn app(&self, suffix: &str) -> Result<App, Problem> {
        let wanted = param(&self.params, "app")?;
        let wanted = wanted.strip_suffix(suffix).ok_or_else(Problem::not_found)?;
        let app = match wanted.parse() {
            Ok(id) => self.scope.app_get(id).await?,
            Err(_) => {
                let name = AppName::new(wanted).map_err(|_| Problem::not_found())?;
                self.scope.app_by_name(&name).await?
            }
        };
        // A token for one app: no other app exists for it.
        if self.principal.only_app().is_some_and(|only| only != app.id) {
            return Err(Problem::not_found());
        }
        Ok(app)
    }

    async fn environment(&self, app: &App) -> Result<Environment, Problem> {
        find_environment(&self.scope, app, param(&self.params, "env")?).await
    }
}

fn param<'a>(params: &'a [(String, String)], name: &str) -> Result<&'a str, Problem> {
    params
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .ok_or_else(Problem::not_found)
}

impl<P: Permission> FromRequestParts<ApiState> for InTeam<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let member = Member::find(parts, state).await?;
        let role = member.principal.role_at(member.team, None, None);
        // A token for one app cannot act on the team; it may look.
        if member.principal.only_app().is_some() && P::ACTION != Action::Read {
            return Err(Problem::new(
                crate::problem::ProblemCode::Forbidden,
                "this token is good for one app only",
            ));
        }
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

impl<P: Permission> FromRequestParts<ApiState> for InApp<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let member = Member::find(parts, state).await?;
        let app = member.app("").await?;
        let role = match P::ACTION {
            // A role on one environment is enough to look at its app, and to send what shall be deployed to it.
            Action::Read | Action::Deploy => member.principal.strongest_in(member.team, app.id),
            _ => member.principal.role_at(member.team, Some(app.id), None),
        };
        member.principal.require(role, P::ACTION)?;
        Ok(Self {
            principal: member.principal,
            team_name: member.team_name,
            scope: member.scope,
            app,
            permission: PhantomData,
        })
    }
}

impl<P: Permission> FromRequestParts<ApiState> for InEnv<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let member = Member::find(parts, state).await?;
        let app = member.app("").await?;
        let env = member.environment(&app).await?;
        let role = member
            .principal
            .role_at(member.team, Some(app.id), Some(env.id));
        member.principal.require(role, P::ACTION)?;
        protected(&member.principal, &env, role, P::ACTION)?;
        Ok(Self {
            principal: member.principal,
            team_name: member.team_name,
            scope: member.scope,
            app,
            env,
            permission: PhantomData,
        })
    }
}

/// An app for the git interface, whose name in the path carries a suffix, with who asks. A role on one of its
/// environments is enough: what may be done in which one is asked again ([`may`]).
pub(crate) async fn app_for(
    parts: &mut Parts,
    state: &ApiState,
    action: Action,
    suffix: &str,
) -> Result<(TeamScope, App, Principal), Problem> {
    let member = Member::find(parts, state).await?;
    let app = member.app(suffix).await?;
    let role = member.principal.strongest_in(member.team, app.id);
    member.principal.require(role, action)?;
    Ok((member.scope, app, member.principal))
}

/// Whether somebody may do that in an app, or in one of its environments if one is given.
pub(crate) fn may(
    (principal, scope, app): (&Principal, &TeamScope, &App),
    env: Option<&Environment>,
    action: Action,
) -> Result<(), Problem> {
    let role = principal.role_at(scope.team(), Some(app.id), env.map(|env| env.id));
    principal.require(role, action)?;
    env.map_or(Ok(()), |env| protected(principal, env, role, action))
}

/// A protected environment is changed by admins and owners, and by people to whom a role was given on that very
/// environment: whoever gave it meant this one. Its secrets are revealed to owners only.
fn protected(
    principal: &Principal,
    env: &Environment,
    role: Option<Role>,
    action: Action,
) -> Result<(), Problem> {
    let admin = role.is_some_and(|role| role >= Role::Admin);
    let chosen = || {
        let of_it = |grant: &&Grant| grant.environment == Some(env.id);
        let mut roles = principal
            .grants
            .iter()
            .filter(of_it)
            .map(|grant| grant.role);
        roles.any(|role| role.allows(action))
    };
    if env.protected && action == Action::SecretReveal && role != Some(Role::Owner) {
        return Err(Problem::new(
            crate::problem::ProblemCode::Forbidden,
            format!(
                "the environment {} is protected: the team's owners reveal its secrets",
                env.name
            ),
        )
        .hint("ask an owner of the team"));
    }
    if env.protected && action != Action::Read && !admin && !chosen() {
        return Err(Problem::new(
            crate::problem::ProblemCode::Forbidden,
            format!(
                "the environment {} is protected: the team's admins and owners change it, and people with a role on this very environment",
                env.name
            ),
        )
        .hint("ask an admin of the team to do it, or for a role on this environment"));
    }
    Ok(())
}

impl<P> InApp<P> {
    /// Another place in the same app: an environment in which the principal may do `Q`.
    pub(crate) async fn environment<Q: Permission>(
        &self,
        wanted: &str,
    ) -> Result<Environment, Problem> {
        let at = (&self.principal, &self.scope, &self.app);
        sibling(at, wanted, Q::ACTION).await
    }
}

impl<P> InEnv<P> {
    /// Another environment of the same app, in which the principal may do `Q`.
    pub(crate) async fn other<Q: Permission>(&self, wanted: &str) -> Result<InEnv<Q>, Problem> {
        let at = (&self.principal, &self.scope, &self.app);
        let env = sibling(at, wanted, Q::ACTION).await?;
        Ok(InEnv {
            principal: self.principal.clone(),
            team_name: self.team_name.clone(),
            scope: self.scope.clone(),
            app: self.app.clone(),
            env,
            permission: PhantomData,
        })
    }
}

/// An environment of an app by name or id, with what may be done there.
pub(crate) async fn sibling(
    (principal, scope, app): (&Principal, &TeamScope, &App),
    wanted: &str,
    action: Action,
) -> Result<Environment, Problem> {
    let env = find_environment(scope, app, wanted).await?;
    may((principal, scope, app), Some(&env), action)?;
    Ok(env)
}

async fn find_environment(
    scope: &TeamScope,
    app: &App,
    wanted: &str,
) -> Result<Environment, Problem> {
    let env = match wanted.parse() {
        Ok(id) => scope.environment_get(id).await?,
        Err(_) => {
            let name = EnvironmentName::new(wanted).map_err(|_| Problem::not_found())?;
            scope.environment_by_name(app.id, &name).await?
        }
    };
    if env.app != app.id || env.deleted {
        return Err(Problem::not_found());
    }
    Ok(env)
}

impl<P> InEnv<P> {
    /// Path of the environment, for `Location`.
    pub(crate) fn path(&self) -> String {
        format!(
            "/v1/teams/{}/apps/{}/envs/{}",
            self.team_name, self.app.name, self.env.name
        )
    }
}
