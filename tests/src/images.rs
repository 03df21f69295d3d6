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
    let folder = std::env::current_exe()?
        .parent()
        .context("no folder")?
        .join("probeapp");
    std::fs::create_dir_all(&folder)?;
    let program = folder.join("probeapp");
    let modified = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    if modified(&program) > modified(&source) {
        return Ok(program);
    }
    // Several tests may come here at once: each compiles to a name of its own and renames.
    let own = folder.join(format!("probeapp-{}", std::process::id()));
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
    dockerfile.push_str("EXPOSE 8080\nENTRYPOINT [\"/probeapp\"]\n");
    build(name, &dockerfile)?;
    Ok(name.to_owned())
}

fn build(name: &str, dockerfile: &str) -> anyhow::Result<()> {
    let program = probeapp()?;
    let folder = program.parent().context("no folder")?;
    let garbage = folder.join("garbage");
    std::fs::write(&garbage, "neither a program nor a script\n")?;
    std::fs::set_permissions(
        &garbage,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )?;
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

/// Makes `name` with a start program that is no program.
///
/// # Errors
/// The engine does not answer or refuses.
pub fn garbage(name: &str) -> anyhow::Result<()> {
    build(
        name,
        "FROM scratch\nCOPY garbage /garbage\nENTRYPOINT [\"/garbage\"]\n",
    )
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
