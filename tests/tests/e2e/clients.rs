//! The clients of the API: each is built as the package that people install, installed in an empty project, and does
//! the same ten steps against a live Segue. What they print must be equal.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use segue_tests::images::{probeapp, repository};
use segue_tests::machine::{Machine, share_engine};
use segue_tests::tools::{python_env, python_tool};
use serde_json::Value;

const STEPS: usize = 10;

fn fixture(name: &str) -> PathBuf {
    repository().join("tests/fixtures/clients").join(name)
}

/// Runs a program to its end; its output when it succeeded.
fn ran(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{:?}", command.get_program()))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The only file of a folder with this ending.
fn made(folder: &Path, ending: &str) -> anyhow::Result<PathBuf> {
    let found = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with(ending));
    found.with_context(|| format!("no {ending} in {}", folder.display()))
}

/// npm's package in an empty project; its script, compiled against the package's types.
fn typescript(folder: &Path) -> anyhow::Result<Command> {
    let client = repository().join("openapi/clients/typescript");
    std::fs::create_dir_all(folder)?;
    ran(Command::new("npm")
        .current_dir(&client)
        .args(["pack", "--silent", "--pack-destination"])
        .arg(folder))?;
    std::fs::write(
        folder.join("package.json"),
        r#"{"name":"empty","private":true,"type":"module"}"#,
    )?;
    ran(Command::new("npm")
        .current_dir(folder)
        .args([
            "install",
            "--silent",
            "--offline",
            "--no-audit",
            "--ignore-scripts",
        ])
        .arg(made(folder, ".tgz")?))?;
    std::fs::copy(fixture("ten-steps.ts"), folder.join("ten-steps.ts"))?;
    let modules = client.join("node_modules");
    ran(Command::new(modules.join(".bin/tsc"))
        .current_dir(folder)
        .args(["--strict", "--module", "nodenext", "--target", "es2022"])
        .args([
            "--lib",
            "es2023,dom,dom.iterable",
            "--skipLibCheck",
            "--types",
            "node",
        ])
        .arg("--typeRoots")
        .arg(modules.join("@types"))
        .arg("ten-steps.ts"))?;
    let mut script = Command::new("node");
    script.arg(folder.join("ten-steps.js"));
    Ok(script)
}

/// The wheel in an empty virtual environment, with what it asks for.
fn python(folder: &Path) -> anyhow::Result<Command> {
    std::fs::create_dir_all(folder)?;
    // Building writes beside the sources.
    let sources = folder.join("sources");
    ran(Command::new("cp")
        .arg("-r")
        .arg(repository().join("openapi/clients/python"))
        .arg(&sources))?;
    let pip = python_tool("pip")?;
    ran(Command::new(&pip)
        .args([
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--no-index",
            "-w",
        ])
        .arg(folder)
        .arg(&sources))?;
    let env = folder.join("env");
    ran(Command::new(python_tool("python")?)
        .args(["-m", "venv", "--without-pip"])
        .arg(&env))?;
    let own = env.join("bin/python");
    ran(Command::new(&pip)
        .arg("--python")
        .arg(&own)
        .args(["install", "--quiet", "--no-index", "--find-links"])
        .arg(python_env()?.join("wheels"))
        .arg(made(folder, ".whl")?))?;
    let mut script = Command::new(own);
    script.arg(fixture("ten_steps.py"));
    Ok(script)
}

/// The crate in an empty package. What others wrote compiles once per target folder.
fn rust(folder: &Path) -> anyhow::Result<Command> {
    std::fs::create_dir_all(folder.join("src"))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    ran(Command::new(&cargo)
        .current_dir(repository())
        .args(["package", "--quiet", "--package", "segue-client"])
        .args([
            "--locked",
            "--offline",
            "--no-verify",
            "--allow-dirty",
            "--target-dir",
        ])
        .arg(folder.join("package")))?;
    let packed = made(&folder.join("package/package"), ".crate")?;
    let kept = std::env::current_exe()?
        .parent()
        .context("no folder")?
        .join("clients");
    // Packed files have one time for ever, by which cargo would call any other crate what it compiled last.
    let last = kept.join("last.crate");
    let same = last.exists() && std::fs::read(&last)? == std::fs::read(&packed)?;
    ran(Command::new("tar")
        .arg(if same { "xzf" } else { "xzmf" })
        .arg(&packed)
        .arg("-C")
        .arg(folder))?;
    let unpacked = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("segue-client-"))
        })
        .context("the crate is empty")?;
    std::fs::copy(unpacked.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    std::fs::copy(fixture("ten_steps.rs"), folder.join("src/main.rs"))?;
    let manifest = format!(
        "[package]\nname = \"empty\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.dev]\ndebug = 0\n\n\
         [dependencies]\nsegue-client = {{ path = \"{}\" }}\nanyhow = \"1\"\nserde_json = \"1\"\n\
         futures-util = {{ version = \"0.3\", default-features = false }}\n\
         reqwest = {{ version = \"*\", default-features = false }}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt\", \"time\"] }}\n",
        unpacked.display()
    );
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    ran(Command::new(&cargo)
        .current_dir(folder)
        .args(["build", "--quiet", "--offline", "--target-dir"])
        .arg(&kept))?;
    std::fs::copy(&packed, &last)?;
    Ok(Command::new(kept.join("debug/empty")))
}

/// What a script printed, one step per line.
fn steps(said: &str) -> anyhow::Result<Vec<Value>> {
    said.lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

#[test]
fn every_client_does_the_same_ten_steps() -> anyhow::Result<()> {
    share_engine()?;
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let scripts = [
        ("typescript", typescript(&at("typescript"))?),
        ("python", python(&at("python"))?),
        ("rust", rust(&at("rust"))?),
    ];

    let source = at("source");
    std::fs::create_dir_all(&source)?;
    std::fs::copy(probeapp()?, source.join("probeapp"))?;
    std::fs::write(
        source.join("Dockerfile"),
        "FROM scratch\nCOPY probeapp /probeapp\nEXPOSE 8080\nCMD [\"/probeapp\"]\n",
    )?;
    let tar = at("source.tar");
    ran(Command::new("tar")
        .args(["--sort=name", "--mtime=@0", "-cf"])
        .arg(&tar)
        .arg("-C")
        .arg(&source)
        .arg("."))?;

    let machine = Machine::start()?;
    // At the same time: each has an app of its own.
    let running = scripts.map(|(name, mut script)| {
        script
            .env("SEGUE_SERVER", format!("http://{}", machine.api()))
            .env("SEGUE_TOKEN", machine.token())
            .env("SEGUE_SOURCE", &tar)
            .env("SEGUE_APP", format!("ten-{name}"));
        (
            name,
            std::thread::spawn(move || ran(&mut script).and_then(|said| steps(&said))),
        )
    });
    let mut all = Vec::new();
    for (name, script) in running {
        let said = script
            .join()
            .map_err(|_| anyhow::anyhow!("{name} broke down"))?
            .with_context(|| format!("{name}; {}", machine.tail()))?;
        ensure!(said.len() == STEPS, "{name}: {said:?}");
        all.push((name, said));
    }
    let (first, expected) = all.first().context("no client")?;
    let finished = Some(&Value::from("succeeded"));
    ensure!(
        expected
            .iter()
            .filter(|step| step.get("state") == finished)
            .count()
            == 3,
        "{expected:?}"
    );
    for (name, said) in &all {
        ensure!(
            said == expected,
            "{name} and {first} differ:\n{said:?}\n{expected:?}"
        );
    }
    machine.stop()
}
