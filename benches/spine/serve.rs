//! How long `segue serve` takes on a folder that is initialised and has an application.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use segue_tests::machine::{Machine, signal};

use crate::figure::{Series, Table};
use crate::{install, samples};

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let mut machine = Machine::start()?;
    install::deploy(&machine, 1)?;
    let (mut ready, mut all, mut stopped) =
        (Series::default(), Series::default(), Series::default());
    for _ in 0..samples(7) {
        let begun = Instant::now();
        stop(&mut machine)?;
        stopped.add_ms(begun.elapsed());
        let said = everything_ready(&machine);
        let begun = Instant::now();
        machine.serve()?;
        ready.add_ms(begun.elapsed());
        install::until("the supervisor to say that everything is ready", || {
            Ok((everything_ready(&machine) > said).then_some(()))
        })?;
        all.add_ms(begun.elapsed());
    }
    table.row(
        "segue serve, initialised, to API and edge ready",
        Some(5000.0),
        "ms",
        ready,
    );
    table.row("  the same to everything ready", Some(5000.0), "ms", all);
    table.row("  its ordered stop", None, "ms", stopped);
    machine.stop()
}

/// Stops everything in order and waits for the end.
fn stop(machine: &mut Machine) -> anyhow::Result<()> {
    let pid = machine.supervisor().context("no supervisor")?;
    signal(pid, "TERM")?;
    install::until("segue serve to stop", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let ended = stat
            .rsplit_once(')')
            .is_none_or(|(_, rest)| rest.starts_with(" Z"));
        Ok(ended.then_some(()))
    })?;
    std::thread::sleep(Duration::from_millis(50));
    // Only takes its exit status by now.
    machine.kill()
}

fn everything_ready(machine: &Machine) -> usize {
    machine.words().matches("everything is ready").count()
}
