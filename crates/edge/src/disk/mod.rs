//! The routes on disk, so that a restarting edge serves before it has met the control plane, and serves at least
//! what it has acknowledged.
//!
//! Two kinds of files. `routes` is the whole table at some moment: its first line holds the format and the SHA-256
//! of the rest, the rest is JSON; the table before it is kept as `routes.previous`. `routes.log.N` holds the
//! changes since the table numbered N ([`journal`]). A change is appended and synced before it is acknowledged; the
//! table is written anew only when the logs have outgrown it.
//!
//! Invariants: what [`Writer::append`] returned Ok for is found by [`Disk::load`] after any crash; a damaged file is
//! never taken for an empty table. Holds private keys, so the files are readable by the owner only.

mod journal;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use segue_model::internal::StreamBody;
use segue_model::route::{Certificate, EnvironmentRoutes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files;
use journal::Journal;
pub(crate) use journal::line;

const FORMAT: &str = "segue-routes-1";

/// Logs smaller than this are never a reason to write the table anew.
const LEAST_COMPACTION: u64 = 1024 * 1024;

/// What a table file holds.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// The first log that is not contained in it.
    #[serde(default)]
    pub(crate) number: u64,
    pub(crate) environments: Vec<EnvironmentRoutes>,
    pub(crate) certificates: Vec<Certificate>,
}

/// Everything that was on disk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) saved: Saved,
    /// Changes since, in order. Some may be contained in the table already.
    pub(crate) changes: Vec<StreamBody>,
}

/// What was found at a start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// There never was a table.
    Nothing,
    /// All of it.
    Whole(Recovered),
    /// A file is damaged; this is what the others say.
    Partial(Recovered),
    /// There was a table, and none of its files can be read.
    Damaged,
}

/// The files.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn current(&self) -> PathBuf {
        self.folder.join("routes")
    }

    fn previous(&self) -> PathBuf {
        self.folder.join("routes.previous")
    }

    fn log(&self, number: u64) -> PathBuf {
        self.folder.join(format!("routes.log.{number}"))
    }

    /// Numbers of the logs that exist, in order.
    fn logs(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_prefix("routes.log."))
                .and_then(|number| number.parse::<u64>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Replaces the table; the present one becomes the previous one. Then removes logs that neither of them needs.
    /// Answers its bytes.
    pub(crate) fn save(&self, saved: &Saved) -> io::Result<u64> {
        let body = serde_json::to_vec(saved)?;
        let mut content = format!("{FORMAT} {}\n", hex(&body)).into_bytes();
        content.extend_from_slice(&body);
        let mut needed = saved.number;
        // Only a sound file may replace the previous one.
        if let Some(present) = files::read(&self.current())?
            && let Some(sound) = parse(&present)
        {
            files::replace(&self.previous(), &present)?;
            needed = needed.min(sound.number);
        } else {
            let previous = files::read(&self.previous())?;
            let sound = previous.as_deref().and_then(parse);
            // The first table: until there is a second one, its logs are what stands in for it.
            needed = needed.min(sound.map_or(0, |previous| previous.number));
        }
        files::replace(&self.current(), &content)?;
        for number in self.logs()?.into_iter().filter(|one| *one < needed) {
            fs::remove_file(self.log(number))?;
        }
        Ok(content.len() as u64)
    }

    /// Reads the best state there is.
    pub(crate) fn load(&self) -> io::Result<Loaded> {
        let current = files::read(&self.current())?;
        let previous = files::read(&self.previous())?;
        let logs = self.logs()?;
        let sound = current.as_deref().and_then(parse);
        let mut whole = sound.is_some() || (current.is_none() && previous.is_none());
        let there = current.is_some() || previous.is_some();
        let saved = sound.or_else(|| previous.as_deref().and_then(parse));
        // Logs say everything by themselves only if they reach back to the beginning.
        if saved.is_none() && there && logs.first() != Some(&0) {
            return Ok(Loaded::Damaged);
        }
        let from = saved.as_ref().map_or(0, |saved| saved.number);
        let mut changes = Vec::new();
        for number in logs.iter().filter(|one| **one >= from) {
            let content = files::read(&self.log(*number))?.unwrap_or_default();
            let (read, sound) = journal::read(&content);
            whole &= sound;
            changes.extend(read);
        }
        if saved.is_none() && changes.is_empty() {
            return Ok(if whole {
                Loaded::Nothing
            } else {
                Loaded::Damaged
            });
        }
        let recovered = Recovered {
            saved: saved.unwrap_or_default(),
            changes,
        };
        Ok(if whole {
            Loaded::Whole(recovered)
        } else {
            Loaded::Partial(recovered)
        })
    }

    /// The writing side. Nothing is made before something is written.
    pub(crate) fn writer(&self) -> io::Result<Writer> {
        let logs = self.logs()?;
        let mut since_table = 0;
        for number in &logs {
            since_table += fs::metadata(self.log(*number))?.len();
        }
        let table = fs::metadata(self.current()).map_or(0, |metadata| metadata.len());
        let last = files::read(&self.current())?
            .as_deref()
            .and_then(parse)
            .map_or(0, |saved| saved.number);
        Ok(Writer {
            disk: self.clone(),
            // Never into a log that is there: its end may be torn.
            next: logs.last().map_or(last, |newest| last.max(newest + 1)),
            open: None,
            since_table,
            table,
        })
    }
}

/// Appends changes, and says when the table should be written anew.
#[derive(Debug)]
pub(crate) struct Writer {
    disk: Disk,
    next: u64,
    open: Option<Journal>,
    /// Bytes in logs since the last table.
    since_table: u64,
    /// Bytes of the last table.
    table: u64,
}

impl Writer {
    /// Writes lines of [`line`]. When it returns Ok, they are on disk.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let journal = match self.open.take() {
            Some(journal) => journal,
            None => self.begin()?,
        };
        let (written, journal) = journal.append(lines);
        self.open = journal;
        if written.is_ok() {
            self.since_table += lines.len() as u64;
        }
        written
    }

    fn begin(&mut self) -> io::Result<Journal> {
        let number = self.next;
        // Whatever happens now, this number is used up.
        self.next += 1;
        let journal = Journal::create(&self.disk.log(number))?;
        File::open(&self.disk.folder)?.sync_all()?;
        Ok(journal)
    }

    /// The logs have outgrown the table.
    pub(crate) fn is_due(&self) -> bool {
        self.since_table > self.table.max(LEAST_COMPACTION)
    }

    /// Begins another log. A copy of the table that is made after this call contains every log before the answered
    /// number, and [`Disk::save`] may be given it with that number, also while changes are appended.
    pub(crate) fn rotate(&mut self) -> u64 {
        self.open = None;
        self.since_table = 0;
        self.next
    }

    /// A table of this many bytes was written.
    pub(crate) fn saved(&mut self, bytes: u64) {
        self.table = bytes;
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
#[path = "tests.rs"]
mod tests;
