//! A store as another process has it.

use super::{KEK, Result, TestDb};
use crate::seal::KeyEncryptionKey;
use crate::store::{Store, StoreConfig};

impl TestDb {
    /// A store with connections of its own. What stands for a process that is stopped as a whole needs one:
    /// connections that it holds, or whose sockets its runtime watches, would be missing to everybody else.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn own_store(&self) -> Result<Store> {
        let mut config =
            StoreConfig::new(self.connect_options(), KeyEncryptionKey::from_bytes(KEK));
        config.api_connections = 2;
        config.system_connections = 6;
        Ok(Store::connect(config).await?)
    }
}
