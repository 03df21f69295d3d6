//! Reads the kernel's table of mounts.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The mount points below a folder, in the order in which they can be unmounted: the last mounted first.
pub(super) fn below(table: &[u8], folder: &Path) -> Vec<PathBuf> {
    let lines = table.split(|byte| *byte == b'\n');
    let points = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(1));
    let mut found: Vec<PathBuf> = points
        .map(|point| PathBuf::from(OsString::from_vec(plain(point))))
        .filter(|point| point != folder && point.starts_with(folder))
        .collect();
    found.reverse();
    found
}

/// Without the escapes of the table, which are a backslash and three octal digits.
fn plain(mut text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((&first, rest)) = text.split_first() {
        let digits = rest.get(..3).filter(|_| first == b'\\');
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(code.unwrap_or(first));
        text = rest
            .get(if code.is_some() { 3 } else { 0 }..)
            .unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below_a_folder_are_found_last_first_and_its_neighbours_are_not() {
        let table = b"tmpfs /run tmpfs rw 0 0\n\
            nsfs /run/a\\040b/exec/netns/1 nsfs rw 0 0\n\
            tmpfs /run/a\\040b/exec tmpfs rw 0 0\n\
            nsfs /run/a\\040b/exec/netns/2 nsfs rw 0 0\n\
            nsfs /run/a\\040b/execute/3 nsfs rw 0 0\n";
        let found = below(table, Path::new("/run/a b/exec"));
        let wanted = ["/run/a b/exec/netns/2", "/run/a b/exec/netns/1"];
        assert_eq!(found, wanted.map(PathBuf::from));
    }
}
