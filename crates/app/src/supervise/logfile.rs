//! Log files that units write to by themselves, and their bound.
//!
//! A unit holds its file open for appending and outlives the supervisor, so a file is never
//! renamed away: it is copied to `NAME.1` and emptied. Lines written between the copy and the
//! emptying are lost; that is the price of logs that need no living reader.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// How large logs may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// A file larger than this is copied away and emptied. Twice this is kept at most, plus
    /// what a unit writes between two looks.
    pub max_bytes: u64,
}

impl Default for LogBounds {
    fn default() -> Self {
        Self {
            max_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Opens a unit's log for appending, and its folder with it.
pub(super) fn open(path: &Path) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}

/// Bounds one file.
pub(super) fn rotate(path: &Path, bounds: LogBounds) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.len() > bounds.max_bytes => {}
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let mut old = path.as_os_str().to_owned();
    old.push(".1");
    fs::copy(path, PathBuf::from(old))?;
    File::options().write(true).open(path)?.set_len(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_writer_goes_on_at_the_start_of_an_emptied_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unit.log");
        let mut writer = open(&path).unwrap();
        writer.write_all(b"a long first line\n").unwrap();
        let bounds = LogBounds { max_bytes: 10 };
        rotate(&path, bounds).unwrap();
        writer.write_all(b"second\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second\n");
        let kept = fs::read_to_string(folder.path().join("unit.log.1")).unwrap();
        assert_eq!(kept, "a long first line\n");
        rotate(&path, bounds).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "second\n",
            "small enough to stay"
        );
    }
}
