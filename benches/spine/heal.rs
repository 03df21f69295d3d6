//! An application with one instance is killed: how long until it serves again.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use segue_tests::machine::{Machine, docker, signal};

use crate::client::Client;
use crate::figure::{Series, Table};
use crate::{install, samples};

/// The engine restarts what ran for ten seconds without a growing pause.
const APART: Duration = Duration::from_secs(12);
/// A fresh instance is killed this long after its deployment has ended.
const FRESH: Duration = Duration::from_secs(3);
/// Something is broken, not slow.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two requests of the client that waits.
const ASK_EVERY: Duration = Duration::from_millis(2);

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let machine = Machine::start()?;
    install::deploy(&machine, 1)?;
    let mut with = Series::default();
    for number in 0..samples(10) {
        // Another instance each time: the third death of one is a crash loop, which is taken over with a pause.
        install::redeploy(&machine, number + 1)?;
        kill(&machine, FRESH, &mut with)?;
    }
    table.row(
        "the only instance killed: serving again",
        Some(2000.0),
        "ms",
        with,
    );

    install::redeploy(&machine, 0)?;
    let supervisor = machine.supervisor().context("no supervisor")?;
    // Brings nothing back meanwhile.
    signal(supervisor, "STOP")?;
    signal(machine.unit("control")?, "KILL")?;
    signal(machine.postgres()?, "KILL")?;
    let mut without = Series::default();
    let killed = (0..samples(6)).try_for_each(|_| kill(&machine, APART, &mut without));
    signal(supervisor, "CONT")?;
    killed?;
    table.row(
        "the same with worker and Postgres off",
        Some(5000.0),
        "ms",
        without,
    );
    machine.stop()
}

/// Kills the instance and waits until the application answers.
fn kill(machine: &Machine, after: Duration, series: &mut Series) -> anyhow::Result<()> {
    std::thread::sleep(after);
    let container = machine.containers("web")?;
    let output = docker()
        .args(["inspect", "-f", "{{.State.Pid}}"])
        .args(&container)
        .output()?;
    let pid = String::from_utf8(output.stdout)?.trim().parse()?;
    let killed = Instant::now();
    signal(pid, "KILL")?;
    install::until("the process to be gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let ended = stat
            .rsplit_once(')')
            .is_none_or(|(_, rest)| rest.starts_with(" Z"));
        Ok(ended.then_some(()))
    })?;
    loop {
        // A connection of its own each time: a kept one would tell of the edge, too, but later.
        let mut client = Client::new(machine.edge(), install::HOST, None);
        let said = match client.get("/") {
            Ok(answer) if answer.status == 200 => break,
            Ok(answer) => format!(
                "{}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ),
            Err(error) => error.to_string(),
        };
        let waited = killed.elapsed();
        anyhow::ensure!(
            waited < LIMIT,
            "still {said} after {waited:?}\n{}",
            machine.tail()
        );
        std::thread::sleep(ASK_EVERY);
    }
    series.add_ms(killed.elapsed());
    Ok(())
}
