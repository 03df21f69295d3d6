//! Reading `postmaster.pid`, by which a server that outlived its supervisor is found again.
//!
//! A process id may have been given to another process since. A server counts as alive only if
//! the process's working folder is the data folder, which is where every postmaster stands.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::{EmbeddedError, io_error};

/// What the server wrote about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub pid: u32,
    pub port: u16,
    pub socket_folder: PathBuf,
    /// Empty when the server listens on its socket only.
    pub tcp_address: String,
    pub ready: bool,
}

/// Reads the file. `None` when it is missing or not completely written yet.
pub(super) fn read(data: &Path) -> Result<Option<PidFile>, EmbeddedError> {
    let path = data.join("postmaster.pid");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(format!("cannot read {}", path.display()))(error)),
    }
}

fn parse(text: &str) -> Option<PidFile> {
    // pid, data folder, start time, port, socket folder, TCP address, shared memory key, status
    let mut lines = text.lines().map(str::trim);
    let pid: i64 = lines.next()?.parse().ok()?;
    let port = lines.nth(2)?.parse().ok()?;
    let socket_folder = PathBuf::from(lines.next()?);
    let tcp_address = lines.next()?.to_owned();
    let ready = lines.nth(1).is_some_and(|status| status == "ready");
    Some(PidFile {
        // A negative id marks a single-user backend; it is nobody's server.
        pid: u32::try_from(pid).ok()?,
        port,
        socket_folder,
        tcp_address,
        ready,
    })
}

/// Whether this process is a postmaster that stands on the data folder.
pub(super) fn is_alive_on(pid: u32, data: &Path) -> bool {
    let (Ok(stands_on), Ok(data)) = (
        fs::read_link(format!("/proc/{pid}/cwd")),
        data.canonicalize(),
    ) else {
        return false;
    };
    stands_on == data
        && fs::read_to_string(format!("/proc/{pid}/comm"))
            .is_ok_and(|name| matches!(name.trim(), "postgres" | "postmaster"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_ready_server_is_understood() {
        let text = "4711\n/d\n1700000000\n5432\n/d/socket\n\n  12345  6\nready   \n";
        let file = parse(text).unwrap();
        assert_eq!(file.pid, 4711);
        assert_eq!(file.socket_folder, PathBuf::from("/d/socket"));
        assert_eq!(file.tcp_address, "");
        assert!(file.ready);
    }

    #[test]
    fn a_half_written_file_is_nothing() {
        assert_eq!(parse("4711\n/d\n"), None);
        let starting = parse("4711\n/d\n1\n5432\n/s\n\n 1 2\nstarting\n").unwrap();
        assert!(!starting.ready);
    }

    #[test]
    fn this_test_process_is_no_postmaster() {
        let here = std::env::current_dir().unwrap();
        assert!(!is_alive_on(std::process::id(), &here));
    }
}
