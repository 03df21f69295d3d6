//! Writes canonical tar entries: POSIX ustar, with a pax header where a path does not fit.
//!
//! Equal input gives equal bytes; callers give paths in canonical form.

use super::tar::BLOCK;

/// What ends a tar: two blocks of zeros.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The first and the last modification time that is kept, in seconds since 1970: tools that write zip files
/// refuse times before 1980, and 2^33 is what eleven octal digits hold.
const MTIME: std::ops::RangeInclusive<u64> = 315_532_800..=0o77_777_777_777;

/// A regular file with its content, padded: for files that Segue adds to an archive.
#[must_use]
pub fn file(path: &str, executable: bool, mtime: u64, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 3 * BLOCK);
    header(
        &mut out,
        path,
        Kind::File {
            executable,
            size: content.len() as u64,
        },
        mtime,
    );
    out.extend_from_slice(content);
    pad(&mut out, content.len() as u64);
    out
}

/// A directory.
#[must_use]
pub fn directory(path: &str, mtime: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOCK);
    header(&mut out, path, Kind::Directory, mtime);
    out
}

/// What an entry is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    File { executable: bool, size: u64 },
    Directory,
    Symlink(&'a str),
    Hardlink(&'a str),
}

/// Appends the header of an entry, with a pax header before it where needed.
pub(super) fn header(out: &mut Vec<u8>, path: &str, kind: Kind<'_>, mtime: u64) {
    let mtime = mtime.clamp(*MTIME.start(), *MTIME.end());
    let (flag, mode, size, link) = match kind {
        Kind::File {
            executable: true,
            size,
        } => (b'0', 0o755, size, ""),
        Kind::File {
            executable: false,
            size,
        } => (b'0', 0o644, size, ""),
        Kind::Directory => (b'5', 0o755, 0, ""),
        Kind::Symlink(target) => (b'2', 0o777, 0, target),
        Kind::Hardlink(target) => (b'1', 0o644, 0, target),
    };
    let mut records = Vec::new();
    if path.len() > 100 {
        record(&mut records, "path", path);
    }
    if link.len() > 100 {
        record(&mut records, "linkpath", link);
    }
    if !records.is_empty() {
        block(out, "pax", b'x', 0o644, records.len() as u64, "", mtime);
        let length = records.len() as u64;
        out.append(&mut records);
        pad(out, length);
    }
    block(out, path, flag, mode, size, link, mtime);
}

/// Appends zeros up to the next block.
pub(super) fn pad(out: &mut Vec<u8>, size: u64) {
    let over = (size % BLOCK as u64) as usize;
    if over > 0 {
        out.resize(out.len() + BLOCK - over, 0);
    }
}

/// One record of a pax header; its length counts its own digits.
fn record(out: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

fn block(out: &mut Vec<u8>, path: &str, flag: u8, mode: u32, size: u64, link: &str, mtime: u64) {
    let mut block = Vec::with_capacity(BLOCK);
    text(&mut block, path, 100);
    block.extend_from_slice(
        format!(
            "{mode:07o}\0{:07o}\0{:07o}\0{size:011o}\0{mtime:011o}\0",
            0, 0
        )
        .as_bytes(),
    );
    let checksum_at = block.len();
    block.extend_from_slice(b"        ");
    block.push(flag);
    text(&mut block, link, 100);
    block.extend_from_slice(b"ustar\x0000");
    block.resize(BLOCK, 0);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    for (to, from) in block
        .iter_mut()
        .skip(checksum_at)
        .zip(format!("{sum:06o}\0 ").bytes())
    {
        *to = from;
    }
    out.append(&mut block);
}

/// A text field; what does not fit stands in the pax header, and the cut is at a character's border.
fn text(block: &mut Vec<u8>, text: &str, width: usize) {
    let end = block.len() + width;
    let mut length = text.len().min(width);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    block.extend_from_slice(text.as_bytes().get(..length).unwrap_or_default());
    block.resize(end, 0);
}
