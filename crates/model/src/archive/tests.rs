use proptest::prelude::*;

use super::*;

/// Feeds in pieces of `step` bytes; gives the canonical tar and what it holds.
pub(super) fn run(
    input: &[u8],
    limits: Limits,
    step: usize,
) -> Result<(Vec<u8>, Contents), ArchiveError> {
    let mut validator = Validator::new(limits, ["Dockerfile", "app/big"]);
    let mut out = Vec::new();
    for piece in input.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() {
            let used = validator.push(rest, &mut out)?;
            rest = &rest[used..];
        }
    }
    let contents = validator.finish(&mut out)?;
    Ok((out, contents))
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), END.to_vec()].concat()
}

fn good() -> Vec<u8> {
    let long = format!("app/{}/file with a long path.txt", "deep/".repeat(30));
    archive(&[
        file("Dockerfile", false, 1_700_000_000, b"FROM scratch\n"),
        file("app/run", true, 0, &[7; 700]),
        file("app/big", false, 0, &vec![1; 300 << 10]),
        file(&long, false, 0, b""),
    ])
}

#[test]
fn a_good_archive_passes_and_is_already_canonical_the_second_time() {
    let (once, contents) = run(&good(), Limits::default(), 1000).unwrap();
    assert_eq!(contents.files["Dockerfile"], b"FROM scratch\n");
    assert_eq!(contents.oversized, ["app/big"]);
    assert_eq!(contents.paths.len(), 4);
    let (twice, again) = run(&once, Limits::default(), 77).unwrap();
    assert_eq!(once, twice);
    assert_eq!(contents.paths, again.paths);
}

#[test]
fn files_that_a_star_wants_have_a_bound_together() {
    let limits = Limits {
        starred_bytes: 1500,
        ..Limits::default()
    };
    let names = [
        "a/x.py",
        "b/x.py",
        "c/x.py",
        "d/e/x.py",
        ".git-hooks/x.py",
        "x.py",
    ];
    let entries: Vec<Vec<u8>> = names
        .iter()
        .map(|name| file(name, false, 0, &[b'1'; 700]))
        .collect();
    let input = archive(&entries);
    let mut validator = Validator::new(limits, ["*/x.py", "x.py"]);
    let (mut rest, mut out) = (input.as_slice(), Vec::new());
    while !rest.is_empty() {
        let used = validator.push(rest, &mut out).unwrap();
        rest = &rest[used..];
    }
    let kept: Vec<String> = validator
        .finish(&mut out)
        .unwrap()
        .files
        .into_keys()
        .collect();
    // The third is one too many; a name without a star is kept in any case.
    assert_eq!(kept, ["a/x.py", "b/x.py", "x.py"]);
}

#[test]
fn gzip_gives_the_same_as_plain() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&good()).unwrap();
    let gzip = gzip.finish().unwrap();
    let plain = run(&good(), Limits::default(), 4096).unwrap();
    assert_eq!(run(&gzip, Limits::default(), 1).unwrap(), plain);
    for cut in [1, 10, gzip.len() / 2, gzip.len() - 1] {
        assert!(
            run(&gzip[..cut], Limits::default(), 100).is_err(),
            "cut at {cut}"
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    let whole = good();
    for cut in (0..whole.len())
        .step_by(97)
        .chain([whole.len() - 1, whole.len() - 512])
    {
        assert!(
            run(&whole[..cut], Limits::default(), 512).is_err(),
            "cut at {cut}"
        );
    }
}

#[test]
fn limits_bite() {
    let limits = Limits {
        entries: 10,
        ..Limits::default()
    };
    assert_eq!(
        run(&good(), limits, 512),
        Err(ArchiveError::TooManyEntries { limit: 10 })
    );
    let limits = Limits {
        inflated_bytes: 10_000,
        ..Limits::default()
    };
    assert_eq!(
        run(&good(), limits, 512),
        Err(ArchiveError::TooLarge { limit: 10_000 })
    );
    let limits = Limits {
        listed_paths: 1,
        ..Limits::default()
    };
    let (_, contents) = run(&good(), limits, 512).unwrap();
    assert!(contents.paths_truncated && contents.paths == ["Dockerfile"]);
}

#[test]
fn what_is_ignored_is_left_out() {
    let ignore = Ignore::parse("app\n!app/run\n");
    let mut validator = Validator::new(Limits::default(), ["app/big"]).ignoring(ignore);
    let (input, mut out) = (good(), Vec::new());
    let mut rest = input.as_slice();
    while !rest.is_empty() {
        let used = validator.push(rest, &mut out).unwrap();
        rest = &rest[used..];
    }
    let contents = validator.finish(&mut out).unwrap();
    assert_eq!(contents.paths, ["Dockerfile", "app/run"]);
    assert_eq!(contents.oversized, Vec::<String>::new());
    let (again, same) = run(&out, Limits::default(), 512).unwrap();
    assert_eq!((again, same.paths), (out, contents.paths));
}

#[test]
fn a_refused_validator_stays_refused() {
    let mut validator = Validator::new(Limits::default(), [""; 0]);
    let mut out = Vec::new();
    let error = validator.push(&[1; 512], &mut out).unwrap_err();
    assert_eq!(validator.push(&good(), &mut out), Err(error.clone()));
    assert_eq!(validator.finish(&mut out), Err(error));
}

proptest! {
    #[test]
    fn nothing_panics_and_the_size_of_the_pieces_does_not_matter(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        step in 1usize..2000,
    ) {
        let mut input = good();
        for (at, byte) in edits {
            let at = at.index(input.len());
            input[at] = byte;
        }
        let whole = run(&input, Limits::default(), usize::MAX);
        prop_assert_eq!(&run(&input, Limits::default(), step), &whole);
        if let Ok((canonical, contents)) = whole {
            let (again, same) = run(&canonical, Limits::default(), 4096).unwrap();
            prop_assert_eq!(again, canonical);
            prop_assert_eq!(same.paths, contents.paths);
        }
    }

    #[test]
    fn random_bytes_never_panic(input in prop::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert!(run(&input, Limits::default(), 512).is_err());
    }
}
