//! Reports: acknowledgements, what is open on draining endpoints, requests in flight, counts.
//!
//! A report that was not answered is sent again with the same number and the same counts, so that
//! nothing is counted twice or lost while the process lives.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use segue_model::internal::{ACK_BATCH_MS, CountRow, REPORT_MS, Report};
use tokio::time::Instant as TokioInstant;

use super::Link;
use super::dial::{Connection, LinkError};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
const BATCH: Duration = Duration::from_millis(ACK_BATCH_MS);
/// With traffic, counts are sent this often.
const BUSY: Duration = Duration::from_secs(1);
/// Without, this often: sooner than the longest time allowed.
const IDLE: Duration = Duration::from_millis(REPORT_MS - 500);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// The sending side.
pub(crate) struct Reporter {
    link: Arc<Link>,
    connection: Option<Connection>,
    /// Counts of a report that was not answered, with its number.
    unanswered: Vec<CountRow>,
    number: u64,
}

impl Reporter {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        // Numbers must grow over restarts, too; a process does not send a million reports a second.
        let start = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_micros());
        Self {
            link,
            connection: None,
            unanswered: Vec::new(),
            number: u64::try_from(start).unwrap_or(u64::MAX / 2),
        }
    }

    /// Reports for ever.
    pub(crate) async fn run(&mut self) {
        let mut retry = RETRY_FIRST;
        let mut next = TokioInstant::now();
        loop {
            let drained = self.link.shared.table.drained.clone();
            let woken = tokio::select! {
                () = self.link.acknowledge.notified() => true,
                () = drained.notified() => true,
                () = tokio::time::sleep_until(next) => false,
            };
            if woken {
                tokio::time::sleep(BATCH).await;
            }
            match self.send().await {
                Ok(busy) => {
                    retry = RETRY_FIRST;
                    next = TokioInstant::now() + if busy { BUSY } else { IDLE };
                }
                Err(error) => {
                    tracing::debug!(%error, "a report did not arrive");
                    self.connection = None;
                    // No wake-up is needed for the next try, and none may shorten the pause.
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(RETRY_LONGEST);
                    next = TokioInstant::now();
                }
            }
            let (_, close_at) = self.link.shared.table.draining(Instant::now());
            if let Some(close_at) = close_at {
                next = next.min(close_at.into());
            }
        }
    }

    /// Sends one report; answers whether there is reason to send the next one soon.
    pub(crate) async fn send(&mut self) -> Result<bool, LinkError> {
        let link = self.link.clone();
        let table = &link.shared.table;
        if self.unanswered.is_empty() {
            self.unanswered = table.stats.take_changes();
            if !self.unanswered.is_empty() {
                self.number += 1;
            }
        }
        // Acknowledgements first: an endpoint that leaves between the two readings is in the second.
        let acknowledged = link.state().unacknowledged.clone();
        let (draining, _) = table.draining(Instant::now());
        let report = Report {
            acknowledged,
            draining,
            in_flight: table.in_flight(),
            counts: self.unanswered.clone(),
            report_number: self.number,
            http_port: link.http_port,
            https_port: link.https_port,
        };
        let body = serde_json::to_vec(&report).map_err(LinkError::Message)?;
        let sent_at = link.shared.now();
        self.post("reports", body.into()).await?;
        link.shared.lease.renew(sent_at);
        let busy = !report.counts.is_empty() || !report.draining.is_empty();
        self.unanswered.clear();
        link.state()
            .unacknowledged
            .retain(|id, at| report.acknowledged.get(id) != Some(at));
        table.forget_idle(&report.draining);
        Ok(busy)
    }

    /// Tells the control plane that this edge leaves.
    pub(crate) async fn goodbye(&mut self) -> Result<(), LinkError> {
        self.post("goodbye", Bytes::new()).await
    }

    async fn post(&mut self, path: &str, body: Bytes) -> Result<(), LinkError> {
        let mut connection = match self.connection.take() {
            Some(connection) if connection.sender.is_ready() => connection,
            _ => self.link.dial().await?,
        };
        let request = self.link.request(Method::POST, path, body)?;
        let status = tokio::time::timeout(ANSWER_TIMEOUT, async {
            connection.sender.ready().await?;
            let response = connection.sender.send_request(request).await?;
            let status = response.status();
            // The body is read so that the connection can be used again.
            http_body_util::Limited::new(response.into_body(), 64 * 1024)
                .collect()
                .await
                .ok();
            Ok::<_, LinkError>(status)
        })
        .await
        .map_err(|_| LinkError::Timeout)??;
        if !status.is_success() {
            return Err(LinkError::Status(status));
        }
        self.connection = Some(connection);
        Ok(())
    }
}
