//! Tells programs, chat rooms and people what happened.
//!
//! Deliveries are added by the database in the transaction of the event; here they are claimed, made and noted.
//! Invariants: a delivery is made at least once, under one id, until it arrived or was given up; waits between tries are
//! kept in the database, so that no restart loses or hurries one; somebody who does not answer holds nobody else up for
//! longer than one round. Must not: say more than the delivery holds, or show an address in a log.

mod http;
mod letters;
#[cfg(test)]
mod limits_tests;
mod mail;
#[cfg(test)]
mod mail_tests;
mod text;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use segue_outbound::Outbound;
use segue_store::{ClaimedDelivery, DELIVERY_HOLD, StoreError, WebhookKind};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::mail::Mailer;
use crate::config::OutsideConfig;
use crate::shared::Shared;

/// Deliveries that are made at a time.
const AT_ONCE: u32 = 16;
/// Between looks, if no notification comes: for those that are tried again.
const LOOK: Duration = Duration::from_secs(5);
/// Waits after the tries; after the last one it is given up. About three days in all.
const WAITS: [Duration; 10] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];
/// Somebody who could not be told anything for this long is told nothing more.
const PATIENCE: Duration = Duration::from_secs(5 * 24 * 3600);
/// What was told is shown for this long.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Why a try failed.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Status of the answer.
    status: Option<u16>,
    /// One sentence.
    detail: String,
    /// Whether another try may do better.
    retry: bool,
}

impl Failed {
    fn new(detail: impl Into<String>, retry: bool) -> Self {
        Self {
            status: None,
            detail: detail.into(),
            retry,
        }
    }
}

/// What deliveries are made with.
pub(crate) struct Tellers {
    outbound: Outbound,
    mail: Option<Mailer>,
    public_url: Option<String>,
}

impl Tellers {
    /// Made from the settings.
    ///
    /// # Errors
    /// A sentence that says which setting cannot be used.
    pub(crate) fn new(config: &OutsideConfig) -> Result<Self, String> {
        Ok(Self {
            outbound: Outbound::new(&config.outbound).map_err(|error| error.to_string())?,
            mail: (config.mail.as_ref())
                .map(|mail| Mailer::new(mail, config.outbound.extra_ca.as_deref()))
                .transpose()?,
            public_url: config.public_url.clone(),
        })
    }

    async fn tell(&self, delivery: &ClaimedDelivery) -> Result<Option<u16>, Failed> {
        let Some(sealed) = &delivery.sealed else {
            return Err(Failed::new("its address cannot be opened", false));
        };
        let text = || text::text(&delivery.payload, self.public_url.as_deref());
        match (delivery.kind, &self.mail) {
            (WebhookKind::Standard, _) => {
                let told = http::standard(&self.outbound, sealed.expose(), delivery).await;
                told.map(Some)
            }
            (WebhookKind::Chat, _) => {
                let told = http::chat(&self.outbound, sealed.expose(), &text()).await;
                told.map(Some)
            }
            (WebhookKind::Mail, Some(mailer)) => {
                let told = mailer.send(sealed.expose(), delivery.id, &text()).await;
                told.map(|()| None)
            }
            (WebhookKind::Mail, None) => {
                let detail =
                    "this server sends no mail: its operator has set no mail server (mail.server)";
                Err(Failed::new(detail, true))
            }
        }
    }
}

/// Tells what is due until `stop`.
pub(crate) async fn keep(
    shared: Arc<Shared>,
    tellers: Arc<Tellers>,
    stop: CancellationToken,
) -> Result<(), StoreError> {
    let mut listener = shared.store.listen(&["segue_deliveries"]).await?;
    let mut sweep_at = Instant::now() + SWEEP_EVERY.mul_f64(rand::random::<f64>());
    loop {
        let told = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            told = both(&shared, &tellers) => told?,
        };
        if Instant::now() >= sweep_at {
            shared.store.outside_sweep(KEEP).await?;
            sweep_at = Instant::now() + SWEEP_EVERY;
        }
        if told > 0 {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(LOOK) => {}
            // An error is a lost connection: the supervisor begins anew.
            heard = listener.recv() => {
                heard.map_err(StoreError::from)?;
            }
        }
    }
}

/// Tells what is due, and sends letters to single people. Answers how many that were.
pub(crate) async fn both(shared: &Shared, tellers: &Tellers) -> Result<usize, StoreError> {
    let told = round(shared, tellers).await?;
    Ok(told + letters::round(shared, tellers.mail.as_ref()).await?)
}

/// Makes what is due. Answers how many deliveries that were.
pub(crate) async fn round(shared: &Shared, tellers: &Tellers) -> Result<usize, StoreError> {
    let claimed = shared.store.webhook_claim(DELIVERY_HOLD, AT_ONCE).await?;
    let count = claimed.len();
    let mut work: FuturesUnordered<_> = claimed
        .into_iter()
        .map(|delivery| one(shared, tellers, delivery))
        .collect();
    while let Some(done) = work.next().await {
        done?;
    }
    Ok(count)
}

async fn one(
    shared: &Shared,
    tellers: &Tellers,
    delivery: ClaimedDelivery,
) -> Result<(), StoreError> {
    match tellers.tell(&delivery).await {
        Ok(status) => shared.store.webhook_delivered(&delivery, status).await,
        Err(failed) => {
            let tries = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
            let wait = WAITS.get(tries).filter(|_| failed.retry);
            // Those that failed together do not come back together.
            let again = wait.map(|wait| wait.mul_f64(0.9 + rand::random::<f64>() / 5.0));
            shared
                .store
                .webhook_failed(&delivery, failed.status, &failed.detail, again, PATIENCE)
                .await
        }
    }
}
