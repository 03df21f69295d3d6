//! Teams and their members.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use segue_model::access::{Role, Scopes};
use segue_model::id::{TeamId, TokenId, UserId};
use segue_model::name::TeamName;
use segue_store::{Actor, Done, Member, NewMember, NewToken, TeamContext, TeamScope, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::me::{DEFAULT_DAYS, in_days, prefix};
use crate::auth::place::{InTeam, Members, Read};
use crate::auth::principal::{PlatformAdmin, Principal, role, stored_role};
use crate::auth::token;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::page;
use crate::wire::params::{Errors, TeamPath};
use crate::wire::query::ApiPath;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(team_list, team_create))
        .routes(routes!(team_get))
        .routes(routes!(member_list, member_add))
        .routes(routes!(member_remove))
}

/// A team.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Team {
    /// Its id.
    #[schema(value_type = String)]
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// The own role in it: `viewer`, `deployer`, `admin`, `owner`.
    pub role: String,
    /// A token for it: only in the answer that made the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub token: Option<String>,
}

page! {
    /// Teams that the token reaches.
    TeamPage of Team
}

/// A new team.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamCreate {
    /// Its name, unique in the installation.
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub name: String,
}

/// A person in a team.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberView {
    /// The person.
    #[schema(value_type = String)]
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do: `viewer`, `deployer`, `admin`, `owner`.
    pub role: String,
    /// A first token for a person who was not known before: only in the answer that added them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub token: Option<String>,
}

page! {
    /// People in a team.
    MemberPage of MemberView
}

/// A person to add.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberAdd {
    /// Their address.
    #[schema(max_length = 254)]
    pub email: String,
    /// Their name, if they are not known yet.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub name: String,
    /// What they may do: `viewer`, `deployer`, `admin`, `owner`; at most the own role.
    pub role: String,
}

impl From<&Member> for MemberView {
    fn from(member: &Member) -> Self {
        Self {
            user: member.user,
            email: member.email.clone(),
            name: member.name.clone(),
            role: member.role.to_string(),
            token: None,
        }
    }
}

/// Lists the teams that the token reaches.
#[utoipa::path(get, path = "/v1/teams", tag = "teams",
    responses((status = 200, description = "Teams.", body = TeamPage), Errors))]
async fn team_list(principal: Principal) -> Result<ApiJson<TeamPage>, Problem> {
    let own = principal.role_at(None, None).unwrap_or(Role::Viewer);
    let team = principal.grants.first().map(|grant| Team {
        id: grant.team,
        name: grant.team_name.clone(),
        role: own.to_string(),
        token: None,
    });
    Ok(ApiJson(TeamPage {
        items: team.into_iter().collect(),
        next_cursor: None,
    }))
}

/// Makes a team, owned by the one who asks. For the people who run the installation.
#[utoipa::path(post, path = "/v1/teams", tag = "teams", request_body = TeamCreate,
    responses((status = 201, description = "The team, with a token for it.", body = Team), Errors))]
async fn team_create(
    PlatformAdmin(principal): PlatformAdmin,
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<TeamCreate>,
) -> Result<Response, Problem> {
    let name = TeamName::new(body.name).map_err(|error| Problem::invalid("/name", error))?;
    let team = state
        .store()
        .auth()
        .team_create(&name, principal.user)
        .await?;
    let scope = state
        .store()
        .team(&TeamContext::new(team, Actor::User(principal.user)));
    let token = first_token(&scope, principal.user, Role::Owner, "first token").await?;
    let body = Team {
        id: team,
        name: name.to_string(),
        role: Role::Owner.to_string(),
        token: Some(token),
    };
    Ok((StatusCode::CREATED, ApiJson(body)).into_response())
}

/// Makes a person's first token in a team.
pub(super) async fn first_token(
    scope: &TeamScope,
    user: UserId,
    role: Role,
    name: &str,
) -> Result<String, Problem> {
    let (secret, hash) = token::generate();
    let new = NewToken {
        id: TokenId::from_uuid(fresh_id()),
        name: name.to_owned(),
        prefix: prefix(&hash),
        hash,
        role: stored_role(role),
        scopes: Scopes::full().0.iter().map(ToString::to_string).collect(),
        app: None,
        address_ranges: Vec::new(),
        expires_at: in_days(DEFAULT_DAYS),
        created_by: user,
    };
    match scope.token_create(&new, None).await? {
        Done::Fresh(_) => Ok(token::reveal(&secret)),
        Done::Replayed(_) => Err(Problem::new(
            ProblemCode::Conflict,
            "the token exists already",
        )),
    }
}

/// Shows a team.
#[utoipa::path(get, path = "/v1/teams/{team}", tag = "teams", params(TeamPath),
    responses((status = 200, description = "The team.", body = Team), Errors))]
async fn team_get(at: InTeam<Read>) -> ApiJson<Team> {
    ApiJson(Team {
        id: at.team,
        name: at.team_name,
        role: at.role.to_string(),
        token: None,
    })
}

/// Lists the people in a team.
#[utoipa::path(get, path = "/v1/teams/{team}/members", tag = "teams", params(TeamPath),
    responses((status = 200, description = "People.", body = MemberPage), Errors))]
async fn member_list(at: InTeam<Read>) -> Result<ApiJson<MemberPage>, Problem> {
    let members = at.scope.member_list().await?;
    let items = members
        .iter()
        .filter(|member| member.app.is_none() && member.environment.is_none())
        .map(MemberView::from)
        .collect();
    Ok(ApiJson(MemberPage {
        items,
        next_cursor: None,
    }))
}

/// Adds a person to a team. A person who was not known gets a first token.
#[utoipa::path(post, path = "/v1/teams/{team}/members", tag = "teams", params(TeamPath),
    request_body = MemberAdd,
    responses((status = 201, description = "The person.", body = MemberView), Errors))]
async fn member_add(
    at: InTeam<Members>,
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<MemberAdd>,
) -> Result<Response, Problem> {
    let wanted: Role = body
        .role
        .parse()
        .map_err(|error| Problem::invalid("/role", error))?;
    if !at.role.may_grant(wanted) {
        return Err(Problem::new(
            ProblemCode::Forbidden,
            "nobody grants above his own role",
        ));
    }
    let email = email(&body.email, "/email")?;
    let auth = state.store().auth();
    let (user, name, known) = match auth.user_by_email(&email).await? {
        Some((user, _)) => (user.id, user.name, true),
        None => {
            let name = person_name(&body.name, &email, "/name")?;
            (
                auth.user_create(&email, &name, None, false).await?,
                name,
                false,
            )
        }
    };
    let new = NewMember {
        user,
        role: stored_role(wanted),
        app: None,
        environment: None,
    };
    at.scope.member_add(new, None).await?;
    let token = if known {
        None
    } else {
        Some(first_token(&at.scope, user, wanted, "first token").await?)
    };
    let view = MemberView {
        user,
        email,
        name,
        role: wanted.to_string(),
        token,
    };
    Ok((StatusCode::CREATED, ApiJson(view)).into_response())
}

/// Checks an e-mail address as far as that makes sense; lower case.
pub(super) fn email(text: &str, pointer: &str) -> Result<String, Problem> {
    let lower = text.trim().to_lowercase();
    let fine = (3..=254).contains(&lower.len())
        && lower.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && !host.is_empty() && !host.contains('@')
        })
        && lower.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if fine {
        Ok(lower)
    } else {
        Err(Problem::invalid(pointer, "not an e-mail address"))
    }
}

/// A person's name; what stands before the @ if none was given.
pub(super) fn person_name(name: &str, email: &str, pointer: &str) -> Result<String, Problem> {
    let name = match name.trim() {
        "" => email.split('@').next().unwrap_or(email),
        name => name,
    };
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Problem::invalid(pointer, "1 to 100 characters"));
    }
    Ok(name.to_owned())
}

/// Takes every role of a person in a team.
#[utoipa::path(delete, path = "/v1/teams/{team}/members/{user}", tag = "teams",
    params(TeamPath, ("user" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "They are not in the team any more."), Errors))]
async fn member_remove(
    at: InTeam<Members>,
    ApiPath((_, user)): ApiPath<(String, String)>,
) -> Result<StatusCode, Problem> {
    let user: UserId = user.parse().map_err(|_| Problem::not_found())?;
    let members = at.scope.member_list().await?;
    let strongest = members
        .iter()
        .filter(|member| member.user == user)
        .map(|member| role(member.role))
        .max()
        .ok_or_else(Problem::not_found)?;
    if !at.role.may_grant(strongest) {
        return Err(Problem::new(
            ProblemCode::Forbidden,
            "nobody takes a role above his own",
        ));
    }
    at.scope.member_remove(user).await?;
    Ok(StatusCode::NO_CONTENT)
}
