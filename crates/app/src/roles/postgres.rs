//! The private Postgres as a unit of the supervisor.
//!
//! The store knows how to start and adopt it; this only translates.

use std::time::Duration;

use segue_store::embedded::{Embedded, EmbeddedConfig};

use crate::supervise::{Adoption, Boxed, Running, Unit};

/// The unit.
pub(super) struct PostgresUnit {
    config: EmbeddedConfig,
}

impl PostgresUnit {
    pub(super) const NAME: &str = "postgres";

    pub(super) fn new(config: EmbeddedConfig) -> Self {
        Self { config }
    }
}

impl Unit for PostgresUnit {
    fn name(&self) -> &str {
        Self::NAME
    }

    /// Its start adopts by itself.
    fn adopt(&self) -> anyhow::Result<Adoption> {
        Ok(Adoption::None)
    }

    fn start(&self) -> Boxed<'_, anyhow::Result<Box<dyn Running>>> {
        Box::pin(async {
            let server = Embedded::start(self.config.clone()).await?;
            let running: Box<dyn Running> = Box::new(Server(server));
            Ok(running)
        })
    }
}

struct Server(Embedded);

impl Running for Server {
    fn pid(&self) -> u32 {
        self.0.pid()
    }

    fn adopted(&self) -> bool {
        self.0.was_adopted()
    }

    /// Its start returns when connections are accepted.
    fn ready(&self) -> Boxed<'static, bool> {
        Box::pin(async { true })
    }

    fn exited(&mut self) -> Boxed<'_, String> {
        Box::pin(async {
            match self.0.exited().await {
                Ok(why) => why,
                Err(error) => format!("it cannot be watched: {error}"),
            }
        })
    }

    /// Bounded by its own configuration, because a forced stop costs a recovery.
    fn stop(self: Box<Self>, _grace: Duration) -> Boxed<'static, anyhow::Result<()>> {
        Box::pin(async { Ok(self.0.stop().await?) })
    }
}
