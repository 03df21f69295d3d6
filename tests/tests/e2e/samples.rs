//! Well-known samples of other people, fetched from the package registries by exact version and deployed as they are,
//! without a manifest: at least nine of ten answer at their URL. What no registry here offers a sample of is small and
//! our own, and every one of it must answer.
//!
//! The build engine's folder is kept from run to run, as it is on a machine that people deploy to: the first run
//! installs and compiles everything, later ones what has changed.

use std::collections::VecDeque;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use segue_tests::images::repository;
use segue_tests::machine::{Machine, docker_at, share_engine};

/// How many of the samples must answer.
const AT_LEAST: usize = 9;

/// Builds at a time, as the server allows.
const AT_A_TIME: usize = 2;

struct Sample {
    /// As `tests/fixtures/samples/fetch` knows it, and the app's name.
    name: &'static str,
    /// Where it answers.
    path: &'static str,
    /// What it answers with.
    wanted: &'static str,
}

const fn sample(name: &'static str, path: &'static str, wanted: &'static str) -> Sample {
    Sample { name, path, wanted }
}

const SAMPLES: [Sample; 10] = [
    // The longest first: two are built at a time.
    sample("next", "/", "Hello world!"),
    sample("nest", "/", "Hello World!"),
    sample("vite", "/any/path", "<div id=\"root\">"),
    sample("vue", "/any/path", "<div id=\"app\">"),
    sample("flask", "/", "jQuery"),
    sample("django", "/", "The install worked successfully"),
    sample("express", "/", "Welcome to Express"),
    sample("fastify", "/", "\"root\":true"),
    sample("bun", "/", "Bun"),
    sample("dokuwiki", "/doku.php", "DokuWiki"),
];

/// Our own, in languages whose registries cannot be reached from every machine that runs this.
const OWN: [Sample; 2] = [
    sample("go", "/a", "hello from Go /a"),
    sample("deno", "/b", "hello from Deno /b"),
];

/// What is kept between runs.
fn cache() -> PathBuf {
    let own = std::env::var_os("SEGUE_CACHE").map(PathBuf::from);
    own.unwrap_or_else(|| {
        let home = std::env::var_os("HOME").unwrap_or_default();
        Path::new(&home).join(".cache/segue")
    })
    .join("samples")
}

/// The sample as its makers give it; fetched once for each state of the script that does it.
fn fetched(name: &str) -> anyhow::Result<PathBuf> {
    let own = repository().join("tests/fixtures/samples").join(name);
    if own.is_dir() {
        return Ok(own);
    }
    let script = repository().join("tests/fixtures/samples/fetch");
    let mut hash = DefaultHasher::new();
    std::fs::read(&script)?.hash(&mut hash);
    let folder = cache().join(format!("{name}-{:016x}", hash.finish()));
    if folder.is_dir() {
        return Ok(folder);
    }
    let half = folder.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(cache())?;
    let begun = Instant::now();
    let output = Command::new(&script)
        .arg(name)
        .arg(&half)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} was not fetched: {said}");
    std::fs::rename(&half, &folder)?;
    println!("{name}: fetched in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(folder)
}

/// Deploys a sample; what it took, or what went wrong.
fn deployed(machine: &Machine, sample: &Sample) -> anyhow::Result<String> {
    let Sample { name, path, wanted } = sample;
    let source = machine.state().join("sources").join(name);
    let copied = Command::new("cp")
        .arg("-r")
        .arg(fetched(name)?)
        .arg(&source)
        .status()?;
    ensure!(copied.success(), "cp: {copied}");
    ensure!(!source.join("segue.toml").exists(), "it has a manifest");
    let begun = Instant::now();
    let output = machine.try_cli(&source, &["up", "--app", name])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{}\n{said}", output.status);
    let took = begun.elapsed().as_secs_f64();
    let answer = machine.visit(&format!("{name}.localhost"), path)?;
    ensure!(
        answer.status == 200 && answer.body.contains(wanted),
        "{path}: {answer:?}\n{said}"
    );
    let how = said
        .lines()
        .map(str::trim)
        .find(|line| line.contains("Found"))
        .unwrap_or_default();
    Ok(format!("{took:.1} s {how}"))
}

/// All of them, a few at a time; a line for each, and the names of those that failed.
fn deploy_all(machine: &Machine, samples: &[Sample]) -> Vec<&'static str> {
    let waiting: Mutex<VecDeque<&Sample>> = Mutex::new(samples.iter().collect());
    let failed = Mutex::new(Vec::new());
    let next = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(sample) = next() {
                    match deployed(machine, sample) {
                        Ok(took) => println!("{}: {took}", sample.name),
                        Err(error) => {
                            println!("{}: FAILED\n{error:#}", sample.name);
                            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                            failed.push(sample.name);
                        }
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What the builder keeps is its cache; the images of this run are of no use to the next.
fn forget_images(machine: &Machine) -> anyhow::Result<()> {
    File::create(machine.run().join("build.wanted"))?;
    let socket = machine.run().join("build/docker.sock");
    let output = docker_at(Some(&socket))
        .args(["images", "-q", "--filter", "label=segue.installation"])
        .output()?;
    let ids = String::from_utf8_lossy(&output.stdout).into_owned();
    if !ids.trim().is_empty() {
        let removed = docker_at(Some(&socket))
            .args(["rmi", "-f"])
            .args(ids.split_whitespace())
            .output()?;
        ensure!(removed.status.success(), "{removed:?}");
    }
    Ok(())
}

#[test]
fn well_known_samples_deploy_unchanged() -> anyhow::Result<()> {
    share_engine()?;
    std::fs::create_dir_all(cache())?;
    // Two engines must not work in one folder.
    let lock = File::create(cache().join("lock"))?;
    lock.lock()?;
    let settings = vec![("build.cache_mib", "8192".to_owned())];
    for sample in SAMPLES.iter().chain(&OWN) {
        // What cannot be fetched fails below, with its reason; here it would only be counted as part of deploying.
        drop(fetched(sample.name));
    }
    let machine = Machine::start_keeping_builds(&cache().join("builder"), settings)?;
    std::fs::create_dir_all(machine.state().join("sources"))?;
    let begun = Instant::now();
    let failed = deploy_all(&machine, &SAMPLES);
    let own = deploy_all(&machine, &OWN);
    println!(
        "{} of {} samples, all in {:.1} s",
        SAMPLES.len() - failed.len(),
        SAMPLES.len(),
        begun.elapsed().as_secs_f64()
    );
    forget_images(&machine).context("images in the build engine")?;
    ensure!(
        SAMPLES.len() - failed.len() >= AT_LEAST,
        "{failed:?} do not deploy unchanged\n{}",
        machine.tail()
    );
    ensure!(own.is_empty(), "{own:?} do not deploy\n{}", machine.tail());
    machine.stop()
}
