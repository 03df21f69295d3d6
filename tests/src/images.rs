//! Images that tests run: made on this machine, because none can be pulled.
//!
//! Owns the probe application (`tests/fixtures/probeapp`): compiled once per target folder to a static program and
//! put into images from scratch, with its switches baked in as environment.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::machine::docker;

/// The repository's folder.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Compiles the probe application, unless a program newer than its source is there.
///
/// # Errors
/// `rustc` failed.
pub fn probeapp() -> anyhow::Result<PathBuf> {
    let source = repository().join("tests/fixtures/probeapp/main.rs");
    let tests = std::env::current_exe()?;
    let tests = tests.parent().context("no folder")?;
    let folder = tests.join("probeapp");
    std::fs::create_dir_all(&folder)?;
    let program = folder.join("probeapp");
    let modified = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    if modified(&program) > modified(&source) {
        return Ok(program);
    }
    // Several tests may come here at once: each compiles to a name of its own and renames. Not in the folder itself:
    // images are made of it, and an engine that is reading it must not meet what the compiler puts there for a moment.
    let own = tests.join(format!("probeapp-{}", std::process::id()));
    let status = Command::new("rustc")
        .args([
            "--edition",
            "2024",
            "-O",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "strip=symbols",
            "-o",
        ])
        .arg(&own)
        .arg(&source)
        .status()?;
    if !status.success() {
        bail!("rustc {}: {status}", source.display());
    }
    std::fs::rename(&own, &program)?;
    Ok(program)
}

/// Makes `name` with the probe application and these switches, and answers the name.
///
/// # Errors
/// The engine does not answer or refuses.
pub fn image(name: &str, switches: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut dockerfile = String::from("FROM scratch\nCOPY probeapp /probeapp\n");
    for (key, value) in switches {
        dockerfile.push_str(&format!("ENV {key}={value}\n"));
    }
    dockerfile.push_str("EXPOSE 8080\nCMD [\"/probeapp\"]\n");
    build(name, &dockerfile)?;
    Ok(name.to_owned())
}

fn build(name: &str, dockerfile: &str) -> anyhow::Result<()> {
    let program = probeapp()?;
    let folder = program.parent().context("no folder")?;
    let mut child = docker()
        .args(["build", "-q", "-t", name, "-f", "-"])
        .arg(folder)
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("no input")?
        .write_all(dockerfile.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() {
        Ok(())
    } else {
        bail!(
            "docker build {name}: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    }
}

/// Makes `name`, an image whose programs are for another architecture than this machine's.
///
/// # Errors
/// The engine does not answer or refuses, or `tar` fails.
pub fn foreign(name: &str) -> anyhow::Result<()> {
    image(name, &[])?;
    let folder = std::env::temp_dir().join(format!("segue-foreign-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let archive = folder.join("image.tar");
    succeed(docker().args(["save", "-o"]).arg(&archive).arg(name))?;
    succeed(
        Command::new("tar")
            .arg("-xf")
            .arg(&archive)
            .arg("-C")
            .arg(&folder),
    )?;
    std::fs::remove_file(&archive)?;
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "json") {
            let text = std::fs::read_to_string(&path)?;
            let other = if cfg!(target_arch = "aarch64") {
                "amd64"
            } else {
                "arm64"
            };
            let text = ["amd64", "arm64"].iter().fold(text, |text, arch| {
                text.replace(
                    &format!("\"architecture\":\"{arch}\""),
                    &format!("\"architecture\":\"{other}\""),
                )
            });
            std::fs::write(&path, text)?;
        }
    }
    let changed = std::env::temp_dir().join(format!("segue-foreign-{}.tar", std::process::id()));
    succeed(
        Command::new("tar")
            .arg("-cf")
            .arg(&changed)
            .arg("-C")
            .arg(&folder)
            .arg("."),
    )?;
    succeed(docker().args(["load", "-i"]).arg(&changed))?;
    std::fs::remove_file(&changed)?;
    Ok(std::fs::remove_dir_all(&folder)?)
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        Ok(())
    } else {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))
    }
}

/// Builds a folder with a Dockerfile as `name`, trusting this machine's extra certificate authorities if it has any.
///
/// # Errors
/// The build failed; the message holds its output.
pub fn docker_build(name: &str, folder: &Path) -> anyhow::Result<()> {
    let output = docker()
        .args(["build", "-t", name])
        .arg(folder)
        .env("DOCKER_BUILDKIT", "0")
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        bail!(
            "docker build {name}: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    }
}
