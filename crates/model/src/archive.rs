//! The one validator of archives that people send: tar or gzipped tar in, canonical tar out.
//!
//! Owns the rules of what a source archive may hold (security rule 13). It is a synchronous state machine over
//! byte chunks: no IO, nothing is unpacked, memory is bounded by [`Limits`].
//!
//! Invariants of everything that is re-emitted:
//! - paths are relative, valid UTF-8, without `.`, `..`, empty parts, control characters or a part `.git`;
//! - every path occurs once, and no parent of an entry is anything but a directory of this archive;
//! - only directories, regular files, symbolic links that cannot leave the archive by any order of following,
//!   and hard links to regular files that came before;
//! - owner 0:0, modes 0755 or 0644 (so no setuid, setgid or sticky bit), no extended attributes.
//!
//! What the parser and another parser might read differently (a size given twice, data behind the end,
//! an entry type nobody needs) is refused instead of guessed. Must not: unpack, follow, or repair.

mod entry;
mod ignore;
mod path;
mod tar;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Write;

use flate2::write::MultiGzDecoder;

pub use entry::{END, directory, file};
pub use ignore::Ignore;

use tar::Parser;

/// Top-level directory that only Segue may add to an archive (generated Dockerfile, extra CA certificates).
pub const RESERVED_DIR: &str = ".segue-build";

/// Bounds of one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the tar stream after inflation.
    pub inflated_bytes: u64,
    /// Entries, directories that only follow from paths included.
    pub entries: u64,
    /// Inflated bytes per compressed byte, asked once [`Limits::ratio_from`] bytes are inflated.
    pub ratio: u64,
    /// Below this many inflated bytes any ratio is accepted: small files of zeros are no attack.
    pub ratio_from: u64,
    /// Bytes of all paths together: the memory that the check for duplicates may take.
    pub path_bytes: u64,
    /// Paths listed in [`Contents::paths`].
    pub listed_paths: usize,
    /// Bytes of one wanted file.
    pub wanted_bytes: usize,
    /// Bytes of all files together that are wanted by a name with a star.
    pub starred_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inflated_bytes: 1 << 30,
            entries: 200_000,
            ratio: 100,
            ratio_from: 16 << 20,
            path_bytes: 16 << 20,
            listed_paths: 20_000,
            wanted_bytes: 256 << 10,
            starred_bytes: 2 << 20,
        }
    }
}

/// What a complete archive held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// Paths of regular files and links in the order of the archive, up to [`Limits::listed_paths`].
    pub paths: Vec<String>,
    /// Whether there were more paths than listed.
    pub paths_truncated: bool,
    /// Wanted regular files that were there and small enough.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Wanted regular files that were there but larger than [`Limits::wanted_bytes`].
    pub oversized: Vec<String>,
    /// Entries, directories included.
    pub entries: u64,
    /// Bytes of file content.
    pub content_bytes: u64,
}

/// Why an archive is refused. Paths are escaped and cut, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Neither a tar nor a gzipped tar, or one that is damaged.
    #[error("not a readable tar or tar.gz: {0}")]
    Malformed(&'static str),
    /// The stream ended before the archive did.
    #[error("the archive ends too early: the upload was cut off")]
    Truncated,
    /// There is no file in it.
    #[error("the archive holds no file")]
    Empty,
    /// A path that could leave the directory, or that other tools read differently.
    #[error("{path}: {why}")]
    Path {
        /// The path, escaped.
        path: String,
        /// The rule it breaks.
        why: PathFault,
    },
    /// A link that leaves the archive, or a hard link to something that is not an earlier file.
    #[error("{path}: the link to {target} leaves the archive or names nothing in it")]
    Link {
        /// The link, escaped.
        path: String,
        /// Where it points, escaped.
        target: String,
    },
    /// A device, FIFO, sparse file or another type that sources do not need.
    #[error("{path}: {what} is not accepted in a source archive")]
    Kind {
        /// The entry, escaped.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A file with the setuid or setgid bit.
    #[error("{path}: a file with setuid or setgid bit is not accepted")]
    Setuid {
        /// The file, escaped.
        path: String,
    },
    /// A path that occurs twice, or as a file and as a directory.
    #[error("{path}: occurs twice in the archive")]
    Duplicate {
        /// The path, escaped.
        path: String,
    },
    /// More than [`Limits::entries`] entries or [`Limits::path_bytes`] bytes of paths.
    #[error("the archive has too many entries (limit {limit})")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// More than [`Limits::inflated_bytes`].
    #[error("the archive is too large when unpacked (limit {limit} bytes)")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// It inflates more than [`Limits::ratio`] times.
    #[error("the archive inflates more than {limit} times: it looks like a bomb")]
    Ratio {
        /// The limit.
        limit: u64,
    },
}

/// The rule that a path breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// Starts with `/`.
    #[error("an absolute path is not accepted")]
    Absolute,
    /// Has a part `..`.
    #[error("a path with `..` is not accepted")]
    Parent,
    /// Holds a control character.
    #[error("a path with a control character is not accepted")]
    Control,
    /// Is not UTF-8.
    #[error("a path that is not UTF-8 is not accepted")]
    Encoding,
    /// Longer than 1024 bytes, a part longer than 255, or more than 100 parts.
    #[error("the path is too long or too deep")]
    Length,
    /// Names nothing.
    #[error("an entry without a name is not accepted")]
    Empty,
    /// Lies in a Git directory, whose configuration and hooks are code.
    #[error("a `.git` folder is not accepted: leave it out of the archive")]
    Git,
    /// Lies in [`RESERVED_DIR`].
    #[error("the folder `.segue-build` is reserved")]
    Reserved,
    /// Lies below something that is not a directory.
    #[error("its parent is a file or a link, not a folder")]
    BelowFile,
    /// A regular file's name ends in `/`.
    #[error("a file whose name ends in `/` is not accepted")]
    TrailingSlash,
}

/// A push parser: give it the bytes as they come, take the canonical tar as it comes out.
///
/// ```
/// use segue_model::archive::{file, Limits, Validator, END};
/// let mut validator = Validator::new(Limits::default(), ["Procfile"]);
/// let mut input = file("Procfile", false, 1_000_000_000, b"web: ./run\n");
/// input.extend_from_slice(&END);
/// let (mut rest, mut out) = (input.as_slice(), Vec::new());
/// while !rest.is_empty() {
///     let used = validator.push(rest, &mut out).unwrap();
///     rest = &rest[used..]; // and write `out` somewhere, then clear it
/// }
/// let contents = validator.finish(&mut out).unwrap();
/// assert_eq!(contents.paths, ["Procfile"]);
/// ```
#[derive(Debug)]
pub struct Validator {
    stage: Stage,
    limits: Limits,
    compressed_bytes: u64,
}

#[derive(Debug)]
enum Stage {
    /// The first bytes, until it is known whether they are gzip.
    Sniff(Vec<u8>, Box<Parser>),
    Plain(Box<Parser>),
    Gzip(Box<MultiGzDecoder<Sink>>),
    /// Refused before; every further call says the same.
    Refused(ArchiveError),
}

/// Most input taken by one call of [`Validator::push`]; deflate makes at most 1032 bytes of one, so
/// that a call never grows the output by more than about 4 MiB.
const STEP: usize = 4096;

impl Validator {
    /// A validator that also keeps the content of the `wanted` files (paths from the archive's root; a `*` stands for
    /// any part of one name, and what is wanted so has a bound together).
    pub fn new<S: Into<String>>(limits: Limits, wanted: impl IntoIterator<Item = S>) -> Self {
        let parser = Parser::new(limits, wanted.into_iter().map(Into::into).collect());
        Self {
            stage: Stage::Sniff(Vec::new(), Box::new(parser)),
            limits,
            compressed_bytes: 0,
        }
    }

    /// Leaves out what a `.dockerignore` excludes: it is checked like everything else, and neither written nor listed.
    #[must_use]
    pub fn ignoring(mut self, ignore: Ignore) -> Self {
        if let Stage::Sniff(_, parser) = &mut self.stage {
            parser.ignore = ignore;
        }
        self
    }

    /// Takes up to 4 KiB of `input`, appends canonical tar to `out` (a few MiB at most), and says how many bytes it took (at least one
    /// of a non-empty input).
    ///
    /// # Errors
    /// The first rule that the archive breaks. What was written to `out` before must be thrown away.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, ArchiveError> {
        let step = input.get(..STEP.min(input.len())).unwrap_or_default();
        self.feed(step, out)
            .inspect_err(|error| self.stage = Stage::Refused(error.clone()))?;
        Ok(step.len())
    }

    /// Ends the input, appends the end of the canonical tar to `out`.
    ///
    /// # Errors
    /// [`ArchiveError::Truncated`] or [`ArchiveError::Empty`], or the error that an earlier call gave.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Contents, ArchiveError> {
        if let Stage::Sniff(head, mut parser) = self.stage {
            // Fewer than two bytes: no archive, and the parser says so.
            parser.feed(&head, out)?;
            self.stage = Stage::Plain(parser);
        }
        match self.stage {
            Stage::Sniff(..) => Err(ArchiveError::Truncated),
            Stage::Plain(parser) => parser.finish(out),
            Stage::Gzip(mut decoder) => {
                let ended = decoder.try_finish();
                let sink = decoder.get_mut();
                out.append(&mut sink.out);
                if let Some(error) = sink.refused.take() {
                    return Err(error);
                }
                ended.map_err(|_| ArchiveError::Truncated)?;
                std::mem::replace(&mut sink.parser, Parser::new(self.limits, Vec::new()))
                    .finish(out)
            }
            Stage::Refused(error) => Err(error),
        }
    }

    fn feed(&mut self, step: &[u8], out: &mut Vec<u8>) -> Result<(), ArchiveError> {
        self.compressed_bytes += step.len() as u64;
        let mut sniffed = Vec::new();
        let mut step = step;
        if let Stage::Sniff(head, parser) = &mut self.stage {
            head.extend_from_slice(step);
            if head.len() < 2 {
                return Ok(());
            }
            sniffed.append(head);
            step = &sniffed;
            let parser = std::mem::replace(&mut **parser, Parser::new(self.limits, Vec::new()));
            self.stage = if step.starts_with(&[0x1f, 0x8b]) {
                let sink = Sink {
                    parser,
                    limits: self.limits,
                    compressed: 0,
                    out: Vec::new(),
                    refused: None,
                };
                Stage::Gzip(Box::new(MultiGzDecoder::new(sink)))
            } else {
                Stage::Plain(Box::new(parser))
            };
        }
        match &mut self.stage {
            Stage::Plain(parser) => parser.feed(step, out),
            Stage::Gzip(decoder) => {
                decoder.get_mut().compressed = self.compressed_bytes;
                let written = decoder.write_all(step);
                let sink = decoder.get_mut();
                out.append(&mut sink.out);
                if let Some(error) = sink.refused.take() {
                    return Err(error);
                }
                written.map_err(|_| ArchiveError::Malformed("the gzip data is damaged"))
            }
            Stage::Refused(error) => Err(error.clone()),
            Stage::Sniff(..) => Ok(()),
        }
    }
}

/// Where the inflated bytes go; counts them against the compressed ones.
#[derive(Debug)]
struct Sink {
    parser: Parser,
    limits: Limits,
    compressed: u64,
    out: Vec<u8>,
    refused: Option<ArchiveError>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let refused = || std::io::Error::other("archive refused");
        if self.refused.is_some() {
            return Err(refused());
        }
        let inflated = self.parser.bytes_seen() + bytes.len() as u64;
        let fed = if inflated > self.limits.ratio_from
            && inflated / self.limits.ratio > self.compressed
        {
            Err(ArchiveError::Ratio {
                limit: self.limits.ratio,
            })
        } else {
            self.parser.feed(bytes, &mut self.out)
        };
        match fed {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.refused = Some(error);
                Err(refused())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
