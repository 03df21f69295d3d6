//! The archive validator against what people with bad intentions send, and its output against two other parsers.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use segue_model::archive::{ArchiveError, Contents, END, Limits, PathFault, Validator, file};

fn run_with(limits: Limits, input: &[u8]) -> Result<(Vec<u8>, Contents), ArchiveError> {
    let mut validator = Validator::new(limits, ["Dockerfile"]);
    let (mut rest, mut out) = (input, Vec::new());
    while !rest.is_empty() {
        let used = validator.push(rest, &mut out)?;
        rest = &rest[used..];
    }
    let contents = validator.finish(&mut out)?;
    Ok((out, contents))
}

fn run(input: &[u8]) -> Result<(Vec<u8>, Contents), ArchiveError> {
    run_with(Limits::default(), input)
}

/// A header as no honest tool writes it.
struct Raw<'a> {
    name: &'a [u8],
    flag: u8,
    mode: &'a [u8],
    size: &'a [u8],
    link: &'a [u8],
    magic: &'a [u8],
    prefix: &'a [u8],
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
    fn block(&self) -> Vec<u8> {
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

fn named(name: &[u8]) -> Vec<u8> {
    Raw {
        name,
        ..Raw::default()
    }
    .block()
}

fn typed(flag: u8) -> Vec<u8> {
    Raw {
        flag,
        ..Raw::default()
    }
    .block()
}

fn link(flag: u8, name: &'static str, target: &'static str) -> Vec<u8> {
    Raw {
        name: name.as_bytes(),
        flag,
        link: target.as_bytes(),
        ..Raw::default()
    }
    .block()
}

fn folder(name: &'static str) -> Vec<u8> {
    Raw {
        name: name.as_bytes(),
        flag: b'5',
        ..Raw::default()
    }
    .block()
}

/// An extension header with its content.
fn extension(flag: u8, content: &[u8]) -> Vec<u8> {
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

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
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

fn good() -> Vec<u8> {
    file("ok.txt", false, 0, b"fine")
}

fn of(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), END.to_vec()].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

type Expected = fn(&ArchiveError) -> bool;

fn fault(why: PathFault) -> impl Fn(&ArchiveError) -> bool {
    move |error| matches!(error, ArchiveError::Path { why: found, .. } if *found == why)
}

fn hostile() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let malformed: Expected = |error| matches!(error, ArchiveError::Malformed(_));
    let truncated: Expected = |error| matches!(error, ArchiveError::Truncated);
    let kind: Expected = |error| matches!(error, ArchiveError::Kind { .. });
    let bad_link: Expected = |error| matches!(error, ArchiveError::Link { .. });
    let twice: Expected = |error| matches!(error, ArchiveError::Duplicate { .. });
    let setuid: Expected = |error| matches!(error, ArchiveError::Setuid { .. });
    let parent: Expected = |error| fault(PathFault::Parent)(error);
    let absolute: Expected = |error| fault(PathFault::Absolute)(error);
    let control: Expected = |error| fault(PathFault::Control)(error);
    let encoding: Expected = |error| fault(PathFault::Encoding)(error);
    let length: Expected = |error| fault(PathFault::Length)(error);
    let git: Expected = |error| fault(PathFault::Git)(error);
    let reserved: Expected = |error| fault(PathFault::Reserved)(error);
    let below: Expected = |error| fault(PathFault::BelowFile)(error);
    let long = "d/".repeat(101) + "x";
    let wide = "w".repeat(256);
    let mut flipped = good();
    flipped[3] ^= 1;
    vec![
        ("parent", of(&[good(), named(b"../x")]), parent),
        (
            "parent in the middle",
            of(&[good(), named(b"a/../../x")]),
            parent,
        ),
        ("parent at the end", of(&[good(), named(b"a/..")]), parent),
        (
            "parent by prefix",
            of(&[
                good(),
                Raw {
                    prefix: b"..",
                    ..Raw::default()
                }
                .block(),
            ]),
            parent,
        ),
        (
            "parent by GNU long name",
            of(&[good(), extension(b'L', b"../../etc/passwd\0"), typed(b'0')]),
            parent,
        ),
        (
            "parent by pax",
            of(&[good(), pax(&[("path", "../x")]), typed(b'0')]),
            parent,
        ),
        ("absolute", of(&[good(), named(b"/etc/passwd")]), absolute),
        (
            "absolute by pax",
            of(&[good(), pax(&[("path", "/etc/passwd")]), typed(b'0')]),
            absolute,
        ),
        (
            "absolute with two slashes",
            of(&[good(), named(b"//x")]),
            absolute,
        ),
        ("newline in a name", of(&[good(), named(b"a\nb")]), control),
        (
            "escape in a name",
            of(&[good(), named(b"a\x1b[2J")]),
            control,
        ),
        (
            "C1 control in a name",
            of(&[good(), named("a\u{85}b".as_bytes())]),
            control,
        ),
        (
            "NUL in a pax path",
            of(&[good(), pax(&[("path", "a\0../../b")]), typed(b'0')]),
            control,
        ),
        ("not UTF-8", of(&[good(), named(b"a\xff")]), encoding),
        (
            "too deep",
            of(&[good(), pax(&[("path", &long)]), typed(b'0')]),
            length,
        ),
        (
            "part too long",
            of(&[good(), pax(&[("path", &wide)]), typed(b'0')]),
            length,
        ),
        ("git folder", of(&[good(), named(b".git/config")]), git),
        (
            "git folder deep, other case",
            of(&[good(), named(b"vendor/x/.GIT/hooks/post-checkout")]),
            git,
        ),
        (
            "git file of a submodule",
            of(&[good(), named(b"sub/.git")]),
            git,
        ),
        (
            "reserved folder",
            of(&[good(), named(b".segue-build/Dockerfile")]),
            reserved,
        ),
        (
            "symlink absolute",
            of(&[good(), link(b'2', "l", "/etc/passwd")]),
            bad_link,
        ),
        (
            "symlink outside",
            of(&[good(), link(b'2', "a/l", "../../x")]),
            bad_link,
        ),
        (
            "symlink outside through a name",
            of(&[good(), link(b'2', "l", "a/../../x")]),
            bad_link,
        ),
        (
            "symlink chain over a dot link",
            of(&[good(), link(b'2', "d", "."), link(b'2', "l", "d/../x")]),
            bad_link,
        ),
        (
            "symlink to nothing",
            of(&[good(), link(b'2', "l", "")]),
            bad_link,
        ),
        (
            "symlink by pax",
            of(&[
                good(),
                pax(&[("linkpath", "../../x")]),
                link(b'2', "l", "ok.txt"),
            ]),
            bad_link,
        ),
        (
            "file below a symlink",
            of(&[link(b'2', "d", "."), named(b"d/x")]),
            below,
        ),
        (
            "file below a file",
            of(&[good(), named(b"ok.txt/x")]),
            below,
        ),
        (
            "symlink in place of a folder",
            of(&[named(b"d/x"), link(b'2', "d", ".")]),
            twice,
        ),
        (
            "hard link outside",
            of(&[good(), link(b'1', "h", "../x")]),
            bad_link,
        ),
        (
            "hard link absolute",
            of(&[good(), link(b'1', "h", "/etc/passwd")]),
            bad_link,
        ),
        (
            "hard link to a later file",
            of(&[link(b'1', "h", "later"), named(b"later")]),
            bad_link,
        ),
        (
            "hard link to a symlink",
            of(&[good(), link(b'2', "l", "ok.txt"), link(b'1', "h", "l")]),
            bad_link,
        ),
        ("character device", of(&[good(), typed(b'3')]), kind),
        ("block device", of(&[good(), typed(b'4')]), kind),
        ("FIFO", of(&[good(), typed(b'6')]), kind),
        ("GNU sparse", of(&[good(), typed(b'S')]), kind),
        ("multi-volume", of(&[good(), typed(b'M')]), kind),
        ("unknown type", of(&[good(), typed(b'Z')]), kind),
        (
            "pax sparse",
            of(&[good(), pax(&[("GNU.sparse.major", "1")]), typed(b'0')]),
            malformed,
        ),
        (
            "setuid",
            of(&[
                good(),
                Raw {
                    mode: b"0004755",
                    ..Raw::default()
                }
                .block(),
            ]),
            setuid,
        ),
        (
            "setgid",
            of(&[
                good(),
                Raw {
                    mode: b"0002755",
                    ..Raw::default()
                }
                .block(),
            ]),
            setuid,
        ),
        (
            "mode that is no number",
            of(&[
                good(),
                Raw {
                    mode: b"\x80\0\0\0\0\0\0",
                    ..Raw::default()
                }
                .block(),
            ]),
            setuid,
        ),
        ("duplicate", of(&[named(b"a"), named(b"a")]), twice),
        (
            "duplicate by another spelling",
            of(&[named(b"a/b"), named(b"./a//b")]),
            twice,
        ),
        (
            "file in place of a folder",
            of(&[named(b"a/b"), named(b"a")]),
            twice,
        ),
        (
            "folder in place of a file",
            of(&[good(), folder("ok.txt")]),
            twice,
        ),
        (
            "two sizes",
            of(&[good(), pax(&[("size", "512")]), typed(b'0')]),
            malformed,
        ),
        (
            "pax path twice",
            of(&[good(), pax(&[("path", "a"), ("path", "b")]), typed(b'0')]),
            malformed,
        ),
        (
            "long name and pax path",
            of(&[
                good(),
                extension(b'L', b"a\0"),
                pax(&[("path", "b")]),
                typed(b'0'),
            ]),
            malformed,
        ),
        (
            "two pax headers",
            of(&[good(), pax(&[("a", "b")]), pax(&[("a", "b")]), typed(b'0')]),
            malformed,
        ),
        (
            "global path",
            of(&[good(), extension(b'g', b"10 path=a\n"), typed(b'0')]),
            malformed,
        ),
        (
            "pax length beyond its end",
            of(&[good(), extension(b'x', b"99 path=a\n"), typed(b'0')]),
            malformed,
        ),
        (
            "pax without an entry",
            of(&[good(), pax(&[("path", "a")])]),
            malformed,
        ),
        (
            "negative size",
            of(&[
                good(),
                Raw {
                    size: b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                    ..Raw::default()
                }
                .block(),
            ]),
            malformed,
        ),
        (
            "size with a sign",
            of(&[
                good(),
                Raw {
                    size: b"+0000000010",
                    ..Raw::default()
                }
                .block(),
            ]),
            malformed,
        ),
        (
            "folder with content",
            of(&[
                good(),
                Raw {
                    name: b"d",
                    flag: b'5',
                    size: b"00000001000",
                    ..Raw::default()
                }
                .block(),
                vec![0; 512],
            ]),
            malformed,
        ),
        ("file with a slash", of(&[good(), named(b"d/")]), |error| {
            fault(PathFault::TrailingSlash)(error)
        }),
        ("no name", of(&[good(), named(b"")]), |error| {
            fault(PathFault::Empty)(error)
        }),
        ("wrong checksum", of(&[flipped]), malformed),
        (
            "second archive behind the end",
            [of(&[good()]), of(&[named(b"evil")])].concat(),
            malformed,
        ),
        (
            "entry behind one zero block",
            of(&[good(), vec![0; 512], named(b"evil")]),
            malformed,
        ),
        (
            "size beyond the end",
            [
                Raw {
                    size: b"00000010000",
                    ..Raw::default()
                }
                .block(),
                vec![1; 100],
            ]
            .concat(),
            truncated,
        ),
        ("no end", good(), truncated),
        ("nothing", Vec::new(), truncated),
        ("only an end", END.to_vec(), |error| {
            matches!(error, ArchiveError::Empty)
        }),
        ("only folders", of(&[folder("a"), folder("b")]), |error| {
            matches!(error, ArchiveError::Empty)
        }),
        (
            "no archive",
            b"PK\x03\x04 this is a zip file".repeat(40),
            malformed,
        ),
        (
            "gzip of nothing like it",
            gzip(&b"hello ".repeat(300)),
            malformed,
        ),
        (
            "gzip cut off",
            {
                let all = gzip(&of(&[good()]));
                all[..all.len() - 6].to_vec()
            },
            truncated,
        ),
        (
            "gzip with a wrong checksum",
            {
                let mut all = gzip(&of(&[good()]));
                let at = all.len() - 6;
                all[at] ^= 1;
                all
            },
            |error| matches!(error, ArchiveError::Malformed(_) | ArchiveError::Truncated),
        ),
        (
            "rubbish behind gzip",
            [gzip(&of(&[good()])), b"rubbish".to_vec()].concat(),
            |error| matches!(error, ArchiveError::Malformed(_) | ArchiveError::Truncated),
        ),
    ]
}

#[test]
fn hostile_archives_are_refused_each_for_its_reason() {
    let table = hostile();
    assert!(table.len() >= 40, "{}", table.len());
    for (name, input, expected) in table {
        match run(&input) {
            Ok((_, contents)) => panic!("{name}: accepted as {contents:?}"),
            Err(error) => {
                assert!(
                    expected(&error),
                    "{name}: refused for another reason: {error:?}"
                );
                let text = error.to_string();
                assert!(!text.chars().any(char::is_control), "{name}: {text:?}");
            }
        }
        let gzipped = run(&gzip(&input));
        assert!(gzipped.is_err(), "{name}: accepted when gzipped");
    }
}

#[test]
fn bombs_are_refused_at_once_and_in_little_memory() {
    let zeros = {
        let size = 64u64 << 20;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let header = Raw {
            size: format!("{size:011o}").as_bytes(),
            ..Raw::default()
        }
        .block();
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
            [
                Raw {
                    size: b"77777777777",
                    ..Raw::default()
                }
                .block(),
                vec![0; 4096],
            ]
            .concat(),
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

/// What GNU tar lists, as `type path -> target`.
fn gnu(tar: &[u8]) -> Vec<String> {
    let mut child = Command::new("/bin/tar")
        .args(["--list", "--quoting-style=literal", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = tar.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let mut names: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.trim_end_matches('/').to_owned())
        .collect();
    names.sort();
    names
}

/// What the `tar` crate lists.
fn rust(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.header().mode().unwrap();
            assert!(mode & 0o7000 == 0 && entry.header().uid().unwrap() == 0);
            entry
                .path()
                .unwrap()
                .to_string_lossy()
                .trim_end_matches('/')
                .to_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_accepted_is_read_alike_by_two_other_parsers() {
    // Real archives, as people's tools write them: GNU, ustar, pax and v7, with links and long names.
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let long = format!(
        "{}/a file with spaces and ümläuts.txt",
        "a-rather-long-folder-name/".repeat(6).trim_end_matches('/')
    );
    for (path, text) in [
        ("Dockerfile", "FROM scratch\n"),
        ("src/main.py", "print()\n"),
        (long.as_str(), "x"),
    ] {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), text).unwrap();
    }
    std::fs::hard_link(root.join("Dockerfile"), root.join("hard")).unwrap();
    std::os::unix::fs::symlink("../Dockerfile", root.join("src/link")).unwrap();
    for format in ["gnu", "ustar", "posix", "v7"] {
        let mut command = Command::new("/bin/tar");
        command
            .args(["--create", "--format", format, "-C"])
            .arg(root)
            .args(["-f", "-"]);
        // Old formats cannot hold the long name.
        let small = ["Dockerfile", "src", "hard"];
        command.args(if format == "v7" || format == "ustar" {
            &small[..]
        } else {
            &["."][..]
        });
        let output = command.output().unwrap();
        assert!(output.status.success(), "{format}");
        for input in [output.stdout.clone(), gzip(&output.stdout)] {
            let (canonical, contents) =
                run(&input).unwrap_or_else(|error| panic!("{format}: {error}"));
            assert_eq!(contents.files["Dockerfile"], b"FROM scratch\n", "{format}");
            let (gnu, rust) = (gnu(&canonical), rust(&canonical));
            assert_eq!(gnu, rust, "{format}");
            let mut ours = contents.paths.clone();
            ours.sort();
            let files: Vec<&String> = gnu.iter().filter(|name| ours.contains(name)).collect();
            assert_eq!(files.len(), ours.len(), "{format}: {gnu:?} {ours:?}");
            assert_eq!(gnu.len() as u64, contents.entries, "{format}");
        }
    }
}
