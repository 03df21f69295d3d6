//! Who is told of events: addresses of programs, chat rooms and people, and what they were told.
//!
//! Invariants: the address of a chat room is a secret like the signing secret, so both are sealed together and never
//! shown; deliveries are added by the database with the event (see `webhook_outbox`), and changed by the worker; people
//! ask for one more try, of one that no worker can have in its hands.

use std::time::Duration;

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, DeliveryId, WebhookId};
use serde_json::{Value, json};

use super::intent::{Done, Idempotency, Intent};
use super::registries::seal;
use super::{Page, TeamScope};
use crate::decode;
use crate::error::StoreError;
use crate::seal::SecretBytes;
use crate::text_enum;

/// What a webhook's address and secret are sealed as.
pub(crate) const SEALED_AS: &str = "webhook";

text_enum! {
    /// How somebody is told.
    WebhookKind {
        /// A request as Standard Webhooks says.
        Standard = "standard",
        /// A message of a chat room (Slack, Mattermost).
        Chat = "chat",
        /// A mail.
        Mail = "mail",
    }
}

text_enum! {
    /// What became of a delivery.
    WebhookState {
        /// Not yet, or again.
        Pending = "pending",
        /// It arrived.
        Delivered = "delivered",
        /// Given up.
        Failed = "failed",
    }
}

/// A webhook to be kept.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// A fresh id.
    pub id: WebhookId,
    /// Events of this app only.
    pub app: Option<AppId>,
    /// For people.
    pub name: String,
    /// How.
    pub kind: WebhookKind,
    /// Host or mail address.
    pub shown: String,
    /// Kinds, groups or `*`.
    pub events: Vec<String>,
    /// Address and signing secret, as the worker reads them.
    pub sealed: SecretBytes,
}

/// What may change of a webhook.
#[derive(Debug, Clone, Default)]
pub struct WebhookPatch {
    /// For people.
    pub name: Option<String>,
    /// Kinds, groups or `*`.
    pub events: Option<Vec<String>>,
    /// Whether anything is told.
    pub enabled: Option<bool>,
}

/// What may be known of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookView {
    /// Its id.
    pub id: WebhookId,
    /// Events of this app only.
    pub app: Option<AppId>,
    /// For people.
    pub name: String,
    /// How.
    pub kind: WebhookKind,
    /// Host or mail address.
    pub shown: String,
    /// Kinds, groups or `*`.
    pub events: Vec<String>,
    /// Whether anything is told.
    pub enabled: bool,
    /// Why Segue stopped it.
    pub disabled_reason: Option<String>,
    /// First failure after the last success.
    pub failing_since: Option<Timestamp>,
    /// Raised by every change.
    pub generation: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Something that was told, or is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookDelivery {
    /// Its id; also the `webhook-id`.
    pub id: DeliveryId,
    /// Kind of the event.
    pub kind: String,
    /// What is sent.
    pub payload: Value,
    /// What became of it.
    pub state: WebhookState,
    /// Tries.
    pub attempts: u32,
    /// When it is tried again.
    pub next_at: Option<Timestamp>,
    /// When it was tried last.
    pub attempted_at: Option<Timestamp>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// Why the last try failed.
    pub detail: String,
    /// When it happened.
    pub created_at: Timestamp,
}

/// A worker has a delivery to itself for this long: longer than any try takes.
pub const DELIVERY_HOLD: Duration = Duration::from_secs(120);

impl TeamScope {
    /// Keeps a webhook.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an app of another team.
    pub async fn webhook_create(
        &self,
        new: &NewWebhook,
        idempotency: Option<Idempotency<'_, WebhookView>>,
    ) -> Result<Done<WebhookView>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let id = new.id.as_uuid();
        let (version, sealed) =
            seal(&mut intent, &self.inner.kek, SEALED_AS, id, &new.sealed).await?;
        sqlx::query!(
            "
            insert into webhooks (id, team_id, app_id, name, kind, shown, events, data_key_version, sealed, created_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ",
            id,
            intent.team(),
            new.app.map(AppId::as_uuid),
            new.name,
            new.kind.as_str(),
            new.shown,
            &new.events,
            version,
            sealed,
            intent.actor(),
        )
        .execute(&mut *intent.tx)
        .await?;
        told(
            &mut intent,
            "webhook_create",
            "webhook.created",
            new.id,
            &new.name,
        )
        .await?;
        let view = find(&mut intent, new.id).await?;
        intent.finish(idempotency, view).await
    }

    /// A webhook.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn webhook_get(&self, id: WebhookId) -> Result<WebhookView, StoreError> {
        let mut intent = self.begin().await?;
        find(&mut intent, id).await
    }

    /// Webhooks of the team, the oldest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn webhook_list(
        &self,
        page: Page<WebhookId>,
    ) -> Result<Vec<WebhookView>, StoreError> {
        let mut intent = self.begin().await?;
        views(&mut intent, None, page.after, page.sql_limit()).await
    }

    /// Changes a webhook. One that Segue stopped goes on when it is enabled.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PreconditionFailed`].
    pub async fn webhook_update(
        &self,
        id: WebhookId,
        expected_generation: i64,
        patch: &WebhookPatch,
    ) -> Result<WebhookView, StoreError> {
        let mut intent = self.begin().await?;
        let current = sqlx::query_scalar!(
            "
            select generation
            from webhooks
            where team_id = $1 and id = $2
            for update
            ",
            intent.team(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        if current != expected_generation {
            return Err(StoreError::PreconditionFailed { current });
        }
        sqlx::query!(
            "
            update webhooks
            set name = coalesce($3, name), events = coalesce($4, events), enabled = coalesce($5, enabled), generation = generation + 1,
                disabled_reason = case when $5 is null then disabled_reason end,
                failing_since = case when $5 then null else failing_since end
            where team_id = $1 and id = $2
            ",
            intent.team(),
            id.as_uuid(),
            patch.name,
            patch.events.as_deref(),
            patch.enabled,
        )
        .execute(&mut *intent.tx)
        .await?;
        let view = find(&mut intent, id).await?;
        told(
            &mut intent,
            "webhook_update",
            "webhook.changed",
            id,
            &view.name,
        )
        .await?;
        intent.finish(None, ()).await?;
        Ok(view)
    }

    /// Takes a webhook away, with what it was told.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn webhook_delete(&self, id: WebhookId) -> Result<(), StoreError> {
        let mut intent = self.begin().await?;
        let name = sqlx::query_scalar!(
            "
            delete from webhooks
            where team_id = $1 and id = $2
            returning name
            ",
            intent.team(),
            id.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        told(&mut intent, "webhook_delete", "webhook.deleted", id, &name).await?;
        intent.finish(None, ()).await?;
        Ok(())
    }

    /// Tells a webhook that it is tried, also one that is not enabled.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn webhook_test(
        &self,
        id: WebhookId,
        idempotency: Option<Idempotency<'_, WebhookDelivery>>,
    ) -> Result<Done<WebhookDelivery>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let view = find(&mut intent, id).await?;
        let delivery = DeliveryId::from_uuid(crate::context::fresh_id());
        let payload = json!({
            "type": "webhook.test",
            "data": {"message": format!("this is a test of {}", view.name), "actor": intent.actor()},
        });
        sqlx::query!(
            r#"
            insert into webhook_deliveries (id, team_id, webhook_id, kind, payload)
            values ($1, $2, $3, 'webhook.test', $4::jsonb || jsonb_build_object(
                'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
            "#,
            delivery.as_uuid(),
            intent.team(),
            id.as_uuid(),
            payload,
        )
        .execute(&mut *intent.tx)
        .await?;
        intent
            .audit(
                "webhook_test",
                &id.to_string(),
                &json!({"delivery": delivery}),
            )
            .await?;
        sqlx::query!("select pg_notify('segue_deliveries', '')")
            .fetch_one(&mut *intent.tx)
            .await?;
        let mut made = deliveries(&mut intent, id, Some(delivery), None, 1).await?;
        let made = made.pop().ok_or(StoreError::NotFound)?;
        intent.finish(idempotency, made).await
    }

    /// Has one delivery tried once more, under its own id, whatever became of it; what is to be tried soon anyway stays
    /// as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn webhook_retry(
        &self,
        id: WebhookId,
        delivery: DeliveryId,
        idempotency: Option<Idempotency<'_, WebhookDelivery>>,
    ) -> Result<Done<WebhookDelivery>, StoreError> {
        let mut intent = self.begin().await?;
        if let Some(response) = intent.replay(idempotency.as_ref()).await? {
            return Ok(Done::Replayed(response));
        }
        let before = sqlx::query_scalar!(
            "
            select state
            from webhook_deliveries
            where team_id = $1 and webhook_id = $2 and id = $3
            for update
            ",
            intent.team(),
            id.as_uuid(),
            delivery.as_uuid(),
        )
        .fetch_one(&mut *intent.tx)
        .await?;
        // One that a worker may have in its hands is not given to another.
        sqlx::query!(
            "
            update webhook_deliveries
            set state = 'pending',
                next_at = case when next_at <= now() + $4 * interval '1 second' then next_at else now() end
            where team_id = $1 and webhook_id = $2 and id = $3
            ",
            intent.team(),
            id.as_uuid(),
            delivery.as_uuid(),
            DELIVERY_HOLD.as_secs_f64(),
        )
        .execute(&mut *intent.tx)
        .await?;
        let detail = json!({"delivery": delivery, "before": before});
        intent
            .audit("webhook_delivery_retry", &id.to_string(), &detail)
            .await?;
        sqlx::query!("select pg_notify('segue_deliveries', '')")
            .fetch_one(&mut *intent.tx)
            .await?;
        let mut kept = deliveries(&mut intent, id, Some(delivery), None, 1).await?;
        let kept = kept.pop().ok_or(StoreError::NotFound)?;
        intent.finish(idempotency, kept).await
    }

    /// What a webhook was told, the newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn webhook_delivery_list(
        &self,
        id: WebhookId,
        page: Page<DeliveryId>,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        let mut intent = self.begin().await?;
        find(&mut intent, id).await?;
        deliveries(&mut intent, id, None, page.after, page.sql_limit()).await
    }
}

async fn told(
    intent: &mut Intent<'_>,
    action: &str,
    kind: &str,
    id: WebhookId,
    name: &str,
) -> Result<(), StoreError> {
    intent
        .audit(action, &id.to_string(), &json!({"name": name}))
        .await?;
    let word = kind.rsplit('.').next().unwrap_or_default();
    let message = format!("webhook {name} was {word}");
    intent
        .event(None, None, kind, &EventSubject::default(), &message)
        .await
}

async fn find(intent: &mut Intent<'_>, id: WebhookId) -> Result<WebhookView, StoreError> {
    let mut found = views(intent, Some(id), None, 1).await?;
    found.pop().ok_or(StoreError::NotFound)
}

async fn views(
    intent: &mut Intent<'_>,
    only: Option<WebhookId>,
    after: Option<WebhookId>,
    limit: i64,
) -> Result<Vec<WebhookView>, StoreError> {
    let mut views = sqlx::query!(
        "
        select id, app_id, name, kind, shown, events, enabled, disabled_reason, failing_since, generation, created_by, created_at
        from webhooks
        where team_id = $1 and ($2::uuid is null or id = $2) and ($3::uuid is null or id > $3)
        order by id
        limit $4
        ",
        intent.team(),
        only.map(WebhookId::as_uuid),
        after.map(WebhookId::as_uuid),
        limit,
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .into_iter()
    .map(|row| {
        Ok(WebhookView {
            id: WebhookId::from_uuid(row.id),
            app: row.app_id.map(AppId::from_uuid),
            name: row.name,
            kind: decode::text(&row.kind, "webhook kind")?,
            shown: row.shown,
            events: row.events,
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            failing_since: decode::time(row.failing_since),
            generation: row.generation,
            created_by: row.created_by,
            created_at: row.created_at.to_jiff(),
        })
    })
    .collect::<Result<Vec<_>, StoreError>>()?;
    intent
        .name_all(views.iter_mut().map(|view| &mut view.created_by))
        .await?;
    Ok(views)
}

async fn deliveries(
    intent: &mut Intent<'_>,
    webhook: WebhookId,
    only: Option<DeliveryId>,
    after: Option<DeliveryId>,
    limit: i64,
) -> Result<Vec<WebhookDelivery>, StoreError> {
    sqlx::query!(
        "
        select id, kind, payload, state, attempts, next_at, attempted_at, status, detail, created_at
        from webhook_deliveries
        where team_id = $1 and webhook_id = $2 and ($3::uuid is null or id = $3)
            and ($4::uuid is null or (created_at, id) < (select c.created_at, c.id from webhook_deliveries c where c.team_id = $1 and c.id = $4))
        order by created_at desc, id desc
        limit $5
        ",
        intent.team(),
        webhook.as_uuid(),
        only.map(DeliveryId::as_uuid),
        after.map(DeliveryId::as_uuid),
        limit,
    )
    .fetch_all(&mut *intent.tx)
    .await?
    .into_iter()
    .map(|row| {
        Ok(WebhookDelivery {
            id: DeliveryId::from_uuid(row.id),
            kind: row.kind,
            payload: row.payload,
            state: decode::text(&row.state, "webhook state")?,
            attempts: decode::number(row.attempts, "attempts")?,
            next_at: decode::time(row.next_at),
            attempted_at: decode::time(row.attempted_at),
            status: row
                .status
                .map(|status| decode::number(status, "status"))
                .transpose()?,
            detail: row.detail,
            created_at: row.created_at.to_jiff(),
        })
    })
    .collect()
}
