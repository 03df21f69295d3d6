//! What an installation costs that has nothing to do: memory, processor time, writes, calls.
//!
//! Segue speaks to the Docker engine through a proxy that notes every request.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use segue_tests::machine::Machine;

use crate::database::Database;
use crate::figure::{Table, load};
use crate::install;
use crate::processes::{self, cpu_seconds, memory_mib, wakeups};
use crate::proxy::Proxy;

/// The engine that the proxy passes on to.
const ENGINE: &str = "/var/run/docker.sock";
/// Instances that are probed meanwhile.
const INSTANCES: u32 = 20;
/// Until what follows a deployment is over.
const SETTLE: Duration = Duration::from_secs(20);
/// How long is measured: two sweeps over all environments, and some.
const WINDOW: Duration = Duration::from_secs(70);
/// Tables that only reconciling writes, or writes for.
const RECONCILED: [&str; 11] = [
    "instances",
    "instance_replacements",
    "routes",
    "rollouts",
    "environment_status",
    "attempts",
    "addresses",
    "subnets",
    "work",
    "events",
    "scale_targets",
];
/// A complete listing of a host's containers.
const LISTING: &str = "GET /containers/json";
/// A look at one container: a listing looks at each.
const LOOK: &str = "GET /containers/*/json";
/// Other requests by which a host is observed, whatever its environments do.
const OBSERVING: [&str; 5] = [
    "GET /_ping",
    "HEAD /_ping",
    "GET /events",
    "GET /info",
    // Beside each listing: which networks of others are there, so that no subnet of ours meets one.
    "GET /networks",
];

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let proxy = Proxy::start(ENGINE)?;
    let socket = format!("\"{}\"", proxy.socket().display());
    let machine = Machine::start_with(vec![("engine.socket", socket)])?;
    install::deploy(&machine, 1)?;
    std::thread::sleep(SETTLE);
    memory(table, &machine, "one instance", Some(120.0))?;
    machine.cli(
        &machine.state().join("bench"),
        &["scale", &format!("web={INSTANCES}")],
    )?;
    install::until("all instances to be ready", || {
        let mut database = Database::open(&machine)?;
        let ready = database.number("select count(*) from instance_seen where state = 'ready'")?;
        Ok((ready == i64::from(INSTANCES)).then_some(()))
    })?;
    std::thread::sleep(SETTLE);
    memory(table, &machine, "20 instances", Some(120.0))?;
    cost(table, &machine, &proxy)?;
    machine.stop()
}

fn memory(
    table: &mut Table,
    machine: &Machine,
    when: &str,
    goal: Option<f64>,
) -> anyhow::Result<()> {
    let (mut resident, mut proportional) = (0.0, 0.0);
    let mut lines = Vec::new();
    for (part, pids) in processes::parts(machine)? {
        let (rss, pss) = memory_mib(&pids);
        if part != "Postgres" {
            resident += rss;
            proportional += pss;
        }
        lines.push((
            format!("  of {part}, {} processes (PSS; RSS {rss:.0})", pids.len()),
            pss,
        ));
    }
    let what = format!("idle memory without Postgres, {when}");
    table.value(format!("{what} (PSS)"), goal, "MiB", proportional);
    table.value(format!("{what} (RSS)"), goal, "MiB", resident);
    for (what, pss) in lines {
        table.value(what, None, "MiB", pss);
    }
    Ok(())
}

struct Sample {
    cpu: BTreeMap<String, (f64, u64)>,
    tables: BTreeMap<String, (i64, i64)>,
    commits: i64,
}

fn sample(machine: &Machine, database: &mut Database) -> anyhow::Result<Sample> {
    let mut parts = processes::parts(machine)?;
    parts.insert(
        "the machine's dockerd and containerd".into(),
        processes::engine(),
    );
    Ok(Sample {
        cpu: parts
            .into_iter()
            .map(|(part, pids)| (part, (cpu_seconds(&pids), wakeups(&pids))))
            .collect(),
        tables: database.tables()?,
        commits: database.number(
            "select xact_commit from pg_stat_database where datname = current_database()",
        )?,
    })
}

fn cost(table: &mut Table, machine: &Machine, proxy: &Proxy) -> anyhow::Result<()> {
    let mut database = Database::open(machine)?;
    drop(proxy.take());
    let before = sample(machine, &mut database)?;
    let began = Instant::now();
    println!("measuring {} s, load {}", WINDOW.as_secs(), load());
    std::thread::sleep(WINDOW);
    let calls = proxy.take();
    let seconds = began.elapsed().as_secs_f64();
    let after = sample(machine, &mut database)?;
    let mut whole = 0.0;
    let mut rows = Vec::new();
    for (part, (cpu, switches)) in &after.cpu {
        let (cpu0, switches0) = before.cpu.get(part).copied().unwrap_or_default();
        let share = (cpu - cpu0) / seconds * 100.0;
        let rate = switches.saturating_sub(switches0) as f64 / seconds;
        let ours = part != "Postgres" && !part.starts_with("the machine");
        if ours {
            whole += share;
        }
        let name = if ours { "of" } else { "beside it:" };
        rows.push((format!("  {name} {part} ({rate:.0} runs/s)"), share));
    }
    let what = format!("idle CPU of Segue's processes, {INSTANCES} probed instances");
    table.value(what, Some(2.0), "% core", whole);
    for (what, share) in rows {
        table.value(what, None, "% core", share);
    }
    let mut reconciled = 0;
    for (name, (written, read)) in &after.tables {
        let (written0, read0) = before.tables.get(name).copied().unwrap_or_default();
        if written > &written0 {
            println!("  rows written: {name} {}", written - written0);
            if RECONCILED.contains(&name.as_str()) {
                reconciled += written - written0;
            }
        }
        if name == "rollouts" {
            println!(
                "  reads of rollouts, which every look at an environment reads: {}",
                read - read0
            );
        }
    }
    println!(
        "  transactions per second: {:.1}",
        (after.commits - before.commits) as f64 / seconds
    );
    table.value(
        "reconcile, nothing changed: rows written",
        Some(0.0),
        "rows",
        reconciled as f64,
    );
    let mut acted = 0;
    for (call, count) in &calls {
        println!(
            "  Docker request: {call} {count} ({:.2}/s)",
            *count as f64 / seconds
        );
        acted += match call.as_str() {
            LISTING => 0,
            // One listing may have begun before the window, and one may not have ended within it.
            LOOK => {
                let listings = calls.get(LISTING).copied().unwrap_or(0) + 1;
                count.saturating_sub(listings * INSTANCES as usize)
            }
            call if OBSERVING.contains(&call) => 0,
            _ => *count,
        };
    }
    table.value(
        "reconcile, nothing changed: Docker requests",
        Some(0.0),
        "calls",
        acted as f64,
    );
    Ok(())
}
