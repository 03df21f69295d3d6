//! Processes by /proc: who belongs to an installation, what they cost.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context as _;
use segue_tests::machine::Machine;

/// Processes of an installation by part, each part with everything below it.
pub fn parts(machine: &Machine) -> anyhow::Result<BTreeMap<String, Vec<u32>>> {
    let mut parts = BTreeMap::new();
    let supervisor = machine.supervisor().context("no supervisor")?;
    parts.insert("supervisor".to_owned(), vec![supervisor]);
    for unit in ["control", "edge"] {
        parts.insert(unit.to_owned(), family(machine.unit(unit)?));
    }
    // Is there only while somebody builds.
    let builder = machine.unit("build-engine").ok();
    let alive = builder.filter(|pid| stat(*pid).is_some());
    parts.insert(
        "build engine".to_owned(),
        alive.map(family).unwrap_or_default(),
    );
    parts.insert("Postgres".to_owned(), family(machine.postgres()?));
    Ok(parts)
}

/// The engine of the machine: it belongs to no installation and is counted apart.
pub fn engine() -> Vec<u32> {
    let Ok(text) = fs::read_to_string("/var/run/docker.pid") else {
        return Vec::new();
    };
    text.trim().parse().map(family).unwrap_or_default()
}

/// A process and all below it.
fn family(pid: u32) -> Vec<u32> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
            && let Some(stat) = stat(pid)
        {
            parents.insert(pid, stat.parent);
        }
    }
    let mut all = vec![pid];
    let mut at = 0;
    while at < all.len() {
        let parent = all[at];
        all.extend(
            parents
                .iter()
                .filter(|(_, p)| **p == parent)
                .map(|(c, _)| *c),
        );
        at += 1;
    }
    all
}

struct Stat {
    parent: u32,
    /// User and system time of all its threads, also of those that have ended, in clock ticks.
    ticks: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so what follows it is counted from its end.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        ticks: fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?,
    })
}

/// Processor time of these processes in seconds. Linux reports hundredths.
pub fn cpu_seconds(pids: &[u32]) -> f64 {
    let ticks: u64 = pids
        .iter()
        .filter_map(|pid| stat(*pid))
        .map(|s| s.ticks)
        .sum();
    ticks as f64 / 100.0
}

/// Times that a thread of these processes was put on a processor.
pub fn wakeups(pids: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let tasks = fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten();
        tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split_whitespace().nth(2)?.parse::<u64>().ok())
            .sum::<u64>()
    };
    pids.iter().map(of).sum()
}

/// Resident memory in MiB: all pages, and with shared pages divided among those who share them.
pub fn memory_mib(pids: &[u32]) -> (f64, f64) {
    let (mut resident, mut proportional) = (0, 0);
    for pid in pids {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let field = |name: &str| -> u64 {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.split_whitespace().next())
                .and_then(|kib| kib.parse().ok())
                .unwrap_or(0)
        };
        resident += field("Rss:");
        proportional += field("Pss:");
    }
    (resident as f64 / 1024.0, proportional as f64 / 1024.0)
}
