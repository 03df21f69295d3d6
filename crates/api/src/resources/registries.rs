//! Credentials for image registries and git servers. A password goes in and never comes out.

use axum::http::StatusCode;
use axum::response::Response;
use segue_model::Timestamp;
use segue_model::id::CredentialId;
use segue_store::seal::SecretBytes;
use segue_store::{CredentialKind, CredentialView, NewCredential, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{InTeam, Members, Read};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{Errors, IdempotencyHeader, TeamPath};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, answer, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(registry_list, registry_create))
        .routes(routes!(registry_delete))
}

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegistryKind {
    /// Pulling images from a registry.
    Registry,
    /// Fetching from a git server, and telling it how deployments of its commits go.
    Git,
}

impl From<RegistryKind> for CredentialKind {
    fn from(kind: RegistryKind) -> Self {
        match kind {
            RegistryKind::Registry => Self::Registry,
            RegistryKind::Git => Self::Git,
        }
    }
}

/// A credential, without its password.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Registry {
    /// Its id.
    #[schema(value_type = String)]
    pub id: CredentialId,
    /// What it is for.
    pub kind: RegistryKind,
    /// Host, with a port where it is not the usual one.
    pub host: String,
    /// Name of the account.
    pub username: String,
    /// Who set it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

page! {
    /// A page of credentials, oldest first.
    RegistryPage of Registry
}

/// A new credential. To change one, remove it and make it anew.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryCreate {
    /// What it is for.
    pub kind: RegistryKind,
    /// Host, with a port where it is not the usual one: `ghcr.io`, `git.example.com:8443`.
    #[schema(
        min_length = 1,
        max_length = 260,
        pattern = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$"
    )]
    pub host: String,
    /// Name of the account.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^:\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    pub username: String,
    /// Password or token. It is sealed and never shown again.
    #[schema(
        min_length = 1,
        max_length = 4096,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$",
        write_only
    )]
    pub password: String,
}

impl From<&CredentialView> for Registry {
    fn from(view: &CredentialView) -> Self {
        Self {
            id: view.id,
            kind: match view.kind {
                CredentialKind::Registry => RegistryKind::Registry,
                CredentialKind::Git => RegistryKind::Git,
            },
            host: view.host.clone(),
            username: view.user_name.clone(),
            created_by: view.created_by.clone(),
            created_at: view.created_at,
        }
    }
}

/// Lists the team's credentials for registries and git servers, oldest first, without passwords.
#[utoipa::path(get, path = "/v1/teams/{team}/registries", tag = "outside", params(TeamPath, PageQuery),
    responses((status = 200, description = "Credentials.", body = RegistryPage), Errors))]
async fn registry_list(
    at: InTeam<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<RegistryPage>, Problem> {
    let (found, next_cursor) = query
        .read(|page| at.scope.credential_list(page), |view| view.id)
        .await?;
    let items = found.iter().map(Registry::from).collect();
    Ok(ApiJson(RegistryPage { items, next_cursor }))
}

/// Keeps a credential for a registry or a git server.
#[utoipa::path(post, path = "/v1/teams/{team}/registries", tag = "outside", params(TeamPath, IdempotencyHeader),
    request_body = RegistryCreate,
    responses((status = 201, description = "The credential, without its password.", body = Registry), Errors))]
async fn registry_create(
    at: InTeam<Members>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<RegistryCreate>,
) -> Result<Response, Problem> {
    if !is_host(&body.host) {
        return Err(Problem::invalid(
            "/host",
            "a host in small letters, with a port if it is not the usual one",
        ));
    }
    let line = |text: &str, most: usize| {
        !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
    };
    // A colon would end the name where it is sent.
    if !line(&body.username, 200) || body.username.contains(':') {
        return Err(Problem::invalid(
            "/username",
            "1 to 200 characters, without `:` and control characters",
        ));
    }
    if !line(&body.password, 4096) {
        return Err(Problem::invalid(
            "/password",
            "1 to 4096 characters, without control characters",
        ));
    }
    let new = NewCredential {
        id: CredentialId::from_uuid(fresh_id()),
        kind: body.kind.into(),
        host: body.host,
        user_name: body.username,
        password: SecretBytes::from(body.password),
    };
    let call = call.body(&bytes);
    let respond = |view: &CredentialView| stored(StatusCode::CREATED, &Registry::from(view), None);
    let done = at
        .scope
        .credential_create(&new, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

fn is_host(text: &str) -> bool {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let digits =
        |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 260
        && edge(name.chars().next())
        && edge(name.chars().next_back())
        && name.chars().all(inside)
        && port.is_none_or(digits)
}

/// Takes a credential away.
#[utoipa::path(delete, path = "/v1/teams/{team}/registries/{registry}", tag = "outside",
    params(TeamPath, ("registry" = String, Path, description = "Id of the credential")),
    responses((status = 204, description = "It is gone."), Errors))]
async fn registry_delete(
    at: InTeam<Members>,
    ApiPath((_, id)): ApiPath<(String, CredentialId)>,
) -> Result<StatusCode, Problem> {
    at.scope.credential_delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
