//! What the validator accepts, against two other parsers.

use std::io::Write;
use std::process::{Command, Stdio};

use super::raw::{gzip, run};

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
