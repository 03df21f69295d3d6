//! Pieces of a log: lines gathered for 500 ms or up to 64 KiB, encoded as one JSON object a line.
//!
//! `{"at": time, "stream": "stdout" | "stderr", "text": line}`, and `"step": number` for builds. Bytes that are not
//! UTF-8 are replaced. What is put in has been redacted.

use std::time::Duration;

use bytes::Bytes;
use segue_driver::LogStream;
use segue_model::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

/// Largest piece, encoded.
pub(crate) const PIECE_BYTES: usize = 64 << 10;
/// Longest wait of a line for its piece.
pub(crate) const PIECE_TIME: Duration = Duration::from_millis(500);
/// Longest line; the rest of it is cut off.
pub(crate) const LINE_BYTES: usize = 16 << 10;

#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    stream: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    text: &'a str,
}

/// A piece, ready to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Time of its first line.
    pub first_at: Timestamp,
    /// Time of its last line.
    pub last_at: Timestamp,
    /// How many.
    pub lines: u32,
    /// Lines that were dropped before it.
    pub dropped: u64,
    /// The lines.
    pub data: Bytes,
}

/// Gathers lines into pieces.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    data: Vec<u8>,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    lines: u32,
    dropped: u64,
    since: Option<Instant>,
}

impl Gather {
    /// Adds a line. Answers a piece if this one made it full.
    pub(crate) fn line(
        &mut self,
        at: Timestamp,
        stream: LogStream,
        step: Option<u32>,
        text: &[u8],
    ) -> Option<Piece> {
        let text = text.get(..text.len().min(LINE_BYTES)).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        let stream = match stream {
            LogStream::Stdout => "stdout",
            LogStream::Stderr => "stderr",
        };
        let before = self.data.len();
        // Plain data always encodes; should that ever change, the line is dropped and counted.
        if serde_json::to_writer(
            &mut self.data,
            &Line {
                at,
                stream,
                step,
                text: &text,
            },
        )
        .is_err()
        {
            self.data.truncate(before);
            self.dropped += 1;
            return None;
        }
        self.data.push(b'\n');
        self.lines += 1;
        self.first_at.get_or_insert(at);
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
        self.since.get_or_insert_with(Instant::now);
        (self.data.len() >= PIECE_BYTES - LINE_BYTES)
            .then(|| self.take())
            .flatten()
    }

    /// Counts a line that is not kept.
    pub(crate) fn drop_line(&mut self) {
        self.dropped += 1;
    }

    /// When the piece must go out, if there is something in it.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + PIECE_TIME)
    }

    /// What was gathered, if anything.
    pub(crate) fn take(&mut self) -> Option<Piece> {
        self.since = None;
        let (first_at, last_at) = (self.first_at.take()?, self.last_at.take()?);
        Some(Piece {
            first_at,
            last_at,
            lines: std::mem::take(&mut self.lines),
            dropped: std::mem::take(&mut self.dropped),
            data: std::mem::take(&mut self.data).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_gathered_until_the_piece_is_full() {
        let mut gather = Gather::default();
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(gather.take(), None);
        assert_eq!(gather.line(at, LogStream::Stdout, None, b"hi \xff"), None);
        gather.drop_line();
        assert!(gather.due().is_some());
        let piece = gather.take().unwrap();
        assert_eq!((piece.lines, piece.dropped), (1, 1));
        let text = String::from_utf8(piece.data.to_vec()).unwrap();
        assert_eq!(
            text,
            "{\"at\":\"1970-01-01T00:00:00Z\",\"stream\":\"stdout\",\"text\":\"hi \u{fffd}\"}\n"
        );
        let long = vec![b'x'; 40_000];
        let mut full = None;
        for _ in 0..10 {
            full = full.or(gather.line(at, LogStream::Stderr, Some(2), &long));
        }
        assert!(full.unwrap().data.len() <= PIECE_BYTES);
    }
}
