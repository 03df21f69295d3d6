//! Events: what happened, and who did it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use segue_model::change::EventSubject;
use segue_model::failure::Failure;
use segue_model::id::{AppId, EnvironmentId, EventId};

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
