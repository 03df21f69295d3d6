//! Who waits for something to happen: woken by the database's notifications, and by a poll as the fallback.
//!
//! Level-triggered: a waiter takes its ticket *before* it looks, so that what happens in between wakes it.
//! News carry nothing; whoever is woken looks for himself.

use std::time::Duration;

use tokio::sync::watch;

/// The longest time without a look, if no notification comes.
pub(crate) const POLL: Duration = Duration::from_millis(250);

/// Wakes everybody who waits.
#[derive(Debug, Clone)]
pub(crate) struct News(watch::Sender<u64>);

impl Default for News {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// A place to wait; take it before looking.
#[derive(Debug)]
pub(crate) struct Ticket(watch::Receiver<u64>);

impl News {
    /// Something happened.
    pub(crate) fn tell(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A ticket for everything that happens from now on.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.0.subscribe())
    }
}

impl Ticket {
    /// Waits for news, at most [`POLL`]. What happened since the last call counts.
    pub(crate) async fn next(&mut self) {
        // An error would mean that the sender is gone: the poll goes on.
        let _ = tokio::time::timeout(POLL, self.0.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn news_between_looking_and_waiting_are_not_lost() {
        let news = News::default();
        let mut ticket = news.ticket();
        news.tell();
        let before = tokio::time::Instant::now();
        ticket.next().await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        ticket.next().await;
        assert_eq!(before.elapsed(), POLL);
    }
}
