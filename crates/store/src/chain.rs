//! The audit chain as rows: read in batches, each record computed anew from the one before it.
//!
//! Used by whoever verifies a chain and by whoever signs its end; what holds for one holds for the other. Must not: keep
//! a transaction open for longer than one batch.

use segue_model::id::TeamId;
use serde_json::Value;

use crate::error::StoreError;
use crate::team::intent::AuditRecord;

/// Records read at a time.
pub(crate) const BATCH: i64 = 1000;

/// An audit record as it is kept.
pub(crate) struct Row {
    pub seq: i64,
    pub at: jiff_sqlx::Timestamp,
    pub actor: String,
    pub action: String,
    pub resource: String,
    pub detail: Value,
    pub request_id: Option<String>,
    pub address: Option<String>,
    pub previous_hash: Vec<u8>,
    pub hash: Vec<u8>,
}

impl Row {
    fn record(&self) -> AuditRecord<'_> {
        AuditRecord {
            seq: self.seq,
            at_us: self.at.to_jiff().as_microsecond(),
            actor: self.actor.clone(),
            action: &self.action,
            resource: &self.resource,
            detail: &self.detail,
            request_id: self.request_id.as_deref(),
            address: self.address.clone(),
        }
    }
}

/// Where a walk along a chain stands: behind this record, which has this hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub seq: i64,
    pub hash: [u8; 32],
}

impl Link {
    /// Before the first record.
    pub(crate) const START: Self = Self {
        seq: 0,
        hash: [0; 32],
    };

    /// Goes on to the next record; `false` if it does not follow from the one before.
    #[must_use]
    pub(crate) fn follow(&mut self, row: &Row) -> bool {
        let hash = row.record().hash(&self.hash);
        let follows = row.seq == self.seq + 1 && row.previous_hash == self.hash && row.hash == hash;
        *self = Self {
            seq: self.seq + 1,
            hash,
        };
        follows
    }
}

/// The records behind a number and up to another, at most [`BATCH`].
pub(crate) async fn batch(
    executor: impl sqlx::PgExecutor<'_>,
    team: TeamId,
    after: i64,
    until: i64,
) -> Result<Vec<Row>, StoreError> {
    Ok(sqlx::query_as!(
        Row,
        "
        select seq, at, actor, action, resource, detail, request_id, address, previous_hash, hash
        from audit
        where team_id = $1 and seq > $2 and seq <= $3
        order by seq
        limit $4
        ",
        team.as_uuid(),
        after,
        until,
        BATCH,
    )
    .fetch_all(executor)
    .await?)
}
