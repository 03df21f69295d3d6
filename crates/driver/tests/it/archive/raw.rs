//! Archives written by hand, block by block, as no honest tool writes them; and the validator run on them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use segue_model::archive::{ArchiveError, Contents, END, Limits, Validator, file};

/// What the validator with the default limits makes of it.
pub(super) fn run(input: &[u8]) -> Result<(Vec<u8>, Contents), ArchiveError> {
    let mut validator = Validator::new(Limits::default(), ["Dockerfile"]);
    let (mut rest, mut out) = (input, Vec::new());
    while !rest.is_empty() {
        let used = validator.push(rest, &mut out)?;
        rest = &rest[used..];
    }
    let contents = validator.finish(&mut out)?;
    Ok((out, contents))
}

/// A header as no honest tool writes it.
pub(super) struct Raw<'a> {
    pub(super) name: &'a [u8],
    pub(super) flag: u8,
    pub(super) mode: &'a [u8],
    pub(super) size: &'a [u8],
    pub(super) link: &'a [u8],
    pub(super) magic: &'a [u8],
    pub(super) prefix: &'a [u8],
}

impl Default for Raw<'_> {
    fn default() -> Self {
        Self {
            name: b"x",
            flag: b'0',
            mode: b"0000644",
            size: b"00000000000",
            link: b"",
            magic: b"ustar\x0000",
            prefix: b"",
        }
    }
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Raw<'_> {
    pub(super) fn block(&self) -> Vec<u8> {
        let mut block = vec![0u8; 512];
        put(&mut block, 0, self.name);
        put(&mut block, 100, self.mode);
        put(&mut block, 108, b"0000000\x000000000\0");
        put(&mut block, 124, self.size);
        put(&mut block, 136, b"14000000000");
        block[156] = self.flag;
        put(&mut block, 157, self.link);
        put(&mut block, 257, self.magic);
        put(&mut block, 345, self.prefix);
        put(&mut block, 148, b"        ");
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

pub(super) fn named(name: &[u8]) -> Vec<u8> {
    Raw {
        name,
        ..Raw::default()
    }
    .block()
}

pub(super) fn typed(flag: u8) -> Vec<u8> {
    Raw {
        flag,
        ..Raw::default()
    }
    .block()
}

pub(super) fn moded(mode: &[u8]) -> Vec<u8> {
    Raw {
        mode,
        ..Raw::default()
    }
    .block()
}

pub(super) fn sized(size: &[u8]) -> Vec<u8> {
    Raw {
        size,
        ..Raw::default()
    }
    .block()
}

pub(super) fn link(flag: u8, name: &'static str, target: &'static str) -> Vec<u8> {
    Raw {
        name: name.as_bytes(),
        flag,
        link: target.as_bytes(),
        ..Raw::default()
    }
    .block()
}

pub(super) fn folder(name: &'static str) -> Vec<u8> {
    Raw {
        name: name.as_bytes(),
        flag: b'5',
        ..Raw::default()
    }
    .block()
}

/// An extension header with its content.
pub(super) fn extension(flag: u8, content: &[u8]) -> Vec<u8> {
    let size = format!("{:011o}", content.len());
    let mut out = Raw {
        name: b"ext",
        flag,
        size: size.as_bytes(),
        ..Raw::default()
    }
    .block();
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

pub(super) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let record = |(key, value): &(&str, &str)| {
        let rest = key.len() + value.len() + 3;
        let digits = (1..4)
            .find(|digits| (rest + digits).to_string().len() == *digits)
            .unwrap();
        format!("{} {key}={value}\n", rest + digits)
    };
    let text: String = records.iter().map(record).collect();
    extension(b'x', text.as_bytes())
}

pub(super) fn good() -> Vec<u8> {
    file("ok.txt", false, 0, b"fine")
}

pub(super) fn of(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), END.to_vec()].concat()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
