//! Teams: what one is a member of, its name, its end.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use segue_model::access::{Role, Scopes};
use segue_model::id::{TeamId, TokenId, UserId};
use segue_model::name::TeamName;
use segue_store::{Actor, Done, NewToken, TeamContext, TeamScope, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::me::DEFAULT_DAYS;
use super::tokens::{in_days, prefix};
use crate::auth::place::{self, InTeam, Read};
use crate::auth::principal::{PlatformAdmin, Principal, stored_role};
use crate::auth::reach::Reach;
use crate::auth::token;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{Errors, TeamPath};
use crate::wire::query::ApiQuery;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(team_list, team_create))
        .routes(routes!(team_get, team_update, team_delete))
}

/// A team.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Team {
    /// Its id.
    #[schema(value_type = String)]
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// The own role in it, the strongest of several: `viewer`, `deployer`, `admin`, `owner`.
    pub role: String,
    /// A token for it: only in the answer that made the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub token: Option<String>,
}

page! {
    /// A page of the teams that the credential reaches, by name.
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

/// What may change of a team.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamUpdate {
    /// Another name. The old one stays the team's: nobody else ever gets it.
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub name: String,
}

/// Lists the teams that the credential reaches.
#[utoipa::path(get, path = "/v1/teams", tag = "teams", params(PageQuery),
    responses((status = 200, description = "Teams.", body = TeamPage), Errors))]
async fn team_list(
    principal: Principal,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<TeamPage>, Problem> {
    let teams = principal.teams().into_iter().map(|(id, name)| Team {
        id,
        name: name.to_owned(),
        role: principal.strongest(id).unwrap_or(Role::Viewer).to_string(),
        token: None,
    });
    let (items, next_cursor) =
        query.of_all(teams.collect(), |team| (team.name.clone(), team.id))?;
    Ok(ApiJson(TeamPage { items, next_cursor }))
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
    // By the person: a token of another team has no name in this one.
    let context = TeamContext {
        actor: Actor::User(principal.user),
        ..principal.platform_context()
    };
    let platform = state.store().platform(context);
    let team = platform.team_create(&name, principal.user).await?;
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
async fn team_get(at: Reach<Read>) -> ApiJson<Team> {
    ApiJson(Team {
        id: at.team,
        name: at.team_name,
        role: at.role.to_string(),
        token: None,
    })
}

/// Gives a team another name. For its owners. Paths and git addresses with the old name end at once.
#[utoipa::path(patch, path = "/v1/teams/{team}", tag = "teams", params(TeamPath),
    request_body(content = TeamUpdate, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The team.", body = Team), Errors))]
async fn team_update(
    at: InTeam<place::Team>,
    ApiJson(body): ApiJson<TeamUpdate>,
) -> Result<ApiJson<Team>, Problem> {
    let name = TeamName::new(body.name).map_err(|error| Problem::invalid("/name", error))?;
    at.scope.team_rename(&name).await?;
    Ok(ApiJson(Team {
        id: at.team,
        name: name.to_string(),
        role: at.role.to_string(),
        token: None,
    }))
}

/// Removes a team that has no apps. For its owners; a session must have been confirmed (`POST /v1/auth/confirm`). Its name
/// is never given again.
#[utoipa::path(delete, path = "/v1/teams/{team}", tag = "teams", params(TeamPath),
    responses((status = 204, description = "Nobody reaches it any more."), Errors))]
async fn team_delete(at: InTeam<place::Team>) -> Result<StatusCode, Problem> {
    at.principal.require_confirmed()?;
    at.scope.team_delete().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks an e-mail address as far as that makes sense; lower case.
pub(super) fn email(text: &str, pointer: &str) -> Result<String, Problem> {
    let lower = text.trim().to_lowercase();
    let fine = (3..=254).contains(&text.chars().count())
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
