//! The tar parser: blocks in, checked entries out through [`super::entry`].
//!
//! Reads v7, POSIX ustar, pax and GNU long names. Everything else is refused by name.

use std::collections::BTreeMap;

use super::entry::{self, END, Kind};
use super::path::{clean, shown, symlink_target};
use super::{ArchiveError, Contents, Ignore, Limits, PathFault};
use crate::detect::names;

pub(super) const BLOCK: usize = 512;

/// A pax header or GNU long name larger than this is no source tree's.
const EXTENSION_BYTES: u64 = 256 << 10;

type Result<T> = std::result::Result<T, ArchiveError>;

/// What a path turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Directory,
    File,
    Symlink,
}

#[derive(Debug)]
enum State {
    /// Filling the next header.
    Header,
    /// Content of a file that is passed on, and kept if it is wanted.
    Content {
        remaining: u64,
        padding: u64,
        wanted: Option<String>,
    },
    /// Content of a file that is left out.
    Skipped { remaining: u64 },
    /// Content of a header that describes the next entry.
    Extension {
        remaining: u64,
        padding: u64,
        flag: u8,
    },
    /// One block of zeros was seen.
    EndOne,
    /// Two were: only zeros may follow.
    Ended,
}

/// What extension headers said about the next entry.
#[derive(Debug, Default)]
struct Pending {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    seen_pax: bool,
}

#[derive(Debug)]
pub(super) struct Parser {
    limits: Limits,
    wanted: Vec<String>,
    pub(super) ignore: Ignore,
    state: State,
    /// The header being filled, or the extension being read, or the wanted file being kept.
    buffer: Vec<u8>,
    keep: Vec<u8>,
    pending: Pending,
    nodes: BTreeMap<String, Node>,
    path_bytes: u64,
    starred_bytes: u64,
    seen: u64,
    contents: Contents,
}

impl Parser {
    pub(super) fn new(limits: Limits, wanted: Vec<String>) -> Self {
        Self {
            limits,
            wanted,
            ignore: Ignore::default(),
            state: State::Header,
            buffer: Vec::new(),
            keep: Vec::new(),
            pending: Pending::default(),
            nodes: BTreeMap::new(),
            path_bytes: 0,
            starred_bytes: 0,
            seen: 0,
            contents: Contents::default(),
        }
    }

    /// Bytes of tar fed so far.
    pub(super) const fn bytes_seen(&self) -> u64 {
        self.seen
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.seen += bytes.len() as u64;
        if self.seen > self.limits.inflated_bytes {
            return Err(ArchiveError::TooLarge {
                limit: self.limits.inflated_bytes,
            });
        }
        while !bytes.is_empty() {
            bytes = self.step(bytes, out)?;
        }
        Ok(())
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<Contents> {
        if !matches!(self.state, State::Ended) {
            return Err(ArchiveError::Truncated);
        }
        if self.contents.paths.is_empty() {
            return Err(ArchiveError::Empty);
        }
        out.extend_from_slice(&END);
        Ok(self.contents)
    }

    fn step<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8]> {
        match &mut self.state {
            State::Header | State::EndOne => {
                let (head, rest) = split(bytes, (BLOCK - self.buffer.len()) as u64);
                self.buffer.extend_from_slice(head);
                if self.buffer.len() == BLOCK {
                    let block = std::mem::take(&mut self.buffer);
                    self.block(&Header(&block), out)?;
                }
                Ok(rest)
            }
            State::Content {
                remaining,
                padding,
                wanted,
            } => {
                let (content, rest) = split(bytes, *remaining);
                *remaining -= content.len() as u64;
                out.extend_from_slice(content);
                if wanted.is_some() {
                    self.keep.extend_from_slice(content);
                }
                let (skipped, rest) = split(rest, if *remaining == 0 { *padding } else { 0 });
                *padding -= skipped.len() as u64;
                // Written anew: what stands in the padding is nobody's.
                out.resize(out.len() + skipped.len(), 0);
                if *remaining == 0 && *padding == 0 {
                    if let Some(path) = wanted.take() {
                        self.contents
                            .files
                            .insert(path, std::mem::take(&mut self.keep));
                    }
                    self.state = State::Header;
                }
                Ok(rest)
            }
            State::Skipped { remaining } => {
                let (skipped, rest) = split(bytes, *remaining);
                *remaining -= skipped.len() as u64;
                if *remaining == 0 {
                    self.state = State::Header;
                }
                Ok(rest)
            }
            State::Extension {
                remaining,
                padding,
                flag,
            } => {
                let (content, rest) = split(bytes, *remaining);
                *remaining -= content.len() as u64;
                self.keep.extend_from_slice(content);
                let (skipped, rest) = split(rest, if *remaining == 0 { *padding } else { 0 });
                *padding -= skipped.len() as u64;
                if *remaining == 0 && *padding == 0 {
                    let flag = *flag;
                    self.state = State::Header;
                    let content = std::mem::take(&mut self.keep);
                    self.extension(flag, &content)?;
                }
                Ok(rest)
            }
            State::Ended if bytes.iter().any(|byte| *byte != 0) => {
                Err(ArchiveError::Malformed("there is data behind its end"))
            }
            State::Ended => Ok(&[]),
        }
    }

    /// One complete header block.
    fn block(&mut self, header: &Header<'_>, out: &mut Vec<u8>) -> Result<()> {
        if header.0.iter().all(|byte| *byte == 0) {
            if self.pending.any() {
                return Err(ArchiveError::Malformed(
                    "a long name is followed by no entry",
                ));
            }
            self.state = if matches!(self.state, State::EndOne) {
                State::Ended
            } else {
                State::EndOne
            };
            return Ok(());
        }
        if matches!(self.state, State::EndOne) {
            return Err(ArchiveError::Malformed("there is data behind its end"));
        }
        if !header.checksum_is_right() {
            return Err(ArchiveError::Malformed("a header's checksum is wrong"));
        }
        let size = header
            .number(SIZE)
            .ok_or(ArchiveError::Malformed("a size is not a number"))?;
        match header.flag() {
            flag @ (b'x' | b'g' | b'L' | b'K') => {
                if size > EXTENSION_BYTES {
                    return Err(ArchiveError::Malformed("a header extension is too long"));
                }
                let padding = padding(size);
                if size == 0 {
                    return self.extension(flag, &[]);
                }
                self.state = State::Extension {
                    remaining: size,
                    padding,
                    flag,
                };
                Ok(())
            }
            flag => self.entry(header, flag, size, out),
        }
    }

    /// One complete extension: it says something about the next entry.
    fn extension(&mut self, flag: u8, content: &[u8]) -> Result<()> {
        let twice = ArchiveError::Malformed("an entry has two names");
        match flag {
            b'L' | b'K' => {
                // GNU ends long names with NUL; anything behind it would be read differently by others.
                let name = content.strip_suffix(&[0]).unwrap_or(content);
                let slot = if flag == b'L' {
                    &mut self.pending.path
                } else {
                    &mut self.pending.link
                };
                if slot.replace(name.to_vec()).is_some() {
                    return Err(twice);
                }
            }
            b'x' if std::mem::replace(&mut self.pending.seen_pax, true) => {
                return Err(ArchiveError::Malformed("an entry has two pax headers"));
            }
            _ => {
                for (key, value) in records(content)? {
                    let important = matches!(key, b"path" | b"linkpath" | b"size")
                        || key.starts_with(b"GNU.sparse");
                    if important && (flag == b'g' || key.starts_with(b"GNU.sparse")) {
                        return Err(ArchiveError::Malformed(
                            "a pax header that source archives do not need",
                        ));
                    }
                    let had = match key {
                        b"path" => self.pending.path.replace(value.to_vec()).is_some(),
                        b"linkpath" => self.pending.link.replace(value.to_vec()).is_some(),
                        b"size" => {
                            let size = std::str::from_utf8(value)
                                .ok()
                                .and_then(|text| text.parse().ok());
                            let size =
                                size.ok_or(ArchiveError::Malformed("a size is not a number"))?;
                            self.pending.size.replace(size).is_some()
                        }
                        _ => false,
                    };
                    if had {
                        return Err(twice);
                    }
                }
            }
        }
        Ok(())
    }

    /// A header that is an entry.
    fn entry(&mut self, header: &Header<'_>, flag: u8, size: u64, out: &mut Vec<u8>) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let raw = pending.path.unwrap_or_else(|| header.path());
        let link = pending.link.unwrap_or_else(|| header.link().to_vec());
        let fault = |why| ArchiveError::Path {
            path: shown(&raw),
            why,
        };
        if pending.size.is_some_and(|other| other != size) {
            // Parsers disagree on which one counts, and with it on where the next header is.
            return Err(ArchiveError::Malformed("an entry has two different sizes"));
        }
        let slash = raw.ends_with(b"/");
        let what = match flag {
            b'0' | b'7' if slash => return Err(fault(PathFault::TrailingSlash)),
            b'0' | b'7' => b'0',
            0 if slash => b'5',
            0 => b'0',
            b'1' | b'2' | b'5' => flag,
            other => {
                return Err(ArchiveError::Kind {
                    path: shown(&raw),
                    what: name_of(other),
                });
            }
        };
        if what != b'0' && size != 0 {
            return Err(ArchiveError::Malformed("a link or folder has content"));
        }
        let Some(path) = clean(&raw).map_err(fault)? else {
            return if what == b'5' {
                Ok(())
            } else {
                Err(fault(PathFault::Empty))
            };
        };
        // Of the mode only the bits that change who may run a file matter; unreadable ones count as set.
        let mode = header.number(MODE).unwrap_or(0o7777);
        let mtime = header.number(MTIME).unwrap_or(0);
        if what == b'0' && mode & 0o6000 != 0 {
            return Err(ArchiveError::Setuid { path: shown(&raw) });
        }
        if self.ignore.excludes(&path) {
            if size > 0 {
                self.state = State::Skipped {
                    remaining: size.saturating_add(padding(size)),
                };
            }
            return self.count(0);
        }
        self.parents(&path, &raw)?;
        match what {
            b'5' => self.directory(&path, &raw, mtime, out),
            b'2' => {
                let refused = || ArchiveError::Link {
                    path: shown(&raw),
                    target: shown(&link),
                };
                let target = symlink_target(&path, &link).ok_or_else(refused)?;
                self.insert(&path, &raw, Node::Symlink)?;
                entry::header(out, &path, Kind::Symlink(&target), mtime);
                Ok(())
            }
            b'1' => {
                let target = clean(&link).ok().flatten();
                let target = target.filter(|target| self.nodes.get(target) == Some(&Node::File));
                let target = target.ok_or_else(|| ArchiveError::Link {
                    path: shown(&raw),
                    target: shown(&link),
                })?;
                self.insert(&path, &raw, Node::File)?;
                entry::header(out, &path, Kind::Hardlink(&target), mtime);
                Ok(())
            }
            _ => {
                self.insert(&path, &raw, Node::File)?;
                entry::header(
                    out,
                    &path,
                    Kind::File {
                        executable: mode & 0o111 != 0,
                        size,
                    },
                    mtime,
                );
                self.contents.content_bytes = self.contents.content_bytes.saturating_add(size);
                self.content(path, size)
            }
        }
    }

    /// Whether the content of a file is kept. Names with a star may stand for any number of files, so that those have a
    /// bound together.
    fn wants(&mut self, path: &str, size: u64) -> bool {
        if self.wanted.iter().any(|wanted| wanted == path) {
            return true;
        }
        let starred = self.wanted.iter().any(|wanted| names(wanted, path));
        if starred && size <= self.limits.wanted_bytes as u64 {
            self.starred_bytes = self.starred_bytes.saturating_add(size.max(BLOCK as u64));
        }
        starred && self.starred_bytes <= self.limits.starred_bytes
    }

    /// Expects the content of a file.
    fn content(&mut self, path: String, size: u64) -> Result<()> {
        if size > self.limits.inflated_bytes {
            return Err(ArchiveError::TooLarge {
                limit: self.limits.inflated_bytes,
            });
        }
        let mut wanted = self.wants(&path, size).then_some(path);
        if size > self.limits.wanted_bytes as u64 {
            self.contents.oversized.extend(wanted.take());
        }
        if size == 0 {
            self.contents
                .files
                .extend(wanted.map(|path| (path, Vec::new())));
            return Ok(());
        }
        self.state = State::Content {
            remaining: size,
            padding: padding(size),
            wanted,
        };
        Ok(())
    }

    /// Notes the directories above `path` that the archive left out; refuses parents that are no directory.
    ///
    /// They are counted and not written: a short entry at a deep path would make the output a hundred times longer
    /// than the input, and every reader makes missing parents by itself.
    fn parents(&mut self, path: &str, raw: &[u8]) -> Result<()> {
        for (end, _) in path.match_indices('/') {
            let parent = path.get(..end).unwrap_or_default();
            match self.nodes.get(parent) {
                Some(Node::Directory) => {}
                Some(Node::File | Node::Symlink) => {
                    return Err(ArchiveError::Path {
                        path: shown(raw),
                        why: PathFault::BelowFile,
                    });
                }
                None => self.insert(parent, raw, Node::Directory)?,
            }
        }
        Ok(())
    }

    fn directory(&mut self, path: &str, raw: &[u8], mtime: u64, out: &mut Vec<u8>) -> Result<()> {
        if self.nodes.get(path) == Some(&Node::Directory) {
            // tar writes a folder again when it is named twice on its command line.
            return self.count(0);
        }
        self.insert(path, raw, Node::Directory)?;
        entry::header(out, path, Kind::Directory, mtime);
        Ok(())
    }

    fn insert(&mut self, path: &str, raw: &[u8], node: Node) -> Result<()> {
        self.count(path.len() as u64)?;
        if self.nodes.insert(path.to_owned(), node).is_some() {
            return Err(ArchiveError::Duplicate { path: shown(raw) });
        }
        if node != Node::Directory {
            if self.contents.paths.len() < self.limits.listed_paths {
                self.contents.paths.push(path.to_owned());
            } else {
                self.contents.paths_truncated = true;
            }
        }
        Ok(())
    }

    fn count(&mut self, path_bytes: u64) -> Result<()> {
        self.contents.entries += 1;
        self.path_bytes += path_bytes;
        if self.contents.entries > self.limits.entries || self.path_bytes > self.limits.path_bytes {
            return Err(ArchiveError::TooManyEntries {
                limit: self.limits.entries,
            });
        }
        Ok(())
    }
}

impl Pending {
    fn any(&self) -> bool {
        self.path.is_some() || self.link.is_some() || self.size.is_some() || self.seen_pax
    }
}

type Field = std::ops::Range<usize>;
const NAME: Field = 0..100;
const MODE: Field = 100..108;
const SIZE: Field = 124..136;
const MTIME: Field = 136..148;
const CHECKSUM: Field = 148..156;
const FLAG: usize = 156;
const LINK: Field = 157..257;
const MAGIC: Field = 257..265;
const PREFIX: Field = 345..500;

/// A header block of 512 bytes.
struct Header<'a>(&'a [u8]);

impl Header<'_> {
    fn field(&self, field: Field) -> &[u8] {
        self.0.get(field).unwrap_or_default()
    }

    fn flag(&self) -> u8 {
        self.0.get(FLAG).copied().unwrap_or_default()
    }

    /// An octal number between optional spaces and NULs. Base 256 is for sizes beyond any limit: not read.
    fn number(&self, field: Field) -> Option<u64> {
        let text = std::str::from_utf8(self.field(field)).ok()?;
        let text = text.trim_start_matches(' ').trim_end_matches([' ', '\0']);
        if text.is_empty() {
            return Some(0);
        }
        // `from_str_radix` would take a sign.
        if !text.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        u64::from_str_radix(text, 8).ok()
    }

    fn checksum_is_right(&self) -> bool {
        let in_field = |index: &usize| CHECKSUM.contains(index);
        let sum: u64 = (self.0.iter().enumerate())
            .map(|(index, byte)| u64::from(if in_field(&index) { b' ' } else { *byte }))
            .sum();
        self.number(CHECKSUM) == Some(sum)
    }

    /// Name with the POSIX prefix. GNU's magic has other things where the prefix stands.
    fn path(&self) -> Vec<u8> {
        let name = until_nul(self.field(NAME));
        let prefix = until_nul(self.field(PREFIX));
        if prefix.is_empty() || self.field(MAGIC) != b"ustar\x0000" {
            return name.to_vec();
        }
        [prefix, b"/", name].concat()
    }

    fn link(&self) -> &[u8] {
        until_nul(self.field(LINK))
    }
}

/// The records of a pax header: `length key=value\n`.
fn records(mut content: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    let bad = || ArchiveError::Malformed("a pax header is damaged");
    let mut records = Vec::new();
    while !content.is_empty() {
        let space = content
            .iter()
            .take(8)
            .position(|byte| *byte == b' ')
            .ok_or_else(bad)?;
        let digits = content.get(..space).unwrap_or_default();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(bad());
        }
        let length: usize = std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(bad)?;
        let (record, rest) = content.split_at_checked(length).ok_or_else(bad)?;
        let record = record
            .get(space + 1..)
            .and_then(|record| record.strip_suffix(b"\n"))
            .ok_or_else(bad)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(bad)?;
        let (key, value) = record.split_at_checked(equals).ok_or_else(bad)?;
        records.push((key, value.get(1..).unwrap_or_default()));
        content = rest;
    }
    Ok(records)
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

const fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

const fn name_of(flag: u8) -> &'static str {
    match flag {
        b'3' => "a character device",
        b'4' => "a block device",
        b'6' => "a FIFO",
        b'S' => "a sparse file",
        b'M' => "a part of a multi-volume archive",
        b'V' => "a volume label",
        _ => "an unknown type of entry",
    }
}
