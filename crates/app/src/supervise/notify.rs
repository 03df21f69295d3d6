//! Tells the service manager that we are ready (the `sd_notify` protocol: one datagram).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends a state such as `READY=1` to the socket that the manager named in `NOTIFY_SOCKET`
/// (the caller reads the environment). Without a manager there is nothing to do.
///
/// # Errors
/// The socket is named but takes nothing.
pub fn notify_manager(socket: Option<&str>, state: &str) -> std::io::Result<()> {
    let Some(name) = socket.filter(|name| !name.is_empty()) else {
        return Ok(());
    };
    let address = match name.strip_prefix('@') {
        Some(hidden) => SocketAddr::from_abstract_name(hidden)?,
        None => SocketAddr::from_pathname(name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_hears_the_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        notify_manager(path.to_str(), "READY=1").unwrap();
        let mut buffer = [0; 16];
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1");
    }

    #[test]
    fn no_manager_is_no_fault_but_a_dead_one_is() {
        notify_manager(None, "READY=1").unwrap();
        assert!(notify_manager(Some("/nonexistent/notify"), "READY=1").is_err());
    }
}
