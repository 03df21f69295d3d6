//! The control group of all builds, with its limits, for both versions of control groups.
//!
//! Must not touch any group but the build engine's own.

use std::io;
use std::path::{Path, PathBuf};

use super::BuildEngine;

/// One period of the CPU limit in microseconds.
const CPU_PERIOD: u64 = 100_000;

impl BuildEngine {
    pub(super) fn cgroups(&self) -> Vec<PathBuf> {
        let mount = &self.cgroup_mount;
        if mount.join("cgroup.controllers").exists() {
            return vec![mount.join(&self.name)];
        }
        ["memory", "cpu", "pids"]
            .iter()
            .map(|name| mount.join(name).join(&self.name))
            .collect()
    }

    /// The control group with its limits, version 1 or 2.
    pub(super) fn cgroup_make(&self) -> io::Result<()> {
        let quota = u64::from(self.limits.cpu_millis) * CPU_PERIOD / 1000;
        let (memory, pids) = (
            self.limits.memory_bytes.to_string(),
            self.limits.pids.to_string(),
        );
        let mount = &self.cgroup_mount;
        let write = |file: PathBuf, value: &str| {
            std::fs::write(&file, value)
                .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))
        };
        for group in self.cgroups() {
            std::fs::create_dir_all(&group)?;
        }
        if mount.join("cgroup.controllers").exists() {
            let controllers = "+cpu +memory +pids";
            write(mount.join("cgroup.subtree_control"), controllers)?;
            let group = mount.join(&self.name);
            write(group.join("cgroup.subtree_control"), controllers)?;
            write(group.join("memory.max"), &memory)?;
            // A kernel without swap accounting has no such file, and then no swap to bound.
            if group.join("memory.swap.max").exists() {
                write(group.join("memory.swap.max"), "0")?;
            }
            write(group.join("pids.max"), &pids)?;
            return write(group.join("cpu.max"), &format!("{quota} {CPU_PERIOD}"));
        }
        let group = |controller: &str| mount.join(controller).join(&self.name);
        let limit = group("memory").join("memory.limit_in_bytes");
        let both = group("memory").join("memory.memsw.limit_in_bytes");
        if both.exists() {
            // The second may never be below the first: which to write first depends on what is there.
            if write(both.clone(), &memory).is_err() {
                write(limit.clone(), &memory)?;
            }
            write(limit, &memory)?;
            write(both, &memory)?;
        } else {
            write(limit, &memory)?;
        }
        write(group("pids").join("pids.max"), &pids)?;
        write(
            group("cpu").join("cpu.cfs_period_us"),
            &CPU_PERIOD.to_string(),
        )?;
        write(group("cpu").join("cpu.cfs_quota_us"), &quota.to_string())
    }
}

/// Removes a control group with those below it; one with processes stays, and that is right.
pub(super) fn remove_groups(group: &Path, depth: usize) {
    let entries = std::fs::read_dir(group).into_iter().flatten().flatten();
    for entry in
        entries.filter(|entry| depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()))
    {
        remove_groups(&entry.path(), depth - 1);
    }
    let _ = std::fs::remove_dir(group);
}
