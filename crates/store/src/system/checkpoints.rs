//! Signing the ends of audit chains: with the first record, every [`EVERY`] records, and once a day where there are new
//! ones.
//!
//! Invariant: nothing is signed that does not follow, record by record, from the checkpoint before it. Any number of
//! workers may do it at once; each number of a team is given once.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use segue_model::id::TeamId;

use super::SystemStore;
use crate::chain::{self, Link};
use crate::checkpoint::{AuditCheckpoint, AuditKey};
use crate::decode;
use crate::error::StoreError;

/// Records from one checkpoint to the next.
pub const AUDIT_CHECKPOINT_EVERY: i64 = 100;

/// Chains that one round looks at.
const AT_ONCE: i64 = 200;

/// What became of a chain that was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkpointed {
    /// Its end is signed.
    Signed {
        /// Whose; the zero id is the installation's own.
        team: TeamId,
        /// The checkpoint.
        checkpoint: AuditCheckpoint,
    },
    /// It does not follow from the checkpoint before: nothing is signed, and somebody must look.
    Broken {
        /// Whose.
        team: TeamId,
        /// Number of the first record that is missing or does not follow.
        seq: i64,
    },
}

/// A chain as it stands: its head, and the newest checkpoint with the key that is said to have signed it.
struct Stand {
    head: i64,
    number: Option<i64>,
    seq: Option<i64>,
    hash: Option<Vec<u8>>,
    at: Option<jiff_sqlx::Timestamp>,
    key_id: Option<String>,
    signature: Option<Vec<u8>>,
    sealed_seed: Option<Vec<u8>>,
}

impl SystemStore {
    /// Chains whose end is due to be signed.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn audit_due(&self) -> Result<Vec<TeamId>, StoreError> {
        let due = sqlx::query_scalar!(
            "
            select h.team_id
            from audit_heads h
            left join lateral (
                select c.seq, c.at
                from audit_checkpoints c
                where c.team_id = h.team_id
                order by c.number desc
                limit 1
            ) last on true
            where h.seq > 0 and (
                last.seq is null or h.seq >= last.seq + $1 or h.seq < last.seq
                or (h.seq > last.seq and last.at < now() - interval '1 day'))
            order by coalesce(h.seq < last.seq, false), h.team_id
            limit $2
            ",
            AUDIT_CHECKPOINT_EVERY,
            AT_ONCE,
        )
        .fetch_all(&self.inner.system)
        .await?;
        Ok(due.into_iter().map(TeamId::from_uuid).collect())
    }

    /// Every chain that there is, the installation's own first, with the team's name. For operators.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn audit_chains(&self) -> Result<Vec<(TeamId, Option<String>)>, StoreError> {
        let rows = sqlx::query!(
            r#"
            select c.team_id as "team_id!", t.name as "name?"
            from (select team_id from audit_heads union select team_id from audit_checkpoints) c
            left join teams t on t.id = c.team_id
            order by c.team_id
            "#
        )
        .fetch_all(&self.inner.system)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TeamId::from_uuid(row.team_id), row.name))
            .collect())
    }

    /// Signs the end of a chain after following it from the checkpoint before. `None`: there is nothing new, or
    /// somebody else was faster.
    ///
    /// # Errors
    /// [`StoreError::Seal`] if the key that signs was sealed by a key that this server does not have, or was changed.
    pub async fn audit_checkpoint(&self, team: TeamId) -> Result<Option<Checkpointed>, StoreError> {
        let Some(stand) = self.audit_stand(team).await? else {
            return Ok(None);
        };
        let broken = |seq| Ok(Some(Checkpointed::Broken { team, seq }));
        let (number, mut link) = match self.before(team, &stand)? {
            Before::Nothing => (1, Link::START),
            Before::Signed { number, end } => (number + 1, end),
            Before::Forged { seq } => return broken(seq),
        };
        if stand.head < link.seq {
            return broken(stand.head + 1);
        }
        if stand.head == link.seq {
            return Ok(None);
        }
        while link.seq < stand.head {
            let rows = chain::batch(&self.inner.system, team, link.seq, stand.head).await?;
            if rows.is_empty() {
                return broken(link.seq + 1);
            }
            for row in &rows {
                if !link.follow(row) {
                    return broken(link.seq);
                }
            }
        }
        let key = self.audit_key().await?;
        // What is signed is what is kept, and that has microseconds.
        let now = Timestamp::now().as_microsecond();
        let at = Timestamp::from_microsecond(now).unwrap_or_default();
        let checkpoint = key.sign(team, number, link, at)?;
        let kept = sqlx::query!(
            "
            insert into audit_checkpoints (team_id, number, seq, hash, at, key_id, signature)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict do nothing
            ",
            team.as_uuid(),
            checkpoint.number,
            checkpoint.seq,
            checkpoint.hash.as_slice(),
            checkpoint.at.to_sqlx() as _,
            checkpoint.key_id,
            checkpoint.signature.as_slice(),
        )
        .execute(&self.inner.system)
        .await?
        .rows_affected();
        Ok((kept == 1).then_some(Checkpointed::Signed { team, checkpoint }))
    }

    /// One statement: somebody else may sign meanwhile, and an older head beside a newer checkpoint would look as if
    /// the end had been cut off.
    async fn audit_stand(&self, team: TeamId) -> Result<Option<Stand>, StoreError> {
        Ok(sqlx::query_as!(
            Stand,
            r#"
            select h.seq as head, c.number as "number?", c.seq as "seq?", c.hash as "hash?", c.at as "at?", c.key_id as "key_id?",
                c.signature as "signature?", k.sealed_seed as "sealed_seed?"
            from audit_heads h
            left join lateral (
                select l.number, l.seq, l.hash, l.at, l.key_id, l.signature
                from audit_checkpoints l
                where l.team_id = h.team_id
                order by l.number desc
                limit 1
            ) c on true
            left join audit_keys k on k.key_id = c.key_id
            where h.team_id = $1
            "#,
            team.as_uuid(),
        )
        .fetch_optional(&self.inner.system)
        .await?)
    }

    fn before(&self, team: TeamId, stand: &Stand) -> Result<Before, StoreError> {
        let (Some(number), Some(seq), Some(hash), Some(at), Some(key_id)) = (
            stand.number,
            stand.seq,
            &stand.hash,
            stand.at,
            &stand.key_id,
        ) else {
            return Ok(Before::Nothing);
        };
        let (Some(signature), Some(sealed_seed)) = (&stand.signature, &stand.sealed_seed) else {
            return Ok(Before::Forged { seq });
        };
        let key = AuditKey::open(&self.inner.kek, key_id, sealed_seed)?;
        let end = Link {
            seq,
            hash: decode::digest(hash)?,
        };
        Ok(if key.signed(team, number, end, at.to_jiff(), signature) {
            Before::Signed { number, end }
        } else {
            Before::Forged { seq }
        })
    }

    /// The key that signs; made by whoever signs first. Two who make one at once make two, and both are good.
    async fn audit_key(&self) -> Result<AuditKey, StoreError> {
        let row = sqlx::query!(
            "
            select key_id, sealed_seed
            from audit_keys
            order by created_at desc, key_id
            limit 1
            "
        )
        .fetch_optional(&self.inner.system)
        .await?;
        if let Some(row) = row {
            return AuditKey::open(&self.inner.kek, &row.key_id, &row.sealed_seed);
        }
        let (key, sealed) = AuditKey::fresh(&self.inner.kek)?;
        sqlx::query!(
            "
            insert into audit_keys (key_id, sealed_seed)
            values ($1, $2)
            ",
            key.id,
            sealed,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(key)
    }
}

/// The checkpoint before the one to be made.
enum Before {
    /// There is none.
    Nothing,
    /// It is good.
    Signed {
        /// Its number.
        number: i64,
        /// What it signs.
        end: Link,
    },
    /// No key of ours signed what it says.
    Forged {
        /// The record that it is said to sign.
        seq: i64,
    },
}
