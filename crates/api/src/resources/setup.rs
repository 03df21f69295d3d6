//! The first person and the first team, by a one-time link; as an operation and as a small page.

use std::net::IpAddr;

use axum::Extension;
use axum::extract::FromRequest;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Form, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use segue_model::access::Role;
use segue_model::id::{TeamId, UserId};
use segue_model::name::TeamName;
use segue_store::{Actor, Setup, TeamContext};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::teams::{email, first_token, person_name};
use crate::auth::{password, token};
use crate::problem::{Bare, Problem, ProblemCode};
use crate::serve::accept::Peer;
use crate::state::ApiState;
use crate::wire::json::ApiJson;
use crate::wire::params::Errors;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(setup_create))
}

/// The page at `/setup`.
pub(crate) fn page() -> axum::Router<ApiState> {
    axum::Router::new().route("/setup", axum::routing::get(page_show).post(page_send))
}

/// The first person and the first team.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupCreate {
    /// The one-time token that the server printed.
    #[schema(format = Password)]
    pub token: String,
    /// The person's e-mail address.
    #[schema(max_length = 254)]
    pub email: String,
    /// Their name.
    #[serde(default)]
    #[schema(max_length = 100)]
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
}

/// Makes the first person and the first team, with the one-time token that the server printed at its start.
#[utoipa::path(post, path = "/v1/setup", tag = "setup", security(()), request_body = SetupCreate,
    responses((status = 201, description = "It is set up.", body = SetupDone), Errors))]
async fn setup_create(
    State(state): State<ApiState>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    ApiJson(body): ApiJson<SetupCreate>,
) -> Result<Response, Problem> {
    let done = set_up(&state, peer.and_then(|peer| peer.0.0.0), body).await?;
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, ApiJson(done)).into_response())
}

fn refused() -> Problem {
    Problem::new(
        ProblemCode::SetupRefused,
        "the link was used, is older than 30 minutes, or is not complete",
    )
    .hint("print a new one on the server: segue admin setup-link")
}

async fn set_up(
    state: &ApiState,
    address: Option<IpAddr>,
    body: SetupCreate,
) -> Result<SetupDone, Problem> {
    state.failures().check(address)?;
    let done = try_set_up(state, body).await;
    if done
        .as_ref()
        .is_err_and(|problem| problem.code == ProblemCode::SetupRefused)
    {
        state.failures().note(address);
    }
    done
}

async fn try_set_up(state: &ApiState, body: SetupCreate) -> Result<SetupDone, Problem> {
    let hash = token::parse(&body.token).ok_or_else(refused)?;
    let email = email(&body.email, "/email")?;
    let name = person_name(&body.name, &email, "/name")?;
    let team_name = TeamName::new(body.team).map_err(|error| Problem::invalid("/team", error))?;
    let secret = SecretString::from(body.password);
    password::check_form(&secret, "/password")?;
    let auth = state.store().auth();
    // Hashing costs; nobody pays for it without a reason to believe in the token.
    if auth.is_set_up().await? {
        return Err(refused());
    }
    let setup = Setup {
        email,
        name,
        password_hash: password::hash(secret).await?,
        team_name,
    };
    let (user, team) = auth.setup(&hash, &setup).await?.ok_or_else(refused)?;
    let scope = state
        .store()
        .team(&TeamContext::new(team, Actor::User(user)));
    let token = first_token(&scope, user, Role::Owner, "set-up").await?;
    Ok(SetupDone {
        user,
        team_id: team,
        team: setup.team_name.to_string(),
        token,
    })
}

#[derive(Deserialize)]
struct PageQuery {
    #[serde(default)]
    token: String,
}

async fn page_show(query: Result<Query<PageQuery>, QueryRejection>) -> Response {
    let token = query.map(|query| query.0.token).unwrap_or_default();
    html(StatusCode::OK, &form(&token, "", "", None))
}

async fn page_send(
    State(state): State<ApiState>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    request: Request,
) -> Response {
    let address = peer.and_then(|peer| peer.0.0.0);
    let Ok(Form(body)) = Form::<SetupCreate>::from_request(request, &state).await else {
        let text = form("", "", "", Some("The form was not complete."));
        return html(StatusCode::BAD_REQUEST, &text);
    };
    let (token, email, team) = (body.token.clone(), body.email.clone(), body.team.clone());
    match set_up(&state, address, body).await {
        Ok(done) => {
            let server = escape(&state.config().public_url);
            let text = format!(
                "<h1>Team {} is ready</h1><p>This is your API token. It is shown once.</p>\
                 <pre>{}</pre><p>Sign in on the command line:</p>\
                 <pre>segue login --server {server}</pre>",
                escape(&done.team),
                escape(&done.token),
            );
            html(StatusCode::CREATED, &text)
        }
        Err(problem) => {
            let text = form(&token, &email, &team, Some(&problem.detail));
            html(problem.code.status(), &text)
        }
    }
}

fn form(token: &str, email: &str, team: &str, fault: Option<&str>) -> String {
    let fault = fault
        .map(|fault| format!("<p role=\"alert\"><strong>{}</strong></p>", escape(fault)))
        .unwrap_or_default();
    let (token, email, team) = (escape(token), escape(email), escape(team));
    format!(
        "<h1>Set up Segue</h1>{fault}<form method=\"post\" action=\"/setup\">\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\
         <p><label>E-mail<br><input name=\"email\" type=\"email\" required maxlength=\"254\" \
         autocomplete=\"username\" value=\"{email}\"></label></p>\
         <p><label>Password, at least 10 characters<br><input name=\"password\" type=\"password\" required \
         minlength=\"10\" maxlength=\"256\" autocomplete=\"new-password\"></label></p>\
         <p><label>Name of your team (a-z, 0-9, dashes)<br><input name=\"team\" required maxlength=\"40\" \
         pattern=\"[a-z][a-z0-9]*(-[a-z0-9]+)*\" value=\"{team}\"></label></p>\
         <p><button>Create the owner account</button></p></form>"
    )
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

fn html(status: StatusCode, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Segue</title></head>\
         <body><main>{body}</main></body></html>"
    );
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // The link carries a token: it must not travel on as a referrer.
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            ),
        ),
        (
            HeaderName::from_static("x-content-type-options"),
            HeaderValue::from_static("nosniff"),
        ),
    ];
    let mut response = (status, headers, text).into_response();
    response.extensions_mut().insert(Bare);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_typed_cannot_become_markup() {
        let page = form("\"><script>", "a@b\" autofocus", "<b>", Some("<i>"));
        for bad in ["<script>", "b\" autofocus", "<b>", "<i>"] {
            assert!(!page.contains(bad), "{bad}");
        }
    }
}
