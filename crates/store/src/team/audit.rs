//! The team's audit log: asked for by filter, read in full for an export. `audit_verify` verifies it.
//!
//! Records are only ever added, in the transaction of the write that they tell of ([`Intent::audit`]). Invariant:
//! nothing here holds a transaction open for longer than one batch of [`BATCH`] records, however long the log is.

use jiff::Timestamp;
use segue_model::id::{TokenId, UserId};
use serde_json::Value;

use super::intent::Intent;
use super::{Page, TeamScope};
use crate::chain::{BATCH, Row};
use crate::decode;
use crate::error::StoreError;

/// Which records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this person (id or e-mail address, with their tokens), this token, or this part of Segue.
    pub actor: Option<String>,
    /// Of this operation.
    pub action: Option<String>,
    /// About this thing, by id.
    pub resource: Option<String>,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
}

/// An audit record.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its number in the team's chain.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who, as it was written and hashed.
    pub actor: String,
    /// The same by the name that it has now.
    pub actor_name: String,
    /// What, by the operation's name.
    pub action: String,
    /// To what.
    pub resource: String,
    /// How.
    pub detail: Value,
    /// Which request.
    pub request_id: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// SHA-256 over the hash of the record before and everything of this one but the name.
    pub hash: [u8; 32],
}

impl TryFrom<Row> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.seq,
            at: row.at.to_jiff(),
            actor_name: row.actor.clone(),
            actor: row.actor,
            action: row.action,
            resource: row.resource,
            detail: row.detail,
            request_id: row.request_id,
            address: row.address,
            hash: decode::digest(&row.hash)?,
        })
    }
}

impl TeamScope {
    /// Records, the newest first; `after` is a number of the chain.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn audit_list(
        &self,
        filter: &AuditFilter,
        page: Page<i64>,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut intent = self.begin().await?;
        let actors = actors(&mut intent, filter).await?;
        let rows = sqlx::query_as!(
            Row,
            "
            select seq, at, actor, action, resource, detail, request_id, address, previous_hash, hash
            from audit
            where team_id = $1
                and ($2::bigint is null or seq < $2)
                and ($3::text[] is null or actor = any($3))
                and ($4::text is null or action = $4)
                and ($5::text is null or resource = $5)
                and ($6::timestamptz is null or at >= $6)
                and ($7::timestamptz is null or at < $7)
            order by seq desc
            limit $8
            ",
            intent.team(),
            page.after,
            actors.as_deref(),
            filter.action,
            filter.resource,
            decode::sql_time(filter.since) as _,
            decode::sql_time(filter.until) as _,
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        named(&mut intent, rows).await
    }

    /// Number of the newest record, 0 without one: where an export ends that begins now.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn audit_newest(&self) -> Result<i64, StoreError> {
        let mut intent = self.begin().await?;
        let seq = sqlx::query_scalar!(
            "
            select seq
            from audit_heads
            where team_id = $1
            ",
            intent.team(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        Ok(seq.unwrap_or(0))
    }

    /// Records behind a number and up to another, the oldest first, at most [`BATCH`]: a piece of an export.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn audit_batch(
        &self,
        filter: &AuditFilter,
        after: i64,
        until: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut intent = self.begin().await?;
        let actors = actors(&mut intent, filter).await?;
        let rows = sqlx::query_as!(
            Row,
            "
            select seq, at, actor, action, resource, detail, request_id, address, previous_hash, hash
            from audit
            where team_id = $1 and seq > $2 and seq <= $3
                and ($4::text[] is null or actor = any($4))
                and ($5::text is null or action = $5)
                and ($6::text is null or resource = $6)
                and ($7::timestamptz is null or at >= $7)
                and ($8::timestamptz is null or at < $8)
            order by seq
            limit $9
            ",
            intent.team(),
            after,
            until,
            actors.as_deref(),
            filter.action,
            filter.resource,
            decode::sql_time(filter.since) as _,
            decode::sql_time(filter.until) as _,
            BATCH,
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        named(&mut intent, rows).await
    }
}

async fn named(intent: &mut Intent<'_>, rows: Vec<Row>) -> Result<Vec<AuditEntry>, StoreError> {
    let mut entries = rows
        .into_iter()
        .map(AuditEntry::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    intent
        .name_all(entries.iter_mut().map(|entry| &mut entry.actor_name))
        .await?;
    Ok(entries)
}

/// What the filter's actor may stand as in records: a person acts by themselves and by their tokens.
async fn actors(
    intent: &mut Intent<'_>,
    filter: &AuditFilter,
) -> Result<Option<Vec<String>>, StoreError> {
    let Some(wanted) = &filter.actor else {
        return Ok(None);
    };
    let user = match wanted.parse::<UserId>() {
        Ok(user) => Some(user),
        Err(_) if wanted.contains('@') => {
            let email = wanted.to_lowercase();
            let id = sqlx::query_scalar!(
                "
                select id
                from users
                where email = $1
                ",
                email,
            )
            .fetch_optional(&mut *intent.tx)
            .await?;
            id.map(UserId::from_uuid)
        }
        Err(_) => None,
    };
    let Some(user) = user else {
        return Ok(Some(vec![wanted.clone()]));
    };
    let tokens = sqlx::query_scalar!(
        "
        select id
        from tokens
        where team_id = $1 and created_by = $2
        ",
        intent.team(),
        user.as_uuid(),
    )
    .fetch_all(&mut *intent.tx)
    .await?;
    let mut actors = vec![user.to_string()];
    actors.extend(
        tokens
            .into_iter()
            .map(|id| TokenId::from_uuid(id).to_string()),
    );
    Ok(Some(actors))
}
