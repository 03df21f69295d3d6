//! Where a request body ends, decided on raw bytes and strictly.
//!
//! The session behind it may read exactly one request: nothing of a pipelined next request leaks
//! into this one, and a chunked body has one meaning only. Pure: no IO. Must not change a byte.

/// How the rest of a request body is framed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No more bytes belong to this request.
    Done,
    /// So many bytes are left.
    Length(u64),
    /// A chunked body, at some place of its grammar.
    Chunked(Chunk),
}

/// A place in the grammar of a chunked body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// In the hexadecimal size: value so far, digits so far.
    Size { value: u64, digits: u8 },
    /// In a chunk extension, so many bytes of it seen; the chunk has `value` bytes.
    Extension { value: u64, length: u16 },
    /// After the CR of a size line.
    SizeLf { value: u64 },
    /// In the data.
    Data { left: u64 },
    /// After the data, before CR.
    DataCr,
    /// After the data's CR.
    DataLf,
    /// In the trailer section: bytes of it in all, bytes of the current line.
    Trailer { total: u16, line: u16 },
    /// After a CR in the trailer section.
    TrailerLf { total: u16, line: u16 },
}

/// A chunked body that breaks its grammar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Longest chunk extension, and longest trailer section.
const MAX_SIDE_BYTES: u16 = 4096;

impl Framing {
    pub(crate) const fn none() -> Self {
        Self::Done
    }

    pub(crate) const fn length(length: u64) -> Self {
        if length == 0 {
            Self::Done
        } else {
            Self::Length(length)
        }
    }

    pub(crate) const fn chunked() -> Self {
        Self::Chunked(Chunk::Size {
            value: 0,
            digits: 0,
        })
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Takes as many of `bytes` as belong to this body and moves on; answers how many.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        match self {
            Self::Done => Ok(0),
            Self::Length(left) => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(taken)
            }
            Self::Chunked(_) => self.take_chunked(bytes),
        }
    }

    fn take_chunked(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut at = 0;
        while let Self::Chunked(place) = self {
            if let Chunk::Data { left } = place {
                let rest = bytes.len() - at;
                let taken = rest.min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                at += taken;
                if *left > 0 {
                    break;
                }
                *place = Chunk::DataCr;
            }
            let Some(byte) = bytes.get(at).copied() else {
                break;
            };
            at += 1;
            match place.step(byte)? {
                Some(next) => *place = next,
                None => *self = Self::Done,
            }
        }
        Ok(at)
    }
}

impl Chunk {
    /// The place after `byte`, or nothing at the end of the body.
    fn step(&self, byte: u8) -> Result<Option<Self>, Malformed> {
        let next = match (self, byte) {
            (Self::Size { value, digits }, _) if byte.is_ascii_hexdigit() => {
                // 15 digits cannot overflow and are a petabyte.
                if *digits >= 15 {
                    return Err(Malformed);
                }
                let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
                Self::Size {
                    value: value * 16 + u64::from(digit),
                    digits: digits + 1,
                }
            }
            (Self::Size { digits: 0, .. }, _) => return Err(Malformed),
            (Self::Size { value, .. } | Self::Extension { value, .. }, b'\r') => {
                Self::SizeLf { value: *value }
            }
            (Self::Size { value, .. }, b';') => Self::Extension {
                value: *value,
                length: 0,
            },
            (Self::Extension { value, length }, _)
                if *length < MAX_SIDE_BYTES && (byte == b'\t' || (0x20..0x7f).contains(&byte)) =>
            {
                Self::Extension {
                    value: *value,
                    length: length + 1,
                }
            }
            (Self::SizeLf { value: 0 }, b'\n') => Self::Trailer { total: 0, line: 0 },
            (Self::SizeLf { value }, b'\n') => Self::Data { left: *value },
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size {
                value: 0,
                digits: 0,
            },
            (Self::Trailer { total, line }, b'\r') => Self::TrailerLf {
                total: *total,
                line: *line,
            },
            (Self::Trailer { total, line }, _)
                if *total < MAX_SIDE_BYTES
                    && (byte == b'\t' && *line > 0 || (0x20..0x7f).contains(&byte))
                    && !(byte == b' ' && *line == 0) =>
            {
                Self::Trailer {
                    total: total + 1,
                    line: line + 1,
                }
            }
            (Self::TrailerLf { line: 0, .. }, b'\n') => return Ok(None),
            (Self::TrailerLf { total, .. }, b'\n') => Self::Trailer {
                total: *total,
                line: 0,
            },
            _ => return Err(Malformed),
        };
        Ok(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(framing: Framing, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        // Byte by byte and at once must agree.
        let mut whole = framing.clone();
        let all = whole.take(bytes);
        let mut single = framing;
        let mut taken = 0;
        for byte in bytes {
            match single.take(std::slice::from_ref(byte)) {
                Ok(n) => taken += n,
                Err(error) => {
                    assert_eq!(all, Err(Malformed));
                    return Err(error);
                }
            }
        }
        assert_eq!(all, Ok(taken));
        Ok((taken, single.is_done()))
    }

    #[test]
    fn a_length_ends_where_it_says() {
        assert_eq!(run(Framing::length(5), b"helloGET /"), Ok((5, true)));
        assert_eq!(run(Framing::length(5), b"hel"), Ok((3, false)));
        assert_eq!(run(Framing::length(0), b"GET /"), Ok((0, true)));
    }

    #[test]
    fn a_chunked_body_ends_after_its_trailers() {
        assert_eq!(
            run(Framing::chunked(), b"5\r\nhello\r\n0\r\n\r\nGET"),
            Ok((15, true))
        );
        assert_eq!(
            run(
                Framing::chunked(),
                b"A;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n"
            ),
            Ok((30, true))
        );
        assert_eq!(run(Framing::chunked(), b"5\r\nhel"), Ok((6, false)));
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        for bytes in [
            &b"5\nhello\r\n0\r\n\r\n"[..],
            b"5\r\nhello\n0\r\n\r\n",
            b"5 \r\nhello\r\n",
            b" 5\r\nhello\r\n",
            b"0x5\r\nhello\r\n",
            b"+5\r\nhello\r\n",
            b"\r\n",
            b"5\r\nhelloX\r\n",
            b"5;a\nhello\r\n",
            b"5\rhello\r\n",
            b"FFFFFFFFFFFFFFFFF\r\n",
            b"0\r\n folded\r\n\r\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\nA: \x00\r\n\r\n",
        ] {
            assert_eq!(
                run(Framing::chunked(), bytes),
                Err(Malformed),
                "{:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }
}
