//! Deliveries as work: claimed for a time, tried again with growing waits, and given up in the end.
//!
//! Invariant: a webhook that fails for days is stopped, with an event that says so; nothing of it is lost silently.

use std::time::Duration;

use segue_model::id::{DeliveryId, TeamId, WebhookId};
use serde_json::Value;

use super::SystemStore;
use crate::decode;
use crate::error::StoreError;
use crate::seal::{Place, SecretBytes};
use crate::team::WebhookKind;
use crate::team::secrets::open_data_key;
use crate::team::webhooks::SEALED_AS;

/// A delivery to be made.
#[derive(Debug)]
pub struct ClaimedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Who is told.
    pub webhook: WebhookId,
    /// How.
    pub kind: WebhookKind,
    /// Address and signing secret; `None`: the row was moved or changed, and does not open.
    pub sealed: Option<SecretBytes>,
    /// What is sent.
    pub payload: Value,
    /// Tries before this one.
    pub attempts: u32,
}

impl SystemStore {
    /// Claims deliveries that are due, each for `hold`: if the claimant dies they come back after that.
    ///
    /// # Errors
    /// Only those of the database. An address that does not open stops its own delivery and no other.
    pub async fn webhook_claim(
        &self,
        hold: Duration,
        most: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        sqlx::query!(
            r#"
            update webhook_deliveries d
            set next_at = now() + $1 * interval '1 second'
            from (
                select c.id
                from webhook_deliveries c
                where c.state = 'pending' and c.next_at <= now()
                order by c.next_at
                limit $2
                for update skip locked
            ) due, webhooks w, data_keys k
            where d.id = due.id and w.id = d.webhook_id and k.team_id = w.team_id and k.version = w.data_key_version
            returning d.id, d.team_id, d.webhook_id, w.kind, d.payload, d.attempts, w.sealed, w.data_key_version, k.sealed as sealed_key, k.kek_id
            "#,
            hold.as_secs_f64(),
            i64::from(most),
        )
        .fetch_all(&self.inner.system)
        .await?
        .into_iter()
        .map(|row| {
            let team = TeamId::from_uuid(row.team_id);
            let place = Place::TeamThing {
                team,
                kind: SEALED_AS,
                id: row.webhook_id,
            };
            let key = open_data_key(&self.inner.kek, team, row.data_key_version, &row.sealed_key, &row.kek_id);
            let sealed = key.and_then(|key| Ok(key.open(&row.sealed, &place.encode())?));
            Ok(ClaimedDelivery {
                id: DeliveryId::from_uuid(row.id),
                webhook: WebhookId::from_uuid(row.webhook_id),
                kind: decode::text(&row.kind, "webhook kind")?,
                sealed: sealed.ok(),
                payload: row.payload,
                attempts: decode::number(row.attempts, "attempts")?,
            })
        })
        .collect()
    }

    /// It arrived.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn webhook_delivered(
        &self,
        delivery: &ClaimedDelivery,
        status: Option<u16>,
    ) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        sqlx::query!(
            "
            update webhook_deliveries
            set state = 'delivered', attempts = attempts + 1, attempted_at = now(), next_at = null, status = $2, detail = ''
            where id = $1 and state = 'pending'
            ",
            delivery.id.as_uuid(),
            status.map(|status| decode::number::<u16, i16>(status, "status")).transpose()?,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "
            update webhooks
            set failing_since = null
            where id = $1 and failing_since is not null
            ",
            delivery.webhook.as_uuid(),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// It did not arrive. `again`: after how long it is tried again; `None`: given up. A webhook that has failed
    /// for longer than `patience` is stopped, and what waits for it is given up.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn webhook_failed(
        &self,
        delivery: &ClaimedDelivery,
        status: Option<u16>,
        detail: &str,
        again: Option<Duration>,
        patience: Duration,
    ) -> Result<(), StoreError> {
        let mut tx = crate::begin::begin(&self.inner.system).await?;
        sqlx::query!(
            "
            update webhook_deliveries
            set state = case when $4::double precision is null then 'failed' else 'pending' end, attempts = attempts + 1,
                attempted_at = now(), next_at = now() + $4 * interval '1 second', status = $2, detail = left($3, 1000)
            where id = $1 and state = 'pending'
            ",
            delivery.id.as_uuid(),
            status.map(|status| decode::number::<u16, i16>(status, "status")).transpose()?,
            detail,
            again.map(|wait| wait.as_secs_f64()),
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "
            update webhooks
            set failing_since = now()
            where id = $1 and failing_since is null
            ",
            delivery.webhook.as_uuid(),
        )
        .execute(&mut *tx)
        .await?;
        let stopped = sqlx::query!(
            "
            update webhooks
            set enabled = false, disabled_reason = 'nothing arrived for days', generation = generation + 1
            where id = $1 and enabled and failing_since < now() - $2 * interval '1 second'
            returning team_id, app_id, name
            ",
            delivery.webhook.as_uuid(),
            patience.as_secs_f64(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = stopped {
            sqlx::query!(
                "
                update webhook_deliveries
                set state = 'failed', next_at = null, detail = 'the webhook was stopped'
                where webhook_id = $1 and state = 'pending'
                ",
                delivery.webhook.as_uuid(),
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!(
                "
                insert into events (team_id, app_id, kind, message, actor)
                values ($1, $2, 'webhook.disabled', $3, 'segue/webhooks')
                ",
                row.team_id,
                row.app_id,
                format!("webhook {} was stopped: nothing arrived for days", row.name),
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!("select pg_notify('segue_events', '')")
                .fetch_one(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes away what was told long ago, and calls of hooks that came long ago.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn outside_sweep(&self, keep: Duration) -> Result<(), StoreError> {
        let keep = keep.as_secs_f64();
        sqlx::query!(
            "
            delete from webhook_deliveries
            where state <> 'pending' and created_at < now() - $1 * interval '1 second'
            ",
            keep,
        )
        .execute(&self.inner.system)
        .await?;
        sqlx::query!(
            "
            delete from hook_deliveries
            where state <> 'pending' and received_at < now() - $1 * interval '1 second'
            ",
            keep,
        )
        .execute(&self.inner.system)
        .await?;
        sqlx::query!(
            "
            delete from commit_statuses
            where next_at is null and created_at < now() - $1 * interval '1 second'
            ",
            keep,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }
}
