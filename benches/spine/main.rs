//! Figures of the whole of Segue on one machine: the real program, a real Docker engine, its own Postgres.
//!
//! Prints one table: what was measured, the goal, median, 95th percentile, verdict. Names as arguments choose
//! figures; README.md beside this file has the commands. A figure that misses its goal is printed as missed and
//! ends the program with 1; it is no test, because a busy machine misses goals too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails by panicking and tells by printing"
)]

mod build;
mod client;
mod database;
mod deploy;
#[allow(dead_code, reason = "shared with the figures of the API")]
mod figure;
mod heal;
mod idle;
mod install;
mod processes;
mod proxy;
mod serve;

use std::process::ExitCode;

use figure::Table;

/// Repetitions of a series, unless `SEGUE_BENCH_SAMPLES` says otherwise.
fn samples(default: usize) -> usize {
    std::env::var("SEGUE_BENCH_SAMPLES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn main() -> ExitCode {
    match figures() {
        Ok(met) => ExitCode::from(u8::from(!met)),
        Err(error) => {
            println!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Takes the figures that were asked for; answers whether all goals were met.
fn figures() -> anyhow::Result<bool> {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let on = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    figure::say_machine()?;
    let mut table = Table::default();
    type Run = fn(&mut Table) -> anyhow::Result<()>;
    let figures: [(&str, Run); 5] = [
        ("deploy", deploy::run),
        ("serve", serve::run),
        ("idle", idle::run),
        ("heal", heal::run),
        ("build", build::run),
    ];
    for (name, run) in figures {
        if on(name) {
            println!("\n== {name}, load {}", figure::load());
            run(&mut table)?;
        }
    }
    println!("\n{table}");
    println!("load at the end: {}", figure::load());
    Ok(!table.missed())
}
