//! Watches the control group of all builds, to tell a build that ran into a limit from one that just failed.
//!
//! Reads only. Builds share their limits, so that a hit is evidence together with the failure of this build, not
//! alone. Control groups version 1 and 2 say it in different files:
//!
//! | | version 1 | version 2 |
//! |---|---|---|
//! | memory | a notification of the group of all builds (its counters stay 0 on some kernels) | `oom_kill` in its `memory.events` |
//! | processes | `max` in `pids.events` of the step's own group, gone with it: therefore sampled | in its `pids.events` |

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{EventfdFlags, eventfd};

/// Steps lie at most this deep below the group of all builds.
const DEPTH: usize = 3;

/// Groups looked at per sample.
const MOST_GROUPS: usize = 256;

/// The counters of one control group tree, compared with what they were.
#[derive(Debug)]
pub(super) struct Watch {
    memory: Option<Counter>,
    notice: Option<OwnedFd>,
    pids_root: Option<PathBuf>,
    pids_before: BTreeMap<PathBuf, u64>,
    hits: Hits,
}

/// Which limits were hit since the watch began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hits {
    pub memory: bool,
    pub processes: bool,
}

#[derive(Debug)]
struct Counter {
    file: PathBuf,
    key: Option<&'static str>,
    before: u64,
}

impl Watch {
    /// Begins to watch the group of this name below the mount point of control groups.
    pub(super) fn begin(mount: &Path, group: &str) -> Self {
        let unified = mount.join(group);
        let candidates = [
            (unified.join("memory.events"), Some("oom_kill")),
            (
                mount.join("memory").join(group).join("memory.failcnt"),
                None,
            ),
        ];
        let memory = candidates.into_iter().find_map(|(file, key)| {
            let before = read(&file, key)?;
            Some(Counter { file, key, before })
        });
        let notice = notice_of_kills(&mount.join("memory").join(group)).ok();
        let roots = [unified, mount.join("pids").join(group)];
        let pids_root = roots
            .into_iter()
            .find(|root| root.join("pids.events").exists());
        let mut watch = Self {
            memory,
            notice,
            pids_root,
            pids_before: BTreeMap::new(),
            hits: Hits::default(),
        };
        watch.pids_before = watch.pids();
        watch
    }

    /// Looks again; what was seen once stays seen.
    pub(super) fn sample(&mut self) -> Hits {
        if let Some(memory) = &self.memory {
            self.hits.memory |=
                read(&memory.file, memory.key).is_some_and(|now| now > memory.before);
        }
        if let Some(notice) = &self.notice {
            // Readable once there was a kill; empty means none.
            self.hits.memory |= rustix::io::read(notice, &mut [0u8; 8]).is_ok_and(|read| read == 8);
        }
        let before = &self.pids_before;
        let hit = |(group, now): (&PathBuf, &u64)| *now > before.get(group).copied().unwrap_or(0);
        self.hits.processes |= self.pids().iter().any(hit);
        self.hits
    }

    /// Refused forks by group.
    fn pids(&self) -> BTreeMap<PathBuf, u64> {
        let mut found = BTreeMap::new();
        let mut groups: Vec<(PathBuf, usize)> = self
            .pids_root
            .iter()
            .map(|root| (root.clone(), 0))
            .collect();
        while let Some((group, depth)) = groups.pop() {
            if found.len() >= MOST_GROUPS {
                break;
            }
            if let Some(count) = read(&group.join("pids.events"), Some("max")) {
                found.insert(group.clone(), count);
            }
            if depth < DEPTH {
                let entries = std::fs::read_dir(&group).into_iter().flatten().flatten();
                let folders =
                    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
                groups.extend(folders.map(|entry| (entry.path(), depth + 1)));
            }
        }
        found
    }
}

/// Asks the kernel (control groups version 1) to tell of kills for memory in this group. Every watch gets its own
/// notification, so that two builds at once both hear of it.
fn notice_of_kills(group: &Path) -> std::io::Result<OwnedFd> {
    let notice = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let control = File::open(group.join("memory.oom_control"))?;
    let mut register = OpenOptions::new()
        .write(true)
        .open(group.join("cgroup.event_control"))?;
    register.write_all(format!("{} {}", notice.as_raw_fd(), control.as_raw_fd()).as_bytes())?;
    Ok(notice)
}

/// A counter: the whole file, or the line that begins with the key.
fn read(file: &Path, key: Option<&str>) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    match key {
        None => text.trim().parse().ok(),
        Some(key) => text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.trim().parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn version_two_counts_at_the_top() {
        let mount = tempfile::tempdir().unwrap();
        let group = mount.path().join("builds");
        write(group.join("memory.events"), "low 0\noom 3\noom_kill 2\n");
        write(group.join("pids.events"), "max 0\n");
        let mut watch = Watch::begin(mount.path(), "builds");
        assert_eq!(watch.sample(), Hits::default());
        write(group.join("memory.events"), "low 0\noom 4\noom_kill 3\n");
        assert_eq!(
            watch.sample(),
            Hits {
                memory: true,
                processes: false
            }
        );
        write(group.join("pids.events"), "max 1\n");
        assert_eq!(
            watch.sample(),
            Hits {
                memory: true,
                processes: true
            }
        );
    }

    #[test]
    fn version_one_counts_refused_forks_in_the_step() {
        let mount = tempfile::tempdir().unwrap();
        write(mount.path().join("memory/builds/memory.failcnt"), "7\n");
        write(mount.path().join("pids/builds/pids.events"), "max 0\n");
        let step = mount.path().join("pids/builds/step");
        write(step.join("pids.events"), "max 4\n");
        let mut watch = Watch::begin(mount.path(), "builds");
        assert_eq!(watch.sample(), Hits::default());
        write(
            mount.path().join("pids/builds/other/pids.events"),
            "max 1\n",
        );
        assert_eq!(
            watch.sample(),
            Hits {
                memory: false,
                processes: true
            }
        );
        // The step's group goes with it; what was seen stays seen.
        std::fs::remove_dir_all(mount.path().join("pids/builds/other")).unwrap();
        assert!(watch.sample().processes);
        write(mount.path().join("memory/builds/memory.failcnt"), "8\n");
        assert!(watch.sample().memory);
    }
}
