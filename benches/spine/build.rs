//! Builds of the example application from changed source, by the real build engine.

use std::time::Instant;

use anyhow::Context as _;
use segue_tests::images::repository;
use segue_tests::machine::Machine;
use serde_json::Value;

use crate::figure::{Series, Table};
use crate::install::{api, clock_ms};
use crate::samples;

const BUILDS: &str = "/v1/teams/acme/apps/hello/envs/production/builds?limit=1";

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let machine = Machine::start()?;
    let folder = machine.state().join("bench/hello");
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(repository().join("examples/hello"))? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    let begun = Instant::now();
    machine.cli(&folder, &["up"])?;
    let (build, _) = last_build(&machine)?;
    table.value("first build of the example", None, "ms", build);
    table.value(
        "  the whole of segue up, build engine just begun",
        None,
        "ms",
        begun.elapsed().as_secs_f64() * 1e3,
    );
    let app = std::fs::read_to_string(folder.join("app.py"))?;
    let (mut builds, mut waits, mut whole) =
        (Series::default(), Series::default(), Series::default());
    for number in 0..samples(7) {
        std::fs::write(
            folder.join("app.py"),
            format!("{app}\nCHANGED = {number}\n"),
        )?;
        let begun = Instant::now();
        machine.cli(&folder, &["up"])?;
        whole.add_ms(begun.elapsed());
        let (build, wait) = last_build(&machine)?;
        builds.add(build);
        waits.add(wait);
    }
    table.row(
        "build of changed source, asked for to image bound",
        Some(5000.0),
        "ms",
        builds,
    );
    table.row("  of it waiting for a builder", None, "ms", waits);
    table.row("  the whole of segue up, packed to live", None, "ms", whole);
    machine.stop()
}

/// From request to image, and of it the wait for a builder, in milliseconds.
fn last_build(machine: &Machine) -> anyhow::Result<(f64, f64)> {
    let answer = api(machine).get(BUILDS)?;
    let page: Value = serde_json::from_slice(&answer.body)?;
    let build = page.pointer("/items/0").context("no build")?;
    let clock = |name: &str| -> anyhow::Result<f64> {
        clock_ms(build.get(name).and_then(Value::as_str).context("no time")?)
    };
    let created = clock("created_at")?;
    Ok((
        clock("finished_at")? - created,
        clock("started_at")? - created,
    ))
}
