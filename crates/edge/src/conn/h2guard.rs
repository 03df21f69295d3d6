//! Counts what a peer may send on an HTTP/2 connection for free: PING, SETTINGS, RST_STREAM,
//! PRIORITY, empty DATA and CONTINUATION. Pure: no IO. Must not change a byte.

use std::io;
use std::time::{Duration, Instant};

/// Length of the client's connection preface.
const PREFACE: usize = 24;

/// Frames that cost the client nothing, per window of time, before the connection is closed. A
/// browser cancelling a page of images stays far below.
const MAX_CHEAP_FRAMES: u32 = 1_000;
const WINDOW: Duration = Duration::from_secs(10);

/// Follows the frames of one connection.
#[derive(Debug)]
pub(crate) struct FrameGuard {
    preface_left: usize,
    header: [u8; 9],
    have: usize,
    payload_left: usize,
    /// The last head still wants a CONTINUATION.
    head_open: bool,
    /// The payload being read belongs to a head.
    in_head: bool,
    cheap: u32,
    since: Instant,
}

impl FrameGuard {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            preface_left: PREFACE,
            header: [0; 9],
            have: 0,
            payload_left: 0,
            head_open: false,
            in_head: false,
            cheap: 0,
            since: now,
        }
    }

    /// The client began the connection, a frame or a head and did not end it.
    pub(super) fn owes_head(&self) -> bool {
        self.preface_left > 0
            || self.have > 0
            || self.head_open
            || (self.in_head && self.payload_left > 0)
    }

    /// Looks at bytes from the client.
    pub(super) fn see(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        let skip = self.preface_left.min(rest.len());
        self.preface_left -= skip;
        rest = rest.get(skip..).unwrap_or_default();
        while !rest.is_empty() {
            let skip = self.payload_left.min(rest.len());
            self.payload_left -= skip;
            rest = rest.get(skip..).unwrap_or_default();
            if self.payload_left > 0 {
                break;
            }
            let Some((byte, tail)) = rest.split_first() else {
                break;
            };
            if let Some(slot) = self.header.get_mut(self.have) {
                *slot = *byte;
            }
            self.have += 1;
            rest = tail;
            if self.have == self.header.len() {
                self.have = 0;
                self.frame()?;
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> io::Result<()> {
        let [a, b, c, kind, flags, ..] = self.header;
        self.payload_left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let end_stream = flags & 1 == 1;
        // 1 HEADERS, 9 CONTINUATION; flag 4 is END_HEADERS.
        if matches!(kind, 1 | 9) {
            self.head_open = flags & 4 == 0;
        }
        self.in_head = matches!(kind, 1 | 9);
        // 0 DATA, 2 PRIORITY, 3 RST_STREAM, 4 SETTINGS, 6 PING, 8 WINDOW_UPDATE, 9 CONTINUATION.
        // Window updates belong to every large download and are not counted.
        let cheap = match kind {
            0 => self.payload_left == 0 && !end_stream,
            2 | 3 | 4 | 6 => true,
            9 => self.payload_left == 0,
            _ => false,
        };
        if !cheap {
            return Ok(());
        }
        let now = Instant::now();
        if now.duration_since(self.since) > WINDOW {
            self.since = now;
            self.cheap = 0;
        }
        self.cheap += 1;
        if self.cheap > MAX_CHEAP_FRAMES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "too many HTTP/2 control frames",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![0, (length >> 8) as u8, length as u8, kind, 0, 0, 0, 0, 0];
        frame.extend(std::iter::repeat_n(0, length));
        frame
    }

    #[test]
    fn an_unfinished_head_is_owed() {
        let mut guard = FrameGuard::new(Instant::now());
        assert!(guard.owes_head());
        guard.see(&[b'x'; PREFACE]).unwrap();
        assert!(!guard.owes_head());
        guard.see(&[0, 0, 4, 1, 0, 0, 0, 0, 1, b'a']).unwrap();
        assert!(guard.owes_head(), "in HEADERS");
        guard.see(b"bcd").unwrap();
        assert!(guard.owes_head(), "no END_HEADERS");
        guard.see(&[0, 0, 1, 9, 4, 0, 0, 0, 1, b'e']).unwrap();
        assert!(!guard.owes_head());
        guard.see(&[0, 0, 9, 0, 0, 0, 0, 0, 1, b'd']).unwrap();
        assert!(!guard.owes_head(), "a body may take its time");
    }

    #[test]
    fn a_flood_of_pings_ends_the_connection_and_data_does_not() {
        for (kind, length, fine) in [
            (6, 8, false),
            (3, 4, false),
            (4, 0, false),
            (0, 0, false),
            (0, 1000, true),
        ] {
            let mut guard = FrameGuard::new(Instant::now());
            guard.see(&[b'x'; PREFACE]).unwrap();
            let bytes = frame(kind, length);
            let mut ended = false;
            for _ in 0..2 * MAX_CHEAP_FRAMES {
                // In pieces that never match the frames.
                for piece in bytes.chunks(7) {
                    ended |= guard.see(piece).is_err();
                }
            }
            assert_eq!(ended, !fine, "kind {kind} length {length}");
        }
    }
}
