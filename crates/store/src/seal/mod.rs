//! Sealing: a key-encryption key outside of the database, a data key per team, and values bound to
//! their place.
//!
//! Invariants: XChaCha20-Poly1305 with a random 24-byte nonce; the associated data names team, app,
//! environment, key and version, so that a row that was moved does not open; everything fails closed.
//! Must not: print, serialise or log a secret.

mod kek;
#[cfg(feature = "queries")]
mod keyring;
mod place;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand::TryRngCore;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

pub use self::kek::{KekError, KeyEncryptionKey};
#[cfg(feature = "queries")]
pub(crate) use self::keyring::Keyring;
pub use self::place::Place;

/// Length of the nonce in front of every box.
const NONCE: usize = 24;
/// Longest value that is sealed.
pub const VALUE_LIMIT_BYTES: usize = 1 << 20;

/// A failure to seal or open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The box was changed, moved, or sealed by another key.
    #[error("a sealed value does not open: it was changed or moved, or the key is another one")]
    DoesNotOpen,
    /// The box is shorter than any box is.
    #[error("a sealed value is too short")]
    TooShort,
    /// The value is longer than [`VALUE_LIMIT_BYTES`].
    #[error("the value is too long to be sealed")]
    TooLong,
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    NoRandomness,
    /// The key of another installation sealed this team's data key.
    #[error("the team's key was sealed by key-encryption key {sealed_by}, this server has {have}")]
    OtherKek {
        /// The id in the row.
        sealed_by: String,
        /// The id of our key.
        have: String,
    },
}

/// A value that must not be seen: no `Serialize`, no text in `Debug`, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes over a value.
    #[must_use]
    pub fn new(value: Vec<u8>) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Whoever calls this is responsible for where it goes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The value as text, if it is UTF-8.
    #[must_use]
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretBytes(…)")
    }
}

impl From<String> for SecretBytes {
    fn from(value: String) -> Self {
        Self::new(value.into_bytes())
    }
}

/// A symmetric key; wiped when dropped.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A fresh random key.
    pub(crate) fn random() -> Result<Self, SealError> {
        let mut key = Zeroizing::new([0u8; 32]);
        OsRng
            .try_fill_bytes(key.as_mut_slice())
            .map_err(|_| SealError::NoRandomness)?;
        Ok(Self(key))
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a value for one place: nonce, then box.
    pub(crate) fn seal(&self, value: &[u8], place: &[u8]) -> Result<Vec<u8>, SealError> {
        if value.len() > VALUE_LIMIT_BYTES {
            return Err(SealError::TooLong);
        }
        let mut nonce = [0u8; NONCE];
        OsRng
            .try_fill_bytes(&mut nonce)
            .map_err(|_| SealError::NoRandomness)?;
        let sealed = XChaCha20Poly1305::new(self.bytes().into())
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: value,
                    aad: place,
                },
            )
            .map_err(|_| SealError::TooLong)?;
        let mut out = nonce.to_vec();
        out.extend(sealed);
        Ok(out)
    }

    /// Opens a box that was sealed for this place.
    pub(crate) fn open(&self, sealed: &[u8], place: &[u8]) -> Result<SecretBytes, SealError> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE>()
            .ok_or(SealError::TooShort)?;
        XChaCha20Poly1305::new(self.bytes().into())
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: place,
                },
            )
            .map(SecretBytes::new)
            .map_err(|_| SealError::DoesNotOpen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_opens_only_at_its_place_unchanged_and_with_its_key() {
        let key = Key::random().unwrap();
        let sealed = key.seal(b"hunter2", b"here").unwrap();
        assert_eq!(key.open(&sealed, b"here").unwrap().expose(), b"hunter2");
        assert!(matches!(
            key.open(&sealed, b"there"),
            Err(SealError::DoesNotOpen)
        ));
        assert!(matches!(
            Key::random().unwrap().open(&sealed, b"here"),
            Err(SealError::DoesNotOpen)
        ));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(&changed, b"here").is_err(), "byte {index}");
        }
        assert!(matches!(
            key.open(&sealed[..10], b"here"),
            Err(SealError::TooShort)
        ));
    }

    #[test]
    fn equal_values_look_different_sealed() {
        let key = Key::random().unwrap();
        assert_ne!(key.seal(b"x", b"").unwrap(), key.seal(b"x", b"").unwrap());
    }

    #[test]
    fn secrets_do_not_print() {
        let secret = SecretBytes::from("hunter2".to_owned());
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
