//! Files that people name: read whole, up to a bound, with a sentence for each way in which that may fail.
//!
//! Must not: read without a bound, because a device or a pipe never ends.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{CliError, Result};

/// Reads a file of at most so many bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let name = path.display();
    let refused = |why: &dyn std::fmt::Display| {
        CliError::usage(format!("{name} cannot be read"))
            .why(why)
            .now("nothing was changed")
            .next(format!(
                "look at it: ls -l {}",
                shell_words::quote(&name.to_string())
            ))
    };
    let file = File::open(path).map_err(|e| refused(&e))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => return Err(refused(&"it is a folder")),
        Ok(_) => {}
        Err(error) => return Err(refused(&error)),
    }
    let bytes = bounded(file, most).map_err(|e| refused(&e))?;
    bytes.ok_or_else(|| too_large(&name.to_string(), most))
}

/// The same as text.
pub(crate) fn text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?).map_err(|_| {
        CliError::usage(format!("{} is not text", path.display()))
            .why("it is not UTF-8")
            .now("nothing was changed")
            .next("write it as UTF-8, or name another file")
    })
}

/// Reads to the end, or answers `None` where there is more than that.
pub(crate) fn bounded(from: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

pub(crate) fn too_large(name: &str, most: u64) -> CliError {
    CliError::usage(format!("{name} is too large"))
        .why(format!("at most {}", crate::output::bytes(most)))
        .now("nothing was changed")
        .next("is it the file that you meant?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_read_up_to_its_bound() {
        let error = read(Path::new("/dev/zero"), 1000).unwrap_err();
        assert!(error.what.contains("too large"), "{error:?}");
        let error = read(Path::new("/"), 1000).unwrap_err();
        assert_eq!(error.why, ["it is a folder"]);
        assert_eq!(bounded(io::repeat(1).take(3), 3).unwrap(), Some(vec![1; 3]));
        assert_eq!(bounded(io::repeat(1).take(4), 3).unwrap(), None);
    }
}
