//! A folder as a source: which files go, and the one archive that equal files always make.
//!
//! The archive passes through the same validator that the server uses, so that what it would refuse is refused
//! here, before anything is sent, and its bytes do not depend on owners, times or the order of the disk.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use segue_model::archive::{ArchiveError, Contents, Limits, Validator};
use segue_model::detect::WANTED_FILES;
use sha2::{Digest, Sha256};

use crate::error::{CliError, Result};

/// Bytes of an archive at most, as the server has it.
pub(crate) const MAX_BYTES: u64 = 256 << 20;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

/// Folders that are made again by a build or belong to tools. A line `!NAME` in `.segueignore` lets one in.
const LEFT_OUT: &[&str] = &["node_modules", ".venv", "__pycache__"];

/// Files that say what else is left out; the last one wins.
const IGNORE_FILE: &str = ".segueignore";

/// A packed folder.
pub(crate) struct Packed {
    /// The archive, at its begin.
    pub file: File,
    /// Its hash, in hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// What is in it.
    pub contents: Contents,
}

/// Packs a folder into a temporary file.
pub(crate) fn pack(folder: &Path) -> Result<Packed> {
    let file = tempfile::tempfile().map_err(|e| failed(folder, &e))?;
    let (file, sha256, bytes, contents) =
        archive(folder, io::BufWriter::with_capacity(BUFFER, file))?;
    let mut file = file.into_inner().map_err(|e| failed(folder, e.error()))?;
    file.seek(SeekFrom::Start(0))
        .map_err(|e| failed(folder, &e))?;
    Ok(Packed {
        file,
        sha256,
        bytes,
        contents,
    })
}

/// What a folder's archive would hold.
pub(crate) fn look(folder: &Path) -> Result<Contents> {
    archive(folder, io::sink()).map(|(_, _, _, contents)| contents)
}

fn failed(folder: &Path, why: &dyn std::fmt::Display) -> CliError {
    CliError::new(format!("packing {} failed", folder.display()))
        .why(why)
        .now("nothing was sent")
}

fn archive<W: Write>(folder: &Path, to: W) -> Result<(W, String, u64, Contents)> {
    if !folder.is_dir() {
        return Err(CliError::usage(format!(
            "{} is not a folder",
            folder.display()
        )));
    }
    let canonical = Canonical {
        validator: Validator::new(Limits::default(), WANTED_FILES.iter().copied()),
        out: Vec::new(),
        hash: Sha256::new(),
        bytes: 0,
        refused: None,
        to,
    };
    let mut builder = tar::Builder::new(canonical);
    builder.mode(tar::HeaderMode::Deterministic);
    builder.follow_symlinks(false);
    // Files with holes are sent as what they read as: looking for holes is most of the work for many small files.
    builder.sparse(false);
    for path in files(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        if let Err(error) = builder.append_path_with_name(&path, name) {
            let refused = builder.get_mut().refused.take();
            return Err(match refused {
                Some(refused) => failed(folder, &refused).code("archive_refused"),
                None => failed(folder, &format!("{}: {error}", name.display())),
            });
        }
    }
    let canonical = builder.into_inner().map_err(|e| failed(folder, &e))?;
    canonical.finish(folder)
}

/// The files and links of a folder that are sent, in order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let let_in: Vec<String> = std::fs::read_to_string(folder.join(IGNORE_FILE))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.trim().strip_prefix('!'))
        .map(|name| name.trim_matches('/').to_owned())
        .collect();
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .ignore(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .follow_links(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .filter_entry(move |entry| {
            let name = entry.file_name().to_string_lossy();
            let left_out =
                LEFT_OUT.contains(&name.as_ref()) && !let_in.contains(&name.into_owned());
            // .git holds credentials and history, .segue what this program keeps.
            !left_out && entry.file_name() != ".git" && entry.file_name() != ".segue"
        })
        .build();
    let mut found = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|e| failed(folder, &e))?;
        // Sockets and the like are of this machine, not of the source.
        if entry
            .file_type()
            .is_some_and(|kind| kind.is_file() || kind.is_symlink())
        {
            found.push(entry.into_path());
        }
    }
    found.sort();
    Ok(found)
}

/// Turns any tar that is written to it into the canonical one.
struct Canonical<W> {
    validator: Validator,
    out: Vec<u8>,
    hash: Sha256,
    bytes: u64,
    refused: Option<ArchiveError>,
    to: W,
}

impl<W: Write> Canonical<W> {
    fn drain(&mut self) -> io::Result<()> {
        self.hash.update(&self.out);
        self.bytes += self.out.len() as u64;
        self.to.write_all(&self.out)?;
        self.out.clear();
        if self.bytes > MAX_BYTES {
            return Err(io::Error::other(format!(
                "the source is larger than {} MiB; leave files out with {IGNORE_FILE}",
                MAX_BYTES >> 20
            )));
        }
        Ok(())
    }

    fn finish(mut self, folder: &Path) -> Result<(W, String, u64, Contents)> {
        let validator = std::mem::replace(
            &mut self.validator,
            Validator::new(Limits::default(), std::iter::empty::<String>()),
        );
        let contents = validator
            .finish(&mut self.out)
            .map_err(|e| failed(folder, &e).code("archive_refused"))?;
        self.drain().map_err(|e| failed(folder, &e))?;
        Ok((
            self.to,
            hex::encode(self.hash.finalize()),
            self.bytes,
            contents,
        ))
    }
}

impl<W: Write> Write for Canonical<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.validator.push(bytes, &mut self.out) {
            Ok(used) => self.drain().map(|()| used),
            Err(error) => {
                let text = error.to_string();
                self.refused = Some(error);
                Err(io::Error::other(text))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn equal_files_make_equal_archives_whatever_their_times() {
        let files = [("b.txt", "2"), ("a/c.txt", "3"), ("Procfile", "web: x\n")];
        let one = folder(&files);
        let mut reversed = files;
        reversed.reverse();
        let two = folder(&reversed);
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::open(two.path().join("b.txt"))
            .unwrap()
            .set_modified(old)
            .unwrap();
        let (mut one, two) = (pack(one.path()).unwrap(), pack(two.path()).unwrap());
        assert_eq!(one.sha256, two.sha256);
        assert_eq!(one.contents.paths, ["Procfile", "a/c.txt", "b.txt"]);
        assert_eq!(one.contents.files["Procfile"], b"web: x\n");
        let mut bytes = Vec::new();
        one.file.read_to_end(&mut bytes).unwrap();
        assert_eq!(
            (bytes.len() as u64, hex::encode(Sha256::digest(&bytes))),
            (one.bytes, one.sha256)
        );
        let changed = folder(&[("b.txt", "2"), ("a/c.txt", "4"), ("Procfile", "web: x\n")]);
        assert_ne!(pack(changed.path()).unwrap().sha256, two.sha256);
    }

    #[test]
    fn what_is_ignored_stays_here() {
        let dir = folder(&[
            (".gitignore", "*.log\nsecret.env\n"),
            (".segueignore", "docs/\n!keep.log\n"),
            (".git/config", "x"),
            (".segue/link.toml", "x"),
            ("node_modules/a/index.js", "x"),
            ("docs/a.md", "x"),
            ("a.log", "x"),
            ("keep.log", "x"),
            ("secret.env", "x"),
            (".dotfile", "x"),
            ("app.py", "x"),
        ]);
        let contents = look(dir.path()).unwrap();
        assert_eq!(
            contents.paths,
            [
                ".dotfile",
                ".gitignore",
                ".segueignore",
                "app.py",
                "keep.log"
            ]
        );
        fs::write(dir.path().join(".segueignore"), "!node_modules/\n").unwrap();
        assert!(
            look(dir.path())
                .unwrap()
                .paths
                .contains(&"node_modules/a/index.js".to_owned())
        );
    }

    #[test]
    fn a_link_that_leaves_the_folder_is_refused_before_anything_is_sent() {
        let dir = folder(&[("a.txt", "1")]);
        symlink("a.txt", dir.path().join("inside")).unwrap();
        assert_eq!(look(dir.path()).unwrap().paths, ["a.txt", "inside"]);
        symlink("../../etc/passwd", dir.path().join("outside")).unwrap();
        let error = pack(dir.path()).err().unwrap();
        assert_eq!(error.code.as_deref(), Some("archive_refused"));
        assert!(error.why[0].contains("outside"), "{error:?}");
        assert_eq!(error.now.as_deref(), Some("nothing was sent"));
    }

    #[test]
    fn an_empty_folder_and_a_missing_one_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        assert!(look(dir.path()).unwrap_err().why[0].contains("no file"));
        assert!(
            look(&dir.path().join("x"))
                .unwrap_err()
                .what
                .contains("is not a folder")
        );
    }
}
