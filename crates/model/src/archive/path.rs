//! Rules of paths and link targets in archives. Text in, canonical text or the broken rule out.

use super::{PathFault, RESERVED_DIR};

const PATH_BYTES: usize = 1024;
const PART_BYTES: usize = 255;
const PARTS: usize = 100;

/// Canonical form of an entry's path; `None` for the root itself (`.`, `./`), which tar writes for `tar c .`.
pub(super) fn clean(raw: &[u8]) -> Result<Option<String>, PathFault> {
    let text = decode(raw)?;
    if text.starts_with('/') {
        return Err(PathFault::Absolute);
    }
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(PathFault::Parent),
            _ if part.len() > PART_BYTES => return Err(PathFault::Length),
            _ if part.eq_ignore_ascii_case(".git") => return Err(PathFault::Git),
            _ => parts.push(part),
        }
    }
    if parts.len() > PARTS {
        return Err(PathFault::Length);
    }
    match parts.first() {
        None => Ok(None),
        Some(first) if first.eq_ignore_ascii_case(RESERVED_DIR) => Err(PathFault::Reserved),
        Some(_) => Ok(Some(parts.join("/"))),
    }
}

/// Canonical form of a symbolic link's target, if it cannot leave the archive.
///
/// `..` is accepted only at the front and only as often as the link has parent directories. Behind a name it
/// is refused, because that name may itself be a link: with `d -> .`, the target `d/../x` looks harmless and
/// means `../x`. Parents of entries are never links (the parser refuses them), so leading `..` are exact, and by
/// induction no chain of links leaves the archive.
pub(super) fn symlink_target(link: &str, raw: &[u8]) -> Option<String> {
    let text = decode(raw).ok()?;
    if text.starts_with('/') {
        return None;
    }
    let depth = link.split('/').count() - 1;
    let (mut ups, mut parts) = (0, Vec::new());
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.len() > ups => return None,
            ".." => {
                ups += 1;
                parts.push(part);
            }
            _ => parts.push(part),
        }
    }
    if ups > depth {
        return None;
    }
    Some(if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    })
}

/// A path as it may be shown: control characters escaped, cut to 120 characters.
pub(super) fn shown(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    text.chars()
        .take(120)
        .flat_map(char::escape_debug)
        .collect()
}

fn decode(raw: &[u8]) -> Result<&str, PathFault> {
    if raw.is_empty() {
        return Err(PathFault::Empty);
    }
    if raw.len() > PATH_BYTES {
        return Err(PathFault::Length);
    }
    let text = std::str::from_utf8(raw).map_err(|_| PathFault::Encoding)?;
    if text.chars().any(char::is_control) {
        return Err(PathFault::Control);
    }
    Ok(text)
}
