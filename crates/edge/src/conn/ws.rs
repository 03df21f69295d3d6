//! Knows where websocket frames begin and end on an upgraded connection, in both directions, so
//! that the edge can end it politely: close frame 1001 to both sides, each between two frames.
//!
//! Must not look into payloads or change a frame of either side.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Close frame with status 1001, "going away", as a server sends it.
const CLOSE_FOR_CLIENT: &[u8] = &[0x88, 0x02, 0x03, 0xe9];

/// The same as a client sends it: masked, with a mask of zeros.
const CLOSE_FOR_APPLICATION: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9];

/// How long the client has to answer the close frame, and the application to end a frame that it
/// is in the middle of.
const CLOSE_WAIT: Duration = Duration::from_secs(3);

/// Finds frame borders in one direction.
#[derive(Debug, Default)]
struct Frames {
    header: [u8; 14],
    have: usize,
    payload_left: u64,
    saw_close: bool,
}

impl Frames {
    fn at_border(&self) -> bool {
        self.have == 0 && self.payload_left == 0
    }

    /// Takes bytes up to the end of the current frame; answers how many.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        if self.payload_left == 0 {
            for byte in bytes {
                if let Some(slot) = self.header.get_mut(self.have) {
                    *slot = *byte;
                }
                self.have += 1;
                at += 1;
                if let Some(payload) = self.payload() {
                    self.saw_close |= self.header[0] & 0x0f == 0x8;
                    self.have = 0;
                    self.payload_left = payload;
                    break;
                }
            }
        }
        let rest = (bytes.len() - at) as u64;
        let taken = rest.min(self.payload_left);
        self.payload_left -= taken;
        at + usize::try_from(taken).unwrap_or(0)
    }

    /// Length of the payload once the header is whole.
    fn payload(&self) -> Option<u64> {
        let second = *self.header.get(..self.have)?.get(1)?;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let (width, short) = match second & 0x7f {
            126 => (2, 0),
            127 => (8, 0),
            short => (0, u64::from(short)),
        };
        if self.have < 2 + width + mask {
            return None;
        }
        let long = self
            .header
            .get(2..2 + width)?
            .iter()
            .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        Some(if width == 0 { short } else { long })
    }

    fn take_all(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.take(bytes).max(1);
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }
}

/// Where the polite end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The signal came; close frames are owed.
    Closing,
    /// Both have their close frame.
    Closed,
}

/// What the application's side of the stream does while the edge closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseStep {
    /// Nothing special.
    NotDue,
    /// Bytes of the close frame were written into the buffer.
    Written,
    /// Nothing to say until the client has its close frame.
    Wait,
    /// The stream ends.
    End,
}

/// Both directions of one websocket.
#[derive(Debug)]
pub(super) struct WebsocketWatch {
    signal: Pin<Box<WaitForCancellationFutureOwned>>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes of the 101 response that were not written yet end with an empty line.
    head_tail: u8,
    to_client: Frames,
    to_application: Frames,
    phase: Phase,
    client_closed: bool,
    application_sent: usize,
    /// Without a byte in either direction for this long, the edge ends it.
    idle: Duration,
    idle_timer: Pin<Box<Sleep>>,
    last_byte: Instant,
}

impl WebsocketWatch {
    pub(super) fn new(signal: CancellationToken, idle: Duration) -> Self {
        let now = Instant::now();
        Self {
            idle,
            idle_timer: Box::pin(tokio::time::sleep_until(now + idle)),
            last_byte: now,
            signal: Box::pin(signal.cancelled_owned()),
            deadline: None,
            head_tail: 0,
            to_client: Frames::default(),
            to_application: Frames::default(),
            phase: Phase::Running,
            client_closed: false,
            application_sent: 0,
        }
    }

    /// Looks at the signal; true while the client is owed a close frame and may get it now.
    pub(super) fn poll_closing(&mut self, cx: &mut Context<'_>) -> bool {
        if self.phase == Phase::Running
            && (self.signal.as_mut().poll(cx).is_ready() || self.poll_idle(cx))
        {
            self.phase = Phase::Closing;
            self.deadline = Some(Box::pin(tokio::time::sleep_until(
                Instant::now() + CLOSE_WAIT,
            )));
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            self.phase = Phase::Closed;
        }
        self.phase != Phase::Running
            && !self.client_closed
            && self.head_tail == 4
            && self.to_client.at_border()
    }

    /// The timer is set anew when it fires, not at each byte.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> bool {
        while self.idle_timer.as_mut().poll(cx).is_ready() {
            let due = self.last_byte + self.idle;
            if due <= Instant::now() {
                return true;
            }
            self.idle_timer.as_mut().reset(due);
        }
        false
    }

    /// The client's close frame, once.
    pub(super) fn close_for_client(&mut self) -> &'static [u8] {
        self.client_closed = true;
        if self.to_client.saw_close {
            // The application ended it itself, and a second close frame would be wrong.
            return &[];
        }
        CLOSE_FOR_CLIENT
    }

    /// Writes the application's close frame into `buf` when it is due.
    pub(super) fn close_for_application(&mut self, buf: &mut ReadBuf<'_>) -> CloseStep {
        if self.phase == Phase::Running {
            return CloseStep::NotDue;
        }
        let rest = CLOSE_FOR_APPLICATION
            .get(self.application_sent..)
            .unwrap_or_default();
        if rest.is_empty() || self.to_application.saw_close || self.phase == Phase::Closed {
            // The client still gets the end of the frame that it is in the middle of.
            return if self.client_closed || self.phase == Phase::Closed {
                CloseStep::End
            } else {
                CloseStep::Wait
            };
        }
        if !self.to_application.at_border() {
            return CloseStep::NotDue;
        }
        let count = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..count).unwrap_or_default());
        self.application_sent += count;
        CloseStep::Written
    }

    /// How much of `bytes` from the application may go to the client now.
    pub(super) fn room_for(&self, bytes: &[u8]) -> usize {
        if self.client_closed {
            return 0;
        }
        bytes.len()
    }

    /// Bytes that went to the client.
    pub(super) fn sent_to_client(&mut self, bytes: &[u8]) {
        self.last_byte = Instant::now();
        let mut rest = bytes;
        while self.head_tail < 4 {
            let Some((byte, tail)) = rest.split_first() else {
                return;
            };
            rest = tail;
            self.head_tail = match (self.head_tail, byte) {
                (0 | 2, b'\r') | (1 | 3, b'\n') => self.head_tail + 1,
                (_, b'\r') => 1,
                _ => 0,
            };
        }
        self.to_client.take_all(rest);
    }

    /// Bytes that went to the application.
    pub(super) fn sent_to_application(&mut self, bytes: &[u8]) {
        self.last_byte = Instant::now();
        self.to_application.take_all(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mut frame = vec![0x82];
        let bit = if masked { 0x80 } else { 0 };
        match length {
            0..126 => frame.push(bit | length as u8),
            126..65536 => {
                frame.push(bit | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(bit | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(std::iter::repeat_n(7, length));
        frame
    }

    #[test]
    fn borders_are_found_whatever_the_pieces() {
        for length in [0, 1, 125, 126, 65535, 65536] {
            for masked in [false, true] {
                let mut stream = frame(length, masked);
                stream.extend(frame(3, masked));
                for piece in [1, 2, 3, 7, stream.len()] {
                    let mut frames = Frames::default();
                    let mut borders = 0;
                    for bytes in stream.chunks(piece) {
                        let mut rest = bytes;
                        while !rest.is_empty() {
                            let taken = frames.take(rest);
                            assert!(taken > 0);
                            rest = &rest[taken..];
                            borders += usize::from(frames.at_border());
                        }
                    }
                    assert_eq!(borders, 2, "length {length} masked {masked} piece {piece}");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_in_both_directions_ends_it() {
        let idle = Duration::from_secs(10);
        let mut watch = WebsocketWatch::new(CancellationToken::new(), idle);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        watch.sent_to_client(b"HTTP/1.1 101 S\r\n\r\n");
        tokio::time::advance(idle - Duration::from_secs(1)).await;
        watch.sent_to_application(b"\x82\x80aaaa");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(!watch.poll_closing(&mut cx));
        watch.sent_to_client(b"\x82\x00");
        tokio::time::advance(Duration::from_secs(8)).await;
        assert!(!watch.poll_closing(&mut cx));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(watch.poll_closing(&mut cx));
    }

    #[tokio::test]
    async fn close_frames_wait_for_the_border() {
        let token = CancellationToken::new();
        let mut watch = WebsocketWatch::new(token.clone(), Duration::from_secs(60));
        watch.sent_to_client(b"HTTP/1.1 101 S\r\nA: b\r\n\r\n\x82\x05he");
        token.cancel();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(!watch.poll_closing(&mut cx), "in the middle of a frame");
        watch.sent_to_client(b"llo");
        assert!(watch.poll_closing(&mut cx));
        assert_eq!(watch.close_for_client(), CLOSE_FOR_CLIENT);
        assert!(!watch.poll_closing(&mut cx), "only once");
        assert_eq!(watch.room_for(b"late"), 0);
        let mut space = [0; 64];
        let mut buf = ReadBuf::new(&mut space);
        assert_eq!(watch.close_for_application(&mut buf), CloseStep::Written);
        assert_eq!(buf.filled(), CLOSE_FOR_APPLICATION);
        assert_eq!(watch.close_for_application(&mut buf), CloseStep::End);
    }
}
