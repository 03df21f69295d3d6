//! One log of changes: a line each, with the first half of its SHA-256 before it.
//!
//! A crash leaves a last line without its end, which was never acknowledged and is left out. A whole line that is
//! wrong is damage and is said so; the right ones count all the same, because each holds a whole environment and
//! generations never go back.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use segue_model::internal::StreamBody;

use super::hex;

/// Characters of the checksum: 128 bits.
const SUM: usize = 32;

/// One change as it stands in a log.
pub(crate) fn line(change: &StreamBody) -> serde_json::Result<Vec<u8>> {
    let body = serde_json::to_vec(change)?;
    let mut line = Vec::with_capacity(SUM + body.len() + 2);
    line.extend_from_slice(hex(&body).get(..SUM).unwrap_or_default().as_bytes());
    line.push(b' ');
    line.extend_from_slice(&body);
    line.push(b'\n');
    Ok(line)
}

/// The changes in a log, and whether nothing but its end is damaged.
pub(super) fn read(content: &[u8]) -> (Vec<StreamBody>, bool) {
    let mut changes = Vec::new();
    let mut sound = true;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        // Without its end it was being written when the process died.
        let Some(line) = line.strip_suffix(b"\n") else {
            break;
        };
        match parse(line) {
            Some(change) => changes.push(change),
            None => sound = false,
        }
    }
    (changes, sound)
}

fn parse(line: &[u8]) -> Option<StreamBody> {
    let (sum, rest) = line.split_at_checked(SUM)?;
    let body = rest.strip_prefix(b" ")?;
    (hex(body).as_bytes().get(..SUM)? == sum).then_some(())?;
    serde_json::from_slice(body).ok()
}

/// An open log.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Bytes that are known to be whole.
    length: u64,
}

impl Journal {
    /// Makes a new one; never opens one that is there.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self { file, length: 0 })
    }

    /// Writes and syncs. After a failure the answer says whether the log may be used on: a write that did not fit
    /// is taken back, but after a failed sync nobody knows what is on disk.
    pub(super) fn append(mut self, lines: &[u8]) -> (io::Result<()>, Option<Self>) {
        if let Err(error) = self.file.write_all(lines) {
            let usable = self.file.set_len(self.length).is_ok();
            return (Err(error), usable.then_some(self));
        }
        if let Err(error) = self.file.sync_data() {
            return (Err(error), None);
        }
        self.length += lines.len() as u64;
        (Ok(()), Some(self))
    }
}
