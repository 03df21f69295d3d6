//! Mails to single people, as work for whoever sends them: sealed until then, and gone when they are sent or too old.
//!
//! Invariant: what a letter says is readable by whoever holds the key-encryption key and by nobody who holds only the
//! database; a link in it is worth as much as the password that it sets.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::context::fresh_id;
use crate::error::{StoreError, corrupt};
use crate::seal::{Place, SecretBytes};
use crate::store::Inner;
use crate::system::SystemStore;
use crate::team::intent::Intent;

/// A mail to one person.
#[derive(Debug, Clone)]
pub struct Letter {
    /// To whom.
    pub address: String,
    /// One line.
    pub subject: String,
    /// Plain text; shown to nobody but them.
    pub text: SecretBytes,
}

/// A letter to be sent.
#[derive(Debug, Clone)]
pub struct ClaimedLetter {
    /// Its id.
    pub id: Uuid,
    /// What it says, and to whom.
    pub letter: Letter,
    /// Tries before this one.
    pub attempts: u32,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Inside {
    subject: String,
    text: String,
}

fn place(id: &str) -> Place<'_> {
    Place::Platform {
        kind: "letter",
        name: id,
    }
}

/// Keeps a letter in the transaction of what it tells of, and wakes whoever sends it.
pub(crate) async fn insert(
    intent: &mut Intent<'_>,
    inner: &Inner,
    letter: &Letter,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let id = fresh_id();
    let text = std::str::from_utf8(letter.text.expose()).map_err(corrupt("letter"))?;
    let inside = serde_json::to_vec(&Inside {
        subject: letter.subject.clone(),
        text: text.to_owned(),
    })
    .map_err(corrupt("letter"))?;
    let name = id.simple().to_string();
    let sealed = inner.kek.seal(&SecretBytes::new(inside), &place(&name))?;
    sqlx::query!(
        "
        insert into letters (id, address, sealed, expires_at)
        values ($1, $2, $3, $4)
        ",
        id,
        letter.address,
        sealed,
        expires_at.to_sqlx() as _,
    )
    .execute(&mut *intent.tx)
    .await?;
    sqlx::query!("select pg_notify('segue_deliveries', '')")
        .fetch_one(&mut *intent.tx)
        .await?;
    Ok(())
}

impl SystemStore {
    /// Claims letters that are due, each for `hold`, and forgets those that are too old, whatever became of them. One
    /// that does not open, because the key that sealed it is gone, is forgotten too: there is a new link for the asking.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn letter_claim(
        &self,
        hold: Duration,
        most: u32,
    ) -> Result<Vec<ClaimedLetter>, StoreError> {
        sqlx::query!(
            "
            delete from letters
            where expires_at <= now()
            "
        )
        .execute(&self.inner.system)
        .await?;
        let rows = sqlx::query!(
            "
            update letters l
            set next_at = now() + $1 * interval '1 second', attempts = l.attempts + 1
            from (
                select c.id
                from letters c
                where c.next_at <= now()
                order by c.next_at
                limit $2
                for update skip locked
            ) due
            where l.id = due.id
            returning l.id, l.address, l.sealed, l.attempts
            ",
            hold.as_secs_f64(),
            i64::from(most),
        )
        .fetch_all(&self.inner.system)
        .await?;
        let mut claimed = Vec::new();
        for row in rows {
            let name = row.id.simple().to_string();
            let Ok(opened) = self.inner.kek.open(&row.sealed, &place(&name)) else {
                tracing::warn!(letter.id = %row.id, "a letter does not open with the present keys and is dropped");
                self.letter_done(row.id).await?;
                continue;
            };
            let inside: Inside =
                serde_json::from_slice(opened.expose()).map_err(corrupt("letter"))?;
            claimed.push(ClaimedLetter {
                id: row.id,
                letter: Letter {
                    address: row.address,
                    subject: inside.subject,
                    text: SecretBytes::from(inside.text),
                },
                attempts: crate::decode::number::<i32, u32>(row.attempts, "attempts")?
                    .saturating_sub(1),
            });
        }
        Ok(claimed)
    }

    /// It was sent, or never will be.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn letter_done(&self, id: Uuid) -> Result<(), StoreError> {
        sqlx::query!(
            "
            delete from letters
            where id = $1
            ",
            id,
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }

    /// It was not sent; it is tried again after this long.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn letter_again(&self, id: Uuid, wait: Duration) -> Result<(), StoreError> {
        sqlx::query!(
            "
            update letters
            set next_at = now() + $2 * interval '1 second'
            where id = $1
            ",
            id,
            wait.as_secs_f64(),
        )
        .execute(&self.inner.system)
        .await?;
        Ok(())
    }
}
