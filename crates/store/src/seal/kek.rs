//! The key-encryption key: 32 random bytes in a file that only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Key, Place, SealError, SecretBytes};

/// Bytes of the key.
const LENGTH: usize = 32;

/// A key file that is not accepted. Start is refused; nothing is repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KekError {
    /// It does not exist, and the caller did not ask to make it.
    #[error("the key file {path} is missing")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is not 64 hexadecimal digits.
    #[error("the key file {path} does not hold a key of 64 hexadecimal digits")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// It is a key that everybody knows.
    #[error("the key in {path} is not random")]
    Known {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error(
        "the key file {path} can be read by others (mode {mode:o}); it must be 0400: `chmod 0400 {path}`"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not a plain file.
    #[error("{path} is not a plain file")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot use the key file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// No random numbers.
    #[error("cannot make a key")]
    Random(#[from] SealError),
}

/// The key-encryption key of this server.
#[derive(Clone)]
pub struct KeyEncryptionKey {
    key: Key,
    id: String,
}

impl std::fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyEncryptionKey").field(&self.id).finish()
    }
}

impl KeyEncryptionKey {
    /// Reads the key file.
    ///
    /// # Errors
    /// The file is missing, malformed, known, or readable by others.
    pub fn load(path: &Path) -> Result<Self, KekError> {
        let io = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                KekError::Missing {
                    path: path.to_owned(),
                }
            } else {
                KekError::Io {
                    path: path.to_owned(),
                    source,
                }
            }
        };
        let file = File::open(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        if !meta.is_file() {
            return Err(KekError::NotAFile {
                path: path.to_owned(),
            });
        }
        let mode = meta.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KekError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(1024).read_to_string(&mut text).map_err(io)?;
        let mut bytes = Zeroizing::new([0u8; LENGTH]);
        hex::decode_to_slice(text.trim_end(), bytes.as_mut_slice()).map_err(|_| {
            KekError::Malformed {
                path: path.to_owned(),
            }
        })?;
        // A key of a few different bytes was typed, not drawn. A random one has about 30.
        let different: std::collections::BTreeSet<u8> = bytes.iter().copied().collect();
        if different.len() < 12 {
            return Err(KekError::Known {
                path: path.to_owned(),
            });
        }
        Ok(Self::from_bytes(*bytes))
    }

    /// Reads the key file, or makes it if it does not exist. Never replaces one that does.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_or_create(path: &Path) -> Result<Self, KekError> {
        match Self::load(path) {
            Err(KekError::Missing { .. }) => {
                Self::create(path)?;
                Self::load(path)
            }
            other => other,
        }
    }

    /// Writes a fresh key beside the path and links it into place, so that the file is whole or absent.
    fn create(path: &Path) -> Result<(), KekError> {
        let io = |source| KekError::Io {
            path: path.to_owned(),
            source,
        };
        let key = Key::random()?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder).map_err(io)?;
        let temporary = folder.join(format!(".kek.{}", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(Zeroizing::new(hex::encode(key.bytes())).as_bytes())?;
                file.write_all(b"\n")?;
                file.sync_all()
            })
            // A link, not a rename: two servers that start at once agree on one key.
            .and_then(|()| match fs::hard_link(&temporary, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            })
            .and_then(|()| File::open(folder)?.sync_all());
        let removed = fs::remove_file(&temporary);
        written.and(removed).map_err(io)
    }

    /// A key from its bytes, for key stores other than files.
    #[must_use]
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"segue kek id v1\0");
        hash.update(bytes);
        let digest = hash.finalize();
        Self {
            key: Key::from_bytes(bytes),
            id: hex::encode(digest).chars().take(16).collect(),
        }
    }

    /// Tells keys apart without telling anything about them.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals something of the installation.
    ///
    /// # Errors
    /// The value is too long or the system gives no random numbers.
    pub fn seal(&self, value: &SecretBytes, place: &Place<'_>) -> Result<Vec<u8>, SealError> {
        self.key.seal(value.expose(), &place.encode())
    }

    /// Opens it again.
    ///
    /// # Errors
    /// It was changed or moved, or another key sealed it.
    pub fn open(&self, sealed: &[u8], place: &Place<'_>) -> Result<SecretBytes, SealError> {
        self.key.open(sealed, &place.encode())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_closed_to_others_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/kek");
        assert!(matches!(
            KeyEncryptionKey::load(&path),
            Err(KekError::Missing { .. })
        ));
        let first = KeyEncryptionKey::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o400);
        let second = KeyEncryptionKey::load_or_create(&path).unwrap();
        assert_eq!(first.id(), second.id());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn short_known_and_exposed_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let write = |text: &str, mode: u32| {
            let _ = fs::remove_file(&path);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let good = hex::encode(Key::random().unwrap().bytes());
        write(&good, 0o444);
        assert!(matches!(
            KeyEncryptionKey::load(&path),
            Err(KekError::Exposed { .. })
        ));
        write(&good[..62], 0o400);
        assert!(matches!(
            KeyEncryptionKey::load(&path),
            Err(KekError::Malformed { .. })
        ));
        write(&"00".repeat(32), 0o400);
        assert!(matches!(
            KeyEncryptionKey::load(&path),
            Err(KekError::Known { .. })
        ));
        write(&good, 0o400);
        assert!(KeyEncryptionKey::load(&path).is_ok());
    }
}
