//! Verifying the team's audit chain: every record from the one before it, up to the head, and every signed checkpoint.
//!
//! Invariants: no record is taken on trust, the last one included; nothing is held up by it, since no transaction is
//! longer than one batch. What was added after the beginning is not looked at.

use std::collections::BTreeMap;

use segue_model::id::TeamId;

use super::TeamScope;
use super::intent::Intent;
use crate::chain::{self, Link};
use crate::checkpoint::{AuditCheckpoint, AuditKey};
use crate::error::StoreError;

/// What verifying a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Every record follows from the one before it, up to the head, and every checkpoint is as it was signed.
    Whole {
        /// Records in the chain.
        records: i64,
        /// Checkpoints.
        checkpoints: i64,
        /// The newest of them.
        newest: Option<Box<AuditCheckpoint>>,
    },
    /// The first place where that is not so.
    Broken {
        /// Number of the record that is missing, does not follow, or is not what was signed or kept.
        seq: i64,
        /// Number of the checkpoint that says so; `None`: the chain itself does.
        checkpoint: Option<i64>,
    },
}

/// A record that somebody wrote down elsewhere: it must still be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptRecord {
    /// Its number.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

struct Signed {
    number: i64,
    seq: i64,
    hash: Vec<u8>,
    at: jiff_sqlx::Timestamp,
    key_id: String,
    signature: Vec<u8>,
}

/// Where the chain ends, by its head, by its records and by its checkpoints.
struct Ends {
    seq: i64,
    hash: Vec<u8>,
    newest: Option<i64>,
    checkpoint: Option<i64>,
}

/// Checkpoints on the way, in order.
struct Checks {
    team: TeamId,
    keys: BTreeMap<String, AuditKey>,
    /// Good ones so far.
    good: i64,
    newest: Option<Box<AuditCheckpoint>>,
}

impl Checks {
    /// Whether the checkpoint is the next one, and signs the record that the walk has come to.
    fn pass(&mut self, signed: &Signed, here: Link) -> Result<bool, StoreError> {
        let at = signed.at.to_jiff();
        let key = self.keys.get(&signed.key_id);
        let good = signed.number == self.good + 1
            && signed.seq == here.seq
            && signed.hash == here.hash
            && key.is_some_and(|key| {
                key.signed(self.team, signed.number, here, at, &signed.signature)
            });
        if let Some(key) = key.filter(|_| good) {
            self.good += 1;
            self.newest = Some(Box::new(AuditCheckpoint {
                number: signed.number,
                seq: here.seq,
                hash: here.hash,
                at,
                key_id: signed.key_id.clone(),
                public_key: key.public(),
                signature: signed
                    .signature
                    .as_slice()
                    .try_into()
                    .map_err(crate::error::corrupt("signature"))?,
            }));
        }
        Ok(good)
    }
}

impl TeamScope {
    /// Computes the team's chain again, from the first record to the head that it has at the beginning, and checks
    /// every checkpoint on the way, and what was kept elsewhere.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn audit_verify(&self, kept: Option<KeptRecord>) -> Result<AuditVerdict, StoreError> {
        let mut intent = self.begin().await?;
        let ends = ends(&mut intent).await?;
        let mut checks = Checks {
            team: self.team(),
            keys: self.audit_keys(&mut intent).await?,
            good: 0,
            newest: None,
        };
        drop(intent);
        let broken = |seq, checkpoint| Ok(AuditVerdict::Broken { seq, checkpoint });
        let mut link = Link::START;
        while link.seq < ends.seq {
            let mut intent = self.begin().await?;
            let rows = chain::batch(&mut *intent.tx, self.team(), link.seq, ends.seq).await?;
            let Some(last) = rows.last().map(|row| row.seq) else {
                return broken(link.seq + 1, None);
            };
            let signed = signed(&mut intent, link.seq, last, ends.checkpoint).await?;
            drop(intent);
            let mut signed = signed.iter().peekable();
            for row in &rows {
                if !link.follow(row) {
                    return broken(link.seq, None);
                }
                if kept.is_some_and(|kept| kept.seq == link.seq && kept.hash != link.hash) {
                    return broken(link.seq, None);
                }
                while let Some(next) = signed.next_if(|signed| signed.seq <= link.seq) {
                    if !checks.pass(next, link)? {
                        return broken(link.seq, Some(checks.good + 1));
                    }
                }
            }
        }
        if ends.hash != link.hash {
            return broken(link.seq, None);
        }
        // Records behind the head were put there by nobody who also moved it.
        if let Some(beyond) = ends.newest.filter(|newest| *newest > ends.seq) {
            return broken(beyond, None);
        }
        // The end was cut off: somebody signed, or wrote down, what is not there any more.
        if ends.checkpoint.is_some_and(|newest| newest > checks.good) {
            return broken(link.seq + 1, Some(checks.good + 1));
        }
        if kept.is_some_and(|kept| kept.seq > link.seq) {
            return broken(link.seq + 1, None);
        }
        Ok(AuditVerdict::Whole {
            records: link.seq,
            checkpoints: checks.good,
            newest: checks.newest,
        })
    }

    /// Keys of checkpoints. One that does not open signs nothing: what it is said to have signed is broken.
    async fn audit_keys(
        &self,
        intent: &mut Intent<'_>,
    ) -> Result<BTreeMap<String, AuditKey>, StoreError> {
        let rows = sqlx::query!(
            "
            select key_id, sealed_seed
            from audit_keys
            order by created_at desc
            limit 1000
            "
        )
        .fetch_all(&mut *intent.tx)
        .await?;
        Ok(rows
            .iter()
            .filter_map(|row| AuditKey::open(&self.inner.kek, &row.key_id, &row.sealed_seed).ok())
            .map(|key| (key.id.clone(), key))
            .collect())
    }
}

/// Checkpoints behind a record and up to another, in order. Those that were signed after the beginning are not looked
/// at.
async fn signed(
    intent: &mut Intent<'_>,
    after: i64,
    until: i64,
    newest: Option<i64>,
) -> Result<Vec<Signed>, StoreError> {
    Ok(sqlx::query_as!(
        Signed,
        "
        select number, seq, hash, at, key_id, signature
        from audit_checkpoints
        where team_id = $1 and seq > $2 and seq <= $3 and number <= $4
        order by seq
        ",
        intent.team(),
        after,
        until,
        newest.unwrap_or(0),
    )
    .fetch_all(&mut *intent.tx)
    .await?)
}

/// One statement, so that all are of the same moment.
async fn ends(intent: &mut Intent<'_>) -> Result<Ends, StoreError> {
    Ok(sqlx::query_as!(
        Ends,
        r#"
        select coalesce(h.seq, 0) as "seq!", coalesce(h.hash, decode(repeat('00', 32), 'hex')) as "hash!", a.newest, c.checkpoint
        from (select max(seq) as newest from audit where team_id = $1) a
        cross join (select max(number) as checkpoint from audit_checkpoints where team_id = $1) c
        left join audit_heads h on h.team_id = $1
        "#,
        intent.team(),
    )
    .fetch_one(&mut *intent.tx)
    .await?)
}
