//! One intent of a person is one transaction: idempotency row, generation check, rows, audit record,
//! event, wake-up. Nothing slow happens inside.
//!
//! Every write operation has the same shape: `begin`, `replay`, rows, `audit`, `event`, `finish`.

use jiff_sqlx::ToSqlx;
use segue_model::change::EventSubject;
use segue_model::id::{AppId, EnvironmentId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{Postgres, Transaction};

use crate::context::TeamContext;
use crate::decode;
use crate::error::StoreError;
use crate::store::Inner;

/// An answer as it is kept for a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// JSON body.
    pub body: Option<Value>,
    /// `Location`, for what is followed.
    pub location: Option<String>,
}

/// Idempotency of a request. `respond` makes the answer that is kept, inside of the transaction, from
/// what the operation made.
pub struct Idempotency<'a, T> {
    /// The client's key, 1 to 255 characters.
    pub key: &'a str,
    /// Method and path template.
    pub route: &'a str,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
    /// The answer to keep.
    pub respond: &'a (dyn Fn(&T) -> StoredResponse + Send + Sync),
}

/// What became of an intent.
#[derive(Debug, Clone)]
pub enum Done<T> {
    /// It was done now.
    Fresh(T),
    /// It had been done before; this is the answer that was given then.
    Replayed(StoredResponse),
}

impl<T> Done<T> {
    /// What was made, if it was made now.
    pub fn fresh(self) -> Option<T> {
        match self {
            Self::Fresh(value) => Some(value),
            Self::Replayed(_) => None,
        }
    }
}

/// A transaction of one team, as the role `segue_api`.
pub(crate) struct Intent<'a> {
    pub tx: Transaction<'static, Postgres>,
    context: &'a TeamContext,
}

impl<'a> Intent<'a> {
    pub(crate) async fn begin(inner: &Inner, context: &'a TeamContext) -> Result<Self, StoreError> {
        let tx = crate::begin::begin_as(&inner.api, context.team.as_uuid()).await?;
        Ok(Self { tx, context })
    }

    /// Goes on in another team, or in the installation itself, in the same transaction: what is done there has its
    /// record in that chain.
    pub(crate) async fn enter<'b>(
        self,
        context: &'b TeamContext,
    ) -> Result<Intent<'b>, StoreError> {
        let mut tx = self.tx;
        bind(&mut tx, context).await?;
        Ok(Intent { tx, context })
    }

    pub(crate) fn team(&self) -> uuid::Uuid {
        self.context.team.as_uuid()
    }

    pub(crate) fn actor(&self) -> String {
        self.context.actor.to_string()
    }

    /// Takes the key. A request that runs with the same key makes this one wait; one that has run
    /// makes it answer the same.
    pub(crate) async fn replay<T>(
        &mut self,
        idempotency: Option<&Idempotency<'_, T>>,
    ) -> Result<Option<StoredResponse>, StoreError> {
        let Some(idempotency) = idempotency else {
            return Ok(None);
        };
        let actor = self.actor();
        let taken = sqlx::query!(
            "
            insert into idempotency (team_id, actor, key, route, body_hash)
            values ($1, $2, $3, $4, $5)
            on conflict on constraint idempotency_key do nothing
            ",
            self.team(),
            actor,
            idempotency.key,
            idempotency.route,
            idempotency.body_hash.as_slice(),
        )
        .execute(&mut *self.tx)
        .await
        .map_err(
            |error| match error.as_database_error().and_then(|e| e.code()).as_deref() {
                // Waited for the other one until the lock timeout.
                Some("55P03") => StoreError::IdempotencyBusy,
                _ => error.into(),
            },
        )?
        .rows_affected();
        if taken == 1 {
            return Ok(None);
        }
        let row = sqlx::query!(
            "
            select route, body_hash, status, response, location
            from idempotency
            where team_id = $1 and actor = $2 and key = $3
            ",
            self.team(),
            actor,
            idempotency.key,
        )
        .fetch_one(&mut *self.tx)
        .await?;
        if row.route != idempotency.route || row.body_hash != idempotency.body_hash {
            return Err(StoreError::IdempotencyMismatch);
        }
        let status = row.status.ok_or(StoreError::IdempotencyBusy)?;
        Ok(Some(StoredResponse {
            status: decode::number(status, "status")?,
            body: row.response,
            location: row.location,
        }))
    }

    /// Adds the audit record to the team's chain. Waits for other writes of the team, which are short.
    pub(crate) async fn audit(
        &mut self,
        action: &str,
        resource: &str,
        detail: &Value,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            insert into audit_heads (team_id, seq, hash)
            values ($1, 0, $2)
            on conflict (team_id) do nothing
            ",
            self.team(),
            [0u8; 32].as_slice(),
        )
        .execute(&mut *self.tx)
        .await?;
        let head = sqlx::query!(
            r#"
            select seq, hash, clock_timestamp() as "at!"
            from audit_heads
            where team_id = $1
            for update
            "#,
            self.team(),
        )
        .fetch_one(&mut *self.tx)
        .await?;
        let record = AuditRecord {
            seq: head.seq + 1,
            // The database keeps microseconds; what is hashed is what is kept.
            at_us: head.at.to_jiff().as_microsecond(),
            actor: self.actor(),
            action,
            resource,
            detail,
            request_id: self.context.request_id.as_deref(),
            address: self.context.address.map(|address| address.to_string()),
        };
        let hash = record.hash(&head.hash);
        sqlx::query!(
            "
            insert into audit (team_id, seq, at, actor, action, resource, detail, request_id, address, previous_hash, hash)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ",
            self.team(),
            record.seq,
            head.at.to_jiff().to_sqlx() as _,
            record.actor,
            action,
            resource,
            detail,
            record.request_id,
            record.address,
            head.hash,
            hash.as_slice(),
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!(
            "
            update audit_heads
            set seq = $2, hash = $3
            where team_id = $1
            ",
            self.team(),
            record.seq,
            hash.as_slice(),
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Adds an event of the team.
    pub(crate) async fn event(
        &mut self,
        app: Option<AppId>,
        environment: Option<EnvironmentId>,
        kind: &str,
        subject: &EventSubject,
        message: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            insert into events (team_id, app_id, environment_id, kind, subject, message, actor)
            values ($1, $2, $3, $4, $5, $6, $7)
            ",
            self.team(),
            app.map(AppId::as_uuid),
            environment.map(EnvironmentId::as_uuid),
            kind,
            decode::to_json(subject, "event subject")?,
            message,
            self.actor(),
        )
        .execute(&mut *self.tx)
        .await?;
        sqlx::query!("select pg_notify('segue_events', '')")
            .fetch_one(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Wakes the worker for an environment when the transaction commits.
    pub(crate) async fn wake(&mut self, environment: EnvironmentId) -> Result<(), StoreError> {
        sqlx::query!(
            "
            select work_add($1, 'environment', now())
            ",
            environment.as_uuid(),
        )
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Keeps the answer and commits.
    pub(crate) async fn finish<T>(
        mut self,
        idempotency: Option<Idempotency<'_, T>>,
        value: T,
    ) -> Result<Done<T>, StoreError> {
        if let Some(idempotency) = idempotency {
            let response = (idempotency.respond)(&value);
            let actor = self.actor();
            sqlx::query!(
                "
                update idempotency
                set status = $4, response = $5, location = $6
                where team_id = $1 and actor = $2 and key = $3
                ",
                self.team(),
                actor,
                idempotency.key,
                decode::number::<u16, i16>(response.status, "status")?,
                response.body,
                response.location,
            )
            .execute(&mut *self.tx)
            .await?;
        }
        self.tx.commit().await?;
        Ok(Done::Fresh(value))
    }
}

/// What row-level security sees from here on.
async fn bind(
    tx: &mut Transaction<'static, Postgres>,
    context: &TeamContext,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        select set_config('segue.team', $1, true)
        ",
        context.team.as_uuid().to_string(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(())
}

/// What an audit hash covers.
pub(crate) struct AuditRecord<'a> {
    pub seq: i64,
    pub at_us: i64,
    pub actor: String,
    pub action: &'a str,
    pub resource: &'a str,
    pub detail: &'a Value,
    pub request_id: Option<&'a str>,
    pub address: Option<String>,
}

impl AuditRecord<'_> {
    /// Every part carries its length, so that nothing can move from one column to another.
    pub(crate) fn hash(&self, previous: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        };
        part(b"segue audit v1");
        part(previous);
        part(&self.seq.to_be_bytes());
        part(&self.at_us.to_be_bytes());
        part(self.actor.as_bytes());
        part(self.action.as_bytes());
        part(self.resource.as_bytes());
        part(canonical(self.detail).as_bytes());
        part(self.request_id.unwrap_or("\0none").as_bytes());
        part(self.address.as_deref().unwrap_or("\0none").as_bytes());
        hash.finalize().into()
    }
}

/// JSON with keys in order of bytes, whatever order the database or a feature of the JSON crate keeps.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(map) => {
            let mut members: Vec<(&String, &Value)> = map.iter().collect();
            members.sort_by_key(|(key, _)| key.as_bytes());
            let members: Vec<String> = members
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        scalar => scalar.to_string(),
    }
}
