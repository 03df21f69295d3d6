//! The key-encryption keys of a server: one that seals, and older ones that still open while everything is
//! being wrapped anew.
//!
//! Rotation without a pause: start every server with the new key and the old one as `older`, wrap anew
//! ([`crate::SystemStore::kek_rewrap`]), then take the old one away.

use super::{KeyEncryptionKey, Place, SealError, SecretBytes};

/// Keys of a server.
#[derive(Debug, Clone)]
pub(crate) struct Keyring {
    current: KeyEncryptionKey,
    older: Vec<KeyEncryptionKey>,
}

impl Keyring {
    pub(crate) fn new(current: KeyEncryptionKey, older: Vec<KeyEncryptionKey>) -> Self {
        Self { current, older }
    }

    /// The id of the key that seals.
    pub(crate) fn id(&self) -> &str {
        self.current.id()
    }

    pub(crate) fn seal(
        &self,
        value: &SecretBytes,
        place: &Place<'_>,
    ) -> Result<Vec<u8>, SealError> {
        self.current.seal(value, place)
    }

    /// Opens what the key of this id sealed.
    pub(crate) fn open_of(
        &self,
        id: &str,
        sealed: &[u8],
        place: &Place<'_>,
    ) -> Result<SecretBytes, SealError> {
        self.keys()
            .find(|key| key.id() == id)
            .ok_or_else(|| SealError::OtherKek {
                sealed_by: id.to_owned(),
                have: self.id().to_owned(),
            })?
            .open(sealed, place)
    }

    /// Opens what any of the keys sealed; a box opens with one key only.
    pub(crate) fn open(&self, sealed: &[u8], place: &Place<'_>) -> Result<SecretBytes, SealError> {
        let mut result = Err(SealError::DoesNotOpen);
        for key in self.keys() {
            result = key.open(sealed, place);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn keys(&self) -> impl Iterator<Item = &KeyEncryptionKey> {
        std::iter::once(&self.current).chain(&self.older)
    }
}
