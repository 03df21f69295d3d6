//! The people of a team, and their roles on the team, on an app, on an environment.
//!
//! Nobody is put into a team without asking: who is not in it yet is invited (see `invitations`); here a person of the
//! team gets, changes and loses roles. The store judges who may give what, inside of the transaction.

use axum::http::StatusCode;
use axum::response::Response;
use segue_model::access::{Action, Role};
use segue_model::id::UserId;
use segue_model::name::{AppName, EnvironmentName};
use segue_store::{Giver, Member, MemberPlace, NewMember, StoreError, TeamScope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::teams::email;
use crate::auth::place::{InTeam, Members, Permission, Read};
use crate::auth::principal::stored_role;
use crate::auth::reach::Reach;
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{Errors, IdempotencyHeader, TeamPath};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, answer, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(member_list, member_add))
        .routes(routes!(member_get, member_update, member_remove))
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
    /// What they may do on the whole team: `viewer`, `deployer`, `admin`, `owner`. Missing: only what `roles` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<String>,
    /// Every role with its place; the team's first.
    pub roles: Vec<RoleView>,
}

/// A role at a place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = MemberRole)]
pub struct RoleView {
    /// What they may do there.
    pub role: String,
    /// Name of the app; missing: on the whole team.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub app: Option<String>,
    /// Name of the environment of the app; missing: on all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub environment: Option<String>,
}

page! {
    /// People in a team.
    MemberPage of MemberView
}

/// A role to give to a person of the team.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberAdd {
    /// The person's address.
    #[schema(
        max_length = 254,
        pattern = "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+$"
    )]
    pub email: String,
    /// What they may do: `viewer`, `deployer`, `admin`, `owner`; at most the own role.
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
}

/// Another role for a person at a place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberUpdate {
    /// What they may do there from now on; null takes the role there away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, pattern = "^(viewer|deployer|admin|owner)$")]
    pub role: Option<String>,
    /// On this app, by name or id; missing: on the whole team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 40)]
    pub app: Option<String>,
    /// On this environment of the app, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 40)]
    pub environment: Option<String>,
}

impl From<&Member> for MemberView {
    fn from(member: &Member) -> Self {
        let roles = member.roles.iter().map(|given| RoleView {
            role: given.role.to_string(),
            app: given.app.as_ref().map(|app| app.1.to_string()),
            environment: given.environment.as_ref().map(|env| env.1.to_string()),
        });
        Self {
            user: member.user,
            email: member.email.clone(),
            name: member.name.clone(),
            role: member.team_role().map(|role| role.to_string()),
            roles: roles.collect(),
        }
    }
}

/// Who gives a role: the person, bounded by the credential.
pub(super) fn giver<P: Permission>(at: &InTeam<P>) -> Giver {
    Giver::Person {
        user: at.principal.user,
        at_most: stored_role(at.role),
    }
}

/// A role by its word.
pub(super) fn role_word(word: &str) -> Result<Role, Problem> {
    word.parse()
        .map_err(|error| Problem::invalid("/role", error))
}

/// The place that a body names.
pub(super) async fn place(
    scope: &TeamScope,
    app: Option<&str>,
    environment: Option<&str>,
) -> Result<MemberPlace, Problem> {
    let unknown = |pointer: &'static str, what: &'static str| {
        move |error| match error {
            StoreError::NotFound => Problem::invalid(pointer, format!("there is no such {what}")),
            error => Problem::from(error),
        }
    };
    let Some(wanted) = app else {
        return match environment {
            Some(_) => Err(Problem::invalid(
                "/app",
                "an environment is of an app: name it",
            )),
            None => Ok(MemberPlace::default()),
        };
    };
    let app = match wanted.parse() {
        Ok(id) => scope.app_get(id).await,
        Err(_) => match AppName::new(wanted) {
            Ok(name) => scope.app_by_name(&name).await,
            Err(_) => Err(StoreError::NotFound),
        },
    };
    let app = app.map_err(unknown("/app", "app"))?.id;
    let Some(wanted) = environment else {
        return Ok(MemberPlace {
            app: Some(app),
            environment: None,
        });
    };
    let found = match wanted.parse() {
        Ok(id) => scope.environment_get(id).await,
        Err(_) => match EnvironmentName::new(wanted) {
            Ok(name) => scope.environment_by_name(app, &name).await,
            Err(_) => Err(StoreError::NotFound),
        },
    };
    let found = match found {
        Ok(env) if env.app != app || env.deleted => Err(StoreError::NotFound),
        found => found,
    };
    let environment = found.map_err(unknown("/environment", "environment of the app"))?;
    Ok(MemberPlace {
        app: Some(app),
        environment: Some(environment.id),
    })
}

/// Lists the people in a team with their roles.
#[utoipa::path(get, path = "/v1/teams/{team}/members", tag = "teams", params(TeamPath, PageQuery),
    responses((status = 200, description = "People.", body = MemberPage), Errors))]
async fn member_list(
    at: InTeam<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<MemberPage>, Problem> {
    let (members, next_cursor) = query
        .read(|page| at.scope.member_list(page), |member| member.user)
        .await?;
    Ok(ApiJson(MemberPage {
        items: members.iter().map(MemberView::from).collect(),
        next_cursor,
    }))
}

/// Gives a person of the team a role at one more place. Who is not in the team yet is invited.
#[utoipa::path(post, path = "/v1/teams/{team}/members", tag = "teams", params(TeamPath, IdempotencyHeader),
    request_body = MemberAdd,
    responses((status = 201, description = "The person.", body = MemberView), Errors))]
async fn member_add(
    at: InTeam<Members>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<MemberAdd>,
) -> Result<Response, Problem> {
    let role = role_word(&body.role)?;
    let email = email(&body.email, "/email")?;
    let place = place(&at.scope, body.app.as_deref(), body.environment.as_deref()).await?;
    // The same answer for somebody who has an account and for somebody who has none.
    let member = at.scope.member_by_email(&email).await?.ok_or_else(|| {
        Problem::new(ProblemCode::Conflict, "this person is not in the team yet")
            .at("/email", "nobody of the team has this address")
            .hint(format!(
                "invite them: segue teams invite {email} --role {role}"
            ))
    })?;
    let new = NewMember {
        user: member,
        role: stored_role(role),
        app: place.app,
        environment: place.environment,
    };
    let call = call.body(&bytes);
    let respond = |member: &Member| stored(StatusCode::CREATED, &MemberView::from(member), None);
    let done = at
        .scope
        .member_add(giver(&at), new, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

/// Shows a person of the team.
#[utoipa::path(get, path = "/v1/teams/{team}/members/{user}", tag = "teams",
    params(TeamPath, ("user" = String, Path, description = "Id of the person")),
    responses((status = 200, description = "The person.", body = MemberView), Errors))]
async fn member_get(
    at: InTeam<Read>,
    ApiPath((_, user)): ApiPath<(String, String)>,
) -> Result<ApiJson<MemberView>, Problem> {
    let user: UserId = user.parse().map_err(|_| Problem::not_found())?;
    Ok(ApiJson(MemberView::from(&at.scope.member_get(user).await?)))
}

/// Changes a person's role at a place, or takes it away. It counts at once. The answer has no roles if that was the
/// last one.
#[utoipa::path(patch, path = "/v1/teams/{team}/members/{user}", tag = "teams",
    params(TeamPath, ("user" = String, Path, description = "Id of the person")),
    request_body(content = MemberUpdate, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The person.", body = MemberView), Errors))]
async fn member_update(
    at: InTeam<Members>,
    ApiPath((_, user)): ApiPath<(String, String)>,
    ApiJson(body): ApiJson<MemberUpdate>,
) -> Result<ApiJson<MemberView>, Problem> {
    let user: UserId = user.parse().map_err(|_| Problem::not_found())?;
    let role = body.role.as_deref().map(role_word).transpose()?;
    let place = place(&at.scope, body.app.as_deref(), body.environment.as_deref()).await?;
    let before = at.scope.member_get(user).await?;
    let after = at
        .scope
        .member_set(giver(&at), user, role.map(stored_role), place)
        .await?;
    let after = after.unwrap_or(Member {
        roles: Vec::new(),
        ..before
    });
    Ok(ApiJson(MemberView::from(&after)))
}

/// Takes every role of a person in a team, and ends the tokens that they made for it. Everybody may leave.
#[utoipa::path(delete, path = "/v1/teams/{team}/members/{user}", tag = "teams",
    params(TeamPath, ("user" = String, Path, description = "Id of the person")),
    responses((status = 204, description = "They are not in the team any more."), Errors))]
async fn member_remove(
    at: Reach<Read>,
    ApiPath((_, user)): ApiPath<(String, String)>,
) -> Result<StatusCode, Problem> {
    let user: Option<UserId> = user.parse().ok();
    if user == Some(at.principal.user) {
        // Leaving is what a person does with a credential for everything, not a deploy token.
        at.scopes(Action::Members)?;
    } else {
        at.require(Action::Members)?;
    }
    let user = user.ok_or_else(Problem::not_found)?;
    let by = Giver::Person {
        user: at.principal.user,
        at_most: stored_role(at.role),
    };
    at.scope.member_remove(by, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
