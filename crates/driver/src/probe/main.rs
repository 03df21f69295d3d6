//! Segue's probe: says what listens in the network namespace that it runs in.
//!
//! Linked statically and put alone into an image, so that it needs nothing from the application's image. Reads
//! `/proc/net/tcp` and `/proc/net/tcp6` and prints one `address:port` per line. Takes no arguments, sends nothing.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The state LISTEN in the kernel's table.
const LISTEN: &str = "0A";

fn main() -> std::process::ExitCode {
    let mut out = std::io::stdout().lock();
    let mut read = 0;
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // An engine without IPv6 has no second table.
        let Ok(text) = std::fs::read_to_string(table) else { continue };
        read += 1;
        for socket in text.lines().skip(1).filter_map(listening) {
            if writeln!(out, "{socket}").is_err() {
                return std::process::ExitCode::from(3);
            }
        }
    }
    if read == 0 { std::process::ExitCode::from(2) } else { std::process::ExitCode::SUCCESS }
}

/// `  0: 0100007F:1F90 00000000:0000 0A …`
fn listening(line: &str) -> Option<SocketAddr> {
    let mut fields = line.split_whitespace().skip(1);
    let local = fields.next()?;
    let state = fields.nth(1)?;
    if state != LISTEN {
        return None;
    }
    let (addr, port) = local.split_once(':')?;
    Some(SocketAddr::new(address(addr)?, u16::from_str_radix(port, 16).ok()?))
}

/// The kernel prints addresses as native words in hexadecimal.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0u8; 16];
            for (chunk, at) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
                chunk.copy_from_slice(&word(at)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}
