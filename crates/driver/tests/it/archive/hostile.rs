//! What people with bad intentions send: each archive is refused for its own reason.

use segue_model::archive::{ArchiveError, END, PathFault};

use super::raw::{
    Raw, extension, folder, good, gzip, link, moded, named, of, pax, run, sized, typed,
};

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
        ("setuid", of(&[good(), moded(b"0004755")]), setuid),
        ("setgid", of(&[good(), moded(b"0002755")]), setuid),
        (
            "mode that is no number",
            of(&[good(), moded(b"\x80\0\0\0\0\0\0")]),
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
                sized(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            ]),
            malformed,
        ),
        (
            "size with a sign",
            of(&[good(), sized(b"+0000000010")]),
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
            [sized(b"00000010000"), vec![1; 100]].concat(),
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
