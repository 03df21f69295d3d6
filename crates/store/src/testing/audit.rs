//! An audit log as long as that of a busy team, with a chain as the API makes it.

use jiff_sqlx::ToSqlx;
use segue_model::id::TeamId;
use serde_json::{Value, json};
use sqlx::{Connection, Row};

use super::{Result, TestDb};
use crate::team::intent::AuditRecord;

/// Rows of one statement.
const PIECE: usize = 5000;

impl TestDb {
    /// Adds this many records to a team's chain.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn fill_audit(&self, team: TeamId, records: usize) -> Result<()> {
        let mut admin = self.admin().await?;
        let mut tx = admin.begin().await?;
        let head = sqlx::query("select seq, hash from audit_heads where team_id = $1 for update")
            .bind(team.as_uuid())
            .fetch_one(&mut *tx)
            .await?;
        let (mut seq, mut previous): (i64, Vec<u8>) = (head.get(0), head.get(1));
        let mut left = records;
        while left > 0 {
            let piece = left.min(PIECE);
            left -= piece;
            let (mut seqs, mut times, mut actors) = (Vec::new(), Vec::new(), Vec::new());
            let (mut details, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..piece {
                seq += 1;
                let at = jiff::Timestamp::from_second(1_700_000_000 + seq)?;
                let detail: Value = json!({"number": seq, "keys": ["A", "B"]});
                let actor = format!("segue/test{}", seq % 7);
                let record = AuditRecord {
                    seq,
                    at_us: at.as_microsecond(),
                    actor: actor.clone(),
                    action: "config_patch",
                    resource: "env_test",
                    detail: &detail,
                    request_id: None,
                    address: None,
                };
                let hash = record.hash(&previous).to_vec();
                seqs.push(seq);
                times.push(at.to_sqlx());
                actors.push(actor);
                details.push(detail);
                before.push(std::mem::replace(&mut previous, hash.clone()));
                after.push(hash);
            }
            sqlx::query(
                "insert into audit (team_id, seq, at, actor, action, resource, detail, previous_hash, hash) \
                 select $1, s, a, w, 'config_patch', 'env_test', d, p, h \
                 from unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::jsonb[], $6::bytea[], $7::bytea[]) \
                 as t (s, a, w, d, p, h)",
            )
            .bind(team.as_uuid())
            .bind(&seqs)
            .bind(&times)
            .bind(&actors)
            .bind(&details)
            .bind(&before)
            .bind(&after)
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query("update audit_heads set seq = $2, hash = $3 where team_id = $1")
            .bind(team.as_uuid())
            .bind(seq)
            .bind(&previous)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
