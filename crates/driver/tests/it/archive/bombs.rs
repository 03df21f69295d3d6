//! Small inputs that would grow without bounds: refused at once, and in little memory.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use segue_model::archive::{ArchiveError, Limits, Validator};

use super::raw::{gzip, named, pax, sized, typed};

#[test]
fn bombs_are_refused_at_once_and_in_little_memory() {
    let zeros = {
        let size = 64u64 << 20;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let header = sized(format!("{size:011o}").as_bytes());
        encoder.write_all(&header).unwrap();
        for _ in 0..size >> 20 {
            encoder.write_all(&vec![0; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    let mut many = Vec::new();
    for index in 0..250_000u32 {
        let name = format!("{index}");
        many.extend(named(name.as_bytes()));
        if many.len() > 1 << 20 && index % 1000 == 0 && index > 210_000 {
            break;
        }
    }
    let deep: Vec<u8> = (0..3000u32)
        .flat_map(|index| {
            let path = format!("{index}/{}x", "dddddddd/".repeat(90));
            [pax(&[("path", &path)]), typed(b'0')].concat()
        })
        .collect();
    let wide = Limits {
        inflated_bytes: 32 << 20,
        ratio: u64::MAX,
        ..Limits::default()
    };
    let cases: Vec<(&str, Vec<u8>, Limits)> = vec![
        ("one file of zeros", zeros.clone(), Limits::default()),
        ("one file of zeros, by size", zeros.clone(), wide),
        ("gzip in gzip", gzip(&zeros), Limits::default()),
        (
            "very many entries",
            gzip(&many),
            Limits {
                ratio: u64::MAX,
                ..Limits::default()
            },
        ),
        (
            "very many folders by deep paths",
            gzip(&deep),
            Limits {
                ratio: u64::MAX,
                ..Limits::default()
            },
        ),
        (
            "a size of 8 GiB",
            [sized(b"77777777777"), vec![0; 4096]].concat(),
            Limits::default(),
        ),
    ];
    for (name, input, limits) in cases {
        let began = Instant::now();
        let mut validator = Validator::new(limits, [""; 0]);
        let (mut rest, mut most, mut refused) = (input.as_slice(), 0, None);
        let mut out = Vec::new();
        while !rest.is_empty() && refused.is_none() {
            match validator.push(rest, &mut out) {
                Ok(used) => rest = &rest[used..],
                Err(error) => refused = Some(error),
            }
            most = most.max(out.len());
            out.clear();
        }
        let refused = refused.or_else(|| validator.finish(&mut out).err());
        let error = refused.unwrap_or_else(|| panic!("{name}: accepted"));
        let kinds = matches!(
            error,
            ArchiveError::Ratio { .. }
                | ArchiveError::TooLarge { .. }
                | ArchiveError::TooManyEntries { .. }
                | ArchiveError::Malformed(_)
        );
        assert!(kinds, "{name}: {error:?}");
        assert!(most <= 8 << 20, "{name}: one step gave {most} bytes");
        // Not a timing: a validator that went on to the end would need minutes.
        assert!(began.elapsed() < Duration::from_secs(60), "{name}");
    }
}
