//! Following one container's log.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use segue_driver::{ContainerName, Deadline, Driver, LogLine, LogStream};
use segue_model::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::Out;
use super::piece::{Gather, Piece};
use crate::core::redact::Redactor;
use crate::observe::target::Target;
use crate::shared::Shared;

/// For the begin of a stream.
const BEGIN_LIMIT: Duration = Duration::from_secs(10);
/// Between two tries, while engine or store do not answer.
const RETRY: Duration = Duration::from_secs(1);
/// The rate is an average over this.
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// The secrets may change while a container runs (another service's, used by this one through the same app).
const REDACTOR_AGE: Duration = Duration::from_secs(15);
/// Bytes of a line that came in pieces and is held until its end; what is above is cut into lines of its own.
const JOIN_BYTES: usize = 48 << 10;

pub(super) struct Follow {
    pub shared: Arc<Shared>,
    pub driver: Arc<dyn Driver>,
    pub target: Arc<Target>,
    pub out: mpsc::Sender<Out>,
    /// Time of the last line that this process has handed on; `None`: the store knows.
    pub after: Option<Timestamp>,
}

impl Follow {
    /// Follows until the container's current run ends and everything it wrote is handed on. Answers the time of
    /// the last line.
    pub(super) async fn run(self) -> Option<Timestamp> {
        let instance = self.target.instance;
        let name = ContainerName::from(instance);
        let since = loop {
            if self.after.is_some() {
                break self.after;
            }
            match self.shared.store.log_last_at(instance).await {
                Ok(since) => break since,
                Err(error) => {
                    tracing::debug!(instance.id = %instance, %error, "where the log was left is not known yet");
                    sleep(RETRY).await;
                }
            }
        };
        let mut redactor = self.redactor().await;
        let mut redactor_at = Instant::now();
        let mut stream = loop {
            match self
                .driver
                .logs(&name, since, true, Deadline::after(BEGIN_LIMIT))
                .await
            {
                Ok(stream) => break stream,
                Err(error) if error.effect_unknown() || error.retryable() => sleep(RETRY).await,
                Err(error) => {
                    tracing::debug!(instance.id = %instance, %error, "no log to follow");
                    return since;
                }
            }
        };
        let mut lines = Lines::new(self.shared.config.logs.bytes_per_second, since);
        loop {
            let due = lines.gather.due();
            let piece = tokio::select! {
                line = stream.next() => match line {
                    Some(Ok(line)) => {
                        if redactor_at.elapsed() >= REDACTOR_AGE {
                            redactor = self.redactor().await;
                            redactor_at = Instant::now();
                        }
                        lines.push(&redactor, &line)
                    }
                    Some(Err(error)) => {
                        tracing::debug!(instance.id = %instance, %error, "the log's stream broke");
                        break;
                    }
                    None => break,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => lines.gather.take(),
            };
            if let Some(piece) = piece {
                self.hand_on(piece).await;
            }
        }
        if let Some(piece) = lines.end(&redactor) {
            self.hand_on(piece).await;
        }
        lines.last.or(since)
    }

    async fn hand_on(&self, piece: Piece) {
        // Waits while the store is slow. Without a receiver the term is over, and this task with it.
        let _ = self
            .out
            .send(Out {
                target: self.target.clone(),
                piece,
            })
            .await;
    }

    async fn redactor(&self) -> Arc<Redactor> {
        loop {
            if let Some(redactor) = self
                .shared
                .redactors
                .of(&self.shared.store, self.target.environment)
                .await
            {
                return redactor;
            }
            sleep(RETRY).await;
        }
    }
}

/// Lines of one container: joined, redacted, bounded.
struct Lines {
    gather: Gather,
    /// Lines up to here were kept before; by the microsecond, as the store keeps it.
    after: Option<i64>,
    /// Time of the newest line that was read.
    last: Option<Timestamp>,
    joined: [Vec<u8>; 2],
    rate: u64,
    allowance: f64,
    filled: Instant,
}

impl Lines {
    fn new(rate: u64, since: Option<Timestamp>) -> Self {
        let allowance = rate as f64 * RATE_WINDOW.as_secs_f64();
        Self {
            gather: Gather::default(),
            after: since.map(Timestamp::as_microsecond),
            last: None,
            joined: [Vec::new(), Vec::new()],
            rate,
            allowance,
            filled: Instant::now(),
        }
    }

    fn allowed(&mut self, bytes: usize) -> bool {
        let now = Instant::now();
        let most = self.rate as f64 * RATE_WINDOW.as_secs_f64();
        let gained = now.duration_since(self.filled).as_secs_f64() * self.rate as f64;
        self.allowance = (self.allowance + gained).min(most);
        self.filled = now;
        let cost = bytes as f64;
        let fits = cost <= self.allowance;
        if fits {
            self.allowance -= cost;
        }
        fits
    }

    fn push(&mut self, redactor: &Redactor, line: &LogLine) -> Option<Piece> {
        if self
            .after
            .is_some_and(|after| line.at.as_microsecond() <= after)
        {
            return None;
        }
        self.last = Some(self.last.map_or(line.at, |last| last.max(line.at)));
        let held = match line.stream {
            LogStream::Stdout => &mut self.joined[0],
            LogStream::Stderr => &mut self.joined[1],
        };
        // A value may lie across the cut of a long line, so its pieces are joined before they are redacted.
        if held.is_empty() && !line.partial {
            let text = redactor.bytes(&line.message);
            return self.keep(line.at, line.stream, &text);
        }
        held.extend_from_slice(&line.message);
        if line.partial && held.len() < JOIN_BYTES {
            return None;
        }
        // A line that does not end is cut; what may be the begin of a value is held back for its other part.
        let mut text = std::mem::take(held);
        if line.partial {
            let cut = redactor.safe_cut(&text, text.len().saturating_sub(redactor.overlap()));
            *held = text.split_off(cut);
        }
        let text = redactor.bytes(&text);
        self.keep(line.at, line.stream, &text)
    }

    fn keep(&mut self, at: Timestamp, stream: LogStream, text: &[u8]) -> Option<Piece> {
        if !self.allowed(text.len() + 1) {
            self.gather.drop_line();
            return None;
        }
        self.gather.line(at, stream, None, text)
    }

    /// The end of the log: what is held goes out.
    fn end(&mut self, redactor: &Redactor) -> Option<Piece> {
        let at = self.last.unwrap_or_else(Timestamp::now);
        for (index, stream) in [(0usize, LogStream::Stdout), (1, LogStream::Stderr)] {
            let Some(held) = self.joined.get_mut(index) else {
                continue;
            };
            let rest = std::mem::take(held);
            if !rest.is_empty() {
                let text = redactor.bytes(&rest);
                self.gather.line(at, stream, None, &text);
            }
        }
        self.gather.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(us: i64, text: &str, partial: bool) -> LogLine {
        LogLine {
            at: Timestamp::from_microsecond(us).unwrap(),
            stream: LogStream::Stdout,
            message: text.to_owned().into(),
            partial,
        }
    }

    fn text(piece: Option<Piece>) -> String {
        String::from_utf8(piece.unwrap().data.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_value_across_the_cut_of_a_long_line_is_replaced() {
        let redactor = Redactor::new([b"hunter2hunter2".as_slice()]);
        let mut lines = Lines::new(1 << 20, None);
        assert_eq!(
            lines.push(&redactor, &line(1, "password=hunter2h", true)),
            None
        );
        assert_eq!(lines.push(&redactor, &line(2, "unter2 end", false)), None);
        let kept = text(lines.end(&redactor));
        assert!(kept.contains("password=[redacted] end"), "{kept}");
    }

    #[tokio::test]
    async fn a_value_across_the_cut_of_an_endless_line_is_replaced() {
        let redactor = Redactor::new([b"hunter2hunter2".as_slice()]);
        let mut lines = Lines::new(1 << 20, None);
        let long = format!("{}hunter2h", "x".repeat(JOIN_BYTES));
        lines.push(&redactor, &line(1, &long, true));
        lines.push(&redactor, &line(2, "unter2 end", false));
        let kept = text(lines.end(&redactor));
        assert!(!kept.contains("hunter2") && kept.contains("[redacted] end"));
    }

    #[tokio::test]
    async fn what_was_kept_before_is_not_kept_twice_and_floods_are_counted() {
        let redactor = Redactor::default();
        let mut lines = Lines::new(10, Some(Timestamp::from_microsecond(5).unwrap()));
        lines.push(&redactor, &line(5, "old", false));
        lines.push(&redactor, &line(6, "new", false));
        lines.push(&redactor, &line(7, &"y".repeat(200), false));
        let piece = lines.end(&redactor).unwrap();
        assert_eq!((piece.lines, piece.dropped), (1, 1));
    }
}
