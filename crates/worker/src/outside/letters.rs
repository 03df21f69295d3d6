//! Letters to single people: sent by the operator's mail server, tried again for as long as they are good.
//!
//! A letter carries a link that its reader may also get by hand, so that nothing depends on it. Must not: show in a log
//! what a letter says, or to whom it goes.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use segue_store::{ClaimedLetter, StoreError};

use super::mail::Mailer;
use crate::shared::Shared;

/// A letter is ours for this long: longer than any try takes.
const HOLD: Duration = Duration::from_secs(120);
/// Letters that are sent at a time.
const AT_ONCE: u32 = 8;
/// Waits after the tries; the last one is repeated until the letter is too old.
const WAITS: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
];

/// Sends what is due. Answers how many letters that were.
pub(super) async fn round(shared: &Shared, mailer: Option<&Mailer>) -> Result<usize, StoreError> {
    // Without a mail server they are left to a worker that has one, or to their end.
    let Some(mailer) = mailer else {
        return Ok(0);
    };
    let claimed = shared.store.letter_claim(HOLD, AT_ONCE).await?;
    let count = claimed.len();
    let mut work: FuturesUnordered<_> = claimed
        .into_iter()
        .map(|letter| one(shared, mailer, letter))
        .collect();
    while let Some(done) = work.next().await {
        done?;
    }
    Ok(count)
}

async fn one(shared: &Shared, mailer: &Mailer, claimed: ClaimedLetter) -> Result<(), StoreError> {
    let letter = &claimed.letter;
    let text = letter.text.expose_str().unwrap_or_default().to_owned();
    let id = claimed.id.simple().to_string();
    let sent = mailer.post(&letter.address, letter.subject.clone(), text, id);
    match sent.await {
        Ok(()) => shared.store.letter_done(claimed.id).await,
        Err(failed) if failed.retry => {
            tracing::warn!(letter.id = %claimed.id, error = failed.detail, "a letter could not be sent yet");
            let tries = usize::try_from(claimed.attempts).unwrap_or(usize::MAX);
            let wait = WAITS.get(tries).or(WAITS.last()).copied();
            let wait = wait.unwrap_or(HOLD);
            shared.store.letter_again(claimed.id, wait).await
        }
        Err(failed) => {
            tracing::warn!(letter.id = %claimed.id, error = failed.detail, "a letter cannot be sent and is dropped");
            shared.store.letter_done(claimed.id).await
        }
    }
}
