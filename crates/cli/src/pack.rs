//! A folder as a source: which files go, and the one archive that equal files always make.
//!
//! The archive passes through the same validator that the server uses, so that what it would refuse is refused
//! here, before anything is sent, and its bytes do not depend on owners, times or the order of the disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
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

/// Bytes of a file that are read at once: larger buffers are mapped and unmapped for each file.
const READ: usize = 64 << 10;

/// Folders that are made again by a build or belong to tools. A line `!NAME` in `.segueignore` lets one in.
const LEFT_OUT: &[&str] = &["node_modules", ".venv", "__pycache__"];

/// Files that say what else is left out; the last one wins.
const IGNORE_FILE: &str = ".segueignore";

/// A packed folder.
pub(crate) struct Packed {
    /// The archive, at its begin.
    pub file: File,
    /// What it is.
    pub measured: Measured,
}

/// Packs a folder into a temporary file.
pub(crate) fn pack(folder: &Path) -> Result<Packed> {
    let file = tempfile::tempfile().map_err(|e| failed(folder, &e))?;
    let (file, measured) = archive(folder, io::BufWriter::with_capacity(BUFFER, file))?;
    let mut file = file.into_inner().map_err(|e| failed(folder, e.error()))?;
    file.seek(SeekFrom::Start(0))
        .map_err(|e| failed(folder, &e))?;
    Ok(Packed { file, measured })
}

/// What a folder's archive would be: its name, its size, and what is in it. Nothing is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Its hash, in hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// What is in it.
    pub contents: Contents,
}

/// Reads a folder for its name: most sources are known to the server already, and need not be written anywhere.
pub(crate) fn measure(folder: &Path) -> Result<Measured> {
    archive(folder, io::sink()).map(|(_, measured)| measured)
}

/// What a folder's archive would hold.
pub(crate) fn look(folder: &Path) -> Result<Contents> {
    measure(folder).map(|measured| measured.contents)
}

pub(crate) fn failed(folder: &Path, why: &dyn std::fmt::Display) -> CliError {
    CliError::new(format!("packing {} failed", folder.display()))
        .why(why)
        .now("nothing was sent")
        .next(format!(
            "correct it, or leave it out by a line in {IGNORE_FILE}"
        ))
}

fn archive<W: Write>(folder: &Path, to: W) -> Result<(W, Measured)> {
    if !folder.is_dir() {
        let why = match folder.symlink_metadata() {
            Ok(_) => "it is a file".to_owned(),
            Err(error) => error.to_string(),
        };
        return Err(
            CliError::usage(format!("{} is not a folder", folder.display()))
                .why(why)
                .now("nothing was sent")
                .next("name the folder of the source, or stand in it"),
        );
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
    for (path, is_link) in files(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        let appended = if is_link {
            append_link(&mut builder, &path, name)
        } else {
            append_file(&mut builder, &path, name)
        };
        if let Err(error) = appended {
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

/// A file costs four system calls (open, stat, read, close): a source has thousands of them, and little else to do.
fn append_file<W: Write>(to: &mut tar::Builder<W>, path: &Path, name: &Path) -> io::Result<()> {
    // What became a link or a pipe since the folder was listed is neither followed nor waited for.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(changed());
    }
    let mut header = tar::Header::new_gnu();
    header.set_metadata_in_mode(&metadata, tar::HeaderMode::Deterministic);
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let exact = Exact {
        file,
        left: metadata.len(),
    };
    let data = io::BufReader::with_capacity(size.clamp(1, READ), exact);
    to.append_data(&mut header, name, data)
}

fn append_link<W: Write>(to: &mut tar::Builder<W>, path: &Path, name: &Path) -> io::Result<()> {
    let target = std::fs::read_link(path)?;
    let mut header = tar::Header::new_gnu();
    header.set_metadata_in_mode(&path.symlink_metadata()?, tar::HeaderMode::Deterministic);
    to.append_link(&mut header, name, target)
}

fn changed() -> io::Error {
    io::Error::other("it was changed while it was read: repeat it")
}

/// A file of the size that its header tells: one that shrinks meanwhile would move everything behind it.
struct Exact {
    file: File,
    left: u64,
}

impl Read for Exact {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let into = match into.get_mut(..most) {
            _ if most == 0 => return Ok(0),
            Some(part) => part,
            None => into,
        };
        let count = self.file.read(into)?;
        if count == 0 {
            return Err(changed());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// The files and links of a folder that are sent, in order of their names; whether each is a link.
fn files(folder: &Path) -> Result<Vec<(PathBuf, bool)>> {
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
        let kind = entry.file_type();
        if let Some(kind) = kind.filter(|kind| kind.is_file() || kind.is_symlink()) {
            found.push((entry.into_path(), kind.is_symlink()));
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

    fn finish(mut self, folder: &Path) -> Result<(W, Measured)> {
        let validator = std::mem::replace(
            &mut self.validator,
            Validator::new(Limits::default(), std::iter::empty::<String>()),
        );
        let contents = validator
            .finish(&mut self.out)
            .map_err(|e| failed(folder, &e).code("archive_refused"))?;
        self.drain().map_err(|e| failed(folder, &e))?;
        let measured = Measured {
            sha256: hex::encode(self.hash.finalize()),
            bytes: self.bytes,
            contents,
        };
        Ok((self.to, measured))
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
    use std::os::unix::fs::{PermissionsExt, symlink};

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
        assert_eq!(one.measured, two.measured);
        assert_eq!(one.measured, measure(folder(&files).path()).unwrap());
        let contents = &one.measured.contents;
        assert_eq!(contents.paths, ["Procfile", "a/c.txt", "b.txt"]);
        assert_eq!(contents.files["Procfile"], b"web: x\n");
        let mut bytes = Vec::new();
        one.file.read_to_end(&mut bytes).unwrap();
        assert_eq!(
            (bytes.len() as u64, hex::encode(Sha256::digest(&bytes))),
            (one.measured.bytes, one.measured.sha256)
        );
        let changed = folder(&[("b.txt", "2"), ("a/c.txt", "4"), ("Procfile", "web: x\n")]);
        let changed = measure(changed.path()).unwrap();
        assert_ne!(changed.sha256, two.measured.sha256);
    }

    /// The archive is the one that the library makes of the same files, so that names of sources stay what they were.
    #[test]
    fn files_are_packed_as_the_library_packs_them() {
        let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
        let big = "x".repeat(3 * READ + 7);
        let dir = folder(&[
            ("a", ""),
            ("b.sh", "#!/bin/sh\n"),
            (&long, "1"),
            ("big", &big),
        ]);
        let script = dir.path().join("b.sh");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        symlink("b.sh", dir.path().join("link")).unwrap();
        let mut builder = tar::Builder::new(Vec::new());
        builder.mode(tar::HeaderMode::Deterministic);
        builder.follow_symlinks(false);
        for name in ["a", "b.sh", "big", &long, "link"] {
            builder
                .append_path_with_name(dir.path().join(name), name)
                .unwrap();
        }
        let tar = builder.into_inner().unwrap();
        let mut validator = Validator::new(Limits::default(), std::iter::empty::<String>());
        let mut out = Vec::new();
        let mut rest = tar.as_slice();
        while !rest.is_empty() {
            let used = validator.push(rest, &mut out).unwrap();
            rest = &rest[used..];
        }
        validator.finish(&mut out).unwrap();
        let measured = measure(dir.path()).unwrap();
        assert_eq!(measured.sha256, hex::encode(Sha256::digest(&out)));
        assert_eq!(measured.bytes, out.len() as u64);
    }

    #[test]
    fn a_file_that_shrinks_while_it_is_read_is_refused() {
        let dir = folder(&[("a.txt", "12345")]);
        let mut exact = Exact {
            file: File::open(dir.path().join("a.txt")).unwrap(),
            left: 6,
        };
        let error = exact.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("changed"), "{error}");
        exact.left = 0;
        assert_eq!(exact.read(&mut [0; 4]).unwrap(), 0);
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
