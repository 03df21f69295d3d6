//! Keys and tokens of an installation: made at the first start, never replaced, closed to others.
//!
//! Invariant: the key that seals secrets is made once in the life of an installation. A second one
//! would open nothing that the first sealed, so a lost key is a refusal and never a new key.
//! Must not: print a secret or put one into an error; repair a file that others could read.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::Context as _;
use segue_store::seal::{KekError, KeyEncryptionKey};

use crate::config::Settings;
use crate::crypto;

/// Random bytes of a token; twice as many characters.
const TOKEN_BYTES: usize = 32;
/// Mode bits of group and others.
const OTHERS: u32 = 0o077;

/// Whether this role may begin an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It makes what an installation begins with: `segue serve` and `segue migrate`.
    MayBeFirst,
    /// Somebody else has begun it.
    Later,
}

/// The key that seals secrets.
///
/// # Errors
/// The file is missing although this is not the first start, or it is short, known, no plain file,
/// or can be read by others.
pub fn key_encryption_key(settings: &Settings, start: Start) -> anyhow::Result<KeyEncryptionKey> {
    let path = settings.keys().join("secrets.key");
    let begun = settings.installation_file().exists();
    let key = match start {
        Start::MayBeFirst if !begun => KeyEncryptionKey::load_or_create(&path),
        _ => KeyEncryptionKey::load(&path),
    };
    key.map_err(|error| {
        let next = match &error {
            KekError::Missing { .. } if begun => {
                "this installation was begun with one, and nothing else opens its secrets: put it back from your backup"
            }
            KekError::Missing { .. } => {
                "segue serve or segue migrate makes it at the first start; a further machine of the same installation gets a copy"
            }
            KekError::Malformed { .. } | KekError::Known { .. } => {
                "put the key back from your backup"
            }
            _ => return error.into(),
        };
        anyhow::anyhow!("{error}; {next}")
    })
}

/// Makes sure of every key and token before anything is started.
///
/// # Errors
/// One of them is missing, short, known or open to others, or cannot be made.
pub fn ensure_all(settings: &Settings) -> anyhow::Result<()> {
    private_folder(&settings.keys())?;
    key_encryption_key(settings, Start::MayBeFirst)?;
    ensure_token(&settings.edge_token_file())
}

/// Refuses what others may read, or what is no plain file.
fn refuse_open(path: &Path) -> anyhow::Result<()> {
    let meta = fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    if !meta.is_file() {
        anyhow::bail!("{} is not a plain file", path.display());
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        anyhow::bail!(
            "{path} can be read by others (mode {mode:o}), so it counts as known: remove it, and a new one is made at the next start; or, if nobody has read it, chmod 0400 {path}",
            path = path.display()
        );
    }
    Ok(())
}

/// Makes a folder that only we can enter, with its parents, or closes the one that is there.
///
/// # Errors
/// It cannot be made or closed.
pub fn private_folder(path: &Path) -> anyhow::Result<()> {
    folder(path, 0o700)
}

/// Makes a folder that others can enter but not list.
///
/// # Errors
/// It cannot be made.
pub fn passable_folder(path: &Path) -> anyhow::Result<()> {
    folder(path, 0o711)
}

fn folder(path: &Path, mode: u32) -> anyhow::Result<()> {
    let cannot = || format!("cannot make {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(cannot)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error).with_context(cannot),
        _ => fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(cannot),
    }
}

/// Makes the token file if there is none; refuses one that is short or open to others.
///
/// # Errors
/// It is refused, or cannot be written.
pub fn ensure_token(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        refuse_open(path)?;
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        // As many as ours have bits; a person's own token may have another alphabet.
        if text.trim().len() < TOKEN_BYTES {
            anyhow::bail!(
                "the token in {path} is shorter than {TOKEN_BYTES} characters: remove the file, and a new one is made at the next start",
                path = path.display()
            );
        }
        return Ok(());
    }
    let mut bytes = [0; TOKEN_BYTES];
    crypto::random(&mut bytes)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let cannot = || format!("cannot write {}", path.display());
    let beside = path.with_extension("new");
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    fs::rename(&beside, path).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("state/keys");
        private_folder(&keys).unwrap();
        let path = keys.join("edge.token");
        ensure_token(&path).unwrap();
        let first = fs::read_to_string(&path).unwrap();
        assert_eq!(first.len(), 2 * TOKEN_BYTES);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(&keys).unwrap().permissions().mode() & 0o777,
            0o700
        );
        ensure_token(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
    }

    #[test]
    fn a_folder_left_open_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        passable_folder(&keys).unwrap();
        private_folder(&keys).unwrap();
        assert_eq!(
            fs::metadata(&keys).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
