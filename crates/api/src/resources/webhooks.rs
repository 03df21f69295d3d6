//! Who is told of events: programs (Standard Webhooks), chat rooms (Slack, Mattermost) and people (mail).
//!
//! Invariants: the address is checked in its form here and in where it leads each time something is sent; address and
//! signing secret are sealed, the secret is shown once. What is told is decided by the database with the event, and
//! sent by the worker. Must not: know how a body is checked (`webhooks_body`).

use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use segue_model::id::{DeliveryId, WebhookId};
use segue_model::name::AppName;
use segue_store::seal::SecretBytes;
use segue_store::{Done, NewWebhook, WebhookDelivery, WebhookPatch, WebhookView, fresh_id};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::hooks::STANDARD_PREFIX;
use super::webhooks_body::{
    Channel, DEFAULT_EVENTS, Webhook, WebhookCreate, WebhookDelivered, WebhookDeliveredPage,
    WebhookPage, WebhookUpdate, events, name, place,
};
use crate::auth::place::{InTeam, Members, Read};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::headers::{IfMatch, etag};
use crate::wire::json::{ApiJson, ApiJsonBytes};
use crate::wire::page::PageQuery;
use crate::wire::params::{Errors, IdempotencyHeader, IfMatchHeader, TeamPath};
use crate::wire::query::{ApiPath, ApiQuery};
use crate::wire::respond::{Call, answer, send, stored};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(webhook_list, webhook_create))
        .routes(routes!(webhook_get, webhook_update, webhook_delete))
        .routes(routes!(webhook_test))
        .routes(routes!(webhook_delivery_list))
        .routes(routes!(webhook_delivery_retry))
}

/// Lists who is told of events, oldest first.
#[utoipa::path(get, path = "/v1/teams/{team}/webhooks", tag = "outside", params(TeamPath, PageQuery),
    responses((status = 200, description = "Webhooks.", body = WebhookPage), Errors))]
async fn webhook_list(
    at: InTeam<Read>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<WebhookPage>, Problem> {
    let (found, next_cursor) = query
        .read(|page| at.scope.webhook_list(page), |view| view.id)
        .await?;
    let items = found.iter().map(Webhook::from).collect();
    Ok(ApiJson(WebhookPage { items, next_cursor }))
}

/// Adds somebody who is told of events. The signing secret is shown once.
#[utoipa::path(post, path = "/v1/teams/{team}/webhooks", tag = "outside", params(TeamPath, IdempotencyHeader),
    request_body = WebhookCreate,
    responses((status = 201, description = "The webhook, with its secret.", body = Webhook), Errors))]
async fn webhook_create(
    at: InTeam<Members>,
    call: Call,
    ApiJsonBytes(body, bytes): ApiJsonBytes<WebhookCreate>,
) -> Result<Response, Problem> {
    let secret = match body.kind {
        Channel::Standard => {
            let random = rand::random::<[u8; 32]>();
            Some(format!("{STANDARD_PREFIX}{}", STANDARD.encode(random)))
        }
        Channel::Chat | Channel::Mail => None,
    };
    let (shown, sealed) = place(&body, secret.as_deref())?;
    let events = if body.events.is_empty() {
        DEFAULT_EVENTS
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect()
    } else {
        events(body.events)?
    };
    let app = match &body.app {
        Some(app) => {
            let name =
                AppName::new(app.clone()).map_err(|error| Problem::invalid("/app", error))?;
            let found = at.scope.app_by_name(&name).await;
            Some(
                found
                    .map_err(|_| Problem::invalid("/app", format!("there is no app {name}")))?
                    .id,
            )
        }
        None => None,
    };
    let new = NewWebhook {
        id: WebhookId::from_uuid(fresh_id()),
        app,
        name: name(body.name)?,
        kind: body.kind.into(),
        shown,
        events,
        sealed: SecretBytes::from(sealed.to_string()),
    };
    let call = call.body(&bytes);
    let respond = |view: &WebhookView| stored(StatusCode::CREATED, &Webhook::from(view), None);
    let done = at
        .scope
        .webhook_create(&new, call.idempotency(&respond))
        .await?;
    Ok(match done {
        Done::Fresh(view) => {
            let mut shown = Webhook::from(&view);
            shown.secret = secret;
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

/// Shows a webhook.
#[utoipa::path(get, path = "/v1/teams/{team}/webhooks/{webhook}", tag = "outside",
    params(TeamPath, ("webhook" = String, Path, description = "Id of the webhook")),
    responses((status = 200, description = "The webhook.", body = Webhook), Errors))]
async fn webhook_get(
    at: InTeam<Read>,
    ApiPath((_, id)): ApiPath<(String, WebhookId)>,
) -> Result<Response, Problem> {
    Ok(tagged(&at.scope.webhook_get(id).await?))
}

/// Changes a webhook.
#[utoipa::path(patch, path = "/v1/teams/{team}/webhooks/{webhook}", tag = "outside",
    params(TeamPath, ("webhook" = String, Path, description = "Id of the webhook"), IfMatchHeader),
    request_body(content = WebhookUpdate, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed webhook.", body = Webhook), Errors))]
async fn webhook_update(
    at: InTeam<Members>,
    ApiPath((_, id)): ApiPath<(String, WebhookId)>,
    IfMatch(generation): IfMatch,
    ApiJson(body): ApiJson<WebhookUpdate>,
) -> Result<Response, Problem> {
    let patch = WebhookPatch {
        name: body.name.map(name).transpose()?,
        events: body.events.map(events).transpose()?,
        enabled: body.enabled,
    };
    Ok(tagged(
        &at.scope.webhook_update(id, generation, &patch).await?,
    ))
}

/// Removes a webhook, and what is known of its deliveries.
#[utoipa::path(delete, path = "/v1/teams/{team}/webhooks/{webhook}", tag = "outside",
    params(TeamPath, ("webhook" = String, Path, description = "Id of the webhook")),
    responses((status = 204, description = "It is gone."), Errors))]
async fn webhook_delete(
    at: InTeam<Members>,
    ApiPath((_, id)): ApiPath<(String, WebhookId)>,
) -> Result<StatusCode, Problem> {
    at.scope.webhook_delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test, also to one that is not enabled. What becomes of it is in the deliveries.
#[utoipa::path(post, path = "/v1/teams/{team}/webhooks/{webhook}/test", tag = "outside",
    params(TeamPath, ("webhook" = String, Path, description = "Id of the webhook"), IdempotencyHeader),
    responses((status = 202, description = "It will be sent.", body = WebhookDelivered), Errors))]
async fn webhook_test(
    at: InTeam<Members>,
    ApiPath((_, id)): ApiPath<(String, WebhookId)>,
    call: Call,
) -> Result<Response, Problem> {
    let respond =
        |kept: &WebhookDelivery| stored(StatusCode::ACCEPTED, &WebhookDelivered::from(kept), None);
    let done = at
        .scope
        .webhook_test(id, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

/// Lists what a webhook was told, newest first.
#[utoipa::path(get, path = "/v1/teams/{team}/webhooks/{webhook}/deliveries", tag = "outside",
    params(TeamPath, ("webhook" = String, Path, description = "Id of the webhook"), PageQuery),
    responses((status = 200, description = "Deliveries.", body = WebhookDeliveredPage), Errors))]
async fn webhook_delivery_list(
    at: InTeam<Read>,
    ApiPath((_, id)): ApiPath<(String, WebhookId)>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<ApiJson<WebhookDeliveredPage>, Problem> {
    let (found, next_cursor) = query
        .read(
            |page| at.scope.webhook_delivery_list(id, page),
            |kept| kept.id,
        )
        .await?;
    let items = found.iter().map(WebhookDelivered::from).collect();
    Ok(ApiJson(WebhookDeliveredPage { items, next_cursor }))
}

/// Tells a webhook once more what it was told, under the same id, also one that is not enabled. One that was given up is
/// tried once more; what becomes of it is in the deliveries.
#[utoipa::path(post, path = "/v1/teams/{team}/webhooks/{webhook}/deliveries/{delivery}/retry", tag = "outside",
    params(TeamPath, ("webhook" = String, Path, description = "Id of the webhook"),
        ("delivery" = String, Path, description = "Id of the delivery"), IdempotencyHeader),
    responses((status = 202, description = "It will be sent.", body = WebhookDelivered), Errors))]
async fn webhook_delivery_retry(
    at: InTeam<Members>,
    ApiPath((_, id, delivery)): ApiPath<(String, WebhookId, DeliveryId)>,
    call: Call,
) -> Result<Response, Problem> {
    let respond =
        |kept: &WebhookDelivery| stored(StatusCode::ACCEPTED, &WebhookDelivered::from(kept), None);
    let done = at
        .scope
        .webhook_retry(id, delivery, call.idempotency(&respond))
        .await?;
    Ok(answer(done, respond))
}

fn tagged(view: &WebhookView) -> Response {
    (etag(view.generation), ApiJson(Webhook::from(view))).into_response()
}
