//! Reads `/proc`: who a process is, and which processes carry our mark. Owns no process.

use std::fs;

/// The boot that pids and start times belong to.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Its parent's pid.
    pub parent: u32,
    /// Start time in clock ticks since boot. With the pid it names a process for ever.
    pub start_ticks: u64,
    /// Whether it has ended and only waits to be reaped.
    pub ended: bool,
}

/// `None` when there is no such process.
pub(super) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(line: &str) -> Option<Stat> {
    // The name may hold spaces and parentheses; what follows the last one does not.
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    // `starttime` is field 22; after state (3) and ppid (4) it is the eighteenth that follows.
    let start_ticks = fields.nth(17)?.parse().ok()?;
    Some(Stat {
        parent,
        start_ticks,
        ended: matches!(state, "Z" | "X"),
    })
}

/// Live processes whose environment at start had this `NAME=value`, without those whose parent
/// has it too: children inherit an environment, the mark means the first of them.
pub(super) fn marked(mark: &str) -> Vec<(u32, Stat)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let found: Vec<(u32, Stat)> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| has_mark(*pid, mark))
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .filter(|(_, stat)| !stat.ended)
        .collect();
    found
        .iter()
        .filter(|(_, stat)| !found.iter().any(|(pid, _)| *pid == stat.parent))
        .copied()
        .collect()
}

fn has_mark(pid: u32, mark: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
        environ
            .split(|byte| *byte == 0)
            .any(|pair| pair == mark.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = "42 (a) b (c)) Z 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 0 0";
        let expected = Stat {
            parent: 7,
            start_ticks: 123_456,
            ended: true,
        };
        assert_eq!(parse_stat(line), Some(expected));
    }

    #[test]
    fn this_process_is_alive_and_a_free_pid_is_nobody() {
        let me = stat(std::process::id()).expect("a test has a process");
        assert!(!me.ended);
        assert_eq!(stat(u32::MAX), None);
    }
}
