//! The table on disk, so that a restarting edge serves before it has met the control plane.
//!
//! The first line holds the format and the SHA-256 of the rest, the rest is the table as JSON. The
//! file before is kept as `routes.previous`. Invariant: a damaged file is never taken for an empty
//! table. Holds private keys, so the files are readable by the owner only.

use std::io;
use std::path::{Path, PathBuf};

use segue_model::route::{Certificate, EnvironmentRoutes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files;

const FORMAT: &str = "segue-routes-1";

/// What the file holds.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) environments: Vec<EnvironmentRoutes>,
    pub(crate) certificates: Vec<Certificate>,
}

/// What was found at a start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// There never was a table.
    Nothing,
    /// The last table.
    Current(Saved),
    /// The last table is damaged, the one before it is not.
    Previous(Saved),
    /// There was a table, and none of its files can be read.
    Damaged,
}

/// The files.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    current: PathBuf,
    previous: PathBuf,
}

impl Disk {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            current: folder.join("routes"),
            previous: folder.join("routes.previous"),
        }
    }

    /// Replaces the table; the present one becomes the previous one.
    pub(crate) fn save(&self, saved: &Saved) -> io::Result<()> {
        let body = serde_json::to_vec(saved)?;
        let mut content = format!("{FORMAT} {}\n", hex(&body)).into_bytes();
        content.extend_from_slice(&body);
        // Only a sound file may replace the previous one.
        if let Ok(Some(present)) = files::read(&self.current)
            && parse(&present).is_some()
        {
            files::replace(&self.previous, &present)?;
        }
        files::replace(&self.current, &content)
    }

    /// Reads the best table there is.
    pub(crate) fn load(&self) -> io::Result<Loaded> {
        let current = files::read(&self.current)?;
        if let Some(saved) = current.as_deref().and_then(parse) {
            return Ok(Loaded::Current(saved));
        }
        let previous = files::read(&self.previous)?;
        Ok(match previous.as_deref().and_then(parse) {
            Some(saved) => Loaded::Previous(saved),
            None if current.is_none() && previous.is_none() => Loaded::Nothing,
            None => Loaded::Damaged,
        })
    }
}

fn parse(content: &[u8]) -> Option<Saved> {
    let end = content.iter().position(|byte| *byte == b'\n')?;
    let (line, body) = content.split_at_checked(end + 1)?;
    let sum = std::str::from_utf8(line)
        .ok()?
        .trim_end()
        .strip_prefix(FORMAT)?
        .trim_start();
    (sum == hex(body)).then_some(())?;
    serde_json::from_slice(body).ok()
}

fn hex(body: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(body)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn saved(name: &str) -> Saved {
        Saved {
            environments: Vec::new(),
            certificates: vec![Certificate {
                names: vec![name.parse().unwrap()],
                chain_pem: "c".into(),
                key_pem: "k".into(),
            }],
        }
    }

    #[test]
    fn every_damage_is_noticed_and_the_previous_table_serves() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path());
        assert_eq!(disk.load().unwrap(), Loaded::Nothing);
        disk.save(&saved("one.test")).unwrap();
        assert_eq!(disk.load().unwrap(), Loaded::Current(saved("one.test")));
        disk.save(&saved("two.test")).unwrap();
        assert_eq!(disk.load().unwrap(), Loaded::Current(saved("two.test")));
        let path = folder.path().join("routes");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let sound = fs::read(&path).unwrap();
        for at in [0, 20, sound.len() / 2, sound.len() - 1] {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            fs::write(&path, &broken).unwrap();
            assert_eq!(
                disk.load().unwrap(),
                Loaded::Previous(saved("one.test")),
                "byte {at}"
            );
        }
        fs::write(&path, &sound[..sound.len() / 2]).unwrap();
        assert_eq!(disk.load().unwrap(), Loaded::Previous(saved("one.test")));
        fs::remove_file(&path).unwrap();
        assert_eq!(disk.load().unwrap(), Loaded::Previous(saved("one.test")));
        fs::write(folder.path().join("routes.previous"), b"").unwrap();
        assert_eq!(disk.load().unwrap(), Loaded::Damaged);
        // A damaged file does not become the previous one.
        disk.save(&saved("three.test")).unwrap();
        assert_eq!(disk.load().unwrap(), Loaded::Current(saved("three.test")));
    }
}
