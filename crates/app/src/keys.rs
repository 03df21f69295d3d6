//! Keys and tokens of an installation: made at the first start, never replaced, closed to others.
//!
//! Must not: print a secret or put one into an error.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::Context as _;

use crate::crypto;

/// Random bytes of a token; twice as many characters.
const TOKEN_BYTES: usize = 32;

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

/// Makes the token file if there is none.
///
/// # Errors
/// It cannot be written.
pub fn ensure_token(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
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
