//! What the API needs to reach the world: the way out, and who waits for work that came from there.

use std::sync::OnceLock;

use segue_outbound::Outbound;
use tokio::sync::Notify;

/// Shared by all handlers.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    /// Made when it is first used: reading the machine's certificates takes a moment.
    pub client: OnceLock<Outbound>,
    /// A call of a hook was taken.
    pub called: Notify,
}
