//! The first person and the first team, by a one-time link.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use secrecy::SecretString;
use segue_model::access::Role;
use segue_model::id::{TeamId, UserId};
use segue_model::name::TeamName;
use segue_store::{Actor, Setup, SetupState, TeamContext};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::teams::{email, first_token, person_name};
use crate::auth::session::{self, Client, SignedIn};
use crate::auth::token::TokenHash;
use crate::auth::{password, token};
use crate::problem::{Problem, ProblemCode};
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::Errors;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(setup_create))
}

/// The first person and the first team.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupCreate {
    /// The one-time token that the server printed.
    #[schema(format = Password)]
    pub token: String,
    /// The person's e-mail address.
    #[schema(
        max_length = 254,
        pattern = "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+$"
    )]
    pub email: String,
    /// Their name.
    #[serde(default)]
    #[schema(max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub name: String,
    /// At least 10 characters.
    #[schema(min_length = 10, max_length = 256, format = Password)]
    pub password: String,
    /// Name of the first team.
    #[schema(max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    pub team: String,
}

/// What was set up.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SetupDone {
    /// The person.
    #[schema(value_type = String)]
    pub user: UserId,
    /// The team.
    #[schema(value_type = String)]
    pub team_id: TeamId,
    /// Its name.
    pub team: String,
    /// An API token, shown once: `segue login --token`.
    pub token: String,
    /// The person is signed in; the answer sets the refresh cookie.
    pub signed_in: SignedIn,
}

/// Makes the first person and the first team, with the one-time token that the server printed at its start.
#[utoipa::path(post, path = "/v1/setup", tag = "setup", security(()), request_body = SetupCreate,
    responses((status = 201, description = "It is set up.", body = SetupDone), Errors))]
async fn setup_create(
    State(state): State<ApiState>,
    client: Client,
    ApiJson(body): ApiJson<SetupCreate>,
) -> Result<Response, Problem> {
    let (done, cookie) = set_up(&state, &client, body).await?;
    let mut response = session::answer(done, cookie);
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Why a link cannot be used, and what to do; `None` if it can.
fn refused(state: SetupState) -> Option<Problem> {
    let (sentence, hint) = match state {
        SetupState::Good => return None,
        SetupState::Used => (
            "this link was used: the owner account exists",
            "sign in with the address and the password that were given then",
        ),
        SetupState::SetUp => (
            "this installation has an owner account already",
            "sign in, or ask an admin of your team for an invitation",
        ),
        SetupState::Expired => (
            "this link is older than 30 minutes, or a newer one was printed",
            "print a new one on the server: segue admin setup-link",
        ),
        SetupState::Unknown => (
            "this link is not one of this server, or not complete",
            "copy the whole link, or print a new one on the server: segue admin setup-link",
        ),
    };
    Some(Problem::new(ProblemCode::SetupRefused, sentence).hint(hint))
}

async fn set_up(
    state: &ApiState,
    client: &Client,
    body: SetupCreate,
) -> Result<(SetupDone, HeaderValue), Problem> {
    let address = client.address;
    state.failures().check(address)?;
    let done = try_set_up(state, client, body).await;
    if done
        .as_ref()
        .is_err_and(|problem| problem.code == ProblemCode::SetupRefused)
    {
        state.failures().note(address);
    }
    done
}

/// Whether the link can be used.
async fn check(state: &ApiState, token: &str) -> Result<TokenHash, Problem> {
    let known = match token::parse(token) {
        Some(hash) => (hash, state.store().auth().setup_state(&hash).await?),
        None => ([0; 32], SetupState::Unknown),
    };
    refused(known.1).map_or(Ok(known.0), Err)
}

async fn try_set_up(
    state: &ApiState,
    client: &Client,
    body: SetupCreate,
) -> Result<(SetupDone, HeaderValue), Problem> {
    // Hashing costs; nobody pays for it without a reason to believe in the token.
    let hash = check(state, &body.token).await?;
    let email = email(&body.email, "/email")?;
    let name = person_name(&body.name, &email, "/name")?;
    let team_name = TeamName::new(body.team).map_err(|error| Problem::invalid("/team", error))?;
    let secret = SecretString::from(body.password);
    password::check_form(&secret, "/password")?;
    let sign_in = state
        .store()
        .sign_in(client.request_id.clone(), client.address);
    let setup = Setup {
        email,
        name,
        password_hash: password::hash(secret).await?,
        team_name,
    };
    let Some((user, team)) = sign_in.setup(&hash, &setup).await? else {
        // Somebody was faster, or it ended while the password was hashed.
        check(state, &body.token).await?;
        return Err(Problem::new(
            ProblemCode::Conflict,
            "somebody else used this link at the same moment",
        ));
    };
    let scope = state
        .store()
        .team(&TeamContext::new(team, Actor::User(user)));
    let token = first_token(&scope, user, Role::Owner, "set-up").await?;
    let record = state.store().auth().user(user).await?;
    let record = record.ok_or_else(Problem::not_found)?;
    let (signed_in, cookie) = session::start(state, &record, client).await?;
    let done = SetupDone {
        user,
        team_id: team,
        team: setup.team_name.to_string(),
        token,
        signed_in,
    };
    Ok((done, cookie))
}
