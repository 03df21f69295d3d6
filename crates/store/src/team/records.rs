//! Events and audit: what happened, and who did it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::failure::Failure;
use segue_model::id::{AppId, EnvironmentId, EventId};
use serde_json::Value;

use super::intent::AuditRecord;
use super::{Page, TeamScope};
use crate::decode;
use crate::error::StoreError;

/// Place in the order of events: transaction, then order within it. Text form `xid-seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct EventCursor {
    /// Transaction.
    pub xid: i64,
    /// Order within it.
    pub seq: i64,
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.xid, self.seq)
    }
}

/// Text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

impl FromStr for EventCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (xid, seq) = text.split_once('-').ok_or(InvalidCursor)?;
        let number = |part: &str| {
            part.parse::<i64>()
                .ok()
                .filter(|n| *n >= 0)
                .ok_or(InvalidCursor)
        };
        Ok(Self {
            xid: number(xid)?,
            seq: number(seq)?,
        })
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place; ask for what is behind it.
    pub cursor: EventCursor,
    /// Its id.
    pub id: EventId,
    /// When its transaction began.
    pub at: Timestamp,
    /// The app it is about.
    pub app: Option<AppId>,
    /// The environment it is about.
    pub environment: Option<EnvironmentId>,
    /// Stable word, `instance.created`.
    pub kind: String,
    /// What it is about, for machines.
    pub subject: EventSubject,
    /// One sentence.
    pub message: String,
    /// Why it failed, where it did.
    pub failure: Option<Failure>,
    /// A person, a token or a part of Segue.
    pub actor: String,
}

/// An audit record.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its number in the team's chain.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
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
}

/// What verifying a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Every record follows from the one before it, up to the head.
    Whole {
        /// Records in the chain.
        records: i64,
    },
    /// The first place where it does not.
    Broken {
        /// Number of the record that does not follow.
        seq: i64,
    },
}

impl TeamScope {
    /// Events behind a cursor, the oldest first. Events of transactions that may still be overtaken by
    /// older ones are not shown yet, so that nothing is ever missed.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn event_list(
        &self,
        app: Option<AppId>,
        environment: Option<EnvironmentId>,
        page: Page<EventCursor>,
    ) -> Result<Vec<Event>, StoreError> {
        let after = page.after.unwrap_or_default();
        let mut intent = self.begin().await?;
        let mut events = sqlx::query!(
            r#"
            select xid::text::bigint as "xid!", seq, id, at, app_id, environment_id, kind, subject, message, failure, actor
            from events
            where team_id = $1
                and ($2::uuid is null or app_id = $2)
                and ($3::uuid is null or environment_id = $3)
                and (xid, seq) > ($4::text::xid8, $5::bigint)
                and xid < pg_snapshot_xmin(pg_current_snapshot())
            order by xid, seq
            limit $6
            "#,
            intent.team(),
            app.map(AppId::as_uuid),
            environment.map(EnvironmentId::as_uuid),
            after.xid.to_string(),
            after.seq,
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(Event {
                cursor: EventCursor {
                    xid: row.xid,
                    seq: row.seq,
                },
                id: EventId::from_uuid(row.id),
                at: row.at.to_jiff(),
                app: row.app_id.map(AppId::from_uuid),
                environment: row.environment_id.map(EnvironmentId::from_uuid),
                kind: row.kind,
                subject: decode::json(row.subject, "event subject")?,
                message: row.message,
                failure: decode::json_opt(row.failure, "failure")?,
                actor: row.actor,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
        intent
            .name_all(events.iter_mut().map(|event| &mut event.actor))
            .await?;
        Ok(events)
    }

    /// The newest events, the newest first, before a cursor.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn event_recent(
        &self,
        app: Option<AppId>,
        environment: Option<EnvironmentId>,
        before: Page<EventCursor>,
    ) -> Result<Vec<Event>, StoreError> {
        let until = before
            .after
            .map_or_else(|| i64::MAX.to_string(), |cursor| cursor.xid.to_string());
        let mut intent = self.begin().await?;
        let mut events = sqlx::query!(
            r#"
            select xid::text::bigint as "xid!", seq, id, at, app_id, environment_id, kind, subject, message, failure, actor
            from events
            where team_id = $1
                and ($2::uuid is null or app_id = $2)
                and ($3::uuid is null or environment_id = $3)
                and (xid, seq) < ($4::text::xid8, $5::bigint)
                and xid < pg_snapshot_xmin(pg_current_snapshot())
            order by xid desc, seq desc
            limit $6
            "#,
            intent.team(),
            app.map(AppId::as_uuid),
            environment.map(EnvironmentId::as_uuid),
            until,
            before.after.map_or(i64::MAX, |cursor| cursor.seq),
            before.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| {
            Ok(Event {
                cursor: EventCursor {
                    xid: row.xid,
                    seq: row.seq,
                },
                id: EventId::from_uuid(row.id),
                at: row.at.to_jiff(),
                app: row.app_id.map(AppId::from_uuid),
                environment: row.environment_id.map(EnvironmentId::from_uuid),
                kind: row.kind,
                subject: decode::json(row.subject, "event subject")?,
                message: row.message,
                failure: decode::json_opt(row.failure, "failure")?,
                actor: row.actor,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
        intent
            .name_all(events.iter_mut().map(|event| &mut event.actor))
            .await?;
        Ok(events)
    }

    /// Audit records, the newest first; `after` is a number of the chain.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn audit_list(&self, page: Page<i64>) -> Result<Vec<AuditEntry>, StoreError> {
        let mut intent = self.begin().await?;
        Ok(sqlx::query!(
            "
            select seq, at, actor, action, resource, detail, request_id, address
            from audit
            where team_id = $1 and ($2::bigint is null or seq < $2)
            order by seq desc
            limit $3
            ",
            intent.team(),
            page.after,
            page.sql_limit(),
        )
        .fetch_all(&mut *intent.tx)
        .await?
        .into_iter()
        .map(|row| AuditEntry {
            seq: row.seq,
            at: row.at.to_jiff(),
            actor: row.actor,
            action: row.action,
            resource: row.resource,
            detail: row.detail,
            request_id: row.request_id,
            address: row.address,
        })
        .collect())
    }

    /// Computes the team's audit chain again, from the first record to the head.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn audit_verify(&self) -> Result<AuditVerdict, StoreError> {
        const BATCH: i64 = 1000;
        let mut intent = self.begin().await?;
        let head = sqlx::query!(
            "
            select seq, hash
            from audit_heads
            where team_id = $1
            ",
            intent.team(),
        )
        .fetch_optional(&mut *intent.tx)
        .await?;
        let (mut seq, mut hash) = (0i64, [0u8; 32]);
        loop {
            let rows = sqlx::query!(
                "
                select seq, at, actor, action, resource, detail, request_id, address, previous_hash, hash
                from audit
                where team_id = $1 and seq > $2
                order by seq
                limit $3
                ",
                intent.team(),
                seq,
                BATCH,
            )
            .fetch_all(&mut *intent.tx)
            .await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                seq += 1;
                let record = AuditRecord {
                    seq: row.seq,
                    at_us: row.at.to_jiff().as_microsecond(),
                    actor: row.actor,
                    action: &row.action,
                    resource: &row.resource,
                    detail: &row.detail,
                    request_id: row.request_id.as_deref(),
                    address: row.address,
                };
                let expected = record.hash(&hash);
                if row.seq != seq || row.previous_hash != hash || row.hash != expected {
                    return Ok(AuditVerdict::Broken { seq });
                }
                hash = expected;
            }
        }
        match head {
            None if seq == 0 => Ok(AuditVerdict::Whole { records: 0 }),
            Some(head) if head.seq == seq && head.hash == hash => {
                Ok(AuditVerdict::Whole { records: seq })
            }
            // Records were cut off at the end.
            _ => Ok(AuditVerdict::Broken { seq: seq + 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip() {
        let cursor = EventCursor { xid: 12, seq: 3 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "1", "a-b", "-1-2", "1-"] {
            assert!(bad.parse::<EventCursor>().is_err(), "{bad}");
        }
    }
}
