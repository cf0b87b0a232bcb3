//! What containers leave on a machine when somebody does not clean up: mounts, cgroups, processes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A list of what is on the machine and belongs to one store, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers(BTreeSet<String>);

impl Leftovers {
    /// Everything on the machine that names `store` (its private directory) or one of the container ids.
    #[must_use]
    pub fn of(store: &Path, ids: &[String]) -> Self {
        let mut found = BTreeSet::new();
        let store = store.to_string_lossy();
        found.extend(
            mounts()
                .into_iter()
                .filter(|mount| mount.contains(&*store))
                .map(|mount| format!("mount {mount}")),
        );
        for cgroup in cgroups() {
            if ids.iter().any(|id| cgroup.to_string_lossy().contains(id.as_str())) {
                found.insert(format!("cgroup {}", cgroup.display()));
            }
        }
        found.extend(processes(&store));
        Self(found)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn mounts() -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().filter_map(|line| line.split(' ').nth(4)).map(str::to_owned).collect()
}

fn cgroups() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.push(entry.path());
                pending.push(entry.path());
            }
        }
    }
    found
}

/// Processes whose command line names the store: its monitors.
fn processes(store: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if pid == own || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(store) {
            found.push(format!("process {pid} {line}"));
        }
    }
    found
}
