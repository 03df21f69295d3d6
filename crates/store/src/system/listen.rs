//! Wake-ups. They carry nothing and may be lost: listen before looking, look from time to time anyway,
//! and look at everything after a reconnect.

use sqlx::postgres::PgListener;

use super::SystemStore;
use crate::error::StoreError;
use crate::text_enum;

text_enum! {
    /// What there may be something new of.
    Channel {
        /// Units that need a look.
        Work = "segue_work",
        /// Routes or certificates.
        Routes = "segue_routes",
        /// Events.
        Events = "segue_events",
        /// Log pieces.
        Logs = "segue_logs",
    }
}

/// A connection that hears of changes.
#[derive(Debug)]
pub struct Listener {
    inner: PgListener,
}

impl SystemStore {
    /// Begins to listen. Everything that commits after this returns is heard, unless the connection breaks.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn listen(&self, channels: &[Channel]) -> Result<Listener, StoreError> {
        let mut inner = PgListener::connect_with(&self.inner.system).await?;
        inner.listen_all(channels.iter().map(|channel| channel.as_str())).await?;
        Ok(Listener { inner })
    }
}

impl Listener {
    /// Waits for the next wake-up. `None`: the connection broke and was made again, so anything may have
    /// been missed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: the database is away; try again later.
    pub async fn recv(&mut self) -> Result<Option<Channel>, StoreError> {
        let heard = self.inner.try_recv().await?;
        Ok(heard.and_then(|notification| notification.channel().parse().ok()))
    }
}
