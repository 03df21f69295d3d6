//! Hooks of an app: addresses that forges call when something was pushed, and what they said.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use segue_model::Timestamp;
use segue_model::id::{DeliveryId, DeploymentId, HookId};
use segue_store::seal::SecretBytes;
use segue_store::{Done, HookDelivery, HookKind, HookState, HookView, NewHook, fresh_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::place::{Create, Delete, InApp, Read};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::{PageQuery, page};
use crate::wire::params::{AppPath, Errors, IdempotencyHeader};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, send, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(hook_list, hook_create))
        .routes(routes!(hook_delete))
        .routes(routes!(hook_delivery_list))
}

/// What the secrets of Standard Webhooks begin with.
pub(super) const STANDARD_PREFIX: &str = "whsec_";

/// Who calls a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Forge {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea and Forgejo.
    Gitea,
    /// Anything that signs as Standard Webhooks says.
    Generic,
}

impl From<Forge> for HookKind {
    fn from(forge: Forge) -> Self {
        match forge {
            Forge::Github => Self::Github,
            Forge::Gitlab => Self::Gitlab,
            Forge::Gitea => Self::Gitea,
            Forge::Generic => Self::Generic,
        }
    }
}

impl From<HookKind> for Forge {
    fn from(kind: HookKind) -> Self {
        match kind {
            HookKind::Github => Self::Github,
            HookKind::Gitlab => Self::Gitlab,
            HookKind::Gitea => Self::Gitea,
            HookKind::Generic => Self::Generic,
        }
    }
}

/// A hook.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Hook {
    /// Its id.
    #[schema(value_type = String)]
    pub id: HookId,
    /// Who calls.
    pub kind: Forge,
    /// The address to be called with POST, as JSON.
    pub url: String,
    /// What the caller signs with: only in the answer that made it, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub secret: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub called_at: Option<Timestamp>,
}

page! {
    /// A page of hooks, oldest first.
    HookPage of Hook
}

/// A new hook.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HookCreate {
    /// Who will call.
    pub kind: Forge,
}

/// A call that proved itself.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HookCall {
    /// Its id.
    #[schema(value_type = String)]
    pub id: DeliveryId,
    /// What the caller calls it.
    pub delivery: String,
    /// What became of it: `pending`, `done`, `ignored`, `failed`.
    pub state: String,
    /// What was pushed.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reference: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub commit: Option<String>,
    /// One sentence.
    pub detail: String,
    /// The deployment it led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    pub deployment: Option<DeploymentId>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
}

page! {
    /// A page of calls, newest first.
    HookCallPage of HookCall
}

fn view(kept: &HookView, public_url: &str) -> Hook {
    Hook {
        id: kept.id,
        kind: kept.kind.into(),
        url: format!("{public_url}/v1/hooks/{}", kept.id),
        secret: None,
        created_by: kept.created_by.clone(),
        created_at: kept.created_at,
        called_at: kept.called_at,
    }
}

impl From<HookDelivery> for HookCall {
    fn from(kept: HookDelivery) -> Self {
        let state: HookState = kept.state;
        Self {
            id: kept.id,
            delivery: kept.delivery,
            state: state.as_str().to_owned(),
            reference: kept.git_ref.map(|name| name.to_string()),
            commit: kept.commit,
            detail: kept.detail,
            deployment: kept.deployment,
            received_at: kept.received_at,
        }
    }
}

/// Lists hooks of an app, oldest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/hooks", tag = "outside", params(AppPath, PageQuery),
    responses((status = 200, description = "Hooks.", body = HookPage), Errors))]
async fn hook_list(
    at: InApp<Read>,
    State(state): State<ApiState>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<HookPage>, Problem> {
    let (found, next_cursor) = query
        .read(|page| at.scope.hook_list(at.app.id, page), |hook| hook.id)
        .await?;
    let url = &state.config().public_url;
    let items = found.iter().map(|hook| view(hook, url)).collect();
    Ok(ApiJson(HookPage { items, next_cursor }))
}

/// Makes an address that a forge calls when something was pushed. Its secret is shown once.
#[utoipa::path(post, path = "/v1/teams/{team}/apps/{app}/hooks", tag = "outside",
    params(AppPath, IdempotencyHeader), request_body = HookCreate,
    responses((status = 201, description = "The hook, with its secret.", body = Hook), Errors))]
async fn hook_create(
    at: InApp<Create>,
    State(state): State<ApiState>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<HookCreate>,
) -> Result<Response, Problem> {
    let random = rand::random::<[u8; 32]>();
    let secret = match body.kind {
        Forge::Generic => format!("{STANDARD_PREFIX}{}", STANDARD.encode(random)),
        Forge::Github | Forge::Gitlab | Forge::Gitea => hex::encode(random),
    };
    let new = NewHook {
        id: HookId::from_uuid(fresh_id()),
        kind: body.kind.into(),
        secret: SecretBytes::from(secret.clone()),
    };
    let url = &state.config().public_url;
    let call = call.body(&bytes);
    let respond = |hook: &HookView| stored(StatusCode::CREATED, &view(hook, url), None);
    let done = at
        .scope
        .hook_create(at.app.id, &new, call.idempotency(&respond))
        .await?;
    Ok(match done {
        Done::Fresh(hook) => {
            let mut shown = view(&hook, url);
            shown.secret = Some(secret);
            (
                StatusCode::CREATED,
                [(CACHE_CONTROL, "no-store")],
                ApiJson(shown),
            )
                .into_response()
        }
        // What is kept has no secret in it.
        Done::Replayed(kept) => send(kept),
    })
}

/// Removes a hook: calls of it are answered as calls of one that never was.
#[utoipa::path(delete, path = "/v1/teams/{team}/apps/{app}/hooks/{hook}", tag = "outside",
    params(AppPath, ("hook" = String, Path, description = "Id of the hook")),
    responses((status = 204, description = "It is gone."), Errors))]
async fn hook_delete(
    at: InApp<Delete>,
    ApiPath((_, _, id)): ApiPath<(String, String, HookId)>,
) -> Result<StatusCode, Problem> {
    at.scope.hook_delete(at.app.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists calls of a hook that proved themselves, newest first.
#[utoipa::path(get, path = "/v1/teams/{team}/apps/{app}/hooks/{hook}/deliveries", tag = "outside",
    params(AppPath, ("hook" = String, Path, description = "Id of the hook"), PageQuery),
    responses((status = 200, description = "Calls.", body = HookCallPage), Errors))]
async fn hook_delivery_list(
    at: InApp<Read>,
    ApiPath((_, _, id)): ApiPath<(String, String, HookId)>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<HookCallPage>, Problem> {
    let (found, next_cursor) = query
        .read(
            |page| at.scope.hook_delivery_list(at.app.id, id, page),
            |call| call.id,
        )
        .await?;
    let items = found.into_iter().map(HookCall::from).collect();
    Ok(ApiJson(HookCallPage { items, next_cursor }))
}
