//! Builds the probe: a static program of its own, so that the driver can carry it and needs no file beside it.
//!
//! It is compiled by the same rustc for the same target, with the C library linked in.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=src/probe/main.rs");
    let var = |name: &str| env::var_os(name).unwrap_or_default();
    let out = PathBuf::from(var("OUT_DIR")).join("segue-probe");
    let status = Command::new(var("RUSTC"))
        .args([
            "--edition=2024",
            "--crate-name=segue_probe",
            "--crate-type=bin",
            "-Cpanic=abort",
        ])
        .args([
            "-Copt-level=z",
            "-Cstrip=symbols",
            "-Ctarget-feature=+crt-static",
            "--target",
        ])
        .arg(var("TARGET"))
        .arg("-o")
        .arg(&out)
        .arg("src/probe/main.rs")
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        other => {
            println!(
                "cargo::error=the probe cannot be compiled as a static program ({other:?}): install libc6-dev"
            );
            ExitCode::FAILURE
        }
    }
}
