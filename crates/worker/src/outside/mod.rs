//! Tells programs, chat rooms and people what happened.
//!
//! Deliveries are added by the database in the transaction of the event; here they are claimed, made and noted.
//! Invariants: a delivery is made at least once, under one id, until it arrived or was given up; waits between tries are
//! kept in the database, so that no restart loses or hurries one; somebody who does not answer holds nobody else up for
//! longer than one round. Must not: say more than the delivery holds, or show an address in a log.

mod http;
mod mail;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use segue_outbound::Outbound;
use segue_store::{ClaimedDelivery, StoreError, WebhookKind};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::mail::Mailer;
use crate::config::OutsideConfig;
use crate::shared::Shared;

/// A delivery is ours for this long: longer than any try takes.
const HOLD: Duration = Duration::from_secs(120);
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
}

impl Tellers {
    /// Made from the settings.
    ///
    /// # Errors
    /// A sentence that says which setting cannot be used.
    pub(crate) fn new(config: &OutsideConfig) -> Result<Self, String> {
        Ok(Self {
            outbound: Outbound::new(&config.outbound).map_err(|error| error.to_string())?,
            mail: config.mail.as_ref().map(Mailer::new).transpose()?,
        })
    }

    async fn tell(&self, delivery: &ClaimedDelivery) -> Result<Option<u16>, Failed> {
        match (delivery.kind, &self.mail) {
            (WebhookKind::Standard, _) => http::standard(&self.outbound, delivery).await.map(Some),
            (WebhookKind::Chat, _) => http::chat(&self.outbound, delivery).await.map(Some),
            (WebhookKind::Mail, Some(mailer)) => mailer.send(delivery).await.map(|()| None),
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
            told = round(&shared, &tellers) => told?,
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

/// Makes what is due. Answers how many deliveries that were.
pub(crate) async fn round(shared: &Shared, tellers: &Tellers) -> Result<usize, StoreError> {
    let claimed = shared.store.webhook_claim(HOLD, AT_ONCE).await?;
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

/// One line about an event: where, and what.
fn line(payload: &serde_json::Value) -> (String, String) {
    let data = payload.get("data");
    let text = |name: &str| {
        let value = data.and_then(|data| data.get(name));
        value.and_then(|value| value.as_str()).unwrap_or_default()
    };
    let place = match (text("app"), text("environment")) {
        ("", _) => text("team").to_owned(),
        (app, "") => app.to_owned(),
        (app, environment) => format!("{app}/{environment}"),
    };
    let mut message = text("message").to_owned();
    let failure = data.and_then(|data| data.get("failure"));
    let evidence = failure
        .and_then(|failure| failure.get("evidence"))
        .and_then(|value| value.as_str());
    if let Some(evidence) = evidence {
        message.push_str(": ");
        message.push_str(evidence);
    }
    (place, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_place_and_the_reason() {
        let payload = serde_json::json!({"type": "deployment.changed", "data": {
            "team": "acme", "app": "shop", "environment": "production", "message": "#4 failed",
            "failure": {"code": "build_failed", "evidence": "step 3 of 4"},
        }});
        assert_eq!(
            line(&payload),
            (
                "shop/production".to_owned(),
                "#4 failed: step 3 of 4".to_owned()
            )
        );
        let payload = serde_json::json!({"data": {"team": "acme", "app": null, "message": "x"}});
        assert_eq!(line(&payload), ("acme".to_owned(), "x".to_owned()));
        assert_eq!(line(&serde_json::json!({})), (String::new(), String::new()));
    }
}
